"""The dictionary: fields with category, level, type, search and mask, read from ``dictionary.toml``."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kehu.govern.slugs import CATEGORIES

_FILE: Final = Path(__file__).with_name("dictionary.toml")
_DOTS: Final = "••••"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``level``: 1 public, 2 internal, 3 personal, 4 sensitive (PIPL 28)."""

    id: int
    name: str
    category: str
    level: int
    type: str
    search: tuple[str, ...]
    mask: str
    labels: Mapping[str, str]

    @property
    def category_id(self) -> int:
        """Number of its category."""
        return CATEGORIES[self.category]


class UnknownField(KeyError):
    """No field of that name; names are those of the dictionary."""


@dataclass(frozen=True, slots=True)
class Dictionary:
    """All fields, by name."""

    fields: Mapping[str, Field]
    digest: str

    @classmethod
    @functools.cache
    def load(cls) -> Dictionary:
        """The shipped dictionary.

        Raises:
            ValueError: an id stands twice, or a level or category is unknown.
        """
        raw = _FILE.read_bytes()
        fields: dict[str, Field] = {}
        for name, row in tomllib.loads(raw.decode()).items():
            if row["category"] not in CATEGORIES or row["level"] not in (1, 2, 3, 4):
                raise ValueError(f"dictionary field {name}: category or level unknown")
            labels = {"zh-hans": row["zh-hans"], "en": row["en"]}
            fields[name] = Field(
                row["id"], name, row["category"], row["level"], row["type"], tuple(row["search"]), row["mask"], labels
            )
        if len({field.id for field in fields.values()}) != len(fields):
            raise ValueError("dictionary: an id stands twice")
        return cls(fields, hashlib.sha256(raw).hexdigest())

    def field(self, name: str) -> Field:
        """One field.

        Raises:
            UnknownField: there is none of that name.
        """
        try:
            return self.fields[name]
        except KeyError:
            raise UnknownField(name) from None

    def mask(self, name: str, value: str | None) -> str:
        """The masked form of a value: enough to recognise, never enough to use; short values show nothing."""
        if not value:
            return ""
        rule = self.field(name).mask
        if rule == "none":
            return value
        if rule == "email" and "@" in value:
            local, _, domain = value.rpartition("@")
            return f"{local[:1] if len(local) > 3 else ''}•••••@{domain}"
        if rule == "phone" and len(value) >= 9:
            return f"{value[:-8]} {_DOTS} {value[-4:]}" if len(value) > 11 else f"{_DOTS} {value[-3:]}"
        if rule == "tail" and len(value) >= 10:
            return f"{_DOTS}{value[-4:]}"
        if rule == "name" and len(value) > 1:
            return f"{value[:1]}**"
        if rule == "date" and len(value) >= 8:
            return f"{value[:4]}-**-**"
        if rule == "address" and len(value) > 6:
            return f"{value[:3]}{_DOTS}"
        return _DOTS
