"""The table of roles is what the policies answer: a policy that is otherwise makes it otherwise."""

from __future__ import annotations

import time

import pytest

from kehu.govern.slugs import ROLES
from kehu.guard.gate.read import gate
from kehu.serve.office.matrix import matrix
from tests.cast import admit, staff


def cell(cells, role, category, level, action):
    [found] = [
        one for one in cells if (one.role, one.category, one.level, one.action) == (role, category, level, action)
    ]
    return found


def test_each_cell_says_where_it_comes_from(database):
    began = time.monotonic()
    cells = matrix(actor=staff("auditor"))
    assert time.monotonic() - began < 15
    assert {one.role for one in cells} == set(ROLES)
    assert all(one.policy for one in cells)
    contact = cell(cells, "service", "contact", 3, "open")
    assert (contact.answer, contact.policy) == ("yes", "house.role-service")
    assert "marketing" not in contact.purposes
    assert cell(cells, "engineer", "contact", 3, "open").policy == "house.default-deny"
    assert {one.answer for one in cells if one.role in ("engineer", "owner") and one.action != "match"} == {"no"}
    assert cell(cells, "privacy", "identity", 4, "open").answer == "second-factor"
    assert cell(cells, "privacy", "identity", 4, "mask").answer == "yes"
    assert cell(cells, "service", "identity", 4, "match").answer == "yes"


def test_a_cell_is_what_a_read_gets(database):
    [subject] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    for role in ("service", "marketing", "auditor"):
        actor = staff(role)
        held = cell(matrix(actor=actor, role=role), role, "contact", 3, "open")
        for purpose in ("service", "security"):
            [opened] = gate().open([subject], actor=actor, purpose=purpose, fields=["email"])
            assert (opened.decision.of("email").answer == "clear") == (purpose in held.purposes), (role, purpose)


def test_no_such_law_or_role(database):
    actor = staff("legal")
    for wrong in ({"law": "XX"}, {"role": "king"}):
        with pytest.raises(ValueError, match="one of"):
            matrix(actor=actor, **wrong)
