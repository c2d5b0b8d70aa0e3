"""What rests on a consent alone: records that came on consent, and serve no purpose that is still consented to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from kehu.govern import states as subject_states
from kehu.govern.parts import part_of
from kehu.govern.slugs import BASES, CATEGORIES, RECORD_KINDS, name_of
from kehu.serve.rights.erasing.stays import bit_of, review_of

# a purpose still consented to, in force now, that the record's notice covers
_RESTED: Final = """
select r.id, r.kind, r.channel, array(select f.category from facet f where f.subject = r.subject and f.record = r.id
    order by 1)
from record r join subject_state s using (subject)
where r.subject = any (%(who)s) and not r.hidden and r.basis = %(consent)s and not exists (
    select 1 from jsonb_each(s.consents) c, govern_notice n
    where c.value ->> 0 = 'given' and n.id = r.notice and n.purposes @> to_jsonb(c.key::int)
      and coalesce((c.value ->> 2)::float8 > extract(epoch from clock_timestamp()), true))
order by r.id
"""


def rested(subject: UUID) -> list[dict[str, Any]]:
    """Records of the customer that rest on no consent any more, and what keeps a part of them (PIPL 47(3), GDPR 17(1)(b)).

    Raises:
        UnknownSubject: not here.
    """
    who = part_of(subject, whole=True)
    with connection.cursor() as cursor:
        cursor.execute(_RESTED, {"who": who, "consent": BASES["consent"]})
        rows = cursor.fetchall()
    holds = [row for row in subject_states.states_of(subject) if row.kind == "hold"]
    found = []
    for id, kind, channel, numbers in rows:
        categories = [name_of(CATEGORIES, number) for number in numbers]
        kept = [
            {"category": name, "article": "GDPR 17(3)(e), PIPL 47", "until": review_of(row).isoformat()}
            for name in categories
            for row in holds
            if not row.categories or row.categories & bit_of(name)
        ]
        found.append({
            "record": str(id), "kind": name_of(RECORD_KINDS, kind), "channel": channel, "categories": categories,
            "came_at": datetime.fromtimestamp((id.int >> 80) / 1000, UTC).isoformat(timespec="seconds"), "kept": kept,
        })  # fmt: skip
    return found
