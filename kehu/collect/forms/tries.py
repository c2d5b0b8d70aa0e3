"""How often one may send: so many an hour from one place, and so many letters a day to one mailbox, whoever asks for them."""

from __future__ import annotations

from typing import Final

from django.db import connection, transaction

from kehu.guard.guests.codes import address_token, client_token

PER_CLIENT: Final = 30
"""Submissions an hour from one network address."""
LETTERS_PER_HOUR, LETTERS_PER_DAY = 3, 8
"""Letters to one mailbox that nobody has confirmed yet: nobody is flooded by a form of ours."""
_SWEPT: Final = 50


class TooMany(RuntimeError):
    """Too much came from there; ``seconds`` until it is worth trying again."""

    def __init__(self, seconds: int) -> None:
        super().__init__("forms")
        self.seconds = seconds


def count_try(client: str, mailbox: str | None) -> bool:
    """Count one submission; returns whether a letter may go to that mailbox (a normalised address; None: none is to).

    Raises:
        TooMany: from this client.
    """
    return _counted(client_token(client), mailbox)


def count_letter(mailbox: str) -> bool:
    """Count a letter that no submission of its own asks for; returns whether it may go to that mailbox."""
    return _counted(None, mailbox)


def _counted(who: bytes | None, mailbox: str | None) -> bool:
    to = address_token(mailbox) if mailbox else None
    with transaction.atomic(), connection.cursor() as cursor:
        # one at a time for one client and one mailbox, always in this order, or many at once would all count as the first
        for held in filter(None, (who, to)):
            cursor.execute("select pg_advisory_xact_lock(%s)", [int.from_bytes(held[:8], "big", signed=True)])
        cursor.execute(
            "select (select count(*) from form_try where client = %(who)s and at > clock_timestamp() - interval '1 hour'),"
            " (select count(*) from form_try where address = %(to)s and at > clock_timestamp() - interval '1 hour'),"
            " (select count(*) from form_try where address = %(to)s and at > clock_timestamp() - interval '1 day')",
            {"who": who, "to": to},
        )
        mine, hour, day = cursor.fetchone()
        if mine >= PER_CLIENT:
            raise TooMany(3600)
        may = to is not None and hour < LETTERS_PER_HOUR and day < LETTERS_PER_DAY
        cursor.execute("insert into form_try (client, address) values (%s, %s)", [who or b"", to if may else None])
        cursor.execute(
            "delete from form_try where ctid in (select ctid from form_try"
            f" where at < clock_timestamp() - interval '1 day' limit {_SWEPT})"
        )
    return may
