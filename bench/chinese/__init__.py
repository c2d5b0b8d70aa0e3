"""A labelled set of made-up people (and organisations) of the Chinese-speaking world, from a seed.

Made apart from the model that is measured with it: nothing here reads how linkage weighs or bars. What comes out is what
an import would hand on: dictionary fields, normalised by ``kehu.refine.clean`` where a normal form exists.

What the shares rest on:

* Surnames: the order and, for the first three, the shares of the Ministry of Public Security's count of 2007 (王 7.25 %,
  李 7.19 %, 张 6.83 %; the first hundred are 84.77 %), which its reports on names of 2019 and 2020 confirm (the first five
  30.8 %); 4 to 20 by Yuan Yida's study of 2006; below it they fall off smoothly, our own. Compound surnames are 0.8 % here,
  some five times the truth, so that there are enough (欧阳, the first, has 1.112 million people).
* Given names by year of birth: those the report of 2020 names for each age (建国, 秀英, 伟, 静, 浩宇, 梓涵, 奕辰) and its fifty
  most used characters; names of one character are most in 1970-1999. The rest is drawn from characters of the time.
* Hong Kong and Taiwan: surnames by the lists of the Electoral Office's rolls as commonly quoted and of Taiwan's Ministry of
  the Interior (2018), rounded.
* Households: a quarter single, a fifth couples, the rest with children; a tenth of three generations, near the census of 2020
  without its villages. Twins are about twenty times the truth, namesakes and shared mailboxes several times.
* How often a field is there, and how often wrong: our own; see ``records.py``. Numbers of a country's papers have valid check
  digits (GB 11643, GB 32100, and those of Hong Kong and Taiwan), except where mistyped.

Not in it: people who lie, identity numbers used by two, and handwriting. No record is made that nobody could tell: an error
that turns one member's name into another's of the household is left out (``errors left out``), and of two namesakes each
record has the suffix or a right birth date. Nobody at home has another's given name, but a namesake, or man and wife, and
no two people have one resident number.
"""

from __future__ import annotations

import functools
import random
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from bench.linkage import Labelled
from kehu.refine.clean import clean

__all__ = ["Made", "make"]


@dataclass(frozen=True, slots=True)
class Made:
    """The set.

    Attributes:
        data: records with the truth (person or organisation of each).
        household: household (or group of companies) of each record.
        given: the same records as they came, before cleaning.
        counts: what is in it: twins, namesakes, shared telephones, errors by kind.
    """

    data: Labelled
    household: Mapping[str, str]
    given: pl.DataFrame
    counts: Counter[str]


def make(records: int = 20_000, *, seed: int = 2026, kind: str = "person") -> Made:
    """So many records; the same seed makes the same set."""
    rows = _people(records, seed) if kind == "person" else _organisations(records, seed)
    members, counts = rows
    order = list(range(len(members)))
    random.Random(seed + 1).shuffle(order)
    members = [members[place] for place in order][:records]
    ids = [f"r{number:06d}" for number in range(len(members))]
    fields = list(members[0][2])
    given = pl.DataFrame(
        {"record": ids} | {field: [row[field] for _, _, row in members] for field in fields},
        schema=dict.fromkeys(("record", *fields), pl.String),
    )
    truth = {record: who for record, (who, _, _) in zip(ids, members, strict=True)}
    household = {record: group for record, (_, group, _) in zip(ids, members, strict=True)}
    data = Labelled(f"Chinese {kind}s {len(ids):,} (seed {seed})", cleaned(given).to_arrow(), truth)
    return Made(data, household, given, counts)


def cleaned(given: pl.DataFrame) -> pl.DataFrame:
    """The records as an import leaves them: the normal form where there is one, else what came."""
    types = {name: kind for name, kind in _types().items() if name in given.columns}
    normal = clean(given, residence="CN", columns=types)
    fields = [name.removesuffix("__n") for name in normal.columns if name.endswith("__n")]
    return normal.select("record", *(pl.coalesce(f"{name}__n", name).alias(name) for name in fields))


@functools.cache
def _types() -> dict[str, str]:
    from kehu.govern import dictionary

    file = Path(dictionary.__file__).with_name("dictionary.toml")
    return {name: row["type"] for name, row in tomllib.loads(file.read_text("utf-8")).items()}


_Rows = tuple[list[tuple[str, str, dict[str, str | None]]], Counter[str]]


def _people(records: int, seed: int) -> _Rows:
    from bench.chinese.families import Makes
    from bench.chinese.records import Writes

    makes = Makes(seed)
    written: Counter[str] = Counter()
    writes = Writes(makes.chance, written)
    rows: list[tuple[str, str, dict[str, str | None]]] = []
    while len(rows) < records:
        rows += [(person.id, person.household, row) for person, row in writes.household(makes.household())]
    return rows, makes.counts + written


def _organisations(records: int, seed: int) -> _Rows:
    from bench.chinese.organisations import companies

    return companies(records, seed)
