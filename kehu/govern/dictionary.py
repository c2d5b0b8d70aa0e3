"""The dictionary: fields with category, level, type, search and mask, read from ``dictionary.toml``.

Pure data: imports neither Django nor anything of the installation.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kehu.govern import masks
from kehu.govern.slugs import CATEGORIES, LANGUAGES

_FILE: Final = Path(__file__).with_name("dictionary.toml")
TYPES: Final = frozenset({
    "text", "name", "email", "phone", "date", "datetime", "decimal", "integer", "country", "language", "currency",
    "gender", "national_id", "registration_number", "address", "url", "code",
})  # fmt: skip
SENSITIVE: Final = frozenset({"", "identifier", "finance", "health", "biometrics"})
SEARCH_KINDS: Final = frozenset({"exact", "prefix", "bigram", "pinyin"})


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``level``: 1 public, 2 internal, 3 personal, 4 sensitive (PIPL 28)."""

    id: int
    name: str
    category: str
    level: int
    type: str
    sensitive: str
    search: tuple[str, ...]
    mask: str
    event: bool
    labels: Mapping[str, str]
    verifies: bool = False  # a caller proves by it who they are

    @property
    def category_id(self) -> int:
        """Number of its category."""
        return CATEGORIES[self.category]

    def label(self, language: str) -> str:
        """Its name in ``zh-hans``, ``zh-hant`` or ``en``; English for any other language."""
        return self.labels.get(language.lower(), self.labels["en"])


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
            ValueError: an id stands twice, or a field uses a word that the code does not know.
        """
        raw = _FILE.read_bytes()
        fields = {name: _field(name, row) for name, row in tomllib.loads(raw.decode()).items()}
        if len({field.id for field in fields.values()}) != len(fields):
            raise ValueError("dictionary: an id stands twice")
        return cls(fields, hashlib.sha256(raw).hexdigest())

    def raised(self, levels: Mapping[str, tuple[int, str]]) -> Dictionary:
        """The same with some fields at a higher level (and what makes level 4); one that ships as high stays as it is."""
        higher = {
            name: dataclasses.replace(
                self.fields[name], level=level, sensitive=sensitive,
                mask="all" if self.fields[name].mask == "none" else self.fields[name].mask,
            )
            for name, (level, sensitive) in levels.items()
            if name in self.fields and level > self.fields[name].level
        }  # fmt: skip
        if not higher:
            return self
        text = self.digest + "".join(f"\x1e{name}={one.level}{one.sensitive}" for name, one in sorted(higher.items()))
        return Dictionary({**self.fields, **higher}, hashlib.sha256(text.encode()).hexdigest())

    def field(self, name: str) -> Field:
        """One field.

        Raises:
            UnknownField: there is none of that name.
        """
        try:
            return self.fields[name]
        except KeyError:
            raise UnknownField(name) from None

    @property
    def by_category(self) -> dict[str, tuple[Field, ...]]:
        """Fields of each category, in the dictionary's order."""
        return {
            category: tuple(field for field in self.fields.values() if field.category == category)
            for category in CATEGORIES
        }

    def mask(self, name: str, value: str | None) -> str:
        """The masked form of a value: enough to recognise, never enough to use; short values show nothing.

        Raises:
            UnknownField: there is none of that name.
        """
        rule = masks.RULES[self.field(name).mask]
        return rule(value) if value else ""


def _field(name: str, row: Mapping[str, Any]) -> Field:
    """Read one table of the file.

    Raises:
        ValueError: an unknown category, level, type, search, mask or label; or a sensitive field shown in a mask.
    """
    level, mask = row["level"], row["mask"]
    known = (
        row["category"] in CATEGORIES
        and level in (1, 2, 3, 4)
        and row["type"] in TYPES
        and row["sensitive"] in SENSITIVE
        and SEARCH_KINDS.issuperset(row["search"])
        and mask in masks.RULES
        and all(row.get(language) for language in LANGUAGES)
    )
    if not known:
        raise ValueError(f"dictionary field {name}: an unknown word, or a label is missing")
    if (level == 4) != bool(row["sensitive"]) or (mask == "none" and level > 2):
        raise ValueError(f"dictionary field {name}: level, kind of sensitivity and mask contradict each other")
    labels = {language: row[language] for language in LANGUAGES}
    return Field(
        id=row["id"],
        name=name,
        category=row["category"],
        level=level,
        type=row["type"],
        sensitive=row["sensitive"],
        search=tuple(row["search"]),
        mask=mask,
        event=row["event"],
        labels=labels,
        verifies=row.get("verifies", False),
    )
