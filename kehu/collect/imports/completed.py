"""A file of which some cells are read together with others of their row: its batches, with those cells completed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import polars as pl

from kehu.collect.readers import Batch, Source


class Completed(Source):
    """Another source; the rest of it is as it was.

    ``codes``: column of national phone numbers to that of their calling codes. ``spares``: column to others, of which the
    first that holds something stands in where it is empty. What is complete already stays, so rows that come again out of
    the quarantine are none other.
    """

    def __init__(self, source: Source, *, codes: Mapping[str, str], spares: Mapping[str, Sequence[str]]) -> None:
        self._source = source
        self.columns, self.notes, self.format = source.columns, source.notes, source.format
        self.encoding, self.delimiter, self.codec = source.encoding, source.delimiter, source.codec
        here = set(source.columns)
        self._cells = [_international(number, code) for number, code in codes.items() if {number, code} <= here]
        self._cells += [
            pl.coalesce(column, *(one for one in others if one in here))
            for column, others in spares.items()
            if column in here and column not in codes
        ]

    def batches(self, size: int = 10_000, skip: int = 0) -> Iterator[Batch]:
        """The same batches."""
        for batch in self._source.batches(size, skip):
            yield Batch(batch.frame.with_columns(self._cells), batch.bad)


def _international(number: str, code: str) -> pl.Expr:
    digits = pl.col(code).str.extract(r"^(?:\+|00)?([1-9]\d{0,3})$")
    national = pl.col(number).str.contains(r"^[(\d]") & ~pl.col(number).str.starts_with("00")
    return (
        pl.when(national & digits.is_not_null())
        .then("+" + digits + " " + pl.col(number))
        .otherwise(number)
        .alias(number)
    )
