"""Commands on data quality and verification: scores, rules, policies, what did not arrive."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import click

from kehu.doors.cli.frame import FAILED, Failure, actor, command, told

if TYPE_CHECKING:
    from kehu.refine.quality.texts import BadRule

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_EVENTS: Final = ("hard-bounce", "soft-bounce", "returned-post", "failed-delivery", "failed-call", "delivered")


@click.group()
def quality() -> None:
    """How good the data are: scores, and the rules that they are measured by."""


@quality.command("measure", epilog="Example: kehu quality measure")
@command()
def quality_measure() -> Any:
    """Measure everybody now, through the gate; nobody is shown a value."""
    from kehu.refine.quality.measure import MeasuringRuns, measure

    try:
        run = measure(actor=actor())
    except MeasuringRuns:
        raise Failure(FAILED, "running", "Another measuring is going on.", "See: kehu quality scores") from None
    return {"run": str(run.id), "customers": run.done, "left_out": run.left_out}


@quality.command("scores", epilog="Example: kehu quality scores")
@command()
def quality_scores() -> Any:
    """The scores of the last measuring: shares of a hundred by dimension, field and rule; the few are not told."""
    from kehu.refine.quality import scores

    held = scores.board(actor=actor())
    if held is None:
        raise Failure(FAILED, "not-measured", "Nothing was measured yet.", "Run: kehu quality measure")
    rows = [("all", "", name, one) for name, one in held.whole.items()]
    rows += [("field", key, name, one) for key, row in sorted(held.fields.items()) for name, one in row.items()]
    rows += [("rule", key, "", one) for key, one in sorted(held.rules.items())]
    return {
        "day": held.run.day.isoformat(),
        "overall": None if held.overall is None else round(held.overall, 4),
        "scores": [
            {"scope": scope, "key": key, "dimension": name, "share": None if one.share is None else round(one.share, 4),
             "short": one.bad}
            for scope, key, name, one in rows
        ],
    }  # fmt: skip


@quality.command("rules", epilog="Example: kehu quality rules")
@command()
def quality_rules() -> Any:
    """Every rule: what ships, and what the house wrote in its newest version."""
    return _rules()


@quality.command("save", epilog="Example: kehu quality save rule.toml --owner li@shop.example --deputy wu@shop.example")
@click.argument("file", type=_FILE)
@click.option("--owner", required=True, help="Whose it is, by email.")
@click.option("--deputy", required=True, help="Who stands in.")
@command()
def quality_save(file: Path, owner: str, deputy: str) -> Any:
    """Keep a rule as a draft; its examples are tested first.

    FILE is TOML with one table named like the rule:

    \b
    [mail-of-ours]
    labels = { en = "Mail of ours", zh-hans = "本公司邮箱", zh-hant = "本公司郵箱" }
    condition = "email matches '.+@ours\\\\.example'"
    dimension = "validity"
    severity = "low"
    passes = [{ email = "a@ours.example" }]
    fails = [{ email = "a@theirs.example" }]

    Of some customers alone: segment = "kind:1" (persons), "kind:2" (organisations), "law:CN", "controller:1".
    """
    from kehu.refine.quality import rules
    from kehu.refine.quality.texts import BadRule, ExampleFails, RuleText

    try:
        document = tomllib.loads(file.read_text(encoding="utf-8"))
        [(slug, parts)] = document.items()
        text = RuleText(slug=slug, **parts)
        rules.save_rule(text, owner=owner, deputy=deputy, actor=actor())
    except BadRule as bad:
        raise _unreadable(bad) from None
    except ExampleFails as fails:
        raise Failure(
            FAILED, "example", f"Example {fails.number} of {fails.wanted} turns out otherwise.", "Mend it, or the rule."
        ) from None
    except (ValueError, TypeError):
        raise Failure(FAILED, "file", "The file holds one whole rule.", "Compare it with --help.") from None
    return _rules(slug)


@quality.command("try", epilog="Example: kehu quality try mail-of-ours")
@click.argument("slug")
@command()
def quality_try(slug: str) -> Any:
    """Try the newest version of a rule on a sample of customers."""
    from kehu.refine.quality import rules
    from kehu.refine.quality.texts import BadRule

    try:
        row = rules.try_rule(_newest(slug), actor=actor())
    except BadRule as bad:
        raise _unreadable(bad) from None
    return {"tried": {"slug": slug, "version": row.version, **_told(row.tried_of or 0, row.tried_bad or 0)}}


@quality.command("enforce", epilog="Example: kehu quality enforce mail-of-ours")
@click.argument("slug")
@command()
def quality_enforce(slug: str) -> Any:
    """Put the newest version of a rule in force, once it was tried."""
    from kehu.refine.quality import rules
    from kehu.refine.quality.texts import BadRule

    try:
        rules.put_in_force(_newest(slug), actor=actor())
    except BadRule as bad:
        raise _unreadable(bad) from None
    except rules.NotTried:
        raise Failure(FAILED, "not-tried", "It was not tried yet.", f"Run: kehu quality try {slug}") from None
    except rules.RuleEnded:
        raise Failure(FAILED, "ended", "It is in force, or was retired.", "Save another version.") from None
    return _rules(slug)


@quality.command("retire", epilog="Example: kehu quality retire name-length")
@click.argument("slug")
@command()
def quality_retire(slug: str) -> Any:
    """Let a rule count no more; one that ships, too."""
    from kehu.refine.quality import rules

    try:
        rules.retire(slug, actor=actor())
    except rules.UnknownRule:
        raise _unknown(slug) from None
    return _rules(slug)


@click.group()
def verification() -> None:
    """What is verified how often, and what waits for it."""


@verification.command("list", epilog="Example: kehu verification list")
@command()
def verification_list() -> Any:
    """The policies in force."""
    return _policies()


@verification.command(
    "add", epilog="Example: kehu verification add phone-yearly --field phone --months 12 --owner a@b.example --deputy c@b.example"
)  # fmt: skip
@click.argument("slug")
@click.option("--field", required=True, help="What is verified.")
@click.option("--months", type=click.IntRange(1, 120), help="Nobody confirmed it for so long.")
@click.option("--bounces", type=click.IntRange(1, 20), help="Or so many messages did not arrive.")
@click.option("--whom", default="all", show_default=True, help="all, persons, organisations, customers (who ordered).")
@click.option("--way", default="task", show_default=True, help="task, portal, mail.")
@click.option("--role", default="service", show_default=True, help="Whose tasks they are.")
@click.option("--due", type=click.IntRange(1, 365), default=30, show_default=True, help="Days until a task is due.")
@click.option("--owner", required=True, help="Whose it is, by email.")
@click.option("--deputy", required=True, help="Who stands in.")
@command()
def verification_add(
    slug: str, field: str, months: int | None, bounces: int | None, whom: str, way: str, role: str, due: int, owner: str,
    deputy: str,
) -> Any:  # fmt: skip
    """Put a policy in force, in place of one of the same name."""
    from kehu.serve.upkeep.policies import Wanted, make_policy

    try:
        make_policy(
            Wanted(slug, field, months, bounces, whom, way, role, due), owner=owner, deputy=deputy, actor=actor()
        )
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from None
    return _policies()


@verification.command("retire", epilog="Example: kehu verification retire phone-yearly")
@click.argument("slug")
@command()
def verification_retire(slug: str) -> Any:
    """End a policy; its tasks stay."""
    from kehu.serve.upkeep.policies import UnknownPolicy, retire_policy

    try:
        retire_policy(slug, actor=actor())
    except UnknownPolicy:
        raise _unknown(slug) from None
    return _policies()


@verification.command("run", epilog="Example: kehu verification run")
@command()
def verification_run() -> Any:
    """Make the tasks of today, as every night does by itself."""
    from kehu.serve.upkeep.policies import in_force, run_policy

    who = actor()
    return {"made": [{"slug": one.slug, "tasks": run_policy(one, actor=who)} for one in in_force()]}


@verification.command("tasks", epilog="Example: kehu verification tasks")
@command()
def verification_tasks() -> Any:
    """What waits, the soonest due first: ids and fields, no value."""
    from kehu.serve.upkeep import queue

    who = actor()
    held, found = queue.counts(actor=who), queue.waiting(actor=who)
    return {
        "waiting": held.waiting,
        "late": held.late,
        "tasks": [
            {"id": str(one.id), "subject": str(customer), "field": one.field, "why": one.why, "state": one.state,
             "due": one.due.isoformat()}
            for one, customer in found.tasks
        ],
    }  # fmt: skip


@click.command("bounce", epilog="Example: kehu bounce returned-post address --customer 0199…")
@click.argument("kind", type=click.Choice(_EVENTS))
@click.argument("contact")
@click.option(
    "--customer",
    type=click.UUID,
    help="Whose, by any of their ids, where no value finds them (post): CONTACT is the field.",
)
@click.option("--report", default="", help="The sender's own name of it: the same twice is one.")
@command()
def bounce(kind: str, contact: str, customer: UUID | None, report: str) -> Any:
    """Note that something sent did not arrive (or did): CONTACT is field=value, or field=- read from standard input."""
    from kehu.serve.upkeep.bounces import NotAContact, note_by_value, note_of

    name, sign, value = contact.partition("=")
    if bool(sign) is (customer is not None):
        raise click.UsageError("contact: field=value, or the field with --customer")
    if value == "-":
        value = told("-")
    try:
        if customer is not None:
            noted = note_of(kind, name, customer, actor=actor(), report=report)
        else:
            noted = note_by_value(kind, name, value, actor=actor(), report=report)
    except (NotAContact, KeyError):
        raise click.UsageError(
            "no such field for this, no valid form of it, or none that is found by its value: see --customer"
        ) from None
    return {"customers": noted.customers, "tasks": noted.tasks}


def _rules(only: str | None = None) -> dict[str, Any]:
    from kehu.guard.gate.acts import require_act
    from kehu.refine.quality import rules
    from kehu.refine.quality.texts import shipped_texts

    require_act("quality", actor())
    latest, out = rules.latest_of_office(), rules.left_out()
    names = [only] if only else sorted({*shipped_texts(), *latest})
    found = []
    for slug in names:
        row = latest.get(slug)
        text = rules.text_of(row) if row is not None else shipped_texts()[slug]
        found.append(
            {"slug": slug, "version": row.version if row else 0, "state": row.state if row else "shipped",
             "left_out": slug in out, "dimension": text.dimension, "severity": text.severity, "segment": text.segment,
             "condition": text.condition}
        )  # fmt: skip
    return {"rules": found}


def _policies() -> dict[str, Any]:
    from kehu.guard.gate.acts import require_act
    from kehu.serve.upkeep.policies import in_force

    require_act("verify-task", actor())
    return {
        "policies": [
            {"slug": one.slug, "field": one.field, "months": one.months, "bounces": one.bounces, "whom": one.whom,
             "way": one.way, "role": one.role, "due_days": one.due_days}
            for one in in_force()
        ]
    }  # fmt: skip


def _newest(slug: str) -> Any:
    from kehu.refine.quality import rules

    held = rules.versions(slug)
    if not held:
        raise _unknown(slug)
    return held[0].id


def _unreadable(bad: BadRule) -> Failure:
    return Failure(FAILED, "rule", f"{bad.why} at character {bad.at + 1}: {bad.found}", "See: kehu quality save --help")


def _told(of: int, bad: int) -> dict[str, Any]:
    from kehu.refine.quality.scores import Shown

    shown = Shown.made(of, bad)
    return {"of": shown.of, "short": shown.bad, "share": None if shown.share is None else round(shown.share, 4)}


def _unknown(slug: str) -> Failure:
    return Failure(FAILED, "unknown", f"Nothing of the name {slug} is there.", "See: kehu quality rules")
