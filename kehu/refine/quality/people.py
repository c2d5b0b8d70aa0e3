"""Whom quality is measured of: customers of whom something is known, by id; records made to be found are nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from kehu.guard.gate.state import PACKS
from kehu.guard.watch.marks import NOT_HONEY

_PAGE: Final = 8_000
_KNOWN: Final = f"""s.subject = s.customer and not s.hidden and {NOT_HONEY} and exists (select 1 from subject_state m
    join record r using (subject) where m.customer = s.subject and r.kind in (1, 2, 5) and not r.hidden)"""

_OF_SEGMENT: Final = {
    "": "true",
    "kind": "s.kind = %(number)s",
    "controller": "s.controller = %(number)s",
    "law": "s.packs & %(number)s::smallint > 0",
}


class Facts(NamedTuple):
    """What is known of a customer unopened: kind (1 person, 2 organisation), controller, bits of law packs."""

    customer: UUID
    kind: int
    controller: int
    packs: int


def people() -> Iterator[list[Facts]]:
    """Everybody, page by page in the order of ids; each page a statement of its own."""
    after = UUID(int=0)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"select s.customer, s.kind, s.controller, s.packs from subject_state s where s.subject > %s and {_KNOWN}"
                " order by s.subject limit %s",
                [after, _PAGE],
            )
            rows = [Facts(*row) for row in cursor.fetchall()]
        if not rows:
            return
        after = rows[-1].customer
        yield rows


def count_people() -> int:
    """How many that are."""
    with connection.cursor() as cursor:
        cursor.execute(f"select count(*) from subject_state s where {_KNOWN}", ())
        return int(cursor.fetchone()[0])


def is_of(facts: Facts, segment: str) -> bool:
    """Whether a customer is one of whom a rule asks something; of several laws that count each is theirs."""
    if not segment:
        return True
    name, _colon, value = segment.partition(":")
    if name == "law":
        return bool(facts.packs & PACKS.get(value, 0))
    return (facts.kind if name == "kind" else facts.controller) == int(value)


def sample(size: int, segment: str = "") -> list[UUID]:
    """Some of them, by lot; of a segment, where one is named."""
    name, _colon, value = segment.partition(":")
    number = PACKS.get(value, 0) if name == "law" else int(value or 0)
    with connection.cursor() as cursor:
        cursor.execute(
            f"select s.customer from subject_state s where {_KNOWN} and {_OF_SEGMENT[name]} order by random() limit %(size)s",
            {"number": number, "size": size},
        )
        return [row[0] for row in cursor.fetchall()]
