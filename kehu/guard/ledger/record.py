"""A row for an act that is not a read: written in the transaction of the act itself."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg import Connection

from kehu.govern.slugs import ACTIONS
from kehu.guard.gate.actor import ACTOR_FACTS_SQL, Actor, ActorFacts, Outside
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.read import CHUNK, gate
from kehu.guard.gate.rulebook import DEFAULT_DENY
from kehu.guard.installation import installation
from kehu.guard.ledger.mac import entry_mac

# Subjects are held until the act is done: an erasure beside it would leave a use behind that leads to nobody.
_INSERT = """
with h as materialized (
    select s.subject, s.packs, k.salt from subject_state s join subject_key k using (subject)
    where s.customer = any (array(select n.customer from subject_state n where n.subject = any (%(subjects)s::uuid[])))
        and (not %(own)s or s.core = any (array(select n.core from subject_state n where n.subject = any (%(subjects)s::uuid[]))))
    order by s.subject for key share of s
), w as (
    select h.*, row_number() over (order by h.subject) - 1 as position from h
), e as (
    insert into ledger_entry (entry, actor, human, department, purpose, action, decision, detail, subjects,
        jurisdictions, reach, commitments, mac)
    select %(entry)s, %(actor)s, %(human)s, %(department)s, %(purpose)s, %(action)s, %(decision)s, %(detail)s, count(*),
        array_remove(array[case when bit_or(packs) & 1 > 0 then 1 end, case when bit_or(packs) & 2 > 0 then 2 end,
            case when bit_or(packs) & 4 > 0 then 3 end, case when bit_or(packs) & 8 > 0 then 4 end,
            case when bit_or(packs) & 16 > 0 then 5 end], null)::smallint[],
        array[count(*) filter (where packs & 1 > 0), count(*) filter (where packs & 2 > 0),
            count(*) filter (where packs & 4 > 0), count(*) filter (where packs & 8 > 0),
            count(*) filter (where packs & 16 > 0), count(*) filter (where packs = 0)]::integer[],
        coalesce(string_agg(sha256(sha256(salt || uuid_send(%(entry)s)) || uuid_send(subject)), ''::bytea
            order by subject), ''::bytea), %(mac)s
    from w returning seq
), u as (
    insert into ledger_use (subject, seq, position) select w.subject, e.seq, w.position from w, e
)
select seq from e
"""


def record_act(
    act: str,
    subject: UUID | None,
    *,
    actor: Actor,
    purpose: int | None = None,
    detail: UUID | None = None,
    refused_by: str | None = None,
    outside: Outside | None = None,
) -> int:
    """Write the row of one act on one customer (or on none), in the caller's transaction; returns its ``seq``.

    ``refused_by`` is the policy that refused it, where somebody asked in vain. What a customer does with a credential of
    their own stands on the certain part alone. ``outside``: the recipient that the act is about, if not the actor's own.

    Raises:
        Refused: a customer's own credential that has ended, or on somebody else; the caller's transaction must not stand.
    """
    return _record(
        act, [subject] if subject else [], actor, purpose, detail=detail, refused_by=refused_by, outside=outside
    )


def record_acts(act: str, subjects: Sequence[UUID], *, actor: Actor, purpose: int | None = None) -> int:
    """Write one row of the same act on many customers, :data:`kehu.guard.gate.read.CHUNK` at most; as :func:`record_act`.

    Raises:
        ValueError: too many for one row.
        Refused: a customer's own credential, on anybody else.
    """
    if len(subjects) > CHUNK:
        raise ValueError(f"at most {CHUNK} customers in a row")
    return _record(act, subjects, actor, purpose)


def _record(
    act: str,
    subjects: Sequence[UUID],
    actor: Actor,
    purpose: int | None,
    *,
    detail: UUID | None = None,
    refused_by: str | None = None,
    outside: Outside | None = None,
) -> int:
    held = installation()
    asked = {"act": act, "rules": held.rules.digest.hex()} | ({"refused": refused_by} if refused_by else {})
    if there := outside or actor.outside:
        asked |= {"recipient": there.recipient, "recipient_kind": there.kind, "country": there.country}
    text = json.dumps(asked, sort_keys=True, separators=(",", ":"))
    answer = ["denied", refused_by] if refused_by else ["clear", f"house.act.{act}"]
    connection.ensure_connection()
    raw = connection.connection
    row = raw.execute(
        f"select {ACTOR_FACTS_SQL}, s.subject from actor_state s where s.actor = %(actor)s for share",
        {"actor": actor.credential, "purpose": purpose},
    ).fetchone()
    own = row is not None and row[1] is not None
    if row is not None and own:
        _require_own(raw, ActorFacts.parse(str(row[0])), row[1], subjects)
    decision = gate().decisions.store_answer(raw, text, str(row[0]) if row else "", "", {"*": [answer]}, [], False)
    entry = UUID(bytes=os.urandom(16), version=4)
    who: dict[str, Any] = {
        "entry": entry, "actor": actor.credential, "human": actor.human, "department": actor.department,
        "purpose": purpose, "action": ACTIONS[act], "detail": detail,
    }  # fmt: skip
    mac = entry_mac(held.entry_key, **who, ask=text)
    found = raw.execute(
        _INSERT, who | {"subjects": list(subjects), "decision": decision, "own": own, "mac": mac}
    ).fetchone()
    return int(found[0])


def _require_own(raw: Connection[Any], facts: ActorFacts, bound: UUID, subjects: Sequence[UUID]) -> None:
    """A customer's own credential acts while it holds, and on the certain part it is bound to."""
    if not (facts.active and facts.credential_ok and facts.scope_ok):
        raise Refused("house.credential")
    same = raw.execute(
        "select 1 from subject_state b join subject_state s on s.core = b.core"
        " where b.subject = %s and s.subject = %s and not b.hidden and not s.hidden",
        (bound, subjects[0] if len(subjects) == 1 else None),
    ).fetchone()
    if same is None:
        raise Refused(DEFAULT_DENY)
