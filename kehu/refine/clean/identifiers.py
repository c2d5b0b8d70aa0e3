"""National and registration numbers: shape, check digits, the birth date a Chinese one holds (GB 11643, GB 32100)."""

from __future__ import annotations

import datetime as dt
import functools
import importlib
import re
import unicodedata
from collections.abc import Callable
from types import ModuleType
from typing import Final

import polars as pl
from stdnum.exceptions import InvalidChecksum, InvalidLength, ValidationError

from kehu.refine.clean.status import UNVERIFIED, VALID, Cleaned, Context, settle

_PROVINCES: Final = "1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]"
_CN_LONG: Final = rf"^(?:{_PROVINCES})[0-9]{{15}}[0-9X]$"  # other digits are none of its
_CN_SHORT: Final = re.compile(rf"(?:{_PROVINCES})\d{{4}}(\d\d)(\d\d)(\d\d)\d{{3}}", re.ASCII)
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS: Final = "10X98765432"
_PERSONS: Final = {
    "JP": ("jp.in_",), "KR": ("kr.rrn",), "US": ("us.ssn", "us.itin"), "CA": ("ca.sin",), "GB": ("gb.nino", "gb.nhs"),
    "DE": ("de.idnr",), "FR": ("fr.nir",), "IT": ("it.codicefiscale",), "ES": ("es.dni", "es.nie"), "NL": ("nl.bsn",),
    "BE": ("be.nn",), "PL": ("pl.pesel",), "SE": ("se.personnummer",), "FI": ("fi.hetu",), "DK": ("dk.cpr",),
    "NO": ("no.fodselsnummer",), "PT": ("pt.cc",), "IE": ("ie.pps",), "AU": ("au.tfn",), "IN": ("in_.aadhaar",),
    "BR": ("br.cpf",), "CH": ("ch.ssn",), "AT": ("at.vnr",), "CZ": ("cz.rc",), "MY": ("my.nric",), "TH": ("th.pin",),
    "ZA": ("za.idnr",),
}  # fmt: skip
_ORGANISATIONS: Final = {
    "TW": ("tw.ubn",), "JP": ("jp.cn",), "KR": ("kr.brn",), "US": ("us.ein",), "CA": ("ca.bn",), "GB": ("gb.vat",),
    "DE": ("de.vat",), "FR": ("fr.siret", "fr.siren", "fr.tva"), "IT": ("it.iva",), "ES": ("es.cif",),
    "NL": ("nl.btw",),
    "AU": ("au.abn", "au.acn"), "SG": ("sg.uen",), "IN": ("in_.gstin",), "BR": ("br.cnpj",), "CH": ("ch.uid",),
    "AT": ("at.uid",), "PL": ("pl.nip", "pl.regon"), "NZ": ("nz.ird",), "BE": ("be.vat",), "IE": ("ie.vat",),
}  # fmt: skip
_Work = Callable[[str, str | None], tuple[str | None, int]]
_SHAPES: Final = {"AU": r"\d{9}", "DE": r"\d{11}|DE\d{9}", "JP": r"\d{12,13}", "US": r"\d{9}"}
"""Where a module tolerates several lengths: only a value of this shape that fails its check digit is invalid."""


@functools.cache
def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(f"stdnum.{name}")
    except ImportError:  # the library's next version may call it otherwise; its numbers are then unverified
        return None


def compact(value: str) -> str:
    """Upper case, without spaces, dots, dashes and brackets."""
    text = re.sub(r"[\s.()/·_-]+", "", value).upper()
    return text if text.isascii() else unicodedata.normalize("NFKC", text)  # an accent may have met its letter only now


def cn_resident(value: str, today: dt.date) -> str | None:
    """The 18-character resident number of a valid 15- or 18-character one, else None (GB 11643)."""
    if match := _CN_SHORT.fullmatch(value):
        if not _birth("19" + match[1] + match[2] + match[3], today):
            return None
        long = value[:6] + "19" + value[6:]
        return long + _check_digit(long)
    if not re.fullmatch(_CN_LONG, value, re.ASCII) or not _birth(value[6:14], today):
        return None
    return value if _check_digit(value[:17]) == value[17] else None


def _check_digit(digits: str) -> str:
    return _CHECKS[sum(int(d) * w for d, w in zip(digits, _WEIGHTS, strict=True)) % 11]


def _birth(text: str, today: dt.date) -> dt.date | None:
    try:
        day = dt.date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None
    return day if dt.date(1850, 1, 1) <= day <= today else None


def _asian(value: str, country: str) -> bool | None:
    """Hong Kong and Taiwan identity numbers: valid or not; None: not of their shape."""
    if country == "HK" and (match := re.fullmatch(r"([A-Z]{1,2})(\d{6})([\dA])", value, re.ASCII)):
        letters = [36 if c == " " else ord(c) - 55 for c in match[1].rjust(2)]
        numbers = [*letters, *(int(c) for c in match[2]), 10 if match[3] == "A" else int(match[3])]
        return sum(n * w for n, w in zip(numbers, range(9, 0, -1), strict=True)) % 11 == 0
    if country == "TW" and re.fullmatch(r"[A-Z][1289]\d{8}", value, re.ASCII):
        number = 10 + "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(value[0])
        digits = [number // 10, number % 10, *(int(c) for c in value[1:])]
        return sum(d * w for d, w in zip(digits, (1, 9, 8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True)) % 10 == 0
    return None


def _by_modules(value: str, names: tuple[str, ...], country: str) -> tuple[str | None, int]:
    """Valid under one of the rules; invalid where the shape is a rule's and the check digit is not; else unverified."""
    failed = False
    for name in names:
        module = _module(name)
        if module is None:
            continue
        try:
            return compact(module.validate(value)), VALID
        except InvalidChecksum:
            failed = failed or re.fullmatch(_SHAPES.get(country, ".*"), value) is not None
        except InvalidLength:
            continue
        except (ValidationError, ValueError, IndexError, KeyError, AttributeError):
            continue  # some rules stumble over values that are not theirs
    return (None, 0) if failed else (value, UNVERIFIED)


def _may_be_a_number(text: str) -> bool:
    """Some length, a digit; and not what a spreadsheet made of one (1.10101E+17), the same of everybody in a county."""
    return len(text) >= 4 and any(c.isdigit() for c in text) and "E+" not in text


def normal_national_id(value: str, country: str | None, today: dt.date) -> tuple[str | None, int]:
    """Normalised number and VALID or UNVERIFIED; (None, 0): its own rule says it is wrong."""
    text = compact(value)
    if not _may_be_a_number(text):
        return None, 0
    if resident := cn_resident(text, today) if country in (None, "CN") or len(text) == 18 else None:
        return resident, VALID
    if country in (None, "CN") and re.fullmatch(_CN_LONG, text, re.ASCII):
        return None, 0
    if country == "CN" and re.fullmatch(r"\d{15}|\d{17}[\dX]", text, re.ASCII):
        return None, 0
    if country in ("HK", "TW") and (told := _asian(text, country)) is not None:
        return (text, VALID) if told else (None, 0)
    return _by_modules(text, _PERSONS.get(country or "", ()), country or "")


def is_my_number(value: str) -> bool:
    """Whether this is a Japanese Individual Number: it may never serve to join records (My Number Act 9, 19)."""
    if len(value) != 12 or not value.isdigit():
        return False
    module = _module("jp.in_")
    return module is None or bool(module.is_valid(value))


def normal_registration(value: str, country: str | None) -> tuple[str | None, int]:
    """An organisation's number, as `normal_national_id`; Chinese ones by GB 32100 (统一社会信用代码)."""
    text = compact(value)
    if not _may_be_a_number(text):
        return None, 0
    if country in (None, "CN") and re.fullmatch(r"[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}", text):
        uscc = importlib.import_module("stdnum.cn.uscc")
        if uscc.is_valid(text):
            return text, VALID
        return (None, 0) if country == "CN" or not text.isdigit() else (text, UNVERIFIED)
    return _by_modules(text, _ORGANISATIONS.get(country or "", ()), country or "")


def cn_residents(values: pl.Series, today: dt.date) -> pl.Series:
    """18-character resident numbers (GB 11643, upper case) whose date and check digit are right, null for others."""
    shaped = values.str.contains(_CN_LONG)
    if not shaped.any():
        return pl.Series(values.name, [None] * len(values), dtype=pl.String)
    frame = pl.DataFrame({"v": values.set(~shaped.fill_null(True), None)})
    total = pl.sum_horizontal(
        pl.col("v").str.slice(at, 1).cast(pl.Int16) * weight for at, weight in enumerate(_WEIGHTS)
    )
    day = pl.col("v").str.slice(6, 8).str.to_date("%Y%m%d", strict=False)
    check = (total % 11).replace_strict(list(range(11)), list(_CHECKS), default=None, return_dtype=pl.String)
    fine = (check == pl.col("v").str.slice(17, 1)) & (day.dt.year() >= 1850) & (day <= today)
    return frame.select(pl.when(fine).then("v").alias(values.name)).to_series()


def national_ids(values: pl.Series, context: Context) -> Cleaned:
    """National numbers; a Chinese one of 15 characters in its 18-character form."""
    normal = cn_residents(values.str.to_uppercase(), context.today)
    return _settle_rest(
        values, normal, context, lambda value, country: normal_national_id(value, country, context.today)
    )


def registrations(values: pl.Series, context: Context) -> Cleaned:
    """Registration numbers of organisations."""
    normal = pl.Series(values.name, [None] * len(values), dtype=pl.String)
    return _settle_rest(values, normal, context, normal_registration)


def _settle_rest(values: pl.Series, normal: pl.Series, context: Context, work: _Work) -> Cleaned:
    status = normal.is_not_null().cast(pl.Int8)
    places = (values.is_not_null() & normal.is_null()).arg_true()
    if len(places):
        pairs = zip(values.gather(places).to_list(), context.countries.gather(places).to_list(), strict=True)
        found = [work(value, country) for value, country in pairs]
        normal = normal.scatter(places, pl.Series([number for number, _ in found], dtype=pl.String))
        status = status.scatter(places, pl.Series([told for _, told in found], dtype=pl.Int8))
    return settle(values, normal, status)


def births_of(national_ids: pl.Series) -> pl.Series:
    """Birth dates (ISO) held by valid Chinese resident numbers, null for other numbers."""
    day = national_ids.str.slice(6, 8)
    date = day.str.slice(0, 4) + "-" + day.str.slice(4, 2) + "-" + day.str.slice(6, 2)
    return date.set(~national_ids.str.contains(_CN_LONG).fill_null(False), None)
