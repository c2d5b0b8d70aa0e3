"""One message is accepted by a statement of its own; what it keeps and refuses is what the one for many does."""

from __future__ import annotations

import orjson
import pytest
from django.db import connection

from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.accept import KeyUnknown, Sender, accept, waiting
from kehu.collect.inbox.envelope import packed, unpacked
from kehu.collect.inbox.terms import set_terms
from kehu.govern.channels import add_channel, digest_of
from kehu.guard.installation import installation
from kehu.guard.staff.actions import owner_actor


@pytest.fixture(params=["one", "many"])
def sender(database, request, monkeypatch):
    if request.param == "many":
        monkeypatch.setattr(accepting, "_TAKE_ONE", accepting._TAKE)
    made, key = add_channel("web", "tracking", owner=owner_actor().staff, country="CN")
    set_terms(made, actor=owner_actor(), basis="contract")
    return Sender(made.id, "tracking", digest_of(key))


def rows(table):
    return connection.connection.execute(f"select count(*) from {table}").fetchone()[0]


def test_a_message_counts_once_however_it_comes(sender):
    assert accept(sender, ["a"], {"m": 1}) == 1
    assert accept(sender, ["a"], {"m": 1}) == 0
    assert accept(sender, ["a", "b", "b"], {"m": 2}) == 1
    assert accept(sender, ["b"], {"m": 3}) == 0
    assert waiting() == (2, 2)
    found = connection.connection.execute("select messages, fresh from inbox order by id").fetchall()
    assert found == [(1, None), (1, [1])]


def test_under_a_key_that_is_none_of_the_channels_nothing_is_kept(sender):
    before = rows("subject_key")
    for stranger in (
        Sender(sender.channel, "tracking", b"x" * 32),
        Sender(sender.channel, "shopify", sender.key_digest),
    ):
        with pytest.raises(KeyUnknown):
            accept(stranger, ["a"], {})
    assert (rows("inbox"), rows("inbox_seen"), rows("subject_key")) == (0, 0, before)


def test_what_was_sealed_under_an_older_key_of_the_house_is_sealed_anew(sender, monkeypatch):
    accept(sender, ["a"], {})
    now = accepting._held.epoch
    monkeypatch.setattr(accepting._held, "epoch", now - 1)
    held = installation().epochs.cipher(now)
    monkeypatch.setattr(type(installation().epochs), "cipher", lambda self, epoch: held)
    assert accept(sender, ["b"], {}) == 1
    epochs = connection.connection.execute(
        "select distinct k.epoch from inbox i join subject_key k on k.subject = i.id"
    )
    assert epochs.fetchall() == [(now,)]


@pytest.mark.parametrize("messages", [1, 900])
def test_what_was_sent_is_packed_where_that_is_worth_it(messages):
    envelope = {"m": [{"messageId": "x", "event": "茶"}] * messages}
    content = packed(envelope)
    assert unpacked(content) == envelope
    assert (len(content) < len(orjson.dumps(envelope))) is (messages > 1)
