"""How a Han name is written in Latin letters: by pinyin, as in Taiwan (Wade-Giles without its marks), as in Hong Kong.

Two records in different scripts are one name where the letters of one are a spelling of the other, in either order of
family and given name, words together or apart.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from typing import Final

from kehu.refine.resolve.compare.spelling import spell, spell_surname

# Hong Kong's spellings by syllable, after the Immigration Department's practice; several where several are usual.
_CANTONESE: Final = {
    "au": "欧区", "chak": "泽", "chan": "陈赞灿", "chau": "周邹秋", "cheng": "郑", "cheuk": "卓焯",
    "cheung": "张章长祥昌翔", "chi": "志智子芝慈治之致", "chin": "展钱", "ching": "程清正静晴精贞青", "chit": "哲",
    "chiu": "赵朝超昭照", "cho": "左楚", "choi": "蔡才彩", "chow": "周邹", "chu": "朱珠", "chui": "徐翠",
    "chun": "俊晋春津振珍", "chung": "钟忠聪仲宗松中", "fai": "辉徽", "fan": "范芬", "fat": "发", "fei": "飞菲",
    "fong": "方芳", "fu": "傅富符", "fuk": "福", "fun": "欢", "fung": "冯凤丰峰锋枫", "ha": "夏霞", "han": "恒衡",
    "hang": "恒杏幸", "hau": "孝侯", "hei": "希曦熙", "hin": "轩宪显", "hing": "兴庆卿", "hiu": "晓",
    "ho": "何浩豪皓可好", "hoi": "海凯", "hok": "学鹤", "hon": "韩汉翰", "hong": "康航", "hui": "许",
    "hung": "孔洪雄鸿红虹", "ka": "家嘉佳加", "kai": "启佳", "kam": "甘锦金琴", "kan": "简勤", "kay": "琪",
    "kei": "琪奇基纪麒", "keung": "强", "ki": "琪奇基", "kin": "建健坚", "king": "敬景琼经", "kit": "杰洁",
    "kiu": "娇乔", "ko": "高", "kok": "国", "kong": "江刚光", "ku": "古", "kuen": "娟权", "kwai": "桂贵葵",
    "kwan": "关君均坤群筠", "kwok": "郭国", "kwong": "邝光广", "kwun": "冠", "lai": "黎赖丽励", "lam": "林琳蓝",
    "lan": "兰", "lap": "立", "lau": "刘柳", "law": "罗", "lee": "李", "lei": "李", "leung": "梁良亮", "li": "李",
    "lik": "力", "lim": "廉", "lin": "莲连练", "ling": "玲凌灵羚岭", "lip": "猎", "lit": "烈", "liu": "廖",
    "lo": "罗卢劳", "lok": "乐", "lui": "吕雷", "luk": "陆禄", "lun": "伦", "lung": "龙隆", "ma": "马", "mak": "麦",
    "man": "文敏万雯汶曼民", "mei": "美薇", "ming": "明铭名", "miu": "妙苗", "mo": "武", "mok": "莫", "mui": "梅妹",
    "nam": "南楠", "ng": "吴伍", "nga": "雅", "ngai": "艺魏", "ngan": "颜银", "ngo": "傲", "nin": "年", "ning": "宁",
    "oi": "爱", "on": "安", "pak": "柏百白", "pang": "彭鹏", "pik": "碧", "pin": "卞", "ping": "平萍炳屏",
    "po": "宝保", "pong": "邦", "poon": "潘", "pui": "培佩沛贝", "sai": "世", "sau": "秀修寿", "sha": "莎",
    "shan": "珊山", "shek": "石", "sheung": "尚", "shing": "成城胜诚承盛", "shu": "舒树", "shui": "瑞水",
    "shuk": "淑", "shum": "沈", "shun": "信舜", "si": "思诗", "sik": "锡", "sin": "倩善仙", "sing": "星胜",
    "siu": "萧小少笑兆", "so": "苏", "suen": "孙旋", "suet": "雪", "sui": "瑞", "suk": "淑", "sum": "心深",
    "sun": "新", "sung": "宋崧", "sze": "施思诗司史", "tai": "戴泰", "tak": "德", "tam": "谭", "tang": "邓滕",
    "tat": "达", "tik": "迪", "tim": "添", "tin": "天田", "ting": "婷廷丁庭", "to": "陶杜涛", "tong": "唐汤堂棠",
    "tsang": "曾", "tse": "谢", "tsui": "徐", "tsun": "俊", "tsz": "子芷梓紫", "tung": "董东桐", "wa": "华",
    "wah": "华", "wai": "伟慧惠韦威维卫怀", "wan": "云尹温韵运", "wang": "宏弘", "wing": "永荣颖咏泳", "wo": "和",
    "wong": "黄王汪旺", "woo": "胡", "wu": "胡", "wun": "焕", "wut": "活", "yam": "任", "yan": "欣恩仁茵殷因",
    "yat": "日一逸", "yau": "邱友有佑", "yee": "仪儿怡义宜二", "yeuk": "若", "yeung": "杨", "yi": "仪怡义宜",
    "yik": "奕益易", "yim": "严艳", "yin": "燕然妍", "ying": "英莹盈影瑛", "yip": "叶", "yiu": "姚耀瑶",
    "yu": "余如宇雨", "yue": "余瑜", "yuen": "袁阮元源婉", "yuet": "月悦", "yuk": "玉旭育", "yum": "任", "yun": "润",
    "yung": "容蓉勇",
}  # fmt: skip
# Syllables of pinyin as Taiwan writes them, marks left out; the rest by their beginnings and ends.
_WADE_WHOLE: Final = {
    "zhi": "chih", "chi": "chih", "shi": "shih", "ri": "jih", "zi": "tzu", "ci": "tzu", "si": "ssu", "er": "erh", "yan": "yen",
    "ye": "yeh", "you": "yu", "ge": "ko", "ke": "ko", "he": "ho", "gui": "kuei", "kui": "kuei", "yi": "i",
}  # fmt: skip
_WADE_PARTS: Final = tuple(
    (re.compile(part), instead)
    for part, instead in (
        ("(?<![gkh])uo$", "o"), ("ian$", "ien"), ("ie$", "ieh"), ("ue$", "ueh"), ("iong$", "iung"), ("ong$", "ung"),
        ("^(?:zh|j|q)", "ch"),        ("^x", "hs"), ("^r", "j"), ("^b", "p"), ("^d", "t"), ("^g", "k"), ("^[zc](?!h)", "ts"),
    )
)  # fmt: skip
_SPELT_IN: Final = {
    letter: tuple(sorted({said for said, letters in _CANTONESE.items() if letter in letters}))
    for letter in "".join(_CANTONESE.values())
}
_Spelt = tuple[tuple[str, ...], ...]
_WITH_HERS: Final = 3  # characters, the first of them a family name
_AU_YEUNG: Final = "auyeung"
_MOST: Final = 24


def spellings(last: str | None, first: str | None) -> str | None:
    """Every spelling of a Han name that is known, words run together and between spaces; None without both parts."""
    if not last or not first:
        return None
    return together((spelt(family, surname=True), spelt(given)) for family, given in parts(last, first))


def parts(last: str, first: str) -> list[tuple[str, str]]:
    """How a Han name may be cut into family and given name: a wife's may have both families, 陈黄 丽仪."""
    both = [(last + first[0], first[1:])] if len(last) == 1 and len(first) == _WITH_HERS else []
    return [(last, first), *both]


def spelt(text: str, *, surname: bool = False) -> _Spelt:
    """The spellings of a family or given name: by pinyin, in Taiwan, in Hong Kong."""
    read = [spell_surname(text)] if surname and len(text) == 1 else [spell(letter) for letter in text]
    pinyin = spell_surname(text) if surname else "".join(read)
    wade = "".join(map(_wade, read))
    softer = "".join("yi" if syllable == "yi" else _wade(syllable) for syllable in read)
    return (pinyin,), tuple({wade, softer}), tuple(_cantonese(text))


def together(names: Iterable[tuple[_Spelt, _Spelt]]) -> str | None:
    """Both orders of the spellings of one place, between spaces; None where nothing is spelt."""
    both = {
        text
        for family, given in names
        for families, givens in zip(family, given, strict=True)
        for one in families
        for other in givens
        if one and other
        for text in (one + other, other + one)
    }
    return f" {' '.join(sorted(both))} " if both else None


@functools.cache
def _wade(syllable: str) -> str:
    """One of some four hundred syllables."""
    if (whole := _WADE_WHOLE.get(syllable)) is not None:
        return whole
    for part, instead in _WADE_PARTS:
        syllable = part.sub(instead, syllable)
    return syllable


def _cantonese(text: str) -> list[str]:
    """Spellings of a name part in Hong Kong; none where a character is not in the table."""
    forms = [_AU_YEUNG] if text == "欧阳" else [""]
    for letter in "" if forms[0] else text:
        forms = [form + said for form in forms for said in _SPELT_IN.get(letter, ())][:_MOST]
    return forms
