"""Under which name a submission comes in: its own, or that of a mailbox where nothing but the mailbox is said.

A submission is a person of its own: an address alone does not tell two of a family apart. On a mailing list the mailbox is
who subscribes, so the same mailbox is the same, once it has confirmed that it was its owner who wrote: an address that somebody
typed is nobody's name. Whoever was erased and comes back by their own hand is somebody new: the
tombstone of the old name keeps out what others bring, not them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import connection

from kehu.collect.signed.parts import guest
from kehu.guard.installation import installation
from kehu.refine.clean.emails import normal_email

GUARDIAN_AT: Final = "guardian_at"
"""When a child's guardian agreed, where the child's own mailbox is asked after that."""
_MAILBOX: Final = {"email"}
_PERSON: Final = 1


def name_of(message: Mapping[str, Any], *, controller: int, channel: int) -> str:
    """The name (``external_id``) of whoever sent this message by a channel."""
    alone, values = f"form:{message['own']}", message["values"]
    if set(values) != _MAILBOX or not confirmed_itself(message):
        return alone
    mailbox = guest(normal_email(values["email"]) or values["email"], None)
    if mailbox is None:
        return alone
    token = installation().tokens.source(controller, channel, _PERSON, mailbox)
    with connection.cursor() as cursor:
        cursor.execute("select 1 from tombstone where token = %s", [token])
        return alone if cursor.fetchone() is not None else mailbox


def confirmed_itself(message: Mapping[str, Any]) -> bool:
    """Whether the mailbox that a message names is one that confirmed it, and not only a guardian's."""
    return "confirmed_at" in message and (message["guardian"] is None or GUARDIAN_AT in message)
