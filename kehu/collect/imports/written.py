"""What the rows of a batch say, as JSON: the bytes that orjson writes of each row, made column by column.

A third of the time it takes to gather each row's values first. A test holds both ways against each other on any text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import orjson
import polars as pl

from kehu.refine.clean.status import ABSENT

_ESCAPED: Final = r'["\\\x00-\x1f]'  # what JSON writes otherwise within a text
Cleaned = tuple[pl.Series, pl.Series, pl.Series]
"""A field of a batch: as given, normalised, and its status."""


def said_of_rows(frame: pl.DataFrame) -> list[bytes]:
    """Each row as a list of names and texts in turn, without what is not there."""
    cells = [pl.concat_str(pl.lit(f",{_name(column.name)},"), _texts(column)) for column in frame]
    row = pl.concat_str(cells, ignore_nulls=True).str.slice(1)
    return _bytes(pl.concat_str(pl.lit("["), row, pl.lit("]")))


def sealed_of_rows(fields: Mapping[str, Cleaned]) -> list[bytes]:
    """Each row as :func:`kehu.vault.seal.packed` has its fields, without those that are not there."""
    cells = [
        pl.when(pl.lit(status) != ABSENT).then(
            pl.concat_str(
                pl.lit(f"{_name(name)}:["), _texts(given).fill_null("null"), pl.lit(","), _texts(normal).fill_null("null"),
                pl.lit(","), pl.lit(status).cast(pl.String), pl.lit(",null]"),
            )
        )
        for name, (given, normal, status) in fields.items()
    ]  # fmt: skip
    row = pl.concat_str(cells, separator=",", ignore_nulls=True)
    return _bytes(pl.concat_str(pl.lit("{"), row, pl.lit("}")))


def _name(text: str) -> str:
    return orjson.dumps(text).decode()


def _texts(column: pl.Series) -> pl.Expr:
    """Each text within its quotation marks; null stays null."""
    if column.str.contains(_ESCAPED).any():
        return pl.lit(pl.Series([None if text is None else _name(text) for text in column], dtype=pl.String))
    return pl.concat_str(pl.lit('"'), pl.lit(column), pl.lit('"'))


def _bytes(rows: pl.Expr) -> list[bytes]:
    return pl.select(rows.cast(pl.Binary)).to_series().to_list()
