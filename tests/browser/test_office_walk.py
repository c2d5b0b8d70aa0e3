"""The offices' pages looked at in every dress: requests, incidents, authorities, and what is kept from a log for a time."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from kehu.guard.ledger import withheld
from kehu.guard.staff.actions import owner_actor
from kehu.host.database import Database
from kehu.serve.leaving import demands
from kehu.serve.rights import holds, requests
from kehu.serve.rights.erasing import erasure
from kehu.serve.rights.incidents import register as incidents
from tests.cast import admit, staff
from tests.dresses import DRESSES, in_every_dress

LONG = "Generalstaatsanwaltschaft Frankfurt am Main, Zentralstelle zur Bekämpfung der Internetkriminalität"


def pictured(window: Any, name: str) -> None:
    """Where somebody wants to look at the pages themselves: KEHU_PICTURES names a folder."""
    if folder := os.environ.get("KEHU_PICTURES"):
        for width, theme, language in DRESSES:
            window.look(width=width, theme=theme, language=language)
            window.page.reload()
            window.page.wait_for_load_state("networkidle")
            window.page.screenshot(path=str(Path(folder) / f"{name}-{width}-{theme}-{language}.png"), full_page=True)


@pytest.fixture
def registers(database: Database) -> dict[str, uuid.UUID]:
    """One of each, late ones among them."""
    legal, owner, now = staff("legal"), owner_actor(), timezone.now()
    [eva] = admit({"full_name": "Eva Sommer", "email": "eva@mail.example"}, packs=2)
    [karl] = admit({"full_name": "Karl Winter", "email": "karl@mail.example"}, packs=2)
    holds.hold(karl, actor=owner, reason="a lawsuit", categories=["contact", "identity"])
    erasure.erase(karl, actor=owner, reason="asked")
    late = requests.open_request(
        subject=eva,
        right="access",
        actor=owner,
        text="Was speichern Sie über mich?",
        received_at=now - timedelta(days=50),
    )
    requests.step(late, "suspend", actor=owner, reason="Bitte weisen Sie sich aus.", at=now - timedelta(days=45))
    requests.step(late, "resume", actor=owner)
    requests.open_request(subject=eva, right="erase", actor=owner)
    window = incidents.Window(legal.staff, now - timedelta(days=1), now)
    lost = incidents.open_incident(
        window=window, text="A laptop was lost.", actor=owner, aware_at=now - timedelta(hours=80)
    )
    asked = demands.Asked(
        LONG, "DE", "§ 95 StPO", "12 Js 7/26", ("email", "full_name"), (eva,), now + timedelta(days=90)
    )
    held = demands.register_demand(asked, b"%PDF order", actor=legal)
    email = "legal@kehu.example"
    withheld.ask(
        actor=staff("auditor"),
        email=email,
        purpose="claims",
        since=None,
        until=now + timedelta(days=60),
        reference="F-1",
    )
    return {"request": late, "incident": lost, "demand": held.id}


def test_the_offices_pages_in_every_dress(visit: Callable[..., Any], registers: dict[str, uuid.UUID]) -> None:
    office, legal = visit(), visit()
    office.sign_in("privacy")
    legal.sign_in("legal")
    wrong: list[str] = []
    for window, name, path in (
        (office, "requests", "/requests"), (office, "request", f"/requests/{registers['request']}"),
        (office, "incidents", "/incidents"), (office, "incident", f"/incidents/{registers['incident']}"),
        (legal, "authorities", "/authorities"), (office, "authority", f"/authorities/{registers['demand']}"),
        (office, "withheld", "/ledger/withheld"), (office, "held", "/holds"), (legal, "authority-legal", f"/authorities/{registers['demand']}"),
    ):  # fmt: skip
        wrong += in_every_dress(window, path)
        pictured(window, name)
    assert wrong == []


def test_a_request_is_answered_by_the_keyboard(visit: Callable[..., Any], registers: dict[str, uuid.UUID]) -> None:
    office = visit()
    office.sign_in("privacy")
    office.go(f"/requests/{registers['request']}")
    office.page.locator("#answer").focus()
    office.page.keyboard.type("Hier ist Ihre Kopie.")
    office.page.keyboard.press("Tab")
    office.page.keyboard.press("Enter")
    office.page.wait_for_url("**done=answer")
    assert "Hier ist Ihre Kopie." in office.page.content()
