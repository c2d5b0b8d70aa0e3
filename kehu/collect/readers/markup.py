"""Looking a part of a workbook through before anything builds a tree of it: what would not fit the memory is refused here."""

from __future__ import annotations

import re
from typing import IO, Final

from kehu.collect.readers.rows import UnreadableSource

_BLOCK: Final = 1 << 20
_LONGEST: Final = 2 << 20
"""Bytes between two marks: a cell of Excel holds 32,767 characters."""
_CELLS: Final = 100_000
"""Cells of one row; Excel has 16,384 columns."""
_OVERLAP: Final = 16
_DECLARES: Final = (b"<!DOCTYPE", b"<!ENTITY")
_ENCODING: Final = re.compile(rb"""^<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]*)["']""")
_PLAIN: Final = frozenset({b"utf-8", b"utf8", b"us-ascii", b"ascii"})


def require_harmless(part: IO[bytes]) -> None:
    """Let on XML in plain UTF-8, without declarations of its own, whose texts and rows have a bearable length.

    Raises:
        UnreadableSource: it is none.
    """
    run = cells = 0
    before = b""
    first = True
    while block := part.read(_BLOCK):
        if first:
            _require_plain(block)
            first = False
        seam = before + block
        if any(word in seam for word in _DECLARES):
            raise _refusal("it declares a document type")
        run = _longest(block, run)
        cells = _most_cells(block, cells)
        before = block[-_OVERLAP:]


def _require_plain(block: bytes) -> None:
    head = block.removeprefix(b"\xef\xbb\xbf").lstrip()
    told = _ENCODING.match(head[:200])
    if not head.startswith(b"<") or b"\0" in head[:200] or (told and told[1].lower() not in _PLAIN):
        raise _refusal("a part of it is not in UTF-8")


def _longest(block: bytes, run: int) -> int:
    """How long it has been since the last mark, at the block's end.

    Raises:
        UnreadableSource: a text is longer than any cell.
    """
    first = block.find(b"<")
    if run + (len(block) if first < 0 else first) > _LONGEST:
        raise _refusal("a text in it is longer than a cell can hold")
    return run + len(block) if first < 0 else len(block) - 1 - block.rfind(b"<")


def _most_cells(block: bytes, cells: int) -> int:
    first = block.find(b"<row")
    if cells + block.count(b"<c", 0, first if first >= 0 else len(block)) > _CELLS:
        raise _refusal("a row in it has more cells than a sheet has columns")
    return cells + block.count(b"<c") if first < 0 else block.count(b"<c", block.rfind(b"<row"))


def _refusal(why: str) -> UnreadableSource:
    return UnreadableSource("bad_excel", f"the workbook cannot be read: {why}", "Save it anew, or as CSV.")
