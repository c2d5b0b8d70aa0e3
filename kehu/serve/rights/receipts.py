"""The receipt of a consent: what was agreed to, under which words, what became of it, and how often it was used.

The structure is that of ISO/IEC TS 27560:2023 (header, processing, parties, events) in the words of the W3C Data Privacy
Vocabulary, as JSON-LD. A receipt names its person by id only and holds no value of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from kehu.govern.consent import UnknownSubject, part_of
from kehu.govern.laws import PACKS
from kehu.govern.models import Consent, Controller, Notice
from kehu.govern.slugs import ACTIONS, PURPOSES, name_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.state import packs_of
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.serve.rights.office import recorded_as, require

SCHEMA: Final = "ISO/IEC TS 27560:2023"
CONTEXT: Final = "https://w3id.org/dpv"
_STATUS: Final = {
    "given": "dpv:ConsentGiven",
    "refused": "dpv:ConsentRefused",
    "withdrawn": "dpv:ConsentWithdrawn",
    "invalid": "dpv:ConsentInvalidated",
    "unknown": "dpv:ConsentUnknown",
    "expired": "dpv:ConsentExpired",
}
# A use under this consent: a row of its purpose, of this certain part, that let something out while the consent stood.
_USED: Final = """
select count(distinct e.seq), min(e.at), max(e.at) from ledger_use u join ledger_entry e using (seq)
join gate_decision d on d.id = e.decision
where u.subject = any (%(part)s) and e.purpose = %(purpose)s and d.finds and e.at >= %(since)s
  and (%(until)s::timestamptz is null or e.at < %(until)s)
"""


class UnknownConsent(LookupError):
    """No statement of that id, or its customer is gone."""


@dataclass(frozen=True, slots=True)
class Used:
    """How often a consent let something be used, and from when to when; None where it never did."""

    rows: int
    first: datetime | None
    last: datetime | None


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
    made = _receipt(row, part)
    with transaction.atomic():
        record_act("list", row.subject, actor=actor, purpose=recorded_as(actor, row.purpose), detail=row.id)
    return made


def used(row: Consent, part: Sequence[UUID]) -> Used:
    """What the ledger says of the time from this statement to the next one on its purpose."""
    ends = [end for end in (_followed_at(row, part), row.until) if end is not None]
    with connection.cursor() as cursor:
        cursor.execute(
            _USED,
            {
                "part": list(part), "purpose": row.purpose, "since": row.recorded_at,
                "until": min(ends) if ends else None,
            },
        )  # fmt: skip
        return Used(*cursor.fetchone())


def _receipt(row: Consent, part: Sequence[UUID]) -> dict[str, Any]:
    purpose = installation().rules.purposes[name_of(PURPOSES, row.purpose)]
    packs, controller = _place(row.subject)
    found = used(row, part)
    grounds = {pack: purpose.grounds[pack] for pack in packs} or {"house": purpose.grounds["house"]}
    record = {
        "@type": "dpv:ConsentRecord",
        "schema_version": SCHEMA,
        "record_id": f"urn:uuid:{row.id}",
        "pii_principal_id": f"urn:uuid:{row.subject}",
        "processing": {
            "privacy_notice": _notice(row.notice),
            "language": row.language or None,
            "purpose": {
                "id": purpose.slug, "version": row.purpose_version, "label": dict(purpose.labels),
                "description": dict(purpose.descriptions),
            },
            "version_in_force": purpose.version,
            "covers_version_in_force": row.status == "given" and row.purpose_version >= purpose.version,
            "lawful_basis": grounds,
            "consent_type": row.kind,
            "pii_information": sorted(purpose.least),
            "pii_controllers": [controller["id"]],
            "recipients": [],
            "retention": f"P{purpose.retention_days}D",
            "jurisdictions": sorted(packs),
            "collection_method": row.way or None,
            "withdrawal_method": "the customers' door of this installation, or its privacy office",
            "withdrawal_effect": "from the next read on",
            "evidence_kept": row.evidence is not None,
        },
        "parties": [controller, *_guardian(row)],
        "events": _events(row, part),
    }  # fmt: skip
    return {
        "@context": CONTEXT,
        "@type": "dpv:ConsentReceipt",
        "schema_version": SCHEMA,
        "receipt_id": f"urn:uuid:{row.id}",
        "record": record,
        "used": {
            "rows": found.rows,
            "first": found.first.isoformat() if found.first else None,
            "last": found.last.isoformat() if found.last else None,
        },
        "ledger": {"seq": _row_of(row)},
    }


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


def _guardian(row: Consent) -> list[dict[str, Any]]:
    return [{"id": f"urn:uuid:{row.by_subject}", "type": "dpv:GuardianOfDataSubject"}] if row.by_subject else []


def _statements(row: Consent, part: Sequence[UUID]) -> list[Consent]:
    return list(Consent.objects.filter(subject__in=part, purpose=row.purpose).order_by("recorded_at", "id"))


def _followed_at(row: Consent, part: Sequence[UUID]) -> datetime | None:
    later = [one for one in _statements(row, part) if (one.recorded_at, one.id) > (row.recorded_at, row.id)]
    return later[0].recorded_at if later else None


def _events(row: Consent, part: Sequence[UUID]) -> list[dict[str, Any]]:
    """What was said on this purpose from this statement on."""
    return [
        {
            "id": f"urn:uuid:{one.id}",
            "time": (one.at or one.recorded_at).isoformat(),
            "recorded": one.recorded_at.isoformat(),
            "validity": one.until.isoformat() if one.until else None,
            "entity": "guardian" if one.by_subject else "customer",
            "type": one.kind,
            "way": one.way or None,
            "state": _STATUS[one.status],
        }
        for one in _statements(row, part)
        if (one.recorded_at, one.id) >= (row.recorded_at, row.id)
    ]


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
