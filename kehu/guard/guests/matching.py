"""Who stands behind an address, and whether a fact fits: compared in the blind index, nothing opened, nothing shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db import connection

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.read import PROFILE_KINDS, Contribution, gate
from kehu.guard.guests.codes import FACT_TRIES, take_fact_try
from kehu.guard.installation import installation

FACTS: Final = ("birth_date", "external_id")  # what a customer may name besides the address
_MOST: Final = 50
_UNDER_14: Final = (1, 2)  # bands of age; PIPL 28, 31
_CN: Final = 1

_CANDIDATES = f"""
select s.core, bool_or(s.packs & {_CN} > 0 and s.age = any (%s::smallint[])), (array_agg(s.subject order by s.subject))[1]
from record r
    join subject_state s using (subject)
where r.tokens @> array[%s]::bigint[] and not r.hidden and not s.hidden group by s.core order by s.core limit {_MOST}
"""
_FITTING = """
select distinct s.core from subject_state s join record r using (subject)
where s.customer = any (array(select n.customer from subject_state n where n.subject = any (%(cores)s)))
    and s.core = any (%(cores)s) and not s.hidden and not r.hidden and r.tokens && %(tokens)s::bigint[] order by s.core
"""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A customer's certain part that holds the address. ``child``: under fourteen where Chinese law applies.

    ``subject``: the origin subject whose record holds it. What is said at the door is said under that, so that an un-merge
    leaves it with them.
    """

    core: UUID
    child: bool
    subject: UUID = field(default=UUID(int=0), compare=False)


def candidates(address_key: str) -> list[Candidate]:
    """Certain parts with a record that holds this address, given as the index knows it.

    Two parts that only a probable link joins are two: neither is opened on the strength of a guess.
    """
    token = installation().tokens.search("email", "exact", address_key)
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES, [list(_UNDER_14), token])
        return [Candidate(core, child, subject) for core, child, subject in cursor.fetchall()]


def fitting(found: Sequence[Candidate], facts: Mapping[str, str]) -> list[UUID]:
    """Of these, the ones of whom one of the facts is true; ``facts`` are search keys by field.

    Raises:
        ValueError: a field that is no such fact.
    """
    if not set(facts) <= set(FACTS):
        raise ValueError(f"facts: {', '.join(FACTS)}")
    return _carrying([one.core for one in found], facts)


def meant(found: Sequence[Candidate], facts: Mapping[str, str], *, name: str) -> UUID | None:
    """The one of these who says the facts, and where these fit several their full ``name`` (its search key, or nothing).

    Two of one birthday at one mailbox are told apart by their names. Whoever stands here twice under one name is the first
    of the two. A name alone says nothing.

    Raises:
        ValueError: a field that is no such fact.
    """
    fit = fitting(found, facts)
    if len(fit) > 1:
        fit = _carrying(fit, {"full_name": name} if name else {})
    return next((one.subject for one in found if fit and one.core == fit[0]), None)


def _carrying(parts: list[UUID], told: Mapping[str, str]) -> list[UUID]:
    tokens = [installation().tokens.search(name, "exact", key) for name, key in told.items()]
    if not tokens or not parts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_FITTING, {"cores": parts, "tokens": tokens})
        return [row[0] for row in cursor.fetchall()]


def said_addresses(actor: Actor, subject: UUID) -> list[Contribution]:
    """What the records of the customer's certain part say their addresses are; asked through the gate as the customer."""
    opened = gate().open(
        [subject], actor=actor, purpose="rights-request", fields=["email"], use="find", kinds=(*PROFILE_KINDS,)
    )
    return [one for held in opened for one in held.contributions if one.answer == "clear"]


def confirm_fact(actor: Actor, subject: UUID, facts: Mapping[str, str]) -> bool:
    """Note a second fact given while signed in: for ten minutes sensitive values open. A few tries a sign-in, and a day."""
    if not take_fact_try("credential = %s", [actor.credential], most=2 * FACT_TRIES):
        return False
    if not fitting([Candidate(core_of(subject), False)], facts):
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "update actor_state set second_factor_at = clock_timestamp() where actor = %s and revoked_at is null"
            " and expires_at > clock_timestamp()",
            [actor.credential],
        )
        return bool(cursor.rowcount)


def core_of(subject: UUID) -> UUID:
    """The certain part an origin subject belongs to now (itself where it is gone)."""
    with connection.cursor() as cursor:
        cursor.execute("select core from subject_state where subject = %s and not hidden", [subject])
        row = cursor.fetchone()
    return UUID(str(row[0])) if row else subject
