"""A checked expression: what it keeps of each customer, and what is computed from that.

An expression over events falls into *slots* (how many, sum, least, greatest, each of some rows) and what is made of them.
Slots of two heaps of events add up to those of both, in any order; that is why a trait can be computed in bulk, as events
arrive, and for a customer whose records are joined or parted, and always comes out the same.

Types say how far a value may get (:mod:`kehu.refine.derive.inputs`): a text may be compared with words of the declaration,
and nothing else; what is grouped by, or comes out, is a number, a moment, yes or no, or such a word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import polars as pl
from sqlglot import exp

from kehu.refine.derive.faults import Fault
from kehu.refine.derive.inputs import MOMENTS, SOURCES, TRAITS, Input, Kind, inputs_of, why_refused
from kehu.refine.derive.language import parsed, place_of
from kehu.refine.derive.reading import Reader, Typed, bare, called

WHO: Final = "who"
KEY: Final = "key"
"""Columns of rows and states: whose they are, as a number, and the key they are counted under (a category: few, in many rows)."""
TODAY: Final = "today"
"""Column with the day, in days since 1970, that what is made of slots is computed for."""
DAY_SECONDS: Final = 86_400
SCALE: Final = 10_000
"""Sums are kept in ten-thousandths, as whole numbers: the same sum comes out in whatever order is added."""

LARGEST_OF_ONE: Final = 10**12
"""What an event comes to (``amount * quantity``) at or above it is none: in ten-thousandths, hundreds of such still add up in
eight bytes, and one row that somebody mistyped stops no run."""

Way = Literal["n", "s", "l", "h"]  # how many, sum, least, greatest
_ADDED: Final = {"n": pl.Expr.sum, "s": pl.Expr.sum, "l": pl.Expr.min, "h": pl.Expr.max}


@dataclass(frozen=True, slots=True)
class Slot:
    """What is kept of a heap of events.

    Attributes:
        rows: the expression of one event that is counted up; ``added``: of many, by this way.
        kept_as: the type of what is kept; a fraction only where it is the least or greatest of numbers.
    """

    id: str
    way: Way
    rows: pl.Expr = field(compare=False, repr=False)
    added: pl.Expr = field(compare=False, repr=False)
    kept_as: type[pl.DataType] = pl.Int64

    @classmethod
    def of(cls, id: str, way: Way, rows: pl.Expr, *, fraction: bool = False) -> Slot:
        """The slot of an expression of one event."""
        kept_as = pl.Float64 if fraction else pl.Int64
        each = rows.cast(kept_as)
        return cls(id, way, each.fill_null(0) if way == "s" else each, _ADDED[way](pl.col(id)), kept_as)


@dataclass(frozen=True, slots=True)
class Heap:
    """Slots of one source, by one key or none; ``key`` None: of all of a customer's events together."""

    id: str
    source: str
    key: pl.Expr | None = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Compiled:
    """An expression that may come into force.

    ``fields``: of the dictionary, that it is read from. ``level``: the lowest that its declaration may say. ``needs`` are
    other traits, ``fifths`` those of them that it is compared with all customers by. ``shape``: what comes out.
    """

    source: str
    heap: Heap | None
    slots: tuple[Slot, ...]
    final: pl.Expr
    shape: Kind
    grouped: bool
    fields: frozenset[str]
    level: int
    words: frozenset[str]
    needs: frozenset[str]
    fifths: frozenset[str]


def compiled(language: str, text: str, source: str = "", *, traits: Mapping[str, Compiled] | None = None) -> Compiled:
    """Check an expression and build what is computed.

    Args:
        traits: other traits that it may name.
    Raises:
        Fault: it may not come into force, with the place and the remedy.
    """
    select = parsed(language, text, source)
    named = _source_of(select)
    _only_known_parts(select)
    where = select.args.get("where")
    if named == TRAITS:
        if where is not None or select.args.get("group") is not None:
            raise Fault("traits-plain", place_of(select), "")
        return _of_traits(select.expressions[0], traits or {})
    row = _Rows(named)
    whole = _Whole(row, where.this if where is not None else None)
    heap = _heap(select, row)
    made = whole.read(bare(select.expressions[0]))
    if made.kind == "text" or not whole.slots:
        raise Fault("no-count", place_of(select.expressions[0]), "")
    if heap.key is not None and made.kind not in ("number", "moment"):
        raise Fault("keyed-number", place_of(select.expressions[0]), "")
    return Compiled(
        named, heap, tuple(whole.slots.values()), made.expr, made.kind, heap.key is not None,
        frozenset(row.fields or {MOMENTS[named]}),
        max(made.level, 2), made.words, frozenset(), frozenset(),
    )  # fmt: skip


def _source_of(select: exp.Select) -> str:
    table = select.args.get("from_") or select.args.get("from")
    if table is None or type(table.this) is not exp.Table or not isinstance(table.this.this, exp.Identifier):
        raise Fault("source", place_of(select), ", ".join((*SOURCES, TRAITS)))
    name = str(table.this.this.this).lower()
    extra = [key for key, value in table.this.args.items() if value and key != "this"]
    if name not in (*SOURCES, TRAITS) or extra:
        raise Fault("source", place_of(table.this), ", ".join((*SOURCES, TRAITS)))
    return name


def _only_known_parts(select: exp.Select) -> None:
    known = {"expressions", "from_", "from", "where", "group", "kind", "operation_modifiers"}
    for part, value in select.args.items():
        if value and part not in known:
            raise Fault("part", place_of(value if isinstance(value, exp.Expr) else select), part.strip("_"))
    if len(select.expressions) != 1:
        raise Fault("one-value", place_of(select), "")


def _heap(select: exp.Select, row: _Rows) -> Heap:
    group = select.args.get("group")
    if group is None:
        return Heap(row.source[0], row.source, None)
    extra = [name for name, value in group.args.items() if value and name != "expressions"]
    if extra or len(group.expressions) != 1:
        raise Fault("one-key", place_of(group), "")
    node = bare(group.expressions[0])
    key = row.read(node)
    small = isinstance(node, exp.Column) and node.name.lower() in ("hour", "weekday")
    if key.kind != "word" and not small:
        raise Fault("key", place_of(node), "")
    each = key.expr.cast(pl.String) if key.category is None else key.category
    return Heap("g" + _digest(row.source, _canonical(node)), row.source, each)


def _of_traits(node: exp.Expr, traits: Mapping[str, Compiled]) -> Compiled:
    reader = _Traits(traits)
    made = reader.read(bare(node))
    if not reader.needs:
        raise Fault("no-trait", place_of(node), "")
    level = max((traits[one].level for one in reader.needs), default=2)
    return Compiled(
        TRAITS, None, (), made.expr, made.kind, False, frozenset(), level, made.words, frozenset(reader.needs),
        frozenset(reader.fifths),
    )  # fmt: skip


def fifth_column(slug: str) -> str:
    """The column that says in which fifth of all customers a trait's value lies."""
    return f"{slug}/5"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:10]


def _canonical(node: exp.Expr | None) -> str:
    return node.sql(dialect="duckdb", normalize=True, comments=False) if node is not None else ""


class _Rows(Reader):
    """Within a count: one event at a time."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.inputs: Mapping[str, Input] = inputs_of(source)
        self.fields: set[str] = set()

    def own(self, node: exp.Expr) -> Typed | None:
        if isinstance(node, exp.AggFunc):
            raise Fault("count-in-count", place_of(node), "")
        if not isinstance(node, exp.Column):
            return None
        name = node.name.lower()
        if node.table or name not in self.inputs:
            raise Fault(f"input-{why_refused(name)}", place_of(node), ", ".join(self.inputs))
        one = self.inputs[name]
        if one.field:
            self.fields.add(one.field)
        return Typed(one.kind, pl.col(name), one.level if one.kind == "number" else 1)


class _Whole(Reader):
    """Outside of the counts: one customer at a time."""

    def __init__(self, rows: _Rows, where: exp.Expr | None) -> None:
        self._rows = rows
        self._where = where
        self.slots: dict[str, Slot] = {}

    def own(self, node: exp.Expr) -> Typed | None:
        if isinstance(node, exp.Filter):
            if not isinstance(node.this, exp.AggFunc):
                raise Fault("not-allowed", place_of(node), "filter")
            return self._counted(node.this, node.expression.this)
        if isinstance(node, exp.AggFunc):
            return self._counted(node, None)
        if isinstance(node, exp.Anonymous) and str(node.this).lower() == "days_since" and len(node.expressions) == 1:
            found = self.read(node.expressions[0])
            if found.kind != "moment":
                raise Fault("moment", place_of(node), "")
            return Typed("number", pl.col(TODAY) - found.expr // DAY_SECONDS)
        if isinstance(node, exp.Anonymous) and str(node.this).lower() == "days_between" and len(node.expressions) == 2:
            ends = [self.read(one) for one in node.expressions]
            if {one.kind for one in ends} != {"moment"}:
                raise Fault("moment", place_of(node), "")
            return Typed("number", ends[1].expr // DAY_SECONDS - ends[0].expr // DAY_SECONDS)
        if isinstance(node, exp.Column):
            self._rows.own(node)  # what may not be used at all is said first
            raise Fault("outside-count", place_of(node), "")
        return None

    def _counted(self, node: exp.Expr, also: exp.Expr | None) -> Typed:
        if type(node) not in (exp.Count, exp.Sum, exp.Min, exp.Max, exp.Avg):
            raise Fault("not-allowed", place_of(node), called(node))
        tests = [one for one in (self._where, also) if one is not None]
        mask, canon = pl.lit(True), " and ".join(_canonical(one) for one in tests)
        for one in tests:
            mask = mask & self._rows.truth(one)
        plain = not tests
        if isinstance(node, exp.Count):
            return self._how_many(node, mask, canon, plain=plain)
        argument = self._rows.read(bare(node.this))
        if argument.kind not in ("number", "moment") or (
            argument.kind == "moment" and isinstance(node, (exp.Sum, exp.Avg))
        ):
            raise Fault("number", place_of(node.this), "")
        held, each = _canonical(bare(node.this)), _bounded(argument, node.this)
        chosen = each if plain else pl.when(mask).then(each)
        if isinstance(node, (exp.Min, exp.Max)):
            way: Way = "l" if isinstance(node, exp.Min) else "h"
            slot = self._slot(way, held, canon, chosen, fraction=argument.kind == "number")
            return Typed(argument.kind, slot, argument.level)
        whole = (chosen * SCALE).round().cast(pl.Int64)
        total = (self._slot("s", held, canon, whole) / SCALE).round(
            4
        )  # the last bit of a quotient depends on its neighbours
        if isinstance(node, exp.Sum):
            return Typed("number", total, argument.level)
        count = self._slot("n", held, canon, chosen.is_not_null().cast(pl.Int64))
        return Typed("number", (total / pl.when(count != 0).then(count)).round(4), argument.level)

    def _how_many(self, node: exp.Expr, mask: pl.Expr, canon: str, *, plain: bool) -> Typed:
        if isinstance(node.this, exp.Star) and not node.expressions and not any(node.this.args.values()):
            rows = pl.lit(1, pl.Int64) if plain else mask.fill_null(False).cast(pl.Int64)
            return Typed("number", self._slot("n", "*", canon, rows))
        if isinstance(node.this, (exp.Distinct, exp.Star)) or node.expressions or node.this is None:
            raise Fault("distinct", place_of(node), "")
        argument = _bounded(self._rows.read(bare(node.this)), node.this).is_not_null()
        rows = (argument if plain else mask.fill_null(False) & argument).cast(pl.Int64)
        return Typed("number", self._slot("n", _canonical(node.this), canon, rows))

    def _slot(self, way: Way, held: str, canon: str, rows: pl.Expr, *, fraction: bool = False) -> pl.Expr:
        id = way + _digest(self._rows.source, held, canon)
        self.slots.setdefault(id, Slot.of(id, way, rows, fraction=fraction))
        return pl.col(id)


def _bounded(found: Typed, node: exp.Expr) -> pl.Expr:
    """What is counted up of one event: nothing, where a number that was computed is too great."""
    if found.kind != "number" or isinstance(bare(node), exp.Column):  # a field is bounded as it is read
        return found.expr
    number = found.expr.cast(pl.Float64)
    return pl.when(number.abs() < LARGEST_OF_ONE).then(number)


class _Traits(Reader):
    """Other traits of the same customer."""

    def __init__(self, traits: Mapping[str, Compiled]) -> None:
        self._traits = traits
        self.needs: set[str] = set()
        self.fifths: set[str] = set()

    def own(self, node: exp.Expr) -> Typed | None:
        if isinstance(node, exp.Column):
            held = self._named(node)
            if held.grouped:
                raise Fault("grouped", place_of(node), "")
            return Typed(held.shape, pl.col(node.name.lower()), held.level, held.words)
        if isinstance(node, exp.Anonymous) and str(node.this).lower() == "fifth" and len(node.expressions) == 1:
            of = bare(node.expressions[0])
            held = self._named(of)
            if held.shape != "number" or held.source == TRAITS:
                raise Fault("fifth", place_of(of), "")
            slug = of.name.lower()
            self.fifths.add(slug)
            return Typed("number", pl.col(fifth_column(slug)), 2)
        return None

    def _named(self, node: exp.Expr) -> Compiled:
        name = node.name.lower() if isinstance(node, exp.Column) and not node.table else ""
        if name not in self._traits:
            raise Fault("unknown-trait", place_of(node), ", ".join(sorted(self._traits)) or "—")
        self.needs.add(name)
        return self._traits[name]
