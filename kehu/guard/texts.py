"""Free texts and proofs (reasons, requests, evidence): sealed under a subject's key or one of their own, opened only here.

A thing's own key is a row of ``subject_key`` under the thing's id: rotation re-wraps it, deleting the row erases the text.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from psycopg import Connection

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.read import CHUNK, raw_connection
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act, record_acts
from kehu.vault.keys import KEY, SALT, EpochKeyMissing, EpochKeys, KeyDoesNotOpen, current_epoch
from kehu.vault.open import open_text
from kehu.vault.seal import seal_text

_ATTEMPTS: Final = 4
_PROBES: Final = 20
_OTHERS: Final = """
select subject, epoch, wrapped from subject_key where epoch = %s and subject <> all (%s) order by subject desc limit %s
"""


class TextTooLong(ValueError):
    """A text is longer than is kept: ``most`` characters, of which it has ``held``."""

    def __init__(self, most: int, held: int) -> None:
        super().__init__(f"text: at most {most} characters, these are {held}")
        self.most, self.held = most, held


@dataclass(frozen=True, slots=True)
class Sealed:
    """A sealed text: ``owner`` is the row of ``subject_key`` it lies under, ``place`` the row it belongs to."""

    owner: UUID
    place: UUID
    body: bytes = field(repr=False)


def seal_under(owner: UUID, text: str, *, place: UUID) -> bytes:
    """Seal a text under a key that is here, in the caller's transaction.

    Raises:
        LookupError: there is no such key.
    """
    connection.ensure_connection()
    return seal_text(keys_of(connection.connection, [owner])[owner], text, context=place.bytes)


def make_key(owner: UUID, *, salt: bytes | None = None) -> None:
    """Make a key of its own for a thing, in the caller's transaction; ``salt``: the ledger's, where it had one before."""
    connection.ensure_connection()
    raw = connection.connection
    epoch = current_epoch(raw)
    wrapped = installation().epochs.wrap(os.urandom(KEY), subject=owner.bytes, epoch=epoch)
    raw.execute(
        "insert into subject_key (subject, epoch, wrapped, salt) values (%s, %s, %s, %s)",
        (owner, epoch, wrapped, salt or os.urandom(SALT)),
    )


def destroy_keys(owners: Sequence[UUID]) -> int:
    """Destroy keys of things, in the caller's transaction; returns how many there were."""
    connection.ensure_connection()
    raw: Connection[Any] = connection.connection
    return raw.execute("delete from subject_key where subject = any (%s)", (list(owners),)).rowcount


def open_texts(
    sealed: Sequence[Sealed],
    subject: UUID | Sequence[UUID] | None,
    *,
    actor: Actor,
    act: str,
    purpose: int | None = None,
    detail: UUID | None = None,
) -> list[str | None]:
    """Open texts after the row of that use stands in the ledger; one whose key is gone opens as None.

    ``subject``: whose they are; of several, each: then the row names no ``detail``, and there may be more than one.

    Raises:
        InsideTransaction: called inside a transaction, which could roll the row back.
    """
    if not sealed:
        return []
    raw = raw_connection()
    with transaction.atomic():
        if isinstance(subject, Sequence):
            for start in range(0, len(subject), CHUNK):
                record_acts(act, subject[start : start + CHUNK], actor=actor, purpose=purpose)
        else:
            record_act(act, subject, actor=actor, purpose=purpose, detail=detail)
    keys = keys_of(raw, {one.owner for one in sealed}, lenient=True)
    return [
        open_text(keys[one.owner], one.body, context=one.place.bytes) if one.owner in keys else None for one in sealed
    ]


def keys_of(raw: Connection[Any], owners: Iterable[UUID], *, lenient: bool = False) -> dict[UUID, bytes]:
    """Unwrapped keys of subjects or things; for this room alone. ``lenient``: those that are gone are left out.

    Raises:
        LookupError: a key is not here.
    """
    wanted = sorted(set(owners))
    epochs = installation().epochs
    for attempt in range(_ATTEMPTS):
        rows = raw.execute(
            "select subject, epoch, wrapped from subject_key where subject = any (%s)", (wanted,)
        ).fetchall()
        try:
            found = {row[0]: epochs.unwrap(bytes(row[2]), subject=row[0].bytes, epoch=row[1]) for row in rows}
        except EpochKeyMissing:  # rotated between statement and here
            if attempt == _ATTEMPTS - 1:
                raise
            continue
        if not lenient and len(found) < len(wanted):
            raise LookupError("a key is not here")
        return found
    raise AssertionError("unreachable")


def closed_to_us(raw: Connection[Any], owners: Iterable[UUID]) -> dict[UUID, bool]:
    """Of these the things whose key is here and does not open; opens nothing for anybody.

    Returns:
        For each whether another key of its epoch opens: then it is the one that is broken, else it may be the house's own.
    """
    epochs = installation().epochs
    rows = raw.execute(
        "select subject, epoch, wrapped from subject_key where subject = any (%s)", (list(owners),)
    ).fetchall()
    shut = [(owner, epoch) for owner, epoch, wrapped in rows if not _opens(epochs, owner, epoch, wrapped)]
    others = {
        epoch: raw.execute(_OTHERS, (epoch, [owner for owner, _ in shut], _PROBES)).fetchall() for _, epoch in shut
    }
    opened = {epoch: any(_opens(epochs, *one) for one in beside) for epoch, beside in others.items()}
    return {owner: opened[epoch] for owner, epoch in shut}


def _opens(epochs: EpochKeys, owner: UUID, epoch: int, wrapped: bytes) -> bool:
    try:
        epochs.unwrap(bytes(wrapped), subject=owner.bytes, epoch=epoch)
    except (EpochKeyMissing, KeyDoesNotOpen):
        return False
    return True


def keys_open(raw: Connection[Any], owners: Iterable[UUID]) -> bool:
    """Whether the keys that are here of these open, and new ones can be made; one that was destroyed counts for neither."""
    try:
        installation().epochs.cipher(current_epoch(raw))
        keys_of(raw, owners, lenient=True)
    except (EpochKeyMissing, KeyDoesNotOpen):
        return False
    return True
