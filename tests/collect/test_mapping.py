"""Mapping: suggestions from headers and values in two languages and scripts, overrides, masked samples."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from kehu.collect.mapping import MappingRefused, masked_samples, named, override, suggest
from kehu.collect.readers import open_source
from kehu.govern.dictionary import Dictionary

DICTIONARY = Dictionary.load()
DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def table(**columns: list[str]) -> pl.DataFrame:
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def fields(frame: pl.DataFrame, kind: str = "customers") -> dict[str, str]:
    return suggest(frame.columns, frame, kind, DICTIONARY).fields


def test_simplified_chinese_headers() -> None:
    frame = table(
        客户编号=["K1"], 姓名=["张伟"], 性别=["男"], 出生日期=["1990-03-05"], 手机号码=["13800138000"],
        电子邮箱=["a@mail.example"],
        联系地址=["北京市朝阳区建国路88号"], 邮编=["100020"], 身份证号=["11010519491231002X"], 语言=["中文"],
        兴趣爱好=["登山"],
        营销同意=["是"], 同意时间=["2026-01-01"], 紧急联系人电话=["13900139000"],
    )  # fmt: skip
    suggestion = suggest(frame.columns, frame, "customers", DICTIONARY)
    assert suggestion.fields == {
        "external_id": "客户编号", "full_name": "姓名", "gender": "性别", "birth_date": "出生日期",
        "phone": "手机号码",
        "email": "电子邮箱", "address": "联系地址", "postal_code": "邮编", "national_id": "身份证号",
        "language": "语言",
        "interests": "兴趣爱好",
    }  # fmt: skip
    assert suggestion.unmapped == ["营销同意", "同意时间", "紧急联系人电话"]


def test_traditional_chinese_headers() -> None:
    frame = table(
        會員編號=["M1"], 姓名=["陳志明"], 行動電話=["0912345678"], 電子郵件=["c@mail.example"], 郵遞區號=["110"]
    )
    assert fields(frame) == {
        "external_id": "會員編號", "full_name": "姓名", "phone": "行動電話", "email": "電子郵件", "postal_code": "郵遞區號",
    }  # fmt: skip


def test_english_headers_in_many_spellings() -> None:
    frame = table(**{
        "Customer ID": ["1"], "First Name": ["Ann"], "lastName": ["Lee"], "E-Mail": ["a@mail.example"],
        "Mobile No.": ["+61412345678"],
        "Date of Birth": ["5/3/1990"], "Post Code": ["2000"], "Address Line 1": ["High St"], "City": ["Sydney"],
        "created_by": ["x"],
    })  # fmt: skip
    assert fields(frame) == {
        "external_id": "Customer ID", "given_name": "First Name", "family_name": "lastName", "email": "E-Mail",
        "phone": "Mobile No.",
        "birth_date": "Date of Birth", "postal_code": "Post Code", "street": "Address Line 1", "locality": "City",
    }  # fmt: skip


def test_febrl_headers() -> None:
    names = "rec_id given_name surname street_number address_1 address_2 suburb postcode state date_of_birth".split()
    names.append("soc_sec_id")
    row = ["rec-1-org", "ann", "lee", "12", "high street", "unit 3", "sydney", "2000", "nsw", "19710708", "5304218"]
    frame = pl.DataFrame([row], schema=dict.fromkeys(names, pl.String), orient="row")
    assert fields(frame) == {
        "external_id": "rec_id", "given_name": "given_name", "family_name": "surname",
        "house_number": "street_number",
        "street": "address_1", "unit": "address_2", "locality": "suburb", "postal_code": "postcode",
        "region": "state",
        "birth_date": "date_of_birth", "national_id": "soc_sec_id",
    }  # fmt: skip


@pytest.mark.skipif(not DATA.exists(), reason="the folder of shared data is missing")
def test_historical_headers() -> None:
    source = open_source(DATA / "historical_50k.parquet")
    frame = next(source.batches(1000)).frame
    suggestion = suggest(source.columns, frame, "customers", DICTIONARY)
    told = suggestion.fields
    assert told["given_name"] == "first_name" and told["family_name"] == "surname" and told["birth_date"] == "dob"
    assert (
        told["postal_code"] == "postcode_fake"
        and told["occupation"] == "occupation"
        and told["external_id"] == "unique_id"
    )
    assert {"cluster", "first_and_surname"} <= set(suggestion.unmapped)


def test_values_alone() -> None:
    frame = table(**{
        "#1": ["张伟", "李娜", "欧阳静", "王芳"],
        "#2": ["13800138000", "139 0013 9000", "+8613700137000", "13600136000"],
        "#3": ["a@mail.example", "b@mail.example", "c@mail.example", "d@mail.example"],
        "#4": ["男", "女", "女", "女"],
        "#5": ["1990-03-05", "1985年12月1日", "1970/1/1", "19660606"], "#6": ["x1", "x2", "x3", "x4"],
    })  # fmt: skip
    assert fields(frame) == {"full_name": "#1", "phone": "#2", "email": "#3", "gender": "#4", "birth_date": "#5"}


def test_a_header_its_values_contradict_is_not_believed() -> None:
    frame = table(email=["Ann Lee", "Bo Ek"], phone=["a@mail.example", "b@mail.example"])
    assert fields(frame) == {"email": "phone"}


def test_kinds_take_their_own_fields() -> None:
    orders = table(
        客户编号=["K1"], 订单编号=["O1"], 下单时间=["2026-01-01"], 金额=["12.50"], 币种=["CNY"], 数量=["1"], 商品=["茶"]
    )
    assert list(fields(orders, "orders")) == [
        "external_id",
        "order_id",
        "ordered_at",
        "amount",
        "currency",
        "quantity",
        "product",
    ]
    enquiries = table(
        customer_id=["K1"], type=["call"], time=["2026-01-01 10:00"], subject=["delivery"], message=["where is it"]
    )
    assert list(fields(enquiries, "interactions")) == ["external_id", "kind", "at", "topic", "text"]
    firms = table(
        编号=["1"],
        名称=["示例有限公司"],
        统一社会信用代码=["91110000600037341L"],
        联系人=["张伟"],
        电话=["01012345678"],
    )
    assert fields(firms, "organisations") == {
        "external_id": "编号", "legal_name": "名称", "registration_number": "统一社会信用代码",
        "contact_person": "联系人", "phone": "电话",
    }  # fmt: skip


def test_overrides() -> None:
    frame = table(a=["1"], name=["Ann Lee"], mail=["a@mail.example"])
    suggestion = suggest(frame.columns, frame, "customers", DICTIONARY)
    told = override(suggestion, ["external_id=#1", "given_name=name", "email="], frame.columns, DICTIONARY)
    assert told.fields == {"external_id": "a", "given_name": "name"}
    assert told.unmapped == ["mail"]
    for wrong in ("nosuch=a", "email=nosuch", "email=#9", "email"):
        with pytest.raises(MappingRefused):
            override(suggestion, [wrong], frame.columns, DICTIONARY)


def test_named_and_masked() -> None:
    frame = table(a=["K1000000001"], m=["anna.lee@mail.example"], r=["DE"]).with_columns(
        pl.lit(2, pl.Int64).alias("line")
    )
    told = {"external_id": "a", "email": "m"}
    assert named(frame, told, keep={"residence": "r"}).columns == ["line", "residence", "external_id", "email"]
    shown = masked_samples(frame, told, DICTIONARY)
    assert set(shown) == set(told)
    assert "anna.lee" not in str(shown) and "K100000" not in str(shown)
