"""Words with a code: countries (ISO 3166), languages (BCP 47), currencies (ISO 4217), gender."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Final

import polars as pl

from kehu.refine.clean.status import Cleaned, Context, per_value, settle

_FILE: Final = Path(__file__).with_name("terms.tsv")
_TAG: Final = re.compile(r"([a-z]{2,3})(?:[-_]([a-z]{4}))?(?:[-_]([a-z]{2}|\d{3}))?", re.IGNORECASE)
_YUAN_SIGN: Final = {"JP": "JPY", "CN": "CNY"}
_DOLLARS: Final = {"AU": "AUD", "CA": "CAD", "HK": "HKD", "NZ": "NZD", "SG": "SGD", "TW": "TWD"}


@functools.cache
def _names() -> dict[str, dict[str, str]]:
    """By kind: every known name, folded, with its code."""
    found: dict[str, dict[str, str]] = {"country": {}, "language": {}, "currency": {}, "gender": {}}
    for row in _FILE.read_text(encoding="utf-8").splitlines():
        if not row.startswith("#"):
            kind, code, names = row.split("\t")
            found[kind][_fold(code)] = code
            for name in names.split("|"):
                found[kind].setdefault(_fold(name), code)
    return found


def _fold(name: str) -> str:
    return re.sub(r"[\s.,'’()_-]+", "", name).casefold() or name


def country_code(name: str) -> str | None:
    """ISO 3166 alpha-2 of a code or name (English, Chinese, some own names); `US-CA` gives the country, too."""
    known = _names()["country"]
    code = known.get(_fold(name))
    if code is None and re.fullmatch(r"[A-Za-z]{2}-[A-Za-z0-9]{1,3}", name):
        code = known.get(name[:2].lower())
    return code


def language_tag(name: str) -> str | None:
    """BCP 47 tag of a tag or a language's name; `zh_cn` becomes `zh-CN`, `Deutsch` `de`."""
    known = _names()["language"]
    if code := known.get(_fold(name)):
        return code
    match = _TAG.fullmatch(name)
    primary = known.get(match[1].lower()) if match else None
    if match is None or primary is None:
        return None
    script = match[2].title() if match[2] else None
    region = match[3].upper() if match[3] else None
    return "-".join(part for part in (primary, script, region) if part)


def currency_code(name: str, country: str | None) -> str | None:
    """ISO 4217 code of a code, name or sign; `¥` and `$` follow the row's country, without one `¥` is nothing sure."""
    sign = name.strip()
    if sign in ("¥", "￥"):
        return _YUAN_SIGN.get(country or "")
    if sign == "$":
        return _DOLLARS.get(country or "", "USD")
    return _names()["currency"].get(_fold(name))


def countries(values: pl.Series, context: Context) -> Cleaned:
    """Countries as ISO 3166 alpha-2."""
    return settle(values, per_value(values, country_code))


def languages(values: pl.Series, context: Context) -> Cleaned:
    """Languages as BCP 47 tags."""
    return settle(values, per_value(values, language_tag))


def gender_code(name: str) -> str | None:
    """`female`, `male`, `other` or `unknown` of a word, letter or ISO 5218 digit."""
    return _names()["gender"].get(_fold(name))


def genders(values: pl.Series, context: Context) -> Cleaned:
    """`female`, `male`, `other` or `unknown`; ISO 5218 digits too."""
    return settle(values, per_value(values, gender_code))


def currencies(values: pl.Series, context: Context) -> Cleaned:
    """Currencies as ISO 4217 codes."""
    # The sign alone needs the row's country, so value and country go together as one key.
    keys = values + "\t" + context.countries.fill_null("")
    return settle(values, per_value(keys, lambda key: currency_code(key.split("\t")[0], key.split("\t")[1] or None)))
