"""What an authority demands: registered with its document by the legal office, let by the privacy office, or not.

The law that it cites, its file, the customers and fields it names, and whether it forbids to tell them stand in the
register; the document lies sealed. The database holds the hands (migration guard 0022). Source: PIPL 41, GDPR 48,
RULES "authorities", "secret for a time".
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from kehu.govern.parts import part_of
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import ActRefused, Refused, require_act
from kehu.guard.gate.standing import require_standing
from kehu.guard.installation import installation
from kehu.guard.ledger import withheld
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.models import Staff
from kehu.guard.texts import Sealed, make_key, open_texts
from kehu.serve.leaving.asking import sees_all
from kehu.serve.rights.consents.evidence import Evidence, read_evidence
from kehu.vault.ids import new_id

PURPOSE: Final = "legal"
PURPOSE_ID: Final = PURPOSES[PURPOSE]
APPROVALS: Final = ("CN", "EU")
"""Laws that let something go to an authority abroad: by an approval (PIPL 41), by an agreement in force (GDPR 48)."""
GOOD_FOR: Final = timedelta(days=7)
"""How long the privacy office's word is good for."""
MOST: Final = 2_000
"""Customers of one demand."""
SEES: Final = frozenset({"privacy", "legal", "auditor", "owner"})
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_COLUMNS: Final = (
    "id", "authority", "country", "provision", "reference", "fields", "customers", "silent", "asked_by", "asked_at",
    "decided_by", "decided_at", "approved", "ran_at", "rows", "sha256",
)  # fmt: skip
_NEWEST: Final = 100
_SHOWN: Final = """
where d.ran_at is null and d.approved is not false or d.id = any (array(
    select n.id from authority_demand n order by n.asked_at desc limit %s)) order by d.asked_at desc
"""


class UnknownDemand(LookupError):
    """No demand of that id, or no document with it."""


class NotToHandOver(RuntimeError):
    """It waits for the privacy office, was refused, ran already, is too old, or would be seen by whom it is kept from."""


@dataclass(frozen=True, slots=True)
class Approval:
    """What lets a demand from abroad be met under one law."""

    law: str
    reference: str
    recorded_by: UUID
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """What an authority wants, as its document says. ``silent_until``: it forbids to tell the customers until that day."""

    authority: str
    country: str
    provision: str
    reference: str
    fields: tuple[str, ...]
    customers: tuple[UUID, ...]
    silent_until: datetime | None = None

    def checked(self) -> Asked:
        """The same, in its proper form.

        Raises:
            ValueError: a part is missing or too long, no such country, or fields that the purpose does not need.
            UnknownField: no such field.
        """
        made = Asked(
            _line(self.authority, "authority", 120), self.country.upper(), _line(self.provision, "provision", 200),
            _line(self.reference, "reference", 60), tuple(sorted(set(self.fields))),
            tuple(dict.fromkeys(self.customers)), self.silent_until,
        )  # fmt: skip
        if not _COUNTRY.fullmatch(made.country):
            raise ValueError("country: two capital letters")
        rules = installation().rules
        if not made.fields:
            raise ValueError("fields: name what the document asks for, and no more")
        if any(rules.dictionary.field(name).name not in rules.purposes[PURPOSE].least for name in made.fields):
            raise ValueError("fields: the purpose does not need all of these")
        if not 0 < len(made.customers) <= MOST:
            raise ValueError(f"customers: 1 to {MOST}, each by id")
        return made


@dataclass(frozen=True, slots=True)
class Demand:
    """A demand as it stands. ``subjects``: those of whom it was asked who are still here; ``silent``: the withholding."""

    id: UUID
    authority: str
    country: str
    provision: str
    reference: str
    fields: tuple[str, ...]
    customers: int
    silent: UUID | None
    asked_by: UUID
    asked_at: datetime
    decided_by: UUID | None
    decided_at: datetime | None
    approved: bool | None
    ran_at: datetime | None
    rows: int | None
    sha256: bytes | None
    subjects: tuple[UUID, ...] = ()
    approvals: tuple[Approval, ...] = ()

    @property
    def state(self) -> str:
        """``waiting``, ``refused``, ``ready``, ``expired``, ``interrupted`` or ``done``."""
        if self.ran_at is not None:
            return "done" if self.sha256 is not None else "interrupted"
        if self.approved is None:
            return "waiting"
        if not self.approved:
            return "refused"
        assert self.decided_at is not None
        return "ready" if datetime.now(UTC) - self.decided_at <= GOOD_FOR else "expired"


def register_demand(asked: Asked, document: bytes, *, actor: Actor) -> Demand:
    """Put a demand into the register, its document sealed; where it forbids to tell the customers, ask for that, too.

    Raises:
        Refused: who asks is not of the legal office, or may not act.
        UnknownSubject: a customer is not here.
        ValueError, UnknownField: see :meth:`Asked.checked`; no document, or too large a one.
    """
    require_act("give", actor)
    _require_office("legal", actor, "house.authority")
    asked, id = asked.checked(), new_id()
    held = Evidence("court-order", document or None).checked()
    if not held.kept:
        raise ValueError("document: the authority's own, up to 4 MB")
    for one in asked.customers:
        part_of(one, whole=False)
    with transaction.atomic(), connection.cursor() as cursor:
        silent = _ask_silence(asked, id, actor=actor) if asked.silent_until else None
        make_key(id)
        cursor.execute(
            "insert into authority_demand (id, authority, country, provision, reference, fields, customers, document,"
            " silent, asked_by) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                id, asked.authority, asked.country, asked.provision, asked.reference, list(asked.fields),
                len(asked.customers), held.seal(id, id), silent, actor.human,
            ],
        )  # fmt: skip
        cursor.executemany(
            "insert into authority_demand_subject (demand, subject) values (%s, %s)",
            [(id, one) for one in asked.customers],
        )
        record_act("give", None, actor=actor, purpose=PURPOSE_ID, detail=id)
    return demand_of(id)


def _ask_silence(asked: Asked, id: UUID, *, actor: Actor) -> UUID:
    assert asked.silent_until is not None
    email = Staff.objects.values_list("email", flat=True).get(id=actor.human)
    return withheld.ask(
        actor=actor,
        email=email,
        purpose=PURPOSE,
        since=None,
        until=asked.silent_until,
        reference=asked.reference,
        act=id,
    ).id


def approve_abroad(id: UUID, law: str, *, reference: str, document: bytes | None, actor: Actor) -> Demand:
    """Record what lets a demand from abroad be met: the competent authority's approval, an agreement in force.

    Raises:
        Refused: who asks is not of the legal office.
        UnknownDemand: there is none.
        NotToHandOver: it is decided already, or that law's is recorded.
        ValueError: no such law, no reference, or too large a document.
    """
    require_act("give", actor)
    _require_office("legal", actor, "house.authority")
    if law not in APPROVALS:
        raise ValueError(f"law: one of {', '.join(APPROVALS)}")
    held = demand_of(id)
    if held.state != "waiting" or law in {one.law for one in held.approvals}:
        raise NotToHandOver(held.state)
    proof, made = Evidence("court-order", document or None).checked(), new_id()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "insert into authority_approval (id, demand, law, reference, document, recorded_by)"
            " values (%s, %s, %s, %s, %s, %s)",
            [made, id, law, _line(reference, "reference", 120), proof.seal(id, made), actor.human],
        )
        record_act("give", None, actor=actor, purpose=PURPOSE_ID, detail=id)
    return demand_of(id)


def decide(id: UUID, *, actor: Actor, approve: bool) -> Demand:
    """Let it, or not: the privacy office, for all that stands in it, its silence included.

    Raises:
        ActRefused: the role may not.
        Refused: another office.
        UnknownDemand, NotToHandOver: as they say; also where its silence has ended or was decided apart.
    """
    act = "approve" if approve else "refuse"
    require_act(act, actor)
    held = demand_of(id)
    if held.state != "waiting":
        raise NotToHandOver(held.state)
    if actor.role != "privacy" or actor.human == held.asked_by:
        with transaction.atomic():
            record_act(act, None, actor=actor, purpose=PURPOSE_ID, detail=id, refused_by=withheld.SECOND_OFFICE)
        raise Refused(withheld.SECOND_OFFICE)
    require_standing(actor)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if held.silent is not None:
                _decide_silence(held.silent, actor=actor, approve=approve)
            cursor.execute(
                "update authority_demand set decided_by = %s, decided_at = clock_timestamp(), approved = %s"
                " where id = %s and decided_by is null",
                [actor.human, approve, id],
            )
            if not cursor.rowcount:
                raise NotToHandOver("decided")
            record_act(act, None, actor=actor, purpose=PURPOSE_ID, detail=id)
    except withheld.NotToDecide as state:
        raise NotToHandOver(f"silence {state}") from None
    return demand_of(id)


def _decide_silence(id: UUID, *, actor: Actor, approve: bool) -> None:
    """Let or refuse the silence with its demand; another office may have let it apart, before.

    Raises:
        NotToDecide: it was refused, lifted or has ended: the demand cannot be met as it was asked.
    """
    state = withheld.withholding_of(id).state
    if state == "waiting":
        withheld.decide(id, actor=actor, approve=approve)
    elif approve and state != "in force":
        raise withheld.NotToDecide(state)


def demand_of(id: UUID) -> Demand:
    """One demand, for the rooms of the house.

    Raises:
        UnknownDemand: there is none of that id.
    """
    found = _select("where d.id = %s", [id])
    if not found:
        raise UnknownDemand(str(id))
    return found[0]


def demands(*, actor: Actor, everything: bool = False) -> list[Demand]:
    """The newest hundred and those that wait, or every one, for the offices and who reads the ledger.

    Raises:
        ActRefused: the role may not.
    """
    _require_sight(actor)
    return _select(_SHOWN, [None if everything else _NEWEST])


def how_many() -> int:
    """Demands in all; a count names nobody."""
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from authority_demand")
        return int(cursor.fetchone()[0])


def shown(id: UUID, *, actor: Actor) -> Demand:
    """One demand, for the offices and who reads the ledger.

    Raises:
        ActRefused: the role may not.
        UnknownDemand: there is none of that id.
    """
    _require_sight(actor)
    return demand_of(id)


def document_of(id: UUID, *, actor: Actor, law: str | None = None) -> bytes:
    """The authority's document, or what one law's approval rests on; that it was opened stands in the ledger.

    Raises:
        ActRefused: the role is neither the legal nor the privacy office.
        UnknownDemand: there is none, or it went with the last customer whom it named.
    """
    require_act("approve", actor)
    require_standing(actor)
    with connection.cursor() as cursor:
        if law is None:
            cursor.execute("select id, document from authority_demand where id = %s", [id])
        else:
            cursor.execute("select id, document from authority_approval where demand = %s and law = %s", [id, law])
        found = cursor.fetchone()
    if found is None or found[1] is None:
        raise UnknownDemand(str(id))
    sealed = Sealed(id, found[0], bytes(found[1]))
    [text] = open_texts([sealed], None, actor=actor, act="read", purpose=PURPOSE_ID, detail=id)
    if text is None:
        raise UnknownDemand(str(id))
    return base64.b64decode(read_evidence(text)["content"])


def require_legal(actor: Actor) -> None:
    """Go on only as the legal office.

    Raises:
        Refused: somebody else; that they tried stands in the ledger.
    """
    _require_office("legal", actor, "house.authority")


def _require_office(role: str, actor: Actor, policy: str) -> None:
    """Of that office, in good standing.

    Raises:
        Refused: neither.
    """
    if actor.role != role:
        with transaction.atomic():
            record_act("give", None, actor=actor, purpose=PURPOSE_ID, refused_by=policy)
        raise Refused(policy)
    require_standing(actor)


def _require_sight(actor: Actor) -> None:
    if actor.outside is not None or actor.role not in SEES:
        raise ActRefused("give", actor.role)
    if not sees_all(actor):  # whoever registers them
        require_act("give", actor)


def _line(text: str, part: str, most: int) -> str:
    text = text.strip()
    if not 0 < len(text) <= most or not text.isprintable():
        raise ValueError(f"{part}: one line of up to {most} characters")
    return text


def _select(rest: str, parameters: Sequence[Any]) -> list[Demand]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {', '.join(f'd.{name}' for name in _COLUMNS)}, array(select s.subject from authority_demand_subject s"
            f" where s.demand = d.id order by 1) from authority_demand d {rest}",
            list(parameters),
        )
        rows = cursor.fetchall()
        cursor.execute(
            "select demand, law, reference, recorded_by, recorded_at from authority_approval where demand = any (%s)"
            " order by law",
            [[row[0] for row in rows]],
        )
        approvals = cursor.fetchall()
    return [
        Demand(
            **dict(zip(_COLUMNS, row, strict=False))
            | {"fields": tuple(row[5]), "sha256": None if row[15] is None else bytes(row[15])},
            subjects=tuple(row[16]),
            approvals=tuple(Approval(*one[1:]) for one in approvals if one[0] == row[0]),
        )
        for row in rows
    ]
