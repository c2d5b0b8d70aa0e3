"""A record folded by itself has the features it has in a table, whatever its text."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from linkage_families import families
from test_conditions import TEXTS

from kehu.refine.resolve.compare.features import FIELDS, Kind, prepare
from kehu.refine.resolve.compare.folding import fold

MORE = {
    "full_name": ["尉迟 恭", "Ó Briain, Seán jr.", "ШУКШИН Василий", "김 철수", "Weiß Jörg", "O’Neill  Ann-Marie III", "王(小)明", "李x明", "!", "老李", "王总", "歐陽 穎嘉", "Ouyang Wing-Ka", "李陳玲穎", "Vincent Man Tsz Wong", "Wong Man Tsz, Vincent", "Ann Mary Jo", "Bob Lee C van der Berg", "Kacob Claire Wang", "Resident Wang", "Son Fred van der Berg", "Unknown", "業主"],
    "address": [
        "浙江省宁波市海曙区黄河路339号华府3栋1单元1003室", "宁波海曙区黄河路339号 3-1-1003", "江南名府29号楼2单元602,下关区,南京市", "幸福小区3号楼 2003",
        "桃園市中壢區中央西路二段7巷261號3樓", "和平路317怡景花园25号楼4单元2003", "六本木1-2-3", "1708 High Street, Denver", "Flat H, 7/F, 366 Road", "5",
    ],
    "given_name": ["Bob  Lee", "Kacob", "wiliam", "Willian", "Leslie", "尉 迟", "曉 明", "-", "Zhāng", "Resident", "Daughter Of", "業主", "Baby Boy", "Son"],
    "second_given_name": ["Fred", "X.", "-", "Ann  Mary"], "family_name": ["单", "van der Berg", "ＷＡＮＧ", "歐陽"],
    "legal_name": ["GmbH", "Müller & Söhne GmbH & Co. KG", "株式会社ソニー", "明月（集团）股份有限公司", "(株)大和", "明月 (厦门) 分公司", "Moon Ltd Leeds branch office", "北京 明月 有限公司济南支行", "Sunrise Fund II Ltd", "朝陽第十二中學", "物业一号二期", "Studio 54 v", "AB Volvo Holding AB", "明月控股集团有限责任公司", "Moon Pty Ltd & Co KG", "Moon Holding Co., Ltd.", "Holding Moon S.à r.l.", "Groupon Company Limited"],
    "email": ["+x@y", " A B@c.example", "@", "Éa@x.example", "a.b.c+tag@googlemail.com", "..@gmail.com", "a@b@GMail.com", "x+@y+z"], "birth_date": ["１９９０-01-05", "--"], "unit": ["№ 3", "弄 5"],
}  # fmt: skip
_ANY = st.text("abZ1 -'’.@+王曉单é́ØßЖ김ーＡ　\t½Ⅳ々", max_size=10)


def alike(kind: Kind, rows: list[dict[str, str | None]]) -> None:
    names = FIELDS[kind]
    rows = [*rows, {**dict.fromkeys(names), "full_name": "Alice Harper"}]
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    table = pa.table({"record": [f"{number:03d}" for number in range(len(rows))], **columns})
    features = prepare(table, kind, wide=True)
    for row, folded in zip(rows, features.table.to_pylist(), strict=True):
        mine = fold(row, kind)
        assert mine.keys() >= {name for name, text in folded.items() if text is not None} - {"id"}
        assert {name: mine.get(name) for name in folded if name != "id"} == {
            k: v for k, v in folded.items() if k != "id"
        }
        assert not {name for name, text in mine.items() if text is not None} - features.columns


@pytest.mark.parametrize("kind", ["person", "organisation"])
@settings(max_examples=3, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_record_alone_is_what_it_is_in_a_table(kind: Kind, data: st.DataObject):
    texts = {name: st.none() | st.sampled_from([*TEXTS[name], *MORE.get(name, ())]) | _ANY for name in FIELDS[kind]}
    alike(kind, data.draw(st.lists(st.fixed_dictionaries(texts), min_size=10, max_size=40)))


_PIECES = ["浙江省", "宁波", "市", "海曙区", "中山路", "二段", "7巷", "3", "12", "号", "华府", "小区", "栋", "号楼", "2单元", "1003", "室", "-", " ", ",", "12a High Street", "Flat", "№"]  # fmt: skip


@settings(max_examples=5, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_an_address_alone_is_what_it_is_in_a_table(data: st.DataObject):
    line = st.lists(st.sampled_from(_PIECES), max_size=9).map("".join)
    parts = {name: st.none() | line for name in ("address", "street", "house_number", "unit")}
    alike("person", data.draw(st.lists(st.fixed_dictionaries(parts), min_size=20, max_size=60)))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("宁波市海曙区黄河路339号华府3栋1单元1003室", "宁波海曙区黄河路339号3-1-1003", ("addr", "unit")),
        ("南京鼓楼区江南名府29幢2单元602室", "江南名府29号楼602,下关区,南京市", ("estate", "unit", "dwelling")),
        ("重庆市幸福小区3号楼2003", "幸福3-1-2003", ("estate", "unit", "dwelling")),
        ("桃園市中壢區中央西路二段7巷261號3樓", "中壢区中央西路二段7巷261号 3楼", ("addr", "unit")),
        ("1708 High Street, Denver, CO 80224", "1708 HIGH STREET DENVER CO, 80224", ("addr",)),
        ("Flat H, 7/F, 366 Hennessy Road", "Flat H 7/F 366 Hennessy Road", ("dwelling",)),
    ],
)
def test_a_home_is_one_however_it_is_written(one: str, other: str, same: tuple[str, ...]):
    left, right = (fold({"full_name": "王晓明", "address": address}, "person") for address in (one, other))
    assert [left[name] for name in same] == [right[name] for name in same]
    assert None not in [left[name] for name in same]


def test_other_flats_are_other_homes():
    flats = [
        "华府3栋1单元1003室",
        "华府3栋1单元1004室",
        "华府4栋1单元1003室",
        "六本木1-2-3",
        "六本木1-5-3",
        "万科3栋1单元1003室",
    ]
    assert len({fold({"address": flat}, "person")["dwelling"] for flat in flats}) == len(flats)


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Sir William Smith Bt", "william smith"),
        ("Elizabeth Wilmot, Countess of Rochester", "elizabeth wilmot"),
        ("Bishop of Ely", "ely"),
        ("12th Baronet", None),
        ("Thomas Baron", "thomas baron"),
        ("John Earl Smith", "john earl smith"),
        ("Arthur Conan Doyle KBE", "arthur conan doyle"),
        ("Father Thomas Innes", "thomas innes"),
    ],
)
def test_titles_and_honours_are_no_part_of_a_name(written: str, name: str | None):
    assert fold({"full_name": written}, "person").get("name") == name


@pytest.mark.parametrize(
    ("given", "gender", "told"),
    [
        ("Kacob", "female", None),
        ("Kacob", "male", "male"),
        ("Wiliam", "female", None),
        ("Willian", "female", "female"),  # William or Gillian
        ("Mario", "female", None),
        ("Marik", "female", "female"),  # the end tells Mario from Maria
        ("Leslie", "female", "female"),
        ("Xiaoming", "female", "female"),
    ],
)
def test_a_mistyped_name_says_the_gender(given: str, gender: str, told: str | None):
    assert fold({"given_name": given, "gender": gender}, "person")["gender"] == told


def test_families_fold_alike():
    table = families(60, seed=3).table
    alike("person", table.to_pylist())


@pytest.mark.parametrize(
    ("han", "latin"),
    [
        ("李立平", "liliping"),
        ("谢芳", "Fang Xie"),
        ("郭惠芬", "Hui-Fen KUO"),
        ("張明強", "ming chiang chang"),
        ("何可仪", "Ho Ho Yee"),
        ("叶明宗", "YIP Ming Chung"),
        ("欧阳慧", "Auyeung Wai"),
        ("曾建家", "kin ka tsang"),
        ("黃雯子", "Vincent Man Tsz Wong"),  # a given name that nobody made of the characters
        ("黃雯子", "Wong Man Tsz Vincent"),
        ("李陳玲穎", "Ling Wing Lee Chan"),  # her husband's family name, and her own
        ("黃徐嘉欣", "Chia-hsin Huang Hsu"),
    ],
)
def test_a_han_name_is_known_by_its_spellings(han: str, latin: str):
    letters = fold({"full_name": latin}, "person")["latin"]
    assert f" {letters} " in (fold({"full_name": han}, "person")["spelt"] or "")


@pytest.mark.parametrize("name", ["Vincent Wong", "Vincent Tsz Wong", "Man Tsz Kin Wong"])
def test_a_given_name_is_left_out_where_enough_is_left(name: str):
    assert fold({"full_name": name}, "person")["latin"] == name.lower().replace(" ", "")


@pytest.mark.parametrize("called", ["老王", "小王", "王总", "王經理", "王先生", "王师傅"])
def test_what_friends_and_colleagues_say_is_a_family_name_alone(called: str):
    folded = fold({"full_name": called}, "person")
    assert (folded["name"], folded["last"], folded["first"]) == ("王", "王", None)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("anna.li@gmail.com", "AnnaLi+shop@googlemail.com", True),
        ("anna.li@mail.example", "anna.li+news@mail.example", True),
        ("anna.li@mail.example", "annali@mail.example", False),
        ("12345678@qq.com", "12345678@foxmail.com", False),
    ],
)
def test_a_mailbox_is_compared_as_its_provider_reads_it(one: str, other: str, alike: bool):
    read = [fold({"email": email}, "person")["email"] for email in (one, other)]
    assert (read[0] == read[1]) is alike
