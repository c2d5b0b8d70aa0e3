"""Made-up companies: groups of a head office and branches, written down with their legal form or without."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from bench.chinese import names, numbers, tables
from bench.chinese.places import Home, cities, home

Record = dict[str, str | None]

FIELDS: Final = ("legal_name", "registration_number", "phone", "email", "website", "address", "contact_person")
_LETTERS: Final = "华信恒瑞宏达安泰盛远博创金鼎天和润丰联科众诚嘉美新海蓝星源兴隆德康祥顺通汇智凯森"
_TRADES: Final = "科技 电子 贸易 物流 食品 医药 建筑工程 机械制造 文化传媒 网络技术 环保科技 服饰 教育咨询 餐饮管理 化工 新能源".split()
_FORMS: Final = ("有限公司", "有限责任公司", "股份有限公司", "集团有限公司")
_ENGLISH: Final = ("Bright Northern Golden Pacific Summit Vertex Harbor Evergreen Silver Atlas Orion Pioneer Crystal Falcon Delta".split(),
                   "Systems Trading Logistics Foods Pharma Textiles Instruments Energy Media Consulting Motors Plastics".split())  # fmt: skip
_ENGLISH_FORMS: Final = (
    ("Co., Ltd.", "Co Ltd", "Company Limited", "Co.,Ltd"),
    ("Ltd", "Limited", "Ltd."),
    ("Inc.", "Inc", "Incorporated"),
    ("GmbH",),
    ("LLC", "L.L.C."),
)
_JAPANESE: Final = (
    "山田 東京 日本 富士 大和 三共 協和 共立 昭和 北斗".split(),
    "製作所 商事 電機 工業 食品 物産 印刷 建設".split(),
)
_JAPANESE_FORMS: Final = (("株式会社", "(株)", "㈱"), ("有限会社", "(有)"), ("合同会社",))


@dataclass(slots=True)
class Company:
    """One organisation: a head office, or a branch, which is another one."""

    id: str
    group: str
    script: str
    core: str
    forms: tuple[str, ...]
    branch: str
    number: str
    phone: str
    domain: str
    lives: Home
    front: bool = False
    contacts: list[str] = field(default_factory=list)


def companies(records: int, seed: int) -> tuple[list[tuple[str, str, dict[str, str | None]]], Counter[str]]:
    """So many records of companies; each with who it is and which group it belongs to."""
    chance, counts = random.Random(seed), Counter[str]()
    rows: list[tuple[str, str, dict[str, str | None]]] = []
    seen: set[str] = set()
    number = 0
    while len(rows) < records:
        number += 1
        group = _group(chance, number, counts)
        if group[0].core in seen:
            continue
        seen.add(group[0].core)
        counts["groups"] += 1
        for company in group:
            counts["organisations"] += 1
            several = chance.choices((1, 2, 3, 4), (0.4, 0.33, 0.17, 0.1))[0]
            rows += [(company.id, company.group, _record(chance, company, counts)) for _ in range(several)]
    return rows, counts


def _group(chance: random.Random, number: int, counts: Counter[str]) -> list[Company]:
    script = chance.choices(("zh", "en", "ja"), (0.75, 0.15, 0.1))[0]
    city = chance.choice(cities())
    lives = home(chance, "CN", city)
    forms: tuple[str, ...]
    if script == "zh":
        brand = "".join(chance.sample(_LETTERS, chance.choice((2, 2, 3))))
        core, forms = city.name.removesuffix("市") + brand + chance.choice(_TRADES), (chance.choice(_FORMS),)
        word = "".join(names.reading(letter) for letter in brand)
    elif script == "en":
        word = chance.choice(_ENGLISH[0])
        core, forms = f"{word} {chance.choice(_ENGLISH[1])}", chance.choice(_ENGLISH_FORMS)
    else:
        core, forms, word = (
            chance.choice(_JAPANESE[0]) + chance.choice(_JAPANESE[1]),
            chance.choice(_JAPANESE_FORMS),
            "japan",
        )
    area = city.districts[lives.district][1]
    domain = f"{word.lower()}{number}.com" + (".cn" if script == "zh" and chance.random() < 0.4 else "")
    head = Company(
        f"o{number}",
        f"g{number}",
        script,
        core,
        forms,
        "",
        numbers.credit_code(chance, area),
        numbers.landline(chance, city.area),
        domain,
        lives,
        chance.random() < 0.5,
    )
    made = [head]
    if script != "ja" and chance.random() < 0.2:
        for order, other in enumerate(chance.sample(cities(), chance.randrange(1, 4))):
            place = other.name.removesuffix("市")
            branch = f"{place}分公司" if script == "zh" else f"{names.spelt('', place)[1]} Branch"
            there = home(chance, "CN", other)
            code = numbers.credit_code(chance, other.districts[there.district][1])
            phone = head.phone if chance.random() < 0.2 else numbers.landline(chance, other.area)
            made.append(
                Company(f"{head.id}b{order}", head.group, script, core, forms, branch, code, phone, domain, there)
            )
            counts["branches"] += 1
            counts["branches with the head office's telephone"] += phone == head.phone
    return made


def _record(chance: random.Random, company: Company, counts: Counter[str]) -> Record:
    counts["records"] += 1
    row: Record = dict.fromkeys(FIELDS)
    row["legal_name"] = _name(chance, company, counts)
    if chance.random() < 0.4:
        code = company.number
        if chance.random() < 0.02:
            counts["error: registration number mistyped"] += 1
            code = numbers.mistyped(chance, code)
        row["registration_number"] = code
    if chance.random() < 0.75:
        row["phone"] = numbers.as_written(chance, company.phone, "CN")
    if chance.random() < 0.4:
        row["email"] = f"{chance.choice(('info', 'sales', 'hr', 'office'))}@{company.domain}"
    if chance.random() < 0.35:
        row["website"] = chance.choice(("www.", "http://www.", "https://")) + company.domain
    if chance.random() < 0.65:
        row["address"] = company.lives.written(chance, chance.randrange(2008, 2025))
    if chance.random() < 0.3:
        family = names.weighted(chance, tables.SURNAMES)
        row["contact_person"] = family + names.given_name(chance, chance.randrange(1965, 1999), chance.random() < 0.5)
    row["residence"] = "CN"
    return row


def _name(chance: random.Random, company: Company, counts: Counter[str]) -> str:
    core = _damaged(chance, company, counts)
    form = chance.choice(company.forms) if chance.random() < 0.8 else ""
    if not form:
        counts["records without the legal form"] += 1
    if company.script == "en":
        text = f"{core} {form}".strip() + (f" {company.branch}" if company.branch else "")
        return text.upper() if chance.random() < 0.15 else text
    if company.script == "ja":
        text = form + core if company.front else core + form
        return text.replace("(", "（").replace(")", "）") if chance.random() < 0.5 else text
    if form and chance.random() < 0.08 and not company.branch:
        place, rest = core[:2], core[2:]
        core = f"{rest}（{place}）" if chance.random() < 0.5 else f"{rest}({place})"
        counts["records with the place in brackets"] += 1
    text = core + form + company.branch
    return names.traditional(text) if chance.random() < 0.03 else text


def _damaged(chance: random.Random, company: Company, counts: Counter[str]) -> str:
    core = company.core
    if chance.random() > 0.04:
        return core
    counts["error: company name mistyped"] += 1
    places = [place for place, letter in enumerate(core) if letter.isalpha()]
    place = chance.choice(places[1:])
    if core[place].isascii():
        return core[:place] + core[place + 1 :]
    other = names.sounds_alike(core[place]) or names.looks_alike(core[place])
    return core[:place] + chance.choice(other) + core[place + 1 :] if other else core
