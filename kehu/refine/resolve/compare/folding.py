"""One record folded without a table: the same features as :func:`kehu.refine.resolve.compare.features.prepare` makes of many.

A frame costs twenty milliseconds however few rows it has; a record that has just come in is folded in a twentieth of one.
A test compares the two on any text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from kehu.refine.resolve.compare.births import birth_of, by_the_moon
from kehu.refine.resolve.compare.features import (
    CODE_FIELDS,
    DOTLESS,
    FIELDS,
    SAME_DOMAINS,
    TEXT_FIELDS,
    Kind,
    simplified,
)
from kehu.refine.resolve.compare.given_names import SAME_NAMES, usual_gender, without_given_name_of_choice
from kehu.refine.resolve.compare.legal_names import (
    BRANCHES,
    FIRST_WORD,
    FORM_OF,
    GROUP_OF,
    LEGAL_FORMS,
    NO_GROUP,
    STATED,
    ordinals,
)
from kehu.refine.resolve.compare.romanised import spellings
from kehu.refine.resolve.compare.spelling import (
    COMPOUND_SURNAMES,
    ESTATE,
    FAMILIAR,
    HAN_TITLES,
    HONOURS,
    LATIN,
    LINE,
    MISHEARD,
    NO_ESTATE_NAME,
    STREET,
    SUFFIX,
    TITLED,
    spell,
    spell_surname,
)
from kehu.refine.resolve.compare.stand_ins import NO_GIVEN_NAME

Folded = dict[str, str | None]
_HAN: Final = re.compile(
    "[\u2e80-\u2e99\u2e9b-\u2ef3\u2f00-\u2fd5\u3005\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufa6d"
    "\ufa70-\ufad9\U00016fe2\U00016fe3\U00016ff0\U00016ff1\U00020000-\U000323af]"
)
_MARKS: Final = re.compile("[\u0300-\u036f]")
_QUOTES: Final = re.compile("['’`]")
_NO_DIGIT: Final = re.compile("[^0-9]")
_NO_GIVEN_NAME: Final = re.compile(NO_GIVEN_NAME)
_SUFFIX: Final = re.compile(SUFFIX)
_AROUND: Final = tuple(re.compile(pattern) for pattern in (TITLED, HONOURS, SUFFIX, HAN_TITLES))
_FAMILIAR: Final = re.compile(FAMILIAR)
_STREET: Final = re.compile(STREET)
_ESTATE: Final = re.compile(ESTATE)
_LINE: Final = re.compile(LINE)
_BETWEEN: Final = re.compile("(?<=[0-9]) (?=[0-9])")
_SOUNDS: Final = re.compile("|".join(MISHEARD))
_LEGAL: Final = re.compile(LEGAL_FORMS)
_FIRST_WORD: Final = re.compile(FIRST_WORD)
_STATED: Final = re.compile(STATED)
_BRANCHES: Final = tuple(re.compile(pattern) for pattern in BRANCHES)
_COMPOUND: Final = frozenset(COMPOUND_SURNAMES)
_LATIN: Final = str.maketrans(LATIN)
_NO_WORD: Final = re.compile("[^a-z0-9]+")  # of lower case ASCII all but letters and digits
_RENAMED: Final = {"postal_code": "postal", "birth_date": "birth"}
_KEPT: Final = ("phone", "email", "national_id", "registration_number", "gender")


def fold(values: Mapping[str, str | None], kind: Kind) -> Folded:
    """A record's dictionary fields as the features that are compared; those that nothing is known of are None."""
    plain = {name: _plain(name, text) for name in FIELDS[kind] if (text := values.get(name))}
    row: Folded = _person(plain) if kind == "person" else _organisation(plain)
    _address(plain)
    for name in TEXT_FIELDS:
        if (text := plain.get(name)) is not None:
            row[name] = spell(text)
    for old, new in _RENAMED.items():
        row[new] = plain.get(old)
    for name in _KEPT:
        row[name] = plain.get(name)
    if kind == "person":
        row["birth"] = birth_of(row["national_id"] or "") or row["birth"]
        born, written = row["birth"], row.get("name")
        row["moon"] = by_the_moon(born) if born and written and not written.isascii() else None
        row["named_gender"] = usual_gender(row.get("word") or "")
        row["gender"] = _told_gender(plain.get("gender"), row["named_gender"])
    row["addr"] = _joined(row.get("house_number"), row.get("street")) if row.get("street") is not None else None
    row["dwelling"] = _dwelling(row)
    row["email"], row["mailbox"] = _mailbox(row["email"])
    return row


def _dwelling(row: Folded) -> str | None:
    """A home by its estate, building and flat; or by a line that has numbers somewhere, where it does not begin with one."""
    estate, unit, street = row.get("estate"), row.get("unit") or "", row.get("street") or ""
    if estate:
        return f"{estate} {unit}" if " " in unit else None
    return street if row.get("house_number") is None and re.search("[0-9]", street) else None


def _mailbox(email: str | None) -> tuple[str | None, str | None]:
    """An address as its provider reads it, and its mailbox; see :func:`kehu.refine.resolve.compare.features.prepare`."""
    if not email:
        return None, None
    local = re.split("[@+]", email, maxsplit=1)[0]
    domain = email.rpartition("@")[2] if "@" in email else ""
    domain = SAME_DOMAINS.get(domain, domain)
    if domain in DOTLESS:
        local = local.replace(".", "")
    return (f"{local}@{domain}" if local and domain else email), local or None


def _plain(name: str, text: str) -> str | None:
    """Lower case, no accents, traditional or full-width forms, no punctuation; None where nothing is left."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _MARKS.sub("", unicodedata.normalize("NFKD", text)))
        text = text.lower().translate(_LATIN)
        text = text if text.isascii() else simplified(text)
    text = text.lower()
    if name in {"birth_date", "phone"}:
        return _NO_DIGIT.sub("", text) or None
    if name in CODE_FIELDS:
        if text.isascii():
            return _NO_WORD.sub("", text) or None
        return "".join(letter for letter in text if unicodedata.category(letter)[0] in "LN") or None
    if name == "email":
        return "".join(text.split()) or None
    text = _QUOTES.sub("", text)
    if text.isascii():
        text = _NO_WORD.sub(" ", text)
    else:
        text = "".join(letter if unicodedata.category(letter)[0] in "LNM" else " " for letter in text)
    return " ".join(text.split()) or None


def _person(plain: Mapping[str, str | None]) -> Folded:
    names = tuple(plain.get(name) for name in ("full_name", "given_name", "family_name"))
    suffix = next((found[1] for text in names if text is not None and (found := _SUFFIX.search(text))), None)
    full, given, family = (_untitled(text) for text in names)
    second = plain.get("second_given_name")
    if second is not None and _HAN.search(second):  # of a Chinese name, a part that brothers and sisters share
        second = None
    no_name = given is not None and _NO_GIVEN_NAME.search(given) is not None
    if (full is not None and _NO_GIVEN_NAME.search(full)) or (
        (no_name or second is not None) and _made_of(full, given, second, family)
    ):
        full = None
    given = None if no_name else given
    name = full if full is not None else _joined(given, family)
    suffix = suffix.replace("junior", "jr").replace("senior", "sr") if suffix else None
    if name is None:
        return {"suffix": suffix, "second": second, "middle": _middle("", second)}
    han = _HAN.search(name) is not None
    if han:
        # A Chinese name is one word, family name first, however its parts came.
        name = (full if full is not None else (family or "") + (given or "")).replace(" ", "")
        name = _FAMILIAR.sub(r"\1\2", name)
        width = 2 if name[:2] in _COMPOUND else 1
        split_first, split_last = name[width:], name[:width]
        given = given.replace(" ", "") if given is not None else None
        family = family.replace(" ", "") if family is not None else None
    else:
        words = name.split(" ")
        split_first, split_last = words[0], words[-1]
    if full is None:  # what the family name begins with is no given name
        split_first = ""
    first = (given if given is not None else split_first) or None
    last = family if family is not None else split_last
    sound = spell(first) if first is not None else None
    word = first.split(" ", 1)[0] if first is not None else None
    return {
        "name": name,
        "first": first,
        "last": last,
        "suffix": suffix,
        "second": second,
        "tokens": sorted_words(name),
        "word": word,
        "forms": SAME_NAMES.get(word) if word is not None else None,
        "middle": _middle(name, second),
        "first_s": sound,
        "last_s": spell_surname(last),
        "spelt": spellings(last, first) if han else None,
        "latin": without_given_name_of_choice(name).replace(" ", "") if name.isascii() else None,
        "first_b": _SOUNDS.sub(lambda found: MISHEARD[found[0]], sound) if sound is not None else None,
    }


def _made_of(full: str | None, given: str | None, second: str | None, family: str | None) -> bool:
    """A whole name is made of its parts, with the second given name or without."""
    if full is None or family is None:
        return False
    return full in (_joined(given, second, family), _joined(given, family), f"{family}{given or ''}")


def _middle(name: str, second: str | None) -> str | None:
    """See :func:`kehu.refine.resolve.compare.features.prepare`: the words within a name, and the second given name."""
    words = [*name.split(" ")[1:-1], *((second or "").split())]
    return " ".join(f"{one}{SAME_NAMES.get(one, '')}" for one in words) or None


def _told_gender(gender: str | None, usual: str | None) -> str | None:
    """A gender that says something: not that it is unknown, nor one that hardly anybody of that given name has."""
    slip = {gender, usual} == {"female", "male"}
    return None if gender == "unknown" or slip else gender


def _untitled(name: str | None) -> str | None:
    """A name without what stands before or behind it; None where nothing else was there."""
    if name is None:
        return None
    for pattern in _AROUND:
        name = pattern.sub("", name, count=1)
    return name or None


def _address(plain: dict[str, str | None]) -> None:
    """One form of an address, in place; see :func:`kehu.refine.resolve.compare.features.prepare`."""
    text = plain.get("address") or ""
    whole = close_up(text.replace(NO_ESTATE_NAME, "")) if _HAN.search(text) else ""
    named = _ESTATE.search(whole)
    # What is read of the text goes before its parts: those who leave out a 号 have them cut elsewhere.
    if found := _STREET.search(whole):
        plain["street"], plain["house_number"] = found[1], found[2]
        plain["unit"] = found[3] or None
        named = _ESTATE.search(found[3])
    elif named:
        plain["street"] = plain["house_number"] = None
        plain["unit"] = whole[named.end(1) :]
    elif plain.get("street") is None and (line := _LINE.match("" if whole else text)):
        plain["house_number"], plain["street"] = line[1], line[2]
    plain["estate"] = named[1] if named else None
    han = _HAN.search(plain.get("street") or "") is not None
    if han and (number := plain.get("house_number")):
        plain["house_number"] = number.replace("号", "", 1) or None
    if whole or han or _HAN.search(plain.get("unit") or ""):
        plain["unit"] = building_and_flat(re.findall("[0-9]+", plain.get("unit") or ""))


def close_up(text: str) -> str:
    """A text without its spaces; numbers remain apart."""
    return _BETWEEN.sub("-", text).replace(" ", "")


def building_and_flat(numbers: Sequence[str]) -> str | None:
    """The numbers of a home, without the entrance between building and flat (3栋2单元1001室), which many leave out."""
    entrance = len(numbers) == 3 and len(numbers[-1]) >= 3
    return " ".join(numbers[::2] if entrance else numbers) or None


def _organisation(plain: Mapping[str, str | None]) -> Folded:
    full = plain.get("legal_name") or plain.get("full_name")
    if full is None:
        return {}
    name = re.sub(r"\s+", " ", _LEGAL.sub(" ", full)).strip() or full
    if all(letter == " " or _HAN.match(letter) for letter in name):
        name = name.replace(" ", "")
    branch = next((found[1] for pattern in _BRANCHES if (found := pattern.search(full))), None)
    stated = [found[0] for found in _STATED.finditer(_FIRST_WORD.sub(r"\1", full))]
    form, group = (_every(stated, codes) for codes in (FORM_OF, GROUP_OF))
    return {
        "full": full,
        "name": name,
        "legal_form": form,
        "group_word": group or (NO_GROUP if any(one in FORM_OF for one in stated) else None),
        "tokens": sorted_words(name),
        "name_s": spell(name),
        "branch": branch,
        "ordinal": ordinals(name),
    }


def _every(words: Iterable[str], codes: Mapping[str, str]) -> str | None:
    return " ".join(sorted({codes[word] for word in words if codes.get(word)})) or None


def sorted_words(name: str) -> str:
    """The words of a name in one order; the characters, where it is one Chinese word."""
    if " " not in name and _HAN.search(name):
        return "".join(sorted(name))
    return " ".join(sorted(name.split(" ")))


def _joined(*parts: str | None) -> str | None:
    return " ".join(part for part in parts if part is not None).strip() or None
