"""Names of made-up people, and how they are written otherwise."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass
from typing import Final

from opencc import OpenCC
from pypinyin import Style, pinyin

from bench.chinese import tables

_FUZZY: Final = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("n", "l"), ("ang", "an"), ("eng", "en"), ("ing", "in"))


@dataclass(frozen=True, slots=True)
class Name:
    """A person's name in the script of their papers.

    Attributes:
        family, given: Han, or Latin for foreigners; a name without a surname stands in `given` alone.
        way: han, dotted (two parts with a middle dot), single (no surname) or latin.
        roman: family and given name in Latin letters, as the person spells them.
        suffix: Jr., Sr., III.
        alias: an English given name used in daily life.
    """

    family: str
    given: str
    way: str
    roman: tuple[str, str]
    suffix: str = ""
    alias: str = ""

    @property
    def full(self) -> str:
        """As in the papers."""
        if self.way == "han":
            return self.family + self.given
        if self.way == "dotted":
            return f"{self.given}·{self.family}"
        if self.way == "single":
            return self.given
        return f"{self.given} {self.family} {self.suffix}".strip()


def weighted(chance: random.Random, shares: dict[str, float]) -> str:
    """One of the keys, by its share."""
    return chance.choices(list(shares), list(shares.values()))[0]


@functools.cache
def reading(character: str) -> str:
    """Pinyin without tone."""
    return str(pinyin(character, style=Style.NORMAL)[0][0])


@functools.cache
def family_reading(family: str) -> str:
    """Pinyin of a surname."""
    special = {"单": "shan", "仇": "qiu", "查": "zha", "解": "xie", "曾": "zeng", "区": "ou", "任": "ren", "盖": "ge", "朴": "piao",
               "翟": "zhai", "乐": "yue", "种": "chong", "尉迟": "yuchi", "缪": "miao", "覃": "qin", "逄": "pang"}  # fmt: skip
    return special.get(family) or "".join(reading(character) for character in family)


def spelt(family: str, given: str) -> tuple[str, str]:
    """A name in pinyin, as in a passport."""
    return family_reading(family).capitalize(), "".join(reading(character) for character in given).capitalize()


def given_name(chance: random.Random, year: int, male: bool, generation: str = "") -> str:
    """A Han given name of its time; with a generation character, that one first."""
    era = next(era for era in tables.ERAS if year < era[0])
    popular, letters = (era[2].split(), era[3]) if male else (era[4].split(), era[5])
    if generation:
        return generation + chance.choice([letter for letter in letters if letter != generation])
    if chance.random() < 0.3:
        return popular[min(int(chance.expovariate(4.0 / len(popular))), len(popular) - 1)]
    first, second = chance.choice(letters), chance.choice(letters)
    return first if chance.random() < era[1] or first == second else first + second


def han(family: str, given: str, alias: str = "") -> Name:
    """A Chinese name."""
    return Name(family, given, "han", spelt(family, given), alias=alias)


def overseas(chance: random.Random, where: str, family: tuple[str, str], male: bool) -> Name:
    """A name of Hong Kong or Taiwan, in traditional script and in its own spelling."""
    rows = [row.split() for row in tables.GIVEN_ROMANISED.replace("\n", "|").split("|") if row.strip()]
    fit = [row for row in rows if row[3] in ("m" if male else "f", "b")]
    first, second = chance.sample(fit, 2)
    column = 1 if where == "HK" else 2
    roman = f"{first[column]} {second[column]}" if where == "HK" else f"{first[column]}-{second[column].lower()}"
    alias = chance.choice(tables.ENGLISH_ALIASES[0 if male else 1].split()) if chance.random() < 0.5 else ""
    return Name(family[0], first[0] + second[0], "han", (family[1], roman), alias=alias)


def ranking(text: str) -> dict[tuple[str, str], float]:
    """Surnames with spelling and share."""
    words = text.split()
    return {(words[at], words[at + 1]): float(words[at + 2]) for at in range(0, len(words), 3)}


@functools.cache
def _sounding() -> dict[str, list[str]]:
    pool = {letter for era in tables.ERAS for text in era[2:] for letter in text if letter != " "} | set(
        "".join(tables.SOUNDS)
    )
    by_sound: dict[str, list[str]] = {}
    for letter in sorted(pool - {" "}):
        by_sound.setdefault(reading(letter), []).append(letter)
    return by_sound


def sounds_alike(letter: str) -> list[str]:
    """Other name characters an input method offers for the same letters."""
    return [other for other in _sounding().get(reading(letter), []) if other != letter]


def sounds_near(letter: str) -> list[str]:
    """Name characters somebody from the south would take it for: zh and z, n and l, an and ang."""
    sound, near = reading(letter), set[str]()
    for one, other in _FUZZY:
        for left, right in ((one, other), (other, one)):
            if len(left) < 2 or left in {"zh", "ch", "sh"} or left in {"n", "l"}:
                changed = right + sound.removeprefix(left) if sound.startswith(left) else sound
            else:
                changed = sound.removesuffix(left) + right if sound.endswith(left) else sound
            near.update(_sounding().get(changed, []) if changed != sound else [])
    return sorted(near)


def looks_alike(letter: str) -> list[str]:
    """Characters of nearly the same shape."""
    return sorted({other for row in tables.SHAPES if letter in row for other in row if other != letter})


@functools.cache
def _convert(way: str) -> OpenCC:
    return OpenCC(way)


@functools.cache
def traditional(text: str) -> str:
    """In traditional characters."""
    return str(_convert("s2t").convert(text))


@functools.cache
def simplified(text: str) -> str:
    """In simplified characters."""
    return str(_convert("t2s").convert(text))
