"""Names of organisations: the legal form, the group, the branch and the ordinal that tell one legal person from another."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import polars as pl

from kehu.refine.resolve.compare.texts import field, sorted_words

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


def named_organisations(frame: pl.DataFrame) -> pl.DataFrame:
    """The name of an organisation, and its legal form beside it; what it wrote stays in `full`."""
    whole = pl.coalesce(field(frame, "legal_name"), field(frame, "full_name"))
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
        tokens=pl.when(pl.col("name").is_not_null()).then(sorted_words(pl.col("name"))),
        ordinal=pl.col("name").replace_strict(
            numbered, [ordinals(one) for one in numbered], default=None, return_dtype=pl.String
        ),
    )


def _every(words: pl.Expr, codes: Mapping[str, str]) -> pl.Expr:
    """The codes of a list of words, each once and in order; null where there is none."""
    found = words.list.eval(pl.element().replace_strict(codes, default=None, return_dtype=pl.String))
    found = found.list.eval(pl.element().filter(pl.element() != ""))
    return found.list.unique().list.sort().list.join(" ").replace([""], [None])
