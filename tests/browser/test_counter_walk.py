"""The counter in a real browser: without a connection nothing is lost, nothing doubled, and nothing lies in clear."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from playwright.sync_api import Route, expect

from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.drain import drain_all
from kehu.govern.channels import add_channel
from kehu.govern.models import Consent
from kehu.govern.slugs import PURPOSES, name_of
from kehu.guard.gate.acts import ACTS
from kehu.guard.staff.actions import owner_actor
from scripts.browser import find_browser
from tests.browser.conftest import Visit
from tests.cast import admit
from tests.dresses import dresses_of, looked_at

MARK = "CANARYzq7f3a"
WITHIN = 20_000


@pytest.fixture
def window(browser, site, tmp_path, monkeypatch) -> Iterator[Visit]:
    """A window with a profile on the disk, in which service has signed in for service."""
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    add_channel("shop floor", "counter", owner=owner_actor().staff, country="CN")
    held = Visit.__new__(Visit)
    held.context = browser.browser_type.launch_persistent_context(
        str(tmp_path / "profile"), executable_path=find_browser(), args=["--no-sandbox"],
        viewport={"width": 1440, "height": 900}, locale="zh-CN", timezone_id="Asia/Shanghai",
    )  # fmt: skip
    held.page, held.site, held.wrong = held.context.pages[0], site, []
    held.page.set_default_timeout(30_000)
    held.page.on("console", lambda message: held._note(message.type, message.text))
    held.page.on("pageerror", lambda error: held.wrong.append(str(error)))
    held.page.on("dialog", lambda dialog: dialog.accept())  # "leave this page?"
    held.sign_in("service", "service")
    yield held
    held.context.close()


def _ready(window: Visit) -> None:
    window.page.wait_for_selector("form[data-ready]")


def _shell_kept(window: Visit) -> None:
    """Until the worker, which is asked for with the page, has put the shell away."""
    window.page.evaluate(
        """async () => {
            await navigator.serviceWorker.ready;
            while (!(await caches.match('/counter/shell'))) await new Promise((again) => setTimeout(again, 50));
        }"""
    )


def _take_down(window: Visit, name: str, *, asking: bool) -> None:
    page = window.page
    page.fill("#f-full_name", name)
    page.fill("#f-phone", f"+86138{abs(hash(name)) % 10**8:08d}")
    if asking:
        page.click("[data-turn]")
        page.check("#c-en")
        page.check("input[name=consent][value=marketing]")
        page.click(".c-do button")
    else:
        page.click("button[value=keep]")
    expect(page.locator("#f-full_name")).to_have_value("")


def _waits(window: Visit, count: int) -> None:
    expect(window.page.locator("form[data-counter]")).to_have_attribute("data-waiting", str(count), timeout=WITHIN)


def _kept_by_browser(window: Visit) -> str:
    """Everything a page could have put away, as text."""
    return str(
        window.page.evaluate(
            """async () => {
            const base = await new Promise((done) => { const r = indexedDB.open('kehu-counter', 1); r.onsuccess = () => done(r.result); });
            const all = await new Promise((done) => { const r = base.transaction('waiting').objectStore('waiting').getAll(); r.onsuccess = () => done(r.result); });
            const cached = [];
            for (const name of await caches.keys()) for (const one of await (await caches.open(name)).matchAll()) cached.push(one.url, await one.text());
            const text = new TextDecoder('latin1');
            return JSON.stringify([all.map((one) => [one.id, text.decode(one.body)]), cached, {...localStorage}, {...sessionStorage}, document.cookie]);
        }"""
        )
    )


def _found_on_disk(folder: Path, text: str) -> list[str]:
    forms = [text.encode(), text.encode("utf-16-le")]
    files = [one for one in folder.rglob("*") if one.is_file()]
    return [one.name for one in files if any(form in one.read_bytes() for form in forms)]


def _customers() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from record where kind = 1")
        return int(cursor.fetchone()[0])


def _both_sides(window: Visit) -> None:
    """Each side of the screen in two dresses; with the customer's before it, nothing of the staff's can be reached."""
    found = []
    for address in ("/counter", "/counter#customer"):
        for width, theme, language in dresses_of(address):
            window.look(width=width, theme=theme, language=language)
            window.go("/me")  # an address that differs by its mark alone is not loaded anew
            window.go(address)
            _ready(window)
            found += looked_at(window, f"{address} {width} {theme} {language}", width)
    assert found == []
    assert window.page.evaluate("document.querySelector('.nav').inert") is True
    window.page.click(".c-do a")
    window.page.wait_for_function(
        "() => !document.querySelector('.nav').inert"  # a function: the page's own policy lets no text be evaluated
    )  # the page follows its address a moment later


@pytest.mark.parametrize("width", [390, 1440])
def test_whoever_is_found_stands_within_the_page_in_words(window, width):
    admit(
        {"full_name": "林婉清", "email": "linwanqing@mailbox.example", "phone": "+8613801926721", "language": "zh-Hans"}
    )
    window.look(width=width, theme="light", language="en")
    window.go("/counter")
    _ready(window)
    window.page.fill("#c-text", "林婉清")
    found = window.page.locator(".c-hits li")
    expect(found).to_have_count(1)
    expect(found).to_contain_text("Simplified Chinese")
    fold = window.page.locator(".card > details").first
    fold.locator("summary").click()
    assert fold.locator("textarea").bounding_box()["x"] > window.page.locator(".card").first.bounding_box()["x"] + 8
    assert looked_at(window, "found", width) == []


def test_what_is_refused_stands_in_the_form_again_and_nothing_goes_under_another_purpose(window):
    page = window.page
    window.go("/counter")
    _ready(window)
    name = page.locator("#f-full_name")
    name.fill("Ann\u200bLee")
    page.click("button[value=keep]")
    expect(page.locator("[data-say=refused]")).to_be_visible(timeout=WITHIN)
    _waits(window, 1)
    expect(name).to_have_value("")  # the next customer may look at it by now
    name.fill("Dora")
    page.click("[data-again]")
    expect(name).to_have_value("Dora")
    name.fill("")
    page.click("[data-again]")
    expect(name).to_have_value("Ann\u200bLee")
    _waits(window, 0)
    name.fill("Ann Lee")
    page.click("button[value=keep]")
    expect(page.locator("[data-say=kept]")).to_be_visible(timeout=WITHIN)
    # a use that is not asked about any more takes nobody's name along
    page.evaluate("document.querySelectorAll('[name^=version]').forEach((one) => { one.value = 999; })")
    _take_down(window, "Bob Wu", asking=True)
    expect(page.locator("[data-say=unasked]")).to_be_visible(timeout=WITHIN)
    _waits(window, 0)
    # for another purpose than it was taken down for, it waits
    page.evaluate("document.querySelector('[data-counter-state]').dataset.purpose = 'fulfilment'")
    _take_down(window, "Cem Ay", asking=False)
    expect(page.locator("[data-say=sign-in]")).to_be_visible(timeout=WITHIN)
    _waits(window, 1)
    page.evaluate("document.querySelector('[data-counter-state]').dataset.purpose = 'service'")
    page.evaluate("dispatchEvent(new Event('online'))")
    _waits(window, 0)
    assert drain_all() == 3 and _customers() == 3 and Consent.objects.count() == 0


def test_what_a_role_may_no_longer_ask_stops_nothing_that_waits(window, monkeypatch):
    page = window.page
    window.go("/counter")
    _ready(window)
    monkeypatch.setitem(ACTS, "consent", ACTS["consent"] - {"service"})  # the page is as it was
    _take_down(window, "First Person", asking=True)
    expect(page.locator("[data-say=unasked]")).to_be_visible(timeout=WITHIN)
    _take_down(window, "Second Person", asking=False)
    _waits(window, 0)
    assert accepting.waiting() == (2, 2)
    window.wrong.clear()  # the browser notes each answer that is no success
    window.go("/me")
    window.go("/counter#customer")
    _ready(window)
    assert page.locator("[data-turn], [data-side]").count() == 0


def test_what_a_rule_refuses_of_a_customer_who_is_here_waits_and_holds_up_nothing(window, monkeypatch):
    page, [lin] = window.page, admit({"full_name": "林婉清", "email": "lin@mail.example"})
    window.go(f"/counter/customers/{lin}")
    _ready(window)

    def say_yes(to: str) -> None:
        page.click("[data-turn]")
        page.check(f"input[name=consent][value={to}]")
        page.click(".c-do button")

    with monkeypatch.context() as barred:
        barred.setitem(ACTS, "collect", ACTS["collect"] - {"service"})
        say_yes("marketing")
        expect(page.locator("[data-say=refused] [data-why]")).not_to_be_empty(timeout=WITHIN)
    _waits(window, 1)
    # to be sent by a colleague, not typed anew: nothing of it stands in the form, and another answer does not wait behind it
    assert page.locator("[data-again]").is_hidden() and page.locator("input[name=consent]:checked").count() == 0
    refusing = page.evaluate(
        """async () => {
            const base = await new Promise((done) => { const r = indexedDB.open('kehu-counter', 1); r.onsuccess = () => done(r.result); });
            return (await new Promise((done) => { const r = base.transaction('waiting').objectStore('waiting').getAll(); r.onsuccess = () => done(r.result); }))[0].id;
        }"""
    )

    def answer(route: Route) -> None:
        if refusing in (route.request.post_data or ""):
            route.fulfill(status=403, json={"code": "refused", "message": "Not you."})
        else:
            route.continue_()

    page.route("**/counter/entries", answer)
    say_yes("personalisation")
    expect(page.locator("[data-say=kept]")).to_be_visible(timeout=WITHIN)
    _waits(window, 1)
    page.unroute("**/counter/entries")
    assert accepting.waiting() == (1, 1) and page.url.startswith(f"{window.site}/counter/customers/")
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_url("**/counter")  # all of it is kept: on to the next customer
    drain_all()
    assert sorted(name_of(PURPOSES, one.purpose) for one in Consent.objects.all()) == ["marketing", "personalisation"]
    window.wrong.clear()  # the browser notes each answer that is no success


def test_without_a_connection_each_is_kept_once_and_nothing_lies_in_clear(window, tmp_path):
    page = window.page
    _both_sides(window)
    window.look(width=1440, theme="light", language="zh-hans")
    window.go("/counter")
    _ready(window)
    _shell_kept(window)
    window.context.set_offline(True)
    _take_down(window, f"Lin {MARK}", asking=True)
    _take_down(window, f"Wang {MARK}", asking=False)
    _waits(window, 2)
    held = _kept_by_browser(window)
    assert MARK not in held and '"' in held and "counter.js" in held
    page.evaluate("localStorage.setItem('control', 'CONTROLzq7f3a')")
    who = page.evaluate("sessionStorage.getItem('kehu_counter_by')")
    page.evaluate("sessionStorage.setItem('kehu_counter_by', 'somebody else')")
    window.context.set_offline(False)
    expect(page.locator("[data-say=sign-in]")).to_be_visible()  # another's entries are not sent under one's own name
    assert accepting.waiting() == (0, 0)
    page.evaluate("who => { sessionStorage.setItem('kehu_counter_by', who); dispatchEvent(new Event('online')); }", who)
    _waits(window, 0)
    assert drain_all() == 2 and _customers() == 2
    [given] = Consent.objects.all()
    assert (given.status, given.way, given.language, given.proof) == ("given", "counter", "en", "screen")

    # the page is closed over what waits: it cannot be opened any more, goes, and says so; the shell goes on
    window.context.set_offline(True)
    _take_down(window, f"Zhao {MARK}", asking=False)
    _waits(window, 1)
    page.reload()
    _ready(window)
    assert page.locator(".c-shell").count() == 1
    assert page.locator("[data-say=lost] [data-count]").inner_text() == "1"
    _take_down(window, f"Sun {MARK}", asking=False)
    _waits(window, 1)
    window.context.set_offline(False)
    _waits(window, 0)
    assert drain_all() == 1 and _customers() == 3
    window.context.close()
    assert _found_on_disk(tmp_path / "profile", "CONTROLzq7f3a")  # the search finds what is there
    assert _found_on_disk(tmp_path / "profile", MARK) == []


def test_what_is_on_its_way_is_not_said_to_wait_for_a_connection(window: Visit) -> None:
    """It was, until the answer came: no connection, of one that was merely slow."""
    sent: list[Route] = []

    def hold(route: Route) -> None:
        sent.append(route)

    window.page.route("**/counter/entries", hold)
    window.go("/counter")
    _ready(window)
    with window.page.expect_request("**/counter/entries"):
        _take_down(window, "林婉清", asking=False)
    _waits(window, 1)  # so that the window is not closed upon it
    said = window.page.locator("[data-say='waits']")
    expect(said).to_be_hidden()
    sent[0].abort()
    expect(said).to_be_visible()
