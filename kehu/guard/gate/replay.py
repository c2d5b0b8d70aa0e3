"""A change of policies tried before it is in force: what was asked and decided, decided again under other policies.

Decisions stand by content: what was asked, the asker's facts and the customer's state are all that policies read, so a
recorded decision can be made again without a customer, a value or a key. Nothing is opened and nothing is stored.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from kehu.govern.slugs import BASES
from kehu.guard.gate.actor import ActorFacts
from kehu.guard.gate.admit import source_of_ask
from kehu.guard.gate.decisions import Ask, decide
from kehu.guard.gate.policies import Answer, PolicySet
from kehu.guard.gate.state import SubjectState, packs_of
from kehu.guard.installation import RulesInForce

_RECORDED: Final = """
select d.ask, d.actor, d.state, d.answer::text, n.rows, n.uses
from (select decision, count(*) as rows, sum(subjects)::bigint as uses from ledger_entry where at >= %s
    group by decision) n
join gate_decision d on d.id = n.decision
where d.ask not like '{"act":%%'
"""
# Acts on a customer that are no reads are let on by role, not by policies.
_TELLS: Final = 250  # decisions between two words on how far it is: some tenths of a second
COLLECTING: Final = "*"
"""Stands for the fields where the question was whether records may be brought in at all."""


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """An answer that would be another: for whom and what, from which answer and policy to which.

    Attributes:
        role, department: of who asked.
        purpose: its slug; empty for bringing in.
        use: an action of the ledger.
        packs: laws that apply to the customers.
        field: of the dictionary, or ``*`` for bringing in.
        before, after: ``clear``, ``masked``, ``match-only`` or ``denied``.
        policy_before, policy_after: who said so.
    """

    purpose: str
    use: str
    role: str
    department: str
    packs: tuple[str, ...]
    field: str
    before: str
    policy_before: str
    after: str
    policy_after: str

    @property
    def opens(self) -> bool:
        """Whether more would be seen than was."""
        order = ("denied", "match-only", "masked", "clear")
        return order.index(self.after) > order.index(self.before)


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of it.

    Attributes:
        decisions: different decisions that were made again.
        rows: ledger rows that rest on them.
        uses: origin subjects in those rows, each counted once a row.
        changes: each with the rows and uses it would have touched, the most used first.
        untold: decisions of rules so old that a field or purpose they name is gone.
    """

    decisions: int
    rows: int
    uses: int
    changes: tuple[tuple[Change, int, int], ...]
    untold: int


def replay(
    connection: Connection[Any],
    rules: RulesInForce,
    policies: PolicySet,
    *,
    since: datetime,
    tell: Callable[[int, int], None] = lambda decided, decisions: None,
) -> Replay:
    """Make the decisions again that the ledger used since a moment, under other policies; purposes and fields as now.

    A change only of the policy that is named counts, too: people read its words. ``tell`` is called now and then with how
    many of how many decisions are made; what it raises ends the replay.
    """
    other = dataclasses.replace(rules, policies=policies)
    rows, uses = Counter[Change](), Counter[Change]()
    decisions = all_rows = all_uses = untold = 0
    recorded = connection.execute(_RECORDED, (since,)).fetchall()
    for ask, facts, state, answer, row_count, use_count in recorded:
        if decisions % _TELLS == 0:
            tell(decisions, len(recorded))
        decisions, all_rows, all_uses = decisions + 1, all_rows + row_count, all_uses + use_count
        try:
            changes = set(_changes(other, json.loads(ask), facts, state, json.loads(answer)))
        except KeyError:
            untold += 1
            continue
        for change in changes:
            rows[change] += row_count
            uses[change] += use_count
    ordered = sorted(rows, key=lambda change: (-rows[change], change))
    return Replay(decisions, all_rows, all_uses, tuple((one, rows[one], uses[one]) for one in ordered), untold)


def _changes(
    rules: RulesInForce, ask: Mapping[str, Any], facts: str, state: str, recorded: Mapping[str, Any]
) -> Iterator[Change]:
    asker = ActorFacts.parse(facts)
    if ask["use"] == "collect":
        packs, made = packs_of(int(state)), _collected(rules, ask, facts, int(state))
        purpose = ""
    else:
        held = SubjectState.parse(state)
        packs, purpose = held.packs, ask["purpose"]
        made = decide(rules, _ask(ask), asker, held)
    for field, before in recorded.items():
        for (was, policy), now in _alike(before, made[field]):
            if (was, policy) != (now.answer, now.policy):
                yield Change(
                    purpose, ask["use"], asker.role, asker.department, tuple(sorted(packs)), field,
                    was, policy, now.answer, now.policy,
                )  # fmt: skip


def _alike(before: Sequence[Sequence[str]], now: Sequence[Answer]) -> Iterator[tuple[Sequence[str], Answer]]:
    """Answers for the same provenance: where a purpose got or lost a limit of age meanwhile, those for what is not stale.

    Raises:
        KeyError: they were for other provenances than those of now.
    """
    few, many = sorted((len(before), len(now)))
    if many not in (few, 2 * few + 1):
        raise KeyError("provenance")
    return zip(before, now, strict=False)


def _collected(rules: RulesInForce, ask: Mapping[str, Any], facts: str, packs: int) -> dict[str, tuple[Answer, ...]]:
    if ask["basis"] not in BASES:
        raise KeyError(ask["basis"])
    answer = rules.policies.decide_collect(
        facts,
        basis=ask["basis"],
        packs=packs_of(packs),
        notice=ask["notice"] > 0,
        channel_kind=ask["channel_kind"],
        source=source_of_ask(ask),
    )
    return {COLLECTING: (answer,)}


def _ask(told: Mapping[str, Any]) -> Ask:
    """The question of :meth:`Ask.text`."""
    return Ask(
        told["purpose"], told["use"], tuple(told["fields"]), told["masked"], told["recipient"], told["recipient_kind"],
        told["country"], told["bulk"], tuple(told.get("masked_fields", ())), told.get("medium", ""), told.get("topic", ""),
        told.get("event", ""), tuple(told.get("approved", ())),
    )  # fmt: skip
