"""Look-ups by token, always by the index.

How many records carry a token the database does not know; it takes one in two hundred, and with so many expects a walk
through the table to meet its limit early. Of a rare token that walk goes to the end: seconds, in a million records. So for
this one statement it is told never to walk, and to keep the plan that it made once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.db import connection

from kehu.guard.gate.sending import Sent

FAR: Final = 5_000
"""Records with a token, of whichever house, that are passed on the way to those of one house: some milliseconds."""


def of_house(tokens: str, most: str) -> str:
    """SQL: subject and tokens of records of house ``$4`` that carry all of these tokens, no more than ``most``.

    They are counted within the house: what another one's customers share says nothing of this one's.
    """
    return (
        "(select w.subject, w.tokens from (select r.subject, r.tokens, r.controller from record r"
        f" where r.tokens @> {tokens} and not r.hidden limit {FAR}) w where w.controller = $4 limit {most})"
    )


def looked_up(statement: str, values: Sequence[Any]) -> list[Any]:
    """The rows of a statement whose parameters are numbered: told so in one journey, and for it alone."""
    connection.ensure_connection()
    return Sent(connection.connection, statement, values).finish()
