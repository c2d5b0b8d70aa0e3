"""Uses kept from the customer's own log for a time: an investigation that they would warn (PIPL 18; GDPR 15(4), 23).

One office asks, another lets it, and it ends on its day by itself; the database sees to both (migration 0019). The rows stay
in the tree, and in everything that staff who may read the ledger see. What counts carries a MAC under a key outside the
database: a row written there by hand keeps nothing back.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from kehu.govern.slugs import PURPOSES, name_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.models import Staff
from kehu.vault.ids import new_id

MAY: Final = ("legal", "security", "claims")
"""Purposes whose uses can be withheld."""
LONGEST: Final = timedelta(days=366)
SECOND_OFFICE: Final = "house.second-person"
_COLUMNS: Final = (
    "id", "purpose", "human", "since", "until", "reference", "asked_by", "asked_role", "asked_at", "decided_by",
    "decided_role", "decided_at", "approved", "lifted_at", "act", "mac",
)  # fmt: skip
# For rows e of the ledger: until when one is withheld, or was; null where it never was.
UNTIL_SQL: Final = """(select max(x.until) from unnest(%(w_purposes)s::smallint[], %(w_humans)s::uuid[],
    %(w_since)s::timestamptz[], %(w_until)s::timestamptz[], %(w_acts)s::uuid[]) x (purpose, human, since, until, act)
    where x.purpose = e.purpose and x.human = e.human and e.at >= x.since and e.at < x.until
        and (x.act is null or x.act = e.detail))"""
SHOWN_SQL: Final = f"coalesce({UNTIL_SQL} <= clock_timestamp(), true)"


class UnknownWithholding(LookupError):
    """No request of that id."""


class NotToDecide(RuntimeError):
    """It was decided or lifted before, or its end has come."""


@dataclass(frozen=True, slots=True)
class Withholding:
    """A request as it stands. ``human``: whose uses; ``until``: the day they appear; ``act``: only rows of that act."""

    id: UUID
    purpose: str
    human: UUID
    since: datetime
    until: datetime
    reference: str
    asked_by: UUID
    asked_role: str
    asked_at: datetime
    decided_by: UUID | None
    decided_role: str | None
    decided_at: datetime | None
    approved: bool | None
    lifted_at: datetime | None
    act: UUID | None = None

    @property
    def state(self) -> str:
        """``waiting``, ``refused``, ``lifted``, ``ended`` or ``in force``."""
        if self.lifted_at is not None:
            return "lifted"
        if self.approved is False:
            return "refused"
        if self.until <= datetime.now(UTC):
            return "ended"
        return "in force" if self.approved else "waiting"


def ask(
    *,
    actor: Actor,
    email: str,
    purpose: str,
    since: datetime | None,
    until: datetime,
    reference: str,
    act: UUID | None = None,
) -> Withholding:
    """Ask that uses by one person for one purpose, or one act of theirs alone, be kept from the customers' logs until a day.

    Raises:
        ActRefused: the role may not.
        LookupError: nobody of that email.
        ValueError: no such purpose, no reference, or an end that has come, is more than a year away or before the beginning.
    """
    require_act("withhold", actor)
    now = datetime.now(UTC)
    if purpose not in MAY:
        raise ValueError(f"purpose: one of {', '.join(MAY)}")
    if not now < until <= now + LONGEST:
        raise ValueError("until: a day to come, within a year")
    if since is not None and since >= until:
        raise ValueError("since: a moment before the end")
    if not 0 < len(reference := reference.strip()) <= 60 or not reference.isprintable():
        raise ValueError("reference: the number of the file, up to 60 characters; no names")
    whose = Staff.objects.filter(email__iexact=email).first()
    if whose is None:
        raise LookupError("nobody of that email")
    id = new_id()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "insert into ledger_withheld (id, purpose, human, since, until, reference, asked_by, asked_role, act)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [id, PURPOSES[purpose], whose.id, since or now, until, reference, actor.human, actor.role, act],
        )
        record_act("withhold", None, actor=actor, purpose=PURPOSES[purpose], detail=id)
    return withholding_of(id)


def decide(id: UUID, *, actor: Actor, approve: bool) -> Withholding:
    """Let it, or refuse: another person, of another office, than who asked; nobody for their own uses.

    Raises:
        ActRefused: the role may not.
        Refused: the same person or office as asked, or whose uses it is about.
        UnknownWithholding, NotToDecide: as they say.
    """
    require_act("withhold", actor)
    held = withholding_of(id)
    if held.state != "waiting":
        raise NotToDecide(held.state)
    if actor.human in (held.asked_by, held.human) or actor.role == held.asked_role:
        with transaction.atomic():
            record_act("withhold", None, actor=actor, detail=id, refused_by=SECOND_OFFICE)
        raise Refused(SECOND_OFFICE)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "update ledger_withheld set decided_by = %s, decided_role = %s, decided_at = clock_timestamp(), approved = %s,"
            " mac = %s where id = %s and decided_by is null and lifted_at is null and until > clock_timestamp()",
            [actor.human, actor.role, approve, _mac(held, actor.human) if approve else None, id],
        )
        if not cursor.rowcount:
            raise NotToDecide("decided")
        record_act("withhold", None, actor=actor, purpose=PURPOSES[held.purpose], detail=id)
    return withholding_of(id)


def lift(id: UUID, *, actor: Actor) -> Withholding:
    """Show the rows before their day; either office may.

    Raises:
        ActRefused, UnknownWithholding, NotToDecide: as they say.
    """
    require_act("withhold", actor)
    held = withholding_of(id)
    if held.state not in ("waiting", "in force"):
        raise NotToDecide(held.state)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "update ledger_withheld set lifted_at = clock_timestamp() where id = %s and lifted_at is null"
            " and approved is not false and until > clock_timestamp()",
            [id],
        )
        if not cursor.rowcount:
            raise NotToDecide("decided")
        record_act("withhold", None, actor=actor, purpose=PURPOSES[held.purpose], detail=id)
    return withholding_of(id)


def withholdings(*, actor: Actor) -> list[Withholding]:
    """All of them, newest first, for those who may ask or let.

    Raises:
        ActRefused: the role may not.
    """
    require_act("withhold", actor)
    return [held for held, _mac in _select("order by asked_at desc", [])]


def withholding_of(id: UUID) -> Withholding:
    """One request.

    Raises:
        UnknownWithholding: there is none of that id.
    """
    found = _select("where id = %s", [id])
    if not found:
        raise UnknownWithholding(str(id))
    return found[0][0]


def approved_by_us(id: UUID) -> bool:
    """Whether its approval carries our MAC: without it nothing is withheld."""
    return any(_ours(held, mac) for held, mac in _select("where id = %s and approved", [id]))


def parameters() -> dict[str, list[Any]]:
    """What ``UNTIL_SQL`` needs: every approval that is ours, with the day on which its rows appear or appeared."""
    found = [held for held, mac in _select("where approved", []) if _ours(held, mac)]
    return {
        "w_purposes": [PURPOSES[held.purpose] for held in found],
        "w_humans": [held.human for held in found],
        "w_since": [held.since for held in found],
        "w_until": [min(held.until, held.lifted_at or held.until) for held in found],
        "w_acts": [held.act for held in found],
    }


def _select(rest: str, given: list[Any]) -> list[tuple[Withholding, bytes | None]]:
    with connection.cursor() as cursor:
        cursor.execute(f"select {', '.join(_COLUMNS)} from ledger_withheld {rest}", given)
        rows = [dict(zip(_COLUMNS, row, strict=True)) for row in cursor.fetchall()]
    return [(_made(row), mac if mac is None else bytes(mac)) for row in rows for mac in [row.pop("mac")]]


def _made(row: dict[str, Any]) -> Withholding:
    return Withholding(**row | {"purpose": name_of(PURPOSES, row["purpose"])})


def _ours(held: Withholding, mac: bytes | None) -> bool:
    return held.decided_by is not None and mac is not None and hmac.compare_digest(_mac(held, held.decided_by), mac)


def _mac(held: Withholding, decided_by: UUID) -> bytes:
    said: tuple[Any, ...] = (
        held.id, held.purpose, held.human, held.since, held.until, held.reference, held.asked_by, decided_by,
    )  # fmt: skip
    said += () if held.act is None else (held.act,)
    text = "\x1e".join(part.astimezone(UTC).isoformat() if isinstance(part, datetime) else str(part) for part in said)
    return hmac.digest(installation().entry_key, b"withheld" + text.encode(), "sha256")
