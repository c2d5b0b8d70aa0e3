"""Others who give data of customers: a broker in the register, and what it brings."""

from __future__ import annotations

import pytest

from kehu.collect.imports import actions as importing
from kehu.collect.imports.recipe import ImportTerms
from kehu.govern.models import Source
from kehu.guard.staff.actions import actor_of, owner_actor
from kehu.serve.desk.queries import explain
from kehu.serve.register import changes
from tests.cast import staff

BROKER = {
    "kind": "third-party", "party": "Broker Ltd", "country": "DE", "contract": "B-17", "ground": "consent",
    "purposes": ["service", "marketing"], "until": "2099-12-31", "proof": "ab" * 32, "obtained": "their own shop, checked",
}  # fmt: skip
PERSON = "external_id,full_name,email\nB-1,Lin Wan,lin@kehu.example\n"


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


def member(role):
    return actor_of(f"{role}@kehu.example")


def policy_of(subject, *, actor, purpose="service", field="email"):
    held = explain(subject, actor=actor, purpose=purpose, fields=[field])[field]
    return held.answer, held.policy
