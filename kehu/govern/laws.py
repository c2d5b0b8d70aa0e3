"""Which law packs apply to a subject, by residence."""

from __future__ import annotations

from typing import Final

PACKS: Final = ("CN", "EU", "US", "JP", "AU")
_EEA: Final = frozenset(
    "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO".split()  # noqa: SIM905
)


def packs_for(residence: str | None) -> frozenset[str]:
    """Packs of a residence (``CN``, ``DE``, ``US-CA``…); unknown residence: every pack (RULES, "which laws").

    A country no pack knows is under the house's own rules alone.
    """
    if not residence or residence.lower() == "unknown":
        return frozenset(PACKS)
    country = residence.upper()[:2]
    if country in _EEA:
        return frozenset({"EU"})
    return frozenset({country} & set(PACKS))
