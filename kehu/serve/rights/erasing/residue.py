"""What an erasure left, for those three purposes that may read it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from kehu.guard.gate.actor import Actor
from kehu.guard.residue import open_residue
from kehu.serve.rights.erasing.erasure import finished


class NothingLeft(LookupError):
    """No such certificate, or nothing is left of it."""


def open_left(certificate: UUID, *, actor: Actor, purpose: str) -> dict[str, Any]:
    """The certificate, and what lies sealed under it as far as the purpose shows it.

    Raises:
        NothingLeft: no such certificate, or nothing is left.
        Refused: another purpose, or the role may not claim it.
    """
    row = finished(certificate)
    if row is None or row.residue is None:
        raise NothingLeft(str(certificate))
    left, seq = open_residue(certificate, bytes(row.residue), actor=actor, purpose=purpose)
    return {"certificate": row.certificate, "residue": left, "ledger": {"seq": seq}}
