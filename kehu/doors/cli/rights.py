"""Commands that carry customers' rights out: hold, erase, export, residue, request, incident."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from kehu.doors.cli.frame import MOMENT, REFUSED, actor, actor_as, command, language, subject_id, told

if TYPE_CHECKING:
    from kehu.serve.rights.erasing.erasure import Outcome

_CONFIRM = click.option("--confirm", multiple=True, metavar="ID", help="An unconfirmed part that is the same person.")


@click.command(epilog="Example: kehu hold 0199… --reason 'lawsuit 12/2026' --category transaction --until 2027-06-30")
@click.argument("subject")
@click.option("--reason", default="", help="Why; kept sealed; - reads it from standard input.")
@click.option("--category", "categories", multiple=True, help="Hold these categories only.")
@click.option("--until", type=MOMENT, help="Its end; without one it is looked at again within a year.")
@click.option(
    "--tellable", is_flag=True, help="The customer may read the reason in their copy; that it stands they can always."
)
@click.option("--release", "released", is_flag=True, help="End it; an erasure that waits on it runs.")
@click.option(
    "--id", "ids", multiple=True, metavar="ID", help="With --release: the hold that is over, where several stand."
)
@click.option("--again", is_flag=True, help="Looked at again: what it keeps after an erasure stays for another year.")
@command()
def hold(
    subject: str,
    reason: str,
    categories: tuple[str, ...],
    until: datetime | None,
    tellable: bool,
    released: bool,
    ids: tuple[str, ...],
    again: bool,
) -> Any:
    """Bar the deletion of a customer's data; it permits no use. After an erasure by its certificate: --again, or --release."""
    from kehu.serve.rights import holds
    from kehu.serve.rights.erasing import erasure

    id, who = subject_id(subject), actor()
    if again or (released and erasure.finished(id) is not None):
        return {"residue": holds.look_again(id, actor=who, keep=again, categories=categories)}
    if released:
        states, outcome = holds.release(id, actor=who, categories=categories, ids=[_id(one) for one in ids])
        return {"states": states} | (_erased(outcome) if outcome else {})
    states = holds.hold(id, actor=who, reason=told(reason), categories=categories, until=until, tellable=tellable)
    return {"states": states}


@click.command(epilog="Example: kehu erase 0199… --reason 'asked on 2026-11-20' --dry-run")
@click.argument("subject")
@click.option("--reason", required=True, help="Kept sealed in the residue; - reads it from standard input.")
@click.option("--dry-run", is_flag=True, help="Show what would go and what would stay, and why.")
@_CONFIRM
@command()
def erase(subject: str, reason: str, dry_run: bool, confirm: tuple[str, ...]) -> Any:
    """Erase a customer for good: every holder, the key, a certificate of what stays."""
    from kehu.doors.problems import Problem
    from kehu.serve.rights.erasing import erasure

    id, who, confirmed = subject_id(subject), actor(), [_id(one) for one in confirm]
    if dry_run:
        plan = erasure.plan(id, actor=who, confirm=confirmed)
        return {"dry_run": True, "certificate": plan, "waiting": plan.pop("waiting")}
    outcome = erasure.erase(id, actor=who, reason=told(reason), confirm=confirmed)
    answer = _erased(outcome)
    if outcome.waiting:
        return {"error": Problem("held", policy="house.hold").words(language())} | answer, REFUSED
    answer["certificate"]["subject"] = str(id)
    return answer


def _erased(outcome: Outcome) -> dict[str, Any]:
    unconfirmed = [str(one) for one in outcome.unconfirmed]
    certificate = outcome.certificate and {**outcome.certificate, "unconfirmed": unconfirmed}
    return {"erasure": str(outcome.id), "certificate": certificate, "waiting": outcome.waiting}


@click.command(epilog="Example: kehu export 0199… --to copy.age --recipient age1…")
@click.argument("subject")
@click.option(
    "--to", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The sealed file to write, a new one."
)
@click.option("--recipient", help="The person's public age key; without one a passphrase is made.")
@_CONFIRM
@command()
def export(subject: str, to: Path, recipient: str | None, confirm: tuple[str, ...]) -> Any:
    """Write everything held on a customer, sealed to them."""
    from kehu.serve.rights.copy.export import export as write

    confirmed = [_id(one) for one in confirm]
    copy = write(subject_id(subject), actor=actor(), to=to, recipient=recipient, confirm=confirmed)
    return {
        "file": str(copy.file),
        "sha256": copy.sha256,
        "categories": list(copy.categories),
        "unconfirmed": [str(one) for one in copy.unconfirmed],
        "passphrase": copy.passphrase,
        "ledger": {"seq": copy.seq},
    }


@click.command(epilog="Example: kehu residue 0199… --purpose claims")
@click.argument("certificate")
@click.option("--purpose", required=True, help="legal, claims or rights-request.")
@command()
def residue(certificate: str, purpose: str) -> Any:
    """Read what an erasure left, by its certificate's id."""
    from kehu.govern.slugs import PURPOSES
    from kehu.serve.rights.erasing.residue import open_left

    if purpose not in PURPOSES:
        raise ValueError(f"purpose: one of {', '.join(PURPOSES)}")
    return open_left(_id(certificate), actor=actor_as(purpose, "read"), purpose=purpose)


@click.group()
def request() -> None:
    """The register of customers' requests."""


@request.command("open", epilog="Example: kehu request open 0199… --right erase --text -")
@click.argument("subject", required=False)
@click.option("--right", default="other", help="access copy move correct erase restrict object withdraw explain …")
@click.option("--identity", multiple=True, metavar="FIELD=VALUE", help="What somebody unmatched said; VALUE may be -.")
@click.option("--text", default="", help="What they wrote; kept sealed; - reads it from standard input.")
@click.option("--received", type=MOMENT, help="When it came in: clocks run from here. Default now.")
@command()
def request_open(
    subject: str | None, right: str, identity: tuple[str, ...], text: str, received: datetime | None
) -> Any:
    """Take a request in: of a customer, or of somebody who matches none (--identity)."""
    from kehu.serve.rights import requests

    said = dict(_pair(one) for one in identity)
    who = actor()
    id = requests.open_request(
        subject=subject_id(subject) if subject else None, right=right, actor=who, text=told(text), identity=said,
        received_at=received,
    )  # fmt: skip
    return {"requests": requests.one(id, actor=who)}


@request.command("list", epilog="Example: kehu request list --open")
@click.option("--subject")
@click.option("--open", "open_only", is_flag=True, help="Only what is not answered.")
@command()
def request_list(subject: str | None, open_only: bool) -> Any:
    """Requests, the oldest first."""
    from kehu.serve.rights import requests

    who = actor()
    return {
        "requests": requests.listed(actor=who, subject=subject_id(subject) if subject else None, open_only=open_only)
    }


_REASON = click.option("--reason", default="", help="What the person is told; kept sealed; - reads standard input.")
_AT = click.option("--at", type=MOMENT, help="When it was done. Default now.")


def _step(id: str, kind: str, at: datetime | None, reason: str = "") -> Any:
    from kehu.serve.rights import requests

    who = actor()
    requests.step(_id(id), kind, actor=who, reason=told(reason), at=at)
    return {"requests": requests.one(_id(id), actor=who)}


@request.command("confirm", epilog="Example: kehu request confirm 0199…")
@click.argument("id")
@_AT
@command()
def request_confirm(id: str, at: datetime | None) -> Any:
    """Record that the person was told their request came in."""
    return _step(id, "confirm", at)


@request.command("extend", epilog="Example: kehu request extend 0199… --reason 'many records in three systems'")
@click.argument("id")
@_REASON
@_AT
@command()
def request_extend(id: str, reason: str, at: datetime | None) -> Any:
    """Extend the clocks of the laws that allow it, once; the person is told why, before the clock has ended."""
    return _step(id, "extend", at, reason)


@request.command("suspend", epilog="Example: kehu request suspend 0199… --reason 'please prove who you are'")
@click.argument("id")
@_REASON
@_AT
@command()
def request_suspend(id: str, reason: str, at: datetime | None) -> Any:
    """Stop the clocks of the laws that let an identity check stop them."""
    return _step(id, "suspend", at, reason)


@request.command("resume", epilog="Example: kehu request resume 0199…")
@click.argument("id")
@_AT
@command()
def request_resume(id: str, at: datetime | None) -> Any:
    """Let the clock run again: the person has proved who they are."""
    return _step(id, "resume", at)


@request.command("assign", epilog="Example: kehu request assign 0199… --staff li@shop.example")
@click.argument("id")
@click.option("--staff", "email", help="Somebody of the privacy or legal office; nobody without it.")
@command()
def request_assign(id: str, email: str | None) -> Any:
    """Say who looks after a request."""
    from kehu.serve.rights import requests

    who = actor()
    requests.assign(_id(id), _account(email), actor=who)
    return {"requests": requests.one(_id(id), actor=who)}


@request.command("answer", epilog="Example: kehu request answer 0199… --outcome done --text 'We sent the copy.'")
@click.argument("id")
@click.option("--outcome", type=click.Choice(["done", "partly", "refused"]), default="done")
@click.option("--text", default="", help="What the person is told; kept sealed; - reads it from standard input.")
@command()
def request_answer(id: str, outcome: str, text: str) -> Any:
    """Close a request."""
    from kehu.serve.rights import requests

    who = actor()
    requests.answer_request(_id(id), outcome=outcome, actor=who, text=told(text))
    return {"requests": requests.one(_id(id), actor=who)}


@click.group()
def incident() -> None:
    """The register of incidents, and how far one reached."""


@incident.command("open", epilog="Example: kehu incident open --staff li@shop.example --since 2026-11-01 --text -")
@click.option("--text", default="", help="What happened; kept sealed; - reads it from standard input.")
@click.option("--staff", "email", help="Whose account it is about.")
@click.option("--since", type=MOMENT)
@click.option("--until", type=MOMENT)
@click.option("--aware", type=MOMENT, help="When the company learned of it. Default now.")
@command()
def incident_open(
    text: str, email: str | None, since: datetime | None, until: datetime | None, aware: datetime | None
) -> Any:
    """Put an incident into the register."""
    from kehu.serve.rights.incidents import register as incidents

    who = actor()
    window = incidents.Window(_account(email), since, until)
    id = incidents.open_incident(window=window, text=told(text), actor=who, aware_at=aware)
    return {"incidents": incidents.listed(actor=who, id=id)}


@incident.command("reach", epilog="Example: kehu incident reach --staff li@shop.example --since 2026-11-01")
@click.argument("id", required=False)
@click.option("--staff", "email", help="Whose account; everybody's without it.")
@click.option("--since", type=MOMENT)
@click.option("--until", type=MOMENT)
@command()
def incident_reach(id: str | None, email: str | None, since: datetime | None, until: datetime | None) -> Any:
    """Whose data an account used in a time: people, fields, jurisdictions; of an incident, or of any window."""
    from kehu.serve.rights.incidents import register as incidents

    who = actor()
    if id is None and not (email or since or until):
        raise ValueError("reach: an incident's id, or --staff, --since, --until")
    known = _id(id) if id else None
    window = incidents.window_of(known) if known else incidents.Window(_account(email), since, until)
    return incidents.reach(window, actor=who, incident=known)


@incident.command("assess", epilog="Example: kehu incident assess 0199… --law EU --persons 1200 --yes high-risk")
@click.argument("id")
@click.option("--law", "laws", multiple=True, help="Only these laws apply. Until it is said, every law does.")
@click.option("--persons", type=click.IntRange(0), help="How many people it reached.")
@click.option(
    "--yes", "so", multiple=True, metavar="FACT", help="high-risk, sensitive, wrongful, minors, unintelligible …"
)
@click.option("--no", "not_so", multiple=True, metavar="FACT", help="A fact that is known not to be so.")
@click.option("--handled", type=MOMENT, help="When its handling ended.")
@click.option("--told", "told_at", type=MOMENT, help="When the persons were told.")
@click.option(
    "--not-known",
    "forget",
    multiple=True,
    metavar="WHAT",
    help="persons, handled, told or a FACT that was noted by mistake.",
)
@command()
def incident_assess(
    id: str, laws: tuple[str, ...], persons: int | None, so: tuple[str, ...], not_so: tuple[str, ...],
    handled: datetime | None, told_at: datetime | None, forget: tuple[str, ...],
) -> Any:  # fmt: skip
    """Record what became known of an incident: its clocks follow; what is not known lets them run."""
    from kehu.serve.rights.incidents import register as incidents

    who, facts = actor(), dict.fromkeys(so, True) | dict.fromkeys(not_so, False)
    learned = incidents.Learned(
        [one.upper() for one in laws] or None, persons, facts, handled, told_at, frozenset(forget)
    )
    incidents.assess(_id(id), learned, actor=who)
    return {"incidents": incidents.listed(actor=who, id=_id(id))}


@incident.command("report", epilog="Example: kehu incident report 0199… EU.authority")
@click.argument("id")
@click.argument("clock")
@_AT
@click.option("--undo", is_flag=True, help="It was noted by mistake: the clock runs again.")
@command()
def incident_report(id: str, clock: str, at: datetime | None, undo: bool) -> Any:
    """Record that what a clock asks for was done."""
    from kehu.serve.rights.incidents import register as incidents

    who = actor()
    if undo and at is not None:
        raise click.UsageError("--at says when a report was made; it goes with no --undo.")
    if undo:
        incidents.take_report_back(_id(id), clock, actor=who)
    else:
        incidents.report_made(_id(id), clock, actor=who, at=at)
    return {"incidents": incidents.listed(actor=who, id=_id(id))}


@incident.command("shown", epilog="Example: kehu incident shown 0199…")
@click.argument("id")
@command()
def incident_shown(id: str) -> Any:
    """What a wrong merge showed to whom: the report its incident opened with; null: it is about something else."""
    from kehu.serve.rights.incidents import wrong_merge

    return {"report": wrong_merge.report_of(_id(id), actor=actor())}


@incident.command("clocks", epilog="Example: kehu incident clocks")
@command()
def incident_clocks() -> Any:
    """Every incident with its clocks."""
    from kehu.serve.rights.incidents import register as incidents

    return {"incidents": incidents.listed(actor=actor())}


def _account(email: str | None) -> UUID | None:
    from kehu.guard.staff.actions import actor_of

    return actor_of(email).staff if email else None


def _pair(word: str) -> tuple[str, str]:
    name, sign, value = word.partition("=")
    if not sign or not name:
        raise ValueError("identity: field=value")
    return name, told(value)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError("an id as other commands print it") from None
