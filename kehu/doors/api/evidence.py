"""The ledger: rows, head, proofs, verification. For roles that may read it."""

from __future__ import annotations

import threading
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpRequest
from ninja import Router
from pydantic import Field

from kehu.doors.api.answers import Busy
from kehu.doors.api.callers import Bearer, caller_of
from kehu.doors.api.schemas import Checkpoint, LedgerPage, Moment, Proof, Verdict, VerifyAsked
from kehu.guard.gate.acts import require_act
from kehu.serve.assurance import queries

router = Router(tags=["ledger"], auth=Bearer("read-ledger"))
StaffId = Annotated[UUID, Field(description="A member of staff, by the id that `kehu staff add` printed.")]
Before = Annotated[int, Field(ge=1, lt=2**63, description="`next` of the page before.")]
_verifying = threading.Lock()


@router.get("/ledger", response=LedgerPage, summary="What passed the gate, newest first")
def list_(
    request: HttpRequest,
    subject: UUID | None = None,
    staff: StaffId | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    before: Before | None = None,
    limit: Annotated[int, Field(ge=1, le=1_000)] = 100,
) -> Any:
    """Keyset pages, from `since` on and before `until`. Reading the ledger is itself recorded."""
    found = queries.rows(
        actor=caller_of(request).actor,
        subject=subject,
        human=staff,
        since=since,
        until=until,
        before=before,
        limit=limit,
    )
    return {"rows": found, "next": found[-1]["seq"] if len(found) == limit else None}


@router.get("/ledger/checkpoint", response=Checkpoint, summary="The newest signed tree head")
def checkpoint(request: HttpRequest) -> Any:
    """What is pending is hashed first. Keep it outside: `verify` with it finds a ledger cut short."""
    return {"checkpoint": queries.checkpoint(actor=caller_of(request).actor)}


@router.post("/ledger/verifications", response=Verdict, summary="Recompute every hash, signature and MAC")
def verify(request: HttpRequest, asked: VerifyAsked) -> Any:
    """200 also where something is broken: `ok` says so. One at a time; 429 while another runs."""
    caller = caller_of(request)
    require_act("read-ledger", caller.actor)
    if not _verifying.acquire(blocking=False):
        raise Busy(5)
    try:
        return queries.verify(actor=caller.actor, against=asked.against)
    finally:
        _verifying.release()


@router.get("/ledger/{int:seq}/proof", response=Proof, exclude_none=True, summary="Prove that a row is in the log")
def prove(request: HttpRequest, seq: int, subject: UUID | None = None) -> Any:
    """With `subject`, also that the row is about this customer; it opens nobody else's part of the row."""
    return queries.prove(seq, actor=caller_of(request).actor, subject=subject)
