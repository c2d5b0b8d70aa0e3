"""A case as the person it is about sees it: what they are told, what they answer, what was decided and why.

Whoever is frozen cannot sign in: a link, shown once to the office that hands it over, opens the same page and takes one answer.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.core.mail import EmailMessage
from django.db import connection, transaction
from django.utils import timezone

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.ledger.record import record_act
from kehu.guard.watch.alerts import Alert
from kehu.guard.watch.case_steps import words, write_step
from kehu.guard.watch.cases import (
    SECURITY,
    Case,
    Step,
    StepRefused,
    UnknownCase,
    alerts_of,
    case_of,
    refusals,
    select_cases,
    steps_of,
)

LINK_LASTS: Final = timedelta(days=14)
# what of a case is the person's to see; not who freezes, joins or reports what, nor a decision that nobody confirmed yet
_THEIRS: Final = frozenset({"told", "answered", "heard", "decided", "measured", "frozen", "unfrozen", "closed"})


class LinkOver(PermissionError):
    """A link that is unknown, used or over."""


@dataclass(frozen=True, slots=True)
class Own:
    """A case about oneself, with the steps that are one's own to see and their words, and the alerts one was told of."""

    held: Case
    steps: tuple[Step, ...]
    alerts: tuple[Alert, ...]

    @property
    def may_answer(self) -> bool:
        """Until it is closed one may say something to it, also to the decision."""
        return self.held.state != "closed"


def own_cases(*, actor: Actor) -> list[Case]:
    """Cases about oneself that one has been told of, the newest first."""
    return select_cases("c.human = %s and c.told_at is not null order by c.number desc limit 100", [actor.human])


def own_case(number: int, *, actor: Actor) -> Own:
    """One of :func:`own_cases` with its words; reading them stands in the ledger.

    Raises:
        UnknownCase: none about oneself that one was told of.
        InsideTransaction: called inside a transaction.
    """
    held = _own(number, actor)
    final, every = held.state in ("decided", "measured", "closed"), steps_of(held, actor=actor)
    steps = [one for one in every if one.step in _THEIRS and (final or one.step != "decided")]
    # of decisions the last alone was confirmed: those before it were sent back
    decided = [one for one in steps if one.step == "decided"]
    shown = tuple(one for one in steps if one.step != "decided" or one is decided[-1])
    # what was taken in since waits until they are told again
    told = {one.detail for one in every if one.step == "joined" and held.told_at and one.at <= held.told_at}
    return Own(held, shown, tuple(one for one in alerts_of(held) if one.id in told))


def answer(number: int, text: str, *, actor: Actor) -> Case:
    """Say something to it, for oneself.

    Raises:
        UnknownCase: none about oneself that one was told of.
        StepRefused: it is closed.
        ValueError: nothing, or too much, is said.
    """
    require_act("answer-case", actor)
    held = _own(number, actor)
    said = words(text, wanted=True)
    with refusals(), transaction.atomic():
        write_step(held, "answered", by=actor.human, note=said)
        record_act("answer-case", None, actor=actor, purpose=SECURITY, detail=held.id)
    return _own(number, actor)


def make_link(number: int, *, actor: Actor) -> tuple[str, datetime]:
    """The secret of a new link to a case, to be shown once and handed over, and its end; older ones are void.

    Raises:
        ActRefused, UnknownCase: as they say.
        StepRefused: the person has not been told anything, or it is closed.
    """
    require_act("hear-case", actor)
    held = case_of(number, actor=actor)
    if held.told_at is None or held.state == "closed":
        raise StepRefused("state")
    text, until = secrets.token_urlsafe(24), timezone.now() + LINK_LASTS
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "update watch_case_link set used_at = clock_timestamp() where case_id = %s and used_at is null", [held.id]
        )
        cursor.execute(
            "insert into watch_case_link (digest, case_id, until) values (%s, %s, %s)", [_digest(text), held.id, until]
        )
        record_act("hear-case", None, actor=actor, purpose=SECURITY, detail=held.id)
    return text, until


def by_link(secret: str) -> tuple[Actor, int]:
    """Whom a link is for, as the account it is, and the number of the case.

    Raises:
        LinkOver: none that is good.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select s.id, s.role, s.department_id, c.number from watch_case_link l join watch_case c on c.id = l.case_id"
            " join guard_staff s on s.id = c.human where l.digest = %s and l.used_at is null"
            " and l.until > clock_timestamp() and c.state < 7",
            [_digest(secret)],
        )
        row = cursor.fetchone()
    if row is None:
        raise LinkOver("link")
    staff, role, department, number = row
    return Actor(staff, staff, staff, role, department), number


def answer_by_link(secret: str, text: str) -> None:
    """Say something by a link, which is used up with it.

    Raises:
        LinkOver: none that is good.
        ValueError: nothing, or too much, is said; the link stays good.
    """
    actor, number = by_link(secret)
    said = words(text, wanted=True)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "update watch_case_link set used_at = clock_timestamp() where digest = %s and used_at is null",
            [_digest(secret)],
        )
        if not cursor.rowcount:
            raise LinkOver("link")
        answer(number, said, actor=actor)


def tell_by_mail(case: UUID) -> None:
    """Write to the person that there is something to read; not what."""
    found = select_cases("c.id = %s", [case])
    if not found:
        return
    held = found[0]
    day = timezone.localdate(held.answer_by).isoformat() if held.answer_by else ""
    text = (
        f"There is something to read and to answer about your use of customer data (case {held.number}, by {day}).\n"
        f"Sign in: /watch/own. If you cannot, ask the privacy office for a link of your own.\n\n"
        f"关于您使用客户资料的情况，有内容需要您阅读和答复（案件 {held.number}，请在 {day} 前答复）。\n"
        f"请登录：/watch/own。如无法登录，请向隐私办公室索取您的专用链接。\n\n"
        f"關於您使用客戶資料的情況，有內容需要您閱讀和答覆（案件 {held.number}，請在 {day} 前答覆）。\n"
        f"請登入：/watch/own。如無法登入，請向隱私辦公室索取您的專用連結。\n"
    )
    EmailMessage("Kehu 客护: something to read · 有内容待您阅读", text, to=[held.email]).send()


def _own(number: int, actor: Actor) -> Case:
    found = select_cases("c.number = %s and c.human = %s and c.told_at is not null", [number, actor.human])
    if not found:
        raise UnknownCase(str(number))
    return found[0]


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
