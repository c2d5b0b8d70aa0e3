"""The proof of a statement: a form's scan, a recording, a reference, who the guardian is; sealed under the customer's key.

So it is erased with the customer, or stays a while as residue "proof of consent" (docs/decisions/0005).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from kehu.govern.models import Consent
from kehu.guard.gate.actor import Actor
from kehu.guard.texts import Sealed, open_texts, seal_under
from kehu.serve.rights.consents.scans import drawn_anew
from kehu.serve.rights.office import PURPOSE_ID, require

MOST: Final = 4 << 20
"""Bytes of a proof."""
LONGEST: Final = 500
"""Characters of a reference or a guardian's name."""
PAPER: Final = "paper-form"
KINDS: Final = (
    PAPER, "recording", "email", "screen", "id-document", "household-register", "payment-card", "video-call",
    "court-order", "declared",
)  # fmt: skip
"""Kinds of proof; ``declared``: somebody said so, and nothing else was seen."""
GUARDIANS: Final = ("parent", "guardian", "foster-parent", "court-appointed")


class NoEvidence(LookupError):
    """No such statement, or nothing is kept with it."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A proof before it is sealed: its kind, the file's content, where the paper lies, and a guardian's name.

    ``handed``: SHA-256 of the file as it was handed in, where its content was drawn anew.
    """

    kind: str = ""
    content: bytes | None = field(default=None, repr=False)
    reference: str = field(default="", repr=False)
    guardian: str = field(default="", repr=False)
    handed: str = field(default="", repr=False)

    def checked(self) -> Evidence:
        """The same; the scan of a paper form drawn anew, so that its pixels alone are kept.

        Raises:
            ValueError: no such kind, an empty or too large content, a scan that cannot be read, or a text too long.
        """
        if self.kind == PAPER and self.content is not None and not self.handed:
            handed = hashlib.sha256(self.content).hexdigest()
            return replace(self, content=drawn_anew(self.content), handed=handed)._checked()
        return self._checked()

    def _checked(self) -> Evidence:
        if self.content is not None and not 0 < len(self.content) <= MOST:
            raise ValueError(f"evidence: 1 to {MOST} bytes")
        if self.kind and self.kind not in KINDS:
            raise ValueError(f"proof: one of {', '.join(KINDS)}")
        if max(len(self.reference), len(self.guardian)) > LONGEST:
            raise ValueError(f"reference, guardian: at most {LONGEST} characters")
        return self

    @property
    def kept(self) -> bool:
        """Whether there is anything to seal."""
        return bool(self.content or self.reference or self.guardian)

    def seal(self, subject: UUID, place: UUID) -> bytes | None:
        """Seal it under the customer's key, in the caller's transaction; None where there is nothing."""
        if not self.kept:
            return None
        held = {
            "kind": self.kind, "reference": self.reference, "guardian": self.guardian,
            "sha256": self.handed or (hashlib.sha256(self.content).hexdigest() if self.content else None),
            "content": base64.b64encode(self.content).decode() if self.content else None,
        }  # fmt: skip
        return seal_under(subject, json.dumps(held, ensure_ascii=False), place=place)


def read_evidence(text: str) -> dict[str, Any]:
    """An opened proof: ``kind``, ``reference``, ``guardian``, ``sha256`` of the file handed in, ``content`` (base64)."""
    if text.startswith("{"):
        found: dict[str, Any] = json.loads(text)
        return found
    try:  # kept before proofs had a form: the content alone
        content = base64.b64decode(text, validate=True)
    except binascii.Error:
        content = text.encode()
    digest = hashlib.sha256(content).hexdigest()
    return {"kind": "", "reference": "", "guardian": "", "sha256": digest, "content": text}


def open_evidence(consent: UUID, *, actor: Actor) -> dict[str, Any]:
    """Open what proves a consent; the look at it stands in the ledger.

    Raises:
        Refused: the role, or the token's purpose.
        NoEvidence: nothing is kept with it.
    """
    require("export", actor)
    row = Consent.objects.filter(id=consent).first()
    if row is None or row.evidence is None:
        raise NoEvidence(str(consent))
    sealed = Sealed(row.subject, row.id, bytes(row.evidence))
    [text] = open_texts([sealed], row.subject, actor=actor, act="read", purpose=PURPOSE_ID, detail=row.id)
    if text is None:
        raise NoEvidence(str(consent))
    return read_evidence(text)
