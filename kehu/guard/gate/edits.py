"""An edit on its way in: a value said again, or another one in its place, as a record of its own beside what came before.

It stands under the terms of the record whose value it follows (channel, controller, ground, notice, source): an edit gives
nobody a use that the value did not have. What it follows is never rewritten. Whoever gets another address by it gets what stands
against writing to that, as from any record; whom a birth date makes a child is one from then on.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import connection

from kehu.govern.laws import AGE_BANDS, age_band
from kehu.govern.parts import UnknownSubject, hold
from kehu.govern.slugs import RECORD_KINDS
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.admit import Draft, SubjectGone
from kehu.guard.gate.supply import Supply
from kehu.guard.gate.suppress import carry_suppressions
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.vault.copying import int8_items
from kehu.vault.ids import new_id
from kehu.vault.seal import VERSION, packed, seal

_BORN: Final = "birth_date"
_TAKE: Final = """
insert into record (subject, id, kind, channel, controller, basis, notice, content, tokens, source, supplier, follows)
select r.subject, %(id)s, %(kind)s, r.channel, r.controller, r.basis, r.notice, %(content)s, %(tokens)s, %(source)s,
    case when %(own)s then null else r.supplier end,
    (select array_agg(distinct f.id) from record o
        left join lateral unnest(case o.kind when %(kind)s then o.follows else array[o.id] end) as f (id) on true
        where o.subject = r.subject and o.id = any (%(goes_with)s)
        having bool_and(o.kind <> %(kind)s or o.follows is not null))
from record r where r.subject = %(subject)s and r.id = %(follows)s and not r.hidden returning 1
"""


@dataclass(frozen=True, slots=True)
class Edit:
    """What is said of one origin subject: by category, fields as :func:`kehu.vault.seal.packed`; ``tokens`` find it.

    ``follows``: the record whose value it confirms or takes the place of. ``own``: the customer says it themselves, or nothing
    stood there before, so that it came from nobody else. ``goes_with``: the subject's records that say that value; it leaves
    with the last of them. None: it stays, for it is the customer's own word.
    """

    subject: UUID
    follows: UUID
    values: Mapping[int, Mapping[str, Sequence[Any]]] = field(repr=False)
    tokens: Sequence[int]
    own: bool
    goes_with: Sequence[UUID] = ()


def write_edit(edit: Edit, *, actor: Actor, purpose: int, act: str = "verify") -> UUID:
    """Seal an edit, in the caller's transaction, with its row in the ledger (of that act); returns the record's id.

    Raises:
        SubjectGone: who it is about, or the record it follows, is not here any more.
        Refused: a customer's own credential on somebody else.
    """
    held, id = installation(), new_id()
    content = held.tokens.content(b"edit" + id.bytes)
    raw: Any = connection.connection
    try:
        hold(edit.subject)  # what stands against an address may be written on all of them
    except UnknownSubject:
        raise SubjectGone from None
    record_act(act, edit.subject, actor=actor, purpose=purpose, detail=id)  # holds the subject until the end
    key = raw.execute("select epoch, wrapped from subject_key where subject = %s", (edit.subject,)).fetchone()
    taken = (
        key
        and raw.execute(
            _TAKE,
            {
                "id": id,
                "kind": RECORD_KINDS["edit"],
                "content": content,
                "tokens": list(edit.tokens),
                "source": os.urandom(16),
                "own": edit.own,
                "goes_with": list(edit.goes_with),
                "subject": edit.subject,
                "follows": edit.follows,
            },
        ).fetchone()
    )
    if not taken:
        raise SubjectGone
    cipher = AESGCM(held.epochs.unwrap(key[1], subject=edit.subject.bytes, epoch=key[0]))
    contents = {category: packed(fields) for category, fields in edit.values.items()}
    for category, body in contents.items():
        sealed = seal(cipher, body, subject=edit.subject.bytes, record=id.bytes, category=category)
        raw.execute(
            "insert into facet (subject, record, category, version, sealed) values (%s, %s, %s, %s, %s)",
            (edit.subject, id, category, VERSION, sealed),
        )
    draft = Draft(
        RECORD_KINDS["edit"], content, b"", contents, int8_items(edit.tokens), [], packs=0, age=0,
        subject=edit.subject.bytes, new_subject=False, record=id.bytes,
    )  # fmt: skip
    if edit.own:
        Supply(None, ()).note_known(raw, [draft])
    carry_suppressions(raw, [draft], by=actor.staff)
    _let_age_follow(raw, edit)
    raw.execute(
        "update subject_state set last_act = current_date where subject = %s and last_act < current_date",
        (edit.subject,),
    )
    return id


def _let_age_follow(raw: Any, edit: Edit) -> None:
    """A birth date that somebody said acts on the next read where it makes them younger, or their age was unknown."""
    for fields in edit.values.values():
        if (said := fields.get(_BORN)) is None:
            continue
        try:
            born = date.fromisoformat(str(said[1]))
        except ValueError:
            continue
        band = AGE_BANDS.index(age_band(born, datetime.now(UTC).date()))
        if band:
            raw.execute(
                "update subject_state set age = %(band)s where subject = %(subject)s and (age = 0 or age > %(band)s)",
                {"band": band, "subject": edit.subject},
            )


def take_back(subject: UUID, record: UUID, *, actor: Actor, purpose: int) -> None:
    """Let an edit count no more, in the caller's transaction; what it followed counts again.

    Raises:
        SubjectGone: it is not here, or was taken back.
    """
    record_act("verify", subject, actor=actor, purpose=purpose, detail=record)
    raw: Any = connection.connection
    done = raw.execute(
        "update record set hidden = true where subject = %s and id = %s and kind = %s and not hidden returning 1",
        (subject, record, RECORD_KINDS["edit"]),
    ).fetchone()
    if done is None:
        raise SubjectGone
