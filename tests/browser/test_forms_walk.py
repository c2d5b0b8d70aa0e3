"""Forms in a browser: the visitor's and the office's pages in every dress, and a form within a shop's own page."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from kehu.collect.forms import building, stamps
from kehu.collect.forms.definition import Definition
from kehu.collect.inbox.drain import drain_all
from tests.collect.test_surveys import SURVEY
from tests.dresses import in_every_dress
from tests.forms import CONTACT, count, published, send, someone


@contextmanager
def page_of(body: str) -> Iterator[str]:
    """Somebody's own website, of one page, which says ``body``; yields its origin. A browser wants it to be a real one."""

    class Site(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *args: object) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_every_page_in_every_dress(visit: Callable[..., Any]) -> None:
    form = published(
        CONTACT, children=True, letters=("email:newsletter",), purposes=("service", "personalisation", "marketing")
    )
    survey = published(SURVEY, name="tea", kind="survey")
    for number in range(6):
        send(survey, {}, answers={"how": "5", "what": "1"}, client=f"192.0.2.{number}")
    drain_all()
    office = visit()
    office.sign_in("marketing")
    wrong: list[str] = []
    for path in (f"/forms/{form.id}", f"/office/forms/{form.id}", f"/office/forms/{survey.id}/results"):
        wrong += in_every_dress(office, path)
    assert wrong == []


@pytest.mark.parametrize("script", [True, False])
def test_what_is_typed_beside_publish_or_close_stays_and_is_no_part_of_it(
    visit: Callable[..., Any], script: bool
) -> None:
    letters = {"letters": ("email:offers", "email:newsletter"), "purposes": ("marketing", "service", "personalisation")}
    form = published(CONTACT, **letters)
    held = building.form_of(form.id)
    changed = replace(Definition.unpack(held.draft), country="DE", origins=("https://shop.example",))
    building.draft(held, changed, actor=someone("marketing"))
    office = visit(java_script_enabled=script)
    office.sign_in("privacy")
    office.go(f"/office/forms/{form.id}")
    page, title = office.page, office.page.locator("#t-en")
    publish = page.locator("button[formaction$='/publish']")
    title.fill("Write to us")
    publish.click()
    page.locator("p.note-box[role=alert]").wait_for()
    assert title.input_value() == "Write to us" and building.form_of(form.id).versions.count() == 1
    title.fill("Ask us (en)")  # as it was kept: that is what is published
    publish.click()
    page.locator("p.note-box[role=status]").wait_for()
    assert building.form_of(form.id).published == 2
    title.fill("Write to us")
    page.locator("button[formaction$='/close']").click()
    page.locator("p.note-box[role=alert]").wait_for()
    assert title.input_value() == "Write to us" and building.form_of(form.id).published is None
    title.press("Enter")
    page.locator("p.note-box[role=status]").wait_for()
    assert building.form_of(form.id).draft["texts"]["title"]["en"] == "Write to us"


def test_a_form_stands_in_the_page_that_it_names_and_in_no_other(visit: Callable[..., Any], monkeypatch: Any) -> None:
    monkeypatch.setattr(stamps, "LEAST_SECONDS", 0)
    form = published(CONTACT, confirmed=False, origins=("http://127.0.0.1:1",))
    window = visit(java_script_enabled=False)
    frame = (
        f'<iframe src="{window.site}/forms/{form.id}/embed?lang=en" title="Ask us" width="100%" height="900"></iframe>'
    )
    with page_of(frame) as shop, page_of(frame) as stranger:
        published(CONTACT, confirmed=False, origins=(shop,))
        window.page.goto(shop)
        held = window.page.frame_locator("iframe")
        held.locator("#i-full_name").fill("林婉清")
        held.locator("#i-email").fill("lin@mail.example")
        held.locator("button.primary").click()
        held.locator("text=received it").wait_for()
        assert window.page.context.cookies() == []
        assert drain_all() == 1 and count("select count(*) from record") == 1
        assert window.wrong == []
        window.page.goto(stranger)
        assert held.locator("#i-email").count() == 0
        assert any("frame-ancestors" in told for told in window.wrong)
        window.wrong.clear()
