"""Search keys: folding, prefixes, bigrams, pinyin; few, and the same for every way of writing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kehu.refine.clean import clean_value, fold, lookup_keys, names_keys, pinyin_query, search_keys

near_email = st.one_of(
    st.emails(),
    st.from_regex(r"(mailto:)?[A-Za-z0-9.＠@_+' ßé-]{1,12}@[a-zA-Z0-9.。 é例-]{1,12}\.[a-z]{1,4}", fullmatch=True),
    st.text("aB1.@-_ ＠。éß<>,'\u200b", max_size=20),
)


@settings(max_examples=400, deadline=None)
@given(value=st.one_of(near_email, st.text(max_size=24)), kind=st.sampled_from(["email", "text", "code", "url"]))
def test_a_search_reads_a_value_as_its_column_did(value: str, kind: str) -> None:
    field = "email" if kind == "email" else "external_id"
    stored, _ = clean_value(field, value, kind)
    key = search_keys(field, stored, kind).exact if stored else None
    assert lookup_keys(field, value, kind) == ([key] if key else [])


def test_a_date_is_sought_in_the_years_of_whoever_wrote_it() -> None:
    assert lookup_keys("birth_date", "79/03/05", "date") == ["1979-03-05", "1990-03-05"]
    assert "1990-03-05" in lookup_keys("birth_date", "05/03/2533", "date")


def test_latin_names() -> None:
    keys = search_keys("full_name", "Ann O'Leary-Müller", "name")
    assert keys.exact == "ann o leary muller"
    assert {"an", "ann", "le", "lea", "leary", "mu", "muller"} <= set(keys.prefixes)
    assert not keys.bigrams and not keys.pinyin
    assert search_keys("full_name", "ＡＮＮ  o’leary müller", "name").exact == keys.exact


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("张三丰", {"zs", "zsf", "zhang", "zhangsan", "zhangsanfeng"}),
        ("單雄信", {"sx", "sxx", "shan"}),
        ("仇英", {"qy", "qiu", "qiuying"}),
        ("查良镛", {"zha", "zl"}),
        ("解缙", {"xie", "xj"}),
        ("曾国藩", {"zeng", "zg"}),
        ("区丽", {"ou", "oul" + "i"}),
        ("任静", {"ren", "renjing"}),
        ("尉迟恭", {"yu" + "chi", "yuchigong"}),
        ("万俟雪", {"moqi"}),
        ("吕布", {"lv", "lvbu"}),
    ],
)
def test_pinyin_reads_surnames_as_people_do(name: str, wanted: set[str]) -> None:
    assert wanted <= set(search_keys("full_name", name, "name").pinyin)


def test_chinese_characters_and_pairs() -> None:
    keys = search_keys("full_name", "張三丰", "name")
    assert keys.exact == search_keys("full_name", "张三丰", "name").exact == "张三丰"
    assert set(keys.bigrams) == {"张", "三", "丰", "张三", "三丰"}
    assert not keys.prefixes


def test_typed_pinyin_meets_the_keys() -> None:
    keys = set(search_keys("full_name", "张三丰", "name").pinyin)
    for typed in ("Zhang San", "zhāng'sān fēng", "ZSF"):
        assert pinyin_query(typed) in keys
    assert pinyin_query("Lǚ Bù") in search_keys("full_name", "吕布", "name").pinyin


def test_other_types_only_have_an_exact_key() -> None:
    assert search_keys("phone", "+8613800138000", "phone") == ("+8613800138000", [], [], [])
    assert search_keys("external_id", "aB-1", "code").exact == "aB-1"
    assert search_keys("email", "a@mail.example", "email").exact == "a@mail.example"
    assert search_keys("birth_place", "重慶", "text").exact == "重庆"


@given(st.text(max_size=60))
def test_keys_are_few_and_stable(name: str) -> None:
    keys = search_keys("full_name", name, "name")
    assert all(len(kind) <= 16 and len(set(kind)) == len(kind) for kind in keys[1:])
    assert search_keys("full_name", keys.exact, "name").exact == keys.exact
    assert search_keys("full_name", name.upper(), "name").exact == keys.exact or not name.isascii()


@given(st.text(max_size=60))
def test_folding_is_idempotent(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.lists(st.text("張三丰王一諾赵子ab é.单欧阳", min_size=1, max_size=6), max_size=8))
def test_many_names_get_the_keys_that_each_gets_alone(names):
    assert names_keys(names) == [search_keys("full_name", name, "name") for name in names]
