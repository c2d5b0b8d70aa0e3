"""Checking a customer's proof step by step, from the document alone: the server does here what anybody can do."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from kehu.guard.ledger.checkpoint import CheckpointInvalid, key_id, parse
from kehu.guard.ledger.leaf import LEAF_COLUMNS
from kehu.guard.ledger.tree import leaf_hash, root_from_path

STEPS: Final = ("commitment", "row", "tree", "signature")
_NULL: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its name (of STEPS), whether it holds, and the hash it came to, in hexadecimal."""

    name: str
    ok: bool
    found: str


def check_proof(document: dict[str, Any]) -> list[Step]:
    """Every step of a proof; a malformed one fails the steps it spoils.

    1 commitment: SHA-256(r ‖ your id). 2 row: its path leads to the root over commitments that the row's bytes hold.
    3 tree: the row's own path leads to the root of the checkpoint. 4 signature: the checkpoint is signed by the log.
    """
    made: list[Step] = []
    for name, work in zip(STEPS, (_commitment, _row, _tree, _signature), strict=True):
        made.append(_step(name, work, document))
    return made


def _step(name: str, work: Callable[[dict[str, Any]], tuple[bool, bytes]], document: dict[str, Any]) -> Step:
    try:
        ok, found = work(document)
    except (KeyError, ValueError, TypeError, IndexError):
        return Step(name, False, "")
    return Step(name, ok, found.hex())


def leaf_columns(leaf: bytes) -> dict[str, bytes | None]:
    """The columns that a row's canonical bytes hold (see :mod:`kehu.guard.ledger.leaf`).

    Raises:
        ValueError: the bytes are no such row.
    """
    columns: dict[str, bytes | None] = {}
    at = 0
    for name in LEAF_COLUMNS:
        length = int.from_bytes(leaf[at : at + 4], "big")
        at += 4
        columns[name] = None if length == _NULL else leaf[at : at + length]
        at += 0 if length == _NULL else length
    if at != len(leaf):
        raise ValueError("not a row of the ledger")
    return columns


def _commitment(document: dict[str, Any]) -> tuple[bool, bytes]:
    inner = document["subject"]
    r = base64.b64decode(inner["r"], validate=True)
    return len(r) == hashlib.sha256().digest_size, hashlib.sha256(r + UUID(inner["id"]).bytes).digest()


def _row(document: dict[str, Any]) -> tuple[bool, bytes]:
    inner = document["subject"]
    _, commitment = _commitment(document)
    root = root_from_path(leaf_hash(commitment), inner["index"], inner["size"], _path(inner["path"]))
    held = leaf_columns(base64.b64decode(document["leaf"], validate=True))["commitments"]
    return held is not None and hmac.compare_digest(root, held), root


def _tree(document: dict[str, Any]) -> tuple[bool, bytes]:
    leaf = leaf_hash(base64.b64decode(document["leaf"], validate=True))
    root = root_from_path(leaf, document["index"], document["size"], _path(document["path"]))
    lines = str(document["checkpoint"]).split("\n")
    return int(lines[1]) == document["size"] and base64.b64decode(lines[2], validate=True) == root, root


def _signature(document: dict[str, Any]) -> tuple[bool, bytes]:
    origin, hint, encoded = str(document["log"]).split("+", 2)
    key = base64.b64decode(encoded, validate=True)
    public = key[1:]
    try:
        found = parse(str(document["checkpoint"]), origin=origin, public=public)
    except CheckpointInvalid:
        return False, b""
    return key[:1] == b"\x01" and key_id(origin, public).hex() == hint, found.root


def _path(nodes: list[str]) -> list[bytes]:
    return [base64.b64decode(node, validate=True) for node in nodes]
