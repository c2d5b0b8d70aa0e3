"""Everything the system knows of one person, as data: what an export puts into ``data.json``."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection
from psycopg import Connection

from kehu.govern import states as subject_states
from kehu.govern.holders import holders
from kehu.govern.models import Consent, StateEntry
from kehu.govern.slugs import BASES, RECORD_KINDS, name_of, objected_to
from kehu.govern.sources import Mark, marks
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.read import EVENT_KINDS, Contribution, Opened
from kehu.guard.installation import installation
from kehu.guard.ledger.open_log import open_sequencer
from kehu.guard.ledger.own import OwnRow, own_ledger, proof_document
from kehu.guard.ledger.proof import prove
from kehu.guard.texts import Sealed, open_texts
from kehu.refine.survive import survive, text_of
from kehu.serve.rights.consents.actions import consent_row
from kehu.serve.rights.consents.evidence import read_evidence
from kehu.serve.rights.copy.redact import ARTICLE, MARK, Redactor
from kehu.serve.rights.erasing.stays import HOLD_ARTICLE
from kehu.serve.rights.office import PURPOSE_ID

FORMAT: Final = "kehu-copy/1"
_FREE_TEXT: Final = frozenset({"text", "topic"})
_OWN_NUMBERS: Final = frozenset({"email", "phone", "landline", "national_id", "passport_number", "registration_number"})
# Why a hold stands may be an investigation, which it would harm to tell
_WITHHELD: Final = f"{MARK} (GDPR 23, PIPL 18)"
_MOST_ROWS: Final = 100_000
_RECORDS: Final = """
select r.id, r.kind, coalesce(c.name, ''), coalesce(g.name, ''), r.basis, coalesce(n.name || '@' || n.version, ''), r.batch,
    r.supplier
from record r left join govern_channel c on c.id = r.channel left join govern_controller g on g.id = r.controller
    left join govern_notice n on n.id = r.notice
where r.subject = any (%s) and not r.hidden order by r.id
"""


def copy_of(opened: Opened, part: Sequence[UUID], *, actor: Actor, detail: UUID) -> dict[str, Any]:
    """The person's copy, from what the gate let out of exactly these origin subjects.

    Rows of the ledger up to and including this export come with their proofs. Other people's data are taken out, each
    place named with its reason.
    """
    own = (one.normal or one.given for one in opened.contributions if one.field in _OWN_NUMBERS)
    redactor = Redactor.knowing(filter(None, own))
    of_states = Redactor(redactor.own)
    data: dict[str, Any] = {
        "format": FORMAT,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "subject": str(part[0]),
        "origins": [str(one) for one in part],
        "profile": _profile(opened.contributions),
        "records": _records(opened.contributions, part, redactor),
        "consents": _consents(part, actor=actor, detail=detail),
        "states": _states(part, of_states, actor=actor, detail=detail),
    }
    for subject in part:
        for holder in holders():
            for name, found in (holder.export(subject, actor=actor) or {}).items():
                data.setdefault(name, []).extend(found)
    for row in data.get("corrections", ()):  # staff wrote why, perhaps who called
        if row["reason"] is not None:
            row["reason"] = redactor.clean(row["reason"], record=UUID(row["record"]), field=row["field"])
    data["ledger"] = _ledger(part, actor=actor)
    data["withheld"] = [
        {place: str(one.record), "field": one.field, "what": one.what, "mark": MARK, "article": ARTICLE}
        for place, found in (("record", redactor), ("entry", of_states))
        for one in found.made
    ] + [
        {"consent": row["id"], "field": name, "what": "guardian", "mark": MARK, "article": ARTICLE}
        for row in data["consents"]
        for name in ("by", "evidence")
        if row[name] == MARK
    ]
    return data


def _profile(contributions: Sequence[Contribution]) -> dict[str, str]:
    """The value that counts of each field."""
    dictionary = installation().rules.dictionary
    won = survive([one for one in contributions if one.kind not in EVENT_KINDS])
    named = sorted(won, key=lambda name: dictionary.field(name).id)
    return {name: text_of(won[name].said, dictionary.field(name).type) for name in named}


def _records(contributions: Sequence[Contribution], part: Sequence[UUID], redactor: Redactor) -> list[dict[str, Any]]:
    values: dict[UUID, dict[str, Any]] = defaultdict(dict)
    for one in contributions:
        given, normal = one.given, one.normal
        if one.field in _FREE_TEXT:
            given, normal = (
                redactor.clean(text, record=one.record, field=one.field) if text else text for text in (given, normal)
            )
        values[one.record][one.field] = {
            "given": given, "normal": normal, "status": one.status, "verified_at": one.verified_at,
            "answer": one.answer,
        }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_RECORDS, [list(part)])
        rows = cursor.fetchall()
    known = marks() if any(row[-1] is not None for row in rows) else {}
    return [
        {
            "record": str(id), "kind": name_of(RECORD_KINDS, kind), "channel": channel, "controller": controller,
            "basis": name_of(BASES, basis), "notice": notice or None, "import": str(batch) if batch else None,
            "came_at": datetime.fromtimestamp((id.int >> 80) / 1000, UTC).isoformat(timespec="seconds"),
            "source": _source(known[supplier]) if supplier in known else None,
            "values": values.get(id, {}),
        }
        for id, kind, channel, controller, basis, notice, batch, supplier in rows
    ]  # fmt: skip


def _source(mark: Mark) -> dict[str, str | None]:
    """Whom a record came from, if not from the person (GDPR 15(1)(g))."""
    return {"kind": mark.kind, "party": mark.party or None}


def _consents(part: Sequence[UUID], *, actor: Actor, detail: UUID) -> list[dict[str, Any]]:
    rows = list(Consent.objects.filter(subject__in=part).order_by("recorded_at"))
    proofs = [Sealed(row.subject, row.id, bytes(row.evidence)) for row in rows if row.evidence is not None]
    opened = open_texts(proofs, part[0], actor=actor, act="export", purpose=PURPOSE_ID, detail=detail)
    texts = zip((one.place for one in proofs), opened, strict=True)
    held = {place: read_evidence(text) for place, text in texts if text is not None}
    return [consent_row(row) | _proof(row, held.get(row.id)) for row in rows]


def _proof(row: Consent, held: dict[str, Any] | None) -> dict[str, Any]:
    """The proof as the person gets it back; who consented for them is another person, and so is whose papers prove it."""
    by_another = bool(row.by_subject or row.guardian)
    content = held["content"] if held else None
    shown: dict[str, Any] = {
        "by": MARK if by_another else None, "evidence": MARK if by_another and content else content
    }  # fmt: skip
    if held:
        shown["proof"] = {name: held[name] for name in ("kind", "sha256")}
        shown["proof"]["reference"] = MARK if by_another and held["reference"] else held["reference"]
    return shown


def _states(part: Sequence[UUID], redactor: Redactor, *, actor: Actor, detail: UUID) -> list[dict[str, Any]]:
    rows = [row for row in subject_states.states_of(part[0], ended=True) if row.subject in set(part)]
    texts = [
        (row, name)
        for row in rows
        for name in ("reason", "lifted_because")
        if getattr(row, name) is not None and not _is_withheld(row)
    ]
    sealed = [Sealed(row.subject, row.id, bytes(getattr(row, name))) for row, name in texts]
    opened = open_texts(sealed, part[0], actor=actor, act="export", purpose=PURPOSE_ID, detail=detail)
    said = {
        (row.id, name): redactor.clean(text, record=row.id, field=name) if text is not None else None
        for (row, name), text in zip(texts, opened, strict=True)
    }
    return [
        _state(
            row, _WITHHELD if _is_withheld(row) else said.get((row.id, "reason")), said.get((row.id, "lifted_because"))
        )
        for row in rows
    ]


def _is_withheld(row: StateEntry) -> bool:
    return row.kind == "hold" and row.reason is not None and not row.tellable


def _state(row: StateEntry, reason: str | None, lifted_because: str | None) -> dict[str, Any]:
    return {
        "id": str(row.id), "kind": row.kind, "purpose": objected_to(row.purpose),
        "ground": HOLD_ARTICLE if row.kind == "hold" else None, "since": row.since.isoformat(),
        "until": row.until.isoformat() if row.until else None,
        "ended_at": row.ended_at.isoformat() if row.ended_at else None, "reason": reason,
        "lifted_because": lifted_because, "told": row.told or None,
    }  # fmt: skip


def _ledger(part: Sequence[UUID], *, actor: Actor) -> list[dict[str, Any]]:
    """Every row about the person, the oldest first, with the proof of each that is hashed by now."""
    connection.ensure_connection()
    raw: Connection[Any] = connection.connection
    with raw.cursor() as cursor:
        cursor.execute("select distinct core from subject_state where subject = any (%s)", (list(part),))
        cores = [row[0] for row in cursor.fetchall()]
    rows: dict[int, OwnRow] = {}
    for core in cores:
        for row in own_ledger(core, actor=actor, visits=True, limit=_MOST_ROWS).rows:
            rows[row.seq] = row
    with open_sequencer() as sequencer:
        sequencer.run_once()
    uses = raw.execute(
        "select u.seq, min(u.subject::text)::uuid from ledger_use u join ledger_leaf l using (seq)"
        " where u.subject = any (%s) group by u.seq",
        (list(part),),
    ).fetchall()
    proofs = {seq: proof_document(prove(raw, seq, subject), subject) for seq, subject in uses if seq in rows}
    return [_row(rows[seq]) | {"proof": proofs.get(seq)} for seq in sorted(rows)]


def _row(row: OwnRow) -> dict[str, Any]:
    return {
        "seq": row.seq, "at": row.at.isoformat(), "action": row.action, "purpose": row.purpose, "role": row.role,
        "department": row.department, "grounds": list(row.grounds), "fields": sorted({*row.clear, *row.masked}),
        "compared": list(row.compared),
        "refused_by": row.policy, "recipient": row.recipient or None, "country": row.country or None,
        "decided_by": "machine" if row.automated else None,
        "withheld_until": row.withheld_until.isoformat() if row.withheld_until else None,
    }  # fmt: skip
