"""The cast goes on stage: each state that the demonstration shows is set by the action that sets it in real life."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from kehu.doors.demo.book import cast
from kehu.doors.demo.layouts import load_table
from kehu.govern.models import Consent
from kehu.govern.slugs import CATEGORIES, PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.serve.desk import queries
from kehu.serve.rights import requests
from kehu.serve.rights.consents import actions

_OFFICE: Final = "rights-request"
_STATES: Final[tuple[tuple[str, str, str], ...]] = (  # role, state, the act that sets it
    ("restricted", "restriction", "restrict"),
    ("objecting", "objection", "object"),
    ("gpc", "gpc", "optout"),
    ("californian", "optout", "optout"),
    ("deceased", "deceased", "deceased"),
    ("held", "hold", "hold"),
)


def put_on_stage(privacy: Actor) -> None:
    """Set every state of the cast that is not set yet, and enter what they asked of the privacy office."""
    people = on_stage(privacy)
    for role, kind, act in _STATES:
        subject = people.get(role)
        if subject is not None and kind not in {row["kind"] for row in actions.states(subject)}:
            actions.enter_state(subject, kind, actor=privacy, act=act, **_terms(kind))
    _guardianship(people, privacy)
    _open_requests(people, privacy)


def on_stage(actor: Actor) -> dict[str, UUID]:
    """The cast's customers by role, looked up as the privacy office looks people up: recorded like any search."""
    people = {}
    for role, member in cast().items():
        found = queries.find({"external_id": member.external_id}, actor=actor, purpose=_OFFICE)
        if found.subjects:
            people[role] = found.subjects[0]
    return people


def _terms(kind: str) -> dict[str, Any]:
    now = timezone.now()
    if kind == "objection":
        return {"purpose": PURPOSES["marketing"]}
    if kind == "deceased":
        return {"since": now - timedelta(days=24)}
    if kind == "hold":  # a dispute over an order: what was bought stays, for a year at most
        return {"categories": 1 << (CATEGORIES["transaction"] - 1), "until": now + timedelta(days=360)}
    return {}


def _guardianship(people: dict[str, UUID], actor: Actor) -> None:
    """The guardian consents for the child (PIPL 31); without it nobody would see the child at all."""
    child, guardian = people.get("child"), people.get("guardian")
    if child is None or guardian is None or Consent.objects.filter(subject=child, by_subject=guardian).exists():
        return
    for purpose in ("service", "fulfilment"):
        actions.give(
            child, PURPOSES[purpose], actor=actor, kind="specific", until=None, notice=None, by_subject=guardian
        )


def _open_requests(people: dict[str, UUID], actor: Actor) -> None:
    now = timezone.now()
    for entry in load_table("requests.toml")["request"]:
        subject = people.get(entry["of"])
        if subject is None or requests.listed(actor=actor, subject=subject):
            continue
        id = requests.open_request(
            subject=subject, right=entry["right"], text=entry["text"], actor=actor,
            received_at=now - timedelta(days=entry["days_ago"]),
        )  # fmt: skip
        if "answer" in entry:
            requests.answer_request(id, outcome=entry["outcome"], text=entry["answer"], actor=actor)
