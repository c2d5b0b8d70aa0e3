"""The made-up customer among the answers of a token for a recipient outside: answered for as any customer who agreed.

It never enters the vault: it is met by this token only, where its own address, number or id is asked for, and on the page
of a list where its id stands. Policies decide of it as of a customer who agreed to everything, so that it is refused where
everybody is. What is asked of it stands in the ledger, about nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

from django.db import connection, transaction

from kehu.govern.separate import recipient_key
from kehu.govern.slugs import EVENTS, PURPOSES
from kehu.guard.gate.actor import ACTOR_FACTS_SQL, Actor, ActorFacts, Outside
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.compare import Compared
from kehu.guard.gate.decisions import LET_OUT, Ask, FieldAnswer, decide
from kehu.guard.gate.policies import MATCH, MATCH_ONLY
from kehu.guard.gate.state import Separate, SubjectState, packs_of
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.refine.clean import lookup_keys
from kehu.serve.desk.queries import Customer
from kehu.serve.leaving.canary import canary_of

_COVERED: Final = 3  # provenances 0 to 2 are those of what the customer said, or need not say


class MadeUp:
    """The one of this actor's token; ``id`` is its customer's id."""

    def __init__(self, actor: Actor, there: Outside) -> None:
        self._actor, self._there = actor, there
        with connection.cursor() as cursor:
            cursor.execute("select canary from outside_token where id = %s", [there.token])
            [self.id] = cursor.fetchone()

    @classmethod
    def of(cls, actor: Actor) -> MadeUp | None:
        """None where the answers stay in the house."""
        return None if actor.outside is None else cls(actor, actor.outside)

    def show(self, purpose: str, fields: Iterable[str] | None = None) -> Customer:
        """As :func:`kehu.serve.desk.queries.show` answers."""
        answers = self._decided(purpose, "read", fields)
        shown, masked, denied = self._values(answers)
        seq = self._record("read", purpose, answers)
        return Customer(self.id, seq, shown, masked, denied)

    def listed(self, purpose: str, fields: Iterable[str]) -> Customer | None:
        """As a row of a list; None where nothing of it would be shown."""
        answers = self._decided(purpose, "list", fields, bulk=True)
        shown, masked, denied = self._values(answers)
        if len(denied) == len(answers):
            return None
        return Customer(self.id, self._record("list", purpose, answers), shown, masked, denied)

    def explain(self, purpose: str) -> dict[str, FieldAnswer]:
        """As :func:`kehu.serve.desk.queries.explain` answers."""
        answers = self._decided(purpose, "explain", None)
        self._record("explain", purpose, answers)
        return {name: row[0] for name, row in answers.items()}

    def match(self, field: str, purpose: str) -> Compared:
        """Nothing that a caller could be asked for is held.

        Raises:
            Refused: a policy denies it.
        """
        answers = self._decided(purpose, MATCH, [field])
        seq = self._record(MATCH, purpose, answers)
        if answers[field][0].answer != MATCH_ONLY:
            raise Refused(answers[field][0].policy)
        return Compared(None, seq)

    def found_by(self, criteria: Mapping[str, str], purpose: str) -> bool:
        """Whether a search for these values meets it."""
        fields, values = installation().rules.dictionary.field, self._held
        for name, said in criteria.items():
            kind = fields(name).type
            held = lookup_keys(name, values[name], kind) if name in values else []
            if not set(held) & set(lookup_keys(name, said, kind)):
                return False
        return all(row[0].answer in LET_OUT for row in self._decided(purpose, "find", criteria).values())

    @cached_property
    def _held(self) -> dict[str, str]:
        return canary_of(self._there.token, installation().rules.dictionary.fields)[1]

    def _values(
        self, answers: Mapping[str, tuple[FieldAnswer, ...]]
    ) -> tuple[dict[str, str], dict[str, tuple[str, str]], dict[str, str]]:
        shown, masked, denied = dict[str, str](), dict[str, tuple[str, str]](), dict[str, str]()
        mask = installation().rules.dictionary.mask
        for name, row in answers.items():
            said, value = row[0], self._held.get(name)
            if all(one.answer not in LET_OUT for one in row[:_COVERED]):
                denied[name] = said.policy
            elif value is not None and said.answer == "clear":
                shown[name] = value
            elif value is not None and said.answer == "masked":
                masked[name] = (mask(name, value), said.policy)
        return shown, masked, denied

    def _decided(
        self, purpose: str, use: str, fields: Iterable[str] | None, *, bulk: bool = False
    ) -> dict[str, tuple[FieldAnswer, ...]]:
        rules, there = installation().rules, self._there
        names = tuple(sorted(rules.purposes[purpose].least if fields is None else set(fields)))
        for name in names:
            rules.dictionary.field(name)
        ask = Ask(purpose, use, names, False, there.recipient, there.kind, there.country, bulk).checked()
        with connection.cursor() as cursor:
            cursor.execute(
                f"select {ACTOR_FACTS_SQL} from actor_state s where s.actor = %(actor)s",
                {"actor": self._actor.credential, "purpose": PURPOSES[purpose]},
            )
            [facts] = cursor.fetchone()
        made = decide(rules, ask, ActorFacts.parse(facts), self._agreed())
        return {name: tuple(FieldAnswer(one.answer, one.policy) for one in row) for name, row in made.items()}

    def _agreed(self) -> SubjectState:
        """The state of somebody under the laws of its neighbour in the list who agreed to everything, to this recipient."""
        recipient, country = recipient_key(self._there.recipient), self._there.country
        with connection.cursor() as cursor:
            cursor.execute(
                "select packs from subject_state where subject < %s and not hidden order by subject desc limit 1",
                [self.id],
            )
            row = cursor.fetchone()
        agreed = tuple(Separate(event, recipient, country, None, False) for event in EVENTS)
        return SubjectState.willing(packs_of(row[0] if row else 0), agreed)

    def _record(self, use: str, purpose: str, answers: Mapping[str, tuple[FieldAnswer, ...]]) -> int:
        let = LET_OUT | {MATCH_ONLY} if use == MATCH else LET_OUT
        refused = None if use == "explain" else next((row[0].policy for row in answers.values()), None)
        if any(one.answer in let for row in answers.values() for one in row[:_COVERED]):
            refused = None
        with transaction.atomic():
            return record_act(
                use, None, actor=self._actor, purpose=PURPOSES[purpose], detail=self._there.token, refused_by=refused
            )
