"""Asking for a list to leave: to whom, where, for what; above a size a second person lets it go, within a day and once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from kehu.govern.slugs import PURPOSES, name_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, acts_open_to, require_act
from kehu.guard.gate.decisions import registered
from kehu.guard.gate.standing import require_standing
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.watch.marks import NOT_HONEY
from kehu.serve.desk.listing import Filters
from kehu.vault.ids import new_id

WITHIN: Final = timedelta(hours=24)
"""How long a request, or an approval, is good for."""
LONGEST_NAME: Final = 120
_LONGEST_RUN: Final = timedelta(hours=1)  # a million customers take minutes
_SEES_ALL: Final = frozenset({"approve", "read-ledger"})  # by an act, which a role of the house may leave out
_COUNTRY: Final = re.compile(r"([A-Z]{2})?")
_COLUMNS: Final = (
    "id", "purpose", "fields", "recipient", "recipient_kind", "country", "kind", "pack", "consent", "customers",
    "asked_by", "asked_at", "decided_by", "decided_at", "approved", "ran_at", "rows", "sha256",
    "ended_at",
)  # fmt: skip
_SHOWN: Final = """
where (%(all)s or asked_by = %(human)s) and (%(before)s::uuid is null and ran_at is null and approved is not false
        and ended_at is null and coalesce(decided_at, asked_at) > clock_timestamp() - %(within)s
    or id = any (array(select n.id from leaving n where (%(all)s or n.asked_by = %(human)s)
        and (%(before)s::uuid is null or n.id < %(before)s::uuid) order by n.id desc limit %(newest)s))) order by id desc
"""


class UnknownLeaving(LookupError):
    """No request of that id."""


class NotToRun(RuntimeError):
    """It ran already, was refused, waits for a second person, is too old, or has grown beyond what was approved."""


@dataclass(frozen=True, slots=True)
class Leaving:
    """A request as it stands. ``customers``: how many it narrowed down to when it was asked for."""

    id: UUID
    purpose: str
    fields: tuple[str, ...]
    recipient: str
    recipient_kind: str
    country: str
    filters: Filters
    customers: int
    asked_by: UUID
    asked_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    approved: bool | None
    ran_at: datetime | None
    rows: int | None
    sha256: bytes | None
    ended_at: datetime | None
    """When its asker changed posts or left before it ran, or its run broke off: it is over then."""

    @property
    def alone(self) -> bool:
        """Small enough to go without a second person."""
        return self.customers <= settings.EXPORT_ALONE

    @property
    def share(self) -> float:
        """How much of a running one is written, 0 to 1."""
        return min(1.0, (self.rows or 0) / self.customers) if self.customers else 0.0

    @property
    def state(self) -> str:
        """``running``, ``interrupted``, ``done``, ``refused``, ``expired``, ``waiting`` for a second person, or ``ready``."""
        if self.ran_at is not None:
            if self.sha256 is None:
                over = self.ended_at is not None or datetime.now(UTC) - self.ran_at >= _LONGEST_RUN
                return "interrupted" if over else "running"
            return "done"
        if self.approved is False:
            return "refused"
        if self.ended_at is not None or datetime.now(UTC) - (self.decided_at or self.asked_at) > WITHIN:
            return "expired"
        return "ready" if self.alone or self.approved else "waiting"


def ask(
    *, actor: Actor, purpose: str, recipient: str, recipient_kind: str, country: str, fields: tuple[str, ...] = (),
    filters: Filters,
) -> Leaving:  # fmt: skip
    """Ask for a list of the purpose's customers to leave.

    Raises:
        ActRefused: the role may not.
        Refused: the role claims no such purpose, or its register names no such recipient or country.
        UnknownField: no such field.
        ValueError: no recipient, no such country, or more fields than the purpose needs.
    """
    require_act("give", actor)
    rules, recipient = installation().rules, recipient.strip()
    if actor.role not in rules.purposes[purpose].roles:
        _refuse("house.default-deny", actor, purpose)
    if not recipient or len(recipient) > LONGEST_NAME or not recipient.isprintable():
        raise ValueError("recipient: the name of who gets it, up to 120 characters")
    if not _COUNTRY.fullmatch(country):
        raise ValueError("country: two capital letters")
    if not registered(recipient, rules.purposes[purpose]):  # the gate would keep everybody back; said now, not then
        _refuse("house.recipient", actor, purpose)
    if country not in {"", *rules.purposes[purpose].countries}:
        _refuse("house.country", actor, purpose)
    least = rules.purposes[purpose].least
    chosen = fields or tuple(sorted(name for name in least if not rules.dictionary.field(name).event))
    if any(rules.dictionary.field(name).name not in least for name in chosen):
        raise ValueError("fields: the purpose does not need all of these")
    id = new_id()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "insert into leaving (id, purpose, fields, recipient, recipient_kind, country, kind, pack, consent, customers,"
            " asked_by) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                id, PURPOSES[purpose], list(chosen), recipient, recipient_kind, country, filters.kind, filters.pack,
                filters.consent, how_many(purpose, filters), actor.human,
            ],
        )  # fmt: skip
        record_act("give", None, actor=actor, purpose=PURPOSES[purpose], detail=id)
    return leaving_of(id)


def _refuse(policy: str, actor: Actor, purpose: str) -> NoReturn:
    with transaction.atomic():
        record_act("give", None, actor=actor, purpose=PURPOSES[purpose], refused_by=policy)
    raise Refused(policy)


def decide(id: UUID, *, actor: Actor, approve: bool) -> Leaving:
    """Let a list go, or not: another person than the one who asked, within a day.

    Raises:
        ActRefused: the role may not approve.
        Refused: whoever asked cannot approve.
        UnknownLeaving: no such request.
        NotToRun: it does not wait for anybody.
    """
    act = "approve" if approve else "refuse"
    require_act(act, actor)
    require_standing(actor)
    held = leaving_of(id)
    if held.state != "waiting":
        raise NotToRun(held.state)
    if held.asked_by == actor.human:
        with transaction.atomic():
            record_act(act, None, actor=actor, detail=id, refused_by="house.second-person")
        raise Refused("house.second-person")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "update leaving set decided_by = %s, decided_at = clock_timestamp(), approved = %s"
            " where id = %s and decided_by is null and asked_at > clock_timestamp() - interval '24 hours' and ended_at is null",
            [actor.human, approve, id],
        )
        if not cursor.rowcount:
            raise NotToRun("decided")
        record_act(act, None, actor=actor, detail=id)
    return leaving_of(id)


def leaving_of(id: UUID) -> Leaving:
    """One request.

    Raises:
        UnknownLeaving: there is none of that id.
    """
    found = _select("where id = %s", [id])
    if not found:
        raise UnknownLeaving(str(id))
    return found[0]


def requests(*, actor: Actor, newest: int | None, before: UUID | None = None) -> list[Leaving]:
    """So many, newest first, and those that wait; with ``before`` those asked for before that one alone; None: every one.

    Of everybody for who approves or reads the ledger, else one's own.
    """
    everybody = sees_all(actor)
    if not everybody:
        require_act("give", actor)
    parameters = {"all": everybody, "human": actor.human, "newest": newest, "before": before, "within": WITHIN}
    return _select(_SHOWN, parameters)


def request_of(id: UUID, *, actor: Actor) -> Leaving:
    """One request, for whoever may see it: those who approve or read the ledger, and whoever asked.

    Raises:
        ActRefused: the role has nothing to do with lists that leave.
        UnknownLeaving: there is none of that id, or it is somebody else's.
    """
    everybody = sees_all(actor)
    if not everybody:
        require_act("give", actor)
    held = leaving_of(id)
    if not everybody and held.asked_by != actor.human:
        raise UnknownLeaving(str(id))
    return held


def sees_all(actor: Actor) -> bool:
    """Whether somebody sees what others ask for or let go: who approves, and who reads the ledger."""
    return not acts_open_to(actor).isdisjoint(_SEES_ALL)


def how_many(purpose: str, filters: Filters) -> int:
    """Customers that a request narrows down to, counted."""
    where, parameters = filters.where(purpose)
    with connection.cursor() as cursor:
        cursor.execute(f"select count(*) from subject_state s where {where} and {NOT_HONEY}", parameters)
        return int(cursor.fetchone()[0])


def _select(rest: str, parameters: list[Any] | dict[str, Any]) -> list[Leaving]:
    with connection.cursor() as cursor:
        cursor.execute(f"select {', '.join(_COLUMNS)} from leaving {rest}", parameters)
        return [_made(dict(zip(_COLUMNS, row, strict=True))) for row in cursor.fetchall()]


def _made(row: dict[str, Any]) -> Leaving:
    filters = Filters(row.pop("kind"), row.pop("pack"), row.pop("consent"))
    digest = row["sha256"]
    return Leaving(
        **row
        | {
            "filters": filters,
            "purpose": name_of(PURPOSES, row["purpose"]),
            "fields": tuple(row["fields"]),
            "sha256": bytes(digest) if digest is not None else None,
        }
    )
