"""Birth dates in resident numbers, and by the farmers' calendar."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kehu.refine.resolve.compare.births import birth_of, births_of, by_the_moon

VALID = "11010119620314005x"


@pytest.mark.parametrize(
    ("day", "told"),
    [
        ("19700106", "19691129"),
        ("20240210", "20240101"),  # New Year
        ("20230401", "20230211"),  # in a leap month, written as the month before it
        ("18991231", None),
        ("19620230", None),
        ("1962", None),
        ("", None),
    ],
)
def test_a_day_by_the_moon(day: str, told: str | None):
    assert by_the_moon(day) == told


@pytest.mark.parametrize("number", ["110101196203140051", "11010119620230002x", "1101011962031400", "", "x"])
def test_a_number_that_is_not_right_says_no_day(number: str):
    assert birth_of(VALID) == "19620314"
    assert birth_of(number) is None


@given(
    st.lists(
        st.none()
        | st.sampled_from([VALID, VALID.upper(), VALID.replace("5", "٥")])
        | st.from_regex(r"\A[1-9][0-9]{5}19[0-9]{9}[0-9x]\Z")
    )
)
def test_many_numbers_say_what_each_says(numbers: list[str | None]):
    found = births_of(pl.Series("national_id", numbers, dtype=pl.String))
    assert found.to_list() == [birth_of(one) if one else None for one in numbers]
