"""Pages looked at in every dress: widths, light and dark, each language; accessible, nothing blocked, nothing too wide."""

from __future__ import annotations

import re
import zlib
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT

DRESSES = (
    (1440, "light", "zh-hans"),
    (1440, "dark", "zh-hant"),
    (390, "light", "en"),
    (390, "dark", "zh-hans"),
    (390, "light", "zh-hant"),
    (1440, "dark", "en"),
)
_WIDTHS = (1440, 390)
_THEMES = ("light", "dark")
_CHINESE = ("zh-hans", "zh-hant")
_UNFOLD = """
window.shut = [...document.querySelectorAll("details:not([name])")].filter((one) => !one.open);
for (const one of window.shut) one.open = true;
"""
_IDS = re.compile(r"[0-9a-f-]{32,}|\?.*")


def dresses_of(path: str) -> tuple[tuple[int, str, str], ...]:
    """The two in which a page is loaded: English, whose words are longest, and Chinese, a wide and a narrow, light and dark.

    Simplified or traditional, which of them is wide and which is dark goes by the page: together they wear all.
    """
    turn = _turn(path)
    chinese = _CHINESE[turn // 4 % 2]
    return tuple(
        (_WIDTHS[(turn + number) % 2], _THEMES[(turn // 2 + number) % 2], language)
        for number, language in enumerate((chinese, "en"))
    )


def _turn(path: str) -> int:
    return zlib.crc32(_IDS.sub("", path).encode())


def in_every_dress(window: Any, path: str, *, status: int = 200, axe_in_each: bool = False) -> list[str]:
    """What is wrong with a page of the site in its dresses, everything unfolded.

    Axe searches it in one of them, for that takes longer than all else: what pages share is searched in every dress;
    in each, where a page has colours and states of its own.
    """
    found = []
    dresses = dresses_of(path)
    for dress in dresses:
        width, theme, language = dress
        window.look(width=width, theme=theme, language=language)
        answer = window.page.goto(window.site + path)
        assert answer.status == status, (path, answer.status)
        window.page.evaluate(_UNFOLD)
        searching = axe_in_each or dress == dresses[_turn(path) % len(dresses)]
        found += looked_at(window, f"{path} {width} {theme} {language}", width, searching=searching)
        window.page.evaluate("for (const one of window.shut) one.open = false")  # as it was found
    return found


def looked_at(window: Any, name: str, width: int, *, searching: bool = True) -> list[str]:
    """What is wrong with the page in the window; what the policy blocked fails at once. Neither width scrolls sideways."""
    window.page.wait_for_load_state("load")
    assert window.wrong == [], name  # before axe: it puts a style of its own in
    found = violations(window.page) if searching else []
    window.wrong.clear()
    wrong = [f"{name}: {one['id']} {one['nodes'][0]['html'][:160]}" for one in found]
    for seen in (*(one for one in _WIDTHS if one != width), width):  # the one it was loaded in last: so it stays
        window.page.set_viewport_size({"width": seen, "height": 900})
        wide = window.page.evaluate("document.documentElement.scrollWidth")
        wrong += [f"{name}: {wide} wide at {seen}"] * (wide > seen)
    return wrong


def violations(page: Any) -> list[dict[str, Any]]:
    """What axe finds wrong with the page that a window shows; what passes stays in the browser."""
    page.evaluate(AXE_SCRIPT)
    found: list[dict[str, Any]] = page.evaluate(
        "axe.run({resultTypes: ['violations']}).then(({violations}) => violations)"
    )
    return found
