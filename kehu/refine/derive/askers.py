"""In whose name the traits of a purpose are computed, and what stands against it now. Nothing is opened to find out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from django.db import connection

from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import ACTOR_FACTS_SQL, Actor, ActorFacts
from kehu.guard.gate.decisions import Ask, decide_covered
from kehu.guard.gate.rulebook import DEFAULT_DENY
from kehu.guard.gate.state import PACKS, SubjectState
from kehu.guard.installation import installation
from kehu.guard.staff.actions import actor_of
from kehu.guard.staff.models import Staff
from kehu.refine.derive.due import Part
from kehu.refine.derive.faults import NobodyMay
from kehu.refine.derive.inputs import fields_allowed
from kehu.refine.derive.register import Group, people_of

USE: Final = "derive"
# who computes names no country: where these speak of one, it is the country that the asker works from
_OF_THEIR_PLACE: Final = frozenset({"house.country", "cn.pipl.39-abroad"})
_ON_A_GOOD_DAY: Final[Mapping[str, Any]] = {
    **dict.fromkeys(("active", "agreement", "training", "credential_ok", "on_duty", "watching", "reviewed"), True),
    "place": "",
}


def asker_of(group: Group, asker: Actor | None = None) -> Actor:
    """Whoever asks, where their role may; else a trait's owner, or its deputy: the first whom the rules let ask now.

    Whom no law stands against goes before whom that of some customers may, who work abroad, say.

    Raises:
        NobodyMay: none of them; what stands against the first is named.
    """
    refused = ""
    people = list(_people(group, asker))
    if len(people) > 1:
        people.sort(key=lambda actor: stands_against(actor, group, frozenset(PACKS)) is not None)
    for actor in people:
        policy = stands_against(actor, group)
        if policy is None:
            return actor
        refused = refused or policy
    raise NobodyMay(group.purpose, refused or DEFAULT_DENY)


def stands_against(actor: Actor, group: Group, laws: frozenset[str] = frozenset()) -> str | None:
    """The policy by which the gate would refuse somebody whatever a customer of these laws said; None: it would not.

    Args:
        laws: packs; none: what stands against them whatever the customer.
    """
    facts = _facts(actor.credential, group.purpose)
    return "house.credential" if facts is None else _against(facts, group.purpose, group.fields, laws)


def may_answer_for(credential: UUID, purpose: str, fields: Collection[str]) -> bool:
    """Whether the post of somebody lets them ask for these fields, on a day when nothing but that counts.

    Their role, as the house has narrowed it, and their department; not training, hours or place, which come and go.

    Args:
        credential: their standing one.
        fields: none: all that a trait of the purpose may be made of.
    """
    facts = _facts(credential, purpose)
    if facts is None:
        return False
    every = installation().rules.purposes[purpose].least & fields_allowed()
    return _against(replace(facts, **_ON_A_GOOD_DAY), purpose, tuple(sorted(fields or every))) is None


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


def _facts(credential: UUID, purpose: str) -> ActorFacts | None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {ACTOR_FACTS_SQL} from actor_state s where s.actor = %(actor)s",
            {"actor": credential, "purpose": PURPOSES[purpose]},
        )
        row = cursor.fetchone()
    return ActorFacts.parse(row[0]) if row is not None else None


def _against(
    facts: ActorFacts, purpose: str, fields: tuple[str, ...], laws: frozenset[str] = frozenset()
) -> str | None:
    ask = Ask(purpose, USE, fields, False, "", "none", "", True)
    answers = decide_covered(installation().rules, ask, facts, SubjectState.willing(laws))
    against = sorted(one.policy for one in answers.values() if one.answer != "clear" and of_the_asker(one.policy))
    return against[0] if against else None


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
