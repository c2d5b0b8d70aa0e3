"""Mail: over the SMTP server that ``KEHU_SMTP_URL`` names, else into an outbox in the supervisor's memory.

The outbox serves demonstrations: mail in it is never written to a disk, is forgotten after an hour, and is read by the
home's owner alone, over a socket in the home (``kehu outbox``).
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import socketserver
import stat
import tempfile
import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.mail.backends.base import BaseEmailBackend
from django.core.mail.message import EmailMessage
from django.utils.crypto import salted_hmac

from kehu.host.home import Home

_KEPT: Final = 500
_KEPT_SECONDS: Final = 3600
_LARGEST: Final = 2**20
_NAME: Final = "outbox.sock"
_SOCKET_PATH: Final = 100  # bytes; the kernel allows 107, macOS 103


class OutboxClosed(RuntimeError):
    """The system is down, so there is no outbox to write to or read from."""


def smtp_settings(url: str) -> dict[str, Any]:
    """Django's mail settings from ``smtp://user:password@host:port`` (STARTTLS with ``?tls``) or ``smtps://…``."""
    if not url:
        return {}
    parts = urlsplit(url)
    secure = parts.scheme == "smtps"
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": parts.hostname or "localhost",
        "EMAIL_PORT": parts.port or (465 if secure else 587 if parts.query == "tls" else 25),
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_SSL": secure,
        "EMAIL_USE_TLS": not secure and parts.query == "tls",
    }


def named(kind: str, *rows: object) -> dict[str, str]:
    """The header that names a letter by the rows it is owed for, in whatever order, so that the same letter has the same name.

    SMTP cannot tell whether a letter went when its sender was killed before noting it. Sent again, it bears the same
    Message-ID (RFC 5322, 3.6.4), by which the receiver knows the double. The name is keyed: it says nothing of the rows.
    """
    held = salted_hmac(f"kehu.letter.{kind}", "\n".join(sorted(map(str, rows))), algorithm="sha256").hexdigest()
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2] or "localhost"
    return {"Message-ID": f"<{held[:40]}@{domain}>"}


class OutboxBackend(BaseEmailBackend):
    """Django mail backend that hands messages to the running supervisor."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Deliver to the outbox; returns how many.

        Raises:
            OutboxClosed: no supervisor runs, unless ``fail_silently``.
        """
        sent = 0
        for message in email_messages:
            letter = {"to": list(message.to), "subject": str(message.subject), "text": str(message.body)}
            try:
                _ask({"put": letter})
            except OutboxClosed:
                if not self.fail_silently:
                    raise
            else:
                sent += 1
        return sent


def read_outbox(home: Home | None = None) -> list[dict[str, Any]]:
    """Messages of the last hour, oldest first: ``to``, ``subject``, ``text``, ``at``.

    Raises:
        OutboxClosed: the system is down.
    """
    found: list[dict[str, Any]] = _ask({"list": True}, home)["messages"]
    return found


class Outbox:
    """The supervisor's side: keeps letters in memory and serves them on a socket only the owner can open."""

    def __init__(self, home: Home) -> None:
        self._path = _socket(home)
        self._letters: deque[tuple[float, dict[str, Any]]] = deque(maxlen=_KEPT)
        self._lock = threading.Lock()
        self._server: socketserver.ThreadingUnixStreamServer | None = None

    def open(self) -> None:
        """Listen."""
        _private(self._path.parent)
        self._path.unlink(missing_ok=True)
        outbox = self

        class Handler(socketserver.StreamRequestHandler):
            timeout = 10

            def handle(self) -> None:
                line = self.rfile.readline(_LARGEST)
                self.wfile.write(json.dumps(outbox.answer(json.loads(line))).encode() + b"\n")

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """Drop a broken question: the default prints it."""

        self._server = Server(str(self._path), Handler)
        os.chmod(self._path, 0o600)
        threading.Thread(target=self._server.serve_forever, name="outbox", daemon=True).start()

    def close(self) -> None:
        """Stop listening and forget everything."""
        if self._server:
            self._server.shutdown()
            self._server.server_close()
            self._path.unlink(missing_ok=True)
        self._letters.clear()

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Take a letter, or list those of the last hour."""
        with self._lock:
            while self._letters and self._letters[0][0] < time.monotonic() - _KEPT_SECONDS:
                self._letters.popleft()
            if "put" in question:
                at = datetime.now(UTC).isoformat(timespec="seconds")
                self._letters.append((time.monotonic(), question["put"] | {"at": at}))
                return {"kept": True}
            return {"messages": [letter for _, letter in self._letters]}


def _socket(home: Home) -> Path:
    path = home / "run" / _NAME
    if len(os.fsencode(path)) > _SOCKET_PATH:
        name = hashlib.sha256(os.fsencode(home.path)).hexdigest()[:12]
        path = Path(tempfile.gettempdir()) / f"kehu-{os.geteuid()}-{name}-mail" / _NAME
    return path


def _private(folder: Path) -> None:
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    # in the temporary folder anybody may have made it first
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise OutboxClosed(f"{folder} is not a folder of ours: remove it")
    folder.chmod(0o700)


def _ask(question: dict[str, Any], home: Home | None = None) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(10)
        try:
            line.connect(str(_socket(home or Home.current())))
            with line.makefile("rwb") as stream:
                stream.write(json.dumps(question).encode() + b"\n")
                stream.flush()
                answer: dict[str, Any] = json.loads(stream.readline())
        except (OSError, ValueError):
            raise OutboxClosed("the system is down: start it with `kehu up`") from None
    return answer
