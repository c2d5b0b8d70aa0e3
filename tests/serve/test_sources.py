"""Data from others than the customer: who lets a source in, what it may be used for, and telling people where it came from."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.core import mail
from django.db import DatabaseError, connection, transaction
from django.test import override_settings

from kehu.collect.imports import actions as importing
from kehu.collect.imports.recipe import ImportTerms
from kehu.collect.models import Quarantined
from kehu.govern import register
from kehu.govern.models import Informed, Source
from kehu.govern.sources import marks_of_customers, marks_of_records
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.admit import CollectionRefused
from kehu.guard.gate.read import gate
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import actor_of, owner_actor
from kehu.serve.desk.queries import explain, find, show
from kehu.serve.register import changes
from kehu.serve.rights import actions as rights
from kehu.serve.rights.erasure import erase
from kehu.serve.rights.export import export
from kehu.serve.rights.health import check_informing
from kehu.serve.sources import informing
from kehu.serve.sources import register as sources
from tests.cast import staff

BROKER = {
    "kind": "third-party", "party": "Broker Ltd", "country": "DE", "contract": "B-17", "ground": "consent",
    "purposes": ["service", "marketing"], "until": "2099-12-31", "proof": "ab" * 32, "obtained": "their own shop, checked",
}  # fmt: skip
COURT = {
    "kind": "public", "party": "Court of Records", "country": "CN", "ground": "public", "purposes": ["service", "credit"],
    "fields": ["full_name", "email", "external_id"], "scope": "judgments of the last year", "proof": "cd" * 32,
}  # fmt: skip
GIVEN = {"kind": "general", "until": None, "notice": None, "by_subject": None}


@pytest.fixture
def office(database):
    """Who proposes, and who lets it through."""
    return staff("marketing"), staff("privacy")


@pytest.fixture
def registered(office):
    def work(name="broker", parts=BROKER, **other):
        proposer, decider = office
        change = changes.propose_source(name, parts | other, actor=proposer)
        changes.approve(change.id, actor=decider)
        return Source.objects.get(name=name)

    return work


@pytest.fixture
def bring(database, tmp_path):
    """Import a text from a source as the home's owner; returns the import's status."""

    def work(text, *, source="broker", channel="third-party", residence="CN", progress=None, **terms):
        path = tmp_path / f"in-{abs(hash(text))}.csv"
        path.write_text(text, encoding="utf-8")
        asked = ImportTerms(
            files=(path,), channel=channel, basis="contract", residence=residence, source=source, **terms
        )
        id = importing.start(importing.plan(asked, actor=owner_actor()), actor=owner_actor())
        return importing.run(id, actor=owner_actor(), progress=progress, link=False)

    return work


@pytest.fixture
def letters():
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
        mail.outbox = []
        yield mail.outbox


def one(query, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()[0]


def customer(**where):
    [(column, value)] = where.items()
    return one(f"select subject from subject_state where {column} = %s", value)


def member(role):
    return actor_of(f"{role}@kehu.example")


def policy_of(subject, *, actor, purpose="service", field="email"):
    held = explain(subject, actor=actor, purpose=purpose, fields=[field])[field]
    return held.answer, held.policy


PERSON = "external_id,full_name,email\nB-1,Lin Wan,lin@kehu.example\n"


def test_two_people_let_a_source_in_and_the_database_sees_to_it(office, registered):
    proposer, decider = office
    change = changes.propose_source("broker", BROKER, actor=proposer)
    with pytest.raises(Refused) as refused:
        changes.approve(change.id, actor=proposer)
    assert refused.value.policy == "house.act" and not Source.objects.exists()
    changes.approve(change.id, actor=decider)
    held = Source.objects.get()
    assert (held.purposes, held.proved, held.country) == ([1, 4], True, "DE")
    with pytest.raises(register.NothingChanges):
        changes.propose_source("broker", BROKER, actor=proposer)
    for column, value in (("purposes", "[1,4,7]"), ("until", "2199-01-01"), ("country", "FR")):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"update govern_source set {column} = %s", [value])
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("delete from govern_source")
    wider = changes.propose_source("broker", {"purposes": ["service", "marketing", "credit"]}, actor=proposer)
    assert Source.objects.get().purposes == [1, 4]
    changes.approve(wider.id, actor=decider)
    assert Source.objects.get().purposes == [1, 4, 7]
    for wrong in ({"until": None}, {"proof": "abc"}, {"purposes": []}, {"purposes": ["sale"]}, {"country": "Germany"},
                  {"ground": "hope"}, {"contract": ""}, {"secret": "x"}, {"fields": ["shoe"]}):  # fmt: skip
        with pytest.raises(ValueError, match=r"^(source|until|proof|purposes|country|ground|contract|fields)"):
            changes.propose_source("other", BROKER | wrong, actor=proposer)


@pytest.mark.parametrize(
    ("parts", "act", "terms", "policy"),
    [
        ({"proof": ""}, None, {}, "house.collect-proof"),
        ({"until": "2020-01-01"}, None, {}, "house.source-expired"),
        ({}, "stop", {}, "house.source-stopped"),
        ({}, "fail", {}, "house.source-audit"),
        ({}, None, {"purposes": ("credit",)}, "house.source-for"),
        ({}, None, {"consents": (("analytics", "yes"),), "consent_time": "on"}, "house.source-for"),
        ({"fields": ["full_name"]}, None, {}, "house.source-scope"),
        ({"obtained": ""}, None, {"residence": "JP"}, "jp.appi.30-obtained"),
    ],
    ids=["unproven", "expired", "stopped", "audit", "for", "consents", "scope", "japan"],
)
def test_what_is_not_fit_is_not_brought_in(registered, bring, parts, act, terms, policy):
    registered(**parts)
    if act == "stop":
        sources.stop("broker", actor=owner_actor())
    if act == "fail":
        sources.audit("broker", on=datetime.now(UTC).date(), outcome="failed", actor=owner_actor())
    text = "external_id,full_name,email,yes,on\nB-1,Lin,lin@kehu.example,yes,2026-01-01\n"
    with pytest.raises(CollectionRefused) as refused:
        bring(text, **terms)
    assert refused.value.policy == policy and one("select count(*) from record") == 0
    if act == "fail":
        sources.audit("broker", on=datetime.now(UTC).date(), outcome="passed", actor=owner_actor())
        assert bring(text, **terms).accepted == 1


def test_a_source_fits_its_channel_and_its_document(registered, bring):
    registered()
    for wrong in ({"channel": "store"}, {"channel": "public"}, {"source": "nobody"}, {"source_proof": b"another paper"}):
        with pytest.raises(importing.TermsRefused) as refused:
            bring(PERSON, **wrong)
        assert refused.value.option == "source"
    with pytest.raises(CollectionRefused):
        bring(PERSON, source=None)


def test_an_import_at_work_ends_when_its_source_is_stopped(registered, bring, office, monkeypatch):
    registered()
    monkeypatch.setattr(importing, "SIZE", 2)
    monkeypatch.setattr(importing._Pace, "__init__", lambda pace: setattr(pace, "rows", 2))
    monkeypatch.setattr(importing._Pace, "note", lambda pace, seconds: None)
    text = "external_id,full_name,email\n" + "".join(f"B-{n},P {n},p{n}@kehu.example\n" for n in range(6))

    def stop_it(held):
        if held.rows == 2:
            sources.stop("broker", actor=office[1])

    with pytest.raises(CollectionRefused) as refused:
        bring(text, progress=stop_it)
    assert refused.value.policy == "house.source-stopped"
    assert one("select count(*) from record where supplier is not null") == 2
    change = changes.propose_source("broker", {"contract": "B-18"}, actor=office[0])
    changes.approve(change.id, actor=office[1])
    assert bring(text).accepted == 6


def test_bought_values_open_once_told_and_for_what_the_source_allows(registered, bring, letters):
    registered()
    bring(PERSON + "B-2,Wu,wu@kehu.example\n", purposes=("service",))
    service, marketing = staff("service"), Source.objects.get()
    lin = one("select subject from subject_state order by subject limit 1")
    assert policy_of(lin, actor=service) == ("denied", "cn.pipl.17-told")
    assert show(lin, actor=service, purpose="service").refused
    assert find({"email": "lin@kehu.example"}, actor=service, purpose="service")[0] == []
    done = informing.send(actor=owner_actor())
    assert (done.mailed, done.by_post, done.away) == (2, 0, False)
    told = next(letter for letter in letters if letter.to == ["lin@kehu.example"])
    assert "Broker Ltd" in told.body and "第三方" in told.body and "how to reach you" in told.body
    assert policy_of(lin, actor=service) == ("clear", "house.role-service")
    assert show(lin, actor=service, purpose="service").fields["email"] == "lin@kehu.example"
    assert find({"email": "lin@kehu.example"}, actor=service, purpose="service")[0] == [lin]
    # brought in for service alone; the source itself may be used for marketing, too
    rights.give(lin, 4, actor=owner_actor(), **GIVEN)
    assert policy_of(lin, actor=member("marketing"), purpose="marketing") == ("denied", "house.source-purpose")
    sources.stop(marketing.name, actor=owner_actor())
    assert policy_of(lin, actor=service) == ("denied", "house.source-purpose")
    assert show(lin, actor=member("privacy"), purpose="rights-request").fields
    assert one("select count(*) from ledger_entry where action = 112") >= 1
