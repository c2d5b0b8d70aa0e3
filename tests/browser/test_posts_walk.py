"""Posts, owners and roles of the house in a browser: accessible in every dress, and worked by keyboard without script."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kehu.guard.access import owners, roles
from kehu.guard.access.leaving import Post
from kehu.guard.staff.actions import actor_of, add_staff, owner_actor
from kehu.guard.staff.models import Staff
from kehu.serve.office import posts
from kehu.serve.rights.incidents import register as incidents
from tests.cast import staff


def made() -> dict[str, str]:
    """A house in which everything of these pages is there; returns the paths that hold ids."""
    boss, wu, owner = staff("manager"), staff("legal"), owner_actor()
    add_staff(email="zhao.guang-lin@kehu.example", role="service", department=None, attest=True)
    li = actor_of("zhao.guang-lin@kehu.example")
    Staff.objects.filter(id=wu.staff).update(name="吴敏")
    gone = staff("analyst")
    owners.set_owner("law", ["EU", "CN"], owner="legal@kehu.example", deputy="manager@kehu.example", actor=owner)
    owners.set_owner("channel", ["store"], owner=Staff.objects.get(id=li.staff).email, deputy=None, actor=owner)
    incidents.open_incident(window=incidents.Window(None, None, None), text="a laptop", actor=wu)
    left = {"categories": ["contact", "transaction"], "level": 3, "actions": ["mask", "match"], "acts": ["consent"]}
    held = roles.propose("returns", "service", purposes=["complaints"], actor=boss, **left)
    roles.decide(held.id, actor=owner, approve=True)
    roles.propose("returns", "service", purposes=["complaints", "service"], actor=wu, **left)
    posts.close(gone.staff, actor=owner)
    posts.move(li.staff, Post.named("returns", "after-sales"), taker=boss.staff, actor=wu)
    return {"legal": f"/access/posts/{wu.staff}", "gone": f"/access/posts/{gone.staff}"}


@pytest.mark.parametrize(
    "paths",
    [
        ("/access/posts", "legal", "gone"),
        ("/access/owners?kind=law", "/access/roles?role=returns", "/access/roles/propose?base=service"),
    ],
    ids=["posts", "owners and roles"],
)
def test_pages_in_every_dress(visit: Callable[..., Any], paths: tuple[str, ...]) -> None:
    from tests.dresses import in_every_dress

    known = made()
    office = visit()
    office.sign_in("legal")
    wrong: list[str] = []
    for path in paths:
        wrong += in_every_dress(office, known.get(path, path))
        if folder := os.environ.get("KEHU_PICTURES"):
            for width, theme, language in ((1440, "light", "zh-hans"), (390, "dark", "en")):
                office.look(width=width, theme=theme, language=language)
                office.go(known.get(path, path))
                name = path.strip("/").partition("?")[0].replace("/", "-")
                office.page.screenshot(path=str(Path(folder) / f"{name}-{width}-{theme}.png"), full_page=True)
    assert wrong == []


def test_somebody_leaves_by_keyboard_without_script(visit: Callable[..., Any]) -> None:
    known = made()
    office = visit(java_script_enabled=False)
    office.sign_in("legal")
    office.go(known["legal"])
    office.page.locator("form[action$='/close'] button").focus()
    office.page.keyboard.press("Enter")
    office.page.locator("#wrong").wait_for()
    assert office.page.locator(".badge.cinnabar").count() == 3  # two law packs and an incident
    taker = office.page.locator("#close-to")
    taker.focus()
    taker.select_option(value=str(Staff.objects.filter(role="legal").exclude(email="legal@kehu.example").get().id))
    office.page.locator("form[action$='/close'] button").focus()
    office.page.keyboard.press("Enter")
    office.page.wait_for_url("**/access/posts?done=close")
    assert not Staff.objects.get(email="legal@kehu.example").is_active
