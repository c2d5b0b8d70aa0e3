"""The made-up people of the book: households, names, addresses, numbers. Nothing here is anybody's."""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from typing import Any

from kehu.doors.demo.layouts import load_table
from kehu.doors.demo.numbers import Numbers, identity_number, old_identity_number

MAIL_DOMAINS = ("mail.example", "post.example", "mailbox.example")
# who is new in which channel: residences and how many people, 2,000 with the cast
_QUOTAS: dict[str, dict[str, int]] = {
    "store": {"CN": 830},
    "shop": {"CN": 750},
    "shop-hant": {"TW": 115, "HK": 85},
    "shop-world": {"DE": 60, "US-CA": 60, "JP": 50, "AU": 50},
}
_PREFIXES = {
    "store": "M",
    "shop": "W",
    "shop-hant": "T",
    "shop-world": "E",
    "form": "F",
    "phone": "P",
    "third-party": "L",
}
_SCRIPTS = {"CN": "hans", "HK": "hant", "TW": "hant", "DE": "de", "JP": "ja"}
_LANGUAGES = {"hans": "zh-Hans", "hant": "zh-Hant", "de": "de", "ja": "ja", "en": "en"}


@dataclass(frozen=True, slots=True)
class Place:
    """Where someone lives: a real region, city and district, so that addresses parse."""

    region: str
    city: str
    districts: tuple[str, ...]
    postal: str
    identity: str
    landline: str


@dataclass(frozen=True, slots=True)
class Person:
    """One made-up person as one channel knows them."""

    number: int
    residence: str
    script: str
    family: str
    given: str
    gender: str
    born: date
    place: Place
    district: str
    street: str
    house: str
    unit: str
    phone: str
    email: str
    occupation: int
    interests: tuple[int, ...]
    national_id: str = ""
    consent: str = ""  # of the cast: proven, unproven, dated (any answer, with its time) or none

    @property
    def name(self) -> str:
        """The name in one piece, in the order of its script."""
        match self.script:
            case "hans" | "hant":
                return self.family + self.given
            case "ja" | "pinyin":
                return f"{self.family} {self.given}"
            case _:
                return f"{self.given} {self.family}"

    @property
    def language(self) -> str:
        """BCP 47 tag."""
        return _LANGUAGES.get(self.script, "zh-Hans")


@dataclass(frozen=True, slots=True)
class Record:
    """A person under an external id of a channel. Several records may be one ``person.number``."""

    channel: str
    external_id: str
    person: Person


@cache
def words() -> dict[str, Any]:
    """The vocabulary of ``words.toml``."""
    return load_table("words.toml")


@cache
def _places(residence: str) -> tuple[Place, ...]:
    return tuple(Place(**{**row, "districts": tuple(row["districts"])}) for row in words()["places"][residence])


def in_pinyin(family: str, given: str) -> tuple[str, str]:
    """Family and given name in Latin letters, surnames by their own readings."""
    from pypinyin import lazy_pinyin  # noqa: PLC0415  (a later start says who is there, and makes nobody up)

    known = words()["surname_pinyin"] | words()["romaji"]
    read = [known.get(part) or "".join(lazy_pinyin(part)) for part in (family, given)]
    return read[0].capitalize(), read[1].capitalize()


def mailbox_name(family: str, given: str) -> str:
    """Both names in plain small Latin letters, as the local part of an address."""
    joined = "".join(in_pinyin(family, given)).replace("ß", "ss")
    folded = unicodedata.normalize("NFKD", joined).encode("ascii", "ignore").decode().lower()
    return "".join(char for char in folded if char.isalnum())


class Maker:
    """Makes people one household at a time, every choice drawn from one seeded generator."""

    def __init__(self, seed: int, today: date) -> None:
        self.rng = random.Random(f"{seed}:people")
        self.numbers = Numbers(random.Random(f"{seed}:numbers"))
        self.today = today
        self._made = 0

    def born(self, age: int) -> date:
        """A birthday of someone who is ``age`` years old today and stays so for at least 60 days."""
        return self.today.replace(year=self.today.year - age, day=1) - timedelta(days=self.rng.randrange(1, 270))

    def family_name(self, script: str) -> str:
        """A surname; the first of the list are the common ones, compound surnames come in one of 30."""
        if script in ("hans", "hant"):
            names = words()[f"surnames_{script}"].split()
            if self.rng.random() < 1 / 30:
                return str(self.rng.choice([name for name in names if len(name) == 2]))
            return str(self.rng.choices(names, [1 / (rank + 6) for rank in range(len(names))])[0])
        return str(self.rng.choice(words()[f"families_{script}"]))

    def given_name(self, script: str, gender: str) -> str:
        """A given name; Chinese ones have two characters in three of four."""
        stock = words()[f"{'male' if gender == 'm' else 'female'}_{script}"]
        if script in ("hans", "hant"):
            return "".join(self.rng.sample(stock, 2 if self.rng.random() < 0.75 else 1))
        return str(self.rng.choice(stock))

    def person(self, residence: str, *, gender: str, age: int, names: tuple[str, str] | None = None) -> Person:
        """Someone who lives alone."""
        rng = self.rng
        script = _SCRIPTS.get(residence, "en")
        family, given = names or (self.family_name(script), self.given_name(script, gender))
        place = rng.choice(_places(residence))
        self._made += 1
        born = self.born(age)
        national_id = ""
        if residence == "CN" and rng.random() < 0.4:
            sequence = 2 * rng.randrange(1, 499) + (gender == "m")
            national_id = identity_number(place.identity, born, sequence)
            if age > 72:
                national_id = old_identity_number(national_id)
        return Person(
            number=self._made,
            residence=residence,
            script=script,
            family=family,
            given=given,
            gender=gender,
            born=born,
            place=place,
            district=rng.choice(place.districts),
            street=rng.choice(words()[f"streets_{script}"]),
            house=str(rng.randrange(1, 300)),
            unit=f"{rng.randrange(1, 20)}幢{rng.randrange(1, 19)}{rng.randrange(1, 5):02d}室"
            if script == "hans"
            else "",
            phone=self.numbers.mobile(residence, place.landline),
            email=f"{mailbox_name(family, given)}{rng.randrange(10, 9999)}@{rng.choice(MAIL_DOMAINS)}",
            occupation=9 if age > 62 else 8 if age < 22 else rng.choice((0, 1, 2, 3, 4, 5, 6, 7, 10, 11)),
            interests=tuple(sorted(rng.sample(range(8), rng.randrange(1, 4)))),
            national_id=national_id,
        )

    def household(self, residence: str) -> list[Person]:
        """People under one roof: couple, children of age, perhaps a grandmother; often one landline or mailbox."""
        rng = self.rng
        size = rng.choices((1, 2, 3, 4), (52, 22, 20, 6))[0]
        age = rng.randrange(46, 60) if size > 2 else rng.randrange(19, 84)
        first = self.person(residence, gender=rng.choice("mf"), age=age)
        others = []
        if size > 1:
            others.append(self.person(residence, gender="f" if first.gender == "m" else "m", age=max(19, age - 2)))
        if size > 2:
            gender = rng.choice("mf")
            names = (first.family, self.given_name(first.script, gender))
            others.append(self.person(residence, gender=gender, age=age - 28 + rng.randrange(4), names=names))
        if size > 3:
            others.append(self.person(residence, gender="f", age=age + 25))
        return share_home(first, others, numbers=self.numbers, rng=rng)


def share_home(first: Person, others: list[Person], *, numbers: Numbers, rng: random.Random) -> list[Person]:
    """Move ``others`` in with ``first``: one address always, one phone or one mailbox for some families."""
    if not others:
        return [first]
    by_landline = first.place.landline if first.residence == "CN" and rng.random() < 0.3 else ""
    phone = numbers.landline(by_landline) if by_landline else first.phone if rng.random() < 0.3 else None
    email = first.email if rng.random() < 0.25 else None
    home = {name: getattr(first, name) for name in ("place", "district", "street", "house", "unit")}
    family = [first, *(replace(person, **home) for person in others)]
    return [replace(person, phone=phone or person.phone, email=email or person.email) for person in family]


def _cast(maker: Maker) -> Iterator[Record]:
    """The people with a part to play, with every record they have."""
    homes: dict[str, Person] = {}
    for entry in load_table("cast.toml")["member"]:
        family, given = entry["name"]
        person = maker.person(entry["residence"], gender=entry["gender"], age=entry["age"], names=(family, given))
        person = replace(person, consent=entry.get("consent", "dated"), email=entry.get("mailbox", person.email))
        if household := entry.get("household"):
            first = homes.setdefault(household, person)
            home = {name: getattr(first, name) for name in ("place", "district", "street", "house", "unit", "phone")}
            person = replace(person, **home)
        if again := entry.get("again"):
            # an exact key joins these records at import: the same valid identity number and an agreeing name
            person = replace(person, national_id=identity_number(person.place.identity, person.born, 998))
        yield Record(entry["channel"], entry["id"], person)
        for channel, external_id in (again or {}).items():
            yield Record(channel, external_id, person)


def _vary(person: Person, rng: random.Random, numbers: Numbers) -> Person:
    """The same person as another channel took them down: typing, sound, script, a move, a new phone."""
    changes: dict[str, Any] = {}
    sounds = words()["homophones"]
    chinese = person.script == "hans"
    if chinese and rng.random() < 0.3:
        changes["given"] = "".join(sounds.get(char, char) for char in person.given)
    elif chinese and rng.random() < 0.3:
        changes["family"], changes["given"] = in_pinyin(person.family, person.given)
        changes["script"] = "pinyin"
    elif chinese and rng.random() < 0.3:
        changes |= {"family": _in_traditional(person.family), "given": _in_traditional(person.given), "script": "hant"}
    elif len(person.given) > 3 and rng.random() < 0.5:
        at = rng.randrange(1, len(person.given) - 1)
        changes["given"] = person.given[:at] + person.given[at + 1] + person.given[at] + person.given[at + 2 :]
    if rng.random() < 0.15:
        changes["born"] = person.born.replace(day=1 + person.born.day % 28)
    if rng.random() < 0.2:
        changes["phone"] = numbers.mobile(person.residence, person.place.landline)
    if rng.random() < 0.3:
        changes["email"] = f"{person.email.split('@')[0]}@{rng.choice(MAIL_DOMAINS)}"
    if rng.random() < 0.25:
        changes |= {"house": str(rng.randrange(1, 300)), "unit": ""}
    return replace(person, **changes)


def _in_traditional(name: str) -> str:
    """A name of the vocabulary in traditional characters."""
    pairs = dict(zip(words()["surnames_hans"].split(), words()["surnames_hant"].split(), strict=True))
    for gender in ("male", "female"):
        pairs |= dict(zip(words()[f"{gender}_hans"], words()[f"{gender}_hant"], strict=True))
    return pairs.get(name) or "".join(pairs.get(char, char) for char in name)


def _again(first: list[Record], rng: random.Random, numbers: Numbers) -> Iterator[tuple[str, Person]]:
    """Second records of some 240 people, each in a channel where they are not yet: the duplicates of the book."""
    taken: set[int] = set()
    plan = (("shop", 70, ("store",)), ("form", 70, tuple(_QUOTAS)), ("phone", 60, ("store", "shop")))
    for channel, count, origins in (*plan, ("third-party", 40, ("store", "shop"))):
        able = [record for record in first if record.channel in origins and record.person.number not in taken]
        for record in rng.sample(able, count):
            taken.add(record.person.number)
            yield channel, _vary(record.person, rng, numbers)


def population(seed: int, today: date) -> list[Record]:
    """Every record of the book: 2,000 people, the cast first, then the duplicates; the same for the same arguments."""
    maker = Maker(seed, today)
    records = list(_cast(maker))
    serial = dict.fromkeys(_PREFIXES, 0)

    def enter(channel: str, person: Person) -> Record:
        serial[channel] += 1
        return Record(channel, f"{_PREFIXES[channel]}-{serial[channel]:05d}", person)

    # who has several records counts where the first one is
    homes = {record.person.number: record for record in reversed(records)}.values()
    strangers: list[Record] = []
    for channel, quotas in _QUOTAS.items():
        for residence, quota in quotas.items():
            missing = quota - sum(home.channel == channel and home.person.residence == residence for home in homes)
            while missing:
                family = maker.household(residence)[:missing]
                missing -= len(family)
                strangers += [enter(channel, person) for person in family]
    doubles = [enter(channel, person) for channel, person in _again(strangers, maker.rng, maker.numbers)]
    return [*records, *strangers, *doubles]
