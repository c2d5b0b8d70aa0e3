"""Search keys of a value: what the blind indexes are fed with and asked for. Few and useful, at most about 16 a value.

Nothing of a person is cached here: no plaintext may outlive a request. Only the readings of single characters are.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Sequence
from typing import Final, NamedTuple

from opencc import OpenCC

from kehu.refine.clean.surnames import COMPOUND, READINGS

_LONGEST_PREFIX: Final = 6
_MOST: Final = 16
_WORDS: Final = 4
_COMPOUND: Final = frozenset(COMPOUND)
_CASED: Final = frozenset({"name", "text", "address", "email", "code", "url"})
_SEPARATORS: Final = re.compile(r"[\s,.;·'’\"()/_-]+")
_LETTERS: Final = re.compile(r"[a-z ]+")
_EAST: Final = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff\u3041-\u30ff\uac00-\ud7af々]")
_HAN: Final = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]+")
_HAN_ONLY: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_TO_SIMPLIFIED: Final = OpenCC("t2s")
_SPECIAL: Final = str.maketrans(
    {"ß": "ss", "ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "ı": "i", "þ": "th", "ð": "d"}
)


class SearchKeys(NamedTuple):
    """Keys of one value by kind of token. A query asks for any one of them that it can form itself."""

    exact: str
    prefixes: list[str]
    bigrams: list[str]
    pinyin: list[str]


def search_keys(field: str, value: str, type: str) -> SearchKeys:
    """The keys of a normalised value.

    `exact` folds width, and for text case, accents and traditional script; numbers, dates and codes stay as they are.
    Names also give prefixes of 2 to 6 letters of each Latin word; characters and pairs of characters of Chinese,
    Japanese and Korean; and of Han names the pinyin: initials (`zs`, `zsf`) and whole syllables (`zhang`, `zhangsan`),
    a surname in its own reading. Order does not matter; an empty `exact` means no key.
    """
    return _name_keys(value) if type == "name" else SearchKeys(exact_key(value, type), [], [], [])


def names_keys(names: Sequence[str]) -> list[SearchKeys]:
    """:func:`search_keys` of many names: traditional script is folded for all of them in one go."""
    han = [name for name in names if _HAN_ONLY.fullmatch(name)]
    folded = dict(zip(han, _TO_SIMPLIFIED.convert("\n".join(han)).split("\n"), strict=True)) if han else {}
    return [_han_keys(folded[name]) if name in folded else _name_keys(name) for name in names]


def exact_key(value: str, type: str) -> str:
    """The exact key of a value that is no name: its only one."""
    return fold(value) if type in _CASED and type != "code" else value.strip()


def fold(value: str) -> str:
    """Text with case, width, accents and traditional script folded away, words parted by one space."""
    if value.isascii():
        return " ".join(value.lower().split())
    text = unicodedata.normalize("NFKC", value).casefold().translate(_SPECIAL)
    if _HAN.search(text):
        text = _TO_SIMPLIFIED.convert(text)
    if not _EAST.search(text):
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(text.split())


def _word_prefixes(word: str) -> list[str]:
    # One-letter words stand for themselves: initials are what people search by.
    length = len(word)
    if length < 2:
        return [word]
    return [word[:end] for end in range(2, min(_LONGEST_PREFIX, length) + 1)]


def _name_keys(value: str) -> SearchKeys:
    if _HAN_ONLY.fullmatch(value):
        return _han_keys(_TO_SIMPLIFIED.convert(value))  # most names of a Chinese book: nothing else to fold
    folded = fold(value)
    words = folded.split() if _LETTERS.fullmatch(folded) else _SEPARATORS.sub(" ", folded).split()
    prefixes: list[str] = []
    bigrams: list[str] = []
    pinyin: list[str] = []
    if folded.isascii():
        for word in words[:_WORDS]:
            prefixes += _word_prefixes(word)
        return SearchKeys(" ".join(words), _distinct(prefixes), [], [])
    east = "".join(words) if _EAST.search(folded) else ""
    for word in words[:_WORDS]:
        if not _EAST.search(word):
            prefixes += _word_prefixes(word)
    run = "".join(_EAST.findall(east))
    if run:
        bigrams = _bigrams(run)
        pinyin = _pinyin_keys("".join(_HAN.findall(east)))
    # Joining may bring a letter and an accent together.
    exact = unicodedata.normalize("NFKC", ("" if run and not prefixes else " ").join(words))
    return SearchKeys(exact, _distinct(prefixes), _distinct(bigrams), _distinct(pinyin))


def _han_keys(name: str) -> SearchKeys:
    # most names have two characters or three: written out, in half the time
    if len(name) == 2:
        first, second = _surname(name[0]), _reading(name[1])
        bigrams, pinyin = [name[0], name[1], name], [first[:1] + second[:1], first, first + second]
    elif len(name) == 3 and name[:2] not in _COMPOUND:
        one, two, three = name[0], name[1], name[2]
        first, second, third = _surname(one), _reading(two), _reading(three)
        start, initials = first + second, first[:1] + second[:1]
        bigrams = [one, two, three, one + two, two + three]
        pinyin = [initials, initials + third[:1], first, start, start + third, second + third]
        second = second and third
    else:
        return _other_han_keys(name)
    if not (first and second and len(set(bigrams)) == len(bigrams) and len(set(pinyin)) == len(pinyin)):
        return _other_han_keys(name)
    return SearchKeys(name, [], bigrams, pinyin)


def _other_han_keys(name: str) -> SearchKeys:
    return SearchKeys(name, [], _distinct(_bigrams(name)), _distinct(_pinyin_keys(name)))


def _bigrams(run: str) -> list[str]:
    return [*run[:4], *[run[at : at + 2] for at in range(min(len(run) - 1, 6))]]


def _distinct(keys: list[str]) -> list[str]:
    found = list(dict.fromkeys(keys))
    return found if len(found) <= _MOST else found[:_MOST]


def _pinyin_keys(han: str) -> list[str]:
    syllables = syllables_of(han)[:4]
    if not syllables:
        return []
    initials = "".join(syllable[0] for syllable in syllables)
    whole = ["".join(syllables[:end]) for end in range(1, len(syllables) + 1)]
    given_name = ["".join(syllables[1:])] if len(syllables) > 2 else []
    return [*(initials[:end] for end in range(2, len(initials) + 1)), *whole, *given_name]


def syllables_of(han: str) -> list[str]:
    """Pinyin syllables of a Han name without tones, the surname in its own reading (单 shan); unknown ones left out."""
    if not han:
        return []
    if len(han) > 2 and han[:2] in _COMPOUND:
        told = READINGS.get(han[:2])
        surname = [told] if told else [_reading(character) for character in han[:2]]
        rest = han[2:]
    else:
        surname, rest = [_surname(han[0])], han[1:]
    return [syllable for syllable in [*surname, *map(_reading, rest)] if syllable]


def _surname(character: str) -> str:
    return READINGS.get(character) or _reading(character)


@functools.lru_cache(maxsize=1 << 13)
def _reading(character: str) -> str:
    """The usual reading of one character, without tone; ü as v, as it is typed."""
    from pypinyin.constants import PINYIN_DICT  # noqa: PLC0415  (a third of a second to load, and many processes read none)

    marked: str = PINYIN_DICT.get(ord(character), "").split(",")[0]
    plain = unicodedata.normalize("NFD", marked).replace("u\u0308", "v")
    return "".join(c for c in plain if not unicodedata.combining(c))


def pinyin_query(text: str) -> str:
    """A typed pinyin query (`Zhang San`, `zhang'san`, `lü`) as the key it is looked up by."""
    plain = unicodedata.normalize("NFD", text.casefold()).replace("u\u0308", "v")
    return re.sub(r"[^a-z]", "", "".join(c for c in plain if not unicodedata.combining(c)))
