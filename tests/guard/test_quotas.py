"""Quotas: never exceeded by all processes together, kept through a restart, told, and loosened by no one for themselves."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from kehu.govern.quotas import Quota, shipped_quotas
from kehu.govern.slugs import ACTIONS
from kehu.guard.access import grants
from kehu.guard.access.glass import break_glass
from kehu.guard.gate import quotas
from kehu.guard.gate.acts import ActRefused, Refused
from kehu.guard.gate.quotas import Leases, QuotaSpent, limits, set_limit, taken
from kehu.guard.gate.read import gate
from kehu.guard.gate.uses import USES
from kehu.guard.installation import installation
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import actor_of, actor_of_token, add_staff, owner_actor
from kehu.guard.watch.alerts import alerts, dismiss
from kehu.guard.watch.days import LISTS, OPENS
from kehu.refine.resolve.review.waiting import Proposal
from kehu.serve.desk.comparing import compare_two, may_compare
from tests.cast import admit, staff

SMALL = {("service", "opened"): Quota(60, 90), ("service", "listed"): Quota(50, 50)}


@pytest.fixture
def small(database, monkeypatch):
    """Small quotas ship, and this process has taken no part of any."""
    monkeypatch.setattr(quotas, "shipped_quotas", lambda: SMALL)
    gate()._quotas = Leases()
    yield
    gate()._quotas = Leases()


def ask(leases, actor, count=1, use="read", purpose="service"):
    leases.take([uuid4() for _ in range(count)], actor=actor, purpose=purpose, use=use)


def another(role):
    made, _ = add_staff(email=f"{uuid4().hex[:8]}@kehu.example", role=role, department=None, attest=True)
    return actor_of(made.email)


def until_spent(leases, actor, most=200):
    for n in range(most):
        try:
            ask(leases, actor)
        except QuotaSpent:
            return n
    return most


def test_what_ships_has_a_quota_for_each_role_that_sees_customers():
    held = shipped_quotas()
    assert {role for role, _ in held} == {"service", "manager", "marketing", "analyst", "privacy", "legal", "auditor"}
    assert all(quota.per_hour < quota.per_day for quota in held.values())


def test_who_is_refused_looks_up_a_rule_that_is_of_quotas_alone(database):
    policies = installation().rules.policies
    of = {name: policies.text(name, "en").article for name in ("house.quota", "house.own-quota", "house.conflict")}
    assert of["house.quota"] == of["house.own-quota"] != of["house.conflict"]


def test_the_gate_opens_that_many_and_no_more(small):
    agent = staff("service")
    [lin] = admit({"full_name": "Lin"})
    for _ in range(60):
        assert gate().open([lin], actor=agent, purpose="service")[0].contributions
    with pytest.raises(QuotaSpent) as spent:
        gate().open([lin], actor=agent, purpose="service")
    assert spent.value.policy == "house.quota" and 0 < spent.value.seconds <= 3600
    # other purposes, and what opens nothing, are none of it
    gate().open([lin], actor=agent, purpose="complaints")
    gate().open([lin], actor=agent, purpose="service", use="explain", kinds=())


def test_every_use_counts_or_is_named_as_free_and_the_gate_knows_no_other(small):
    agent, shown = staff("service"), {"read", "match", "review", "read-traits"}
    for use in shown | {"list", "find"}:
        with pytest.raises(QuotaSpent):
            ask(Leases(), agent, 91, use=use)
    assert OPENS == {ACTIONS[one] for one in shown | {"explain", "export"}}
    assert LISTS == {ACTIONS[one] for one in ("list", "find")}
    # what shows nobody a value (or only tells why), and what two people let go
    free = {"explain", "export", "give", "link", "measure", "derive", "sources", "erase", "contact", "inform"}
    assert {name for name, one in USES.items() if not one.meter} == free
    for use in ACTIONS.keys() - USES.keys():
        with pytest.raises(KeyError):
            gate().open([agent.human], actor=owner_actor(), purpose="service", use=use)


def test_two_side_by_side_are_two_and_an_answer_to_what_was_seen_is_none(small):
    agent = staff("service")
    one, two = admit({"full_name": "Lin"}, {"full_name": "Lyn"})
    asked = Proposal(uuid4(), one, two, 2.0, datetime.now(UTC))
    for _ in range(30):
        assert compare_two(one, two, actor=agent, purpose="service")
    with pytest.raises(QuotaSpent):
        compare_two(one, two, actor=agent, purpose="service")
    assert may_compare(asked, actor=agent, purpose="service")


def test_a_list_counts_apart_and_as_many_as_it_has(small):
    agent, leases = staff("service"), Leases()
    ask(leases, agent, 50, use="list")
    with pytest.raises(QuotaSpent):
        ask(leases, agent, 1, use="find")
    ask(leases, agent)


def test_processes_together_take_no_more_and_a_restart_forgets_nothing(small):
    agent = staff("service")
    seen, errors = [], []

    def process():
        leases = Leases()
        try:
            seen.append(until_spent(leases, agent))
        except Exception as error:  # noqa: BLE001  (whatever it is, the test names it, and not a thread)
            errors.append(error)
        finally:
            connection.close()

    running = [threading.Thread(target=process) for _ in range(4)]
    for one in running:
        one.start()
    for one in running:
        one.join()
    assert errors == [] and sum(seen) == 60
    assert until_spent(Leases(), agent) == 0


def test_the_day_is_counted_over_its_hours(small, database):
    agent, leases = staff("service"), Leases()
    assert until_spent(leases, agent) == 60
    with open_owner(database) as owner:  # an hour passes
        owner.execute("update quota_taken set hour = hour - interval '1 hour'")
    assert until_spent(Leases(), agent) == 30
    with open_owner(database) as owner:
        owner.execute("update quota_taken set hour = hour - interval '22 hours'")
    with pytest.raises(QuotaSpent) as spent:
        ask(Leases(), agent, 31)
    assert spent.value.seconds <= 3600  # the first hour of the day passes out of it
    with open_owner(database) as owner:
        owner.execute("update quota_taken set hour = hour - interval '1 hour'")
    assert until_spent(Leases(), agent) == 60


def test_a_refusal_stands_in_the_ledger_and_one_alert_grows(small):
    agent, auditor = staff("service"), staff("auditor")
    [lin] = admit({"full_name": "Lin"})
    leases = Leases()
    until_spent(leases, agent)
    for _ in range(3):
        with pytest.raises(QuotaSpent):
            leases.take([lin], actor=agent, purpose="service", use="read")
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from ledger_use u join ledger_entry e using (seq) join gate_decision d on d.id = e.decision"
            " where u.subject = %s and d.answer::text like '%%house.quota%%'",
            [lin],
        )
        assert cursor.fetchone() == (3,)
    [alert] = [one for one in alerts(actor=auditor) if one.kind == "quota"]
    assert (alert.human, alert.count) == (agent.human, 4)
    assert str(lin) not in json.dumps(dict(alert.evidence))


def test_the_day_of_an_alert_is_that_of_whom_it_is_about(small, monkeypatch):
    auditor, now = staff("auditor"), datetime.now(UTC)
    far = "Etc/GMT+12" if now.hour < 12 else "Etc/GMT-12"  # where it is another day than in UTC
    days = {"": now.astimezone(ZoneInfo("Asia/Shanghai")).date(), far: now.astimezone(ZoneInfo(far)).date()}
    assert days[far] != now.date()
    for zone, agent in (("", staff("service")), (far, another("service"))):
        if zone:
            with connection.cursor() as cursor:
                cursor.execute(
                    "update guard_staff set zone = %s, duty_from = '00:00', duty_to = '23:59' where id = %s",
                    [zone, agent.human],
                )
        until_spent(Leases(), agent)
        [alert] = [one for one in alerts(actor=auditor, human=agent.human) if one.kind == "quota"]
        assert (alert.day, alert.count) == (days[zone], 1)
    monkeypatch.setenv("KEHU_WATCH_ZONE", "Nowhere")
    with pytest.raises(QuotaSpent):
        ask(Leases(), agent)


def test_an_alert_that_was_dismissed_comes_again_for_other_purposes_too(small):
    agent, auditor = staff("service"), staff("auditor")
    until_spent(Leases(), agent)
    leases = Leases()

    def refused(purpose, times):
        for _ in range(times):
            with pytest.raises(QuotaSpent):
                leases.take([agent.human] * 91, actor=agent, purpose=purpose, use="read")

    refused("service", 3)
    [alert] = [one for one in alerts(actor=auditor) if one.kind == "quota"]
    dismiss(alert.number, actor=auditor, reason="looked at, an import of hers")
    refused("security", 1)
    assert [one.state for one in alerts(actor=auditor) if one.kind == "quota"] == ["dismissed"]
    refused("security", 1)  # half as many again on that day
    [again] = [one for one in alerts(actor=auditor) if one.kind == "quota" and one.state == "open"]
    assert again.count == 6


def test_an_emergency_is_let_on_for_its_own_purpose_alone(small):
    agent = staff("service")
    [lin] = admit({"full_name": "Lin"})
    for purpose in ("service", "security"):
        with pytest.raises(QuotaSpent):
            for _ in range(61):
                ask(gate()._quotas, agent, purpose=purpose)
    broken = break_glass(
        actor=agent, kind="vital", fields=["full_name"], customers=[lin], reason="An ambulance asks who she is."
    )
    under = actor_of_token(grants.use(broken.id, actor=agent)[1])
    [seen] = gate().open([lin], actor=under, purpose="security", fields=["full_name"])
    assert [one.given for one in seen.contributions] == ["Lin"]
    with pytest.raises(QuotaSpent):
        gate().open([lin], actor=replace(agent, grant=broken.id), purpose="service", fields=["full_name"])


def test_an_office_sets_another_at_once_and_takes_it_back(small):
    agent, privacy, leases = staff("service"), staff("privacy"), Leases()
    set_limit("service", "opened", Quota(5, 5), actor=privacy, purpose="complaints")
    ask(leases, agent, 5, purpose="complaints")
    with pytest.raises(QuotaSpent):
        ask(leases, agent, 1, purpose="complaints")
    set_limit("service", "opened", Quota(None, None), actor=privacy)
    ask(leases, agent, 500)
    with pytest.raises(QuotaSpent):  # what is said of one purpose comes first
        ask(leases, agent, 1, purpose="complaints")
    set_limit("service", "opened", None, actor=privacy, purpose="complaints")
    ask(leases, agent, 500, purpose="complaints")
    set_limit("service", "opened", None, actor=privacy)
    with pytest.raises(QuotaSpent):
        ask(Leases(), agent)
    assert {(one.role, one.meter, one.purpose, one.shipped) for one in limits()} == {
        ("service", "opened", "", True), ("service", "listed", "", True),
    }  # fmt: skip
    assert taken(actor=privacy)[0].email == "service@kehu.example"


def test_one_that_is_tightened_is_heeded_by_a_process_that_took_a_part_before(small, monkeypatch):
    agent, privacy, leases = staff("service"), staff("privacy"), Leases()
    set_limit("service", "opened", Quota(None, None), actor=privacy)
    ask(leases, agent)
    set_limit("service", "opened", Quota(1, 1), actor=privacy)
    monkeypatch.setattr(leases, "_look_at", 0.0)  # its seconds are over
    with pytest.raises(QuotaSpent):
        ask(leases, agent)


def test_what_was_taken_while_another_quota_was_set_is_handed_out_no_more(small, monkeypatch):
    agent, privacy, leases, take = staff("service"), staff("privacy"), Leases(), quotas._take

    def meanwhile(*asked):
        granted = take(*asked)
        set_limit("service", "opened", Quota(1, 1), actor=privacy)
        monkeypatch.setattr(leases, "_look_at", 0.0)
        leases._heed()  # another thread of the process
        return granted

    monkeypatch.setattr(quotas, "_take", meanwhile)
    ask(leases, agent)
    monkeypatch.setattr(quotas, "_take", take)
    with pytest.raises(QuotaSpent):
        ask(leases, agent)


def test_nobody_loosens_their_own_and_the_database_agrees(small):
    agent, privacy = staff("service"), staff("privacy")
    with pytest.raises(ActRefused):
        set_limit("service", "opened", Quota(None, None), actor=agent)
    with pytest.raises(Refused) as own:
        set_limit("privacy", "opened", Quota(None, None), actor=privacy)
    assert own.value.policy == "house.own-quota"
    insert = "insert into quota_limit (role, meter, set_by) values (%s, 1, %s)"
    for role, by in (("service", agent.human), ("privacy", privacy.human)):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(insert, [role, by])
    for statement in (
        "update quota_taken set taken = 0",
        "delete from quota_taken",
        "update quota_limit set per_hour = 9",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.connection.execute(statement)
        connection.connection.rollback()
    set_limit("privacy", "opened", Quota(9, 9), actor=owner_actor())


@pytest.mark.parametrize(
    "wrong",
    [("owner", "opened", Quota(1, 1)), ("chef", "opened", Quota(1, 1)), ("service", "read", Quota(1, 1)),
     ("service", "opened", Quota(0, 1)), ("service", "opened", Quota(9, 1))],
)  # fmt: skip
def test_numbers_that_do_not_fit(small, wrong):
    with pytest.raises(ValueError, match=r"role|meter|quota"):
        set_limit(*wrong, actor=owner_actor())


def test_the_api_answers_429_and_says_when(small, caller):
    [lin] = admit({"full_name": "Lin"})
    call = caller("service", "service")
    for _ in range(60):
        assert call("GET", f"/subjects/{lin}").status == 200
    spent = call("GET", f"/subjects/{lin}")
    assert spent.status == 429 and 0 < int(spent.headers["Retry-After"]) <= 3600
    assert (spent.json["code"], spent.json["policy"]) == ("quota", "house.quota") and "Lin" not in spent.text


def test_the_owner_has_none(small):
    ask(Leases(), owner_actor(), 10_000)


def test_a_process_of_one_command_takes_what_it_asks_for(small):
    """Sixty an hour are sixty commands, not thirty: nobody hands out what is left when the process ends."""
    agent = staff("service")
    with quotas.no_more_than_asked():
        for _ in range(60):
            ask(Leases(), agent)
        with pytest.raises(QuotaSpent):
            ask(Leases(), agent)
    assert [(one.in_hour, one.refused) for one in quotas.taken(actor=owner_actor())] == [(60, 1)]
