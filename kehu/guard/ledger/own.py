"""What the ledger holds about one customer, for that customer: who, when, why and what; names of staff stay out (L4).

A customer is their certain part: the rows of every origin subject that exact keys or confirmations joined.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from kehu.govern.slugs import ACTIONS, CUSTOMER, PURPOSES, name_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.decisions import BY_MACHINE
from kehu.guard.gate.policies import MATCH, MATCH_ONLY
from kehu.guard.gate.state import packs_of
from kehu.guard.installation import installation
from kehu.guard.ledger import withheld
from kehu.guard.ledger.open_log import signer_of
from kehu.guard.ledger.proof import NotInLedger, Proof, prove
from kehu.guard.ledger.queries import grounds_of, widest
from kehu.guard.ledger.record import record_act
from kehu.guard.ledger.withheld import SHOWN_SQL, UNTIL_SQL

PAGE: Final = 50
EXPLAIN: Final = "explain"
_END: Final = 2**63 - 1  # where the database's numbers end
FORMAT: Final = "kehu-ledger-proof/1"
_OWN: Final = (
    "n.subject = %(subject)s and not n.hidden and s.customer = n.customer and s.core = n.core and not s.hidden"
)

_ROWS: Final = f"""
select e.seq, e.at, e.purpose, e.action, g.actor, g.answer::text, g.ask, h.packs, d.slug, {UNTIL_SQL}
from (select u.seq, bit_or(s.packs) as packs from subject_state n, subject_state s join ledger_use u using (subject)
    where {_OWN} group by u.seq) h
    join ledger_entry e using (seq) join gate_decision g on g.id = e.decision
    left join guard_department d on d.id = e.department
where (%(before)s::bigint is null or e.seq < %(before)s)
    and (%(visits)s or g.actor not like '{CUSTOMER}|%%') and {SHOWN_SQL}
order by e.seq desc limit %(limit)s
"""
_IN_ROW: Final = f"""
select u.subject from subject_state n, ledger_use u join subject_state s using (subject) join ledger_entry e using (seq)
where u.seq = %(seq)s and {_OWN} and {SHOWN_SQL} order by u.subject limit 1
"""


@dataclass(frozen=True, slots=True)
class OwnRow:
    """One use. ``clear`` and ``masked``: fields the answer let out (as far as there was a value); ``compared``: those of
    which somebody learned only whether an answer is right; ``asked``: those of which somebody asked whether they might be
    seen, and saw none; ``grounds`` under the customer's laws; ``own``: the customer's own visit;
    ``policy``: what refused it, where nothing was let out;
    ``automated``: a machine alone decided on it;
    ``recipient`` and ``country``: who outside the house was told, and where; ``withheld_until``: the day from which this row
    is shown, where an investigation kept it back before."""

    seq: int
    at: datetime
    action: str
    purpose: str | None
    role: str
    department: str
    grounds: tuple[str, ...]
    clear: tuple[str, ...]
    masked: tuple[str, ...]
    compared: tuple[str, ...]
    asked: tuple[str, ...]
    policy: str | None
    own: bool
    recipient: str
    country: str
    withheld_until: datetime | None
    automated: bool = False


@dataclass(frozen=True, slots=True)
class OwnLedger:
    """A page of rows, newest first, and whether older ones follow."""

    rows: tuple[OwnRow, ...]
    more: bool


def own_ledger(
    subject: UUID, *, actor: Actor, before: int | None = None, visits: bool = False, limit: int = PAGE
) -> OwnLedger:
    """Uses of a customer's data, newest first; reading them is recorded, too. ``visits``: the customer's own as well.

    Raises:
        Refused: the credential has ended, or is another's.
    """
    with transaction.atomic():
        record_act("read-ledger", subject, actor=actor, purpose=PURPOSES["rights-request"])
    asked: dict[str, Any] = {"subject": subject, "before": before, "visits": visits, "limit": limit + 1}
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, asked | withheld.parameters())
        found = [_row(row) for row in cursor.fetchall()]
    return OwnLedger(tuple(found[:limit]), len(found) > limit)


def own_row(subject: UUID, seq: int) -> OwnRow:
    """One row about a customer.

    Raises:
        NotInLedger: no such row, or it does not concern them.
    """
    if seq >= _END:
        raise NotInLedger(f"row {seq}")
    with connection.cursor() as cursor:
        asked: dict[str, Any] = {"subject": subject, "before": seq + 1, "visits": True, "limit": 1}
        cursor.execute(_ROWS, asked | withheld.parameters())
        row = cursor.fetchone()
    if row is None or row[0] != seq:
        raise NotInLedger(f"row {seq}")
    return _row(row)


def own_proof(subject: UUID, seq: int, *, actor: Actor) -> dict[str, Any]:
    """Proof that a row stands in the log and commits to this customer, as a document that can be checked without us.

    Raises:
        NotInLedger: no such row, not about this customer, or not yet hashed (half a second).
        Refused: the credential has ended, or is another's.
    """
    with transaction.atomic():
        record_act("read-ledger", subject, actor=actor, purpose=PURPOSES["rights-request"])
    with connection.cursor() as cursor:
        cursor.execute(_IN_ROW, withheld.parameters() | {"seq": seq, "subject": subject})
        row = cursor.fetchone()
    if row is None:
        raise NotInLedger(f"row {seq}")
    return proof_document(prove(connection.connection, seq, row[0]), row[0])


def proof_document(proof: Proof, subject: UUID) -> dict[str, Any]:
    """A proof in JSON; bytes in base64, paths in the order of RFC 6962."""
    inner, leaf = proof.subject, proof.leaf
    assert inner is not None and leaf is not None  # about somebody: its body is here
    return {
        "format": FORMAT,
        "log": signer_of(installation().home).verifier,
        "leaf": _text(leaf),
        "index": proof.index,
        "size": proof.size,
        "path": [_text(node) for node in proof.path],
        "checkpoint": proof.checkpoint,
        "subject": {
            "id": str(subject),
            "r": _text(inner.r),
            "index": inner.index,
            "size": inner.size,
            "path": [_text(node) for node in inner.path],
        },
    }


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _row(found: Any) -> OwnRow:
    seq, at, purpose, action, facts, answer, ask, packs, department, until = found
    role = facts.partition("|")[0]
    answers, asked = json.loads(answer), json.loads(ask)
    best = {name: widest(row)[0] for name, row in answers.items()}
    act = name_of(ACTIONS, action)
    let_out = {
        name for name, said in best.items() if said in ("clear", "masked") or (said == MATCH_ONLY and act == MATCH)
    }
    slug = name_of(PURPOSES, purpose) if purpose else None
    why = act == EXPLAIN  # who asks why is shown no value
    return OwnRow(
        seq=seq,
        at=at,
        action=act,
        purpose=slug,
        role=role,
        department=department or "",
        grounds=grounds_of(slug, json.loads(ask), packs_of(packs)),
        clear=() if why else tuple(sorted(name for name in let_out - {"*"} if best[name] == "clear")),
        masked=() if why else tuple(sorted(name for name in let_out - {"*"} if best[name] == "masked")),
        compared=tuple(sorted(name for name in let_out if best[name] == MATCH_ONLY)),
        asked=tuple(sorted(answers.keys() - {"*"})) if why else (),
        policy=None if let_out or why else next((row[0][1] for row in answers.values()), None),
        own=role == CUSTOMER,
        recipient=str(asked.get("recipient", "")),
        country=str(asked.get("country", "")),
        withheld_until=until,
        automated=bool(asked.get(BY_MACHINE)),
    )
