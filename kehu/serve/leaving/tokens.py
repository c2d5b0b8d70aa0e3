"""Tokens for a program of a recipient outside: issued, listed, and let through by a second person above a size."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from kehu.govern.slugs import PURPOSES, name_of
from kehu.guard.gate.actor import Actor, Outside
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.gate.pulls import alone_or, pulled
from kehu.guard.gate.standing import require_standing
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import UnknownStaff, credential_of, issue_token
from kehu.guard.staff.models import Staff
from kehu.serve.leaving.asking import sees_all
from kehu.serve.leaving.canary import canary_of, marks_of
from kehu.vault.ids import new_id

RECIPIENT_KINDS: Final = ("processor", "controller", "sale")
APPROVED: Final = 20
"""An approval that names no number is for so many times what a token may reach alone."""
MOST: Final = 10_000_000
"""Customers a day that a token can be let reach."""
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_AMONG: Final = 100  # newest customers, among whom the made-up one stands
_COLUMNS: Final = (
    "id", "credential", "staff", "purpose", "recipient", "recipient_kind", "country", "issued_by", "issued_at",
    "expires_at", "canary",
)  # fmt: skip
_SHOWN: Final = """
(%(all)s or t.staff = %(human)s) and (%(before)s::uuid is null and t.expires_at > clock_timestamp()
    or t.id = any (array(select n.id from outside_token n where (%(all)s or n.staff = %(human)s)
        and (%(before)s::uuid is null or n.id < %(before)s::uuid) order by n.id desc limit %(newest)s))) order by t.id desc
"""


class UnknownToken(LookupError):
    """No token for a recipient of that id."""


class TokenOver(RuntimeError):
    """It has ended or was revoked, so there is nothing to decide."""


@dataclass(frozen=True, slots=True)
class OutsideToken:
    """A token for a recipient as it stands.

    Attributes:
        staff, email: the person it acts for.
        pulled: different customers that its recipient was answered about in the last 24 hours, by all its tokens.
        most: how many they may be.
        canary: id of the made-up customer in its answers.
    """

    id: UUID
    credential: UUID
    staff: UUID
    email: str
    purpose: str
    recipient: str
    recipient_kind: str
    country: str
    issued_by: UUID
    issued_at: datetime
    expires_at: datetime
    canary: UUID
    revoked: bool
    pulled: int
    most: int

    @property
    def state(self) -> str:
        """``ended``, ``waiting`` for a second person, or ``open``."""
        if self.revoked or self.expires_at <= datetime.now(UTC):
            return "ended"
        return "waiting" if self.pulled >= self.most else "open"


def issue(
    *, issued_by: Actor, email: str, purpose: str, minutes: int, recipient: str, recipient_kind: str, country: str,
    code: str | None = None,
) -> tuple[str, OutsideToken]:  # fmt: skip
    """A token whose answers a recipient outside gets, for one person and one purpose; its text is shown once.

    Raises:
        ActRefused: the role may not issue tokens.
        Refused: the person has a second factor, and no code of it came along.
        UnknownStaff, NotEnrolled, CodeRefused: as :func:`kehu.guard.staff.actions.issue_token`.
        ValueError: no recipient, kind, country or purpose; or a term outside 1 minute to 12 hours.
    """
    require_act("token", issued_by)
    recipient = recipient.strip()
    if not recipient or len(recipient) > 120 or not recipient.isprintable():
        raise ValueError("recipient: the name of who gets it, up to 120 characters")
    if recipient_kind not in RECIPIENT_KINDS:
        raise ValueError(f"recipient-kind: one of {', '.join(RECIPIENT_KINDS)}")
    if not _COUNTRY.fullmatch(country):
        raise ValueError("country: two capital letters")
    if purpose not in PURPOSES:
        raise ValueError(f"purpose: one of {', '.join(PURPOSES)}")
    id = new_id()
    there = Outside(id, recipient, recipient_kind, country)
    _require_step_up(email, code, issued_by=issued_by, purpose=purpose, there=there)
    fields = installation().rules.dictionary.fields
    canary, values = canary_of(id, fields, near=_newest())
    with transaction.atomic(), connection.cursor() as cursor:
        text, until = issue_token(email=email, purpose=purpose, minutes=minutes, code=code)
        cursor.execute(
            "insert into outside_token (id, credential, staff, purpose, recipient, recipient_kind, country, issued_by, expires_at,"
            " canary) select %s, a.actor, a.staff, %s, %s, %s, %s, %s, %s, %s from actor_state a where a.actor = %s",
            [
                id, PURPOSES[purpose], recipient, recipient_kind, country, issued_by.human, until, canary,
                credential_of(text),
            ],
        )  # fmt: skip
        cursor.executemany(
            "insert into outside_canary (mark, token) values (%s, %s)", [(one, id) for one in marks_of(canary, values)]
        )
        record_act("token", None, actor=issued_by, purpose=PURPOSES[purpose], detail=id, outside=there)
    return text, token_of(id)


def decide(id: UUID, *, actor: Actor, approve: bool, most: int | None = None) -> OutsideToken:
    """Let a token reach ``most`` different customers a day, or end it: another person than it acts for or who issued it.

    Raises:
        ActRefused: the role may not decide.
        Refused: it acts for whoever asks, or they issued it.
        UnknownToken: no such token.
        TokenOver: see there.
        ValueError: no such number.
    """
    act = "approve" if approve else "refuse"
    require_act(act, actor)
    require_standing(actor)
    held = token_of(id)
    if held.state == "ended":
        raise TokenOver("ended")
    if approve and actor.human in (held.staff, held.issued_by):
        with transaction.atomic():
            record_act(act, None, actor=actor, detail=id, refused_by="house.second-person", outside=there_of(held))
        raise Refused("house.second-person")
    most = most if most is not None else APPROVED * settings.EXPORT_ALONE
    if not 1 <= most <= MOST:
        raise ValueError(f"customers: 1 to {MOST}")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "insert into outside_decision (token, decided_by, approved, most) values (%s, %s, %s, %s)",
            [id, actor.human, approve, most if approve else None],
        )
        if not approve:
            cursor.execute(
                "update actor_state set revoked_at = clock_timestamp() where actor = %s and revoked_at is null",
                [held.credential],
            )
        record_act(act, None, actor=actor, detail=id, outside=there_of(held))
    return token_of(id)


def tokens(*, actor: Actor, newest: int | None, before: UUID | None = None) -> list[OutsideToken]:
    """So many, newest first, and those that still run; with ``before`` those issued before that one alone; None: every one.

    Everybody's for those who decide or read the ledger, else those that act for oneself.
    """
    return _select(_SHOWN, {"all": sees_all(actor), "human": actor.human, "newest": newest, "before": before})


def token_of(id: UUID) -> OutsideToken:
    """One token.

    Raises:
        UnknownToken: there is none of that id.
    """
    found = _select("t.id = %s", [id])
    if not found:
        raise UnknownToken(str(id))
    return found[0]


def there_of(held: OutsideToken) -> Outside:
    """Who gets its answers, as the gate is told."""
    return Outside(held.id, held.recipient, held.recipient_kind, held.country)


def _require_step_up(email: str, code: str | None, *, issued_by: Actor, purpose: str, there: Outside) -> None:
    staff = Staff.objects.filter(email__iexact=email).values_list("totp", flat=True)
    if not staff:
        raise UnknownStaff(email)
    if staff[0] is not None and code is None:
        with transaction.atomic():
            record_act(
                "token", None, actor=issued_by, purpose=PURPOSES[purpose], detail=there.token,
                refused_by="house.step-up", outside=there,
            )  # fmt: skip
        raise Refused("house.step-up")


def _newest() -> UUID | None:
    """One of the newest customers."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select subject from subject_state where subject = customer and not hidden order by subject desc limit %s",
            [_AMONG],
        )
        found = [row[0] for row in cursor.fetchall()]
    return secrets.choice(found) if found else None


def _select(rest: str, parameters: list[Any] | dict[str, Any]) -> list[OutsideToken]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {', '.join(f't.{name}' for name in _COLUMNS)}, s.email, a.revoked_at is not null,"
            " (select d.most from outside_decision d where d.token = t.id order by d.number desc limit 1)"
            " from outside_token t join guard_staff s on s.id = t.staff left join actor_state a on a.actor = t.credential"
            f" where {rest}",
            parameters,
        )
        rows = cursor.fetchall()
    reached = {name: pulled(name) for name in {row[_COLUMNS.index("recipient")] for row in rows}}
    return [_made(row, reached) for row in rows]


def _made(row: tuple[Any, ...], reached: Mapping[str, int]) -> OutsideToken:
    held = dict(zip((*_COLUMNS, "email", "revoked", "most"), row, strict=True))
    return OutsideToken(
        **held
        | {
            "purpose": name_of(PURPOSES, held["purpose"]),
            "pulled": reached[held["recipient"]],
            "most": alone_or(held["most"]),
        }
    )
