"""Telling recipients of a correction: a letter for each, and a proof that it was done or a reason why it cannot be."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from kehu.govern.parts import part_of
from kehu.govern.slugs import PURPOSES, name_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.texts import seal_under
from kehu.serve.corrections.models import CANNOT, OPEN, TOLD, WAYS, Telling
from kehu.serve.rights.clocks import require_past

_PURPOSE_ID: Final = PURPOSES["rights-request"]
_LONGEST: Final = 4_000  # characters
_LETTER: Final = {
    "en": (
        "To {recipient}\n\nBetween {first} and {last} you received from us the field “{field}” of a person ({id}). It was wrong"
        " and has been corrected.\nThe right value comes to you the way the wrong one came, as far as you may still have it; it"
        " does not stand in this letter. Please correct or erase what you hold, tell whoever you passed it on to, and confirm"
        " to us that you did (GDPR Art. 19, PIPL Art. 46)."
    ),
    "zh-hans": (
        "致 {recipient}：\n\n{first} 至 {last} 期间，我们曾向贵方提供某人（{id}）的“{field}”。该内容有误，现已更正。\n"
        "如贵方仍有权取得，正确内容将通过原渠道提供，不在本函中列出。"
        "请更正或删除贵方持有的内容，通知已转交的接收方，并向我们确认（《个人信息保护法》第四十六条，GDPR 第 19 条）。"
    ),
    "zh-hant": (
        "致 {recipient}：\n\n{first} 至 {last} 期間，我們曾向貴方提供某人（{id}）的「{field}」。該內容有誤，現已更正。\n"
        "如貴方仍有權取得，正確內容將透過原管道提供，不在本函中列出。"
        "請更正或刪除貴方持有的內容，通知已轉交的接收方，並向我們確認（《個人資訊保護法》第四十六條，GDPR 第 19 條）。"
    ),
}


class UnknownTelling(LookupError):
    """No such recipient waits to be told."""


def letter(id: UUID, *, actor: Actor, language: str = "en") -> str:
    """The letter to a recipient. No value is in it: a letter passes no gate. That it was made is recorded.

    Raises:
        Refused: the role may not.
        UnknownTelling: there is none.
        UnknownSubject: the customer is not here any more.
    """
    require_act("tell", actor)
    row = Telling.objects.select_related("correction").filter(id=id).first()
    if row is None:
        raise UnknownTelling(str(id))
    made, words = row.correction, language if language in _LETTER else "en"
    part_of(made.subject, whole=False)
    # a list names the customer, whichever record the value was of; two who were joined since, the record's own
    known_as = dict.fromkeys((_customer_of(made.subject), made.subject))
    field = installation().rules.dictionary.field(made.field)
    with transaction.atomic():
        record_act("tell", made.subject, actor=actor, purpose=_PURPOSE_ID, detail=row.id)
    return _LETTER[words].format(
        recipient=row.recipient, first=row.first_at.date().isoformat(), last=row.last_at.date().isoformat(),
        field=field.label(words), id=", ".join(map(str, known_as)),
    )  # fmt: skip


def _customer_of(subject: UUID) -> UUID:
    with connection.cursor() as cursor:
        cursor.execute("select customer from subject_state where subject = %s", [subject])
        row = cursor.fetchone()
    return UUID(str(row[0])) if row else subject


def tell(id: UUID, *, way: str, proof: str, actor: Actor, at: datetime | None = None) -> None:
    """A recipient was told; ``proof`` says how that is known (a tracking number, the reply) and is kept sealed.

    Raises:
        Refused: the role may not.
        UnknownTelling: none waits.
        ValueError: no such way, no proof, or a time in the future, or before 1990.
    """
    if way not in WAYS:
        raise ValueError(f"way: one of {', '.join(WAYS)}")
    _close(id, TOLD, way, proof, actor, at)


def cannot(id: UUID, *, reason: str, actor: Actor) -> None:
    """It is impossible, or would be out of all proportion (GDPR 19); the reason is kept sealed and the person may ask.

    Raises:
        Refused: the role may not.
        UnknownTelling: none waits.
        ValueError: no reason.
    """
    _close(id, CANNOT, "", reason, actor, None)


def take_back(id: UUID, *, actor: Actor) -> UUID:
    """That a recipient was told, or cannot be, was noted by mistake: they wait again, by the day they had; returns whose it is.

    The proof goes; that there was one, and that it was taken back, stands in the ledger.

    Raises:
        Refused: the role may not.
        UnknownTelling: nothing was noted of it.
    """
    require_act("tell", actor)
    with transaction.atomic():
        rows = Telling.objects.select_for_update().select_related("correction").filter(id=id).exclude(state=OPEN)
        row = rows.first()
        if row is None:
            raise UnknownTelling(str(id))
        row.state, row.way, row.done_at, row.done_by, row.proof = OPEN, "", None, None, None
        row.save()
        record_act("tell", row.correction.subject, actor=actor, purpose=_PURPOSE_ID, detail=row.id)
    return row.correction.subject


def _close(id: UUID, state: str, way: str, proof: str, actor: Actor, at: datetime | None) -> None:
    require_act("tell", actor)
    text, now = proof.strip(), timezone.now()
    if not text or len(text) > _LONGEST:
        raise ValueError("proof: says how it is known, in 4000 characters at most")
    if at is not None:
        require_past(at, "at")
    with transaction.atomic():
        row = Telling.objects.select_for_update().select_related("correction").filter(id=id, state=OPEN).first()
        if row is None:
            raise UnknownTelling(str(id))
        row.state, row.way, row.done_at, row.done_by = state, way, at or now, actor.staff
        row.proof = seal_under(row.correction.subject, text, place=row.id)
        row.save()
        record_act("tell", row.correction.subject, actor=actor, purpose=_PURPOSE_ID, detail=row.id)


def telling_row(row: Telling, *, proof: str | None = None) -> dict[str, Any]:
    """One recipient, as answers show it."""
    return {
        "id": str(row.id), "recipient": row.recipient, "country": row.country or None,
        "purpose": name_of(PURPOSES, row.purpose), "first_at": row.first_at.isoformat(), "last_at": row.last_at.isoformat(),
        "uses": row.uses, "due": row.due.isoformat() if row.due else None,
        "overdue": row.state == OPEN and row.due is not None and row.due < timezone.now(), "state": row.state,
        "way": row.way or None, "done_at": row.done_at.isoformat() if row.done_at else None, "proof": proof,
    }  # fmt: skip
