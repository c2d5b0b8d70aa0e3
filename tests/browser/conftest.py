"""A real browser on a live server. Where there is no Chromium the tests are skipped, unless CI=true."""

from __future__ import annotations

import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from kehu.guard.staff.actions import add_staff
from kehu.host.database import Database
from scripts.browser import find_browser
from tests.visitor import Letters

_THREADS: Final = 4
_PAUSE: Final = 0.05  # seconds between the beginning of a page and the rest of it


def _in_two(page: bytes) -> Iterator[bytes]:
    """A click returns once its answer begins: a test that looks before the page is whole fails every time, not one time in a hundred."""
    yield page[:15]
    time.sleep(_PAUSE)
    yield page[15:]


class _Server(WSGIServer):
    """A few threads, each with its connection to the database, as the product's: a new one for every request costs more."""

    def __init__(self, *where: Any, **how: Any) -> None:
        super().__init__(*where, **how)
        self.threads = ThreadPoolExecutor(_THREADS)

    def server_close(self) -> None:
        super().server_close()
        self.threads.shutdown()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.threads.submit(self._answer, request, client_address)

    def _answer(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except OSError:
            pass  # the browser left before it was answered
        finally:
            self.shutdown_request(request)


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        """Nothing: requests say who looked at what."""


@pytest.fixture(scope="module")
def browser(server: Database) -> Iterator[Browser]:
    """Chromium; ``server`` first, because playwright keeps a loop in this thread from here to the module's end."""
    path = find_browser()
    if path is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no Chromium, and with CI=true no test is skipped")
        pytest.skip("no Chromium: apt-get install chromium-headless-shell fonts-noto-cjk")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        held = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield held
        held.close()


@pytest.fixture
def site(browser: Browser, database: Database) -> Iterator[str]:
    """The whole application on a free port; yields its address."""
    application = get_wsgi_application()

    def answer(environ, start_response):  # type: ignore[no-untyped-def]
        found = application(environ, start_response)
        try:
            whole = b"".join(found)
        finally:
            found.close()  # a static file is one, and stays open otherwise
        return _in_two(whole) if whole[:15].lower() == b"<!doctype html>" else [whole]

    together = threading.Barrier(_THREADS)

    def leave() -> None:
        together.wait(30)  # so that each thread has one of these
        connections.close_all()

    with make_server("127.0.0.1", 0, answer, server_class=_Server, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()
        for left in [server.threads.submit(leave) for _ in range(_THREADS)]:
            left.result()


class Visit:
    """A browser window with somebody at it; whatever the policy blocks or the script throws is noted."""

    def __init__(self, browser: Browser, site: str, **options: object) -> None:
        self.context: BrowserContext = browser.new_context(
            viewport={"width": 1440, "height": 900}, timezone_id="Asia/Shanghai", locale="zh-CN", **options
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(30_000)
        self.site = site
        self.wrong: list[str] = []
        self.page.on("console", lambda message: self._note(message.type, message.text))
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))

    def look(self, *, width: int, theme: str, language: str) -> None:
        """Have the next page in that width, theme and language."""
        self.page.set_viewport_size({"width": width, "height": 900 if width > 600 else 844})
        pairs = {"kehu_theme": theme, "kehu_language": language}
        self.context.add_cookies([{"name": name, "value": value, "url": self.site} for name, value in pairs.items()])

    def go(self, path: str) -> None:
        """Open a page of the site."""
        self.page.goto(self.site + path)

    def sign_in(self, role: str, purpose: str | None = None) -> None:
        """As a new member of staff, by the form; with the purpose claimed."""
        email = f"{role}-{uuid.uuid4().hex[:6]}@kehu.example"
        _, account = add_staff(email=email, role=role, department=None, attest=True)
        self.go("/sign-in")
        self.page.fill("#email", account.email)
        self.page.fill("#password", account.password)
        self.page.click("main button.primary")
        self.page.wait_for_url(re.compile("/(purpose|system)$"))  # the latter: whoever opens nobody
        if purpose is not None:
            self.page.check(f"input[value='{purpose}']")
            self.page.click(".choose button.primary")
            self.page.wait_for_url(lambda url: "purpose" not in url)

    def come_in(self, letters: Letters, address: str) -> None:
        """As a customer, by the code sent to an address."""
        self.go("/portal")
        self.page.fill("#address", address)
        self.page.click("main button.primary")
        self.page.locator("#code").wait_for()
        self.page.fill("#code", letters.code(address))
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**/portal")

    def _note(self, kind: str, text: str) -> None:
        # a status such as 404 or 403 is noted by the browser, too: that is the page asked for
        if kind in ("error", "warning") and "Failed to load resource" not in text:
            self.wrong.append(text)


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator[Callable[..., Visit]]:
    """Opens windows; what went wrong in any of them fails the test."""
    windows: list[Visit] = []

    def open_window(**options: object) -> Visit:
        windows.append(Visit(browser, site, **options))
        return windows[-1]

    yield open_window
    for window in windows:
        window.context.close()
    assert [text for window in windows for text in window.wrong] == []
