"""The rule language: what it reads, what it says of a customer, and that nothing of it runs away or runs anything."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kehu.refine.quality.evaluate import compiled, shifted
from kehu.refine.quality.language import BadRule, read
from kehu.refine.quality.patterns import BadPattern, Pattern

TYPES = {
    "full_name": "name", "email": "email", "phone": "phone", "country": "country", "postal_code": "text",
    "birth_date": "date", "ordered_at": "datetime", "shipped_at": "datetime", "income": "decimal",
}  # fmt: skip
TODAY = dt.date(2026, 11, 26)


def says(condition: str, **values: str) -> bool | None:
    return compiled(read(condition, TYPES), TYPES)(values, TODAY)


@pytest.mark.parametrize(
    ("condition", "values", "answer"),
    [
        ("birth_date <= today", {"birth_date": "2026-11-26"}, True),
        ("birth_date <= today", {"birth_date": "2026-11-27"}, False),
        ("birth_date <= today", {}, None),
        ("birth_date between today - 120 years and today", {"birth_date": "1906-11-26"}, True),
        ("birth_date between today - 120 years and today", {"birth_date": "1906-11-25"}, False),
        ("birth_date = '1990-02-03'", {"birth_date": "1990-02-03"}, True),
        ("shipped_at >= ordered_at", {"ordered_at": "2026-01-02T10:00", "shipped_at": "2026-01-01"}, False),
        ("shipped_at <= ordered_at + 2 months", {"ordered_at": "2025-12-31", "shipped_at": "2026-02-28"}, True),
        ("income + 1 >= 3", {"income": "2.5"}, True),
        ("income >= 0", {"income": "nan"}, None),
        ("country in ('CN', 'DE')", {"country": "DE"}, True),
        ("country not in ('CN', 'DE')", {"country": "DE"}, False),
        ("country <> 'CN'", {"country": "DE"}, True),
        ("postal_code matches '[0-9]{6}'", {"postal_code": "518000"}, True),
        ("postal_code matches '[0-9]{6}'", {"postal_code": "5180000"}, False),
        ("length(full_name) between 2 and 4", {"full_name": "欧阳小龙"}, True),
        ("lower(full_name) = 'anna'", {"full_name": "ANNA"}, True),
        ("left(postal_code, 2) = '51'", {"postal_code": "518000"}, True),
        ("full_name = 'O''Hara'", {"full_name": "O'Hara"}, True),
        ("email is null", {}, True),
        ("email is not null or phone is not null", {"phone": "+86138"}, True),
        ("email is not null and phone is not null", {"phone": "+86138"}, False),
        ("not country = 'CN' or postal_code matches '\\d{6}'", {"country": "DE"}, True),
        ("not country = 'CN' or postal_code matches '\\d{6}'", {"country": "CN"}, None),
        ("(country = 'CN' and (income + 1) > 1) or email is null", {"country": "CN", "income": "1", "email": "x"}, True),
        ("NOT (country = 'CN')", {"country": "CN"}, False),
    ],
)  # fmt: skip
def test_what_it_says(condition, values, answer):
    assert says(condition, **values) is answer


@pytest.mark.parametrize(
    ("condition", "why", "at"),
    [
        ("", "ends", 0),
        ("shoe_size > 3", "unknown-field", 0),
        ("birth_date > 3", "kind", 13),
        ("birth_date = '1990-13-01'", "date", 13),
        ("full_name > today", "kind", 12),
        ("income matches '1'", "kind", 0),
        ("email matches '(a'", "pattern", 17),
        ("email matches phone", "expected", 14),
        ("email =", "ends", 7),
        ("email = 'x' email = 'y'", "unexpected", 12),
        ("1 = 1", "no-field", 0),
        ("email in (phone)", "list", 15),
        ("length(birth_date) > 3", "kind", 7),
        ("email = 'x' ; drop table record", "unreadable", 11),
        ("__import__('os').system('x') = 'x'", "unreadable", 16),
        ("(birth_date > 3)", "kind", 14),
        ("email = 'x' " + "and email = 'x' " * 80, "too-long", 1_000),
        ("(" * 40 + "email = 'x'" + ")" * 40, "too-deep", 30),
        ("length(" + "(" * 900, "too-deep", 36),
        ("lower(" * 160 + "email", "too-deep", 180),
        ("length(email)" + " + 1" * 200 + " > 3", "too-deep", 130),
        ("birth_date + 3 > today", "kind", 13),
        ("income = 1 day", "kind", 9),
    ],
)
def test_what_it_does_not_read_it_says_where(condition, why, at):
    with pytest.raises(BadRule) as refused:
        read(condition, TYPES)
    assert (refused.value.why, refused.value.at) == (why, at)


@settings(max_examples=300, deadline=None, database=None)
@given(st.text(alphabet="()'=<>andortisnulmailcp0123456789 ,+-\\", max_size=60))
def test_whatever_is_written_is_read_or_refused(text):
    try:
        says(text, email="a@b.example", birth_date="1990-01-01")
    except BadRule as refused:
        assert 0 <= refused.at <= max(len(text), 1_000)


parts = st.recursive(
    st.sampled_from(["a", "b", "1", ".", "[ab]", "[^a]", "\\d", "\\w", "\\S", "[b-d]"]),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}|{two[1]})"),
        st.tuples(inner, st.sampled_from(["?", "*", "+", "{2}", "{1,3}", "{0,2}", "{2,}"])).map(
            lambda two: f"({two[0]}){two[1]}"
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None, database=None)
@given(parts, st.lists(st.text(alphabet="abc1", max_size=8), min_size=5, max_size=5))
def test_a_pattern_fits_what_a_regular_expression_fits(pattern, texts):
    held = Pattern(pattern)
    assert [held.fits(text) for text in texts] == [bool(re.fullmatch(pattern, text)) for text in texts]


def test_a_pattern_that_would_run_for_ever_elsewhere_looks_at_each_letter_once():
    held = Pattern("(a|a)*(a|aa)*(a*)*b")
    assert not held.fits("a" * 1_000)
    assert held.fits("a" * 999 + "b")
    assert len(held._steps) < 20  # a step a letter and state, whatever the length
    assert not held.fits("a" * 1_001)  # longer than is looked at


@pytest.mark.parametrize(
    "pattern", ["(a{64}){64}", "(?=a)", "a{65}", "a**", "[", "a{2", "(", ")", "\\q", "^a", "x" * 201]
)
def test_what_is_no_pattern(pattern):
    with pytest.raises(BadPattern):
        Pattern(pattern)


def test_no_day_leaves_the_calendar():
    assert shifted(dt.date(2024, 2, 29), 1, "years") == dt.date(2025, 2, 28)
    assert shifted(dt.date(2024, 1, 31), 1, "months") == dt.date(2024, 2, 29)
    assert shifted(TODAY, 100_000, "years") == dt.date.max
    assert shifted(TODAY, -100_000, "days") > dt.date.min
    assert shifted(TODAY, -100_000, "years") == dt.date.min
