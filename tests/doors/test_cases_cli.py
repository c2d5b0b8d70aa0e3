"""Violation cases at the command line, where the owner of the home, who has no sign-in, leads them."""

from __future__ import annotations

import uuid

import pytest
from django.db import transaction

from kehu.doors.problems import table
from kehu.guard.staff.actions import actor_of, add_staff, issue_token
from kehu.guard.watch import alerts
from kehu.guard.watch.cases import WHY
from kehu.serve.rights.incidents import register as incidents

TOLD = "312 customers within one hour."


@pytest.fixture
def li(database):
    """A member of the service desk, and a token of theirs."""
    email = f"li-{uuid.uuid4().hex[:6]}@kehu.example"
    add_staff(email=email, role="service", department=None, attest=True)
    return actor_of(email), email, issue_token(email=email, purpose="service", minutes=60)[0]


def raised(actor, kind="volume"):
    with transaction.atomic():
        return str(alerts.raise_alert(kind, actor.human, {"seen": 312}, count=312))


def test_from_alert_to_close(kehu, li):
    person, email, token = li
    code, made = kehu("case", "open", "--alert", raised(person))
    assert code == 0
    [held] = made["cases"]
    number = str(held["number"])
    assert (held["email"], held["state"], held["alerts"]) == (email, "open", 1)
    assert kehu("case", "own", number, token=token)[1]["error"]["code"] == "unknown-case"
    assert kehu("case", "close", number) == (1, kehu("case", "close", number)[1])
    assert kehu("case", "close", number)[1]["error"]["code"] == "case-state"
    assert kehu("case", "join", number, "--alert", raised(person, "honey"))[0] == 0
    assert kehu("case", "tell", number, "--text", "-", input=TOLD + "\n")[1]["cases"][0]["state"] == "told"
    assert TOLD in str(kehu("case", "own", number, token=token)[1]["steps"])
    assert kehu("case", "answer", number, "--text", "The recall.", token=token)[1]["cases"][0]["state"] == "heard"
    code, shown = kehu("case", "show", number)
    assert [one["step"] for one in shown["steps"]] == ["joined", "joined", "told", "answered"]
    assert shown["next"][0] == "decided"
    wrong = kehu("case", "decide", number, "--finding", "unfounded", "--measure", "talk", "--text", "x")
    assert (wrong[0], wrong[1]["error"]["code"]) == (2, "case-measures")
    found = kehu(
        "case", "decide", number, "--finding", "unfounded", "--measure", "none", "--text", "The recall was real."
    )
    assert found[1]["cases"][0]["finding"] == "unfounded"
    assert kehu("case", "close", number)[1]["cases"][0]["keep_until"]
    assert kehu("case", "list", "--still")[1]["cases"] == []
    assert [one["number"] for one in kehu("case", "own", token=token)[1]["cases"]] == [held["number"]]


def test_a_freeze_ends_the_token_and_a_link_is_shown_once(kehu, li):
    person, _, token = li
    number = str(kehu("case", "open", "--alert", raised(person))[1]["cases"][0]["number"])
    assert kehu("case", "freeze", number)[1]["cases"][0]["frozen"] is True
    assert kehu("case", "own", token=token)[1]["error"]["code"] == "token"
    assert kehu("case", "link", number)[1]["error"]["code"] == "case-state"
    kehu("case", "tell", number, "--text", TOLD)
    assert kehu("case", "link", number)[1]["path"].startswith("/watch/answer/")
    heard = ("--way", "in-person", "--text", "Said nothing.")
    assert kehu("case", "heard", number, *heard)[1]["cases"][0]["state"] == "heard"
    heavy = ("--finding", "violation", "--measure", "employment", "--text", "Sold the list.")
    assert kehu("case", "decide", number, *heavy)[1]["cases"][0]["state"] == "proposed"
    code, refused = kehu("case", "confirm", number)  # the owner decided it
    assert (code, refused["error"]["policy"]) == (3, "house.second-person")
    assert kehu("case", "unfreeze", number)[1]["cases"][0]["frozen"] is False


def test_a_breach_opens_an_incident_or_nothing(kehu, li):
    from kehu.guard.staff.actions import owner_actor

    person, email, _ = li
    number = str(kehu("case", "open", "--alert", raised(person))[1]["cases"][0]["number"])
    made = kehu("case", "incident", number, "--text", "The list is for sale.")[1]["cases"][0]["incident"]
    assert [row["id"] for row in incidents.listed(actor=owner_actor())] == [made]
    assert kehu("case", "incident", number, "--text", "again")[1]["error"]["code"] == "case-state"
    assert len(incidents.listed(actor=owner_actor())) == 1
    assert kehu("case", "open", "--staff", email, "--alert", "1")[0] == 2
    for words in (("case", "open"), ("case", "join", number)):
        for alert, said in (("77", "unknown-alert"), ("9" * 30, "unknown-alert")):
            code, refused = kehu(*words, "--alert", alert)
            assert (code, refused["error"]["code"]) == (1, said)
    closed = raised(person, "honey")
    assert kehu("case", "join", number, "--alert", closed)[0] == 0
    code, refused = kehu("case", "open", "--alert", closed)
    assert (code, refused["error"]["code"]) == (1, "alert-closed")
    by_hand = str(kehu("case", "open", "--staff", email)[1]["cases"][0]["number"])
    assert kehu("case", "tell", by_hand, "--text", TOLD)[0] == 3  # who accuses goes no further


def test_every_refusal_of_the_database_has_words():
    assert {f"case-{why}" for why in WHY} <= set(table())
