"""The customers' door in a real browser: the whole walk, without script, by keyboard; accessible in every dress."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from django.db import connection
from playwright.sync_api import expect

from kehu.govern.slugs import LANGUAGES
from kehu.guard.gate.read import gate
from kehu.guard.ledger.open_log import open_sequencer
from kehu.serve.register import changes
from tests.cast import admit, staff
from tests.dresses import dresses_of, in_every_dress, looked_at, violations

LIN = {
    "full_name": "林婉清", "email": "lin@mail.example", "phone": "+8613801926721", "birth_date": "1990-03-25",
    "external_id": "W-1", "national_id": "11010519491231002X", "address": "上海市徐汇区衡山路 1 号", "language": "zh-Hans",
}  # fmt: skip
PAGES = (
    "/portal",
    "/portal/held",
    "/portal/uses",
    "/portal/uses?visits=1",
    "/portal/requests?right=correct",
    "/portal/notice",
    "/notice",
)


def _lin(**more: str) -> Any:
    [lin] = admit(LIN | more)
    gate().open([lin], actor=staff("service"), purpose="service")
    gate().open([lin], actor=staff("engineer"), purpose="service")
    with open_sequencer() as sequencer:
        sequencer.run_once()
    return lin


def _walk(window: Any, letters: Any) -> None:
    page = window.page
    window.come_in(letters, LIN["email"])
    assert "林婉清" in page.locator("h1").inner_text()
    switch = page.get_by_role("switch", name="营销")
    assert switch.get_attribute("aria-checked") == "false"
    switch.click()
    page.wait_for_url("**/portal?done=given#allow")
    assert page.get_by_role("switch", name="营销").get_attribute("aria-checked") == "true"
    page.get_by_role("switch", name="营销").click()
    page.wait_for_url("**/portal?done=withdrawn#allow")
    assert page.get_by_role("switch", name="营销").get_attribute("aria-checked") == "false"
    window.go("/portal/held")
    assert LIN["national_id"] not in page.content()
    page.fill("#fact", LIN["birth_date"])
    page.locator("form.show button").click()
    page.locator(f"text={LIN['national_id']}").wait_for()
    window.go("/portal/uses")
    page.locator("a.prove").last.click()
    page.locator(".note-box.malachite").wait_for()
    assert page.locator(".steps li.malachite").count() == 4
    with page.expect_download() as found:
        page.locator("a[download]").first.click()
    assert re.fullmatch(r"proof-\d+\.json", found.value.suggested_filename)
    assert json.loads(found.value.path().read_text())["format"] == "kehu-ledger-proof/1"
    window.go("/portal")
    page.locator("a[href*='right=correct']").click()
    assert page.locator("input[value='correct']").is_checked()
    page.fill("#text", "地址变了")
    page.locator("#new button.primary").click()
    page.locator(".requests .quote").wait_for()
    page.locator("header form[action='/portal/sign-out'] button").click()
    page.wait_for_url("**/portal/sign-in?done=signed-out")
    page.go_back()
    page.wait_for_timeout(300)
    assert "林婉清" not in page.content()


def test_the_walk(visit: Callable[..., Any], post: Any) -> None:
    _lin()
    _walk(visit(), post)


def test_the_walk_without_script(visit: Callable[..., Any], post: Any) -> None:
    _lin()
    _walk(visit(java_script_enabled=False), post)


def test_the_keyboard_is_enough(visit: Callable[..., Any], post: Any) -> None:
    _lin()
    window = visit()
    page, keys = window.page, window.page.keyboard
    window.go("/portal/sign-in")
    for _ in range(12):
        keys.press("Tab")
        if page.evaluate("document.activeElement.id") == "address":
            break
    keys.type(LIN["email"])
    keys.press("Enter")
    expect(page.locator("#code")).to_be_focused()
    keys.type(post.code(LIN["email"]))
    keys.press("Enter")
    page.wait_for_url("**/portal")
    for _ in range(20):
        keys.press("Tab")
        if page.evaluate("document.activeElement.getAttribute('aria-labelledby')") == "l-marketing":
            break
    keys.press("Space")
    page.wait_for_url("**/portal?done=given#allow")


def test_the_visit_ends_by_itself(visit: Callable[..., Any], post: Any) -> None:
    _lin()
    window = visit()
    window.page.clock.install()
    window.come_in(post, LIN["email"])
    with connection.cursor() as cursor:  # the page's clock runs ahead, the server's does not
        cursor.execute("update actor_state set expires_at = clock_timestamp() where subject is not null")
    window.page.clock.run_for(1_801_000)
    window.page.wait_for_url("**/portal/sign-in?done=ended")


def test_what_was_written_when_the_visit_ended_is_sent_after_the_next(visit: Callable[..., Any], post: Any) -> None:
    _lin()
    window = visit()
    window.come_in(post, LIN["email"])
    window.go("/portal/requests?right=correct")
    first = window.page
    first.fill("#text", "地址变了")
    with connection.cursor() as cursor:
        cursor.execute("update actor_state set expires_at = clock_timestamp() where subject is not null")
    first.click("#new button.primary")
    assert first.locator("#w-text").input_value() == "地址变了"
    assert looked_at(window, "not sent yet", 1440) == []
    window.page = window.context.new_page()
    window.come_in(post, LIN["email"])
    first.click("main button.primary")
    first.locator(".requests .quote").wait_for()
    assert "地址变了" in first.locator(".requests .quote").first.inner_text()


def test_what_was_written_leaves_the_screen_by_itself(visit: Callable[..., Any], post: Any) -> None:
    _lin()
    window = visit()
    window.page.clock.install()
    window.come_in(post, LIN["email"])
    window.go("/portal/requests?right=correct")
    window.page.fill("#text", "地址变了")
    with connection.cursor() as cursor:
        cursor.execute("update actor_state set expires_at = clock_timestamp() where subject is not null")
    window.page.click("#new button.primary")
    window.page.locator("#w-text").wait_for()
    window.page.clock.run_for(1_801_000)
    window.page.wait_for_url("**/portal/sign-in?done=ended")
    assert "地址变了" not in window.page.content()


def test_who_reads_the_notice_stays_signed_in(visit: Callable[..., Any], post: Any) -> None:
    _lin()
    by, other = staff("manager"), staff("legal")
    new = changes.propose_notice("privacy", dict.fromkeys(LANGUAGES, "We use your data to serve you well."), actor=by)
    changes.approve(new.id, actor=other)
    window = visit()
    window.come_in(post, LIN["email"])
    page = window.page
    page.locator(".news a").click()
    page.locator(".diff-key").wait_for()
    assert page.locator("footer a[href='/portal/uses']").count() == 1
    page.locator("main form button.primary").click()
    page.wait_for_url("**/portal?done=seen")
    assert page.locator(".news").count() == 0
    page.locator("footer a").last.click()
    page.locator("form[action='/portal/sign-out'] button").click()
    page.wait_for_url("**/portal/sign-in**")


def test_accessible_in_every_dress(visit: Callable[..., Any], post: Any) -> None:
    _lin()
    window = visit()
    window.come_in(post, LIN["email"])
    found: list[str] = []
    window.go("/portal/uses")
    proof = window.page.locator("a.prove").last.get_attribute("href")
    for path in (*PAGES, proof):
        found += in_every_dress(window, path)
    assert found == []


def test_the_door_is_accessible_before_signing_in(visit: Callable[..., Any], post: Any) -> None:
    admit(LIN, LIN | {"full_name": "林大海", "external_id": "W-2", "birth_date": "1960-01-01"})
    window = visit()
    found = []
    for width, theme, language in dresses_of("/portal/sign-in"):
        window.look(width=width, theme=theme, language=language)
        window.go("/portal/sign-in")
        found += _violations(window)
    window.page.fill("#address", LIN["email"])
    window.page.click("main button.primary")
    window.page.locator("#code").wait_for()
    found += _violations(window)
    window.page.fill("#code", post.code(LIN["email"]))
    window.page.keyboard.press("Enter")
    window.page.locator("#fact").wait_for()
    found += _violations(window)
    window.page.fill("#fact", "1961-01-01")
    window.page.keyboard.press("Enter")
    window.page.locator("#wrong").wait_for()
    found += _violations(window)
    window.page.fill("#fact", "1960-01-01")
    window.page.keyboard.press("Enter")
    window.page.wait_for_url("**/portal")
    assert "林大海" in window.page.locator("h1").inner_text()
    assert found == []


def _violations(window: Any) -> list[Any]:
    wrong = list(window.wrong)
    found = [(one["id"], one["nodes"][0]["html"][:160]) for one in violations(window.page)]
    window.wrong[:] = wrong
    return found
