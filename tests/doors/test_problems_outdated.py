"""A home that another version prepared says so, instead of blaming the ledger or the database."""

from __future__ import annotations

import pytest

from kehu.doors.problems import problem_of
from kehu.govern.models import Rules
from kehu.guard.gate.read import RulesChanged, gate
from kehu.guard.setup import open_owner
from tests.cast import admit, staff


def test_other_rules_in_force(database):
    alice = staff("service")
    [lin] = admit({"email": "lin@mail.example"})
    Rules.objects.create(digest=b"x" * 32, content={})
    with pytest.raises(RulesChanged) as met:
        gate().open([lin], actor=alice, purpose="service")
    assert problem_of(met.value).code == "outdated"


def test_a_table_that_is_not_there_yet(database):
    with open_owner(database) as owner:
        owner.execute("alter table govern_controller rename to elsewhere")
    from django.db import DatabaseError

    from kehu.govern.models import Controller

    with pytest.raises(DatabaseError) as met:
        Controller.objects.count()
    assert problem_of(met.value).code == "outdated"
