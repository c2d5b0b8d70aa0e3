"""What comes in, looked at: channels and their terms, a new import put right before it begins, quarantine mended in place."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from kehu.collect.imports import actions
from kehu.collect.imports.recipe import ImportTerms
from kehu.collect.signed.secrets import keep_secret
from kehu.collect.signed.settings import keep_settings
from kehu.govern.channels import add_channel
from kehu.guard.staff.actions import owner_actor
from kehu.host.database import Database
from kehu.serve.mailing import bringing
from tests.collect.shops import SECRET, WIRE
from tests.dresses import in_every_dress

FILE = (
    "external_id,full_name,email,national_id,lives in\n"
    "K1,林婉清,lin@mail.example,11010519491231002X,CN\nK2,Ben Wu,no-address,,DE\n,,,,DE\nK4,Dora,too,many,cells,here\n"
)


def test_what_comes_in_and_what_did_not(visit: Callable[..., Any], database: Database, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(FILE)
    owner = owner_actor()
    asked = ImportTerms(files=(path,), channel="store", basis="legitimate_interest", residence="lives in")
    actions.run(actions.start(actions.plan(asked, actor=owner), actor=owner), actor=owner)
    shop, _ = add_channel("门店小程序", "webhook", owner=owner.staff, country="CN")
    keep_secret(shop, SECRET)
    keep_settings(shop, (WIRE / "shopline.toml").read_bytes())

    window = visit()
    window.sign_in("privacy")
    window.go("/imports")
    window.page.set_input_files("#file", str(path))
    window.page.click("form.drop button.primary")
    window.page.wait_for_url("**/imports/new/*")
    wizard = window.page.url.removeprefix(window.site)
    for name, value in (("#residence", "lives in"), ("#basis", "legitimate_interest")):
        with window.page.expect_navigation():  # a choice is kept at once
            window.page.select_option(name, value)
    window.page.locator("#check input[name=put]").first.fill("ben@mail.example")
    with window.page.expect_navigation():
        window.page.click("#check .check-row button")
    assert window.page.input_value("#basis") == "legitimate_interest"

    window.go("/quarantine")
    group = window.page.locator("a[href*='too_many_cells']").get_attribute("href")
    law = window.page.locator("a[href*='pipl']").get_attribute("href")
    window.go(law)
    row = window.page.locator("a[href^='/quarantine/rows/']").first.get_attribute("href")
    wrong: list[str] = []
    for place in ("/channels", f"/channels/{shop.id}", "/quarantine", group, row, wizard):
        wrong += in_every_dress(window, place, axe_in_each=True)
    assert wrong == []


def test_a_list_of_whom_nobody_writes_to_and_a_mailbox(
    visit: Callable[..., Any], database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "robinson.csv"
    path.write_text("email\nlin@mail.example\nlater@mail.example\n")
    box, _ = add_channel("客服邮箱", "mailbox", owner=owner_actor().staff, country="CN")
    window = visit()
    window.sign_in("privacy")
    window.go("/lists")
    window.page.set_input_files("#file", str(path))
    window.page.fill("#name", "Robinson 2026")
    window.page.click("form[action='/lists/send'] button.primary")
    window.page.wait_for_url(re.compile("/lists/[0-9a-f-]{36}$"))
    sent = window.page.url.removeprefix(window.site)
    bringing.work(UUID(sent[-36:]))
    window.page.locator("form[action$='/in-force'] button").wait_for()  # it says so by itself
    wrong: list[str] = []
    for place in ("/lists", sent, f"/channels/{box.id}"):
        wrong += in_every_dress(window, place, axe_in_each=True)
    assert wrong == []
    window.go(sent)
    window.page.click("form[action$='/in-force'] button")
    window.page.locator("#l-progress .badge.azurite").wait_for()
    bringing.work(UUID(sent[-36:]))
    window.page.locator("#l-progress .badge.malachite").wait_for()
