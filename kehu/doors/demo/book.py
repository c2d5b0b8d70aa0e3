"""The openly made-up Chinese book: 2,000 customers in many hands, their families, orders, questions and consents.

Everything follows from the seed and the day the book is written for. The day is kept in ``book.json`` beside the
files, so that writing again into the same folder gives the same bytes and an import of them doubles nothing.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from kehu.doors.demo.activity import Buyer, Enquiry, Order, buyers, enquiries, orders
from kehu.doors.demo.formats import Cell, as_written, write_csv, write_json_lines, write_workbook
from kehu.doors.demo.layouts import BookFile, Layout, layouts, load_table, load_text
from kehu.doors.demo.numbers import in_international_form, registration_number
from kehu.doors.demo.people import Person, Record, population, words

SEED = 20_260
ORGANISATIONS = 60
_CHINA = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class Member:
    """One person of the cast, by the (channel, external id) of their first record; ``of`` is another member's role."""

    role: str
    channel: str
    external_id: str
    name: str
    residence: str
    of: str | None = None


def cast() -> dict[str, Member]:
    """Who plays which part, by role. The book only brings these people in; their states are set by actions."""
    members = {}
    for entry in load_table("cast.toml")["member"]:
        family, given = entry["name"]
        name = f"{given} {family}" if family.isascii() else family + given
        member = Member(entry["role"], entry["channel"], entry["id"], name, entry["residence"], entry.get("of"))
        members[member.role] = member
    return members


def write(folder: Path, *, seed: int = SEED, today: date | None = None) -> list[BookFile]:
    """Write all files of the book into ``folder``, in the order in which they are to be imported.

    ``today`` is the day ages and times are counted from; without it the day of the book already in ``folder``, if it
    has the same seed, else the present day (UTC).

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    today = today or _day_of(folder, seed) or datetime.now(UTC).date()
    records = population(seed, today)
    placed: dict[str, list[Order]] = {}
    files = [_write_file(folder, layout, records, placed, seed, today) for layout in layouts()]
    for file in files:
        if file.source_proof:
            file.source_proof.write_text(load_text("fair_proof.txt"), encoding="utf-8", newline="\n")
    note = {"made_up": True, "seed": seed, "today": today.isoformat()}
    (folder / "book.json").write_text(json.dumps(note) + "\n", encoding="utf-8")
    return files


def _day_of(folder: Path, seed: int) -> date | None:
    """The day of the book that lies in the folder, unless another seed made it or it is torn."""
    try:
        note = json.loads((folder / "book.json").read_text(encoding="utf-8"))
        return date.fromisoformat(note["today"]) if note["seed"] == seed else None
    except (FileNotFoundError, ValueError, KeyError):
        return None


def _write_file(
    folder: Path, layout: Layout, records: Sequence[Record], placed: dict[str, list[Order]], seed: int, today: date
) -> BookFile:
    """One file, with its own generator: a change in one leaves the others as they are."""
    rng = random.Random(f"{seed}:{layout.path}")
    broken: list[list[Cell]] = []
    repeated: list[list[Cell]] = []
    match layout.kind:
        case "customers":
            mine = [record for record in records if record.channel == layout.channel]
            rng.shuffle(mine)
            rows = [_customer_row(layout, record, rng, today) for record in mine]
            broken, repeated = _spoil(layout, rows, rng)
        case "organisations":
            rows = [_organisation_row(layout, serial, rng) for serial in range(1, ORGANISATIONS + 1)]
        case "orders":
            placed[layout.channel] = orders(seed, today, layout.channel, _buyers(layout.channel, records))
            rows = [_order_row(layout, order) for order in placed[layout.channel]]
        case _:
            # who calls is known by number only, and may be a customer of any shop at home
            homes = ("store", "shop") if layout.channel == "phone" else (layout.channel,)
            earlier = [order for channel in homes for order in placed[channel]]
            people = [buyer for channel in homes for buyer in _buyers(channel, records)]
            asked = enquiries(seed, today, layout.channel, people, earlier, layout.language)
            rows = [_enquiry_row(layout, enquiry) for enquiry in asked]
    rows += repeated + broken
    header = [name for name, _ in layout.columns]
    if layout.format == "xlsx":
        write_workbook(folder / layout.path, header, rows)
    elif layout.format == "jsonl":
        write_json_lines(folder / layout.path, header, rows)
    else:
        write_csv(folder / layout.path, header, rows, encoding=layout.encoding, delimiter=layout.delimiter)
    return layout.at(folder, rows=len(rows), broken=len(broken), repeated=len(repeated))


def _buyers(channel: str, records: Sequence[Record]) -> list[Buyer]:
    if channel == "file":
        return [Buyer(f"C-{serial:05d}", "CN", "hans", "", False) for serial in range(1, ORGANISATIONS + 1)]
    return buyers(records, channel)


def _fill(layout: Layout, meaning_of: Callable[[str], Cell]) -> list[Cell]:
    """A row in the order of the file's columns."""
    return [meaning_of(meaning) for _, meaning in layout.columns]


def _customer_row(layout: Layout, record: Record, rng: random.Random, today: date) -> list[Cell]:
    consents = _consents(layout, record.person, rng, today)
    remark = rng.choice(("", "", "", "老客户", "喜欢当面取货", "请勿晚上来电"))

    def cell(meaning: str) -> Cell:
        if meaning in consents:
            return consents[meaning]
        if meaning == "external_id":
            return record.external_id
        return remark if not meaning else _personal(layout, record.person, meaning, rng)

    return _fill(layout, cell)


def _personal(layout: Layout, person: Person, meaning: str, rng: random.Random) -> Cell:
    """What a channel wrote down for one field of a person."""
    match meaning:
        case "full_name":
            return person.name
        case "family_name" | "given_name":
            return person.family if meaning == "family_name" else person.given
        case "birth_date":
            return as_written(person.born, layout.date)
        case "phone":
            return _phone_as_written(person, rng)
        case "address":
            return _address(person)
        case "region" | "postal_code":
            return person.place.region if meaning == "region" else person.place.postal
        case "locality":
            return person.place.city + (person.district if layout.channel == "shop" else "")
        case "country":
            return person.residence[:2]
        case "credit_score":
            return str(rng.randrange(350, 950)) if rng.random() < 0.15 else ""
        case "platform" | "handle" if person.number % 2 == 0:
            return ""
        case "gender" | "house_number" | "occupation" | "interests" | "platform" | "handle":
            return _in_words(layout, person, meaning)
        case _:
            return str(getattr(person, meaning))


def _in_words(layout: Layout, person: Person, meaning: str) -> str:
    """Fields whose wording follows the language of the file."""
    script = person.script if person.script in ("hans", "hant") else "en"
    # a name in pinyin does not make the clerk write English
    if layout.channel != "shop-world" and person.residence == "CN":
        script = "hans"
    chinese = script != "en"
    spoken: dict[str, str] = {
        "gender": {"m": "男" if chinese else "male", "f": "女" if chinese else "female"}[person.gender],
        "house_number": person.house + ("号" if script == "hans" else ""),
        "occupation": words()[f"occupations_{script}"][person.occupation],
        "interests": ("、" if chinese else ", ").join(words()[f"interests_{script}"][at] for at in person.interests),
        "platform": words()["platforms"][person.number % 4],
        "handle": "@" + person.email.split("@")[0],
    }
    return spoken[meaning]


def _address(person: Person) -> str:
    """The address in one piece, in the order of its script."""
    place = person.place
    if person.residence in ("CN", "HK", "TW"):
        region = "" if place.region == place.city else place.region
        number = person.house + ("号" if person.residence == "CN" else "號")
        return region + place.city + person.district + person.street + number + person.unit
    return f"{person.street} {person.house}, {place.postal} {place.city}"


def _phone_as_written(person: Person, rng: random.Random) -> str:
    """Most write a number plainly; some with the country code, in groups, or in full-width digits."""
    style = rng.random()
    number = person.phone
    if style < 0.7:
        return number
    if style < 0.85 or person.residence != "CN":
        return in_international_form(number, person.residence)
    if style < 0.95 and len(number) == 11:
        return f"{number[:3]} {number[3:7]} {number[7:]}"
    return number.translate({ord(str(digit)): 0xFF10 + digit for digit in range(10)})


def _consents(layout: Layout, person: Person, rng: random.Random, today: date) -> dict[str, Cell]:
    """Answers by purpose with their time; one in seven says yes or no without saying when, which proves nothing."""
    yes, no = (True, False) if layout.format == "jsonl" else ("是", "否")
    since = datetime.combine(today, time(2), UTC) - timedelta(days=rng.randrange(1, 700), minutes=rng.randrange(600))
    dated = person.consent in ("dated", "proven") or (not person.consent and rng.random() < 6 / 7)
    given: dict[str, Cell] = {}
    for _, meaning in layout.columns:
        if meaning == "consent-time":
            given[meaning] = (since + _CHINA).strftime("%Y-%m-%dT%H:%M:%S+08:00") if dated else ""
        elif meaning.startswith("consent:"):
            agrees = rng.random() < (0.85 if layout.basis == "consent" else 0.6)
            silent = person.consent == "none" or (not person.consent and rng.random() < 0.1)
            given[meaning] = "" if silent else yes if agrees or person.consent in ("proven", "unproven") else no
    return given


def _spoil(layout: Layout, rows: list[list[Cell]], rng: random.Random) -> tuple[list[list[Cell]], list[list[Cell]]]:
    """Some invalid values within ``rows``; and rows nobody can use, and rows that come twice, for the two big lists."""
    if layout.channel not in ("store", "shop"):
        return [], []
    wrong = {"birth_date": "1990-02-30", "phone": "1234", "email": "没有邮箱@", "national_id": "310000199013321234"}
    places = {meaning: at for at, (_, meaning) in enumerate(layout.columns)}
    ordinary = [row for row in rows if str(row[0])[2] != "9"]
    spoilt = rng.sample(ordinary, 12)
    for at, row in enumerate(spoilt):
        meaning = list(wrong)[at % len(wrong)]
        row[places[meaning]] = wrong[meaning]
    whole = [row for row in ordinary if row not in spoilt]
    too_long = [*rng.choice(whole), "多出的一格"]
    too_short = rng.choice(whole)[:4]
    # ids of their own, so that it is the row that cannot be read, not a customer that changes
    too_long[0], too_short[0] = f"{str(too_long[0])[:2]}80001", f"{str(too_short[0])[:2]}80002"
    unusable: list[Cell] = ["" for _ in layout.columns]
    unusable[places["email"]] = wrong["email"]
    return [too_long, too_short, unusable], [list(row) for row in rng.sample(whole, 2)]


def _organisation_row(layout: Layout, serial: int, rng: random.Random) -> list[Cell]:
    place = words()["places"]["CN"][1 + serial % 7]
    brand, trade = words()["firm_places"][serial % 10], words()["firm_trades"][(serial - 1) // 10]
    district, street = rng.choice(place["districts"]), rng.choice(words()["streets_hans"])
    cells: dict[str, Cell] = {
        "external_id": f"C-{serial:05d}",
        "legal_name": f"{place['city'].removesuffix('市')}{brand}示例{trade}有限公司",
        "registration_number": registration_number(serial),
        "phone": f"{place['landline']}-0{serial:03d}{rng.randrange(10_000):04d}",
        "email": f"office{serial:02d}@firm.example",
        "address": f"{place['city']}{district}{street}{rng.randrange(1, 300)}号",
        "credit_limit": str(rng.randrange(1, 40) * 5000),
    }
    return _fill(layout, cells.__getitem__)


def _order_row(layout: Layout, order: Order) -> list[Cell]:
    cells: dict[str, Cell] = {
        "order_id": order.order_id,
        "external_id": order.buyer.external_id,
        "ordered_at": _local(order.at, layout),
        "product": order.product,
        "quantity": str(order.quantity),
        "amount": order.amount,
        "currency": order.currency,
        "residence": order.buyer.residence,
    }
    return _fill(layout, cells.__getitem__)


def _enquiry_row(layout: Layout, enquiry: Enquiry) -> list[Cell]:
    cells: dict[str, Cell] = {
        "external_id": enquiry.buyer.external_id,
        "phone": enquiry.buyer.phone,
        "kind": enquiry.kind,
        "at": _local(enquiry.at, layout),
        "topic": enquiry.topic,
        "text": enquiry.text,
        "residence": enquiry.buyer.residence,
    }
    return _fill(layout, cells.__getitem__)


def _local(moment: datetime, layout: Layout) -> Cell:
    """Shops of the book write the time of China, but for the one that says UTC."""
    return as_written(moment if layout.date.endswith("Z") else moment + _CHINA, layout.date)
