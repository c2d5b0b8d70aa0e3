"""The law in force in every dress, by the keyboard, and what stands on it for whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.dresses import in_every_dress


def test_the_law_in_force(visit: Callable[..., Any]) -> None:
    auditor = visit()
    auditor.sign_in("auditor")
    assert in_every_dress(auditor, "/laws") == []
    auditor.look(width=1440, theme="light", language="zh-hans")
    auditor.go("/laws")
    said = auditor.page.locator("main").inner_text()
    assert "民法典 200-204" in said and "网络安全法 23(3)" in said and "Civil Code 200" not in said
    auditor.look(width=1440, theme="light", language="en")
    auditor.go("/laws")
    assert auditor.page.locator("section#EU").get_by_text("unverified: secondary page").count() > 0
    assert auditor.page.locator("a[href='/policies#cn.pipl.31-guardian']").count() == 1
    auditor.page.locator("a[href='#EU']").focus()
    auditor.page.keyboard.press("Enter")
    auditor.page.wait_for_url("**/laws#EU")
    service = visit()
    service.sign_in("service", "service")
    service.go("/laws")
    assert service.page.locator("a[href^='/policies']").count() == 0
