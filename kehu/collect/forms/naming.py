"""Under which name a submission comes in: its own, or that of a mailbox where nothing but the mailbox is said.

A submission is a person of its own: an address alone does not tell two of a family apart. On a mailing list the mailbox is
who subscribes, so the same mailbox is the same. Whoever was erased and comes back by their own hand is somebody new: the
tombstone of the old name keeps out what others bring, not them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db import connection

from kehu.collect.signed.parts import guest
from kehu.guard.installation import installation
from kehu.refine.clean.emails import normal_email

_MAILBOX: Final = {"email"}
_PERSON: Final = 1


def name_of(values: Mapping[str, str], own: str, *, controller: int, channel: int) -> str:
    """The name (``external_id``) of whoever sent this by a channel."""
    alone = f"form:{own}"
    if set(values) != _MAILBOX:
        return alone
    mailbox = guest(normal_email(values["email"]) or values["email"], None)
    if mailbox is None:
        return alone
    token = installation().tokens.source(controller, channel, _PERSON, mailbox)
    with connection.cursor() as cursor:
        cursor.execute("select 1 from tombstone where token = %s", [token])
        return alone if cursor.fetchone() is not None else mailbox
