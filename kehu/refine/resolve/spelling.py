"""How names sound and which given names are one: letters spelt in ASCII, surname readings, everyday forms."""

from __future__ import annotations

import unicodedata
from typing import Final

from pypinyin import Style, pinyin

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
_SHORT_FORMS: Final = {
    "abigail": "abby", "albert": "bert bertie", "alfred": "fred alf alfie", "andrew": "andy drew",
    "anthony": "tony", "arthur": "art", "barbara": "barb babs", "benjamin": "ben benny",
    "catherine": "cathy kate katie kitty cate", "charles": "charlie chas chuck", "christopher": "kit topher",
    "daniel": "dan danny", "david": "dave davy", "deborah": "deb debbie", "donald": "don donnie",
    "dorothy": "dot dottie dolly", "edmund": "ned", "edward": "ed eddie ted teddy eddy", "eleanor": "nell nellie",
    "elizabeth": "liz beth betty lizzie bess bessie", "emily": "em emmy", "ernest": "ernie", "francis": "frank",
    "frederick": "freddy freddie", "geoffrey": "geoff", "george": "geordie georgie", "gerald": "gerry",
    "gilbert": "gil", "gregory": "greg", "harold": "hal", "henry": "harry hank", "herbert": "herb herbie",
    "hugh": "hughie", "isaac": "ike", "jacob": "jake", "james": "jim jimmy jamie", "jeffrey": "jeff",
    "jennifer": "jen jenny", "john": "jack johnny jon", "jonathan": "jonny", "joseph": "joe joey", "joshua": "josh",
    "kenneth": "ken kenny", "lawrence": "larry", "leonard": "len lenny", "lewis": "lew",
    "margaret": "maggie meg peggy madge", "martha": "patty", "martin": "marty", "mary": "molly polly",
    "matthew": "matt", "michael": "mike mick mickey", "nathaniel": "nate nat", "nicholas": "nick nicky",
    "oliver": "ollie", "patricia": "trish", "peter": "pete", "philip": "phil pip", "rebecca": "becky",
    "reginald": "reg reggie", "richard": "rick dick richie dickie", "robert": "rob bob bobby robbie",
    "ronald": "ron ronnie", "rosemary": "rosie", "samantha": "sammy", "sarah": "sally", "stephen": "steve stevie",
    "susan": "sue susie", "theodore": "theo", "thomas": "tom tommy", "timothy": "tim", "victoria": "vicky",
    "vincent": "vince", "walter": "walt wally", "wilfred": "wilf", "william": "will bill billy willie wm liam",
    "zachary": "zach zack",
}  # fmt: skip
# Everyday given names to formal ones; those that stand for two (Alex, Chris, Sam) are left out on purpose.
EVERYDAY: Final = {short: formal for formal, shorts in _SHORT_FORMS.items() for short in shorts.split()}


class _Letters(dict[int, str]):
    """Translation table from any letter to ASCII, filled as letters are met."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        if letter.isascii():
            spelt = letter
        elif "CJK" in (name := unicodedata.name(letter, "")):
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
