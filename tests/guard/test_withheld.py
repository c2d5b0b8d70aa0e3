"""Uses that an investigation keeps from a customer's log: two people of two offices, an end, and nothing lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import DatabaseError, connection

from kehu.guard.gate.acts import ActRefused, Refused
from kehu.guard.gate.read import gate
from kehu.guard.ledger import withheld
from kehu.guard.ledger.own import own_ledger, own_proof
from kehu.guard.ledger.proof import NotInLedger
from kehu.guard.ledger.withheld import NotToDecide, ask, decide, lift, withholdings
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.serve.assurance import queries
from kehu.vault.ids import new_id
from tests.cast import admit, staff

LIN = {"full_name": "林小红", "email": "lin@mail.example"}
SOON = datetime.now(UTC) + timedelta(days=90)


def asked(actor, **more):
    given = {"email": "legal@kehu.example", "purpose": "claims", "since": None, "until": SOON, "reference": "F-2026-18"}
    return ask(actor=actor, **given | more)


def seen(subject):
    return [(row.action, row.purpose) for row in own_ledger(subject, actor=owner_actor()).rows if row.action == "read"]


@pytest.fixture
def case(database):
    legal, privacy, auditor = staff("legal"), staff("privacy"), staff("auditor")
    [lin] = admit(LIN)
    return legal, privacy, auditor, lin


def test_two_offices_keep_a_use_back_and_it_appears_by_itself(case, database):
    legal, privacy, auditor, lin = case
    held = asked(privacy)
    assert held.state == "waiting"
    [first] = gate().open([lin], actor=legal, purpose="claims")
    assert seen(lin) == [("read", "claims")]  # asked for is not let
    assert decide(held.id, actor=auditor, approve=True).state == "in force"
    assert seen(lin) == []  # also what came after it was asked for
    gate().open([lin], actor=legal, purpose="legal")
    assert seen(lin) == [("read", "legal")]  # of that purpose alone
    with pytest.raises(NotInLedger):
        own_proof(lin, first.seq, actor=owner_actor())
    assert first.seq in {row["seq"] for row in queries.rows(actor=auditor, subject=lin)}  # who audits sees it
    assert queries.verify(actor=auditor)["ok"]
    with open_owner(database) as owner:  # its day comes
        owner.execute("alter table ledger_withheld disable trigger user")
        owner.execute("update ledger_withheld set lifted_at = now()")
        owner.execute("alter table ledger_withheld enable trigger user")
    assert ("read", "claims") in seen(lin)
    [row] = [row for row in own_ledger(lin, actor=owner_actor()).rows if row.seq == first.seq]
    assert row.withheld_until is not None and own_proof(lin, first.seq, actor=owner_actor())["size"]


def test_nobody_lets_their_own_nor_their_offices(case):
    legal, privacy, auditor, _ = case
    held = asked(privacy)
    for who in (privacy, legal):  # who asked; whose uses they are
        with pytest.raises(Refused) as refused:
            decide(held.id, actor=who, approve=True)
        assert refused.value.policy == "house.second-person"
    for who in (staff("service"), owner_actor()):
        with pytest.raises(ActRefused):
            decide(held.id, actor=who, approve=True)
        with pytest.raises(ActRefused):
            withholdings(actor=who)
    decide(held.id, actor=auditor, approve=False)
    with pytest.raises(NotToDecide):
        decide(held.id, actor=auditor, approve=True)
    assert [one.state for one in withholdings(actor=legal)] == ["refused"]


def test_one_that_waits_is_listed_however_many_are_newer(case):
    legal, privacy, _, _ = case
    waits = [asked(privacy).id for _ in range(201)]
    assert [one.id for one in withholdings(actor=legal)] == waits[::-1]


def test_it_can_be_lifted_before_its_day(case):
    legal, privacy, auditor, lin = case
    held = asked(privacy)
    decide(held.id, actor=auditor, approve=True)
    gate().open([lin], actor=legal, purpose="claims")
    assert seen(lin) == []
    assert lift(held.id, actor=privacy).state == "lifted"
    assert seen(lin) == [("read", "claims")]
    with pytest.raises(NotToDecide):
        lift(held.id, actor=auditor)


def test_of_two_who_lift_it_at_once_one_does(case, monkeypatch):
    _, privacy, auditor, _ = case
    held = asked(privacy)
    lift(held.id, actor=privacy)
    monkeypatch.setattr(withheld, "withholding_of", lambda _: held)  # as the other read it before
    with pytest.raises(NotToDecide):
        lift(held.id, actor=auditor)
    with pytest.raises(NotToDecide):
        decide(held.id, actor=auditor, approve=True)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"purpose": "marketing"}, ValueError), ({"until": SOON + timedelta(days=400)}, ValueError),
        ({"until": datetime.now(UTC) - timedelta(days=1)}, ValueError), ({"reference": " "}, ValueError),
        ({"email": "nobody@kehu.example"}, LookupError), ({"since": SOON + timedelta(days=1)}, ValueError),
        ({"since": SOON}, ValueError),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_back(case, wrong, error):
    with pytest.raises(error):
        asked(case[1], **wrong)


def test_the_database_holds_it_too(case, database):
    legal, privacy, auditor, _ = case
    held = asked(privacy)
    one = f"where id = '{held.id}'"
    for change in (
        f"update ledger_withheld set decided_by = asked_by, decided_role = 'legal', decided_at = now(), approved = false {one}",
        f"update ledger_withheld set decided_by = '{legal.human}', decided_role = 'legal', decided_at = now(),"
        f" approved = true, mac = 'x' {one}",  # whose uses they are
        f"update ledger_withheld set decided_by = '{auditor.human}', decided_role = 'privacy', decided_at = now(),"
        f" approved = false {one}",  # not that role
        f"update ledger_withheld set decided_by = '{auditor.human}', decided_role = 'auditor', decided_at = now(),"
        f" approved = true {one}",  # no MAC
        f"update ledger_withheld set until = until + interval '1 day' {one}",
        f"delete from ledger_withheld {one}",
    ):
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute(change)
    with open_owner(database) as owner, pytest.raises(psycopg.Error):
        owner.execute(f"delete from ledger_withheld {one}")


def test_a_row_made_up_in_the_database_keeps_nothing_back(case, database):
    legal, privacy, auditor, lin = case
    gate().open([lin], actor=legal, purpose="claims")
    with open_owner(database) as owner:
        owner.execute("alter table ledger_withheld disable trigger user")
        owner.execute(
            "insert into ledger_withheld (id, purpose, human, since, until, reference, asked_by, asked_role, decided_by,"
            " decided_role, decided_at, approved, mac) values (%s, 12, %s, now() - interval '1 day', now() + interval '9 days',"
            " 'x', %s, 'privacy', %s, 'auditor', now(), true, %s)",
            [new_id(), legal.human, privacy.human, auditor.human, b"0" * 32],
        )
    assert seen(lin) == [("read", "claims")]


def test_without_the_filter_the_row_would_show(case, monkeypatch):
    """The control: what is tried above is the filter, and nothing else."""
    legal, privacy, auditor, lin = case
    held = asked(privacy)
    decide(held.id, actor=auditor, approve=True)
    gate().open([lin], actor=legal, purpose="claims")
    assert seen(lin) == []
    monkeypatch.setattr(
        withheld,
        "parameters",
        lambda: {name: [] for name in ("w_purposes", "w_humans", "w_since", "w_until", "w_acts")},
    )
    assert seen(lin) == [("read", "claims")]
