"""The law packs (``laws/*.toml``): which apply to a person, the ages they know, and what they keep after an erasure.

Other packs' rules for a use stand in ``policies/``; here is what the state of a subject is computed from. Clocks stand in
:mod:`kehu.govern.deadlines`.
"""

from __future__ import annotations

import calendar
import functools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from kehu.govern.packs import COMPANY, PACKS, AgeRule, Stays, house_rows, law_packs
from kehu.govern.slugs import LANGUAGES

__all__ = [
    "AGE_BANDS", "PACKS", "AgeRule", "Pack", "Stays", "add_months", "age_band", "asked_anew", "company", "follows", "house_stays",
    "load_packs", "packs_applying", "packs_beside", "packs_for", "stays_under",
]  # fmt: skip

AGE_BANDS: Final = ("unknown", "under13", "13", "14-15", "16-17", "adult")
_YOUNGEST: Final = {"13": 13, "14-15": 14, "16-17": 16, "adult": 18}  # years at least, by band
_COUNTRY: Final = re.compile(r"([A-Z]{2})(-[A-Z0-9]{1,3})?")
_NO_COUNTRY: Final = frozenset({"XX", "ZZ", "AA", "QQ"})  # ISO 3166 leaves these to users: they name no place
_FOLLOWS: Final = ("residence", "collection", "establishment")


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
        ValueError: a pack is missing or unknown, a bit stands twice, or a row is not of the form.
    """
    return {
        name: Pack(
            name,
            held.bit,
            {language: held.label[language] for language in LANGUAGES},
            held.countries,
            held.age,
            held.stays,
        )
        for name, held in law_packs().items()
    }


def house_stays() -> tuple[Stays, ...]:
    """What the house keeps after an erasure, whatever law applies.

    Raises:
        ValueError: a row is not of the form.
    """
    return house_rows().stays


def company() -> frozenset[str]:
    """What the company is that some rows ask for (``KEHU_COMPANY``: ``app``, ``platform``…).

    Raises:
        ValueError: a word that is not known.
    """
    return _words("KEHU_COMPANY", COMPANY)


def follows() -> frozenset[str]:
    """What brings a law to a person: ``residence`` always, and what ``KEHU_LAWS_FOLLOW`` adds.

    ``collection``: where the channel collects; ``establishment``: where the controller is (PIPL 3, GDPR 3(1)).

    Raises:
        ValueError: a word that is not known.
    """
    return _words("KEHU_LAWS_FOLLOW", _FOLLOWS) | {"residence"}


def packs_applying(
    residence: str | None, *, collected_in: str | None = None, established_in: str | None = None
) -> frozenset[str]:
    """Packs of a residence and, where the company's setting says so, of the places of collection and establishment.

    A place that is not named adds none: only an unknown residence is under every pack.
    """
    return packs_for(residence) | packs_beside(collected_in=collected_in, established_in=established_in)


def packs_beside(*, collected_in: str | None, established_in: str | None) -> frozenset[str]:
    """What the company's setting adds to the packs of everybody's residence, for what comes in at these places.

    Raises:
        ValueError: the setting holds a word that is not known.
    """
    said = follows()
    places = [
        place for word, place in (("collection", collected_in), ("establishment", established_in)) if word in said
    ]
    return frozenset[str]().union(*(packs_for(place) for place in places if place))


def _words(variable: str, known: tuple[str, ...]) -> frozenset[str]:
    said = frozenset(filter(None, (word.strip() for word in os.environ.get(variable, "").split(","))))
    if said - set(known):
        raise ValueError(f"{variable}: some of {', '.join(known)}, commas between")
    return said


def stays_under(packs: frozenset[str]) -> tuple[Stays, ...]:
    """What stays after the erasure of somebody under these packs: each law's rows, then the house's."""
    held = load_packs()
    return tuple(row for name in PACKS if name in packs for row in held[name].stays) + house_stays()


def add_months(day: date, months: int) -> date:
    """The same day of a later month, or its last day where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


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
