"""What every reader gives: a source with columns, and batches of rows."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final, NamedTuple

import polars as pl

Opener = Callable[[], BinaryIO]
"""Opens the same bytes anew; called once per pass."""

LINE: Final = "line"
_BREAKS: Final = re.compile(r"\s*[\r\n]+\s*")
RAW_LIMIT: Final = 64 * 1024
"""Bytes of an unreadable row that are kept for the quarantine; more is no customer record."""

MOST_WHOLE: Final = 1e15
"""Beyond it a float no longer tells every whole number from the next."""


def whole_number(value: float) -> str | None:
    """A float that is a whole number, without a point, as in a workbook; None where it is none, or too large to tell."""
    return str(int(value)) if value.is_integer() and abs(value) < MOST_WHOLE else None


class UnreadableSource(ValueError):
    """The file as a whole cannot be read. `code` is a slug, `remedy` what to do; no value of the file is in them."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.code = code
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be read. `reason` is a slug; `raw` holds the row's own bytes, at most RAW_LIMIT."""

    line: int
    reason: str
    remedy: str
    raw: bytes = field(repr=False)


REMEDIES: Final = {
    "too_many_cells": "The row has more cells than the header; quote values that hold the delimiter.",
    "too_few_cells": "The row has fewer cells than the header; restore the missing ones.",
    "bad_encoding": "Bytes do not fit the file's encoding; save the row anew in that encoding.",
    "unclosed_quote": "A quotation mark is opened and never closed; close or double it.",
    "too_long": "The row is longer than 1 MiB; a line break or closing quote is missing.",
    "bad_json": "The line is not one JSON object; write one object per line.",
    "bad_card": "The card lacks BEGIN, END or every known property; export it anew.",
}


def bad_row(line: int, reason: str, raw: bytes) -> BadRow:
    """A BadRow with the remedy of its reason."""
    return BadRow(line, reason, REMEDIES[reason], raw[:RAW_LIMIT])


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows read together: string columns as given (outer whitespace stripped, empty is null) and `line` (Int64)."""

    frame: pl.DataFrame = field(repr=False)
    bad: list[BadRow]


class Note(NamedTuple):
    """What a reader leaves aside; its words stand in ``presets.toml``. ``about``: the sheet or the column it speaks of."""

    code: str
    about: str = ""


class Source(ABC):
    """A file of records. `encoding` and `delimiter` are None where the format has none."""

    columns: list[str]
    format: str
    encoding: str | None = None
    delimiter: str | None = None
    codec: str = "utf-8"  # of a row's own bytes, as a BadRow holds them
    notes: list[Note]

    @abstractmethod
    def batches(self, size: int = 10_000, skip: int = 0) -> Iterator[Batch]:
        """Batches of at most `size` rows, the same for the same file and size; the first `skip` of them left out."""


MOST_COLUMNS: Final = 1_000


def require_few(columns: int) -> None:
    """Let on what somebody can map to fields.

    Raises:
        UnreadableSource: a file has more columns than that.
    """
    if columns > MOST_COLUMNS:
        raise UnreadableSource(
            "too_many_columns",
            f"the file has more than {MOST_COLUMNS} columns",
            "Leave out those that hold no customer data.",
        )


def unbroken(header: str) -> str:
    """A header in one line, as spreadsheets break them: a browser sends a line's end as another than it was shown."""
    return _BREAKS.sub(" ", header.strip())


def unique_columns(names: Sequence[str | None]) -> list[str]:
    """Column names in one line, without repeats: a nameless one is called by its place (`#3`), a repeated one `phone.2`.

    Raises:
        UnreadableSource: there are more of them than anybody can map.
    """
    require_few(len(names))
    seen: dict[str, int] = {}
    result: list[str] = []
    for place, raw in enumerate(names, start=1):
        name = unbroken(raw or "").strip("\ufeff") or f"#{place}"
        if name == LINE:
            name = "line_"  # `line` is the place in the file
        count = seen[name] = seen.get(name, 0) + 1
        while count > 1 and f"{name}.{count}" in seen:
            count += 1
        result.append(name if count == 1 else f"{name}.{count}")
        seen.setdefault(result[-1], 1)
    return result


def tidy(frame: pl.DataFrame, lines: pl.Series) -> pl.DataFrame:
    """Strip outer whitespace, make empty strings null, put `line` first."""
    cells = [pl.col(name).str.strip_chars() for name in frame.columns]
    frame = frame.select(cells)
    return frame.select(
        lines.alias(LINE),
        *(pl.when(pl.col(name).str.len_bytes() > 0).then(pl.col(name)).alias(name) for name in frame.columns),
    )


def from_rows(columns: Sequence[str], rows: Sequence[Sequence[str | None]], lines: Sequence[int]) -> pl.DataFrame:
    """A frame from rows of Python strings."""
    by_column = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
    frame = pl.DataFrame(
        [pl.Series(name, cells, dtype=pl.String) for name, cells in zip(columns, by_column, strict=True)]
    )
    return tidy(frame, pl.Series(LINE, lines, dtype=pl.Int64))
