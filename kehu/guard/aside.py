"""What waits outside the vault: a quarantined row, an import's settings, a staged file; each under a key of its own.

The key is a row of ``subject_key`` under the thing's own id: rotation re-wraps it, deleting it erases the thing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection as django_connection
from django.db import transaction
from psycopg import Connection

from kehu.govern.sources import NO_SOURCE
from kehu.guard.gate.actor import ACTOR_FACTS_SQL, Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.gate.read import raw_connection
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.texts import keys_of, make_key
from kehu.vault import copying as to
from kehu.vault.keys import KEY, NONCE, SALT, current_epoch

_CONTEXT: Final = b"aside"


class AsideDoesNotOpen(RuntimeError):
    """Something set aside was changed, or its key was destroyed. Carries an id only."""


def seal_aside(connection: Connection[Any], things: Sequence[tuple[UUID, bytes]]) -> list[bytes]:
    """Seal each thing under a fresh key of its own, in the caller's transaction; returns the ciphertexts."""
    sealed: list[bytes] = []
    rows: list[bytes] = []
    epoch = current_epoch(connection)
    held, at_epoch = installation().epochs, to.int4(epoch)
    for id, content in things:
        key, nonce = os.urandom(KEY), os.urandom(NONCE)
        sealed.append(nonce + AESGCM(key).encrypt(nonce, content, _CONTEXT + id.bytes))
        rows.append(
            to.row(
                to.blob(id.bytes), at_epoch, to.blob(held.wrap(key, subject=id.bytes, epoch=epoch)),
                to.blob(os.urandom(SALT)),
            )
        )  # fmt: skip
    if rows:
        to.copy_rows(connection, "subject_key", ("subject", "epoch", "wrapped", "salt"), rows)
    return sealed


@dataclass(frozen=True, slots=True)
class Alone:
    """A thing sealed before it is written: its ciphertext, and the row of ``subject_key`` that has to go in with it."""

    id: UUID
    epoch: int
    sealed: bytes
    wrapped: bytes
    salt: bytes


def seal_alone(id: UUID, content: bytes, *, epoch: int) -> Alone:
    """Seal one thing without asking the database; it stands only if that epoch is still the current one.

    Raises:
        EpochKeyMissing: that epoch's key is not here.
    """
    drawn = os.urandom(KEY + NONCE + SALT)  # one call to the system for all three
    key, nonce, salt = drawn[:KEY], drawn[KEY : KEY + NONCE], drawn[KEY + NONCE :]
    sealed = nonce + AESGCM(key).encrypt(nonce, content, _CONTEXT + id.bytes)
    return Alone(id, epoch, sealed, installation().epochs.wrap(key, subject=id.bytes, epoch=epoch), salt)


def open_aside(sealed: Mapping[UUID, bytes], *, actor: Actor, act: str, detail: UUID | None) -> dict[UUID, bytes]:
    """Record the act, then open what was set aside; what was erased meanwhile is left out.

    Raises:
        Refused: this role may not, or not this person now (agreement, training, an ended sign-in).
        InsideTransaction: called inside a transaction.
        AsideDoesNotOpen: a ciphertext is not what was sealed.
    """
    raw = raw_connection()
    _require(raw, act, actor)
    with transaction.atomic():
        record_act(act, None, actor=actor, detail=detail)
    keys = keys_of(raw, sealed, lenient=True)
    return {id: _opened(keys[id], content, id) for id, content in sealed.items() if id in keys}


def forget_aside(connection: Connection[Any], ids: Sequence[UUID]) -> int:
    """Destroy the keys of what was set aside, in the caller's transaction; returns how many there were."""
    return connection.execute("delete from subject_key where subject = any (%s)", (list(ids),)).rowcount


def stream_key(id: UUID, *, actor: Actor, act: str, make: bool = False) -> bytes:
    """The key of something set aside that is too large to be held at once; the act is recorded first.

    Raises:
        Refused: this role may not, or not this person now.
        AsideDoesNotOpen: there is no such key (any more).
    """
    raw = raw_connection()
    _require(raw, act, actor)
    with transaction.atomic():
        record_act(act, None, actor=actor, detail=id)
        if make:
            make_key(id)
    try:
        return keys_of(raw, [id])[id]
    except LookupError:
        raise AsideDoesNotOpen(str(id)) from None


def may(act: str, actor: Actor) -> bool:
    """Whether :func:`open_aside` would let this person do the act now."""
    django_connection.ensure_connection()
    try:
        _require(django_connection.connection, act, actor)
    except Refused:
        return False
    return True


def _require(raw: Connection[Any], act: str, actor: Actor) -> None:
    """The role may do the act, and nothing stands against the person: what is here no purpose and no consent governs yet.

    Raises:
        Refused: by role, agreement, training, or because the sign-in has ended.
    """
    require_act(act, actor)
    row = raw.execute(
        f"select {ACTOR_FACTS_SQL} from actor_state s where s.actor = %(actor)s",
        {"actor": actor.credential, "purpose": None},
    ).fetchone()
    if row is None:
        raise Refused("house.credential")
    answer = installation().rules.policies.decide_collect(
        str(row[0]), basis="legal_obligation", packs=frozenset(), notice=True, channel_kind="file", source=NO_SOURCE
    )
    if answer.answer == "denied":
        raise Refused(answer.policy)


def _opened(key: bytes, sealed: bytes, id: UUID) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:NONCE], sealed[NONCE:], _CONTEXT + id.bytes)
    except (InvalidTag, ValueError):  # the latter: what is left of one cut off is too short
        raise AsideDoesNotOpen(str(id)) from None
