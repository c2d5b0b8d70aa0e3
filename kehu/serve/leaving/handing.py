"""What an authority demanded, handed over: once, each customer decided and recorded before it is opened, and sealed.

Of each the certain part that was named: whom linkage alone joined to it may be somebody else, of whom nothing was demanded.
No made-up customer stands in it, as in a list: an authority would take them for real. Whose copy a file is tells its digest.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
import pyrage
from django.db import connection, transaction

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.gate.read import CHUNK, PROFILE_KINDS, Opened, gate
from kehu.guard.installation import installation
from kehu.guard.ledger import withheld
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.models import Staff
from kehu.guard.staff.step_up import STEP_UP, needs_step_up
from kehu.host.home import require_new, write_new
from kehu.refine.survive import survive, text_of
from kehu.serve.leaving.demands import PURPOSE, PURPOSE_ID, Demand, NotToHandOver, demand_of
from kehu.serve.rights.scope import parts_of

_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read for something else
_GROUPS: Final = 6
_GROUP: Final = 5


@dataclass(frozen=True, slots=True)
class Handed:
    """The sealed file, how many customers stand in it, and what kept others back: each policy with its number.

    ``passphrase`` opens it where no key was named; it is kept nowhere: tell it by another way.
    """

    file: Path
    sha256: str
    rows: int
    kept_back: dict[str, int]
    passphrase: str | None = field(repr=False)


def hand_over(id: UUID, *, actor: Actor, to: Path, key: str | None = None) -> Handed:
    """Write what the demand names as an age file: for the authority's key, else for a passphrase.

    Raises:
        ActRefused, Refused: the role may not; somebody else registered it, who is of the legal office still; a second factor is
            due.
        UnknownDemand, NotToHandOver: as they say.
        ValueError: no age key.
        FileExistsError, CannotWrite: see :func:`kehu.host.home.require_new`.
    """
    require_act("give", actor)
    held = demand_of(id)
    keys = [_key(key)] if key else []
    asker = Staff.objects.filter(id=held.asked_by, role="legal", is_active=True)
    if held.asked_by != actor.human and (actor.role != "legal" or asker.exists()):
        raise Refused("house.authority")
    if needs_step_up(actor):
        with transaction.atomic():
            record_act("give", None, actor=actor, purpose=PURPOSE_ID, detail=id, refused_by=STEP_UP)
        raise Refused(STEP_UP)
    require_new(to)
    _claim(held, actor)
    people, kept_back = _people(held, actor)
    packed = orjson.dumps(_head(held) | {"customers": people}, option=orjson.OPT_INDENT_2)
    passphrase = None if keys else _passphrase()
    sealed = pyrage.encrypt(packed, keys) if keys else pyrage.passphrase.encrypt(packed, str(passphrase))
    digest = hashlib.sha256(sealed)
    _note(id, len(people), digest.digest())  # before there is a file: none lies there that the register does not know
    try:
        write_new(to, sealed)
    except OSError:
        _note(id, len(people), None)
        raise
    return Handed(to, digest.hexdigest(), len(people), kept_back, passphrase)


def seal_to(content: bytes, to: Path, key: str) -> Path:
    """Write a document for one key.

    Raises:
        ValueError: no age key.
        FileExistsError, CannotWrite: see :func:`kehu.host.home.require_new`.
    """
    require_new(to)
    write_new(to, pyrage.encrypt(content, [_key(key)]))
    return to


def _claim(held: Demand, actor: Actor) -> None:
    """Take the one run there is; of two at once one is told that it ran."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("select 1 from authority_demand where id = %s for update", [held.id])
        now = demand_of(held.id)
        if now.state != "ready":
            raise NotToHandOver(now.state)
        if now.silent is not None and not _kept_silent(now.silent):
            raise NotToHandOver("told")
        cursor.execute("update authority_demand set ran_at = clock_timestamp() where id = %s", [held.id])
        record_act("give", None, actor=actor, purpose=PURPOSE_ID, detail=held.id)


def _note(id: UUID, rows: int, digest: bytes | None) -> None:
    """What the file came to; without a digest there is none."""
    with connection.cursor() as cursor:
        cursor.execute("update authority_demand set rows = %s, sha256 = %s where id = %s", [rows, digest, id])


def _kept_silent(id: UUID) -> bool:
    """Whether the withholding is in force, by our own hand."""
    return withheld.withholding_of(id).state == "in force" and withheld.approved_by_us(id)


def _people(held: Demand, actor: Actor) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Each certain part that was named, with the values that the gate let out; and what kept the others back."""
    people: list[dict[str, Any]] = []
    kept: dict[str, int] = {}
    for start in range(0, len(held.subjects), CHUNK):
        opened = gate().open(
            held.subjects[start : start + CHUNK],
            actor=actor,
            purpose=PURPOSE,
            fields=held.fields,
            use="give",
            kinds=PROFILE_KINDS,
            detail=held.id,
            recipient=held.authority,
            recipient_kind="authority",
            country=held.country,
            approved=tuple(one.law for one in held.approvals),
        )
        named = parts_of(held.subjects)
        for one in opened:
            if one.decision.finds:
                for core, part in named.items():
                    if not part.isdisjoint(one.origins):
                        people.append({"customer": str(core), "values": _values(one, part), "ledger": one.seq})
                continue
            policy = next(iter(one.decision.fields.values()))[0].policy
            kept[policy] = kept.get(policy, 0) + 1
    return people, kept


def _values(one: Opened, part: Collection[UUID]) -> dict[str, str]:
    type_of = installation().rules.dictionary.field
    theirs = [said for said in one.contributions if said.subject in part]
    return {name: text_of(won.said, type_of(name).type) for name, won in survive(theirs).items()}


def _head(held: Demand) -> dict[str, Any]:
    """What the answer answers."""
    return {
        "demand": str(held.id),
        "authority": held.authority,
        "country": held.country,
        "provision": held.provision,
        "reference": held.reference,
        "fields": list(held.fields),
        "approvals": [{"law": one.law, "reference": one.reference} for one in held.approvals],
    }


def _key(key: str) -> pyrage.x25519.Recipient:
    try:
        return pyrage.x25519.Recipient.from_str(key)
    except pyrage.RecipientError:
        raise ValueError("key: the authority's public age key (age1…)") from None


def _passphrase() -> str:
    """Six groups of five letters: 148 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
