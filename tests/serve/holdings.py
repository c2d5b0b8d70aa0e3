"""What a test proves an erasure with: a person known in every place, and a search that tries every key on everything."""

from __future__ import annotations

import itertools
from uuid import UUID

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection, transaction

from kehu.govern.slugs import CATEGORIES
from kehu.guard.aside import seal_aside
from kehu.guard.gate.admit import Admission, Draft, Terms
from kehu.guard.gate.read import gate
from kehu.guard.guests.credentials import guest_actor
from kehu.guard.installation import installation
from kehu.guard.staff.actions import owner_actor
from kehu.refine.models import Proposal
from kehu.serve.rights import holds, requests
from kehu.serve.rights.consents import actions
from kehu.vault.assignment import assign
from kehu.vault.ids import new_id
from kehu.vault.seal import associated, packed

MARK, KEPT = "canaryzq5561", "keptzq5562"
PERSON = {
    "full_name": f"{MARK} 林", "email": f"{MARK}@mail.example", "phone": "+8613800006721",
    "national_id": "11010519491231002X",
}  # fmt: skip
# every sealed column: table, column, the row of subject_key it lies under, how its associated data are made
_TEXTS = {
    "consents": ("govern_consent", "evidence", "subject", "id"),
    "states": ("govern_stateentry", "reason", "subject", "id"),
    "lifted": ("govern_stateentry", "lifted_because", "subject", "id"),
    "request text": ("rights_request", "text", "id", "id"),
    "request identity": ("rights_request", "identity", "id", "id"),
    "request answer": ("rights_request", "answer", "id", "id"),
    "erasures": ("rights_erasure", "reason", "id", "id"),
    "residue": ("rights_erasure", "residue", "id", "id"),
}


def raw():
    connection.ensure_connection()
    return connection.connection


def add_event(subject: UUID, kind: int, values: dict[str, str], number: int = 0) -> UUID:
    """An order (3) or interaction (4) of somebody who is here; returns the record."""
    held = installation()
    by_category: dict[int, dict[str, list[object]]] = {}
    for name, value in values.items():
        category = CATEGORIES[held.rules.dictionary.field(name).category]
        by_category.setdefault(category, {})[name] = [value, value, 1, None]
    own = held.tokens.source(1, 1, kind, f"{subject}{values}{number}")
    sealed = {category: packed(fields) for category, fields in by_category.items()}
    draft = Draft(kind, own, own, sealed, b"", [], 1, 5, subject=subject.bytes, new_subject=False)
    with transaction.atomic():
        Admission(
            held, gate().decisions, actor=owner_actor(), terms=Terms(1, "store", 1, "contract", 1, False, None)
        ).admit(raw(), [draft])
    return UUID(bytes=draft.record)


def link(older: UUID, younger: UUID, certainty: int) -> None:
    with transaction.atomic():
        assign(raw(), [(older, younger)], certainty=certainty, why=5, run=None, by=owner_actor().staff)


def know_everywhere(subject: UUID) -> None:
    """Put the mark into every holder: what an erasure must reach (MARK) and what it may keep (KEPT)."""
    from kehu.collect.models import Quarantined

    owner = owner_actor()
    add_event(subject, 4, {"kind": "call", "text": f"{MARK} called"})
    give = {"kind": "general", "until": None, "notice": None, "by_subject": None}
    actions.give(subject, 4, actor=owner, evidence=KEPT.encode(), **give)
    actions.enter_state(subject, "restriction", actor=owner, act="restrict", reason=f"{MARK} disputes")
    requests.open_request(subject=subject, right="erase", actor=owner, text=f"{KEPT} asks")
    holds.hold(subject, actor=owner, reason=f"{MARK} sues", categories=["social"])
    Proposal.objects.create(id=new_id(), older=subject, younger=new_id())
    guest_actor(subject)
    with transaction.atomic():
        row = new_id()
        [sealed] = seal_aside(raw(), [(row, f"{MARK},x".encode())])
        [token] = raw().execute("select token from source_key where subject = %s limit 1", (subject,)).fetchone()
        Quarantined.objects.create(
            id=row, batch=new_id(), file=1, line=1, reason="unreadable", accepted=False, token=token, sealed=sealed
        )


def keys_now() -> list[AESGCM]:
    """Every key that the table of keys still holds."""
    rows = raw().execute("select subject, epoch, wrapped from subject_key").fetchall()
    return [AESGCM(installation().epochs.unwrap(bytes(w), subject=s.bytes, epoch=e)) for s, e, w in rows]


def places(mark: str) -> set[str]:
    """Where any key that is here opens something that holds the mark."""
    found, keys = set(), keys_now()
    sealed = [
        ("vault", bytes(body), associated(s.bytes, r.bytes, c, v))
        for s, r, c, v, body in raw().execute("select subject, record, category, version, sealed from facet")
    ]
    for name, (table, column, _, place) in _TEXTS.items():
        rows = raw().execute(f"select {place}, {column} from {table} where {column} is not null")
        sealed += [(name, bytes(body), b"text" + where.bytes) for where, body in rows]
    rows = raw().execute("select id, sealed from collect_quarantined where sealed is not null")
    sealed += [("quarantine", bytes(body), b"aside" + id.bytes) for id, body in rows]
    for (name, body, context), key in itertools.product(sealed, keys):
        try:
            plain = key.decrypt(body[:12], body[12:], context)
        except InvalidTag:
            continue
        text = plain.decode(errors="replace")
        if mark in text or mark in _evidence(text):
            found.add(name)
    return found


def _evidence(text: str) -> str:
    """A proof's content is sealed in base64: by itself, or within the paper of a residue."""
    import base64

    try:
        paper = orjson.loads(text) if text.startswith("{") else {}
        rows = paper.get("consents", []) or [{"evidence": text}]
    except (orjson.JSONDecodeError, AttributeError):
        return ""
    held = ""
    for row in rows:
        try:
            content = orjson.loads(row.get("evidence") or "{}").get("content") or ""
            held += base64.b64decode(content, validate=True).decode(errors="replace")
        except ValueError:
            continue
    return held


def rows_naming(subject: UUID) -> dict[str, int]:
    """Rows of every table that still name the subject in a uuid column of that kind."""
    columns = (
        raw()
        .execute(
            "select c.table_name, c.column_name from information_schema.columns c join information_schema.tables t"
            " using (table_schema, table_name) where c.table_schema = 'public' and c.data_type = 'uuid'"
            " and t.table_type = 'BASE TABLE'"
        )
        .fetchall()
    )
    found = {}
    for table, column in columns:
        count = raw().execute(f'select count(*) from "{table}" where "{column}" = %s', (subject,)).fetchone()[0]
        if count:
            found[f"{table}.{column}"] = count
    return found
