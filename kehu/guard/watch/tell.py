"""Telling of alerts: by mail to those who handle them, and to an address of the house, signed. Neither names anybody.

What was told is marked for each way by itself, so that one that fails is tried again alone, each minute, until a week has
passed. A mark is set after the way has taken the message: if the machine dies between the two it is told twice, never not.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection, transaction

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.staff.freezing import is_frozen
from kehu.guard.staff.models import Staff
from kehu.guard.watch import house
from kehu.guard.watch.alerts import Alert, select_alerts
from kehu.guard.watch.kinds import HANDLERS, SEVERITIES
from kehu.guard.watch.words import KIND_WORDS, SEVERITY_WORDS

SIGNATURE: Final = "Kehu-Signature"  # t=seconds,v1=hex of HMAC-SHA-256 over "seconds.body"
_RING: Final = "watch-webhook"
_SECONDS: Final = 10  # that a receiver may take
_MINUTE: Final = 60.0
_AT_ONCE: Final = 50
_LOCK: Final = 0x6B656875_74656C6C  # "kehutell"
_NUMBERS: Final = {name: number for number, name in SEVERITIES.items()}
_LATELY: Final = "opened_at > clock_timestamp() - interval '7 days'"
_WAITS: Final = "(a.{way}ed_at is null and a.told_at is null or a.{way}ed_as < a.severity)"  # or has grown since
_UNTOLD: Final = f"{_WAITS} and a.{_LATELY} order by a.number"


class NotTaken(Exception):
    """A receiver did not take a message; ``why`` is a class of error or a status, never what it said."""

    def __init__(self, why: str, *, answered: bool) -> None:
        super().__init__(why)
        self.why, self.answered = why, answered


def secret(*, actor: Actor) -> str:
    """What the receiver checks signatures with, in hex.

    Raises:
        ActRefused: only the home's owner is told.
    """
    require_act("token", actor)
    return _secret().hex()


def deliver() -> int:
    """Tell of every alert that was not told of yet; returns how many are told of by now by every way there is.

    Failures are kept in ``watch_delivery`` and shown by ``kehu doctor``; nothing is raised for them.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        # for its session: no write transaction is open while a server is waited for
        cursor.execute("select pg_try_advisory_lock(%s)", [_LOCK])
        [free] = cursor.fetchone()
    if not free:
        return 0
    try:
        return _deliver()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_unlock(%s)", [_LOCK])


def _deliver() -> int:
    """Each way has what waits for it alone: what one does not take holds nothing up on the other."""
    if letters := _letters(select_alerts(_UNTOLD.format(way="mail"), [])):
        _by("mail", lambda: _mail(letters))
    try:
        address = house.webhook()
    except ValueError:  # the doctor says what is wrong with it
        address = None
    if address and (unposted := select_alerts(f"{_UNTOLD.format(way='post')} desc limit %s", [_AT_ONCE])):
        _by("webhook", lambda: _post_all(address, unposted))
    ways = "mailed_at is not null" + (" and posted_at is not null" if address else "")
    with connection.cursor() as cursor:
        cursor.execute(
            f"update watch_alert set told_at = clock_timestamp() where told_at is null and {_LATELY} and {ways}"
        )
        return int(cursor.rowcount)


def _letters(waiting: Sequence[Alert]) -> list[tuple[str, list[Alert]]]:
    """To each of the office what is not about themselves; to the owner what is grave, or what nobody else is told of.

    Where that leaves nobody the alert stays untold, which the doctor says.
    """
    people = Staff.objects.filter(role__in=HANDLERS, is_active=True).order_by("email").values_list("id", "email")
    told = {id: email for id, email in people if not is_frozen(id)}
    if not settings.OWNER_MAIL:
        waiting = [one for one in waiting if told.keys() - {one.human}]
    waiting = waiting[:_AT_ONCE]
    letters = [(email, [one for one in waiting if one.human != id]) for id, email in told.items()]
    if settings.OWNER_MAIL:
        grave = [one for one in waiting if one.severity == SEVERITIES[3] or not told.keys() - {one.human}]
        letters.append((settings.OWNER_MAIL, grave))
    return [(address, own) for address, own in letters if own]


def _mail(letters: Sequence[tuple[str, list[Alert]]]) -> None:
    """One letter to each with everything new. What reached one of them is marked; it is tried again only where it reached
    nobody.

    Raises:
        Exception: whatever the last letter that did not leave failed on.
    """
    failed: Exception | None = None
    reached: dict[UUID, Alert] = {}
    for address, own in letters:
        try:
            EmailMessage(_subject(own), _letter(own), to=[address]).send()
        except Exception as error:  # noqa: BLE001  (one mailbox that is refused must not have the others told each minute)
            failed = error
        else:
            reached |= {one.id: one for one in own}
    _mark("mail", list(reached.values()))
    if failed is not None:
        raise failed


def _subject(told: Sequence[Alert]) -> str:
    if len(told) == 1:
        return f"Kehu 客护: alert {told[0].number} · {KIND_WORDS[told[0].kind]['zh-hans']}"
    return f"Kehu 客护: {len(told)} alerts · {len(told)} 条预警"


def _letter(told: Sequence[Alert]) -> str:
    blocks = []
    for language, head, foot in (
        ("en", "The watch has something for you to look at:", "See and handle it: /watch"),
        ("zh-hans", "监测发现以下情况，请查看：", "查看并处理：/watch"),
        ("zh-hant", "監測發現以下情況，請檢視：", "檢視並處理：/watch"),
    ):
        lines = [
            f"  {one.number} · {KIND_WORDS[one.kind][language]} · {SEVERITY_WORDS[one.severity][language]} · {one.day:%Y-%m-%d}"
            for one in told
        ]
        blocks.append("\n".join((head, *lines, foot)))
    return "\n\n".join(blocks) + "\n"


def _post_all(address: str, waiting: Sequence[Alert]) -> None:
    """Post them one by one; one that is refused holds no other up, where nobody answers they wait for the next minute.

    The newest first, and for half a minute: what is refused or not answered comes back each time, and must not stand before it.

    Raises:
        NotTaken: the first that was not taken.
    """
    failed: NotTaken | None = None
    until = time.monotonic() + _MINUTE / 2
    for one in sorted(waiting, key=lambda each: -each.number):
        if time.monotonic() > until:
            break
        try:
            _post(address, one)
        except NotTaken as why:
            failed = failed or why
            if not why.answered:
                break
    if failed is not None:
        raise failed


def _post(address: str, told: Alert) -> None:
    """Post one alert.

    Raises:
        NotTaken: the receiver did not answer with 2xx. Redirections are not followed.
    """
    body = json.dumps(
        {
            "id": str(told.id), "number": told.number, "kind": told.kind, "severity": told.severity,
            "day": told.day.isoformat(), "opened_at": told.opened_at.isoformat(), "link": f"/watch/alerts/{told.number}",
        },
        separators=(",", ":"),
    ).encode()  # fmt: skip
    parts = urlsplit(address)
    at = str(int(time.time()))
    signed = hmac.digest(_secret(), f"{at}.".encode() + body, hashlib.sha256).hex()
    headers = {"Content-Type": "application/json", SIGNATURE: f"t={at},v1={signed}", "User-Agent": "kehu"}
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    line = kind(parts.hostname or "", parts.port, timeout=_SECONDS)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        line.request("POST", path, body, headers)
        status = line.getresponse().status
    except (OSError, ssl.SSLError, http.client.HTTPException) as failed:
        raise NotTaken(type(failed).__name__, answered=False) from None
    finally:
        line.close()
    if not 200 <= status < 300:
        raise NotTaken(f"status {status}", answered=True)
    _mark("post", [told])


def _by(medium: str, work: Callable[[], None]) -> None:
    """Try one way and keep how it fared."""
    try:
        work()
    except Exception as failed:  # noqa: BLE001  (whatever a server or a library does: its text may quote an address)
        _fared(medium, failed.why if isinstance(failed, NotTaken) else type(failed).__name__)
    else:
        _fared(medium, None)


def _fared(medium: str, failure: str | None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into watch_delivery (medium, succeeded_at, failing_since, failure) values (%(medium)s,"
            " case when %(failure)s::text is null then clock_timestamp() end,"
            " case when %(failure)s::text is not null then clock_timestamp() end, %(failure)s::text)"
            " on conflict (medium) do update set succeeded_at = coalesce(excluded.succeeded_at, watch_delivery.succeeded_at),"
            " failing_since = case when excluded.failure is not null then coalesce(watch_delivery.failing_since,"
            " excluded.failing_since) end, failure = excluded.failure",
            {"medium": medium, "failure": failure},
        )


def _mark(way: str, told: Sequence[Alert]) -> None:
    """Note by which way they were told, and as how grave: one that has grown meanwhile is told again."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"update watch_alert a set {way}ed_at = coalesce(a.{way}ed_at, clock_timestamp()),"
            f" {way}ed_as = greatest(a.{way}ed_as, t.severity)"
            " from unnest(%s::uuid[], %s::smallint[]) t (id, severity) where a.id = t.id",
            [[one.id for one in told], [_NUMBERS[one.severity] for one in told]],
        )


def _secret() -> bytes:
    held: Any = installation().keyring.secret(_RING, create=True)
    return bytes(held)
