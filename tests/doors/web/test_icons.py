"""Every icon that pages and code name is one that ships: a wrong name is found here and not by a reader."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from lucide.templatetags.lucide import lucide

import kehu.doors.web

TONES = {"malachite", "gamboge", "cinnabar", "wisteria", "azurite", ""}
DOORS = Path(__file__).parents[3] / "kehu" / "doors"


def named() -> set[str]:
    """Icons of templates, of the places one can go to, and of the modules' tables."""
    pages = {name for path in DOORS.rglob("*.html") for name in re.findall(r'{% icon "([a-z0-9-]+)"', path.read_text())}
    code = {
        n
        for path in DOORS.rglob("*.py")
        for n in re.findall(r'(?:icon=|Place\("[a-z-]+", )"([a-z0-9-]+)"', path.read_text())
    }
    found = pages | code
    for module in pkgutil.walk_packages(kehu.doors.web.__path__, "kehu.doors.web."):
        for name, value in vars(importlib.import_module(module.name)).items():
            if name.isupper():
                found |= set(value.values()) if "ICON" in name and isinstance(value, Mapping) else set(toned(value))
    return {name for name in found if isinstance(name, str)}


def toned(value: object) -> Iterator[str]:
    """The icons of (tone, icon, word) anywhere in a table."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if not isinstance(value, (tuple, list)):
        return
    if len(value) in (2, 3) and value[0] in TONES and isinstance(value[1], str) and value[1] not in TONES:
        yield value[1]
    for part in value:
        yield from toned(part)


NAMED = named()


def test_tables_are_looked_at():
    assert {"circle-check", "megaphone", "octagon-pause", "git-merge"} <= NAMED


@pytest.mark.parametrize("name", sorted(NAMED))
def test_an_icon_is_one_that_ships(name):
    assert "<svg" in str(lucide(name, size=16))
