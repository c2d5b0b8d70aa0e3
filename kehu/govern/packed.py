"""Consents as policies read them, written into ``subject_state`` by purpose.

The caller holds the rows (:mod:`kehu.govern.parts`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from uuid import UUID

from django.db import connection

from kehu.govern.covers import CONSENT, Packed, anchor_of, cover, is_cover, own_word, reworded, uncover, with_own


def project(subjects: list[UUID], purpose: int, packed: Packed) -> None:
    """Let a word stand on these, in place of whatever stood there."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update subject_state set consents = consents || %s::jsonb, lifted = nullif(lifted - %s::text, '{}'),"
            " last_act = case when %s then greatest(last_act, current_date) else last_act end where subject in"
            " (select subject from subject_state where subject = any (%s) order by subject for no key update)",
            [json.dumps({str(purpose): packed}), str(purpose), packed[0] == "given", subjects],
        )


def stand_for(subjects: list[UUID], purpose: int, packed: Packed, anchor: str) -> None:
    """Let a word stand for these, too, keeping what each of them said itself below it."""
    held = _words(subjects, purpose)
    _write(purpose, {one: (cover(word, packed, anchor, CONSENT), aside) for one, (word, aside) in held.items()})


def reword(subject: UUID, subjects: list[UUID], purpose: int, packed: Packed) -> None:
    """Let another word stand for the consent of one of these, its own and where it covers others, below what covers it."""
    changed: dict[UUID, tuple[Packed | None, Packed | None]] = {}
    for one, (word, aside) in _words(subjects, purpose).items():
        own = own_word(word, CONSENT)
        if word is None:
            continue
        after = reworded(word, packed, str(subject), CONSENT)
        if one == subject and own is not None and own[0] == "given":
            after = with_own(after, packed, CONSENT) if is_cover(after, CONSENT) else packed
        if after != word:
            changed[one] = (after, aside)
    _write(purpose, changed)


def set_aside(subjects: list[UUID], part: list[UUID], purpose: int) -> None:
    """What this certain part had projected onto the rest acts no more, as those origins never said it themselves.

    It is kept, for a withdrawal stays with all: after an un-merge it stands on them again.
    """
    own = {str(origin) for origin in part}
    changed: dict[UUID, tuple[Packed | None, Packed | None]] = {}
    for one, (word, aside) in _words(subjects, purpose).items():
        if word is not None and is_cover(word, CONSENT):
            changed[one] = (uncover(word, CONSENT, lambda anchor: anchor not in own), aside)
        elif word is not None and anchor_of(word, CONSENT) in own:
            changed[one] = (None, word)
    _write(purpose, changed)


def _words(subjects: list[UUID], purpose: int) -> dict[UUID, tuple[Packed | None, Packed | None]]:
    """What stands on each of these for a purpose, and what was set aside."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select subject, consents -> %s::text, lifted -> %s::text from subject_state where subject = any (%s)",
            [str(purpose), str(purpose), subjects],
        )
        return {one: (_read(word), _read(aside)) for one, word, aside in cursor.fetchall()}


def _read(held: str | None) -> Packed | None:
    """Django's connection hands jsonb out as text."""
    word: Packed | None = json.loads(held) if held else None
    return word


def _write(purpose: int, words: Mapping[UUID, tuple[Packed | None, Packed | None]]) -> None:
    key = str(purpose)
    with connection.cursor() as cursor:
        for one, (word, aside) in words.items():
            cursor.execute(
                "update subject_state set consents = case when %(word)s::jsonb is null then consents - %(key)s::text"
                " else consents || jsonb_build_object(%(key)s::text, %(word)s::jsonb) end, lifted = case when"
                " %(aside)s::jsonb is null then nullif(lifted - %(key)s::text, '{}')"
                " else coalesce(lifted, '{}') || jsonb_build_object(%(key)s::text, %(aside)s::jsonb) end"
                " where subject = %(subject)s",
                {
                    "key": key, "subject": one, "word": json.dumps(word) if word is not None else None,
                    "aside": json.dumps(aside) if aside is not None else None,
                },
            )  # fmt: skip
