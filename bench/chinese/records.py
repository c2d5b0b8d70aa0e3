"""What a channel writes down of a person in some year, with the errors people and machines make.

Shares of errors are of records that hold the value. They are our own, set between what register studies call usual
(one to five per cent a field) and a little above it, so that every kind of error has dozens of examples in 20,000 records.
"""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Callable
from typing import Final

from bench.chinese import names, numbers, tables
from bench.chinese.families import Person
from bench.chinese.names import Name, weighted

Record = dict[str, str | None]

FIELDS: Final = (
    "full_name", "family_name", "given_name", "alias", "gender", "birth_date", "national_id", "passport_number", "email",
    "phone", "landline", "address", "postal_code", "employer",
)  # fmt: skip
# A channel, its share of records, and how often it has a value.
CHANNELS: Final[dict[str, tuple[float, dict[str, float]]]] = {
    "member": (0.22, {"phone": 0.95, "birth_date": 0.7, "gender": 0.8, "email": 0.35, "address": 0.3}),
    "shop": (0.23, {"phone": 1.0, "address": 0.95, "email": 0.2}),
    "counter": (0.12, {"phone": 0.93, "birth_date": 0.35, "gender": 0.6}),
    "desk": (0.1, {"phone": 0.9, "landline": 0.25, "address": 0.4, "gender": 0.3}),
    "contract": (0.12, {"phone": 0.95, "national_id": 0.93, "birth_date": 0.9, "gender": 0.9, "address": 0.8, "landline": 0.25, "email": 0.3}),
    "web": (0.1, {"phone": 0.5, "email": 0.97, "birth_date": 0.25}),
    "old": (0.08, {"phone": 0.6, "landline": 0.5, "address": 0.8, "birth_date": 0.45, "postal_code": 0.5, "employer": 0.4, "gender": 0.7}),
    "card": (0.03, {"phone": 0.7, "work": 1.0, "employer": 1.0, "email": 0.2}),
}  # fmt: skip
_TITLES: Final = (("先生", "总", "老师", "经理"), ("女士", "小姐", "总", "老师"))


class Writes:
    """Writes records of people; counts the errors it made."""

    def __init__(self, chance: random.Random, counts: Counter[str]) -> None:
        self.chance = chance
        self.counts = counts

    def household(self, members: list[Person]) -> list[tuple[Person, Record]]:
        """All records of a household."""
        made: list[tuple[Person, Record]] = []
        for person in members:
            others = [other for other in members if other is not person]
            several = self.chance.choices((1, 2, 3, 4, 5, 6), (0.42, 0.26, 0.15, 0.09, 0.05, 0.03))[0]
            made += [(person, self.record(person, others)) for _ in range(several)]
        return made

    def record(self, person: Person, others: list[Person]) -> Record:
        """One record of this person that says more of them than a name."""
        chance = self.chance
        while True:
            year = chance.randrange(max(2008, min(person.born.year + 1, 2024)), 2025)
            channel = weighted(chance, {name: share for name, (share, _) in CHANNELS.items()})
            if channel == "card" and not person.employer:
                continue
            if channel in {"desk", "web", "old", "card"} and year - person.born.year < 16:
                continue
            row = self._values(person, channel, year)
            if sum(
                1
                for field in ("phone", "landline", "email", "national_id", "passport_number", "address", "birth_date")
                if row[field]
            ):
                break
        self._named(row, person, others, channel, year)
        row["residence"] = person.where
        self.counts["records"] += 1
        self.counts[f"records of channel {channel}"] += 1
        return row

    # Values

    def _values(self, person: Person, channel: str, year: int) -> Record:
        chance, has = self.chance, CHANNELS[channel][1]
        row: Record = dict.fromkeys(FIELDS)
        wanted = {field for field, share in has.items() if chance.random() < share}
        phone, mail, lives = person.at(person.phones, year), person.at(person.mails, year), person.home(year)
        if "phone" in wanted and phone:
            row["phone"] = self._phone(phone, person.where)
        if "landline" in wanted and lives.landline:
            row["landline"] = self._phone(lives.landline, person.where)
        if "email" in wanted and mail:
            row["email"] = self._mail(mail)
        if "address" in wanted:
            row["address"] = lives.written(chance, year)
        if "postal_code" in wanted and person.where == "CN":
            row["postal_code"] = lives.postal
        if "gender" in wanted:
            row["gender"] = self._gender(person)
        if "birth_date" in wanted:
            row["birth_date"] = self._birth(person)
        if "national_id" in wanted:
            self._number(row, person, year)
        if "employer" in wanted and person.employer:
            row["employer"] = person.employer
        if "work" in wanted:
            row["landline"], row["email"] = person.work_phone, person.work_mail or row["email"]
        return row

    def _error(self, share: float, name: str) -> bool:
        if self.chance.random() >= share:
            return False
        self.counts[f"error: {name}"] += 1
        return True

    def _phone(self, phone: str, where: str) -> str:
        given = numbers.mistyped(self.chance, phone) if self._error(0.012, "telephone mistyped") else phone
        return numbers.as_written(self.chance, given, where)

    def _mail(self, mail: str) -> str:
        chance = self.chance
        if self._error(0.015, "email mistyped"):
            local, _, domain = mail.partition("@")
            return (
                f"{numbers.mistyped(chance, local)}@{domain}"
                if chance.random() < 0.6
                else f"{local}@{domain.replace('com', 'con')}"
            )
        return mail.upper() if chance.random() < 0.03 else mail

    def _gender(self, person: Person) -> str:
        male = person.male if not self._error(0.004, "gender wrong") else not person.male
        forms = ("男", "M", "male") if male else ("女", "F", "female")
        return self.chance.choice(forms[:2])

    def _birth(self, person: Person) -> str:
        chance, born = self.chance, person.born
        sure = person.namesake
        if not sure and self._error(0.02, "birth date the first of January"):
            born = dt.date(born.year, 1, 1)
        elif not sure and born.year < 1985 and self._error(0.03, "birth date of the farmers' calendar"):
            born = numbers.lunar(born) or born
        elif (
            not sure
            and born.day <= 12
            and born.day != born.month
            and self._error(0.015, "birth date with day and month swapped")
        ):
            born = dt.date(born.year, born.day, born.month)
        elif not sure and self._error(0.012, "birth date mistyped"):
            born = self._typed_date(born)
        form = chance.choices(("%Y-%m-%d", "%Y%m%d", "%Y/%m/%d", "%Y年%m月%d日"), (0.6, 0.2, 0.12, 0.08))[0]
        return born.strftime(form if person.where == "CN" else "%Y-%m-%d")

    def _typed_date(self, born: dt.date) -> dt.date:
        text = born.strftime("%Y%m%d")
        for _ in range(50):
            typed = text[:2] + numbers.mistyped(self.chance, text[2:])
            try:
                other = dt.date(int(typed[:4]), int(typed[4:6]), int(typed[6:]))
            except ValueError:
                continue
            if other != born and 1920 < other.year < 2025:
                return other
        return born

    def _number(self, row: Record, person: Person, year: int) -> None:
        if person.passport:
            row["passport_number"] = person.passport
        elif person.national_id:
            number = person.national_id
            if self._error(0.012, "identity number mistyped"):
                number = numbers.mistyped(self.chance, number)
            elif len(number) == 18 and person.born.year < 1990 and year < 2013 and self.chance.random() < 0.15:
                self.counts["identity numbers of fifteen digits"] += 1
                number = number[:6] + number[8:17]
            row["national_id"] = number.lower() if self.chance.random() < 0.1 else number

    # Names

    def _named(self, row: Record, person: Person, others: list[Person], channel: str, year: int) -> None:
        chance, name = self.chance, person.named(year)
        if person.namesake:
            return self._namesake(row, person, name)
        written = self._written(name, person, channel)
        if self._taken(written, others):
            # Nobody could tell whose record it is: not an error to be found but a wrong record.
            self.counts["errors left out because they made another member's name"] += 1
            written = name.full
        if name.alias and channel in {"card", "member", "web"} and chance.random() < 0.4:
            row["alias"] = name.alias
        if (
            channel == "old"
            and written == name.full
            and name.family
            and name.way in {"han", "latin"}
            and chance.random() < 0.4
        ):
            family, given = name.family, name.given
            if self._error(0.04, "family and given name in each other's column"):
                family, given = given, family
            row["family_name"], row["given_name"] = family, given
        else:
            row["full_name"] = written
        return None

    def _namesake(self, row: Record, person: Person, name: Name) -> None:
        """Of two with one name a record always says which: by the suffix, or by a birth date."""
        if row["birth_date"] and self.chance.random() < 0.5:
            self.counts["records of namesakes without a suffix"] += 1
            row["full_name"] = f"{name.given} {name.family}"
        else:
            row["full_name"] = name.full if self.chance.random() < 0.7 else name.full.replace(".", "")

    def _written(self, name: Name, person: Person, channel: str) -> str:
        if name.way == "latin":
            return self._latin(name, person)
        if channel == "desk" and name.family and name.way == "han" and self.chance.random() < 0.3:
            return self._title(name, person)
        romanised = {"web": 0.2, "card": 0.1}.get(channel, 0.01) if person.where == "CN" else 0.3
        if self.chance.random() < romanised:
            return self._romanised(name, person)
        text = self._han(name, person)
        if person.where != "CN" and self._error(0.12, "in simplified characters"):
            text = names.simplified(text)
        elif person.where == "CN" and self._error(0.015, "in traditional characters"):
            text = names.traditional(text)
        return self._spaced(text, name)

    def _title(self, name: Name, person: Person) -> str:
        self.counts["records with a title for a name"] += 1
        roll, young = self.chance.random(), person.born.year > 1985
        if roll < 0.2:
            return ("小" if young else "老") + name.family
        return name.family + self.chance.choice(_TITLES[0 if person.male else 1])

    def _romanised(self, name: Name, person: Person) -> str:
        self.counts["records in Latin letters"] += 1
        family, given = name.roman
        if not family:
            return given
        if person.where == "HK":
            forms = [f"{family.upper()} {given}", f"{family} {given}", f"{given} {family}"]
            forms += (
                [f"{name.alias} {family}", f"{family} {given} {name.alias}", f"{name.alias} {given} {family}"]
                if name.alias
                else []
            )
            return self.chance.choice(forms)
        if person.where == "TW" or name.way == "dotted":
            return self.chance.choice((f"{family} {given}", f"{given} {family}", f"{family.upper()}, {given}"))
        apart = " ".join(names.reading(letter).capitalize() for letter in name.given)
        joined = (family + given).lower()
        return self.chance.choice(
            (f"{family} {given}", f"{given} {family}", f"{family.upper()} {given.upper()}", f"{family} {apart}", joined)
        )

    def _latin(self, name: Name, person: Person) -> str:
        chance = self.chance
        if (
            person.where == "CN"
            and name.given in tables.TRANSLITERATED
            and name.family in tables.TRANSLITERATED
            and chance.random() < 0.5
        ):
            text = f"{tables.TRANSLITERATED[name.given]}·{tables.TRANSLITERATED[name.family]}"
            return text.replace("·", chance.choice("·・•"))
        given = name.given
        if given in tables.NICKNAMES and chance.random() < 0.12:
            self.counts["records with a nickname"] += 1
            given = tables.NICKNAMES[given]
        if self._error(0.02, "Latin name mistyped"):
            given = numbers.mistyped(chance, given) if len(given) > 4 else given
        return chance.choice(
            (f"{given} {name.family}",) * 4 + (f"{name.family}, {given}", f"{given} {name.family}".upper())
        )

    def _han(self, name: Name, person: Person) -> str:
        chance = self.chance
        if name.way == "dotted":
            return self._dotted(name)
        family, given = name.family, name.given
        for share, kind, others in _LETTER_ERRORS:
            if self._error(share, kind):
                return self._changed(family, given, others)
        if len(given) == 2 and self._error(0.004, "given characters swapped"):
            return family + given[::-1]
        if len(given) == 2 and self._error(0.004, "a character lost"):
            return family + chance.choice(given)
        if family and self._error(0.003, "given name before the family name"):
            return given + family
        return family + given

    def _changed(self, family: str, given: str, others: Callable[[str], list[str]]) -> str:
        """One character for another, mostly of the given name; the name itself where no character has a double."""
        letters = list(family + given)
        places = list(range(len(family), len(letters))) * 6 + list(range(len(family)))
        self.chance.shuffle(places)
        for place in places:
            if choice := others(letters[place]):
                letters[place] = self.chance.choice(choice)
                break
        return "".join(letters)

    def _dotted(self, name: Name) -> str:
        given, father = name.given, name.family
        for usual, other in tables.UYGHUR_SPELLINGS.items():
            if usual in given + father and self._error(0.15, "another transliteration"):
                given, father = given.replace(usual, other), father.replace(usual, other)
        if self._error(0.06, "only the first part of the name"):
            return given
        return (
            given + self.chance.choices(("·", "・", "•", ".", " ", ""), (0.7, 0.06, 0.08, 0.06, 0.05, 0.05))[0] + father
        )

    def _spaced(self, text: str, name: Name) -> str:
        roll = self.chance.random()
        if name.way != "han" or roll > 0.02 or len(text) < 2:
            return text
        if roll < 0.012 and len(text) == 2:
            return f"{text[0]}　{text[1]}"
        return f"{text[: len(name.family)]} {text[len(name.family) :]}" if roll < 0.015 else f" {text} "

    def _taken(self, written: str, others: list[Person]) -> bool:
        def folded(text: str) -> str:
            return "".join(letter for letter in names.simplified(text).lower() if letter.isalnum())

        latin, mine = written.isascii(), folded(written)
        for other in others:
            for name in (other.name, other.before):
                if name is None:
                    continue
                spelt = {folded("".join(name.roman)), folded("".join(name.roman[::-1]))}
                if mine == folded(name.full) or (latin and (mine in spelt or _aliased(name, mine))):
                    return True
        return False


def _aliased(name: Name, mine: str) -> bool:
    return bool(name.alias) and mine == (name.alias + name.roman[0]).lower()


def _variants(letter: str) -> list[str]:
    return [tables.VARIANTS[letter]] if letter in tables.VARIANTS else []


_LETTER_ERRORS: Final = (
    (0.03, "another character of the same sound", names.sounds_alike),
    (0.012, "a character of nearly the same sound", names.sounds_near),
    (0.012, "a character of nearly the same shape", names.looks_alike),
    (0.01, "another form of a character", _variants),
)
