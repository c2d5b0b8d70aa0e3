"""Uploads that wait to be read: sealed in the home's spool as they arrive, never in clear on a disk."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID

from django.db import connection as django_connection
from django.db import transaction

from kehu.collect.models import Staged
from kehu.guard.aside import forget_aside, open_aside, seal_aside, stream_key
from kehu.guard.aside_stream import OpeningReader, SealingWriter
from kehu.guard.gate.actor import Actor
from kehu.host.home import Home
from kehu.vault.ids import new_id

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
MOST: Final = 4 << 30
"""Bytes of one upload."""


class UploadTooLarge(ValueError):
    """More bytes than may be staged."""


class Staging:
    """An upload in progress: write the bytes as they come, then finish or give up."""

    def __init__(self, *, name: str, actor: Actor, use: str = "import") -> None:
        self.id = new_id()
        self._actor = actor
        self._use = use
        self._name = name
        self._path = _place(self.id)
        key = stream_key(self.id, actor=actor, act="collect", make=True)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._stream = os.fdopen(descriptor, "wb")
        self._writer = SealingWriter(self._stream, key, self.id)

    def write(self, content: bytes) -> None:
        """Add bytes.

        Raises:
            UploadTooLarge: there are too many; the upload is gone.
        """
        self._writer.write(content)
        if self._writer.size > MOST:
            self.give_up()
            raise UploadTooLarge

    def finish(self) -> UUID:
        """Seal the end and list the upload; returns its id."""
        self._writer.close()
        self._stream.close()
        name_id = self.id
        with transaction.atomic():
            [sealed] = seal_aside(django_connection.connection, [(_name_of(name_id), self._name.encode())])
            Staged.objects.create(
                id=self.id, staff=self._actor.staff, name=sealed, size=self._writer.size, use=self._use
            )
        return self.id

    def give_up(self) -> None:
        """Destroy key and file."""
        self._stream.close()
        _destroy(self.id)


def stage(stream: BinaryIO | Iterable[bytes], *, name: str, actor: Actor, use: str = "import") -> UUID:
    """Seal the bytes of an upload as they come.

    Raises:
        ActRefused: this role may not import.
        UploadTooLarge: too many bytes.
    """
    staging = Staging(name=name, actor=actor, use=use)
    try:
        for block in stream:
            staging.write(block)
    except BaseException:  # a sender who went away leaves nothing behind
        staging.give_up()
        raise
    return staging.finish()


def open_staged(id: UUID, *, actor: Actor) -> Callable[[], BinaryIO]:
    """Opens the plaintext of a staged upload anew each time; its key is fetched once, in the ledger.

    Raises:
        ActRefused: this role may not.
        AsideDoesNotOpen: it is not here (any more).
    """
    key = stream_key(id, actor=actor, act="collect")
    return lambda: io.BufferedReader(OpeningReader(_place(id).open("rb"), key, id))


def staged_name(row: Staged, *, actor: Actor) -> str:
    """The name an upload came under."""
    found = open_aside({_name_of(row.id): bytes(row.name)}, actor=actor, act="collect", detail=row.id)
    return next(iter(found.values()), b"").decode()


def discard(id: UUID) -> None:
    """Forget a staged upload: key first, then file and row."""
    Staged.objects.filter(id=id).delete()
    _destroy(id)


def spooled() -> list[UUID]:
    """Every upload whose bytes lie here, whole or not."""
    names = [path.stem for path in (Home.current() / "spool").glob("*.sealed")]
    return [UUID(name) for name in names if _UUID.fullmatch(name)]


def _destroy(id: UUID) -> None:
    with transaction.atomic():
        forget_aside(django_connection.connection, [id, _name_of(id), draft_id(id)])
    with suppress(FileNotFoundError):
        _place(id).unlink()


def draft_id(id: UUID) -> UUID:
    """What its owner has said of an upload so far is sealed under a key next to the other two."""
    return UUID(int=id.int ^ 2)


def _name_of(id: UUID) -> UUID:
    """The name is sealed under a key next to that of the bytes."""
    return UUID(int=id.int ^ 1)


def _place(id: UUID) -> Path:
    return Home.current() / "spool" / f"{id}.sealed"
