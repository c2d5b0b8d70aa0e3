"""Which law packs apply, and age bands at their edges."""

from __future__ import annotations

from datetime import date

import pytest

from kehu.govern.laws import AGE_BANDS, PACKS, age_band, load_packs, packs_for
from kehu.guard.gate.state import AGE
from kehu.guard.gate.state import PACKS as BITS


@pytest.mark.parametrize(
    ("residence", "packs"),
    [
        ("CN", {"CN"}), ("cn", {"CN"}), (" CN ", {"CN"}), ("DE", {"EU"}), ("NO", {"EU"}), ("EU", {"EU"}),
        ("US", {"US"}), ("US-CA", {"US"}), ("JP", {"JP"}), ("AU", {"AU"}), ("BR", set()), ("GB", set()), ("HK", set()),
        ("TW", set()), (None, set(PACKS)), ("", set(PACKS)), ("unknown", set(PACKS)), ("Germany", set(PACKS)),
        ("中国", set(PACKS)), ("ZZ", set(PACKS)), ("C", set(PACKS)),
        *((place, {"EU"}) for place in ("RE", "MQ", "GP", "GF", "YT", "MF", "AX", "FR-RE", "RE-X")),
        *((place, {"AU"}) for place in ("NF", "CX", "CC")),
        *((place, set()) for place in ("BL", "PM", "NC", "PF", "GL", "FO", "SJ", "GI", "IM", "JE", "GG", "MO", "PR", "GU")),
    ],
)  # fmt: skip
def test_packs(residence, packs):
    assert packs_for(residence) == packs


def test_packs_are_numbered_as_the_gate_numbers_them():
    assert {pack.id: pack.bit for pack in load_packs().values()} == BITS
    assert AGE_BANDS == AGE


def test_every_age_has_an_article():
    ages = [age for pack in load_packs().values() for age in pack.ages]
    assert {(age.below, age.article) for age in ages} >= {(14, "PIPL 31"), (16, "GDPR 8(1)")}
    assert len(load_packs()["EU"].countries) == 30 + 7  # places with a code of their own that the treaty reaches


@pytest.mark.parametrize(
    ("born", "on", "band"),
    [
        (None, date(2026, 1, 1), "unknown"), (date(2030, 1, 1), date(2026, 1, 1), "unknown"),
        (date(2013, 3, 2), date(2026, 3, 1), "under13"), (date(2013, 3, 1), date(2026, 3, 1), "13"),
        (date(2012, 3, 2), date(2026, 3, 1), "13"), (date(2012, 3, 1), date(2026, 3, 1), "14-15"),
        (date(2010, 3, 2), date(2026, 3, 1), "14-15"), (date(2010, 3, 1), date(2026, 3, 1), "16-17"),
        (date(2008, 3, 2), date(2026, 3, 1), "16-17"), (date(2008, 3, 1), date(2026, 3, 1), "adult"),
        (date(2012, 2, 29), date(2026, 2, 28), "13"), (date(2012, 2, 29), date(2026, 3, 1), "14-15"),
        (date(1890, 1, 1), date(2026, 3, 1), "adult"),
    ],
)  # fmt: skip
def test_age_bands(born, on, band):
    assert age_band(born, on) == band
