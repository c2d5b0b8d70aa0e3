"""Commands of the register: purposes and notices, their versions, and the steps of a change."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import click

from kehu.doors.cli.frame import FAILED, MOMENT, Failure, actor, command, language
from kehu.govern.slugs import PURPOSES

if TYPE_CHECKING:
    from kehu.govern.models import Change

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_PURPOSE: Final = click.Choice(list(PURPOSES))
_MOST: Final = 2 << 20  # bytes of a file: a notice in three languages is far smaller


@click.group()
def purposes() -> None:
    """The purposes of use: what is in force, and changes on their way."""


@click.group()
def notices() -> None:
    """The notices that customers read: versions, and how they differ."""


@purposes.command("list", epilog="Example: kehu purposes list")
@command()
def list_purposes() -> Any:
    """Every purpose in force, and the change of it that waits."""
    from kehu.serve.register import answers

    return {"purposes": answers.purposes(language())}


@purposes.command("show", epilog="Example: kehu purposes show marketing")
@click.argument("purpose", type=_PURPOSE)
@command()
def show_purpose(purpose: str) -> Any:
    """One purpose as it is in force, and every version of it with its differences and steps."""
    from kehu.serve.register import answers

    return answers.purpose(purpose)


@purposes.command("propose", epilog="Example: kehu purposes propose marketing.toml --reason 'letters by post'")
@click.argument("file", type=_FILE)
@click.option("--reason", default="", help="Why; the office reads it.")
@click.option(
    "--meaning", is_flag=True, help="The use itself becomes another: assessed and asked again like a wider one."
)
@command()
def propose_purpose(file: Path, reason: str, meaning: bool) -> Any:
    """Propose a version of a purpose.

    FILE is TOML with one table named like the purpose; what it leaves out stays as it is in force:

    \b
    [marketing]
    least = ["@names", "@contact", "interests"]
    recipients = ["Parcel Post"]
    """
    from kehu.serve.register import changes

    document = _toml(file)
    if len(document) != 1 or not isinstance(next(iter(document.values())), dict):
        raise Failure(
            FAILED, "file", "The file holds one table, named like a purpose.", "See: kehu purposes propose --help"
        )
    [(slug, parts)] = document.items()
    if slug not in PURPOSES:
        raise Failure(FAILED, "file", "The file's table is named like no purpose.", "See: kehu purposes list")
    return _answer(changes.propose_purpose(slug, parts, meaning=meaning, reason=reason, actor=actor()).id)


@purposes.command(epilog="Example: kehu purposes assess marketing --risk low --outcome acceptable")
@click.argument("change")
@click.option("--on", type=MOMENT, help="The day it was made; today if left out.")
@click.option("--risk", type=click.Choice(["low", "medium", "high"]), required=True, help="What remains.")
@click.option(
    "--outcome", type=click.Choice(["acceptable", "with-measures", "not-acceptable"]), required=True, help="Its result."
)
@click.option("--measures", default="", help="What it rests on.")
@click.option("--who", default="", help="Who made it, where that is not you.")
@command()
def assess(change: str, on: datetime | None, risk: str, outcome: str, measures: str, who: str) -> Any:
    """Record the impact assessment of a change. CHANGE: its id, or the purpose of which it waits."""
    from kehu.govern.register import Assessment
    from kehu.serve.register import changes

    id, day = _waiting("purpose", change), (on or datetime.now(UTC)).date()
    changes.assess(id, Assessment(day, risk, outcome, measures, who), actor=actor())
    return _answer(id)


@purposes.command("approve", epilog="Example: kehu purposes approve marketing")
@click.argument("change")
@command()
def approve_purpose(change: str) -> Any:
    """Put a change in force. CHANGE: its id, or the purpose of which it waits.

    Another person of the privacy or legal office than who proposed it; a wider use has its assessment first. Running
    processes follow by themselves.
    """
    return _approved("purpose", change)


@purposes.command("refuse", epilog="Example: kehu purposes refuse marketing --reason 'not needed'")
@click.argument("change")
@click.option("--reason", required=True, help="Why; whoever proposed it reads it.")
@command()
def refuse_purpose(change: str, reason: str) -> Any:
    """Refuse a change. CHANGE: its id, or the purpose of which it waits."""
    return _refused("purpose", change, reason)


@purposes.command("withdraw", epilog="Example: kehu purposes withdraw marketing")
@click.argument("change")
@command()
def withdraw_purpose(change: str) -> Any:
    """Withdraw your own proposal. CHANGE: its id, or the purpose of which it waits."""
    return _withdrawn("purpose", change)


@notices.command("list", epilog="Example: kehu notices list")
@command()
def list_notices() -> Any:
    """Every version of every notice, newest first."""
    from kehu.serve.register import answers

    return {"notices": answers.notices()}


@notices.command("show", epilog="Example: kehu notices show privacy@2")
@click.argument("notice", default="privacy")
@command()
def show_notice(notice: str) -> Any:
    """One version of a notice: NAME is the one in force, NAME@N that version."""
    from kehu.serve.register import answers

    return answers.notice_whole(answers.notice_version(notice))


@notices.command("diff", epilog="Example: kehu notices diff privacy@1 privacy@2")
@click.argument("older")
@click.argument("newer")
@command()
def diff(older: str, newer: str) -> Any:
    """How two versions of a notice differ: in each language [-removed-] and {+added+}, and what they cover."""
    from kehu.serve.register import answers, views

    old, new = answers.notice_version(older), answers.notice_version(newer)
    found = views.notice_difference(old, new)
    marks = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    return {
        "older": answers.notice(old),
        "newer": answers.notice(new),
        "texts": {said: "".join(marks[p.kind].format(p.text) for p in parts) for said, parts in found.texts.items()},
        "pieces": {said: [[p.kind, p.text] for p in parts] for said, parts in found.texts.items()},
        "covers": [
            {"purpose": one.purpose, "kind": one.kind, "added": list(one.added), "removed": list(one.removed),
             "before": one.before or None, "after": one.after or None}
            for one in found.covers
        ],
    }  # fmt: skip


@notices.command("propose", epilog="Example: kehu notices propose notice.toml --from 2027-01-01")
@click.argument("file", type=_FILE)
@click.option("--name", default="privacy", show_default=True, help="Which notice.")
@click.option("--from", "on", type=MOMENT, help="The day it comes in force; with its approval if left out.")
@click.option("--reason", default="", help="Why; the office reads it.")
@command()
def propose_notice(file: Path, name: str, on: datetime | None, reason: str) -> Any:
    """Propose a version of a notice.

    FILE is TOML: its words in each language, and, where it does not tell of every purpose in force with all its fields,
    what it covers:

    \b
    [text]
    zh-hans = "…"
    zh-hant = "…"
    en = "…"
    [covers.marketing]
    version = 2
    fields = ["full_name", "email"]
    """
    from kehu.serve.register import changes

    document = _toml(file)
    texts, covers = document.get("text"), document.get("covers")
    if not isinstance(texts, dict) or set(document) - {"text", "covers"}:
        raise Failure(FAILED, "file", "The file holds the tables text and covers.", "See: kehu notices propose --help")
    said = None if covers is None else _covers(covers)
    words = {key: str(text) for key, text in texts.items()}
    return _answer(changes.propose_notice(name, words, said, on=on, reason=reason, actor=actor()).id)


@notices.command("approve", epilog="Example: kehu notices approve privacy")
@click.argument("change")
@command()
def approve_notice(change: str) -> Any:
    """Let a proposed version come in force on its day. CHANGE: its id, or the name of the notice."""
    return _approved("notice", change)


@notices.command("refuse", epilog="Example: kehu notices refuse privacy --reason 'unclear'")
@click.argument("change")
@click.option("--reason", required=True, help="Why; whoever proposed it reads it.")
@command()
def refuse_notice(change: str, reason: str) -> Any:
    """Refuse a proposed version. CHANGE: its id, or the name of the notice."""
    return _refused("notice", change, reason)


@notices.command("withdraw", epilog="Example: kehu notices withdraw privacy")
@click.argument("change")
@command()
def withdraw_notice(change: str) -> Any:
    """Withdraw your own proposed version. CHANGE: its id, or the name of the notice."""
    return _withdrawn("notice", change)


def _approved(kind: str, change: str) -> Any:
    from kehu.serve.register import changes

    return _answer(changes.approve(_waiting(kind, change), actor=actor()).id)


def _refused(kind: str, change: str, reason: str) -> Any:
    from kehu.serve.register import changes

    return _answer(changes.refuse(_waiting(kind, change), reason=reason, actor=actor()).id)


def _withdrawn(kind: str, change: str) -> Any:
    from kehu.serve.register import changes

    return _answer(changes.withdraw(_waiting(kind, change), actor=actor()).id)


def _waiting(kind: str, word: str) -> UUID:
    """The change meant: by its id, or the one that waits for a purpose or notice.

    Raises:
        UnknownChange: there is none of that kind.
    """
    from kehu.govern.register import UnknownChange
    from kehu.serve.register import changes

    found: Change | None = changes.open_changes(kind).get(word)
    if found is not None:
        return found.id
    from kehu.govern.register import change_of

    try:
        held = change_of(UUID(word))
    except ValueError:
        raise UnknownChange from None
    if held.register != kind:
        raise UnknownChange
    return held.id


def _answer(id: UUID) -> dict[str, Any]:
    from kehu.govern.register import change_of
    from kehu.serve.register import answers, views

    return {"change": answers.version(views.version(change_of(id)))}


def _covers(table: Any) -> dict[str, Any]:
    from kehu.govern.notices import Covered

    try:
        return {
            slug: Covered(int(said["version"]), frozenset(map(str, said["fields"]))) for slug, said in table.items()
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        raise Failure(
            FAILED, "file", "Each table under covers has a version and its fields.", "See: kehu notices propose --help"
        ) from None


def _toml(file: Path) -> Mapping[str, Any]:
    """A file's document; what is wrong with it is not said in its words, which may be anything."""
    if file.stat().st_size > _MOST:
        raise Failure(FAILED, "file", "The file is too large to be one.", "At most 2 MB.")
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise Failure(
            FAILED, "file", "The file is no TOML in UTF-8.", "Compare it with the example in --help."
        ) from None
