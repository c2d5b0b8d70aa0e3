"""Commands of traits: what is derived of customers, declared, computed and retired."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from kehu.doors.cli.frame import FAILED, Failure, actor, command, language

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kehu.refine.derive.counts import Spread
    from kehu.refine.derive.definition import Definition

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def traits() -> None:
    """What is derived of customers, without anybody's name in it."""


@traits.command("list", epilog="Example: kehu traits list")
@command()
def traits_list() -> Any:
    """Every trait: purpose, level, owner, deputy, how many customers it covers and when it was computed."""
    from kehu.refine.derive import due, queries, runs

    rows = queries.catalogue(actor=actor())
    return {
        "traits": [
            {
                "trait": row.definition.slug, "label": row.definition.label(language()),
                "purpose": row.definition.purpose, "level": row.definition.level, "state": row.state,
                "version": row.version, "owner": row.owner or None, "deputy": row.deputy or None,
                "customers": row.covered, "computed_at": row.computed_at.isoformat() if row.computed_at else None,
            }
            for row in rows
        ],
        "due": due.waiting(),
        "stopped": _stopped(runs.stopped()),
    }  # fmt: skip


@traits.command("show", epilog="Example: kehu traits show recency")
@click.argument("trait")
@command()
def traits_show(trait: str) -> Any:
    """One trait: what it says, its versions, and how it is spread; small counts are withheld (null)."""
    from kehu.refine.derive import counts, queries
    from kehu.refine.derive.faults import UnknownTrait

    who = actor()
    rows = {row.definition.slug: row for row in queries.catalogue(actor=who)}
    if trait not in rows:
        raise UnknownTrait(trait)
    row = rows[trait]
    spread = counts.spread(trait, actor=who) if row.state == "in-force" else None
    return {
        "trait": trait, "state": row.state, **_said(row.definition), "inputs": list(row.inputs),
        "needs": list(row.needs), "owner": row.owner or None, "deputy": row.deputy or None,
        "versions": [
            {"version": one.number, "at": one.at.isoformat(), "by": one.by, "expression": one.definition.expression}
            for one in queries.versions_of(trait, actor=who)
        ],
        "spread": _spread(spread) if spread else None,
    }  # fmt: skip


@traits.command("count", epilog="Example: kehu traits count frequency=1 lifecycle=active")
@click.argument("conditions", nargs=-1, required=True, metavar="TRAIT=BAND...")
@command()
def traits_count(conditions: tuple[str, ...]) -> Any:
    """How many customers meet up to three conditions; withheld (null) where the number, or a difference, would tell of few.

    A band is named as traits show lists it; the traits serve one purpose.
    """
    from kehu.refine.derive import counts

    asked = dict(one.split("=", 1) for one in conditions if "=" in one)
    if len(asked) < len(conditions):
        raise click.UsageError("say each condition as TRAIT=BAND, and each trait once")
    return {"conditions": asked, "customers": counts.how_many(asked, actor=actor())}


@traits.command("compute", epilog="Example: kehu traits compute")
@click.option("--due", is_flag=True, help="Only of whom something came or changed.")
@command()
def traits_compute(due: bool) -> Any:
    """Compute every trait in force anew, through the gate; what may not be opened is not counted.

    A purpose that nobody may ask for now is stopped: what is kept for it stands as it was, the others go on. Ends with 1 then.
    """
    from kehu.guard.gate.acts import require_act
    from kehu.refine.derive import runs

    who = actor()
    if due:
        require_act("derive", who)
        done = runs.catch_up()
        answer: dict[str, Any] = {"customers": done.customers}
    else:
        done = runs.compute(actor=who)
        answer = {"asked": done.customers, "let_out": done.let_out}
    answer |= {"seconds": round(done.seconds, 3), "stopped": _stopped(done.stopped)}
    return (answer, FAILED) if done.stopped else answer


@traits.command(
    "declare", epilog="Example: kehu traits declare mine.toml --owner li@shop.example --deputy he@shop.example"
)
@click.argument("file", type=_FILE, required=False)
@click.option("--shipped", is_flag=True, help="The traits that ship, instead of a file; of --purpose only, if named.")
@click.option("--purpose", help="With --shipped: those of this purpose only.")
@click.option("--owner", required=True, help="Who answers for it, by email.")
@click.option("--deputy", required=True, help="Who stands in, by email; another person.")
@click.option("--reason", default="", help="Why; kept with the version.")
@click.option("--dry-run", is_flag=True, help="Say what would come into force, and put nothing.")
@command()
def traits_declare(
    file: Path | None, shipped: bool, purpose: str | None, owner: str, deputy: str, reason: str, dry_run: bool
) -> Any:
    """Put traits, or new versions of them, in force.

    FILE is TOML, a table for each trait, of the form that docs/reference/traits.md shows. They are computed with the next
    run: kehu traits compute. Of the traits that ship, those that were changed, retired or are in force stay as they are.
    """
    from kehu.refine.derive import actions
    from kehu.refine.derive.definition import read_file
    from kehu.refine.derive.faults import Fault

    if (file is None) == (not shipped):
        raise click.UsageError("say one of: FILE, --shipped")
    who = actor()
    try:
        if file is None:
            wanted, left = actions.not_taken_over(purpose)
        else:
            found = read_file(file.read_bytes()).values()
            wanted, left = [one for one in found if purpose in (None, one.purpose)], {}
        for one in wanted:
            if dry_run:
                actions.check(one)
            else:
                actions.declare(one, owner=owner, deputy=deputy, actor=who, reason=reason)
    except Fault as wrong:
        raise Failure(FAILED, "trait", wrong.message(language()), wrong.remedy(language())) from None
    return {
        "declared": [] if dry_run else [one.slug for one in wanted], "checked": [one.slug for one in wanted],
        "left": [{"trait": slug, "state": state} for slug, state in left.items()],
    }  # fmt: skip


@traits.command("retire", epilog="Example: kehu traits retire satisfaction")
@click.argument("trait")
@command()
def traits_retire(trait: str) -> Any:
    """Take a trait out of force; what was kept for it goes at once."""
    from kehu.refine.derive import actions
    from kehu.refine.derive.faults import Fault

    try:
        actions.retire(trait, actor=actor())
    except Fault as wrong:
        raise Failure(FAILED, "trait", wrong.message(language()), wrong.remedy(language())) from None
    return {"retired": trait}


def _stopped(found: Mapping[str, str]) -> list[dict[str, str]]:
    from kehu.guard.installation import installation

    said = installation().rules.policies.text
    return [
        {"purpose": purpose, "policy": policy, "why": said(policy, language()).reason if policy else ""}
        for purpose, policy in found.items()
    ]


def _said(one: Definition) -> dict[str, Any]:
    return {
        "label": one.label(language()), "description": one.description(language()), "purpose": one.purpose,
        "level": one.level, "language": one.language, "source": one.source or None, "expression": one.expression,
        "bands": list(one.bands), "unit": one.unit, "retention_days": one.retention_days,
    }  # fmt: skip


def _spread(spread: Spread) -> dict[str, Any]:
    return {
        "customers": spread.total,
        "bands": [{"band": band, "customers": n} for band, n in zip(spread.bands, spread.counts, strict=True)],
    }
