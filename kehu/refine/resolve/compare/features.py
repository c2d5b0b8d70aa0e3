"""Linkage features: dictionary fields of records folded into the forms that are compared.

Every form that is compared by letters is ASCII, because DuckDB's string distances count bytes (duckdb#25113): other
scripts are spelt out, Han characters by their pinyin. The written form stays beside it (`first`, `last`, `name`), so
that 张伟 and 张威 sound alike and are still two names.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl
import pyarrow as pa
from opencc import OpenCC

from kehu.refine.resolve.compare.births import births_of, by_the_moon
from kehu.refine.resolve.compare.given_names import SAME_NAMES, usual_gender, without_given_name_of_choice
from kehu.refine.resolve.compare.romanised import parts, spelt, together
from kehu.refine.resolve.compare.spelling import (
    BEHIND_ESTATE,
    COMPOUND_SURNAMES,
    ESTATE,
    FAMILIAR,
    HAN_TITLES,
    HONOURS,
    LATIN,
    LINE,
    MISHEARD,
    NO_ESTATE_NAME,
    STREET,
    SUFFIX,
    TITLED,
    spell,
    spell_surname,
)

Kind = Literal["person", "organisation"]

NAME_FIELDS: Final = ("full_name", "given_name", "family_name", "legal_name")
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
        *_BOTH, "given_name", "family_name", "birth_date", "birth_place", "gender", "national_id", "occupation",
    ),
    "organisation": (*_BOTH, "legal_name", "registration_number"),
}  # fmt: skip

# Dots and brackets are spaces by now: (株), L.L.C.
LEGAL_FORMS: Final = (
    r"(股份有限公司|有限责任公司|有限公司|株式会社|有限会社|合同会社|集团|公司)"
    r"|\b(incorporated|inc|limited|ltd|llc|llp|plc|corporation|corp|company|co|gmbh|mbh|ag|kg|ug|ohg|sarl|sas|sa|srl|spa|bv"
    r"|nv|oy|ab|pty|pte|kk|group|holdings?|l l c|l l p|p l c|g m b h|s a r l|s a|s r l|s p a|b v|n v|k k|株|有|合)\b"
)
FORM_OF: Final[Mapping[str, str]] = {
    "有限公司": "ltd", "有限责任公司": "ltd", "limited": "ltd", "ltd": "ltd", "股份有限公司": "jsc",
    "incorporated": "inc", "inc": "inc", "corporation": "corp", "corp": "corp", "llc": "llc", "l l c": "llc",
    "llp": "llp", "l l p": "llp", "plc": "plc", "p l c": "plc", "pty": "ltd", "pte": "ltd",
    "gmbh": "gmbh", "g m b h": "gmbh", "mbh": "gmbh", "ag": "ag", "kg": "kg", "ug": "ug", "ohg": "ohg",
    "sarl": "sarl", "s a r l": "sarl", "sas": "sas", "sa": "sa", "s a": "sa", "srl": "srl", "s r l": "srl", "spa": "spa", "s p a": "spa",
    "bv": "bv", "b v": "bv", "nv": "nv", "n v": "nv", "oy": "oy", "ab": "ab",
    "株式会社": "kk", "株": "kk", "kk": "kk", "k k": "kk", "有限会社": "yk", "有": "yk", "合同会社": "gk", "合": "gk",
    "co ltd": "", "co limited": "", "company ltd": "", "company limited": "",
}  # fmt: skip
"""Each legal form however it is written. What is no form by itself (company, 公司) states none; empty: one of several, for
株式会社 and 股份有限公司, too, call themselves Co., Ltd. in English."""
GROUP_OF: Final[Mapping[str, str]] = {
    "group": "group", "集团": "group", "holding": "holding", "holdings": "holding", "控股": "holding",
}  # fmt: skip
FIRST_WORD: Final = r"^(?:(holdings?|group)\b|[a-z]+)"
"""A name may begin with what is a form at its end: AB Foods, Volvo AB. What it is a group by (the first group) stays."""
STATED: Final = rf"\b(?:co|company) (?:ltd|limited)\b|{LEGAL_FORMS}|(控股)"
NO_GROUP: Final = "-"
BRANCHES: Final = (
    r"(\S\S) ?(?:分公司|支公司|分行|支行|分店|营业部|办事处)$",
    r"(\S+) (?:branch|branch office)$",
)
"""Of a branch, which has a number of its own, the place that it is named after."""
_HAN_DIGITS: Final = "零一二三四五六七八九"
_FORMAL: Final = str.maketrans(
    "两壹贰叁肆伍陆柒捌玖拾", "二一二三四五六七八九十"
)  # as on cheques, and before a measure
_ROMAN: Final = {"x": 10, "ix": 9, "iv": 4, "v": 5, "i": 1}
ORDINALS: Final = (
    r"第[一二两三四五六七八九十壹贰叁肆伍陆柒捌玖拾]+|[一二两三四五六七八九十壹贰叁肆伍陆柒捌玖拾]+(?:[号期]|[中小]$)|[0-9]+"
    r"|\b(?:x{1,3}(?:ix|iv|vi{0,3}|i{1,3})|x{2,3}|ix|iv|vi{1,3}|i{2,3})\b"
)
"""What tells the second of a kind from the first: Fund II, 一号, 第二. One letter alone is a word: e. V., Space X."""
_HAN: Final = r"\p{Han}"
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


def ordinals(name: str) -> str | None:
    """The ordinals in the name of an organisation, as numbers, in order; None where there is none."""
    found = sorted({_number(one.strip("第号期中小").translate(_FORMAL)) for one in re.findall(ORDINALS, name)})
    return " ".join(map(str, found)) or None


def _number(written: str) -> int:
    if written.isdecimal():
        return int(written[:18])
    if written.isascii():
        return sum(_ROMAN[part] for part in re.findall("ix|iv|[xvi]", written))
    tens, ten, ones = written.rpartition("十")
    units = _HAN_DIGITS.find(ones or "零")
    return (10 * _HAN_DIGITS.find(tens or "一") if ten else 0) + units


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
    named = _organisation if kind == "organisation" else _person
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


def _field(frame: pl.DataFrame, name: str) -> pl.Expr:
    return pl.col(name) if name in frame.columns else pl.lit(None, dtype=pl.String)


def _joined(*parts: pl.Expr) -> pl.Expr:
    text = pl.concat_str(parts, separator=" ", ignore_nulls=True).str.strip_chars()
    return pl.when(text != "").then(text)


def _person(frame: pl.DataFrame) -> pl.DataFrame:
    """Name parts, birth date and contacts of persons, written forms."""
    names = ("full_name", "given_name", "family_name")
    frame = frame.with_columns(_field(frame, name).alias(name) for name in names)
    full, given, family = (pl.col(name) for name in names)
    suffix = pl.coalesce(part.str.extract(SUFFIX) for part in (full, given, family))
    frame = frame.with_columns(suffix=suffix.str.replace("junior", "jr").str.replace("senior", "sr"))
    frame = frame.with_columns(_untitled(part) for part in (full, given, family))
    whole = pl.coalesce(full, _joined(given, family))
    has_han = whole.str.contains(_HAN)
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
        tokens=pl.when(pl.col("name").is_not_null()).then(_sorted_words(pl.col("name"))),
    )
    frame = frame.with_columns(word=pl.col("first").str.extract(r"^(\S+)"))
    if "national_id" in frame.columns:
        frame = frame.with_columns(birth_date=pl.coalesce(births_of(frame["national_id"]), _field(frame, "birth_date")))
    frame = frame.with_columns(named_gender=pl.col("word").map_batches(_usual_genders, return_dtype=pl.String))
    return frame.with_columns(
        forms=pl.col("word").replace_strict(SAME_NAMES, default=None, return_dtype=pl.String),
        middle=_middle(pl.col("name")),
        gender=_told_gender(_field(frame, "gender"), pl.col("named_gender")),
    )


def _told_gender(gender: pl.Expr, usual: pl.Expr) -> pl.Expr:
    """A gender that says something: not that it is unknown, nor one that hardly anybody of that given name has."""
    slip = pl.all_horizontal(one.is_in(["female", "male"]) for one in (gender, usual)) & (gender != usual)
    return pl.when((gender != "unknown") & ~slip.fill_null(value=False)).then(gender)


def _usual_genders(words: pl.Series) -> pl.Series:
    known = words.drop_nulls().unique()
    return words.replace_strict(known, [usual_gender(word) for word in known], default=None, return_dtype=pl.String)


def _middle(name: pl.Expr) -> pl.Expr:
    """The words between the first and the last of a name, each with its forms; null where there is none."""
    words = name.str.extract(r"^\S+ (.+) \S+$").str.split(" ")
    forms = pl.element().replace_strict(SAME_NAMES, default="", return_dtype=pl.String)
    said = words.list.eval(pl.concat_str([pl.element(), forms])).list.join(" ")
    return pl.when(words.is_not_null()).then(said)


def _untitled(name: pl.Expr) -> pl.Expr:
    """A name without what stands before or behind it; null where nothing else was there."""
    bare = name.str.replace(TITLED, "").str.replace(HONOURS, "").str.replace(SUFFIX, "").str.replace(HAN_TITLES, "")
    return pl.when(bare != "").then(bare)


def _organisation(frame: pl.DataFrame) -> pl.DataFrame:
    """The name of an organisation, and its legal form beside it; what it wrote stays in `full`."""
    whole = pl.coalesce(_field(frame, "legal_name"), _field(frame, "full_name"))
    frame = frame.with_columns(whole.alias("full"))
    bare = pl.col("full").str.replace_all(LEGAL_FORMS, " ").str.replace_all(r"\s+", " ").str.strip_chars()
    # 长江(武汉)有限公司, 武汉长江有限公司: where the place stands says nothing
    joined = pl.when(bare.str.contains(r"^[\p{Han} ]+$")).then(bare.str.replace_all(" ", "")).otherwise(bare)
    branch = pl.coalesce(pl.col("full").str.extract(pattern) for pattern in BRANCHES)
    frame = frame.with_columns(pl.when(bare != "").then(joined).otherwise(pl.col("full")).alias("name"), branch=branch)
    numbered = frame["name"].filter(frame["name"].str.contains(ORDINALS)).unique()
    stated = pl.col("full").str.replace(FIRST_WORD, "${1}").str.extract_all(STATED)
    form, group = (_every(stated, codes) for codes in (FORM_OF, GROUP_OF))
    states_one = stated.list.eval(pl.element().is_in(list(FORM_OF))).list.any()
    return frame.with_columns(
        # whoever states a form and is no group says that it is none
        legal_form=form,
        group_word=pl.coalesce(group, pl.when(states_one).then(pl.lit(NO_GROUP))),
        tokens=pl.when(pl.col("name").is_not_null()).then(_sorted_words(pl.col("name"))),
        ordinal=pl.col("name").replace_strict(
            numbered, [ordinals(one) for one in numbered], default=None, return_dtype=pl.String
        ),
    )


def _every(words: pl.Expr, codes: Mapping[str, str]) -> pl.Expr:
    """The codes of a list of words, each once and in order; null where there is none."""
    found = words.list.eval(pl.element().replace_strict(codes, default=None, return_dtype=pl.String))
    found = found.list.eval(pl.element().filter(pl.element() != ""))
    return found.list.unique().list.sort().list.join(" ").replace([""], [None])


def _sorted_words(name: pl.Expr) -> pl.Expr:
    """The words of a name in one order; the characters, where it is one Chinese word."""
    han = name.str.contains(_HAN) & ~name.str.contains(" ")
    return (
        pl.when(han)
        .then(name.str.split("").list.sort().list.join(""))
        .otherwise(name.str.split(" ").list.sort().list.join(" "))
    )


def _addresses(frame: pl.DataFrame) -> pl.DataFrame:
    """One form of an address: number and street, estate, and building and flat, from its parts or from the whole."""
    if "address" in frame.columns:
        text, street, number, unit = (_field(frame, name) for name in ("address", "street", "house_number", "unit"))
        han = text.str.contains(_HAN).fill_null(value=False)
        whole = pl.when(han).then(_closed_up(text.str.replace_all(NO_ESTATE_NAME, "", literal=True)))
        place, found = whole.str.extract_groups(STREET), whole.str.contains(STREET).fill_null(value=False)
        behind = pl.when(found).then(place.struct[2]).otherwise(whole)
        line = pl.when(~han & street.is_null()).then(text).str.extract_groups(LINE)
        frame = frame.with_columns(
            whole=whole, found=found, estate=behind.str.extract(ESTATE, 1), rest=behind.str.extract(BEHIND_ESTATE, 1),
            place=place, line=line,
        )  # fmt: skip
        # What is read of the text goes before its parts: those who leave out a 号 have them cut elsewhere.
        named = pl.when(pl.col("estate").is_null())
        frame = frame.with_columns(
            street=pl.when("found").then(pl.col("place").struct[0]).otherwise(named.then(pl.coalesce(street, pl.col("line").struct[1]))),
            house_number=pl.when("found").then(pl.col("place").struct[1]).otherwise(
                named.then(pl.when(pl.col("line").struct[1].is_null()).then(number).otherwise(pl.col("line").struct[0]))
            ),
            unit=pl.when("found").then(pl.col("place").struct[2]).otherwise(named.then(unit).otherwise("rest")),
        ).drop("found", "rest", "place", "line")  # fmt: skip
    else:
        frame = frame.with_columns(whole=pl.lit(None, dtype=pl.String))
    street = _field(frame, "street").str.contains(_HAN).fill_null(value=False)
    if "unit" in frame.columns:
        numbers = pl.col("unit").str.extract_all("[0-9]+")
        # 3栋2单元1001室: building and flat; the entrance between them many leave out
        entrance = (numbers.list.len() == 3) & (numbers.list.last().str.len_chars() >= 3)
        home = pl.when(entrance).then(numbers.list.gather_every(2)).otherwise(numbers).list.join(" ")
        counted = pl.col("unit").str.contains(_HAN) | pl.col("whole").is_not_null() | street
        frame = frame.with_columns(unit=pl.when(counted).then(home.replace([""], [None])).otherwise(pl.col("unit")))
    if "house_number" in frame.columns:
        number = pl.col("house_number")
        frame = frame.with_columns(
            house_number=pl.when(street).then(number.str.replace("号", "").replace([""], [None])).otherwise(number)
        )
    return frame.drop("address", "whole", strict=False)


def _dwelling(frame: pl.DataFrame) -> pl.Expr:
    """A home by its estate, building and flat; or by a line that has numbers somewhere, where it does not begin with one."""
    estate, unit, street, number = (_field(frame, name) for name in ("estate", "unit", "street", "house_number"))
    flat = pl.when(unit.str.contains(" ", literal=True)).then(unit)
    line = pl.when(number.is_null() & street.str.contains("[0-9]")).then(street)
    return pl.when(estate.is_not_null()).then(pl.concat_str([estate, flat], separator=" ")).otherwise(line)


def _closed_up(text: pl.Expr) -> pl.Expr:
    """A text without its spaces; numbers remain apart."""
    for _ in range(2):  # a number may be between two others
        text = text.str.replace_all("([0-9]) ([0-9])", "$1-$2")
    return text.str.replace_all(" ", "", literal=True)


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
    han = name.str.contains(_HAN).fill_null(value=False)
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
    born = _field(frame, "birth")
    own = pl.when(pl.col("name").str.len_bytes() != pl.col("name").str.len_chars()).then(born)
    days = frame.select(own.alias("moon")).to_series()
    known = days.drop_nulls().unique()
    return days.replace_strict(known, [by_the_moon(day) for day in known], default=None, return_dtype=pl.String)


def _sounds(frame: pl.DataFrame, *, wide: bool, kind: Kind) -> pl.DataFrame:
    """Spell in ASCII what is compared by letters, and name the columns as the model knows them."""
    renamed = {"postal_code": "postal", "birth_date": "birth"}
    frame = frame.rename({old: new for old, new in renamed.items() if old in frame.columns})
    frame = _addresses(frame)
    said = [_mapped(frame[name], spell) for name in TEXT_FIELDS if name in frame.columns]
    if wide:
        first, last = _mapped(frame["first"], spell), _mapped(frame["last"], spell_surname)
        blurred = first.str.replace_many(MISHEARD)
        said += [first.alias("first_s"), last.alias("last_s"), blurred.alias("first_b"), *_scripts(frame), _moon(frame)]
    if kind == "organisation":
        said.append(_mapped(frame["name"], spell).alias("name_s"))
    frame = frame.with_columns(said)
    if "street" in frame.columns:
        whole = _joined(_field(frame, "house_number"), pl.col("street"))
        # A number alone is no address.
        frame = frame.with_columns(addr=pl.when(pl.col("street").is_not_null()).then(whole))
    if "street" in frame.columns:
        frame = frame.with_columns(dwelling=_dwelling(frame))
    if "email" in frame.columns:
        frame = _mailboxes(frame)
    return frame.drop(name for name in NAME_FIELDS if name in frame.columns)
