"""Business cards: a vCard as a file or as the text of a QR code, read into the fields of the form. Nothing of it is kept."""

from __future__ import annotations

import io
from collections.abc import Collection
from typing import Any, Final

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload

from kehu.collect.mapping import suggest
from kehu.collect.readers.vcard import VCardSource
from kehu.guard.installation import installation

LARGEST: Final = 256 << 10


class CardUnreadable(ValueError):
    """No vCard, or one that says nothing that may be taken down."""


class InMemory(FileUploadHandler):
    """Holds one small file in memory; a larger one ends the upload. Nothing touches a disk."""

    largest: int = LARGEST

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Begin anew with each file."""
        super().new_file(*args, **kwargs)
        self._held = io.BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes | None:
        """Hold a block."""
        if start + len(raw_data) > self.largest:
            raise StopUpload(connection_reset=True)
        self._held.write(raw_data)
        return None

    def file_complete(self, file_size: int) -> SimpleUploadedFile | None:
        """What came; None for an empty file (a form without one)."""
        return SimpleUploadedFile("upload", self._held.getvalue()) if file_size else None


def read_card(content: bytes, wanted: Collection[str]) -> dict[str, str]:
    """The fields of the first card that may be taken down.

    Raises:
        CardUnreadable: there is none.
    """
    if not 0 < len(content) <= LARGEST or b"BEGIN:VCARD" not in content.upper():
        raise CardUnreadable
    source = VCardSource(lambda: io.BytesIO(content))
    batch = next(iter(source.batches(1)), None)
    if batch is None or batch.frame.is_empty():
        raise CardUnreadable
    frame = batch.frame.head(1)
    mapping = suggest(source.columns, frame, "customers", installation().rules.dictionary).fields
    row = frame.row(0, named=True)
    found = {name: str(row[column]) for name, column in mapping.items() if name in wanted and row.get(column)}
    if not found:
        raise CardUnreadable
    return found
