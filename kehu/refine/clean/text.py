"""Text of any kind: Unicode NFKC (full-width to ordinary), decimal digits as 0-9, nothing invisible, single spaces."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import polars as pl

_INVISIBLE: Final = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\ufff9-\ufffb"
_CONTROL: Final = r"\x00-\x08\x0e-\x1f\x7f"
_FOREIGN_DIGIT: Final = r"[\p{Nd}--0-9]"
_DROPPED: Final = re.compile(f"[{_INVISIBLE}{_CONTROL}]")


def normal_text(values: pl.Series) -> pl.Series:
    """NFKC, digits of every script as 0-9, invisible and control characters dropped, runs of whitespace as one space.

    What is empty then is null. Idempotent.
    """
    if values.null_count() == len(values):
        return values
    ascii_only = values.str.len_bytes().sum() == values.str.len_chars().sum()
    pattern = f"[{_CONTROL}]" if ascii_only else f"[{_INVISIBLE}{_CONTROL}]"
    if values.str.contains(pattern).any():
        values = values.str.replace_all(pattern, "")
    if not ascii_only:
        values = values.str.normalize("NFKC")
        if values.str.contains(pattern).any():  # NFKC turns some compatibility characters into what was just dropped
            values = values.str.replace_all(pattern, "")
        if (foreign := values.str.contains(_FOREIGN_DIGIT).fill_null(False)).any():
            places = foreign.arg_true()
            values = values.scatter(places, pl.Series([_own_digits(value) for value in values.gather(places)]))
    if values.str.contains(r"\s\s|[^\S ]").any():
        values = values.str.replace_all(r"\s+", " ")
    values = values.str.strip_chars()
    return values.set(values == "", None) if (values == "").any() else values


def normal_string(value: str) -> str:
    """`normal_text` of one value."""
    value = _DROPPED.sub("", unicodedata.normalize("NFKC", _DROPPED.sub("", value)))
    return " ".join(_own_digits(value).split())


def _own_digits(value: str) -> str:
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in value)
