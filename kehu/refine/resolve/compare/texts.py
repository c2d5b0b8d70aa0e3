"""Columns of text in a table of records."""

from __future__ import annotations

from typing import Final

import polars as pl

HAN: Final = r"\p{Han}"


def field(frame: pl.DataFrame, name: str) -> pl.Expr:
    """A column; null where the table has none of that name."""
    return pl.col(name) if name in frame.columns else pl.lit(None, dtype=pl.String)


def joined(*parts: pl.Expr) -> pl.Expr:
    """What there is of these, a space between; null where there is nothing."""
    text = pl.concat_str(parts, separator=" ", ignore_nulls=True).str.strip_chars()
    return pl.when(text != "").then(text)


def sorted_words(name: pl.Expr) -> pl.Expr:
    """The words of a name in one order; the characters, where it is one Chinese word."""
    han = name.str.contains(HAN) & ~name.str.contains(" ")
    return (
        pl.when(han)
        .then(name.str.split("").list.sort().list.join(""))
        .otherwise(name.str.split(" ").list.sort().list.join(" "))
    )
