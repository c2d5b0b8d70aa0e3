"""Training: courses as data, answered question by question; who passes all of them may ask for as long as they are valid."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from kehu.govern.slugs import LANGUAGES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.ledger.record import record_act

_FOLDER: Final = Path(__file__).with_name("courses")
_FEWEST: Final = 2  # answers of a question

Words = Mapping[str, str]
"""One text in each language."""


class UnknownCourse(LookupError):
    """No such course."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question, its answers, which of them is right (from 0), and why."""

    asks: Words
    answers: tuple[Words, ...]
    right: int
    why: Words


@dataclass(frozen=True, slots=True)
class Course:
    """A course. ``pass_mark``: right answers needed; ``valid_days``: how long having passed counts."""

    slug: str
    version: int
    title: Words
    lesson: Words
    pass_mark: int
    valid_days: int
    questions: tuple[Question, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an attempt. ``wrong``: numbers of the questions answered wrongly, from 0; ``until``: of the training."""

    course: Course
    right: int
    passed: bool
    wrong: tuple[int, ...]
    until: datetime | None


@functools.cache
def courses() -> dict[str, Course]:
    """Every course, by slug; each is asked of everybody.

    Raises:
        ValueError: a course is not whole: a language, an answer or a pass mark that can be reached is missing.
    """
    return {path.stem: _read(path) for path in sorted(_FOLDER.glob("*.toml"))}


def course_of(slug: str) -> Course:
    """A course.

    Raises:
        UnknownCourse: there is none.
    """
    try:
        return courses()[slug]
    except KeyError:
        raise UnknownCourse(slug) from None


def answer(slug: str, answers: Sequence[int | None], *, actor: Actor) -> Result:
    """Take a course, for oneself; passed with the others it lets on from now on. Each attempt is kept.

    Raises:
        Refused: the home's owner, who has no account to train.
        UnknownCourse: no such course.
        ValueError: not one answer for each question.
    """
    if actor.role == "owner":
        raise Refused("house.act")
    require_act("train", actor)
    course = course_of(slug)
    if len(answers) != len(course.questions):
        raise ValueError(f"answers: {len(course.questions)}, one for each question")
    wrong = tuple(
        number for number, (said, one) in enumerate(zip(answers, course.questions, strict=True)) if said != one.right
    )
    right = len(course.questions) - len(wrong)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "insert into access_attempt (staff, course, version, right_answers, pass_mark, valid_days)"
            " values (%s, %s, %s, %s, %s, %s)",
            [actor.human, slug, course.version, right, course.pass_mark, course.valid_days],
        )
        until = _trained_until(actor.human)
        if right >= course.pass_mark and until is not None:
            cursor.execute(
                "update guard_staff set training_until = greatest(training_until, %s) where id = %s",
                [until, actor.human],
            )
        record_act("train", None, actor=actor)
    return Result(course, right, right >= course.pass_mark, wrong, until)


def passed(staff: UUID) -> dict[str, datetime]:
    """Until when a person has passed each course, as far as they have since they were last sent to take them anew."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select a.course, max(a.at + a.valid_days * interval '1 day') from access_attempt a"
            " join guard_staff s on s.id = a.staff where a.staff = %s and a.right_answers >= a.pass_mark"
            " and (s.retrain_since is null or a.at > s.retrain_since) group by a.course",
            [staff],
        )
        return dict(cursor.fetchall())


def _trained_until(staff: UUID) -> datetime | None:
    """The first end among the courses; None while one is missing."""
    held = passed(staff)
    return min(held[slug] for slug in courses()) if all(slug in held for slug in courses()) else None


def _read(path: Path) -> Course:
    row: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    questions = tuple(
        Question(one["asks"], tuple(one["answers"]), one["right"], one["why"]) for one in row["questions"]
    )
    made = Course(
        path.stem, row["version"], row["title"], row["lesson"], row["pass_mark"], row["valid_days"], questions
    )
    said = [made.title, made.lesson]
    for one in questions:
        said += [one.asks, one.why, *one.answers]
        if len(one.answers) < _FEWEST or not 0 <= one.right < len(one.answers):
            raise ValueError(f"course {path.stem}: a question without a right answer")
    if not all(words.get(language) for words in said for language in LANGUAGES):
        raise ValueError(f"course {path.stem}: words in each language")
    if not 0 < made.pass_mark <= len(questions) or not timedelta(0) < timedelta(days=made.valid_days):
        raise ValueError(f"course {path.stem}: a pass mark that can be reached, and a time it is valid for")
    return made
