"""What auditors ask of the ledger: its rows, its head, a proof, and whether all of it still holds."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from psycopg import Connection

from kehu.govern.parts import part_of
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.standing import require_standing
from kehu.guard.installation import installation
from kehu.guard.ledger import inquiries
from kehu.guard.ledger import queries as ledger
from kehu.guard.ledger.inquiries import Question
from kehu.guard.ledger.open_log import open_sequencer, signer_of
from kehu.guard.ledger.proof import BodyGone, NotInLedger, Proof, RowRetired
from kehu.guard.ledger.proof import prove as prove_row
from kehu.guard.ledger.record import record_act
from kehu.guard.ledger.verify import edge_of
from kehu.guard.ledger.verify import verify as recompute
from kehu.guard.ledger.witness import cosigned
from kehu.guard.staff.actions import actor_of
from kehu.serve.assurance.proofs import PROOF_FORMAT, log_key

PAGE: Final = 1_000


class LedgerEmpty(LookupError):
    """Nothing has passed the gate yet, so there is no head."""


def rows(
    *,
    actor: Actor,
    subject: UUID | None = None,
    staff: str | None = None,
    human: UUID | None = None,
    purpose: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int | None = None,
) -> list[dict[str, Any]]:
    """What passed the gate, newest first; ``before`` is the last ``seq`` of the page before this one.

    ``staff`` is an email, or ``owner``; ``human`` the same person by id. The reading itself is recorded before a row is
    handed out, and stands in the next answer first.

    Raises:
        ActRefused: the role may not read the ledger.
        UnknownSubject: no such customer.
        UnknownStaff: no such account.
        ValueError: an end before the beginning.
    """
    require_act("read-ledger", actor)
    require_standing(actor)
    if subject is not None:
        part_of(subject, whole=True)
    _require_order(since, until)
    human = _whose(staff) or human
    found = _rows(subject=subject, human=human, purpose=purpose, since=since, until=until, before=before, limit=limit)
    record_reading(subject, actor=actor)
    return found


def rows_by_page(
    *,
    actor: Actor,
    subject: UUID | None = None,
    staff: str | None = None,
    purpose: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> Iterator[list[dict[str, Any]]]:
    """The same, :data:`PAGE` at a time, so that a whole ledger passes through little memory; one reading is recorded.

    Raises:
        as :func:`rows`, at the first page; Refused: also later, once the reader's standing has ended.
    """
    left = limit
    page = rows(
        actor=actor,
        subject=subject,
        staff=staff,
        purpose=purpose,
        since=since,
        until=until,
        limit=min(PAGE, left or PAGE),
    )
    while page:
        yield page
        left = None if left is None else left - len(page)
        if left == 0 or len(page) < PAGE:
            return
        require_standing(actor)
        page = _rows(
            subject=subject, human=_whose(staff), purpose=purpose, since=since, until=until, before=page[-1]["seq"],
            limit=min(PAGE, left or PAGE),
        )  # fmt: skip


def _whose(staff: str | None) -> UUID | None:
    return actor_of("owner@home" if staff == "owner" else staff).human if staff else None


def _rows(**bounds: Any) -> list[dict[str, Any]]:
    found = ledger.rows(**bounds)
    return [row | {"human": row["human"].removesuffix("@home")} for row in found]


def inquire(
    *,
    actor: Actor,
    subject: UUID | None = None,
    staff: str | None = None,
    purpose: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> dict[str, Any]:
    """Who used a customer's data, what a person saw, everything under a purpose, or all in a time; summed up.

    ``staff`` is an email, or ``owner``. The reading is recorded before the answer is handed out.

    Raises:
        ActRefused: the role may not read the ledger.
        UnknownSubject: no such customer.
        UnknownStaff: no such account.
        ValueError: no such purpose; an end before the beginning.
    """
    require_act("read-ledger", actor)
    require_standing(actor)
    if subject is not None:
        part_of(subject, whole=True)
    number = None if purpose is None else purpose_number(purpose)
    _require_order(since, until)
    found = inquiries.inquire(Question(subject, _whose(staff), number, since, until))
    record_reading(subject, actor=actor)
    by = [
        asdict(group) | {"first": group.first.isoformat(), "last": group.last.isoformat(), "fields": list(group.fields)}
        for group in found.groups
    ]
    return found.radius() | {"by": by}


def _require_order(since: datetime | None, until: datetime | None) -> None:
    if since and until and until <= since:
        raise ValueError("until: lies before since")


def purpose_number(slug: str) -> int:
    """A purpose as rows hold it.

    Raises:
        ValueError: no such purpose.
    """
    if slug not in PURPOSES:
        raise ValueError("purpose: one of " + ", ".join(PURPOSES))
    return PURPOSES[slug]


def record_reading(subject: UUID | None, *, actor: Actor) -> None:
    """The row of a reading of the ledger: a use like any other, for the reader's purpose, else for security."""
    with transaction.atomic():
        record_act("read-ledger", subject, actor=actor, purpose=PURPOSES[actor.purpose or "security"])


def checkpoint(*, actor: Actor) -> str:
    """The newest signed tree head, after hashing what is pending.

    Raises:
        ActRefused: the role may not read the ledger.
        LedgerEmpty: nothing has passed the gate yet.
    """
    require_act("read-ledger", actor)
    hash_pending()
    with connection.cursor() as cursor:
        cursor.execute("select note from ledger_checkpoint order by size desc limit 1")
        row = cursor.fetchone()
    if row is None:
        raise LedgerEmpty("no head")
    return cosigned(installation().home, str(row[0]))


def verify(*, actor: Actor, against: str | None = None) -> dict[str, Any]:
    """Recompute every hash, tree, signature and MAC; ``against`` is a checkpoint that the caller kept.

    Raises:
        ActRefused: the role may not read the ledger.
    """
    require_act("read-ledger", actor)
    edge = edge_of(_raw())
    hash_pending()
    held = installation()
    verdict = recompute(
        _raw(),
        signer=signer_of(held.home),
        entry_key=held.entry_key,
        decision_key=held.decision_key,
        witness=held.home / "checkpoints",
        against=against,
        edge=edge,
    )
    gone = verdict.retired
    return {
        "ok": verdict.ok,
        "size": verdict.size,
        "root": _text(verdict.root),
        "broken": [{"seq": broken.seq, "why": broken.why} for broken in verdict.broken],
        "retired": {
            "rows": gone.rows,
            "first": gone.first.isoformat() if gone.first else None,
            "last": gone.last.isoformat() if gone.last else None,
        },
    }


def prove(seq: int, *, actor: Actor, subject: UUID | None = None) -> dict[str, Any]:
    """Prove that a row is in the log; with a customer (any origin id), that the row is about them.

    A bare proof is evidence and no reading; one about a customer says what was asked of whom, so it is recorded.

    Raises:
        ActRefused: the role may not read the ledger.
        Refused: agreement or training has lapsed.
        UnknownSubject: no such customer.
        NotInLedger: no such row, or it is not about this customer.
        RowRetired, BodyGone: see :func:`kehu.guard.ledger.proof.prove`.
    """
    require_act("read-ledger", actor)
    require_standing(actor)
    origins = part_of(subject, whole=True) if subject else None
    if origins is not None:
        record_reading(subject, actor=actor)
    hash_pending()
    proof = _first_proof(seq, origins) if origins is not None else prove_row(_raw(), seq)
    answer: dict[str, Any] = {
        "format": PROOF_FORMAT,
        "log": log_key(),
        **(
            {"leaf": _text(proof.leaf)}
            if proof.leaf is not None
            else {"retired": True, "leaf_hash": _text(proof.leaf_hash)}
        ),
        "index": proof.index,
        "size": proof.size,
        "path": [_text(node) for node in proof.path],
        "checkpoint": cosigned(installation().home, proof.checkpoint),
    }
    if proof.subject:
        inner = proof.subject
        path = [_text(node) for node in inner.path]
        answer["subject"] = {
            "id": str(inner.subject), "r": _text(inner.r), "index": inner.index, "size": inner.size, "path": path,
        }  # fmt: skip
        if proof.decision:
            answer["decision"] = dict(zip(("ask", "actor", "state"), proof.decision, strict=True))
    return answer


def _first_proof(seq: int, origins: Sequence[UUID]) -> Proof:
    """A row commits to the origin subjects it opened; whichever of the customer's it names proves the customer."""
    for origin in origins:
        try:
            return prove_row(_raw(), seq, origin)
        except (RowRetired, BodyGone):
            raise
        except NotInLedger:
            continue
    raise NotInLedger(f"row {seq} for this customer")


def hash_pending() -> None:
    """Hash rows that wait, as the running sequencer does."""
    with open_sequencer() as sequencer:
        sequencer.run_once()


def _raw() -> Connection[Any]:
    connection.ensure_connection()
    raw: Connection[Any] = connection.connection
    return raw


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
