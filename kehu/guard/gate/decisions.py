"""Decisions: made by Cedar once per (ask, actor facts, state), then looked up by content."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import hmac
import itertools
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from psycopg import Connection

from kehu.govern.dictionary import Field
from kehu.govern.laws import asked_anew, packs_for
from kehu.govern.purposes import Purpose
from kehu.govern.separate import recipient_key
from kehu.govern.slugs import MEDIA
from kehu.govern.topics import topic_named
from kehu.guard.gate.actor import ActorFacts
from kehu.guard.gate.policies import MATCH, MATCH_ONLY, Answer, FieldClass, principal_of
from kehu.guard.gate.state import NOT_AGREED, NOT_FOR_THIS, PUBLIC, UNTOLD, SubjectState
from kehu.guard.installation import Installation, RulesInForce
from kehu.guard.ledger.mac import decision_mac

_COUNTRY: Final = re.compile(r"([A-Z]{2})?")
# the others follow from level, recipient and country; who decides on what is opened: a machine alone, or a person
BY_MACHINE: Final = "automated"
BY_PERSON: Final = "by-person"
_WHO_DECIDES: Final = frozenset({BY_MACHINE, BY_PERSON})
_ASKED_EVENTS: Final = frozenset({"", "publish", "public-space", *_WHO_DECIDES})
LET_OUT: Final = frozenset({"clear", "masked"})
"""Answers by which something of a value comes out of the vault."""
_TELLING: Final = frozenset({"read", "explain"})  # uses that are told what could be compared
PROVENANCE: Final = ("covered", "on-consent", "outside-notice")
_PLACE: Final = 9  # provenances of the customer's own, and of each source
_KEPT: Final = 20_000
STALE: Final = "house.stale"
_APART: Final = Answer("apart", STALE)  # in the middle of a row: behind it stand the answers for what is stale


class DecisionForged(RuntimeError):
    """A stored decision does not carry our MAC: somebody wrote it into the database."""


@dataclass(frozen=True, slots=True)
class FieldAnswer:
    """What the gate says of one field: ``clear``, ``masked``, ``match-only`` or ``denied``, and the policy that decided."""

    answer: str
    policy: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Answers by field, for each provenance a value can have (see :mod:`kehu.guard.gate.statement`).

    Of a customer of whom nothing came from themselves, the first ones are those of the source that lets most out.
    """

    id: bytes
    fields: Mapping[str, tuple[FieldAnswer, ...]]
    categories: tuple[int, ...]
    finds: bool
    denied: Mapping[str, FieldAnswer] = field(init=False, compare=False, repr=False)
    """Fields of which nothing comes out whatever the provenance; some of them may yet be compared (``match-only``)."""
    supplied: bool = field(init=False, compare=False, repr=False)
    """Whether something of the customer may have come from a source, and not from themselves."""

    def __post_init__(self) -> None:
        """Once for a decision, which many reads share."""
        nothing = {n: row[0] for n, row in self.fields.items() if all(a.answer not in LET_OUT for a in row[:3])}
        object.__setattr__(self, "denied", nothing)
        # each source has a place of its own in every row; where nothing was asked, nothing tells
        told = not self.fields or any(_fresh_part(row) > _PLACE for row in self.fields.values())
        object.__setattr__(self, "supplied", told)

    def meets(self, *, own: bool) -> bool:
        """Whether a search that met this customer may say so: all that was searched for is open to the asker.

        ``own``: it was met in what they said themselves; else it was met in what a source gave, and each of theirs counts.
        """
        if not self.finds or self.denied:
            return False
        return own or all(
            any(one.answer in LET_OUT for one in row[place : place + len(PROVENANCE)])
            for row in self.fields.values()
            for place in range(_PLACE, _fresh_part(row), _PLACE)
        )

    def widest(self, field: str) -> FieldAnswer:
        """The most that comes out of a field whatever the provenance of its values; where nothing does, the first answer."""
        row = self.fields[field]
        said = row[: len(PROVENANCE)]
        return next((one for word in ("clear", "masked") for one in said if one.answer == word), row[0])

    def of(self, field: str, provenance: int = 0, *, stale: bool = False) -> FieldAnswer:
        """The answer for a field's value of that provenance; ``stale``: said longer ago than the purpose allows."""
        row = self.fields[field]
        return row[provenance + len(row) // 2 + 1] if stale else row[provenance]


def _fresh_part(row: Sequence[FieldAnswer]) -> int:
    """How many answers of a row are for what is not stale."""
    half = len(row) // 2
    return half if row[half].answer == _APART.answer else len(row)


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked, without whom: enters the decision by its text."""

    purpose: str
    use: str
    fields: tuple[str, ...]
    masked: bool
    recipient: str
    recipient_kind: str
    country: str
    bulk: bool
    masked_fields: tuple[str, ...] = ()  # these at most masked, whatever the others are
    medium: str = ""  # of a message
    topic: str = ""
    event: str = ""
    approved: tuple[str, ...] = ()  # laws under which an approval or agreement lets it go to an authority abroad

    def checked(self) -> Ask:
        """The same ask.

        Raises:
            ValueError: no such country, event, medium or topic, or a message without its medium and topic.
        """
        if not _COUNTRY.fullmatch(self.country):
            raise ValueError("country: two capital letters")
        if self.event not in _ASKED_EVENTS:
            raise ValueError("event: publish, public-space, automated or by-person")
        if self.medium or self.topic or self.use == "contact":
            if self.medium not in MEDIA:
                raise ValueError(f"medium: one of {', '.join(MEDIA)}")
            topic_named(self.topic)
        return self

    def text(self, rules: RulesInForce) -> str:
        """Canonical text: the same ask under the same rules is the same text."""
        purpose = rules.purposes[self.purpose]
        rare = {name: getattr(self, name) for name in ("masked_fields", "medium", "topic", "event", "approved")}
        some = {name: value for name, value in rare.items() if value}
        if self.event == BY_PERSON and not purpose.automated:
            del some["event"]  # said where it changes something
        if by_machine(self, purpose):
            some[BY_MACHINE] = True
        return json.dumps(
            {
                "rules": rules.digest.hex(),
                "purpose": self.purpose,
                "version": purpose.version,
                "use": self.use,
                "fields": self.fields,
                "masked": self.masked,
                "recipient": self.recipient,
                "recipient_kind": self.recipient_kind,
                "country": self.country,
                "bulk": self.bulk,
                **some,
            },
            sort_keys=True,
            separators=(",", ":"),
        )


def decision_id(ask: str, facts: str, state: str) -> bytes:
    """Content address of a decision, as the statement computes it."""
    return hashlib.sha256(f"{ask}\x1e{facts}\x1e{state}".encode()).digest()


def decide(rules: RulesInForce, ask: Ask, facts: ActorFacts, state: SubjectState) -> dict[str, tuple[Answer, ...]]:
    """Decide every asked field for every provenance; Cedar is asked once per class of field, never per field."""
    purpose = rules.purposes[ask.purpose]
    agreed = _agreed(ask, facts, state)
    classes = {
        name: _class_of(rules.dictionary.field(name), purpose, facts, agreed(name), granted=name in state.granted)
        for name in ask.fields
    }
    claims = (slug for slug, held in rules.purposes.items() if facts.role in held.roles)
    principal = principal_of(facts, claims)
    at_most = {name: actions_of(ask, name) for name in ask.fields}

    def of(supply: int | None, *, stale: bool) -> list[Mapping[str, Answer]]:
        found: list[Mapping[str, Answer]] = []
        for heard in _heard(ask, state):
            if heard is state and found:  # nothing it said is missed: as for the others
                found.extend(found[:3])
                continue
            for provenance in PROVENANCE:
                context = _context(purpose, ask, facts, heard, provenance, supply, stale=stale)
                found.append(_by_field(rules, principal, context, classes, at_most))
        return found

    by_provenance = _in_places(functools.partial(of, stale=False), state)
    limited = {name for name in ask.fields if rules.dictionary.field(name).category in purpose.fresh}
    of_stale = _in_places(functools.partial(of, stale=True), state) if limited else []
    told = rules.told.get(purpose.slug)

    def row(name: str, answers: Sequence[Mapping[str, Answer]]) -> tuple[Answer, ...]:
        # what the purpose does not need is opened to nobody; compared it may be where the purpose itself is told of
        covered = told is None or name in told or name not in purpose.least
        return _as_told(tuple(one[name] for one in answers), covered)

    return {
        name: (*row(name, by_provenance), _APART, *row(name, of_stale)) if name in limited else row(name, by_provenance)
        for name in ask.fields
    }


def _in_places(
    of: Callable[[int | None], list[Mapping[str, Answer]]], state: SubjectState
) -> list[Mapping[str, Answer]]:
    """Answers in the places that the checked read counts: the customer's own first, then those of each source."""
    own = of(None)
    if not state.supply:
        return own
    places = [_whole_place(of(supply)) for supply in state.supply]
    # where nothing came from themselves, what a source may be used for is all there is to say
    return list(itertools.chain(places[0] if state.supplied_only else _whole_place(own), *places))


def _whole_place(answers: list[Mapping[str, Answer]]) -> list[Mapping[str, Answer]]:
    """As many as a place has: without a message, what one said of it is as silence."""
    return answers if len(answers) == _PLACE else [*answers, *answers[3:6]]


def decide_covered(rules: RulesInForce, ask: Ask, facts: ActorFacts, state: SubjectState) -> dict[str, Answer]:
    """The first of :func:`decide`'s answers alone: of values that their notice covers. For tables of what is possible."""
    purpose = rules.purposes[ask.purpose]
    agreed = _agreed(ask, facts, state)
    classes = {
        name: _class_of(rules.dictionary.field(name), purpose, facts, agreed(name), granted=name in state.granted)
        for name in ask.fields
    }
    claims = (slug for slug, held in rules.purposes.items() if facts.role in held.roles)
    context = _context(purpose, ask, facts, state, PROVENANCE[0])
    at_most = {name: actions_of(ask, name) for name in ask.fields}
    return _by_field(rules, principal_of(facts, claims), context, classes, at_most)


def _as_told(answers: tuple[Answer, ...], told: bool) -> tuple[Answer, ...]:
    """Answers by provenance; for a field that the notices in force do not tell of, no record is covered by its notice."""
    if told:
        return answers
    apart = PROVENANCE.index("outside-notice")
    return tuple(
        answers[number - number % len(PROVENANCE) + apart] if number % len(PROVENANCE) == 0 else answer
        for number, answer in enumerate(answers)
    )


def _by_field(
    rules: RulesInForce,
    principal: Mapping[str, Any],
    context: Mapping[str, Any],
    classes: Mapping[str, FieldClass],
    at_most: Mapping[str, tuple[str, ...]],
) -> dict[str, Answer]:
    """Each field's answer under one context: opened where that is asked and allowed, else masked, else denied."""
    found: dict[str, Answer] = {}
    for actions in dict.fromkeys(at_most.values()):
        names = [name for name, wanted in at_most.items() if wanted == actions]
        answers = rules.policies.decide(principal, context, {classes[name] for name in names}, actions)
        found.update({name: answers[classes[name]] for name in names})
    return found


def actions_of(ask: Ask, name: str) -> tuple[str, ...]:
    """What is tried for a field, the most first. Only a comparison, and who is told why, meet the answer match-only."""
    if ask.use == MATCH:
        return (MATCH,)
    shown = ("mask",) if ask.masked or name in ask.masked_fields else ("open", "mask")
    return (*shown, MATCH) if ask.use in _TELLING else shown


def _used(ask: Ask, answer: str) -> bool:
    """Whether an answer needs the ciphertext: it is let out, or compared."""
    return answer in LET_OUT or (ask.use == MATCH and answer == MATCH_ONLY)


def _heard(ask: Ask, state: SubjectState) -> Iterator[SubjectState]:
    """The state as it is for each origin subject: one that said something, nothing, and nothing on the message asked for."""
    yield state
    silent = dataclasses.replace(state, consent="none", consent_kind="none", version_covered=False)
    yield silent if state.consent == "given" else state
    if ask.medium:
        unasked = dataclasses.replace(silent, subscription="none", subscription_ground="")
        yield unasked if state.subscription == "subscribed" else state


def by_machine(ask: Ask, purpose: Purpose) -> bool:
    """Whether a machine alone decides about the person on what is opened (GDPR 22, PIPL 24).

    So it is in a purpose that is registered as such, unless the ask says that a person decides: who forgets to say so is
    held to the stricter rule.
    """
    return ask.event == BY_MACHINE or (purpose.automated and ask.event != BY_PERSON)


def where_to(ask: Ask, facts: ActorFacts) -> str:
    """The country something goes to: named, or where the asker works; empty: it stays (RULES, "border")."""
    return ask.country or facts.place


def registered(recipient: str, purpose: Purpose) -> bool:
    """Whether the purpose's register names a recipient."""
    return recipient_key(recipient) in {recipient_key(one) for one in purpose.recipients}


def _agreed(ask: Ask, facts: ActorFacts, state: SubjectState) -> Callable[[str], tuple[str, ...]]:
    """For a field: the events that a separate consent covers for this very recipient and country."""
    recipient, country = recipient_key(ask.recipient), where_to(ask, facts)
    named = [
        one
        for one in state.separate
        if one.recipient in ("", recipient)
        and one.country in ("", country)
        and not (one.by_guardian and asked_anew(state.packs, state.age))
    ]
    return lambda name: tuple(sorted({one.event for one in named if one.fields is None or name in one.fields}))


def _class_of(
    field: Field, purpose: Purpose, facts: ActorFacts, agreed: tuple[str, ...], *, granted: bool
) -> FieldClass:
    return FieldClass(
        in_least=field.name in purpose.least,
        level=field.level,
        category=field.category,
        agreed=agreed,
        verifies=field.verifies,
        granted=granted,
        in_role=not facts.narrowed or field.category in facts.may_categories,
    )


def _context(
    purpose: Purpose, ask: Ask, facts: ActorFacts, state: SubjectState, provenance: str, supply: int | None = None, *,
    stale: bool = False,
) -> dict[str, Any]:  # fmt: skip
    country = where_to(ask, facts)
    return {
        "purpose": purpose.slug,
        "use": ask.use,
        "bulk": ask.bulk,
        "grounds": dict(purpose.grounds),
        "packs": sorted(state.packs),
        "departments": sorted(purpose.departments),
        "recipient_kind": ask.recipient_kind,
        "recipient_registered": ask.recipient_kind == "none" or registered(ask.recipient, purpose),
        "country": country,
        "country_registered": country in {"", *purpose.countries},
        "there": sorted(packs_for(country)) if country else [],
        "event": "" if ask.event in _WHO_DECIDES else ask.event,
        "automated": by_machine(ask, purpose),
        "automated_registered": purpose.automated,
        "approved": list(ask.approved),
        "medium": ask.medium,
        "topic_kind": topic_named(ask.topic).kind if ask.topic else "",
        "subscription": state.subscription,
        "subscription_ground": state.subscription_ground,
        "consent": state.consent,
        "consent_kind": state.consent_kind,
        "by_guardian": state.by_guardian,
        "version_covered": state.version_covered,
        "objected": state.objected,
        "restricted": state.restricted,
        "opted_out": state.opted_out,
        "gpc": state.gpc,
        "deceased": state.deceased,
        "kept": state.kept,
        "over": state.over,
        "emergency": state.emergency,
        "own": state.own,
        "guardian": state.guardian,
        "age": state.age,
        "provenance": provenance,
        "kind": state.kind,
        "supply": "own" if supply is None else "public" if supply & PUBLIC else "bought",
        "told": not (supply or 0) & UNTOLD,
        "supply_allows": not (supply or 0) & NOT_FOR_THIS,
        "supply_agreed": not (supply or 0) & NOT_AGREED,
        "refuses_public": state.refuses_public,
        "stale": stale,
    }


class Decisions:
    """Decisions of one installation: stored in the database, kept by content in this process."""

    def __init__(self, held: Installation) -> None:
        self._held = held
        self._cache: OrderedDict[bytes, Decision] = OrderedDict()
        self._lock = threading.Lock()

    def store(self, connection: Connection[Any], ask: Ask, facts: str, state: str) -> bytes:
        """Decide one missing (ask, facts, state) and store it; returns its id."""
        rules, text = self._held.rules, ask.text(self._held.rules)
        answers = decide(rules, ask, ActorFacts.parse(facts), SubjectState.parse(state))
        fields = {name: [[a.answer, a.policy] for a in row] for name, row in answers.items()}
        opened = sorted(
            {
                rules.dictionary.field(n).category_id
                for n, row in answers.items()
                if any(_used(ask, a.answer) for a in row)
            }
        )
        finds = any(_used(ask, a.answer) for row in answers.values() for a in row)
        return self.store_answer(connection, text, facts, state, fields, opened, finds)

    def store_answer(
        self,
        connection: Connection[Any],
        text: str,
        facts: str,
        state: str,
        fields: dict[str, list[list[str]]],
        categories: list[int],
        finds: bool,
    ) -> bytes:
        """Store an answer under its content address; a second writer of the same one changes nothing."""
        made = decision_id(text, facts, state)
        body = canonical(fields, categories, finds)
        connection.execute(
            "insert into gate_decision (id, ask, actor, state, answer, categories, finds, mac)"
            " values (%s, %s, %s, %s, %s::jsonb, %s::smallint[], %s, %s) on conflict (id) do nothing",
            (
                made,
                text,
                facts,
                state,
                json.dumps(fields),
                categories,
                finds,
                decision_mac(self._held.decision_key, decision=made, answer=body),
            ),
        )
        return made

    def get(self, connection: Connection[Any], wanted: bytes) -> Decision:
        """The decision of that id.

        Raises:
            DecisionForged: its MAC is not ours.
        """
        held = self._cache.get(wanted)
        if held is not None:
            return held
        row = connection.execute(
            "select answer::text, categories, finds, mac from gate_decision where id = %s", (wanted,)
        ).fetchone()
        if row is None:
            raise DecisionForged("a decision vanished")
        answer, (categories, finds, mac) = json.loads(row[0]), row[1:]
        made = decision_mac(self._held.decision_key, decision=wanted, answer=canonical(answer, categories, finds))
        if not hmac.compare_digest(bytes(mac), made):
            raise DecisionForged(wanted.hex())
        fields = {n: tuple(FieldAnswer(*pair) for pair in pairs) for n, pairs in answer.items()}
        decision = Decision(wanted, fields, tuple(categories), finds)
        with self._lock:
            self._cache[wanted] = decision
            while len(self._cache) > _KEPT:
                self._cache.popitem(last=False)
        return decision


def canonical(fields: Mapping[str, Any], categories: list[int], finds: bool) -> str:
    """The text of an answer that its MAC covers."""
    return json.dumps([fields, list(categories), finds], sort_keys=True, separators=(",", ":"))
