"""Kinds of data a scan finds, each with the field, category and level it belongs to: ``kinds.toml``."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kehu.govern.dictionary import Dictionary
from kehu.govern.slugs import CATEGORIES

_FILE: Final = Path(__file__).with_name("kinds.toml")
SENSITIVE: Final = frozenset({"", "identifier", "finance", "health", "biometrics", "special", "location"})


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of data: ``field`` is the dictionary's, empty where it has none of it."""

    name: str
    field: str
    category: str
    level: int
    sensitive: str


@functools.cache
def _load() -> Mapping[str, Kind]:
    rows: dict[str, dict[str, Any]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    found = {name: Kind(name, **row) for name, row in rows.items()}
    fields = Dictionary.load().fields
    for one in found.values():
        known = one.category in CATEGORIES and one.sensitive in SENSITIVE and (not one.field or one.field in fields)
        if not known or (one.level == 4) != bool(one.sensitive):
            raise ValueError(f"kinds: {one.name}")
    return found


KINDS: Final = _load()


def worst(kinds: Mapping[str, int]) -> Kind:
    """Of the kinds found (with how often) the one of the highest level; the most frequent of these.

    Raises:
        ValueError: there is none.
    """
    return KINDS[max(kinds, key=lambda name: (KINDS[name].level, kinds[name]))]
