"""The desk in a real browser: with a mouse, with the keyboard alone, without script; accessible in every dress."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db import connection
from playwright.sync_api import expect

from tests.cast import admit
from tests.dresses import in_every_dress
from tests.serve.holdings import add_event

LIN = {
    "full_name": "林婉清", "email": "lin.wanqing@mail.example", "phone": "+8613801926721", "language": "zh-Hans",
    "address": "上海市徐汇区衡山路 1 号", "locality": "上海", "loyalty_tier": "gold",
}  # fmt: skip


def _people() -> str:
    subjects = admit(*(LIN | {"full_name": f"林婉清{n}"} for n in range(30)))
    return str(subjects[-1])


def test_from_sign_in_to_a_verified_ledger(visit: Callable[..., Any]) -> None:
    _people()
    window = visit()
    window.sign_in("service", "service")
    page = window.page
    assert page.locator("tbody tr").count() == 25
    page.locator("tbody a").first.click()
    page.wait_for_url(re.compile(r"/customers/[0-9a-f-]{36}"))
    assert page.locator("#f-phone").inner_text().startswith("138")
    page.locator("#f-phone button").click()
    page.locator("#f-phone[data-shown]").wait_for()
    assert "+8613801926721" in page.locator("#f-phone").inner_text()
    assert page.locator(".why li").count() >= 3
    page.locator("#f-phone [data-hide]").click()
    page.locator("form#f-phone").wait_for()
    assert "1926" not in page.locator("#f-phone").inner_text()
    page.locator("#f-phone button").click()  # what was put back works again
    page.locator("#f-phone[data-shown]").wait_for()
    page.locator("#f-phone a.seq").click()
    page.wait_for_url(re.compile(r"/ledger#r\d+"))
    auditor = visit()
    auditor.sign_in("auditor")
    auditor.go("/ledger")
    auditor.page.locator("form[action$='verify'] button").click()
    auditor.page.locator("#verdict .note-box.malachite").wait_for()
    with auditor.page.expect_download() as found:
        auditor.page.locator(".a-proof a").last.click()
    assert found.value.suggested_filename.startswith("ledger-row-")
    # on a telephone a row says the same, and what its numbers count
    auditor.look(width=390, theme="light", language="en")
    auditor.go("/ledger")
    row = auditor.page.locator("tbody tr:has(.a-ans small)").first
    assert row.locator(".a-ans small").is_visible() and row.locator(".a-proof a").is_visible()
    label = "cell => getComputedStyle(cell, '::before').content"
    assert [row.locator(cell).evaluate(label) for cell in (".a-n", ".a-seq")] == ['"Customers: "', '"Row: "']


def test_a_value_shown_hides_itself_and_the_purpose_asks_again(visit: Callable[..., Any]) -> None:
    subject = _people()
    window = visit()
    window.page.clock.install()
    window.sign_in("service", "service")
    window.go(f"/customers/{subject}")
    window.page.locator("#f-email button").click()
    window.page.locator("#f-email[data-shown]").wait_for()
    window.page.clock.run_for(61_000)
    window.page.locator("form#f-email").wait_for()
    window.page.clock.run_for(30 * 60_000)
    window.page.wait_for_url(re.compile(r"/purpose\?next="))


def test_what_is_typed_when_the_purpose_ends_stays(visit: Callable[..., Any]) -> None:
    subject = _people()
    window = visit()
    window.page.clock.install()
    window.sign_in("privacy", "rights-request")
    window.go(f"/customers/{subject}")
    page, field = window.page, window.page.locator("#sep-recipient")
    page.locator("#separate summary").click()
    field.fill("Druckhaus")
    page.clock.run_for(31 * 60_000)
    page.locator("#over[open]").wait_for()
    behind = "getComputedStyle(document.getElementById('over'), '::backdrop').backgroundColor"
    assert page.evaluate(behind).startswith("rgb(")  # nothing of the customer is seen through it
    page.locator("#over [data-close]").click()
    assert field.input_value() == "Druckhaus"


def test_the_keyboard_is_enough(visit: Callable[..., Any]) -> None:
    _people()
    window = visit()
    window.sign_in("service")
    page, keys = window.page, window.page.keyboard
    page.locator("body").focus()
    keys.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    keys.press("Enter")
    _tab_to(page, "input[name='purpose']")
    keys.press("Enter")
    page.wait_for_url(re.compile(r"/customers(#|$)"))
    keys.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    _tab_to(page, "tbody a")
    keys.press("Enter")
    page.wait_for_url(re.compile(r"/customers/[0-9a-f-]{36}"))
    _tab_to(page, "#f-phone button")
    keys.press("Enter")
    page.locator("#f-phone[data-shown]").wait_for()


def test_the_palette_goes_does_and_finds(visit: Callable[..., Any]) -> None:
    subject = _people()
    window = visit()
    window.sign_in("service", "service")
    page, keys = window.page, window.page.keyboard
    window.go(f"/customers/{subject}")
    page.locator("body").focus()
    keys.press("Control+k")
    assert page.evaluate("document.activeElement.closest('dialog').id") == "palette"
    for _ in range(40):  # the focus never leaves it
        keys.press("Tab")
        assert page.evaluate("!document.activeElement.closest('.shell')")
    keys.press("Escape")
    assert page.locator("#palette").is_hidden()
    keys.press("Control+k")
    keys.type("显示")  # an act on this record
    keys.press("Enter")
    page.locator("#f-phone[data-shown]").wait_for()
    keys.press("Control+k")
    keys.type("导入")
    keys.press("ArrowDown")
    keys.press("ArrowDown")
    keys.press("Enter")
    page.wait_for_url("**/imports")
    keys.press("Control+k")
    assert page.locator("#palette section:not([hidden]) .pal-item").first.get_attribute("data-recent") == "imports"
    keys.type(LIN["email"])
    keys.press("Enter")  # nothing is called so: it is looked for among the customers
    page.wait_for_url("**/customers/search")
    assert page.locator("tbody tr").count() > 0
    assert LIN["email"] not in page.url
    assert LIN["email"] not in page.evaluate("JSON.stringify(localStorage)")
    assert page.locator("#palette a[href='/review']").count() == 1
    analyst = visit()
    analyst.sign_in("analyst", "analytics")
    assert analyst.page.locator("#palette a[href='/review']").count() == 0  # only what this role may do


def test_without_script_everything_works(visit: Callable[..., Any]) -> None:
    subject = _people()
    window = visit(java_script_enabled=False)
    window.sign_in("privacy", "rights-request")
    page = window.page
    window.go(f"/customers/{subject}")
    page.locator("#f-phone button").click()
    assert "+8613801926721" in page.locator("#f-phone").inner_text()
    window.go(f"/customers/{subject}")
    page.locator("#consents button[value='give']").first.click()
    page.wait_for_url("**done=consent-given**")
    page.locator("#rights button[value='enter']").first.click()
    page.wait_for_url("**done=restricted**")
    window.go("/ledger")
    page.locator("form[action$='verify'] button").click()
    page.locator(".note-box.malachite").wait_for()
    window.go("/customers")
    page.locator("a[rel='next']").click()
    expect(page.locator("tbody tr")).to_have_count(5)


def test_accessible_in_every_dress(visit: Callable[..., Any]) -> None:
    subject = _people()
    with connection.cursor() as cursor:  # a record with every kind of badge
        cursor.execute(
            'update subject_state set restricted = true, age = 4, consents = \'{"4": ["given", "general", null, 1]}\''
        )
    add_event(UUID(subject), 4, {"kind": "call", "topic": "recall"})
    inside = visit()
    inside.sign_in("privacy", "rights-request")
    outside = visit()
    wrong: list[str] = []
    for path, status in (("/sign-in", 200), ("/nowhere", 404)):
        wrong += in_every_dress(outside, path, status=status)
    for path in (
        "/purpose", "/customers", f"/customers/{subject}", f"/customers/{subject}/timeline", "/imports", "/review", "/ledger", "/me",
    ):  # fmt: skip
        wrong += in_every_dress(inside, path)
    assert wrong == []


def _tab_to(page: Any, selector: str) -> None:
    """Press Tab until something like that has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached")
