"""Two ways to write an expression, one tree: DuckDB's SQL, and a small part of Python.

Nothing written here is ever run. SQL is parsed, Python is parsed, both become the same tree, and :mod:`checking` builds from
it what is computed, node by node; what it does not know is refused. So there is no function that reads a file, no subquery,
no attribute, no import to be kept out.
"""

from __future__ import annotations

import ast
import functools
import logging
from collections.abc import Callable
from typing import Final

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from kehu.refine.derive.faults import Fault
from kehu.refine.derive.inputs import SOURCES, TRAITS

LONGEST: Final = 2_000
"""Characters of an expression."""
_DEEPEST: Final = 30
PLACE: Final = "place"
logging.getLogger("sqlglot").setLevel(logging.ERROR)  # it quotes what it was given


@functools.lru_cache(maxsize=256)
def parsed(language: str, text: str, source: str) -> exp.Select:
    """The one select that an expression is; nobody changes it: all who ask for the same get the same.

    Args:
        source: of a Python expression; SQL names its own.
    Raises:
        Fault: it is not of the language; the place and the remedy are said.
    """
    if len(text) > LONGEST:
        raise Fault("too-long", "", str(LONGEST))
    if not text.strip():
        raise Fault("empty", "", "")
    try:
        select = _of_sql(text) if language == "sql" else _of_python(text, source)
    except RecursionError:
        raise Fault("too-deep", "", str(_DEEPEST)) from None
    if _depth(select) > _DEEPEST:
        raise Fault("too-deep", "", str(_DEEPEST))
    return select


def _of_sql(text: str) -> exp.Select:
    try:
        trees = sqlglot.parse(text, read="duckdb")
    except SqlglotError as wrong:
        errors = getattr(wrong, "errors", None) or [{}]
        raise Fault("unreadable", f"{errors[0].get('line', 1)}:{errors[0].get('col', 1)}", "") from None
    found = [tree for tree in trees if tree is not None]
    if len(found) != 1 or type(found[0]) is not exp.Select:
        raise Fault("one-select", place_of(found[-1]) if found else "", "")
    return found[0]


def place_of(node: exp.Expr) -> str:
    """Where a node stands, in the words of whoever wrote it: the piece itself, and line and column where they are known."""
    own = node.meta.get(PLACE)
    if own:
        return str(own)
    text = node.sql(dialect="duckdb")
    piece = text if len(text) <= 60 else text[:59] + "…"
    at = next((one.meta for one in node.walk() if "line" in one.meta), None)
    return f"{at['line']}:{at['col'] - at['end'] + at['start']} {piece}" if at else piece


def _depth(node: exp.Expr) -> int:
    deepest, stack = 0, [(node, 1)]
    while stack:
        one, at = stack.pop()
        deepest = max(deepest, at)
        stack += [(child, at + 1) for child in one.iter_expressions()]
    return deepest


# ---- Python


def _of_python(text: str, source: str) -> exp.Select:
    if source not in (*SOURCES, TRAITS):
        raise Fault("source", "", ", ".join((*SOURCES, TRAITS)))
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as wrong:
        at = f"{getattr(wrong, 'lineno', 1)}:{getattr(wrong, 'offset', 1)}"
        raise Fault("unreadable", at, "") from None
    reader = _Python(text.strip())
    by: exp.Expr | None = None
    if isinstance(tree, ast.Call) and (named := [one for one in tree.keywords if one.arg == "by"]):
        tree.keywords = [one for one in tree.keywords if one.arg != "by"]
        by = reader.read(named[0].value)
    select = exp.select(reader.read(tree)).from_(source)
    return select.group_by(by) if by is not None else select


_COMPARED: Final[dict[type[ast.cmpop], type[exp.Expr]]] = {
    ast.Eq: exp.EQ, ast.NotEq: exp.NEQ, ast.Lt: exp.LT, ast.LtE: exp.LTE, ast.Gt: exp.GT, ast.GtE: exp.GTE,
}  # fmt: skip
_COMPUTED: Final[dict[type[ast.operator], type[exp.Expr]]] = {
    ast.Add: exp.Add, ast.Sub: exp.Sub, ast.Mult: exp.Mul, ast.Div: exp.Div,
}  # fmt: skip
_CALLED: Final[dict[str, Callable[..., exp.Expr]]] = {
    "sum": lambda this: exp.Sum(this=this), "mean": lambda this: exp.Avg(this=this),
    "min": lambda this: exp.Min(this=this), "max": lambda this: exp.Max(this=this),
    "abs": lambda this: exp.Abs(this=this),
}  # fmt: skip


class _Python:
    """Turns a Python expression into the tree that SQL gives."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read(self, node: ast.expr) -> exp.Expr:
        """The same in the other tree, each node with its place.

        Raises:
            Fault: not of the part of Python that is read.
        """
        made = self._made(node)
        piece = ast.get_source_segment(self._text, node) or ""
        made.meta[PLACE] = f"{node.lineno}:{node.col_offset + 1} {piece[:60]}"
        return made

    def _made(self, node: ast.expr) -> exp.Expr:
        match node:
            case ast.Constant(value=bool() as value):
                return exp.Boolean(this=value)
            case ast.Constant(value=None):
                return exp.Null()
            case ast.Constant(value=int() | float() as value):
                return exp.Literal.number(value)
            case ast.Constant(value=str() as value):
                return exp.Literal.string(value)
            case ast.Name(id=name):
                return exp.column(name)
            case ast.UnaryOp(op=ast.Not(), operand=one):
                return exp.Not(this=exp.Paren(this=self.read(one)))
            case ast.UnaryOp(op=ast.USub(), operand=one):
                return exp.Neg(this=exp.Paren(this=self.read(one)))
            case ast.BoolOp(op=op, values=values):
                joined = exp.and_ if isinstance(op, ast.And) else exp.or_
                return joined(*(exp.Paren(this=self.read(one)) for one in values), copy=False)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _COMPUTED:
                sides = [exp.Paren(this=self.read(one)) for one in (left, right)]
                return _COMPUTED[type(op)](this=sides[0], expression=sides[1])
            case ast.IfExp(test=test, body=body, orelse=orelse):
                return exp.Case(ifs=[exp.If(this=self.read(test), true=self.read(body))], default=self.read(orelse))
            case ast.Compare():
                return self._compared(node)
            case ast.Call(func=ast.Name(id=name)):
                return self._called(name, node)
        raise Fault("not-allowed", self._place(node), type(node).__name__)

    def _compared(self, node: ast.Compare) -> exp.Expr:
        found, left = list[exp.Expr](), node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            found.append(self._pair(left, op, right, node))
            left = right
        return found[0] if len(found) == 1 else exp.and_(*found, copy=False)

    def _pair(self, left: ast.expr, op: ast.cmpop, right: ast.expr, node: ast.expr) -> exp.Expr:
        if isinstance(op, (ast.Is, ast.IsNot)) and isinstance(right, ast.Constant) and right.value is None:
            found: exp.Expr = exp.Is(this=self.read(left), expression=exp.Null())
            return exp.Not(this=found) if isinstance(op, ast.IsNot) else found
        if isinstance(op, (ast.In, ast.NotIn)):
            if isinstance(right, (ast.Tuple, ast.List)):
                found = exp.In(this=self.read(left), expressions=[self.read(one) for one in right.elts])
            else:  # "tea" in product
                found = exp.Contains(this=self.read(right), expression=self.read(left))
            return exp.Not(this=found) if isinstance(op, ast.NotIn) else found
        if type(op) not in _COMPARED:
            raise Fault("not-allowed", self._place(node), type(op).__name__)
        return _COMPARED[type(op)](this=self.read(left), expression=self.read(right))

    def _called(self, name: str, node: ast.Call) -> exp.Expr:
        where = [self.read(one.value) for one in node.keywords if one.arg == "where"]
        if len(where) < len(node.keywords):
            raise Fault("not-allowed", self._place(node), ", ".join(str(one.arg) for one in node.keywords))
        given = [self.read(one) for one in node.args]
        if name == "count" and not given:
            made: exp.Expr = exp.Count(this=exp.Star())
        elif name in _CALLED and len(given) == 1:
            made = _CALLED[name](given[0])
        else:
            made = exp.Anonymous(this=name, expressions=given)
        return exp.Filter(this=made, expression=exp.Where(this=where[0])) if where else made

    def _place(self, node: ast.expr) -> str:
        return f"{node.lineno}:{node.col_offset + 1} {(ast.get_source_segment(self._text, node) or '')[:60]}"
