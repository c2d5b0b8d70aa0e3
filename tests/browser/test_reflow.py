"""Pages fold to 320 pixels, as a desk's are wide at 400 %: nothing is read by scrolling two ways (WCAG 1.4.10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kehu.guard.gate.read import gate
from tests.cast import admit, staff
from tests.visitor import Letters

LIN = {
    "full_name": "林婉清", "email": "lin@mail.example", "phone": "+8613801926721", "birth_date": "1990-03-25",
    "external_id": "W-1", "address": "上海市徐汇区衡山路 1 号", "language": "zh-Hans",
}  # fmt: skip
_UNFOLD = "for (const one of document.querySelectorAll('details:not([name])')) one.open = true"


def _wide(window: Any, path: str) -> list[str]:
    """What scrolls sideways, everything unfolded, in the language whose words are longest."""
    window.look(width=320, theme="light", language="en")
    window.go(path)
    window.page.evaluate(_UNFOLD)
    wide = window.page.evaluate("document.documentElement.scrollWidth")
    return [f"{path}: {wide}"] if wide > 320 else []


def test_pages_of_the_staff(visit: Callable[..., Any]) -> None:
    [lin] = admit(LIN)
    window = visit()
    window.sign_in("auditor", "security")
    wrong: list[str] = []
    for path in ("/account/authenticator", f"/customers/{lin}", "/ledger", "/laws", "/purposes/service", "/policies"):
        wrong += _wide(window, path)
    assert wrong == []


def test_the_customers_own_pages(visit: Callable[..., Any], post: Letters) -> None:
    [lin] = admit(LIN)
    gate().open([lin], actor=staff("service"), purpose="service")
    window = visit()
    window.come_in(post, LIN["email"])
    wrong: list[str] = []
    for path in ("/portal", "/portal/held", "/portal/uses?visits=1", "/portal/requests", "/portal/permissions"):
        wrong += _wide(window, path)
    assert wrong == []
