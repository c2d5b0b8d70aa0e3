"""Commands on the ledger: list, verify, checkpoint, prove."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from kehu.doors.cli.frame import BROKEN, DONE, FAILED, REFUSED, Failure, actor, command, subject_id


@click.group()
def ledger() -> None:
    """What passed the gate, and the proof of it."""


def _sequence() -> None:
    from kehu.guard.ledger.open_log import open_sequencer

    with open_sequencer() as sequencer:
        sequencer.run_once()


@ledger.command("list", epilog="Example: kehu ledger list --subject 0199… --json")
@click.option("--subject")
@click.option("--staff")
@click.option("--since", type=click.DateTime())
@command()
def list_(subject: str | None, staff: str | None, since: datetime | None) -> Any:
    """What passed the gate, newest first; reading it is itself recorded."""
    from django.db import transaction

    from kehu.guard.gate.acts import ACTS
    from kehu.guard.ledger.queries import rows
    from kehu.guard.ledger.record import record_act

    who = actor()
    if who.role not in ACTS["read-ledger"]:
        raise Failure(REFUSED, "role", f"The role {who.role} may not read the ledger.", "Ask the auditor.")
    customer = subject_id(subject) if subject else None
    name = "owner@home" if staff == "owner" else staff
    found = rows(subject=customer, staff=name, since=since.replace(tzinfo=UTC) if since else None)
    with transaction.atomic():
        record_act("read-ledger", customer, actor=who)
    return {"rows": [row | {"human": row["human"].removesuffix("@home")} for row in found]}


@ledger.command(epilog="Example: kehu ledger verify --against kept-checkpoint.txt")
@click.option("--against", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@command()
def verify(against: Path | None) -> Any:
    """Recompute every hash, tree, signature and MAC."""
    from django.db import connection

    from kehu.guard.installation import installation
    from kehu.guard.ledger.open_log import signer_of
    from kehu.guard.ledger.verify import verify as recompute

    _sequence()
    held = installation()
    connection.ensure_connection()
    verdict = recompute(
        connection.connection,
        signer=signer_of(held.home),
        entry_key=held.entry_key,
        witness=held.home / "checkpoints",
        against=against.read_text() if against else None,
    )
    answer = {
        "ok": verdict.ok,
        "size": verdict.size,
        "root": base64.b64encode(verdict.root).decode(),
        "broken": [{"seq": broken.seq, "why": broken.why} for broken in verdict.broken],
    }
    return answer, DONE if verdict.ok else BROKEN


@ledger.command(epilog="Example: kehu ledger checkpoint > kept-checkpoint.txt")
@command()
def checkpoint() -> Any:
    """The newest signed tree head."""
    from django.db import connection

    _sequence()
    with connection.cursor() as cursor:
        cursor.execute("select note from ledger_checkpoint order by size desc limit 1")
        row = cursor.fetchone()
    if row is None:
        raise Failure(FAILED, "empty", "The ledger is empty.")
    return {"checkpoint": row[0]}


@ledger.command(epilog="Example: kehu ledger prove 42 --subject 0199… --json")
@click.argument("seq", type=int)
@click.option("--subject")
@command()
def prove(seq: int, subject: str | None) -> Any:
    """Prove that a row is in the log, and that a customer is in the row."""
    from django.db import connection

    from kehu.guard.ledger.proof import prove as make

    _sequence()
    connection.ensure_connection()
    proof = make(connection.connection, seq, subject_id(subject) if subject else None)
    answer: dict[str, Any] = {
        "leaf": _text(proof.leaf),
        "index": proof.index,
        "size": proof.size,
        "path": [_text(node) for node in proof.path],
        "checkpoint": proof.checkpoint,
    }
    if proof.subject:
        inner = proof.subject
        answer["subject"] = {
            "r": _text(inner.r),
            "index": inner.index,
            "size": inner.size,
            "path": [_text(node) for node in inner.path],
        }
    return answer


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
