"""How much a recipient outside was answered about: counted in the database before the gate answers, by all processes.

A token that stands alone reaches as many different customers a day as a list may without a second person; the day's
customers of all tokens for the same recipient count together, so that a second token buys nothing. A customer counts
from the question on: that somebody may not be shown says something of them, too.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from kehu.govern.separate import recipient_key
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.installation import installation

SECOND_PERSON: Final = "house.second-person"
_RING: Final = "pulls"


def take_pulls(subjects: Iterable[UUID], *, actor: Actor, purpose: str, use: str) -> None:
    """Count the customers of these subjects for the recipient of a token; nothing for everybody else.

    Raises:
        Refused: they would be more than it may reach; that it asked stands in the ledger, and nobody is opened.
    """
    if actor.outside is None:
        return
    asked = list(subjects)
    key, most = _key(), limit_of(actor.outside.token)
    whose = _whose(actor.outside.recipient, key)
    with connection.cursor() as cursor:
        cursor.execute(
            "select array_agg(distinct customer) from subject_state where subject = any (%s) and not hidden", [asked]
        )
        [customers] = cursor.fetchone()
        whom = [hmac.digest(key, whose + one.bytes, hashlib.sha256) for one in customers or ()]
        cursor.execute("select take_pulls(%s, %s, %s)", [whose, whom, most])
        [taken] = cursor.fetchone()
    if not taken:
        from kehu.guard.ledger.record import record_act  # noqa: PLC0415  (it asks the gate itself)

        with transaction.atomic():
            one = asked[0] if len(asked) == 1 else None
            record_act(use, one, actor=actor, purpose=PURPOSES[purpose], refused_by=SECOND_PERSON)
        raise Refused(SECOND_PERSON)


def pulled(recipient: str) -> int:
    """Different customers that a recipient was answered about in the last 24 hours."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from outside_pull where recipient = %s and at > clock_timestamp() - interval '24 hours'",
            [_whose(recipient, _key())],
        )
        return int(cursor.fetchone()[0])


def limit_of(token: UUID) -> int:
    """Different customers a day that a token's recipient may be answered about: what was approved last, else alone."""
    with connection.cursor() as cursor:
        cursor.execute("select most from outside_decision where token = %s order by number desc limit 1", [token])
        row = cursor.fetchone()
    return alone_or(row[0] if row else None)


def alone_or(most: int | None) -> int:
    """What was approved last, and never less than what goes alone."""
    return max(settings.EXPORT_ALONE, most or 0)


def forget_pulls() -> None:
    """Drop what no longer counts."""
    with connection.cursor() as cursor:
        cursor.execute("delete from outside_pull where at < clock_timestamp() - interval '24 hours'")


def _whose(recipient: str, key: bytes) -> bytes:
    return hmac.digest(key, recipient_key(recipient).encode(), hashlib.sha256)


def _key() -> bytes:
    return installation().keyring.secret(_RING, create=True)
