"""How names sound, and what is written around them: letters spelt in ASCII, surname readings, titles and honours."""

from __future__ import annotations

import unicodedata
from typing import Final

# pypinyin reads these by their common sound; as surnames they are read otherwise.
_SURNAME_SOUNDS: Final = {
    "单": "shan", "仇": "qiu", "查": "zha", "解": "xie", "曾": "zeng", "区": "ou", "任": "ren", "盖": "ge",
    "黑": "he", "缪": "miao", "朴": "piao", "秘": "bi", "冼": "xian", "召": "shao", "乐": "yue", "员": "yun",
    "繁": "po", "种": "chong", "折": "she", "翟": "zhai", "逄": "pang", "卜": "bu", "尉迟": "yuchi", "万俟": "moqi",
    "长孙": "zhangsun", "澹台": "tantai",
}  # fmt: skip
COMPOUND_SURNAMES: Final = (
    "欧阳", "司马", "上官", "诸葛", "司徒", "东方", "独孤", "南宫", "夏侯", "皇甫", "尉迟", "公孙", "慕容", "令狐",
    "长孙", "宇文", "轩辕", "司空", "万俟", "端木", "百里", "呼延", "东郭", "西门", "澹台", "公冶", "濮阳", "太史",
    "申屠", "闻人", "赫连", "钟离", "鲜于",
)  # fmt: skip
# What is often misheard (zh/z, ch/c, sh/s, -ng/-n): zhang, zang and zan are one sound.
MISHEARD: Final = {"zh": "z", "ch": "c", "sh": "s", "ang": "an", "eng": "en", "ing": "in"}
# Letters of Latin alphabets that Unicode does not take apart.
LATIN: Final = {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i", "ħ": "h"}
# What stands before a name and is none. Those that are also given names (Earl, Major, Prince) are left out on purpose.
TITLES: Final = frozenset(
    [
        "mr",
        "mrs",
        "ms",
        "miss",
        "mx",
        "dr",
        "prof",
        "professor",
        "sir",
        "dame",
        "rev",
        "revd",
        "reverend",
        "rt",
        "hon",
        "honourable",
        "capt",
        "captain",
        "maj",
        "col",
        "colonel",
        "gen",
        "general",
        "lt",
        "lieutenant",
        "sgt",
        "sergeant",
        "admiral",
        "lord",
        "lady",
        "baron",
        "baroness",
        "baronet",
        "viscount",
        "viscountess",
        "countess",
        "marquess",
        "marchioness",
        "duchess",
        "herr",
        "frau",
        "monsieur",
        "madame",
        "mme",
        "mlle",
        "signor",
        "signora",
        "senor",
        "senora",
        "the",
        "esq",
        "bt",
        "archbishop",
        "archdeacon",
        "brigadier",
        "canon",
        "father",
        "master",
        "of",
    ]
)
_ALL_TITLES: Final = "|".join(sorted(TITLES))
_OFFICES: Final = "abbot|bishop|dean|duke|earl|king|marquis|master|prince|princess|queen"
TITLED: Final = rf"^(?:(?:{_ALL_TITLES}|[1-9][0-9]?(?:st|nd|rd|th)|(?:{_OFFICES}) of|major general)(?: |$))+"
_PEERAGE: Final = "baron|baroness|countess|duchess|duke|marchioness|marquess|marquis|viscount|viscountess"
_HONOURS: Final = "baronet|bt|bart|esq|esquire|phd|md|obe|mbe|cbe|kbe|kcb|gcb|dso|vc|qc|kc|jp|mp|frs|fba"
HONOURS: Final = (
    rf" (?:[1-9][0-9]?(?:st|nd|rd|th)(?: .*)?|(?:{_PEERAGE}) .+|earl of .+|(?:{_HONOURS})(?: (?:{_HONOURS}))*)$"
)
SUFFIX: Final = r" (jr|junior|sr|senior|ii|iii|iv)$"
HAN_TITLES: Final = r"(?:先生|女士|小姐|太太|老师|博士|教授|夫人|经理|同志|阿姨|叔叔|主任|医生|师傅)$"
# 老王, 小王, 王总: what friends and colleagues call somebody named 王; the given name remains unknown.
FAMILIAR: Final = r"^(?:[老小](.)|(.)总)$"
# A Chinese address as one text: street, number, and what comes after it; 路二段, 巷 and 弄 are parts of a street in Taiwan.
_AFTER_PLACE: Final = "(?:^|省|市|区|县|镇|乡)"
STREET: Final = (
    rf"{_AFTER_PLACE}([^省市区县镇乡0-9]{{1,8}}?(?:大道|大街|胡同|路|街|道|巷|弄)(?:[一二三四五六七八九十]段)?)"
    "([0-9]+(?:[巷弄][0-9]+)*)号?(.*)$"
)
# What stands before the number of a building: the name of the estate, which many write without street or number.
_BUILDING: Final = "[0-9]+(?:号楼|栋|幢|座|-)"
ESTATE: Final = rf"{_AFTER_PLACE}([^省市区县镇乡0-9]{{2,10}}){_BUILDING}"
BEHIND_ESTATE: Final = rf"{_AFTER_PLACE}[^省市区县镇乡0-9]{{2,10}}({_BUILDING}.*)$"
NO_ESTATE_NAME: Final = "小区"  # "estate": says nothing, and ends like a district
# A line of an address in Latin letters: the number, and what comes after it.
LINE: Final = "^(?:([0-9]+[a-z]?) )?(.*[a-z].*)$"


class _Letters(dict[int, str]):
    """Translation table from any letter to ASCII, filled as letters are met."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        if letter.isascii():
            spelt = letter
        elif "CJK" in (name := unicodedata.name(letter, "")):
            from pypinyin import Style, pinyin  # noqa: PLC0415  (a third of a second to load)

            spelt = pinyin(letter, style=Style.NORMAL, v_to_u=False)[0][0]
        else:
            # The last word of a letter's Unicode name spells it: CYRILLIC SMALL LETTER ZHE, HANGUL SYLLABLE GAN.
            spelt = name.rsplit(" ", 1)[-1].lower()
        self[code] = spelt if spelt.isascii() else ""
        return self[code]


_LETTERS: Final = _Letters()


def spell(text: str) -> str:
    """The text in ASCII letters: Han by pinyin without tones, other scripts by the names of their letters."""
    return text.translate(_LETTERS)


def spell_surname(text: str) -> str:
    """As `spell`, with the readings that Chinese surnames have (单 shan, 仇 qiu)."""
    return _SURNAME_SOUNDS.get(text) or spell(text)
