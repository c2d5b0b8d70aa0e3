"""The purposes: a registered use with its ground per law, the roles that may claim it and the least fields it needs.

What ships, as pure data; rows edited in the office are the control plane's.
"""

from __future__ import annotations

import functools
import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kehu.govern.dictionary import Dictionary
from kehu.govern.laws import PACKS
from kehu.govern.slugs import GROUNDS, LANGUAGES, PURPOSES, ROLES

_FILE: Final = Path(__file__).with_name("purposes.toml")
KINDS: Final = ("legal_duty", "contract", "consent")


@dataclass(frozen=True, slots=True)
class Purpose:
    """One version of one purpose. ``retention_days`` count from the last act under it."""

    id: int
    slug: str
    version: int
    kind: str
    labels: Mapping[str, str]
    descriptions: Mapping[str, str]
    roles: frozenset[str]
    departments: frozenset[str]
    least: frozenset[str]
    grounds: Mapping[str, str]
    retention_days: int
    digest: str

    def label(self, language: str) -> str:
        """Its name in ``zh-hans``, ``zh-hant`` or ``en``; English for any other language."""
        return self.labels.get(language.lower(), self.labels["en"])


@functools.cache
def load_purposes() -> dict[str, Purpose]:
    """The shipped purposes by slug.

    Raises:
        ValueError: a purpose names an unknown role, field, law pack or ground, or another number.
    """
    document = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    sets = document.pop("sets")
    made = {slug: _purpose(slug, row, sets) for slug, row in document.items()}
    if set(made) != set(PURPOSES):
        raise ValueError("purposes: some are missing")
    return made


def claims_of(role: str) -> frozenset[str]:
    """Purposes that a role may claim as shipped."""
    return frozenset(slug for slug, purpose in load_purposes().items() if role in purpose.roles)


def _purpose(slug: str, row: Mapping[str, Any], sets: Mapping[str, list[str]]) -> Purpose:
    """Read one table; the digest covers what it means, so a changed set is a changed purpose.

    Raises:
        ValueError: as :func:`load_purposes`.
    """
    dictionary = Dictionary.load()
    roles, grounds, least = set(row["roles"]), row["grounds"], _fields(row["least"], sets, dictionary)
    known = (
        PURPOSES.get(slug) == row["id"]
        and roles <= set(ROLES)
        and least <= set(dictionary.fields)
        and set(grounds) == {*PACKS, "house"}
        and set(grounds.values()) <= set(GROUNDS)
        and row["kind"] in KINDS
        and all(row[part].get(language) for part in ("label", "description") for language in LANGUAGES)
    )
    if not known:
        raise ValueError(f"purpose {slug}: unknown role, field, law pack, ground or number, or words are missing")
    if grounds["CN"] == "legitimate_interest":
        raise ValueError(f"purpose {slug}: PIPL 13 knows no legitimate interest")
    canonical = json.dumps({**row, "least": sorted(least)}, sort_keys=True)
    return Purpose(
        id=row["id"],
        slug=slug,
        version=row["version"],
        kind=row["kind"],
        labels=row["label"],
        descriptions=row["description"],
        roles=frozenset(roles),
        departments=frozenset(row["departments"]),
        least=frozenset(least),
        grounds=grounds,
        retention_days=row["retention_days"],
        digest=hashlib.sha256(canonical.encode()).hexdigest(),
    )


def _fields(least: Iterable[str], sets: Mapping[str, list[str]], dictionary: Dictionary) -> set[str]:
    found: set[str] = set()
    for name in least:
        if name == "*":
            found.update(dictionary.fields)
        else:
            found.update(sets[name[1:]] if name.startswith("@") else (name,))
    return found
