"""Excel workbooks (.xlsx), row by row."""

from __future__ import annotations

import datetime as dt
import re
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from kehu.collect.readers.markup import require_harmless
from kehu.collect.readers.rows import (
    Batch,
    Note,
    Opener,
    Source,
    UnreadableSource,
    from_rows,
    unique_columns,
    whole_number,
)

if TYPE_CHECKING:
    from openpyxl.workbook.workbook import Workbook

_UNZIPPED_LIMIT: Final = 1 << 30
_STRINGS_LIMIT: Final = 128 << 20
"""openpyxl holds the shared strings in memory, the sheets it streams."""
_MOST_ROWS: Final = 1_048_576  # Excel's own most
_ZEROS: Final = re.compile(r"(?:\[\$[^\]]*\])?(0{2,15})(?:;@)?")

_Row = tuple[int, list[str | None]]


class ExcelSource(Source):
    """A workbook. Every sheet with the first sheet's header is read; others are named in `notes`.

    `line` is the row's number in the sheet, counted on through the sheets.
    """

    format = "xlsx"

    def __init__(self, opener: Opener, *, header: bool = True) -> None:
        self._open = opener
        self._header = header
        self.notes = []
        self._check_size()
        self.columns = []
        self._width = 0
        self._sheets: list[str] = []
        with opener() as stream:
            book = self._workbook(stream)
            for sheet in book.worksheets:
                first = next(_rows(sheet), None)
                if first is not None:
                    self._admit(sheet.title, first[1])
            book.close()
        if not self._sheets:
            raise UnreadableSource("empty", "no sheet has a row", "Give a workbook with at least one row.")

    def _check_size(self) -> None:
        try:
            with self._open() as stream, zipfile.ZipFile(stream) as archive:
                self._require_bearable(archive)
        except UnreadableSource:
            raise
        except (
            Exception
        ) as error:  # zipfile lets what a damaged archive does to it through: eight kinds of error were seen
            raise UnreadableSource("bad_zip", "the workbook is damaged or encrypted", "Save it anew.") from error

    def _require_bearable(self, archive: zipfile.ZipFile) -> None:
        sizes = {entry.filename: entry.file_size for entry in archive.infolist()}
        if "xl/workbook.xml" not in sizes:
            raise UnreadableSource("not_excel", "the ZIP file holds no workbook", "Unpack it and give the files in it.")
        # zipfile reads no more of an entry than it declares, so the declared sizes bind.
        if sum(sizes.values()) > _UNZIPPED_LIMIT or sizes.get("xl/sharedStrings.xml", 0) > _STRINGS_LIMIT:
            raise UnreadableSource("too_large", "the workbook is too large when unpacked", "Save it as CSV.")
        for name in sizes:
            if name.endswith((".xml", ".rels")):
                with archive.open(name) as part:
                    require_harmless(part)

    def _workbook(self, stream: Any) -> Workbook:
        import openpyxl  # noqa: PLC0415  (a quarter of a second, in every process that never sees a workbook)

        try:
            return openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
        except Exception as error:  # openpyxl lets XML, key and value errors of damaged books through
            raise UnreadableSource("bad_excel", "the workbook cannot be read", "Save it anew.") from error

    def _admit(self, title: str, first: list[str | None]) -> None:
        width = max((at for at, cell in enumerate(first, start=1) if cell), default=0)
        names = unique_columns(first[:width] if self._header else [None] * width)
        if not self._sheets:
            self.columns, self._width = names, width
        if names == self.columns:
            self._sheets.append(title)
        else:
            self.notes.append(Note("other_sheet", title))

    def batches(self, size: int = 10_000, skip: int = 0) -> Iterator[Batch]:
        """Batches of `size` rows; blank rows are none."""
        pending: list[_Row] = []
        with self._open() as stream:
            book = self._workbook(stream)
            for row in self._all_rows(book):
                pending.append(row)
                if len(pending) == size:
                    if skip > 0:
                        skip -= 1
                    else:
                        yield self._batch(pending)
                    pending = []
            if pending and skip <= 0:
                yield self._batch(pending)
            book.close()

    def _all_rows(self, book: Workbook) -> Iterator[_Row]:
        before = 0
        for title in self._sheets:
            number = 0
            heading = self._header
            for number, cells in _rows(book[title]):
                if heading:
                    heading = False
                else:
                    yield before + number, cells
            before += number

    def _batch(self, rows: list[_Row]) -> Batch:
        width = self._width
        if any(any(cells[width:]) for _, cells in rows) and (note := Note("cells_beyond")) not in self.notes:
            self.notes.append(note)
        cells = [(cells + [None] * width)[:width] for _, cells in rows]
        return Batch(from_rows(self.columns, cells, [number for number, _ in rows]), [])


def _rows(sheet: Any) -> Iterator[_Row]:
    """Rows that hold something, as strings, with their numbers.

    Raises:
        UnreadableSource: the sheet is damaged, or its rows are not numbered in their order.
    """
    rows, before = _parsed(sheet), 0
    while True:
        try:
            found = next(rows, None)
        except Exception as error:  # as with the book: openpyxl lets whatever a damaged sheet does to it through
            raise UnreadableSource("bad_excel", "a sheet cannot be read", "Save it anew.") from error
        if found is None:
            return
        number, texts = found
        if not before < number <= _MOST_ROWS:
            raise UnreadableSource(
                "bad_excel", "the rows of a sheet are not numbered in their order", "Open it in Excel and save it anew."
            )
        before = number
        if any(texts):
            yield number, texts


def _parsed(sheet: Any) -> Iterator[_Row]:
    """Rows as they stand: openpyxl's own sheet makes up each that a number leaves out, and passes over one that goes back."""
    from openpyxl.worksheet._reader import WorkSheetParser  # noqa: PLC0415  (as above)

    book = sheet.parent
    with sheet._get_source() as part:
        parser = WorkSheetParser(
            part, sheet._shared_strings, data_only=True, epoch=book.epoch, date_formats=book._date_formats,
            timedelta_formats=book._timedelta_formats,
        )  # fmt: skip
        digits = _digits(book)
        for number, cells in parser.parse():
            texts: list[str | None] = [None] * max((cell["column"] for cell in cells), default=0)
            for cell in cells:
                text = _text(cell["value"])
                if text and cell["style_id"] in digits and cell["data_type"] == "n" and text.isdigit():
                    text = text.zfill(digits[cell["style_id"]])
                texts[cell["column"] - 1] = text
            yield number, texts


def _digits(book: Any) -> dict[int, int]:
    """The styles that show a number with leading zeros, as postcodes and member numbers have, and with how many digits."""
    forms = {
        164 + at: len(match[1])  # the first that is a book's own
        for at, form in enumerate(book._number_formats)
        if (match := _ZEROS.fullmatch(form))
    }
    return {at: forms[style.numFmtId] for at, style in enumerate(book._cell_styles) if style.numFmtId in forms}


def _text(value: object) -> str | None:
    """A cell as people see it: whole numbers without point, a date at midnight as a date."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.replace("\0", "").strip() or None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return whole_number(value) or repr(value)
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return str(value)
