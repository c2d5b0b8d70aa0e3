"""What each part of a customer said, given back to it by an un-merge.

A consent or a subscription given while merged stands on the rest of the certain part as a cover (:mod:`kehu.govern.covers`).
Called by the log of links in its transaction, with the rows locked and customer and core written anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from kehu.govern.covers import CONSENT, SUBSCRIPTION, Packed, anchor_of, is_cover, own_word, uncover, with_own
from kehu.govern.guardians import leave_without_guardian

Words = dict[str, Packed]

_HELD: Final = """
select s.subject, s.core, s.customer, s.consents::text, s.subscriptions::text, s.separate::text, s.lifted::text, s.guardian
from subject_state s where s.subject = any (%s) order by s.subject
"""
_WRITE: Final = """
update subject_state s set consents = n.consents::jsonb, subscriptions = n.subscriptions::jsonb,
    separate = n.separate::jsonb, lifted = n.lifted::jsonb
from unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[]) as n (subject, consents, subscriptions, separate, lifted)
where s.subject = n.subject
"""


def take_back_words(connection: Connection[Any], subjects: Sequence[UUID]) -> None:
    """Where a word stands for an origin subject that left, what it covered counts again, and what it set aside."""
    if not subjects:
        return
    rows = connection.execute(_HELD, (list(subjects),)).fetchall()
    told = {anchor for row in rows for anchor in _anchors(row)}
    belongs: dict[str, tuple[UUID, UUID]] = {
        str(subject): (core, customer)
        for subject, core, customer in connection.execute(
            "select subject, core, customer from subject_state where subject = any (%s::uuid[])", (sorted(told),)
        )
    }
    changed: list[tuple[UUID, str, str | None, str | None, str | None]] = []
    for subject, core, customer, *texts, _ in rows:
        before: list[Any] = [json.loads(text) if text else {} for text in texts]
        cores = {anchor for anchor, held in belongs.items() if held == (core, customer)}
        here = {anchor for anchor, held in belongs.items() if held[1] == customer}
        after = _parted(before, cores, here)
        if after != before:
            consents, *others = (json.dumps(held) if held else None for held in after)
            changed.append((subject, consents or "{}", *others))
    if changed:
        connection.execute(_WRITE, tuple(list(column) for column in zip(*changed, strict=True)))
    guarded = [row[0] for row in rows if row[-1]]
    if guarded:
        leave_without_guardian(connection, guarded)


def _parted(before: Sequence[Any], cores: set[str], here: set[str]) -> list[Any]:
    """Consents, subscriptions, separate consents and what is set aside, once only these anchors are still of the part."""
    consents, subscriptions, separate, lifted = before
    after: list[Words] = [_uncovered(consents, CONSENT, cores), _uncovered(subscriptions, SUBSCRIPTION, cores)]
    aside: Words = {}
    for key, word in lifted.items():
        base = SUBSCRIPTION if ":" in key else CONSENT
        if anchor_of(word, base) in here:
            aside[key] = word
        else:
            _stand_again(after[base == SUBSCRIPTION], key, word, base)
    return [*after, _separate(separate, cores), aside]


def _uncovered(words: Mapping[str, Packed], base: int, cores: set[str]) -> Words:
    left = {key: uncover(word, base, cores.__contains__) for key, word in words.items()}
    return {key: word for key, word in left.items() if word is not None}


def _stand_again(words: Words, key: str, word: Packed, base: int) -> None:
    """Unless the row said something itself since."""
    held = words.get(key)
    if held is None:
        words[key] = word
    elif is_cover(held, base) and own_word(held, base) is None:
        words[key] = with_own(held, word, base)


def _separate(held: Mapping[str, list[dict[str, Any]]], cores: set[str]) -> dict[str, list[dict[str, Any]]]:
    left: dict[str, list[dict[str, Any]]] = {}
    for key, entries in held.items():
        stand = [one for entry in entries if (one := _entry(entry, cores)) is not None]
        if stand:
            left[key] = stand
    return left


def _entry(entry: dict[str, Any], cores: set[str]) -> dict[str, Any] | None:
    """The consent itself where it was given within the part; else what it stood in the place of."""
    below = entry.get("below")
    under = _entry(below, cores) if below else None
    if entry["anchor"] not in cores:
        return under
    kept = {name: value for name, value in entry.items() if name != "below"}
    return kept | ({"below": under} if under else {})


def _anchors(row: Sequence[Any]) -> set[str]:
    found: set[str] = set()
    consents, subscriptions, separate, lifted = (json.loads(text) if text else {} for text in row[3:7])
    for words, base in ((consents, CONSENT), (subscriptions, SUBSCRIPTION)):
        for word in words.values():
            uncover(word, base, lambda anchor: _noted(found, anchor))
    for key, word in lifted.items():
        found.add(anchor_of(word, SUBSCRIPTION if ":" in key else CONSENT) or "")
    for entries in separate.values():
        for entry in entries:
            one: dict[str, Any] | None = entry
            while one:
                found.add(one["anchor"])
                one = one.get("below")
    return found - {""}


def _noted(found: set[str], anchor: str) -> bool:
    found.add(anchor)
    return True
