"""The access pages in a browser: accessible in every dress, worked by keyboard, and whole without script."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kehu.guard.access import training
from tests.cast import staff
from tests.dresses import in_every_dress


def test_every_page_in_every_dress(visit: Callable[..., Any]) -> None:
    staff("service", attest=False)
    office = visit()
    office.sign_in("privacy")
    wrong: list[str] = []
    for path in ("/access", "/access/agreement", "/access/watching", "/access/training/customer-data"):
        wrong += in_every_dress(office, path)
        if folder := os.environ.get("KEHU_PICTURES"):
            for width, theme, language in ((1440, "light", "zh-hans"), (390, "dark", "en")):
                office.look(width=width, theme=theme, language=language)
                office.go(path)
                name = f"{path.strip('/').replace('/', '-')}-{width}-{theme}.png"
                office.page.screenshot(path=str(Path(folder) / name), full_page=True)
    assert wrong == []


def test_training_is_passed_by_keyboard_without_script(visit: Callable[..., Any]) -> None:
    window = visit(java_script_enabled=False)
    window.sign_in("service")
    window.go("/access/training/customer-data")
    for number, one in enumerate(training.course_of("customer-data").questions):
        box = window.page.locator(f"input[name='q{number}']").nth(one.right)
        box.focus()
        window.page.keyboard.press("Space")
    window.page.locator("main form button.primary").focus()
    window.page.keyboard.press("Enter")
    window.page.wait_for_url("**/access?done=training")
    window.go("/access/agreement")
    window.page.locator("main input[name='read']").focus()
    window.page.keyboard.press("Space")
    window.page.keyboard.press("Enter")
    window.page.wait_for_url("**/access?done=agreement")
