"""What a trait may be made of: fields of orders and interactions that name nobody. Everything else is refused.

``kind`` says how far a field may get. A number or a moment may be counted up and kept; of a text only what it is *compared*
with ever leaves: words that stand in the declaration itself. So no name, phone number or address that somebody typed into an
order can enter a trait, whatever its expression says.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Final, Literal

from kehu.govern.dictionary import Dictionary
from kehu.govern.slugs import RECORD_KINDS

Kind = Literal["number", "moment", "word", "text", "truth"]
SOURCES: Final[dict[str, int]] = {"orders": RECORD_KINDS["order"], "interactions": RECORD_KINDS["interaction"]}
TRAITS: Final = "traits"
"""The third source: other traits."""
MOMENTS: Final = {"orders": "ordered_at", "interactions": "at"}
"""When an event was; that there was one is asked for by this field where an expression reads no other."""
UNITS: Final = ("days", "count", "money", "word", "fifth", "none")
"""Of a trait's value."""
HIGHEST_LEVEL: Final = 3
"""Of an input; a sensitive field is never one."""


@dataclass(frozen=True, slots=True)
class Input:
    """A field of a source as expressions see it. ``field``: of the dictionary, empty for what stands beside the record."""

    name: str
    kind: Kind
    field: str
    level: int


# of each source: name in an expression, its kind, the dictionary's field it is read from
_FIELDS: Final[dict[str, tuple[tuple[str, Kind, str], ...]]] = {
    "orders": (
        ("ordered_at", "moment", "ordered_at"), ("hour", "number", "ordered_at"), ("weekday", "number", "ordered_at"),
        ("amount", "number", "amount"), ("currency", "word", "currency"), ("quantity", "number", "quantity"),
        ("discount", "number", "discount"), ("product", "text", "product"), ("order_status", "text", "order_status"),
        ("channel", "word", ""),
    ),
    "interactions": (
        ("at", "moment", "at"), ("hour", "number", "at"), ("weekday", "number", "at"), ("kind", "text", "kind"),
        ("topic", "text", "topic"), ("rating", "number", "rating"), ("channel", "word", ""),
    ),
}  # fmt: skip
LARGEST: Final = 10**10
"""A number at or above it is none: a telephone number in the wrong column has eleven digits."""
_CHANNEL_LEVEL: Final = 2


def inputs_of(source: str) -> dict[str, Input]:
    """The inputs of a source by the name that expressions use.

    Raises:
        KeyError: no such source.
    """
    held = Dictionary.load()
    return {
        name: Input(name, kind, field, held.field(field).level if field else _CHANNEL_LEVEL)
        for name, kind, field in _FIELDS[source]
    }


@functools.cache
def fields_of(source: str) -> tuple[str, ...]:
    """Fields of the dictionary that a source's inputs are read from."""
    return tuple(sorted({field for _, _, field in _FIELDS[source] if field}))


def fields_allowed() -> frozenset[str]:
    """Fields of the dictionary that some input is read from; the database holds a copy of this list (migration 0001)."""
    return frozenset(field for rows in _FIELDS.values() for _, _, field in rows if field)


def why_refused(name: str) -> str:
    """Why a name is no input: ``identity`` for what names or reaches somebody, ``sensitive``, ``free-text``, else ``unknown``."""
    field = Dictionary.load().fields.get(name)
    if field is None:
        return "unknown"
    if field.level > HIGHEST_LEVEL:
        return "sensitive"
    if not field.event or field.name == "order_id":
        return "identity"
    return "free-text"
