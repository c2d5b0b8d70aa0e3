"""Decisions by machine alone: the register's word becomes a rule of the gate, and the customer's log says which use was one."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.read import gate
from kehu.guard.ledger.own import own_ledger
from kehu.guard.staff.actions import owner_actor
from kehu.serve.desk.queries import explain, show
from kehu.serve.desk.record import open_record
from kehu.serve.rights.consents import actions as rights
from tests.cast import admit, shipped_with, staff

LIN = {"full_name": "林小红", "email": "lin@mail.example"}


@pytest.fixture
def house(database):
    return staff("service"), admit(LIN)[0]


@pytest.fixture
def automated(database, house):
    """The register says that service decides by machine alone."""
    shipped_with(database, "service", automated=True)
    return house


def objects(subject):
    rights.enter_state(subject, "objection", actor=staff("privacy"), act="object", purpose=PURPOSES["service"])


def answer(actor, subject, **asked):
    [one] = gate().open([subject], actor=actor, purpose="service", fields=["email"], **asked)
    said = one.decision.of("email")
    return said.answer, said.policy


def test_a_machine_decides_only_where_the_register_says_so(house):
    service, lin = house
    assert answer(service, lin) == ("clear", "house.role-service")
    assert answer(service, lin, event="automated") == ("denied", "house.automated")


def test_who_refuses_the_machine_is_decided_about_by_a_person(automated):
    service, lin = automated
    assert answer(service, lin)[0] == answer(service, lin, event="automated")[0] == "clear"
    objects(lin)
    assert answer(service, lin) == ("denied", "cn.pipl.24-automated")  # whoever does not say so counts as a machine
    assert answer(service, lin, event="automated") == ("denied", "cn.pipl.24-automated")
    assert answer(service, lin, event="by-person")[0] == "clear"
    assert show(lin, actor=service, purpose="service").refused
    assert show(lin, actor=service, purpose="service", by_person=True).fields["email"] == LIN["email"]
    assert explain(lin, actor=service, purpose="service")["email"].policy == "cn.pipl.24-automated"
    assert explain(lin, actor=service, purpose="service", by_person=True)["email"].answer == "clear"
    assert open_record(lin, actor=service, purpose="service").refused == ""  # at the desk a person looks


def test_many_are_answered_as_one_is(automated):
    service, lin = automated
    others = admit({"full_name": "A", "email": "a@mail.example"}, {"full_name": "B", "email": "b@mail.example"})
    objects(others[0])
    many = {
        one.customer: one.decision.of("email").answer
        for one in gate().open([lin, *others], actor=service, purpose="service", fields=["email"], use="list")
    }
    assert many == {lin: "clear", others[0]: "denied", others[1]: "clear"}


def test_the_customers_log_says_whether_a_machine_decided(automated):
    service, lin = automated
    for event in ("", "by-person"):
        answer(service, lin, event=event)
    rows = [row.automated for row in own_ledger(lin, actor=owner_actor()).rows if row.action == "read"]
    assert rows == [False, True]  # newest first
    with connection.cursor() as cursor:
        cursor.execute(
            "select g.ask from ledger_entry e join gate_decision g on g.id = e.decision where e.purpose = %s"
            " order by e.seq desc limit 1",
            [PURPOSES["service"]],
        )
        assert json.loads(cursor.fetchone()[0])["event"] == "by-person"


def test_no_other_word_says_who_decides(house):
    service, lin = house
    with pytest.raises(ValueError):
        answer(service, lin, event="machine")
