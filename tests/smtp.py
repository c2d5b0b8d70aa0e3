"""A real SMTP server on this machine, and one that can cut the sender off between the letter it took and the note that it went."""

from __future__ import annotations

import email
import socket
from contextlib import contextmanager

import pytest
from aiosmtpd.controller import Controller
from django.core import mail
from django.db import connection
from django.test import override_settings

from kehu.guard.setup import open_owner


class Taken:
    """Letters that were taken; ``cut`` names the database session to end as soon as the next one is.

    Letters to those in ``refuses`` it takes never.
    """

    def __init__(self, home):
        self.letters, self.cut, self.refuses, self._home = [], None, set(), home

    async def handle_DATA(self, server, session, envelope):
        if self.refuses & set(envelope.rcpt_tos):
            return "550 5.7.1 never"
        self.letters.append(email.message_from_bytes(envelope.content))
        if self.cut is not None:
            with open_owner(self._home) as owner:
                owner.execute("select pg_terminate_backend(%s, 5000)", [self.cut])
            self.cut = None
        return "250 OK"

    def cut_after_next(self):
        connection.ensure_connection()
        self.cut = connection.connection.info.backend_pid


@contextmanager
def serving(letters, **settings):
    """Send Django's mail to a server that hands what it takes to ``letters``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(letters, hostname="127.0.0.1", port=port)
    controller.start()
    settings |= {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_HOST": "127.0.0.1"}
    try:
        with override_settings(**settings, EMAIL_PORT=port):
            yield letters
    finally:
        controller.stop()


@contextmanager
def mail_server(home):
    with serving(Taken(home)) as taken:
        yield taken


@pytest.fixture
def letters():
    """The letters that are sent meanwhile, in memory."""
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
        mail.outbox = []
        yield mail.outbox
