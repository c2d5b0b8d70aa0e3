"""The register's pages in a browser: accessible in every dress, worked by keyboard, and whole without script."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from kehu.govern import register
from kehu.govern.purposes import shipped
from kehu.govern.register import Assessment
from kehu.govern.slugs import LANGUAGES
from kehu.serve.register import changes
from tests.cast import staff
from tests.dresses import in_every_dress
from tests.suppliers import PERSON

FINE = Assessment(on=date(2026, 11, 1), risk="low", outcome="with-measures", measures="Only day and month are shown.")
MORE = {"least": [*shipped()["marketing"][1]["least"], "birth_date"], "recipients": ["Parcel Post"]}


def test_every_page_in_every_dress(visit: Callable[..., Any]) -> None:
    amy, lena = staff("manager"), staff("legal")
    first = changes.propose_purpose("marketing", MORE, reason="Greetings on birthdays.", actor=amy)
    changes.assess(first.id, FINE, actor=lena)
    changes.approve(first.id, actor=lena)
    changes.propose_purpose("marketing", {"countries": ["DE"], "automated": True}, actor=lena)
    refused = changes.propose_purpose("service", {"retention_days": 4000}, reason="Long ago.", actor=amy)
    changes.refuse(refused.id, reason="Three years are enough.", actor=lena)
    texts = dict(register.in_force("notice")["privacy"].content["texts"])
    texts["en"] = texts["en"].replace("at any time", "whenever you like") + "\n\nWe greet you on your birthday."
    texts["zh-hans"] += "\n\n我们会在您生日时问候您。"
    texts["zh-hant"] += "\n\n我們會在您生日時問候您。"
    changes.approve(changes.propose_notice("privacy", texts, actor=amy).id, actor=lena)
    changes.propose_notice("privacy", dict.fromkeys(LANGUAGES, "Short."), reason="Shorter.", actor=amy)
    office = visit()
    office.sign_in("privacy")
    wrong: list[str] = []
    for path in (
        "/purposes", "/purposes/marketing", "/purposes/service", "/purposes/service/propose", "/notices",
        "/notices/privacy/2", "/notices/privacy/3", "/notice", "/notice/2?from=1",
    ):  # fmt: skip
        wrong += in_every_dress(office, path)
        if folder := os.environ.get("KEHU_PICTURES"):
            _pictures(office, path, Path(folder))
    assert wrong == []


def test_a_change_is_proposed_and_decided_without_script_and_by_keyboard(visit: Callable[..., Any]) -> None:
    mia, paul = visit(java_script_enabled=False), visit()
    mia.sign_in("marketing")
    mia.go("/purposes/marketing/propose")
    mia.page.check("input[name='least'][value='birth_date']")
    mia.page.click("button[value='look']")
    mia.page.locator("ins").first.wait_for()
    mia.page.click("button[value='propose']")
    mia.page.wait_for_url("**done=proposed**")
    paul.sign_in("privacy")
    paul.go("/purposes/marketing")
    page = paul.page
    page.fill("input[name='on']", "2026-11-01")
    page.select_option("select[name='risk']", "low")
    page.select_option("select[name='outcome']", "acceptable")
    page.focus("form[action$='/assess'] button")
    page.keyboard.press("Enter")
    page.wait_for_url("**done=assess")
    page.focus("form[action$='/approve'] button")
    page.keyboard.press("Enter")
    page.wait_for_url("**done=approve")
    assert register.purposes_in_force()["marketing"].version == 2


def test_all_that_are_listed_are_chosen_at_once(visit: Callable[..., Any], registered: Any, bring: Any) -> None:
    registered()
    bring(PERSON + "B-2,Wu,wu@kehu.example\nB-3,Xu,xu@kehu.example\n", residence="DE")
    window = visit()
    window.sign_in("privacy")
    assert in_every_dress(window, "/sources/informing") == []
    every, chosen = window.page.locator("[data-every] input"), window.page.locator("input[name='customer']:checked")
    every.check()
    assert chosen.count() == 3
    window.page.locator("input[name='customer']").first.uncheck()
    assert not every.is_checked()
    every.check()
    window.page.locator("footer button").click()
    window.page.wait_for_url("**/sources/informing?**")
    assert window.page.locator("input[name='customer']").count() == 0


def _pictures(window: Any, path: str, folder: Path) -> None:
    for width, theme, language in ((1440, "light", "zh-hans"), (390, "dark", "en"), (1440, "dark", "zh-hant")):
        window.look(width=width, theme=theme, language=language)
        window.go(path)
        name = path.strip("/").replace("/", "_").replace("?", "_").replace("=", "")
        window.page.screenshot(path=folder / f"{name}-{width}-{theme}-{language}.png", full_page=True)
