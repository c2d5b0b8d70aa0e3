"""Web shops from webhook to sealed record: who signs, what it becomes, nothing twice, and the newest counts whenever it comes."""

from __future__ import annotations

import hmac
import json
import time
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection

from kehu.collect.channels import Request, kinds
from kehu.collect.imports.undo import take_back
from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox import drain as draining
from kehu.collect.inbox.drain import drain_all
from kehu.collect.inbox.terms import set_terms
from kehu.collect.models import Import, Quarantined
from kehu.collect.signed.answering import digest_of
from kehu.collect.signed.secrets import KEY, NotSigned, SecretRefused, keep_secret
from kehu.collect.signed.settings import SettingsRefused, checked, keep_settings
from kehu.govern.channels import add_channel
from kehu.govern.models import Channel
from kehu.govern.subscriptions import standing
from kehu.guard.gate.read import gate
from kehu.guard.installation import installation
from kehu.guard.staff.actions import actor_of, owner_actor
from kehu.guard.staff.models import Staff
from kehu.host.home import Home
from kehu.host.keyring import Keyring
from kehu.refine.survive import survive
from kehu.serve.desk import queries
from kehu.serve.rights import requests
from kehu.serve.rights.consents.channels import set_subscription
from tests.cast import staff
from tests.collect.shops import SECRET, WIRE, Shopify, ago, body_of, signature, webhook, woocommerce
from tests.collect.test_import_canary import places_with

pytestmark = pytest.mark.usefixtures("database")
OTHER = "another_secret_of_the_same_length"


@pytest.fixture(autouse=True)
def fresh(database, monkeypatch):
    monkeypatch.setattr(accepting, "_held", accepting._Held())


def shop(kind: str, name: str = "茶 shop"):
    made, key = add_channel(name, kind, owner=owner_actor().staff, country="DE")
    assert key is None  # its sender signs; there is no key to show
    keep_secret(made, SECRET)
    return made


@pytest.fixture
def channel():
    return shop("shopify")


@pytest.fixture
def send(channel):
    return Shopify(str(channel.id))


def count(query: str, *parameters: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()[0]


def reasons() -> list[str]:
    return sorted(Quarantined.objects.filter(accepted=False).values_list("reason", flat=True))


def service():
    held = Staff.objects.filter(role="service").first()
    return actor_of(held.email) if held else staff("service")


def found(**what: str) -> list[Any]:
    return queries.find(what, actor=service(), purpose="service")[0]


def profile(customer) -> dict[str, str]:
    opened = gate().open([customer], actor=service(), purpose="service")[0]
    return {name: won.said.given or won.said.normal for name, won in survive(opened.contributions).items()}


def board() -> list[dict[str, Any]]:
    return requests.listed(actor=owner_actor())


# -- Shopify


def test_a_customer_and_their_order_come_in(send, channel):
    assert send("customers/create", body_of("shopify-customers-create")).status == 200
    assert send("orders/create", body_of("shopify-orders-create")).status == 200
    assert accepting.waiting() == (2, 2) and count("select count(*) from record") == 0
    assert drain_all() == 2
    [mira] = found(email="mira.hoffmann@mail.example")
    held = profile(mira)
    assert held["full_name"] == "Mira Hoffmann" and held["external_id"] == "7060001" and held["locality"] == "Bremen"
    assert (held["order_id"], held["amount"], held["currency"]) == ("#1001", "27.90", "EUR")
    assert held["product"] == "Green tea, 100 g, Cup" and held["quantity"] == "3" and held["order_status"] == "paid"
    assert held["delivery_address"].startswith("Mira Hoffmann, Lindenweg 4")
    assert count("select count(distinct customer) from subject_state") == 1 and reasons() == []
    assert count("select count(*) from record where basis = 2") == count("select count(*) from record")


def test_a_channel_is_named_by_its_name_or_its_id(send, channel):
    person = body_of("shopify-customers-create")
    assert send("customers/create", person, channel="茶 shop").status == 200
    assert (
        send("customers/create", person, channel="茶 shop".encode().decode("latin-1")).status == 200
    )  # as WSGI says it
    assert send("customers/create", person, channel="nowhere").status == 401
    assert send("customers/create", person, channel="").status == 401
    woo = shop("woocommerce", "woo")
    assert send("customers/create", person, channel=str(woo.id)).status == 401  # of another kind


def test_a_customer_may_have_an_email_only(send):
    assert send("customers/create", {"id": 5, "email": "only@mail.example"}).status == 200
    assert (
        send("orders/create", {"id": 9, "name": "#9", "email": "guest@mail.example", "total_price": "5.00"}).status
        == 200
    )
    assert (
        send("orders/create", {"id": 10, "name": "#10", "email": "Guest@mail.example", "total_price": "6.00"}).status
        == 200
    )
    drain_all()
    assert len(found(email="only@mail.example")) == 1
    [guest] = found(email="guest@mail.example")
    assert (
        count(
            "select count(*) from record r join subject_state s using (subject) where s.customer = %s and r.kind = 3",
            guest,
        )
        == 2
    )
    assert "guest@" not in profile(guest)["external_id"]


def test_wrong_signatures_are_refused_and_compared_in_constant_time(send, channel, monkeypatch):
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((len(a), len(b))) or real(a, b))
    body = json.dumps(body_of("shopify-customers-create")).encode()
    for wrong in (
        "",
        "x",
        signature(body, OTHER),
        signature(body + b" "),
        signature(body)[:-4],
        "é" * 44,
        "A" * 100_000,
    ):
        response = send("customers/create", body, sign=wrong)
        assert response.status == 401 and set(json.loads(response.body)) == {"code", "message"}
    assert len(compared) == 7
    send("customers/create", body, channel="nowhere")
    assert len(compared) == 8  # nobody is told by the time which channels there are
    assert accepting.waiting() == (0, 0)


def test_another_secret_counts_with_the_next_request(send, channel):
    assert send("customers/create", {"id": 1}).status == 200
    keep_secret(channel, OTHER)
    assert send("customers/create", {"id": 2}).status == 401
    send.secret = OTHER
    assert send("customers/create", {"id": 2}).status == 200


def test_a_secret_that_is_taken_away_meanwhile_is_refused_by_the_statement_that_accepts(send, monkeypatch):
    answering = __import__("kehu.collect.signed.answering", fromlist=["accept"])
    real = answering.accept

    def later(*words):
        with connection.cursor() as cursor:
            cursor.execute("update govern_channel set key_digest = null")
        return real(*words)

    monkeypatch.setattr(answering, "accept", later)
    assert send("customers/create", {"id": 1}).status == 401 and accepting.waiting() == (0, 0)


def test_the_secret_lies_sealed(channel):
    sealed = bytes(count("select sealed from collect_signedchannel where channel = %s", channel.id))
    digest = bytes(count("select key_digest from govern_channel where id = %s", channel.id))
    assert SECRET.encode() not in sealed and KEY in Keyring(Home.current()).names()
    keep_secret(channel, SECRET)  # the same once more: nothing tells that it is the same
    assert bytes(count("select key_digest from govern_channel where id = %s", channel.id)) != digest
    with pytest.raises(SecretRefused):
        keep_secret(channel, "short")
    plain, _ = add_channel("web", "tracking", owner=owner_actor().staff)
    with pytest.raises(NotSigned):
        keep_secret(plain, SECRET)


def test_an_event_that_is_sent_again_is_taken_once(send):
    body = body_of("shopify-customers-create")
    for _ in range(3):
        assert send("customers/create", body, event="same").status == 200
    assert accepting.waiting() == (1, 1)
    drain_all()
    assert send("customers/create", body, event="same").status == 200 and accepting.waiting() == (0, 0)
    assert send("customers/update", body, event="same").status == 200  # another topic of the same event is news
    assert accepting.waiting() == (1, 1)
    headers = {"x-shopify-event-id": "", "x-shopify-webhook-id": "w"}
    send("orders/create", {"id": 1}, **headers)
    send("orders/create", {"id": 2}, **headers)
    assert accepting.waiting() == (2, 2)


def test_what_shopify_gave_up_goes_to_quarantine(send):
    person = body_of("shopify-customers-create")
    assert send("customers/update", person, at=ago(hours=49)).status == 200
    assert send("customers/update", person, at=ago(hours=47)).status == 200
    assert send("customers/redact", body_of("shopify-customers-redact"), at=ago(hours=90)).status == 200  # at any age
    drain_all()
    assert reasons() == ["message_too_old"] and [one["right"] for one in board()] == ["erase"]


def test_an_older_update_that_comes_later_does_not_win(send):
    def update(phone, **much):
        person = body_of("shopify-customers-create", phone=phone, updated_at=ago(**much))
        assert send("customers/update", person, at=ago(**much)).status == 200

    update("+4915100000002", minutes=5)
    drain_all()
    update("+4915100000001", minutes=50)
    drain_all()
    [mira] = found(email="mira.hoffmann@mail.example")
    assert profile(mira)["phone"] == "+4915100000002"
    newest = "select r.said_at = (select max(said_at) from record) from source_key k join record r on r.id = k.record"
    assert count(newest)
    update("+4915100000003", minutes=1)
    drain_all()
    assert profile(mira)["phone"] == "+4915100000003"
    assert count("select count(*) from record") == 3  # what came late is kept


@pytest.mark.parametrize("at_once", [True, False])
def test_what_is_said_again_stands_from_then_on(send, at_once):
    """It brings no record of its own, and what was said in between, and comes later, does not win over it."""
    for phone, minutes in (("+4915100000001", 30), ("+4915100000001", 10), ("+4915100000002", 20)):
        person = body_of("shopify-customers-create", phone=phone, updated_at=ago(minutes=minutes))
        send("customers/update", person, at=ago(minutes=minutes))
        if not at_once:
            drain_all()
    drain_all()
    [mira] = found(email="mira.hoffmann@mail.example")
    assert profile(mira)["phone"] == "+4915100000001" and count("select count(*) from record") == 2


def test_what_an_undone_import_leaves_is_the_newest_by_what_it_says(send, channel):
    for phone, minutes in (("+4915100000003", 10), ("+4915100000001", 30)):
        send("customers/update", body_of("shopify-customers-create", phone=phone, updated_at=ago(minutes=minutes)))
        drain_all()
    set_terms(channel, actor=owner_actor(), basis="consent")
    # under other terms it is another import
    send("customers/update", body_of("shopify-customers-create", phone="+4915100000009", updated_at=ago(minutes=1)))
    drain_all()
    last = Import.objects.order_by("-started_at").first()
    take_back(last, actor=owner_actor())
    [mira] = found(email="mira.hoffmann@mail.example")
    assert profile(mira)["phone"] == "+4915100000003"
    assert count("select r.said_at = (select max(said_at) from record where not hidden) from source_key k"
                 " join record r on r.id = k.record")  # fmt: skip


def test_an_old_body_under_new_headers_is_as_old_as_it_says(send):
    """Nobody signs the headers: who kept a message may send it again under another id and time."""
    old = body_of("shopify-customers-create", phone="+4915100000001", updated_at=ago(hours=5))
    send("customers/update", body_of("shopify-customers-create", phone="+4915100000002", updated_at=ago(hours=1)))
    send("customers/update", old, at=ago(seconds=1))
    drain_all()
    [mira] = found(email="mira.hoffmann@mail.example")
    assert profile(mira)["phone"] == "+4915100000002"
    for _ in range(2):
        send("customers/redact", body_of("shopify-customers-redact"))
    drain_all()
    assert len(board()) == 1  # a request about privacy is known by its own bytes


def test_what_is_said_of_email_is_a_subscription_and_a_consent_where_it_is_mapped(send, channel):
    consent = body_of("shopify-customers-email-marketing-consent-update")
    assert send("customers_email_marketing_consent/update", consent).status == 200
    drain_all()
    [mira] = found(email="mira.hoffmann@mail.example")
    assert [(one.medium, one.topic, one.status, one.ground) for one in standing(mira)] == [
        ("email", "newsletter", "subscribed", "consent")
    ]
    assert count("select count(*) from govern_consent") == 0  # to be written to is not: to have one's data used
    set_terms(channel, actor=owner_actor(), consents={"email_marketing_consent": "marketing"})
    send("customers/email_marketing_consent_update", consent)
    drain_all()
    assert count("select count(*) from govern_consent where subject = %s and status = 'given'", mira) == 1
    assert count("select count(*) from govern_subscription") == 1  # said again, it is no news
    assert count("select count(*) from ledger_entry where action = 41") == 1


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (0, 2, 1), (2, 0, 1), (1, 2, 0), (1, 0, 2)])
def test_what_was_said_last_of_email_counts_in_whatever_order_it_comes(send, order):
    said = [("subscribed", 30), ("unsubscribed", 20), ("subscribed", 10)]
    for at in order:
        state, minutes = said[at]
        stated = {"state": state, "opt_in_level": "single_opt_in", "consent_updated_at": ago(minutes=minutes)}
        send("customers_email_marketing_consent/update", {"customer_id": 5, "email_address": "a@mail.example",
             "email_marketing_consent": stated}, at=ago(minutes=minutes))  # fmt: skip
        drain_all()
    [who] = found(email="a@mail.example")
    assert [one.status for one in standing(who)] == ["subscribed"]
    assert set(reasons()) <= {"message_said_later"}


def test_what_was_said_elsewhere_counts_too(send):
    send("customers/create", body_of("shopify-customers-create"))
    drain_all()
    [mira] = found(email="mira.hoffmann@mail.example")
    consent = body_of("shopify-customers-email-marketing-consent-update")
    set_subscription(mira, "email", "newsletter", "unsubscribed", actor=owner_actor())
    send("customers_email_marketing_consent/update", consent)  # said on the twentieth
    drain_all()
    assert reasons() == ["message_said_later"] and standing(mira)[0].status == "unsubscribed"
    set_subscription(mira, "email", "newsletter", "suppressed", actor=owner_actor())
    consent["email_marketing_consent"]["consent_updated_at"] = ago(seconds=0)
    send("customers_email_marketing_consent/update", consent)
    drain_all()
    assert reasons() == ["message_said_later", "message_suppressed"] and standing(mira)[0].status == "suppressed"


def test_a_yes_that_says_not_when_it_was_said_is_no_news_to_whoever_said_anything_since(send):
    def told(state: str, minutes: float) -> None:
        stated = {"state": state, "opt_in_level": "single_opt_in", "consent_updated_at": None}
        at = ago(minutes=minutes)
        send("customers/update", {"id": 5, "email": "a@mail.example", "updated_at": at, "tags": f"{minutes}",
             "email_marketing_consent": stated}, at=at)  # fmt: skip
        drain_all()

    told("subscribed", 30)
    [who] = found(email="a@mail.example")
    assert [one.status for one in standing(who)] == ["subscribed"]  # nobody had said anything
    set_subscription(who, "email", "newsletter", "unsubscribed", actor=owner_actor())
    told("subscribed", -1)  # the shop changed a tag
    assert [one.status for one in standing(who)] == ["unsubscribed"] and reasons() == []


def test_a_no_that_says_not_when_it_was_said_counts_as_of_its_message(send):
    for state in ("subscribed", "unsubscribed"):
        send("customers/update", {"id": 5, "email": "a@mail.example", "updated_at": ago(minutes=1),
             "email_marketing_consent": {"state": state, "consent_updated_at": None}})  # fmt: skip
        drain_all()
    [who] = found(email="a@mail.example")
    assert [one.status for one in standing(who)] == ["unsubscribed"]


def test_states_that_nobody_said_are_no_word(send):
    for state in ("not_subscribed", "pending", "invalid", "redacted", "", None, 7):
        send("customers/update", {"id": 5, "email": "a@mail.example", "email_marketing_consent": {"state": state}})
    drain_all()
    assert count("select count(*) from govern_subscription") == 0 and reasons() == []


def test_the_privacy_topics_open_requests_with_a_clock(send, channel):
    send("customers/create", body_of("shopify-customers-create"))
    drain_all()
    send("customers/data_request", body_of("shopify-customers-data-request"))
    stranger = {"id": 404, "email": "who@mail.example", "phone": None}
    send("customers/redact", body_of("shopify-customers-redact", customer=stranger))
    send("shop/redact", body_of("shopify-shop-redact"))
    drain_all()
    [mira] = found(email="mira.hoffmann@mail.example")
    access, erase, whole = board()
    assert (access["right"], access["subject"], access["state"]) == ("access", str(mira), "open") and access["due"]
    assert "8200001, 8200002" in access["text"] and "9999" in access["text"] and access["identity"] is None
    assert (erase["right"], erase["subject"]) == ("erase", None) and erase["due"]
    assert erase["identity"] == {
        "channel": "茶 shop", "external_id": "404", "email": "who@mail.example", "shop": "tea.myshopify.example",
    }  # fmt: skip
    assert whole["right"] == "erase" and whole["identity"] == {"channel": "茶 shop", "shop": "tea.myshopify.example"}
    assert "shop/redact" in whole["text"] and reasons() == []
    assert count("select count(*) from ledger_entry where action = 15") >= 3


def test_what_a_body_asks_of_privacy_is_what_it_says_itself_and_no_header(send):
    """Nobody signs topic, shop and ids: who kept a signed body can send it again under others."""
    ask, leave = body_of("shopify-customers-data-request"), body_of("shopify-customers-redact")
    shop_gone = body_of("shopify-shop-redact")
    for body in (ask, leave, shop_gone):
        for topic in (
            "customers/data_request",
            "customers/redact",
            "shop/redact",
            "customers/update",
            "app/uninstalled",
        ):
            assert send(topic, body, **{"x-shopify-shop-domain": f"{topic[:3]}.myshopify.example"}).status == 200
    drain_all()
    assert [one["right"] for one in board()] == ["access", "erase", "erase"] and reasons() == []
    assert [one["identity"]["shop"] for one in board()] == ["tea.myshopify.example"] * 3
    order, person = body_of("shopify-orders-create"), body_of("shopify-customers-create")
    send("customers/redact", order)
    send("customers/data_request", person)
    send("shop/redact", {"id": 954001, "domain": "tea.myshopify.example"})
    send("customers/redact", {**ask, **leave})
    drain_all()
    assert len(board()) == 3 and reasons() == ["message_other_topic"] * 4


def test_a_body_is_read_as_what_it_is_and_under_no_other_topic(send):
    order, person = body_of("shopify-orders-create"), body_of("shopify-customers-create")
    gone = body_of("shopify-customers-delete")
    send("customers/create", person)
    for _ in range(2):
        send("customers/delete", gone)
        drain_all()
    assert count("select count(*) from record where kind = 4") == 1  # under another id it is no second time
    for body in (order, {name: held for name, held in order.items() if name != "admin_graphql_api_id"}):
        send("customers/update", body)
        send("customers/delete", body)
    for body in (person, {name: held for name, held in person.items() if name != "admin_graphql_api_id"}):
        send("orders/create", body)
        send("customers/delete", body)
    drain_all()
    assert reasons() == ["message_other_topic"] * 8 and count("select count(*) from record") == 2
    send("orders/cancelled", order)
    drain_all()
    [buyer] = found(email="mira.hoffmann@mail.example")
    assert profile(buyer)["order_status"] == "paid"


def test_requests_open_where_whoever_answers_for_the_channel_keeps_none(send, channel):
    Channel.objects.filter(id=channel.id).update(owner=staff("analyst").staff)
    send("customers/data_request", body_of("shopify-customers-data-request"))
    drain_all()
    assert [one["right"] for one in board()] == ["access"]


def test_a_request_that_could_not_be_taken_in_is_not_lost(send, monkeypatch):
    monkeypatch.setattr("kehu.serve.rights.asked.open_request", lambda **_: int("no number"))
    send("customers/data_request", body_of("shopify-customers-data-request"))
    send("customers/create", body_of("shopify-customers-create"))
    drain_all()
    assert reasons() == ["message_not_taken_in"] and len(found(email="mira.hoffmann@mail.example")) == 1


def test_a_crash_after_a_request_was_opened_leaves_none_and_the_next_try_opens_one(send, monkeypatch):
    send("customers/data_request", body_of("shopify-customers-data-request"))
    with monkeypatch.context() as crash:

        def killed(*_):
            raise OperationalError

        crash.setattr(draining._Channel, "_done", killed)
        with pytest.raises(OperationalError):
            drain_all()
    assert board() == [] and accepting.waiting() == (1, 1)
    drain_all()
    assert [one["right"] for one in board()] == ["access"] and accepting.waiting() == (0, 0)


def test_topics_and_bodies_that_say_nothing_to_us_are_answered_and_seen(send):
    assert send("products/create", {"id": 1}).status == 200
    assert send("orders/create", {"id": 1, "name": "#1"}).status == 200
    assert send("orders/create", {"email": "a@mail.example"}).status == 200
    assert send("customers/update", {}).status == 200
    drain_all()
    assert reasons() == ["message_no_customer", "message_no_customer", "message_no_order", "message_unknown_topic"]
    assert send("", {"id": 1}).status == 400 and send("customers/create", b"[]").status == 400
    assert send("customers/create", b"{").status == 400 and send("customers/create", b"\xff").status == 400
    assert kinds()["shopify"].answer(Request("GET", "/hooks/shopify/x", {}, {}, b"")).status == 405


def test_an_account_that_the_shop_deleted_stays_until_somebody_decides(send):
    send("customers/create", body_of("shopify-customers-create"))
    send("customers/delete", body_of("shopify-customers-delete"))
    drain_all()
    [mira] = found(email="mira.hoffmann@mail.example")
    assert profile(mira)["kind"] == "shop account deleted" and board() == []


def test_names_that_nobody_reads_are_counted(send):
    send("customers/create", body_of("shopify-customers-create", shoe=38, loyalty={"tier": "gold"}))
    drain_all()
    assert unread() == ["loyalty", "shoe"]


def test_no_value_lies_in_clear_while_it_waits_or_after(send, database):
    mark = f"zq{uuid4().hex}"
    person = body_of("shopify-customers-create", first_name=mark, unknown={mark: 1})
    send("customers/create", person)
    send("orders/create", body_of("shopify-orders-create", customer=person, note=mark))
    send(
        "customers/redact", body_of("shopify-customers-redact", customer={"id": mark, "email": f"{mark}@mail.example"})
    )
    send("themes/publish", {"by": mark})
    assert places_with(mark, database) == set()
    drain_all()
    assert places_with(mark, database) == set()
    assert len(board()) == 1 and reasons() == ["message_unknown_topic"]


def test_too_much_waiting_is_told_with_the_time_to_wait(send, monkeypatch):
    monkeypatch.setenv("KEHU_INBOX_MOST", "0")
    accepting._held.looked = -10.0
    response = send("customers/create", {"id": 1})
    assert response.status == 503 and dict(response.headers)["Retry-After"]


# -- WooCommerce


def test_woocommerce_customers_and_orders():
    made = shop("woocommerce", "woo")
    assert woocommerce("woo", "customer.created", body_of("woocommerce-customer-created")).status == 200
    assert woocommerce("woo", "order.created", body_of("woocommerce-order-created")).status == 200
    assert (
        woocommerce(str(made.id), "order.updated", body_of("woocommerce-order-created", customer_id=25)).status == 200
    )
    assert woocommerce("woo", "product.created", {"id": 1}).status == 200
    assert woocommerce("woo", "order.deleted", {"id": 727}).status == 200
    assert woocommerce("woo", "customer.deleted", {"id": 25}).status == 200
    drain_all()
    jonas = found(email="jonas.weber@mail.example")
    assert jonas and reasons() == ["message_no_customer", "message_unknown_topic"]
    held = profile(next(one for one in jonas if profile(one).get("external_id") == "25"))
    assert held["full_name"] == "Jonas Weber" and held["locality"] == "Kiel" and held["kind"] == "shop account deleted"
    assert count("select count(*) from record where kind = 3") == 2


def test_woocommerce_reads_a_body_as_what_it_is_and_under_no_other_topic():
    """Numbers of orders and customers are small: an order's body as a customer's would be written to somebody else."""
    shop("woocommerce", "woo")
    person, order = body_of("woocommerce-customer-created", id=727), body_of("woocommerce-order-created")
    woocommerce("woo", "customer.created", person)
    drain_all()
    before = count("select count(*) from record")
    for topic in ("customer.created", "customer.updated", "customer.deleted"):
        woocommerce("woo", topic, order)
    for topic in ("order.created", "order.updated", "order.restored", "customer.deleted"):
        woocommerce("woo", topic, person)
    drain_all()
    assert reasons() == ["message_other_topic"] * 7 and count("select count(*) from record") == before


def test_woocommerce_first_ping_is_answered_and_does_nothing():
    shop("woocommerce", "woo")
    ping = {"content-type": "application/x-www-form-urlencoded"}
    answer = kinds()["woocommerce"].answer
    assert answer(Request("POST", "/hooks/woocommerce/woo", {}, ping, b"webhook_id=3")).status == 200
    assert answer(Request("POST", "/hooks/woocommerce/woo", {}, ping, b"webhook_id=3&x=1")).status == 401
    wrong = {**ping, "x-wc-webhook-signature": "x"}
    assert answer(Request("POST", "/hooks/woocommerce/woo", {}, wrong, b"webhook_id=3")).status == 401
    assert accepting.waiting() == (0, 0)


def test_woocommerce_signature_repeat_and_order_of_coming():
    shop("woocommerce", "woo")
    person = body_of("woocommerce-customer-created")
    assert woocommerce("woo", "customer.created", person, secret=OTHER).status == 401
    for minute, phone in ((30, "+4915100000003"), (10, "+4915100000001"), (20, "+4915100000002")):
        changed = f"2026-11-20T09:{minute}:00"
        for _ in range(2):  # a delivery that comes again is the same by its bytes
            person["billing"]["phone"] = phone
            assert woocommerce("woo", "customer.updated", {**person, "date_modified_gmt": changed}).status == 200
        drain_all()
    assert count("select count(*) from record") == 3
    assert profile(found(email="jonas.weber@mail.example")[0])["phone"] == "+4915100000003"


# -- any other


def shopline(body: dict[str, Any], topic: str = "customers/update") -> Any:
    raw = json.dumps(body).encode()
    return webhook("line", raw, {"x-shopline-topic": topic, "x-shopline-hmac-sha256": signature(raw)})


def test_shopline_by_configuration():
    made = shop("webhook", "line")
    assert shopline(body_of("shopline-customers-update")).status == 401  # nobody has said how it signs
    keep_settings(made, (WIRE / "shopline.toml").read_bytes())
    set_terms(made, actor=owner_actor(), basis="contract")
    assert shopline(body_of("shopline-customers-update")).status == 200
    assert shopline(body_of("shopline-customers-update")).status == 200  # the same bytes: the same message
    assert shopline(body_of("shopline-customers-update"), "orders/create").status == 200
    older = body_of("shopline-customers-update", phone="+8613900001111", updated_at="2026-11-19T00:00:00+08:00")
    assert shopline(older).status == 200
    drain_all()
    [chen] = found(email="chen.yu@mail.example")
    held = profile(chen)
    assert (held["full_name"], held["phone"], held["locality"]) == ("陈雨", "+8613800006721", "杭州市")
    assert reasons() == ["message_unknown_topic"]


def unread() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("select name from inbox_unread order by name")
        return [name for [name] in cursor.fetchall()]


TWO = b"""
signature = "X-Shopline-Hmac-Sha256"
topic = "kind"
id = "call"
at = "at"

[[row]]
kind = "interactions"
topics = ["call"]
[row.fields]
"caller.phone" = "phone"
kind = "kind"

[[row]]
kind = "interactions"
topics = ["call", "note"]
[row.fields]
"callee.phone" = "phone"
kind = "kind"
"""


def test_two_rows_of_one_message_are_two_each_with_its_own_customer():
    made = shop("webhook", "line")
    keep_settings(made, TWO)
    set_terms(made, actor=owner_actor(), basis="contract")
    call = {
        "call": "c-1",
        "kind": "call",
        "at": ago(hours=1),
        "caller": {"phone": "+491711000001"},
        "callee": {"phone": "+491711000002"},
        "mood": "calm",
    }
    note = {"call": "c-2", "kind": "note", "at": ago(hours=1), "callee": {"phone": "+491711000003"}}
    for _ in range(2):
        assert shopline(call).status == shopline(note).status == 200
        drain_all()
        assert count("select count(distinct subject) from record where kind = 4") == 3
        assert count("select count(*) from record where kind = 4") == 3
        with connection.cursor() as cursor:
            cursor.execute("delete from inbox_seen")  # as after a week: told once more, each is known again
    assert unread() == ["mood"]  # what says when, which topic and which message it is was read
    # the first of a kind is known by the message's own id
    source = installation().tokens.source
    for own in (digest_of("call", "c-1"), digest_of("note", "c-2")):
        assert count("select count(*) from source_key where token = %s", source(1, made.id, 4, own)) == 1


def test_a_message_with_an_id_is_the_same_under_another_topic_that_nobody_signed():
    made = shop("webhook", "line")
    keep_settings(made, b'id = "event"\n' + (WIRE / "shopline.toml").read_bytes())
    body = body_of("shopline-customers-update", event="e-1")
    assert shopline(body).status == shopline(body, "customers/create").status == 200
    assert accepting.waiting() == (1, 1)
    assert shopline({"id": 5}, "customers/delete").status == shopline({"id": 5}, "orders/delete").status == 200
    assert accepting.waiting() == (3, 3)  # without an id the same bytes may be two


HEX = b"""
signature = "X-Signature"
encoding = "hex"
prefix = "sha256="
timestamp = "X-Timestamp"
signed = "v0:{timestamp}:{body}"
id = "event.id"
topic = "event.type"

[[row]]
kind = "customers"
[row.fields]
"customer.email" = "email"
"customer.name" = "full_name"

[[row]]
kind = "orders"
topics = ["order"]
[row.fields]
"customer.email" = "email"
"order.number" = "order_id"
"order.total" = "amount"
"""


def post_hex(body: dict[str, Any], *, at: float, prefix: str = "sha256=", wrong: bool = False) -> int:
    raw = json.dumps(body).encode()
    made = hmac.digest(SECRET.encode(), f"v0:{int(at)}:".encode() + raw, "sha256").hex()
    headers = {"x-signature": prefix + made.upper(), "x-timestamp": str(int(at) + (1 if wrong else 0))}
    return webhook("any", raw, headers).status


def test_a_signed_time_is_believed_for_five_minutes():
    made = shop("webhook", "any")
    keep_settings(made, HEX)
    set_terms(made, actor=owner_actor(), basis="contract")
    person = {"event": {"id": 1, "type": "order"}, "customer": {"email": "li@mail.example", "name": "李雷"},
              "order": {"number": "O-1", "total": 12.5}}  # fmt: skip
    now = time.time()
    assert post_hex(person, at=now) == 200 and post_hex(person, at=now - 290) == 200
    assert accepting.waiting() == (1, 1)  # known by its id in the signed body
    assert post_hex(person, at=now - 320) == 400 and post_hex(person, at=now + 320) == 400
    assert post_hex(person, at=now, wrong=True) == 401 and post_hex(person, at=now, prefix="") == 401
    drain_all()
    [li] = found(email="li@mail.example")
    held = profile(li)
    assert held["full_name"] == "李雷" and held["order_id"] == "O-1" and held["amount"] == "12.5"


@pytest.mark.parametrize(
    ("told", "names"),
    [
        ("x", "TOML"), ("", "signature"), ('signature = "a b"', "signature"), ('signature = "a"', "row"),
        ('signature = "a"\nencoding = "rot13"', "encoding"), ('signature = "a"\ncolour = "red"', "colour"),
        ('signature = "a"\nsigned = "{timestamp}{body}"', "timestamp"),
        ('signature = "a"\n[[row]]\nkind = "dogs"\nfields = {a = "email"}', "row.kind"),
        ('signature = "a"\n[[row]]\nkind = "customers"\nfields = {a = "shoe"}', "shoe"),
        ('signature = "a"\n[[row]]\nkind = "customers"\nfields = {a = "full_name"}', "whose"),
        ('signature = "a"\n[[row]]\nkind = "orders"\nfields = {a = "email", b = "gender"}', "gender"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_followed_are_named(told, names):
    with pytest.raises(SettingsRefused, match=names):
        checked(told.encode())
