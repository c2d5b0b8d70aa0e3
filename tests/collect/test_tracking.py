"""The tracking API from request to sealed record: who it is, what they did, what they allowed, and nothing twice."""

from __future__ import annotations

import base64
import csv
import gzip
import importlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection

from kehu.collect.channels import Request, kinds
from kehu.collect.channels.tracking.read import nameless
from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox import drain as draining
from kehu.collect.inbox.drain import drain, drain_all
from kehu.collect.inbox.health import check_inbox, check_terms
from kehu.collect.inbox.terms import set_terms
from kehu.collect.models import Import, Quarantined
from kehu.govern.channels import add_channel
from kehu.govern.consent import Statement, give_consent
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.read import gate
from kehu.guard.staff.actions import actor_of, owner_actor
from kehu.guard.staff.models import Staff
from kehu.serve.desk import queries
from kehu.vault.ids import new_id
from tests.cast import staff
from tests.doors.portal.test_notices import widen

reading_module = importlib.import_module("kehu.collect.channels.tracking.read")
AT = "2026-11-20T08:00:00.000Z"
pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def channel(database, monkeypatch):
    """A channel of a website, with its key."""
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    made, key = add_channel("web", "tracking", owner=owner_actor().staff, country="CN")
    return made, key


@pytest.fixture
def send(channel):
    """Post messages as a client does; returns status and answer."""

    def posted(*messages: dict[str, Any], call="batch", key=channel[1], packed=False, **more: Any):
        content = {"batch": list(messages), "sentAt": datetime.now(UTC).isoformat(), **more}
        body = json.dumps(content if call == "batch" else messages[0]).encode()
        headers = {"authorization": "Basic " + base64.b64encode(f"{key}:".encode()).decode()}
        if packed:
            body, headers = gzip.compress(body), headers | {"content-encoding": "gzip"}
        response = kinds()["tracking"].answer(Request("POST", f"/v1/{call}", {}, headers, body))
        return response.status, json.loads(response.body), dict(response.headers)

    return posted


def message(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "messageId": str(new_id()), "timestamp": AT, **more}


def count(query: str, *parameters: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()[0]


def found(purpose="service", **what: str) -> list[Any]:
    return queries.find(what, actor=staff_once("service"), purpose=purpose)[0]


def staff_once(role):
    held = Staff.objects.filter(role=role).first()
    return actor_of(held.email) if held else staff(role)


def values_of(customer, kinds_=None) -> dict[str, list[str]]:
    opened = gate().open([customer], actor=staff_once("service"), purpose="service")[0]
    shown: dict[str, list[str]] = {}
    for one in opened.contributions:
        shown.setdefault(one.field, []).append(one.normal or one.given)
    return shown


def test_who_is_identified_is_a_customer_and_what_they_do_is_theirs(send, channel):
    set_terms(channel[0], actor=owner_actor(), basis="contract")
    person = message("identify", userId="U-1", traits={"email": "Lin@Mail.example", "name": "林婉清", "shoe": 38})
    bought = message(
        "track", userId="U-1", event="Order Completed",
        properties={"order_id": "O-7", "total": 99.5, "currency": "CNY", "products": [{"name": "tea"}, {"sku": "cup"}]},
    )  # fmt: skip
    status, answer, _ = send(person, bought, message("page", userId="U-1", name="Home", properties={"path": "/"}))
    assert (status, answer) == (200, {"success": True})
    assert accepting.waiting() == (3, 1)
    assert count("select count(*) from record") == 0  # nothing is understood before it is durable
    assert drain_all() == 3 and accepting.waiting() == (0, 0)
    [lin] = found(email="lin@mail.example")
    shown = values_of(lin)
    assert shown["full_name"] == ["林婉清"] and shown["email"] == ["lin@mail.example"]
    assert shown["order_id"] == ["O-7"] and shown["product"] == ["tea, cup"] and shown["kind"] == ["page"]
    assert shown["at"] == [shown["ordered_at"][0]]
    assert count("select count(*) from inbox_unread where name = 'shoe' and messages = 1") == 1
    assert count("select count(*) from subject_key k join inbox i on i.id = k.subject") == 0
    assert {one.kind for one in Import.objects.filter(channel=channel[0].id, state="open")} == {
        "customers", "orders", "interactions",
    }  # fmt: skip


def test_a_message_sent_again_is_answered_and_not_taken_twice(send):
    first, second = message("track", userId="U-1", event="A"), message("track", userId="U-1", event="B")
    assert send(first)[0] == 200 and send(first)[0] == 200
    assert accepting.waiting() == (1, 1)
    drain_all()
    assert send(first, second, second)[0] == 200
    assert drain_all() == 1
    assert count("select count(*) from record where kind = 4") == 2


def test_two_messages_that_say_the_same_are_two(send):
    send(message("track", userId="U-1", event="A"), message("track", userId="U-1", event="A"))
    drain_all()
    assert count("select count(*) from record where kind = 4") == 2


def test_a_visitor_becomes_who_is_identified_with_what_was_covered(send, channel):
    set_terms(channel[0], actor=owner_actor(), consents={"ads": "marketing", "stats": "analytics"})
    yes, no = ({"consent": {"categoryPreferences": {"stats": said}}} for said in (True, False))
    send(message("page", anonymousId="D-1", context=yes), message("page", anonymousId="D-1", context=no))
    send(message("page", anonymousId="D-1"))  # nobody asked: consent is the ground, so not covered
    drain_all()
    assert count("select count(distinct customer) from subject_state") == 2  # the visitor, and what nobody may join
    send(message("identify", anonymousId="D-1", userId="U-1", traits={"email": "lin@mail.example"}, context=yes))
    drain_all()
    [lin] = found(email="lin@mail.example")
    assert count("select count(*) from record r join subject_state s using (subject) where s.customer = %s", lin) == 2
    assert count("select count(distinct customer) from subject_state") == 2
    send(message("page", anonymousId="D-1", context=yes))
    drain_all()
    assert count("select count(*) from record r join subject_state s using (subject) where s.customer = %s", lin) == 3


def test_a_refusal_keeps_them_anonymous(send, channel):
    set_terms(channel[0], actor=owner_actor(), consents={"stats": "analytics"})
    yes, no = ({"consent": {"categoryPreferences": {"stats": said}}} for said in (True, False))
    send(message("page", anonymousId="D-1", context=yes))
    send(message("identify", anonymousId="D-1", userId="U-1", traits={"email": "lin@mail.example"}, context=no))
    drain_all()
    assert count("select count(distinct customer) from subject_state") == 2


def test_a_device_that_two_people_use_joins_nobody_to_nobody(send, channel):
    set_terms(channel[0], actor=owner_actor(), basis="contract")
    send(message("page", anonymousId="D-1"))
    for name in ("a", "b"):
        send(message("identify", anonymousId="D-1", userId=name, traits={"email": f"{name}@mail.example"}))
        drain_all()
    [a], [b] = found(email="a@mail.example"), found(email="b@mail.example")
    assert a != b and count("select count(*) from subject_state where customer = %s", b) == 1


def test_a_yes_that_a_channel_brings_is_to_what_its_notice_told_of_the_purpose(send, channel):
    """Its terms name the notice that was in force when they were said; the purpose has become wider since."""
    set_terms(channel[0], actor=owner_actor(), consents={"ads": "marketing"})
    assert not list(check_terms())
    widen((staff("manager"), staff("legal")), "marketing", {"recipients": ["Parcel Post"]})
    consent = {"consent": {"categoryPreferences": {"ads": True}}}
    send(message("identify", userId="U-1", traits={"email": "lin@mail.example"}, context=consent))
    drain_all()
    assert count("select purpose_version from govern_consent where status = 'given'") == 1
    [told] = check_terms()
    assert (told.id, told.severity) == ("notices.channel", "warning")
    assert "Channel web" in told.text and "privacy@1" in told.text and "marketing" in told.text


def test_consent_said_with_a_message_counts_for_its_purpose(send, channel):
    set_terms(channel[0], actor=owner_actor(), consents={"ads": "marketing"})
    said = {"consent": {"categoryPreferences": {"ads": True, "other": True}}}
    who = {"userId": "U-1", "traits": {"email": "lin@mail.example"}}
    for _ in range(3):  # said with every message, it is no news
        send(message("identify", context=said, **who))
        drain_all()
    [lin] = found(email="lin@mail.example")
    assert count("select count(*) from govern_consent where subject = %s and status = 'given'", lin) == 1
    assert gate().open([lin], actor=staff("marketing"), purpose="marketing", fields=["email"])[0].contributions
    send(message("identify", **who))  # silence changes nothing
    assert count("select count(*) from govern_consent where subject = %s", lin) == 1
    no = {"consent": {"categoryPreferences": {"ads": False}}}
    send(message("track", userId="U-1", event="Segment Consent Preference Updated", context=no))
    drain_all()
    assert not gate().open([lin], actor=staff_once("marketing"), purpose="marketing", fields=["email"])[0].contributions
    assert count("select messages from inbox_unread where name = 'consent.other'") == 3


def test_a_no_in_the_same_words_counts_again_after_a_yes_elsewhere(send, channel):
    set_terms(channel[0], actor=owner_actor(), consents={"ads": "marketing"})
    no = {"consent": {"categoryPreferences": {"ads": False}}}
    who = {"userId": "U-1", "traits": {"email": "lin@mail.example"}, "context": no}

    def says(at: datetime) -> Any:
        send(message("identify", **who) | {"timestamp": at.isoformat()})
        drain_all()
        return count("select consents -> %s ->> 0 from subject_state", str(PURPOSES["marketing"]))

    began = datetime.now(UTC) - timedelta(minutes=1)
    assert says(began) == "refused"
    [lin] = found(email="lin@mail.example")
    how = Statement(notice=1, way="at the counter")
    give_consent(
        lin, purpose=PURPOSES["marketing"], purpose_version=1, statement=how, recorded_by=new_id(), id=new_id()
    )
    assert says(began) == "given"  # said before the yes: it is no news
    assert says(datetime.now(UTC)) == "refused"
    assert says(datetime.now(UTC)) == "refused"
    assert count("select count(*) from govern_consent where subject = %s and status = 'refused'", lin) == 2
    assert count("select count(*) from record") == 1


def test_what_cannot_be_read_is_quarantined_and_the_rest_goes_on(send):
    bad = [{"type": "track", "messageId": "x1", "userId": "U-1"}, 7, {"type": "jump", "messageId": "x2", "userId": "U-1"},
           {"type": "page", "messageId": "x3"}, {"type": "track", "event": "A" * 40_000, "userId": "U-1"}]  # fmt: skip
    assert send(*bad, message("track", userId="U-1", event="fine"))[0] == 200
    drain_all()
    assert count("select count(*) from record where kind = 4") == 1
    assert sorted(Quarantined.objects.filter(accepted=False).values_list("reason", flat=True)) == [
        "message_names_nobody", "message_no_call", "message_no_event", "message_not_an_object", "message_too_large",
    ]  # fmt: skip


def test_what_is_no_json_though_clients_write_it_loses_nothing_beside_it(send, channel):
    """A text cut within an emoji, a division by zero, a number that no machine holds."""
    set_terms(channel[0], actor=owner_actor(), basis="contract")
    odd = {"half": "tea \ud83d", "none": float("nan"), "most": float("inf"), "long": 10**40, "whole": "茶🍵"}
    bought = {"order_id": "O-1", "total": float("nan"), "currency": "CNY"}
    sent = [message("track", userId="U-1", event="odd", properties=odd), message("track", userId="U-1", event="fine")]
    sent.append(message("track", userId="U-1", event="Order Completed", properties=bought))
    sent.append(message("identify", userId="U-1", traits={"email": "lin@mail.example"}))
    assert send(*sent)[0] == 200 and send(*sent)[0] == 200
    assert drain_all() == 4
    [lin] = found(email="lin@mail.example")
    shown = values_of(lin)
    assert json.loads(shown["text"][0]) == {"half": "tea ?", "long": 1e40, "whole": "茶🍵"}
    assert sorted(shown["kind"]) == ["fine", "odd"] and "amount" not in shown


def test_what_nests_too_deep_or_says_why_itself_is_kept_apart_from_the_rest(send):
    deep: Any = "x"
    for _ in range(400):
        deep = {"a": deep}
    sent = [message("track", userId="U-1", event="deep", properties=deep), message("track", userId="U-1", event="fine")]
    sent.append(message("track", userId="U-1", event="ours", **{"\x1fwhy": "w" * 200}))
    assert send(*sent)[0] == 200
    assert drain_all() == 3
    assert count("select count(*) from record where kind = 4") == 2
    assert [one.reason for one in Quarantined.objects.filter(accepted=False)] == ["message_too_deep"]


def test_what_a_batch_says_for_all_is_not_multiplied_without_end(send):
    many = [{"type": "track", "userId": "U-1", "event": "A"}] * 5_000
    assert send(*many, context={"page": "p" * 2_000})[0] == 400
    assert send(*many[:1_000], context={"page": "p" * 2_000})[0] == 200


def test_a_batch_is_as_large_as_clients_make_one(send):
    """They add messages until these are 4 MB together, then what stands around them."""
    sent, size = list[Any](), 0
    while size < 4 << 20:
        sent.append(message("track", userId="U-1", event="A", properties={"text": "t" * 30_000}))
        size += len(json.dumps(sent[-1]))
    assert send(*sent)[0] == 200 and send(*sent, packed=True)[0] == 200
    assert send(*sent, *sent[:10])[0] == 400
    assert accepting.waiting() == (len(sent), 1)


def test_an_id_too_long_to_keep_is_known_again(send):
    long = message("track", userId="U-1", event="A") | {"messageId": "m" * 300}
    assert send(long)[0] == 200 and send(long)[0] == 200
    assert drain_all() == 1


def test_a_time_that_no_calendar_has_is_when_it_came(send):
    far = message("track", userId="U-1", event="A") | {"timestamp": "9999-12-31T00:00:00Z"}
    assert send(far, sentAt="0001-01-01T00:00:00+10:00")[0] == 200
    assert drain_all() == 1 and count("select count(*) from record where kind = 4") == 1
    assert not Quarantined.objects.filter(accepted=False).exists()


def test_a_message_that_the_database_refuses_stops_nobody(send, monkeypatch):
    send(message("track", userId="U-1", event="poison"))
    send(message("track", userId="U-1", event="fine"))
    real = reading_module._Call._track

    def fails(self):
        if self._message["event"] == "poison":
            self._unread["no\0text"] = 1  # PostgreSQL keeps no such text
        return real(self)

    monkeypatch.setattr(reading_module._Call, "_track", fails)
    for _ in range(12):
        drain()
    assert accepting.waiting() == (0, 0) and count("select count(*) from record where kind = 4") == 1
    assert [one.reason for one in Quarantined.objects.filter(accepted=False)] == ["message_not_taken_in"]


def test_a_refused_message_is_mended_as_a_row_and_brought_in(send, channel, kehu, tmp_path):
    set_terms(channel[0], actor=owner_actor(), basis="contract")
    send(message("identify", userId="U-1", traits={"email": "lin@mail.example"}))
    send(message("track", userId="U-1", event=" "), message("track", userId="U-1", event="fine"))
    drain_all()
    path, whole = tmp_path / "mend.csv", tmp_path / "mended.csv"
    assert kehu("quarantine", "replay").json["quarantined"] == 1  # as it came it is refused again
    assert kehu("quarantine", "export", "--to", str(path)).json["rows"] == 1
    with path.open(encoding="utf-8-sig") as exported:
        [row] = csv.DictReader(exported)
    assert json.loads(row["quarantine_raw"])["userId"] == "U-1"
    with whole.open("w") as mended:
        out = csv.DictWriter(mended, list(row))
        out.writeheader()
        out.writerow(row | {"external_id": "U-1", "kind": "mended", "at": AT})
    assert kehu("quarantine", "replay", "--file", str(whole)).json["quarantined"] == 0
    [lin] = found(email="lin@mail.example")
    assert sorted(values_of(lin)["kind"]) == ["fine", "mended"]
    assert kehu("quarantine", "list").json["rows"] == []


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b"{", {}, 400), (b"[]", {}, 400), (b'{"batch":{}}', {}, 400), (b'{"batch":[]}', {}, 400),
        (b"\x1f\x8bnonsense", {"content-encoding": "gzip"}, 400),
        (gzip.compress(b"{}")[:-9], {"content-encoding": "gzip"}, 400), (b"{}", {"content-encoding": "br"}, 400),
        (gzip.compress(b" " * (5 << 20)), {"content-encoding": "gzip"}, 400),
    ],
    ids=("cut", "list", "no list", "no messages", "not packed", "cut packed", "packed otherwise", "bomb"),
)  # fmt: skip
def test_a_bad_request_is_told_so(channel, body, headers, code):
    key = base64.b64encode(f"{channel[1]}:".encode()).decode()
    request = Request("POST", "/v1/batch", {}, {"authorization": f"Basic {key}", **headers}, body)
    response = kinds()["tracking"].answer(request)
    assert response.status == code and set(json.loads(response.body)) == {"code", "message"}


def test_keys(send, channel):
    assert send(message("page", anonymousId="D"), key="kehu_wrong")[0] == 401
    assert send(message("page", anonymousId="D"), key="")[0] == 401
    bare = {"writeKey": channel[1], "batch": [message("page", anonymousId="D")]}
    response = kinds()["tracking"].answer(Request("POST", "/v1/batch", {}, {}, json.dumps(bare).encode()))
    assert response.status == 200
    with connection.cursor() as cursor:  # taken away: the very next request is refused, whatever a process remembers
        cursor.execute("update govern_channel set key_digest = null")
    assert send(message("page", anonymousId="D"))[0] == 401
    assert accepting.waiting() == (1, 1)


def test_no_more_waits_than_may(send, monkeypatch):
    monkeypatch.setenv("KEHU_INBOX_MOST", "2")
    assert send(message("page", anonymousId="D"), message("page", anonymousId="D"))[0] == 200
    accepting._held.looked = 0.0
    status, answer, headers = send(message("page", anonymousId="D"))
    assert status == 429 and answer["code"] == "too_many_requests"
    assert int(headers["Retry-After"]) > 0 and int(headers["X-RateLimit-Reset"]) > 0
    drain_all()
    accepting._held.looked = 0.0
    assert send(message("page", anonymousId="D"))[0] == 200


def test_a_flood_of_one_channel_leaves_the_others_a_way_in(send, monkeypatch):
    monkeypatch.setenv("KEHU_INBOX_MOST", "10")
    _, calmer = add_channel("calmer", "tracking", owner=owner_actor().staff, country="CN")
    assert send(*[message("page", anonymousId="D") for _ in range(8)])[0] == 200
    accepting._held.looked = 0.0
    assert send(message("page", anonymousId="D"))[0] == 429
    assert send(*[message("page", anonymousId="E") for _ in range(2)], key=calmer)[0] == 200
    accepting._held.looked = 0.0
    assert send(message("page", anonymousId="E"), key=calmer)[0] == 429  # now it is full for everybody


def test_a_reader_that_fails_on_one_message_stops_nobody(send, monkeypatch):
    send(message("track", userId="U-1", event="fine"))
    send(message("track", userId="U-1", event="poison"))
    send(message("track", userId="U-1", event="fine too"))
    real = reading_module._Call._track

    def fails(self):
        if self._message["event"] == "poison":
            raise ZeroDivisionError
        return real(self)

    monkeypatch.setattr(reading_module._Call, "_track", fails)
    for _ in range(12):
        drain()
    assert accepting.waiting() == (0, 0)
    assert count("select count(*) from record where kind = 4") == 2
    [refused] = Quarantined.objects.filter(accepted=False)
    assert refused.reason == "message_not_taken_in" and b"poison" not in bytes(refused.sealed)


def test_what_waits_is_sealed_and_its_key_goes_with_it(send):
    send(message("identify", userId="U-1", traits={"email": "canaryzq@mail.example"}), packed=True)
    assert b"canaryzq" not in bytes(count("select sealed from inbox"))
    assert count("select count(*) from subject_key k join inbox i on i.id = k.subject") == 1
    drain_all()
    assert count("select count(*) from inbox") == 0


def test_a_visitor_has_no_name_that_tells_the_device():
    assert nameless("D-1", covered=True) != nameless("D-1", covered=False) and "D-1" not in nameless(
        "D-1", covered=True
    )


def test_no_channel_waits_for_its_owners_training(channel, send):
    """It lapses thirty days after it was attested: what customers send comes in all the same, of this channel and the others."""
    li = staff("marketing")
    _, key = add_channel("app", "tracking", owner=li.staff, country="CN")
    with connection.cursor() as cursor:
        cursor.execute(
            "update actor_state set training_until = now() - interval '1 day' where actor = %s", [li.credential]
        )
    for owner in (key, channel[1]):
        assert send(message("track", userId="U-1", event="Order Placed"), key=owner)[0] == 200
    assert drain_all() == 2
    assert count("select count(*) from inbox") == 0


def test_what_stops_one_channel_stops_no_other(channel, send, monkeypatch):
    _, key = add_channel("app", "tracking", owner=owner_actor().staff, country="CN")
    held = draining.answering_for

    def fails(one):
        if one.id == channel[0].id:
            raise IntegrityError("a rule of the database")
        return held(one)

    for owner in (channel[1], key):
        assert send(message("track", userId="U-1", event="Order Placed"), key=owner)[0] == 200
    monkeypatch.setattr(draining, "answering_for", fails)
    assert draining.drain() == 1
    monkeypatch.undo()
    assert (count("select channel from inbox"), drain_all()) == (channel[0].id, 1)


def _spoil(column: str, table: str = "inbox", id: str = "id") -> None:
    """Other bytes than were written, of the oldest request: a disk, or a copy badly brought back."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"update {table} set {column} = set_byte({column}, 20, (get_byte({column}, 20) + 1) % 256)"
            f" where {id} = (select min(id::text)::uuid from inbox)"
        )


def _reasons() -> list[str]:
    return [one.reason for one in Quarantined.objects.filter(accepted=False)]


def test_a_request_that_does_not_open_any_more_stops_nobody(send):
    for number in range(3):
        send(message("track", userId=f"U-{number}", event="fine"))
    _spoil("sealed")
    assert drain() == 1 and count("select sum(tries) from inbox") == 0  # those beside it did not fail
    assert drain() == 2 and accepting.waiting() == (0, 0)
    assert count("select count(*) from record where kind = 4") == 2 and _reasons() == ["message_does_not_open"]


def test_a_request_under_a_key_that_does_not_open_waits_for_a_day(send):
    send(message("track", userId="U-1", event="lost"))
    send(message("track", userId="U-2", event="fine"))
    _spoil("wrapped", "subject_key", "subject")
    for _ in range(5):
        drain()
    assert accepting.waiting() == (1, 1)  # what came behind it is in
    with connection.cursor() as cursor:
        cursor.execute("update inbox set at = at - interval '2 days'")
    for _ in range(5):
        drain()
    assert accepting.waiting() == (1, 1)  # let be for a minute
    draining._shut.clear()
    drain()
    assert accepting.waiting() == (0, 0)
    assert count("select count(*) from record where kind = 4") == 1 and _reasons() == ["message_does_not_open"]


@pytest.mark.parametrize("wrong", ["epoch = epoch + 7", "wrapped = set_byte(wrapped, 20, 255 - get_byte(wrapped, 20))"])
def test_wrong_keys_of_the_house_destroy_nothing_of_what_waits(send, wrong):
    """As after a copy of days ago was brought back into another home; with the right keys all of it comes in."""
    send(message("track", userId="U-1", event="one"))
    send(message("track", userId="U-2", event="two"))
    with connection.cursor() as cursor:
        cursor.execute("update inbox set at = at - interval '3 days'")
        cursor.execute("create temporary table kept as select * from subject_key")
        cursor.execute(f"update subject_key set {wrong}")
    before = count("select count(*) from ledger_entry")
    for _ in range(3):
        assert drain() == 0 and accepting.waiting() == (2, 2)
    assert count("select count(*) from ledger_entry") - before == 1 and not _reasons()
    [told] = check_inbox(running=False)
    assert (told.id, told.severity) == ("inbox.keys", "error") and "2 requests of channel web that wait, 2" in told.text
    with connection.cursor() as cursor:
        cursor.execute(
            "update subject_key s set epoch = k.epoch, wrapped = k.wrapped from kept k where k.subject = s.subject"
        )
    draining._shut.clear()
    assert drain_all() == 2 and accepting.waiting() == (0, 0) and not _reasons()


def test_what_no_longer_opens_comes_in_by_no_replay(send, kehu):
    send(message("track", userId="U-1", event="lost"))
    _spoil("sealed")
    drain_all()
    assert kehu("quarantine", "replay").json["quarantined"] == 1 and _reasons()


def test_a_channel_that_is_refused_writes_one_row_however_often_it_is_looked_at(channel, send, registered):
    """Of a source whose contract is over: nothing is opened again before the house would let it in."""
    registered()
    set_terms(channel[0], actor=owner_actor(), basis="contract", source="broker")
    send(message("identify", userId="U-1", traits={"email": "lin@mail.example"}))
    registered(until="2026-11-01")
    before = count("select count(*) from ledger_entry")
    assert [drain() for _ in range(5)] == [0] * 5 and accepting.waiting() == (1, 1)
    assert count("select count(*) from ledger_entry") - before == 1
    assert not list(check_inbox(running=True))  # it may be its turn in a moment
    with connection.cursor() as cursor:
        cursor.execute("update inbox set at = at - interval '11 minutes'")
    assert not list(check_inbox(running=False))  # nobody takes anything in, and `system.down` says so
    [told] = check_inbox(running=True)
    assert (told.id, told.severity) == ("inbox.stuck", "warning") and "1 messages of channel web" in told.text
    registered(until="2099-12-31")
    assert drain_all() == 1 and count("select count(*) from record") == 1
