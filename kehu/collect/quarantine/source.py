"""Refused rows as a source of records again: as they were sealed, or as somebody mended them in an exported file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
import polars as pl

from kehu.collect.models import Quarantined
from kehu.collect.quarantine.cells import QUOTED, from_spreadsheet
from kehu.collect.quarantine.correcting import Correction
from kehu.collect.readers import BadRow, Batch, Source, open_source
from kehu.collect.readers.rows import unbroken
from kehu.guard.aside import open_aside
from kehu.guard.gate.actor import Actor

ID_COLUMN: Final = "quarantine_id"
RAW_COLUMN: Final = "quarantine_raw"
REASON_COLUMN: Final = "quarantine_reason"
OWN_COLUMNS: Final = (ID_COLUMN, "quarantine_line", REASON_COLUMN, "quarantine_remedy", RAW_COLUMN)
EXACT_COLUMN: Final = "quarantine_exact"
"""Stands in an export whose cells are exactly as they came; in any other a replay takes the quoting off."""
_UNREAD: Final = b"\0"


class NotOfThisExport(ValueError):
    """A mended file must keep the column ``quarantine_id`` of the export it was made from."""


@dataclass(frozen=True, slots=True)
class Unread:
    """How rows are read again: the columns of their file in its order, its delimiter and encoding, and what is corrected."""

    columns: Sequence[str] = ()
    delimiter: str = ""
    codec: str = "utf-8"
    correction: Correction = field(default_factory=Correction)


class QuarantineSource(Source):
    """Rows by their ids; ``line`` is the place in that list (from 1), so that who reads knows which row it was."""

    format = "quarantine"

    def __init__(
        self, ids: Sequence[UUID], columns: Sequence[str], *, actor: Actor, detail: UUID, unread: Unread | None = None
    ) -> None:
        self._ids = list(ids)
        self.columns = list(columns)
        self._unread = unread or Unread()
        self.notes = []
        self._actor = actor
        self._detail = detail

    def batches(self, size: int = 10_000, skip: int = 0) -> Iterator[Batch]:
        """The rows in the order of their ids; what was settled or erased meanwhile is left out."""
        for start in range(skip * size, len(self._ids), size):
            part = self._ids[start : start + size]
            opened = open_refused(part, actor=self._actor, detail=self._detail)
            rows: list[dict[str, Any]] = []
            bad: list[BadRow] = []
            for at, id in enumerate(part, start=start + 1):
                if id not in opened:
                    continue
                reason, content = opened[id]
                row = self._row(content)
                if row is None:
                    bad.append(BadRow(at, reason, "", content[1:]))
                else:
                    rows.append({"line": at} | {name: held for name, held in row.items() if name != "line"})
            yield Batch(_frame(rows, self.columns), bad)

    def _row(self, content: bytes) -> dict[str, Any] | None:
        how = self._unread
        if content.startswith(_UNREAD):
            return how.correction.read(content[1:], how.columns, how.delimiter, how.codec)
        return how.correction.row(orjson.loads(content))


class MendedSource(Source):
    """A mended export: each row stands for the refused one whose id it carries."""

    format = "quarantine"

    def __init__(self, path: Path, ids: Sequence[UUID], columns: Sequence[str]) -> None:
        self._source = _mended(path)
        self._places = {str(id): at for at, id in enumerate(ids, start=1)}
        own = [name for name in self._source.columns if name not in (*OWN_COLUMNS, EXACT_COLUMN)]
        self._quoted = [] if EXACT_COLUMN in self._source.columns else own
        known = {unbroken(name): name for name in columns}  # a reader has every header in one line
        plain = {name: from_spreadsheet(name) if self._quoted else name for name in own}
        self._names = {name: known.get(told, told) for name, told in plain.items()}
        self.columns = list(dict.fromkeys([*columns, *self._names.values()]))
        self.notes = []

    def batches(self, size: int = 10_000, skip: int = 0) -> Iterator[Batch]:
        """The rows of the file that stand for one of these, in the file's order."""
        for batch in self._source.batches(size, skip):
            places = [self._places.get(id or "") for id in batch.frame[ID_COLUMN].to_list()]
            frame = _unquoted(batch.frame, self._quoted, self._names).with_columns(
                pl.Series("line", places, dtype=pl.Int64)
            )
            frame = frame.filter(pl.col("line").is_not_null())
            missing = [pl.lit(None, pl.String).alias(name) for name in self.columns if name not in frame.columns]
            yield Batch(frame.with_columns(missing).select("line", *self.columns).sort("line"), [])


def ids_in(mended: Path) -> frozenset[str]:
    """What a mended export says in its column of ids.

    Raises:
        NotOfThisExport: it has none.
        UnreadableSource: it cannot be read.
    """
    batches = _mended(mended).batches()
    return frozenset(id for batch in batches for id in batch.frame[ID_COLUMN].to_list() if id)


def _mended(path: Path) -> Source:
    source = open_source(path)
    if ID_COLUMN not in source.columns:
        raise NotOfThisExport(f"the file has no column {ID_COLUMN}")
    return source


def open_refused(ids: Sequence[UUID], *, actor: Actor, detail: UUID | None) -> dict[UUID, tuple[str, bytes]]:
    """Reason and content of refused rows, recorded before they are opened; settled and erased ones are left out."""
    rows = Quarantined.objects.filter(id__in=list(ids), settled=None, sealed__isnull=False)
    held = {row.id: (row.reason, bytes(row.sealed or b"")) for row in rows}
    opened = open_aside({id: sealed for id, (_, sealed) in held.items()}, actor=actor, act="quarantine", detail=detail)
    return {id: (held[id][0], opened[id]) for id in ids if id in opened}


def _unquoted(frame: pl.DataFrame, quoted: Sequence[str], names: Mapping[str, str]) -> pl.DataFrame:
    """Cells and names of columns as they were before a spreadsheet had to be kept from running them."""
    cells = frame.with_columns(pl.col(name).str.replace(QUOTED, "${1}") for name in quoted)
    return cells.rename({name: plain for name, plain in names.items() if plain not in frame.columns})


def _frame(rows: list[dict[str, Any]], columns: Sequence[str]) -> pl.DataFrame:
    lines = pl.Series("line", [row["line"] for row in rows], dtype=pl.Int64)
    cells = [pl.Series(name, [row.get(name) for row in rows], dtype=pl.String) for name in columns if name != "line"]
    return pl.DataFrame([lines, *cells])


__all__ = [
    "EXACT_COLUMN",
    "ID_COLUMN",
    "OWN_COLUMNS",
    "MendedSource",
    "NotOfThisExport",
    "QuarantineSource",
    "Unread",
    "ids_in",
    "open_refused",
]
