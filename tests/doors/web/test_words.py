"""Every text of the pages stands in every language, and what is compiled is what is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import translate


@pytest.mark.parametrize("package", translate.packages(), ids=lambda package: package.name)
def test_nothing_is_untranslated_or_stale(package: Path) -> None:
    assert translate.stale(package) == []


def test_a_missing_translation_is_found(tmp_path: Path) -> None:
    (tmp_path / "locale").mkdir()
    (tmp_path / "page.html").write_text('{% load i18n %}{% translate "Unheard of" %}', encoding="utf-8")
    assert "untranslated: 'Unheard of'" in translate.faults(translate.simplified(tmp_path))


def test_taiwan_reads_its_own_words() -> None:
    from django.utils.translation import gettext, override

    with override("zh-hant"):
        assert gettext("Import") == "匯入"
        assert gettext("Contract") == "合約"
        assert gettext("Ledger") == "帳本"
        assert gettext("Privacy and access") == "隱私與存取"
    with override("en"):
        assert gettext("Import") == "Import"
