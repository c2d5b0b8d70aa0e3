"""An answer to a form on its way to the sealed record: confirmed, once, proven, and as its version asked for it."""

from __future__ import annotations

import importlib
import json
import os
import re
import time
from collections import Counter

import pytest
from django.db import OperationalError, connection
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kehu.collect.forms import tries, waiting
from kehu.collect.forms.showing import shown
from kehu.collect.forms.stamps import make_stamp
from kehu.collect.forms.submission import StampNeeded, Wrong
from kehu.collect.inbox.drain import drain_all
from kehu.collect.models import Quarantined
from kehu.collect.quarantine import groups, mending
from kehu.govern.models import Consent, Controller, Subscription
from kehu.govern.slugs import CATEGORIES, PURPOSES
from kehu.govern.subscriptions import Said, say
from kehu.guard.gate.read import gate
from kehu.guard.installation import installation
from kehu.guard.staff.actions import owner_actor
from kehu.guard.texts import Sealed, open_texts
from kehu.serve.desk import queries
from kehu.serve.rights.erasing.erasure import erase
from kehu.vault.ids import new_id
from tests.forms import CONTACT, LETTERS, count, link_of, post_letters, published, send, someone, words
from tests.smtp import mail_server

reading = importlib.import_module("kehu.collect.channels.form.read")
LIN = {"full_name": "林婉清", "email": "lin@mail.example", "interests": "tea", "text": "When do you open?"}
pytestmark = pytest.mark.usefixtures("database", "letters")


def found(role: str = "service", purpose: str = "service", **what: str):
    return queries.find(what, actor=someone(role), purpose=purpose)[0]


def values_of(customer) -> dict[str, list[str]]:
    opened = gate().open([customer], actor=someone("service"), purpose="service")[0]
    shown_: dict[str, list[str]] = {}
    for one in opened.contributions:
        shown_.setdefault(one.field, []).append(one.normal or one.given)
    return shown_


def test_nothing_counts_before_the_mailbox_confirms(letters):
    form = published()
    assert send(form, LIN, consents=["personalisation"], language="zh-hans") == "confirm"
    drain_all()
    assert count("select count(*) from record") == 0 and found(email="lin@mail.example") == []
    sealed = count("select sealed from form_waiting")
    assert (
        b"lin@mail" not in bytes(sealed)
        and count("select count(*) from subject_key k join form_waiting w on w.id = k.subject") == 1
    )
    post_letters()
    [letter] = letters
    assert letter.to == ["lin@mail.example"] and "请确认" in letter.subject and "林" not in letter.body
    link = link_of(letter)
    waiting.behind(link)  # what a scanner does
    assert count("select count(*) from inbox") == 0
    waiting.confirm(link)
    waiting.confirm(link)  # pressed twice
    assert count("select count(*) from form_waiting where sealed is not null") == 0
    assert count("select count(*) from subject_key k join form_waiting w on w.id = k.subject") == 0
    assert drain_all() == 1
    [lin] = found(email="lin@mail.example")
    shown_ = values_of(lin)
    assert (
        shown_["full_name"] == ["林婉清"] and shown_["text"] == ["When do you open?"] and shown_["kind"] == ["ask us"]
    )
    [consent] = Consent.objects.filter(subject=lin)
    assert (consent.purpose, consent.status, consent.language) == (PURPOSES["personalisation"], "given", "zh-hans")
    assert (consent.notice, consent.way, consent.proof) == (form.version.notice, "ask us", "email")
    assert consent.at < consent.recorded_at
    text = open_texts([Sealed(lin, consent.id, bytes(consent.evidence))], lin, actor=someone("privacy"), act="read")[0]
    assert str(form.id) in text and "version 1" in text and "confirmed from the mailbox" in text


def test_cut_off_before_the_note_the_letter_goes_again_by_its_name(database):
    form = published(LETTERS, name="letters", kind="list")
    for address in ("lin@mail.example", "wei@mail.example"):
        send(form, {"email": address}, letters=["email:newsletter"])
    with connection.cursor() as cursor:
        cursor.execute("select id from form_waiting order by id", ())
        lin, wei = (row[0] for row in cursor.fetchall())
    with mail_server(database) as taken:
        taken.cut_after_next()
        with pytest.raises(OperationalError):
            waiting.write_to(lin)
        connection.close()
        for id in (lin, lin, wei):  # again after the crash, then not any more; another's letter is another
            waiting.write_to(id)
    names = [letter["Message-ID"] for letter in taken.letters]
    assert len(names) == 3 and names[0] == names[1] != names[2]


def test_what_nobody_confirms_is_destroyed_and_its_link_dies(letters):
    form = published()
    send(form, LIN)
    post_letters()
    link = link_of(letters[0])
    with connection.cursor() as cursor:
        cursor.execute("update form_waiting set expires_at = clock_timestamp() - interval '1 second'", ())
    with pytest.raises(waiting.LinkRefused):
        waiting.confirm(link)
    assert waiting.forget_over() == 1
    assert count("select count(*) from form_waiting") == 0
    with pytest.raises(waiting.LinkRefused):
        waiting.behind(link)
    for forged in (link[:-1] + ("A" if link[-1] != "A" else "B"), "", "x" * 48, "é"):
        with pytest.raises(waiting.LinkRefused):
            waiting.behind(forged)


def test_a_refused_consent_blocks_nothing_and_its_answers_are_not_kept():
    form = published(confirmed=False)
    assert send(form, LIN | {"interests": "tea"}) == "kept"
    assert drain_all() == 1
    [lin] = found(email="lin@mail.example")
    assert count("select count(*) from govern_consent") == 0
    opened = gate().open([lin], actor=someone("service"), purpose="service", fields=["full_name"])[0]
    assert opened.contributions
    kept = f"select count(*) from facet where category = {CATEGORIES['preference']}"
    assert "interests" not in values_of(lin) and count(kept) == 0
    assert count("select count(*) from record") == 2  # the person and the message
    send(form, LIN | {"full_name": "王芳"}, consents=["personalisation"])
    drain_all()
    assert count(kept) == 1  # said yes, it is kept


def test_sent_twice_it_is_one_and_without_a_stamp_it_is_none():
    form = published(confirmed=False)
    stamp = make_stamp(form.id, form.version.number, at=time.time() - 10)
    assert send(form, LIN, stamp=stamp) == send(form, LIN, stamp=stamp) == "kept"
    assert drain_all() == 1
    # who fills in anew a page that somebody else left open is another, and is not lost
    send(form, LIN | {"full_name": "王芳", "email": "fang@mail.example"}, stamp=stamp)
    assert drain_all() == 1 and len(found(email="fang@mail.example")) == 1
    other = published(name="other", confirmed=False)
    for stamp in (
        make_stamp(form.id, form.version.number),
        make_stamp(form.id, form.version.number, at=time.time() - 90_000),
        make_stamp(other.id, other.version.number, at=time.time() - 9),
        "x",
    ):
        with pytest.raises(StampNeeded):
            send(form, LIN, stamp=stamp)
    with pytest.raises(Wrong) as wrong:
        send(form, LIN, trap="buy now")
    assert wrong.value.faults == {"trap": "leave-empty"}


def test_what_is_missing_or_no_address_is_said_by_its_name_alone():
    form = published()
    with pytest.raises(Wrong) as wrong:
        send(form, {"email": "no address", "interests": "x" * 3000})
    assert wrong.value.faults == {"full_name": "missing", "email": "invalid", "interests": "too-long"}
    assert "no address" not in str(wrong.value)


def test_so_many_from_one_place_and_so_many_letters_to_one_mailbox(letters, monkeypatch):
    monkeypatch.setattr(tries, "PER_CLIENT", 5)
    form = published()
    for number in range(5):
        assert send(form, LIN, client=f"192.0.2.{number % 2}") == "confirm"
    post_letters()
    assert len(letters) == tries.LETTERS_PER_HOUR  # the same answer, no more letters
    send(form, LIN | {"email": "b@mail.example"}, client="192.0.2.0")
    send(form, LIN | {"email": "c@mail.example"}, client="192.0.2.0")
    with pytest.raises(tries.TooMany):
        send(form, LIN, client="192.0.2.0")


def test_what_waited_stands_under_the_version_it_was_sent_by(letters):
    form = published()
    send(form, LIN, consents=["personalisation"])
    published(name=form.name, purposes=("service", "personalisation", "marketing"), wordings={
        "personalisation": words("Other words"), "marketing": words("Write to me"),
    })  # fmt: skip
    send(shown(form.id), LIN | {"email": "b@mail.example"}, consents=["personalisation"])
    post_letters()
    for letter in letters:
        waiting.confirm(link_of(letter))
    assert drain_all() == 2
    texts = set()
    for one in Consent.objects.all():
        held = Sealed(one.subject, one.id, bytes(one.evidence))
        [text] = open_texts([held], one.subject, actor=someone("privacy"), act="read")
        texts.add(re.search(r"version (\d)", text)[1])
    assert texts == {"1", "2"}
    assert installation().rules.purposes["marketing"].version == 1


def test_what_was_refused_comes_in_again_under_the_version_it_was_sent_by(letters, monkeypatch):
    form = published(confirmed=False)
    other = Controller.objects.create(name="other", country="CN")
    send(form, LIN)
    published(name=form.name, confirmed=False, house=other.name)
    send(shown(form.id), LIN | {"email": "b@mail.example"})
    with monkeypatch.context() as broken:
        broken.setattr(reading, "_read", lambda *_: int("no number"))
        drain_all()
    [group] = groups.groups(actor=someone("privacy"))
    assert (group.reason, group.count) == ("message_not_taken_in", 2)
    assert mending.send_group(group, actor=owner_actor(), until=new_id()) == 2
    drain_all()
    houses = [count("select controller from subject_state where subject = %s", *found(email=f"{one}@mail.example"))
              for one in ("lin", "b")]  # fmt: skip
    assert houses[0] != houses[1] == other.id


@pytest.mark.parametrize("told", [{"values": {}}, {"form": 7, "v": "x"}, {"form": str(new_id()), "v": 9**30}])
def test_a_message_that_no_version_sent_is_said_to_be_none(letters, monkeypatch, told):
    send(published(confirmed=False), LIN)
    with monkeypatch.context() as broken:
        broken.setattr(reading, "_read", lambda *_: int("no number"))
        drain_all()
    [refused] = Quarantined.objects.all()
    for text in (json.dumps(told), '{"a":' * 300 + "1" + "}" * 300):
        with pytest.raises(mending.NotAMessage):
            mending.mend_message(refused.id, text, actor=owner_actor())
    assert Quarantined.objects.exclude(sealed=None).count() == 1 and count("select count(*) from inbox") == 0


def test_the_canary_of_a_form_lies_nowhere_in_clear(letters, server):
    mark = "kanari1897"
    form = published()
    send(form, LIN | {"text": mark, "full_name": mark, "email": f"{mark}@mail.example"})
    with connection.cursor() as cursor:
        cursor.execute(
            "select table_name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'",
            (),
        )
        tables = [row[0] for row in cursor.fetchall()]
        assert "form_waiting" in tables
        for table in tables:
            cursor.execute(f'select count(*) from "{table}" t where t::text like %s', [f"%{mark}%"])
            assert cursor.fetchone()[0] == 0, table


def test_a_crash_between_handing_on_and_forgetting_doubles_nothing(letters, monkeypatch):
    form = published()
    send(form, LIN)
    post_letters()
    link = link_of(letters[0])
    with monkeypatch.context() as broken:
        broken.setattr(waiting, "forget_aside", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            waiting.confirm(link)  # it is in the inbox, and still waits
    assert drain_all() == 1
    waiting.confirm(link)
    assert drain_all() == 0
    assert count("select count(*) from record where kind = 1") == 1


def test_who_was_erased_comes_back_by_their_own_hand(letters):
    form = published(LETTERS, name="letters", kind="list")

    def subscribe() -> int:
        send(form, {"email": "lin@mail.example"}, letters=["email:newsletter"])
        post_letters()
        waiting.confirm(link_of(letters[-1]))
        return drain_all()

    subscribe()
    [lin] = Subscription.objects.values_list("subject", flat=True)
    say(lin, "email", "newsletter", said=Said("unsubscribed", way="x"), recorded_by=new_id(), id=new_id())
    erase(lin, reason="asked", actor=someone("privacy"))
    assert count("select count(*) from record") == 0 and count("select count(*) from suppression") == 1
    assert subscribe() == 1
    [back] = Subscription.objects.filter(status="subscribed").values_list("subject", flat=True)
    assert back != lin
    ask = {"actor": someone("marketing"), "purpose": "marketing", "fields": ["email"], "use": "contact"}
    sent = gate().open([back], **ask, medium="email", topic="newsletter")[0]
    assert [one.normal for one in sent.contributions] == ["lin@mail.example"]


MANY = settings(
    max_examples=int(os.environ.get("KEHU_FUZZ") or 200), deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
HOSTILE = st.sampled_from(
    [None, True, 0, -1, 1e308, "", " ", "\0", "\u202e=cmd()", "=1+1", "a" * 3000, [], {}, [[[[]]]], {"a": {"b": 1}}, "\ufeffx", "😀"]
) | st.text(max_size=40)  # fmt: skip
PART = st.one_of(
    HOSTILE,
    st.dictionaries(st.sampled_from([*CONTACT.fields, "x", "\0"]), HOSTILE, max_size=6),
    st.lists(HOSTILE, max_size=3),
)


def test_whatever_comes_is_taken_or_refused_with_a_word(monkeypatch):
    monkeypatch.setattr(tries, "PER_CLIENT", 10**6)
    form = published(confirmed=False, children=True, fields=CONTACT.fields | {"country": False})
    window = Client(HTTP_HOST="localhost")
    seen: Counter[int] = Counter()

    @MANY
    @given(
        st.dictionaries(st.sampled_from(["fields", "consents", "letters", "age", "guardian", "answers", "i", "stamp"]), PART),
        st.sampled_from(["older", "older", "younger", None]), st.sampled_from([True, True, False]), st.sampled_from([True, True, False]),
    )  # fmt: skip
    def post(body, age, whole, stamped):
        told = body | ({"age": age} if age else {})
        if whole and isinstance(told.get("fields", {}), dict):
            told["fields"] = {"full_name": "=cmd()", "email": "a@mail.example"} | told.get("fields", {})
        if stamped:
            told["stamp"] = make_stamp(form.id, form.version.number, at=time.time() - 9)
        answer = window.post(f"/forms/{form.id}", json.dumps(told), content_type="application/json")
        seen[answer.status_code] += 1
        assert answer.status_code in (202, 400, 409, 422), answer.content
        if age is None and whole and stamped and isinstance(told.get("fields"), dict):  # the page takes the same
            flat = {f"f_{name}": str(held) for name, held in told["fields"].items()} | {"stamp": str(told["stamp"])}
            assert window.post(f"/forms/{form.id}", flat).status_code in (200, 422)

    post()
    assert set(seen) == {202, 409, 422} and seen[202] > 5, seen
    taken = drain_all()
    assert (
        taken
        == count("select count(*) from record where kind = 1") + Quarantined.objects.filter(accepted=False).count()
    )
    assert count("select count(*) from inbox") == 0
