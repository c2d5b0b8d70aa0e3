"""A file of which some cells were put right before its import: its batches, with those cells as they were put."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from kehu.collect.readers import Batch, Source
from kehu.collect.readers.rows import LINE


class PutRight(Source):
    """Another source, corrected cell by cell; the rest of it is as it was."""

    def __init__(self, source: Source, mends: Mapping[str, Mapping[str, str]]) -> None:
        self._source = source
        self.columns, self.notes, self.format = source.columns, source.notes, source.format
        self.encoding, self.delimiter, self.codec = source.encoding, source.delimiter, source.codec
        self._by_column: dict[str, dict[int, str | None]] = {}
        for line, cells in mends.items():
            for column, value in cells.items():
                if column in source.columns and line.isdigit():
                    self._by_column.setdefault(column, {})[int(line)] = value or None

    def batches(self, size: int = 10_000, skip: int = 0) -> Iterator[Batch]:
        """The same batches."""
        for batch in self._source.batches(size, skip):
            yield Batch(self._mended(batch.frame), batch.bad)

    def _mended(self, frame: pl.DataFrame) -> pl.DataFrame:
        lines = set(frame[LINE].to_list()) if self._by_column else set[int]()
        changed = []
        for column, cells in self._by_column.items():
            here = {line: value for line, value in cells.items() if line in lines}
            if here:
                put = pl.col(LINE).replace_strict(
                    list(here), pl.Series(list(here.values()), dtype=pl.String), default=None, return_dtype=pl.String
                )
                changed.append(
                    pl.when(pl.col(LINE).is_in(list(here))).then(put).otherwise(pl.col(column)).alias(column)
                )
        return frame.with_columns(changed) if changed else frame
