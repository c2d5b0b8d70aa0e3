"""Open a file by its content."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO, Final

from kehu.collect.readers.delimited import DelimitedSource
from kehu.collect.readers.excel import ExcelSource
from kehu.collect.readers.jsonlines import JsonLinesSource
from kehu.collect.readers.parquet import ParquetSource
from kehu.collect.readers.rows import Opener, Source, UnreadableSource
from kehu.collect.readers.vcard import VCardSource

_HEAD: Final = 4096
_REFUSED: Final = {
    b"\xd0\xcf\x11\xe0": ("old_excel", "an Excel file of the old kind (.xls)", "Save it as .xlsx or CSV."),
    b"\x1f\x8b": ("compressed", "a compressed file (gzip)", "Unpack it first."),
    b"%PDF": ("pdf", "a PDF", "Give the table it was made from."),
    b"Obj\x01": ("avro", "an Avro file", "Export it as Parquet or JSON lines."),
}


def open_source(path: str | os.PathLike[str], *, header: bool = True, opener: Opener | None = None) -> Source:
    """The records of a file: CSV, Excel (.xlsx), JSON lines, Parquet or vCard, told apart by content.

    `header=False`: the first row is data and columns are `#1..#N` (CSV and Excel). `opener` gives the bytes where they
    do not lie in the clear at `path`; it is called once per pass.

    Raises:
        UnreadableSource: no such format, or nothing in it.
    """
    place = Path(path)
    read: Opener = opener if opener is not None else lambda: place.open("rb")
    with read() as stream:
        head = stream.read(_HEAD)
    if not head.strip():
        raise UnreadableSource("empty", "the file is empty", "Give a file with at least one row.")
    for magic, (code, name, remedy) in _REFUSED.items():
        if head.startswith(magic):
            raise UnreadableSource(code, f"{name} cannot be read", remedy)
    if head.startswith(b"PAR1"):
        return ParquetSource(lambda: _seekable(read()))
    if head.startswith(b"PK\x03\x04"):
        return ExcelSource(lambda: _seekable(read()), header=header)
    start = head.replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n")[:12].upper()
    if start.startswith(b"BEGIN:VCARD"):
        return VCardSource(read)
    if start.startswith(b"{"):
        return JsonLinesSource(read)
    if start.startswith((b"[{", b"[\n", b"[\r", b"[ ")) and place.suffix.lower() in (".json", ".jsonl"):
        raise UnreadableSource("json_array", "one JSON array is not JSON lines", "Write one JSON object per line.")
    return DelimitedSource(read, header=header)


def _seekable(stream: BinaryIO) -> BinaryIO:
    """A stream that can be read from any place: formats with an index at the end need it."""
    if stream.seekable():
        return stream
    limit = 256 * 1024 * 1024
    with stream:
        whole = stream.read(limit + 1)
    if len(whole) > limit:
        remedy = "Give it as CSV or JSON lines."
        raise UnreadableSource("too_large", "the file is too large to be read at random", remedy)
    return io.BytesIO(whole)
