"""How often a consent let something be used, and from when to when: counted from the ledger.

A use under a consent is a row of its purpose, on this certain part, that let something out while the consent stood. Under a
separate one only what it alone let out counts: to its recipient, in its country, for its event, or its sensitive fields.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from kehu.govern.models import Consent
from kehu.govern.separate import recipient_key
from kehu.guard.gate.decisions import LET_OUT
from kehu.guard.installation import installation
from kehu.guard.ledger import withheld
from kehu.guard.ledger.withheld import SHOWN_SQL
from kehu.serve.rights.consents.statements import Became

_LEVEL: Final = 4  # of sensitive fields

_USED: Final = f"""
with i as (
    select * from unnest(%(ids)s::uuid[], %(purposes)s::smallint[], %(since)s::timestamptz[], %(until)s::timestamptz[])
        as i (id, purpose, since, until)
), u as (
    select distinct seq from ledger_use where subject = any (%(part)s)
), e as materialized (
    select e.seq, e.purpose, e.at, e.decision from u join ledger_entry e using (seq)
    where e.purpose = any (%(purposes)s::smallint[]) and {SHOWN_SQL}
)
select i.id, e.decision, count(*), min(e.at), max(e.at)
from e join i on i.purpose = e.purpose and e.at >= i.since and (i.until is null or e.at < i.until)
    join gate_decision d on d.id = e.decision and d.finds
group by i.id, e.decision
"""
_ASKED: Final = "select id, ask, answer::text from gate_decision where id = any (%s)"


@dataclass(frozen=True, slots=True)
class Used:
    """How often, and from when to when; None where it never was."""

    rows: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def and_(self, rows: int, first: datetime, last: datetime) -> Used:
        """Both together."""
        return Used(
            self.rows + rows,
            min(first, self.first) if self.first else first,
            max(last, self.last) if self.last else last,
        )


def used_of(statements: Sequence[Became], part: Sequence[UUID]) -> dict[UUID, Used]:
    """Uses of each of these statements of one certain part, by its id; one look at the ledger for all of them."""
    counted = [one for one in statements if one.row.status == "given"]
    found = {one.row.id: Used() for one in statements}
    if not counted:
        return found
    with connection.cursor() as cursor:
        cursor.execute(
            _USED,
            withheld.parameters()
            | {
                "ids": [one.row.id for one in counted], "purposes": [one.row.purpose for one in counted],
                "since": [one.row.recorded_at for one in counted], "until": [one.ended_at for one in counted],
                "part": list(part),
            },
        )  # fmt: skip
        rows = cursor.fetchall()
    separate = {one.row.id: one.row for one in counted if one.row.event}
    asked = _asked({bytes(decision) for id, decision, *_ in rows if id in separate})
    for id, decision, count, first, last in rows:
        if id not in separate or _under(separate[id], *asked[bytes(decision)]):
            found[id] = found[id].and_(count, first, last)
    return found


def _asked(decisions: set[bytes]) -> dict[bytes, tuple[dict[str, Any], dict[str, Any]]]:
    if not decisions:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_ASKED, [list(decisions)])
        return {bytes(id): (json.loads(ask), json.loads(answer)) for id, ask, answer in cursor.fetchall()}


def _under(row: Consent, ask: dict[str, Any], answer: dict[str, Any]) -> bool:
    """Whether what was let out needed this separate consent."""
    out = [name for name, answers in answer.items() if answers[0][0] in LET_OUT]
    if row.fields is not None:
        out = [name for name in out if name in row.fields]
    if row.event == "sensitive":
        level = installation().rules.dictionary.field
        return any(answer[name][0][0] == "clear" and level(name).level >= _LEVEL for name in out)
    if not out or (row.recipient and recipient_key(row.recipient) != recipient_key(ask.get("recipient", ""))):
        return False
    if row.country and row.country != ask.get("country"):
        return False
    wanted = {
        "provide": ask.get("recipient_kind") in ("controller", "sale"),
        "abroad": bool(ask.get("country")),
        "publish": ask.get("event") == "publish",
        "public-space": ask.get("event") == "public-space",
    }
    return wanted[row.event]
