"""Match-only: what somebody says is compared with what is held, and yes or no is all that comes out.

The comparison is a checked read of its own (use ``match``): decided, recorded, and only then is anything opened. What is
opened stays in this module. It takes the same time whether and where the answers differ.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import Connection

from kehu.govern.parts import UnknownSubject
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.decisions import Decision
from kehu.guard.gate.policies import MATCH_ONLY
from kehu.guard.gate.read import Gate, LedgerUnavailable, gate
from kehu.guard.gate.tries import NOTHING_COMPARED, RIGHT, settle_try, take_try
from kehu.guard.installation import installation
from kehu.vault.open import open_facet

_PARTS: Final = 3  # provenances 0 to 2 are those of what the customer said, or need not say


@dataclass(frozen=True, slots=True)
class Compared:
    """Whether it is what we hold (None: nothing is held to compare with), and the row of the ledger."""

    matched: bool | None
    seq: int


def compare(
    subject: UUID, field: str, offered: Collection[str], *, actor: Actor, purpose: str, tail: int = 0
) -> Compared:
    """Compare normalised forms of what was said with every value of the field that is held of the customer.

    ``offered``: the forms it may be meant in; ``tail`` compares that many last characters alone. Nothing held is no
    wrong try; nor is what the gate denies.

    Raises:
        UnknownSubject: not here.
        UnknownField: no such field.
        Refused: a policy denies it, or too many answers were wrong; either stands in the ledger.
    """
    installation().rules.dictionary.field(field)
    taken = take_try(subject, actor=actor, purpose=PURPOSES[purpose])
    held = gate()

    def unseal(raw: Connection[Any], rows: list[Any]) -> Compared | str | None:
        if not rows:
            return None
        if rows[0][6] is None:
            raise LedgerUnavailable("nothing was recorded")
        decision = held.decisions.get(raw, rows[0][2])
        answers = decision.fields[field][:_PARTS]
        if all(one.answer != MATCH_ONLY for one in answers):
            return answers[0].policy
        return Compared(_matched(_values(held, rows, decision, field), offered, tail), int(rows[0][6]))

    found = held.compared(subject, field, unseal, actor=actor, purpose=purpose)
    if not isinstance(found, Compared) or found.matched is not False:
        right = isinstance(found, Compared) and found.matched is True
        settle_try(taken, RIGHT if right else NOTHING_COMPARED)
    if found is None:
        raise UnknownSubject(str(subject))
    if isinstance(found, str):
        raise Refused(found)
    return found


def _values(held: Gate, rows: list[Any], decision: Decision, field: str) -> Iterable[str]:
    """Normalised values of the field in what the confirmed statement handed out, as far as they may be compared."""
    for row in rows:
        subject, epoch, wrapped, record, _, _, category, version, sealed, provenance, _, old = row[7:19]
        if sealed is None or provenance < 0 or decision.of(field, provenance, stale=old).answer != MATCH_ONLY:
            continue
        cipher = AESGCM(held.key_of(wrapped, subject=subject, epoch=epoch))
        opened = open_facet(
            cipher, sealed, subject=subject.bytes, record=record.bytes, category=category, version=version
        )
        if field in opened and opened[field][1] is not None:
            yield str(opened[field][1])


def _matched(values: Iterable[str], offered: Collection[str], tail: int) -> bool | None:
    """Every form against every value, under a key of this comparison alone: the time tells nothing of either."""
    key, any_held, equal = os.urandom(32), False, False

    def digest(text: str) -> bytes:
        return hmac.digest(key, text.encode(), hashlib.sha256)

    said = [digest(one) for one in offered]
    for value in values:
        any_held = True
        mark = digest(value[-tail:] if tail else value)
        for one in said:
            equal |= hmac.compare_digest(mark, one)
    return equal if any_held else None
