"""A new epoch: every subject key re-wrapped in small steps, the old epoch's key destroyed a minute after (V2, V3).

A read holds a wrapped key for an instant after its statement; the minute lets it finish. Whoever comes by after that
destroys the key: the job that :mod:`kehu.guard.tasks` defers, or the next rotation.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from kehu.host.keyring import Keyring
from kehu.vault.keys import EpochKeyMissing, EpochKeys, KeyDoesNotOpen

EPOCH: Final = timedelta(days=7)
ENDS_WITHIN: Final = timedelta(hours=2)
"""After an epoch's time is over: a rotation is looked for once an hour, and what is left of it by the next look."""
GRACE_SECONDS: Final = 60
_STEP: Final = 5_000
_LOCK: Final = 0x6B657973  # "keys"


@dataclass(frozen=True, slots=True)
class Rotation:
    """The new epoch, how many keys were re-wrapped, and how long it took."""

    epoch: int
    rewrapped: int
    seconds: float


def rotate_keys(connection: Connection[Any], keyring: Keyring, keys: EpochKeys) -> Rotation:
    """Begin a new epoch and re-wrap all keys under it; nothing stops meanwhile. Finishes what a crash left half done.

    The keys of epochs that were emptied more than a minute ago are destroyed here, too.

    Raises:
        KeyDoesNotOpen: some wrapped keys do not open, and stay as they are; all others are under the new epoch.
    """
    started = time.monotonic()
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", (_LOCK,))
        row = connection.execute("select coalesce(max(epoch), 0) + 1 from key_epoch").fetchone()
        # of a database brought back the ring may hold later ones: a new epoch is never opened by a key that was there before
        held = [int(name[6:]) + 1 for name in keyring.names() if name.startswith("epoch-")]
        epoch = max([int(row[0]) if row else 1, *held])
        keyring.secret(f"epoch-{epoch}", create=True)  # on disk before any row can name it
        connection.execute("insert into key_epoch (epoch) values (%s)", (epoch,))
        connection.execute(
            "update key_epoch set retired_at = clock_timestamp() where epoch < %s and retired_at is null", (epoch,)
        )
    count, broken = _rewrap(connection, keys, epoch)
    destroy_retired(connection, keyring, keys)
    if not broken:  # else the keys of another week may have been put back, and those are wanted elsewhere
        _destroy_unknown(connection, keyring, keys, before=epoch)
    _tell(broken)
    return Rotation(epoch, count, time.monotonic() - started)


def finish_rotation(connection: Connection[Any], keyring: Keyring, keys: EpochKeys) -> int:
    """Re-wrap what a rotation that was cut off left under older epochs, and destroy what is due; returns how many keys.

    Raises:
        KeyDoesNotOpen: as :func:`rotate_keys`.
    """
    row = connection.execute("select max(epoch) from key_epoch where retired_at is null").fetchone()
    count, broken = _rewrap(connection, keys, int(row[0])) if row and row[0] is not None else (0, 0)
    destroy_retired(connection, keyring, keys)
    _tell(broken)
    return count


def _rewrap(connection: Connection[Any], keys: EpochKeys, epoch: int) -> tuple[int, int]:
    """Re-wrap all keys of older epochs; returns how many were, and how many do not open."""
    count, broken = 0, set[UUID]()
    while step := _rewrap_step(connection, keys, epoch, broken):
        count += step
    return count - len(broken), len(broken)


def _tell(broken: int) -> None:
    if broken:
        raise KeyDoesNotOpen(f"{broken} wrapped keys")


def _rewrap_step(connection: Connection[Any], keys: EpochKeys, epoch: int, broken: set[UUID]) -> int:
    """Re-wrap some keys; returns how many it looked at. Those that do not open are added to ``broken``, and left out."""
    with connection.transaction(), connection.cursor(binary=True) as cursor:
        cursor.execute("select 1 from key_epoch where epoch = %s and retired_at is null for share", (epoch,))
        if (
            cursor.fetchone() is None
        ):  # a later rotation began: it takes all that is left, and may destroy this one's key
            return 0
        cursor.execute(
            "select subject, epoch, wrapped from subject_key where epoch < %s and subject <> all (%s) order by epoch"
            " limit %s for update",
            (epoch, list(broken), _STEP),
        )
        rows = cursor.fetchall()
        fresh: list[tuple[UUID, bytes]] = []
        for subject, old, wrapped in rows:
            try:
                key = keys.unwrap(wrapped, subject=subject.bytes, epoch=old)
            except (EpochKeyMissing, KeyDoesNotOpen):
                broken.add(subject)  # nobody can open it: the others must not wait for it
                continue
            fresh.append((subject, keys.wrap(key, subject=subject.bytes, epoch=epoch)))
        cursor.execute(
            "update subject_key k set epoch = %s, wrapped = n.wrapped"
            " from unnest(%s::uuid[], %s::bytea[]) n (subject, wrapped) where k.subject = n.subject",
            (epoch, [subject for subject, _ in fresh], [wrapped for _, wrapped in fresh]),
        )
    return len(rows)


def _destroy_unknown(connection: Connection[Any], keyring: Keyring, keys: EpochKeys, *, before: int) -> None:
    """Destroy epoch keys that the database knows nothing of: of a rotation that was cut off, or later than a copy brought back."""
    known = {
        int(row[0])
        for row in connection.execute("select epoch from key_epoch union select epoch from subject_key").fetchall()
    }
    for name in keyring.names():
        epoch = int(name.removeprefix("epoch-")) if name.startswith("epoch-") else before
        if epoch < before and epoch not in known:
            keyring.destroy(name)
            keys.forget(epoch)


def destroy_retired(connection: Connection[Any], keyring: Keyring, keys: EpochKeys) -> list[int]:
    """Destroy the epoch keys that no row has carried for a minute; returns their epochs.

    Under the epoch's row lock: a writer of keys holds it FOR SHARE until its rows are committed.
    """
    with connection.transaction():
        # locked first: a statement that waits for a lock still looks with the eyes it had before
        connection.execute("select 1 from key_epoch where retired_at is not null order by epoch for update")
        connection.execute(
            "update key_epoch e set emptied_at = clock_timestamp() where retired_at is not null and emptied_at is null"
            " and not exists (select 1 from subject_key k where k.epoch = e.epoch)"
        )
        rows = connection.execute(
            "select epoch from key_epoch e where destroyed_at is null"
            " and emptied_at < clock_timestamp() - make_interval(secs => %s)"
            " and not exists (select 1 from subject_key k where k.epoch = e.epoch) order by epoch",
            (GRACE_SECONDS,),
        ).fetchall()
        for (epoch,) in rows:
            keyring.destroy(f"epoch-{epoch}")
            keys.forget(epoch)
            connection.execute("update key_epoch set destroyed_at = clock_timestamp() where epoch = %s", (epoch,))
    return [int(epoch) for (epoch,) in rows]
