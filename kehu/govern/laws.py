"""The law packs (``laws/*.toml``): which apply to a person, the ages they know, and what they keep after an erasure.

Other packs' rules for a use stand in ``policies/``; here is what the state of a subject is computed from.
"""

from __future__ import annotations

import calendar
import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from kehu.govern.slugs import CATEGORIES, LANGUAGES, RECORD_KINDS
from kehu.host.paths import policies_dir

PACKS: Final = ("CN", "EU", "US", "JP", "AU")
AGE_BANDS: Final = ("unknown", "under13", "13", "14-15", "16-17", "adult")
_YOUNGEST: Final = {"13": 13, "14-15": 14, "16-17": 16, "adult": 18}  # years at least, by band
_COUNTRY: Final = re.compile(r"([A-Z]{2})(-[A-Z0-9]{1,3})?")
_NO_COUNTRY: Final = frozenset({"XX", "ZZ", "AA", "QQ"})  # ISO 3166 leaves these to users: they name no place
_SOURCES: Final = ("V", "Vq", "2", "K")
_HOUSE: Final = "house"
_RESIDUE: Final = frozenset({"tombstone", "request", "consent", "suppression"})
_CONDITIONS: Final = frozenset({"", "platform"})


@dataclass(frozen=True, slots=True)
class AgeRule:
    """An age in years below which a pack's rule protects; ``source`` as in LAWS: V, Vq, 2 or K.

    ``asks_anew``: from that age on a guardian's consent counts no more, the person is asked.
    """

    id: str
    below: int
    article: str
    source: str
    rule: str
    asks_anew: bool = False


@dataclass(frozen=True, slots=True)
class Stays:
    """What stays after an erasure, and for how many calendar months.

    ``what``: ``tombstone``, ``request``, ``consent``, ``suppression``, or a category whose records of ``kinds`` a law
    keeps. ``condition``: only where the controller is such (``platform``).
    """

    what: str
    months: int
    article: str
    source: str
    kinds: tuple[str, ...] = ()
    condition: str = ""


@dataclass(frozen=True, slots=True)
class Pack:
    """One law pack: where it applies, from which ages on, and what it keeps after an erasure."""

    id: str
    bit: int
    labels: Mapping[str, str]
    countries: frozenset[str]
    ages: tuple[AgeRule, ...]
    stays: tuple[Stays, ...]


@functools.cache
def load_packs() -> dict[str, Pack]:
    """The shipped packs by id.

    Raises:
        ValueError: a pack is missing or unknown, a bit stands twice, or a row has no source.
    """
    made: dict[str, Pack] = {}
    for path in sorted((policies_dir().parent / "laws").glob("*.toml")):
        if path.stem == _HOUSE:
            continue
        row = tomllib.loads(path.read_text(encoding="utf-8"))
        ages = tuple(AgeRule(**age) for age in row.get("age", []))
        if any(age.source not in _SOURCES or not age.article for age in ages):
            raise ValueError(f"law pack {path.stem}: a row without article or source")
        labels = {language: row[language] for language in LANGUAGES}
        stays = _stays(path.stem, row)
        made[row["id"]] = Pack(row["id"], row["bit"], labels, frozenset(row["countries"]), ages, stays)
    if set(made) != set(PACKS) or {pack.bit for pack in made.values()} != {1 << n for n in range(len(PACKS))}:
        raise ValueError("law packs: missing, unknown, or a bit that is not its own")
    return {name: made[name] for name in PACKS}


@functools.cache
def house_stays() -> tuple[Stays, ...]:
    """What the house keeps after an erasure, whatever law applies.

    Raises:
        ValueError: a row is incomplete.
    """
    path = policies_dir().parent / "laws" / f"{_HOUSE}.toml"
    return _stays(_HOUSE, tomllib.loads(path.read_text(encoding="utf-8")))


def stays_under(packs: frozenset[str]) -> tuple[Stays, ...]:
    """What stays after the erasure of somebody under these packs: each law's rows, then the house's."""
    held = load_packs()
    return tuple(row for name in PACKS if name in packs for row in held[name].stays) + house_stays()


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or its last day where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _stays(pack: str, document: Mapping[str, Any]) -> tuple[Stays, ...]:
    rows = tuple(Stays(**{**row, "kinds": tuple(row.get("kinds", ()))}) for row in document.get("stays", []))
    for row in rows:
        known = row.what in _RESIDUE or (row.what in CATEGORIES and row.kinds and set(row.kinds) <= set(RECORD_KINDS))
        sourced = row.article and (row.source in _SOURCES or (row.source == _HOUSE and pack == _HOUSE))
        if not (known and sourced and row.months > 0 and row.condition in _CONDITIONS):
            raise ValueError(f"law pack {pack}: a row of what stays is incomplete or unknown")
    return rows


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


def asked_anew(packs: frozenset[str], age: str) -> bool:
    """Whether a law that applies asks a person of that age band anew for what a guardian had consented to."""
    limit = max((rule.below for pack in packs for rule in load_packs()[pack].ages if rule.asks_anew), default=None)
    return limit is not None and _YOUNGEST.get(age, 0) >= limit


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
