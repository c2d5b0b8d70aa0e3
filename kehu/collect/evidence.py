"""What a column's values look like, whatever its header says."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import polars as pl

from kehu.refine.clean.dates import parse_time
from kehu.refine.clean.identifiers import cn_resident
from kehu.refine.clean.numbers import decimal_string
from kehu.refine.clean.surnames import COMMON, COMPOUND
from kehu.refine.clean.terms import country_code, currency_code, gender_code, language_tag
from kehu.refine.clean.text import normal_string

_MOST: Final = 500
_SURE: Final = 0.8
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]{2,}")
_PHONE: Final = re.compile(r"\+?[\d\s()./-]{5,24}")
_OWN_PHONE: Final = re.compile(r"(?:\+?86[ -]?)?1[3-9]\d[ -]?\d{4}[ -]?\d{4}|\+[1-9][\d ()-]{7,18}")
_RESIDENT: Final = re.compile(r"\d{17}[\dXx]|\d{15}")
_CREDIT_CODE: Final = re.compile(r"[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}")
_HAN_NAME: Final = re.compile(r"[\u4e00-\u9fff]{2,4}")
_COMPANY: Final = re.compile(r"公司|集团|集團|有限|株式会社|\b(?:GmbH|Ltd|Inc|LLC|AG|Corp|Pty)\b")
_URL: Final = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Evidence:
    """`by_type`: share of values that look like a dictionary type. `by_field`: score of a field on values alone."""

    by_type: dict[str, float]
    by_field: dict[str, float]


def evidence(values: pl.Series, kind: str) -> Evidence:
    """Look at the first some hundred values of a column in an import of `kind`."""
    sample = [normal_string(value) for value in values.drop_nulls().head(_MOST).to_list()]
    sample = [value for value in sample if value]
    if not sample:
        return Evidence({}, {})
    today = dt.datetime.now(dt.UTC).date()
    tests: dict[str, Callable[[str], object]] = {
        "email": _EMAIL.fullmatch,
        "phone": _is_phone,
        "date": lambda value: any(parse_time(value, day_first=first, today=today) for first in (True, False)),
        "decimal": decimal_string,
        "gender": gender_code,
        "country": country_code,
        "language": language_tag,
        "currency": lambda value: currency_code(value, "CN"),
        "url": _URL.fullmatch,
    }
    share = {name: sum(bool(test(value)) for value in sample) / len(sample) for name, test in tests.items()}
    # A few letters stand for much: what ought to hold digits is judged only by whether it holds some.
    share["national_id"] = share["registration_number"] = sum(any(c.isdigit() for c in v) for v in sample) / len(sample)
    share["datetime"], share["integer"] = share["date"], share["decimal"]
    share.pop("url")
    return Evidence(share, _by_field(sample, share, kind, today))


def _is_phone(value: str) -> bool:
    return bool(_PHONE.fullmatch(value)) and 5 <= sum(c.isdigit() for c in value) <= 15


def _share(sample: list[str], test: Callable[[str], object]) -> float:
    return sum(bool(test(value)) for value in sample) / len(sample)


def _by_field(sample: list[str], share: dict[str, float], kind: str, today: dt.date) -> dict[str, float]:
    found: dict[str, float] = {}
    if share["email"] >= _SURE:
        found["email"] = 4.0
    if _share(sample, _OWN_PHONE.fullmatch) >= _SURE:
        found["phone"] = 4.0
    if kind in ("customers", "organisations"):
        if _share(sample, lambda v: _RESIDENT.fullmatch(v) and cn_resident(v.upper(), today)) >= _SURE:
            found["national_id"] = 4.5
        elif _share(sample, lambda v: _CREDIT_CODE.fullmatch(v) and not v.isdigit()) >= _SURE:
            found["registration_number"] = 4.0
        if _share(sample, _COMPANY.search) >= _SURE:
            found["legal_name"] = 3.5
        if share["gender"] >= 0.95 and not any(value.isdigit() for value in sample) and len(set(sample)) <= 6:
            found["gender"] = 3.0
    if _share(sample, _is_han_name) >= _SURE:
        found["full_name"] = 3.0
    if share["date"] >= _SURE and not found:
        found |= _by_dates(sample, kind, today)
    return found


def _is_han_name(value: str) -> bool:
    text = value.replace(" ", "")
    return bool(_HAN_NAME.fullmatch(text)) and (text[0] in COMMON or text[:2] in COMPOUND)


def _by_dates(sample: list[str], kind: str, today: dt.date) -> dict[str, float]:
    # Bare numbers are dates only to those who know it.
    if any(value.isdigit() and len(value) != 8 for value in sample):
        return {}
    years = sorted(moment.year for value in sample if (moment := parse_time(value, day_first=True, today=today)))
    if not years:
        return {}
    if kind == "customers":
        long_ago = years[len(years) // 2] < today.year - 15
        return {"birth_date": 2.5} if long_ago and len(set(sample)) > len(sample) // 10 else {}
    field = {"orders": "ordered_at", "interactions": "at"}.get(kind)
    return {field: 2.5} if field else {}
