"""The policies for those who answer for them: in words, checked before they are used, and tried on what was decided."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from django.db import connection, transaction

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.policies import PolicySet
from kehu.guard.gate.read import raw_connection
from kehu.guard.gate.replay import Change, Replay, replay
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act

LONGEST: Final = 3660
"""Days a replay looks back at most."""
_DECIDED: Final = """
select p.policy, sum(n.rows)::bigint from (select decision, count(*) as rows from ledger_entry where at >= %s
    group by decision) n
join gate_decision d on d.id = n.decision
cross join lateral (select distinct a.answer ->> 1 as policy from jsonb_each(d.answer) f (field, answers)
    cross join lateral jsonb_array_elements(f.answers) a (answer)) p
group by 1
"""


@dataclass(frozen=True, slots=True)
class InWords:
    """A policy in one language, and how many rows of the ledger name it in the last thirty days."""

    id: str
    law: str
    article: str
    reason: str
    remedy: str
    rows: int


def policies(language: str, *, law: str | None = None) -> list[InWords]:
    """The policies in force in the order of their files; ``law`` (``eu``, ``house`` …) has those of one file."""
    held = installation().rules.policies
    with connection.cursor() as cursor:
        cursor.execute(_DECIDED, [datetime.now(UTC) - timedelta(days=30)])
        rows = dict(cursor.fetchall())
    found = []
    for id in held:
        words, file = held.text(id, language), id.partition(".")[0]
        if law in (None, file):
            found.append(InWords(id, file, words.article, words.reason, words.remedy, rows.get(id, 0)))
    return found


def load_policies(folder: Path) -> PolicySet:
    """The policies of a folder.

    Raises:
        ValueError: one does not fit; the message names it.
        OSError: the folder cannot be read.
    """
    return PolicySet.load(folder)


def try_policies(other: PolicySet, *, days: int, actor: Actor) -> Replay:
    """Decide again what was decided in the last days, under other policies; recorded as a reading.

    Raises:
        ActRefused: the role may not read the ledger.
    """
    require_act("read-ledger", actor)
    found = replay(
        raw_connection(), installation().rules, other, since=datetime.now(UTC) - timedelta(days=min(days, LONGEST))
    )
    with transaction.atomic():
        record_act("read-ledger", None, actor=actor)
    return found


def replay_answer(found: Replay, *, days: int) -> dict[str, Any]:
    """The answer of ``kehu policies replay``: fields that change alike stand in one line."""
    lines: dict[tuple[Any, ...], dict[str, Any]] = {}
    for change, rows, uses in found.changes:
        line = lines.setdefault(_alike(change), _line(change))
        if change.field not in line["fields"]:
            line["fields"].append(change.field)
        line["rows"], line["uses"] = max(line["rows"], rows), max(line["uses"], uses)
    changes = sorted(lines.values(), key=lambda line: (-line["rows"], line["purpose"] or "", line["role"]))
    per_purpose = Counter[str]()
    for line in changes:
        per_purpose[line["purpose"] or line["use"]] += 1
    return {
        "days": days,
        "decisions": found.decisions,
        "rows": found.rows,
        "uses": found.uses,
        "untold": found.untold,
        "opens": sum(1 for line in changes if line["opens"]),
        "closes": sum(1 for line in changes if not line["opens"] and line["before"] != line["after"]),
        "purposes": dict(per_purpose.most_common()),
        "changes": changes,
    }


def _alike(change: Change) -> tuple[Any, ...]:
    return (
        change.purpose, change.use, change.role, change.department, change.packs, change.before, change.policy_before,
        change.after, change.policy_after,
    )  # fmt: skip


def _line(change: Change) -> dict[str, Any]:
    return {
        "purpose": change.purpose or None, "use": change.use, "role": change.role, "department": change.department,
        "laws": list(change.packs), "fields": [], "before": change.before, "policy_before": change.policy_before,
        "after": change.after, "policy_after": change.policy_after, "opens": change.opens, "rows": 0, "uses": 0,
    }  # fmt: skip
