"""What a value may have been indexed under: a search writes it in any usual way, an import knew the record's country."""

from __future__ import annotations

import datetime as dt
from typing import Final

from kehu.refine.clean.dates import parse_date, readings
from kehu.refine.clean.emails import normal_email
from kehu.refine.clean.frame import clean_value
from kehu.refine.clean.identifiers import normal_national_id, normal_registration
from kehu.refine.clean.keys import search_keys
from kehu.refine.clean.phones import normal_phone
from kehu.refine.clean.text import normal_string

_COUNTRIES: Final = (
    None, "CN", "HK", "TW", "MO", "JP", "KR", "SG", "US", "CA", "GB", "IE", "AU", "NZ", "DE", "AT", "CH", "FR", "ES",
    "IT", "NL", "BE", "PL", "SE", "IN", "BR", "DK", "NO", "FI", "PT", "MY", "TH",
)  # fmt: skip
_AS_WRITTEN: Final = frozenset({"text", "code", "url"})  # types with no normal form but that of all text


def lookup_keys(field: str, value: str, kind: str) -> list[str]:
    """Exact search keys, any of which a record may carry that holds this value; none where it is no such value.

    A national phone number is read in each of the usual countries: the asker seldom knows the record's own.
    """
    return list(
        dict.fromkeys(key for one in normal_forms(field, value, kind) if (key := search_keys(field, one, kind).exact))
    )


def normal_forms(field: str, value: str, kind: str) -> list[str]:
    """The normalised forms that a value may be meant in, in whatever usual way it is written; none where it is none."""
    text = normal_string(value)
    if not text:
        return []
    if kind == "phone":
        found = [normal_phone(text, country)[0] for country in _COUNTRIES]
    elif kind == "national_id":
        today = dt.datetime.now(dt.UTC).date()
        found = [normal_national_id(text, country, today)[0] for country in _COUNTRIES]
    elif kind == "registration_number":
        found = [normal_registration(text, country)[0] for country in _COUNTRIES]
    elif kind == "date":
        today = dt.datetime.now(dt.UTC).date()
        days = [parse_date(one, day_first=first, today=today) for one in readings(text) for first in (True, False)]
        found = [day.isoformat() if day else None for day in days]
    elif kind == "email":
        found = [normal_email(text)]  # what a column of one value comes to, in a hundredth of its time
    elif kind in _AS_WRITTEN:
        found = [text]
    else:
        found = [clean_value(field, value, kind)[0]]
    return [one for one in found if one]
