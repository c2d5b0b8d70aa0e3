"""Cleaning: what came stays, what is sure is normalised, what is wrong is marked; and a name is found by its keys."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kehu.govern.dictionary import Dictionary
from kehu.refine.clean import ABSENT, INVALID, UNVERIFIED, VALID, clean, search_keys

TYPES = {name: field.type for name, field in Dictionary.load().fields.items()}


def one(field: str, value: str | None, **others: str) -> tuple[str | None, int]:
    frame = pl.DataFrame({"line": [2], field: [value]} | {name: [held] for name, held in others.items()})
    frame = frame.with_columns(pl.col(field).cast(pl.String))
    made = clean(frame, residence=None, columns={name: TYPES[name] for name in frame.columns if name in TYPES})
    row = made.to_dicts()[0]
    assert row[field] == value  # never overwritten
    return row[f"{field}__n"], row[f"{field}__s"]


@pytest.mark.parametrize(
    ("field", "value", "others", "normal", "status"),
    [
        ("phone", "138 0013 8000", {"country": "CN"}, "+8613800138000", VALID),
        ("phone", "１３９００１３９０００", {"country": "中国"}, "+8613900139000", VALID),
        ("phone", "+49 30 901820", {}, "+4930901820", VALID),
        ("phone", "12", {"country": "CN"}, None, INVALID),
        ("email", " Lin@Mail.Example ", {}, "lin@mail.example", VALID),
        ("email", "bad@", {}, None, INVALID),
        ("birth_date", "1990年3月5日", {}, "1990-03-05", VALID),
        ("birth_date", "19900305", {}, "1990-03-05", VALID),
        ("birth_date", "1890-01-01", {}, "1890-01-01", VALID),
        ("birth_date", "1990/13/05", {}, None, INVALID),
        ("national_id", "11010519491231002X", {"country": "CN"}, "11010519491231002X", VALID),
        ("full_name", None, {}, None, ABSENT),
    ],
)
def test_one_value(field, value, others, normal, status):
    assert one(field, value, **others) == (normal, status)


def test_an_unknown_number_serves_linkage_only():
    assert one("national_id", "7340012")[1] == UNVERIFIED


def test_a_day_that_could_be_a_month_follows_its_column():
    days = ["03/05/1990", "25/12/1985", "01/02/1977"]
    made = clean(pl.DataFrame({"line": [2, 3, 4], "birth_date": days}), columns={"birth_date": "date"})
    assert made["birth_date__n"].to_list() == ["1990-05-03", "1985-12-25", "1977-02-01"]


def test_compound_surnames_are_split_and_latin_names_turned():
    frame = pl.DataFrame({"line": [2, 3], "full_name": ["欧阳静姝", "Smith, John"]})
    names = dict.fromkeys(("full_name", "family_name", "given_name"), "name")
    made = clean(frame, columns=names).to_dicts()
    assert [(row["family_name__n"], row["given_name__n"]) for row in made] == [("欧阳", "静姝"), ("Smith", "John")]


def test_a_surname_is_found_by_its_own_reading():
    keys = search_keys("full_name", "单雄信", "name")
    assert "shan" in keys.pinyin and "dan" not in keys.pinyin and "单雄" in keys.bigrams
    assert search_keys("full_name", "張偉", "name").exact == search_keys("full_name", "张伟", "name").exact


_ANYTHING = st.text(st.characters(codec="utf-8"), max_size=40)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(TYPES)), _ANYTHING)
def test_nothing_raises_and_a_normal_form_is_its_own(field, value):
    normal, status = one(field, value)
    assert (normal is not None) == (status in (VALID, UNVERIFIED))
    if status == VALID and TYPES[field] in ("email", "phone", "date", "name"):
        assert one(field, normal) == (normal, VALID)
