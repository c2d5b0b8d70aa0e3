"""The pages of what comes in: every address × role × status; a channel from its making to what it brought, without script."""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from kehu.collect.channels import Request, kinds
from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox import queries
from kehu.collect.inbox.drain import drain_all
from kehu.collect.models import ImportChunk
from kehu.doors.web.intake.urls import urlpatterns
from kehu.govern.models import Channel
from kehu.guard.setup import open_owner
from kehu.serve.register import changes
from tests.cast import staff
from tests.collect.shops import SECRET, WIRE, body_of, signature, webhook
from tests.doors.web import browsing
from tests.doors.web.browsing import browser, misfits, text_of
from tests.suppliers import BROKER

ROLES = ("service", "marketing", "manager", "analyst", "privacy", "legal", "auditor", "engineer")
COLLECTING = frozenset({"manager", "marketing", "service", "analyst", "privacy", "legal"})
PRIVACY = frozenset({"privacy"})
SUBSCRIBING = frozenset({"service", "marketing", "privacy"})
UNKNOWN = uuid.UUID(int=7)
# name of the address -> (path, method, roles let in, status for them, status for the others that are signed in)
TABLE = {
    "channels": ("/channels", "get", COLLECTING, 200, 403),
    "channel-new": ("/channels/new", "post", PRIVACY, 422, 403),
    "channel": ("/channels/999", "get", COLLECTING, 404, 403),
    "channel-terms": ("/channels/999/terms", "post", PRIVACY, 404, 403),
    "channel-key": ("/channels/999/key", "post", PRIVACY, 404, 403),
    "channel-trust": ("/channels/999/trust", "post", PRIVACY, 404, 403),
    "channel-secret": ("/channels/999/secret", "post", PRIVACY, 404, 403),
    "channel-mapping": ("/channels/999/mapping", "post", PRIVACY, 404, 403),
    "channel-mailbox": ("/channels/999/mailbox", "post", PRIVACY, 404, 403),
    "lists": ("/lists", "get", SUBSCRIBING, 200, 403),
    "list-send": ("/lists/send", "post", SUBSCRIBING, 422, 403),
    "list": (f"/lists/{UNKNOWN}", "get", SUBSCRIBING, 404, 403),
    "list-progress": (f"/lists/{UNKNOWN}/progress", "get", SUBSCRIBING, 404, 403),
    "list-in-force": (f"/lists/{UNKNOWN}/in-force", "post", SUBSCRIBING, 302, 403),
    "list-give-up": (f"/lists/{UNKNOWN}/give-up", "post", SUBSCRIBING, 302, 403),
    "quarantine": ("/quarantine", "get", COLLECTING, 200, 403),
    "quarantine-row": (f"/quarantine/rows/{UNKNOWN}", "get", COLLECTING, 404, 403),
    "quarantine-mend": (f"/quarantine/rows/{UNKNOWN}/mend", "post", COLLECTING, 404, 403),
    "quarantine-group": ("/quarantine/1/files/erased", "get", COLLECTING, 404, 403),
    "quarantine-again": ("/quarantine/1/sent/erased/again", "post", COLLECTING, 404, 403),
    "quarantine-let-go": ("/quarantine/1/files/erased/let-go", "post", COLLECTING, 404, 403),
}
LIN = {"type": "identify", "messageId": "m1", "userId": "U-1", "traits": {"email": "lin@mail.example", "shoe": 38}}


def signed_in(role):
    """Who reads English."""
    desk, who = browsing.signed_in(role)
    desk.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return desk, who


def plain(answer):
    """The words of a page without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text_of(answer)))


def test_every_address_is_in_the_table():
    assert {pattern.name for pattern in urlpatterns} == set(TABLE)


def test_each_role_gets_what_the_table_says(database):
    wrong = []
    for role in ROLES:
        wrong += misfits(TABLE, role, signed_in(role)[0])
    assert wrong == []


def test_nobody_else_gets_anything(database):
    for path, method, *_ in TABLE.values():
        answer = getattr(browser(), method)(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in"), path


@pytest.fixture
def office(database, monkeypatch):
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    return signed_in("privacy")[0]


def sent(key, *messages):
    body = json.dumps({"writeKey": key, "batch": list(messages)}).encode()
    return kinds()["tracking"].answer(Request("POST", "/v1/batch", {}, {}, body)).status


def test_a_tracker_from_its_making_to_what_it_brought(office):
    assert "A channel of this name" in text_of(office.post("/channels/new", {"name": "store", "kind": "store"}))
    made = office.post("/channels/new", {"name": "web", "kind": "tracking", "country": "cn"})
    page, key = text_of(made), re.search(r"kehu_[\w-]{43}", text_of(made))[0]
    path = re.search(r"/channels/\d+(?=/terms)", page)[0]
    assert key not in text_of(office.get(path)) and "nothing came yet" in plain(office.get(path))
    assert sent(key, LIN, {"type": "jump", "messageId": "m2", "userId": "U-1"}) == 200
    row = re.search(r"web .*?(?=Make a channel)", plain(office.get("/channels")))[0]
    assert " 2 " in row and "runs" in row
    with connection.cursor() as cursor:
        cursor.execute("update inbox set at = at - interval '11 minutes'")
    assert "is stuck" in plain(office.get("/channels")) and "nothing is lost" in plain(office.get(path))
    drain_all()
    page = plain(office.get(path))
    assert "Taken in today 1" in page and "Refused 1" in page and "shoe" in page
    terms = {"basis": "contract", "residence": "de", "consent_word": ["ads", ""], "consent_ours": ["marketing", ""],
             "field_word": ["shoe", "x"], "field_ours": ["interests", ""]}  # fmt: skip
    assert office.post(path + "/terms", terms)["Location"] == path + "?done=terms"
    page = text_of(office.get(path))
    assert 'value="ads"' in page and re.search(r'value="interests" selected', page) and 'value="DE"' in page
    assert sent(key, {**LIN, "messageId": "m3", "traits": {"shoe": "39"}}) == 200
    drain_all()
    with connection.cursor() as cursor:
        cursor.execute("select basis from collect_import order by started_at desc limit 1")
        assert cursor.fetchone() == ("contract",)
    renewed = re.search(r"kehu_[\w-]{43}", text_of(office.post(path + "/key")))[0]
    assert renewed != key and sent(key, LIN) == 401 and sent(renewed, LIN) == 200
    ImportChunk.objects.update(at=timezone.now() - timedelta(days=4))
    drain_all()
    assert "quiet" in plain(office.get("/channels"))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("basis", "love", "lawful basis"), ("residence", "Germany", "two letters"), ("notice", "none such", "notice")],
    ids=["basis", "residence", "notice"],
)
def test_terms_that_are_not_understood_are_named(office, name, value, words):
    answer = office.post("/channels/1/terms", {name: value})
    assert answer.status_code == 422 and words in plain(answer)


def test_a_shop_by_mapping_is_set_up_on_its_page(office):
    office.post("/channels/new", {"name": "shop two", "kind": "webhook", "country": "DE"})
    number = Channel.objects.get(name="shop two").id
    path = f"/channels/{number}"
    assert "give it the secret" in plain(office.get(path))
    short = office.post(path + "/secret", {"secret": "short"})
    assert short.status_code == 422 and "16 to 512" in plain(short)
    assert office.post(path + "/secret", {"secret": SECRET})["Location"] == path + "?done=secret"
    page = text_of(office.get(path))
    assert SECRET not in page and "secret is set" in page and "how its messages are read" in page
    wrong = office.post(path + "/mapping", {"mapping": 'signature = "x-sign"\nrow = 1'})
    assert wrong.status_code == 422 and "row: at least one" in plain(wrong) and "x-sign" in text_of(wrong)
    told = (WIRE / "shopline.toml").read_text()
    assert office.post(path + "/mapping", {"mapping": told})["Location"] == path + "?done=mapping"
    kept = re.search(r"<textarea[^>]*>(.*?)</textarea>", text_of(office.get(path)), re.DOTALL)[1].replace("&quot;", '"')
    assert office.post(path + "/mapping", {"mapping": kept}).status_code == 302  # as it is shown it can be given again
    again = re.search(r"<textarea[^>]*>(.*?)</textarea>", text_of(office.get(path)), re.DOTALL)[1].replace(
        "&quot;", '"'
    )
    assert again == kept
    raw = body_of("shopline-customers-update")
    raw = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    headers = {"x-shopline-topic": "customers/update", "x-shopline-hmac-sha256": signature(raw)}
    assert webhook("shop two", raw, headers).status == 200
    drain_all()
    assert "Taken in today 1" in plain(office.get(path))
    assert office.post("/channels/1/key").status_code == 404  # a way for files has none
    assert office.post("/channels/1/secret", {"secret": SECRET}).status_code == 404
    assert office.post("/channels/1/mapping", {"mapping": told}).status_code == 404


def test_keys_and_secrets_want_the_second_factor_of_now(office, database):
    desk, who = signed_in("privacy")
    number = Channel.objects.create(name="web", kind="tracking", owner=who.staff).id
    with open_owner(database) as owner:
        owner.execute("update guard_staff set totp = %s where id = %s", (b"x" * 60, who.staff))
    for step, form in (("key", {}), ("secret", {"secret": SECRET})):
        answer = desk.post(f"/channels/{number}/{step}", form)
        assert answer.status_code == 302 and answer["Location"].startswith("/account/confirm"), step
    assert Channel.objects.get(id=number).key_digest is None


def test_what_is_changed_of_a_channel_stands_in_the_ledger(office):
    office.post("/channels/new", {"name": "fair", "kind": "store"})
    office.post(f"/channels/{Channel.objects.get(name='fair').id}/terms", {"basis": "contract"})
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from ledger_entry where action = 92")
        assert cursor.fetchone() == (2,)


def test_each_kind_says_what_is_its_own(office):
    """A tracker its page's key, an account of WeChat how its secret is written, a profile where people go."""
    paths = {}
    for kind in ("tracking", "wechat", "profile"):
        office.post("/channels/new", {"name": f"a {kind}", "kind": kind})
        paths[kind] = f"/channels/{Channel.objects.get(name=f'a {kind}').id}"
    pages = {kind: text_of(office.get(path)) for kind, path in paths.items()}
    assert re.search(r"page_\d+_\w+", pages["tracking"]) and "page_" not in pages["wechat"] + pages["profile"]
    assert (
        "People go here" in pages["profile"] and paths["profile"].replace("/channels", "/profile") in pages["profile"]
    )
    refused = office.post(paths["wechat"] + "/secret", {"secret": "one word that is long enough"})
    assert refused.status_code == 422 and "EncodingAESKey" in plain(refused)


def test_a_source_is_chosen_with_the_terms(office):
    """And stays when other terms are said."""
    proposer, decider = staff("marketing"), staff("privacy")
    changes.approve(changes.propose_source("broker", BROKER, actor=proposer).id, actor=decider)
    office.post("/channels/new", {"name": "leads", "kind": "tracking"})
    held = Channel.objects.get(name="leads")
    path = f"/channels/{held.id}"
    assert office.post(path + "/terms", {"source": "nobody"}).status_code == 422
    for said in ({"source": "broker"}, {"basis": "contract"}):
        assert office.post(path + "/terms", said).status_code == 302
        assert queries.status_of(held, actor=decider).source == "broker"
        assert re.search(r'value="broker" selected', text_of(office.get(path)))
    assert office.post(path + "/terms", {"source": ""}).status_code == 302
    assert queries.status_of(held, actor=decider).source == ""
