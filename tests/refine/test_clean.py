"""Cleaning: every type's forms, statuses, what is derived; never an exception, always the same the second time."""

from __future__ import annotations

import datetime as dt
import time

import phonenumbers
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kehu.refine.clean import INVALID, UNVERIFIED, VALID, clean, clean_value, survey
from kehu.refine.clean.dates import parse_time
from kehu.refine.clean.emails import normal_email
from kehu.refine.clean.phones import normal_phone, phones
from kehu.refine.clean.status import Context

TYPES = (
    "text name email phone date datetime decimal integer country language currency gender national_id "
    "registration_number address url code"
).split()
TODAY = dt.date(2026, 11, 25)


def one(value: str, kind: str, residence: str | None = "CN", field: str = "x") -> tuple[str | None, int]:
    return clean_value(field, value, kind, residence=residence)


def row(residence: str | None = "CN", types: dict[str, str] | None = None, **cells: str | None) -> dict[str, object]:
    kinds = types or {}
    default = {"full_name": "name", "family_name": "name", "given_name": "name", "phone": "phone",
    "country": "country",
               "national_id": "national_id", "birth_date": "date", "address": "address"}  # fmt: skip
    columns = {name: kinds.get(name, default.get(name, "text")) for name in cells}
    frame = pl.DataFrame([list(cells.values())], schema=dict.fromkeys(cells, pl.String), orient="row")
    return clean(frame, residence=residence, columns=columns, today=TODAY).to_dicts()[0]


@pytest.mark.parametrize(
    ("value", "country", "normal", "status"),
    [
        ("138 0013 8000", "CN", "+8613800138000", VALID),
        ("+86 138-0013-8000", "DE", "+8613800138000", VALID),
        ("0086 13800138000", "CN", "+8613800138000", VALID),
        ("１３８００１３８０００", "CN", "+8613800138000", VALID),
        ("١٣٨٠٠١٣٨٠٠٠", "CN", "+8613800138000", VALID),
        ("010-12345678", "CN", "+861012345678", VALID),
        ("(0755) 8888 8888", "CN", "+8675588888888", VALID),
        ("010-12345678转801", "CN", "+861012345678", VALID),
        ("0755-83766666-808", "CN", "+8675583766666", VALID),
        ("(010)12345678-8001", "CN", "+861012345678", VALID),
        ("13800138000 / 13900139000", "CN", "+8613800138000", VALID),
        ("0912-345-678", "TW", "+886912345678", VALID),
        ("9123 4567", "HK", "+85291234567", VALID),
        ("090-1234-5678", "JP", "+819012345678", VALID),
        ("0412 345 678", "AU", "+61412345678", VALID),
        ("(650) 253-0000", "US", "+16502530000", VALID),
        ("1-650-253-0000", "US-CA", "+16502530000", VALID),
        ("+44 (0)20 7031 3000", "DE", "+442070313000", VALID),
        ("0170 1234567", "DE", "+491701234567", VALID),
        ("138 0013 8000", None, "+8613800138000", VALID),
        ("+49 170 1234567", None, "+491701234567", VALID),
        ("0170 1234567", None, "01701234567", UNVERIFIED),
        ("12345", "CN", None, INVALID),
        ("138001380001", "CN", None, INVALID),
        ("call me", "CN", None, INVALID),
    ],
)
def test_phones(value: str, country: str | None, normal: str | None, status: int) -> None:
    assert one(value, "phone", country) == (normal, status)


@settings(max_examples=200, deadline=None)
@given(
    digits=st.text("0123456789", min_size=6, max_size=12),
    prefix=st.sampled_from(["", "0", "1", "+86", "+1", "+49", "+61", "+81", "+886", "+852"]),
    country=st.sampled_from(["CN", "US", "CA", "DE", "JP", "AU", "GB", "HK", "TW", "FR", "IN", "BR", "IT"]),
)
def test_bulk_phones_agree_with_the_library(digits: str, prefix: str, country: str) -> None:
    value = prefix + digits
    try:
        number = phonenumbers.parse(value, country)
        valid = phonenumbers.is_valid_number(number)
        expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if valid else None
    except phonenumbers.NumberParseException:
        expected = None
    if value.startswith("00"):
        return
    assert one(value, "phone", country)[0] == expected


@given(
    st.text("0123456789+＋ -;()转", max_size=16) | st.from_regex(r"1[3-9]\d{9}|1\d\d[ -]\d{4}[ -]\d{4}", fullmatch=True)
)
def test_a_column_of_phones_without_a_country_is_read_as_each_by_itself(value: str) -> None:
    nowhere = Context(pl.Series([None], dtype=pl.String), survey([], {}), TODAY)
    assert phones(pl.Series([value]), nowhere).normal[0] == normal_phone(value, None)[0]


@pytest.mark.parametrize(("country", "times"), [(None, 0), ("TH", 3)])
def test_no_phone_is_parsed_twice_nor_where_its_form_tells_all(monkeypatch, country, times):
    """Parsing is what cleaning takes longest for: of a file of phones each look would wait for it."""
    parsed, parse = [], phonenumbers.parse
    monkeypatch.setattr(phonenumbers, "parse", lambda *told: parsed.append(told) or parse(*told))
    numbers = ["13800138000", "138 0013 8001", "0987654321"]
    clean(pl.DataFrame({"phone": numbers * 3}), residence=country, columns={"phone": "phone"})
    assert len(parsed) == times, parsed


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        (" Ann.Lee@Mail.Example ", "ann.lee@mail.example"),
        ("ＡＮＮ＠mail．example", "ann@mail.example"),
        ("mailto:a+b@mail.example", "a+b@mail.example"),
        ("Ann Lee <ann@mail.example>", "ann@mail.example"),
        ("jürgen@müller.example", "jürgen@xn--mller-kva.example"),
        ("张伟@例子.中国", "张伟@xn--fsqu00a.xn--fiqs8s"),
        ("a..b@mail.example", None),
        ("a@mail", None),
        ("a@-mail.example", None),
        ("a b", None),
        ("@mail.example", None),
        ("张三 zhang@mail.example", "zhang@mail.example"),
        ("zhang@mail.example （工作）", "zhang@mail.example"),
        ("zhang@mail.example 张三", "zhang@mail.example"),
        ("ann @ mail . example", "ann@mail.example"),
        ("john smith@mail.example", None),
        ("ann@mail.example bob", None),
        ("ann@mail.example bob@mail.example", None),
        ("a@1.2.3.4", None),
    ],
)
def test_emails(value: str, normal: str | None) -> None:
    assert one(value, "email") == (normal, VALID if normal else INVALID)


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        ("1990-03-05", "1990-03-05"),
        ("1990/3/5", "1990-03-05"),
        ("1990.03.05", "1990-03-05"),
        ("1990年3月5日", "1990-03-05"),
        ("1990年03月05号", "1990-03-05"),
        ("一九九〇年三月二十五日", "1990-03-25"),
        ("二〇〇一年十月十日", "2001-10-10"),
        ("一九九〇年三月二十日", "1990-03-20"),
        ("一九九〇年十二月三十日", "1990-12-30"),
        ("一九九〇年三月廿日", "1990-03-20"),
        ("民國七十年三月廿一日", "1981-03-21"),
        ("民国79年3月5日", "1990-03-05"),
        ("平成2年3月5日", "1990-03-05"),
        ("昭和元年12月25日", "1926-12-25"),
        ("19900305", "1990-03-05"),
        ("5 March 1990", "1990-03-05"),
        ("Mar 5, 1990", "1990-03-05"),
        ("5. März 1990", "1990-03-05"),
        ("25/12/1990", "1990-12-25"),
        ("12/25/1990", "1990-12-25"),
        ("05.03.1990", "1990-03-05"),
        ("5/3/90", "1990-03-05"),
        ("1990-03-05 00:00:00", "1990-03-05"),
        ("1990-03-05T00:00:00Z", "1990-03-05"),
        ("1990-03-05T00:00:00+08:00", "1990-03-05"),
        ("1990-03-05 23:30:00-05:00", "1990-03-05"),
        ("1990. 3. 5.", "1990-03-05"),
        ("1990년 3월 5일", "1990-03-05"),
        ("令和 5年 3月 5日", "2023-03-05"),
        ("民國79/3/5", "1990-03-05"),
        ("5 juin 1990", "1990-06-05"),
        ("14 juillet 1990", "1990-07-14"),
        ("5 de marzo de 1990", "1990-03-05"),
        ("5-MAR-90", "1990-03-05"),
        ("民國79年2月30日", None),
        ("1756-01-27", "1756-01-27"),
        ("0742-04-02", "0742-04-02"),
        ("1990-02-30", None),
        ("1990/13/05", None),
        ("31/31/1990", None),
        ("0000-00-00", None),
        ("1990", None),
        ("soon", None),
        ("1234567890", None),
    ],
)
def test_dates(value: str, normal: str | None) -> None:
    assert one(value, "date") == (normal, VALID if normal else INVALID)


@pytest.mark.parametrize(
    ("value", "country", "normal"),
    [
        ("79/03/05", "TW", "1990-03-05"),
        ("079.03.05", "TW", "1990-03-05"),
        ("0790305", "TW", "1990-03-05"),
        ("113/2/29", "TW", "2024-02-29"),
        ("113/2/30", "TW", None),
        ("1990/03/05", "TW", "1990-03-05"),
        ("19900305", "TW", "1990-03-05"),
        ("05/03/90", "TW", "1990-03-05"),
        ("79/03/05", "CN", "1979-03-05"),
        ("2533-03-05", "TH", "1990-03-05"),
        ("05/03/2533", "TH", "1990-03-05"),
        ("1990-03-05", "TH", "1990-03-05"),
        ("2533-03-05", "CN", None),
    ],
)
def test_years_are_counted_as_the_country_counts_them(value: str, country: str, normal: str | None) -> None:
    assert one(value, "date", country)[0] == normal
    assert one(f"{value} 10:20", "datetime", country)[0] == (f"{normal}T10:20:00Z" if normal else None)


def test_a_birth_to_come_is_invalid() -> None:
    assert row(birth_date="2030-01-01")["birth_date__s"] == INVALID
    assert one("2030-01-01", "date")[1] == VALID


@pytest.mark.parametrize(("witness", "expected"), [("25/12/1990", "1990-04-03"), ("12/25/1990", "1990-03-04")])
def test_an_ambiguous_date_follows_its_column(witness: str, expected: str) -> None:
    frame = pl.DataFrame({"birth_date": ["3/4/1990", witness, "1985-01-01"]})
    columns = {"birth_date": "date"}
    assert clean(frame, residence="US", columns=columns)["birth_date__n"][0] == expected
    habits = survey([frame], columns)
    alone = clean(frame.head(1), residence="DE", columns=columns, habits=habits)
    assert alone["birth_date__n"][0] == expected


def test_without_a_witness_the_country_decides() -> None:
    assert one("3/4/1990", "date", "US")[0] == "1990-03-04"
    assert one("3/4/1990", "date", "DE")[0] == "1990-04-03"


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        ("2026-03-05 10:20:30", "2026-03-05T10:20:30Z"),
        ("2026-03-05T10:20:30+08:00", "2026-03-05T02:20:30Z"),
        ("2026-03-05T10:20:30.123Z", "2026-03-05T10:20:30Z"),
        ("2026/3/5 9:05", "2026-03-05T09:05:00Z"),
        ("2026年3月5日 下午3:05", "2026-03-05T15:05:00Z"),
        ("2026年3月5日15时30分", "2026-03-05T15:30:00Z"),
        ("25/12/2026 3:05 PM", "2026-12-25T15:05:00Z"),
        ("20260305 101112", "2026-03-05T10:11:12Z"),
        ("20260305101112", "2026-03-05T10:11:12Z"),
        ("19970101", "1997-01-01T00:00:00Z"),
        ("1767225600", "2026-01-01T00:00:00Z"),
        ("1767225600000", "2026-01-01T00:00:00Z"),
        ("2026-03-05 25:00:00", None),
        ("yesterday", None),
    ],
)
def test_moments(value: str, normal: str | None) -> None:
    assert one(value, "datetime") == (normal, VALID if normal else INVALID)


def test_what_is_far_too_long_is_not_tried_at_each_blank() -> None:
    began = time.process_time()
    assert parse_time("1 " * 500_000, day_first=True, today=TODAY) is None
    assert normal_email("a@b" + " " * 500_000 + "c") is None
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("value", "normal"),
    [
        ("1234.50", "1234.50"), ("1,234.50", "1234.50"), ("1.234,50", "1234.50"), ("1 234,50", "1234.50"),
        ("1'234.50", "1234.50"),
        ("12,5", "12.5"), ("1,234", "1234"), ("¥1,234", "1234"), ("￥１２３４．５", "1234.5"),
        ("1234元", "1234"), ("USD 12.00", "12.00"),
        ("$12", "12"), ("(12.5)", "-12.5"), ("-3", "-3"), ("3.5万", "35000"), ("2亿", "200000000"),
        ("007", "7"), ("+5", "5"), (".5", "0.5"),
        ("20-30万", None), ("a lot", None), ("1.2.3", None), ("", None),
    ],
)  # fmt: skip
def test_decimals(value: str, normal: str | None) -> None:
    assert one(value, "decimal")[0] == normal


def test_whole_numbers_and_decimal_commas() -> None:
    assert one("3.0", "integer") == ("3", VALID)
    assert one("3.5", "integer") == (None, INVALID)
    frame = pl.DataFrame({"amount": ["1.234", "12,50", "1.000,00"]})
    assert clean(frame, columns={"amount": "decimal"})["amount__n"].to_list() == ["1234", "12.50", "1000.00"]


@pytest.mark.parametrize(
    ("value", "kind", "normal"),
    [
        ("中国", "country", "CN"), ("中國", "country", "CN"), ("china", "country", "CN"),
        ("CHN", "country", "CN"), ("cn", "country", "CN"),
        ("Deutschland", "country", "DE"), ("DEU", "country", "DE"), ("U.S.A.", "country", "US"),
        ("US-CA", "country", "US"),
        ("UK", "country", "GB"), ("臺灣", "country", "TW"), ("日本", "country", "JP"),
        ("澳大利亚", "country", "AU"), ("Nowhere", "country", None),
        ("中文", "language", "zh"), ("zh_cn", "language", "zh-CN"), ("ZH-hant-tw", "language", "zh-Hant-TW"),
        ("English", "language", "en"),
        ("deu", "language", "de"), ("繁體中文", "language", "zh-Hant"), ("klingonish", "language", None),
        ("人民币", "currency", "CNY"), ("RMB", "currency", "CNY"), ("¥", "currency", "CNY"),
        ("usd", "currency", "USD"), ("€", "currency", "EUR"),
        ("shells", "currency", None),
        ("男", "gender", "male"), ("F", "gender", "female"), ("先生", "gender", "male"),
        ("divers", "gender", "other"), ("未知", "gender", "unknown"),
        ("2", "gender", "female"), ("blue", "gender", None),
    ],
)  # fmt: skip
def test_words_with_a_code(value: str, kind: str, normal: str | None) -> None:
    assert one(value, kind) == (normal, VALID if normal else INVALID)


@pytest.mark.parametrize(
    ("value", "country", "normal", "status"),
    [
        ("11010519491231002X", "CN", "11010519491231002X", VALID),
        ("11010519491231002x", None, "11010519491231002X", VALID),
        ("110105 19491231 002X", "DE", "11010519491231002X", VALID),
        ("110105491231002", "CN", "11010519491231002X", VALID),
        ("110105194912310021", "CN", None, INVALID),
        ("1101051949123100٢X", "CN", "11010519491231002X", VALID),
        ("110105194913310021", "CN", None, INVALID),
        ("110105491331002", "CN", None, INVALID),
        ("A123456789", "TW", "A123456789", VALID),
        ("A123456788", "TW", None, INVALID),
        ("A123456(3)", "HK", "A1234563", VALID),
        ("A123456(4)", "HK", None, INVALID),
        ("536-90-4399", "US", "536904399", VALID),
        ("123 456 782", "AU", "123456782", VALID),
        ("123 456 789", "AU", None, INVALID),
        ("5304218", "AU", "5304218", UNVERIFIED),
        ("5304218", None, "5304218", UNVERIFIED),
        ("AB-1234567", "CN", "AB1234567", UNVERIFIED),
        ("none", "CN", None, INVALID),
        ("1.10101E+17", "CN", None, INVALID),
        ("1,10101e+17", "DE", None, INVALID),
    ],
)
def test_national_ids(value: str, country: str | None, normal: str | None, status: int) -> None:
    assert one(value, "national_id", country) == (normal, status)


@pytest.mark.parametrize(
    ("value", "country", "normal", "status"),
    [
        ("91110000600037341L", "CN", "91110000600037341L", VALID),
        ("91110000600037341l", None, "91110000600037341L", VALID),
        ("91110000600037342L", "CN", None, INVALID),
        ("51 824 753 556", "AU", "51824753556", VALID),
        ("HRB 12345", "DE", "HRB12345", UNVERIFIED),
        ("110000001234567", "CN", "110000001234567", UNVERIFIED),
    ],
)
def test_registration_numbers(value: str, country: str | None, normal: str | None, status: int) -> None:
    assert one(value, "registration_number", country) == (normal, status)


@pytest.mark.parametrize(
    ("full", "country", "normal", "family", "given"),
    [
        ("张伟", "CN", "张伟", "张", "伟"),
        ("张 三 丰", "CN", "张三丰", "张", "三丰"),
        ("欧阳娜娜", "CN", "欧阳娜娜", "欧阳", "娜娜"),
        ("諸葛亮", "TW", "諸葛亮", "諸葛", "亮"),
        ("司马", "CN", "司马", "司", "马"),
        ("王小姐", "CN", "王小姐", "王", None),
        ("买买提•吐尔逊", "CN", "买买提·吐尔逊", None, None),
        ("山田 太郎", "JP", "山田 太郎", "山田", "太郎"),
        ("山田太郎", "JP", "山田太郎", None, None),
        ("김철수", "KR", "김철수", "김", "철수"),
        ("John Smith", "US", "John Smith", "Smith", "John"),
        ("Smith, John", "US", "John Smith", "Smith", "John"),
        ("Dr. Ludwig van der Berg", "DE", "Ludwig van der Berg", "van der Berg", "Ludwig"),
        ("John Smith, Jr.", "US", "John Smith Jr", "Smith", "John"),
        ("Smith, John Jr.", "US", "John Smith Jr", "Smith", "John"),
        ("Robert Smith III", "US", "Robert Smith III", "Smith", "Robert"),
        ("Lee, Ann, PhD", "US", "Ann Lee", "Lee", "Ann"),
        ("Zhang Wei", "CN", "Zhang Wei", "Zhang", "Wei"),
        ("LI Xiaoming", "US", "LI Xiaoming", "LI", "Xiaoming"),
        ("Nguyễn Văn An", "VN", "Nguyễn Văn An", "Nguyễn", "Văn An"),
        ("Nguyen Van An", "VN", "Nguyen Van An", "Nguyen", "Van An"),
        ("An Nguyen", "VN", "An Nguyen", "Nguyen", "An"),
        ("Ａｎｎ　Lee", "AU", "Ann Lee", "Lee", "Ann"),
        ("Madonna", "US", "Madonna", None, None),
    ],
)
def test_names(full: str, country: str, normal: str, family: str | None, given: str | None) -> None:
    cleaned = row(country, full_name=full)
    assert cleaned["full_name"] == full
    assert (cleaned["full_name__n"], cleaned.get("family_name__n"), cleaned.get("given_name__n")) == (
        normal,
        family,
        given,
    )


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ("Shanghai Moon Trading Co., Ltd.", "Shanghai Moon Trading Co. Ltd."),
        ("Acme, Inc.", "Acme Inc."),
        ("Smith, Jones & Partners, LLC", "Smith Jones & Partners LLC"),
        ("Dr. Oetker GmbH", "Dr. Oetker GmbH"),
        ("上海 明月 有限公司", "上海明月有限公司"),
        (",", None),
    ],
)
def test_names_of_organisations_stay_in_their_order(given: str, normal: str | None) -> None:
    assert one(given, "name", field="legal_name")[0] == normal


def test_parts_make_the_whole_and_overwrite_nothing() -> None:
    assert row(family_name="张", given_name="伟")["full_name__n"] == "张伟"
    assert row(family_name="Lee", given_name="Ann")["full_name__n"] == "Ann Lee"
    told = row(full_name="Ann Lee", family_name="Smith", given_name=None)
    assert (told["full_name__n"], told["family_name__n"], told["given_name__n"]) == ("Ann Lee", "Smith", None)
    told = row(full_name="Ann Lee", family_name=None, given_name=None)
    assert (told["family_name"], told["family_name__n"], told["family_name__s"]) == (None, "Lee", VALID)


def test_the_birth_date_in_a_resident_number() -> None:
    assert row(national_id="11010519491231002X")["birth_date__n"] == "1949-12-31"
    assert row(national_id="11010519491231002X", birth_date="1950-01-01")["birth_date__n"] == "1950-01-01"
    wrong = row(national_id="11010519491231002X", birth_date="nonsense")
    assert (wrong["birth_date__n"], wrong["birth_date__s"]) == (None, INVALID)
    assert "birth_date__n" not in row(national_id="110105194912310021")


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("北京市朝阳区建国路88号3单元", ("北京市", "北京市", "朝阳区", "建国路", "88号", "3单元")),
        ("广东省深圳市南山区科技园路1号", ("广东省", "深圳市", "南山区", "科技园路", "1号", None)),
        ("臺灣省臺北市信義區市府路1號", ("臺灣省", "臺北市", "信義區", "市府路", "1號", None)),
        ("内蒙古自治区呼和浩特市新城区", ("内蒙古自治区", "呼和浩特市", "新城区", None, None, None)),
        ("上海四川北路1688号", ("上海", "上海", None, "四川北路", "1688号", None)),
        ("四川北路1688号", (None,) * 6),
        ("北京路1号", (None,) * 6),
        ("陝西南路30弄2號", (None,) * 6),
        ("朝阳区建国路", (None,) * 6),
        ("12 High Street, Sydney", (None,) * 6),
    ],
)
def test_address_parts(address: str, parts: tuple[str | None, ...]) -> None:
    cleaned = row(address=address)
    names = ("region", "locality", "district", "street", "house_number", "unit")
    assert tuple(cleaned.get(f"{name}__n") for name in names) == parts
    assert cleaned["address"] == address


def test_the_row_knows_its_country() -> None:
    frame = pl.DataFrame(
        {"phone": ["0412345678"] * 3, "country": ["Australia", None, None], "residence": ["CN", "AU", None]}
    )
    cleaned = clean(frame, residence="DE", columns={"phone": "phone", "country": "country"})
    assert cleaned["phone__n"].to_list()[:2] == ["+61412345678"] * 2
    assert cleaned["phone__n"][2] != "+61412345678"


def test_one_bad_value_spoils_no_other() -> None:
    cleaned = row(full_name="张伟", phone="12", birth_date="1990-02-31")
    assert (cleaned["full_name__s"], cleaned["phone__s"], cleaned["birth_date__s"]) == (VALID, INVALID, INVALID)
    assert cleaned["phone"] == "12"
    assert row(full_name=None)["full_name__s"] == 0


@settings(max_examples=400, deadline=None)
@example(values=["00A´"], kind="national_id", residence=None)  # an accent by itself is a space with one
@given(values=st.lists(st.one_of(st.none(), st.text(max_size=24)), min_size=1, max_size=6),
kind=st.sampled_from(TYPES),
       residence=st.sampled_from([None, "CN", "US", "JP", "nonsense"]))  # fmt: skip
def test_nothing_raises_and_all_is_idempotent(values: list[str | None], kind: str, residence: str | None) -> None:
    frame = pl.DataFrame({"x": values}, schema={"x": pl.String})
    cleaned = clean(frame, residence=residence, columns={"x": kind}, today=TODAY)
    assert cleaned["x"].to_list() == values
    assert ((cleaned["x__n"].is_not_null()) == cleaned["x__s"].is_in([VALID, UNVERIFIED])).all()
    again = clean(pl.DataFrame({"x": cleaned["x__n"]}), residence=residence, columns={"x": kind}, today=TODAY)
    assert again["x__n"].to_list() == cleaned["x__n"].to_list()
    assert again["x__s"].to_list() == [0 if s == INVALID else s for s in cleaned["x__s"].to_list()]


near = st.text("0123456789一二三十年月日号/.-: TZ民国平成上下午APM+０１²٣", max_size=20)


@settings(max_examples=600, deadline=None)
@given(
    value=near,
    kind=st.sampled_from(["date", "datetime", "decimal", "integer", "phone", "national_id", "registration_number"]),
)
def test_what_is_nearly_a_value_raises_nothing(value: str, kind: str) -> None:
    normal, status = one(value, kind)
    assert (normal is not None) == (status in (VALID, UNVERIFIED))
    if normal is not None:
        assert one(normal, kind)[0] == normal


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(*[st.one_of(st.none(), st.text("张欧阳伟Ann Lee,·van 先生Dr.", max_size=12))] * 3),
        min_size=1,
        max_size=5,
    )
)
def test_no_name_raises(rows: list[tuple[str | None, ...]]) -> None:
    names = ["full_name", "family_name", "given_name"]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(names, pl.String), orient="row")
    cleaned = clean(frame, residence="CN", columns=dict.fromkeys(names, "name"))
    assert cleaned.select(names).equals(frame)
