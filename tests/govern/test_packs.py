"""The packs as files: their form, the honesty of their sources, three languages, and which apply."""

from __future__ import annotations

import json
import re
import tomllib
from fnmatch import fnmatch

import pytest

from kehu.govern import laws
from kehu.govern.packs import HOUSE, KINDS, PACKS, house_rows, law_packs, laws_dir, read_pack, schema
from kehu.guard.gate.policies import PolicySet
from kehu.host.paths import policies_dir

TEXT = (laws_dir() / "eu.toml").read_text(encoding="utf-8")
ROWS = [(law, kind, row) for law, pack in law_packs().items() for kind in KINDS for row in pack.rows(kind)]
POLICIES = list(PolicySet.load(policies_dir()))


def test_the_shipped_schema_is_the_form():
    assert json.loads((laws_dir() / "pack.schema.json").read_text(encoding="utf-8")) == schema()


def test_every_row_has_article_source_and_three_languages():
    assert {law for law, *_ in ROWS} == set(PACKS)
    for law, kind, row in ROWS:
        assert row.article and row.read == (row.source == "V"), (law, kind, row.id)
        assert row.words["en"].isascii() and re.search(r"[一-鿿]", row.words["zh-hans"]), (law, row.id)
        assert row.words["zh-hant"]
    assert all(row.source == HOUSE and row.read for kind in KINDS for row in house_rows().rows(kind))


def test_read_and_unread_rows_are_counted():
    counts = {
        law: (sum(r.read for at, _, r in ROWS if at == law), sum(not r.read for at, _, r in ROWS if at == law))
        for law in PACKS
    }
    assert counts == {"CN": (27, 24), "EU": (21, 8), "US": (15, 7), "JP": (0, 9), "AU": (5, 6)}


def test_every_policy_that_a_row_names_is_here():
    for law, _, row in ROWS:
        for pattern in row.policies:
            assert any(fnmatch(name, pattern) for name in POLICIES), (law, row.id, pattern)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('read = false', 'read = true'), ('article = "GDPR 8(1)"', ''), ('source = "V"', 'source = "X"'),
        ('unit = "month"', 'unit = "moon"'), ('"access", ', '"see", '), ('unless = ["risk-unlikely"]', 'unless = ["luck"]'),
        ('id = "EU"', 'id = "EU"\nsurprise = 1'), ('words.en = "Erasure', 'words.fr = "Erasure'), ('"consent"]', '"wish"]'),
        ('below = 16', 'below = 0'), ('what = "consent"', 'what = "soul"'), ('id = "refusal"', 'id = "doubt"'),
    ],
)  # fmt: skip
def test_a_faulty_pack_is_refused_whole(old, new):
    assert read_pack(TEXT).id == "EU" and old in TEXT
    with pytest.raises(ValueError):
        read_pack(TEXT.replace(old, new))


def test_a_pack_is_missing(monkeypatch, tmp_path):
    for name in ("cn", "eu", "us", "jp"):
        (tmp_path / f"{name}.toml").write_bytes((laws_dir() / f"{name}.toml").read_bytes())
    monkeypatch.setattr("kehu.govern.packs.laws_dir", lambda: tmp_path)
    law_packs.cache_clear()
    try:
        with pytest.raises(ValueError, match="missing"):
            law_packs()
    finally:
        law_packs.cache_clear()


def test_which_laws_apply_follows_the_companys_setting(monkeypatch):
    where = {"collected_in": "JP", "established_in": "CN"}
    assert laws.packs_applying("DE", **where) == {"EU"}
    monkeypatch.setenv("KEHU_LAWS_FOLLOW", "collection")
    assert laws.packs_applying("DE", **where) == {"EU", "JP"}
    monkeypatch.setenv("KEHU_LAWS_FOLLOW", "collection, establishment")
    assert laws.packs_applying("DE", **where) == {"EU", "JP", "CN"}
    assert laws.packs_applying("DE", established_in="CN") == {"EU", "CN"}
    assert laws.packs_applying(None, **where) == set(PACKS)
    monkeypatch.setenv("KEHU_LAWS_FOLLOW", "the moon")
    with pytest.raises(ValueError, match="KEHU_LAWS_FOLLOW"):
        laws.packs_applying("DE", **where)


def test_what_the_company_is(monkeypatch):
    assert laws.company() == frozenset()
    monkeypatch.setenv("KEHU_COMPANY", "app,platform")
    assert laws.company() == {"app", "platform"}
    monkeypatch.setenv("KEHU_COMPANY", "bank")
    with pytest.raises(ValueError, match="KEHU_COMPANY"):
        laws.company()


def test_calendars_say_where_they_come_from():
    for path in (laws_dir() / "calendars").glob("*.toml"):
        for year in tomllib.loads(path.read_text(encoding="utf-8"))["year"]:
            assert year["article"] and year["source"] and year["read"] is False
            assert not set(year["off"]) & set(year["work"]) and {day.year for day in year["off"]} == {year["year"]}
