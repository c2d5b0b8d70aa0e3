"""The registers of requests and incidents, and what a withdrawal tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kehu.govern.laws import add_months
from kehu.govern.parts import UnknownSubject
from kehu.guard.gate.acts import ActRefused
from kehu.guard.gate.read import gate
from kehu.guard.guests.credentials import guest_actor
from kehu.guard.ledger.own import own_ledger
from kehu.guard.staff.actions import owner_actor
from kehu.serve.assurance import queries as assurance
from kehu.serve.rights import holds, requests
from kehu.serve.rights.consents import actions
from kehu.serve.rights.erasing.rested import rested
from kehu.serve.rights.health import check_clocks
from kehu.serve.rights.incidents import register as incidents
from kehu.serve.rights.models import Request
from kehu.vault.ids import new_id
from tests.cast import admit, staff
from tests.serve.holdings import PERSON, raw

GIVE = {"kind": "general", "until": None, "notice": None, "by_subject": None}
MARKETING = 4


def test_a_request_from_receipt_to_answer(database):
    [lin] = admit(PERSON)
    owner = owner_actor()
    received = datetime.now(UTC) - timedelta(days=3)
    id = requests.open_request(subject=lin, right="access", actor=owner, text="请给我副本", received_at=received)
    [row] = requests.listed(actor=owner, open_only=True)
    assert row["id"] == str(id) and row["text"] == "请给我副本" and row["received_at"] == received.isoformat()
    assert row["clock"]["law"] == "CN" and row["due"] == row["clock"]["due"] and row["state"] == "open"
    requests.answer_request(id, outcome="done", actor=owner, text="sent")
    assert requests.listed(actor=owner, open_only=True) == []
    [row] = requests.listed(actor=owner, subject=lin)
    assert (row["state"], row["answer"]) == ("done", "sent") and row["answered_at"]
    with pytest.raises(requests.AlreadyAnswered):
        requests.answer_request(id, outcome="done", actor=owner)
    with pytest.raises(requests.UnknownRequest):
        requests.answer_request(new_id(), outcome="done", actor=owner)


def test_the_board_leaves_none_out_that_waits_however_many_were_answered(database, monkeypatch):
    owner = owner_actor()
    *answered, waits = [
        requests.open_request(subject=None, right="access", actor=owner, identity={"full_name": "A"}) for _ in range(4)
    ]
    for id in answered:
        requests.answer_request(id, outcome="done", actor=owner)
    monkeypatch.setattr(requests, "MOST", 2)
    shown = [row["id"] for row in requests.board(actor=owner, open_only=False)]
    assert shown == [str(waits), str(answered[2]), str(answered[1])]


def test_what_is_due_at_once_is_first_on_the_board(database):
    owner, [lin] = owner_actor(), admit(PERSON, packs=1)
    answered = requests.open_request(subject=lin, right="access", actor=owner)
    noted = requests.open_request(subject=lin, right="withdraw", actor=owner)
    asked = requests.open_request(subject=lin, right="withdraw", actor=owner)
    Request.objects.filter(id=noted).update(due=None)  # as an older program noted it
    shown = requests.board(actor=owner)
    assert [row["id"] for row in shown] == [str(noted), str(asked), str(answered)]
    assert all(row["due"] and not row["overdue"] and row["clocks"][0]["state"] == "now" for row in shown[:2])


def test_what_an_incident_asks_for_at_once_is_told_of(database):
    owner = owner_actor()
    id = incidents.open_incident(window=incidents.Window(None, None, None), text="Lost.", actor=owner)
    incidents.assess(id, incidents.Learned(laws=["CN"], persons=3, facts={"minors": False}), actor=owner)
    assert [(one.id, one.severity) for one in check_clocks()] == [("incidents.due", "warning")]
    for clock in ("CN.authority", "CN.persons"):
        incidents.report_made(id, clock, actor=owner)
    assert list(check_clocks()) == []


def test_texts_lie_sealed_under_a_key_of_their_own(database):
    [lin] = admit(PERSON)
    id = requests.open_request(subject=lin, right="other", actor=owner_actor(), text="secretzq")
    stored = raw().execute("select text from rights_request").fetchone()[0]
    assert b"secretzq" not in bytes(stored)
    raw().execute("delete from subject_key where subject = %s", (id,))
    assert requests.listed(actor=owner_actor())[0]["text"] is None  # with the key the text is gone


def test_somebody_who_matches_nobody(database):
    id = requests.open_request(
        subject=None, right="erase", actor=owner_actor(), identity={"full_name": "无名", "email": "n@mail.example"}
    )
    [row] = requests.one(id, actor=owner_actor())
    assert row["subject"] is None and row["identity"] == {"full_name": "无名", "email": "n@mail.example"}
    assert "无名".encode() not in bytes(raw().execute("select identity from rights_request").fetchone()[0])


def test_what_somebody_wrote_who_is_no_customer_goes_when_no_law_keeps_it(database):
    """Nobody else could erase it; a customer's goes with the customer, and what is open waits."""
    owner, [lin] = owner_actor(), admit(PERSON)
    unknown = {"subject": None, "identity": {"full_name": "goneszq"}}
    ended, waits, hers = [
        requests.open_request(right="other", actor=owner, text="goneszq", **who)
        for who in (unknown, unknown, {"subject": lin})
    ]
    requests.step(ended, "confirm", actor=owner)
    for id in (ended, hers):
        requests.answer_request(id, outcome="done", actor=owner, text="goneszq")
    answered = Request.objects.get(id=ended).answered_at.date()
    assert requests.end_texts_of_nobody(add_months(answered, 24) - timedelta(days=1)) == 0
    assert requests.end_texts_of_nobody(add_months(answered, 24)) == 1
    assert requests.end_texts_of_nobody(add_months(answered, 24)) == 0
    [row] = requests.one(ended, actor=owner)
    assert (row["identity"], row["text"], row["answer"], row["state"]) == (None, None, None, "done") and row["steps"]
    assert raw().execute("select 1 from subject_key where subject = %s", (ended,)).fetchone() is None
    assert all(requests.one(id, actor=owner)[0]["text"] == "goneszq" for id in (waits, hers))


def test_reading_them_is_recorded(database):
    [lin] = admit(PERSON)
    requests.open_request(subject=lin, right="access", actor=owner_actor(), text="t")
    rows = lambda: raw().execute("select count(*) from ledger_entry where action = 15").fetchone()[0]
    before = rows()
    requests.listed(actor=owner_actor())
    assert rows() == before + 1


def test_whose_words_are_read_in_a_list_of_all_sees_it(database):
    lin, wang, li = admit(PERSON, {"email": "wang@mail.example"}, {"email": "li@mail.example"})
    office, others = staff("privacy"), owner_actor()
    asked = requests.open_request(subject=lin, right="other", actor=others, text="Why do you call me?")
    requests.open_request(subject=wang, right="access", actor=others)
    requests.step(asked, "confirm", actor=others)
    requests.open_request(subject=None, right="erase", actor=others, identity={"email": "nobody@mail.example"})
    seen = lambda who: [row.seq for row in own_ledger(who, actor=office).rows if row.action == "request"]
    before = seen(lin), seen(wang), seen(li)
    assert len(requests.listed(actor=office)) == 3
    assert (len(seen(lin)), seen(wang), seen(li)) == (
        len(before[0]) + 1,
        before[1],
        before[2],
    )  # whose words nobody wrote
    requests.listed(actor=office, open_only=True)
    assert len(seen(lin)) == len(before[0]) + 2
    assert assurance.verify(actor=others)["ok"]


@pytest.mark.parametrize(
    "wrong",
    [{"right": "everything"}, {"subject": None}, {"received_at": datetime.now(UTC) + timedelta(days=1)}],
    ids=["no such right", "nobody", "in the future"],
)
def test_a_faulty_request_is_refused(database, wrong):
    [lin] = admit(PERSON)
    with pytest.raises(ValueError):
        requests.open_request(**({"subject": lin, "right": "access", "actor": owner_actor()} | wrong))
    with pytest.raises(UnknownSubject):
        requests.open_request(subject=new_id(), right="access", actor=owner_actor())
    assert requests.listed(actor=owner_actor()) == []


def test_who_may(database):
    [lin] = admit(PERSON)
    with pytest.raises(ActRefused):
        requests.listed(actor=staff("service"))
    with pytest.raises(ActRefused):
        incidents.reach(incidents.Window(None, None, None), actor=staff("auditor"))
    own = guest_actor(lin)  # a customer asks for themselves at their own door
    assert requests.open_request(subject=lin, right="erase", actor=own, text="me")


def test_an_incident_and_its_clock(database):
    owner = owner_actor()
    aware = datetime.now(UTC) - timedelta(hours=5)
    id = incidents.open_incident(
        window=incidents.Window(None, aware - timedelta(days=1), aware), text="lost laptop", actor=owner, aware_at=aware
    )
    [row] = incidents.listed(actor=owner)
    assert row["id"] == str(id) and row["text"] == "lost laptop" and row["aware_at"] == aware.isoformat()
    assert row["laws"] == ["CN", "EU", "US", "JP", "AU"] and row["clock"]["state"] == "now"
    assert b"laptop" not in bytes(raw().execute("select text from rights_incident").fetchone()[0])
    with pytest.raises(ValueError, match="until"):
        incidents.open_incident(window=incidents.Window(None, aware, aware), text="", actor=owner)
    with pytest.raises(incidents.UnknownIncident):
        incidents.window_of(new_id())


def test_reach_tells_people_fields_and_jurisdictions(database):
    [lin] = admit(PERSON, packs=1)
    [hans] = admit({"full_name": "Hans", "email": "h@mail.example"}, packs=2)
    alice, bob = staff("service"), staff("manager")
    start = datetime.now(UTC)
    gate().open([lin, hans], actor=alice, purpose="service", fields=["email"])
    gate().open([lin], actor=alice, purpose="service", fields=["full_name"])
    gate().open([lin], actor=alice, purpose="service", fields=["national_id"])  # denied: no field reached
    gate().open([hans], actor=bob, purpose="service", fields=["phone"])
    found = incidents.reach(incidents.Window(alice.staff, start, None), actor=owner_actor())
    assert found["uses"] == 4 and found["subjects"] == {"at_least": 2, "at_most": 2}
    assert found["jurisdictions"] == {"CN": 3, "EU": 1}
    assert found["fields"] == [
        {"field": "email", "uses": 2, "jurisdictions": {"CN": 1, "EU": 1}},
        {"field": "full_name", "uses": 1, "jurisdictions": {"CN": 1}},
    ]
    before = incidents.reach(incidents.Window(alice.staff, None, start), actor=owner_actor())
    assert before["uses"] == 0 and before["fields"] == []


def test_a_withdrawal_lists_what_rested_on_it_alone(database):
    on_consent, on_contract = [
        admit(PERSON | {"phone": p}, basis=b)[0] for p, b in (("1", "consent"), ("2", "contract"))
    ]
    owner = owner_actor()
    for subject in (on_consent, on_contract):
        for purpose in (MARKETING, 5):
            actions.give(subject, purpose, actor=owner, **GIVE)
        actions.withdraw(subject, MARKETING, actor=owner)
    assert rested(on_consent) == rested(on_contract) == []  # the other consent still carries it
    for subject in (on_consent, on_contract):
        actions.withdraw(subject, 5, actor=owner)
    assert rested(on_contract) == []
    [row] = rested(on_consent)
    assert row["kind"] == "person" and row["categories"] == ["identity", "contact"] and row["kept"] == []
    holds.hold(on_consent, actor=owner, reason="r", categories=["contact"])
    assert [kept["category"] for kept in rested(on_consent)[0]["kept"]] == ["contact"]


def test_a_guardian_stands_behind_a_child_only_while_a_consent_does(database):
    [child, mother] = admit(PERSON, {"full_name": "妈妈"}, age=1)
    owner, alice = owner_actor(), staff("service")
    read = lambda: gate().open([child], actor=alice, purpose="service")[0].denied()["email"]
    assert read().policy == "cn.pipl.31-guardian"
    actions.give(child, 1, actor=owner, **(GIVE | {"kind": "specific", "by_subject": mother}))
    assert gate().open([child], actor=alice, purpose="service")[0].contributions
    actions.withdraw(child, 1, actor=owner)
    assert read().policy == "cn.pipl.31-guardian"
    with pytest.raises(ValueError, match="guardian"):
        actions.give(child, 1, actor=owner, **(GIVE | {"by_subject": child}))
    with pytest.raises(UnknownSubject):
        actions.give(child, 1, actor=owner, **(GIVE | {"by_subject": new_id()}))


def test_evidence_is_sealed_and_its_presence_told(database):
    [lin] = admit(PERSON)
    [row] = actions.give(lin, MARKETING, actor=owner_actor(), evidence=b"signed formzq", **GIVE)
    assert row["evidence"] is True and row["by"] is None
    assert b"formzq" not in bytes(raw().execute("select evidence from govern_consent").fetchone()[0])
    with pytest.raises(ValueError, match="evidence"):
        actions.give(lin, MARKETING, actor=owner_actor(), evidence=b"", **GIVE)
