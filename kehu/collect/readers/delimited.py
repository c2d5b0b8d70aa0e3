"""Delimited text (CSV and its kin): whole batches go to polars; only odd rows are read one by one."""

from __future__ import annotations

import csv
import io
import re
import string
from collections import Counter
from collections.abc import Iterator
from typing import Final

import polars as pl

from kehu.collect.readers.encoding import Encoding, detect
from kehu.collect.readers.lines import MAX_LINE, LineStream, read_blocks
from kehu.collect.readers.rows import (
    LINE,
    BadRow,
    Batch,
    Opener,
    Source,
    UnreadableSource,
    bad_row,
    from_rows,
    tidy,
    unique_columns,
)

_DELIMITERS: Final = ",;\t|"
_SAMPLE: Final = 64 * 1024
_SPAN_LINES: Final = 200
"""The most lines one quoted value may run over; a stray quotation mark swallows no more than this is tried."""

_Record = tuple[int, bytes]
csv.field_size_limit(2 * MAX_LINE)


class DelimitedSource(Source):
    """CSV and kin. `line` is the physical line a row starts on; the header is line 1. Lines of blanks and delimiters are no
    rows."""

    format = "csv"

    def __init__(self, opener: Opener, *, header: bool = True) -> None:
        self._open = opener
        self._header = header
        self.notes = []
        with opener() as stream:
            self._encoding: Encoding = detect(stream)
        self.encoding = self._encoding.label
        self.codec = "utf-8" if self._encoding.codec.startswith("utf") else self._encoding.codec
        with opener() as stream:
            sample = stream.read(_SAMPLE)[self._encoding.skip :]
        self._carriage_return = self._has_old_line_ends(sample)
        self._start(sample)

    def _has_old_line_ends(self, sample: bytes) -> bool:
        codec = self._encoding.codec
        text = sample.decode(codec, "ignore") if codec.startswith("utf-16") else sample.decode("latin-1")
        return "\n" not in text and text.rstrip("\r").count("\r") > 0

    def _start(self, sample: bytes) -> None:
        """Find the delimiter and the columns."""
        text = sample.decode(self._encoding.codec, "replace").replace("\0", "")
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        self._before = 0
        if told := re.match(r"sep=(.)\n", text):  # Excel's own first line
            self._before, text = 1, text[told.end() :]
        lines = text.split("\n")
        whole = lines[:-1] if len(sample) >= _SAMPLE - 4 and len(lines) > 1 else lines
        self.delimiter = told.group(1) if told else detect_delimiter(whole)
        rows = [row for row in csv.reader(iter(f"{line}\n" for line in whole), delimiter=self.delimiter) if row]
        if not rows or not any(cell.strip() for cell in rows[0]):
            raise UnreadableSource("empty", "the file has no first row", "Give a file with at least one row.")
        if self._header:
            self.columns = unique_columns(_without_trailing_blanks(rows[0], rows[1:]))
        else:
            width = Counter(len(row) for row in rows).most_common(1)[0][0]
            self.columns = unique_columns([None] * width)
        self._strict, self._exact = _patterns(self.delimiter.encode(), len(self.columns))
        self._schema = {name: pl.String() for name in self.columns}

    def batches(self, size: int = 10_000, skip: int = 0) -> Iterator[Batch]:
        """Batches of the records on each next `size` physical lines (a record that runs on is taken whole)."""
        utf16 = self._encoding.codec if self._encoding.codec.startswith("utf-16") else None
        with self._open() as stream:
            stream.read(self._encoding.skip)
            lines = LineStream(read_blocks(stream, utf16=utf16, carriage_return=self._carriage_return))
            line = 1
            for _ in range(self._before):
                line += lines.take(1).count(b"\n")
            if self._header:
                line = self._pass_header(lines, line)
            while piece := lines.take(size):
                records, taken = self._records(piece, line, lines)
                if skip > 0:
                    skip -= 1
                else:
                    yield self._parse(piece, records, line)
                line += taken

    def _pass_header(self, lines: LineStream, line: int) -> int:
        while piece := lines.take(1):
            _, taken = self._records(piece, line, lines)
            line += taken
            if piece.strip(b"\r\n"):
                break
        return line

    def _records(self, piece: bytes, line: int, lines: LineStream) -> tuple[list[_Record] | None, int]:
        """Records by first line, and the number of lines taken. None: each line is a record (the usual case)."""
        count = piece.count(b"\n") + (not piece.endswith(b"\n"))
        if b'"' not in piece and len(piece) <= MAX_LINE:
            return None, count
        rows = _split(piece)
        odd = {at for at, row in enumerate(rows) if row.count(b'"') & 1}
        if not odd:
            return (None if all(len(row) <= MAX_LINE for row in rows) else _numbered(rows, line)), count
        if any(at >= len(rows) - _SPAN_LINES for at in odd):
            ahead = lines.take(_SPAN_LINES)
            more = _split(ahead)
        else:
            ahead, more = b"", []
        records, used = self._join_spans(rows, more, odd, line)
        if ahead:
            rest = b"\n".join(more[used:]) + (b"\n" if ahead.endswith(b"\n") and more[used:] else b"")
            lines.give_back(rest)
        return records, count + used

    def _join_spans(self, rows: list[bytes], more: list[bytes], odd: set[int], line: int) -> tuple[list[_Record], int]:
        """Join lines whose quoted value runs on, if need be with the first of `more`; and how many of those it took."""
        every = rows + more
        odd = odd | {len(rows) + at for at, row in enumerate(more) if row.count(b'"') & 1}
        records: list[_Record] = []
        at = 0
        while at < len(rows):
            end = at
            if at in odd:
                for other in range(at + 1, min(at + _SPAN_LINES, len(every))):
                    if other in odd and self._strict.fullmatch(b"\n".join(every[at : other + 1]).replace(b"\r", b"")):
                        end = other
                        break
            records.append((line + at, b"\n".join(every[at : end + 1])))
            at = end + 1
        return records, max(0, at - len(rows))

    def _parse(self, piece: bytes, records: list[_Record] | None, line: int) -> Batch:
        utf8 = self._utf8(piece if records is None else b"\n".join(record for _, record in records))
        if utf8 is not None and (records is None or all(len(record) <= MAX_LINE for _, record in records)):
            if records is None:
                end = line + utf8.count(b"\n") + (not utf8.endswith(b"\n"))
                starts = pl.int_range(line, end, eager=True)
            else:
                starts = pl.Series([at for at, _ in records], dtype=pl.Int64)
            frame = self._polars(utf8, len(starts))
            if frame is not None and not self._has_short_rows(frame, utf8):
                return Batch(_written(tidy(frame, starts)), [])
        return self._carefully(_numbered(_split(piece), line) if records is None else records)

    def _has_short_rows(self, frame: pl.DataFrame, utf8: bytes) -> bool:
        """Polars fills up short rows. They show in the number of delimiters that stand between cells."""
        if not (frame[self.columns[-1]] == "").any():
            return False
        mark = self.delimiter or ","
        between = utf8.count(mark.encode())
        if b'"' in utf8:
            between -= sum(int(cells.str.count_matches(mark, literal=True).sum()) for cells in frame)
        return between != (len(self.columns) - 1) * frame.height

    def _utf8(self, raw: bytes) -> bytes | None:
        """The bytes as UTF-8 without NUL and carriage returns before newlines; None: they do not decode."""
        codec = self._encoding.codec
        try:
            if codec.startswith("utf"):
                raw.decode()
            else:
                raw = raw.decode(codec).encode()
        except UnicodeDecodeError:
            return None
        if b"\0" in raw:
            raw = raw.replace(b"\0", b"")
        return raw.replace(b"\r\n", b"\n") if b"\r" in raw else raw

    def _polars(self, utf8: bytes, height: int) -> pl.DataFrame | None:
        """All rows at once, or None where polars finds fault with one."""
        try:
            frame = pl.read_csv(
                utf8,
                has_header=False,
                schema=self._schema,
                separator=self.delimiter or ",",
                empty_string_is_null=False,
            )
        except pl.exceptions.PolarsError:
            return None
        return frame if frame.height == height else None

    def _carefully(self, records: list[_Record]) -> Batch:
        """Judge each record: the well-formed ones go to polars, the odd ones through Python's lenient reader."""
        good: list[_Record] = []
        odd: list[tuple[int, list[str]]] = []
        bad: list[BadRow] = []
        blanks = string.whitespace.encode() + (self.delimiter or ",").encode()
        for line, raw in records:
            text = self._utf8(raw) if len(raw) <= MAX_LINE else b""
            if text is None:
                bad.append(bad_row(line, "bad_encoding", raw))
            elif len(raw) > MAX_LINE:
                bad.append(bad_row(line, "too_long", raw))
            elif not (text := text.rstrip(b"\r")).strip(blanks):
                continue
            elif self._is_plain(text):
                good.append((line, text))
            else:
                cells, reason = self._leniently(text.decode())
                if reason:
                    bad.append(bad_row(line, reason, raw))
                else:
                    odd.append((line, cells))
        return Batch(_written(self._together(good, odd)), bad)

    def _is_plain(self, text: bytes) -> bool:
        if b'"' in text:
            return self._exact.fullmatch(text) is not None
        return text.count((self.delimiter or ",").encode()) == len(self.columns) - 1

    def _leniently(self, text: str) -> tuple[list[str], str | None]:
        """Cells of one odd record, or the reason why it cannot be read."""
        delimiter, width = self.delimiter or ",", len(self.columns)
        try:
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
        except csv.Error as error:
            if "unexpected end" in str(error):
                return [], "unclosed_quote"
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        cells = rows[0]
        if len(rows) > 1 or any(cell.strip() for cell in cells[width:]):
            return [], "too_many_cells"
        return (cells[:width], None) if len(cells) >= width else ([], "too_few_cells")

    def _together(self, good: list[_Record], odd: list[tuple[int, list[str]]]) -> pl.DataFrame:
        parts: list[pl.DataFrame] = []
        if good:
            plain = self._polars(b"\n".join(text for _, text in good), len(good))
            if plain is None:
                odd = odd + [(line, self._leniently(text.decode())[0]) for line, text in good]
            else:
                parts.append(tidy(plain, pl.Series([line for line, _ in good], dtype=pl.Int64)))
        if odd or not parts:
            parts.append(from_rows(self.columns, [cells for _, cells in odd], [line for line, _ in odd]))
        return pl.concat(parts).sort(LINE) if len(parts) > 1 else parts[0]


def detect_delimiter(lines: list[str]) -> str:
    """The delimiter that cuts most sample rows into the same number of cells, more than one; else a comma."""
    best, delimiter = 0.0, ","
    sample = [line for line in lines[:200] if line.strip()]
    for candidate in _DELIMITERS:
        rows = csv.reader((f"{line}\n" for line in sample), delimiter=candidate)
        widths = Counter(len(row) for row in rows if row)
        if not widths:
            continue
        width, many = widths.most_common(1)[0]
        score = many / widths.total() * min(width, 10) if width > 1 else 0.0
        # The header decides between a delimiter and a mark that stands in the values.
        if sample and candidate in sample[0]:
            score *= 2
        if score > best:
            best, delimiter = score, candidate
    return delimiter


def _written(frame: pl.DataFrame) -> pl.DataFrame:
    """Without rows in which nothing stands: below a table spreadsheets write hundreds of them."""
    return frame.filter(~pl.all_horizontal(pl.exclude(LINE).is_null()))


def _split(piece: bytes) -> list[bytes]:
    lines = piece.split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


def _numbered(rows: list[bytes], line: int) -> list[_Record]:
    return list(enumerate(rows, start=line))


def _without_trailing_blanks(header: list[str], rows: list[list[str]]) -> list[str]:
    """A header's nameless last cells are no columns where the sample holds nothing under them."""
    width = len(header)
    while width > 1 and not header[width - 1].strip() and not any("".join(row[width - 1 :]).strip() for row in rows):
        width -= 1
    return header[:width]


def _patterns(delimiter: bytes, width: int) -> tuple[re.Pattern[bytes], re.Pattern[bytes]]:
    """Well-formed records: of any width, and of `width` cells."""
    mark = re.escape(delimiter)
    cell = rb'(?:"(?:[^"]++|"")*+"|[^"\n' + mark + rb"]*+)"
    head = cell + rb"(?:" + mark + cell + rb")"
    return re.compile(head + rb"*+"), re.compile(head + b"{%d}" % (width - 1))
