"""Decimals and whole numbers: thousands marks, decimal commas, currency signs, 万 and 亿, full-width digits."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

import polars as pl

from kehu.refine.clean.status import Cleaned, Context, fill_rest, settle

_PLAIN: Final = r"^-?(?:0|[1-9]\d*)(?:\.\d+)?$"
_SIGNS: Final = re.compile(
    r"(?i)^(?:[A-Z]{3}\b|US\$|HK\$|NT\$|A\$|C\$|S\$|RMB|[$€£¥₩₹])\s*|\s*(?:[A-Z]{3}|元|圆|円|块|€|£|\$)(?:整|人民币)?$"
)
_SCALES: Final = {"万": 10_000, "萬": 10_000, "千": 1_000, "亿": 100_000_000, "億": 100_000_000}
_MAX_DIGITS: Final = 30
DECIMAL_COMMA: Final = r"^[^,]*\d,(?:\d{1,2}|\d{4,})\D*$|\d\.\d{3},"
"""A value that can only be read with a decimal comma."""


def decimal_string(value: str, *, comma: bool = False) -> str | None:
    """A plain decimal (`-1234.50`) from a written number, or None. `comma`: the column writes decimals with a comma."""
    text = value.strip()
    negative = bool(re.fullmatch(r"\(.*\)", text)) or text.endswith("-") or text[:1] in "-−"
    text = text.strip("()-−+ ")
    text = _SIGNS.sub("", text.strip()).strip()
    negative = negative or text.startswith("-")
    text = text.lstrip("-+ ")
    scale = 1
    if text and text[-1] in _SCALES:
        scale, text = _SCALES[text[-1]], text[:-1].strip()
    digits = _point(text, comma)
    if digits is None or sum(c.isdigit() for c in digits) > _MAX_DIGITS:
        return None
    number = Decimal(digits) * scale
    if scale > 1 and number == number.to_integral_value():
        number = number.to_integral_value()
    result = format(number, "f")
    return f"-{result}" if negative and number != 0 else result


def _point(text: str, comma: bool) -> str | None:
    """Digits with a point, whatever marks were written."""
    text = re.sub(r"(?<=\d)[\s'’_](?=\d{3}(?!\d))", "", text)
    point = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
    continental = r"\d{1,3}(?:\.\d{3})+(?:,\d+)?|\d+(?:,\d+)?|,\d+"
    for pattern, thousands, mark in ((continental, ".", ","), (point, ",", "."))[:: 1 if comma else -1]:
        if re.fullmatch(pattern, text, re.ASCII):
            return text.replace(thousands, "").replace(mark, ".")
    return None


def decimals(values: pl.Series, context: Context) -> Cleaned:
    """Numbers as plain decimals; the digits after the point stay as written."""
    comma = values.name in context.habits.decimal_comma
    normal = values.set(~values.str.contains(_PLAIN).fill_null(True), None)
    if comma and (doubtful := normal.str.contains(r"^-?\d{1,3}\.\d{3}$").fill_null(False)).any():
        normal = normal.set(doubtful, None)
    return settle(values, fill_rest(values, normal, lambda value: decimal_string(value, comma=comma)))


def integers(values: pl.Series, context: Context) -> Cleaned:
    """Whole numbers; `3.0` is 3, `3.5` is none."""
    normal = decimals(values, context).normal.str.replace(r"\.0+$", "")
    return settle(values, normal.set(normal.str.contains(".", literal=True).fill_null(False), None))
