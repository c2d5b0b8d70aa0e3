"""Clocks of the registers: computed from the laws that apply, extended, stopped, confirmed, and told when they have ended."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kehu.guard.gate.acts import ActRefused
from kehu.guard.staff.actions import owner_actor
from kehu.serve.rights import requests
from kehu.serve.rights.holders import RequestHolder
from kehu.serve.rights.incidents import register as incidents
from kehu.serve.rights.models import Request
from kehu.vault.ids import new_id
from tests.cast import admit, staff
from tests.serve.holdings import PERSON, raw

EU, US, CN = 2, 4, 1


def ago(**time: float) -> datetime:
    return datetime.now(UTC) - timedelta(**time)


def opened(packs: int, *, received: datetime, right: str = "access"):
    [lin] = admit(PERSON | {"external_id": f"{packs}-{right}"}, packs=packs)
    return requests.open_request(subject=lin, right=right, actor=owner_actor(), received_at=received)


def row_of(id):
    [row] = requests.one(id, actor=owner_actor())
    return row


def test_the_earliest_of_several_laws_counts_and_all_are_named(database):
    row = row_of(opened(CN | US, received=ago(days=1)))
    assert row["laws"] == ["CN", "US"] and row["clock"]["law"] == "CN" and row["clock"]["read"] is False
    assert {(one["law"], one["step"]) for one in row["clocks"]} >= {
        ("CN", "answer"),
        ("US", "answer"),
        ("US", "confirm"),
    }
    ends = [one["due"] for one in row["clocks"] if one["due"] and one["step"] == "answer"]
    assert row["due"] == min(ends, key=datetime.fromisoformat) and row["overdue"] is False


def test_somebody_unknown_is_under_every_law(database):
    id = requests.open_request(subject=None, right="erase", actor=owner_actor(), identity={"full_name": "无名"})
    assert row_of(id)["laws"] == ["CN", "EU", "US", "JP", "AU"]


def test_an_overdue_request_stands_out_until_it_is_answered(database):
    id = opened(EU, received=ago(days=60))
    row = row_of(id)
    assert row["overdue"] and row["clock"]["state"] == "overdue"
    requests.answer_request(id, outcome="done", actor=owner_actor())
    assert not row_of(id)["overdue"] and row_of(id)["clock"]["state"] == "done"


def test_an_extension_is_told_with_its_reason_in_time_and_once(database):
    id, owner = opened(EU, received=ago(days=10)), owner_actor()
    before = row_of(id)
    with pytest.raises(ValueError, match="why"):
        requests.step(id, "extend", actor=owner)
    requests.step(id, "extend", actor=owner, reason="many recordszq")
    row = row_of(id)
    assert row["clock"]["extended"] and datetime.fromisoformat(row["due"]) > datetime.fromisoformat(before["due"])
    assert row["steps"][0]["reason"] == "many recordszq"
    assert b"recordszq" not in bytes(raw().execute("select reason from rights_requeststep").fetchone()[0])
    assert Request.objects.get(id=id).due == datetime.fromisoformat(row["due"])  # what the customer's page shows
    with pytest.raises(requests.ClockRefused, match="recorded"):
        requests.step(id, "extend", actor=owner, reason="again")
    late = opened(EU, received=ago(days=60), right="erase")
    for kind in ("extend", "suspend"):
        with pytest.raises(requests.ClockRefused, match="ended"):
            requests.step(late, kind, actor=owner, reason="too late")


def test_only_a_law_that_knows_it_extends_or_stops(database):
    id, owner = opened(CN, received=ago(days=1)), owner_actor()
    for kind in ("extend", "suspend"):
        with pytest.raises(requests.NoLawKnows):
            requests.step(id, kind, actor=owner, reason="r")
    both = opened(US, received=ago(days=1), right="correct")
    with pytest.raises(requests.NoLawKnows):
        requests.step(both, "suspend", actor=owner, reason="who are you")


def test_an_identity_check_stops_the_clock_and_goes_on(database):
    id, owner = opened(EU, received=ago(days=25)), owner_actor()
    plain = row_of(id)["due"]
    requests.step(id, "suspend", actor=owner, reason="please prove who you are", at=ago(days=24))
    assert row_of(id)["clock"]["state"] == "suspended"
    with pytest.raises(requests.ClockRefused, match="stands"):
        requests.step(id, "suspend", actor=owner, reason="again")
    requests.step(id, "resume", actor=owner, at=ago(days=4))
    row = row_of(id)
    moved = datetime.fromisoformat(row["due"]) - datetime.fromisoformat(plain)
    assert row["clock"]["state"] == "running" and timedelta(days=17) < moved < timedelta(days=24)
    with pytest.raises(requests.ClockRefused, match="runs"):
        requests.step(id, "resume", actor=owner)


def test_receipt_is_confirmed_by_its_own_clock(database):
    id, owner = opened(US, received=ago(days=30)), owner_actor()
    state = lambda: {one["step"]: one["state"] for one in row_of(id)["clocks"]}
    assert state() == {"confirm": "overdue", "answer": "running"} and row_of(id)["overdue"]
    requests.step(id, "confirm", actor=owner, at=ago(days=29))
    assert state() == {"confirm": "done", "answer": "running"} and not row_of(id)["overdue"]


def test_who_may_and_when(database):
    id, owner = opened(EU, received=ago(days=3)), owner_actor()
    with pytest.raises(ActRefused):
        requests.step(id, "confirm", actor=staff("service"))
    for at in (ago(days=4), ago(days=-1)):
        with pytest.raises(ValueError, match="between"):
            requests.step(id, "confirm", actor=owner, at=at)
    with pytest.raises(requests.UnknownRequest):
        requests.step(new_id(), "confirm", actor=owner)
    requests.answer_request(id, outcome="done", actor=owner)
    with pytest.raises(requests.AlreadyAnswered):
        requests.step(id, "confirm", actor=owner)


def test_the_reasons_go_with_the_person(database):
    id = opened(EU, received=ago(days=3))
    requests.step(id, "extend", actor=owner_actor(), reason="r")
    RequestHolder().erase(Request.objects.get(id=id).subject)
    [row] = requests.one(id, actor=owner_actor())
    assert row["steps"][0]["reason"] is None and row["subject"] is None and row["laws"] == ["EU"]


def incident(aware: datetime):
    window = incidents.Window(None, None, None)
    return incidents.open_incident(window=window, text="lost", actor=owner_actor(), aware_at=aware)


def test_each_law_has_its_own_clock_and_what_is_learned_narrows_them(database):
    owner = owner_actor()
    id = incident(ago(hours=80))
    [row] = incidents.listed(actor=owner, id=id)
    clocks = {one["clock"]: one for one in row["clocks"]}
    assert clocks["EU.authority"]["state"] == "overdue" and clocks["EU.authority"]["applies"] == "perhaps"
    assert row["overdue"] and clocks["CN.authority"]["state"] == "now"
    incidents.assess(
        id, incidents.Learned(["EU", "US"], 501, {"risk-unlikely": False, "unintelligible": False}), actor=owner
    )
    [row] = incidents.listed(actor=owner, id=id)
    clocks = {one["clock"]: one for one in row["clocks"]}
    assert row["laws"] == ["EU", "US"] and set(clocks) == {"EU.authority", "EU.persons", "US.residents"}
    assert clocks["EU.authority"]["applies"] == "yes" and clocks["EU.persons"]["applies"] == "perhaps"
    incidents.assess(id, incidents.Learned(told_at=ago(hours=2)), actor=owner)
    [row] = incidents.listed(actor=owner, id=id)
    assert "US.attorney-general" in {one["clock"] for one in row["clocks"]}
    incidents.report_made(id, "EU.authority", actor=owner)
    [row] = incidents.listed(actor=owner, id=id)
    assert not row["overdue"] and row["due"] is not None
    incidents.assess(id, incidents.Learned(facts={"unintelligible": True}), actor=owner)
    [row] = incidents.listed(actor=owner, id=id)
    assert {one["clock"] for one in row["clocks"]} == {"EU.authority"}


def test_what_was_noted_of_an_incident_by_mistake_is_not_known_again(database):
    owner, id = owner_actor(), incident(ago(hours=3))

    def clocks():
        return {one["clock"] for one in incidents.listed(actor=owner, id=id)[0]["clocks"]}

    incidents.assess(id, incidents.Learned(["EU", "CN"]), actor=owner)
    before = clocks()
    known = incidents.Learned(None, 7, {"unintelligible": True, "minors": True}, ago(hours=1), ago(hours=2))
    incidents.assess(id, known, actor=owner)
    assert "EU.persons" not in clocks() and clocks() != before
    wrong = frozenset({"persons", "handled", "told", "unintelligible"})
    incidents.assess(id, incidents.Learned(forget=wrong), actor=owner)
    [row] = incidents.listed(actor=owner, id=id)
    assert clocks() == before and row["facts"] == {"minors": True}
    assert (row["persons"], row["handled_at"], row["told_at"]) == (None, None, None)


def test_faulty_knowledge_is_refused(database):
    owner, id = owner_actor(), incident(ago(hours=1))
    for wrong in (
        incidents.Learned(["BR"]), incidents.Learned([]), incidents.Learned(persons=-1),
        incidents.Learned(facts={"bad": True}), incidents.Learned(handled_at=ago(hours=2)),
        incidents.Learned(told_at=ago(hours=-1)), incidents.Learned(forget=frozenset({"bad"})),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            incidents.assess(id, wrong, actor=owner)
    with pytest.raises(ValueError, match="clock"):
        incidents.report_made(id, "EU.nothing", actor=owner)
    incidents.report_made(id, "EU.authority", actor=owner)
    with pytest.raises(ValueError, match="before"):
        incidents.report_made(id, "EU.authority", actor=owner)
    with pytest.raises(incidents.UnknownIncident):
        incidents.assess(new_id(), incidents.Learned(), actor=owner)
    with pytest.raises(ActRefused):
        incidents.assess(id, incidents.Learned(), actor=staff("service"))
