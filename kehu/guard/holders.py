"""The guard's holders: the ledger's look-up, and the customers' own credentials."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db import connection

from kehu.guard.gate.actor import Actor
from kehu.guard.ledger.uses import forget_uses

_OUTCOMES: Final = ("wrong", "right", "nothing to compare with")


class LedgerHolder:
    """The look-up of a subject's uses. Leaves, counts and proofs handed out stay."""

    name: Final = "ledger"
    tables = frozenset({"ledger_use"})

    def export(self, subject: UUID, *, actor: Actor) -> Mapping[str, Any] | None:
        """Nothing here: an export lists the rows with their proofs."""
        return None

    def erase(self, subject: UUID) -> int:
        """Take the subject out of the look-up."""
        return forget_uses(subject)


class GuestHolder:
    """A customer's own sign-ins and the one-time codes they came from. Codes and addresses are keyed tokens."""

    name: Final = "guests"
    tables = frozenset({"actor_state", "guest_code"})

    def export(self, subject: UUID, *, actor: Actor) -> Mapping[str, Any] | None:
        """When the customer's sign-ins end or ended."""
        with connection.cursor() as cursor:
            cursor.execute("select expires_at from actor_state where subject = %s order by 1", [subject])
            found = [{"ends": row[0].isoformat()} for row in cursor.fetchall() if row[0]]
        return {"sign_ins": found} if found else None

    def erase(self, subject: UUID) -> int:
        """Delete both; an open session of the customer ends with it."""
        with connection.cursor() as cursor:
            cursor.execute(
                "delete from guest_code where credential in (select actor from actor_state where subject = %s)",
                [subject],
            )
            codes = cursor.rowcount
            cursor.execute("delete from actor_state where subject = %s", [subject])
            return int(codes + cursor.rowcount)


class ComparisonHolder:
    """Answers compared within the last hour: that it was, and how it ended; what was compared stands in the ledger's row."""

    name: Final = "comparisons"
    tables = frozenset({"gate_comparison"})

    def export(self, subject: UUID, *, actor: Actor) -> Mapping[str, Any] | None:
        """When, and whether the answer was right; neither what was said nor what is held."""
        with connection.cursor() as cursor:
            cursor.execute("select at, outcome from gate_comparison where subject = %s order by at", [subject])
            found = [{"at": at.isoformat(), "answer": _OUTCOMES[outcome]} for at, outcome in cursor.fetchall()]
        return {"comparisons": found} if found else None

    def erase(self, subject: UUID) -> int:
        """Delete them; the database would, too, with the key."""
        with connection.cursor() as cursor:
            cursor.execute("delete from gate_comparison where subject = %s", [subject])
            return int(cursor.rowcount)
