"""What a look-up touched, grouped anew: the same clustering as a run's, over the customers it reached and their kin.

A look-up sees one record and whom it may be; what it joins is provisional. Here all records of those customers, and of
whom a question waits about with them, are weighed with each other. What joins only by runs of what was new and does not
hold is taken back, and whoever was shown both meanwhile is an incident; what people, exact keys or a run of everything
joined stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from django.db import connection

from kehu.govern.parts import retried
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.refine.models import LinkageRun
from kehu.refine.resolve import live, runs
from kehu.refine.resolve.linkage.link import Progress
from kehu.refine.resolve.opening import KIND_NUMBERS, Group, open_each
from kehu.refine.resolve.review.queue import Union
from kehu.refine.resolve.weights import weights_in_force
from kehu.vault import assignment
from kehu.vault.assignment import PROBABLE, WHY
from kehu.vault.parted import tell_mistake

MOST: Final = 200
"""Origin subjects that hang together, weighed all with all; where they are more, they wait for a run of everything."""

_PAIRS: Final = """
with found as (select subject as one, other from assignment where run = %(run)s and act = 1
    union select older, younger from refine_proposal where run = %(run)s
), ends as (select one as s from found union select other from found
), mine as (select distinct n.customer from ends join subject_state n on n.subject = ends.s where not n.hidden)
select one, other from found
union select p.older, p.younger from mine join subject_state m using (customer)
    join refine_proposal p on m.subject in (p.older, p.younger) where p.decided_at is null
"""
_MEMBERS: Final = """
select s.controller, s.kind, s.customer, s.subject, s.core from subject_state s where not s.hidden and s.customer in (
    select n.customer from subject_state n where n.subject = any (%s) and not n.hidden)
order by s.subject
"""


def touched(run: UUID) -> bool:
    """Whether a run of what was new joined somebody or asked something."""
    if not LinkageRun.objects.filter(id=run, everything=False).exists():
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "select exists (select from assignment where run = %s) or exists (select from refine_proposal where run = %s)",
            [run, run],
        )
        return bool(cursor.fetchone()[0])


def link_and_regroup(*, actor: Actor, everything: bool = False, progress: Progress | None = None) -> runs.Run:
    """As :func:`kehu.refine.resolve.runs.resolve`, and what that touched is grouped anew at once: for whoever waits for it."""
    run = runs.resolve(actor=actor, everything=everything, progress=progress)
    if not touched(run.id):
        return run
    regroup(run.id, actor=actor)
    return replace(run, after=runs.count_customers())


def regroup(run: UUID, *, actor: Actor) -> int:
    """Group anew what a run touched; returns how many links were taken back.

    Raises:
        ActRefused: the role may not.
        LedgerUnavailable: the ledger cannot be written, so nothing was opened.
    """
    require_act("link", actor)
    kinds = {number: kind for kind, number in KIND_NUMBERS.items()}
    members: dict[tuple[Group, UUID], list[tuple[UUID, UUID, UUID]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_PAIRS, {"run": run})
        pairs: list[tuple[UUID, UUID]] = cursor.fetchall()
        cursor.execute(_MEMBERS, [sorted({end for pair in pairs for end in pair})])
        held = cursor.fetchall()
    together = Union({subject: customer for _, _, customer, subject, _ in held})
    for one, other in pairs:
        together.join(one, other)
    for controller, kind, customer, subject, core in held:
        place = Group(controller, kinds[kind]), together.root(subject)
        members.setdefault(place, []).append((customer, subject, core))
    return sum(_group(group, of, run, actor) for (group, _), of in members.items() if 2 < len(of) <= MOST)


def _group(group: Group, members: Sequence[tuple[UUID, UUID, UUID]], run: UUID, actor: Actor) -> int:
    core_of = {subject: core for _, subject, core in members}
    opened = open_each(sorted({customer for customer, _, _ in members}), group.kind, actor=actor, run=run)
    cores: dict[UUID, dict[UUID, dict[str, str]]] = {}
    for records in opened.values():
        for subject, values in records.items():
            cores.setdefault(core_of.get(subject, subject), {})[subject] = values
    joins, asks = live.joined(cores, live.Scorer(group.kind, weights_in_force(group)), group)
    together: dict[UUID, UUID] = {}
    for one, other in joins:  # one is the first of its group, so two are together if the same one joined them
        together[core_of[one]] = together[core_of[other]] = core_of[one]
    seen = {subject for records in cores.values() for subject in records}

    def apart(one: UUID, other: UUID) -> bool:
        left, right = core_of[one], core_of[other]
        return left != right and (left not in together or together[left] != together.get(right))

    def take_back() -> int:
        raw: Any = connection.connection
        assignment.lock(raw)
        links = [
            link for link in assignment.standing_links(raw, seen)
            if link.certainty == PROBABLE and link.why == WHY["linkage"] and {link.older, link.younger} <= seen
            and apart(link.older, link.younger)
        ]  # fmt: skip
        provisional = set(
            LinkageRun.objects.filter(id__in={link.run for link in links}, everything=False).values_list(
                "id", flat=True
            )
        )
        wrong = [link for link in links if link.run in provisional]
        were = assignment.held_by(raw, wrong)
        gone = sum(
            assignment.unassign(raw, [(link.older, link.younger)], run=link.run, by=actor.staff) for link in wrong
        )
        tell_mistake(were, actor=actor)
        return gone

    gone = retried(take_back)
    runs.join_found(joins, run=run, actor=actor)
    runs.ask_found(asks, run=run)
    return gone
