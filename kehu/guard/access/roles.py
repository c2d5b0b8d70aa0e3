"""Roles of the house: a shipped role, narrowed. One person proposes, another lets it through, a third is given it.

A house role takes from its base and adds nothing: the policies forbid what it does not leave (``house.custom-role*``), and
:func:`kehu.guard.gate.acts.require_act` the acts. What is left stands in each credential of its holders, written by the
database (migration 0025), and so in the key of every decision.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, connection, transaction

from kehu.govern.slugs import CATEGORIES, ROLES
from kehu.guard.gate.actor import Actor, Narrowing
from kehu.guard.gate.acts import ACTS, EVERYBODYS, Refused, acts_open_to, require_act
from kehu.guard.gate.standing import require_standing
from kehu.guard.installation import claims_of
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.step_up import require_step_up
from kehu.vault.ids import new_id

ACTIONS: Final = ("open", "mask", "match")
BASES: Final = tuple(role for role in ROLES if role != "owner")
_NAME: Final = re.compile(r"[a-z][a-z0-9-]{1,38}")
_COLUMNS: Final = (
    "id", "name", "version", "base", "purposes", "categories", "level", "actions", "acts", "proposed_by", "proposed_at",
    "decided_at", "approved",
)  # fmt: skip


class UnknownRole(LookupError):
    """No role of the house of that id or name."""


class RoleDecided(RuntimeError):
    """It was let through or stopped before, or another version of it waits."""


@dataclass(frozen=True, slots=True)
class HouseRole:
    """A version of a role of the house, and what it leaves of its base. ``holders``: active people who hold it.

    ``email`` is of who proposed it, ``by`` of who decided. ``newest``: no later version is in force.
    """

    id: UUID
    name: str
    version: int
    base: str
    purposes: tuple[str, ...]
    categories: tuple[str, ...]
    level: int
    actions: tuple[str, ...]
    acts: tuple[str, ...]
    proposed_by: UUID
    proposed_at: datetime
    decided_at: datetime | None
    approved: bool | None
    email: str
    by: str
    newest: bool
    holders: int

    @property
    def state(self) -> str:
        """``waiting``, ``refused``, ``live`` or ``replaced``."""
        if self.approved is None:
            return "waiting"
        if not self.approved:
            return "refused"
        return "live" if self.newest else "replaced"

    @property
    def narrowing(self) -> Narrowing:
        """As the gate is told of it."""
        return Narrowing(
            self.name, self.version, self.purposes, self.categories, self.level, self.actions, frozenset(self.acts)
        )


def acts_of(base: str) -> tuple[str, ...]:
    """The acts of a shipped role that a role of the house may leave or take."""
    return tuple(sorted(act for act, roles in ACTS.items() if base in roles and act not in EVERYBODYS))


def propose(
    name: str, base: str, *, purposes: Iterable[str] | None, categories: Iterable[str] | None, level: int,
    actions: Iterable[str], acts: Iterable[str] | None, actor: Actor,
) -> HouseRole:  # fmt: skip
    """Propose a role of the house, or its next version; None leaves all that the base has. Somebody else decides.

    Raises:
        ActRefused, Refused: the role or standing does not allow it.
        ValueError: no such name or base, or more than the base has.
        RoleDecided: a version of it waits already.
    """
    require_act("propose-role", actor)
    require_standing(actor)
    if not _NAME.fullmatch(name) or name in {*ROLES, "customer"}:
        raise ValueError("name: small letters, digits and hyphens, and none of a shipped role")
    if base not in BASES:
        raise ValueError(f"base: one of {', '.join(BASES)}")
    if not 1 <= level <= 4:
        raise ValueError("level: 1 to 4")
    left = {
        "purposes": _within("purposes", purposes, sorted(claims_of(base))),
        "categories": _within("categories", categories, list(CATEGORIES)),
        "actions": _within("actions", actions, list(ACTIONS)),
        "acts": _within("acts", acts, acts_of(base)),
    }
    id = new_id()
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "insert into house_role (id, name, version, base, purposes, categories, level, actions, acts, proposed_by)"
                " select %s, %s, coalesce(max(r.version), 0) + 1, %s, %s, %s, %s, %s, %s, %s from house_role r"
                " where r.name = %s",
                [
                    id, name, base, left["purposes"], left["categories"], level, left["actions"], left["acts"],
                    actor.human, name,
                ],
            )  # fmt: skip
            record_act("propose-role", None, actor=actor, detail=id)
    except IntegrityError:
        if any(one.name == name and one.base != base for one in _select("true", [])):
            raise ValueError("base: the one that this role has had from the beginning") from None
        raise RoleDecided(name) from None
    return role_of(id)


def decide(id: UUID, *, actor: Actor, approve: bool) -> HouseRole:
    """Let a role through, for everybody who holds it and from their next read on; or stop it. Nobody decides their own.

    The privacy office may stop one and lets none through (GDPR 38(6)).

    Raises:
        ActRefused, Refused: the role or standing does not allow it, it is one's own, or the second factor was not shown.
        UnknownRole, RoleDecided: see there.
    """
    act = "approve-role" if approve else "refuse-role"
    require_act(act, actor)
    require_standing(actor)
    if approve:
        require_step_up(actor)
    held = role_of(id)
    if held.proposed_by == actor.human:
        with transaction.atomic():
            record_act(act, None, actor=actor, detail=id, refused_by="house.second-person")
        raise Refused("house.second-person")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "update house_role set decided_by = %s, approved = %s where id = %s and approved is null",
            [actor.human, approve, id],
        )
        if not cursor.rowcount:
            raise RoleDecided(held.name)
        record_act(act, None, actor=actor, detail=id)
    return role_of(id)


def house_roles(*, actor: Actor) -> list[HouseRole]:
    """Every version, by name, the newest first; which roles there are is no secret.

    Raises:
        Refused: a recipient's token.
    """
    require_act("matrix", actor)
    return _select("true order by r.name, r.version desc", [])


def in_force(name: str) -> HouseRole | None:
    """The version in force of a role of the house; None: there is none of that name."""
    return next((one for one in _select("r.name = %s and r.approved", [name]) if one.newest), None)


def names_in_force() -> list[str]:
    """The roles of the house that somebody can be given."""
    return sorted({one.name for one in _select("r.approved", [])})


def role_of(id: UUID) -> HouseRole:
    """One version.

    Raises:
        UnknownRole: there is none of that id.
    """
    found = _select("r.id = %s", [id])
    if not found:
        raise UnknownRole(str(id))
    return found[0]


def may_decide(held: HouseRole, actor: Actor, *, approve: bool) -> bool:
    """Whether it waits for somebody like this one."""
    act = "approve-role" if approve else "refuse-role"
    return held.approved is None and held.proposed_by != actor.human and act in acts_open_to(actor)


def _within(part: str, named: Iterable[str] | None, base: Iterable[str]) -> list[str]:
    """What is left of what the base has, in its order.

    Raises:
        ValueError: more than the base has.
    """
    held = list(base)
    left = set(held if named is None else named)
    if not left <= set(held):
        raise ValueError(f"{part}: of {', '.join(held) or 'none'}")
    return [one for one in held if one in left]


def _select(rest: str, parameters: list[Any]) -> list[HouseRole]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {', '.join(f'r.{name}' for name in _COLUMNS)}, p.email, coalesce(d.email, ''), not exists (select 1"
            " from house_role x where x.name = r.name and x.approved and x.version > r.version), (select count(*) from"
            " guard_staff f where f.house_role = r.name and f.is_active) from house_role r"
            " join guard_staff p on p.id = r.proposed_by left join guard_staff d on d.id = r.decided_by"
            f" where {rest}",
            parameters,
        )
        rows = cursor.fetchall()
    return [_made(row) for row in rows]


def _made(row: tuple[Any, ...]) -> HouseRole:
    held: list[Any] = [tuple(one) if isinstance(one, list) else one for one in row]
    return HouseRole(*held)
