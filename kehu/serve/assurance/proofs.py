"""Proofs that leave the house: for a checker that trusts the log's key and nothing else of ours."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Final

from django.db import connection

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.ledger import verifier
from kehu.guard.ledger.checkpoint import CheckpointInvalid, parse
from kehu.guard.ledger.consistency import LogForked, NoCheckpoint, prove_growth
from kehu.guard.ledger.open_log import open_sequencer, signer_of

PROOF_FORMAT: Final = "kehu-ledger-proof/1"
FORMAT: Final = "kehu-ledger-consistency/1"


def log_key() -> str:
    """The log's public key as C2SP notes name it: to be published where this installation cannot change it."""
    return signer_of(installation().home).verifier


def verifier_text() -> str:
    """The stand-alone checker: one file, the same for everybody."""
    return Path(verifier.__file__).read_text(encoding="utf-8")


def consistency(old: int | str, new: int | None = None, *, actor: Actor) -> dict[str, Any]:
    """Prove that the log of ``new`` rows (default: all) begins with ``old``, a size or a checkpoint that somebody kept.

    Without ``broken`` the answer is the proof. With it, it says how the log here is not the one that was signed.

    Raises:
        ActRefused: the role may not read the ledger.
        ValueError: no such size.
    """
    require_act("read-ledger", actor)
    with open_sequencer() as sequencer:
        sequencer.run_once()
    connection.ensure_connection()
    signer = signer_of(installation().home)
    try:
        before = old if isinstance(old, int) else parse(old, origin=signer.origin, public=signer.public)
        found = prove_growth(connection.connection, before, new)
    except CheckpointInvalid:
        return _broken("the checkpoint given is not signed by this log")
    except LogForked as forked:
        return _broken(str(forked))
    except NoCheckpoint as missing:
        raise ValueError(str(missing)) from None
    signed = {"checkpoint": found.old_note} if found.old_note else {}
    return {
        "format": FORMAT,
        "log": signer.verifier,
        "old": {"size": found.old, "root": _text(found.old_root), **signed},
        "size": found.size,
        "path": [_text(node) for node in found.path],
        "checkpoint": found.note,
    }


def _broken(why: str) -> dict[str, Any]:
    return {"ok": False, "broken": [{"seq": None, "why": why}]}


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
