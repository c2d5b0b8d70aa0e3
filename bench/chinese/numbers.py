"""Numbers with check digits, telephones, mailboxes and dates, and how they are written wrongly."""

from __future__ import annotations

import datetime as dt
import random
from typing import Final

_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_USCC: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_MOBILES: Final = (
    "130 131 132 133 135 136 137 138 139 150 151 152 155 157 158 159 176 177 178 180 181 182 185 186 187 188 189 199"
)
_FIRST_NEW_MOON: Final = dt.date(1900, 1, 1)
_LUNATION: Final = 29.530588


def check_digit(first: str) -> str:
    """The eighteenth character of a resident identity number (GB 11643-1999, ISO 7064 MOD 11-2)."""
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(first, _WEIGHTS, strict=True)) % 11]


def resident_id(chance: random.Random, area: str, born: dt.date, male: bool) -> str:
    """A valid resident identity number."""
    order = chance.randrange(1, 500) * 2 - (1 if male else 0)
    first = f"{area}{born:%Y%m%d}{order:03d}"
    return first + check_digit(first)


def hong_kong_id(chance: random.Random) -> str:
    """A valid Hong Kong identity card number."""
    letter, digits = chance.choice("ABCDEGHKPRVYZ"), f"{chance.randrange(10**6):06d}"
    total = 36 * 9 + (ord(letter) - 55) * 8 + sum(int(d) * w for d, w in zip(digits, range(7, 1, -1), strict=True))
    rest = -total % 11
    return f"{letter}{digits}({'A' if rest == 10 else rest})"


def taiwan_id(chance: random.Random, male: bool) -> str:
    """A valid Taiwan national identity number."""
    letter = chance.choice("ABCDEFGHJKLMNPQRSTUV")
    number = 10 + "ABCDEFGHJKLMNPQRSTUVXYWZIO".index(letter)
    digits = [1 if male else 2, *(chance.randrange(10) for _ in range(7))]
    weights = (1, 9, 8, 7, 6, 5, 4, 3, 2, 1)
    total = sum(d * w for d, w in zip([number // 10, number % 10, *digits], weights, strict=True))
    return f"{letter}{''.join(map(str, digits))}{-total % 10}"


def credit_code(chance: random.Random, area: str) -> str:
    """A valid unified social credit code of a company (GB 32100-2015)."""
    first = f"91{area}" + "".join(chance.choice(_USCC) for _ in range(9))
    total = sum(_USCC.index(letter) * pow(3, place, 31) for place, letter in enumerate(first))
    return first + _USCC[-total % 31]


def mobile(chance: random.Random, where: str) -> str:
    """A mobile number as its country writes it."""
    if where == "HK":
        return f"{chance.choice('569')}{chance.randrange(10**7):07d}"
    if where == "TW":
        return f"09{chance.randrange(10**8):08d}"
    if where == "US":
        return f"({chance.choice(('217', '503', '512', '614', '608', '303'))}) {chance.randrange(200, 999)}-{chance.randrange(10**4):04d}"
    return chance.choice(_MOBILES.split()) + f"{chance.randrange(10**8):08d}"


def landline(chance: random.Random, area: str) -> str:
    """A fixed line; `area` is a telephone area or the code of a country."""
    if area == "HK":
        return f"{chance.choice('23')}{chance.randrange(10**7):07d}"
    if area == "TW":
        return f"02-2{chance.randrange(10**7):07d}"
    if area == "US":
        return mobile(chance, "US")
    return f"{area}-{chance.randrange(2, 9)}{chance.randrange(10**7):07d}"


def as_written(chance: random.Random, phone: str, where: str) -> str:
    """A telephone number as people type it."""
    roll = chance.random()
    if where == "CN" and phone.startswith("1"):
        if roll < 0.72:
            return phone
        if roll < 0.82:
            return f"{phone[:3]} {phone[3:7]} {phone[7:]}"
        if roll < 0.88:
            return f"{phone[:3]}-{phone[3:7]}-{phone[7:]}"
        if roll < 0.97:
            return chance.choice(("+86", "86-", "+86 ", "0086")) + phone
        return phone.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    if where == "CN" and roll < 0.3:
        return chance.choice((phone.replace("-", ""), phone.replace("-", " "), "+86 " + phone[1:]))
    code = {"HK": "+852 ", "TW": "+886 ", "US": "+1 "}.get(where)
    return code + phone.removeprefix("0") if code and roll > 0.8 else phone


def mistyped(chance: random.Random, text: str) -> str:
    """One digit or letter another one, or two neighbours swapped."""
    places = [place for place, letter in enumerate(text) if letter.isalnum()]
    place = chance.choice(places[len(places) // 3 :])
    if chance.random() < 0.5 and place + 1 < len(text) and text[place] != text[place + 1] and text[place + 1].isalnum():
        return text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    other = str((int(text[place]) + chance.randrange(1, 10)) % 10) if text[place].isdigit() else "a"
    return text[:place] + other + text[place + 1 :]


def lunar(born: dt.date) -> dt.date | None:
    """The day and month this birthday has in the farmers' calendar, written as a date; None for a thirtieth of February.

    By the mean moon: a day off now and then, and leap months are not counted, as in most people's memory.
    """
    days = (born - _FIRST_NEW_MOON).days
    day = int(days % _LUNATION) + 1
    start = born - dt.timedelta(days=day - 1)
    # The year begins with the new moon between 21 January and 20 February.
    year = start.year if (start.month, start.day) >= (1, 21) else start.year - 1
    spring = dt.date(year, 1, 21) + dt.timedelta(
        days=round(-((dt.date(year, 1, 21) - _FIRST_NEW_MOON).days % _LUNATION) % _LUNATION)
    )
    month = round((start - spring).days / _LUNATION) % 12 + 1
    try:
        return dt.date(year, month, min(day, 30))
    except ValueError:
        return None
