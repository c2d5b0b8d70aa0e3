"""Commands that use customer information: find, show, explain, consent and states."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from kehu.doors.cli.frame import DONE, MOMENT, REFUSED, actor, actor_as, command, language, subject_id, told


def _purpose(slug: str) -> int:
    from kehu.govern.slugs import PURPOSES

    if slug not in PURPOSES:
        raise ValueError(f"purpose: one of {', '.join(PURPOSES)}")
    return PURPOSES[slug]


@click.command(epilog="Example: kehu find email=lin@mail.example --purpose service")
@click.argument("criteria", nargs=-1, required=True)
@click.option("--purpose", required=True)
@command()
def find(criteria: tuple[str, ...], purpose: str) -> Any:
    """Exact search by blind index; FIELD=- reads the value from standard input."""
    from kehu.serve.desk import answers, queries

    _purpose(purpose)
    subjects, seq = queries.find(_criteria(criteria), actor=actor_as(purpose, "find"), purpose=purpose)
    return answers.found_answer(subjects, seq)


def _criteria(words: tuple[str, ...]) -> dict[str, str]:
    """``field=value`` pairs; ``-`` takes the next line of standard input.

    Raises:
        ValueError: not of that form, a field twice, or no value.
    """
    asked: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name:
            raise ValueError("criteria: field=value")
        value = told(value).strip()
        if not value or not value.isprintable():
            raise ValueError("criteria: a field without a readable value")
        if name in asked:
            raise ValueError("criteria: a field stands twice")
        asked[name] = value
    return asked


@click.command(epilog="Example: kehu show 0199… --purpose service --fields full_name,email")
@click.argument("subject")
@click.option("--purpose", required=True)
@click.option("--fields")
@command()
def show(subject: str, purpose: str, fields: str | None) -> Any:
    """One customer, as far as the purpose shows them."""
    from kehu.serve.desk import answers, queries

    _purpose(purpose)
    asked = [name.strip() for name in fields.split(",") if name.strip()] if fields is not None else None
    if asked == []:
        raise ValueError("--fields: names, with commas between them")
    id = subject_id(subject)
    seen = queries.show(id, actor=actor_as(purpose, "read", id), purpose=purpose, fields=asked)
    return answers.customer_answer(seen, language()), REFUSED if seen.refused else DONE


@click.command(epilog="Example: kehu explain 0199… --purpose marketing")
@click.argument("subject")
@click.option("--purpose", required=True)
@command()
def explain(subject: str, purpose: str) -> Any:
    """Why, field by field; nothing is opened."""
    from kehu.serve.desk import answers, queries

    _purpose(purpose)
    id = subject_id(subject)
    found = queries.explain(id, actor=actor_as(purpose, "explain", id), purpose=purpose)
    return answers.explanation_answer(found, language())


@click.group()
def consent() -> None:
    """Authorisations of a customer."""


@consent.command("give", epilog="Example: kehu consent give 0199… marketing")
@click.argument("subject")
@click.argument("purpose")
@click.option("--kind", type=click.Choice(["general", "specific", "temporary"]), default="general")
@click.option("--until", type=MOMENT, help="The end of a temporary one.")
@click.option("--notice", help="Its wording, as NAME or NAME@VERSION; else the notice in force.")
@click.option("--evidence", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A proof, kept sealed.")
@click.option("--by", "by_subject", help="The guardian who consents.")
@command()
def consent_give(
    subject: str,
    purpose: str,
    kind: str,
    until: datetime | None,
    notice: str | None,
    evidence: Path | None,
    by_subject: str | None,
) -> Any:
    """Record a consent given now, under the notice in force."""
    from kehu.serve.rights import actions

    given = actions.give(
        subject_id(subject), _purpose(purpose), actor=actor(), kind=kind, until=until, notice=notice,
        by_subject=subject_id(by_subject) if by_subject else None, evidence=evidence.read_bytes() if evidence else None,
    )  # fmt: skip
    return {"consents": given}


@consent.command("withdraw", epilog="Example: kehu consent withdraw 0199… marketing")
@click.argument("subject")
@click.argument("purpose")
@command()
def consent_withdraw(subject: str, purpose: str) -> Any:
    """Take a consent back; it acts on the next read. Lists what rested on it alone."""
    from kehu.serve.rights import actions
    from kehu.serve.rights.rested import rested

    taken = actions.withdraw(subject_id(subject), _purpose(purpose), actor=actor())
    return {"consents": taken, "rested": rested(subject_id(subject))}


@consent.command("list", epilog="Example: kehu consent list 0199…")
@click.argument("subject")
@command()
def consent_list(subject: str) -> Any:
    """Everything the customer said."""
    from kehu.serve.rights import actions

    return {"consents": actions.list_consents(subject_id(subject), actor=actor())}


@consent.command("receipt", epilog="Example: kehu consent receipt 0199… --json > receipt.json")
@click.argument("consent_id", metavar="CONSENT", type=click.UUID)
@command()
def consent_receipt(consent_id: UUID) -> Any:
    """The receipt of one statement (`id` of `consent list`): what was agreed, what became of it, how often it was used.

    With `--json` it is JSON-LD after ISO/IEC TS 27560 in the words of the W3C Data Privacy Vocabulary.
    """
    from kehu.serve.rights.receipts import receipt

    return receipt(consent_id, actor=actor())


def _state(kind: str, act: str, subject: str, *, lift: bool = False, opens: bool = False, **options: Any) -> Any:
    """Enter or lift a state; ``opens``: the reasons are shown, to who may see them."""
    from kehu.serve.rights import actions

    who, id = actor(), subject_id(subject)
    if lift:
        actions.lift_state(id, kind, actor=who, act=act, purpose=options.get("purpose"))
    else:
        actions.enter_state(id, kind, actor=who, act=act, **options)
    return {"states": actions.states(id, actor=who if opens else None)}


@click.command(epilog="Example: kehu restrict 0199… --reason 'accuracy contested'")
@click.argument("subject")
@click.option("--lift", is_flag=True, help="End it.")
@click.option("--reason", default="", help="Kept sealed; - reads it from standard input.")
@command()
def restrict(subject: str, lift: bool, reason: str) -> Any:
    """Restrict the use of a customer's data to storage."""
    return _state("restriction", "restrict", subject, lift=lift, opens=True, reason=told(reason))


@click.command("object", epilog="Example: kehu object 0199… marketing")
@click.argument("subject")
@click.argument("purpose")
@click.option("--lift", is_flag=True, help="Take it back.")
@command()
def object_(subject: str, purpose: str, lift: bool) -> Any:
    """Record an objection to one purpose."""
    return _state("objection", "object", subject, lift=lift, purpose=_purpose(purpose))


@click.command(epilog="Example: kehu optout 0199…")
@click.argument("subject")
@command()
def optout(subject: str) -> Any:
    """Opt a customer out of sale and sharing."""
    return _state("optout", "optout", subject)


@click.command(epilog="Example: kehu deceased 0199… --at 2026-11-01")
@click.argument("subject")
@click.option("--at", type=MOMENT)
@command()
def deceased(subject: str, at: datetime | None) -> Any:
    """Record a report of death: marketing stops at once."""
    return _state("deceased", "deceased", subject, since=at)
