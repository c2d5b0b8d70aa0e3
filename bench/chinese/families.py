"""Households of made-up people: who lives with whom, and what they share."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Final

from bench.chinese import names, numbers, tables
from bench.chinese.names import Name, weighted
from bench.chinese.places import Home, cities, home

NOW: Final = 2025
_KINDS: Final = {
    "single": 0.26, "couple": 0.2, "one child": 0.24, "two children": 0.12, "three children": 0.03, "three generations": 0.1,
    "one parent": 0.05,
}  # fmt: skip
_GENERATION: Final = 15  # years that part parents and children at least
_TWINS: Final = 0.2  # of families with two children or more: some twenty times the true share, so that there are enough
_WHERE: Final = {
    "CN": 0.8,
    "HK": 0.06,
    "TW": 0.05,
    "US": 0.05,
    "foreign": 0.02,
    "Uyghur": 0.01,
    "Tibetan": 0.007,
    "Mongol": 0.003,
}


@dataclass(slots=True)
class Person:
    """One person, with what was theirs in which years (first year, value)."""

    id: str
    household: str
    where: str
    male: bool
    born: dt.date
    name: Name
    child: bool = False
    homes: list[tuple[int, Home]] = field(default_factory=list)
    phones: list[tuple[int, str]] = field(default_factory=list)
    mails: list[tuple[int, str]] = field(default_factory=list)
    national_id: str = ""
    passport: str = ""
    employer: str = ""
    work_phone: str = ""
    work_mail: str = ""
    before: Name | None = None
    married: int = 0
    namesake: bool = False

    def at(self, kept: list[tuple[int, str]], year: int) -> str:
        """What of `kept` was in force in that year."""
        return next((value for first, value in reversed(kept) if first <= year), "")

    def home(self, year: int) -> Home:
        """Where they lived."""
        return next((value for first, value in reversed(self.homes) if first <= year), self.homes[0][1])

    def named(self, year: int) -> Name:
        """Their name in that year."""
        return self.before if self.before and year < self.married else self.name


def _distinct(members: list[Person]) -> bool:
    """Whether no two of a household have one name, in whichever script, save a son named after his elder.

    Nor have two of them one given name, man and wife excepted: no child is called like its sister, and Chinese families avoid
    the names of their elders (避讳).
    """
    known = [name for person in members for name in (person.name, person.before) if name]
    written = [names.simplified(name.full) for name in known]
    alike = (
        names.simplified(one.name.given) == names.simplified(other.name.given)
        for one, other in itertools.combinations(members, 2)
        if not (one.namesake and other.namesake) and not _wed(one, other)
    )
    return len(set(written)) == len(written) and not any(alike)


def _wed(one: Person, other: Person) -> bool:
    grown = not one.child and not other.child
    return grown and one.male != other.male and abs(one.born.year - other.born.year) < _GENERATION


class Makes:
    """Makes households one after another; counts what it made."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self._households = 0
        self._people = 0
        self._mailboxes: set[str] = set()
        self._residents: set[str] = set()
        self._given_up: list[str] = []
        self._companies = self._made_companies()

    def household(self) -> list[Person]:
        """The next household."""
        chance = self.chance
        self._households += 1
        self.counts["households"] += 1
        origin, kind = weighted(chance, _WHERE), weighted(chance, _KINDS)
        where = origin if origin in {"CN", "HK", "TW", "US"} else "CN"
        kept = self.counts.copy()
        members = self._members(origin, where, kind)
        while not _distinct(members):
            self.counts = kept.copy()
            members = self._members(origin, where, kind)
        self._dwell(members, where)
        self._reach(members)
        self._papers(members)
        self.counts["people"] += len(members)
        self.counts[f"people {origin}"] += len(members)
        return members

    def _members(self, origin: str, where: str, kind: str) -> list[Person]:
        chance = self.chance
        year = int(chance.triangular(1945, 2000, 1982))
        man, woman = self._family_name(origin), self._family_name(origin)
        if kind in {"single", "one parent"}:
            male = chance.random() < 0.5
            members = [self._person(origin, where, male, year, man if male else woman)]
        else:
            wife = self._person(origin, where, False, year + chance.randrange(-3, 6), woman)
            husband = self._person(origin, where, True, year, man)
            members = [husband, self._married(wife, husband)]
        surname = members[0].name
        if kind == "three generations":
            members.append(self._person(origin, where, True, year - chance.randrange(22, 34), man))
            if chance.random() < 0.7:
                members.append(
                    self._person(origin, where, False, year - chance.randrange(22, 32), self._family_name(origin))
                )
        number = {"one child": 1, "two children": 2, "three children": 3, "three generations": 1, "one parent": 1}.get(
            kind, 0
        )
        children = self._children(origin, where, year, (surname.family, surname.roman[0]), number)
        self._namesakes(members, children)
        return members + children

    def _children(self, origin: str, where: str, year: int, family: tuple[str, str], number: int) -> list[Person]:
        chance, made = self.chance, list[Person]()
        first = year + chance.randrange(22, 34)
        own = origin in {"CN", "foreign"} and chance.random() < 0.45
        generation = (
            chance.choice(tables.ERAS[2 if first < 2000 else 3][3]) if number > 1 and own and origin == "CN" else ""
        )
        for order in range(number):
            if first + 3 * order > NOW - 1:
                break
            male = chance.random() < 0.52
            child = self._person(origin, where, male, first + order * chance.randrange(2, 4), family, generation)
            child.child = True
            made.append(child)
        if len(made) > 1 and chance.random() < _TWINS:
            made[1] = self._twin(made[0], made[1])
        if generation and len(made) > 1:
            self.counts["families with a generation character"] += 1
        return made

    def _twin(self, first: Person, second: Person) -> Person:
        """Same day; on the mainland and in Hong Kong and Taiwan given names with one character different."""
        chance, name = self.chance, first.name
        self.counts["twins"] += 1
        if name.way == "han" and name.family:
            other, roman = self._twin_name(name)
            second.name = replace(name, given=other, roman=roman, alias="")
        second.male, second.born = first.male, first.born
        if second.name.way == "latin":
            pool = [given for given in tables.ENGLISH_GIVEN[0 if first.male else 1].split() if given != name.given]
            given = chance.choice(pool)
            second.name = replace(second.name, given=given, roman=(second.name.roman[0], given))
        return second

    def _twin_name(self, name: Name) -> tuple[str, tuple[str, str]]:
        chance = self.chance
        kept, last = name.given[:-1], name.given[-1]
        alike = [letter for letter in names.sounds_alike(last) if letter not in kept]
        if alike and chance.random() < 0.3:
            self.counts["twins whose names sound alike"] += 1
            letter = chance.choice(alike)
        else:
            pool = sorted(set("".join(era[3] + era[5] for era in tables.ERAS[2:])) - set(name.given))
            letter = chance.choice(pool)
        given = kept + letter
        roman = names.spelt(name.family, given)
        if name.roman[0] != roman[0] or "-" in name.roman[1] or " " in name.roman[1]:
            # In the spelling of Hong Kong or Taiwan only the syllable that differs is new.
            cut = "-" if "-" in name.roman[1] else " "
            syllable = names.reading(letter)
            roman = (
                name.roman[0],
                name.roman[1].split(cut)[0] + cut + (syllable if cut == "-" else syllable.capitalize()),
            )
        return given, roman

    def _namesakes(self, members: list[Person], children: list[Person]) -> None:
        """In English-speaking families a son is called like his father, or like his grandfather."""
        chance = self.chance
        sons = [child for child in children if child.male and child.where == "US"]
        if not sons or not members[0].male or chance.random() > 0.6:
            return
        elder = members[2] if len(members) > 2 and chance.random() < 0.6 else members[0]
        elder.name = replace(elder.name, suffix="Sr.")
        third = elder is not members[0] and chance.random() < 0.4
        sons[0].name = replace(elder.name, suffix="III" if third else "Jr.")
        elder.namesake = sons[0].namesake = True
        self.counts["namesakes, son and grandfather" if elder is not members[0] else "namesakes, son and father"] += 1

    def _married(self, wife: Person, husband: Person) -> Person:
        """A wife's name after the wedding: new in English-speaking families, put before hers in some of Hong Kong and Taiwan."""
        chance, name = self.chance, wife.name
        if wife.where == "US" and chance.random() < 0.75:
            wife.before = name
            wife.name = replace(name, family=husband.name.family, roman=(husband.name.family, name.given))
        elif wife.where in {"HK", "TW"} and chance.random() < 0.15:
            wife.before = name
            family = husband.name.family + name.family
            wife.name = replace(name, family=family, roman=(f"{husband.name.roman[0]} {name.roman[0]}", name.roman[1]))
        if wife.before:
            wife.married = wife.born.year + chance.randrange(23, 34)
            self.counts["women who changed their name on marriage"] += 1
        return wife

    def _family_name(self, origin: str) -> tuple[str, str]:
        chance = self.chance
        if origin in {"HK", "TW"}:
            shares = names.ranking(tables.HONG_KONG if origin == "HK" else tables.TAIWAN)
            return chance.choices(list(shares), list(shares.values()))[0]
        if origin in {"US", "foreign"}:
            family = chance.choice(tables.ENGLISH_FAMILY)
            return family, family
        family = weighted(chance, tables.SURNAMES)
        return family, names.family_reading(family).capitalize()

    def _person(
        self, origin: str, where: str, male: bool, year: int, family: tuple[str, str], generation: str = ""
    ) -> Person:
        chance = self.chance
        self._people += 1
        born = dt.date(min(year, NOW - 1), 1, 1) + dt.timedelta(days=chance.randrange(365))
        name = self._name(origin, male, born.year, family, generation)
        return Person(f"p{self._people}", f"h{self._households}", where, male, born, name)

    def _name(self, origin: str, male: bool, year: int, family: tuple[str, str], generation: str) -> Name:
        chance, sex = self.chance, 0 if male else 1
        if origin == "CN":
            alias = chance.choice(tables.ENGLISH_ALIASES[sex].split()) if chance.random() < 0.05 else ""
            return names.han(family[0], names.given_name(chance, year, male, generation), alias)
        if origin in {"HK", "TW"}:
            return names.overseas(chance, origin, family, male)
        if origin == "Uyghur":
            given, father = chance.choice(tables.UYGHUR[sex].split()), chance.choice(tables.UYGHUR[0].split())
            return Name(father, given, "dotted", (names.spelt("", father)[1], names.spelt("", given)[1]))
        if origin in {"Tibetan", "Mongol"}:
            given = chance.choice((tables.TIBETAN if origin == "Tibetan" else tables.MONGOL)[sex].split())
            return Name("", given, "single", ("", names.spelt("", given)[1]))
        return self._foreign(origin, sex, family[0])

    def _foreign(self, origin: str, sex: int, family: str) -> Name:
        chance = self.chance
        roll = chance.random() if origin == "foreign" else 1.0
        if roll < 0.25:
            han, _, roman = chance.choice(tables.KOREAN_FAMILY).split()
            given, _, spelt = chance.choice(tables.KOREAN_GIVEN[sex]).split()
            return Name(han, given, "han", (roman, spelt))
        if roll < 0.5:
            han, roman = chance.choice(tables.JAPANESE_FAMILY).split()
            given, spelt = chance.choice(tables.JAPANESE_GIVEN[sex]).split()
            return Name(han, given, "han", (roman, spelt))
        given = chance.choice(tables.ENGLISH_GIVEN[sex].split())
        return Name(family, given, "latin", (family, given))

    def _dwell(self, members: list[Person], where: str) -> None:
        chance = self.chance
        lives = self._telephoned(home(chance, where))
        for person in members:
            person.homes = [(0, lives)]
        if len(members) > 1 and not members[1].child and chance.random() < 0.06:
            self.counts["divorced and moved out"] += 1
            members[1].homes.append((chance.randrange(2010, 2021), self._telephoned(home(chance, where, lives.city))))
        elif chance.random() < 0.22:
            self.counts["households that moved"] += 1
            year, new = (
                chance.randrange(2010, 2023),
                self._telephoned(home(chance, where, lives.city if chance.random() < 0.7 else None)),
            )
            for person in members:
                person.homes.append((year, new))
        for child in members:
            if child.child and NOW - child.born.year > 24 and chance.random() < 0.5:
                self.counts["children who moved out"] += 1
                child.homes.append((child.born.year + chance.randrange(19, 24), home(chance, where, lives.city)))

    def _telephoned(self, lives: Home) -> Home:
        if self.chance.random() > 0.4:
            return lives
        area = lives.city.area if lives.city else lives.where
        return replace(lives, landline=numbers.landline(self.chance, area))

    def _reach(self, members: list[Person]) -> None:
        chance = self.chance
        for person in members:
            person.phones = [(0, numbers.mobile(chance, person.where))]
            if chance.random() < 0.25:
                self.counts["people with a new mobile number"] += 1
                self._given_up.append(person.phones[0][1])
                person.phones.append((chance.randrange(2012, 2023), self._new_number(person.where)))
            if chance.random() < 0.7:
                person.mails = [(0, self._mailbox(person))]
                if chance.random() < 0.15:
                    person.mails.append((chance.randrange(2012, 2023), self._mailbox(person)))
            if 22 < NOW - person.born.year < 75 and chance.random() < 0.3:
                self._work(person)
        self._share(members)

    def _new_number(self, where: str) -> str:
        """Now and then one that a stranger gave up, as operators hand numbers out again."""
        if where == "CN" and self._given_up and self.chance.random() < 0.05:
            number = self._given_up.pop(self.chance.randrange(len(self._given_up)))
            if len(number) == 11 and number.startswith("1"):
                self.counts["mobile numbers that were a stranger's before"] += 1
                return number
        return numbers.mobile(self.chance, where)

    def _share(self, members: list[Person]) -> None:
        """The young use a parent's telephone, some of the old a child's; some households have one mailbox."""
        chance, shared = self.chance, False
        for person in members[1:]:
            age = NOW - person.born.year
            if (person.child and age < 14) or (age > 68 and chance.random() < 0.4) or chance.random() < 0.05:
                person.phones = list(members[0].phones)
                shared = True
        self.counts["households with a shared mobile number"] += shared
        if len(members) > 1 and chance.random() < 0.14 and members[0].mails:
            for person in chance.sample(members[1:], chance.randrange(1, len(members))):
                person.mails = list(members[0].mails)
            self.counts["households with a shared mailbox"] += 1
        else:
            for person in members:
                person.mails = [] if person.child and NOW - person.born.year < 12 else person.mails
        lines = {person.homes[0][1].landline for person in members} - {""}
        self.counts["households with a shared landline"] += len(members) > 1 and bool(lines)

    def _mailbox(self, person: Person) -> str:
        chance, (family, given) = self.chance, person.name.roman
        word = "".join(letter for letter in (family + given).lower() if letter.isascii() and letter.isalnum())
        short = "".join(letter for letter in (given[:1] + family).lower() if letter.isascii() and letter.isalnum())
        while True:
            if person.where == "CN" and chance.random() < 0.5:
                made = f"{chance.randrange(10**7, 4 * 10**9)}@qq.com"
            else:
                local = chance.choice(
                    (
                        word,
                        short,
                        f"{word}{person.born.year}",
                        f"{word}{chance.randrange(1000)}",
                        f"{short}_{person.born.year % 100:02d}",
                    )
                )
                domains = (
                    ("163.com", "126.com", "sina.com", "foxmail.com")
                    if person.where == "CN"
                    else ("gmail.com", "yahoo.com", "hotmail.com")
                )
                made = f"{local or 'me'}@{chance.choice(domains)}"
            if made not in self._mailboxes:
                self._mailboxes.add(made)
                return made

    def _work(self, person: Person) -> None:
        employer, domain, phone = self.chance.choice(self._companies)
        if person.where != "CN":
            return
        person.employer, person.work_phone = employer, phone
        self.counts["people with a shared work telephone"] += 1
        word = "".join(letter for letter in "".join(person.name.roman).lower() if letter.isascii() and letter.isalnum())
        made = f"{word}@{domain}"
        if self.chance.random() < 0.1:
            person.work_mail = f"info@{domain}"
        elif made not in self._mailboxes:
            self._mailboxes.add(made)
            person.work_mail = made

    def _made_companies(self) -> list[tuple[str, str, str]]:
        chance, made = self.chance, []
        for number in range(240):
            city, name = chance.choice(cities()), chance.choice(tables.EMPLOYERS)
            domain = "".join(names.reading(letter) for letter in name[:2]) + f"{number}.com.cn"
            made.append((city.name.removesuffix("市") + name, domain, numbers.landline(chance, city.area)))
        return made

    def _papers(self, members: list[Person]) -> None:
        chance = self.chance
        for person in members:
            lives = person.homes[0][1]
            if person.where == "CN" and person.name.way == "latin":
                person.passport = f"{chance.choice('ABCEGX')}{chance.randrange(10**8):08d}"
            elif lives.city:
                person.national_id = self._resident_id(lives.city.districts[lives.district][1], person)
            elif person.where == "HK":
                person.national_id = numbers.hong_kong_id(chance)
            elif person.where == "TW":
                person.national_id = numbers.taiwan_id(chance, person.male)

    def _resident_id(self, district: str, person: Person) -> str:
        """Nobody else's: twins have neighbouring numbers, not one."""
        while (made := numbers.resident_id(self.chance, district, person.born, person.male)) in self._residents:
            pass
        self._residents.add(made)
        return made
