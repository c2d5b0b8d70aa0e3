"""Pages that one meets seldom: imports at every step, refusals, errors, nothing there; accessible in every dress."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from kehu.collect.tasks import run_import
from kehu.guard.setup import open_owner
from kehu.host.database import Database
from tests.cast import admit
from tests.dresses import dresses_of, in_every_dress, looked_at

LIN = {"full_name": "林婉清", "email": "lin.wanqing@mail.example", "phone": "+8613801926721"}
FILE = (
    "客户编号,姓名,手机,邮箱,一个很长很长的列名用来看看会不会撑破表格\n"
    "A1,林婉清,13801926721,lin@mail.example,x\n"
    "A2,周予安,12,not-an-address,y\n"
    ",,,nothing,\n"
    "A4,太多,13801926724,a@mail.example,z,w,v\n"
).encode()


def test_imports_at_every_step(visit: Callable[..., Any]) -> None:
    window = visit()
    window.sign_in("service", "service")
    page, wrong = window.page, list[str]()
    window.go("/imports")
    page.set_input_files("#file", {"name": "customers.csv", "mimeType": "text/csv", "buffer": FILE})
    page.click(".drop button")
    page.wait_for_url("**/imports/new/**")
    mapping = page.url.removeprefix(window.site)
    wrong += in_every_dress(window, mapping)
    page.click("button[value='start']")
    page.wait_for_url(lambda url: "/new/" not in url)
    progress = page.url.removeprefix(window.site)
    assert page.locator("#progress[hx-get]").count() == 1
    wrong += in_every_dress(window, progress)
    run_import(import_id=progress.rpartition("/")[2])
    page.locator("#progress:not([hx-get])").wait_for()  # it says so by itself
    assert page.locator("tbody tr").count() >= 2
    assert not re.search(r"[a-z]_[a-z]", page.locator("main tbody").inner_text())  # reasons are words
    wrong += in_every_dress(window, progress)
    assert wrong == []


def test_refusals_and_errors(visit: Callable[..., Any], database: Database) -> None:
    [subject] = admit(LIN)
    wrong = list[str]()
    marketing, engineer = visit(), visit()
    marketing.sign_in("marketing", "marketing")
    wrong += in_every_dress(marketing, f"/customers/{subject}", status=403)
    assert marketing.page.locator(".oops a[href='/purpose']").count() == 1
    wrong += in_every_dress(marketing, "/nowhere", status=404)
    engineer.sign_in("engineer")
    engineer.page.locator("#findings table").wait_for()
    wrong += in_every_dress(engineer, "/system")
    wrong += in_every_dress(engineer, "/imports", status=403)
    assert engineer.page.locator(".oops a[href='/purpose']").count() == 0  # it claims none
    wrong += in_every_dress(engineer, "/portal/nowhere", status=404)
    assert engineer.page.locator("main a").get_attribute("href") == "/portal"
    with open_owner(database) as owner:
        owner.execute("revoke insert on ledger_entry from kehu_app")
        owner.execute(
            "revoke insert (entry, actor, human, department, purpose, action, decision, detail, subjects, jurisdictions,"
            " reach, commitments, mac) on ledger_entry from kehu_app"
        )
    wrong += in_every_dress(marketing, f"/customers/{subject}", status=503)
    assert wrong == []


def test_where_nothing_is(visit: Callable[..., Any]) -> None:
    window = visit()
    window.sign_in("privacy", "rights-request")
    wrong = list[str]()
    for path in ("/customers", "/imports", "/review", "/ledger?since=2030-01-01"):
        wrong += in_every_dress(window, path)
        assert window.page.locator(".empty").count() == 1, path
    for width, theme, language in dresses_of("search"):
        window.look(width=width, theme=theme, language=language)
        window.go("/customers")
        window.page.fill("#search", "nobody@mail.example")
        window.page.keyboard.press("Enter")
        window.page.wait_for_url("**/search")
        assert window.page.locator(".empty").count() == 1
        wrong += looked_at(window, f"search {width} {theme} {language}", width)
        if width > 600:
            window.page.keyboard.press("Escape")
            window.page.keyboard.press("Control+k")
            window.page.locator("#palette[open]").wait_for()
            wrong += looked_at(window, f"palette {width} {theme} {language}", width)
    assert wrong == []


def test_a_zone_that_begins_like_the_last_one_is_another(visit: Callable[..., Any]) -> None:
    window = visit()
    window.context.add_cookies([{"name": "kehu_zone", "value": "Asia/Shanghai+1", "url": window.site}])
    window.go("/sign-in")
    window.page.wait_for_function("() => document.cookie.split('; ').includes('kehu_zone=Asia/Shanghai')")


def test_the_second_click_of_a_double_one_sends_nothing(visit: Callable[..., Any]) -> None:
    [subject] = admit(LIN)
    window = visit()
    window.sign_in("service", "service")
    window.go(f"/customers/{subject}")
    sent = list[str]()
    window.page.on("request", lambda request: request.method == "POST" and sent.append(request.url))
    window.page.route("**/bounce", lambda route: (window.page.wait_for_timeout(400), route.continue_()))
    window.page.locator("#arrivals button").dblclick(delay=20)
    window.page.wait_for_url("**?done=not-arrived")
    assert len(sent) == 1
