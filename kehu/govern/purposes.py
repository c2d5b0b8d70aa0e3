"""The purposes: a registered use with its ground per law, the roles that may claim it and the least fields it needs."""

from __future__ import annotations

import functools
import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kehu.govern.dictionary import Dictionary
from kehu.govern.laws import PACKS
from kehu.govern.slugs import PURPOSES, ROLES

_FILE: Final = Path(__file__).with_name("purposes.toml")
GROUNDS: Final = ("consent", "contract", "legal_duty", "legitimate_interest")


@dataclass(frozen=True, slots=True)
class Purpose:
    """One version of one purpose."""

    id: int
    slug: str
    version: int
    labels: Mapping[str, str]
    roles: frozenset[str]
    departments: frozenset[str]
    least: frozenset[str]
    grounds: Mapping[str, str]
    digest: str


@functools.cache
def load_purposes() -> dict[str, Purpose]:
    """The shipped purposes by slug.

    Raises:
        ValueError: a purpose names an unknown role, field, law pack or ground, or another number.
    """
    dictionary = Dictionary.load()
    made: dict[str, Purpose] = {}
    for slug, row in tomllib.loads(_FILE.read_text(encoding="utf-8")).items():
        grounds, roles, least = row["grounds"], set(row["roles"]), set(row["least"])
        if (
            PURPOSES.get(slug) != row["id"]
            or not roles <= set(ROLES)
            or not least <= set(dictionary.fields)
            or set(grounds) != {*PACKS, "house"}
            or not set(grounds.values()) <= set(GROUNDS)
        ):
            raise ValueError(f"purpose {slug}: unknown role, field, law pack, ground or number")
        digest = hashlib.sha256(json.dumps(row, sort_keys=True).encode()).hexdigest()
        made[slug] = Purpose(
            row["id"], slug, row["version"], {"zh-hans": row["zh-hans"], "en": row["en"]}, frozenset(roles),
            frozenset(row["departments"]), frozenset(least), grounds, digest,
        )  # fmt: skip
    if set(made) != set(PURPOSES):
        raise ValueError("purposes: some are missing")
    return made
