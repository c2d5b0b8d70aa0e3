"""The pages of the watch in a browser: accessible in every dress; a case is told and decided without script."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from kehu.guard.gate.actor import Actor
from kehu.guard.staff.actions import owner_actor
from kehu.guard.watch import alerts, case_own, case_steps, cases, marks
from tests.cast import admit, staff
from tests.dresses import DRESSES, looked_at

PAGES = (
    "/watch",
    "alert",
    "case",
    "/watch/cases",
    "answer",
    "/watch/marks",
    "/watch/quotas",
    "/watch/figures",
    "/watch/own",
)
TOLD = (
    "You opened 312 customers within one hour on Monday, in the order in which they came in. Nobody had asked for them."
)


def raised(actor: Actor, kind: str, measure: str, seen: int) -> int:
    """An alert as the watch raises it; its number."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    said = {
        "measure": measure,
        "seen": seen,
        "limit": 40,
        "own": 12,
        "role": 20,
        "customers": 3,
        "hour": hour.isoformat(),
    }
    times = {"since": hour.isoformat(), "until": (hour + timedelta(minutes=40)).isoformat()}
    with transaction.atomic():
        number = alerts.raise_alert(
            kind, actor.human, {"found": [said], "rows": list(range(3, 40))} | times, count=seen
        )
    assert number is not None
    return number


def a_house() -> dict[str, str]:
    """Alerts of several kinds, a case that waits for its decision, one that is closed; addresses by name."""
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    li, ann, boss = staff("service"), staff("auditor"), owner_actor()
    walked = raised(li, "sequential", "walked-day", 312)
    volume = raised(li, "volume", "opened-hour", 312)
    raised(li, "honey", "honey", 1)
    raised(staff("marketing"), "off-hours", "off-hours", 9)
    alerts.take(volume, actor=ann)
    held = cases.open_case(actor=boss, human=li.human, alerts=[walked])
    case_steps.freeze(held.number, actor=boss)
    case_steps.tell(held.number, TOLD, actor=boss)
    secret, _ = case_own.make_link(held.number, actor=boss)
    case_own.answer(held.number, "It was the recall of the kettles: my lead gave me the list.", actor=li)
    marks.mark(lin, "vip", actor=ann)
    return {
        "alert": f"/watch/alerts/{volume}",
        "case": f"/watch/cases/{held.number}",
        "answer": f"/watch/answer/{secret}",
    }


def test_pages_each_in_two_dresses_and_together_in_all(visit: Callable[..., Any]) -> None:
    made = a_house()
    office = visit()
    office.sign_in("privacy")
    wrong: list[str] = []
    for turn, path in enumerate(PAGES):
        address = made.get(path, path)
        for width, theme, language in (DRESSES[turn % len(DRESSES)], DRESSES[(turn + 3) % len(DRESSES)]):
            office.look(width=width, theme=theme, language=language)
            office.go(address)
            wrong += looked_at(office, f"{path} {width} {theme} {language}", width)
        if folder := os.environ.get("KEHU_PICTURES"):
            for width, theme, language in ((1440, "light", "zh-hans"), (390, "dark", "en")):
                office.look(width=width, theme=theme, language=language)
                office.go(address)
                name = path.strip("/").replace("/", "-")
                office.page.screenshot(path=str(Path(folder) / f"{name}-{width}-{theme}.png"), full_page=True)
    assert wrong == []
    office.look(width=390, theme="light", language="en")
    office.go("/watch/marks")
    assert office.page.locator("#customer").bounding_box()["width"] > 280  # an id is 36 characters


def test_a_case_is_told_and_decided_by_keyboard_without_script(visit: Callable[..., Any]) -> None:
    li = staff("service")
    held = cases.open_case(actor=owner_actor(), human=li.human, alerts=[raised(li, "volume", "opened-hour", 312)])
    office = visit(java_script_enabled=False)
    office.sign_in("privacy")
    office.go(f"/watch/cases/{held.number}")
    office.page.locator("#t-told").fill(TOLD)
    office.page.locator(".w-next button.primary").focus()
    office.page.keyboard.press("Enter")
    office.page.wait_for_url("**?done=told")
    case_own.answer(held.number, "It was the recall.", actor=li)
    office.go(f"/watch/cases/{held.number}")
    office.page.locator("input[value='unfounded']").focus()
    office.page.keyboard.press("Space")
    office.page.locator("input[value='none']").focus()
    office.page.keyboard.press("Space")
    office.page.locator("#t-decided").fill("The recall was real.")
    office.page.locator(".w-next button.primary").focus()
    office.page.keyboard.press("Enter")
    office.page.wait_for_url("**?done=decided")
