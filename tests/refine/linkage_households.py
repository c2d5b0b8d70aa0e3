"""Made-up English households whose members share surname, address, phone and mailbox, each known by many poor records.

Twins, fathers and sons of one name, a third of all values missing, typing errors in what is there, here and there a
record without a given name: what a group may wrongly learn from one of its records is in here.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pyarrow as pa

from bench.linkage import Labelled

_MEN = (
    "james john robert michael william david richard joseph thomas charles daniel matthew anthony mark donald steven paul "
    "andrew joshua kenneth jacob ethan noah liam oliver henry jack samuel george edward"
).split()
_WOMEN = (
    "mary patricia jennifer linda elizabeth barbara susan jessica sarah karen emma olivia ava isabella sophia mia charlotte "
    "amelia ella grace hannah abigail anna julia michelle frances alexandra samantha nicole kate"
).split()
_FAMILIES = (
    "smith jones taylor brown williams wilson johnson davies patel wright walker white hall clarke green harris lewis martin "
    "cooper ward turner carter hughes edwards hill moore allen king young scott baker adams parker evans bennett cook murphy"
).split()
_PLACES = "london leeds york bath derby oxford dover hull ely truro".split()
_OCCUPATIONS = "teacher nurse engineer clerk painter farmer driver lawyer student pupil retired".split()
_SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789"
_COPIES = (1, 1, 2, 2, 3, 4, 6, 8)
_SURE = {"gender", "occupation", "house_number"}


def households(count: int, *, seed: int) -> Labelled:
    """So many households; the truth names household and person."""
    chance = random.Random(seed)
    truth: dict[str, str] = {}
    rows: list[dict[str, str]] = []
    for household in range(count):
        for number, person in enumerate(_household(chance)):
            for row in _records(person, chance):
                truth[row.setdefault("record", f"{len(rows):06d}")] = f"{household}-{number}"
                rows.append(row)
    names = sorted({name for row in rows for name in row})
    table = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in names})
    return Labelled("households", table, truth)


def _household(chance: random.Random) -> list[dict[str, str]]:
    family = chance.choice(_FAMILIES)
    postcode = f"{chance.choice('abcdeg')}{chance.randrange(1, 30)} {chance.randrange(1, 9)}{chance.choice('abd')}x"
    home = {
        "phone": _phone(chance), "email": f"{family}{chance.randrange(10**4)}@mail.example", "family_name": family,
        "street": f"{chance.choice(_FAMILIES)} road", "house_number": str(chance.randrange(1, 200)), "postal_code": postcode,
    }  # fmt: skip
    year, place = chance.randrange(1930, 1970), chance.choice(_PLACES)
    father, mother = (_person(home, chance, year, gender, chance.choice(_PLACES)) for gender in ("male", "female"))
    children = [
        _person(home, chance, year + 25 + chance.randrange(12), chance.choice(["male", "female"]), place)
        for _ in range(chance.randrange(4))
    ]
    if children and chance.random() < 0.2:
        twin = _person(home, chance, year, chance.choice(["male", "female"]), place)
        if twin["given_name"] != children[-1]["given_name"]:
            children.append({**children[-1], **{name: twin[name] for name in ("given_name", "gender", "phone")}})
    if children and chance.random() < 0.12 and children[0]["gender"] == "male":
        children[0]["given_name"] = father["given_name"]
    return [father, mother, *children]


def _person(home: dict[str, str], chance: random.Random, year: int, gender: str, place: str) -> dict[str, str]:
    given = chance.choice(_MEN if gender == "male" else _WOMEN)
    own = {"phone": _phone(chance), "email": f"{given}.{home['family_name']}{chance.randrange(999)}@mail.example"}
    return {
        **home, **{name: value for name, value in own.items() if chance.random() < 0.5}, "given_name": given,
        "birth_date": f"{year}-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}", "gender": gender,
        "birth_place": place, "occupation": chance.choice(_OCCUPATIONS),
    }  # fmt: skip


def _records(person: dict[str, str], chance: random.Random) -> Iterator[dict[str, str]]:
    for _ in range(chance.choice(_COPIES)):
        row = {
            name: _mistyped(value, chance) if name not in _SURE and chance.random() < 0.08 else value
            for name, value in person.items()
            if chance.random() > (0.04 if name.endswith("_name") else 0.35)
        }
        if name := " ".join(row[part] for part in ("given_name", "family_name") if part in row):
            yield {**row, "full_name": name}


def _phone(chance: random.Random) -> str:
    return f"+44{chance.randrange(10**9, 10**10)}"


def _mistyped(value: str, chance: random.Random) -> str:
    at = chance.randrange(len(value))
    return value[:at] + chance.choice(_SIGNS) + value[at + 1 :]
