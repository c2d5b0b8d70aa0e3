"""Access for a while: asked for by one person, let through by another, and over by itself.

What a grant's row may become is the database's matter (migration 0016); what it lets through, the policies'.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from kehu.govern.slugs import PURPOSES, name_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, acts_open_to, require_act
from kehu.guard.gate.standing import require_standing
from kehu.guard.gate.state import AGE, PACKS, packs_of
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import credential_of
from kehu.guard.staff.sign_ins import bind_claim
from kehu.guard.staff.step_up import require_step_up
from kehu.guard.texts import Sealed, make_key, open_texts, seal_under
from kehu.vault.ids import new_id

LONGEST: Final = 480  # minutes
MOST: Final = 1_000  # customers named one by one
SHORTEST_REASON: Final = 10  # characters
_LONGEST_REASON: Final = 2_000
_CLAIMED_FOR: Final = timedelta(minutes=30)
_SEES_ALL: Final = frozenset({"privacy", "legal", "auditor", "manager", "owner"})
_COLUMNS: Final = (
    "id", "staff", "purpose", "fields", "subjects", "packs", "ages", "minutes", "emergency", "asked_at", "decided_by",
    "decided_at", "approved", "until", "ended_at",
)  # fmt: skip

_LISTED: Final = """
(%(all)s or g.staff = %(own)s) and (g.approved is null and g.ended_at is null or g.emergency is not null and r.justified is null
    or g.id in (select n.id from access_grant n where %(all)s or n.staff = %(own)s order by n.asked_at desc limit 100))
"""


class UnknownGrant(LookupError):
    """No grant of that id that one may see."""


class GrantOver(RuntimeError):
    """It has been decided, has ended, or is not in force."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which customers: named by any of their ids, or all under one of these laws and of one of these ages."""

    customers: tuple[UUID, ...] = ()
    packs: frozenset[str] = frozenset()
    ages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant as it stands. ``email`` is of who asked, ``decided_by`` of who decided."""

    id: UUID
    staff: UUID
    email: str
    purpose: str
    fields: tuple[str, ...]
    scope: Scope
    minutes: int
    emergency: str
    asked_at: datetime
    decided_by: str
    decided_at: datetime | None
    approved: bool | None
    until: datetime | None
    ended_at: datetime | None
    justified: bool | None
    """What the review of a broken glass found; None: there was none yet."""

    @property
    def state(self) -> str:
        """``waiting``, ``refused``, ``live``, ``ended`` (by somebody) or ``over`` (by itself)."""
        if self.approved is None:
            return "ended" if self.ended_at else "waiting"
        if not self.approved:
            return "refused"
        if self.ended_at is not None:
            return "ended"
        return "live" if self.until is not None and self.until > timezone.now() else "over"


def ask(
    *, actor: Actor, purpose: str, fields: Sequence[str], scope: Scope, minutes: int, reason: str, emergency: str = ""
) -> Grant:
    """Ask for access to some fields of some customers, for one purpose and some time; somebody else decides.

    With ``emergency`` it is in force at once: see :mod:`kehu.guard.access.glass`, which alone names it.

    Raises:
        ActRefused: the role may not.
        ValueError: no such purpose, field or customer, no time up to eight hours, no reason.
    """
    require_act("break-glass" if emergency else "ask-grant", actor)
    names = _fields(purpose, fields, beyond=bool(emergency))
    if not 1 <= minutes <= LONGEST:
        raise ValueError(f"minutes: 1 to {LONGEST}")
    reason = reason.strip()
    if not SHORTEST_REASON <= len(reason) <= _LONGEST_REASON:
        raise ValueError(f"reason: {SHORTEST_REASON} to {_LONGEST_REASON} characters")
    customers, packs, ages = _scope(scope)
    id = new_id()
    with transaction.atomic(), connection.cursor() as cursor:
        make_key(id)
        cursor.execute(
            "insert into access_grant (id, staff, purpose, fields, subjects, packs, ages, minutes, reason, emergency)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                id, actor.human, PURPOSES[purpose], names, customers, packs, ages, minutes,
                seal_under(id, reason, place=id), emergency or None,
            ],
        )  # fmt: skip
        record_act("break-glass" if emergency else "ask-grant", None, actor=actor, purpose=PURPOSES[purpose], detail=id)
    return grant_of(id)


def decide(id: UUID, *, actor: Actor, approve: bool) -> Grant:
    """Let a request through, from now for as long as was asked, or refuse it. Nobody decides their own.

    Raises:
        ActRefused: the role may not.
        Refused: one's own request; or a second factor that was not shown lately, to let something through.
        UnknownGrant: no such request.
        GrantOver: it was decided or taken back.
    """
    act = "grant" if approve else "deny-grant"
    require_act(act, actor)
    require_standing(actor)
    if approve:
        require_step_up(actor)
    held = grant_of(id)
    if actor.human == held.staff:
        with transaction.atomic():
            record_act(act, None, actor=actor, detail=id, refused_by="house.second-person")
        raise Refused("house.second-person")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "update access_grant set approved = %s, decided_by = %s where id = %s and approved is null and ended_at is null",
            [approve, actor.human, id],
        )
        if not cursor.rowcount:
            raise GrantOver(str(id))
        record_act(act, None, actor=actor, purpose=PURPOSES[held.purpose], detail=id)
    return grant_of(id)


def end(id: UUID, *, actor: Actor) -> Grant:
    """End a grant, or take a request back: one's own, or as an office; the next read is refused.

    Raises:
        ActRefused: it is somebody else's, and the role may not.
        UnknownGrant, GrantOver: as :func:`decide`.
    """
    held = grant_of(id)
    if actor.human != held.staff:
        require_act("end-grant", actor)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "update access_grant set ended_by = %s, ended_at = clock_timestamp() where id = %s and ended_at is null"
            " and approved is distinct from false and coalesce(until > clock_timestamp(), true)",
            [actor.human, id],
        )
        if not cursor.rowcount:
            raise GrantOver(str(id))
        record_act("end-grant", None, actor=actor, purpose=PURPOSES[held.purpose], detail=id)
    return grant_of(id)


def use(id: UUID, *, actor: Actor) -> tuple[UUID, str, datetime]:
    """A credential of the grant's purpose that uses it, for half an hour at most; returns it, its text and its end.

    It ends with the credential it was asked with, whose second factor goes along with the moment it was shown.

    Raises:
        UnknownGrant: none of one's own.
        GrantOver: it is not in force.
    """
    held = grant_of(id)
    if held.staff != actor.human:
        raise UnknownGrant(str(id))
    if held.state != "live" or held.until is None:
        raise GrantOver(str(id))
    text = "kehu_" + secrets.token_urlsafe(32)
    credential, until = credential_of(text), min(held.until, timezone.now() + _CLAIMED_FOR)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "insert into actor_state (actor, staff, human, role, department, active, agreement_until, training_until,"
            " purpose, expires_at, grant_id) select %s, f.id, f.id, f.role, f.department_id, f.is_active,"
            " f.agreement_until, f.training_until, %s, %s, %s from guard_staff f where f.id = %s",
            [credential, PURPOSES[held.purpose], until, id, actor.human],
        )
        bind_claim(credential, actor.credential)
        made = Actor(credential, actor.human, actor.human, actor.role, actor.department, held.purpose, grant=id)
        record_act("claim", None, actor=made, purpose=PURPOSES[held.purpose], detail=id)
    return credential, text, until


def grants(*, actor: Actor) -> list[Grant]:
    """All that wait for somebody, and the newest hundred: one's own, or for whoever decides, ends or audits everybody's."""
    return _select(f"{_LISTED} order by g.asked_at desc", {"all": actor.role in _SEES_ALL, "own": actor.human})


def seen(id: UUID, *, actor: Actor) -> Grant:
    """One of those in :func:`grants`.

    Raises:
        UnknownGrant: none that one may see.
    """
    held = grant_of(id)
    if held.staff != actor.human and actor.role not in _SEES_ALL:
        raise UnknownGrant(str(id))
    return held


def grant_of(id: UUID) -> Grant:
    """One, whoever asks.

    Raises:
        UnknownGrant: there is none of that id.
    """
    found = _select("g.id = %s", [id])
    if not found:
        raise UnknownGrant(str(id))
    return found[0]


def reason_of(id: UUID, *, actor: Actor) -> str | None:
    """Why it was asked for; reading it is a use, which stands in the ledger.

    Raises:
        UnknownGrant: none that one may see.
        InsideTransaction: called inside a transaction.
    """
    if seen(id, actor=actor).staff != actor.human:  # one's own words are no secret from oneself
        require_standing(actor)
    with connection.cursor() as cursor:
        cursor.execute("select reason from access_grant where id = %s", [id])
        [sealed] = cursor.fetchone()
    [text] = open_texts([Sealed(id, id, bytes(sealed))], None, actor=actor, act="read-grant", detail=id)
    return text


def granted_fields(actor: Actor) -> frozenset[str]:
    """What the grant in use names: a broken glass may reach further than its purpose needs. The gate decides each anyway."""
    if actor.grant is None:
        return frozenset()
    return frozenset(grant_of(actor.grant).fields)


def may_decide(held: Grant, actor: Actor) -> bool:
    """Whether a request waits for somebody like this one."""
    return held.state == "waiting" and held.staff != actor.human and "grant" in acts_open_to(actor)


def _fields(purpose: str, asked: Sequence[str], *, beyond: bool) -> list[str]:
    if purpose not in PURPOSES:
        raise ValueError(f"purpose: one of {', '.join(PURPOSES)}")
    rules = installation().rules
    for name in asked:
        rules.dictionary.field(name)
    names = sorted({name for name in asked if beyond or name in rules.purposes[purpose].least})
    if not names or len(names) < len(set(asked)):
        raise ValueError("fields: some of those that the purpose needs")
    return names


def _scope(scope: Scope) -> tuple[list[UUID] | None, int | None, list[int] | None]:
    if scope.customers:
        if scope.packs or scope.ages:
            raise ValueError("customers: named ones or a segment")
        named = list(dict.fromkeys(scope.customers))
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from subject_state where subject = any (%s) and not hidden", [named])
            [known] = cursor.fetchone()
        if known < len(named) or len(named) > MOST:
            raise ValueError(f"customers: up to {MOST} that are here")
        return named, None, None
    if not scope.packs and not scope.ages:
        raise ValueError("customers: named ones, or a segment by law or age")
    if not scope.packs <= set(PACKS) or not set(scope.ages) <= set(AGE):
        raise ValueError("segment: laws CN EU US JP AU, ages unknown under13 13 14-15 16-17 adult")
    packs = sum(PACKS[one] for one in scope.packs)
    return None, packs or None, [AGE.index(one) for one in scope.ages] or None


def _select(rest: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[Grant]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {', '.join(f'g.{name}' for name in _COLUMNS)}, s.email, d.email, r.justified from access_grant g"
            " join guard_staff s on s.id = g.staff left join guard_staff d on d.id = g.decided_by"
            f" left join access_review r on r.grant_id = g.id where {rest}",
            parameters,
        )
        return [
            _made(dict(zip((*_COLUMNS, "email", "by", "justified"), row, strict=True))) for row in cursor.fetchall()
        ]


def _made(row: dict[str, Any]) -> Grant:
    scope = Scope(
        tuple(row["subjects"] or ()), packs_of(row["packs"] or 0), tuple(AGE[one] for one in row["ages"] or ())
    )
    return Grant(
        row["id"], row["staff"], row["email"], name_of(PURPOSES, row["purpose"]), tuple(row["fields"]), scope,
        row["minutes"], row["emergency"] or "", row["asked_at"], row["by"] or "", row["decided_at"], row["approved"],
        row["until"], row["ended_at"], row["justified"],
    )  # fmt: skip
