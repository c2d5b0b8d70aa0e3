"""Questions to the ledger: who used whose data, when, for what."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from kehu.govern.slugs import ACTIONS, PURPOSES, name_of
from kehu.guard.gate.decisions import LET_OUT
from kehu.guard.gate.policies import MATCH, MATCH_ONLY
from kehu.guard.gate.state import packs_of
from kehu.guard.installation import installation

_WIDEST: Final = ("clear", "masked", MATCH_ONLY)
_ROWS = """
select e.seq, e.at, e.actor, e.human, s.email, d.slug, e.purpose, e.action, e.subjects, e.jurisdictions, g.answer::text, g.ask
from {source} join gate_decision g on g.id = e.decision
left join guard_staff s on s.id = e.human left join guard_department d on d.id = e.department
where {bounds} order by {order} limit %(limit)s
"""
_OF_ONE = """(select distinct u.seq from subject_state c join ledger_use u using (subject)
    where c.customer = (select n.customer from subject_state n where n.subject = %(subject)s)) h
    join ledger_entry e using (seq)"""
# Only the bounds that are given stand in the statement, so that each finds its index.
_BOUNDS = {
    "human": "e.human = %(human)s",
    "purpose": "e.purpose = %(purpose)s",
    "since": "e.at >= %(since)s",
    "until": "e.at < %(until)s",
    "before": "e.seq < %(before)s",
    "after_page": "(e.at, e.seq) < (%(after_page)s, %(before)s)",
    "from": "e.at >= %(from)s",
}
_FIRST_HOUR: Final = timedelta(hours=1)
_WIDER: Final = 4  # times as much, each time
_EVER: Final = timedelta(days=36_525)


def rows(
    *,
    subject: UUID | None = None,
    human: UUID | None = None,
    purpose: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int | None = 1_000,
) -> list[dict[str, Any]]:
    """Rows, newest first; of one customer, one member of staff, since and before a moment, or below a ``seq``; None: all.

    Newest by their number; before a moment by their time, which differs where a clock was put back, and then ``before`` is
    the last row of the page before. A person is named by id: of a value the planner knows how many rows there are, and of few
    takes the index; of who looked twice two years ago it walked through everything since.
    """
    given = {
        "subject": subject, "human": human, "purpose": purpose, "since": since, "until": until,
        "before": before, "limit": limit,
    }  # fmt: skip
    if subject is None and until is not None and limit is not None:
        return [_row(found) for found in _before_a_moment(given, until, limit)]
    return [_row(found) for found in _found(given, "e.seq desc")]


def _before_a_moment(given: dict[str, Any], until: datetime, limit: int) -> list[Any]:
    """Hour by hour back from there, and ever longer, until there are enough: by their numbers everything since would be
    walked through first, and of times alone the index knows in which part of the table they stand, not their order.
    """
    since, after = given.pop("since"), _at_of(given["before"])
    if after is not None:
        given |= {"after_page": after}
        until = min(until, after + timedelta.resolution)
    found: list[Any] = []
    reach, width = until, _FIRST_HOUR
    while True:
        start = reach - width if width < min(_EVER, reach - datetime.min.replace(tzinfo=UTC)) else None
        if since is not None and (start is None or start <= since):
            start = since
        found += _found(given | {"from": start, "until": reach, "limit": limit - len(found)}, "e.at desc, e.seq desc")
        if len(found) >= limit or start is None or start == since:
            return found
        reach, width = start, width * _WIDER


def _found(given: Mapping[str, Any], order: str) -> list[Any]:
    unless = {"before"} if given.get("after_page") else set()
    bounds = " and ".join(text for name, text in _BOUNDS.items() if given.get(name) is not None and name not in unless)
    source = _OF_ONE if given["subject"] else "ledger_entry e"
    with connection.cursor() as cursor:
        cursor.execute(_ROWS.format(source=source, bounds=bounds or "true", order=order), given)
        rows: list[Any] = cursor.fetchall()
    return rows


def _at_of(seq: int | None) -> datetime | None:
    if seq is None:
        return None
    with connection.cursor() as cursor:
        cursor.execute("select at from ledger_entry where seq = %s", [seq])
        row = cursor.fetchone()
    return row[0] if row else None


def _row(found: Any) -> dict[str, Any]:
    seq, at, actor, human, email, department, purpose, action, subjects, laws, answer, ask = found
    answers, asked = json.loads(answer), json.loads(ask)
    act = name_of(ACTIONS, action)
    shown = LET_OUT | {MATCH_ONLY} if act == MATCH else LET_OUT
    said = {name: widest(row) for name, row in answers.items()}
    let_out = {name: one for name, one in said.items() if one[0] in shown}
    best = next((one for one in _WIDEST if one in {answer for answer, _ in let_out.values()}), "denied")
    slug = name_of(PURPOSES, purpose) if purpose else None
    policies = sorted({policy for answer, policy in (let_out or said).values() if not let_out or answer == best})
    return {
        "seq": seq,
        "at": at.isoformat(),
        "actor": str(actor),
        "human": email or str(human),
        "department": department,
        "purpose": slug,
        "basis": " / ".join(grounds_of(slug, asked, packs_of(sum(1 << law - 1 for law in laws or ())))) or None,
        "action": act,
        "fields": sorted(let_out.keys() - {"*"}),
        "answer": best,
        "policy": policies[0] if policies else None,
        "subjects": subjects,
        "recipient": asked.get("recipient") or None,
        "country": asked.get("country") or None,
    }


def widest(row: Sequence[Sequence[str]]) -> tuple[str, str]:
    """The widest answer that a field had, whatever the provenance of its values, and its policy; of a denial the first."""
    answer, policy = next((one for word in _WIDEST for one in row if one[0] == word), ("denied", row[0][1]))
    return answer, policy


def grounds_of(purpose: str | None, asked: Mapping[str, Any], packs: Collection[str]) -> tuple[str, ...]:
    """What a use rested on under these laws; where none applies, what the house says. An act without a purpose names its own."""
    if purpose is None:
        basis = asked.get("basis")
        return (str(basis),) if basis else ()
    grounds = installation().rules.purposes[purpose].grounds
    return tuple(sorted({grounds[pack] for pack in packs} or {grounds["house"]}))
