"""The scanner of personal data measured: precision, recall and F1 by kind, and milliseconds a text.

python -m bench.classify              # both sets; with models where kehu[classify] is installed
python -m bench.classify --patterns   # without the models

English: the 209 sentences that Microsoft's presidio-evaluator (MIT) ships for the making of its own public test set, filled
from the 3,000 fake people that it carries (FakeNameGenerator.com), from a seed. The wheel is checked by hash and read, never
imported. Chinese: no labelled set with a licence was to be had from a registry, so the sentences are our own, written before
they were measured and filled with the people of ``bench.chinese``; they are few and plainer than what people write, and
figures on them say less. A find counts where it overlaps a labelled one of its kind.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import random
import re
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.chinese import numbers
from bench.chinese.families import Makes
from bench.chinese.organisations import companies
from kehu.refine.classify.names import ABSENT, installed
from kehu.refine.classify.scan import Scanner, seen

WHEEL: Final = "presidio_evaluator-0.3.2-py3-none-any.whl"
WHEEL_SHA256: Final = "57614fe604e52b78e6de25b767c59265886b93bbcdc6c7e43ab2657d3f6302be"
_RAW: Final = "presidio_evaluator/data_generator/raw_data/"
_SLOT: Final = re.compile(r"\{\{(\w+)\}\}|\{(\w+)\}")
_KIND_OF: Final = {
    "person": "person", "name": "person", "name_male": "person", "name_female": "person", "first_name": "person",
    "last_name": "person", "first_name_male": "person", "first_name_female": "person", "first_name_nonbinary": "person",
    "last_name_male": "person", "last_name_female": "person", "address": "place", "street_name": "place", "city": "place",
    "organization": "organisation", "credit_card_number": "card", "phone_number": "phone", "email": "email", "iban": "iban",
    "ip_address": "ip", "ssn": "national_id", "date_of_birth": "birth_date",
}  # fmt: skip
CHINESE: Final = (
    """
客户{person}来电，说手机{phone}换成了{phone2}，请更新。|您好，我叫{person}，身份证号{national_id}，想查一下积分。|收货人：{person}，电话{phone}，地址：{place}。
{person}女士反映她对花生{health:过敏}，下次不要放。|请把发票寄到{place}，抬头是{organisation}。|他说自己是{religion:穆斯林}，只吃{religion:清真}食品。
已致电{person}，未接；邮箱{email}已发送资料。|客户在{organisation}上班，月底才有空。|车牌{plate}停在门口，车主{person}。|生日是{birth_date}，希望收到祝福短信。
银行卡{card}扣款失败，请联系{person}处理。|{person}刚做完{health:手术}，{health:住院}两周，请改期。|她{health:怀孕}五个月，需要座位。|统一社会信用代码{credit_code}，开户行不变。
昨天{person}和{person2}一起来店里退货。|订单20261126{order}已发货，预计明天到。|商品编号{order}缺货，金额1280.50元。|这款茶很好喝，会再来买。|周末促销活动人太多了，等了半小时。
服务态度很好，五星好评！|希望门店能多放几张椅子。|快递员说{place}送不了。|{person}，男，{birth_date}出生，电话{phone}。|登录地址{ip}异常，已冻结账号。
客户说她最近{finance:欠款}较多，想分期。|他的{biometrics:指纹}录不上，改用密码。|母亲{person}代为领取，家住{place}。|经理{person}批准退款，编号{order}。|客户自称有{health:糖尿病}，问有没有无糖的。
""".replace("\n", "|")
    .strip("|")
    .split("|")
)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text and what stands in it: kind, start, end."""

    text: str
    spans: tuple[tuple[str, int, int], ...]


def filled(template: str, value: Callable[[str], str], kind_of: Callable[[str], str | None]) -> Labelled:
    """A template with its slots filled, and where they stand."""
    text, spans, at = "", [], 0
    for match in _SLOT.finditer(template):
        text += template[at : match.start()]
        name = match[1] or match[2]
        made = seen(value(name))
        if kind := kind_of(name):
            spans.append((kind, len(text), len(text) + len(made)))
        text, at = text + made, match.end()
    return Labelled((text + template[at:]).rstrip(), tuple(spans))


def english(cache: Path, count: int, seed: int = 3) -> list[Labelled]:
    """Sentences of the public set; empty where its wheel cannot be had."""
    raw = _wheel(cache)
    if raw is None:
        return []
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        lines = archive.read(_RAW + "templates.txt").decode("utf-8", "replace").replace("\ufffd", "'").splitlines()
        people = list(
            csv.DictReader(io.StringIO(archive.read(_RAW + "FakeNameGenerator.com_3000.csv").decode("utf-8-sig")))
        )
        firms = archive.read(_RAW + "companies_and_organizations.csv").decode().splitlines()[1:]
    chance = random.Random(seed)
    people = [
        one
        for one in people
        if one["NameSet"]
        in {"American", "Australian", "England/Wales", "German", "French", "Italian", "Hispanic", "Dutch"}
    ]
    templates = [line.replace("\\n", " ") for line in lines if line.strip()]
    return [filled(chance.choice(templates), _English(chance, people, firms).value, _KIND_OF.get) for _ in range(count)]


class _English:
    """Values of one fake person."""

    def __init__(self, chance: random.Random, people: list[dict[str, str]], firms: list[str]) -> None:
        self.chance, self.one, self.firms = chance, chance.choice(people), firms

    def value(self, slot: str) -> str:
        chance, one = self.chance, self.one
        if slot in {"person", "name", "name_male", "name_female"}:
            return f"{one['GivenName']} {one['Surname']}"
        if slot.startswith(("first_name", "last_name")):
            return one["GivenName" if slot.startswith("first") else "Surname"]
        made = {
            "address": f"{one['StreetAddress']}, {one['City']}, {one['ZipCode']}", "street_name": one["StreetAddress"], "city": one["City"],
            "email": one["EmailAddress"], "country": one["CountryFull"], "job": one["Occupation"], "zipcode": one["ZipCode"], "postcode": one["ZipCode"],
            "organization": chance.choice(self.firms).strip('"').split(",")[0], "url": f"https://www.{one['Domain']}", "age": str(chance.randrange(18, 90)),
            "phone_number": f"+{one['TelephoneCountryCode']} {one['TelephoneNumber']}", "ip_address": ".".join(str(chance.randrange(1, 255)) for _ in range(4)),
            "ssn": f"{chance.randrange(100, 665)}-{chance.randrange(10, 99)}-{chance.randrange(1000, 9999)}", "date_of_birth": one["Birthday"],
            "credit_card_number": _card(chance), "iban": _iban(chance), "year": "2019", "date_time": "June 3", "day_of_week": "Friday",
            "building_number": str(chance.randrange(1, 900)), "secondary_address": f"Apt. {chance.randrange(1, 90)}", "state_abbr": "OR", "prefix": "Dr.",
            "prefix_male": "Mr.", "prefix_female": "Mrs.", "nationality": "Danish", "nation_woman": "Irishwoman", "nation_plural": "Germans",
        }  # fmt: skip
        return made.get(slot, "one")


def _card(chance: random.Random) -> str:
    first = "4" + "".join(chance.choice("0123456789") for _ in range(14))
    total = sum(sum(divmod(int(d) * (2 if place % 2 == 0 else 1), 10)) for place, d in enumerate(first))
    return first + str(-total % 10)


def _iban(chance: random.Random) -> str:
    account = f"{chance.randrange(10**18):018d}"
    return f"DE{98 - int(account + '131400') % 97:02d}{account}"


def chinese(count: int, seed: int = 3) -> list[Labelled]:
    """Our own sentences, filled with made-up people."""
    makes = Makes(seed)
    chance = makes.chance
    firms = [row[2]["legal_name"] or "" for row in companies(200, seed)[0]]
    found = []
    for _ in range(count):
        people = [
            one for one in (*makes.household(), *makes.household()) if one.where == "CN" and one.name.way == "han"
        ]
        if len(people) < 2:
            continue
        one, other = people[:2]
        lives = one.home(2024)
        made = {
            "person": one.name.full, "person2": other.name.full, "phone": one.phones[0][1], "phone2": other.phones[0][1],
            "national_id": one.national_id, "place": lives.written(chance, 2024), "organisation": chance.choice(firms),
            "email": one.mails[0][1] if one.mails else "a.wang@mail.example", "birth_date": one.born.strftime("%Y年%m月%d日"), "card": _card(chance),
            "plate": f"{chance.choice('京沪粤浙')}{chance.choice('ABCD')}{chance.randrange(10000, 99999)}", "order": f"{chance.randrange(10**7, 10**8)}",
            "credit_code": numbers.credit_code(chance, "110105"), "ip": f"114.{chance.randrange(255)}.{chance.randrange(255)}.{chance.randrange(1, 255)}",
        }  # fmt: skip
        found.append(_worded(chance.choice(CHINESE), made))
    return found


def _worded(template: str, made: dict[str, str]) -> Labelled:
    """A sentence; a slot ``{health:手术}`` is a word of that kind."""
    words = dict(made)
    kinds: dict[str, str | None] = {name: name.rstrip("2") for name in made} | {"order": None}

    def named(match: re.Match[str]) -> str:
        slot = f"{match[1]}_w{len(words)}"
        words[slot], kinds[slot] = match[2], match[1]
        return f"{{{slot}}}"

    return filled(re.sub(r"\{(\w+):([^}]+)\}", named, template), words.__getitem__, kinds.__getitem__)


def _wheel(cache: Path) -> bytes | None:
    kept = cache / WHEEL
    if not kept.is_file():
        with tempfile.TemporaryDirectory() as temporary:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
            done = subprocess.run([*command, "--dest", temporary, "presidio-evaluator==0.3.2"], capture_output=True)
            if done.returncode:
                return None
            cache.mkdir(parents=True, exist_ok=True)
            kept.write_bytes((Path(temporary) / WHEEL).read_bytes())
    raw = kept.read_bytes()
    return raw if hashlib.sha256(raw).hexdigest() == WHEEL_SHA256 else None


def measure(name: str, texts: list[Labelled], scanner: Scanner) -> None:
    """Print the figures of one set."""
    right, found, there, missed = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    labelled = {kind for one in texts for kind, _, _ in one.spans}
    scanner.find("warm: 王小明 and John Smith")  # the models are loaded once
    began = time.process_time()
    hits = [scanner.find(one.text) for one in texts]
    spent = (time.process_time() - began) / max(len(texts), 1) * 1000
    for one, mine in zip(texts, hits, strict=True):
        for kind, start, end in one.spans:
            there[kind] += 1
            missed[kind] += not any(hit.kind == kind and hit.start < end and start < hit.end for hit in mine)
        for hit in mine:
            found[hit.kind] += 1
            right[hit.kind] += any(
                kind == hit.kind and hit.start < end and start < hit.end for kind, start, end in one.spans
            )
    print(f"{name}: {len(texts):,} texts, {spent:.2f} ms of CPU a text")
    for line in _lines(right, found, there, missed, labelled):
        print(f"  {line}")


def _lines(
    right: Counter[str], found: Counter[str], there: Counter[str], missed: Counter[str], labelled: set[str]
) -> Iterator[str]:
    for kind in sorted(labelled, key=lambda one: -there[one]):
        precision, recall = right[kind] / max(found[kind], 1), 1 - missed[kind] / there[kind]
        harmonic = 2 * precision * recall / max(precision + recall, 1e-9)
        yield f"{kind:<14} P {precision:.3f}  R {recall:.3f}  F1 {harmonic:.3f}  ({there[kind]:,} labelled, {found[kind]:,} found)"
    others = {kind: number for kind, number in found.items() if kind not in labelled}
    if others:
        yield f"found, of kinds that are not labelled: {others}"


def main() -> None:
    """Measure both sets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=1500)
    parser.add_argument("--patterns", action="store_true")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "kehu")
    given = parser.parse_args()
    if not given.patterns and not installed():
        print(ABSENT)
    scanner = Scanner(models=not given.patterns)
    measure("English (presidio-evaluator's sentences)", english(given.cache, given.texts), scanner)
    measure("Chinese (our own sentences)", chinese(given.texts), scanner)


if __name__ == "__main__":
    main()
