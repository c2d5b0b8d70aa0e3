"""Phone numbers to E.164. The country comes from the number itself, else from the row.

Usual numbers are judged in bulk by the very patterns of libphonenumber; the odd ones go through the library one by one.
"""

from __future__ import annotations

import functools
import re
from typing import Final, NamedTuple

import phonenumbers
import polars as pl
from phonenumbers.phonemetadata import PhoneMetadata

from kehu.refine.clean.status import UNVERIFIED, VALID, Cleaned, Context, settle

_TYPES: Final = ("mobile", "fixed_line")
_BULK: Final = frozenset(
    {"CN", "HK", "TW", "MO", "JP", "KR", "SG", "US", "CA", "GB", "IE", "AU", "NZ", "DE", "AT", "CH", "FR", "ES", "NL"}
    | {"BE", "PL", "SE", "IN"}
)
_WRITTEN: Final = r"^\+?[\d\s()./-]+$"
_CN_MOBILE: Final = re.compile(r"1[3-9]\d(?P<gap>[ -]?)\d{4}(?P=gap)\d{4}")
_CN_MOBILE_IN_BULK: Final = r"^1[3-9][0-9](?:[0-9]{8}| [0-9]{4} [0-9]{4}|-[0-9]{4}-[0-9]{4})$"
_SAYS_COUNTRY: Final = re.compile(r"[+＋]|phone-context")
_EXTENSION: Final = re.compile(r"\s*(?:转|轉|分机|分機|内线|內線)\s*(?=\d)")
_CN_LINE: Final = re.compile(r"(\(?0\d{2,3}\)?[ -]?\d{7,8})-\d{1,6}", re.ASCII)  # 0755-83766666-808: its extension
_SEPARATORS: Final = re.compile(r"\s*(?:[;,、/|]|或)\s*")


class _Bulk(NamedTuple):
    """What a national number of a region must match: in general, and as a mobile or a fixed line with its lengths."""

    general: str
    kinds: tuple[tuple[str, tuple[int, ...]], ...]


@functools.cache
def _bulk_patterns(region: str) -> _Bulk | None:
    """The library's own patterns and lengths; None: judge this region's numbers one by one.

    Both are needed: of German numbers the pattern of a fixed line alone passes some that the library refuses.
    """
    metadata = PhoneMetadata.metadata_for_region(region)
    general = metadata.general_desc if metadata is not None else None
    if region not in _BULK or general is None or not general.national_number_pattern:
        return None
    kinds = []
    for kind in (getattr(metadata, name) for name in _TYPES):
        if kind is not None and kind.national_number_pattern:
            lengths = kind.possible_length or general.possible_length
            kinds.append((f"^(?:{kind.national_number_pattern})$", tuple(lengths)))
    return _Bulk(f"^(?:{general.national_number_pattern})$", tuple(kinds))


def _calling_code(region: str) -> str:
    return str(phonenumbers.country_code_for_region(region))


def _trunk_prefix(region: str) -> str:
    """The plain digits dialled before a national number (`0`, `1`), if any."""
    metadata = PhoneMetadata.metadata_for_region(region)
    return (metadata.national_prefix or "") if metadata is not None else ""


def normal_phone(value: str, country: str | None) -> tuple[str | None, int]:
    """E.164 and VALID; or bare digits and UNVERIFIED where no country is known; or (None, 0) where it is no number.

    Of several numbers in one value the first valid one counts. An extension is left out of the normalised form.
    """
    line = _CN_LINE.fullmatch(value) if country == "CN" else None
    spoken = _EXTENSION.sub(" ext. ", line[1] if line else value)
    for part in dict.fromkeys([spoken, *_SEPARATORS.split(spoken)]):
        text = "+" + part[2:] if part.startswith("00") and country != "JP" else part
        if country is None and _CN_MOBILE.fullmatch(text):
            country_of_part: str | None = "CN"
        else:
            country_of_part = country
        if country_of_part is None and not _SAYS_COUNTRY.search(text):
            continue  # the library would refuse it, and takes its time
        try:
            number = phonenumbers.parse(text, country_of_part)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164), VALID
    digits = re.sub(r"\D", "", value)
    bare = country is None and re.fullmatch(r"[\d\s()./-]+", value, re.ASCII)
    if bare and 5 <= len(digits) <= 15:
        return digits, UNVERIFIED
    return None, 0


def country_of(number: str) -> str | None:
    """The country whose number this is, of E.164 or of its mask (`+81 •••• 6954`: the main one of its calling code)."""
    if masked := re.match(r"\+(\d{1,3}) ", number):
        found: str = phonenumbers.region_code_for_country_code(int(masked[1]))
    else:
        try:
            found = phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
        except phonenumbers.NumberParseException:
            return None
    return found if len(found) == 2 and found != "ZZ" else None


def _in_bulk(digits: pl.Series, region: str) -> pl.Series:
    """E.164 of the numbers valid in a region, null for others; digits may begin with `+` and its calling code."""
    patterns = _bulk_patterns(region)
    if patterns is None:
        return pl.Series([None] * len(digits), dtype=pl.String)
    code = _calling_code(region)
    national = digits.str.strip_prefix(f"+{code}")
    if trunk := _trunk_prefix(region):
        bare = national.str.strip_prefix(trunk)
        national = bare.zip_with(~digits.str.starts_with("+"), national)
    normal = f"+{code}" + national
    valid = pl.Series([False] * len(digits))
    lengths = national.str.len_bytes()
    for pattern, fitting in patterns.kinds:
        valid |= national.str.contains(pattern).fill_null(False) & lengths.is_in(fitting).fill_null(False)
    valid &= national.str.contains(patterns.general).fill_null(False)
    return normal.set(~valid, None)


def phones(values: pl.Series, context: Context) -> Cleaned:
    """Phone numbers as E.164."""
    usual = values.str.contains(_WRITTEN).fill_null(False)
    digits = values.set(~usual, None).str.replace_all(r"[^\d+]", "")
    digits = digits.set(digits.str.starts_with("00").fill_null(False), None)
    countries = context.countries
    normal = pl.Series(values.name, [None] * len(values), dtype=pl.String)
    regions = [region for region in countries.unique().to_list() if region is not None]
    for region in regions[:40]:
        here = countries == region
        if _bulk_patterns(region) is None:
            continue
        if len(regions) == 1 and countries.null_count() == 0:
            normal = _in_bulk(digits, region)
        else:
            places = here.arg_true()
            normal = normal.scatter(places, _in_bulk(digits.gather(places), region))
    chinese = countries.is_null() & values.str.contains(_CN_MOBILE_IN_BULK).fill_null(False)  # told by its form alone
    if chinese.any():
        places = chinese.arg_true()
        normal = normal.scatter(places, _in_bulk(digits.gather(places), "CN"))
    for region in ("CN", "US", "DE", "JP", "AU", "GB"):
        abroad = digits.str.starts_with(f"+{_calling_code(region)}").fill_null(False) & normal.is_null()
        if abroad.any():
            places = abroad.arg_true()
            normal = normal.scatter(places, _in_bulk(digits.gather(places), region))
    status = normal.is_not_null().cast(pl.Int8)
    rest = values.is_not_null() & normal.is_null()
    if rest.any():
        places = rest.arg_true()
        pairs = zip(values.gather(places).to_list(), countries.gather(places).to_list(), strict=True)
        judged = functools.cache(normal_phone)  # for as long as this takes: no value outlives it
        found = [judged(value, country) for value, country in pairs]
        normal = normal.scatter(places, pl.Series([number for number, _ in found], dtype=pl.String))
        status = status.scatter(places, pl.Series([told for _, told in found], dtype=pl.Int8))
    return settle(values, normal, status)
