"""Why, policies, inquiry and the comparison of an answer in every dress: accessible, nothing blocked, nothing too wide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.cast import admit
from tests.dresses import in_every_dress

LIN = {
    "full_name": "林婉清",
    "email": "lin@mail.example",
    "birth_date": "1990-03-14",
    "national_id": "11010519491231002X",
}


def test_pages_of_the_rules(visit: Callable[..., Any]) -> None:
    [lin] = admit(LIN)
    service = visit()
    service.sign_in("service", "service")
    wrong = in_every_dress(service, f"/customers/{lin}/why?beside=marketing")
    wrong += in_every_dress(service, f"/customers/{lin}")
    auditor = visit()
    auditor.sign_in("auditor")
    wrong += in_every_dress(auditor, "/policies") + in_every_dress(auditor, "/ledger/inquiry?purpose=service")
    assert wrong == []


def test_a_comparison_by_the_keyboard(visit: Callable[..., Any]) -> None:
    [lin] = admit(LIN)
    window = visit()
    window.sign_in("service", "service")
    window.go(f"/customers/{lin}")
    window.page.locator("#m-birth_date").focus()
    window.page.keyboard.type("1990-03-14")
    window.page.keyboard.press("Enter")
    window.page.locator("#match .badge.malachite").wait_for()
    assert "1990" not in window.page.url
