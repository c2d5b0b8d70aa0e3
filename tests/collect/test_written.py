"""What a batch's rows say is written column by column as it is written of each row."""

from __future__ import annotations

import orjson
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from kehu.collect.imports.written import said_of_rows, sealed_of_rows
from kehu.vault.seal import packed

TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from('"\\\n\0\x1f\x7f\u2028王'), max_size=6)
VALUES = st.none() | TEXT
NAMES = ("full_name", "phone", "consent\x1fservice")
ROWS = st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES, VALUES)), min_size=1, max_size=5)
FIELD = st.tuples(VALUES, VALUES, st.integers(0, 3))
CLEANED = st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES[:2], FIELD)), min_size=1, max_size=5)


@given(ROWS)
def test_a_row_says_its_names_and_texts_in_turn(rows):
    frame = pl.DataFrame(rows, schema=dict.fromkeys(NAMES, pl.String))
    each = [[part for name in NAMES if row[name] is not None for part in (name, row[name])] for row in rows]
    assert said_of_rows(frame) == list(map(orjson.dumps, each))


@given(CLEANED)
def test_what_is_sealed_of_a_row_are_the_fields_that_are_there(rows):
    fields = {
        name: (
            pl.Series([row[name][0] for row in rows], dtype=pl.String),
            pl.Series([row[name][1] for row in rows], dtype=pl.String),
            pl.Series([row[name][2] for row in rows], dtype=pl.Int8),
        )
        for name in NAMES[:2]
    }
    each = [{name: (*row[name], None) for name in NAMES[:2] if row[name][2]} for row in rows]
    assert sealed_of_rows(fields) == list(map(packed, each))
