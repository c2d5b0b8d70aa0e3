"""In whose name the traits of a purpose are computed, and what stands against it now. Nothing is opened to find out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from django.db import connection

from kehu.guard.gate.actor import ACTOR_FACTS_SQL, Actor, ActorFacts
from kehu.guard.gate.decisions import Ask, decide_covered
from kehu.guard.gate.rulebook import DEFAULT_DENY
from kehu.guard.gate.state import SubjectState
from kehu.guard.installation import installation
from kehu.guard.staff.actions import actor_of
from kehu.guard.staff.models import Staff
from kehu.refine.derive.due import Part
from kehu.refine.derive.faults import NobodyMay
from kehu.refine.derive.register import Group, people_of

USE: Final = "derive"
# who computes names no country: where these speak of one, it is the country that the asker works from
_OF_THEIR_PLACE: Final = frozenset({"house.country", "cn.pipl.39-abroad"})


def asker_of(group: Group, asker: Actor | None = None) -> Actor:
    """Whoever asks, where their role may; else a trait's owner, or its deputy: the first whom the rules let ask now.

    Raises:
        NobodyMay: none of them; what stands against the first is named.
    """
    refused = ""
    for actor in _people(group, asker):
        policy = stands_against(actor, group)
        if policy is None:
            return actor
        refused = refused or policy
    raise NobodyMay(group.purpose, refused or DEFAULT_DENY)


def stands_against(actor: Actor, group: Group) -> str | None:
    """The policy by which the gate would refuse somebody whatever the customer; None: it would not."""
    rules = installation().rules
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {ACTOR_FACTS_SQL} from actor_state s where s.actor = %(actor)s",
            {"actor": actor.credential, "purpose": group.number},
        )
        row = cursor.fetchone()
    if row is None:
        return "house.credential"
    ask = Ask(group.purpose, USE, group.fields, False, "", "none", "", True)
    answers = decide_covered(rules, ask, ActorFacts.parse(row[0]), SubjectState.willing(frozenset()))
    against = sorted(one.policy for one in answers.values() if one.answer != "clear" and of_the_asker(one.policy))
    return against[0] if against else None


def of_the_asker(policy: str) -> bool:
    """Whether a refusal stands against who asks: nothing is concluded from it about a customer."""
    return policy in _OF_THEIR_PLACE or installation().rules.policies.of_asker(policy)


def stopped_now(groups: Iterable[Group]) -> dict[Part, NobodyMay]:
    """Those of the groups that nobody may compute now."""
    found: dict[Part, NobodyMay] = {}
    for group in groups:
        try:
            asker_of(group)
        except NobodyMay as stopped:
            found[group.part] = stopped
    return found


def _people(group: Group, asker: Actor | None) -> Iterator[Actor]:
    roles = installation().rules.purposes[group.purpose].roles
    if asker is not None and asker.role in roles and asker.purpose in (None, group.purpose):
        yield asker
        return
    people = people_of(group.held)
    emails = dict(Staff.objects.filter(id__in=people, is_active=True).values_list("id", "email"))
    for person in people:
        if person in emails:
            yield actor_of(emails[person])
