"""The watch over a small company: each abuse is found, quiet people raise none, and looking twice changes nothing."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, connections, transaction

from bench import workforce
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.guard.watch import engine
from kehu.guard.watch.alerts import dismiss, select_alerts
from kehu.guard.watch.detect import Finding
from kehu.guard.watch.kinds import MARKS
from tests.guard.watching import START, Company

WHY = "Looked at: it was agreed."


def told():
    return {(one.kind, one.human) for one in select_alerts("true", [])}


def one_row(query, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(query, list(parameters))
        return cursor.fetchone()


@pytest.fixture
def owner(database):
    with open_owner(database) as held:
        yield held


def test_each_abuse_is_found_and_quiet_people_raise_nothing(owner):
    company = Company(owner, people=24)
    force = company.force
    for kind in ("vip", "honey", "colleague"):
        for subject in force.marked[kind]:
            owner.execute(
                "insert into watch_mark (subject, kind, marked_by) values (%s, %s, %s)",
                (subject, MARKS[kind], owner_actor().human),
            )
    marked = {one for held in force.marked.values() for one in held}
    for held in force._by_place.values():  # nobody's ordinary work meets a mark here
        held[:] = [one for one in held if one not in marked]
    company.learn(12)
    assert told() == set()
    able = [one for one in company.people if one.role == "service" and 2 in one.days and one.starts < 10][:8]
    abuses = [force.abuse(kind, "middle", person, 15) for kind, person in zip(workforce.ABUSES, able, strict=True)]
    company.work(15, *(use for one in abuses for use in one.uses))
    company.look(15)
    found = told()
    assert {(one.kind, one.person.id) for one in abuses} <= found
    assert {human for _, human in found} <= {one.person.id for one in abuses}  # nobody else
    evidence = {one.kind: one for one in select_alerts("true", [])}
    volume = evidence["volume"].evidence["found"][0]
    assert volume["seen"] > volume["limit"] >= volume["own"] > 0 < volume["role"]
    text = str([one.evidence for one in evidence.values()])
    assert not any(str(one) in text for one in force.customers)  # no id of a customer, let alone a value
    # and looking again changes nothing
    before = one_row("select count(*), sum(count), max(updated_at) from watch_alert")
    owner.execute("update watch_position set leaf = leaf - 500")
    company.look(15)
    assert one_row("select count(*), sum(count), max(updated_at) from watch_alert") == before


def test_a_look_that_dies_has_done_nothing_and_the_next_does_all(owner, monkeypatch):
    company = Company(owner, people=4)
    li = company.someone()
    burst = company.force.abuse("volume", "high", li, 1)
    company.work(1, *burst.uses)

    def dies(*_, **__):
        raise RuntimeError("killed")

    with monkeypatch.context() as broken:
        broken.setattr(engine, "raise_alert", dies)
        with pytest.raises(RuntimeError):
            company.look(1)
    assert one_row(
        "select leaf, (select count(*) from watch_day), (select count(*) from watch_hour) from watch_position"
    ) == (0, 0, 0)
    assert company.look(1).rows > 400
    assert ("volume", li.id) in told()
    assert company.look(1).rows == 0


def test_two_looks_at_once_wait_for_each_other(owner):
    company = Company(owner, people=4)
    li = company.someone()
    company.work(1, *company.force.abuse("volume", "high", li, 1).uses)
    seen = []

    def looks():
        try:
            seen.append(company.look(1).rows)
        finally:
            connections.close_all()

    both = [threading.Thread(target=looks) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sorted(seen)[0] == 0 and sorted(seen)[1] > 400  # not both of them all of it
    assert one_row("select count(*) from watch_alert where kind = 1") == (1,)


def test_an_alert_grows_with_its_day(owner):
    company = Company(owner, people=4)
    li = company.someone()
    uses = sorted(company.force.abuse("volume", "high", li, 1).uses, key=lambda use: use.at)
    company.ledger.write(uses[:150])
    [first] = company.look(1).alerts
    company.ledger.write(uses[150:])
    assert first in company.look(1).alerts
    assert one_row("select count from watch_alert where kind = 1") == (len({use.customers for use in uses}),)


def test_a_day_with_an_alert_teaches_nothing_until_it_is_dismissed(owner):
    company = Company(owner, people=6)
    li = company.someone()
    company.learn(8)
    learnt = "select n, round(mean::numeric, 6) from watch_baseline where human = %s and measure = 'opened-day'"
    before = one_row(learnt, li.id)
    company.work(8, *company.force.abuse("volume", "high", li, 8).uses, idle=(li.id,))
    company.look(8)
    assert ("volume", li.id) in told()
    company.work(9, idle=(li.id,))
    company.look(9)
    company.look(11)
    assert one_row(learnt, li.id) == before  # others' days were learnt, hers not
    for one in select_alerts("a.human = %s and a.state < 2", [li.id]):
        dismiss(one.number, actor=owner_actor(), reason=WHY)
    company.look(12)
    n, mean = one_row(learnt, li.id)
    assert n == before[0] + 1 and mean > before[1]


def test_nor_does_one_whose_drift_is_told_when_it_is_over(owner, monkeypatch):
    company = Company(owner, people=6)
    li = company.someone()
    company.learn(8)
    day, drift = START + timedelta(days=8), Finding("volume", 40, {"found": [{"measure": "opened-drift"}]})
    monkeypatch.setattr(
        engine, "slow_findings", lambda raw, closed, zone: [(*one, drift) for one in closed if one == (li.id, day)]
    )
    company.work(8)
    company.work(9)
    company.look(8)
    company.look(9)
    company.look(11)
    assert ("volume", li.id) in told()
    with connection.cursor() as cursor:
        cursor.execute("select human, taught from watch_day where day = %s", [day])
        taught = dict(cursor.fetchall())
    assert not taught.pop(li.id) and taught and all(taught.values())


def test_on_a_busy_day_of_all_nobody_is_conspicuous(owner):
    company = Company(owner, people=12)
    company.learn(8)
    company.force.busy = {9}
    company.work(9)
    company.look(9)
    assert one_row(
        "select sum(opened) > 200 from watch_day where role = 'service' and day = %s", START + timedelta(days=9)
    )[0]
    assert not [kind for kind, _ in told() if kind in ("volume", "breadth")]


def test_off_hours_are_those_of_duty_where_they_are_set(owner):
    company = Company(owner, people=6)
    li = company.someone()
    owner.execute(
        "update guard_staff set zone = 'Asia/Shanghai', duty_from = '09:00', duty_to = '18:00' where id = %s", (li.id,)
    )
    at = company.moment(1, 19)

    def looks(start, count, on_duty):
        return [
            workforce.Use(at + timedelta(minutes=start + n), li, workforce.READ, (company.force.customers[start + n * 7],), on_duty=on_duty)
            for n in range(count)
        ]  # fmt: skip

    company.ledger.write(looks(0, 9, True) + looks(20, 2, False))
    company.look(1)
    assert told() == set()
    company.ledger.write(looks(40, 1, False))
    company.look(1)
    assert told() == {("off-hours", li.id)}


def test_hours_are_of_the_clock_where_it_is_half_an_hour_off(owner):
    """In India who comes at nine is early at seven, and one hour holds no rows of two days."""
    company, zone = Company(owner, people=6), ZoneInfo("Asia/Kolkata")
    li = company.someone()
    owner.execute("update guard_staff set zone = %s where id = %s", (zone.key, li.id))

    def looks(number, clock, count):
        at = datetime.combine(START + timedelta(days=number), clock, zone).astimezone(UTC)
        return [
            workforce.Use(at + timedelta(minutes=n), li, workforce.READ, (company.force.customers[n * 7],))
            for n in range(count)
        ]

    company.ledger.write(looks(0, time(23, 50), 20))
    company.look(1)
    for day in range(2):
        assert one_row("select sum(rows) from watch_hour where day = %s", START + timedelta(days=day)) == (10,)
    for number in range(2, 14):
        company.ledger.write(looks(number, time(9), 12))
        company.look(number)
    assert told() == set()
    company.ledger.write(looks(14, time(7, 10), 12))
    company.look(14)
    assert told() == {("off-hours", li.id)}


def test_a_day_that_still_runs_where_somebody_works_is_over_for_nobody(owner, monkeypatch):
    """At midnight in Shanghai it is morning in Los Angeles: who begins then has not been away, nor is that day looked back on."""
    company, zone = Company(owner, people=6), ZoneInfo("America/Los_Angeles")
    li, closed = company.someone(), []
    owner.execute("update guard_staff set zone = %s where id = %s", (zone.key, li.id))
    monkeypatch.setattr(engine, "slow_findings", lambda raw, days, _: closed.extend(days) or [])

    def looks(number, clock):
        at = datetime.combine(START + timedelta(days=number), clock, zone).astimezone(UTC)
        return [
            workforce.Use(at + timedelta(minutes=n), li, workforce.READ, (company.force.customers[n * 7],))
            for n in range(5)
        ]

    for number in range(0, 21, 7):  # Mondays
        company.look(number)
        company.ledger.write(looks(number, time(11)))
        company.look(number, 30)
        assert (li.id, START + timedelta(days=number)) not in closed
        company.look(number, 40)
    company.look(20)
    learnt = "select n, mean from watch_baseline where human = %s and measure = %s"
    assert one_row(learnt, li.id, "weekday-1") == (3, 1.0) and one_row(learnt, li.id, "weekday-3") == (3, 0.0)
    assert len(closed) == len(set(closed)) == 3


def test_work_on_those_who_just_came_is_no_walk(owner):
    company = Company(owner, people=6, customers=500)
    li = company.someone()
    at = company.moment(1, 10)
    newest = workforce.arrivals(40, at, months=0.02)
    with owner.cursor() as cursor:
        cursor.executemany(
            "insert into subject_state (subject, customer, core, kind, controller, packs) values (%s, %s, %s, 1, 1, 1)",
            [(one, one, one) for one in newest],
        )

    def walk(customers, start=0):
        return [
            workforce.Use(at + timedelta(minutes=start + n), li, workforce.READ, (one,))
            for n, one in enumerate(customers)
        ]

    company.ledger.write(walk(newest[:25]))
    company.look(1)
    assert told() == set()
    shuffled = company.force.customers[100:120]
    company.force.random.shuffle(shuffled)
    company.ledger.write(walk(shuffled, 30))
    company.look(1)
    assert told() == set()  # neighbours, but in no order
    company.ledger.write(walk(company.force.customers[300:315][::-1], 60))  # backwards is a walk, too
    company.look(1)
    assert told() == {("sequential", li.id)}


def test_old_days_teach_but_raise_nothing(owner):
    company = Company(owner, people=4)
    li = company.someone()
    company.work(1, *company.force.abuse("volume", "high", li, 1).uses)
    company.look(30)
    assert told() == set()
    assert one_row("select bool_and(taught) from watch_day") == (True,)


def test_the_application_keeps_to_its_rights(database):
    rights = {}
    for table in ("position", "hour", "day", "baseline", "role_baseline", "mark", "alert", "delivery"):
        rights[table] = {
            act for act in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
            if one_row("select has_table_privilege('kehu_app', %s, %s)", f"watch_{table}", act)[0]
        }  # fmt: skip
    assert rights["alert"] == {"SELECT"}  # inserts and updates column by column
    assert rights["mark"] == {"SELECT", "DELETE"}  # an erasure takes it along
    assert rights["position"] == {"SELECT", "UPDATE"} and rights["delivery"] == {"SELECT", "INSERT", "UPDATE"}
    assert rights["day"] == rights["hour"] == rights["baseline"] == rights["role_baseline"]
    for column in ("human", "kind", "day", "number", "opened_at", "closed_at", "taken_at"):
        assert not one_row("select has_column_privilege('kehu_app', 'watch_alert', %s, 'UPDATE')", column)[0], column
    for column in ("opened_at", "state", "owner", "closed_by", "told_at", "number"):
        assert not one_row("select has_column_privilege('kehu_app', 'watch_alert', %s, 'INSERT')", column)[0], column
    for role in ("kehu_sequencer",):
        assert not one_row("select has_table_privilege(%s, 'watch_alert', 'SELECT')", role)[0]
    assert START.isoweekday() == 1 and transaction.get_autocommit()
