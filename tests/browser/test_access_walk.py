"""The access pages in a browser: accessible in every dress, worked by keyboard, and whole without script."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kehu.guard.access import glass, grants, training
from kehu.guard.access.grants import Scope
from tests.cast import admit, staff
from tests.dresses import in_every_dress


@pytest.mark.parametrize(
    "paths",
    [
        ("/access", "/access/grants", "/access/roles?role=legal"),
        ("/access/agreement", "/access/training/customer-data", "/access/grants/ask?purpose=legal"),
        ("/access/emergency", "held", "broken"),
    ],
    ids=["lists", "forms", "grants"],
)
def test_pages_in_every_dress(visit: Callable[..., Any], paths: tuple[str, ...]) -> None:
    [subject] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    staff("service", attest=False)
    mia, why = staff("marketing"), "The printer lost the label of a parcel that has to leave today."
    held = grants.ask(
        actor=mia, purpose="service", fields=["email", "phone"], scope=Scope((subject,)), minutes=60, reason=why
    )
    broken = glass.break_glass(actor=mia, kind="vital", fields=["address"], customers=[subject], reason=why)
    made = {"held": f"/access/grants/{held.id}", "broken": f"/access/grants/{broken.id}"}
    office = visit()
    office.sign_in("privacy")
    wrong: list[str] = []
    for path in paths:
        wrong += in_every_dress(office, made.get(path, path))
        if folder := os.environ.get("KEHU_PICTURES"):
            for width, theme, language in ((1440, "light", "zh-hans"), (390, "dark", "en")):
                office.look(width=width, theme=theme, language=language)
                office.go(made.get(path, path))
                name = path.strip("/").partition("?")[0].replace("/", "-")
                office.page.screenshot(path=str(Path(folder) / f"{name}-{width}-{theme}.png"), full_page=True)
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
