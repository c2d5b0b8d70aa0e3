"""Where made-up people live, and the ways their addresses are written."""

from __future__ import annotations

import functools
import random
from dataclasses import dataclass

from bench.chinese import tables


@dataclass(frozen=True, slots=True)
class City:
    """A city with its districts: name, first six digits of resident numbers, older name, year of the change."""

    province: str
    name: str
    area: str
    postal: str
    districts: tuple[tuple[str, str, str, int], ...]


@functools.cache
def cities() -> tuple[City, ...]:
    """Those of the table."""
    return tuple(_city(row) for row in tables.CITIES)


def _city(row: str) -> City:
    province, name, area, postal, rest = row.split("|")
    parts = [part.split() for part in rest.split(",")]
    return City(
        province, name, area, postal, tuple((p[0], p[1], p[2] if p[2] != "-" else "", int(p[3])) for p in parts)
    )


@dataclass(frozen=True, slots=True)
class Home:
    """One dwelling.

    Attributes:
        where: CN, HK, TW or US.
        district: row of the city's districts (mainland).
        street, number, estate, block, stair, door: its parts, as the country has them.
        landline: telephone of the dwelling, empty where there is none.
    """

    where: str
    city: City | None
    district: int
    street: tuple[str, ...]
    number: int
    estate: tuple[str, str]
    block: int
    stair: int
    door: str
    postal: str
    landline: str = ""

    def written(self, chance: random.Random, year: int) -> str:
        """The address as somebody wrote it in that year."""
        if self.where == "HK":
            return self._hong_kong(chance)
        if self.where == "TW":
            return self._taiwan(chance)
        if self.where == "US":
            return f"{self.number} {self.street[0]}, {self.street[1]}, {self.street[2]} {self.postal}"
        return self._mainland(chance, year)

    def _mainland(self, chance: random.Random, year: int) -> str:
        assert self.city is not None
        name, _, old, changed = self.city.districts[self.district]
        if old and (year < changed or chance.random() < 0.15):
            name = old
        province = "" if self.city.province == self.city.name or chance.random() < 0.3 else self.city.province
        city = self.city.name if chance.random() < 0.85 else self.city.name.removesuffix("市")
        if chance.random() < 0.1:
            province = province.removesuffix("省")
        district = name if chance.random() < 0.85 else ""
        estate = self.estate[0] if chance.random() < 0.8 else ""
        street = f"{self.street[0]}{self.number}" + ("号" if not estate or chance.random() < 0.9 else "")
        roll = chance.random()
        if roll < 0.45:
            inside = f"{self.block}{chance.choice('栋幢')}{self.stair}单元{self.door}室"
        elif roll < 0.65:
            inside = f"{self.block}号楼{self.stair}单元{self.door}"
        elif roll < 0.85:
            inside = f"{self.block}-{self.stair}-{self.door}"
        else:
            inside = f"{self.block}栋{self.door}室"
        place = street + estate + inside if chance.random() < 0.85 else (estate or street) + inside
        text = province + city + district + place
        roll = chance.random()
        if roll < 0.04:
            return text.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
        if roll < 0.08:
            return f"{province}{city} {district} {place}".strip()
        if roll < 0.11:
            return f"{place}，{district}，{city}"
        return text

    def _hong_kong(self, chance: random.Random) -> str:
        district, street, english, place = self.street
        floor, flat = self.stair, self.door
        if chance.random() < 0.4:
            sides = chance.choice((f"Flat {flat}, {floor}/F", f"{flat}, {floor}/F", f"Rm {flat} {floor}/F"))
            return f"{sides}, {self.estate[1]}, {self.number} {english}, {place}"
        if chance.random() < 0.15:
            return f"{self.estate[0]}{floor}樓{flat}室，{street}{self.number}號，{district}"
        return f"{district}{street}{self.number}號{self.estate[0]}{floor}{chance.choice(('樓', '/F '))}{flat}室"

    def _taiwan(self, chance: random.Random) -> str:
        road = self.street[0].replace("臺", "台") if chance.random() < 0.5 else self.street[0]
        postal = self.postal if chance.random() < 0.3 else ""
        lane = f"{self.block}巷" if self.block % 2 else ""
        return f"{postal}{road}{lane}{self.number}號{self.stair}樓" + (f"之{self.door}" if self.door else "")


def home(chance: random.Random, where: str, city: City | None = None) -> Home:
    """A dwelling somewhere; on the mainland in that city, or in one by chance."""
    number, block, stair = chance.randrange(1, 400), chance.randrange(1, 30), chance.randrange(1, 30)
    if where == "HK":
        door = chance.choice("ABCDEFGH")
        return Home(
            "HK",
            None,
            0,
            chance.choice(tables.HK_STREETS),
            number,
            chance.choice(tables.HK_BUILDINGS),
            block,
            stair,
            door,
            "",
        )
    if where == "TW":
        door = str(chance.randrange(1, 4)) if chance.random() < 0.4 else ""
        return Home(
            "TW",
            None,
            0,
            (chance.choice(tables.TW_STREETS),),
            number,
            ("", ""),
            block,
            stair % 12 + 1,
            door,
            str(chance.randrange(100, 990)),
        )
    if where == "US":
        town, state, postal = chance.choice(tables.ENGLISH_TOWNS).split()
        street = (chance.choice(tables.ENGLISH_STREETS), town, state)
        return Home("US", None, 0, street, number * 7, ("", ""), 0, 0, "", f"{postal}{chance.randrange(100):02d}")
    city = city or chance.choice(cities())
    district = chance.randrange(len(city.districts))
    door = f"{chance.randrange(1, 28)}0{chance.randrange(1, 5)}"
    return Home(
        "CN", city, district, (chance.choice(tables.STREETS),), number, (chance.choice(tables.ESTATES), ""), block,
        stair % 4 + 1, door, f"{city.postal}{chance.randrange(50):02d}0",
    )  # fmt: skip
