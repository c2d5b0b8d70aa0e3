"""What waits to be confirmed: sealed by itself, opened by a link from the mailbox, and gone with its key when its time is over.

Before that nothing of it is a record: it is not found, not counted, and permits nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import orjson
from django.db import connection, transaction

from kehu.collect.forms import letters
from kehu.collect.forms.definition import addresses_of
from kehu.collect.forms.naming import GUARDIAN_AT, name_of
from kehu.collect.forms.showing import Shown, shown_as
from kehu.collect.forms.stamps import StampRefused, make_link, read_link
from kehu.collect.forms.tasks import send_letter
from kehu.collect.forms.tries import count_letter
from kehu.collect.inbox.accept import Sender, accept
from kehu.collect.inbox.terms import answering_for
from kehu.govern.models import Channel
from kehu.guard.aside import forget_aside, open_aside, seal_aside
from kehu.guard.gate.read import raw_connection
from kehu.refine.clean.emails import normal_email

HOURS: Final = 48
"""How long a link holds, and what waits for it is kept."""
_PLACE: Final = "{link}"
_DECLINED: Final = b""  # in place of what was sealed


class LinkRefused(LookupError):
    """Forged, over, or what it led to is not here any more."""


@dataclass(frozen=True, slots=True)
class Waits:
    """What a link leads to.

    Attributes:
        guardian: whether it is for a guardian to decide.
        message: what was sent; empty where it is confirmed already.
        address: where links of it lead, with a place ``{link}``; empty as above.
        then: whose turn it is after this press: ``mailbox`` where a child's own is asked; else empty.
    """

    id: UUID
    guardian: bool
    confirmed: bool
    shown: Shown = field(repr=False)
    message: dict[str, Any] = field(repr=False)
    address: str = ""
    then: Literal["", "mailbox"] = ""


def put(shown: Shown, message: dict[str, Any], *, to: str, address: str, may: bool = True) -> None:
    """Keep what was sent until it is confirmed, and have the letter sent; the same again changes nothing.

    Args:
        shown: the form.
        message: what the channel gets when it is confirmed; its ``own`` is the submission's id.
        to: the mailbox that confirms.
        address: where a link leads, with a place ``{link}``.
        may: whether a letter may go to that mailbox; else it waits unasked.
    """
    agreed = GUARDIAN_AT in message
    id = UUID(message["own"]) if not agreed else _second_of(UUID(message["own"]))
    guardian = message.get("guardian") is not None and not agreed
    packed = orjson.dumps({"m": message, "to": to, "at": address, "f": str(shown.id), "v": shown.version.number})
    expires = datetime.now(UTC) + timedelta(hours=HOURS)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", [int.from_bytes(id.bytes[8:], "big", signed=True)])
        cursor.execute("select 1 from form_waiting where id = %s", [id])
        if cursor.fetchone() is not None:
            return
        [sealed] = seal_aside(connection.connection, [(id, packed)])
        cursor.execute(
            "insert into form_waiting (id, form, expires_at, guardian, sealed) values (%s, %s, %s, %s, %s)",
            [id, shown.id, expires, guardian, sealed],
        )
        if may:
            send_letter.defer(waiting=str(id))


def behind(link: str) -> Waits:
    """What a link leads to, for a page that asks whether to confirm; nothing is changed.

    Raises:
        LinkRefused: it does not count.
    """
    id = _read(link)
    row = _row(id)
    if row is None:
        raise LinkRefused
    form, guardian, sealed, _ = row
    if sealed is None:
        waits = guardian and (other := _row(_second_of(id))) is not None and other[2] is not None
        return Waits(id, guardian, True, _any_version(form), {}, then="mailbox" if waits else "")
    held = _opened(id, sealed, form)
    return Waits(id, guardian, False, shown_as(UUID(held["f"]), held["v"]), held["m"], held["at"])


def confirm(link: str) -> Waits:
    """Hand on what was confirmed to its channel, durably; pressed twice it is handed on once, and after a no not at all.

    Letters to a child begin when their own mailbox, too, has confirmed: a guardian speaks for no mailbox but theirs, and who
    names themselves a guardian may be anybody.

    Raises:
        LinkRefused: it does not count.
        InboxFull: too much waits already; it may be pressed again.
    """
    with _one_by_one(_read(link)):
        return _confirmed(behind(link))


def _confirmed(found: Waits) -> Waits:
    if found.confirmed:
        return found
    now = datetime.now(UTC).isoformat()
    mailbox = _asked_after(found)
    if mailbox is not None:
        # where as many letters as may be are there it is answered as always, and the guardian's no finds it as always
        told = found.message | {GUARDIAN_AT: now}
        put(found.shown, told, to=mailbox, address=found.address, may=count_letter(mailbox))
        found = replace(found, then="mailbox")
    else:
        hand_on(found.shown, found.message | {"confirmed_at": now})
    with transaction.atomic(), connection.cursor() as cursor:
        forget_aside(connection.connection, [found.id])
        cursor.execute(
            "update form_waiting set sealed = null, sent_at = coalesce(sent_at, at) where id = %s", [found.id]
        )
    return found


def _asked_after(found: Waits) -> str | None:
    """The mailbox that letters go to, where so far a guardian alone has said yes."""
    if not found.guardian or "email" not in {addresses_of(one) for one in found.message["letters"]}:
        return None
    said = found.message["values"].get("email")
    return normal_email(said) if said else None


def _second_of(id: UUID) -> UUID:
    """What waits for the second mailbox has an id, a key and so a link of its own; the second's second is the first."""
    return UUID(int=id.int ^ 1)


def decline(link: str) -> bool:
    """Destroy at once what waits, for the child's mailbox, too; whether it is so: what counts already is not undone.

    That somebody said no stays until the link ends, and nothing else: the page sent once more asks nobody again.

    Raises:
        LinkRefused: it does not count.
    """
    id = _read(link)
    with _one_by_one(id), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "select id, sealed is null from form_waiting where id = any (%s) order by guardian, id for update",
            [[id, _second_of(id)]],
        )
        rows = cursor.fetchall()  # the last mailbox that is asked comes first: its press is the one that counts
        if rows and rows[0][1]:
            return False
        ids = [row[0] for row in rows]
        forget_aside(connection.connection, ids)
        cursor.execute("update form_waiting set sealed = %s where id = any (%s)", [_DECLINED, ids])
    return True


def _read(link: str) -> UUID:
    try:
        return read_link(link)
    except StampRefused:
        raise LinkRefused from None


@contextmanager
def _one_by_one(id: UUID) -> Iterator[None]:
    """Answers to one submission, by whichever mailbox, one after the other: of a yes and a no at one moment the first counts.

    Held by the connection: what is handed on is durable before the row is changed, in a transaction of its own.
    """
    raw = raw_connection()
    key = min(id, _second_of(id)).int & 0x7FFF_FFFF_FFFF_FFFF
    raw.execute("select pg_advisory_lock(%s)", (key,))
    try:
        yield
    finally:
        if not raw.closed:
            raw.execute("select pg_advisory_unlock(%s)", (key,))


def hand_on(shown: Shown, message: dict[str, Any]) -> None:
    """Give what was sent to its channel's inbox; on return it is durable.

    Raises:
        InboxFull: too much waits already.
    """
    version = shown.version
    under = {"controller": version.controller, "basis": version.basis, "notice": version.notice}
    name = name_of(message, controller=version.controller, channel=shown.channel)
    accept(Sender(shown.channel, "form"), [message["own"]], {"m": [message | {"name": name}], "under": under})


def write_to(id: UUID) -> None:
    """Send the letter with the link to the mailbox that confirms."""
    row = _row(id)
    if row is None:
        return
    form, guardian, sealed, sent = row
    if sealed is None or sent is not None:
        return
    held = _opened(id, sealed, form)
    shown = shown_as(UUID(held["f"]), held["v"])
    with connection.cursor() as cursor:
        cursor.execute("select expires_at from form_waiting where id = %s", [id])
        [expires] = cursor.fetchone()
    link = held["at"].replace(_PLACE, make_link(id, expires))
    letters.send(id, shown, to=held["to"], language=held["m"]["language"], link=link, guardian=guardian)
    with connection.cursor() as cursor:
        cursor.execute("update form_waiting set sent_at = clock_timestamp() where id = %s", [id])


def forget_over() -> int:
    """Destroy what nobody confirmed in time; returns how much that was."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "select id from form_waiting where expires_at < clock_timestamp() order by id for update skip locked", ()
        )
        over = [row[0] for row in cursor.fetchall()]
        if over:
            forget_aside(connection.connection, over)
            cursor.execute("delete from form_waiting where id = any (%s)", [over])
    return len(over)


def waiting_of(form: UUID) -> int:
    """How many submissions of a form wait to be confirmed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from form_waiting where form = %s and sealed <> %s and expires_at > clock_timestamp()",
            [form, _DECLINED],
        )
        return int(cursor.fetchone()[0])


def _row(id: UUID) -> tuple[UUID, bool, bytes | None, datetime | None] | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "select form, guardian, sealed, sent_at from form_waiting where id = %s and expires_at > clock_timestamp()"
            " and sealed is distinct from %s",
            [id, _DECLINED],
        )
        row = cursor.fetchone()
    return None if row is None else (row[0], row[1], bytes(row[2]) if row[2] is not None else None, row[3])


def _opened(id: UUID, sealed: bytes, form: UUID) -> dict[str, Any]:
    opened = open_aside({id: sealed}, actor=answering_for(_channel(form)), act="collect", detail=None)
    if id not in opened:
        raise LinkRefused
    held: dict[str, Any] = orjson.loads(opened[id])
    return held


def _channel(form: UUID) -> Channel:
    with connection.cursor() as cursor:
        cursor.execute("select channel from forms_form where id = %s", [form])
        return Channel.objects.get(id=cursor.fetchone()[0])


def _any_version(form: UUID) -> Shown:
    with connection.cursor() as cursor:
        cursor.execute("select max(number) from forms_formversion where form_id = %s", [form])
        return shown_as(form, cursor.fetchone()[0])
