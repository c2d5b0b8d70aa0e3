"""Role × category × level × action, and where each cell comes from: the policies are asked, nothing is written down by hand.

Each cell asks about an adult under one law who agreed to everything, by somebody who meets every condition: what remains
is what role, purpose and field make of it. Whatever a customer refuses, or the asker lacks, only makes it less.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Final

from kehu.govern.slugs import PURPOSES, ROLES
from kehu.guard.access.roles import in_force
from kehu.guard.gate.actor import Actor, ActorFacts, Narrowing
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.decisions import Ask, decide_covered
from kehu.guard.gate.policies import Answer
from kehu.guard.gate.state import PACKS, SubjectState
from kehu.guard.installation import RulesInForce, claims_of, installation

ACTIONS: Final = ("open", "mask", "match")
_WANTED: Final = {"open": "clear", "mask": "masked", "match": "match-only"}
LAWS: Final = (*PACKS, "none")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell.

    Attributes:
        answer: ``yes``, ``second-factor`` (only with one in the last ten minutes) or ``no``.
        purposes: under which purposes, each with the policy that allows it; of a ``no`` empty.
        fields: how many fields of this category and level it reaches under one of them, of how many.
        policy: the policy that decides it: of a ``no`` the one that says so most often, for the purposes that the role may
            claim where there are any.
    """

    role: str
    category: str
    level: int
    action: str
    answer: str
    purposes: Mapping[str, str]
    fields: tuple[int, int]
    policy: str


def matrix(*, actor: Actor, law: str = "CN", role: str | None = None) -> list[Cell]:
    """Every cell under a law, or under none; of one role (shipped, or of the house), or of all that ship.

    Raises:
        ActRefused: whoever sees no customer and audits nobody.
        ValueError: no such law or role.
    """
    require_act("matrix", actor)
    if law not in LAWS:
        raise ValueError(f"law: one of {', '.join(LAWS)}")
    digest, house = installation().rules.digest, None
    if role is not None and role not in ROLES:
        house = in_force(role)
        if house is None:
            raise ValueError(f"role: one of {', '.join(ROLES)}, or one of the house in force")
        return list(_of_role(digest, house.base, law, house.narrowing))
    found: list[Cell] = []
    for one in ROLES if role is None else (role,):
        found += _of_role(digest, one, law)
    return found


@functools.lru_cache(maxsize=64)
def _of_role(digest: bytes, role: str, law: str, left: Narrowing | None = None) -> tuple[Cell, ...]:
    """The cells of a role under the rules of that digest; of a role of the house, with what it leaves of its base."""
    rules = installation().rules
    said = {
        (action, factor): {
            purpose: decide_covered(
                rules, _ask(rules, purpose, action), _facts(role, left, second_factor=factor), _state(law)
            )
            for purpose in rules.purposes
        }
        for action in ACTIONS
        for factor in (False, True)
    }
    own = claims_of(role) & frozenset(left.purposes if left else PURPOSES)
    groups: dict[tuple[str, int], list[str]] = {}
    for name, field in rules.dictionary.fields.items():
        groups.setdefault((field.category, field.level), []).append(name)
    return tuple(
        _cell(left.name if left else role, category, level, action, names, said, own)
        for (category, level), names in sorted(groups.items())
        for action in ACTIONS
    )


_Said = Mapping[tuple[str, bool], Mapping[str, Mapping[str, Answer]]]


def _cell(role: str, category: str, level: int, action: str, names: list[str], said: _Said, own: Set[str]) -> Cell:
    wanted = _WANTED[action]
    for factor, word in ((False, "yes"), (True, "second-factor")):
        allowed = {
            purpose: [answers[name] for name in names if answers[name].answer == wanted]
            for purpose, answers in said[action, factor].items()
        }
        purposes = {purpose: held[0].policy for purpose, held in allowed.items() if held}
        if purposes:
            most = max(len(held) for held in allowed.values())
            policy = Counter(purposes.values()).most_common(1)[0][0]
            return Cell(role, category, level, action, word, purposes, (most, len(names)), policy)
    claimed = [purpose for purpose in said[action, True] if purpose in own] or list(said[action, True])
    refusals = Counter(said[action, True][purpose][name].policy for purpose in claimed for name in names)
    return Cell(role, category, level, action, "no", {}, (0, len(names)), refusals.most_common(1)[0][0])


def _ask(rules: RulesInForce, purpose: str, action: str) -> Ask:
    return Ask(
        purpose=purpose, use="match" if action == "match" else "read", fields=tuple(rules.dictionary.fields),
        masked=action == "mask", recipient="", recipient_kind="none", country="", bulk=False,
        event="by-person",
    )  # fmt: skip


def _facts(role: str, left: Narrowing | None, *, second_factor: bool) -> ActorFacts:
    """Somebody of that role and its own department who meets every condition."""
    if left is not None:
        return ActorFacts(role, role, True, True, True, second_factor, True, True, **left.facts())
    return ActorFacts(role, role, True, True, True, second_factor, True, True)


def _state(law: str) -> SubjectState:
    return SubjectState.willing(frozenset({law} - {"none"}))
