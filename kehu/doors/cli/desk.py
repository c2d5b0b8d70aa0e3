"""Commands that use customer information: find, show, explain, match and states."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

import click

from kehu.doors.cli.authorising import purpose_number
from kehu.doors.cli.frame import DONE, MOMENT, REFUSED, actor, actor_as, command, language, subject_id, told

_BY_PERSON = click.option(
    "--by-person", is_flag=True, help="You decide on it yourself, no machine alone (GDPR 22, PIPL 24)."
)


@click.command(epilog="Example: kehu find email=lin@mail.example --purpose service")
@click.argument("criteria", nargs=-1, required=True)
@click.option("--purpose", required=True)
@click.option("--after", metavar="SUBJECT", help="Go on after the 200 that were found: the `next` of that answer.")
@command()
def find(criteria: tuple[str, ...], purpose: str, after: str | None) -> Any:
    """Exact search by blind index; FIELD=- reads the value from standard input. At most 200 at a time: one more FIELD narrows
    it down, `next` goes on."""
    from kehu.serve.desk import answers, queries

    purpose_number(purpose)
    asked, start = _criteria(criteria), subject_id(after) if after else None
    return answers.found_answer(queries.find(asked, actor=actor_as(purpose, "find"), purpose=purpose, after=start))


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
@_BY_PERSON
@command()
def show(subject: str, purpose: str, fields: str | None, by_person: bool) -> Any:
    """One customer, as far as the purpose shows them."""
    from kehu.serve.desk import answers, queries

    purpose_number(purpose)
    asked = [name.strip() for name in fields.split(",") if name.strip()] if fields is not None else None
    if asked == []:
        raise ValueError("--fields: names, with commas between them")
    id = subject_id(subject)
    seen = queries.show(id, actor=actor_as(purpose, "read", id), purpose=purpose, fields=asked, by_person=by_person)
    return answers.customer_answer(seen, language()), REFUSED if seen.refused else DONE


@click.command(epilog="Example: kehu explain 0199… --purpose marketing")
@click.argument("subject")
@click.option("--purpose", required=True)
@_BY_PERSON
@command()
def explain(subject: str, purpose: str, by_person: bool) -> Any:
    """Why, field by field; nothing is opened."""
    from kehu.serve.desk import answers, queries

    purpose_number(purpose)
    id = subject_id(subject)
    found = queries.explain(id, actor=actor_as(purpose, "explain", id), purpose=purpose, by_person=by_person)
    return answers.explanation_answer(found, language())


def _state(kind: str, act: str, subject: str, *, lift: bool = False, opens: bool = False, **options: Any) -> Any:
    """Enter or lift a state; ``opens``: the reasons are shown, to who may see them."""
    from kehu.serve.rights.consents import actions

    who, id = actor(), subject_id(subject)
    if lift:
        actions.lift_state(id, kind, actor=who, act=act, **options)
    else:
        actions.enter_state(id, kind, actor=who, act=act, **options)
    return {"states": actions.states(id, actor=who if opens else None)}


_REASON = click.option("--reason", default="", help="Kept sealed; - reads it from standard input.")
_TOLD = click.option(
    "--told", "way", type=click.Choice(["email", "post", "other"]),
    help="With --lift: how the customer was told before; without it, or by email, a letter goes now.",
)  # fmt: skip


def _lifts(lift: bool, way: str | None) -> bool:
    if way and not lift:
        raise ValueError("--told: only with --lift")
    return lift


@click.command(epilog="Example: kehu restrict 0199… --reason 'accuracy contested'")
@click.argument("subject")
@click.option("--lift", is_flag=True, help="End it; wants a reason.")
@_REASON
@_TOLD
@command()
def restrict(subject: str, lift: bool, reason: str, way: str | None) -> Any:
    """Restrict the use of a customer's data to storage. Before it is lifted the customer is told, by a letter that goes now."""
    said: dict[str, Any] = {"told": way or "email"} if _lifts(lift, way) else {}
    return _state("restriction", "restrict", subject, lift=lift, opens=True, reason=told(reason), **said)


@click.command("object", epilog="Example: kehu object 0199… marketing")
@click.argument("subject")
@click.argument("purpose")
@click.option("--lift", is_flag=True, help="Take it back; wants a reason, and the customer is told before.")
@_REASON
@_TOLD
@command()
def object_(subject: str, purpose: str, lift: bool, reason: str, way: str | None) -> Any:
    """Record an objection to one purpose, or (public-information) to every use of what is public about them."""
    from kehu.govern.slugs import objection_number

    number, said = objection_number(purpose), dict[str, Any](reason=told(reason))
    if _lifts(lift, way):
        said["told"] = way or "email"
    return _state(
        "objection", "object", subject, lift=lift, purpose=number if number == 0 else purpose_number(purpose), **said
    )


@click.command(epilog="Example: kehu optout 0199…")
@click.argument("subject")
@command()
def optout(subject: str) -> Any:
    """Opt a customer out of sale and sharing."""
    return _state("optout", "optout", subject)


@click.command(epilog="Example: kehu deceased 0199… --at 2026-11-01")
@click.argument("subject")
@click.option("--at", type=MOMENT)
@click.option("--lift", is_flag=True, help="End it: it was wrong.")
@command()
def deceased(subject: str, at: datetime | None, lift: bool) -> Any:
    """Record a report of death: marketing stops at once."""
    said: dict[str, Any] = {} if lift else {"since": at}
    return _state("deceased", "deceased", subject, lift=lift, **said)


@click.command(epilog="Example: kehu match 0199… --purpose service --field birth_date")
@click.argument("subject")
@click.option("--purpose", required=True)
@click.option("--field", required=True, help="Of those by which a caller proves who they are: birth_date, national_id.")
@command()
def match(subject: str, purpose: str, field: str) -> Any:
    """Compare what a caller says with what is held; yes, no, or nothing held. The value itself is not shown.

    What was said comes from a prompt or the first line of standard input, never from an argument. Of a document's
    number the last four characters do. Five wrong answers on one customer within an hour end it for that hour.
    """
    from kehu.serve.desk import answers, verifying

    purpose_number(purpose)
    id = subject_id(subject)
    who = actor_as(purpose, "match", id)
    said = click.prompt("What they say", err=True) if sys.stdin.isatty() else told("-")
    return answers.comparison_answer(id, field, verifying.verify(id, field, said, actor=who, purpose=purpose))
