"""Uploads that never touch a disk in clear: each block is sealed as it arrives."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

from kehu.collect.imports.staging import Staging, UploadTooLarge
from kehu.guard.gate.actor import Actor


class SealedUpload(UploadedFile):  # type: ignore[type-arg]  # generic in the stubs only
    """An upload that lies sealed; ``staged`` names it."""

    def __init__(self, staged: UUID, size: int) -> None:
        super().__init__(file=None, name="upload", size=size)
        self.staged = staged


class SealingHandler(FileUploadHandler):
    """Seals what comes in, block by block, for one actor."""

    def __init__(self, request: Any, *, actor: Actor) -> None:
        super().__init__(request)
        self._actor = actor
        self._staging: Staging | None = None

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin to stage a file; a role that may not bring data in is refused here, before a byte is kept."""
        super().new_file(*args, **kwargs)
        self._staging = Staging(name=self.file_name or "upload", actor=self._actor)

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
