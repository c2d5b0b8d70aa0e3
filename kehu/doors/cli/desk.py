"""Commands that use customer information: find, show, explain, consent and states."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

import click

from kehu.doors.cli.frame import DONE, MOMENT, REFUSED, actor, command, language, subject_id


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
    subjects, seq = queries.find(_criteria(criteria), actor=actor(purpose), purpose=purpose)
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
        if value == "-":
            try:
                value = sys.stdin.buffer.readline().decode("utf-8-sig")
            except UnicodeDecodeError:
                raise ValueError("standard input: the value must be UTF-8") from None
        value = value.strip()
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
    seen = queries.show(subject_id(subject), actor=actor(purpose), purpose=purpose, fields=asked)
    return answers.customer_answer(seen, language()), REFUSED if seen.refused else DONE


@click.command(epilog="Example: kehu explain 0199… --purpose marketing")
@click.argument("subject")
@click.option("--purpose", required=True)
@command()
def explain(subject: str, purpose: str) -> Any:
    """Why, field by field; nothing is opened."""
    from kehu.serve.desk import answers, queries

    _purpose(purpose)
    found = queries.explain(subject_id(subject), actor=actor(purpose), purpose=purpose)
    return answers.explanation_answer(found, language())


@click.group()
def consent() -> None:
    """Authorisations of a customer."""


@consent.command("give", epilog="Example: kehu consent give 0199… marketing")
@click.argument("subject")
@click.argument("purpose")
@click.option("--kind", type=click.Choice(["general", "specific", "temporary"]), default="general")
@click.option("--until", type=MOMENT)
@click.option("--notice")
@click.option("--by", "by_subject", help="The guardian who consents.")
@command()
def consent_give(
    subject: str, purpose: str, kind: str, until: datetime | None, notice: str | None, by_subject: str | None
) -> Any:
    """Record a consent given now, under the notice in force."""
    from kehu.serve.rights import actions

    given = actions.give(
        subject_id(subject), _purpose(purpose), actor=_acts("consent"), kind=kind, until=until, notice=notice,
        by_subject=subject_id(by_subject) if by_subject else None,
    )  # fmt: skip
    return {"consents": given}


@consent.command("withdraw", epilog="Example: kehu consent withdraw 0199… marketing")
@click.argument("subject")
@click.argument("purpose")
@command()
def consent_withdraw(subject: str, purpose: str) -> Any:
    """Take a consent back; it acts on the next read."""
    from kehu.serve.rights import actions

    return {"consents": actions.withdraw(subject_id(subject), _purpose(purpose), actor=_acts("consent"))}


@consent.command("list", epilog="Example: kehu consent list 0199…")
@click.argument("subject")
@command()
def consent_list(subject: str) -> Any:
    """Everything the customer said."""
    from kehu.serve.rights import actions

    return {"consents": actions.list_consents(subject_id(subject), actor=actor())}


def _acts(act: str) -> Any:
    from kehu.guard.gate.acts import require_act

    who = actor()
    require_act(act, who)
    return who


def _state(kind: str, act: str, subject: str, *, lift: bool = False, **options: Any) -> Any:
    from kehu.serve.rights import actions

    who = _acts(act)
    if lift:
        actions.lift_state(subject_id(subject), kind, actor=who, act=act, purpose=options.get("purpose"))
    else:
        actions.enter_state(subject_id(subject), kind, actor=who, act=act, **options)
    return {"states": actions.states(subject_id(subject))}


@click.command(epilog="Example: kehu restrict 0199…")
@click.argument("subject")
@click.option("--lift", is_flag=True)
@command()
def restrict(subject: str, lift: bool) -> Any:
    """Restrict the use of a customer's data to storage."""
    return _state("restriction", "restrict", subject, lift=lift)


@click.command("object", epilog="Example: kehu object 0199… marketing")
@click.argument("subject")
@click.argument("purpose")
@click.option("--lift", is_flag=True)
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
