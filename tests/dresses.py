"""Pages looked at in every dress: widths, light and dark, each language; accessible, nothing blocked, nothing too wide."""

from __future__ import annotations

import re
import zlib
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
NARROW = tuple(dress for dress in DRESSES if dress[0] == 390)
_UNFOLD = """
window.shut = [...document.querySelectorAll("details:not([name])")].filter((one) => !one.open);
for (const one of window.shut) one.open = true;
"""
_IDS = re.compile(r"[0-9a-f-]{32,}|\?.*")


def pair_of(path: str) -> tuple[tuple[int, str, str], tuple[int, str, str]]:
    """A wide dress and a narrow one, light and dark; pages share all six among them."""
    first = zlib.crc32(_IDS.sub("", path).encode()) % 3
    return DRESSES[first], DRESSES[first + 3]


def dresses_of(path: str) -> tuple[tuple[int, str, str], ...]:
    """Those in which a page is looked at: its pair, and narrow in each language."""
    return tuple(dict.fromkeys((*pair_of(path), *NARROW)))


def in_every_dress(window: Any, path: str, *, status: int = 200) -> list[str]:
    """What is wrong with a page of the site in its dresses, everything unfolded.

    Axe searches it in one of its pair, for that takes longer than all else: what pages share is searched in every dress.
    """
    found = []
    pair = pair_of(path)
    alone = pair[zlib.crc32(_IDS.sub("", path).encode()) % 2]
    for dress in dresses_of(path):
        width, theme, language = dress
        window.look(width=width, theme=theme, language=language)
        answer = window.page.goto(window.site + path)
        assert answer.status == status, (path, answer.status)
        window.page.evaluate(_UNFOLD)
        found += looked_at(window, f"{path} {width} {theme} {language}", width, searching=dress == alone)
        window.page.evaluate("for (const one of window.shut) one.open = false")  # as it was found
    return found


def looked_at(window: Any, name: str, width: int, *, searching: bool = True) -> list[str]:
    """What is wrong with the page in the window; what the policy blocked fails at once."""
    window.page.wait_for_load_state("load")
    assert window.wrong == [], name  # before axe: it puts a style of its own in
    wide = window.page.evaluate("document.documentElement.scrollWidth")
    found = Axe().run(window.page).response["violations"] if searching else []
    window.wrong.clear()
    return [f"{name}: {wide} wide"] * (wide > width) + [
        f"{name}: {one['id']} {one['nodes'][0]['html'][:160]}" for one in found
    ]
