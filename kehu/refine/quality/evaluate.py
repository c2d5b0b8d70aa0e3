"""What a condition says of one customer: true, false, or nothing where a field it needs is not known.

The tree is made into closures once; none of them can reach anything but the values it is given.
"""

from __future__ import annotations

import calendar
import datetime as dt
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from kehu.refine.quality.language import (
    DATE,
    NUMBER,
    Call,
    Compared,
    Condition,
    Constant,
    Joined,
    Listed,
    Matched,
    Missing,
    Moved,
    Named,
    Node,
    Not,
    Span,
    Today,
    kind_of,
)

Values = Mapping[str, str]
"""Normalised values by field; what is not there is not known."""
Check = Callable[[Values, dt.date], bool | None]
_Worth = Callable[[Values, dt.date], Any]
_COMPARED: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def compiled(condition: Condition, types: Mapping[str, str]) -> Check:
    """A condition as a function of a customer's values and the day; ``types``: the dictionary's, by field."""
    return _truth(condition.tree, types)


def _truth(node: Node, types: Mapping[str, str]) -> Check:
    if isinstance(node, Joined):
        parts = [_truth(one, types) for one in node.parts]
        return _joined(parts, decides=node.word == "or")
    if isinstance(node, Not):
        inner = _truth(node.of, types)
        return lambda values, today: None if (held := inner(values, today)) is None else not held
    if isinstance(node, Missing):
        worth = _worth(node.left, types)
        return lambda values, today: worth(values, today) is None
    if isinstance(node, Compared):
        return _compared(_worth(node.left, types), _COMPARED[node.sign], _worth(node.right, types))
    if isinstance(node, Listed):
        listed, worth = frozenset(node.values), _worth(node.left, types)
        return lambda values, today: None if (held := worth(values, today)) is None else held in listed
    assert isinstance(node, Matched)
    fits, worth = node.pattern.fits, _worth(node.left, types)
    return lambda values, today: None if (held := worth(values, today)) is None else fits(held)


def _joined(parts: list[Check], *, decides: bool) -> Check:
    """``or`` is decided by the first true part, ``and`` by the first false one; else what is not known stays so."""

    def whole(values: Values, today: dt.date) -> bool | None:
        unknown = False
        for one in parts:
            held = one(values, today)
            if held is decides:
                return decides
            unknown = unknown or held is None
        return None if unknown else not decides

    return whole


def _compared(left: _Worth, compare: Callable[[Any, Any], bool], right: _Worth) -> Check:
    def whole(values: Values, today: dt.date) -> bool | None:
        one, other = left(values, today), right(values, today)
        return None if one is None or other is None else compare(one, other)

    return whole


def _worth(node: Node, types: Mapping[str, str]) -> _Worth:
    if isinstance(node, Named):
        return _named(node.name, kind_of(types[node.name]))
    if isinstance(node, Constant):
        value = node.value
        return lambda values, today: value
    if isinstance(node, Today):
        return lambda values, today: today
    if isinstance(node, Call):
        return _called(node, _worth(node.of, types))
    if isinstance(node, Moved):
        return _moved(node, types)
    raise TypeError("no value")  # the reader lets no other through


def _named(name: str, kind: str) -> _Worth:
    if kind == DATE:
        return lambda values, today: _date(values.get(name))
    if kind == NUMBER:
        return lambda values, today: _number(values.get(name))
    return lambda values, today: values.get(name)


def _called(node: Call, of: _Worth) -> _Worth:
    count = node.count

    def whole(values: Values, today: dt.date) -> Any:
        held = of(values, today)
        if held is None:
            return None
        return float(len(held)) if node.name == "length" else held.lower() if node.name == "lower" else held[:count]

    return whole


def _moved(node: Moved, types: Mapping[str, str]) -> _Worth:
    left, sign = _worth(node.left, types), node.sign
    if isinstance(node.right, Span):
        span = node.right

        def moved(values: Values, today: dt.date) -> dt.date | None:
            held = left(values, today)
            return None if held is None else shifted(held, sign * span.count, span.unit)

        return moved
    right = _worth(node.right, types)

    def summed(values: Values, today: dt.date) -> float | None:
        one, other = left(values, today), right(values, today)
        return None if one is None or other is None else one + sign * other

    return summed


def shifted(day: dt.date, count: int, unit: str) -> dt.date:
    """A day so many days, months or years later; the 31st becomes the month's last, and no day leaves the calendar."""
    try:
        if unit == "days":
            return day + dt.timedelta(days=count)
        months = day.year * 12 + day.month - 1 + count * (12 if unit == "years" else 1)
        year, month = divmod(months, 12)
        return dt.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
    except (ValueError, OverflowError):
        return dt.date.min if count < 0 else dt.date.max


def _date(text: str | None) -> dt.date | None:
    if not text:
        return None
    try:
        return dt.date.fromisoformat(text[:10])
    except ValueError:
        return None


def _number(text: str | None) -> float | None:
    if not text:
        return None
    try:
        held = float(text)
    except ValueError:
        return None
    return None if math.isnan(held) else held
