"""What a customer reads of somebody who only asked, and of a comparison, on the page and in their copy."""

from __future__ import annotations

import pytest

from kehu.guard.ledger.own import own_ledger
from kehu.guard.staff.actions import owner_actor
from kehu.serve.desk.queries import explain, show
from kehu.serve.desk.verifying import verify
from kehu.serve.rights.copy.data import _row
from tests.cast import admit, staff

PERSON = {"full_name": "林婉清", "email": "lin@mail.example", "birth_date": "1990-03-14"}


@pytest.fixture
def rows(database):
    alice, [lin] = staff("service"), admit(PERSON)
    explain(lin, actor=alice, purpose="service", fields=["email", "birth_date"])
    show(lin, actor=alice, purpose="service", fields=["email"])
    verify(lin, "birth_date", "1990-03-14", actor=alice, purpose="service")
    return {row.action: row for row in own_ledger(lin, actor=owner_actor(), visits=True).rows}


def test_who_asks_why_has_seen_nothing(rows):
    asked, read = rows["explain"], rows["read"]
    assert asked.asked == ("birth_date", "email") and asked.clear == asked.masked == asked.compared == ()
    assert asked.policy is None and read.clear == ("email",) and read.asked == ()


def test_a_comparison_stands_in_the_copy_without_a_value(rows):
    told = _row(rows["match"])
    assert told["compared"] == ["birth_date"] and told["fields"] == [] and told["purpose"] == "service"
    assert told["department"] == "service" and told["at"] and "1990" not in str(told)
    assert _row(rows["explain"])["fields"] == []
