"""Pages looked at in every dress: widths, light and dark, each language; accessible, nothing blocked, nothing too wide."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe

DRESSES = (
    (1440, "light", "zh-hans"),
    (1440, "dark", "zh-hant"),
    (390, "light", "en"),
    (390, "dark", "zh-hans"),
    (390, "light", "zh-hant"),
    (1440, "dark", "en"),
)


def in_every_dress(window: Any, path: str, *, status: int = 200) -> list[str]:
    """What is wrong with a page of the site, dress by dress."""
    found = []
    for width, theme, language in DRESSES:
        window.look(width=width, theme=theme, language=language)
        answer = window.page.goto(window.site + path)
        assert answer.status == status, (path, answer.status)
        found += looked_at(window, f"{path} {width} {theme} {language}", width)
    return found


def looked_at(window: Any, dress: str, width: int) -> list[str]:
    """What is wrong with the page in the window; what the policy blocked fails at once."""
    window.page.wait_for_load_state("networkidle")
    assert window.wrong == [], dress  # before axe: it puts a style of its own in
    wide = window.page.evaluate("document.documentElement.scrollWidth")
    found = Axe().run(window.page).response["violations"]
    window.wrong.clear()
    return [f"{dress}: {wide} wide"] * (wide > width) + [
        f"{dress}: {one['id']} {one['nodes'][0]['html'][:160]}" for one in found
    ]
