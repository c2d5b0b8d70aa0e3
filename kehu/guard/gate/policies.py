"""Cedar behind one door: policies parsed once, ids kept, every error a denial, the deciding policy named."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import cedarpy

from kehu.govern.laws import AGE_BANDS, PACKS
from kehu.govern.slugs import ACTIONS, CATEGORIES, CUSTOMER, EVENTS, MEDIA, ROLES
from kehu.govern.topics import KINDS
from kehu.guard.gate.actor import ActorFacts
from kehu.guard.gate.reach import law_of, may_act, read_of
from kehu.guard.gate.rulebook import DEFAULT_DENY, POLICY_ERROR, PolicyText, Rulebook
from kehu.guard.gate.state import CONSENT, CONSENT_KIND, KIND, SUBSCRIPTION, SUBSCRIPTION_GROUND

__all__ = ["DEFAULT_DENY", "POLICY_ERROR", "Answer", "FieldClass", "PolicySet", "PolicyText", "principal_of"]

# Cedar compares strings: a word that no policy knows would slip past every forbid, so it is an error
_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "role": frozenset({*ROLES, CUSTOMER}),
    "use": frozenset(ACTIONS),
    "packs": frozenset(PACKS),
    "recipient_kind": frozenset({"none", "processor", "controller", "sale"}),
    "event": frozenset({"", "publish", "public-space"}),
    "medium": frozenset({"", *MEDIA}),
    "topic_kind": frozenset({"", *KINDS}),
    "subscription": frozenset({"", *SUBSCRIPTION}),
    "subscription_ground": frozenset({"", *SUBSCRIPTION_GROUND}),
    "agreed": frozenset(EVENTS),
    "consent": frozenset(CONSENT),
    "consent_kind": frozenset(CONSENT_KIND),
    "age": frozenset(AGE_BANDS),
    "provenance": frozenset({"covered", "on-consent", "outside-notice"}),
    "kind": frozenset(KIND) - {""},
    "category": frozenset(CATEGORIES),
}
_PARSED: Final = 256  # pairs of asker and asked kept parsed; they hold classes and booleans, nothing of a customer
_ASKER: Final = {"type": "Staff", "id": "asker"}


@dataclass(frozen=True, slots=True)
class FieldClass:
    """Fields that policies cannot tell apart; ``agreed``: the events that a separate consent covers for them."""

    in_least: bool
    level: int
    category: str
    agreed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """``clear``, ``masked`` or ``denied``, the policy that decided and the others that agree with it."""

    answer: str
    policy: str
    others: tuple[str, ...] = ()


class PolicySet:
    """All policies of a folder, validated against their schema. Safe to share between threads."""

    def __init__(self, book: Rulebook) -> None:
        self._book = book
        self.digest = book.digest
        self._schema = cedarpy.Schema.from_str(book.schema)
        self._pairs: dict[str, cedarpy.Entities] = {}
        self._slices: dict[tuple[str, frozenset[str], bool], cedarpy.PolicySet] = {}
        read = read_of("resource", book.policies.values())
        self._told_apart = tuple(one.name for one in fields(FieldClass) if read is None or one.name in read)

    @classmethod
    def load(cls, folder: Path) -> PolicySet:
        """Read and validate ``*.cedar`` of a folder.

        Raises:
            ValueError: a policy has no id, an id stands twice, words are missing, or it does not fit the schema.
        """
        return cls(Rulebook.load(folder))

    def __iter__(self) -> Iterator[str]:
        return iter(self._book.policies)

    def text(self, policy: str, language: str = "en") -> PolicyText:
        """A policy's article, reason and remedy in ``en``, ``zh-hans`` or ``zh-hant``; English for any other."""
        return self._book.text(policy, language)

    def decide(
        self,
        principal: Mapping[str, Any],
        context: Mapping[str, Any],
        classes: Iterable[FieldClass],
        actions: Iterable[str] = ("open", "mask"),
    ) -> dict[FieldClass, Answer]:
        """Decide each class: the first action allowed names the answer, the forbid of the one before it says why.

        Classes that no policy tells apart are asked about once.
        """
        order = tuple(actions)
        known: dict[tuple[Any, ...], Answer] = {}
        found: dict[FieldClass, Answer] = {}
        for held in classes:
            alike = tuple(getattr(held, name) for name in self._told_apart)
            if alike not in known:
                known[alike] = self._decide_one(principal, context, held, order)
            found[held] = known[alike]
        return found

    def decide_collect(
        self, facts: str, *, basis: str, packs: frozenset[str], notice: bool, source_proof: bool, channel_kind: str
    ) -> Answer:
        """Whether records may be brought in on these terms."""
        principal = principal_of(ActorFacts.parse(facts), ())
        context = {"basis": basis, "packs": sorted(packs), "notice": notice, "source_proof": source_proof}
        question = _Question("collect", "Channel", {"kind": channel_kind}, principal, context)
        allowed, policies = self._ask(question)
        return Answer("clear", policies[0], policies[1:]) if allowed else self._denied(question, policies)

    def _decide_one(
        self, principal: Mapping[str, Any], context: Mapping[str, Any], held: FieldClass, actions: tuple[str, ...]
    ) -> Answer:
        refused: tuple[str, ...] = (DEFAULT_DENY,)
        question: _Question | None = None
        for action in actions:
            first = question is None
            question = _Question(action, "FieldClass", asdict(held), principal, context)
            allowed, policies = self._ask(question)
            if allowed:
                why = policies if first else refused
                return Answer("clear" if action == "open" else "masked", why[0], why[1:])
            refused = policies
        return self._denied(question, refused) if question else Answer("denied", DEFAULT_DENY)

    def _ask(self, question: _Question) -> tuple[bool, tuple[str, ...]]:
        """Whether the action is allowed, and the policies that say so, the deciding one first."""
        try:
            if not question.known_words():
                return False, (POLICY_ERROR,)
            policies = self._slice(question)
            result = cedarpy.is_authorized(question.request, policies, self._entities(question), self._schema)
        except (ValueError, TypeError, KeyError):  # their messages carry the request: only the denial goes on
            return False, (POLICY_ERROR,)
        # a forbid that errs is skipped by Cedar, and would let through
        if result.diagnostics.errors or result.decision == cedarpy.Decision.NoDecision:
            return False, (POLICY_ERROR,)
        return result.allowed, self._book.ordered(result.diagnostics.reasons) or (DEFAULT_DENY,)

    def _entities(self, question: _Question) -> cedarpy.Entities:
        """Asker and asked, parsed once for all the contexts they are asked about in.

        Raises:
            ValueError: they do not fit the schema.
        """
        text = question.entities
        held = self._pairs.get(text)
        if held is None:
            held = cedarpy.Entities.from_json_str(text, self._schema)
            if len(self._pairs) >= _PARSED:
                self._pairs.clear()
            self._pairs[text] = held
        return held

    def _slice(self, question: _Question, *, permits: bool = False) -> cedarpy.PolicySet:
        """The policies that can speak here: the others are of another action, or begin with a law that does not apply.

        Half of the time of a decision goes into policies whose first word is false.
        """
        packs = frozenset(question.context["packs"])
        key = (question.action, packs, permits)
        held = self._slices.get(key)
        if held is None:
            chosen = {
                name: policy
                for name, policy in self._book.policies.items()
                if may_act(policy, question.action)
                and law_of(policy) in (None, *packs)
                and (not permits or policy["effect"] == "permit")
            }
            held = self._slices[key] = _parsed(chosen)
        return held

    def _denied(self, question: _Question, policies: tuple[str, ...]) -> Answer:
        """Name a denial: whom no permit lets ask learns that, and nothing of a consent or a restriction.

        An explanation opens nothing and is asked for in order to learn just that.
        """
        spoken = policies[0] in (DEFAULT_DENY, POLICY_ERROR) or self._book.of_asker(policies[0])
        if not spoken and question.context.get("use") != "explain":
            permitted = cedarpy.is_authorized(
                question.request, self._slice(question, permits=True), self._entities(question), self._schema
            )
            if not permitted.allowed:
                return Answer("denied", DEFAULT_DENY)
        return Answer("denied", policies[0], policies[1:])


@dataclass(frozen=True, slots=True)
class _Question:
    """One request to Cedar."""

    action: str
    kind: str
    resource: Mapping[str, Any]
    principal: Mapping[str, Any]
    context: Mapping[str, Any]

    @property
    def request(self) -> dict[str, Any]:
        return {
            "principal": _ASKER,
            "action": {"type": "Action", "id": self.action},
            "resource": {"type": self.kind, "id": "asked"},
            "context": dict(self.context),
        }

    @property
    def entities(self) -> str:
        held = [
            {"uid": _ASKER, "attrs": dict(self.principal), "parents": []},
            {"uid": {"type": self.kind, "id": "asked"}, "attrs": dict(self.resource), "parents": []},
        ]
        return json.dumps(held)

    def known_words(self) -> bool:
        """Whether each attribute of a closed vocabulary stays in it; missing ones are the schema's matter."""
        attributes = {
            **self.principal, **self.context, "category": self.resource.get("category"), "agreed": self.resource.get("agreed"),
        }  # fmt: skip
        for name, words in _WORDS.items():
            value = attributes.get(name)
            if value is None:
                continue
            held = value.values() if isinstance(value, Mapping) else [value] if isinstance(value, str) else value
            if not words.issuperset(held):
                return False
        return True


def principal_of(facts: ActorFacts, claims: Iterable[str]) -> dict[str, Any]:
    """The asker as policies see it."""
    return asdict(facts) | {"claims": sorted(claims)}


def _parsed(policies: Mapping[str, Any]) -> cedarpy.PolicySet:
    # through JSON with the id as key: parsed from text Cedar calls them policy0, policy1, …
    document = {"staticPolicies": dict(policies), "templates": {}, "templateLinks": []}
    return cedarpy.PolicySet.from_json_str(json.dumps(document))
