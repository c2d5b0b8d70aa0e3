"""The key that stands in web pages: anybody may read it, so it says less than the secret one, and ends with it."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from kehu.collect.channels import Request, Terms, kinds
from kehu.collect.channels.tracking import transport
from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.drain import drain_all, forget_unread
from kehu.collect.inbox.terms import set_terms
from kehu.collect.models import Quarantined
from kehu.govern.channels import add_channel, page_key_of, renew_key
from kehu.govern.models import Channel
from kehu.guard.staff.actions import owner_actor
from kehu.serve.desk import queries
from kehu.vault.ids import new_id
from tests.cast import staff

pytestmark = pytest.mark.usefixtures("database")
YES = {"consent": {"categoryPreferences": {"stats": True, "ads": True}}}


@pytest.fixture
def channel(database, monkeypatch):
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    made, key = add_channel("web", "tracking", owner=owner_actor().staff, country="CN")
    set_terms(made, actor=owner_actor(), basis="contract", consents={"stats": "analytics", "ads": "marketing"})
    return made, key


def send(key: str, *messages: dict[str, Any]) -> int:
    batch = [{"messageId": str(new_id()), **one} for one in messages]
    body = json.dumps({"writeKey": key, "batch": batch}).encode()
    return kinds()["tracking"].answer(Request("POST", "/v1/batch", {}, {"content-type": "text/plain"}, body)).status


def count(query: str, *parameters: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()[0]


def test_whoever_reads_the_page_key_changes_nothing_of_a_customer(channel):
    made, key = channel
    page, service = page_key_of(made), staff("service")
    order = {"order_id": "O-7", "total": 99, "currency": "CNY"}
    send(key, {"type": "identify", "userId": "U-1", "traits": {"email": "lin@mail.example"}},
         {"type": "track", "userId": "U-1", "event": "Order Completed", "properties": order})  # fmt: skip
    drain_all()
    [lin] = queries.find({"email": "lin@mail.example"}, actor=service, purpose="service")[0]
    before = count("select count(*) from record r join subject_state s using (subject) where s.customer = %s", lin)
    forged = [
        {
            "type": "identify",
            "anonymousId": "D",
            "userId": "U-1",
            "traits": {"email": "thief@mail.example"},
            "context": YES,
        },
        {"type": "identify", "anonymousId": "D", "userId": "U-1", "userProof": "0" * 64, "context": YES},
        {
            "type": "identify",
            "anonymousId": "D",
            "userId": 1,
            "userProof": ["x"],
            "traits": {"phone": "+8613800000000"},
        },
        {"type": "track", "anonymousId": "D", "event": "Order Cancelled", "properties": order},
        {"type": "alias", "userId": "U-2", "previousId": "U-1"},
        {"type": "group", "anonymousId": "D", "groupId": "G", "traits": {"name": "Thief Ltd"}},
        {"type": "track", "userId": "U-1", "event": "Segment Consent Preference Updated", "context": YES},
    ]
    assert send(page, *forged) == 200
    drain_all()
    assert (
        count("select count(*) from record r join subject_state s using (subject) where s.customer = %s", lin) == before
    )
    assert count("select count(*) from govern_consent where subject = %s", lin) == 0
    assert count("select count(*) from record where kind in (2, 3)") == 1
    for nothing in ({"email": "thief@mail.example"}, {"phone": "+8613800000000"}):
        assert queries.find(nothing, actor=service, purpose="service")[0] == []
    reasons = list(Quarantined.objects.filter(accepted=False).order_by("line").values_list("reason", flat=True))
    assert reasons == ["message_no_call", "message_no_call", "message_names_nobody"]
    # nor by being refused and brought again
    held = {"messageId": "m", "type": "alias", "userId": "U-2", "previousId": "U-1", transport.FROM_PAGE: True}
    kind = kinds()["tracking"]
    words = Terms({}, {}, "CN")
    assert [one.reason for one in kind.read(kind.again(held, made.id), datetime.now(UTC), [0], words).refused] == [
        "message_no_call"
    ]


def test_a_proof_that_the_shops_server_made_says_who_it_is(channel):
    made, key = channel
    # as the how-to tells a shop to make it
    proof = hmac.new(hashlib.sha256(key.encode()).digest(), "茶-1".encode(), hashlib.sha256).hexdigest()
    send(key, {"type": "identify", "userId": "茶-1", "traits": {"email": "lin@mail.example"}})
    page = page_key_of(made)
    send(page, {"type": "page", "anonymousId": "D", "context": YES})
    send(page, {"type": "identify", "anonymousId": "D", "userId": "茶-1", "userProof": proof, "context": YES})
    drain_all()
    [lin] = queries.find({"email": "lin@mail.example"}, actor=staff("service"), purpose="service")[0]
    assert (
        count(
            "select count(*) from record r join subject_state s using (subject) where s.customer = %s and r.kind = 4",
            lin,
        )
        == 1
    )
    assert count("select count(distinct customer) from subject_state") == 1
    assert count("select count(*) from govern_consent where status = 'given'") == 2


def test_it_opens_one_channel_and_ends_with_the_secret_key(channel):
    made, key = channel
    page = page_key_of(made)
    look = {"type": "page", "anonymousId": "D"}
    assert send(page, look) == 200
    other, _ = add_channel("other", "tracking", owner=owner_actor().staff, country="CN")
    wrong = [
        page.replace(f"_{made.id}_", f"_{other.id}_"),
        page[:-1],
        "page_",
        "page_1_",
        "page_99999_x",
        "page_²_x",
        page + "é",
    ]
    assert {send(one, look) for one in wrong} == {401}
    renew_key(Channel.objects.get(id=made.id))
    assert send(page, look) == 401 and send(key, look) == 401  # also where a process still remembers both
    assert accepting.waiting() == (1, 1)


def test_names_that_anybody_can_make_up_fill_no_table(channel):
    _, key = channel
    names = "select coalesce(string_agg(name, ' ' order by name), '') from inbox_unread"
    send(page_key_of(channel[0]), {"type": "identify", "anonymousId": "D", "traits": {"Lin": 1}})
    friends = {"Lin.Wanqing": 1, "zhang.san_1990-01-02": 2}
    send(
        key,
        {
            "type": "identify",
            "userId": "U-1",
            "traits": {"friends": friends, "plan": {"tea": 1}, "address": {"floor": 3}},
        },
    )
    drain_all()
    assert count(names) == "address friends" and count("select sum(messages) from inbox_unread") == 2
    words = {f"w{number}": True for number in range(700)}
    send(key, {"type": "identify", "anonymousId": "D", "context": {"consent": {"categoryPreferences": words}}})
    send(key, {"type": "identify", "userId": "U-1", "traits": {"friends": friends, "shoe": 3}})
    drain_all()
    assert count("select count(*) from inbox_unread") == 500
    assert count("select messages from inbox_unread where name = 'friends'") == 2  # what is known counts on
    with connection.cursor() as cursor:
        cursor.execute("update inbox_unread set last_at = now() - interval '31 days' where name <> 'friends'")
    assert forget_unread() == 499 and count(names) == "friends"


def test_words_of_consent_that_a_page_makes_up_are_counted_and_not_kept(channel):
    made, _ = channel
    said = {"consent": {"categoryPreferences": {"Lin Wanqing": True, "stats": True}}}
    send(page_key_of(made), {"type": "track", "anonymousId": "D", "event": "Seen", "context": said})
    drain_all()
    assert count("select array_agg(name) from inbox_unread") == ["consent"]
