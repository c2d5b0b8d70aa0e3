"""No address without a row: what the site resolves is what the tables of its packages name."""

from __future__ import annotations

from collections import Counter

from tests.doors.addresses import PAGE, rows, site, text


def test_every_address_of_the_site_stands_in_one_table():
    named = Counter(row.name for row in rows())
    assert set(named) == set(site())
    assert [name for name, times in named.items() if times > 1] == []


def test_the_page_is_current():
    assert PAGE.read_text(encoding="utf-8") == text(), "python -m tests.doors.addresses"
