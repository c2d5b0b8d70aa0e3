"""The record page in the office: receipts, separate consents, subscriptions."""

from __future__ import annotations

import json
import re

import pytest

from kehu.govern.consent import consents_of
from kehu.govern.slugs import PURPOSES
from kehu.govern.subscriptions import standing
from kehu.guard.access.leaving import Post, take_up_post
from kehu.guard.gate.read import gate
from kehu.guard.staff.actions import owner_actor
from kehu.serve.rights.consents import actions
from kehu.serve.rights.consents.channels import set_subscription
from tests.cast import admit, staff
from tests.doors.access.test_posts_pages import sign_in_again
from tests.doors.web.browsing import signed_in
from tests.guard.test_house_roles import in_force

LIN = {"full_name": "林婉清", "email": "lin@mail.example"}
GIVE = {"kind": "general", "until": None, "notice": None, "by_subject": None}


def words(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


@pytest.mark.usefixtures("database")
def test_a_receipt_to_read_and_as_a_file() -> None:
    [lin] = admit(LIN)
    id = actions.give(lin, PURPOSES["marketing"], actor=owner_actor(), **GIVE)[0]["id"]
    gate().open([lin], actor=staff("marketing"), purpose="marketing")
    desk, _ = signed_in("privacy", "rights-request")
    page = desk.get(f"/customers/{lin}", HTTP_ACCEPT_LANGUAGE="en")
    assert f"/customers/{lin}/consents/{id}" in page.content.decode()
    shown = desk.get(f"/customers/{lin}/consents/{id}", HTTP_ACCEPT_LANGUAGE="en")
    assert "dpv:ConsentGiven" in words(shown) and "1 time, first" in words(shown)
    assert not any(value in shown.content.decode() for value in LIN.values())
    made = desk.get(f"/customers/{lin}/consents/{id}.json")
    assert json.loads(made.content)["used"]["rows"] == 1 and made["Content-Type"] == "application/ld+json"


@pytest.mark.usefixtures("database")
def test_a_separate_consent_is_asked_for_or_recorded_and_names_what_a_law_wants_named() -> None:
    [lin] = admit(LIN)
    desk, _ = signed_in("service", "service")
    send = lambda **data: desk.post(f"/customers/{lin}/separate", data, HTTP_ACCEPT_LANGUAGE="en")
    post = lambda **data: send(**data)["Location"]
    for typed in (
        {"event": "abroad", "country": "de", "fields": ["email"], "do": "give"},
        {"event": "provide", "recipient": "X & Co", "fields": ["email", "income"], "do": "give"},  # service needs none
        {"event": "gossip", "recipient": "X & Co", "do": "ask"},
    ):
        refused = send(**typed)
        form = re.search(r'<details[^>]* id="separate" open>.*?</details>', refused.content.decode(), re.S)[0]
        assert refused.status_code == 422 and "Not recorded: name the recipient" in form, typed
        assert (
            f'value="{typed.get("recipient", "").replace("&", "&amp;")}"' in form
        )  # what was typed stands there still
        assert f'value="{typed.get("country", "")}"' in form
        assert ('value="email" checked' in form) == ("fields" in typed)
        assert (f'value="{typed["event"]}" selected' in form) == (typed["event"] != "gossip")
    assert consents_of(lin) == []
    assert "done=consent-asked" in post(event="provide", recipient="Fair Freight Ltd", fields=["email"], do="ask")
    assert "done=consent-given" in post(event="abroad", recipient="Fair Freight Ltd", country="de", do="give")
    given, asked = consents_of(lin)
    assert (asked.status, asked.event, asked.fields, asked.purpose) == ("requested", "provide", ["email"], 1)
    assert (given.status, given.country, given.kind) == ("given", "DE", "specific")
    page = words(desk.get(f"/customers/{lin}", HTTP_ACCEPT_LANGUAGE="en"))
    assert "to send it abroad, to Fair Freight Ltd (DE)" in page and "asked" in page


@pytest.mark.usefixtures("database")
def test_subscriptions_on_the_record() -> None:
    [lin] = admit(LIN)
    desk, _ = signed_in("marketing", "marketing")
    say = lambda **data: desk.post(f"/customers/{lin}/subscription", data)
    assert "done=subscription-set" in say(medium="email", topic="offers", status="subscribed")["Location"]
    assert [(one.medium, one.topic, one.status, one.ground) for one in standing(lin)] == [
        ("email", "offers", "subscribed", "consent")
    ]
    set_subscription(lin, "phone", "offers", "suppressed", actor=owner_actor())
    assert "done=suppressed" in say(medium="phone", topic="offers", status="subscribed")["Location"]
    assert say(medium="fax", topic="offers", status="subscribed").status_code == 400
    desk, _ = signed_in("service", "service")
    page = words(desk.get(f"/customers/{lin}", HTTP_ACCEPT_LANGUAGE="en"))
    assert "Subscriptions" in page and "suppressed" in page and "Offers" in page


@pytest.mark.usefixtures("database")
def test_who_may_not_record_is_shown_neither() -> None:
    [lin] = admit(LIN)
    desk, _ = signed_in("manager", "service")
    page = desk.get(f"/customers/{lin}", HTTP_ACCEPT_LANGUAGE="en").content.decode()
    assert "/separate" not in page and "/subscription" not in page and "/consents/" not in page


@pytest.mark.usefixtures("database")
def test_whose_role_of_the_house_leaves_consents_out_is_not_shown_what_was_said() -> None:
    [lin] = admit(LIN)
    actions.give(lin, PURPOSES["marketing"], actor=owner_actor(), **GIVE)
    desk, li = signed_in("service", "service")
    page = lambda desk: desk.get(f"/customers/{lin}", HTTP_ACCEPT_LANGUAGE="en").content.decode()
    assert "Everything they said" in page(desk)
    in_force("returns", purposes=["service"], categories=["contact", "identity"])
    take_up_post(li.staff, Post.named("returns", "service"))
    fresh, _ = sign_in_again(li)
    assert fresh.post("/purpose", {"purpose": "service"}).status_code == 302
    assert "林婉清" in page(fresh) and "Everything they said" not in page(fresh)
