"""Made-up Chinese families whose members share surname, address, phone and mailbox, with the truth.

Written without looking at what the model is good at: children of one generation share a character, twins a birthday,
a father and a son now and then the whole name; duplicates carry slips of pinyin, of script and of the keyboard.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

import pyarrow as pa

SURNAMES = "王 李 张 刘 陈 杨 黄 赵 吴 周 徐 孙 马 朱 胡 郭 何 林 罗 高 单 仇 曾 欧阳 司马 诸葛".split()
CHARACTERS = list("明华伟芳娜敏静丽强磊军洋勇艳杰娟涛超秀兰霞平刚桂英建国志文玉海燕雪梅春晓红波鹏宇浩欣怡佳子轩梓涵")
SAME_SOUND = {
    "明": "名",
    "华": "花",
    "伟": "玮",
    "芳": "方",
    "丽": "莉",
    "静": "靖",
    "杰": "洁",
    "艳": "燕",
    "晓": "小",
    "宇": "雨",
    "浩": "昊",
}
SIMPLIFIED_FORMS, TRADITIONAL_FORMS = (
    "张刘陈杨黄赵吴孙马罗华伟丽强军国红鹏轩艳兰",
    "張劉陳楊黃趙吳孫馬羅華偉麗強軍國紅鵬軒艷蘭",
)
TRADITIONAL = dict(zip(SIMPLIFIED_FORMS, TRADITIONAL_FORMS, strict=True))
STREETS = "中山路 人民路 解放路 建设路 和平街 长江路 黄河路 学院路 文化街 新华路".split()
CITIES = "北京市 上海市 广州市 成都市 杭州市 南京市 武汉市 西安市".split()


@dataclass(frozen=True)
class Families:
    """Records with the person behind each; ``kin`` counts the pairs that must not merge: twins, namesakes, siblings."""

    table: pa.Table
    truth: dict[str, str]
    kin: dict[str, int]


def families(count: int, *, seed: int) -> Families:
    chance = random.Random(seed)
    rows: list[dict[str, str | None]] = []
    truth: dict[str, str] = {}
    kin = {"twins": 0, "namesakes": 0, "siblings": 0}
    for family in range(count):
        for number, person in enumerate(_family(chance, kin)):
            copies = 1 + (chance.random() < 0.25) + (chance.random() < 0.05)
            for copy in range(copies):
                record = f"{len(rows):06d}"
                truth[record] = f"{family}-{number}"
                row = {"record": record, **(_slipped(person, chance) if copy else person)}
                # Of namesakes in a household every record has its birth date: without one nobody could tell them apart.
                if row.pop("told", None):
                    row["birth_date"] = person["birth_date"]
                rows.append(row)
    columns = {
        name: pa.array([row.get(name) for row in rows], pa.string()) for name in sorted({n for r in rows for n in r})
    }
    return Families(pa.table(columns), truth, kin)


def _family(chance: random.Random, kin: dict[str, int]) -> list[dict[str, str | None]]:
    surname = chance.choice(SURNAMES)
    shared = {
        "phone": f"+861{chance.randrange(3 * 10**9, 9 * 10**9)}",
        "email": f"home{chance.randrange(10**8)}@mail.example",
        "locality": chance.choice(CITIES),
        "street": chance.choice(STREETS),
        "house_number": str(chance.randrange(1, 400)),
        "postal_code": str(chance.randrange(100000, 860000)),
    }
    father = _person(surname, chance, shared, 1940, 1975, "male")
    members = [father, _person(chance.choice(SURNAMES), chance, shared, 1940, 1975, "female")]
    generation = chance.choice(CHARACTERS)
    for _ in range(chance.randrange(3)):
        members.append(_person(surname, chance, shared, 1976, 2008, chance.choice(["male", "female"]), generation))
    if len(members) == 4:
        kin["siblings"] += 1
    if len(members) > 2 and chance.random() < 0.1:
        twin = _person(surname, chance, shared, 1976, 2008, members[-1]["gender"] or "", generation)
        members.append({**twin, "birth_date": members[-1]["birth_date"]})
        kin["twins"] += 1
    if len(members) > 2 and chance.random() < 0.05 and father["birth_date"] and members[2]["birth_date"]:
        members[0] = {**father, "told": "by birth date"}
        members[2] = {**members[2], **{name: father[name] for name in ("full_name", "given_name", "gender")}}
        members[2]["told"] = "by birth date"
        kin["namesakes"] += 1
    distinct = {(m["full_name"], m["birth_date"]): m for m in members}
    return list(distinct.values())


def _person(
    surname: str, chance: random.Random, shared: dict[str, str], first: int, last: int, gender: str, character: str = ""
) -> dict[str, str | None]:
    given = (character or chance.choice(CHARACTERS)) + chance.choice(CHARACTERS)
    born = f"{chance.randrange(first, last):04d}-{chance.randrange(1, 13):02d}-{chance.randrange(1, 29):02d}"
    own_phone = {"phone": f"+861{chance.randrange(3 * 10**9, 9 * 10**9)}"} if chance.random() < 0.5 else {}
    return {
        **shared, **own_phone, "full_name": surname + given, "given_name": given, "family_name": surname,
        "birth_date": born if chance.random() < 0.9 else None, "gender": gender,
    }  # fmt: skip


def _slipped(person: dict[str, str | None], chance: random.Random) -> dict[str, str | None]:
    """The same person once more: other script or characters of the same sound, something missing or mistyped."""
    slipped = dict(person)
    given, surname = person["given_name"] or "", person["family_name"] or ""
    roll = chance.random()
    if roll < 0.3:
        given, surname = ("".join(TRADITIONAL.get(c, c) for c in text) for text in (given, surname))
    elif roll < 0.5:
        given = "".join(SAME_SOUND.get(c, c) for c in given)
    slipped |= {"given_name": given, "family_name": surname, "full_name": surname + given}
    for name in ("email", "phone", "street", "postal_code", "birth_date", "gender"):
        if chance.random() < 0.15:
            slipped[name] = None
    born = slipped["birth_date"]
    if born and chance.random() < 0.1:
        at = chance.choice([3, 6, 9])
        slipped["birth_date"] = born[:at] + str((int(born[at]) + 1) % 10) + born[at + 1 :]
    return slipped
