"""The commands of channels: terms said and shown, a key that goes at once, what came and what nobody reads."""

from __future__ import annotations

import json

from kehu.collect.channels import Request, kinds
from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.drain import drain_all


def post(key, *messages):
    body = json.dumps({"writeKey": key, "batch": list(messages)}).encode()
    return kinds()["tracking"].answer(Request("POST", "/v1/batch", {}, {}, body)).status


def test_terms_are_said_and_shown(kehu):
    kehu("channel", "add", "web", "--kind", "tracking", "--country", "DE")
    shown = kehu("channel", "show", "web")[1]
    assert (shown["controller"], shown["basis"], shown["residence"]) == ("main", "consent", "DE")
    assert shown["waiting"] == {"messages": 0, "requests": 0, "since": None} and shown["came"] == []
    code, said = kehu(
        "channel", "set", "web", "--basis", "contract", "--residence", "CN", "--consent", "ads=marketing", "--field",
        "shoe=size",
    )  # fmt: skip
    assert code == 0 and (said["basis"], said["residence"]) == ("contract", "CN")
    assert said["consents"] == {"ads": "marketing"} and said["fields"] == {"shoe": "size"}
    assert kehu("channel", "set", "web", "--residence", "US-CA")[1]["consents"] == {"ads": "marketing"}  # stays
    assert [one["name"] for one in kehu("channel", "list")[1]["channels"]][-1] == "web"


def test_what_is_not_understood_is_named(kehu):
    kehu("channel", "add", "web", "--kind", "tracking")
    for words, code in (
        (("--basis", "love"), "bad-basis"), (("--controller", "nobody"), "bad-controller"),
        (("--notice", "nothing"), "bad-notice"), (("--consent", "ads=fun"), "bad-consent"),
        (("--consent", "ads"), "bad-consent"), (("--field", "shoe=amount"), "bad-field"),
    ):  # fmt: skip
        exit_code, said = kehu("channel", "set", "web", *words)
        assert exit_code == 2 and said["error"]["code"] == code, words
    assert kehu("channel", "show", "nowhere")[1]["error"]["code"] == "unknown-channel"
    assert kehu("channel", "key", "store")[0] != 0


def test_what_came_and_what_nobody_reads(kehu, monkeypatch):
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    key = kehu("channel", "add", "web", "--kind", "tracking")[1]["key"]
    person = {
        "type": "identify",
        "messageId": "m1",
        "userId": "U-1",
        "traits": {"email": "lin@mail.example", "shoe": 38},
    }
    assert post(key, person, {"type": "jump", "messageId": "m2", "userId": "U-1"}) == 200
    assert kehu("channel", "show", "web")[1]["waiting"]["messages"] == 2
    drain_all()
    shown = kehu("channel", "show", "web")[1]
    assert shown["waiting"]["messages"] == 0 and shown["unread"] == [{"name": "shoe", "messages": 1}]
    came = {one["kind"]: (one["accepted"], one["quarantined"]) for one in shown["came"]}
    assert came == {"customers": (1, 0), "interactions": (0, 1)}
    [refused] = [row for row in kehu("quarantine", "list")[1]["rows"] if not row["accepted"]]
    assert refused["reason"] == "message_no_call" and refused["remedy"]


def test_a_new_key_ends_the_old_one(kehu, monkeypatch):
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    old = kehu("channel", "add", "web", "--kind", "tracking")[1]["key"]
    assert post(old, {"type": "page", "messageId": "m1", "anonymousId": "D"}) == 200
    new = kehu("channel", "key", "web")[1]["key"]
    assert post(old, {"type": "page", "messageId": "m2", "anonymousId": "D"}) == 401
    assert post(new, {"type": "page", "messageId": "m2", "anonymousId": "D"}) == 200
