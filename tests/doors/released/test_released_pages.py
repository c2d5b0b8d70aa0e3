"""A profile that somebody releases: npm's oidc-provider over HTTP, walked through by a browser without script."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html import unescape
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import parse_qs, quote, urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, ProxyHandler, build_opener

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from kehu.collect.channels.profile import released
from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.drain import drain_all
from kehu.collect.inbox.terms import set_terms
from kehu.collect.signed.secrets import keep_secret
from kehu.collect.signed.settings import SettingsRefused, keep_settings
from kehu.doors.web.released.urls import urlpatterns
from kehu.govern.channels import add_channel
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.read import gate
from kehu.guard.staff.actions import actor_of, owner_actor
from kehu.guard.staff.models import Staff
from kehu.serve.desk import queries
from kehu.serve.rights.consents import actions
from tests.cast import staff

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "scripts"))
from clients import OPENID, clients_installed  # noqa: E402

CLIENT, SECRET, RETURN = "kehu-profiles", "a-secret-of-the-client-4f1c", "http://localhost/profile/return"
PEOPLE = {
    "lin": {"name": "林婉清", "email": "Lin@Mail.example", "email_verified": True, "phone_number": "+8613800138000",
            "phone_number_verified": False, "birthdate": "1990-04-05", "gender": "female", "picture": "https://x.example/p",
            "address": {"locality": "杭州市", "street_address": "西湖路 1"}},
    "thief": {"name": "Thief", "email": "lin@mail.example", "email_verified": False},
    "nobody": {"name": "Nobody"},
}  # fmt: skip
FIELDS = '"name" = "full_name"\nemail = "email"\nphone_number = "phone"\n"address.locality" = "locality"\n'
NETWORK = (
    'authorize = "https://a.example/a"\ntoken = "https://a.example/t"\nprofile = "https://a.example/p"\nsubject = "id"\n'
    'client = "x"\nlabel = "x"\n'
)
ALL = ("manager", "marketing", "service", "analyst", "engineer", "privacy", "legal", "auditor", "owner")
# name of the address -> (path, method, roles, status): whoever asks is nobody here
TABLE = {
    "released-offer": ("/profile/7", "get", ALL, 404, 404),
    "released-return": ("/profile/return", "get", ALL, 401, 401),
}
OPEN_TO_ALL = frozenset(TABLE)
pytestmark = pytest.mark.usefixtures("database")
needs_node = pytest.mark.skipif(
    not clients_installed(OPENID), reason="Node's OpenID provider is not here: make setup-dev"
)


class Provider:
    """npm's oidc-provider in a process of its own, and the browser of somebody who sits there."""

    def __init__(self, *, by_name: bool) -> None:
        self._process = subprocess.Popen(
            ["node", "serve.mjs"],
            cwd=OPENID,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        told = {"client": CLIENT, "secret": SECRET, "returns": RETURN, "byName": by_name, "people": PEOPLE}
        self._process.stdin.write(json.dumps(told) + "\n")
        self._process.stdin.flush()
        lines = iter(self._process.stdout.readline, "")
        self.issuer = next(line.strip() for line in lines if line.startswith("http"))

    def end(self) -> None:
        self._process.communicate(timeout=20)

    def asked(self) -> dict[str, str]:
        return json.loads(build_opener(ProxyHandler({})).open(self.issuer + "/asked").read())[-1]

    def walk(self, address: str, who: str, *, refuse: bool = False) -> str:
        """Sign in there and agree; path and query that the browser is sent back to."""
        opener = build_opener(ProxyHandler({}), HTTPCookieProcessor(CookieJar()), _Stays)

        def go(address: str, said: dict[str, str] | None = None) -> tuple[str, str]:
            for _ in range(10):
                if address.startswith(RETURN):
                    return address, ""
                try:
                    answer = opener.open(address, urlencode(said).encode() if said else None)
                    return address, answer.read().decode()
                except HTTPError as moved:
                    assert moved.code in (302, 303), moved.read()
                    address, said = urljoin(address, moved.headers["Location"]), None
            raise AssertionError("round and round")

        at, page = go(address)
        while not at.startswith(RETURN):
            if refuse:
                at, page = go(urljoin(at, re.search(r'href="([^"]*/abort)"', page)[1]))
                continue
            action = unescape(re.search(r'<form[^>]*action="([^"]+)"', page)[1])
            prompt = re.search(r'name="prompt" value="(\w+)"', page)[1]
            at, page = go(urljoin(at, action), {"prompt": prompt, "login": who, "password": "x"})
        return at.removeprefix("http://localhost")


class _Stays(HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


@pytest.fixture(scope="module")
def provider(request):
    held = Provider(by_name=getattr(request, "param", True))
    yield held
    held.end()


@pytest.fixture
def channel(database, monkeypatch):
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    made, _ = add_channel("accounts", "profile", owner=owner_actor().staff, country="CN")
    set_terms(made, actor=owner_actor(), basis="contract", consents={"ads": "marketing"})
    return made


def set_up(channel, issuer: str, fields: str = FIELDS):
    keep_secret(channel, SECRET)
    keep_settings(
        channel,
        f'issuer = "{issuer}"\nclient = "{CLIENT}"\nlabel = "Tea Account"\n[[row]]\n[row.fields]\n{fields}'.encode(),
    )


def set_up_network(channel, origin: str, *, more: str = ""):
    keep_secret(channel, SECRET)
    told = f'''
        authorize = "{origin}/auth"
        token = "{origin}/token"
        profile = "{origin}/profile"
        subject = "user.id"
        scope = "read"
        client = "{CLIENT}"
        label = "Tea Network"
        {more}
        [[row]]
        [row.fields]
        "user.screen_name" = "full_name"
        "user.contact.email" = "email"
        "user.contact.mobile" = "phone"
        "user.city" = "locality"
    '''
    keep_settings(channel, told.encode())


def browser():
    return Client(enforce_csrf_checks=True, HTTP_HOST="localhost", HTTP_ACCEPT_LANGUAGE="en", REMOTE_ADDR="192.0.2.7")


def pressed(desk, channel, **said):
    page = desk.get(f"/profile/{channel.id}")
    assert page.status_code == 200
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.content.decode())[1]
    answer = desk.post(f"/profile/{channel.id}", {"csrfmiddlewaretoken": token, **said})
    assert answer.status_code == 302
    return page, answer


def service():
    held = Staff.objects.filter(role="service").first()
    return actor_of(held.email) if held else staff("service")


def opened(who, *fields: str):
    held = gate().open([who], actor=service(), purpose="service", fields=list(fields) or None)[0].contributions
    return {one.field: one.normal or one.given for one in held}


def find(**said):
    return queries.find(said, actor=service(), purpose="service")[0]


def count(query, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()[0]


def test_every_address_is_in_the_table():
    assert {pattern.name for pattern in urlpatterns} == set(TABLE)
    desk = browser()
    for path, _, _, status, _ in TABLE.values():
        assert (desk.get(path).status_code, desk.post(path).status_code) == (status, 403), path


@needs_node
@pytest.mark.parametrize("provider", [False, True], ids=["by-scope", "by-name"], indirect=True)
def test_what_was_released_and_named_is_kept_and_nothing_else(provider, channel):
    set_up(channel, provider.issuer)
    desk = browser()
    page, sent = pressed(desk, channel, c=["marketing", "credit"])
    text = page.content.decode()
    assert "Tea Account" in text and "checked" not in text and "<script" not in text
    assert f"form-action 'self' {provider.issuer}" in page["Content-Security-Policy"]
    assert [one for one in ("Full name", "email", "Phone", "locality") if one.lower() not in text.lower()] == []
    back = provider.walk(sent["Location"], "lin")
    asked = provider.asked()
    assert asked["code_challenge_method"] == "S256" and len(asked["nonce"]) == len(asked["state"]) == 64
    if "claims" in asked:  # by name: not even the scope that would bring more
        assert asked["scope"] == "openid"
        names = set(json.loads(asked["claims"])["userinfo"])
        assert names == {"name", "email", "email_verified", "phone_number", "phone_number_verified", "address"}
    else:
        assert set(asked["scope"].split()) == {"openid", "profile", "email", "phone", "address"}
    answer = desk.get(back)
    assert answer.status_code == 200 and "Thank you" in answer.content.decode()
    assert accepting.waiting() == (1, 1) and count("select count(*) from record") == 0
    drain_all()
    [lin] = find(email="lin@mail.example")
    held = opened(lin, "external_id", "full_name", "email", "locality", "phone", "birth_date", "gender", "street")
    name = provider.issuer + "#lin"
    assert held == {
        "external_id": name,
        "full_name": "林婉清",
        "email": "lin@mail.example",
        "locality": "杭州市",
    }  # no phone
    said = "select count(*) from govern_consent where subject = %s and status = 'given'"
    assert count(said, lin) == 1  # what was ticked, and is offered here
    # nothing of the person lies in a session
    assert not any("lin" in str(one.get_decoded()).lower() for one in Session.objects.all())
    # the same way again leads nowhere
    assert desk.get(back).status_code == 401 and accepting.waiting() == (0, 0)


@needs_node
def test_a_yes_after_a_no_does_not_count_and_whoever_is_asked_reads_it_before(provider, channel):
    set_up(channel, provider.issuer)

    def released_with_a_yes():
        desk = browser()
        page, sent = pressed(desk, channel, c="marketing")
        assert desk.get(provider.walk(sent["Location"], "lin")).status_code == 200
        drain_all()
        return page.content.decode()

    released_with_a_yes()
    [lin] = find(email="lin@mail.example")
    actions.withdraw(lin, PURPOSES["marketing"], actor=owner_actor())
    text = released_with_a_yes()
    said = "select array_agg(status order by recorded_at) from govern_consent where subject = %s"
    assert count(said, lin) == ["given", "withdrawn"]
    # the same profile again is no news; another is
    set_up(channel, provider.issuer, FIELDS + 'birthdate = "birth_date"\n')
    released_with_a_yes()
    assert count(said, lin) == ["given", "withdrawn", "unknown"]
    assert "a tick here does not change that" in text and 'href="/portal"' in text
    set_terms(channel, actor=owner_actor(), basis="contract", consents={})
    assert "a tick here" not in browser().get(f"/profile/{channel.id}").content.decode()


@needs_node
def test_an_address_that_the_provider_did_not_verify_is_not_taken(provider, channel):
    set_up(channel, provider.issuer)
    desk = browser()
    for who in ("lin", "thief"):
        assert desk.get(provider.walk(pressed(desk, channel)[1]["Location"], who)).status_code == 200
        drain_all()
    [lin] = find(email="lin@mail.example")
    [thief] = find(external_id=provider.issuer + "#thief")
    assert lin != thief and set(opened(thief)) == {"external_id", "full_name"}


@needs_node
def test_whatever_is_not_good_about_the_answer_nothing_is_kept(provider, channel, monkeypatch):
    set_up(channel, provider.issuer)
    desk, other = browser(), browser()
    back = provider.walk(pressed(desk, channel)[1]["Location"], "lin")
    pressed(other, channel)
    assert other.get(back).status_code == 401  # begun by another browser
    for wrong in ("state", "iss"):  # their own way, and all else of it is right
        desk = browser()
        own = provider.walk(pressed(desk, channel)[1]["Location"], "lin")
        value = parse_qs(urlsplit(own).query)[wrong][0]
        assert desk.get(own.replace(quote(value, safe=""), "0" * len(value))).status_code == 401, wrong
    query = parse_qs(urlsplit(back).query)
    code = query["code"][0]
    refused = [
        back.replace(query["state"][0], "0" * 64), back.replace("iss=", "iss=https%3A%2F%2Felsewhere"), back.replace(code, "x"),
        "/profile/return", back + "&state=x",
    ]  # fmt: skip
    for address in refused:
        desk = browser()
        pressed(desk, channel)
        assert desk.get(address).status_code == 401, address
    desk = browser()
    answer = desk.get(provider.walk(pressed(desk, channel)[1]["Location"], "lin", refuse=True))
    assert answer.status_code == 401 and "nothing is kept" in answer.content.decode()
    assert f'href="/profile/{channel.id}"' in answer.content.decode()
    desk = browser()
    back = provider.walk(pressed(desk, channel)[1]["Location"], "lin")
    with monkeypatch.context() as late:
        late.setattr(released, "LASTS", released.timedelta(0))
        assert desk.get(back).status_code == 401
    desk = browser()
    back = provider.walk(pressed(desk, channel)[1]["Location"], "lin")
    monkeypatch.setenv("KEHU_INBOX_MOST", "0")
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    assert desk.get(back).status_code == 503
    monkeypatch.delenv("KEHU_INBOX_MOST")
    assert accepting.waiting() == (0, 0)


@needs_node
def test_a_network_without_openid_connect_releases_a_profile(provider, channel):
    """OAuth alone: no identity, no nonce; an address counts only where the settings say that the network verifies it."""
    set_up_network(channel, provider.issuer, more='verified = ["user.contact.mobile"]')
    desk = browser()
    page, sent = pressed(desk, channel, c=["marketing"])
    assert "Tea Network" in page.content.decode()
    back = provider.walk(sent["Location"], "lin")
    asked = provider.asked()
    assert (asked["scope"], asked["code_challenge_method"]) == ("read", "S256") and "nonce" not in asked
    assert desk.get(back).status_code == 200
    drain_all()
    [lin] = find(phone="+8613800138000")
    assert opened(lin, "external_id", "full_name", "email", "locality", "phone") == {
        "external_id": provider.issuer + "#n-lin",
        "full_name": "林婉清",
        "phone": "+8613800138000",
        "locality": "杭州市",
    }
    assert desk.get(back).status_code == 401 and accepting.waiting() == (0, 0)  # the same way again


@needs_node
@pytest.mark.parametrize("more", ["", 'secret_in = "body"'], ids=["header", "body"])
def test_a_network_that_answers_otherwise_leaves_nothing(provider, channel, more):
    set_up_network(channel, provider.issuer, more=more)
    for who, wrong in (("nobody", ""), ("lin", "code="), ("lin", "iss="), ("lin", "state=")):
        desk = browser()
        back = provider.walk(pressed(desk, channel)[1]["Location"], who)
        if wrong:
            assert wrong in back
            back = back.replace(wrong, wrong + "https%3A%2F%2Felsewhere.example%2F")
        assert desk.get(back).status_code == 401, (who, wrong)
    assert accepting.waiting() == (0, 0)


def test_a_provider_that_is_away_is_told_so(channel):
    set_up(channel, "http://127.0.0.1:1")
    answer = browser().get(f"/profile/{channel.id}")
    assert answer.status_code == 503 and "127.0.0.1" not in answer.content.decode()


@pytest.mark.parametrize(
    "told",
    ['issuer = "http://accounts.example"', 'issuer = "https://a.example"\nclient = "x"', 'row = 1', "[", 'more = "x"',
     'issuer = "https://a.example"\nclient = "x"\nlabel = "x"\n[[row]]\n[row.fields]\nsub = "external_id"',
     'issuer = "https://a.example"\nclient = "x"\nlabel = "x"\n[[row]]\n[row.fields]\nname = "order_id"',
     'issuer = "https://a.example"\nclient = "x"\nlabel = "x"\n[[row]]\nkind = "orders"\n[row.fields]\nname = "full_name"',
     NETWORK + 'issuer = "https://a.example"', NETWORK.replace('subject = "id"', ""), NETWORK.replace("https", "http"),
     NETWORK + 'secret_in = "address"', NETWORK + 'verified = "email"'],
    ids=["clear", "half", "row", "toml", "unknown", "id", "event", "orders", "both", "nobody", "plain", "where", "list"],
)  # fmt: skip
def test_settings_that_cannot_be_followed_are_refused(channel, told):
    with pytest.raises(SettingsRefused):
        keep_settings(channel, told.encode())
