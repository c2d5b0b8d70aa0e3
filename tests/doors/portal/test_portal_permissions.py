"""Permissions one by one at the customers' door: what waits, what stands, receipts, one press to withdraw; and channels."""

from __future__ import annotations

import json
import re
from uuid import UUID

import pytest

from kehu.govern.consent import consents_of
from kehu.govern.separate import Terms
from kehu.govern.slugs import MEDIA, PURPOSES
from kehu.govern.subscriptions import standing, subscriptions_of
from kehu.guard.gate.read import gate
from kehu.guard.staff.actions import owner_actor
from kehu.serve.rights.consents import actions
from kehu.serve.rights.consents.channels import set_subscription
from kehu.vault.assignment import PROBABLE
from tests.cast import admit, shipped_with, staff
from tests.doors.portal.test_pages import link
from tests.doors.portal.test_sign_in import LIN, ZHOU

SERVICE, MARKETING = PURPOSES["service"], PURPOSES["marketing"]
GIVE = {"kind": "general", "until": None, "notice": None, "by_subject": None}
TO_X = Terms("provide", "Fair Freight Ltd", fields=("email",))


def agree(subject: UUID, purpose: int = MARKETING, **more: object) -> str:
    return str(actions.give(subject, purpose, actor=owner_actor(), **GIVE | more)[0]["id"])


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_each_permission_with_its_words_its_uses_and_one_press(post, visitor):
    [lin] = admit(LIN)
    mia = staff("marketing")
    id = agree(lin)
    for _ in range(3):
        gate().open([lin], actor=mia, purpose="marketing", fields=["email"])
    page = visitor.come_in(LIN["email"]).see("/portal/permissions")
    assert "used 3 times, last on" in page and "version 1" in page and "recorded by our staff" in page
    assert (
        visitor.client.post("/portal/permissions/withdraw", {"consent": id})["Location"]
        == "/portal/permissions?done=withdrawn"
    )
    assert not gate().open([lin], actor=mia, purpose="marketing", fields=["email"])[0].contributions
    after = visitor.see("/portal/permissions")
    assert "You allow nothing that needs a permission" in after and "withdrawn" in after
    assert visitor.client.post("/portal/permissions/withdraw", {"consent": id}).status_code == 302  # it is stopped


def test_a_separate_one_is_withdrawn_alone(post, visitor):
    [lin] = admit(LIN)
    agree(lin, SERVICE)
    id = agree(lin, SERVICE, terms=TO_X)
    page = visitor.come_in(LIN["email"]).see("/portal/permissions")
    assert "to give it to Fair Freight Ltd" in page
    visitor.client.post("/portal/permissions/withdraw", {"consent": id})
    said = {one.event: one.status for one in consents_of(lin)[:1]}
    assert said == {"provide": "withdrawn"}
    assert visitor.see("/portal/permissions").count('name="consent"') == 1  # the other stands


def test_a_receipt_to_read_and_to_keep(post, visitor):
    [lin] = admit(LIN)
    id = agree(lin)
    gate().open([lin], actor=staff("marketing"), purpose="marketing")
    page = words(visitor.come_in(LIN["email"]).see(f"/portal/permissions/{id}"))
    assert "dpv:ConsentGiven" in page and "1 time, first" in page and "ISO/IEC TS 27560:2023" in page
    assert "China: Consent" in page and "CN: " not in page
    answer = visitor.client.get(f"/portal/permissions/{id}/receipt.json")
    assert answer["Content-Type"] == "application/ld+json" and f"receipt-{id}.json" in answer["Content-Disposition"]
    made = json.loads(answer.content)
    assert made["@type"] == "dpv:ConsentReceipt" and made["used"]["rows"] == 1
    assert not any(value in answer.content.decode() for value in LIN.values() if len(value) > 3)


def test_somebody_elses_is_not_here(post, visitor):
    lin, zhou = admit(LIN, ZHOU)
    id = agree(zhou)
    link(lin, zhou, PROBABLE)
    actions.ask(zhou, MARKETING, actor=owner_actor())
    asked = consents_of(zhou)[0].id
    visitor.come_in(LIN["email"])
    for path in (f"/portal/permissions/{id}", f"/portal/permissions/{id}/receipt.json", f"/portal/asked/{asked}"):
        assert visitor.client.get(path).status_code == 404
    assert visitor.client.post("/portal/permissions/withdraw", {"consent": id}).status_code == 404
    assert visitor.client.post("/portal/permissions/withdraw", {"consent": "x"}).status_code == 404
    assert id not in visitor.see("/portal/permissions")


def press(visitor, request, wish):
    """Answer what is asked, with what the page told of it."""
    [read] = re.findall(r'name="read" value="([\d:]+)"', visitor.see(f"/portal/asked/{request}"))
    return visitor.client.post(f"/portal/asked/{request}", {"wish": wish, "read": read})


@pytest.mark.parametrize(("wish", "status"), [("give", "given"), ("refuse", "refused")])
def test_what_is_asked_stands_alone_and_is_answered_with_one_press(database, post, visitor, wish, status):
    shipped_with(database, "service", recipients=["Fair Freight Ltd"])
    [lin] = admit(LIN)
    actions.ask(lin, SERVICE, actor=owner_actor(), terms=TO_X)
    request = consents_of(lin)[0].id
    assert "We ask you for 1 permission" in visitor.come_in(LIN["email"]).see()
    page = visitor.see(f"/portal/asked/{request}")
    assert (
        "Fair Freight Ltd" in page and page.count('name="wish"') == 2 and page.count("<form") == 4
    )  # language, theme, out
    answer = press(visitor, request, wish)
    assert answer.status_code == 302 and answer["Location"].startswith("/portal/permissions?done=")
    said = consents_of(lin)[0]
    assert (said.status, said.event, said.fields, said.follows, said.way) == (
        status,
        "provide",
        ["email"],
        request,
        "portal",
    )
    assert visitor.client.get(f"/portal/asked/{request}").status_code == 404  # answered
    assert "We ask you for" not in visitor.see()
    ask = {"recipient": "fair freight ltd", "recipient_kind": "controller", "fields": ["email"]}
    opened = gate().open([lin], actor=staff("service"), purpose="service", **ask)[0]
    assert bool(opened.contributions) == (wish == "give")


def test_a_child_does_not_say_yes_alone(post, visitor):
    [lin] = admit(LIN, age=2)
    actions.ask(lin, MARKETING, actor=owner_actor())
    request = consents_of(lin)[0].id
    visitor.ask(LIN["email"])
    visitor.enter(LIN["email"], post.code(LIN["email"]))
    assert visitor.name_fact(LIN["email"], "W-1").status_code == 302
    assert press(visitor, request, "give")["Location"].endswith("done=guardian")
    assert visitor.client.post("/portal/channels", {"on": ["email:offers"]})["Location"].endswith("done=guardian")
    assert consents_of(lin)[0].status == "requested"
    assert "subscribed" not in {one.status for one in subscriptions_of(lin)}
    assert visitor.client.post(f"/portal/asked/{request}", {"wish": "perhaps"}).status_code == 404
    assert visitor.client.post(f"/portal/asked/{request}", {"wish": "refuse"}).status_code == 302


# ---- how we may write to you


def save(visitor, on, shown=None):
    """Save the page of channels, as it is shown now or as it was."""
    return visitor.client.post("/portal/channels", {"on": on, "was": ticked(visitor) if shown is None else shown})


def ticked(visitor):
    return re.findall(r'name="was" value="([\w:-]+)"', visitor.see("/portal/channels"))


def test_a_form_that_does_not_say_what_was_on_turns_off_what_is(post, visitor):
    """As forms were that somebody opened before they did."""
    [lin] = admit(LIN)
    set_subscription(lin, "email", "newsletter", "subscribed", actor=owner_actor())
    visitor.come_in(LIN["email"])
    visitor.client.post("/portal/channels", {})
    assert {one.status for one in standing(lin) if one.topic == "newsletter"} == {"unsubscribed"}
    save(visitor, ["email:newsletter"], [""])  # nothing was on, and the page said so
    assert {one.status for one in standing(lin) if one.topic == "newsletter"} == {"subscribed"}


def test_preferences_are_saved_as_one_form_and_act_on_the_next_message(post, visitor):
    [lin] = admit(LIN)
    agree(lin)
    mia = staff("marketing")
    sent = lambda: bool(
        gate().open([lin], actor=mia, purpose="marketing", fields=["email"], use="contact", medium="email", topic="offers")[0]
        .contributions
    )  # fmt: skip
    page = visitor.come_in(LIN["email"]).see("/portal/channels")
    assert page.count('name="on"') == 5 * len(MEDIA)
    on = re.findall(r'value="([\w:-]+)" checked', page)
    assert on == ticked(visitor) == [f"{medium}:service-news" for medium in MEDIA]  # on unless they say no
    assert not sent()
    assert save(visitor, [*on, "email:offers"])["Location"].endswith("done=saved")
    assert sent()
    [said] = subscriptions_of(lin)
    assert (said.status, said.ground, said.way, said.language) == ("subscribed", "consent", "portal", "en")
    save(visitor, on)
    assert not sent()
    assert [one.status for one in standing(lin)] == ["unsubscribed"]
    save(visitor, [one for one in on if one != "sms:service-news"])
    assert {(one.medium, one.topic, one.status) for one in standing(lin)} == {
        ("email", "offers", "unsubscribed"), ("sms", "service-news", "unsubscribed"),
    }  # fmt: skip


def test_a_page_that_was_open_meanwhile_starts_nothing_again(post, visitor):
    [lin] = admit(LIN)
    for topic in ("newsletter", "events"):
        set_subscription(lin, "email", topic, "subscribed", actor=owner_actor())
    visitor.come_in(LIN["email"])
    shown = ticked(visitor)
    assert {"email:newsletter", "email:events"} <= set(shown)
    set_subscription(lin, "email", "newsletter", "unsubscribed", actor=owner_actor())
    set_subscription(lin, "sms", "offers", "subscribed", actor=owner_actor())
    save(visitor, [one for one in shown if one != "email:events"] + ["email:offers"], shown)
    assert {(one.medium, one.topic, one.status) for one in standing(lin)} == {
        ("email", "newsletter", "unsubscribed"), ("email", "events", "unsubscribed"), ("email", "offers", "subscribed"),
        ("sms", "offers", "subscribed"),
    }  # fmt: skip


def test_a_child_stops_letters_whatever_else_it_ticks(post, visitor):
    [lin] = admit(LIN, age=2)
    set_subscription(lin, "sms", "offers", "subscribed", actor=owner_actor())  # as a guardian said
    visitor.ask(LIN["email"])
    visitor.enter(LIN["email"], post.code(LIN["email"]))
    visitor.name_fact(LIN["email"], "W-1")
    on = [one for one in ticked(visitor) if one != "sms:offers"]
    assert save(visitor, [*on, "email:offers"])["Location"].endswith("done=guardian")
    assert [(one.medium, one.topic, one.status) for one in standing(lin)] == [("sms", "offers", "unsubscribed")]


def test_all_marketing_stops_with_one_press(post, visitor):
    [lin] = admit(LIN)
    visitor.come_in(LIN["email"])
    on = [f"{medium}:{topic}" for medium in MEDIA for topic in ("offers", "events", "service-news")]
    visitor.client.post("/portal/channels", {"on": on})
    assert visitor.client.post("/portal/channels", {"wish": "stop"})["Location"].endswith("done=unsubscribed")
    found = {(one.topic, one.status) for one in standing(lin)}
    assert found == {("offers", "unsubscribed"), ("events", "unsubscribed")}
    assert "Stop all marketing" not in visitor.see("/portal/channels")


def test_the_customer_lifts_a_suppression_and_nobody_sets_what_there_is_not(post, visitor):
    [lin] = admit(LIN)
    set_subscription(lin, "phone", "offers", "suppressed", actor=owner_actor())
    assert "suppressed" in visitor.come_in(LIN["email"]).see("/portal/channels")
    visitor.client.post("/portal/channels", {"on": ["phone:offers"]})
    assert ("phone", "offers", "subscribed") in {(one.medium, one.topic, one.status) for one in standing(lin)}
    assert visitor.client.post("/portal/channels", {"on": ["fax:offers"]}).status_code == 404
