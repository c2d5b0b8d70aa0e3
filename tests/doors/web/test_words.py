"""Every text of the pages stands in every language, and what is compiled is what is written."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import polib
import pytest
from django.template import Context, Template
from django.utils.translation import override

from kehu.doors.web.words import joined
from scripts import translate


@pytest.mark.parametrize("package", translate.packages(), ids=lambda package: package.name)
def test_nothing_is_untranslated_or_stale(package: Path) -> None:
    assert translate.stale(package) == []


def test_a_text_is_translated_one_way() -> None:
    assert translate.contradictions() == []


def test_a_missing_translation_is_found(tmp_path: Path) -> None:
    (tmp_path / "locale").mkdir()
    (tmp_path / "page.html").write_text('{% load i18n %}{% translate "Unheard of" %}', encoding="utf-8")
    assert "untranslated: 'Unheard of'" in translate.faults(translate.simplified(tmp_path))


def test_taiwan_reads_its_own_words() -> None:
    from django.utils.translation import gettext

    with override("zh-hant"):
        assert gettext("Import") == "匯入"
        assert gettext("Contract") == "合約"
        assert gettext("Ledger") == "帳本"
        assert gettext("Privacy and access") == "隱私與存取"
    with override("en"):
        assert gettext("Import") == "Import"


@pytest.mark.parametrize("wrong", ["隻", "併發", "釋出", "型別", "程式碼", "營銷", "帳本里", "天后", "采", "“"])
def test_no_text_is_converted_into_another_word(wrong: str) -> None:
    held = (polib.pofile(str(path)) for path in translate.ROOMS.rglob("zh_Hant/LC_MESSAGES/django.po"))
    said = [text for one in held for entry in one for text in (entry.msgstr, *entry.msgstr_plural.values())]
    assert [text for text in said if wrong in text] == []


def texts_as_data() -> Iterator[tuple[str, str]]:
    """Every text in traditional Chinese that stands in a file beside the code, with the file; not what people sign, which stays."""

    def texts(held: object, ours: bool = False) -> Iterator[str]:
        if isinstance(held, dict):
            for name, one in held.items():
                yield from texts(one, ours or name == "zh-hant")
        elif isinstance(held, list):
            for one in held:
                yield from texts(one, ours)
        elif ours:
            yield str(held)

    root = translate.ROOT
    for path in [*(root / "laws").glob("*.toml"), *(root / "kehu").rglob("*.toml")]:
        if path.name != "texts.toml":
            yield from ((path.name, text) for text in texts(tomllib.loads(path.read_text(encoding="utf-8"))))
    for path in (root / "policies").glob("*.cedar"):
        said = re.findall(r'@\w+_zh_hant\("(.*)"\)', path.read_text(encoding="utf-8"))
        yield from ((path.name, text) for text in said)


def test_texts_beside_the_code_say_the_words_of_the_pages() -> None:
    wrong = [found for found, wanted in translate.GLOSSARY.items() if found != wanted]
    held = list(texts_as_data())
    assert len(held) > 1000
    assert [(file, text) for file, text in held for one in wrong if one in text] == []


def test_sentences_follow_each_other_as_the_language_has_it() -> None:
    """In Chinese no space stands behind the full stop of a sentence: templates say ``gap``, code ``joined``."""
    end = r'(?:\{% translate "[^"]*[.?!]"[^%]*%\}|[.?!]\{% endblocktranslate %\})(?:\{% end(?:if|with) %\})*'
    bare = re.compile(end + r"(?: (?:\{% if [^%]*%\})?|\{% if [^%]*%\} )(?=\{% (?:block)?translate|\{\{)")
    pages = translate.ROOMS.rglob("templates/**/*.html")
    assert [(path.name, found) for path in pages for found in bare.findall(path.read_text(encoding="utf-8"))] == []
    for language, said in (("en", "One. Two."), ("zh-hans", "One.Two."), ("zh-hant", "One.Two.")):
        with override(language):
            assert joined("One.", "", "Two.") == said
            assert Template("{% load desk %}One.{% gap %}Two.").render(Context()) == said


def test_an_english_date_is_read_one_way_on_both_sides_of_the_ocean() -> None:
    from datetime import datetime

    from django.utils.formats import date_format

    at = datetime(2026, 12, 4, 20, 47)
    with override("en"):
        assert date_format(at, "SHORT_DATE_FORMAT") == "4 Dec 2026"
        assert date_format(at, "SHORT_DATETIME_FORMAT") == date_format(at, "DATETIME_FORMAT") == "4 Dec 2026, 20:47"
    with override("zh-hans"):
        assert date_format(at, "DATE_FORMAT") == "2026年12月4日"


def test_codes_have_words_and_what_a_house_has_named_stands() -> None:

    from kehu.collect.quarantine import reasons
    from kehu.doors.web import words

    known = tomllib.loads(Path(reasons.__file__).with_name("reasons.toml").read_text(encoding="utf-8"))
    with override("zh-hant"):
        assert [reason for reason in known if words.reason_label(reason) == reason] == []
        assert words.reason_label("cn.pipl.consent-none") == "cn.pipl.consent-none"
        assert (words.department_label("service-desk"), words.department_label("loom")) == ("客服部", "loom")
        assert (words.channel_label("shop"), words.channel_label("harbour-shop")) == ("網店", "harbour-shop")
        assert (words.house_label("main"), words.house_label("青禾生活")) == ("本機構", "青禾生活")
        assert words.language_name("ja") == "日語"
        assert (words.article_label("House rule 6"), words.article_label("PIPL 13")) == ("內部規則 6", "PIPL 13")
        assert words.article_label("CN minors regulation 35") == "未成年人網路保護條例 35"
