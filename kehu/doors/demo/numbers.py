"""Phone, identity and registration numbers that pass the checks and yet can hardly be anybody's.

Reserved for fiction or unassignable: US 555-0100 to 0199 (area codes of California); German and Australian ranges that
their regulators keep for film (Bundesnetzagentur, ACMA); Chinese and Japanese landlines whose local number begins with
0 or 1. No such range exists for mobiles of mainland China, Hong Kong and Taiwan: the blocks here look made up, and the
public table of Chinese blocks names no place for 180 0000 to 180 0007, but nobody promises that they stay unassigned.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date

_MOBILE_BLOCKS = 8
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORGANISATION_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
COUNTRY_CODES = {"CN": "86", "HK": "852", "TW": "886", "DE": "49", "US-CA": "1", "JP": "81", "AU": "61"}


class Numbers:
    """Gives out each number once, in an order that follows from the generator alone."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._pools: dict[str, Iterator[int]] = {}

    def _next(self, pool: str, size: int) -> int:
        if pool not in self._pools:
            self._pools[pool] = iter(self._rng.sample(range(size), size))
        return next(self._pools[pool])

    def mobile(self, residence: str, prefix: str) -> str:
        """A national number as written in ``residence``; ``prefix`` is the place's area code or film range.

        Raises:
            StopIteration: the made-up range of this place is used up.
        """
        match residence:
            case "CN":
                number = self._next("CN", _MOBILE_BLOCKS * 10_000)
                return f"180000{number:05d}"
            case "HK":
                return f"5100 0{self._next('HK', 1000):03d}"
            case "TW":
                return f"0900-000-{self._next('TW', 1000):03d}"
            case "JP":
                return f"03-1000-{self._next('JP', 10_000):04d}"
            case "AU":
                return f"({prefix}) 5550 {self._next('AU' + prefix, 10_000):04d}"
            case "US-CA":
                return f"{prefix}-555-{100 + self._next(prefix, 100):04d}"
            case _:
                return f"{prefix} {self._next(prefix, 1000):03d}"

    def landline(self, area: str) -> str:
        """A landline of mainland China whose local number begins with 0, which no exchange can give out."""
        return f"{area}-0{self._next('landline', 100_000):07d}"


def identity_check(body: str) -> str:
    """The last character of a resident identity number (GB 11643-1999) for its first 17 digits."""
    remainder = sum(int(digit) * weight for digit, weight in zip(body, _ID_WEIGHTS, strict=True)) % 11
    return "10X98765432"[remainder]


def identity_number(province: str, born: date, sequence: int) -> str:
    """A resident identity number that checks; ``province`` names no county, so nobody was ever issued it.

    The sequence's parity is the gender: odd male, even female.
    """
    body = f"{province}{born:%Y%m%d}{sequence:03d}"
    return body + identity_check(body)


def old_identity_number(number: str) -> str:
    """The 15-digit form that was issued until 1999: no century, no check character."""
    return number[:6] + number[8:17]


def registration_number(serial: int) -> str:
    """A unified social credit code (GB 32100-2015) whose organisation part says KEHU: plainly made up."""
    organisation = f"KEHU{serial:04d}"
    weights = (3, 7, 9, 10, 5, 8, 4, 2)
    total = sum(_ORGANISATION_ALPHABET.index(char) * weight for char, weight in zip(organisation, weights, strict=True))
    body = "91310000" + organisation + "0123456789X0"[11 - total % 11]
    remainder = sum(_CODE_ALPHABET.index(char) * pow(3, place, 31) for place, char in enumerate(body)) % 31
    return body + _CODE_ALPHABET[(31 - remainder) % 31]


def in_international_form(number: str, residence: str) -> str:
    """``+`` and country code before the number without its trunk zero."""
    bare = number.replace("(", "").replace(")", "")
    return f"+{COUNTRY_CODES[residence]} {bare.removeprefix('0')}"
