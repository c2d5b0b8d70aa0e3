"""Parquet files, row group by row group."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Final

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kehu.collect.readers.rows import MOST_WHOLE, Batch, Opener, Source, UnreadableSource, tidy, unique_columns

_MOST_VALUES: Final = 1_000_000
_MOST_BYTES: Final = 2 << 30  # of a row group, unpacked
_MOST_OF_A_BATCH: Final = 256 << 20
_MOST_OF_A_FOOTER: Final = 64 << 20
_SECONDS: Final = 60
_DAMAGES: Final = (
    pa.ArrowException, pl.exceptions.PolarsError, OSError, ValueError, OverflowError, struct.error, subprocess.TimeoutExpired,
)  # fmt: skip
_COUNT: Final = """
import io, sys
import pyarrow.parquet as pq
told = pq.read_metadata(io.BytesIO(sys.stdin.buffer.read()))
for group in map(told.row_group, range(told.num_row_groups)):
    values = max((group.column(at).num_values for at in range(group.num_columns)), default=0)
    print(values, group.num_rows, group.total_byte_size)
"""
"""Of each row group: the most values of a column, rows, bytes unpacked."""


class ParquetSource(Source):
    """Parquet. `line` is the record number from 1; structs become `column.part`, lists `a; b`, what holds more
    JSON, dates and times ISO."""

    format = "parquet"

    def __init__(self, opener: Opener) -> None:
        self._open = opener
        self.notes = []
        with opener() as stream, _told(), pq.ParquetFile(stream) as file:
            self.columns = list(_as_strings(_to_polars(file.schema_arrow.empty_table())).columns)
            texts = [one for one in file.schema_arrow if pa.types.is_string(one.type) or pa.types.is_binary(one.type)]
            self._texts = [one.name for one in texts]
        with opener() as stream, _told():
            _require_bearable(_footer(stream))

    def batches(self, size: int = 10_000, skip: int = 0) -> Iterator[Batch]:
        """Batches of `size` records."""
        line = 1
        # a value that a thousand rows share is told once and would be held a thousand times
        with self._open() as stream, _told(), pq.ParquetFile(stream, read_dictionary=self._texts) as file:
            for piece in file.iter_batches(batch_size=size, use_threads=False):
                _require_fitting(piece)
                if skip > 0:
                    skip -= 1
                else:
                    piece.validate(full=True)  # what is no UTF-8 is told here, and not by whoever reads it as text
                    frame = _as_strings(_to_polars(pa.Table.from_batches([piece])))
                    yield Batch(tidy(frame, pl.int_range(line, line + piece.num_rows, eager=True)), [])
                line += piece.num_rows


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong in a damaged file, in our words."""
    try:
        yield
    except UnreadableSource:
        raise
    except _DAMAGES as error:
        raise _damaged() from error


def _damaged() -> UnreadableSource:
    return UnreadableSource("bad_parquet", "the Parquet file is damaged or encrypted", "Export the file anew.")


def _footer(stream: IO[bytes]) -> bytes:
    """What a file says of itself, as a file that holds nothing else."""
    stream.seek(-8, os.SEEK_END)
    length, magic = struct.unpack("<I4s", stream.read(8))
    if magic != b"PAR1" or length > _MOST_OF_A_FOOTER:
        raise _damaged()
    stream.seek(-8 - length, os.SEEK_END)
    return b"PAR1" + stream.read(length + 8)


def _require_bearable(footer: bytes) -> None:
    """Let on what holds about as many values as rows and columns say, and unpacks to no more than a machine has room for.

    Looked at in a process of its own: of some damaged files pyarrow's account of a column ends the process that asks.

    Raises:
        UnreadableSource: it does not.
    """
    done = subprocess.run([sys.executable, "-I", "-c", _COUNT], input=footer, capture_output=True, timeout=_SECONDS)
    if done.returncode:
        raise _damaged()
    for line in done.stdout.splitlines():
        values, rows, size = map(int, line.split())
        if values > _MOST_VALUES + 100 * rows or size > _MOST_BYTES:
            raise _too_large()


def _require_fitting(piece: pa.RecordBatch) -> None:
    size = piece.nbytes
    for column in piece.columns:
        if pa.types.is_dictionary(column.type):
            lengths = pc.binary_length(column.dictionary)
            size += pc.sum(pc.take(lengths, column.indices)).as_py() or 0
    if size > _MOST_OF_A_BATCH:
        raise _too_large()


def _too_large() -> UnreadableSource:
    return UnreadableSource("too_large", "rows of the file are too long", "Leave out what is no customer data.")


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
    lists = [pl.col(name).arr.to_list() for name, kind in frame.schema.items() if isinstance(kind, pl.Array)]
    frame = frame.with_columns(lists)
    deep = [name for name, kind in frame.schema.items() if kind.is_nested() and not _is_list_of_values(kind)]
    frame = frame.with_columns(pl.Series(name, map(_json, frame[name].to_list()), dtype=pl.String) for name in deep)
    frame = frame.select(_as_string(name, kind) for name, kind in frame.schema.items())
    return frame.rename(dict(zip(frame.columns, unique_columns(frame.columns), strict=True)))


def _is_list_of_values(kind: pl.DataType) -> bool:
    return isinstance(kind, pl.List) and not kind.inner.is_nested()


def _json(value: object) -> str | None:
    return json.dumps(_plain(value), ensure_ascii=False) if value else None


def _plain(value: object) -> object:
    """A value as JSON has it."""
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(held) for key, held in value.items()}
    if isinstance(value, list):
        return [_plain(held) for held in value]
    if isinstance(value, bytes):
        return value.hex()
    return value if value is None or isinstance(value, (str, int, float)) else str(value)


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
    if kind.is_float():  # as in a workbook: pandas makes a column of whole numbers one of these where a value is absent
        whole = column.is_finite() & (column == column.floor()) & (column.abs() < MOST_WHOLE)
        return (
            pl.when(whole).then(column.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(column.cast(pl.String))
        )
    if isinstance(kind, pl.List):
        return column.list.eval(pl.element().cast(pl.String)).list.join("; ")
    return column.cast(pl.String)
