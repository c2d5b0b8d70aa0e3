"""Which encoding a text file has, told by its content.

UTF-8 is sure (other text is hardly ever valid UTF-8). Among GB18030, Big5, Shift-JIS, EUC-KR and Latin-1 the decoded characters
decide: a wrong reading gives rare characters, a right one common ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import BinaryIO, Final

from kehu.collect.readers.lines import BLOCK

_BOMS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig", "utf-8"),
    (b"\xff\xfe", "utf-16-le", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be", "utf-16-be"),
)
_CODECS: Final = {
    "gb18030": "gb18030",
    "big5": "big5hkscs",
    "shift-jis": "cp932",
    "euc-kr": "cp949",
    "latin-1": "cp1252",
}
_FOLD: Final = re.compile(rb"\r?\n[ \t]")
_SAMPLE_LINES: Final = 2000
_SAMPLE_BYTES: Final = 256 * 1024
_COMMON: Final = frozenset(
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经十三之进着等"
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严武戴莫孔向汤"
    "張劉陳楊黃趙吳孫馬鄭謝許韓馮鄧蕭葉蘇魏呂盧鐘譚陸賈韋鄒龍賀顧龔萬錢嚴湯國華東廣門號樓縣鄉鎮區灣臺電話郵遞編碼業務網職證類別備註啟關係總數價單訂購買貨時間產員會積點級購費"
    "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂红玉华文志建春海燕飞雪梅云辉鹏宇晨欣怡佳俊浩子轩梓涵雨嘉思思美玲慧婷雅淑惠偉麗強軍艷傑濤蘭剛紅輝鵬靜"
    "省市区县镇乡村路街道号楼室栋单元层幢弄巷里北京上海天津重庆广州深圳杭州南京武汉成都西安苏州郑州长沙青岛沈阳大连厦门福建浙江江苏山东河南河北湖南湖北四川广东广西云南贵州陕西辽宁吉林黑龙江新疆内蒙古宁夏"
    "姓名电话手机邮箱地址客户编号性别男女出生日期身份证备注单位公司有限责任股份科技贸易集团订单金额数量商品时间渠道会员积分等级同意否是营销邮编职业收入语言国家籍贯注册代码统一社会信用联系台北高雄新竹香港九龙澳门"
    "東京都大阪府京都市区町村丁目番地号県氏名様株式会社田中山本佐藤鈴木高橋渡辺伊藤小林加吉井松木清斎野村川島原池岡"
)
_HANGUL: Final = frozenset(
    "는은이가을를에의도로고다하한지서해기들게사그것대어요시인리와나안보정일자으만수니까습합입있없때면며데부주라스원과내중더또저우구오장제했었겠않습드문의"
    "김이박최정강조윤장임한오서신권황안송전홍유고문양손배백허남심노곽성차주우구민류진지엄채원천방공현함변염여추도소석선설마길연위표명기반왕금옥육인"
    "민서준영진희숙자경미혜호상훈철동재승태하예빈아다순애란화용규광균근덕두래린무범병복봉산삼섭식열완욱웅윤율은의익종찬창춘필학향형환"
    "서울특별시광역부산대구인천주전세종경기강원충청북남라제군읍면리길번지층파트빌성분당수해운"
    "이름성명화번주소생년월일메고객등록회사직업남여별휴대폰우편비호메모거래금액상품문내용답변감"
)
_LATIN: Final = frozenset(
    b"\xc0\xc1\xc4\xc5\xc6\xc7\xc8\xc9\xd1\xd3\xd6\xd8\xda\xdc\xdf\x80\x8a\x8e\x92\x96\x9a\x9e\xa0\xa3\xa7\xb0"
) | frozenset(range(0xE0, 0x100))


@dataclass(frozen=True, slots=True)
class Encoding:
    """`label` for people, `codec` for Python, `skip` bytes of byte order mark."""

    label: str
    codec: str
    skip: int = 0


def detect(stream: BinaryIO, *, folded: bool = False) -> Encoding:
    """The encoding of a text stream, read on until non-ASCII text is found: a late umlaut counts. ASCII is UTF-8.

    `folded`: a line that begins with a blank goes on with the one before, where a character may be cut in two.
    """
    block = stream.read(BLOCK)
    for mark, label, codec in _BOMS:
        if block.startswith(mark):
            return Encoding(label, codec, len(mark))
    if wide := _utf16_without_mark(block[:4096]):
        return Encoding(wide, wide)
    sample = _non_ascii_lines(stream, block, folded=folded)
    if not sample:
        return Encoding("utf-8", "utf-8")
    if sum(_decodes(line, "utf-8") for line in sample) * 2 >= len(sample):
        return Encoding("utf-8", "utf-8")
    scores = {label: _score(sample, label, codec) for label, codec in _CODECS.items()}
    label = max(scores, key=lambda name: scores[name])
    return Encoding(label, _CODECS[label])


def _utf16_without_mark(head: bytes) -> str | None:
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if odd > len(head) // 6 and odd > 8 * even:
        return "utf-16-le"
    if even > len(head) // 6 and even > 8 * odd:
        return "utf-16-be"
    return None


def _non_ascii_lines(stream: BinaryIO, block: bytes, *, folded: bool) -> list[bytes]:
    """Lines with non-ASCII bytes, from wherever in the stream they first stand."""
    sample: list[bytes] = []
    size = 0
    rest = b""
    while block:
        if not block.isascii():
            # A block's first and last lines may be cut in mid-character, so they wait for their other half.
            text = rest + block
            lines = (_FOLD.sub(b"", text) if folded else text).split(b"\n")
            rest = lines.pop()[:BLOCK]
            for line in lines:
                if not line.isascii():
                    sample.append(line)
                    size += len(line)
            if len(sample) >= _SAMPLE_LINES or size >= _SAMPLE_BYTES:
                return sample[:_SAMPLE_LINES]
        else:
            rest = block[block.rfind(b"\n") + 1 :]
        block = stream.read(BLOCK)
    return sample if rest.isascii() else [*sample, rest]


def _decodes(line: bytes, codec: str) -> bool:
    try:
        line.decode(codec)
    except UnicodeDecodeError:
        return False
    return True


def _score(sample: list[bytes], label: str, codec: str) -> float:
    good = [line for line in sample if _decodes(line, codec)]
    if not good:
        return 0.0
    share = len(good) / len(sample)
    if label == "latin-1":
        return share * share * _latin_score(good)
    count, points, characters = _korean_points if label == "euc-kr" else _points, 0.0, 0
    for line in good:
        for character in line.decode(codec):
            if character > "\x7f":
                characters += 1
                points += count(character)
    return share * share * points / max(1, characters)


def _points(character: str) -> float:
    if character in _COMMON:
        return 1.0
    if "\u3041" <= character <= "\u30fe":  # kana
        return 0.9
    if "\u4e00" <= character <= "\u9fff":
        return 0.6 if _first_level(character) else 0.1
    if "\uff61" <= character <= "\uff9f":  # half-width kana: what GB bytes look like when read as Shift-JIS
        return 0.05
    if "\u3000" <= character <= "\u303f" or "\uff01" <= character <= "\uff5e":
        return 0.5
    return -0.5 if "\ue000" <= character <= "\uf8ff" else 0.0


def _korean_points(character: str) -> float:
    """As the others, but few characters are Han: bytes of GB 2312 read as Korean are Hangul, of which few are frequent."""
    if "\uac00" <= character <= "\ud7a3":
        return 1.0 if character in _HANGUL else 0.3 if _decodable(character, "euc_kr") else 0.0
    return 0.2 if "\u4e00" <= character <= "\u9fff" else min(0.5, _points(character))


def _decodable(character: str, codec: str) -> bool:
    """Whether an encoding knows a character."""
    try:
        character.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _first_level(character: str) -> bool:
    """Among the frequent characters of GB 2312 (level 1, lead byte to D7) or of Big5 (level 1, lead byte to C6)."""
    for codec, last in (("gb2312", 0xD7), ("big5", 0xC6)):
        try:
            if character.encode(codec)[0] <= last:
                return True
        except UnicodeEncodeError:
            continue
    return False


def _latin_score(lines: list[bytes]) -> float:
    """Share of high bytes that are usual Western letters standing alone beside an ASCII letter."""
    points, total = 0.0, 0
    for line in lines:
        for run in re.finditer(rb"[\x80-\xff]+", line):
            high = run.group()
            total += len(high)
            around = line[run.start() - 1 : run.start()] + line[run.end() : run.end() + 1]
            letters = sum(chr(byte).isalpha() or byte == 32 for byte in around)
            # Alone beside a letter, or two amid letters (Größe); longer runs are no Western word.
            if all(byte in _LATIN for byte in high) and len(high) <= letters:
                points += 0.9 if len(high) == 1 else 1.2
    return points / max(1, total)
