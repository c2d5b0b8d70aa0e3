"""Refused messages that name their customer: in that person's copy, and gone with their erasure; nobody else's are."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from kehu.collect.channels import Request, kinds
from kehu.collect.holders import QuarantineHolder
from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.drain import drain_all
from kehu.collect.inbox.terms import set_terms
from kehu.collect.models import Quarantined
from kehu.collect.signed.secrets import keep_secret
from kehu.collect.signed.settings import keep_settings
from kehu.govern.channels import add_channel, page_key_of
from kehu.govern.slugs import PURPOSES
from kehu.guard.staff.actions import owner_actor
from kehu.serve.rights.consents import actions
from kehu.serve.rights.erasing.erasure import erase
from kehu.vault.ids import new_id
from tests.cast import admit
from tests.collect.shops import SECRET, WIRE, Shopify, ago, body_of, signature, webhook, woocommerce
from tests.counter import open_counter, taken

MARK = "CANARYzq71"


@pytest.fixture(autouse=True)
def _room(database, monkeypatch):
    monkeypatch.setattr(accepting, "_held", accepting._Held())


def made(kind: str, name: str = "line") -> Any:
    channel, key = add_channel(name, kind, owner=owner_actor().staff, country="CN")
    if kind != "tracking":
        keep_secret(channel, SECRET)
    set_terms(channel, actor=owner_actor(), basis="contract")
    return channel, key


def track(key: str, *messages: dict[str, Any]) -> None:
    told = [{"messageId": str(new_id()), **one} for one in messages]
    body = json.dumps({"batch": told, "sentAt": datetime.now(UTC).isoformat()}).encode()
    headers = {"authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}
    assert kinds()["tracking"].answer(Request("POST", "/v1/batch", {}, headers, body)).status == 200


def subjects() -> list[Any]:
    drain_all()
    with connection.cursor() as cursor:
        cursor.execute("select subject from subject_state where not hidden order by subject")
        return [row[0] for row in cursor.fetchall()]


def refused_and_gone(subject: Any, *reasons: str) -> None:
    """What was refused of somebody is in their copy, and nothing of it is left after their erasure."""
    drain_all()
    assert sorted(Quarantined.objects.values_list("reason", flat=True)) == sorted(reasons)
    told = QuarantineHolder().export(subject, actor=owner_actor())
    assert told is not None and sorted(one["reason"] for one in told["refused_rows"]) == sorted(reasons)
    assert all(MARK in one["row"] for one in told["refused_rows"])
    erase(subject, actor=owner_actor(), reason="asked")
    assert Quarantined.objects.exclude(sealed=None).count() == 0


def test_calls_of_a_user():
    _, key = made("tracking")
    track(key, {"type": "identify", "userId": "U-1", "traits": {"name": "Lin"}},
          {"type": "identify", "userId": "U-2", "traits": {"name": "Wang"}})  # fmt: skip
    first, second = subjects()
    for user in ("U-1", "U-2"):
        track(key, {"type": "track", "userId": user, "properties": {"email": MARK}},
              {"type": "group", "userId": user, "traits": {"email": MARK}},
              {"type": "track", "userId": user, "event": "x", "properties": {"said": MARK * 4_000}},
              {"type": "track", "userId": user, "event": "x", "properties": {"said": MARK, "at": _deep(300)}})  # fmt: skip
    drain_all()
    reasons = ("message_no_event", "message_no_group", "message_too_deep", "message_too_large")
    assert Quarantined.objects.count() == 8
    erase(second, actor=owner_actor(), reason="asked")
    refused_and_gone(first, *reasons)


def _deep(depth: int) -> Any:
    held: Any = 1
    for _ in range(depth):
        held = [held]
    return held


def test_calls_of_a_visitor_of_whom_only_events_came():
    _, key = made("tracking")
    track(key, {"type": "track", "anonymousId": "d-1", "event": "seen"})
    [visitor] = subjects()
    track(key, {"type": "track", "anonymousId": "d-1", "properties": {"email": MARK}})
    refused_and_gone(visitor, "message_no_event")


def test_whom_a_page_names_without_proof_is_nobody():
    """Whoever can read a page's key writes nothing into the copy of a customer, and nothing that goes with them."""
    channel, key = made("tracking")
    track(key, {"type": "identify", "userId": "U-1", "traits": {"name": "Lin"}})
    [lin] = subjects()
    track(page_key_of(channel), {"type": "track", "userId": "U-1", "event": "x", "properties": {"said": MARK * 4_000}})
    drain_all()
    assert list(Quarantined.objects.values_list("reason", flat=True)) == ["message_too_large"]
    assert QuarantineHolder().export(lin, actor=owner_actor()) is None


def test_messages_of_shopify():
    channel, _ = made("shopify")
    send = Shopify(str(channel.id))
    send("customers/create", body_of("shopify-customers-create"))
    [mira] = subjects()
    old = ago(hours=50)
    send("customers/update", body_of("shopify-customers-create", note=MARK), at=old)
    send("customers/enable", body_of("shopify-customers-create", note=MARK))
    send("checkouts/create", {"id": 9, "note": MARK, "customer": {"id": 7060001}})
    refused_and_gone(mira, "message_too_old", "message_unknown_topic", "message_unknown_topic")


def test_what_has_an_id_of_its_own_is_not_the_customer_of_that_id():
    channel, _ = made("shopify")
    send = Shopify(str(channel.id))
    send("customers/create", body_of("shopify-customers-create"))
    [mira] = subjects()
    send("products/update", {"id": 7060001, "title": MARK})
    drain_all()
    assert Quarantined.objects.count() == 1 and QuarantineHolder().export(mira, actor=owner_actor()) is None


def test_messages_of_woocommerce():
    channel, _ = made("woocommerce")
    woocommerce(str(channel.id), "customer.created", {"id": 26, "email": "jo@mail.example", "first_name": "Jo"})
    [jo] = subjects()
    woocommerce(str(channel.id), "customer.restored", {"id": 26, "email": MARK})
    woocommerce(str(channel.id), "order.updated", {"customer_id": 26, "note": MARK})
    refused_and_gone(jo, "message_no_order", "message_unknown_topic")


def test_messages_of_a_webhook():
    channel, _ = made("webhook")
    keep_settings(channel, (WIRE / "shopline.toml").read_bytes())

    def send(topic: str, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        headers = {"x-shopline-topic": topic, "x-shopline-hmac-sha256": signature(raw)}
        assert webhook("line", raw, headers).status == 200

    send("customers/create", {"id": "Z1", "first_name": "Zoe"})
    [zoe] = subjects()
    send("customers/disable", {"id": "Z1", "note": MARK})
    send("orders/create", {"id": "Z1", "note": "another's, of the number of hers"})
    drain_all()
    assert Quarantined.objects.count() == 2
    Quarantined.objects.filter(token=None).delete()
    refused_and_gone(zoe, "message_unknown_topic")


@pytest.mark.parametrize(
    ("kind", "taken_in", "not_taken_in", "reason"),
    [
        ("mailbox", {"from": "lin@mail.example", "kind": "email", "text": "hello"}, {"from": "lin@mail.example", "head": MARK},
         "message_not_taken_in"),
        ("wechat", {"body": {"FromUserName": "o-1", "MsgType": "text", "Content": "hello"}},
         {"body": {"FromUserName": "o-1", "MsgType": "hologram", "Content": MARK}}, "message_unknown_topic"),
    ],
)  # fmt: skip
def test_what_a_writer_sent_that_nobody_can_read(kind, taken_in, not_taken_in, reason):
    channel, _ = add_channel("line", kind, owner=owner_actor().staff, country="CN")
    set_terms(channel, actor=owner_actor(), basis="contract")

    def keep(message: dict[str, Any]) -> None:
        own = str(new_id())
        accepting.accept(accepting.Sender(channel.id, kind), [own], {"m": [{"own": own, **message}]})

    keep(taken_in)
    [writer] = subjects()
    keep(not_taken_in)
    refused_and_gone(writer, reason)


def test_a_yes_at_the_counter_after_a_no():
    desk = open_counter()
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    before = (timezone.now() - timedelta(hours=3)).isoformat()
    give = {"kind": "general", "until": None, "notice": None, "by_subject": None}
    actions.give(lin, PURPOSES["marketing"], actor=owner_actor(), **give)
    actions.withdraw(lin, PURPOSES["marketing"], actor=owner_actor())
    assert taken(desk, "marketing", subject=str(lin), at=before)
    drain_all()
    told = QuarantineHolder().export(lin, actor=owner_actor())
    assert told is not None and [one["reason"] for one in told["refused_rows"]] == ["message_said_later"]
    assert taken(desk, "marketing", subject=str(lin), at=before)
    erase(lin, actor=owner_actor(), reason="asked")
    drain_all()  # of somebody who is gone nothing is kept
    assert Quarantined.objects.exclude(sealed=None).count() == 0
