"""Pictures for the README, taken of a running demonstration by the project itself: ``python scripts/screenshots.py``.

It renews the passwords of two accounts of the demonstration in the current home, signs in as they would, and writes
``docs/pictures/*.png``. Nothing but a demonstration is ever touched.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from browser import find_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from kehu.guard.staff.actions import SignIn

FOLDER: Final = Path(__file__).resolve().parents[1] / "docs" / "pictures"
MOST_BYTES: Final = 200_000
_WIDE, _LOW, _NARROW = (1280, 800), (1280, 640), (390, 760)
# name of the picture, role, path ("record": where there is most to see), size, theme, language
PICTURES: Final = (
    ("purpose", "service", "/purpose", _WIDE, "light", "en"),
    ("list", "service", "/customers?kind=person", _LOW, "light", "zh-hans"),
    ("record", "service", "record", _WIDE, "light", "en"),
    ("record-dark", "service", "record", _WIDE, "dark", "zh-hant"),
    ("record-narrow", "service", "record", _NARROW, "light", "zh-hans"),
    ("import", "service", "/imports", _WIDE, "light", "en"),
    ("ledger", "auditor", "/ledger", _LOW, "light", "en"),
)
# name of the picture, path, size, theme, language: of the customers' door, as the customer of the demonstration
OWN_PICTURES: Final = (
    ("portal", "/portal", _WIDE, "light", "zh-hans"),
    ("portal-narrow", "/portal", _NARROW, "dark", "en"),
)
_PURPOSES: Final = {"service": "service", "auditor": "security"}


def main() -> int:
    """Take every picture; 1 where there is no demonstration, no browser, or a picture is too large."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kehu.host.settings")
    import django

    django.setup()
    from playwright.sync_api import sync_playwright

    from kehu.doors.demo.members import sign_ins
    from kehu.host.home import Home
    from kehu.host.supervisor import status

    running, path = status(Home.current()), find_browser()
    if running is None or not Home.current().facts().get("demo") or path is None:
        print("kehu: start the demonstration first (make demo), on a machine with Chromium", file=sys.stderr)
        return 1
    lively = _lively()
    accounts = {role: account for role, _, account in sign_ins()}
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        pages = {role: _sign_in(browser, running.url, role, accounts[role]) for role in _PURPOSES}
        for name, role, where, size, theme, language in PICTURES:
            _take(pages[role], running.url, name, lively.get(where, where), size, theme, language)
        own = _enter(browser, running.url, Home.current().facts()["demo"]["mail"])
        for name, where, size, theme, language in OWN_PICTURES:
            _take(own, running.url, name, where, size, theme, language)
        browser.close()
    large = [one.name for one in FOLDER.glob("*.png") if one.stat().st_size > MOST_BYTES]
    if large:
        print(f"kehu: larger than {MOST_BYTES} bytes: {', '.join(large)}", file=sys.stderr)
    return 1 if large else 0


def _sign_in(browser: Browser, url: str, role: str, account: SignIn) -> Page:
    from kehu.guard.staff.second_factor import code_now

    page = browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai").new_page()
    page.goto(url + "/sign-in")
    page.fill("#email", account.email)
    page.fill("#password", account.password)
    page.click("main button.primary")
    if account.totp_secret:
        page.fill("#code", code_now(account.totp_secret))
        page.click("main button.primary")
    page.wait_for_url("**/purpose")
    page.check(f"input[value='{_PURPOSES[role]}']")
    page.click(".choose button.primary")
    page.wait_for_url(re.compile(r"/customers$"))
    return page


def _enter(browser: Browser, url: str, mail: str) -> Page:
    """Be the customer: a code asked for, read in the outbox, entered."""
    from kehu.host.mail import read_outbox

    page = browser.new_context(locale="zh-CN", timezone_id="Asia/Shanghai").new_page()
    page.goto(url + "/portal")
    before = len(read_outbox())
    page.fill("#address", mail)
    page.click("main button.primary")
    page.wait_for_selector("#code")
    while len(read_outbox()) == before:
        page.wait_for_timeout(200)
    code = re.search(r"\b\d{6,10}\b", read_outbox()[-1]["text"])
    page.fill("#code", code[0] if code else "")
    page.click("main button.primary")
    page.wait_for_load_state("networkidle")
    return page


def _take(page: Page, url: str, name: str, where: str, size: tuple[int, int], theme: str, language: str) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    for cookie, value in (("kehu_theme", theme), ("kehu_language", language)):
        page.context.add_cookies([{"name": cookie, "value": value, "url": url}])
    page.goto(url + where)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=FOLDER / f"{name}.png")


def _lively() -> dict[str, str]:
    """Where there is most to see: the person with most orders and contacts."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "select s.customer from record r join subject_state s using (subject)"
            " where s.kind = 1 and not s.hidden and not s.restricted and s.age in (0, 5) and s.consents <> '{}'"
            " and exists (select 1 from record p where p.subject = s.customer and p.kind = 1)"
            " group by 1 order by least(count(*) filter (where r.kind = 3), 12)"
            " * least(count(*) filter (where r.kind = 4), 12) desc, 1 limit 1"
        )
        record = cursor.fetchone()[0]
    return {"record": f"/customers/{record}"}


if __name__ == "__main__":
    sys.exit(main())
