"""Holds: they bar the deletion and permit nothing; an erasure waits on them and runs by itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from django.db import DatabaseError, transaction

from kehu.govern import states as subject_states
from kehu.govern.consent import Statement, give_consent
from kehu.govern.models import StateEntry
from kehu.govern.parts import UnknownSubject
from kehu.govern.states import NotInForce
from kehu.guard.gate.acts import ActRefused, Refused
from kehu.guard.gate.read import gate
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import actor_of_token, issue_token, owner_actor
from kehu.serve.rights import holds
from kehu.serve.rights.consents import actions
from kehu.serve.rights.erasing import erasure
from kehu.serve.rights.erasing.ending import end_holds
from kehu.serve.rights.erasing.residue import open_left
from kehu.serve.rights.health import check_held
from kehu.serve.rights.models import Erasure
from kehu.serve.rights.tasks import finish_erasures
from kehu.vault.ids import new_id
from tests.cast import admit, staff
from tests.serve.holdings import MARK, PERSON, know_everywhere, link, places, raw

SOON = datetime.now(UTC) + timedelta(days=30)


def test_a_hold_is_listed_by_category_with_its_reason(database):
    [lin] = admit(PERSON)
    owner = owner_actor()
    states = holds.hold(lin, actor=owner, reason="诉讼 12/2026", categories=["transaction", "identity"], until=SOON)
    assert [(s["kind"], s["category"], s["reason"]) for s in states] == [
        ("hold", "identity", "诉讼 12/2026"), ("hold", "transaction", "诉讼 12/2026"),
    ]  # fmt: skip
    assert all(s["until"] == SOON.isoformat() and s["purpose"] is None for s in states)
    assert [s["reason"] for s in actions.states(lin)] == [None, None]  # only through the guard, only to the office
    with pytest.raises(ActRefused):
        actions.states(lin, actor=staff("service"))
    assert "诉讼" not in str(raw().execute("select reason from govern_stateentry").fetchall())


def test_a_reason_is_shown_only_with_its_row_in_the_ledger(database):
    [lin] = admit(PERSON)
    holds.hold(lin, actor=owner_actor(), reason="x")
    count = lambda: raw().execute("select count(*) from ledger_entry where action = 1").fetchone()[0]
    before = count()
    actions.states(lin, actor=owner_actor())
    assert count() == before + 1


def test_a_hold_permits_nothing_and_stops_nothing(database):
    [lin] = admit(PERSON)
    before = gate().open([lin], actor=staff("service"), purpose="service")[0]
    holds.hold(lin, actor=owner_actor(), reason="r")
    after = gate().open([lin], actor=staff("marketing"), purpose="marketing")[0]
    assert after.contributions == ()
    again = gate().open([lin], actor=actions_actor("service"), purpose="service")[0]
    assert len(again.contributions) == len(before.contributions) > 0


def actions_actor(role):
    from kehu.guard.staff.actions import actor_of

    return actor_of(f"{role}@kehu.example")


def test_a_whole_hold_refuses_and_the_erasure_runs_on_release(database):
    [lin] = admit(PERSON)
    owner = owner_actor()
    holds.hold(lin, actor=owner, reason="r")
    waits = erasure.erase(lin, actor=owner, reason="asked")
    assert waits.waiting and waits.certificate is None and places(MARK) == {"vault"}
    assert erasure.erase(lin, actor=owner, reason="asked again").id == waits.id  # asked twice, waits once
    assert {row["kind"] for row in actions.states(lin)} == {"hold", "erasure"}
    assert gate().open([lin], actor=staff("service"), purpose="service")[0].denied()["email"].policy == "house.kept"
    assert gate().open([lin], actor=staff("legal"), purpose="claims")[0].contributions
    assert [one.waiting for one in erasure.finish_unfinished()] == [True] and places(MARK) == {"vault"}
    states, outcome = holds.release(lin, actor=owner)
    assert states == [] and not outcome.waiting and outcome.id == waits.id and places(MARK) == set()
    with pytest.raises(UnknownSubject):
        actions.states(lin)


def test_without_the_hold_the_same_erasure_runs(database):
    """The control of the test above."""
    [lin] = admit(PERSON)
    assert not erasure.erase(lin, actor=owner_actor(), reason="asked").waiting and places(MARK) == set()


def test_a_hold_placed_after_the_erasure_began_still_stops_it(database, monkeypatch):
    [lin] = admit(PERSON)
    owner = owner_actor()
    begin = erasure._begin

    def hold_meanwhile(*words):
        row = begin(*words)
        holds.hold(lin, actor=owner, reason="in the last moment")
        return row

    monkeypatch.setattr(erasure, "_begin", hold_meanwhile)
    assert erasure.erase(lin, actor=owner, reason="asked").waiting
    assert Erasure.objects.get().state == "waiting" and places(MARK) == {"vault"}


def test_a_hold_to_the_end_of_all_days_ends_no_erasure_with_a_fault(database):
    [lin] = admit(PERSON)
    ever = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    holds.hold(lin, actor=owner_actor(), reason="r", categories=["contact"], until=ever)
    planned = erasure.plan(lin, actor=owner_actor())["residue"]
    done = erasure.erase(lin, actor=owner_actor(), reason="asked")
    assert done.certificate["residue"] == planned and "9999-12-31" in {line["until"] for line in planned}


def test_a_hold_on_one_of_two_leaves_it_waiting(database):
    [lin] = admit(PERSON)
    owner = owner_actor()
    holds.hold(lin, actor=owner, reason="one")
    holds.hold(lin, actor=owner, reason="two", categories=["identity"])
    erasure.erase(lin, actor=owner, reason="asked")
    states, outcome = holds.release(lin, actor=owner, categories=["identity"])
    assert outcome.waiting and [s["reason"] for s in states if s["kind"] == "hold"] == ["one"]
    assert not holds.release(lin, actor=owner)[1].waiting


@pytest.mark.parametrize("categories", [[], ["transaction"]], ids=["whole", "category"])
def test_one_case_that_is_over_ends_no_other(database, categories):
    [lin] = admit(PERSON)
    owner = owner_actor()
    holds.hold(lin, actor=owner, reason="B", categories=categories)
    states = holds.hold(lin, actor=staff("legal"), reason="A", categories=categories)
    erasure.erase(lin, actor=owner, reason="asked") if not categories else None
    with pytest.raises(ValueError, match=states[0]["id"]):
        holds.release(lin, actor=owner, categories=categories)
    with pytest.raises(NotInForce):
        holds.release(lin, actor=owner, ids=[UUID(states[0]["id"]), UUID(int=0)])
    over = next(UUID(one["id"]) for one in states if one["reason"] == "A")
    states, outcome = holds.release(lin, actor=owner, ids=[over])
    assert [one["reason"] for one in states if one["kind"] == "hold"] == ["B"]
    assert (outcome is None) if categories else outcome.waiting


def test_a_category_hold_stays_as_residue(database):
    [lin] = admit(PERSON)
    owner = owner_actor()
    holds.hold(lin, actor=owner, reason="r", categories=["contact"], until=SOON)
    done = erasure.erase(lin, actor=owner, reason="asked")
    [line] = [line for line in done.certificate["residue"] if line["why"] == "hold"]
    assert (line["what"], line["until"]) == ("contact", (SOON + timedelta(days=1)).date().isoformat())
    left = open_left(done.id, actor=staff("legal"), purpose="claims")["residue"]
    assert [row["category"] for row in left["records"]] == ["contact"]
    assert left["records"][0]["values"]["email"][0] == PERSON["email"]
    assert left["holds"][0]["reason"] == "r"
    assert places(PERSON["full_name"]) == set()  # identity was not held


def test_a_hold_ends_on_its_day_and_the_erasure_runs_by_itself(database):
    [lin] = admit(PERSON)
    owner = owner_actor()
    holds.hold(lin, actor=owner, reason="r", until=SOON)
    erasure.erase(lin, actor=owner, reason="asked")
    StateEntry.objects.filter(kind="hold").update(until=datetime.now(UTC) - timedelta(seconds=1))
    assert raw().execute("select held from subject_state").fetchone() == (True,)
    assert end_holds() == 1
    assert raw().execute("select held from subject_state where not residue").fetchone() == (False,)
    finish_erasures(timestamp=0)
    assert places(MARK) == set()


def test_one_customer_who_fails_keeps_nobody_elses_holds_and_guardians_from_ending(database):
    *held, child, third = admit(*({"full_name": f"person {n}"} for n in range(7)))
    for one in held:
        holds.hold(one, actor=owner_actor(), reason="r", until=SOON)
    for one in (child, third):
        said = Statement(kind="temporary", until=SOON, notice=1, way="staff", guardian="mother")
        give_consent(one, purpose=4, purpose_version=1, statement=said, recorded_by=owner_actor().staff, id=new_id())
    failing = [min(held), min(child, third)]
    with open_owner(database) as owner:
        owner.execute("update govern_stateentry set until = clock_timestamp() where kind = 'hold'")
        owner.execute("set session_replication_role = replica")  # a statement is never changed: here its day has come
        owner.execute("update govern_consent set until = clock_timestamp()")
        owner.execute("set session_replication_role = default")
        owner.execute(
            "create function fail() returns trigger language plpgsql as $$ begin raise exception 'held'; end $$;"
            " create trigger fail before update on subject_state for each row when (old.subject in"
            f" ('{failing[0]}', '{failing[1]}')) execute function fail()"
        )
    try:
        with pytest.raises(DatabaseError):
            finish_erasures(timestamp=0)
    finally:
        with open_owner(database) as owner:
            owner.execute("drop function fail cascade")
    left = raw().execute("select subject from subject_state where held or guardian order by subject").fetchall()
    assert [row[0] for row in left] == sorted(failing)
    finish_erasures(timestamp=0)
    assert raw().execute("select count(*) from subject_state where held or guardian").fetchone() == (0,)


def test_a_hold_acts_on_the_whole_customer(database):
    first, maybe = admit(PERSON, {"full_name": f"{MARK} b"})
    link(first, maybe, 3)
    holds.hold(maybe, actor=owner_actor(), reason="r")
    assert erasure.erase(first, actor=owner_actor(), reason="asked").waiting


def test_partly_released_the_rest_of_a_hold_stays(database):
    [lin] = admit(PERSON)
    owner = owner_actor()
    holds.hold(lin, actor=owner, reason="r", categories=["identity", "contact"])
    states, outcome = holds.release(lin, actor=owner, categories=["contact"])
    assert outcome is None and [s["category"] for s in states] == ["identity"]
    assert raw().execute("select held, held_categories from subject_state").fetchone() == (False, 1)
    with pytest.raises(NotInForce):
        holds.release(lin, actor=owner, categories=["contact"])
    holds.release(lin, actor=owner)
    with pytest.raises(NotInForce):
        holds.release(lin, actor=owner)


@pytest.mark.parametrize(
    "wrong",
    [{"reason": " "}, {"categories": ["all"]}, {"until": datetime.now(UTC) - timedelta(days=1)}],
    ids=["no reason", "no such category", "over already"],
)
def test_a_faulty_hold_is_refused(database, wrong):
    [lin] = admit(PERSON)
    with pytest.raises(ValueError):
        holds.hold(lin, actor=owner_actor(), **({"reason": "r"} | wrong))
    assert actions.states(lin) == []


def test_only_the_office_as_rights_request(database):
    [lin] = admit(PERSON)
    for role in ("service", "auditor"):
        with pytest.raises(ActRefused):
            holds.hold(lin, actor=staff(role), reason="r")
    with pytest.raises(Refused) as refused:
        holds.hold(lin, actor=staff("legal", attest=False), reason="r")
    assert refused.value.policy == "house.agreement"
    staff("privacy")
    for purpose, passes in (("complaints", False), ("rights-request", True)):
        actor = actor_of_token(issue_token(email="privacy@kehu.example", purpose=purpose, minutes=5)[0])
        if passes:
            assert holds.hold(lin, actor=actor, reason="r")
        else:
            with pytest.raises(Refused) as refused:
                holds.hold(lin, actor=actor, reason="r")
            assert refused.value.policy == "house.scope"


def test_rotation_keeps_reasons_readable(database):
    from kehu.guard.installation import installation
    from kehu.vault.rotation import rotate_keys

    [lin] = admit(PERSON)
    know_everywhere(lin)
    rotate_keys(raw(), installation().keyring, installation().epochs)
    reasons = {s["kind"]: s["reason"] for s in actions.states(lin, actor=owner_actor())}
    assert reasons["restriction"] == f"{MARK} disputes" and reasons["hold"] == f"{MARK} sues"


def take_back(subject):
    for table in ("record", "subject_state"):
        raw().execute(f"update {table} set hidden = true where subject = %s", (subject,))


def held(subject):
    return raw().execute("select held from subject_state where subject = %s", (subject,)).fetchone()[0]


def test_a_hold_on_whose_import_was_taken_back_is_listed_and_released(database):
    [lin] = admit(PERSON)
    owner = owner_actor()
    holds.hold(lin, actor=owner, reason="one")
    ids = [UUID(one["id"]) for one in holds.hold(lin, actor=owner, reason="two")]
    StateEntry.objects.update(since=datetime.now(UTC) - timedelta(days=400))
    take_back(lin)
    assert [(one.id, one.hidden) for one in holds.to_look_at(actor=owner)] == [(one, True) for one in sorted(ids)]
    left, outcome = holds.release(lin, actor=owner, ids=ids[:1])
    assert [(one["id"], one["reason"]) for one in left] == [(str(ids[1]), None)] and outcome is None and held(lin)
    with pytest.raises(UnknownSubject):  # nothing new is laid on them
        holds.hold(lin, actor=owner, reason="three")
    assert holds.release(lin, actor=owner) == ([], None) and not held(lin) and list(check_held()) == []
    with pytest.raises(UnknownSubject):
        holds.release(new_id(), actor=owner)


def test_an_erasure_runs_though_the_import_was_taken_back_while_it_waited_on_the_hold(database):
    [lin] = admit(PERSON)
    holds.hold(lin, actor=owner_actor(), reason="r")
    waits = erasure.erase(lin, actor=owner_actor(), reason="asked")
    take_back(lin)
    states, outcome = holds.release(lin, actor=owner_actor())
    assert states == [] and outcome.id == waits.id and outcome.certificate and places(MARK) == set()


def test_a_hold_on_whose_import_was_taken_back_ends_on_its_day(database):
    [lin] = admit(PERSON)
    holds.hold(lin, actor=owner_actor(), reason="r", until=SOON)
    take_back(lin)
    StateEntry.objects.update(until=datetime.now(UTC) - timedelta(seconds=1))
    assert held(lin) and end_holds() == 1 and not held(lin)


def test_a_review_within_a_year(database):
    [lin] = admit(PERSON)
    holds.hold(lin, actor=owner_actor(), reason="r", categories=["contact"])
    with transaction.atomic():
        [row] = subject_states.states_of(lin)
    done = erasure.erase(lin, actor=owner_actor(), reason="asked")
    [line] = [line for line in done.certificate["residue"] if line["why"] == "hold"]
    assert date.fromisoformat(line["until"]).year == row.since.year + 1


def test_a_hold_without_an_end_is_told_of_after_a_year_though_nothing_was_erased(database):
    [lin] = admit(PERSON)
    owner = owner_actor()
    holds.hold(lin, actor=owner, reason="old")
    assert list(check_held()) == []
    StateEntry.objects.update(since=datetime.now(UTC) - timedelta(days=400))
    assert [one.id for one in check_held()] == ["holds.old"]
    [old] = [UUID(one["id"]) for one in actions.states(lin)]
    holds.hold(lin, actor=owner, reason="looked at: it goes on")
    holds.release(lin, actor=owner, ids=[old])
    assert list(check_held()) == []
