"""The people of the tests: staff and customers, made through the doors that the system itself uses."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from kehu.govern.slugs import CATEGORIES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.admit import Admission, Draft, Terms
from kehu.guard.gate.read import gate
from kehu.guard.installation import installation
from kehu.guard.setup import open_owner, register_rules
from kehu.guard.staff.actions import actor_of, add_staff, owner_actor
from kehu.host.database import Database
from kehu.refine.tokens import tokens_of
from kehu.vault.copying import int8_items
from kehu.vault.ids import new_id
from kehu.vault.seal import packed

Seen = TypeVar("Seen")


def staff(role: str, *, attest: bool = True) -> Actor:
    """A member of staff of that role."""
    made, _ = add_staff(email=f"{role}@kehu.example", role=role, department=None, attest=attest)
    return actor_of(made.email)


def admit(
    *people: dict[str, str], basis: str = "contract", packs: int = 1, age: int = 5, notice: int = 1, kind: int = 1
) -> list[UUID]:
    """Bring people in, one origin subject each; returns their ids."""
    held = installation()
    terms = Terms(1, "store", 1, basis, notice, False, None)
    drafts = []
    for number, person in enumerate(people):
        values: dict[int, dict[str, list[object]]] = {}
        for name, value in person.items():
            category = CATEGORIES[held.rules.dictionary.field(name).category]
            values.setdefault(category, {})[name] = [value, value, 1, None]
        own = held.tokens.source(1, 1, 1, f"{person}{number}")
        tokens = [token for name, value in person.items() for token in tokens_of(name, value).every]
        sealed = {category: packed(fields) for category, fields in values.items()}
        drafts.append(Draft(kind, own, own, sealed, int8_items(tokens), [], packs, age, kind_of_subject=kind))
    admission = Admission(held, gate().decisions, actor=owner_actor(), terms=terms)
    with transaction.atomic():
        connection.ensure_connection()
        admission.admit(connection.connection, drafts)
    return [UUID(bytes=draft.subject) for draft in drafts if draft.subject]


def shipped_with(database: Database, purpose: str, **parts: object) -> None:
    """Have a purpose ship with other parts (recipients, countries…), of the same version: no consent is outrun by it."""
    with open_owner(database) as owner:
        owner.execute(
            "insert into govern_change (id, register, name, version, revision, base_id, content, meaning, reason, shipped,"
            " proposed_at) select %s, register, name, version, revision + 1, id, content || %s::jsonb, false, '', true, now()"
            " from govern_change where register = 'purpose' and name = %s and shipped order by version desc, revision desc"
            " limit 1",
            [new_id(), json.dumps(parts), purpose],
        )
    register_rules()
    installation().held_rules.read_again()


def before_its_end(act: Callable[[datetime], Seen]) -> Seen:
    """What an act saw of something that ends at the moment it is given; that moment is over when this returns.

    On a machine too slow to see it in time the act is tried anew with a later moment.
    """
    for seconds in (1, 5, 25):
        end = timezone.now() + timedelta(seconds=seconds)
        seen = act(end)
        if timezone.now() < end:
            break
    wait_for(end)
    return seen


def wait_for(moment: datetime) -> None:
    """Until the database's clock is past a moment."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_sleep(greatest(0, extract(epoch from %s - clock_timestamp()) + 0.05))", [moment])
