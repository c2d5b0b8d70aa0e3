"""Visitors of whom only a device is known: their yes joins what they did to who they turn out to be, their no stays theirs."""

from __future__ import annotations

import pytest

from kehu.collect.inbox.drain import drain_all
from kehu.collect.inbox.terms import set_terms
from kehu.guard.staff.actions import owner_actor
from tests.collect.test_tracking import channel, count, message, send  # noqa: F401  (fixtures)

pytestmark = pytest.mark.usefixtures("database")
LIN = {"email": "lin@mail.example"}
CUSTOMERS = "select count(distinct customer) from subject_state where not hidden"


def said(word: str, answer: bool) -> dict:
    return {"consent": {"categoryPreferences": {word: answer}}}


def test_a_visitors_no_by_the_preference_event_counts(send, channel):  # noqa: F811
    set_terms(channel[0], actor=owner_actor(), basis="contract", consents={"ads": "marketing"})
    send(message("identify", anonymousId="D-1", traits=LIN, context=said("ads", True)))
    drain_all()
    marketing = "select consents -> '4' ->> 0 from subject_state"
    assert count(marketing) == "given"
    no = {"event": "Segment Consent Preference Updated", "context": said("ads", False)}
    send(message("track", anonymousId="D-1", timestamp="2026-11-21T08:00:00.000Z", **no))
    drain_all()
    assert count(marketing) in ("refused", "withdrawn")


class TestWhoTheyTurnOutToBe:
    @pytest.fixture(autouse=True)
    def _terms(self, channel):  # noqa: F811
        set_terms(channel[0], actor=owner_actor(), consents={"stats": "analytics"})

    def test_a_no_is_not_forgotten_by_the_next_silent_message(self, send):  # noqa: F811
        send(message("page", anonymousId="D-1", context=said("stats", True)))
        send(message("identify", anonymousId="D-1", userId="U-1", traits=LIN, context=said("stats", False)))
        drain_all()
        send(message("identify", anonymousId="D-1", userId="U-1", traits={**LIN, "name": "Lin"}))
        drain_all()
        assert count(CUSTOMERS) == 2

    @pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "one after the other"])
    def test_a_yes_as_the_script_for_pages_says_it_joins_them(self, send, at_once):  # noqa: F811
        """By an identify of the device, before anybody is named."""
        yes = {"anonymousId": "D-1", "context": said("stats", True)}
        messages = [
            message("identify", **yes),
            message("page", **yes),
            message("identify", userId="U-1", traits=LIN, **yes),
        ]
        for share in [messages] if at_once else [messages[:2], messages[2:]]:
            send(*share)
            drain_all()
        assert count(CUSTOMERS) == 1

    def test_a_device_that_says_who_it_is_is_nobody_elses(self, send):  # noqa: F811
        send(message("identify", anonymousId="D-1", traits={"email": "ann@mail.example"}, context=said("stats", True)))
        drain_all()
        send(message("identify", anonymousId="D-1", userId="U-1", traits=LIN, context=said("stats", True)))
        drain_all()
        assert count(CUSTOMERS) == 2
