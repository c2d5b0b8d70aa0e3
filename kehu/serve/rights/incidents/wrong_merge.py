"""A wrong merge taken back, and what it showed to whom: who asked for one customer saw the other, too.

That is a disclosure to look into (RULES: "a wrong merge opens an incident"), if anybody looked. The incident carries its
own report, written when it opens, for what the log of links says of that time may change later: every row of the ledger in
which both were let out together, who asked, what for, which fields, to whom they went. What of it must be told, and to
whom, the office assesses: the laws of both, how many people and whether anything sensitive was shown stand there already.
Source: PIPL 57, GDPR 33 and 34.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from django.utils import timezone

from kehu.govern.parts import part_of, retried
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.state import packs_of
from kehu.guard.installation import installation
from kehu.guard.ledger.together import Shown, shown_together
from kehu.guard.texts import Sealed, open_texts, seal_under
from kehu.refine.resolve.review import answers as review
from kehu.serve.rights.clocks import EVERY_PACK, packs_of_subjects
from kehu.serve.rights.incidents.register import Learned, UnknownIncident, Window, enter_incident
from kehu.serve.rights.models import Incident
from kehu.serve.rights.office import require
from kehu.vault.parted import Together

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
_SENSITIVE: Final = 4  # the level of a field
_HOME: Final = "@home"


def part(subject: UUID, other: UUID, *, actor: Actor, language: str = "en") -> UUID | None:
    """Part two origin subjects that are not one customer; returns the incident's id, None where nobody had seen both.

    Raises:
        ActRefused: the role may not.
        UnknownSubject: one of them is not here.
        NotOneCustomer: they are two already.
    """

    def work() -> UUID | None:
        since = review.undo(subject, other, actor=actor)
        one, two = part_of(subject, whole=True), part_of(other, whole=True)
        seen = shown_together(one, two, since=since)
        return enter_wrong_merge(seen, (subject, other), (one, two), actor, language) if seen else None

    return retried(work)


def undo_run(run: UUID, *, actor: Actor, language: str = "en") -> tuple[int, list[UUID]]:
    """Take a whole run of linkage back; returns how many links stood, and the incidents of what it had shown.

    Who was let out together while the run's links stood was shown as one customer, as by a single wrong merge: one
    incident for each two parts of a customer that somebody saw together. Of whom nobody asked, nothing opens.

    Raises:
        ActRefused: the role may not.
        UnknownRun: none of that id is over.
    """

    return review.undo_run(run, actor=actor, parted=lambda together: _shown_by(together, actor, language))


def open_incidents(were: Sequence[Together], actor: Actor) -> None:
    """Open the incidents of merges that were taken back by themselves: what was grouped anew, what an undone import joined.

    Whoever parts calls it, in the same transaction (:mod:`kehu.vault.parted`).
    """
    for together in were:
        _shown_by(together, actor, "en")


def _shown_by(together: Together, actor: Actor, language: str) -> list[UUID]:
    """Incidents of one customer that came apart: for each two parts that somebody saw as one."""
    parts = {tuple(sorted(part_of(subject, whole=True))) for subject in together.subjects}
    made = []
    for one, two in itertools.combinations(sorted(parts), 2):
        seen = shown_together(list(one), list(two), since=together.since)
        if seen:
            made.append(enter_wrong_merge(seen, (one[0], two[0]), (list(one), list(two)), actor, language))
    return made


def report_of(incident: UUID, *, actor: Actor) -> dict[str, Any] | None:
    """What a wrong merge showed to whom, row by row; None: the incident is about something else. The look is recorded.

    Raises:
        Refused: the role may not.
        UnknownIncident: there is none of that id.
    """
    require("incident", actor)
    row = Incident.objects.filter(id=incident).first()
    if row is None:
        raise UnknownIncident(str(incident))
    if row.report is None:
        return None
    sealed = Sealed(row.id, _place(row.id), bytes(row.report))
    [text] = open_texts([sealed], None, actor=actor, act="incident", detail=row.id)
    report: dict[str, Any] | None = orjson.loads(text) if text is not None else None
    return report


def told(report: Mapping[str, Any], language: str) -> str:
    """What happened, in a reader's language, by what :func:`report_of` gives: a text of the register is in one language."""
    counts = Counter(use["who"] or _THEMSELVES[language] for use in report["uses"])
    who = _COMMA[language].join(f"{name} ({count})" for name, count in counts.items())
    one, other = report["customers"]
    return _TEXT[language].format(count=len(report["uses"]), one=one, other=other, who=who)


def enter_wrong_merge(
    seen: Sequence[Shown], pair: tuple[UUID, UUID], parts: tuple[list[UUID], list[UUID]], actor: Actor, language: str
) -> UUID:
    """Open the incident of a merge that was wrong, with what it showed (at least one use); inside the caller's transaction.

    Args:
        pair: the two origin subjects that were parted; ``parts``: everybody on each side.
        language: of the text that stands in the register; pages tell it in their reader's (:func:`told`).
    Returns:
        the incident.
    """
    staff = {row.human for row in seen if row.email is not None}
    alone = staff.pop() if len(staff) == 1 and all(row.email is not None for row in seen) else None
    report = _report(seen, pair, parts)
    id = enter_incident(
        # a window ends before its end
        window=Window(alone, seen[0].at, seen[-1].at + timedelta(microseconds=1)),
        text=told(report, language),
        actor=actor,
        aware_at=timezone.now(),
        learned=_learned(seen, parts),
    )
    sealed = seal_under(id, orjson.dumps(report).decode(), place=_place(id))
    Incident.objects.filter(id=id).update(report=sealed)
    return id


def _place(incident: UUID) -> UUID:
    """The report lies under the incident's key, next to its text."""
    return UUID(int=incident.int ^ 1)


def _learned(seen: Sequence[Shown], parts: tuple[list[UUID], list[UUID]]) -> Learned:
    """What is known from the start: whose law, how many people, whether anything sensitive came out.

    That nothing did is not said: what is not sensitive by its field may be by what stands in it.
    """
    held = packs_of_subjects([one for part in parts for one in part])
    dictionary = installation().rules.dictionary
    sensitive = any(dictionary.field(name).level == _SENSITIVE for row in seen for name in row.fields)
    return Learned(sorted(packs_of(held or EVERY_PACK)), len(parts), {"sensitive": True} if sensitive else None)


def _report(seen: Sequence[Shown], pair: tuple[UUID, UUID], parts: tuple[list[UUID], list[UUID]]) -> dict[str, Any]:
    laws = Counter(_law(number) for row in seen for number in row.laws)
    fields = Counter(name for row in seen for name in row.fields)
    return {
        "customers": [str(one) for one in pair],
        "laws": {
            str(one): sorted(packs_of(packs_of_subjects(part))) for one, part in zip(pair, parts, strict=True)
        },
        "fields": dict(sorted(fields.items())),
        "jurisdictions": dict(sorted(laws.items())),
        "outside": sorted({row.recipient for row in seen if row.recipient}),
        "uses": [
            {
                "at": row.at.isoformat(), "who": _who(row), "act": row.act, "purpose": row.purpose,
                "recipient": row.recipient or None, "country": row.country or None, "fields": list(row.fields),
                "jurisdictions": [_law(number) for number in row.laws],
            }
            for row in seen
        ],
    }  # fmt: skip


def _who(row: Shown) -> str | None:
    """A member of staff; None: one of the customers, in their own door."""
    return row.email.removesuffix(_HOME) if row.email is not None else None


def _law(number: int) -> str:
    return next(iter(packs_of(1 << (number - 1))), str(number))
