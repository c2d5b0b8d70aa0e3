"""What surveys came to: answers kept apart from people, counted so that nobody is recognised, and free texts sealed singly.

Of an anonymous survey each answer stands by itself, with a day and nothing else. Where somebody was invited by name, their
answers hold the customer's id, the newest in place of those before, leave with their data, and are erased with them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID, uuid4

import orjson
from django.db import connection, transaction

from kehu.collect.forms.answers import unasked
from kehu.collect.forms.questions import Question
from kehu.collect.forms.showing import shown_as
from kehu.collect.inbox.hands import Errand
from kehu.guard.aside import forget_aside, open_aside, seal_aside
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act

FEWEST: Final = 5
"""A count below this is not said: whoever knows the few would know their answers."""
MOST_TEXTS: Final = 100
# Answers to a version, of whoever was invited one of the newest day to a question: what was kept before there was one each is
# there still, and ids tell no time.
_ONCE: Final = """(select distinct on (coalesce(subject, id), question) * from survey_answer
    where form = %(form)s and version = %(version)s order by coalesce(subject, id), question, day desc, id) once"""


@dataclass(frozen=True, slots=True)
class Result:
    """What one question came to.

    ``counts`` by place, None where too few or where it would tell another; ``total`` None: too few at all. Of a text
    ``total`` texts that may be read, and ``held_back`` more with personal data that nobody asked for, None: a few.
    """

    question: Question
    counts: tuple[int | None, ...]
    total: int | None
    held_back: int | None = 0


def results(form: UUID, number: int, *, actor: Actor) -> list[Result]:
    """What the questions of a version came to.

    Raises:
        ActRefused: the role may not.
    """
    require_act("collect", actor)
    with connection.cursor() as cursor:
        cursor.execute(
            "select question, choice, count(*) filter (where unasked = '{}'), count(*) filter (where unasked <> '{}')"
            f" from {_ONCE} group by 1, 2",
            {"form": form, "version": number},
        )
        rows = cursor.fetchall()
    found = []
    for question in shown_as(form, number).definition.questions:
        mine = [row for row in rows if row[0] == question.id]
        if question.kind == "text":
            # each for itself: a sum of both beside the texts that can be read would tell the few
            readable, kept = sum(row[2] for row in mine), sum(row[3] for row in mine)
            held_back = kept if kept >= FEWEST or not kept else None
            found.append(Result(question, (), readable if readable >= FEWEST else None, held_back))
            continue
        chosen = Counter({row[1]: row[2] for row in mine})
        places = range(1, len(question.option_texts("en")) + 1)
        found.append(Result(question, *_said([chosen[place] for place in places])))
    return found


def texts(form: UUID, number: int, question: str, *, actor: Actor) -> list[str]:
    """Free texts in which nothing was found that was not asked for, the newest days first; the look stands in the ledger.

    Raises:
        Refused: the role may not, or not this person now.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"select id, sealed from {_ONCE} where question = %(question)s and sealed is not null and unasked = '{{}}'"
            " order by day desc, id limit %(most)s",
            {"form": form, "version": number, "question": question, "most": MOST_TEXTS},
        )
        sealed = {row[0]: bytes(row[1]) for row in cursor.fetchall()}
    if len(sealed) < FEWEST:
        return []
    opened = open_aside(sealed, actor=actor, act="collect", detail=form)
    return [opened[id].decode() for id in sealed if id in opened]


def destroy_unasked(form: UUID, number: int, *, actor: Actor) -> int:
    """Destroy free texts to a version that hold personal data nobody asked for; returns how many.

    Raises:
        ActRefused: the role may not.
    """
    require_act("collect", actor)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "select id from survey_answer where form = %s and version = %s and unasked <> '{}' order by id for update",
            [form, number],
        )
        ids = [row[0] for row in cursor.fetchall()]
        forget_aside(connection.connection, ids)
        cursor.execute("delete from survey_answer where id = any (%s)", [ids])
    return len(ids)


def _said(counts: Sequence[int]) -> tuple[tuple[int | None, ...], int | None]:
    """Counts that tell of nobody: small ones left out, and more where the total would give those away, singly or together."""
    total = sum(counts)
    if total < FEWEST:
        return tuple(None for _ in counts), None
    shown: list[int | None] = [count if count >= FEWEST else None for count in counts]
    if shown.count(None) == 1 and len(shown) > 1:
        _leave_out_least(shown)
    while 0 < total - sum(filter(None, shown)) < FEWEST:
        _leave_out_least(shown)
    return tuple(shown), total


def _leave_out_least(shown: list[int | None]) -> None:
    shown[shown.index(min(count for count in shown if count is not None))] = None


def keep_answers(errand: Errand) -> str | None:
    """Answers to a survey: what was chosen as numbers, what was written sealed. Whoever was invited has one answer a question
    of a version: one person alone would else lift counts over the least that is said."""
    said: dict[str, Any] = orjson.loads(errand.asked.said["said"])
    form, number = UUID(said["form"]), int(said["v"])
    definition = shown_as(form, number).definition
    day = datetime.fromisoformat(said["at"]).date()
    subject = UUID(said["invited"]) if said["invited"] and not definition.anonymous else None
    if subject is not None and not _here(subject):
        return None  # their answers would have been erased with them
    if subject is not None and not _in_place_of_earlier(subject, form, number, day):
        return None
    # ids that tell no time: else those of one visitor would stand one after another
    free = {one.id for one in definition.questions if one.kind == "text"}
    written = [(uuid4(), question, text) for question, text in said["answers"].items() if question in free]
    sealed = seal_aside(connection.connection, [(id, text.encode()) for id, _, text in written])
    rows: list[tuple[UUID, str, int | None, bytes | None, list[str]]] = []
    for (id, question, text), secret in zip(written, sealed, strict=True):
        rows.append((id, question, None, secret, unasked(text)))
    for question, text in said["answers"].items():
        if question not in free:
            rows.append((uuid4(), question, int(text), None, []))
    with connection.cursor() as cursor:
        for id, question, choice, body, kinds in rows:
            cursor.execute(
                "insert into survey_answer (id, form, version, question, day, subject, choice, sealed, unasked)"
                " values (%s, %s, %s, %s, %s, %s, %s, %s, %s::text[])",
                [id, form, number, question, day, subject, choice, body, kinds],
            )
    return None


def _here(subject: UUID) -> bool:
    """Whether somebody was not erased meanwhile, held until their answers are written."""
    with connection.cursor() as cursor:
        cursor.execute("select 1 from subject_state where subject = %s and not hidden for key share", [subject])
        return cursor.fetchone() is not None


def _in_place_of_earlier(subject: UUID, form: UUID, number: int, day: date) -> bool:
    """Destroy what a customer answered before; False: they answered on a later day, and that stands.

    A form's messages are taken in by one process at a time, so two of one customer are never taken in at once.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select id, day from survey_answer where subject = %s and form = %s and version = %s order by id for update",
            [subject, form, number],
        )
        earlier = cursor.fetchall()
        if any(answered > day for _, answered in earlier):
            return False
        ids = [id for id, _ in earlier]
        forget_aside(connection.connection, ids)
        cursor.execute("delete from survey_answer where id = any (%s)", [ids])
    return True


class SurveyHolder:
    """Answers of customers who were invited by name."""

    name: Final = "survey-answers"
    tables = frozenset({"survey_answer"})

    def export(self, subject: UUID, *, actor: Actor) -> Mapping[str, Any] | None:
        """Questions and answers."""
        with connection.cursor() as cursor:
            cursor.execute(
                "select id, form, version, question, day, choice, sealed from survey_answer where subject = %s order by day, id",
                [subject],
            )
            rows = cursor.fetchall()
        if not rows:
            return None
        sealed = {row[0]: bytes(row[6]) for row in rows if row[6] is not None}
        opened = open_aside(sealed, actor=actor, act="export", detail=None) if sealed else {}
        return {
            "survey_answers": [
                {
                    "form": str(form), "version": version, "question": question, "day": day.isoformat(),
                    "answer": choice if choice is not None else opened[id].decode() if id in opened else None,
                }
                for id, form, version, question, day, choice, _ in rows
            ]
        }  # fmt: skip

    def erase(self, subject: UUID) -> int:
        """Destroy the keys of texts, then the rows."""
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("select id from survey_answer where subject = %s", [subject])
            ids = [row[0] for row in cursor.fetchall()]
            forget_aside(connection.connection, ids)
            cursor.execute("delete from survey_answer where id = any (%s)", [ids])
        return len(ids)
