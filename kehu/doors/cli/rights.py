"""Commands that carry customers' rights out: hold, erase, export, residue, request, incident."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from kehu.doors.cli.frame import FAILED, MOMENT, REFUSED, Failure, actor, actor_as, command, language, subject_id, told

if TYPE_CHECKING:
    from kehu.serve.rights.erasure import Outcome

_CONFIRM = click.option("--confirm", multiple=True, metavar="ID", help="An unconfirmed part that is the same person.")


@click.command(epilog="Example: kehu hold 0199… --reason 'lawsuit 12/2026' --category transaction --until 2027-06-30")
@click.argument("subject")
@click.option("--reason", default="", help="Why; kept sealed; - reads it from standard input.")
@click.option("--category", "categories", multiple=True, help="Hold these categories only.")
@click.option("--until", type=MOMENT, help="Its end; without one it is looked at again within a year.")
@click.option("--release", "released", is_flag=True, help="End it; an erasure that waits on it runs.")
@command()
def hold(subject: str, reason: str, categories: tuple[str, ...], until: datetime | None, released: bool) -> Any:
    """Bar the deletion of a customer's data; it permits no use."""
    from kehu.serve.rights import holds

    id, who = subject_id(subject), actor()
    if released:
        states, outcome = holds.release(id, actor=who, categories=categories)
        return {"states": states} | (_erased(outcome) if outcome else {})
    return {"states": holds.hold(id, actor=who, reason=told(reason), categories=categories, until=until)}


@click.command(epilog="Example: kehu erase 0199… --reason 'asked on 2026-11-20' --dry-run")
@click.argument("subject")
@click.option("--reason", required=True, help="Kept sealed in the residue; - reads it from standard input.")
@click.option("--dry-run", is_flag=True, help="Show what would go and what would stay, and why.")
@_CONFIRM
@command()
def erase(subject: str, reason: str, dry_run: bool, confirm: tuple[str, ...]) -> Any:
    """Erase a customer for good: every holder, the key, a certificate of what stays."""
    from kehu.doors.problems import Problem
    from kehu.serve.rights import erasure

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
@click.option("--to", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The sealed file to write.")
@click.option("--recipient", help="The person's public age key; without one a passphrase is made.")
@_CONFIRM
@command()
def export(subject: str, to: Path, recipient: str | None, confirm: tuple[str, ...]) -> Any:
    """Write everything held on a customer, sealed to them."""
    from kehu.serve.rights.export import CannotWrite
    from kehu.serve.rights.export import export as write

    try:
        copy = write(
            subject_id(subject), actor=actor(), to=to, recipient=recipient, confirm=[_id(one) for one in confirm]
        )
    except CannotWrite:
        raise Failure(FAILED, "file", "The file cannot be written there.", "Name another place with --to.") from None
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
    from kehu.serve.rights.residue import open_left

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
    from kehu.serve.rights import incidents

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
    from kehu.serve.rights import incidents

    who = actor()
    if id is None and not (email or since or until):
        raise ValueError("reach: an incident's id, or --staff, --since, --until")
    known = _id(id) if id else None
    window = incidents.window_of(known) if known else incidents.Window(_account(email), since, until)
    return incidents.reach(window, actor=who, incident=known)


@incident.command("clocks", epilog="Example: kehu incident clocks")
@command()
def incident_clocks() -> Any:
    """Every incident with its clocks."""
    from kehu.serve.rights import incidents

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
