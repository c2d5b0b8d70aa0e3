"""What can be recognised by its form and its check digit: numbers, addresses of the net, dates of birth, names after a word."""

from __future__ import annotations

import datetime as dt
import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Final

from stdnum import iban
from stdnum.cn import uscc

from kehu.refine.clean.emails import normal_email
from kehu.refine.clean.identifiers import cn_resident
from kehu.refine.clean.phones import normal_phone
from kehu.refine.clean.status import VALID
from kehu.refine.clean.surnames import COMMON, COMPOUND

Found = tuple[str, int, int]
"""Kind, start, end."""

_COUNTRIES: Final = ("CN", "US", "DE", "JP", "AU", "HK", "TW", "GB")
_EMAIL: Final = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[^\s@<>()（），。；、,;:]{3,200}")
_DIGITS: Final = re.compile(r"(?<![A-Za-z0-9_.])(?:\(\d{3,4}\) ?|\+?)[0-9](?:[ .-]?[0-9]){5,}[Xx]?(?![A-Za-z0-9_])")
_MOST_DIGITS: Final = 21
"""Of a number; a longer run is several."""
_GROUP: Final = re.compile(r"[^ .-]+")
_PART: Final = re.compile(
    r"(?P<national_id>\d{15}|\d{17}[\dXx]|\d{6} \d{8} \d{3}[\dXx])"
    r"|(?P<card>\d{13,19}|\d{4}([ -])\d{4}\3\d{4}\3\d{4}(?:\3\d{1,3})?|\d{4}([ -])\d{6}\4\d{5})"
    r"|(?P<phone>\+\d[\d .-]+|0\d{2,3}[ -]\d{7,8}|1[3-9]\d[ -]?\d{4}[ -]?\d{4}|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4})"
)
"""How a number is written that has others beside it."""
_RESIDENT: Final = (15, 18)
_CARD_LENGTHS: Final = {"4": (13, 16, 19), "5": (16,), "2": (16,), "3": (14, 15, 16), "6": tuple(range(16, 20))}
"""Lengths by the first digit of a card's issuer number (ISO/IEC 7812)."""
_PHONE_NEAR: Final = re.compile(
    r"(?i)电话|手机|电話|手機|联系|聯絡|致电|号码|tel|phone|call|mobile|cell|fax|whatsapp|微信"
)
_PHONE_FORM: Final = re.compile(
    r"(?:\+\d|0\d{2,3}[ -]\d{7,8}$|1[3-9]\d[ -]?\d{4}[ -]?\d{4}$|\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}$|0\d{2,5}[ ]\d{3,7})"
)
_NOT_PHONE: Final = re.compile(r"(?i)订单|單號|单号|编号|流水|order|invoice|ref|tracking|serial|no\.? ?$|#\s*$|¥|\$|€")
_DATE: Final = (
    r"(?:\d{4}[-/.年]\s?\d{1,2}[-/.月]\s?\d{1,2}日?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}"
    r"|\d{1,2} [A-Z][a-z]{2,8} \d{4}|[A-Z][a-z]{2,8} \d{1,2},? \d{4}|(?:19|20)\d{6})"
)
_BORN: Final = re.compile(
    rf"(?:生日|出生日期|出生于|出生於|生于|生於|出生)[:：是为為\s]{{0,3}}({_DATE})|({_DATE})\s?(?:出生|生(?![产產日活成]))"
    rf"|(?i:born(?: on)?|birth(?:day|date)?|date of birth|d\.?o\.?b\.?)[^\n\d]{{0,14}}?({_DATE})"
)
_PASSPORT: Final = re.compile(
    r"(?i:护照|護照|passport)[^\n]{0,18}?(?<![A-Za-z0-9])([A-Z]{1,2}\d{6,8}|\d{9})(?![A-Za-z0-9])"
    r"|(?<![A-Za-z0-9])([EG]\d{8}|E[A-HJ-NP-Z]\d{7})(?![A-Za-z0-9])"
)
_PLATE: Final = re.compile(
    r"[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-HJ-Z][ ·]?(?=[A-HJ-NP-Z0-9]*\d)"
    r"(?:[DF][A-HJ-NP-Z0-9]\d{4}|\d{5}[DF]|[A-HJ-NP-Z0-9]{5})(?![A-Za-z0-9])"
)
_USCC: Final = re.compile(r"(?<![A-Za-z0-9])[0-9A-HJ-NPQRTUWXY]{2}\d{6}[0-9A-HJ-NPQRTUWXY]{10}(?![A-Za-z0-9])")
_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?(?![A-Za-z0-9])")
_IP: Final = re.compile(
    r"(?<![A-Za-z0-9_.])(?:\d{1,3}\.){3}\d{1,3}(?![A-Za-z0-9_]|\.\d)"
    r"|(?<![A-Za-z0-9_:])(?:[0-9A-Fa-f]{1,4}:){2,7}:?[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,6}(?![A-Za-z0-9_:])"
)
"""Of the second form a colon parts the groups: where digits could be parted anywhere, a long run of them took years."""
_PLACE: Final = re.compile(
    r"(?<![\d.])(-?\d{1,2}\.\d{3,8})\s?°?[NS]?\s?[,，]\s?(-?\d{1,3}\.\d{3,8})(?![\d.])|北纬\s?\d{1,2}|东经\s?\d{2,3}"
)
_HONG_KONG: Final = re.compile(r"(?<![A-Za-z0-9])([A-Z]{1,2})(\d{6})[(（]([0-9A])[)）]")
_SOCIAL: Final = re.compile(r"(?<![\d-])(?!000|666|9\d\d)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\d-])")
_HAN_NAMED: Final = re.compile(
    r"(?:姓名|联系人|聯絡人|我叫|名叫|我是|收件人|收货人|称呼|客户)[:：是为\s]{0,2}([\u4e00-\u9fff]{2,4}?)(?=[，。,、；;\s）)先女]|$|\d)"
    r"|([\u4e00-\u9fff]{1,3})(?:先生|女士|小姐|太太|老师|老師|同学|经理|经理)"
)
_LATIN_NAMED: Final = re.compile(
    r"\b(?:Mr|Mrs|Ms|Miss|Dr|Prof|Mx)\.?\s+((?:[A-Z][\w'’-]+\s?){1,3})"
    r"|\b(?:[Mm]y name is|[Nn]ame is|I am|I'm|[Tt]his is|[Cc]ontact|[Dd]ear|[Rr]egards,?|[Ss]incerely,?|[Nn]ame:)"
    r"\s+((?:[A-Z][\w'’-]+\s?){1,3})"
)
_NO_NAME: Final = frozenset({
    "Sir", "Madam", "Customer", "Team", "All", "Support", "The", "Your",
    "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
})  # fmt: skip


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (2 if place % 2 else 1)
        total += number - 9 if number > 9 else number
    return total % 10 == 0 and len(set(digits)) > 1


def is_card(digits: str) -> bool:
    """Whether these digits are a payment card's number: an issuer's first digit, its length, the Luhn check digit."""
    return len(digits) in _CARD_LENGTHS.get(digits[:1], ()) and _luhn(digits)


def emails(text: str) -> Iterator[Found]:
    """E-mail addresses that could be delivered to."""
    for match in _EMAIL.finditer(text):
        held = match[0].rstrip(".!?")
        if normal_email(held):
            yield "email", match.start(), match.start() + len(held)


def numbers(text: str) -> Iterator[Found]:
    """Resident numbers, cards and telephone numbers: each run of digits is one of them, or has such beside other numbers."""
    today = dt.datetime.now(dt.UTC).date()
    for match in _DIGITS.finditer(text):
        kind = _kind(match[0], text[max(match.start() - 12, 0) : match.start()], today)
        if kind is not None:
            yield kind, match.start(), match.end()
        else:
            yield from _parts(match, text, today)


def _parts(run: re.Match[str], text: str, today: dt.date) -> Iterator[Found]:
    """What stands in a run beside a date, an amount or another number: of its neighbouring groups the longest first."""
    groups = [(one.start() + run.start(), one.end() + run.start()) for one in _GROUP.finditer(run[0])]
    place = 0
    while place < len(groups):
        start = groups[place][0]
        before = "" if place else text[max(start - 12, 0) : start]  # a word before the run speaks of its first number
        for last in range(min(place + _MOST_DIGITS, len(groups)) - 1, place - 1, -1):
            end = groups[last][1]
            if end - start < 2 * _MOST_DIGITS and _PART.fullmatch(text, start, end):
                kind = _kind(text[start:end], before, today)
                if kind is not None:
                    yield kind, start, end
                    place = last
                    break
        place += 1


def _kind(held: str, before: str, today: dt.date) -> str | None:
    digits = re.sub(r"[ .()+-]", "", held)
    if len(digits) > _MOST_DIGITS:
        return None
    if len(digits) in _RESIDENT and cn_resident(digits.upper(), today) is not None:
        return "national_id"
    if digits.isdigit() and is_card(digits):
        return "card"
    return "phone" if _is_phone(held, before) else None


def _is_phone(held: str, before: str) -> bool:
    if _NOT_PHONE.search(before) and not _PHONE_NEAR.search(before):
        return False
    if not _PHONE_FORM.match(held) and not _PHONE_NEAR.search(before):
        return False
    return any(normal_phone(held, country)[1] == VALID for country in _COUNTRIES)


def identifiers(text: str) -> Iterator[Found]:
    """Passports, identity cards of other places, plates, credit codes, bank accounts, addresses of the net, coordinates."""
    for kind, pattern, check in _FORMS:
        for match in pattern.finditer(text):
            if check(match):
                group = (
                    next((number for number, part in enumerate(match.groups(), 1) if part), 0) if kind in _INNER else 0
                )
                yield kind, match.start(group), match.end(group)


def _hong_kong(match: re.Match[str]) -> bool:
    letters = [36 if letter == " " else ord(letter) - 55 for letter in match[1].rjust(2)]
    values = [*letters, *map(int, match[2]), 10 if match[3] == "A" else int(match[3])]
    return sum(value * weight for value, weight in zip(values, range(9, 0, -1), strict=True)) % 11 == 0


def _address_of_net(match: re.Match[str]) -> bool:
    try:
        found = ipaddress.ip_address(match[0])
    except ValueError:
        return False
    return not (found.is_loopback or found.is_unspecified or found.is_multicast)


def _on_earth(match: re.Match[str]) -> bool:
    return match[1] is None or (abs(float(match[1])) <= 90 and abs(float(match[2])) <= 180)


def _always(match: re.Match[str]) -> bool:
    return True


_INNER: Final = frozenset({"passport", "birth_date"})
_FORMS: Final[tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], bool]], ...]] = (
    ("passport", _PASSPORT, _always),
    ("national_id", _HONG_KONG, _hong_kong),
    ("national_id", _SOCIAL, _always),
    ("birth_date", _BORN, _always),
    ("plate", _PLATE, _always),
    ("credit_code", _USCC, lambda match: not match[0].isdigit() and uscc.is_valid(match[0])),
    ("iban", _IBAN, lambda match: iban.is_valid(match[0])),
    ("ip", _IP, _address_of_net),
    ("coordinates", _PLACE, _on_earth),
)


def named(text: str) -> Iterator[Found]:
    """Names that a word before or after them gives away; what a model is for is not guessed here."""
    for match in _HAN_NAMED.finditer(text):
        group = 1 if match[1] else 2
        name, start = match[group], match.start(group)
        at = next(
            (place for place in range(len(name)) if name[place : place + 2] in COMPOUND or name[place] in COMMON), None
        )
        if group == 2 and at is not None and len(name) - at <= 3:
            yield "person", start + at, match.end(group)
        elif group == 1 and at == 0 and len(name) <= 4:
            yield "person", start, match.end(group)
    for match in _LATIN_NAMED.finditer(text):
        group = 1 if match[1] else 2
        name = match[group].rstrip()
        if name.split()[0] not in _NO_NAME:
            yield "person", match.start(group), match.start(group) + len(name)
