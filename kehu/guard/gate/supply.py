"""Who has something from a source: noted with the records, in their transaction, so that a read knows it at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from psycopg import Connection

from kehu.govern.deadlines import informed_by
from kehu.guard.gate.state import packs_of

if TYPE_CHECKING:
    from kehu.guard.gate.admit import Draft

_OWN: Final = """
update subject_state set supplied = supplied || '{"own": true}' where subject in (select s.subject from subject_state s
    where s.subject = any (%b) and s.supplied is not null and not s.supplied ? 'own' order by s.subject for no key update)
"""
_KNOWN: Final = """
select subject, supplied::text, inform_by from subject_state where subject = any (%b) order by subject for no key update
"""
_WRITE: Final = """
update subject_state s set supplied = n.supplied::jsonb, inform_by = n.inform_by
from unnest(%s::uuid[], %s::text[], %s::date[]) as n (subject, supplied, inform_by) where s.subject = n.subject
"""

_FORGET: Final = """
with left_of as (
    select s.subject, s.supplied - 'of' as rest, jsonb_object_agg(x.key, x.value) filter (where exists (select 1
            from record r where r.subject = s.subject and r.supplier::text = x.key and not r.hidden)) as kept
    from subject_state s, jsonb_each(s.supplied -> 'of') x where s.subject = any (%s) and s.supplied is not null
    group by s.subject, s.supplied
)
update subject_state s set supplied = l.rest || jsonb_build_object('of', l.kept),
    inform_by = (select min((x.value ->> 'by')::date) from jsonb_each(l.kept) x where x.value ->> 'told' is null)
from left_of l where s.subject = l.subject
"""


def forget_supply(connection: Connection[Any], subjects: Sequence[UUID]) -> None:
    """Of records that were taken back the source is no source any more; their rows are locked by the caller."""
    connection.execute(_FORGET, (list(subjects),))
    connection.execute(
        "update subject_state set supplied = null where subject = any (%s) and supplied -> 'of' = 'null'",
        (list(subjects),),
    )


class Supply:
    """What is noted of the customers of one chunk, all from one source or none."""

    def __init__(self, supplier: int | None, purposes: Sequence[int]) -> None:
        self._supplier = supplier
        self._purposes = list(purposes)
        self._today = datetime.now(UTC).date()
        self._by: dict[int, date] = {}

    def of_new(self, drafts: Sequence[Draft]) -> tuple[bytes, date] | None:
        """What a new customer begins with, of all that came of them: as JSON, and the day by which they are told."""
        if self._supplier is None:
            return None
        entry, by = self._entry(drafts)
        return json.dumps({"of": {str(self._supplier): entry}}).encode(), by

    def note_known(self, connection: Connection[Any], drafts: Sequence[Draft]) -> None:
        """Add to what is noted of customers who were here before."""
        known: dict[UUID, list[Draft]] = {}
        for draft in drafts:
            if not draft.new_subject and draft.subject:
                known.setdefault(UUID(bytes=draft.subject), []).append(draft)
        if not known:
            return
        if self._supplier is None:
            connection.execute(_OWN, (sorted(known),))
            return
        rows = connection.execute(_KNOWN, (sorted(known),)).fetchall()
        written = [
            (subject, *self._added(json.loads(held) if held else None, by, known[subject]))
            for subject, held, by in rows
        ]
        connection.execute(_WRITE, tuple(list(column) for column in zip(*written, strict=True)))

    def _entry(self, drafts: Sequence[Draft]) -> tuple[dict[str, Any], date]:
        packs = 0
        for draft in drafts:
            packs |= draft.packs
        if packs not in self._by:
            self._by[packs] = informed_by(packs_of(packs), datetime.now(UTC))
        entry: dict[str, Any] = {"at": self._today.isoformat(), "by": self._by[packs].isoformat()}
        if self._purposes:
            entry["for"] = self._purposes
        entry["what"] = sorted({category for draft in drafts for category in draft.values})
        if any(draft.agreed is not None for draft in drafts):
            entry["agreed"] = sorted(set.intersection(*(set(draft.agreed or ()) for draft in drafts)))
        return entry, self._by[packs]

    def _added(
        self, held: Mapping[str, Any] | None, by: date | None, drafts: Sequence[Draft]
    ) -> tuple[str, date | None]:
        """What stands after another record of this source; what was agreed never widens, and the clock goes on.

        Whoever was told of the source was told what kinds of data it gave (GDPR 14(1)(d)): of another kind they are told anew.
        """
        noted: dict[str, Any] = dict(held) if held is not None else {"own": True}
        of, key = dict(noted.get("of", {})), str(self._supplier)
        entry, _ = self._entry(drafts)
        before = of.get(key)
        if before is not None:
            for part in ("for", "agreed"):
                if part in before:
                    entry[part] = sorted(set(before[part]) & set(entry.get(part, before[part])))
            what = before.get("what", entry["what"])
            anew = "told" in before and not set(entry["what"]) <= set(what)
            entry |= {part: before[part] for part in ("at", "by", "told") if part in before and not anew}
            entry["what"] = sorted({*what, *entry["what"]})
        of[key] = entry
        if "told" not in entry:
            by = min(filter(None, (by, date.fromisoformat(entry["by"]))))
        return json.dumps(noted | {"of": of}), by
