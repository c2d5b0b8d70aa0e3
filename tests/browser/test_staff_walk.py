"""A member of staff from the first day to the last, in real browsers: joining, a grant, a broken glass, leaving.

``KEHU_PICTURES=docs/pictures pytest tests/browser/test_staff_walk.py`` takes the pictures of ``docs/how-to/first-to-last-day.md``.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings

from kehu.guard.access import training
from kehu.guard.staff.actions import add_staff
from kehu.guard.staff.models import Staff
from kehu.guard.staff.second_factor import code_now, enrol
from tests.cast import admit

LIN = {"full_name": "林婉清", "email": "lin@mail.example", "phone": "+8613800006721", "birth_date": "1990-03-14"}
REASON = "She says that the order was not hers to place: the birth date on file decides whether it stands."
VITAL = "An ambulance asks for the birth date of the person on the floor of our shop."
_SEEN = (1280, 800)


@pytest.fixture(autouse=True)
def asked_at_once():
    with override_settings(SECOND_FACTOR_FROM=""):
        yield


def picture(window: Any, name: str) -> None:
    """Where pictures are wanted; and never anything wider than the window, or that the page's policy blocks."""
    page = window.page
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url
    assert window.wrong == []
    if folder := os.environ.get("KEHU_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"walk-{name}.png"))


def window_of(visit: Callable[..., Any], language: str = "en") -> Any:
    """A browser of a person's own, reading that language."""
    held = visit()
    held.look(width=_SEEN[0], theme="light", language=language)
    held.page.set_viewport_size({"width": _SEEN[0], "height": _SEEN[1]})
    return held


def authenticator(window: Any) -> None:
    """A passkey in this machine, as a laptop with a fingerprint has one."""
    device = window.context.new_cdp_session(window.page)
    device.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    options |= {"isUserVerified": True, "automaticPresenceSimulation": True}
    device.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def colleague(visit: Callable[..., Any], role: str) -> Any:
    """Somebody who has been here for long, signed in by password and code."""
    window = window_of(visit)
    made, account = add_staff(
        email=f"{role}-{uuid.uuid4().hex[:4]}@kehu.example", role=role, department="care", attest=True
    )
    secret = enrol(made)
    window.go("/sign-in")
    window.page.fill("#email", account.email)
    window.page.fill("#password", account.password)
    window.page.click("main button.primary")
    window.page.fill("#code", code_now(secret))
    window.page.click("main button.primary")
    window.page.wait_for_url("**/purpose")
    return window


def claim(window: Any, purpose: str) -> None:
    """Say what for, in the bar's own page."""
    window.go("/purpose")
    window.page.check(f"input[value='{purpose}']")
    window.page.click(".choose button.primary")
    window.page.wait_for_url(lambda url: "purpose" not in url)


def test_from_the_first_day_to_the_last(visit):
    [lin] = admit(LIN)
    boss, office = colleague(visit, "manager"), colleague(visit, "privacy")
    joiner = Staff.objects.get(
        id=add_staff(email="zhao@kehu.example", role="service", department="care", attest=False)[0].id
    )
    desk = window_of(visit)
    joins(desk, boss, joiner)
    meets_the_conditions(desk, lin)
    asks_for_a_grant(desk, boss, lin)
    breaks_the_glass(desk, office, lin)
    leaves(desk, boss, joiner, lin)


def joins(desk: Any, boss: Any, joiner: Staff) -> None:
    """A link from the manager, a password of one's own, a passkey as the second factor, codes for the drawer."""
    boss.go("/account/people")
    boss.page.locator(f"form[action*='{joiner.id}/link'] button").click()
    boss.page.locator(".acct-secret").wait_for()
    link = boss.page.locator(".acct-secret").inner_text().strip()
    picture(boss, "link")
    authenticator(desk)
    desk.page.goto(desk.site + "/account/password/" + link.rpartition("/")[2])
    desk.page.fill("#password", "three blue kettles sing")
    desk.page.fill("#again", "three blue kettles sing")
    picture(desk, "password")
    desk.page.click("main button.primary")
    desk.page.wait_for_url("**/sign-in**")
    desk.page.fill("#email", joiner.email)
    desk.page.fill("#password", "three blue kettles sing")
    desk.page.click("main button.primary")
    desk.page.wait_for_url("**/account/authenticator**")
    picture(desk, "factor")
    desk.page.click("form[data-passkey=new] button")
    desk.page.locator(".acct-codes").wait_for()
    assert desk.page.locator(".acct-codes li").count() == 10
    desk.page.click("main a.primary")
    desk.page.wait_for_url("**/purpose")


def meets_the_conditions(desk: Any, lin: uuid.UUID) -> None:
    """Until agreement, notice of watching and training are there, each page that refuses leads to the one that mends."""
    claim(desk, "service")
    desk.go(f"/customers/{lin}")
    assert LIN["email"] not in desk.page.content()
    picture(desk, "refused")
    desk.go("/access/agreement")
    picture(desk, "agreement")
    for place in ("agreement", "watching"):
        desk.go(f"/access/{place}")
        desk.page.check("main input[name=read]")
        desk.page.click("main form button.primary")
        desk.page.wait_for_url("**/access?done=**")
    desk.go("/access/training/customer-data")
    for number, one in enumerate(training.course_of("customer-data").questions):
        desk.page.locator(f"input[name='q{number}']").nth(one.right).check()
    picture(desk, "training")
    desk.page.click("main form button.primary")
    desk.page.wait_for_url("**/access?done=training")
    picture(desk, "conditions")
    desk.go(f"/customers/{lin}")
    assert "林婉清" in desk.page.content()
    picture(desk, "record")


def asks_for_a_grant(desk: Any, boss: Any, lin: uuid.UUID) -> None:
    """For named fields of one customer, for an hour; another person lets it through, and it is used."""
    desk.go(f"/access/grants/ask?purpose=claims&customers={lin}")
    desk.page.locator("input[name=fields][value=birth_date]").check()
    desk.page.fill("#reason", REASON)
    picture(desk, "grant-asked")
    desk.page.click("main form[method=post] button.primary")
    desk.page.wait_for_url("**?done=asked")
    where = newest(desk)
    desk.page.goto(where)
    assert desk.page.locator("form[action$='/approve']").count() == 0  # never one's own
    boss.page.goto(where)
    picture(boss, "grant-decided")
    boss.page.click("form[action$='/approve'] button")
    boss.page.wait_for_load_state()
    desk.page.goto(where)
    desk.page.click("form[action$='/use'] button")
    desk.page.wait_for_load_state()
    desk.go(f"/customers/{lin}")
    assert "house.grant" in desk.page.content()
    picture(desk, "grant-used")


def newest(window: Any) -> str:
    """Where the grant stands that was asked for last."""
    with connection.cursor() as cursor:
        cursor.execute("select id from access_grant order by asked_at desc limit 1")
        [held] = cursor.fetchone()
    return f"{window.site}/access/grants/{held}"


def breaks_the_glass(desk: Any, office: Any, lin: uuid.UUID) -> None:
    """At once, told to the offices, looked at afterwards by another person."""
    desk.go("/access/emergency")
    desk.page.check("input[name=kind][value=vital]")
    desk.page.fill("#customers", str(lin))
    desk.page.fill("#reason", VITAL)
    desk.page.locator("input[name=fields][value=birth_date]").check()
    picture(desk, "glass")
    desk.page.click("main form button.danger")
    desk.page.wait_for_load_state()
    where = newest(desk)
    office.page.goto(where)
    picture(office, "glass-review")
    office.page.click("form[action$='/justified'] button")
    office.page.wait_for_load_state()
    assert office.page.locator("form[action$='/justified']").count() == 0


def leaves(desk: Any, boss: Any, joiner: Staff, lin: uuid.UUID) -> None:
    """What they own is handed over first; then every right ends, at the very next question."""
    boss.go(f"/access/posts/{joiner.id}")
    picture(boss, "leaving")
    boss.page.click("form[action$='/close'] button")
    boss.page.wait_for_url("**/access/posts?done=close")
    desk.go(f"/customers/{lin}")
    assert "/sign-in" in desk.page.url and "林婉清" not in desk.page.content()
    picture(desk, "left")
    desk.page.fill("#email", joiner.email)
    desk.page.fill("#password", "three blue kettles sing")
    desk.page.click("main button.primary")
    desk.page.locator("[role=alert]").wait_for()
    assert not Staff.objects.get(id=joiner.id).is_active
