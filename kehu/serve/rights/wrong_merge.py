"""A wrong merge taken back, and what it showed to whom: who asked for one customer saw the other, too.

That is a disclosure to look into (RULES: "a wrong merge opens an incident"), if anybody looked. Source: PIPL 57, GDPR 33.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.utils import timezone

from kehu.govern.consent import part_of, retried
from kehu.guard.gate.actor import Actor
from kehu.guard.ledger.together import Shown, shown_together
from kehu.refine.resolve import review
from kehu.serve.rights.incidents import Window, enter_incident

_TEXT: Final = {
    "zh-hans": "两位客户曾被误并为一人，现已分开。两人合并期间有 {count} 次查看同时显示了两人的资料，查看其中一人者也看到了另一人。"
    "涉及的客户：{one}、{other}。查看者：{who}。",
    "zh-hant": "兩位客戶曾被誤併為一人，現已分開。兩人合併期間有 {count} 次檢視同時顯示了兩人的資料，檢視其中一人者也看到了另一人。"
    "涉及的客戶：{one}、{other}。檢視者：{who}。",
    "en": "Two customers had been merged by mistake and are parted now. While they were one, {count} reads showed both: who"
    " looked at one saw the other, too. Customers: {one}, {other}. Seen by: {who}.",
}
_THEMSELVES: Final = {"zh-hans": "客户本人", "zh-hant": "客戶本人", "en": "the customers themselves"}
_COMMA: Final = {"zh-hans": "、", "zh-hant": "、", "en": ", "}


def part(subject: UUID, other: UUID, *, actor: Actor, language: str = "en") -> UUID | None:
    """Part two origin subjects that are not one customer; returns the incident's id, None where nobody had seen both.

    Raises:
        ActRefused: the role may not.
        UnknownSubject: one of them is not here.
        NotOneCustomer: they are two already.
    """

    def work() -> UUID | None:
        since = review.undo(subject, other, actor=actor)
        seen = shown_together(part_of(subject, whole=True), part_of(other, whole=True), since=since)
        return _enter(seen, subject, other, actor, language) if seen else None

    return retried(work)


def _enter(seen: Sequence[Shown], subject: UUID, other: UUID, actor: Actor, language: str) -> UUID:
    staff = {row.human for row in seen if row.email is not None}
    alone = staff.pop() if len(staff) == 1 and all(row.email is not None for row in seen) else None
    counts = Counter((row.email or _THEMSELVES[language]).removesuffix("@home") for row in seen)
    who = _COMMA[language].join(f"{name} ({count})" for name, count in counts.items())
    return enter_incident(
        # a window ends before its end
        window=Window(alone, seen[0].at, seen[-1].at + timedelta(microseconds=1)),
        text=_TEXT[language].format(count=len(seen), one=subject, other=other, who=who),
        actor=actor,
        aware_at=timezone.now(),
    )
