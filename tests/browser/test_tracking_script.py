"""The script for web pages in a real browser, on another site than the inbox: silent until a consent, then everything once."""

from __future__ import annotations

import io
import json
import threading
from datetime import UTC, datetime, timedelta
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
        self.key, self.asked, self.busy, self.more, self.heard = key, [], 0, "", []

    def inbox(self, environ, start_response):
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length)
        environ["wsgi.input"] = io.BytesIO(body)  # this small server knows no end of a body
        if environ["REQUEST_METHOD"] == "POST":
            self.heard += json.loads(body)["batch"]
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
    assert b'"kehu: too large"' in content  # a text stays as it is
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


GONE = "dispatchEvent(new Event('pagehide'))"
DEAF = "addEventListener('storage', (event) => event.stopImmediatePropagation(), true)"
STORE = "JSON.parse(localStorage.getItem('kehu'))"


@pytest.fixture
def tabs(shop, window):
    """Two tabs of the site, open beside each other; the first has said yes."""
    window.goto(shop.site_at)
    window.evaluate("kehu.consent({stats: true, ads: true})")
    until(window, kept, 1)
    beside = window.context.new_page()

    def opened(script=""):
        beside.add_init_script(script)
        beside.goto(shop.site_at + "/cup")
        assert beside.evaluate("kehu.id()") == window.evaluate("kehu.id()")
        return window, beside

    return opened


@pytest.mark.parametrize("script", ["", DEAF], ids=["told of it", "asleep then"])
@pytest.mark.parametrize("over", ["kehu.consent({stats: false})", "kehu.reset()", "localStorage.clear()"])
def test_a_no_or_a_reset_in_one_tab_ends_it_in_all(shop, tabs, script, over):
    here, beside = tabs(script)
    beside.evaluate("kehu.identify('U-1'); kehu.track('Before')")
    until(here, kept, 3)
    beside.evaluate("for (let n = 0; n < 9; n++) kehu.track('Waits')") if script else None
    here.evaluate(over)
    here.wait_for_timeout(0 if script else 100)
    told = len(shop.heard)
    beside.evaluate(f"kehu.track('After'); {GONE}; kehu.page('After')")
    assert storage(beside)[1] == storage(here)[1] == "" and beside.evaluate("kehu.id()") is None
    beside.wait_for_timeout(800)
    assert [one for one in shop.heard[told:] if one["type"] != "identify"] == []
    beside.goto(shop.site_at)
    assert beside.evaluate("kehu.id()") is None and storage(beside)[1] == ""


def test_what_a_tab_wrote_before_it_heard_of_a_no_goes_again(tabs):
    here, beside = tabs()
    was = here.evaluate("localStorage.getItem('kehu')")
    here.evaluate("kehu.consent({stats: false})")
    beside.evaluate("(was) => localStorage.setItem('kehu', was)", was)
    until(here, lambda: storage(here)[1], "")
    assert beside.evaluate("kehu.id()") is None


def test_a_no_reaches_a_tab_that_sends_before_an_answer(shop, window):
    shop.more = "data-untold"
    beside = window.context.new_page()
    for page in (window, beside):
        page.goto(shop.site_at)
        page.evaluate("kehu.track('Before')")
    until(window, kept, 2)
    window.evaluate("kehu.consent({stats: false})")
    window.wait_for_timeout(100)
    beside.evaluate("kehu.track('After'); kehu.identify('U-1')")
    until(window, kept, 3)  # the no itself
    beside.wait_for_timeout(600)
    assert kept() == 3 and beside.evaluate("kehu.id()") is None and storage(window) == ["", "", ""]


@pytest.mark.parametrize("script", ["", DEAF], ids=["told of it", "asleep then"])
def test_what_is_answered_in_one_tab_is_said_by_all(shop, tabs, script):
    here, beside = tabs(script)
    here.evaluate("kehu.consent({ads: false})")
    until(here, kept, 2)
    beside.evaluate("kehu.track('After')")
    until(here, kept, 3)
    assert shop.heard[-1]["context"]["consent"]["categoryPreferences"] == {"stats": True, "ads": False}
    beside.evaluate(GONE)
    assert here.evaluate(STORE)["consents"] == {"stats": True, "ads": False}


def test_a_yes_in_two_tabs_is_one_visitor(shop, window):
    beside = window.context.new_page()
    for page in (window, beside):
        page.goto(shop.site_at)
    window.evaluate("kehu.consent({stats: true, ads: false})")
    until(window, kept, 1)
    assert beside.evaluate("kehu.id()") is None
    beside.evaluate("kehu.consent({stats: true}); kehu.track('Looked')")
    until(window, kept, 3)
    assert beside.evaluate("kehu.id()") == window.evaluate("kehu.id()") is not None
    assert {one["anonymousId"] for one in shop.heard} == {window.evaluate("kehu.id()")}
    assert window.evaluate(STORE)["consents"] == {"stats": True, "ads": False}


def test_what_two_tabs_leave_behind_is_sent_once_by_whichever_page_comes_next(shop, tabs):
    here, beside = tabs()
    for page in (here, beside):
        page.evaluate(f"navigator.sendBeacon = () => false; for (let n = 0; n < 5; n++) kehu.track('Left'); {GONE}")
    left = [one["messageId"] for one in here.evaluate(STORE)["waiting"]]
    assert len(set(left)) == len(left) == 10
    here.evaluate("kehu.track('Goes on')")
    for page in (beside.context.new_page(), beside.context.new_page()):
        page.goto(shop.site_at)
    until(here, kept, 12)
    here.wait_for_timeout(500)
    sent = [one["messageId"] for one in shop.heard]
    assert {one: sent.count(one) for one in left} == dict.fromkeys(left, 1)
    assert here.evaluate(STORE)["waiting"] == []


def test_what_was_on_its_way_when_the_page_went_is_not_sent_by_the_next(shop, tabs):
    here, beside = tabs()
    held = []

    def hold(route):
        held.append(route)

    here.route("**/v1/batch", hold)
    here.evaluate("navigator.sendBeacon = () => false; kehu.track('On its way')")
    until(here, lambda: len(held), 1)
    here.evaluate(f"kehu.track('Left'); {GONE}")
    assert [one["event"] for one in here.evaluate(STORE)["waiting"]] == ["On its way", "Left"]
    held[0].continue_()
    until(here, lambda: [one["event"] for one in here.evaluate(STORE)["waiting"]], ["Left"])
    beside.reload()
    until(here, kept, 3)
    assert [one.get("event") for one in shop.heard].count("On its way") == 1


def test_a_yes_holds_for_thirteen_months_however_often_they_come(shop, window):
    month, said = timedelta(days=30), datetime(2026, 1, 15, 12, tzinfo=UTC)
    window.clock.set_fixed_time(said)
    window.goto(shop.site_at)
    window.evaluate("kehu.consent({stats: true})")
    until(window, kept, 1)
    device = window.evaluate("kehu.id()")
    for number in range(1, 14):
        window.clock.set_fixed_time(said + number * month)
        window.goto(shop.site_at)
        window.evaluate("kehu.consent({stats: true}); kehu.track('Looked')")  # as many a banner says it on each page
        until(window, kept, 1 + 2 * number)
        assert window.evaluate("kehu.id()") == device, number
    window.clock.set_fixed_time(said + 14 * month)
    assert window.evaluate("kehu.id()") is None  # a page that stayed open
    window.goto(shop.site_at)
    assert window.evaluate("kehu.id()") is None and storage(window)[1] == ""
    window.evaluate("kehu.consent({stats: true})")
    assert window.evaluate("kehu.id()") not in (None, device)


def test_what_was_stored_when_only_the_last_visit_was_known_ends_thirteen_months_after_it(shop, window):
    last = datetime(2026, 1, 15, 12, tzinfo=UTC)
    waits = {"type": "track", "messageId": "m-1", "anonymousId": "of before", "event": "Left"}
    entry = {"device": "of before", "consents": {"stats": True}, "waiting": [waits], "at": last.timestamp() * 1000}
    window.clock.set_fixed_time(last + timedelta(days=200))
    window.goto(shop.site_at)
    window.evaluate("(entry) => localStorage.setItem('kehu', entry)", json.dumps(entry))
    window.goto(shop.site_at)
    until(window, kept, 1)
    window.evaluate("kehu.track('Looked')")
    until(window, kept, 2)
    assert window.evaluate("kehu.id()") == "of before"
    window.clock.set_fixed_time(last + timedelta(days=400))
    window.goto(shop.site_at)
    assert window.evaluate("kehu.id()") is None


def test_what_the_inbox_would_not_read_is_not_sent_and_the_page_is_told(shop, window):
    """Its end is in bytes: a character of Chinese is three."""
    heard = []
    window.on("console", lambda line: heard.append(line.text))
    window.goto(shop.site_at)
    window.evaluate("kehu.consent({stats: true}); kehu.track('Long', {text: '茶'.repeat(12000)}); kehu.track('Short')")
    until(window, kept, 2)
    assert (
        heard == ["kehu: too large"]
        and [one.get("event") for one in shop.heard if one["type"] == "track"][-1] == "Short"
    )


def test_the_secret_key_in_a_page_does_nothing(shop, window, channel):
    shop.key = channel[1]
    heard = []
    window.on("console", lambda line: heard.append(line.text))
    window.goto(shop.site_at)
    assert window.evaluate("typeof window.kehu") == "undefined" and "page key" in heard[0]
    assert json.dumps(heard).count(channel[1]) == 0
