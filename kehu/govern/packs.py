"""The law packs as files: what a row of ``laws/*.toml`` may say, and reading them whole or not at all.

The types below are the form: ``laws/pack.schema.json`` is written from them (``scripts/reference.py``), and a test
compares the two. What the rows mean for a person stands in :mod:`kehu.govern.laws` and :mod:`kehu.govern.deadlines`.
"""

from __future__ import annotations

import functools
import hashlib
import re
import tomllib
from pathlib import Path
from typing import Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kehu.govern.slugs import BASES, CATEGORIES, EVENTS, RECORD_KINDS
from kehu.host.paths import policies_dir

PACKS: Final = ("CN", "EU", "US", "JP", "AU")
HOUSE: Final = "house"
COMPANY: Final = ("app", "platform", "critical-infrastructure", "central-organ", "federal-agency", "agency")
"""What a company may be that a row asks for (``KEHU_COMPANY``)."""
FACTS: Final = (
    "high-risk", "risk-unlikely", "harm-averted", "unintelligible", "sensitive", "property-harm", "wrongful", "minors",
)  # fmt: skip
"""What may be known of an incident, yes or no, beside how many persons it reached."""
RIGHTS: Final = (
    "access", "copy", "move", "correct", "erase", "restrict", "object", "withdraw", "explain", "human-review", "other",
)  # fmt: skip
KINDS: Final = ("basis", "age", "sensitive", "separate", "right", "breach", "keep", "stays", "duty")
"""Kinds of rows, in the order in which they are shown."""
_RESIDUE: Final = frozenset({"tombstone", "request", "consent", "suppression"})
_PERSONS: Final = re.compile(r"persons(>=|>)([0-9]+)")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, defer_build=True)


class Words(_Strict):
    """A text in each language."""

    zh_hans: str = Field(alias="zh-hans", min_length=1)
    zh_hant: str = Field(alias="zh-hant", min_length=1)
    en: str = Field(min_length=1)

    def __getitem__(self, language: str) -> str:
        return str(getattr(self, language.replace("-", "_")))


class Term(_Strict):
    """How long: a number of units, or none (``at-once``; ``timely``: without delay, within a reasonable period)."""

    n: int = Field(default=0, ge=0)
    unit: Literal["hour", "day", "workday", "month", "at-once", "timely"]

    @property
    def counted(self) -> bool:
        """Whether it ends on a day or at an hour that can be told."""
        return self.unit not in ("at-once", "timely")

    @model_validator(mode="after")
    def _has_a_number(self) -> Term:
        if self.counted != (self.n > 0):
            raise ValueError("a term is a number of units, or no number")
        return self


class Row(_Strict):
    """What every row says: where it stands, how its text is known, and in words what it demands.

    ``source``: V read, Vq its words read as a quotation, 2 a secondary page, K general knowledge; only V is ``read``.
    ``policies``: patterns of the policies that keep it. ``company``: it binds only who is one of these, ``company_not``:
    only who is none.
    """

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    article: str = Field(min_length=1)
    source: Literal["V", "Vq", "2", "K", "house"]
    read: bool
    words: Words
    policies: tuple[str, ...] = ()
    company: tuple[str, ...] = ()
    company_not: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _is_known(self) -> Row:
        if self.read != (self.source in ("V", "house")):
            raise ValueError(f"{self.id}: read is what its source says")
        if not {*self.company, *self.company_not} <= set(COMPANY):
            raise ValueError(f"{self.id}: a kind of company that is not known")
        return self

    def binds(self, company: frozenset[str]) -> bool:
        """Whether it binds a company of these kinds."""
        return (not self.company or bool(company & set(self.company))) and not company & set(self.company_not)


class Counting(Row):
    """How a law counts: whether the day of the event is day 1, and whether a last day off moves to the next working day."""

    first: Literal["day-after", "same-day"]
    roll: bool


class Basis(Row):
    """Grounds that a law knows, of :data:`kehu.govern.slugs.BASES`."""

    grounds: tuple[str, ...]


class AgeRule(Row):
    """An age in years below which a rule protects.

    ``asks_anew``: from that age on a guardian's consent counts no more, the person is asked.
    """

    below: int = Field(gt=0, le=21)
    asks_anew: bool = False


class Sensitive(Row):
    """What a law holds to be sensitive, beyond the dictionary's level 4."""

    classes: tuple[str, ...]


class Separate(Row):
    """An event that needs a consent of its own."""

    event: str


class Right(Row):
    """A clock of a request: what is to be done by when. ``more``: by how much it can be extended, told before its end.

    ``suspends``: an identity check that was asked for at once stops it.
    """

    rights: tuple[str, ...] = Field(min_length=1)
    step: Literal["answer", "confirm"] = "answer"
    term: Term
    more: Term | None = None
    suspends: bool = False


class Breach(Row):
    """A clock of an incident, to whom and from when.

    It runs where every condition of ``all``, one of ``any`` and none of ``unless`` holds: a word of :data:`FACTS`, or
    ``persons>1000``. What is not known yet lets it run.
    """

    to: Literal["authority", "persons", "guardians", "attorney-general", "assessment"]
    start: Literal["aware", "handled", "told"] = "aware"
    term: Term
    all: tuple[str, ...] = ()
    any: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()


class Keep(Row):
    """How many months something is kept at least, or at most. ``what``: ``ledger``, ``request``, ``order``…"""

    what: str
    at_least: int | None = Field(default=None, gt=0)
    at_most: int | None = Field(default=None, gt=0)


class Stays(Row):
    """What stays after an erasure, and for how many calendar months.

    ``what``: ``tombstone``, ``request``, ``consent``, ``suppression``, or a category whose records of ``kinds`` a law
    keeps. ``condition``: only where the controller is such (``platform``).
    """

    what: str
    months: int = Field(gt=0)
    kinds: tuple[str, ...] = ()
    condition: Literal["", "platform"] = ""


Excuse = Literal["knows", "effort", "law", "secret"]
EXCUSES: Final[tuple[Excuse, ...]] = get_args(Excuse)


class Duty(Row):
    """Another duty: of records, notices, transfers, recipients, audits, marketing, staff.

    ``indirect``: by when whoever's data came from others than themselves is told of it. ``excuses``: why they need not be, and
    where that stands: they ``know``, it would be out of proportion (``effort``), a ``law`` says so, it is a ``secret``.
    """

    kind: str
    indirect: Term | None = None
    excuses: dict[Excuse, str] = Field(default_factory=dict)


class Document(_Strict):
    """A file of rows: a law's, or the house's."""

    basis: tuple[Basis, ...] = ()
    age: tuple[AgeRule, ...] = ()
    sensitive: tuple[Sensitive, ...] = ()
    separate: tuple[Separate, ...] = ()
    right: tuple[Right, ...] = ()
    breach: tuple[Breach, ...] = ()
    keep: tuple[Keep, ...] = ()
    stays: tuple[Stays, ...] = ()
    duty: tuple[Duty, ...] = ()

    def rows(self, kind: str) -> tuple[Row, ...]:
        """The rows of one of :data:`KINDS`."""
        return tuple(getattr(self, kind))

    @model_validator(mode="after")
    def _words_are_known(self) -> Document:
        for kind in KINDS:
            names = [row.id for row in self.rows(kind)]
            if len(set(names)) != len(names):
                raise ValueError(f"{kind}: a row stands twice")
        _known("basis", {one for row in self.basis for one in row.grounds}, set(BASES))
        _known("separate", {row.event for row in self.separate}, set(EVENTS))
        _known("right", {one for row in self.right for one in row.rights}, set(RIGHTS))
        said = {one for row in self.breach for one in (*row.all, *row.any, *row.unless) if not _PERSONS.fullmatch(one)}
        _known("breach", said, set(FACTS))
        for row in self.stays:
            kinds = row.kinds and set(row.kinds) <= set(RECORD_KINDS)
            if row.what not in _RESIDUE and not (row.what in CATEGORIES and kinds):
                raise ValueError(f"stays: {row.id} is incomplete or unknown")
        return self


class LawPack(Document):
    """The file of one law: where it applies, how it counts, and its rows. ``bit``: its number in every state, for good."""

    id: str
    bit: int
    version: int = Field(gt=0)
    label: Words
    place: Words
    countries: frozenset[str]
    zone: str
    calendar: str
    counting: Counting


def _known(kind: str, said: set[str], known: set[str]) -> None:
    if unknown := said - known:
        raise ValueError(f"{kind}: {', '.join(sorted(unknown))} is not known")


def persons_of(condition: str) -> tuple[str, int] | None:
    """``persons>1000`` taken apart; None for another condition."""
    found = _PERSONS.fullmatch(condition)
    return (found[1], int(found[2])) if found else None


def laws_dir() -> Path:
    """Folder of the packs, beside the policies."""
    return policies_dir().parent / "laws"


def read_pack(text: str) -> LawPack:
    """One pack from its text.

    Raises:
        ValueError: it is not of the form, and where.
    """
    return LawPack.model_validate(tomllib.loads(text))


@functools.cache
def law_packs() -> dict[str, LawPack]:
    """The shipped packs by id, in the order of their bits.

    Raises:
        ValueError: a pack is missing or unknown, not of the form, or a bit stands twice.
    """
    files = [path for path in sorted(laws_dir().glob("*.toml")) if path.stem != HOUSE]
    made = {pack.id: pack for pack in (read_pack(path.read_text(encoding="utf-8")) for path in files)}
    if set(made) != set(PACKS) or [made[name].bit for name in PACKS] != [1 << n for n in range(len(PACKS))]:
        raise ValueError("law packs: missing, unknown, or a bit that is not its own")
    return {name: made[name] for name in PACKS}


@functools.cache
def house_rows() -> Document:
    """The rows of the house, whatever law applies.

    Raises:
        ValueError: not of the form.
    """
    path = laws_dir() / f"{HOUSE}.toml"
    return Document.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def digest() -> str:
    """SHA-256 over every pack in force, in hexadecimal: which law was shown."""
    found = hashlib.sha256()
    for path in sorted(laws_dir().glob("*.toml")):
        found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def schema() -> dict[str, Any]:
    """The form of a pack as JSON Schema (2020-12)."""
    made = LawPack.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
