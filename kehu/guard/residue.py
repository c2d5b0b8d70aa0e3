"""What stays after an erasure: re-sealed under a key of its own before the person's keys go, opened for three purposes.

The residue is one sealed paper. Its key and state stand under the certificate's id, so that the gate decides and records
its use like any other (policy ``house.kept``), while no list, search or linkage ever meets it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg import Connection

from kehu.govern.slugs import CATEGORIES, RECORD_KINDS, name_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.read import gate, raw_connection
from kehu.guard.installation import installation
from kehu.guard.ledger.uses import forget_uses
from kehu.guard.texts import Sealed, keys_of, make_key
from kehu.vault.erasure import SealedFacet, sealed_facets
from kehu.vault.open import FacetDoesNotOpen, open_facet, open_text
from kehu.vault.seal import seal_text

Values = dict[str, list[Any]]
Keeps = Callable[[SealedFacet, Values], dict[str, str | None]]
"""Names the items of the residue that a facet stays under, each with a day of its own where it has one; none: it goes.
Sees the opened values (their dates)."""


@dataclass(frozen=True, slots=True)
class KeptRecord:
    """A facet that stays: of which record."""

    record: UUID
    category: int


@dataclass(slots=True)
class Paper:
    """What is sealed besides records: register rows, and sealed texts by the place they are put back in."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    texts: list[tuple[dict[str, Any], str, Sealed]] = field(default_factory=list, repr=False)

    def add(self, part: str, row: dict[str, Any], **texts: Sealed | None) -> None:
        """Put a row of a register down; its sealed texts are opened and re-sealed with the rest."""
        self.rows.setdefault(part, []).append(row)
        self.texts += [(row, name, sealed) for name, sealed in texts.items() if sealed is not None]


def reseal(
    connection: Connection[Any],
    certificate: UUID,
    subjects: Sequence[UUID],
    paper: Paper,
    *,
    keeps: Keeps,
    lenient: bool = False,
) -> tuple[bytes, list[KeptRecord]]:
    """Seal what stays of these subjects under a new key; inside the erasure's transaction, before keys are destroyed.

    The ledger's row of this act is committed by then: nothing is decrypted before. ``lenient``: what does not open, or has
    lost its key, is left out.

    Raises:
        FacetDoesNotOpen: something was changed.
    """
    kept, records = _kept_records(connection, subjects, keeps, lenient=lenient)
    owners = keys_of(connection, [*subjects, *(sealed.owner for _, _, sealed in paper.texts)], lenient=True)
    for row, name, sealed in paper.texts:
        key = owners.get(sealed.owner)
        try:
            row[name] = open_text(key, sealed.body, context=sealed.place.bytes) if key else None
        except FacetDoesNotOpen:
            if not lenient:
                raise
            row[name] = None
    _stand_for(connection, certificate, subjects)
    return _seal(connection, certificate, {"records": records, **paper.rows}), kept


def what_stays(connection: Connection[Any], subjects: Sequence[UUID], *, keeps: Keeps) -> list[KeptRecord]:
    """What :func:`reseal` would keep; nothing is written, no value handed out. The ledger's row is committed by then."""
    return _kept_records(connection, subjects, keeps)[0]


def open_residue(certificate: UUID, body: bytes, *, actor: Actor, purpose: str) -> tuple[dict[str, Any], int]:
    """Open what an erasure left, as far as the purpose shows it; returns it and the ledger's row.

    Raises:
        LookupError: nothing is left of it.
        Refused: the purpose or the person may not; the refusal stands in the ledger.
    """
    opened = gate().open([certificate], actor=actor, purpose=purpose, kinds=(), reach="residue")
    if not opened:
        raise LookupError("residue")
    answers = opened[0].decision.fields
    if not opened[0].decision.finds:
        raise Refused(next(iter(answers.values()))[0].policy)
    paper = _unseal(raw_connection(), certificate, body)
    mask = installation().rules.dictionary.mask
    for record in paper["records"]:
        shown: dict[str, Any] = {}
        for name, (given, normal, status, verified) in record["values"].items():
            answer = answers[name][0].answer if name in answers else "denied"
            if answer == "clear":
                shown[name] = [given, normal, status, verified]
            elif answer == "masked":
                shown[name] = [mask(name, normal or given)] * 2 + [status, verified]
        record["values"] = shown
    return paper, opened[0].seq


def reseal_part(connection: Connection[Any], certificate: UUID, body: bytes, keep: Callable[[str, Any], bool]) -> bytes:
    """Seal what is still kept of a residue under a fresh key: what has ended opens with no key any more.

    ``keep`` is asked for each row, with the name of its part.
    """
    paper = _unseal(connection, certificate, body)
    left = {part: [row for row in rows if keep(part, row)] for part, rows in paper.items()}
    row = connection.execute("delete from subject_key where subject = %s returning salt", (certificate,)).fetchone()
    make_key(certificate, salt=bytes(row[0]) if row else None)  # the ledger's rows commit to it by that salt
    return _seal(connection, certificate, left)


def forget_residue(connection: Connection[Any], certificate: UUID) -> None:
    """Destroy the key of a residue whose last item has ended, and what stood for it; its uses leave the look-up."""
    forget_uses(certificate)
    connection.execute("delete from subject_key where subject = %s", (certificate,))
    connection.execute("delete from subject_state where subject = %s and residue", (certificate,))


def _kept_records(
    connection: Connection[Any], subjects: Sequence[UUID], keeps: Keeps, *, lenient: bool = False
) -> tuple[list[KeptRecord], list[dict[str, Any]]]:
    ciphers = {subject: AESGCM(key) for subject, key in keys_of(connection, subjects, lenient=True).items()}
    kept: list[KeptRecord] = []
    records: list[dict[str, Any]] = []
    for facet in sealed_facets(connection, subjects):
        try:
            values: Values = open_facet(
                ciphers[facet.subject], facet.sealed, subject=facet.subject.bytes, record=facet.record.bytes,
                category=facet.category, version=facet.version,
            )  # fmt: skip
        except (KeyError, FacetDoesNotOpen):
            if not lenient:
                raise
            continue
        stays = keeps(facet, values)
        if not stays:
            continue
        kept.append(KeptRecord(facet.record, facet.category))
        records.append({
            "stays": stays, "record": str(facet.record), "kind": name_of(RECORD_KINDS, facet.kind),
            "category": name_of(CATEGORIES, facet.category), "channel": facet.channel, "controller": facet.controller,
            "basis": facet.basis, "notice": facet.notice, "values": values,
        })  # fmt: skip
    return kept, records


def _stand_for(connection: Connection[Any], certificate: UUID, subjects: Sequence[UUID]) -> None:
    """Key and state of the residue: what policies read of the person stays true of what is left."""
    make_key(certificate)
    connection.execute(
        "insert into subject_state (subject, customer, core, kind, controller, packs, age, guardian, restricted, deceased,"
        " kept, hidden, residue) select %(id)s, %(id)s, %(id)s, max(kind), max(controller), bit_or(packs),"
        " coalesce(min(age) filter (where age > 0), 0), bool_and(guardian), bool_or(restricted), bool_or(deceased), true,"
        " true, true from subject_state where subject = any (%(who)s)",
        {"id": certificate, "who": list(subjects)},
    )


def _seal(connection: Connection[Any], certificate: UUID, paper: dict[str, Any]) -> bytes:
    key = keys_of(connection, [certificate])[certificate]
    return seal_text(key, orjson.dumps(paper).decode(), context=certificate.bytes)


def _unseal(connection: Connection[Any], certificate: UUID, body: bytes) -> dict[str, Any]:
    key = keys_of(connection, [certificate])[certificate]
    found: dict[str, Any] = orjson.loads(open_text(key, body, context=certificate.bytes))
    return found
