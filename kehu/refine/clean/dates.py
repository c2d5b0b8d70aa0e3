"""Dates and times: ISO, Chinese, Western forms. What one value leaves open (3/5/1990) follows its column."""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

import polars as pl

from kehu.refine.clean.status import Cleaned, Context, fill_rest, per_value, settle

_ENGLISH: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_OTHERS: Final = {"mär": 3, "mai": 5, "okt": 10, "dez": 12, "ene": 1, "abr": 4, "ago": 8, "dic": 12, "fév": 2, "avr": 4}
_MONTHS: Final = (
    {name: number for number, name in enumerate(_ENGLISH, start=1)}
    | _OTHERS
    | {"aoû": 8, "déc": 12, "juin": 6, "juil": 7, "maa": 3, "mrt": 3, "mei": 5}
)
_ERAS: Final = {
    "民国": 1911, "民國": 1911, "明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018,
}  # fmt: skip
_HAN_DIGITS: Final = str.maketrans("〇零○一二三四五六七八九", "000123456789")
_YMD: Final = re.compile(r"(\d{4})\s?[-/.年년]\s?(\d{1,2})\s?[-/.月월]\s?(\d{1,2})\s?[日号號일.]?")
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})")
_PARTS: Final = re.compile(r"(\d{1,2})\s?[-/.]\s?(\d{1,2})\s?[-/.]\s?(\d{4}|\d{2})")
_DAY_MONTH: Final = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th)?[\s.-]*(?:de\s)?([a-zéûä]{3,10})\.?(?:\sde)?[\s,.-]*(\d{4}|\d{2})", re.IGNORECASE
)
_MONTH_DAY: Final = re.compile(r"([a-zéûä]{3,10})\.?\s*(\d{1,2})(?:st|nd|rd|th)?[\s,]+(\d{4})", re.IGNORECASE)
_ERA: Final = re.compile(
    r"(民国|民國|明治|大正|昭和|平成|令和)\s?(\d{1,3}|元)\s?[年/.-]\s?(\d{1,2})\s?[月/.-]\s?(\d{1,2})\s?日?"
)
_OF_THE_REPUBLIC: Final = re.compile(
    r"(?:(\d{2,3})\s?[-/.]\s?(\d{1,2})\s?[-/.]\s?(\d{1,2})|(\d{3})(\d{2})(\d{2}))(\s.*)?"
)
_BUDDHIST: Final = re.compile(r"(?<!\d)2[45]\d\d(?!\d)", re.ASCII)
_TIME: Final = re.compile(
    r"[T\s]*(上午|下午|凌晨|晚上|AM|PM)?\s*(\d{1,2})[:时時点](\d{1,2})(?:[:分](\d{1,2})?)?(?:[.,]\d+)?[秒分]?\s*(AM|PM|Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})?",
    re.IGNORECASE,
)
_BUDDHA: Final = 543  # years that Thailand counts more
_LATEST: Final = 2200
_LONGEST: Final = 60  # of a date with its time, in words
AMBIGUOUS: Final = r"^(\d{1,2})\s?[-/]\s?(\d{1,2})\s?[-/]\s?(?:\d{4}|\d{2})(?:\D.*)?$"
"""Day and month in an order the value itself may leave open. Dots always mean day first."""


def parse_date(value: str, *, day_first: bool, today: dt.date) -> dt.date | None:
    """A date from one of the usual forms, or None where there is none or it is impossible."""
    text = value.strip()
    if match := _YMD.fullmatch(text) or _COMPACT.fullmatch(text):
        return _date(int(match[1]), int(match[2]), int(match[3]))
    if match := _PARTS.fullmatch(text):
        return _from_parts(text, int(match[1]), int(match[2]), match[3], day_first=day_first, today=today)
    if match := _DAY_MONTH.fullmatch(text):
        return _date(_year(match[3], today), _month(match[2]), int(match[1]))
    if match := _MONTH_DAY.fullmatch(text):
        return _date(int(match[3]), _month(match[1]), int(match[2]))
    if match := _ERA.fullmatch(text):
        year = 1 if match[2] == "元" else int(match[2])
        return _date(_ERAS[match[1]] + year, int(match[3]), int(match[4]))
    if "年" in text and (plain := _han_date(text)) != text:
        return parse_date(plain, day_first=day_first, today=today)
    return None


def _from_parts(text: str, first: int, second: int, year: str, *, day_first: bool, today: dt.date) -> dt.date | None:
    if len(year) == 2 and first > 31:
        return _date(_century(first, today), second, int(year))
    whole = _year(year, today)
    if first > 12 or second > 12:
        day_first = first > 12
    elif "." in text:
        day_first = True
    return _date(whole, second, first) if day_first else _date(whole, first, second)


def _month(word: str) -> int:
    """The number of a month by how it begins (juin and juillet by four letters); 0: it is none."""
    return _MONTHS.get(word[:4].lower()) or _MONTHS.get(word[:3].lower(), 0)


def _year(digits: str, today: dt.date) -> int:
    return int(digits) if len(digits) == 4 else _century(int(digits), today)


def _century(year: int, today: dt.date) -> int:
    """Two digits mean the last hundred years."""
    this = today.year
    full = this - this % 100 + year
    return full if full <= this else full - 100


def _date(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day) if year <= _LATEST else None
    except ValueError:
        return None


def _han_date(text: str) -> str:
    """一九九〇年三月二十五日 with digits."""

    def number(match: re.Match[str]) -> str:
        han = match[0]
        if "十" not in han and "廿" not in han:
            return han.translate(_HAN_DIGITS)
        tens, _, ones = han.replace("廿", "二十").partition("十")
        return str(int((tens or "一").translate(_HAN_DIGITS)) * 10 + int((ones or "〇").translate(_HAN_DIGITS)))

    digit = "[〇零○一二三四五六七八九]"
    return re.sub(f"{digit}*[十廿]{digit}?|{digit}+", number, text)


def parse_time(value: str, *, day_first: bool, today: dt.date) -> dt.datetime | None:
    """A moment in UTC, or None. Without a zone it is taken as UTC, without a time as midnight; epoch seconds and
    milliseconds are read too."""
    moment = _as_written(value, day_first=day_first, today=today)
    try:
        return moment.astimezone(dt.UTC) if moment is not None else None
    except OverflowError:
        return None


def _as_written(value: str, *, day_first: bool, today: dt.date) -> dt.datetime | None:
    """The same in the zone that it was written in."""
    text = value.strip()
    if len(text) > _LONGEST:  # each of its blanks might part the day from the time
        return None
    if re.fullmatch(r"\d{10}|\d{13}", text, re.ASCII):
        seconds = int(text[:10])
        return dt.datetime.fromtimestamp(seconds, dt.UTC) if seconds >= 500_000_000 else None
    for cut in (
        len(text),
        *(at.start() for at in re.finditer(r"(?<=[\d日号號일])(?:T|\s|(?<=日)\d)|(?<=\d{8})\d{4}", text)),
    ):
        day = parse_date(text[:cut], day_first=day_first, today=today)
        if day is None:
            continue
        rest = text[cut:].strip()
        return _at(day, rest)
    return None


def _at(day: dt.date, rest: str) -> dt.datetime | None:
    if not rest:
        return dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
    if re.fullmatch(r"\d{4}|\d{6}", rest, re.ASCII):
        rest = ":".join(rest[at : at + 2] for at in range(0, len(rest), 2))
    match = _TIME.fullmatch(rest)
    if match is None:
        return None
    half = (match[1] or match[5] or "").upper()
    hour, minute, second = int(match[2]), int(match[3]), int(match[4] or 0)
    if half in ("PM", "下午", "晚上") and hour < 12:
        hour += 12
    elif half in ("AM", "上午", "凌晨") and hour == 12:
        hour = 0
    try:
        return dt.datetime(day.year, day.month, day.day, hour, minute, min(second, 59), tzinfo=_zone(match[5]))
    except ValueError:
        return None


def _zone(text: str | None) -> dt.timezone:
    if not text or text[0] not in "+-":
        return dt.UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return dt.timezone(offset if text[0] == "+" else -offset)


def _day_first(name: str, context: Context) -> bool:
    """The column's own habit, else that of the country most rows are of."""
    told = context.habits.day_first.get(name)
    if told is not None:
        return told
    usual = context.countries.drop_nulls().mode()
    return not (len(usual) and usual[0] == "US")


def _in_years_of_all(values: pl.Series, countries: pl.Series) -> pl.Series:
    """Dates whose years are counted otherwise where the row is of, written in the years that all count."""
    for country, work in (("TW", _from_republic), ("TH", _from_buddhist)):
        here = ((countries == country) & values.is_not_null()).fill_null(False)
        if here.any():
            places = here.arg_true()
            values = values.scatter(places, per_value(values.gather(places), work))
    return values


def readings(value: str) -> tuple[str, ...]:
    """A date as it stands, and as Taiwan and Thailand would have written it, where that is another one."""
    return tuple(dict.fromkeys((value, _from_republic(value), _from_buddhist(value))))


def _from_republic(value: str) -> str:
    """`79/03/05` and `0790305` in Taiwan are of the year 79 of the Republic; a first number up to 31 may be a day."""
    match = _OF_THE_REPUBLIC.fullmatch(value)
    if match is None:
        return value
    year, month, day = match.group(1, 2, 3) if match[1] else match.group(4, 5, 6)
    if len(year) < 3 and int(year) <= 31:
        return value
    return f"{_ERAS['民國'] + int(year)}-{month}-{day}{match[7] or ''}"


def _from_buddhist(value: str) -> str:
    return _BUDDHIST.sub(lambda match: str(int(match[0]) - _BUDDHA), value)


def _whole(values: pl.Series, pattern: str, form: str) -> pl.Series:
    """Dates of the rows that have exactly this form, as ISO strings."""
    if not values.str.contains(pattern).any():
        return pl.Series(values.name, [None] * len(values), dtype=pl.String)
    guarded = values.set(~values.str.contains(pattern).fill_null(True), None)
    days = guarded.str.to_date(form, strict=False)
    return days.set((days.dt.year() < 1) | (days.dt.year() > _LATEST), None).dt.to_string("%Y-%m-%d")


def dates(values: pl.Series, context: Context) -> Cleaned:
    """Dates as `YYYY-MM-DD`; impossible ones are invalid, and so is a birth to come. Old ones are valid."""
    normal = _whole(values, r"^\d{4}-\d{2}-\d{2}$", "%Y-%m-%d")
    for pattern, form in ((r"^\d{8}$", "%Y%m%d"), (r"^\d{4}/\d{2}/\d{2}$", "%Y/%m/%d")):
        if normal.null_count() > values.null_count():
            normal = normal.zip_with(normal.is_not_null(), _whole(values, pattern, form))
    first = _day_first(values.name, context)

    def rest(value: str) -> str | None:
        moment = _as_written(value, day_first=first, today=context.today)  # a day is that of its place, not of UTC
        return moment.date().isoformat() if moment is not None and not re.fullmatch(r"\d{10}|\d{13}", value) else None

    normal = fill_rest(_in_years_of_all(values, context.countries), normal, rest)
    if values.name == "birth_date":
        normal = normal.set((normal > context.today.isoformat()).fill_null(False), None)
    return settle(values, normal)


def datetimes(values: pl.Series, context: Context) -> Cleaned:
    """Moments as `YYYY-MM-DDTHH:MM:SSZ`."""
    first = _day_first(values.name, context)
    days = _whole(values, r"^\d{4}-\d{2}-\d{2}$", "%Y-%m-%d") + "T00:00:00Z"
    full = values.set(~values.str.contains(r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}Z?$").fill_null(True), None)
    full = full.str.slice(0, 19).str.replace(" ", "T", literal=True)
    full = full.str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False).dt.to_string("%Y-%m-%dT%H:%M:%SZ")
    full = full.set((full < "0001").fill_null(False) | (full > str(_LATEST)).fill_null(False), None)

    def rest(value: str) -> str | None:
        moment = parse_time(value, day_first=first, today=context.today)
        return moment.strftime(f"{moment.year:04}-%m-%dT%H:%M:%SZ") if moment is not None else None

    spoken = _in_years_of_all(values, context.countries)
    return settle(values, fill_rest(spoken, days.zip_with(days.is_not_null(), full), rest))
