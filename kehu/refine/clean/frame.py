"""Cleaning a whole batch: every column by its type, then what one column says of another."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Final

import polars as pl

from kehu.refine.clean.addresses import address_parts
from kehu.refine.clean.dates import dates, datetimes
from kehu.refine.clean.emails import emails
from kehu.refine.clean.habits import survey
from kehu.refine.clean.identifiers import births_of, national_ids, registrations
from kehu.refine.clean.names import join_names, normal_legal_names, normal_names, split_names
from kehu.refine.clean.numbers import decimals, integers
from kehu.refine.clean.phones import phones
from kehu.refine.clean.status import VALID, Cleaned, Context, Habits, settle
from kehu.refine.clean.terms import countries, country_code, currencies, genders, languages
from kehu.refine.clean.text import normal_text

_RESIDENCE: Final = "residence"


def _names(values: pl.Series, context: Context) -> Cleaned:
    return settle(values, normal_legal_names(values) if values.name == "legal_name" else normal_names(values))


def _text(values: pl.Series, context: Context) -> Cleaned:
    return settle(values, values)


_BY_TYPE: Final[Mapping[str, Callable[[pl.Series, Context], Cleaned]]] = {
    "name": _names,
    "email": emails,
    "phone": phones,
    "date": dates,
    "datetime": datetimes,
    "decimal": decimals,
    "integer": integers,
    "country": countries,
    "language": languages,
    "currency": currencies,
    "gender": genders,
    "national_id": national_ids,
    "registration_number": registrations,
}
"""Types without an entry (text, address, url, code) are valid as text."""


def clean(
    frame: pl.DataFrame,
    *,
    residence: str | None = None,
    columns: Mapping[str, str],
    habits: Habits | None = None,
    today: dt.date | None = None,
) -> pl.DataFrame:
    """Add `<field>__n` (normalised string or null) and `<field>__s` (Int8 status) for every field in `columns`.

    `columns` gives each field's dictionary type. A row's country is its `country`, else its column `residence` (code or
    name of a country), else `residence`. `habits` are those of the whole file (`survey`); without them the batch's own
    count. Absent fields that others hold are derived (name parts, the birth date in a resident number, parts of a
    Chinese address): their given value stays null, their status is VALID. Statuses 1 and 3 have a normalised string,
    others none.
    """
    fields = {name: kind for name, kind in columns.items() if name in frame.columns}
    given = {name: normal_text(frame[name]) for name in fields}
    habits = habits if habits is not None else survey([pl.DataFrame(list(given.values()))], fields)
    today = today if today is not None else dt.datetime.now(dt.UTC).date()
    context = Context(_row_countries(frame, given, fields, residence), habits, today)
    cleaned = {name: _BY_TYPE.get(kind, _text)(given[name], context) for name, kind in fields.items()}
    _derive_names(cleaned, context)
    _derive_birth(cleaned)
    _derive_address(cleaned)
    added: list[pl.Series] = []
    for name, result in cleaned.items():
        if name not in frame.columns:
            added.append(pl.Series(name, [None] * frame.height, dtype=pl.String))
        added += [result.normal.alias(f"{name}__n"), result.status.alias(f"{name}__s")]
    return frame.with_columns(added)


def clean_value(field: str, value: str, kind: str, *, residence: str | None = None) -> tuple[str | None, int]:
    """Normalised form and status of one value, just as `clean` would have it: for searches and edits."""
    row = clean(pl.DataFrame({field: [value]}, schema={field: pl.String}), residence=residence, columns={field: kind})
    return row[f"{field}__n"][0], int(row[f"{field}__s"][0])


def _row_countries(
    frame: pl.DataFrame, given: Mapping[str, pl.Series], fields: Mapping[str, str], residence: str | None
) -> pl.Series:
    default = country_code(residence) if residence else None
    result = pl.Series("country", [default] * frame.height, dtype=pl.String)
    nothing = Context(result, Habits(), dt.date.min)
    if _RESIDENCE in frame.columns:
        own = countries(normal_text(frame[_RESIDENCE].cast(pl.String)), nothing).normal
        result = own.zip_with(own.is_not_null(), result)
    if fields.get("country") == "country":
        own = countries(given["country"], nothing).normal
        result = own.zip_with(own.is_not_null(), result)
    return result.alias("country")


def _put(cleaned: dict[str, Cleaned], name: str, derived: pl.Series, where: pl.Series) -> None:
    """Put derived values where the field is absent altogether; an invalid value that came is never replaced."""
    if name in cleaned:
        before = cleaned[name]
        absent = (before.status == 0) & where & derived.is_not_null()
        normal = derived.zip_with(absent, before.normal)
        status = before.status.set(absent, VALID)
    else:
        normal = derived.set(~where, None)
        status = normal.is_not_null().cast(pl.Int8)
    if normal.null_count() < len(normal) or name in cleaned:
        cleaned[name] = Cleaned(normal, status)


def _derive_names(cleaned: dict[str, Cleaned], context: Context) -> None:
    height = len(context.countries)
    nothing = pl.Series([None] * height, dtype=pl.String)
    full, family, given = (
        cleaned[name].normal if name in cleaned else nothing for name in ("full_name", "family_name", "given_name")
    )
    if full.null_count() < height and (family.null_count() or given.null_count()):
        split_family, split_given = split_names(full, context.countries)
        _put(cleaned, "family_name", split_family, given.is_null() | (given == split_given).fill_null(False))
        _put(cleaned, "given_name", split_given, family.is_null() | (family == split_family).fill_null(False))
    if full.null_count() and (family.null_count() < height or given.null_count() < height):
        _put(cleaned, "full_name", join_names(family, given), full.is_null())


def _derive_birth(cleaned: dict[str, Cleaned]) -> None:
    if "national_id" in cleaned:
        sure = cleaned["national_id"].status == VALID
        births = births_of(cleaned["national_id"].normal)
        if births.null_count() < len(births):
            _put(cleaned, "birth_date", births, sure)


def _derive_address(cleaned: dict[str, Cleaned]) -> None:
    if "address" not in cleaned or not cleaned["address"].normal.str.contains(r"\p{Han}").any():
        return
    parts = address_parts(cleaned["address"].normal)
    for name in parts.columns:
        _put(cleaned, name, parts[name], parts[name].is_not_null())
