"""The receipt of a consent: what was agreed to, under which words, what became of it, and how often it was used.

The structure is that of ISO/IEC TS 27560:2023 (header, processing, parties, events) in the words of the W3C Data Privacy
Vocabulary, as JSON-LD. A receipt names its person by id only and holds no value of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from kehu.govern.laws import PACKS
from kehu.govern.models import Consent, Controller, Notice
from kehu.govern.parts import UnknownSubject, part_of
from kehu.govern.register import purpose_said
from kehu.govern.slugs import ACTIONS, PURPOSES, name_of
from kehu.govern.sources import marks_of_subjects
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.state import packs_of
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.serve.rights.consents.statements import DPV, Became, became, concerns, statements_of
from kehu.serve.rights.consents.used import used_of
from kehu.serve.rights.office import recorded_as, require

SCHEMA: Final = "ISO/IEC TS 27560:2023"
CONTEXT: Final = "https://w3id.org/dpv"


class UnknownConsent(LookupError):
    """No statement of that id, or its customer is gone."""


def receipt(consent: UUID, *, actor: Actor) -> dict[str, Any]:
    """The receipt of one statement of a customer; the look at it is recorded.

    Raises:
        Refused: the role may not.
        UnknownConsent: there is none of that id here.
    """
    require("consent", actor)
    row = Consent.objects.filter(id=consent).first()
    if row is None:
        raise UnknownConsent(str(consent))
    try:
        part = part_of(row.subject, whole=False)
    except UnknownSubject:
        raise UnknownConsent(str(consent)) from None
    made = receipt_of(row, part)
    with transaction.atomic():
        record_act("list", row.subject, actor=actor, purpose=recorded_as(actor, row.purpose), detail=row.id)
    return made


def receipt_of(row: Consent, part: Sequence[UUID], *, own: bool = False) -> dict[str, Any]:
    """The receipt of a statement of these origin subjects, with nothing recorded: for whoever has recorded the look.

    ``own``: for the person themselves; a guardian is somebody else and stays unnamed.
    """
    rows = statements_of(part)
    held = next(one for one in became(rows) if one.row.id == row.id)
    found = used_of([held], part)[row.id]
    packs, controller = _place(row.subject)
    return {
        "@context": CONTEXT,
        "@type": "dpv:ConsentReceipt",
        "schema_version": SCHEMA,
        "receipt_id": f"urn:uuid:{row.id}",
        "record": {
            "@type": "dpv:ConsentRecord",
            "schema_version": SCHEMA,
            "record_id": f"urn:uuid:{row.id}",
            "pii_principal_id": f"urn:uuid:{row.subject}",
            "state": held.dpv,
            "in_force": held.in_force,
            "ended_at": held.ended_at.isoformat() if held.ended_at else None,
            "processing": _processing(row, packs, controller),
            "parties": [controller, *_recipient(row), *_guardian(row, named=not own), *_data_sources(part)],
            "events": _events(held, rows),
        },
        "used": {
            "rows": found.rows,
            "first": found.first.isoformat() if found.first else None,
            "last": found.last.isoformat() if found.last else None,
        },
        "ledger": {"seq": _row_of(row)},
    }


def _processing(row: Consent, packs: frozenset[str], controller: Mapping[str, Any]) -> dict[str, Any]:
    now = installation().rules.purposes[name_of(PURPOSES, row.purpose)]
    purpose = purpose_said(now.slug, row.purpose_version, row.recorded_at)  # what they agreed to, not what it became
    return {
        "privacy_notice": _notice(row.notice),
        "language": row.language or None,
        "purpose": {
            "id": purpose.slug, "version": row.purpose_version, "label": dict(purpose.labels),
            "description": dict(purpose.descriptions),
        },
        "version_in_force": now.version,
        "covers_version_in_force": row.status == "given" and row.purpose_version >= now.version,
        "lawful_basis": {pack: purpose.grounds[pack] for pack in packs} or {"house": purpose.grounds["house"]},
        "consent_type": row.kind,
        "event": row.event or None,
        "pii_information": sorted(purpose.least if row.fields is None else row.fields),
        "pii_controllers": [controller["id"]],
        "recipients": [row.recipient] if row.recipient else sorted(purpose.recipients),
        "destination": row.country or None,
        "retention": f"P{purpose.retention_days}D",
        "jurisdictions": sorted(packs),
        "collection_method": row.way or None,
        "withdrawal_method": "the customers' door of this installation, or its privacy office",
        "withdrawal_effect": "from the next read on",
        "evidence_kept": row.evidence is not None,
        "evidence_type": row.proof or None,
    }  # fmt: skip


def _place(subject: UUID) -> tuple[frozenset[str], dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute("select packs, controller from subject_state where subject = %s", [subject])
        bits, controller = cursor.fetchone()
    held = Controller.objects.get(id=controller)
    party = {"id": f"controller:{held.id}", "type": "dpv:DataController", "name": held.name, "country": held.country}
    return packs_of(bits) & frozenset(PACKS), party


def _notice(id: int | None) -> dict[str, Any] | None:
    held = Notice.objects.filter(id=id).first() if id else None
    if held is None:
        return None
    return {"name": held.name, "version": held.version, "in_force_from": held.in_force_from.isoformat()}


def _recipient(row: Consent) -> list[dict[str, Any]]:
    return [{"type": "dpv:Recipient", "name": row.recipient, "country": row.country or None}] if row.recipient else []


def _guardian(row: Consent, *, named: bool) -> list[dict[str, Any]]:
    if not (row.by_subject or row.guardian):
        return []
    # one who is no customer is named in the sealed proof alone
    id = f"urn:uuid:{row.by_subject}" if row.by_subject and named else None
    return [{"id": id, "type": "dpv:GuardianOfDataSubject", "role": row.guardian or "guardian"}]


def _data_sources(part: Sequence[UUID]) -> list[dict[str, Any]]:
    """Whom something of the person came from, if not from themselves."""
    found = {mark.id: mark for marked in marks_of_subjects(part).values() for mark in marked}
    return [
        {"id": f"source:{mark.name}" if mark.name else None, "type": "dpv:DataSource", "name": mark.party or None,
         "kind": mark.kind}
        for _, mark in sorted(found.items())
    ]  # fmt: skip


def _events(held: Became, rows: Sequence[Consent]) -> list[dict[str, Any]]:
    """What was said of the same from this statement on, and its own end where that has come."""
    said = [_event(one) for one in rows if one.id == held.row.id or concerns(held.row, one)]
    if held.state == "expired" and held.ended_at is not None:
        ended = held.ended_at.isoformat()
        expired = _event(held.row) | {"time": ended, "recorded": ended, "state": DPV["expired"]}
        said = sorted([*said, expired], key=lambda one: str(one["recorded"]))
    return said


def _event(row: Consent) -> dict[str, Any]:
    return {
        "id": f"urn:uuid:{row.id}",
        "time": (row.at or row.recorded_at).isoformat(),
        "recorded": row.recorded_at.isoformat(),
        "validity": row.until.isoformat() if row.until else None,
        "entity": "guardian" if row.by_subject or row.guardian else "customer",
        "type": row.kind,
        "way": row.way or None,
        "state": DPV[row.status],
    }


def _row_of(row: Consent) -> int | None:
    """The ledger's row in which this statement was recorded; None for one that came with an import."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select min(e.seq) from ledger_use u join ledger_entry e using (seq)"
            " where u.subject = %s and e.detail = %s and e.action = %s",
            [row.subject, row.id, ACTIONS["consent"]],
        )
        seq: int | None = cursor.fetchone()[0]
    return seq
