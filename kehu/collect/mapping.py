"""Which column is which field: suggested from headers and values, corrected by hand, shown with masked samples."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from kehu.collect.evidence import evidence
from kehu.collect.imports.recipe import EVENTS
from kehu.collect.imports.supplied import OF_THE_SOURCE
from kehu.collect.presets import Recognised, recognise
from kehu.collect.readers.rows import unbroken
from kehu.govern.dictionary import Dictionary
from kehu.govern.masks import shape
from kehu.refine.clean import fold

_FILE: Final = Path(__file__).with_name("headers.toml")
_ENOUGH: Final = 2.4
_CONTRADICTED: Final = 0.2
"""A header is not believed where fewer of its values than this look like the field."""
_FEW: Final = 20
"""Fewer values than this may just be bad: a header that is exactly a field's name is then believed where nothing else is."""
_BARELY: Final = 2.41

_OF_KIND: Final[Mapping[str, frozenset[str]]] = {
    "customers": frozenset({"identity", "contact", "preference", "credit", "social"}),
    "organisations": frozenset({"identity", "contact", "preference", "credit", "social"}),
    "orders": frozenset({"transaction"}),
    "interactions": frozenset({"interaction"}),
}
_LINKS: Final = frozenset({"external_id", "email", "phone", "full_name", "delivery_address"})
"""What an order or an interaction says of its customer."""

_NOT_OF_ORGANISATIONS: Final = frozenset(
    {"given_name", "family_name", "second_given_name", "second_family_name", "gender", "birth_date", "birth_place"}
    | {"national_id", "occupation", "income", "nationality", "marital_status", "education", "passport_number"}
    | {"employer"}
)
_WHO: Final = frozenset({"full_name", "birth_date", "national_id", "gender"})
_OWN: Final = 9.0
"""The score from which a header is one of the field's own names: of an export that is known, the system has said all else."""
_OTHER_PEOPLE: Final = re.compile(
    r"紧急|家属|父亲|母亲|配偶|监护|推荐人|介绍人|担保|客服|销售|经办|录入|创建人|子女|孩子|"
    r"导购|顾问|业务员|店员|跟进|归属|经理|.负责人|"
    r"\b(?:emergency|spouse|father|mother|guardian|referr\w*|kin|sales|agent|staff|operator|created by|child|"
    r"owner|manager|assistant|advis[eo]r|relation|event \d+)\b"
)
"""Headers about somebody else than the customer are never taken by themselves."""


class MappingRefused(ValueError):
    """A `field=column` that cannot be followed: no such field, no such column, or no such place."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """`fields`: field to column, in the order of the columns. `unmapped`: columns that are named, not kept.

    `recognised`: the system whose export it is, if its headers tell.
    """

    fields: dict[str, str]
    unmapped: list[str]
    recognised: Recognised | None = None


def suggest(columns: Sequence[str], sample: pl.DataFrame, kind: str, dictionary: Dictionary) -> Suggestion:
    """The likely field of every column of an import of `customers`, `organisations`, `orders` or `interactions`.

    `sample` holds the first rows under the same columns. A header that its values contradict is not believed; values
    alone suffice for what cannot be mistaken (e-mail, phone, resident number, Chinese names and the like). Of an export of a
    system that is known by its headers only what that system's preset does not speak of is guessed.
    """
    fields = _fields_of(kind, dictionary)
    preset = recognise(columns, kind)
    chosen = {name: column for name, column in preset.fields.items() if name in fields} if preset is not None else {}
    known = preset.known if preset is not None else frozenset[str]()
    scores: list[tuple[float, int, str, str]] = []
    for place, column in enumerate(columns):
        if column in known:
            continue
        values = sample[column] if column in sample.columns else pl.Series(column, [], dtype=pl.String)
        seen = evidence(values, kind)
        for field in fields:
            looks = seen.by_type.get(dictionary.field(field).type)
            score = _score(column, field, looks, kind, few=len(values) - values.null_count() < _FEW)
            score = max(score, seen.by_field.get(field, 0.0)) if not _of_others(column) else 0.0
            if score >= (_OWN if preset is not None and field in _WHO else _ENOUGH):
                scores.append((-score, place, field, column))
    taken = set(chosen.values())
    for _, _, name, column in sorted(scores):
        if name not in chosen and column not in taken:
            chosen[name] = column
            taken.add(column)
    return _in_order(chosen, columns, preset)


def override(suggestion: Suggestion, told: Iterable[str], columns: Sequence[str], dictionary: Dictionary) -> Suggestion:
    """The suggestion with `field=column`, `field=#N` (the N-th column) and `field=` (leave it out) put over it.

    Raises:
        MappingRefused: the field is not in the dictionary, or the column not in the file.
    """
    fields = dict(suggestion.fields)
    forced: set[str] = set()
    for pair in told:
        field, equals, wanted = (part.strip() for part in pair.partition("="))
        if not equals:
            raise MappingRefused("a mapping is written field=column, field=#N or field=")
        if field not in dictionary.fields:
            raise MappingRefused(f"no field of this name in the dictionary: {field}")
        column = _column(wanted, columns) if wanted else None
        for other in [name for name, now in fields.items() if now == column and name not in forced]:
            del fields[other]
        fields.pop(field, None)
        forced.add(field)
        if column is not None:
            fields[field] = column
    return _in_order(fields, columns, suggestion.recognised)


def _column(wanted: str, columns: Sequence[str]) -> str:
    if wanted in columns:
        return wanted
    if (whole := unbroken(wanted)) in columns:  # as it stands in the file
        return whole
    if match := re.fullmatch(r"#(\d{1,5})", wanted):
        place = int(match[1])
        if 1 <= place <= len(columns):
            return columns[place - 1]
        raise MappingRefused(f"the file has {len(columns)} columns, none at place {place}")
    raise MappingRefused(f"the file has no column of this name: {wanted}")


def named(frame: pl.DataFrame, fields: Mapping[str, str], *, keep: Mapping[str, str] | None = None) -> pl.DataFrame:
    """A batch's frame with its columns named by field, `line` first. `keep`: further columns, new name to column."""
    wanted = {**(keep or {}), **fields}
    return frame.select("line", *(pl.col(column).alias(name) for name, column in wanted.items()))


def masked_samples(
    sample: pl.DataFrame, fields: Mapping[str, str], dictionary: Dictionary, *, count: int = 3
) -> dict[str, list[str]]:
    """The first values of every mapped field, masked by the dictionary's rules."""
    return {
        field: [dictionary.mask(field, value) for value in sample[column].drop_nulls().head(count).to_list()]
        for field, column in fields.items()
        if column in sample.columns
    }


def shapes(sample: pl.DataFrame, columns: Iterable[str], *, count: int = 3) -> dict[str, list[str]]:
    """How the first values of columns are made that are no field: what tells them apart where they have no names."""
    return {column: [shape(value) for value in sample[column].drop_nulls().head(count).to_list()] for column in columns}


def _in_order(fields: Mapping[str, str], columns: Sequence[str], preset: Recognised | None) -> Suggestion:
    place = {column: at for at, column in enumerate(columns)}
    ordered = dict(sorted(fields.items(), key=lambda pair: place[pair[1]]))
    taken = set(fields.values())
    return Suggestion(ordered, [column for column in columns if column not in taken], preset)


def _fields_of(kind: str, dictionary: Dictionary) -> list[str]:
    categories = _OF_KIND[kind]
    links = _LINKS | OF_THE_SOURCE if kind in EVENTS else frozenset[str]()
    fields = [name for name, field in dictionary.fields.items() if field.category in categories or name in links]
    return [name for name in fields if name not in _NOT_OF_ORGANISATIONS] if kind == "organisations" else fields


@functools.cache
def _synonyms() -> dict[str, list[str]]:
    written: dict[str, list[str]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    labels = Dictionary.load().fields
    return {
        field: [_plain(header) for header in [*written.get(field, []), *labels[field].labels.values(), field]]
        for field in labels
    }


@functools.lru_cache(maxsize=4096)
def _plain(header: str) -> str:
    """A header in simplified script and lower case, words parted by one space; what stands in brackets left out."""
    text = re.sub(r"[((\[【].*?[))\]】]", " ", header)
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    text = re.sub(r"(?<=[A-Za-z])(?=\d)", " ", text)
    return " ".join(re.sub(r"[\W_]+", " ", fold(text)).split())


def _of_others(column: str) -> bool:
    return _OTHER_PEOPLE.search(_plain(column)) is not None


def _score(column: str, field: str, looks: float | None, kind: str, *, few: bool) -> float:
    """How likely a column is this field by its header; `looks` is the share of its values that look like the field."""
    header = _plain(column)
    if not header:
        return 0.0
    if looks is not None and looks < _CONTRADICTED:
        return _BARELY if few and header in (_plain(field), field) else 0.0
    best = 0.0
    for rank, word in enumerate(_synonyms()[field]):
        best = max(best, _likeness(header, word) - rank * 0.01)
    if kind == "organisations" and field == "legal_name" and header in ("name", "名称", "客户名称", "客户", "全称"):
        best = 11.0
    if field == "order_id" and kind == "orders" and header in ("id", "编号"):
        best = 9.0
    return best + looks if best and looks is not None else best


def _likeness(header: str, word: str) -> float:
    if not word:
        return 0.0
    if header == word or header.replace(" ", "") == word.replace(" ", ""):
        return 10.0
    if word.isascii():
        words, parts = set(header.split()), set(word.split())
        return 4.0 + len(parts) - 0.2 * len(words - parts) if len(word) > 2 and parts <= words else 0.0
    bare = header.replace(" ", "")
    return 4.0 + 0.5 * len(word) - 0.1 * len(bare) if len(word) > 1 and word in bare else 0.0
