"""Reads the tables of ``policies/tests`` into requests to the policies."""

from __future__ import annotations

import tomllib
from typing import Any

from kehu.govern.dictionary import Dictionary
from kehu.govern.laws import packs_for
from kehu.govern.purposes import claims_of, load_purposes
from kehu.govern.sources import SourceFacts
from kehu.guard.gate.actor import ActorFacts
from kehu.guard.gate.policies import Answer, FieldClass, PolicySet, principal_of
from kehu.host.paths import policies_dir

FOLDER = policies_dir() / "tests"
ORDINARY = tomllib.loads((FOLDER / "ordinary.toml").read_text(encoding="utf-8"))
FACTS = (
    "role",
    "department",
    "active",
    "agreement",
    "training",
    "second_factor",
    "credential_ok",
    "scope_ok",
    "on_duty",
)
STATE = (
    "use", "bulk", "recipient_kind", "recipient_registered", "country", "country_registered", "approved", "automated", "automated_registered", "event", "medium", "topic_kind", "subscription", "subscription_ground",
    "by_guardian", "consent", "consent_kind", "version_covered", "objected", "restricted",
    "opted_out", "gpc", "deceased", "kept", "over", "emergency", "own", "guardian", "age", "provenance", "kind",
    "supply", "told", "supply_allows", "supply_agreed", "refuses_public", "stale",
)  # fmt: skip


def rows(key: str) -> list[dict[str, Any]]:
    """All rows of that key (``rows`` or ``collect``), each with the file it stands in."""
    return [
        {**row, "file": path.stem}
        for path in sorted(FOLDER.glob("*.toml"))
        for row in tomllib.loads(path.read_text(encoding="utf-8")).get(key, [])
    ]


def request(**case: Any) -> tuple[dict[str, Any], dict[str, Any], FieldClass]:
    """Principal, context and field class of an ordinary case with differences."""
    row = {**ORDINARY, **case}
    purpose, field = load_purposes()[row["purpose"]], Dictionary.load().field(row["field"])
    facts = ActorFacts(
        *(row[name] for name in FACTS),
        **{name: row[name] for name in ("place", "watching", "reviewed", "narrowed", "may_level")},
        **{name: tuple(row[name]) for name in ("may_purposes", "may_categories", "may_actions")},
    )
    grounds = {law: row.get("ground", ground) for law, ground in purpose.grounds.items()}
    context = {name: row[name] for name in STATE} | {
        "purpose": purpose.slug,
        "grounds": grounds,
        "packs": sorted(packs_for(row["residence"])),
        "departments": row["departments"],
        "country": row["country"] or row["place"],
        "there": sorted(packs_for(row["country"] or row["place"])) if row["country"] or row["place"] else [],
    }
    held = FieldClass(
        field.name in purpose.least, field.level, field.category, tuple(row["agreed"]), field.verifies, row["granted"],
        not facts.narrowed or field.category in facts.may_categories,
    )  # fmt: skip
    return principal_of(facts, claims_of(row["role"])), context, held


def answer(policies: PolicySet, **case: Any) -> Answer:
    """The policies' answer to a case."""
    principal, context, held = request(**case)
    asked = {"match": ("match",), "read": ("open", "mask", "match")}.get(context["use"], ("open", "mask"))
    return policies.decide(principal, context, [held], asked)[held]


def collect_answer(policies: PolicySet, **case: Any) -> Answer:
    """The policies' answer to a collection."""
    row = {**ORDINARY, **case}
    facts = "|".join(str(int(row[n]) if isinstance(row[n], bool) else row[n]) for n in FACTS)
    return policies.decide_collect(
        facts,
        basis=row.get("basis", "contract"),
        packs=packs_for(row["residence"]),
        notice=row.get("notice", True),
        channel_kind=row.get("channel", "store"),
        source=SourceFacts(
            row.get("source", ""),
            row.get("source_proof", False),
            row.get("source_obtained", False),
            row.get("source_allows", True),
            row.get("source_in_scope", True),
        ),
    )
