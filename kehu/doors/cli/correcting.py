"""Commands that put a wrong value right, and tell whoever had received it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import click

from kehu.doors.cli.frame import MOMENT, actor, command, language, subject_id, told


@click.group()
def correct() -> None:
    """Put wrong values right; see before, after, who and why; tell the recipients."""


@correct.command(
    "value", epilog="Example: kehu correct value 0199… email --to new@shop.example --reason 'typed wrongly'"
)
@click.argument("subject")
@click.argument("field")
@click.option("--to", "value", required=True, help="The right value; - reads it from standard input.")
@click.option("--reason", required=True, help="Why; kept sealed; - reads it from standard input.")
@click.option("--request", help="The customer's open request that it answers.")
@command()
def value(subject: str, field: str, value: str, reason: str, request: str | None) -> Any:
    """Correct one value. What came is kept beside it; recipients of the wrong value are to be told."""
    from kehu.serve.corrections.actions import correct as put_right

    id, asked = subject_id(subject), _id(request) if request else None
    done = put_right(id, field, told(value), reason=told(reason), actor=actor(), request=asked)
    return {"correction": str(done.id), "subject": str(done.subject), "to_tell": done.tellings}


@correct.command("list", epilog="Example: kehu correct list 0199…")
@click.argument("subject")
@command()
def list_(subject: str) -> Any:
    """A customer's corrections: before, after, who, why, and who is told."""
    from kehu.serve.corrections import queries

    return {"corrections": queries.of_customer(subject_id(subject), actor=actor())}


@correct.command("waiting", epilog="Example: kehu correct waiting")
@command()
def waiting() -> Any:
    """Recipients who are still to be told, the soonest due first."""
    from kehu.serve.corrections import queries

    return {"tellings": queries.waiting(actor=actor())}


@correct.command("letter", epilog="Example: kehu correct letter 0199…")
@click.argument("id")
@command()
def letter(id: str) -> Any:
    """The letter to one recipient; no value is in it."""
    from kehu.serve.corrections import telling

    return {"letter": telling.letter(_id(id), actor=actor(), language=language())}


@correct.command("told", epilog="Example: kehu correct told 0199… --way letter --proof 'registered letter RR123'")
@click.argument("id")
@click.option("--way", required=True, help="letter, email, api or in-person.")
@click.option("--proof", required=True, help="How it is known; kept sealed; - reads it from standard input.")
@click.option("--at", type=MOMENT, help="When. Default now.")
@command()
def told_(id: str, way: str, proof: str, at: datetime | None) -> Any:
    """A recipient was told."""
    from kehu.serve.corrections import queries, telling

    who = actor()
    telling.tell(_id(id), way=way, proof=told(proof), actor=who, at=at)
    return {"tellings": queries.waiting(actor=who)}


@correct.command("cannot", epilog="Example: kehu correct cannot 0199… --reason 'the company was dissolved'")
@click.argument("id")
@click.option("--reason", required=True, help="Why; kept sealed; - reads it from standard input.")
@command()
def cannot(id: str, reason: str) -> Any:
    """It cannot be told, or only out of all proportion."""
    from kehu.serve.corrections import queries, telling

    who = actor()
    telling.cannot(_id(id), reason=told(reason), actor=who)
    return {"tellings": queries.waiting(actor=who)}


@correct.command("not-told", epilog="Example: kehu correct not-told 0199…")
@click.argument("id")
@command()
def not_told(id: str) -> Any:
    """It was noted by mistake: the recipient waits to be told again."""
    from kehu.serve.corrections import queries, telling

    who = actor()
    telling.take_back(_id(id), actor=who)
    return {"tellings": queries.waiting(actor=who)}


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise ValueError("id: as the lists show it") from None
