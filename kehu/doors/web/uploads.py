"""Uploads that never touch a disk in clear: each block is sealed, or looked through and forgotten, as it arrives."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

from kehu.collect.imports.staging import Staging, UploadTooLarge
from kehu.guard.gate.actor import Actor
from kehu.serve.leaving.canary import Tracer

LARGEST_TRACED: Final = 2 << 30
"""Bytes of a file that is looked through over the web; larger ones by ``kehu exports trace``."""


class SealedUpload(UploadedFile):  # type: ignore[type-arg]  # generic in the stubs only
    """An upload that lies sealed; ``staged`` names it."""

    def __init__(self, staged: UUID, size: int) -> None:
        super().__init__(file=None, name="upload", size=size)
        self.staged = staged


class SealingHandler(FileUploadHandler):
    """Seals what comes in, block by block, for one actor."""

    def __init__(self, request: Any, *, actor: Actor, use: str = "import") -> None:
        super().__init__(request)
        self._actor = actor
        self._use = use
        self._staging: Staging | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin to stage a file; a role that may not bring data in is refused here, before a byte is kept."""
        super().new_file(*args, **kwargs)
        self._staging = Staging(name=self.file_name or "upload", actor=self._actor, use=self._use)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Seal a block; nothing is passed on to a handler that would keep it in clear."""
        assert self._staging is not None
        try:
            self._staging.write(raw_data)
        except UploadTooLarge:
            raise StopUpload(connection_reset=True) from None
        return None

    def file_complete(self, file_size: int) -> SealedUpload | None:
        """Close the seal and hand on its id; an empty file (a form without one) is given up."""
        assert self._staging is not None
        if not file_size:
            self._staging.give_up()
            return None
        return SealedUpload(self._staging.finish(), file_size)

    def upload_interrupted(self) -> None:
        """Forget what came so far."""
        if self._staging is not None:
            self._staging.give_up()


class TracedUpload(UploadedFile):  # type: ignore[type-arg]  # generic in the stubs only
    """An upload that was looked through for canaries as it came, and is gone."""

    def __init__(self, tracer: Tracer, size: int) -> None:
        super().__init__(file=None, name="upload", size=size)
        self.tracer = tracer


class TracingHandler(FileUploadHandler):
    """Looks each block through for canaries as it comes, and keeps none of it."""

    def __init__(self, request: Any) -> None:
        super().__init__(request)
        self._tracer: Tracer | None = None
        self._size = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin anew with each file."""
        super().new_file(*args, **kwargs)
        self._tracer, self._size = Tracer(), 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Look a block through; nothing is passed on to a handler that would keep it."""
        assert self._tracer is not None
        self._size += len(raw_data)
        if self._size > LARGEST_TRACED:
            raise StopUpload(connection_reset=True)
        self._tracer.feed(raw_data)
        return None

    def file_complete(self, file_size: int) -> TracedUpload | None:
        """What was found; None for an empty file (a form without one)."""
        return TracedUpload(self._tracer, file_size) if self._tracer is not None and file_size else None
