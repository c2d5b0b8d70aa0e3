"""Parquet files, row group by row group."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from kehu.collect.readers.rows import LINE, Batch, Opener, Source, UnreadableSource, tidy


class ParquetSource(Source):
    """Parquet. `line` is the record number from 1; structs become `column.part`, lists `a; b`, dates and times ISO."""

    format = "parquet"

    def __init__(self, opener: Opener) -> None:
        self._open = opener
        self.notes = []
        try:
            with opener() as stream, pq.ParquetFile(stream) as file:
                self.columns = list(_as_strings(_to_polars(file.schema_arrow.empty_table())).columns)
        except pa.ArrowException as error:
            remedy = "Export the file anew."
            raise UnreadableSource("bad_parquet", "the Parquet file is damaged or encrypted", remedy) from error

    def batches(self, size: int = 10_000, skip: int = 0) -> Iterator[Batch]:
        """Batches of `size` records."""
        line = 1
        with self._open() as stream, pq.ParquetFile(stream) as file:
            for piece in file.iter_batches(batch_size=size, use_threads=False):
                if skip > 0:
                    skip -= 1
                else:
                    frame = _as_strings(_to_polars(pa.Table.from_batches([piece])))
                    yield Batch(tidy(frame, pl.int_range(line, line + piece.num_rows, eager=True)), [])
                line += piece.num_rows


def _to_polars(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)  # a table never becomes a series
    return frame


def _as_strings(frame: pl.DataFrame) -> pl.DataFrame:
    """Every column as string, none lost."""
    while nested := [name for name, kind in frame.schema.items() if isinstance(kind, pl.Struct)]:
        for name in nested:
            fields = frame[name].struct.fields
            parts = [pl.col(name).struct.field(part).alias(f"{name}.{part}") for part in fields]
            frame = frame.with_columns(parts).drop(name)
    frame = frame.select(_as_string(name, kind) for name, kind in frame.schema.items())
    return frame.rename({LINE: f"{LINE}_"}) if LINE in frame.columns else frame


def _as_string(name: str, kind: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(kind, pl.String):
        return column
    if isinstance(kind, pl.Binary):
        return column.bin.encode("hex")
    if isinstance(kind, pl.Datetime):
        return (
            column.dt.to_string("iso:strict")
            if kind.time_zone is None
            else column.dt.convert_time_zone("UTC").dt.to_string("%Y-%m-%dT%H:%M:%S%.6fZ")
        )
    if isinstance(kind, pl.List):
        return column.list.eval(pl.element().cast(pl.String)).list.join("; ")
    return column.cast(pl.String)
