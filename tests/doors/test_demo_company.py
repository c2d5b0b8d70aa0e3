"""The demonstration company, built whole from the made-up book: states, counts, a ledger that tells it, done once."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection

from kehu.doors.demo import book, cast, company, life, members, welcome
from kehu.govern import states
from kehu.govern.models import Controller
from kehu.guard.access import owners
from kehu.guard.staff.actions import actor_of
from kehu.guard.staff.models import Staff
from kehu.guard.watch import alerts, cases
from kehu.host.home import Home
from kehu.serve.assurance.counts import counts
from kehu.serve.desk import queries
from kehu.serve.rights import requests
from tests.cast import admit

DAY = date(2026, 11, 25)


@pytest.fixture
def home(database, monkeypatch):
    """The installation of all tests, its mark taken off again."""
    found = Home.current()
    yield found
    found.record(demo=None)


def count(query, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()[0]


def test_a_home_with_anything_in_it_is_left_alone(home):
    admit({"full_name": "林婉清"})
    with pytest.raises(company.HomeInUse):
        company.build(home, report=lambda *_: None, public=False, day=DAY)
    assert not home.facts().get("demo") and not Staff.objects.exclude(role="owner").exists()


def test_the_company_stands_and_is_built_once(home):
    shares = []
    built = company.build(home, report=lambda _, share: shares.append(share), public=False, day=DAY)
    assert built.public is False and shares == sorted(shares) and shares[-1] == 1.0

    files = book.write(home / "demo" / "book", today=DAY)
    told = counts()
    assert told["quarantined"] == sum(file.broken for file in files) > 0
    assert (
        told["sources"] == sum(file.rows - file.broken - file.repeated for file in files) + len(life.CONTACTS) + 1
    )  # confirmed
    assert 1_900 < told["subjects"] < 2_400 and told["review"] > 0
    assert set(Staff.objects.exclude(role="owner").values_list("role", flat=True)) == set(members.DEPARTMENTS)
    assert {"main", "harbour"} == set(Controller.objects.values_list("name", flat=True))

    people = cast.on_stage(actor_of("privacy@demo.example"))
    assert set(people) == set(book.cast())
    kinds = {role: {row.kind for row in states.states_of(subject)} for role, subject in people.items()}
    assert kinds["restricted"] == {"restriction"} and kinds["objecting"] == {"objection"}
    assert kinds["held"] == {"hold"} and kinds["deceased"] == {"deceased"}
    assert kinds["gpc"] == {"gpc"} and kinds["californian"] == {"optout"}
    assert count("select guardian from subject_state where subject = %s", people["child"]) is True
    marketing = actor_of("marketing@demo.example")
    shown = {role: queries.show(people[role], actor=marketing, purpose="marketing").refused for role in
             ("consent-proven", "consent-unproven", "objecting", "restricted")}  # fmt: skip
    assert shown == {"consent-proven": False, "consent-unproven": True, "objecting": True, "restricted": True}
    shared = queries.find({"email": "jiangjia@mail.example"}, actor=actor_of("service@demo.example"), purpose="service")
    assert len(shared[0]) >= 4  # one mailbox, a family: never merged by it
    states_of_requests = [row["state"] for row in requests.listed(actor=actor_of("privacy@demo.example"))]
    assert sorted(states_of_requests) == ["done", "open", "open", "open"]

    assert {one.kind for one in owners.owners(actor=marketing) if not one.whole} == {"field"}  # the reminder is seen

    noticed = alerts.alerts(actor=actor_of("privacy@demo.example"))
    assert {("vip", "manager"), ("vip", "service"), ("honey", "service")} == {(one.kind, one.role) for one in noticed}
    [case] = cases.cases(actor=actor_of("privacy@demo.example"))
    assert (case.role, case.state) == ("service", "told")

    rows = count("select count(*) from ledger_entry")
    again = company.build(home, report=lambda *_: None, public=False, day=DAY)
    assert again == built and counts()["sources"] == told["sources"]
    assert count("select count(*) from ledger_entry") == rows  # nothing was done twice


def test_passwords_are_new_each_time_and_kept_nowhere(home):
    company.claim(home)
    members.add_members()
    first, second = members.sign_ins(), members.sign_ins()
    assert [row[0] for row in first] == list(members.DEPARTMENTS)
    assert not {row[2].password for row in first} & {row[2].password for row in second}
    for _, _, sign_in in second:
        assert Staff.objects.get(email=sign_in.email).check_password(sign_in.password)
    for language in ("en", "zh-hans", "zh-hant"):
        told = welcome.answer("http://localhost:1", second, mail="a@b.example", command="kehu", language=language)
        assert len(told["try"]) == 3 and not any("{" in line for line in told["try"])
    kept = b"".join(path.read_bytes() for path in home.path.rglob("*") if path.is_file() and "pg" not in path.parts)
    assert not any(row[2].password.encode() in kept for row in second)
