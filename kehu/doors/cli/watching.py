"""Commands on the watch: alerts, marks, records made to be found, and a look at what is new in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kehu.doors.cli.frame import FAILED, MOMENT, Failure, Pages, actor, command, language, subject_id, told

if TYPE_CHECKING:
    from kehu.guard.watch.alerts import Alert
    from kehu.guard.watch.marks import Mark

_KINDS = (
    "volume", "off-hours", "breadth", "denials", "colleague", "vip", "sequential", "honey", "quota", "break-glass", "self",
)  # fmt: skip
_Got = TypeVar("_Got")


@click.group()
def watch() -> None:
    """What notices that somebody uses customer data otherwise than their work needs."""


@watch.command("alerts", epilog="Example: kehu watch alerts --state open --json")
@click.option("--state", type=click.Choice(["open", "taken", "dismissed", "case"]), help="All, if left out.")
@click.option("--kind", type=click.Choice(_KINDS))
@click.option("--severity", type=click.Choice(["low", "medium", "high"]))
@click.option("--staff", metavar="EMAIL", help="About this person.")
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@click.option("--before", type=int, metavar="NUMBER", help="Older than this alert.")
@command()
def watch_alerts(
    state: str | None, kind: str | None, severity: str | None, staff: str | None, limit: int, before: int | None
) -> Any:
    """Alerts, the newest first: privacy office, auditor and owner; nobody sees those about themselves."""
    from kehu.guard.staff.actions import actor_of
    from kehu.guard.watch import alerts

    who = actor()
    human = actor_of(staff).human if staff else None
    found = alerts.alerts(actor=who, state=state, kind=kind, severity=severity, human=human, limit=limit, before=before)
    return _alerts(found)


@watch.command("show", epilog="Example: kehu watch show 12")
@click.argument("number", type=int)
@command()
def watch_show(number: int) -> Any:
    """One alert, with its evidence in words and the numbers of the ledger's rows."""
    from kehu.guard.watch import alerts

    return _alerts([_handled(lambda: alerts.alert(number, actor=actor()))])


@watch.command("take", epilog="Example: kehu watch take 12")
@click.argument("number", type=int)
@command()
def watch_take(number: int) -> Any:
    """Take an alert up: you look into it from now on."""
    from kehu.guard.watch import alerts

    return _alerts([_handled(lambda: alerts.take(number, actor=actor()))])


@watch.command("dismiss", epilog="Example: kehu watch dismiss 12 --reason 'Recall of this week, agreed with her lead'")
@click.argument("number", type=int)
@click.option("--reason", required=True, help="Why it was nothing, 10 to 500 characters; - reads standard input.")
@command()
def watch_dismiss(number: int, reason: str) -> Any:
    """Close an alert that was nothing; what is usual is then learnt from that day."""
    from kehu.guard.watch import alerts

    said = told(reason)
    return _alerts([_handled(lambda: alerts.dismiss(number, actor=actor(), reason=said))])


@watch.command("marks", epilog="Example: kehu watch marks --kind vip")
@click.option("--kind", type=click.Choice(["colleague", "vip", "honey"]))
@command()
def watch_marks(kind: str | None) -> Any:
    """Customers that are marked, by id."""
    from kehu.guard.watch import marks

    who = actor()

    def pages() -> Iterator[list[dict[str, Any]]]:
        before = None
        while found := marks.marks(actor=who, kind=kind, before=before):
            yield _marks(found)["marks"]
            before = found[-1].id

    return Pages("marks", pages())


@watch.command("mark", epilog="Example: kehu watch mark 0199… --as vip")
@click.argument("subject")
@click.option("--as", "kind", type=click.Choice(["colleague", "vip"]), required=True)
@click.option("--staff", metavar="EMAIL", help="The colleague's account: a look of theirs is one at themselves.")
@command()
def watch_mark(subject: str, kind: str, staff: str | None) -> Any:
    """Mark a customer: each look at them is told."""
    from kehu.guard.staff.actions import actor_of
    from kehu.guard.watch import marks

    id, who = subject_id(subject), actor()
    human = actor_of(staff).human if staff else None
    return _marks([_handled(lambda: marks.mark(id, kind, actor=who, staff=human))])


@watch.command("unmark", epilog="Example: kehu watch unmark 0199… --as vip")
@click.argument("subject")
@click.option("--as", "kind", type=click.Choice(["colleague", "vip"]), required=True)
@command()
def watch_unmark(subject: str, kind: str) -> Any:
    """Take a mark off; nobody takes their own off."""
    from kehu.guard.watch import marks

    id = subject_id(subject)
    return {"unmarked": _handled(lambda: marks.unmark(id, kind, actor=actor()))}


@watch.command("honey", epilog="Example: kehu watch honey --count 3")
@click.option("--count", type=click.IntRange(1, 20), default=1, show_default=True)
@command()
def watch_honey(count: int) -> Any:
    """Make records of customers who are nobody: privacy office and owner. Opening one is told at once."""
    from kehu.serve.leaving.honey import NobodyHere, make_honey

    try:
        return {"honey": [str(one) for one in make_honey(count, actor=actor())]}
    except NobodyHere:
        raise Failure(FAILED, "nobody-here", "There is no customer among whom a record could stand.") from None


@watch.command("run", epilog="Example: kehu watch run --json")
@command()
def watch_run() -> Any:
    """Look at what is new in the ledger now, find colleagues, and tell of alerts; the running system does it each minute."""
    from kehu.guard.gate.acts import require_act
    from kehu.guard.ledger.open_log import open_sequencer
    from kehu.guard.staff.actions import owner_actor
    from kehu.guard.watch import engine, health, marks, tell

    require_act("watch", actor())
    with open_sequencer() as sequencer:
        sequencer.run_once()
    found = marks.find_colleagues(actor=owner_actor())
    seen = engine.look()
    return {
        "rows": seen.rows, "alerts": list(seen.alerts), "taught": seen.taught, "colleagues": found, "told": tell.deliver(),
        "waiting": health.standing()["waiting"],
    }  # fmt: skip


@watch.command("figures", epilog="Example: kehu watch figures --since 2026-10-01")
@click.option(
    "--since", type=MOMENT, help="Whole months, from that of this moment on; the last half-year, if left out."
)
@command()
def watch_figures(since: datetime | None) -> Any:
    """How many alerts, by department, kind and month, without names; null: fewer than three people are behind it."""
    from kehu.guard.watch import figures

    return {
        "figures": [
            {
                "department": one.department, "kind": one.kind, "month": f"{one.month:%Y-%m}", "alerts": one.alerts,
                "dismissed": one.dismissed, "cases": one.cases,
            }
            for one in figures.figures(actor=actor(), since=since.date() if since else None)
        ]
    }  # fmt: skip


@watch.command("secret", epilog="Example: kehu watch secret --json | jq -r .secret")
@command()
def watch_secret() -> Any:
    """The key that alerts posted to KEHU_WATCH_WEBHOOK are signed with: only for the home's owner."""
    from kehu.guard.watch import tell

    return {"secret": tell.secret(actor=actor()), "header": tell.SIGNATURE}


def _handled(work: Callable[[], _Got]) -> _Got:
    """Do it; a mark that is not there is a failure of its own."""
    from kehu.guard.watch.marks import UnknownMark

    try:
        return work()
    except UnknownMark:
        raise Failure(FAILED, "unknown-mark", "There is no customer of that id, or no such mark.") from None


def _alerts(found: Iterable[Alert]) -> dict[str, Any]:
    from kehu.guard.watch.words import KIND_WORDS, sentences

    said = language()
    return {
        "alerts": [
            {
                "number": one.number, "kind": one.kind, "severity": one.severity, "state": one.state, "email": one.email,
                "role": one.role, "department": one.department, "day": one.day.isoformat(), "count": one.count,
                "what": KIND_WORDS[one.kind][said], "why": sentences(one, said), "evidence": one.evidence,
                "opened_at": one.opened_at.isoformat(), "updated_at": one.updated_at.isoformat(), "owner": one.owner or None,
                "closed_by": one.closed_by or None, "reason": one.reason or None,
                "told_at": one.told_at.isoformat() if one.told_at else None,
            }
            for one in found
        ]
    }  # fmt: skip


def _marks(found: Iterable[Mark]) -> dict[str, Any]:
    return {
        "marks": [
            {
                "subject": str(one.customer), "kind": one.kind, "staff": one.staff or None, "by": one.by,
                "at": one.at.isoformat(),
            }
            for one in found
        ]
    }  # fmt: skip
