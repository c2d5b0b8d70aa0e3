"""Breaking the glass: at once, short, told to the offices by mail, and looked at afterwards by another person.

It opens named fields of named customers for half an hour. Whoever has such a look still open gets the next one only with a
second factor and a fuller reason, save where somebody's life or health is in danger: that is never held up.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, connection, transaction

from kehu.govern.slugs import PURPOSES
from kehu.guard.access.grants import Grant, GrantOver, Scope, ask, grant_of, grants
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.models import Staff
from kehu.guard.staff.step_up import shown_lately
from kehu.guard.tasks import tell_of_glass

KINDS: Final = ("vital", "security", "claims")
PURPOSE_OF: Final = {"vital": "security", "security": "security", "claims": "claims"}
"""The purpose that each is for: both rest on legal duties, so no consent is in the way."""
MINUTES: Final = 30
MOST: Final = 50  # customers
FULLER_REASON: Final = 80  # characters, while an earlier look is open


def break_glass(*, actor: Actor, kind: str, fields: Sequence[str], customers: Sequence[UUID], reason: str) -> Grant:
    """Open at once, for half an hour; the offices are told, and another person looks at it afterwards.

    Raises:
        ActRefused: the role may not.
        Refused: an earlier look is open, no life is in danger, and second factor or fuller reason are missing.
        ValueError: no such kind, field or customer, or no reason.
    """
    require_act("break-glass", actor)
    if kind not in KINDS:
        raise ValueError(f"kind: one of {', '.join(KINDS)}")
    if not 1 <= len(customers) <= MOST:
        raise ValueError(f"customers: 1 to {MOST}, by name")
    with transaction.atomic():
        if kind == "vital" or _one_at_a_time(actor) or _meets_the_bar(actor, reason):
            held = ask(
                actor=actor, purpose=PURPOSE_OF[kind], fields=fields, scope=Scope(tuple(customers)), minutes=MINUTES,
                reason=reason, emergency=kind,
            )  # fmt: skip
            have_told(held.id)
            return held
        record_act("break-glass", None, actor=actor, refused_by="house.open-review")
    raise Refused("house.open-review")


def open_looks(staff: UUID) -> int:
    """How many broken glasses of a person nobody has looked at yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from access_grant g where g.staff = %s and g.emergency is not null"
            " and not exists (select 1 from access_review r where r.grant_id = g.id)",
            [staff],
        )
        [count] = cursor.fetchone()
    return int(count)


def waiting(*, actor: Actor) -> list[Grant]:
    """Broken glasses that wait to be looked at by somebody like this one, the newest first."""
    return [one for one in grants(actor=actor) if one.emergency and one.justified is None]


def review(id: UUID, *, actor: Actor, justified: bool) -> Grant:
    """Say of a broken glass whether it was justified; one that was not ends with that word: no other act is asked for.

    Raises:
        ActRefused: the role may not.
        Refused: one's own.
        UnknownGrant: no broken glass of that id.
        GrantOver: somebody looked at it already.
    """
    require_act("review-glass", actor)
    held = grant_of(id)
    if held.staff == actor.human:
        with transaction.atomic():
            record_act("review-glass", None, actor=actor, detail=id, refused_by="house.second-person")
        raise Refused("house.second-person")
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "insert into access_review (grant_id, reviewed_by, justified) values (%s, %s, %s)",
                [id, actor.human, justified],
            )
            record_act("review-glass", None, actor=actor, detail=id)
            if not justified:
                cursor.execute(
                    "update access_grant set ended_by = %s, ended_at = clock_timestamp() where id = %s and ended_at is null"
                    " and until > clock_timestamp()",
                    [actor.human, id],
                )
                if cursor.rowcount:
                    record_act("end-grant", None, actor=actor, purpose=PURPOSES[held.purpose], detail=id)
    except IntegrityError:
        raise GrantOver(str(id)) from None
    return grant_of(id)


def tell(id: UUID, staff: UUID | None) -> None:
    """Write to one of the privacy office who is still of it, or to the owner (None)."""
    if staff is None:
        address = settings.OWNER_MAIL
    else:
        address = Staff.objects.filter(id=staff, role="privacy", is_active=True).values_list("email", flat=True).first()
    if address:
        EmailMessage("Kehu 客护: the glass was broken · 紧急访问", _letter(grant_of(id)), to=[address]).send()


def _letter(held: Grant) -> str:
    number = len(held.scope.customers)
    at = held.asked_at.strftime("%Y-%m-%d %H:%M UTC")
    return (
        f"{held.email} broke the glass at {at}: {held.emergency}, {number} customer(s), for {held.minutes} minutes.\n"
        f"Look at it and say whether it was justified: /access/grants/{held.id}\n\n"
        f"{held.email} 于 {at} 启用了紧急访问：{_ZH[held.emergency][0]}，涉及 {number} 位客户，时长 {held.minutes} 分钟。\n"
        f"请查看并判定是否正当：/access/grants/{held.id}\n\n"
        f"{held.email} 於 {at} 啟用了緊急存取：{_ZH[held.emergency][1]}，涉及 {number} 位客戶，時長 {held.minutes} 分鐘。\n"
        f"請檢視並判定是否正當：/access/grants/{held.id}\n"
    )


_ZH: Final = {"vital": ("生命健康危急", "生命健康危急"), "security": ("安全", "安全"), "claims": ("诉求", "訴求")}


def have_told(id: UUID) -> None:
    """A letter to each of the privacy office, and to the owner where the installation knows an address.

    Each is a job of its own: a mailbox that is refused keeps nobody else from being told, and has nobody told twice.
    """
    for staff in Staff.objects.filter(role="privacy", is_active=True).values_list("id", flat=True):
        tell_of_glass.defer(grant=str(id), staff=str(staff))
    if settings.OWNER_MAIL:
        tell_of_glass.defer(grant=str(id), staff="")


def _one_at_a_time(actor: Actor) -> bool:
    """Whether they have no look open; who asks at the same moment waits until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_advisory_xact_lock(hashtextextended('glass ' || %s::text, 0))", [actor.human])
    return not open_looks(actor.human)


def _meets_the_bar(actor: Actor, reason: str) -> bool:
    return shown_lately(actor.credential) and len(reason.strip()) >= FULLER_REASON
