"""Giving and withdrawing in a real browser: withdrawing takes no more steps than giving, with and without script."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kehu.govern.consent import consents_of
from kehu.govern.separate import Terms
from kehu.govern.subscriptions import standing
from kehu.guard.gate.read import gate
from kehu.guard.staff.actions import owner_actor
from kehu.serve.rights.consents import actions
from kehu.serve.rights.consents.channels import set_subscription
from tests.cast import admit, staff
from tests.dresses import in_every_dress

LIN = {
    "full_name": "林婉清", "email": "lin@mail.example", "phone": "+8613801926721", "birth_date": "1990-03-25",
    "external_id": "W-1",
}  # fmt: skip
GIVE = {"kind": "general", "until": None, "notice": None, "by_subject": None}
TO_X = Terms("provide", "Fair Freight Ltd", fields=("email", "phone"))


class Steps:
    """Presses of somebody at a page, counted."""

    def __init__(self, window: Any) -> None:
        self.page, self.count = window.page, 0

    def press(self, name: str, role: str = "button", exact: bool = False) -> None:
        """Press what has that name, and wait for the page that follows."""
        self.count += 1
        with self.page.expect_navigation():
            self.page.get_by_role(role, name=name, exact=exact).first.click()


def _last_separate(subject: Any) -> str:
    return next(one.status for one in consents_of(subject) if one.event)


def _asked() -> Any:
    [lin] = admit(LIN)
    actions.ask(lin, 1, actor=owner_actor(), terms=TO_X)
    return lin


@pytest.mark.parametrize("script", [True, False])
def test_withdrawing_is_never_harder_than_giving(visit: Callable[..., Any], post: Any, script: bool) -> None:
    lin = _asked()
    window = visit(java_script_enabled=script)
    window.come_in(post, LIN["email"])
    window.look(width=1440, theme="light", language="en")
    # a switch: one press each
    window.go("/portal")
    give, take = Steps(window), Steps(window)
    give.press("Marketing", "switch")
    take.press("Marketing", "switch")
    assert (give.count, take.count) == (1, 1)
    # one that is asked for alone: to its page and yes; in the list one press takes it back
    window.go("/portal/permissions")
    give, take = Steps(window), Steps(window)
    give.press("to give it to Fair Freight Ltd", "link")
    give.press("Yes, I allow this")
    assert _last_separate(lin) == "given"
    window.go("/portal/permissions")
    take.press("Withdraw")
    assert _last_separate(lin) == "withdrawn"
    assert give.count >= take.count == 1
    # a subscription: tick and save, untick and save; all of them: one press
    window.go("/portal/channels")
    window.page.check("input[value='email:offers']")
    Steps(window).press("Save")
    assert [one.status for one in standing(lin)] == ["subscribed"]
    stop = Steps(window)
    stop.press("Stop all marketing messages")
    assert stop.count == 1 and [one.status for one in standing(lin)] == ["unsubscribed"]


def test_yes_and_no_weigh_the_same(visit: Callable[..., Any], post: Any) -> None:
    _asked()
    window = visit()
    window.come_in(post, LIN["email"])
    window.look(width=390, theme="light", language="en")
    window.go("/portal/permissions")
    window.page.get_by_role("link", name="Fair Freight Ltd").click()
    sizes = [
        window.page.get_by_role("button", name=name, exact=True).bounding_box() for name in ("No", "Yes, I allow this")
    ]
    assert abs(sizes[0]["height"] - sizes[1]["height"]) < 1
    colours = [
        window.page.get_by_role("button", name=name, exact=True).evaluate(
            "one => getComputedStyle(one).backgroundColor"
        )
        for name in ("No", "Yes, I allow this")
    ]
    assert len(set(colours)) == 1


def test_accessible_in_every_dress(visit: Callable[..., Any], post: Any) -> None:
    lin = _asked()
    given = actions.give(lin, 4, actor=owner_actor(), **GIVE)[0]["id"]
    actions.give(lin, 5, actor=owner_actor(), **GIVE)
    actions.withdraw(lin, 5, actor=owner_actor())
    gate().open([lin], actor=staff("marketing"), purpose="marketing")
    set_subscription(lin, "email", "offers", "subscribed", actor=owner_actor())
    set_subscription(lin, "phone", "offers", "suppressed", actor=owner_actor())
    asked = next(one.id for one in consents_of(lin) if one.status == "requested")
    window, found = visit(), []
    window.come_in(post, LIN["email"])
    desk = visit()
    desk.sign_in("service", "service")
    paths = (
        "/portal",
        "/portal/permissions",
        f"/portal/permissions/{given}",
        f"/portal/asked/{asked}",
        "/portal/channels",
    )
    for path in paths:
        found += in_every_dress(window, path)
    for path in (f"/customers/{lin}", f"/customers/{lin}/consents/{given}"):
        found += in_every_dress(desk, path)
    assert found == []
