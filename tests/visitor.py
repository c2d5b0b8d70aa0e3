"""A real SMTP server on this machine, and a browser without script that walks through the customers' door."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from kehu.serve.portal import sign_in
from tests.smtp import serving


class Letters:
    """What the SMTP server received: (to, message)."""

    def __init__(self):
        self.received = []

    async def handle_DATA(self, server, session, envelope):
        self.received.append((envelope.rcpt_tos, envelope.content))
        return "250 OK"

    def to(self, address):
        sign_in.drain()
        return [content for tos, content in self.received if tos == [address]]

    def code(self, address):
        """The newest code sent to an address."""
        from email import message_from_bytes, policy

        text = message_from_bytes(self.to(address)[-1], policy=policy.default).get_content()
        return re.search(r"\b(\d{6}|\d{10})\b", text)[1]


@pytest.fixture
def post(database):
    """The SMTP server, and Django's mail sent to it."""
    with serving(Letters()) as letters:
        yield letters
        sign_in.drain()


class Visitor:
    """Somebody with a browser."""

    def __init__(self, letters, place="192.0.2.7"):
        self.client = Client(REMOTE_ADDR=place, HTTP_HOST="localhost", HTTP_ACCEPT_LANGUAGE="en")
        self.letters = letters

    def ask(self, address, fact=""):
        return self.client.post("/portal/sign-in", {"address": address, "fact": fact})

    def enter(self, address, code):
        return self.client.post("/portal/code", {"address": address, "code": code})

    def name_fact(self, address, fact, name=""):
        return self.client.post("/portal/fact", {"address": address, "fact": fact, "name": name})

    def come_in(self, address):
        self.ask(address)
        answer = self.enter(address, self.letters.code(address))
        assert answer.status_code == 302, answer.content.decode()
        return self

    def see(self, path="/portal"):
        answer = self.client.get(path)
        assert answer.status_code == 200, (answer.status_code, answer.get("Location"))
        return answer.content.decode()

    def allow(self, purpose, wish):
        return self.client.post("/portal/allow", {"purpose": purpose, "wish": wish})


@pytest.fixture
def visitor(post):
    """Somebody at the customers' door."""
    return Visitor(post)
