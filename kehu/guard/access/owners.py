"""Who owns what: every channel, source, field, purpose, notice, policy and law pack has an owner, and should have a deputy.

What ships belongs to the home's owner until somebody is named; that nothing unowned comes in force is the database's
(migration 0025). What somebody has in hand (a request, an incident, a proposal) stands here once it was handed to
another: before, it is whose it was from the beginning (:mod:`kehu.serve.office.handing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from kehu.govern.dictionary import Dictionary
from kehu.govern.models import Notice
from kehu.govern.packs import PACKS
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, acts_open_to, require_act
from kehu.guard.gate.standing import require_standing
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import UnknownStaff
from kehu.guard.staff.models import Staff
from kehu.host.paths import policies_dir

KINDS: Final = ("purpose", "notice", "policy", "law", "channel", "source", "field", "quality", "verification")
"""What the house has; a source is a channel by which third parties or the public supply data, a quality rule of data, a
verification a policy of how often something is confirmed."""
INDEPENDENT: Final = "house.independent"


class UnknownThing(LookupError):
    """Nothing of that kind and name is owned."""


@dataclass(frozen=True, slots=True)
class Owned:
    """A thing with its people. ``named``: its owner is a person, not the home's owner for want of one."""

    kind: str
    name: str
    owner: UUID
    owner_email: str
    deputy: UUID | None
    deputy_email: str
    since: datetime
    named: bool

    @property
    def whole(self) -> bool:
        """Whether a person owns it and another stands in for them."""
        return self.named and self.deputy is not None


def own_what_ships(owner: UUID) -> None:
    """Give the home's owner what ships and nobody owns yet: before the rules that name it come in force."""
    names = {**things_of_the_rules(), "purpose": list(PURPOSES), "notice": _notices()}
    rows = [(kind, name, owner, owner) for kind, held in names.items() for name in held]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(
            "insert into owned (kind, name, owner, by) select %s, %s, %s, %s on conflict (kind, name) do nothing", rows
        )
        cursor.execute(
            "insert into owned (kind, name, owner, by) select case when c.kind in ('third-party', 'public') then 'source'"
            " else 'channel' end, c.name, coalesce((select s.id from guard_staff s where s.id = c.owner and s.is_active), %s),"
            " %s from govern_channel c on conflict (kind, name) do nothing",
            [owner, owner],
        )


def things_of_the_rules() -> dict[str, list[str]]:
    """The fields, policy files and law packs that the rules of this program name; the database lets none in unowned."""
    return {
        "field": sorted(Dictionary.load().fields),
        "policy": sorted(path.stem for path in policies_dir().glob("*.cedar")),
        "law": list(PACKS),
    }


def owners(*, actor: Actor, kind: str | None = None) -> list[Owned]:
    """What the house has, with its people, in the order of KINDS; of one kind, or all.

    Raises:
        Refused: a recipient's token.
        ValueError: no such kind.
    """
    require_act("owners", actor)
    if kind is not None and kind not in KINDS:
        raise ValueError(f"kind: one of {', '.join(KINDS)}")
    found = _select("o.kind = any (%s)", [[kind] if kind else list(KINDS)])
    return sorted(found, key=lambda one: (KINDS.index(one.kind), one.name))


def owned_by(staff: UUID) -> list[Owned]:
    """Everything of which a person is owner or deputy, what they have in hand included."""
    return _select("%s in (o.owner, o.deputy) order by o.kind, o.name", [staff])


def set_owner(kind: str, names: Sequence[str], *, owner: str, deputy: str | None, actor: Actor) -> list[Owned]:
    """Name the owner and the deputy of some things, by their emails: whoever may say so, or its owner handing it on.

    Raises:
        ActRefused: the role may not, and one of them is not the actor's own.
        Refused: a purpose for the privacy office, which looks at purposes and owns none (GDPR 38(6)).
        UnknownStaff: nobody of that email works here.
        UnknownThing: see there.
        ValueError: owner and deputy are the same.
    """
    people = [_active(owner), _active(deputy) if deputy else None]
    if people[0] == people[1]:
        raise ValueError("deputy: another person than the owner")
    held = _select("o.kind = %s and o.name = any (%s)", [kind, list(names)])
    if not held or len(held) < len(set(names)):
        raise UnknownThing(kind)
    if any(one.owner != actor.human for one in held):
        require_act("own", actor)
    require_standing(actor)
    if kind == "purpose":
        require_independence(people, actor=actor)
    with transaction.atomic():
        write_owners(((kind, one.name) for one in held), people[0], people[1], by=actor.human)
        record_act("own", None, actor=actor)
    return _select("o.kind = %s and o.name = any (%s) order by o.name", [kind, list(names)])


def require_independence(people: Iterable[UUID | None], *, actor: Actor, act: str = "own") -> None:
    """Let on where none of these is of the privacy office; a refusal stands in the ledger.

    Raises:
        Refused: one is.
    """
    if Staff.objects.filter(id__in=[one for one in people if one], role="privacy").exists():
        with transaction.atomic():
            record_act(act, None, actor=actor, refused_by=INDEPENDENT)
        raise Refused(INDEPENDENT)


def write_owners(things: Iterable[tuple[str, str]], owner: UUID | None, deputy: UUID | None, *, by: UUID) -> None:
    """Write the owners of some things, in the caller's transaction."""
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into owned (kind, name, owner, deputy, by) values (%s, %s, %s, %s, %s) on conflict (kind, name)"
            " do update set owner = excluded.owner, deputy = excluded.deputy, by = excluded.by",
            [(kind, name, owner, deputy, by) for kind, name in things],
        )


def behind(change: UUID) -> UUID | None:
    """Who stands behind a proposal of the register: whoever took it over, else who made it; None for what shipped."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select coalesce((select o.owner from owned o where o.kind = 'proposal' and o.name = c.id::text), c.proposed_by)"
            " from govern_change c where c.id = %s",
            [change],
        )
        row = cursor.fetchone()
    return row[0] if row else None


def own_from_the_beginning(kind: str, name: str, owner: UUID) -> None:
    """Have a new thing owned by whoever wanted it, in the transaction that puts it in force."""
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into owned (kind, name, owner, by) values (%s, %s, %s, %s) on conflict (kind, name) do nothing",
            [kind, name, owner, owner],
        )


def may_set(one: Owned, actor: Actor) -> bool:
    """Whether somebody like this one may name its people."""
    return one.owner == actor.human or "own" in acts_open_to(actor)


def lacking() -> tuple[int, int, int]:
    """How many things the house has, how many of them no person owns, and how many have no deputy."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*), count(*) filter (where s.role = 'owner'), count(*) filter (where o.deputy is null)"
            " from owned o join guard_staff s on s.id = o.owner where o.kind = any (%s)",
            [list(KINDS)],
        )
        all_, unnamed, alone = cursor.fetchone()
    return int(all_), int(unnamed), int(alone)


def _active(email: str) -> UUID:
    found = Staff.objects.filter(email__iexact=email, is_active=True).values_list("id", flat=True).first()
    if found is None:
        raise UnknownStaff(email)
    return UUID(str(found))


def _notices() -> list[str]:
    return list(Notice.objects.order_by("name").values_list("name", flat=True).distinct())


def _select(rest: str, parameters: list[Any]) -> list[Owned]:
    with connection.cursor() as cursor:
        cursor.execute(
            "select o.kind, o.name, o.owner, s.email, o.deputy, coalesce(d.email, ''), o.since, s.role <> 'owner'"
            " from owned o join guard_staff s on s.id = o.owner left join guard_staff d on d.id = o.deputy"
            f" where {rest}",
            parameters,
        )
        return [Owned(*row) for row in cursor.fetchall()]
