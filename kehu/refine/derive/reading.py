"""Reading a tree into what is computed, node by node: values, comparisons, arithmetic and cases, each with its type."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl
from sqlglot import exp

from kehu.refine.derive.faults import Fault
from kehu.refine.derive.inputs import Kind
from kehu.refine.derive.language import place_of

_WORD: Final = re.compile(r"[^\x00-\x1f\x7f]{1,40}")
_MOST_WORDS: Final = 60
_EXACT: Final = 15  # digits of a whole number that a fraction of eight bytes holds exactly, too


@dataclass(frozen=True, slots=True)
class Typed:
    """An expression with its type.

    Attributes:
        level: of the numbers that are in it, not of what it only compares.
        category: of words of the declaration alone, the same as a category, which is not looked up row by row.
    """

    kind: Kind
    expr: pl.Expr
    level: int = 1
    words: frozenset[str] = frozenset()
    category: pl.Expr | None = None


class Reader:
    """Reads what rows, whole customers and other traits have in common: values, comparisons, arithmetic, cases."""

    def read(self, node: exp.Expr) -> Typed:
        """The typed expression of a node.

        Raises:
            Fault: a node that is not known, or of a type that does not fit.
        """
        own = self.own(node)
        if own is not None:
            return own
        known: dict[type[exp.Expr], Callable[[exp.Expr], Typed]] = {
            exp.Paren: lambda n: self.read(n.this), exp.Literal: _literal, exp.Boolean: _boolean, exp.Null: _null,
            exp.Neg: lambda n: self._number(n.this, lambda x: 0 - x), exp.Abs: lambda n: self._number(n.this, _size),
            exp.Not: lambda n: Typed("truth", ~self.truth(n.this)), exp.Is: self._is, exp.In: self._in,
            exp.Between: self._between, exp.Case: self._case, exp.If: self._if, exp.Coalesce: self._coalesce,
            exp.Round: self._round, exp.Like: self._like, exp.ILike: self._like, exp.Contains: self._like,
            exp.Lower: self._lower, exp.Least: self._ends, exp.Greatest: self._ends,
        }  # fmt: skip
        if (known_way := known.get(type(node))) is not None:
            return known_way(node)
        if isinstance(node, (exp.And, exp.Or)):
            left, right = self.truth(node.this), self.truth(node.expression)
            return Typed("truth", left & right if isinstance(node, exp.And) else left | right)
        if type(node) in _COMPARING:
            return self._compare(node)
        if type(node) in _COMPUTING:
            return self._compute(node)
        raise Fault("not-allowed", place_of(node), called(node))

    def own(self, node: exp.Expr) -> Typed | None:
        """What only this reader knows; None: nothing of its own."""
        raise NotImplementedError

    def truth(self, node: exp.Expr) -> pl.Expr:
        """An expression that is yes or no.

        Raises:
            Fault: it is neither.
        """
        found = self.read(node)
        if found.kind != "truth":
            raise Fault("truth", place_of(node), "")
        return found.expr

    def _number(self, node: exp.Expr, work: Callable[[pl.Expr], pl.Expr]) -> Typed:
        found = self.read(node)
        if found.kind != "number":
            raise Fault("number", place_of(node), "")
        return Typed("number", work(found.expr), found.level)

    def _compare(self, node: exp.Expr) -> Typed:
        left, right = self.read(node.this), self.read(node.expression)
        self._same(node, left, right)
        if left.kind in ("text", "word") and type(node) not in (exp.EQ, exp.NEQ):
            raise Fault("order-of-text", place_of(node), "")
        if "text" in (left.kind, right.kind) and not (_is_word(node.this) or _is_word(node.expression)):
            raise Fault("text-with-text", place_of(node), "")
        return Typed("truth", _COMPARING[type(node)](left.expr, right.expr))

    def _same(self, node: exp.Expr, *found: Typed) -> None:
        kinds = {"text" if one.kind == "word" else one.kind for one in found}
        if len(kinds) > 1:
            raise Fault("mixed", place_of(node), ", ".join(sorted(kinds)))

    def _compute(self, node: exp.Expr) -> Typed:
        left, right = self.read(node.this), self.read(node.expression)
        if (left.kind, right.kind) != ("number", "number"):
            raise Fault("number", place_of(node), "")
        if isinstance(node, exp.Div):
            by = pl.when(right.expr != 0).then(right.expr)
            return Typed("number", left.expr / by, max(left.level, right.level))
        return Typed("number", _COMPUTING[type(node)](left.expr, right.expr), max(left.level, right.level))

    def _is(self, node: exp.Expr) -> Typed:
        found = self.read(node.this)
        if isinstance(node.expression, exp.Null):
            return Typed("truth", found.expr.is_null())
        if found.kind != "truth" or not isinstance(node.expression, exp.Boolean):
            raise Fault("not-allowed", place_of(node), "is")
        return Typed("truth", found.expr.eq_missing(pl.lit(bool(node.expression.this))))

    def _in(self, node: exp.Expr) -> Typed:
        found, listed = self.read(node.this), node.expressions
        if not listed or any(node.args.get(part) for part in ("query", "unnest", "field")):
            raise Fault("list", place_of(node), "")
        if not all(isinstance(bare(one), exp.Literal) for one in listed):
            raise Fault("list", place_of(node), "")
        values = [self.read(one) for one in listed]
        self._same(node, found, *values)
        held = [_value(bare(one)) for one in listed]
        if found.kind == "number":  # of whole numbers and fractions, on either side, neither is looked up in the other
            return Typed("truth", found.expr.cast(pl.Float64).is_in([float(one) for one in held]))
        return Typed("truth", found.expr.is_in(held))

    def _between(self, node: exp.Expr) -> Typed:
        found, low, high = self.read(node.this), self.read(node.args["low"]), self.read(node.args["high"])
        if {found.kind, low.kind, high.kind} != {"number"}:
            raise Fault("number", place_of(node), "")
        return Typed("truth", (found.expr >= low.expr) & (found.expr <= high.expr))

    def _case(self, node: exp.Expr) -> Typed:
        if node.this is not None:
            raise Fault("case", place_of(node), "")
        tests = [(self.truth(one.this), self.read(one.args["true"])) for one in node.args["ifs"]]
        default = self.read(node.args["default"]) if node.args.get("default") is not None else _null(node)
        return self._chosen(node, tests, default)

    def _if(self, node: exp.Expr) -> Typed:
        default = self.read(node.args["false"]) if node.args.get("false") is not None else _null(node)
        return self._chosen(node, [(self.truth(node.this), self.read(node.args["true"]))], default)

    def _chosen(self, node: exp.Expr, tests: list[tuple[pl.Expr, Typed]], default: Typed) -> Typed:
        outcomes = [one for _, one in tests] + ([] if _NOTHING is default.expr else [default])
        if any(one.kind == "text" for one in outcomes):
            raise Fault("text-out", place_of(node), "")
        self._same(node, *outcomes)
        words = frozenset[str]().union(*(one.words for one in outcomes))
        if len(words) > _MOST_WORDS:
            raise Fault("words", place_of(node), str(_MOST_WORDS))
        made, category = default.expr, default.expr if default.expr is _NOTHING else default.category
        for test, outcome in reversed(tests):
            made = pl.when(test).then(outcome.expr).otherwise(made)
            if category is not None and outcome.category is not None:
                category = pl.when(test).then(outcome.category).otherwise(category)
            else:
                category = None
        return Typed(outcomes[0].kind, made, max(one.level for one in outcomes), words, category)

    def _coalesce(self, node: exp.Expr) -> Typed:
        found = [self.read(one) for one in (node.this, *node.expressions)]
        if any(one.kind == "text" for one in found):
            raise Fault("text-out", place_of(node), "")
        self._same(node, *found)
        words = frozenset[str]().union(*(one.words for one in found))
        return Typed(found[0].kind, pl.coalesce([one.expr for one in found]), max(one.level for one in found), words)

    def _round(self, node: exp.Expr) -> Typed:
        places = node.args.get("decimals")
        if places is not None and not (isinstance(places, exp.Literal) and places.name in "0123"):
            raise Fault("not-allowed", place_of(node), "round")
        return self._number(
            node.this, lambda x: x.cast(pl.Float64).round(int(places.name) if places is not None else 0)
        )

    def _ends(self, node: exp.Expr) -> Typed:
        found = [self.read(one) for one in (node.this, *node.expressions)]
        if {one.kind for one in found} != {"number"}:
            raise Fault("number", place_of(node), "")
        ends = pl.min_horizontal if isinstance(node, exp.Least) else pl.max_horizontal
        return Typed("number", ends(*(one.expr for one in found)), max(one.level for one in found))

    def _lower(self, node: exp.Expr) -> Typed:
        found = self.read(node.this)
        if found.kind != "text":
            raise Fault("not-allowed", place_of(node), "lower")
        return Typed("text", found.expr.str.to_lowercase())

    def _like(self, node: exp.Expr) -> Typed:
        found, pattern = self.read(node.this), bare(node.expression)
        if found.kind not in ("text", "word") or not _is_word(pattern) or node.args.get("escape"):
            raise Fault("like", place_of(node), "")
        text = str(pattern.this)
        if isinstance(node, exp.Contains):
            return Typed("truth", found.expr.str.contains(text, literal=True))
        parts = {"%": ".*", "_": "."}
        body = "".join(parts.get(sign, re.escape(sign)) for sign in text)
        flags = "(?si)" if isinstance(node, exp.ILike) else "(?s)"
        return Typed("truth", found.expr.str.contains(f"{flags}^{body}$"))


def _size(number: pl.Expr) -> pl.Expr:
    return number.cast(pl.Float64).abs()  # of nothing, which is of no type, there would be none


_NOTHING: Final = pl.lit(None)
_COMPARING: Final[dict[type[exp.Expr], Callable[[pl.Expr, pl.Expr], pl.Expr]]] = {
    exp.EQ: lambda a, b: a == b, exp.NEQ: lambda a, b: a != b, exp.LT: lambda a, b: a < b, exp.LTE: lambda a, b: a <= b,
    exp.GT: lambda a, b: a > b, exp.GTE: lambda a, b: a >= b,
}  # fmt: skip
_COMPUTING: Final[dict[type[exp.Expr], Callable[[pl.Expr, pl.Expr], pl.Expr]]] = {
    exp.Add: lambda a, b: a + b, exp.Sub: lambda a, b: a - b, exp.Mul: lambda a, b: a * b, exp.Div: lambda a, b: a / b,
}  # fmt: skip


def _literal(node: exp.Expr) -> Typed:
    if not node.is_string:
        return Typed("number", pl.lit(_value(node)))
    if not _WORD.fullmatch(str(node.this)):
        raise Fault("word", place_of(node), "40")
    word = str(node.this)
    return Typed("word", pl.lit(word), 1, frozenset({word}), pl.lit(word, pl.Categorical))


def _value(node: exp.Expr) -> int | float | str:
    if node.is_string:
        return str(node.this)
    text = str(node.this)
    try:
        return int(text) if text.isdigit() and len(text) <= _EXACT else float(text)
    except ValueError:
        raise Fault("number", place_of(node), "") from None


def _boolean(node: exp.Expr) -> Typed:
    return Typed("truth", pl.lit(bool(node.this)))


def _null(node: exp.Expr) -> Typed:
    return Typed("number", _NOTHING)


def _is_word(node: exp.Expr) -> bool:
    inner = bare(node)
    return isinstance(inner, exp.Literal) and inner.is_string


def called(node: exp.Expr) -> str:
    return str(node.this)[:40] if isinstance(node, exp.Anonymous) else type(node).__name__.lower()


def bare(node: exp.Expr) -> exp.Expr:
    while isinstance(node, (exp.Alias, exp.Paren)):
        node = node.this
    return node
