"""The script for web pages in a real browser, on another site than the inbox: silent until a consent, then everything once."""

from __future__ import annotations

import io
import json
import threading
from wsgiref.simple_server import make_server

import pytest
from django.db import connection, connections

from kehu.collect.channels.tracking import script as scripts
from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.drain import drain_all
from kehu.collect.inbox.terms import set_terms
from kehu.doors import inbound
from kehu.govern.channels import add_channel, digest_of, page_key_of, proof_of
from kehu.guard.staff.actions import owner_actor
from tests.browser.conftest import _Quiet, _Server

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Tea of Lin Wanqing</title>
<script src="%s/v1/kehu.js?v=%s" %s defer></script><p>Tea</p>"""


class Shop:
    """A shop's site and the inbox, each on an address of its own; notes what was asked of the inbox."""

    def __init__(self, key):
        self.key, self.asked, self.busy, self.more = key, [], 0, ""

    def inbox(self, environ, start_response):
        length = int(environ.get("CONTENT_LENGTH") or 0)
        environ["wsgi.input"] = io.BytesIO(
            environ["wsgi.input"].read(length)
        )  # this small server knows no end of a body
        if environ["REQUEST_METHOD"] == "POST":
            self.asked.append((environ.get("CONTENT_TYPE"), environ.get("HTTP_COOKIE")))
            if self.busy:
                self.busy -= 1
                start_response(
                    "503 Service Unavailable", [("Access-Control-Allow-Origin", "*"), ("Content-Length", "0")]
                )
                return [b""]
        try:
            return inbound.application(environ, start_response)
        finally:
            connections.close_all()

    def site(self, environ, start_response):
        told = f'data-key="{self.key}" data-consent="stats" {self.more}'
        body = (PAGE % (self.inbox_at, scripts.served()[1], told)).encode()
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))])
        return [body]


@pytest.fixture
def channel(database, monkeypatch):
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    made, key = add_channel("web", "tracking", owner=owner_actor().staff, country="CN")
    set_terms(made, actor=owner_actor(), consents={"stats": "analytics", "ads": "marketing"})
    return made, key


@pytest.fixture
def shop(browser, channel):
    held = Shop(page_key_of(channel[0]))
    servers = [
        make_server("127.0.0.1", 0, one, server_class=_Server, handler_class=_Quiet) for one in (held.inbox, held.site)
    ]
    held.inbox_at, held.site_at = (f"http://localhost:{one.server_port}" for one in servers)
    threads = [threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.05}) for one in servers]
    for one in threads:
        one.start()
    yield held
    for one in servers:
        one.shutdown()
        one.server_close()
    for one in threads:
        one.join()


@pytest.fixture
def window(browser):
    context = browser.new_context()
    yield context.new_page()
    context.close()


def kept():
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(sum(messages), 0) from inbox")
        return cursor.fetchone()[0]


def count(query, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchone()[0]


def until(page, work, expected):
    for _ in range(100):
        if work() == expected:
            return
        page.wait_for_timeout(100)
    assert work() == expected


def storage(page):
    return page.evaluate("[document.cookie, Object.keys(localStorage).join(), Object.keys(sessionStorage).join()]")


def test_it_is_small_held_long_and_changes_its_address_with_its_content(database):
    content, digest = scripts.served()
    assert len(content) < 5_000 and b"//" not in content.replace(b"https://", b"")
    told = {}

    def answer(query, **headers):
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/v1/kehu.js",
            "QUERY_STRING": query,
            "wsgi.input": io.BytesIO(),
            **headers,
        }
        return b"".join(inbound.application(environ, lambda status, pairs: told.update(pairs, status=status)))

    assert answer(f"v={digest}") == content and told["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer("v=old") == content and told["Cache-Control"] == "public, max-age=3600"
    assert answer("", HTTP_IF_NONE_MATCH=told["ETag"]) == b"" and told["status"].startswith("304")


def test_nothing_before_a_yes_then_everything_once_and_nothing_after_a_no(shop, window, channel):
    errors = []
    window.on("pageerror", lambda error: errors.append(str(error)))
    window.goto(shop.site_at + "/tea?email=lin@mail.example")
    window.evaluate("kehu.page('Tea'); kehu.track('Looked', {colour: 'green'}); kehu.consent({ads: false})")
    window.wait_for_timeout(600)
    assert shop.asked == [] and storage(window) == ["", "", ""] and window.evaluate("kehu.id()") is None
    window.evaluate("kehu.consent({stats: true}); kehu.track('Added', {n: 1})")
    until(window, kept, 3)  # the consent, the page that is being looked at, and what came after
    assert storage(window) == ["", "kehu", ""]
    assert {kind for kind, _ in shop.asked} == {"text/plain"} and {cookie for _, cookie in shop.asked} == {None}
    device = window.evaluate("kehu.id()")
    # the next page of the visit, with an inbox that is busy twice: nothing is lost or doubled
    shop.busy = 2
    window.goto(shop.site_at + "/cup")
    assert window.evaluate("kehu.id()") == device
    window.evaluate("kehu.track('Busy')")
    until(window, kept, 4)
    assert len(shop.asked) >= 4
    drain_all()
    assert count("select count(*) from record where kind = 4") == 3
    assert count("select count(distinct customer) from subject_state") == 1
    # taken back: told once, then silent, and the id is gone
    window.evaluate("kehu.consent({stats: false}); kehu.track('After')")
    until(window, kept, 1)
    assert storage(window)[1] == "" and window.evaluate("kehu.id()") is None
    drain_all()
    assert count("select count(*) from record where kind = 4") == 3
    assert count("select array_agg(status order by recorded_at) from govern_consent where purpose = 6") == [
        "given",
        "refused",
    ]
    assert errors == []


def test_a_page_that_closes_in_the_middle_sends_what_it_has_once(shop, window):
    window.goto(shop.site_at)
    window.evaluate("kehu.consent({stats: true})")
    until(window, kept, 1)
    window.evaluate(
        "for (let n = 0; n < 120; n++) kehu.track('Step', {n, text: '茶'.repeat(700)}); location.href = '/next'"
    )
    window.wait_for_url("**/next")
    until(window, kept, 121)
    drain_all()
    assert count("select count(*) from record where kind = 4") == 120


@pytest.mark.parametrize("signal", ["globalPrivacyControl", "doNotTrack"])
def test_a_signal_is_a_no_and_all_that_is_told_of_somebody_who_is_known(shop, window, channel, signal):
    value = "true" if signal == "globalPrivacyControl" else "'1'"
    window.goto(shop.site_at)
    window.evaluate("kehu.consent({stats: true})")
    until(window, kept, 1)
    drain_all()
    window.add_init_script(f"Object.defineProperty(navigator, '{signal}', {{get: () => {value}}})")
    window.goto(shop.site_at)  # what was stored goes, whatever was said before
    window.evaluate("kehu.consent({stats: true}); kehu.page('Tea'); kehu.identify('U-1')")
    window.wait_for_timeout(500)
    assert storage(window) == ["", "", ""] and kept() == 0
    shop.more = 'data-signal="ads"'
    window.goto(shop.site_at)
    proof = proof_of(digest_of(channel[1]), "U-1")
    window.evaluate(f"kehu.page('Tea'); kehu.identify('U-1', '{proof}'); kehu.track('Looked')")
    until(window, kept, 1)
    drain_all()
    assert count("select count(*) from record where kind = 4") == 0
    said = count(
        "select array_agg(distinct status) from govern_consent where subject in (select subject from subject_state)"
    )
    assert said == [
        "given",
        "refused",
    ]  # what the visitor gave before stands as it was said; the known customer's no beside it


def test_the_secret_key_in_a_page_does_nothing(shop, window, channel):
    shop.key = channel[1]
    heard = []
    window.on("console", lambda line: heard.append(line.text))
    window.goto(shop.site_at)
    assert window.evaluate("typeof window.kehu") == "undefined" and "page key" in heard[0]
    assert json.dumps(heard).count(channel[1]) == 0
