"""Commands on sources of data that is not the customers' own: the register, and telling people where it came from."""

from __future__ import annotations

import hashlib
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import click

from kehu.doors.cli.frame import FAILED, MOMENT, Failure, actor, command, subject_id
from kehu.govern.slugs import PURPOSES

_MOST: Final = 64 << 20  # bytes of a document


@click.group("source")
def source() -> None:
    """Third parties and public places that data comes from, and telling people of them."""


@source.command("list", epilog="Example: kehu source list")
@command()
def list_() -> Any:
    """Every source: how it stands, until when, for what, and what its imports were worth."""
    from kehu.serve.sources import answers

    return {"sources": answers.sources(actor=actor())}


@source.command("show", epilog="Example: kehu source show broker")
@click.argument("name")
@command()
def show(name: str) -> Any:
    """One source with everything registered of it, its audits and its versions."""
    from kehu.serve.sources import answers

    return answers.source(name, actor=actor())


@source.command(
    "add",
    epilog="Example: kehu source add broker --kind third-party --party 'Broker Ltd' --country DE --contract B-17"
    " --ground consent --purpose marketing --until 2027-12-31 --proof contract.pdf",
)
@click.argument("name")
@click.option("--kind", type=click.Choice(["third-party", "public"]), help="A third party, or a public place.")
@click.option("--party", help="Who it is, as customers are told.")
@click.option("--address", help="Where to reach them (APPI 30).")
@click.option("--country", help="Where it is at home, two capital letters.")
@click.option("--contract", help="The contract under which it gives.")
@click.option(
    "--ground", help="On what it gives: separate-consent, consent, contract, legal-duty, legitimate-interest, public."
)
@click.option("--transfer", help="What lets it cross the border, where it does.")
@click.option("--obtained", help="How it came by the data, and how that was checked (APPI 30).")
@click.option("--purpose", "purposes", multiple=True, type=click.Choice(list(PURPOSES)), help="It may be used for.")
@click.option("--field", "fields", multiple=True, help="It may give these alone; none named: any.")
@click.option("--scope", help="Of a public place: what is reasonable to take, and why (PIPL 27).")
@click.option("--until", help="The day to which the contract runs, YYYY-MM-DD.")
@click.option("--proof", type=click.Path(path_type=Path), help="The document that shows it is legal: its hash is kept.")
@click.option("--reason", default="", help="Why; the office reads it.")
@command()
def add(name: str, proof: Path | None, reason: str, **options: Any) -> Any:
    """Propose a source, or another version of one; what is left out stays. Another person lets it through."""
    from kehu.serve.register import changes

    parts = {key: list(value) if isinstance(value, tuple) else value for key, value in options.items() if value}
    if proof is not None:
        parts["proof"] = _digest(proof)
    return _change(changes.propose_source(name, parts, reason=reason, actor=actor()).id)


@source.command(epilog="Example: kehu source approve broker")
@click.argument("name")
@command()
def approve(name: str) -> Any:
    """Let the version that waits come in force: another of the privacy or legal office than who proposed it."""
    from kehu.serve.register import changes

    return _change(changes.approve(_waiting(name), actor=actor()).id)


@source.command(epilog="Example: kehu source refuse broker --reason 'no proof of consent'")
@click.argument("name")
@click.option("--reason", required=True, help="Why; whoever proposed it reads it.")
@command()
def refuse(name: str, reason: str) -> Any:
    """Refuse the version that waits."""
    from kehu.serve.register import changes

    return _change(changes.refuse(_waiting(name), reason=reason, actor=actor()).id)


@source.command(epilog="Example: kehu source withdraw broker")
@click.argument("name")
@command()
def withdraw(name: str) -> Any:
    """Withdraw your own version that waits."""
    from kehu.serve.register import changes

    return _change(changes.withdraw(_waiting(name), actor=actor()).id)


@source.command(epilog="Example: kehu source stop broker")
@click.argument("name")
@command()
def stop(name: str) -> Any:
    """Stop a source at once: nothing comes in, what came opens for rights, claims and the law alone."""
    from kehu.serve.sources import answers, register

    who = actor()
    register.stop(name, actor=who)
    return answers.source(name, actor=who)


@source.command(epilog="Example: kehu source audit broker --outcome passed --note 'sample of 50 consents seen'")
@click.argument("name")
@click.option("--outcome", type=click.Choice(["passed", "with-measures", "failed"]), required=True)
@click.option("--on", type=MOMENT, help="The day; today if left out.")
@click.option("--note", default="", help="What was looked at.")
@command()
def audit(name: str, outcome: str, on: datetime | None, note: str) -> Any:
    """Record an audit; after one that failed nothing comes in until another did not."""
    from django.utils import timezone

    from kehu.serve.sources import answers, register

    who = actor()
    register.audit(name, on=on.date() if on else timezone.localdate(), outcome=outcome, note=note, actor=who)
    return answers.source(name, actor=who)


@source.command(epilog="Example: kehu source due --post")
@click.option("--post/--mail", "by_post", default=None, help="Only those who wait for a letter by post, or do not.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@command()
def due(by_post: bool | None, limit: int) -> Any:
    """Who is to be told where their data came from, the earliest first, and how the duty stands."""
    from kehu.serve.sources import answers

    rows = answers.waiting(actor=actor(), by_post=by_post, limit=limit)
    return answers.duty() | {"customers": rows}


@source.command(epilog="Example: kehu source inform")
@click.option("--until", type=MOMENT, help="Only those due by this day.")
@click.option("--again", is_flag=True, help="Also those who were noted for the post.")
@command()
def inform(until: datetime | None, again: bool) -> Any:
    """Write by mail to everybody who is to be told; those without an address are noted for the post."""
    from kehu.serve.sources import answers, informing

    done = informing.send(actor=actor(), until=until.date() if until else None, again=again)
    if done.away and not done.mailed:
        raise Failure(FAILED, "mail-away", "The mail server is not there.", "Look at KEHU_SMTP_URL, or run: kehu up")
    return {"mailed": done.mailed, "noted_for_post": done.by_post, "failed": done.failed} | answers.duty()


@source.command(epilog="Example: kehu source posted 0199a1b2-…")
@click.argument("subjects", metavar="SUBJECT…", nargs=-1, required=True)
@click.option("--way", type=click.Choice(["post", "other"]), default="post", show_default=True)
@click.option(
    "--undo", is_flag=True, help="What was noted last of each was a mistake, an excuse, too: they wait again."
)
@command()
def posted(subjects: tuple[str, ...], way: str, undo: bool) -> Any:
    """Note that these customers were told, by post or otherwise."""
    from django.db import transaction

    from kehu.serve.sources import answers, informing, noted

    named, who = [subject_id(one) for one in subjects], actor()
    if not undo:
        return {"posted": informing.posted(named, actor=who, way=way)} | answers.duty()
    try:
        with transaction.atomic():
            for one in dict.fromkeys(named):
                noted.take_back_last(one, actor=who)
    except noted.NothingNoted:
        message = "Of one of them nothing is noted that could be taken back; nothing was changed."
        raise Failure(FAILED, "nothing-noted", message, "Name those of whom it was noted by mistake.") from None
    return {"posted": 0} | answers.duty()


@source.command(epilog="Example: kehu source excuse 0199a1b2-… --because law --reason 'Register kept by law, § 12'")
@click.argument("subjects", metavar="SUBJECT…", nargs=-1, required=True)
@click.option(
    "--because",
    type=click.Choice(["knows", "effort", "law", "secret"]),
    required=True,
    help="They know it; out of proportion; a law says so; a secret.",
)
@click.option("--reason", required=True, help="Why, in 10 to 200 characters; it stands in the customer's own copy.")
@command()
def excuse(subjects: tuple[str, ...], because: Any, reason: str) -> Any:
    """Note that these customers need not be told, where every law that applies to them says so; all of them or none."""
    from kehu.govern.deadlines import NotExcused
    from kehu.serve.sources import answers, informing

    try:
        done = informing.excuse([subject_id(one) for one in subjects], because, reason=reason, actor=actor())
    except NotExcused as held:
        message = f"{held.article} knows no such excuse for one of them; nothing was noted."
        raise Failure(FAILED, "not-excused", message, "Tell them, or give an excuse that this law knows.") from None
    return {"excused": done} | answers.duty()


def _waiting(name: str) -> UUID:
    """The change of a source that waits.

    Raises:
        UnknownChange: none does.
    """
    from kehu.govern.register import UnknownChange
    from kehu.serve.sources.register import change_waiting

    found = change_waiting(name)
    if found is None:
        raise UnknownChange(name)
    return found


def _change(id: UUID) -> dict[str, Any]:
    from kehu.govern.register import change_of
    from kehu.serve.register import answers, views

    return {"change": answers.version(views.version(change_of(id)))}


def _digest(path: Path) -> str:
    if not path.is_file() or path.stat().st_size > _MOST:
        raise Failure(FAILED, "no-file", "The document is not there, or larger than 64 MB.", "Look at the path.")
    return hashlib.sha256(path.read_bytes()).hexdigest()
