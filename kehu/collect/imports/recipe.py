"""How one import reads its files: what was found and told once, so that a resumed import does exactly the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson

from kehu.collect.imports.supplied import OF_THE_SOURCE
from kehu.govern.dictionary import Dictionary
from kehu.refine.clean import Habits

KINDS: Final = {"customers": 1, "organisations": 2, "orders": 3, "interactions": 4}
EVENTS: Final = ("orders", "interactions")
LINKS: Final = ("external_id", "email", "phone")
"""What an event says of whose it is."""


def fields_of(kind: str, dictionary: Dictionary) -> list[str]:
    """The fields that a row of a kind may hold, in the dictionary's order: of an event what proves its source, too."""
    if kind not in EVENTS:
        return [name for name, held in dictionary.fields.items() if not held.event]
    category = "transaction" if kind == "orders" else "interaction"
    beside = OF_THE_SOURCE.union(LINKS)
    return [
        name for name, held in dictionary.fields.items() if name in beside or (held.event and held.category == category)
    ]


@dataclass(frozen=True, slots=True)
class ImportTerms:
    """What somebody asks for: files and the provenance of what is in them.

    ``files`` are paths, or ids of staged uploads. ``source``: whom it comes from, if not from the customers; ``purposes``:
    it is brought in for these alone. ``residence``: a country, else the name of a column; ``residence_column``: a column,
    whatever its name. ``consents``: purpose to column. ``maps``: ``field=column``, ``field=#N`` or ``field=``. ``mends``: cells
    put right before, by line and column of the first file. ``day_first``: how dates are written, where it is said.
    """

    files: tuple[Path | UUID, ...]
    channel: str
    basis: str
    notice: str | None = None
    controller: str | None = None
    residence: str | None = None
    residence_column: str | None = None
    source_proof: bytes | None = field(default=None, repr=False)
    source: str | None = None
    purposes: tuple[str, ...] = ()
    consents: tuple[tuple[str, str], ...] = ()
    consent_time: str | None = None
    consent_way: str | None = None
    kind: str = "customers"
    maps: tuple[str, ...] = ()
    mends: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    day_first: bool | None = None


@dataclass(slots=True)
class Known:
    """What passes through a whole file have told of it, so that the next look need not: it quotes the file, and is kept sealed.

    ``rows``: none yet, while negative. A column is named with those that stand in where it is empty: ``dates``, whether it
    writes the day first, where its values show it; ``commas``, whether a comma is decimal; ``residences``, what stands in it.
    """

    header: bool = True
    digest: str = ""
    rows: int = -1
    notes: list[Sequence[str]] = field(default_factory=list, repr=False)
    dates: dict[str, bool | None] = field(default_factory=dict, repr=False)
    commas: dict[str, bool] = field(default_factory=dict, repr=False)
    residences: dict[str, list[str | None]] = field(default_factory=dict, repr=False)

    def read_as(self, *, header: bool) -> None:
        """Forget what was told of its columns and rows where its first row counted as what it is not."""
        if header is not self.header:
            self.header, self.rows, self.notes, self.dates, self.commas, self.residences = header, -1, [], {}, {}, {}


@dataclass(frozen=True, slots=True)
class FileRecipe:
    """One file: where it lies and which column is what. Column names may quote a person: sealed, never shown in logs."""

    path: str | None
    staged: str | None
    header: bool
    digest: str
    rows: int
    fields: dict[str, str] = field(repr=False)
    unmapped: list[str] = field(repr=False)
    day_first: dict[str, bool] = field(default_factory=dict)
    decimal_comma: list[str] = field(default_factory=list)
    replayed: list[str] = field(default_factory=list, repr=False)  # refused rows that come again, in order
    replays: str | None = None
    columns: list[str] = field(default_factory=list, repr=False)  # all, in the file's order
    delimiter: str | None = None
    codec: str = "utf-8"
    correction: dict[str, Any] = field(default_factory=dict, repr=False)  # of refused rows that come again
    mends: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)  # cells put right before: line to column
    codes: dict[str, str] = field(
        default_factory=dict, repr=False
    )  # columns of phone numbers to those of calling codes
    spares: dict[str, list[str]] = field(default_factory=dict, repr=False)  # columns to those read where they are empty

    @property
    def as_it_lies(self) -> bool:
        """Whether it is rows of the quarantine, of which those are left out that have come in since."""
        return self.replays is not None and self.path is None

    @property
    def habits(self) -> Habits:
        """How its columns write what one value leaves open."""
        return Habits(self.day_first, frozenset(self.decimal_comma))


@dataclass(frozen=True, slots=True)
class Recipe:
    """The whole import. ``country`` and ``residence_column``: one of them at most.

    ``packs_beside``: laws that the company's setting adds to those of each residence, as bits. Of messages: the columns of
    an event's own key, of another name of the same customer, and of the sender's own time; ``silence_is_no_answer``: who
    says nothing of a consent has not changed it. Of a source (``supplier``): for which purposes alone it is brought in, what it
    has to allow, and what each row proves (:mod:`kehu.collect.imports.supplied`), a consent ``consent_to`` this company.
    ``day_first``: how dates are written, where somebody said it. ``told``: by purpose, the version of it that the notice tells
    of, which a yes is to at the most.
    """

    kind: str
    files: list[FileRecipe]
    country: str | None
    residence_column: str | None
    consents: dict[str, str]
    consent_time: str | None
    way: str
    notice_purposes: list[int]
    source_proof: bool
    packs_beside: int = 0
    own_column: str | None = None
    joins_column: str | None = None
    when_column: str | None = None
    silence_is_no_answer: bool = False
    supplier: int | None = None
    purposes: list[int] = field(default_factory=list)
    claimed: list[int] = field(default_factory=list)
    proves_consent: bool = False
    proves_public: bool = False
    consent_to: str = ""
    day_first: bool | None = None
    told: dict[str, int] = field(default_factory=dict)

    @property
    def reading(self) -> bytes:
        """What is said of all rows and makes something else of each: the same row, read so, is another."""
        told = {
            "country": self.country,
            "beside": self.packs_beside or None,
            "supplier": self.supplier,
            "day": self.day_first,
        }
        held = {name: said for name, said in told.items() if said is not None}
        return orjson.dumps(held) if held else b""

    @property
    def brings(self) -> frozenset[str]:
        """The fields it brings, but for those that say something of the source alone."""
        return frozenset(name for file in self.files for name in file.fields) - OF_THE_SOURCE

    @property
    def beside(self) -> list[str]:
        """Columns that are no fields and are read all the same: what says consent, residence, and what a message is."""
        one_each = (self.consent_time, self.residence_column, self.own_column, self.joins_column, self.when_column)
        return [*self.consents.values(), *filter(None, one_each)]

    def untold(self, file: FileRecipe) -> frozenset[str]:
        """Columns of a file of which nobody said what they hold: it may be anything."""
        return frozenset([*file.columns, *file.unmapped]).difference(
            file.fields.values(), self.beside, file.codes.values(), *file.spares.values()
        )

    def pack(self) -> bytes:
        """As bytes, to be sealed."""
        return orjson.dumps(asdict(self))

    @classmethod
    def unpack(cls, packed: bytes) -> Recipe:
        """From :meth:`pack`."""
        held: dict[str, Any] = orjson.loads(packed)
        return cls(**held | {"files": [FileRecipe(**one) for one in held["files"]]})
