"""Linkage features: dictionary fields of records folded into the forms that are compared.

Every form that is compared by letters is ASCII, because DuckDB's string distances count bytes (duckdb#25113): other
scripts are spelt out, Han characters by their pinyin. The written form stays beside it (`first`, `last`, `name`), so
that 张伟 and 张威 sound alike and are still two names.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl
import pyarrow as pa
from opencc import OpenCC

from kehu.refine.resolve.compare.addresses import homes, one_address
from kehu.refine.resolve.compare.births import births_of, by_the_moon
from kehu.refine.resolve.compare.given_names import SAME_NAMES, usual_gender, without_given_name_of_choice
from kehu.refine.resolve.compare.legal_names import named_organisations
from kehu.refine.resolve.compare.romanised import parts, spelt, together
from kehu.refine.resolve.compare.spelling import (
    COMPOUND_SURNAMES,
    FAMILIAR,
    HAN_TITLES,
    HONOURS,
    LATIN,
    MISHEARD,
    SUFFIX,
    TITLED,
    spell,
    spell_surname,
)
from kehu.refine.resolve.compare.stand_ins import NO_GIVEN_NAME
from kehu.refine.resolve.compare.texts import HAN, field, joined, sorted_words

Kind = Literal["person", "organisation"]

NAME_FIELDS: Final = ("full_name", "given_name", "second_given_name", "family_name", "legal_name")
TEXT_FIELDS: Final = ("house_number", "street", "unit", "estate", "locality", "region", "birth_place", "occupation")
CODE_FIELDS: Final = ("postal_code", "national_id", "registration_number")
_BOTH: Final = (
    "full_name",
    "address",
    "house_number",
    "street",
    "unit",
    "locality",
    "region",
    "postal_code",
    "email",
    "phone",
)
# What linkage reads of each kind, and nothing else.
FIELDS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "person": (
        *_BOTH, "given_name", "second_given_name", "family_name", "birth_date", "birth_place", "gender", "national_id",
        "occupation",
    ),
    "organisation": (*_BOTH, "legal_name", "registration_number"),
}  # fmt: skip

# One mailbox under two names, and whose providers read no dots before the @.
SAME_DOMAINS: Final = {"googlemail.com": "gmail.com"}
DOTLESS: Final = frozenset({"gmail.com"})
_SHARED_FROM: Final = 50_000  # records
WRITTEN: Final = ("first", "last", "name")
"""Where one of these is not in Latin letters, how a person's name sounds is compared, too."""
WIDE: Final = frozenset({"first_s", "last_s", "first_b", "spelt", "latin", "moon"})
"""Features of a set of persons where some name is not in Latin letters."""
ASKED: Final = frozenset({"first", "last", "word", "forms", "middle", "named_gender", *WIDE})
"""Features of persons that are there even if no record has one: conditions over a name ask for its parts and forms."""


@dataclass(frozen=True, slots=True)
class Features:
    """Folded records. ``table`` has `id` (number in the order of record ids) and one text column per feature in use.

    Attributes:
        records: the record ids, sorted; position = `id`.
        wide: some name is not in Latin letters, so `first_s` and `last_s` (its sound) stand beside `first` and `last`.
    """

    table: pa.Table
    records: list[str]
    wide: bool

    @property
    def columns(self) -> frozenset[str]:
        """Features that at least one record has."""
        return frozenset(self.table.column_names)


@functools.cache
def _simplifier() -> OpenCC:
    return OpenCC("t2s")


def simplified(text: str) -> str:
    """Traditional characters in their simplified forms."""
    return str(_simplifier().convert(text))


def prepare(table: pa.Table, kind: Kind = "person", *, wide: bool = False) -> Features:
    """Fold a table of records into linkage features.

    Args:
        table: column `record` (text, unique) and any dictionary fields, as text; other columns are not read.
        kind: persons or organisations.
        wide: the sounds of names are wanted even if all are in Latin letters, as they are in a larger set.
    Raises:
        ValueError: column `record` is missing, null or not unique.
    """
    frame = in_record_order(table, kind)
    records = frame["record"].to_list()
    frame = fold_many(frame.drop("record"), kind, wide=wide)
    used = [column.name for column in frame if column.null_count() < len(frame) or column.name in ASKED]
    ids = pl.int_range(len(frame), dtype=pl.Int32, eager=True).alias("id")
    return Features(frame.select(used).insert_column(0, ids).to_arrow(), records, set(used) >= WIDE)


def in_record_order(table: pa.Table, kind: Kind) -> pl.DataFrame:
    """The records of a table in the order of their ids: column `record`, and the fields that linkage reads.

    Raises:
        ValueError: column `record` is missing, null or not unique.
    """
    if "record" not in table.column_names:
        raise ValueError("linkage needs a column 'record'")
    known = [name for name in FIELDS[kind] if name in table.column_names and table[name].null_count < len(table)]
    frame = pl.DataFrame(pl.from_arrow(table.select(["record", *known]))).with_columns(pl.all().cast(pl.String))
    frame = frame.sort("record")
    if frame["record"].null_count() or frame["record"].n_unique() != len(frame):
        raise ValueError("column 'record' must be unique and without nulls")
    return frame


def fold_many(frame: pl.DataFrame, kind: Kind, *, wide: bool) -> pl.DataFrame:
    """Fields of records as the features that are compared, row by row; columns :data:`WIDE` if asked or needed."""
    named = named_organisations if kind == "organisation" else _person
    frame = _in_shares(frame, lambda share: named(_folded(share)))
    wide = kind == "person" and (wide or bool(in_foreign_letters(frame).any()))
    return _sounds(frame, wide=wide, kind=kind)


def in_foreign_letters(features: pl.DataFrame) -> pl.Series:
    """Of each record whether something of the name is in other letters than Latin ones."""
    written = [pl.col(name) for name in WRITTEN if name in features.columns]
    foreign = (name.str.len_bytes() != name.str.len_chars() for name in written)
    return features.select(pl.any_horizontal(one.fill_null(value=False) for one in foreign)).to_series()


def _in_shares(frame: pl.DataFrame, fold: Callable[[pl.DataFrame], pl.DataFrame]) -> pl.DataFrame:
    """Fold a large table in as many shares as there are cores: each row by itself, and one long expression uses one."""
    shares = min(os.cpu_count() or 1, len(frame) // _SHARED_FROM) or 1
    if shares == 1:
        return fold(frame)
    size = -(-len(frame) // shares)
    with ThreadPoolExecutor(shares) as pool:
        return pl.concat(pool.map(fold, [frame[start : start + size] for start in range(0, len(frame), size)]))


def _is_ascii(column: pl.Series) -> bool:
    return bool((column.str.len_bytes() == column.str.len_chars()).all())


def _mapped(column: pl.Series, change: Callable[[str], str]) -> pl.Series:
    """Apply a function once to each distinct value that is not plain ASCII."""
    if _is_ascii(column):
        return column
    distinct = column.drop_nulls().unique()
    distinct = distinct.filter(distinct.str.len_bytes() != distinct.str.len_chars())
    changed = pl.Series([change(value) for value in distinct], dtype=pl.String)
    return column.replace(distinct, changed)


def _folded(frame: pl.DataFrame) -> pl.DataFrame:
    """Lower case, no accents, traditional or full-width forms, no punctuation; null where nothing is left."""
    columns: list[pl.Series] = []
    for column in frame:
        if not _is_ascii(column):
            plain = column.str.normalize("NFKD").str.replace_all(r"[\u0300-\u036f]", "").str.normalize("NFKC")
            column = _mapped(plain.str.to_lowercase().str.replace_many(LATIN), simplified)
        text = column.str.to_lowercase()
        if column.name in {"birth_date", "phone"}:
            text = text.str.replace_all(r"[^0-9]", "")
        elif column.name in CODE_FIELDS:
            text = text.str.replace_all(r"[^\p{L}\p{N}]", "")
        elif column.name == "email":
            text = text.str.replace_all(r"\s", "")
        else:
            text = text.str.replace_all(r"['’`]", "").str.replace_all(r"[^\p{L}\p{N}\p{M}]+", " ").str.strip_chars(" ")
        columns.append(text.replace([""], [None]).alias(column.name))
    return pl.DataFrame(columns)


def _person(frame: pl.DataFrame) -> pl.DataFrame:
    """Name parts, birth date and contacts of persons, written forms."""
    names = ("full_name", "given_name", "family_name")
    frame = frame.with_columns(field(frame, name).alias(name) for name in (*names, "second_given_name"))
    full, given, family = (pl.col(name) for name in names)
    # Of a Chinese name it is a part that brothers and sisters share.
    second = pl.when(~pl.col("second_given_name").str.contains(HAN)).then(pl.col("second_given_name"))
    suffix = pl.coalesce(part.str.extract(SUFFIX) for part in (full, given, family))
    frame = frame.with_columns(suffix=suffix.str.replace("junior", "jr").str.replace("senior", "sr"))
    frame = frame.with_columns(_untitled(part) for part in (full, given, family))
    none_whole, no_name = (part.str.contains(NO_GIVEN_NAME).fill_null(value=False) for part in (full, given))
    # The second name is compared by itself.
    of_parts = (full == joined(given, second, family)) | (full == joined(given, family)) | (full == family + given)
    in_parts = family.is_not_null() & (no_name | second.is_not_null()) & of_parts.fill_null(value=False)
    frame = frame.with_columns(
        full_name=pl.when(~(none_whole | in_parts)).then(full), given_name=pl.when(~no_name).then(given), second=second
    )
    whole = pl.coalesce(full, joined(given, family))
    has_han = whole.str.contains(HAN)
    # A Chinese name is one word, family name first, however its parts came.
    han = pl.when(full.is_not_null()).then(full).otherwise(pl.concat_str([family, given], ignore_nulls=True))
    han = han.str.replace_all(" ", "").str.replace(FAMILIAR, "${1}${2}")
    frame = frame.with_columns(pl.when(has_han).then(han).otherwise(whole).alias("name"))
    width = pl.when(pl.col("name").str.head(2).is_in(COMPOUND_SURNAMES)).then(2).otherwise(1)
    split_last = pl.when(has_han).then(pl.col("name").str.head(width)).otherwise(pl.col("name").str.extract(r"(\S+)$"))
    split_first = (
        pl.when(has_han).then(pl.col("name").str.slice(width)).otherwise(pl.col("name").str.extract(r"^(\S+)"))
    )
    squeezed = [part.str.replace_all(" ", "") for part in (given, family)]
    frame = frame.with_columns(
        # What a family name alone begins with is no given name.
        first=pl.coalesce(
            pl.when(has_han).then(squeezed[0]).otherwise(given), pl.when(full.is_not_null()).then(split_first)
        ).replace([""], [None]),
        last=pl.coalesce(pl.when(has_han).then(squeezed[1]).otherwise(family), split_last),
        tokens=pl.when(pl.col("name").is_not_null()).then(sorted_words(pl.col("name"))),
    )
    frame = frame.with_columns(word=pl.col("first").str.extract(r"^(\S+)"))
    if "national_id" in frame.columns:
        frame = frame.with_columns(birth_date=pl.coalesce(births_of(frame["national_id"]), field(frame, "birth_date")))
    frame = frame.with_columns(named_gender=pl.col("word").map_batches(_usual_genders, return_dtype=pl.String))
    return frame.with_columns(
        forms=pl.col("word").replace_strict(SAME_NAMES, default=None, return_dtype=pl.String),
        middle=_middle(pl.col("name"), pl.col("second")),
        gender=_told_gender(field(frame, "gender"), pl.col("named_gender")),
    )


def _told_gender(gender: pl.Expr, usual: pl.Expr) -> pl.Expr:
    """A gender that says something: not that it is unknown, nor one that hardly anybody of that given name has."""
    slip = pl.all_horizontal(one.is_in(["female", "male"]) for one in (gender, usual)) & (gender != usual)
    return pl.when((gender != "unknown") & ~slip.fill_null(value=False)).then(gender)


def _usual_genders(words: pl.Series) -> pl.Series:
    known = words.drop_nulls().unique()
    return words.replace_strict(known, [usual_gender(word) for word in known], default=None, return_dtype=pl.String)


def _middle(name: pl.Expr, second: pl.Expr) -> pl.Expr:
    """The words between the first and the last of a name, and the second given name, each with its forms; null where there
    is none."""
    words = joined(name.str.extract(r"^\S+ (.+) \S+$"), second).str.split(" ")
    forms = pl.element().replace_strict(SAME_NAMES, default="", return_dtype=pl.String)
    said = words.list.eval(pl.concat_str([pl.element(), forms])).list.join(" ")
    return pl.when(words.is_not_null()).then(said)


def _untitled(name: pl.Expr) -> pl.Expr:
    """A name without what stands before or behind it; null where nothing else was there."""
    bare = name.str.replace(TITLED, "").str.replace(HONOURS, "").str.replace(SUFFIX, "").str.replace(HAN_TITLES, "")
    return pl.when(bare != "").then(bare)


def _mailboxes(frame: pl.DataFrame) -> pl.DataFrame:
    """Addresses as their providers read them: what stands behind a plus is a tag, and Gmail reads no dots.

    Only what is compared changes, nothing that is stored. Other aliases (foxmail.com of qq.com) are told by no rule.
    """
    domain = pl.col("email").str.extract(r"@([^@]+)$").replace(SAME_DOMAINS)
    local = pl.col("email").str.extract(r"^([^@+]+)")
    local = pl.when(domain.is_in(list(DOTLESS))).then(local.str.replace_all(".", "", literal=True)).otherwise(local)
    frame = frame.with_columns(mailbox=pl.when(local != "").then(local), domain=domain)
    whole = pl.col("mailbox") + "@" + pl.col("domain")
    return frame.with_columns(email=pl.coalesce(whole, "email")).drop("domain")


def _scripts(frame: pl.DataFrame) -> list[pl.Series]:
    """Of a Han name all its spellings, `spelt`; of a Latin one its letters without spaces, `latin`."""
    name, last, first = frame["name"], frame["last"], frame["first"]
    han = name.str.contains(HAN).fill_null(value=False)
    cut = [
        parts(family, given) if is_han and family and given else []
        for family, given, is_han in zip(last, first, han, strict=True)
    ]
    families = {text: spelt(text, surname=True) for text in {family for ways in cut for family, _ in ways}}
    givens = {text: spelt(text) for text in {given for ways in cut for _, given in ways}}
    forms = [together((families[family], givens[given]) for family, given in ways) for ways in cut]
    ascii_only = (name.str.len_bytes() == name.str.len_chars()).fill_null(value=False)
    nothing = pl.Series([None] * len(frame), dtype=pl.String)
    latin = name.zip_with(ascii_only, nothing)
    long = latin.filter(latin.str.count_matches(" ") > 2).unique()
    own = latin.replace(long, pl.Series([without_given_name_of_choice(text) for text in long], dtype=pl.String))
    squeezed = own.str.replace_all(" ", "", literal=True)
    return [pl.Series("spelt", forms, dtype=pl.String), squeezed.alias("latin")]


def _moon(frame: pl.DataFrame) -> pl.Series:
    """The day of birth in the farmers' calendar, of whoever has a name in other letters than Latin ones."""
    born = field(frame, "birth")
    own = pl.when(pl.col("name").str.len_bytes() != pl.col("name").str.len_chars()).then(born)
    days = frame.select(own.alias("moon")).to_series()
    known = days.drop_nulls().unique()
    return days.replace_strict(known, [by_the_moon(day) for day in known], default=None, return_dtype=pl.String)


def _sounds(frame: pl.DataFrame, *, wide: bool, kind: Kind) -> pl.DataFrame:
    """Spell in ASCII what is compared by letters, and name the columns as the model knows them."""
    renamed = {"postal_code": "postal", "birth_date": "birth"}
    frame = frame.rename({old: new for old, new in renamed.items() if old in frame.columns})
    frame = one_address(frame)
    said = [_mapped(frame[name], spell) for name in TEXT_FIELDS if name in frame.columns]
    if wide:
        first, last = _mapped(frame["first"], spell), _mapped(frame["last"], spell_surname)
        blurred = first.str.replace_many(MISHEARD)
        said += [first.alias("first_s"), last.alias("last_s"), blurred.alias("first_b"), *_scripts(frame), _moon(frame)]
    if kind == "organisation":
        said.append(_mapped(frame["name"], spell).alias("name_s"))
    frame = frame.with_columns(said)
    if "street" in frame.columns:
        frame = frame.with_columns(**homes(frame))
    if "email" in frame.columns:
        frame = _mailboxes(frame)
    return frame.drop(name for name in NAME_FIELDS if name in frame.columns)
