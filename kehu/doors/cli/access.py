"""Commands on who may ask: the agreement, the training, the notice of watching, and who lapses next."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import click

from kehu.doors.cli.frame import MOMENT, actor, command, language, told

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


@access.command("review", epilog="Example: kehu access review li@shop.example --keep")
@click.argument("email")
@click.option("--keep/--take-away", "kept", required=True, default=None)
@command()
def access_review(email: str, kept: bool) -> Any:
    """Keep somebody's access for another quarter, or take it away; what nobody looks at for 92 days is off."""
    from kehu.guard.access import lapses
    from kehu.guard.staff.actions import actor_of

    return _standing(lapses.keep(actor_of(email).staff, actor=actor(), kept=kept))


@access.command("matrix", epilog="Example: kehu access matrix --role service --json")
@click.option("--role", help="Only this one.")
@click.option("--law", default="CN", show_default=True, help="The law that the customer is under: CN EU US JP AU none.")
@command()
def access_matrix(role: str | None, law: str) -> Any:
    """Role by category by level by action, each cell with the policy it comes from: the policies are asked."""
    from kehu.serve.office.matrix import matrix

    return {
        "law": law,
        "cells": [
            {
                "role": one.role, "category": one.category, "level": one.level, "action": one.action, "answer": one.answer,
                "purposes": dict(one.purposes), "fields": list(one.fields), "policy": one.policy,
            }
            for one in matrix(actor=actor(), law=law, role=role)
        ],
    }  # fmt: skip


@click.group()
def grant() -> None:
    """Access for a while: named fields of named customers, let through by a second person."""


@grant.command(
    "ask",
    epilog="Example: kehu grant ask --purpose service --fields email,phone --customer 0199… --reason 'lost label'",
)
@click.option("--purpose", required=True)
@click.option("--fields", required=True, help="With commas between them.")
@click.option("--customer", "customers", multiple=True, type=click.UUID, help="By any of their ids; may be repeated.")
@click.option("--law", "laws", multiple=True, help="Or a segment: under one of these laws (CN EU US JP AU).")
@click.option("--age", "ages", multiple=True, help="And of one of these ages (14-15 16-17 adult …).")
@click.option("--minutes", default=60, show_default=True, help="Up to 480, from the moment it is let through.")
@click.option("--reason", required=True, help="Kept sealed; - reads standard input.")
@command()
def grant_ask(
    purpose: str,
    fields: str,
    customers: tuple[UUID, ...],
    laws: tuple[str, ...],
    ages: tuple[str, ...],
    minutes: int,
    reason: str,
) -> Any:
    """Ask for access; somebody else decides, and nothing opens until then."""
    from kehu.guard.access import grants

    scope = grants.Scope(customers, frozenset(law.upper() for law in laws), ages)
    held = grants.ask(
        actor=actor(), purpose=purpose, fields=_names(fields), scope=scope, minutes=minutes, reason=told(reason)
    )
    return {"grants": [_told(held)]}


@grant.command("list", epilog="Example: kehu grant list --json")
@command()
def grant_list() -> Any:
    """One's own; for whoever decides, ends or audits, everybody's."""
    from kehu.guard.access import grants

    return {"grants": [_told(one) for one in grants.grants(actor=actor())]}


@grant.command("approve", epilog="Example: kehu grant approve 0199…")
@click.argument("id", type=click.UUID)
@command()
def grant_approve(id: UUID) -> Any:
    """Let a request through: manager, legal office or owner, and never one's own."""
    from kehu.guard.access import grants

    return {"grants": [_told(grants.decide(id, actor=actor(), approve=True))]}


@grant.command("refuse", epilog="Example: kehu grant refuse 0199…")
@click.argument("id", type=click.UUID)
@command()
def grant_refuse(id: UUID) -> Any:
    """Do not let it through."""
    from kehu.guard.access import grants

    return {"grants": [_told(grants.decide(id, actor=actor(), approve=False))]}


@grant.command("end", epilog="Example: kehu grant end 0199…")
@click.argument("id", type=click.UUID)
@command()
def grant_end(id: UUID) -> Any:
    """End a grant, or take a request back; the next read is refused."""
    from kehu.guard.access import grants

    return {"grants": [_told(grants.end(id, actor=actor()))]}


@grant.command("use", epilog="Example: KEHU_TOKEN=… kehu grant use 0199…")
@click.argument("id", type=click.UUID)
@command()
def grant_use(id: UUID) -> Any:
    """A token that uses a grant of one's own, for half an hour at most, shown once."""
    from kehu.guard.access import grants

    _credential, text, until = grants.use(id, actor=actor())
    return {"token": text, "expires_at": until.isoformat()}


@grant.command(
    "emergency",
    epilog="Example: KEHU_TOKEN=… kehu grant emergency --for vital --fields phone --customer 0199… --reason -",
)
@click.option("--for", "kind", required=True, type=click.Choice(["vital", "security", "claims"]))
@click.option("--fields", required=True, help="With commas between them.")
@click.option("--customer", "customers", multiple=True, required=True, type=click.UUID)
@click.option("--reason", required=True, help="Kept sealed; - reads standard input.")
@command()
def grant_emergency(kind: str, fields: str, customers: tuple[UUID, ...], reason: str) -> Any:
    """Break the glass: at once, for half an hour; the offices are told, another person looks at it afterwards."""
    from kehu.guard.access import glass

    held = glass.break_glass(actor=actor(), kind=kind, fields=_names(fields), customers=customers, reason=told(reason))
    return {"grants": [_told(held)]}


@grant.command("review", epilog="Example: kehu grant review 0199… --justified")
@click.argument("id", type=click.UUID)
@click.option("--justified/--unjustified", required=True, default=None)
@command()
def grant_review(id: UUID, justified: bool) -> Any:
    """Say whether a broken glass was justified: privacy, legal, auditor or owner, and never one's own."""
    from kehu.guard.access import glass

    return {"grants": [_told(glass.review(id, actor=actor(), justified=justified))]}


def _told(held: Any) -> dict[str, Any]:
    return {
        "id": str(held.id), "state": held.state, "email": held.email, "purpose": held.purpose, "fields": list(held.fields),
        "customers": [str(one) for one in held.scope.customers], "laws": sorted(held.scope.packs),
        "ages": list(held.scope.ages), "minutes": held.minutes, "emergency": held.emergency or None,
        "until": held.until.isoformat() if held.until else None, "justified": held.justified,
    }  # fmt: skip


def _names(fields: str) -> list[str]:
    return [name.strip() for name in fields.split(",") if name.strip()]


def _standing(one: Any) -> dict[str, Any]:
    ends = ("agreement_until", "training_until", "watching_until", "kept_until")
    return {"email": one.email, "role": one.role, "department": one.department, "refused": one.lapsed} | {
        name: end.isoformat() if (end := getattr(one, name)) else None for name in ends
    }


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("text: the file must be UTF-8") from None
