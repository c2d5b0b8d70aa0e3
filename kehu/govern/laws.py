"""The law packs (``laws/*.toml``): which apply to a person, and the ages they know.

Other packs' rules for a use stand in ``policies/``; here is what the state of a subject is computed from.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from kehu.govern.slugs import LANGUAGES
from kehu.host.paths import policies_dir

PACKS: Final = ("CN", "EU", "US", "JP", "AU")
AGE_BANDS: Final = ("unknown", "under13", "13", "14-15", "16-17", "adult")
_COUNTRY: Final = re.compile(r"([A-Z]{2})(-[A-Z0-9]{1,3})?")
_NO_COUNTRY: Final = frozenset({"XX", "ZZ", "AA", "QQ"})  # ISO 3166 leaves these to users: they name no place
_SOURCES: Final = ("V", "Vq", "2", "K")


@dataclass(frozen=True, slots=True)
class AgeRule:
    """An age in years below which a pack's rule protects; ``source`` as in LAWS: V, Vq, 2 or K."""

    id: str
    below: int
    article: str
    source: str
    rule: str


@dataclass(frozen=True, slots=True)
class Pack:
    """One law pack: where it applies and from which ages on."""

    id: str
    bit: int
    labels: Mapping[str, str]
    countries: frozenset[str]
    ages: tuple[AgeRule, ...]


@functools.cache
def load_packs() -> dict[str, Pack]:
    """The shipped packs by id.

    Raises:
        ValueError: a pack is missing or unknown, a bit stands twice, or a row has no source.
    """
    made: dict[str, Pack] = {}
    for path in sorted((policies_dir().parent / "laws").glob("*.toml")):
        row = tomllib.loads(path.read_text(encoding="utf-8"))
        ages = tuple(AgeRule(**age) for age in row.get("age", []))
        if any(age.source not in _SOURCES or not age.article for age in ages):
            raise ValueError(f"law pack {path.stem}: a row without article or source")
        labels = {language: row[language] for language in LANGUAGES}
        made[row["id"]] = Pack(row["id"], row["bit"], labels, frozenset(row["countries"]), ages)
    if set(made) != set(PACKS) or {pack.bit for pack in made.values()} != {1 << n for n in range(len(PACKS))}:
        raise ValueError("law packs: missing, unknown, or a bit that is not its own")
    return {name: made[name] for name in PACKS}


def packs_for(residence: str | None) -> frozenset[str]:
    """Packs of a residence (``CN``, ``DE``, ``US-CA``…).

    An unknown residence, and a text that names no country, is under every pack (RULES, "which laws"); a country that
    no pack knows is under the house's own rules alone.
    """
    named = _COUNTRY.fullmatch((residence or "").strip().upper())
    if named is None or named[1] in _NO_COUNTRY:
        return frozenset(PACKS)
    country = named[1]
    return frozenset(pack.id for pack in load_packs().values() if country in pack.countries or country == pack.id)


def age_band(born: date | None, on: date) -> str:
    """Band of a person's age, all that policies learn of it; a birth date in the future is unknown.

    Born on 29 February: a year older on 1 March of a common year.
    """
    if born is None or born > on:
        return "unknown"
    years = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    for below, band in ((13, "under13"), (14, "13"), (16, "14-15"), (18, "16-17")):
        if years < below:
            return band
    return "adult"
