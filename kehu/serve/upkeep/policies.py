"""Policies of verification: made with an owner and a deputy, run every night, retired; another one replaces, none is edited."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from kehu.govern.parts import part_of
from kehu.govern.slugs import ROLES
from kehu.guard.access.owners import write_owners
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import ACTS, require_act
from kehu.guard.gate.read import PROFILE_KINDS, gate
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import UnknownStaff
from kehu.guard.staff.models import Staff
from kehu.refine.quality.people import people
from kehu.refine.quality.tally import moment_of
from kehu.refine.survive import survive
from kehu.serve.upkeep.confirming import PURPOSE, VERIFIABLE
from kehu.serve.upkeep.models import WAYS, WHOM, WITHOUT_VALUE, Policy, Task
from kehu.vault.ids import new_id

OWNED: Final = "verification"
"""Their kind in the register of owners."""
MOST_AT_ONCE: Final = 500
"""Tasks that a policy makes in one run: a queue nobody can work off helps nobody."""
MONTH: Final = timedelta(days=30.44)
_SLUG: Final = re.compile(r"[a-z][a-z0-9-]{1,59}")


class UnknownPolicy(LookupError):
    """Nothing of that name is in force."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A policy as somebody writes it: of ``whom``, how often ``field`` is verified, or after how many bounces."""

    slug: str
    field: str
    months: int | None = None
    bounces: int | None = None
    whom: str = "all"
    way: str = "task"
    role: str = "service"
    due_days: int = 30

    def checked(self) -> Wanted:
        """The same.

        Raises:
            ValueError: a word is unknown, or it has no cause, or two.
        """
        if not _SLUG.fullmatch(self.slug):
            raise ValueError("slug: small letters, digits and -, a letter first")
        if self.field not in VERIFIABLE:
            raise ValueError(f"field: one of {', '.join(VERIFIABLE)}")
        if self.whom not in WHOM or self.way not in WAYS or self.role not in ROLES:
            raise ValueError(f"whom: {', '.join(WHOM)}; way: {', '.join(WAYS)}; role: one of the house's")
        if self.role not in ACTS["verify-task"]:
            raise ValueError("role: one that may have such tasks")
        if (self.months is None) == (self.bounces is None):
            raise ValueError("months, or bounces")
        months, bounces = (1 if one is None else one for one in (self.months, self.bounces))
        if not 1 <= months <= 120 or not 1 <= bounces <= 20 or not 1 <= self.due_days <= 365:
            raise ValueError("months 1 to 120, bounces 1 to 20, due 1 to 365 days")
        return self


def make_policy(wanted: Wanted, *, owner: str, deputy: str, actor: Actor) -> Policy:
    """Put a policy in force, in place of one of the same name.

    Raises:
        Refused: the role may not.
        UnknownStaff: nobody of that email works here.
        ValueError: as :meth:`Wanted.checked`; or owner and deputy are the same.
    """
    require_act("verify-policy", actor)
    wanted.checked()
    people_ = [_active(owner), _active(deputy)]
    if people_[0] == people_[1]:
        raise ValueError("deputy: another person than the owner")
    with transaction.atomic():
        Policy.objects.filter(slug=wanted.slug, retired_at=None).update(
            retired_at=timezone.now(), retired_by=actor.human
        )
        write_owners([(OWNED, wanted.slug)], people_[0], people_[1], by=actor.human)
        made = Policy.objects.create(
            id=new_id(), slug=wanted.slug, field=wanted.field, months=wanted.months, bounces=wanted.bounces,
            whom=wanted.whom, way=wanted.way, role=wanted.role, due_days=wanted.due_days, made_by=actor.human,
        )  # fmt: skip
        record_act("verify-policy", None, actor=actor, detail=made.id)
    return made


def retire_policy(slug: str, *, actor: Actor) -> None:
    """End a policy; tasks that it made stay.

    Raises:
        Refused: the role may not.
        UnknownPolicy: nothing of that name is in force.
    """
    require_act("verify-policy", actor)
    with transaction.atomic():
        done = Policy.objects.filter(slug=slug, retired_at=None).update(
            retired_at=timezone.now(), retired_by=actor.human
        )
        if not done:
            raise UnknownPolicy(slug)
        record_act("verify-policy", None, actor=actor)


def in_force() -> list[Policy]:
    """Every policy that counts, by name."""
    return list(Policy.objects.filter(retired_at=None).order_by("slug"))


def run_policy(policy: Policy, *, actor: Actor) -> int:
    """Make tasks where a value is older than the policy allows; returns how many, at most :data:`MOST_AT_ONCE`.

    Whoever could not be reached, or asked to have it removed, is asked once more when the policy's months have gone by.
    What it looks at is opened as a measuring is: nobody is shown it.

    Raises:
        Refused: the role may not.
    """
    require_act("measure", actor)
    if policy.months is None:
        return 0
    made, since = 0, datetime.now(UTC) - policy.months * MONTH
    oldest = int(since.timestamp() * 1000)
    for page in _asked_about(policy, since):
        if made >= MOST_AT_ONCE:
            break
        for opened in gate().stream(
            page, actor=actor, purpose=PURPOSE, fields=[policy.field], use="measure", kinds=PROFILE_KINDS,
            detail=policy.id,
        ):  # fmt: skip
            for one in opened:
                kept = survive(one.contributions).get(policy.field)
                if kept is not None and moment_of(kept.said) < oldest and made < MOST_AT_ONCE:
                    made += make_task(kept.said.subject, policy=policy, why="age", by=actor.human)
    with transaction.atomic():
        Policy.objects.filter(id=policy.id).update(ran_at=timezone.now())
        record_act("verify-task", None, actor=actor, detail=policy.id)
    return made


def make_task(subject: UUID, *, policy: Policy, why: str, by: UUID) -> bool:
    """Have a value verified under a policy, unless that waits already."""
    due = timezone.now().date() + timedelta(days=policy.due_days)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(  # held, so that an erasure beside it leaves no task behind
            "select 1 from subject_state where subject = %s and not hidden and not deceased for key share", [subject]
        )
        if cursor.fetchone() is None or open_task(subject, policy.field) is not None:
            return False
        found = Task.objects.bulk_create(
            [
                Task(
                    id=new_id(), subject=subject, field=policy.field, why=why, policy=policy, way=policy.way,
                    role=policy.role, due=due, made_by=by,
                )
            ],
            ignore_conflicts=True,
        )  # fmt: skip
        return Task.objects.filter(id=found[0].id).exists()


def concerns(policy: Policy, part: Sequence[UUID]) -> bool:
    """Whether a policy is about a customer, by all their origin subjects."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select max(s.kind), exists (select 1 from record r where r.subject = any (%(part)s) and r.kind = 3 and not r.hidden)"
            " from subject_state s where s.subject = any (%(part)s)",
            {"part": list(part)},
        )
        kind, bought = cursor.fetchone()
    return bought if policy.whom == "customers" else _is_of(kind, policy.whom)


def open_task(subject: UUID, name: str) -> Task | None:
    """The task that waits for a value of the customer, of whichever of their records."""
    part = part_of(subject, whole=True)
    return Task.objects.filter(subject__in=part, field=name, state__in=["open", "taken"]).order_by("due", "id").first()


def _asked_about(policy: Policy, since: datetime) -> Iterator[list[UUID]]:
    """Whom a policy is about, of whom nothing waits nor ended without a value since then, page by page."""
    for page in people():
        fit = [one.customer for one in page if _is_of(one.kind, policy.whom)]
        with connection.cursor() as cursor:
            cursor.execute(
                "select c.id from unnest(%s::uuid[]) c (id) where not exists (select 1 from upkeep_task t"
                " join subject_state s on s.subject = t.subject where s.customer = c.id and t.field = %s"
                " and (t.state in ('open', 'taken') or t.outcome = any (%s) and t.done_at >= %s))"
                " and (not %s or exists (select 1 from subject_state m join record r"
                " using (subject) where m.customer = c.id and r.kind = 3 and not r.hidden))",
                [fit, policy.field, list(WITHOUT_VALUE), since, policy.whom == "customers"],
            )
            yield [row[0] for row in cursor.fetchall()]


def _is_of(kind: int, whom: str) -> bool:
    return whom in ("all", "customers") or (kind == 1) == (whom == "persons")


def _active(email: str) -> UUID:
    found = Staff.objects.filter(email__iexact=email, is_active=True).values_list("id", flat=True).first()
    if found is None:
        raise UnknownStaff(email)
    return UUID(str(found))
