"""A WeChat official account: verification, plain and safe mode against wechatpy in both directions, followers, messages, repeats."""

from __future__ import annotations

import base64
import copy
import json
import os
import random
import time
import warnings
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kehu.collect.channels import Request, kinds
from kehu.collect.channels.wechat import crypto
from kehu.collect.channels.wechat.xml import NotRead, read_xml
from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.drain import drain_all
from kehu.collect.inbox.terms import set_terms
from kehu.collect.models import Quarantined
from kehu.collect.signed.secrets import SecretRefused, keep_secret
from kehu.govern.channels import add_channel
from kehu.guard.gate.read import gate
from kehu.guard.staff.actions import owner_actor
from kehu.serve.desk import queries
from tests.cast import staff

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the oracle's own libraries
    from wechatpy.crypto import WeChatCrypto
    from wechatpy.utils import check_signature

TOKEN, APPID = "a1b2c3d4e5f6a7b8", "wx0123456789abcdef"
KEY = base64.b64encode(bytes(range(1, 33))).decode().rstrip("=")
OPENID = "oLVPpjqs9BhvzwPj5A-vTYAX3GLc"
pytestmark = pytest.mark.usefixtures("database")
MANY = settings(
    max_examples=int(os.environ.get("KEHU_FUZZ") or 200), deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


def event(name: str, **more: Any) -> dict[str, Any]:
    return {"MsgType": "event", "Event": name, **more}


def message(**more: Any) -> dict[str, Any]:
    return {"MsgType": "text", "Content": "你好", "MsgId": "23581392", **more}


def xml(held: dict[str, Any], *, who: str = OPENID, at: float | None = None) -> bytes:
    told = {"ToUserName": "gh_7f083739789a", "FromUserName": who, "CreateTime": int(at or time.time()), **held}
    inner = "".join(f"<{k}><![CDATA[{v}]]></{k}>" for k, v in told.items() if v is not None)
    return f"<xml>{inner}</xml>".encode()


class WeChat:
    """Sends as WeChat's server does; in safe mode encrypted by wechatpy."""

    def __init__(self, name: str, *, safe: bool) -> None:
        self.name, self.safe, self.oracle = name, safe, WeChatCrypto(TOKEN, KEY, APPID)

    def __call__(self, body: bytes | dict[str, Any], *, at: float | None = None, sent: float | None = None, who: str = OPENID,
                 **query: str) -> Any:  # fmt: skip
        raw = xml(body, who=who, at=at) if isinstance(body, dict) else body
        stamp, nonce = str(int(sent or time.time())), "n" + str(random.randrange(10**9))
        told = {"timestamp": stamp, "nonce": nonce, "signature": crypto.signature(TOKEN, stamp, nonce)}
        if self.safe:
            outer = self.oracle.encrypt_message(raw.decode(), nonce, stamp)
            raw, told = (
                outer.encode(),
                told | {"encrypt_type": "aes", "msg_signature": read_xml(outer.encode())["MsgSignature"]},
            )
        return self.post(raw, **(told | query))

    def post(self, raw: bytes, method: str = "POST", **query: str) -> Any:
        arrived = dict(parse_qsl(urlencode(query)))
        return kinds()["wechat"].answer(Request(method, f"/hooks/wechat/{self.name}", arrived, {}, raw))

    def verify(self, echo: str, *, sent: float | None = None, **query: str) -> Any:
        stamp = str(int(sent or time.time()))
        told = {"timestamp": stamp, "nonce": "n", "signature": crypto.signature(TOKEN, stamp, "n"), "echostr": echo}
        return self.post(b"", "GET", **(told | query))


@pytest.fixture
def account(database, monkeypatch) -> Callable[..., WeChat]:
    """Make an official account's channel."""
    monkeypatch.setattr(accepting, "_held", accepting._Held())

    def make(*, safe: bool = True) -> WeChat:
        name = "safe" if safe else "plain"
        made, _ = add_channel(name, "wechat", owner=owner_actor().staff, country="CN")
        keep_secret(made, f"{TOKEN} {APPID} {KEY}" if safe else f"{TOKEN} {APPID}")
        set_terms(made, actor=owner_actor(), basis="contract")
        return WeChat(name, safe=safe)

    return make


def count(query: str, *parameters: Any) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()[0]


def test_the_address_is_shown_to_be_ours_and_to_nobody_else(account):
    wechat = account()
    answer = wechat.verify("5838479218127813673")
    assert (answer.status, answer.body) == (200, b"5838479218127813673")
    stamp = str(int(time.time()))
    check_signature(TOKEN, crypto.signature(TOKEN, stamp, "n"), stamp, "n")  # wechatpy raises where it is not its own
    wrong = [
        wechat.verify("1", signature="0" * 40), wechat.verify("1", timestamp="1"), wechat.verify("1", sent=time.time() - 400),
        wechat.verify("1", sent=time.time() + 400), wechat.verify("<script>"), wechat.verify(""), wechat.verify("1", signature="é"),
        WeChat("nowhere", safe=True).verify("1"),
    ]  # fmt: skip
    assert {one.status for one in wrong} == {401} and len({one.body for one in wrong}) == 1
    assert wechat.post(b"", "PUT").status == 405


def test_our_cipher_is_that_of_wechatpy(account):
    """What they encrypt is what we read (``WeChat`` above sends so); what is encrypted by our understanding is what they read."""
    held = crypto.account_of(f"{TOKEN} {APPID} {KEY}")
    oracle = WeChatCrypto(TOKEN, KEY, APPID)
    for text in ("x", "茶" * 31, "a" * 4_000, "<xml/>"):
        told = read_xml(oracle.encrypt_message(text, "n", "1700000000").encode())
        assert crypto.is_signed(told["MsgSignature"], TOKEN, "1700000000", "n", told["Encrypt"])
        assert crypto.decrypted(told["Encrypt"], held).decode() == text
        signed = crypto.signature(TOKEN, "1700000000", "n", told["Encrypt"])
        outer = f"<xml><Encrypt><![CDATA[{told['Encrypt']}]]></Encrypt></xml>"
        assert oracle.decrypt_message(outer, signed, "1700000000", "n") in (text, text.encode())


def test_in_safe_mode_nothing_else_is_taken_and_each_failure_is_the_same(account):
    safe, other = account(), WeChatCrypto(TOKEN, KEY, "wx-another-account")
    raw = xml(message())
    stamp = str(int(time.time()))
    plain = {"timestamp": stamp, "nonce": "n", "signature": crypto.signature(TOKEN, stamp, "n")}
    foreign = other.encrypt_message(raw.decode(), "n", stamp).encode()
    told = {"timestamp": stamp, "nonce": "n"}

    def sealed(encrypted: str) -> tuple[bytes, dict[str, str]]:
        body = f"<xml><Encrypt>{encrypted}</Encrypt></xml>".encode()
        return body, told | {"msg_signature": crypto.signature(TOKEN, stamp, "n", encrypted)}

    good = read_xml(safe.oracle.encrypt_message(raw.decode(), "n", stamp).encode())["Encrypt"]
    cut = base64.b64encode(base64.b64decode(good)[:-16]).decode()
    broken = [sealed(one) for one in (good[:-4], cut, "", "AAAA", base64.b64encode(bytes(64)).decode(), "é", "=")]
    compatible = raw.replace(b"</xml>", b"<Encrypt>AAAA</Encrypt></xml>")
    wrong = [
        safe.post(raw, **plain),  # plain mode, rightly signed: a downgrade
        safe.post(compatible, **plain),
        safe.post(foreign, **told, msg_signature=read_xml(foreign)["MsgSignature"]),  # another account's
        safe.post(sealed(good)[0], **told, msg_signature="0" * 40),
        safe(message(), sent=time.time() - 400),
        *(safe.post(body, **query) for body, query in broken),
        WeChat("nowhere", safe=True)(message()),
    ]  # fmt: skip
    assert {(one.status, one.body) for one in wrong} == {(401, wrong[0].body)}
    assert safe.post(*sealed(good)[:1], **sealed(good)[1]).status == 200  # the control: the same body, unbroken
    assert accepting.waiting() == (1, 1)


@pytest.mark.parametrize("safe", [True, False], ids=["safe", "plain"])
def test_who_follows_may_be_written_to_until_they_go_and_what_they_write_is_theirs(account, safe):
    wechat = account(safe=safe)
    now = time.time()
    answer = wechat(event("subscribe", EventKey="qrscene_fair", Ticket="T"), at=now - 60)
    assert (answer.status, answer.body) == (200, b"")
    for sent in (message(Content="有绿茶吗?"), event("SCAN", EventKey="shelf-3"),
                 event("VIEW", EventKey="https://tea.example/me?openid=secret"),
                 message(MsgType="image", Content=None, PicUrl="https://x.example/1", MediaId="m", MsgId="2")):  # fmt: skip
        assert wechat(sent, at=now - 30).status == 200
    drain_all()
    service = staff("service")
    [who] = queries.find({"external_id": OPENID}, actor=service, purpose="service")[0]
    shown = gate().open([who], actor=service, purpose="service")[0].contributions
    held = {name: {one.normal or one.given for one in shown if one.field == name} for name in ("kind", "topic", "text")}
    assert held["kind"] == {"wechat subscribe", "wechat message", "wechat scan", "wechat menu"}
    assert held["topic"] == {"fair", "image", "shelf-3", "https://tea.example/me"} and held["text"] == {"有绿茶吗?"}
    said = "select subscriptions -> 'wechat:newsletter' ->> 0 from subject_state where subject = %s"
    assert count(said, who) == "subscribed"
    assert count("select count(*) from inbox_unread where name in ('PicUrl', 'MediaId')") == 2
    wechat(event("unsubscribe", EventKey=""), at=now - 10)
    wechat(event("subscribe"), at=now - 40)  # held up on its way: what was said later stands
    drain_all()
    assert count(said, who) == "unsubscribed"
    assert not Quarantined.objects.filter(accepted=False).exclude(reason="message_said_later").exists()


def test_the_same_again_is_one_by_its_id_or_by_who_when_and_what(account):
    wechat, now = account(), time.time() - 5
    for _ in range(3):
        assert wechat(message(), at=now).status == 200
        assert wechat(event("CLICK", EventKey="tea"), at=now).status == 200
    assert accepting.waiting() == (2, 2)
    wechat(event("CLICK", EventKey="cup"), at=now)
    wechat(event("CLICK", EventKey="tea"), at=now + 1)
    wechat(event("CLICK", EventKey="tea"), at=now, who="another")
    wechat(message(MsgId="9"), at=now)
    assert accepting.waiting() == (6, 6)
    drain_all()
    assert count("select count(*) from record where kind = 4") == 6


def test_where_somebody_is_is_left_unless_a_field_is_named_for_it(account):
    wechat = account()
    place = {"Latitude": "23.137466", "Longitude": "113.352425", "Precision": "119.385040"}
    wechat(event("LOCATION", **place))
    wechat(
        message(MsgType="location", Content=None, Location_X="23.13", Location_Y="113.35", Scale="20", Label="广州市")
    )
    drain_all()
    unread = "select array_agg(name order by name) from inbox_unread"
    assert count(unread) == ["Label", "Latitude", "Location_X", "Location_Y", "Longitude", "Precision", "Scale"]
    assert count("select count(*) from record") == 1  # that something was sent, and no more
    from kehu.govern.models import Channel

    set_terms(Channel.objects.get(name="safe"), actor=owner_actor(), fields={"Label": "locality"})
    wechat(message(MsgType="location", Content=None, Location_X="23.13", Label="广州市", MsgId="8"))
    drain_all()
    [who] = queries.find({"external_id": OPENID}, actor=staff("service"), purpose="service")[0]
    held = gate().open([who], actor=owner_once(), purpose="service", fields=["locality"])[0].contributions
    assert [one.given for one in held] == ["广州市"]


def owner_once():
    from kehu.guard.staff.actions import actor_of
    from kehu.guard.staff.models import Staff

    return actor_of(Staff.objects.get(role="service").email)


def test_who_takes_back_what_they_released_asks_for_erasure(account):
    wechat = account()
    wechat(event("subscribe"), at=time.time() - 60)
    drain_all()
    wechat(event("user_authorization_revoke", OpenID=OPENID, AppID=APPID, RevokeInfo="1"), who="gh_system")
    drain_all()
    assert count("select count(*) from rights_request where \"right\" = 'erase'") == 1
    assert count("select count(distinct customer) from subject_state") == 1


def test_two_who_take_it_back_in_one_second_are_two(account):
    wechat, now = account(), time.time()
    for who in (OPENID, "o-another-one"):
        wechat(event("subscribe"), who=who, at=now - 60)
    drain_all()
    for who in (OPENID, "o-another-one", "o-another-one"):  # and said again it is no third
        wechat(event("user_authorization_revoke", OpenID=who, AppID=APPID, RevokeInfo="1"), who="gh_system", at=now)
    drain_all()
    assert count("select count(*) from rights_request where \"right\" = 'erase'") == 2


LAUGHS = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">' + b"".join(
    f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">'.encode() for n in range(9)
) + b"]><xml><Content>&j;</Content></xml>"  # fmt: skip


HOSTILE = {
    "laughs": LAUGHS, "outside": b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><xml/>', "run": b"<?run it?><xml/>",
    "deep": b"<xml>" + b"<a>" * 5_000, "empty": b"", "unclosed": b"<xml><FromUserName>x</xml>", "halves": b"\xff\xfe<xml/>",
    "encoding": b'<?xml version="1.0" encoding="x-none"?><xml/>', "nul": b"<xml>\0</xml>", "many": b"<xml>" + b"<a/>" * 200 + b"</xml>",
    "long": b"<xml>" + b"a" * 70_000 + b"</xml>", "entity": b"<xml>&a;</xml>",
}  # fmt: skip


def test_hostile_xml_is_not_read(account):
    wechat = account(safe=False)
    for name, body in HOSTILE.items():
        started = time.monotonic()
        with pytest.raises(NotRead):
            read_xml(body)
        answer = wechat(body)
        assert answer.status == 400 and set(json.loads(answer.body)) == {"code", "message"}, name
        assert time.monotonic() - started < 5, name
    assert accepting.waiting() == (0, 0)


hostile = st.sampled_from(
    [
        "",
        " ",
        "\u202e=cmd()",
        "=1+1",
        "٣",
        "-1",
        "0",
        "99999999999999999999",
        "a" * 9_000,
        "]]>",
        "<b>",
        "😀",
        "\ufeffx",
        "&lt;",
        "&#x0;",
    ]
) | st.text(max_size=40)
SEEDS = [event("subscribe", EventKey="qrscene_1"), event("unsubscribe"), event("LOCATION", Latitude="1", Longitude="2"), message(),
         event("TEMPLATESENDJOBFINISH", Status="success"), event("user_authorization_revoke", OpenID="x"),
         message(MsgType="link", Title="t", Description="d", Url="u"), message(MsgType="fax")]  # fmt: skip


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    held = copy.deepcopy(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        held[draw(st.sampled_from([*held, "FromUserName", "CreateTime", "X"]))] = draw(hostile)
    raw = xml(held).decode("utf-8", "replace")
    cut = draw(st.integers(0, 9))
    return (
        raw[: draw(st.integers(1, len(raw)))] if cut == 0 else raw.replace("xml", "x", 1) if cut == 1 else raw
    ).encode("utf-8", "replace")


def test_mutated_messages_of_wechat_are_taken_in_quarantined_or_refused_with_a_word(account):
    wechat, answers = account(), dict[int, int]()

    @MANY
    @given(mutated())
    def post(raw):
        answer = wechat(raw)
        answers[answer.status] = answers.get(answer.status, 0) + 1
        assert answer.status in (200, 400) and b"Traceback" not in answer.body

    post()
    assert answers[200] > 50
    drain_all()
    assert accepting.waiting() == (0, 0)
    assert "message_not_taken_in" not in set(
        Quarantined.objects.filter(accepted=False).values_list("reason", flat=True)
    )


def test_a_secret_that_is_none_of_wechats_is_refused(account):
    made, _ = add_channel("other", "wechat", owner=owner_actor().staff, country="CN")
    for wrong in (f"short {APPID}", TOKEN + "xxxxxxx", f"{TOKEN} {APPID} {KEY[:-1]}", f"{TOKEN} {APPID} {KEY} more"):
        with pytest.raises(SecretRefused):
            keep_secret(made, wrong)


def test_too_much_waiting_is_told_to_wechat_and_a_changed_token_ends_at_once(account, monkeypatch):
    wechat = account()
    monkeypatch.setenv("KEHU_INBOX_MOST", "0")
    answer = wechat(message())
    assert answer.status == 503 and dict(answer.headers)["Retry-After"] == "5"
    monkeypatch.delenv("KEHU_INBOX_MOST")
    assert wechat(message()).status == 200
    from kehu.govern.models import Channel

    keep_secret(Channel.objects.get(name="safe"), f"{TOKEN[::-1]} {APPID} {KEY}")
    assert wechat(message(MsgId="2")).status == 401
    assert accepting.waiting() == (1, 1)
