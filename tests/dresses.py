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
SEARCHED = (DRESSES[0], DRESSES[3], DRESSES[5])
"""Those in which axe searches each page: a second or two each time; what it finds hangs on width and theme, not on more."""


def searched(page: Any, dress: tuple[int, str, str]) -> list[dict[str, Any]]:
    """What axe finds on a page, in the dresses that it searches."""
    found: list[dict[str, Any]] = Axe().run(page).response["violations"] if dress in SEARCHED else []
    return found


def in_every_dress(window: Any, path: str, *, status: int = 200) -> list[str]:
    """What is wrong with a page of the site, dress by dress."""
    found = []
    for width, theme, language in DRESSES:
        window.look(width=width, theme=theme, language=language)
        answer = window.page.goto(window.site + path)
        assert answer.status == status, (path, answer.status)
        found += looked_at(window, f"{path} {width} {theme} {language}", width, (width, theme, language))
    return found


def looked_at(window: Any, name: str, width: int, dress: tuple[int, str, str] = SEARCHED[0]) -> list[str]:
    """What is wrong with the page in the window; what the policy blocked fails at once."""
    window.page.wait_for_load_state("load")
    assert window.wrong == [], name  # before axe: it puts a style of its own in
    wide = window.page.evaluate("document.documentElement.scrollWidth")
    found = searched(window.page, dress)
    window.wrong.clear()
    return [f"{name}: {wide} wide"] * (wide > width) + [
        f"{name}: {one['id']} {one['nodes'][0]['html'][:160]}" for one in found
    ]
