"""Commands on who may ask: the agreement, the training, the notice of watching, and who lapses next."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from kehu.doors.cli.frame import MOMENT, actor, command, language

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def agreement() -> None:
    """The confidentiality agreement, and the notice that uses are watched (--watching)."""


@agreement.command("show", epilog="Example: kehu agreement show")
@click.option("--watching", "kind", flag_value="watching", help="The notice of watching instead.")
@command()
def agreement_show(kind: str | None) -> Any:
    """The newest version, with its text in the language of the terminal, and every version's day."""
    from kehu.guard.access import wordings

    kind = kind or wordings.AGREEMENT
    newest = wordings.to_sign(kind)
    return {
        "kind": kind, "version": newest.version, "text": newest.text(language()),
        "in_force_from": newest.in_force_from.isoformat(),
        "versions": [
            {"version": one.version, "in_force_from": one.in_force_from.isoformat(), "sha256": one.digest.hex()}
            for one in wordings.versions(kind)
        ],
    }  # fmt: skip


@agreement.command("sign", epilog="Example: KEHU_TOKEN=… kehu agreement sign 1")
@click.argument("version", type=int)
@click.option("--watching", "kind", flag_value="watching", help="Acknowledge the notice of watching instead.")
@command()
def agreement_sign(version: int, kind: str | None) -> Any:
    """Sign the version that you read, for yourself: with a token of yours. Counts from the next read on."""
    from kehu.guard.access import lapses, wordings

    who = actor()
    wordings.sign(kind or wordings.AGREEMENT, version, actor=who, language=language())
    return _standing(lapses.standing_of(who.human))


@agreement.command(
    "publish", epilog="Example: kehu agreement publish --from 2027-01-01 --en a.txt --zh-hans b.txt --zh-hant c.txt"
)
@click.option("--from", "since", type=MOMENT, required=True, help="Whoever has not signed it by then is refused.")
@click.option("--en", type=_FILE, required=True)
@click.option("--zh-hans", type=_FILE, required=True)
@click.option("--zh-hant", type=_FILE, required=True)
@click.option("--watching", "kind", flag_value="watching", help="The notice of watching instead.")
@command()
def agreement_publish(since: datetime, en: Path, zh_hans: Path, zh_hant: Path, kind: str | None) -> Any:
    """Publish a new version of your own, in three files: owner, privacy and legal office."""
    from kehu.guard.access import wordings

    texts = {name: _text(path) for name, path in (("en", en), ("zh-hans", zh_hans), ("zh-hant", zh_hant))}
    made = wordings.publish(kind or wordings.AGREEMENT, texts, in_force_from=since, actor=actor())
    return {"kind": made.kind, "version": made.version, "in_force_from": made.in_force_from.isoformat()}


@click.group()
def training() -> None:
    """Courses: their questions, and passing them."""


@training.command("show", epilog="Example: kehu training show customer-data")
@click.argument("course", required=False)
@command()
def training_show(course: str | None) -> Any:
    """A course with its lesson and questions; without COURSE, what there is."""
    from kehu.guard.access import training as courses

    said = language()
    if course is None:
        return {
            "courses": [
                {"course": one.slug, "title": one.title.get(said, one.title["en"]), "questions": len(one.questions)}
                for one in courses.courses().values()
            ]
        }
    held = courses.course_of(course)
    return {
        "course": held.slug, "version": held.version, "title": held.title.get(said, held.title["en"]),
        "lesson": held.lesson.get(said, held.lesson["en"]), "pass_mark": held.pass_mark, "valid_days": held.valid_days,
        "questions": [
            {"asks": one.asks.get(said, one.asks["en"]), "answers": [words.get(said, words["en"]) for words in one.answers]}
            for one in held.questions
        ],
    }  # fmt: skip


@training.command("answer", epilog="Example: KEHU_TOKEN=… kehu training answer customer-data abcabcabca")
@click.argument("course")
@click.argument("answers")
@command()
def training_answer(course: str, answers: str) -> Any:
    """Take a course, for yourself: one letter for each question, a for the first answer."""
    from kehu.guard.access import training as courses

    letters = answers.strip().lower()
    if not letters.isascii() or not letters.isalpha():
        raise ValueError("answers: one letter for each question, as abcabcabca")
    result = courses.answer(course, [ord(one) - ord("a") for one in letters], actor=actor())
    return {
        "course": course, "right": result.right, "passed": result.passed,
        "wrong": [number + 1 for number in result.wrong], "until": result.until.isoformat() if result.until else None,
    }  # fmt: skip


@click.group()
def access() -> None:
    """Who may ask: conditions and their ends."""


@access.command("lapses", epilog="Example: kehu access lapses --json")
@command()
def access_lapses() -> Any:
    """People whose agreement, training or notice ends next, those refused now first."""
    from kehu.guard.access import lapses

    return {"people": [_standing(one) for one in lapses.lapses(actor=actor())]}


def _standing(one: Any) -> dict[str, Any]:
    ends = ("agreement_until", "training_until", "watching_until")
    return {"email": one.email, "role": one.role, "department": one.department, "refused": one.lapsed} | {
        name: end.isoformat() if (end := getattr(one, name)) else None for name in ends
    }


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("text: the file must be UTF-8") from None
