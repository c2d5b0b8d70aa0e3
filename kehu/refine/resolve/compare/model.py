"""The two linkage models: what is compared, in which degrees, and the weights they ship with.

A comparison is present when the table has its columns; nothing else depends on a data set. Weights are probabilities:
`m` that records of one customer agree in this degree, `u` that records of two customers do.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from math import log2
from typing import Any, Final

from kehu.refine.resolve.compare.comparing import (
    CommonWords,
    Contains,
    Equal,
    Long,
    Mistyped,
    OneCharacterApart,
    Turned,
    YearsApart,
    crossed,
    near,
    same,
)
from kehu.refine.resolve.compare.conditions import (
    SUFFIXED,
    Condition,
    Fixed,
    Known,
    KnownOfOne,
    Or,
    Surely,
    left,
    right,
)
from kehu.refine.resolve.compare.features import Features, Kind

VERSION: Final = 5
# Fewer records than this teach nothing: the shipped weights stay.
LEAST_RECORDS: Final = 500
# A name may be this many bits rarer by its parts than it is seen to be, and no more: parts go together more often than chance.
PARTS_BITS: Final = 8.0


@dataclass(frozen=True, slots=True)
class Level:
    """One degree of agreement. ``when``: what must hold of the two; None for the last, "anything else".

    Attributes:
        frequency: the column whose value's rarity counts: a rare surname says more than a common one.
        parts: columns whose shares multiplied say how rare a value is that few records have: of a name that nobody else
            has, how many people might.
        parts_when: of which values they do, asked of one record as both.
        apart: of a name, so do two people of one household.
    """

    label: str
    when: Condition | None
    m: float
    u: float
    frequency: str | None = None
    apart: bool = False
    parts: tuple[str, ...] = ()
    parts_when: Condition | None = None

    @property
    def sql(self) -> str:
        """What must hold, over columns with `_l` and `_r`; empty for the last."""
        return self.when.sql(*SUFFIXED) if self.when else ""

    def describe(self) -> dict[str, object]:
        """The degree as plain data."""
        return {**asdict(replace(self, when=None, parts_when=None)), "when": self.sql}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One aspect of a customer and the degrees in which two records agree on it, strictest first.

    Attributes:
        column: null in either record: the aspect says nothing.
        learned: whether the weights come from the data where it has enough to say.
        shared: a household agrees in it.
        place: says where somebody lives.
    """

    name: str
    column: str
    levels: tuple[Level, ...]
    learned: bool = True
    shared: bool = False
    place: bool = False

    def usual(self, column: str) -> float:
        """How often two strangers agree exactly in a column whose rarity counts: of its degrees the last, which those before
        are parts of."""
        return next(level.u for level in reversed(self.levels) if level.frequency == column)


def _own(comparison: Comparison) -> Comparison:
    levels = tuple(
        replace(level, frequency=None, m=min(level.m, level.u) if level.apart else level.m)
        for level in comparison.levels
    )
    return replace(comparison, levels=levels)


@dataclass(frozen=True, slots=True)
class Model:
    """Comparisons with the weights in force, and the share of record pairs expected to be one customer.

    Attributes:
        trained: names of the comparisons whose weights the data taught.
        measured: of which it told how often two customers agree, `u`, which any two records do.
        fell_back: of the others, why they keep the shipped weights.
        own: the comparisons of what a household does not share, without rarity; of a name, agreement in what it shares
            counts nothing, and disagreement all the same.
        most: of each comparison, the bits that it may add at most, without rarity.
        reached: one telephone or mailbox: it goes along with whoever moves.
    """

    kind: Kind
    comparisons: tuple[Comparison, ...]
    prior: float
    trained: tuple[str, ...] = ()
    measured: tuple[str, ...] = ()
    fell_back: Mapping[str, str] = field(default_factory=dict)
    version: int = VERSION
    own: tuple[Comparison, ...] = field(init=False, repr=False, compare=False)
    most: tuple[float, ...] = field(init=False, repr=False, compare=False)
    reached: Condition = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Once for a model, which weighs many pairs."""
        object.__setattr__(self, "own", tuple(_own(one) for one in self.comparisons if not one.shared))
        bits = (max(log2(level.m / level.u) for level in one.levels) for one in self.comparisons)
        object.__setattr__(self, "most", tuple(bits))
        held = [name for name in LINES if any(one.column == name for one in self.comparisons)]
        object.__setattr__(self, "reached", Or(tuple(Surely(same(name)) for name in held)) if held else Fixed(False))

    @property
    def rare(self) -> list[str]:
        """The columns whose rarity counts, those among them by whose parts a value is rare."""
        levels = [level for one in self.comparisons for level in one.levels if level.frequency]
        return sorted({column for level in levels for column in (level.frequency, *level.parts) if column})

    @property
    def digest(self) -> str:
        """Names this model with its weights: 16 hexadecimal digits."""
        return hashlib.sha256(json.dumps(self.describe(), sort_keys=True).encode()).hexdigest()[:16]

    def describe(self) -> Mapping[str, object]:
        """The model as plain data; it holds weights and SQL, no values of any record."""
        said = asdict(self)
        del said["own"], said["most"], said["reached"]  # follow from the rest
        said["comparisons"] = [
            {
                **asdict(replace(comparison, levels=())),
                "levels": [level.describe() for level in comparison.levels],
            }
            for comparison in self.comparisons
        ]
        return said

    def without_frequencies(self) -> Model:
        """The same model, where a rare value counts no more than a common one."""
        bare = (
            replace(c, levels=tuple(replace(level, frequency=None) for level in c.levels)) for c in self.comparisons
        )
        return replace(self, comparisons=tuple(bare))

    def weights(self) -> dict[str, object]:
        """What was learned, as plain data for :meth:`taught`: the prior, and `m` and `u` of each level; of what was not, why, and
        `u` where it was measured all the same."""
        levels = {name: [[level.m, level.u] for level in self._levels(name)] for name in self.trained}
        chances = {name: [level.u for level in self._levels(name)] for name in self.measured if name not in levels}
        return {
            "version": self.version, "prior": self.prior, "levels": levels, "chances": chances,
            "fell_back": dict(self.fell_back),
        }  # fmt: skip

    def taught(self, weights: Mapping[str, Any]) -> Model:
        """This model with the weights of an earlier run, as far as its comparisons still have the same levels."""
        if weights.get("version") != self.version:
            return self
        model = self.with_chances(weights.get("chances", {}))
        known = {
            comparison.name: tuple(
                replace(level, m=m, u=u) for level, (m, u) in zip(comparison.levels, found, strict=True)
            )
            for comparison in model.comparisons
            if len(found := weights["levels"].get(comparison.name, ())) == len(comparison.levels)
        }
        return replace(model.with_levels(known), prior=weights["prior"])

    def _levels(self, name: str) -> tuple[Level, ...]:
        return next(comparison.levels for comparison in self.comparisons if comparison.name == name)

    def with_chances(self, chances: Mapping[str, Sequence[float]]) -> Model:
        """The same model, where two customers agree as often as measured, in the comparisons named that have as many levels."""
        measured = {
            one.name: tuple(replace(level, u=u) for level, u in zip(one.levels, chances[one.name], strict=True))
            for one in self.comparisons
            if len(chances.get(one.name, ())) == len(one.levels)
        }
        changed = tuple(replace(one, levels=measured.get(one.name, one.levels)) for one in self.comparisons)
        return replace(self, comparisons=changed, measured=tuple(sorted(measured)))

    def with_levels(self, weights: Mapping[str, tuple[Level, ...]]) -> Model:
        """The same model with other weights for the comparisons named, which count as trained."""
        changed = tuple(replace(c, levels=weights.get(c.name, c.levels)) for c in self.comparisons)
        return replace(self, comparisons=changed, trained=tuple(sorted(weights)))


def _near(column: str, *degrees: tuple[float, float, float], exact: tuple[float, float]) -> tuple[Level, ...]:
    """Equal, then Jaro-Winkler similarity at each (similarity, m, u), then anything else."""
    alike = tuple(Level(f"{column} {degree:g}", near(column, degree), m, u) for degree, m, u in degrees)
    return _closed(Level(f"same {column}", same(column), *exact, frequency=column), *alike)


def _typed(column: str, *degrees: tuple[int, float, float], exact: tuple[float, float]) -> tuple[Level, ...]:
    """Equal, then at most so many typing errors each (errors, m, u), then anything else."""
    alike = tuple(Level(f"{column} -{errors}", Mistyped(column, errors), m, u) for errors, m, u in degrees)
    return _closed(Level(f"same {column}", same(column), *exact), *alike)


def _closed(*levels: Level) -> tuple[Level, ...]:
    """The levels and a last one that takes what remains of both probabilities."""
    rest_m, rest_u = 1 - sum(level.m for level in levels), 1 - sum(level.u for level in levels)
    return (*levels, Level("other", None, max(rest_m, 0.001), max(rest_u, 0.001), apart=True))


# Bob of Robert, Ian of John; the table of names says both ways.
OTHER_FORM: Final = Surely(Contains(left("forms"), right("word")))


LINES: Final = ("email", "phone")
"""Columns of what one person is reached by, or a household."""
# A Han name and its spelling in Latin letters; and two scripts of which neither is known to spell the other.
SPELT_OUT: Final = Surely(Contains(left("spelt"), right("latin"))) | Surely(Contains(right("spelt"), left("latin")))
OTHER_SCRIPT: Final = KnownOfOne("latin")
# Two characters make a given name in a million ways; those of one, and of other peoples, come from short lists.
FREE_NAME: Final = Surely(~Known("latin") & Long(left("name"), 3, 3) & Long(left("first"), 2, 2))


# One word, which is the given name, or stands for it.
_ALONE: Final = Equal(left("name"), left("first")) | Equal(right("name"), right("first"))


def _person_name(*, wide: bool) -> Comparison:
    first, last = ("first_s", "last_s") if wide else ("first", "last")
    same_sound = Level("same sound", same(first) & same(last), 0.02, 1e-6)
    # What is written as it sounds is in Latin letters, where one letter is a slip like any other.
    in_han = ~Equal(left("name"), left(first))
    apart = Level("one character apart", in_han & OneCharacterApart("name"), 0.03, 2e-4)
    whole = Level("same name", same("name"), 0.45, 4e-6, frequency="name")
    if wide:
        whole = replace(whole, parts=("first", "last"), parts_when=FREE_NAME)
    levels = [
        whole,
        Level("same words", same("tokens"), 0.05, 1e-6),
        Level("same first and last", same("first") & same("last"), 0.05, 1e-6),
        *([same_sound] if wide else []),
        Level("swapped", crossed(first, last), 0.02, 2e-6),
        *([Level("family name last", in_han & Turned("name"), 0.005, 1e-6)] if wide else []),
        *([Level("spelt out", SPELT_OUT, 0.02, 2e-6)] if wide else []),
        *([Level("other script", OTHER_SCRIPT, 0.02, 0.05)] if wide else []),
        *([apart] if wide else []),
        Level("other form of first, same last", OTHER_FORM & same("last"), 0.03, 2e-5),
        Level("both near", near(first, 0.88) & near(last, 0.88), 0.16, 4e-5),
        Level("whole near", near("tokens", 0.92), 0.04, 2e-5),
        Level("two words", CommonWords("name", 2), 0.02, 2e-5),
        Level("same last", same("last"), 0.08, 0.003, frequency="last", apart=True),
        # Of one of them no family name is known, which is no other one.
        Level("given name alone", _ALONE & same("first"), 0.01, 1e-4, frequency="first"),
        Level("same first", same("first"), 0.02, 0.006, frequency="first"),
        Level("last near", near(last, 0.88), 0.03, 0.007, apart=True),
        Level("first near", near(first, 0.88), 0.01, 0.004),
    ]
    return Comparison("name", "name", _closed(*levels))


SECOND_INITIAL: Final = (Long(left("second"), 1, 1) | Long(right("second"), 1, 1)) & same("second", 1, 1)
_SECOND: Final = _closed(
    Level("same second name", same("second"), 0.8, 0.07, frequency="second"),
    Level("second initial", SECOND_INITIAL, 0.1, 0.03),
    Level("second near", near("second", 0.88), 0.03, 0.005),
)
SWAPPED_DAY: Final = (
    same("birth", 1, 4)
    & Equal(left("birth", 5, 6), right("birth", 7, 8))
    & Equal(left("birth", 7, 8), right("birth", 5, 6))
)
_BIRTH: Final = _closed(
    Level("same day", same("birth"), 0.8, 4e-5, frequency="birth"),
    Level("one typing error", Mistyped("birth", 1), 0.1, 0.0012),
    Level("day and month swapped", SWAPPED_DAY, 0.01, 5e-5),
    Level("two typing errors", Mistyped("birth", 2), 0.03, 0.015),
    Level("same year", same("birth", 1, 4), 0.02, 0.012),
    Level("two years", YearsApart("birth", 2), 0.01, 0.05),
)
_POSTAL: Final = _closed(
    Level("same postcode", same("postal"), 0.75, 0.0015, frequency="postal"),
    Level("one typing error", Mistyped("postal", 1), 0.08, 0.01),
    Level("same sector", same("postal", 1, 4), 0.02, 0.01),
)
# Near phones and mailboxes hardly ever stand in a random sample, so `u` cannot be learned: the values are set here.
_EMAIL: Final = Comparison(
    "email",
    "email",
    _closed(
        Level("same email", same("email"), 0.7, 3e-6, frequency="email"),
        Level("same mailbox name", Long(left("mailbox"), 6) & same("mailbox"), 0.06, 3e-6),
        Level("one typing error", Mistyped("email", 1), 0.05, 1e-6),
        Level("two typing errors", Mistyped("email", 2), 0.02, 3e-6),
    ),
    learned=False,
)
_PHONE: Final = Comparison(
    "phone",
    "phone",
    _closed(
        Level("same phone", same("phone"), 0.7, 3e-6, frequency="phone"),
        Level("same last eight digits", Long(left("phone"), 8) & same("phone", -8), 0.04, 1e-6),
        Level("one typing error", Mistyped("phone", 1), 0.05, 1e-5),
    ),
    learned=False,
)


def _plain(column: str, m: float, u: float) -> Comparison:
    return Comparison(column, column, _closed(Level(f"same {column}", same(column), m, u, column)))


def _place(column: str) -> Comparison:
    return Comparison(column, column, _near(column, (0.92, 0.08, 0.003), (0.8, 0.03, 0.01), exact=(0.7, 0.01)))


# Whoever moved lives in another estate, at another number, in another flat: that is told once, by the number.
_ESTATE: Final = Comparison(
    "estate",
    "estate",
    (Level("same estate", same("estate"), 0.8, 0.02, "estate"), Level("other", None, 1.0, 1.0)),
    learned=False,
)
_ADDRESS: Final = (
    Comparison("postal", "postal", _POSTAL),
    Comparison("addr", "addr", _near("addr", (0.95, 0.08, 1e-5), (0.85, 0.08, 1e-4), exact=(0.6, 1e-4))),
    Comparison("unit", "unit", _near("unit", (0.9, 0.15, 2e-4), exact=(0.6, 2e-3))),
    _ESTATE,
    _place("locality"),
    _plain("region", 0.88, 0.2),
)
_SHARED: Final = tuple(
    replace(one, shared=True, place=one not in (_EMAIL, _PHONE)) for one in (*_ADDRESS, _EMAIL, _PHONE)
)


def _person(features: Features) -> tuple[Comparison, ...]:
    return (
        _person_name(wide=features.wide),
        Comparison("second", "second", _SECOND),
        Comparison("birth", "birth", _BIRTH),
        Comparison(
            "national_id",
            "national_id",
            _typed("national_id", (1, 0.06, 1e-6), (2, 0.02, 1e-5), exact=(0.88, 1e-6)),
        ),
        *_SHARED,
        _place("birth_place"),
        _plain("gender", 0.95, 0.5),
        _plain("occupation", 0.6, 0.03),
    )


def _organisation(_: Features) -> tuple[Comparison, ...]:
    name = _closed(
        Level("same name", same("name"), 0.65, 1e-5, frequency="name"),
        Level("same words", same("tokens"), 0.03, 1e-6),
        Level("near", near("name_s", 0.94), 0.14, 1e-4),
        Level("beginning", Long(left("name_s"), 6) & same("name_s", 1, 6), 0.06, 1e-3),
        Level("similar", near("name_s", 0.85), 0.05, 5e-3),
    )
    number = _typed("registration_number", (1, 0.05, 1e-6), (2, 0.02, 1e-5), exact=(0.9, 1e-6))
    return (
        Comparison("name", "name", name),
        Comparison("registration_number", "registration_number", number),
        *_SHARED,
    )


def shipped(features: Features, kind: Kind, *, prior: float) -> Model:
    """The shipped model, cut down to the comparisons these features can feed.

    Among few records every value looks frequent, so there frequencies do not count.

    Args:
        prior: expected share of record pairs that are one customer.
    """
    every = _person(features) if kind == "person" else _organisation(features)
    present = [comparison for comparison in every if comparison.column in features.columns]
    if len(features.records) < LEAST_RECORDS:
        return Model(kind, tuple(present), prior).without_frequencies()
    return Model(kind, tuple(present), prior)
