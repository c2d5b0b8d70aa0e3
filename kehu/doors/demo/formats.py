"""Writing rows as a shop's programs would: CSV in old encodings, a workbook, JSON lines. Same rows, same bytes."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

Cell = str | date | bool | None
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
_STAMP = b"2000-01-01T00:00:00Z"


def write_csv(
    path: Path, header: Sequence[str], rows: Sequence[Sequence[Cell]], *, encoding: str, delimiter: str
) -> None:
    """A CSV file; rows may be longer or shorter than the header (that is how broken rows get in).

    Raises:
        UnicodeEncodeError: a character that the encoding lacks.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([["" if cell is None else cell for cell in row] for row in rows])
    # the name utf-16 writes the byte order of the machine: say which, so that the bytes are the same everywhere
    mark = b"\xff\xfe" if encoding == "utf-16" else b""
    path.write_bytes(mark + text.getvalue().encode("utf-16-le" if mark else encoding))


def write_json_lines(path: Path, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """One JSON object a line, UTF-8; empty cells are left out."""
    lines = []
    for row in rows:
        held = {name: cell for name, cell in zip(header, row, strict=True) if cell not in ("", None)}
        lines.append(json.dumps(held, ensure_ascii=False, default=str) + "\n")
    path.write_text("".join(lines), encoding="utf-8", newline="\n")


def write_workbook(path: Path, header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """An Excel workbook of one sheet; dates are date cells. Without its clock: openpyxl stamps files and entries."""
    from openpyxl import Workbook  # noqa: PLC0415  (a later start says who is there, and writes no book)

    book = Workbook(write_only=True)
    sheet = book.create_sheet("名单")
    sheet.append(list(header))
    for row in rows:
        sheet.append(list(row))
    stamped = io.BytesIO()
    book.save(stamped)
    with zipfile.ZipFile(stamped) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as target:
        for name in sorted(source.namelist(), key=lambda entry: (entry != "[Content_Types].xml", entry)):
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", _STAMP, content)
            target.writestr(zipfile.ZipInfo(name, _ZIP_EPOCH), content)


def as_written(moment: datetime | date, style: str) -> Cell:
    """A date in the style of a file; ``date`` keeps it a date cell."""
    return moment if style == "date" else moment.strftime(style)
