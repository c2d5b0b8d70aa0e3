"""Whom quality is measured of, and whose texts are scanned: customers by id; records made to be found are nobody."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection

from kehu.guard.gate.read import PROFILE_KINDS
from kehu.guard.gate.state import PACKS
from kehu.guard.watch.marks import NOT_HONEY

_PAGE: Final = 8_000
_KNOWN: Final = f"""s.subject = s.customer and not s.hidden and {NOT_HONEY} and exists (select 1 from subject_state m
    join record r using (subject) where m.customer = s.subject and r.kind = any (%(kinds)s) and not r.hidden)"""
# a customer is under every law that one of their records is under, as at the gate
_PACKS: Final = "(select bit_or(m.packs) from subject_state m where m.customer = s.subject and not m.hidden)"

_OF_SEGMENT: Final = {
    "": "true",
    "kind": "s.kind = %(number)s",
    "controller": "s.controller = %(number)s",
    "law": f"{_PACKS} & %(number)s::smallint > 0",
}


class Facts(NamedTuple):
    """What is known of a customer unopened: kind (1 person, 2 organisation), controller, bits of law packs."""

    customer: UUID
    kind: int
    controller: int
    packs: int


def people(kinds: Sequence[int] = PROFILE_KINDS) -> Iterator[list[Facts]]:
    """Everybody of whom there are records of these kinds, page by page in the order of ids; each page a statement of its own."""
    after = UUID(int=0)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                f"select s.customer, s.kind, s.controller, {_PACKS} from subject_state s where s.subject > %(after)s"
                f" and {_KNOWN} order by s.subject limit %(page)s",
                {"after": after, "page": _PAGE, "kinds": list(kinds)},
            )
            rows = [Facts(*row) for row in cursor.fetchall()]
        if not rows:
            return
        after = rows[-1].customer
        yield rows


def count_people(kinds: Sequence[int] = PROFILE_KINDS) -> int:
    """How many that are."""
    with connection.cursor() as cursor:
        cursor.execute(f"select count(*) from subject_state s where {_KNOWN}", {"kinds": list(kinds)})
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
            {"number": number, "size": size, "kinds": list(PROFILE_KINDS)},
        )
        return [row[0] for row in cursor.fetchall()]
