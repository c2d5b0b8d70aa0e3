"""Cedar behind one door: policies parsed once, ids kept, every error a denial, the deciding policy named."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import cedarpy

from kehu.govern.laws import AGE_BANDS, PACKS
from kehu.govern.slugs import ACTIONS, CATEGORIES, CUSTOMER, EVENTS, MEDIA, PURPOSES, ROLES
from kehu.govern.sources import SourceFacts
from kehu.govern.topics import KINDS
from kehu.guard.gate.actor import ActorFacts
from kehu.guard.gate.applying import Applies, applies, facts_of, may_act, read_of
from kehu.guard.gate.conflict import conflict_of
from kehu.guard.gate.rulebook import DEFAULT_DENY, POLICY_ERROR, PolicyText, Rulebook
from kehu.guard.gate.state import CONSENT, CONSENT_KIND, KIND, SUBSCRIPTION, SUBSCRIPTION_GROUND

__all__ = ["DEFAULT_DENY", "POLICY_ERROR", "Answer", "FieldClass", "PolicySet", "PolicyText", "principal_of"]

# Cedar compares strings: a word that no policy knows would slip past every forbid, so it is an error
_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "role": frozenset({*ROLES, CUSTOMER}),
    "use": frozenset(ACTIONS),
    "packs": frozenset(PACKS),
    "there": frozenset(PACKS),
    "approved": frozenset(PACKS),
    "recipient_kind": frozenset({"none", "processor", "controller", "sale", "authority"}),
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
    "supply": frozenset({"own", "bought", "public"}),
    "source": frozenset({"", "unregistered", "in-force", "expired", "stopped", "failed"}),
    "emergency": frozenset({"", "vital", "security", "claims"}),
    "may_purposes": frozenset(PURPOSES),
    "may_actions": frozenset({"open", "mask", "match"}),
}
MATCH: Final = "match"
"""The action of a policy: an answer is compared with what is held, and nothing is shown."""
MATCH_ONLY: Final = "match-only"
_KEPT: Final = 4_096  # answers kept, each by the policies that apply; nothing of a customer is in them
_ASKER: Final = {"type": "Staff", "id": "asker"}
_Said = tuple[bool, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class FieldClass:
    """Fields that policies cannot tell apart; ``agreed``: the events that a separate consent covers for them.

    ``granted``: the grant in use lets them through, of this customer. ``in_role``: the asker's role of the house, if they
    hold one, leaves their category.
    """

    in_least: bool
    level: int
    category: str
    agreed: tuple[str, ...] = ()
    verifies: bool = False
    granted: bool = False
    in_role: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """``clear``, ``masked``, ``match-only`` or ``denied``, the policy that decided and the others that agree with it."""

    answer: str
    policy: str
    others: tuple[str, ...] = ()


_CLASS: Final = fields(FieldClass)
_WORD_OF: Final = {"open": "clear", "mask": "masked", MATCH: MATCH_ONLY}
_NOTHING_ASKED: Final = Answer("denied", DEFAULT_DENY)


class PolicySet:
    """All policies of a folder, validated against their schema. Safe to share between threads."""

    def __init__(self, book: Rulebook) -> None:
        self._book = book
        self.digest = book.digest
        self._schema = cedarpy.Schema.from_str(book.schema)
        self._of: dict[str, tuple[tuple[str, Applies], ...]] = {}
        self._parsed: dict[tuple[str, ...], cedarpy.PolicySet] = {}
        self._said: dict[tuple[Any, ...], _Said] = {}
        self._passed: set[tuple[Any, ...]] = set()
        self._read: dict[tuple[str, ...], tuple[frozenset[str] | None, ...]] = {}
        read = read_of("resource", book.policies.values())
        self._told_apart = tuple(one.name for one in _CLASS if read is None or one.name in read)

    @classmethod
    def load(cls, folder: Path) -> PolicySet:
        """Read and validate ``*.cedar`` of a folder.

        Raises:
            ValueError: a policy has no id, an id stands twice, words are missing, or it does not fit the schema.
        """
        return _policy_set(Rulebook.load(folder))

    def __iter__(self) -> Iterator[str]:
        return iter(self._book.policies)

    def text(self, policy: str, language: str = "en") -> PolicyText:
        """A policy's article, reason and remedy in ``en``, ``zh-hans`` or ``zh-hant``; English for any other."""
        return self._book.text(policy, language)

    def of_asker(self, policy: str) -> bool:
        """Whether a denial's policy speaks of who asks, or of nobody at all (no rule allows it, one is in error)."""
        return policy in (DEFAULT_DENY, POLICY_ERROR) or (policy in self._book.policies and self._book.of_asker(policy))

    def decide(
        self,
        principal: Mapping[str, Any],
        context: Mapping[str, Any],
        classes: Iterable[FieldClass],
        actions: Iterable[str] = ("open", "mask"),
    ) -> dict[FieldClass, Answer]:
        """Decide each class: the first action allowed names the answer, the forbid of the one before it says why.

        Classes that no policy tells apart are decided once.
        """
        asked, order = _Asked(principal, context), tuple(actions)
        known: dict[tuple[Any, ...], Answer] = {}
        found: dict[FieldClass, Answer] = {}
        for held in classes:
            alike = tuple([getattr(held, name) for name in self._told_apart])
            if alike not in known:
                known[alike] = self._decide_one(asked, held, order)
            found[held] = known[alike]
        return found

    def decide_collect(
        self, facts: str, *, basis: str, packs: frozenset[str], notice: bool, channel_kind: str, source: SourceFacts
    ) -> Answer:
        """Whether records may be brought in on these terms; ``source``: where they come from, if not from the customers."""
        principal = principal_of(ActorFacts.parse(facts), ())
        context = {
            "basis": basis, "packs": sorted(packs), "notice": notice, "source": source.standing,
            "source_proof": source.proved, "source_obtained": source.obtained, "source_allows": source.allows,
            "source_in_scope": source.in_scope,
        }  # fmt: skip
        asked = _Asked(principal, context)
        resource = {"kind": channel_kind}
        allowed, policies = self._ask(asked, "collect", "Channel", resource)
        if allowed:
            return Answer("clear", policies[0], policies[1:])
        return self._denied(asked, "collect", "Channel", resource, policies)

    def _decide_one(self, asked: _Asked, held: FieldClass, actions: tuple[str, ...]) -> Answer:
        refused: tuple[str, ...] = (DEFAULT_DENY,)
        resource = {one.name: getattr(held, one.name) for one in _CLASS}
        last = ""
        for action in actions:
            if action == MATCH and last and not held.verifies:
                continue
            allowed, policies = self._ask(asked, action, "FieldClass", resource)
            if allowed:
                why = refused if last else policies
                return Answer(_WORD_OF[action], why[0], why[1:])
            if action != MATCH or not last:  # why a value is not shown is told, not why it is not compared either
                refused, last = policies, action
        return self._denied(asked, last, "FieldClass", resource, refused) if last else _NOTHING_ASKED

    def _ask(
        self, asked: _Asked, action: str, kind: str, resource: Mapping[str, Any], *, permits: bool = False
    ) -> _Said:
        """Whether the action is allowed, and the policies that say so, the deciding one first.

        Where it is certain which policies apply, Cedar is asked once for them and each form of the question.
        """
        try:
            if not asked.known_words(resource):
                return False, (POLICY_ERROR,)
            applying, certain = self._applying(asked, action, resource, permits=permits)
            key = (action, kind, applying, asked.form, _form(resource))
            said = self._said.get(key) if certain else None
            if said is None:
                said = self._ask_cedar(asked, action, kind, resource, applying)
                if certain:
                    if len(self._said) >= _KEPT:
                        self._said.clear()
                    self._said[key] = said
        except (ValueError, TypeError, KeyError):  # their messages carry the request: only the denial goes on
            return False, (POLICY_ERROR,)
        return said

    def _applying(
        self, asked: _Asked, action: str, resource: Mapping[str, Any], *, permits: bool
    ) -> tuple[tuple[str, ...], bool]:
        """The policies that apply or may, and whether all of them do for certain."""
        facts = {**asked.facts, "resource": facts_of(resource)}
        found: list[str] = []
        certain = True
        for name, of in asked.possible(action, self._acting(action)):
            value = of(facts)
            if value is False or (permits and self._book.policies[name]["effect"] != "permit"):
                continue
            certain = certain and value is True
            found.append(name)
        return tuple(found), certain

    def _acting(self, action: str) -> tuple[tuple[str, Applies], ...]:
        held = self._of.get(action)
        if held is None:
            acting = ((name, one) for name, one in self._book.policies.items() if may_act(one, action))
            held = self._of[action] = tuple((name, applies(one)) for name, one in acting)
        return held

    def _ask_cedar(
        self, asked: _Asked, action: str, kind: str, resource: Mapping[str, Any], applying: tuple[str, ...]
    ) -> _Said:
        """Cedar's answer over these policies, question and facts checked against the schema.

        A question of a form that passed the schema before passes it again: then Cedar gets only what these policies read.

        Raises:
            ValueError, TypeError: they do not fit it.
        """
        form = (action, kind, asked.form, _form(resource))
        known = form in self._passed
        reads = self._reads(applying) if known else (None, None, None)
        principal, context, of_resource = (
            dict(held) if names is None else {name: held[name] for name in names if name in held}
            for held, names in zip((asked.principal, asked.context, resource), reads, strict=True)
        )
        request = {
            "principal": _ASKER,
            "action": {"type": "Action", "id": action},
            "resource": {"type": kind, "id": "asked"},
            "context": context,
        }
        held = [
            {"uid": _ASKER, "attrs": principal, "parents": []},
            {"uid": {"type": kind, "id": "asked"}, "attrs": of_resource, "parents": []},
        ]
        schema = None if known else self._schema
        entities = cedarpy.Entities.from_json_str(json.dumps(held), schema)
        result = cedarpy.is_authorized(request, self._policies(applying), entities, schema)
        # a forbid that errs is skipped by Cedar, and would let through
        if result.diagnostics.errors or result.decision == cedarpy.Decision.NoDecision:
            return False, (POLICY_ERROR,)
        if len(self._passed) < _KEPT:
            self._passed.add(form)
        return result.allowed, self._book.ordered(result.diagnostics.reasons) or (DEFAULT_DENY,)

    def _reads(self, names: tuple[str, ...]) -> tuple[frozenset[str] | None, ...]:
        """What these policies read of principal, context and resource; None: it may be anything."""
        found = self._read.get(names)
        if found is None:
            if len(self._read) >= _KEPT:
                self._read.clear()
            policies = [self._book.policies[name] for name in names]
            found = tuple(read_of(variable, policies) for variable in ("principal", "context", "resource"))
            self._read[names] = found
        return found

    def _policies(self, names: tuple[str, ...]) -> cedarpy.PolicySet:
        held = self._parsed.get(names)
        if held is None:
            if len(self._parsed) >= _KEPT:
                self._parsed.clear()
            held = self._parsed[names] = _parsed({name: self._book.policies[name] for name in names})
        return held

    def _denied(
        self, asked: _Asked, action: str, kind: str, resource: Mapping[str, Any], policies: tuple[str, ...]
    ) -> Answer:
        """Name a denial: whom no permit lets ask learns that, and nothing of a consent or a restriction.

        An explanation opens nothing and is asked for in order to learn just that.
        """
        spoken = self.of_asker(policies[0])
        if not spoken and asked.context.get("use") != "explain":
            permitted, _ = self._ask(asked, action, kind, resource, permits=True)
            if not permitted:
                return Answer("denied", DEFAULT_DENY)
        two = conflict_of(asked.context, policies) if kind == "FieldClass" and not spoken else None
        if two is not None:
            return Answer("denied", two.policy, policies)
        return Answer("denied", policies[0], policies[1:])


class _Asked:
    """Who asks and under what circumstances, as one or many fields are asked about."""

    def __init__(self, principal: Mapping[str, Any], context: Mapping[str, Any]) -> None:
        self.principal = principal
        self.context = context
        self.form = _form(principal), _form(context)
        self.facts = {"principal": facts_of(principal), "context": facts_of(context)}
        self._known = _known_words({**principal, **context})
        self._possible: dict[str, list[tuple[str, Applies]]] = {}

    def known_words(self, resource: Mapping[str, Any]) -> bool:
        """Whether each attribute of a closed vocabulary stays in it; missing ones are the schema's matter."""
        return self._known and _known_words({name: resource.get(name) for name in ("category", "agreed")})

    def possible(self, action: str, acting: Iterable[tuple[str, Applies]]) -> list[tuple[str, Applies]]:
        """Of the policies that act, those that may apply to some field."""
        held = self._possible.get(action)
        if held is None:
            held = self._possible[action] = [one for one in acting if one[1](self.facts) is not False]
        return held


@functools.lru_cache(maxsize=4)
def _policy_set(book: Rulebook) -> PolicySet:
    """One for a rulebook: what it has learnt of its policies holds as long as they are the same."""
    return PolicySet(book)


def _known_words(attributes: Mapping[str, Any]) -> bool:
    for name, value in attributes.items():
        if value is None or (words := _WORDS.get(name)) is None:
            continue
        held = value.values() if isinstance(value, Mapping) else [value] if isinstance(value, str) else value
        try:
            if not words.issuperset(held):
                return False
        except TypeError:  # no words at all
            return False
    return True


def _form(attributes: Mapping[str, Any]) -> tuple[Any, ...]:
    """Names and types, all the way down: what one form passes of the schema every question of it does."""
    return tuple([(name, _type(value)) for name, value in attributes.items()])


def _type(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _form(value)
    if isinstance(value, (list, tuple)):
        return list, frozenset(map(type, value))
    return type(value)


def principal_of(facts: ActorFacts, claims: Iterable[str]) -> dict[str, Any]:
    """The asker as policies see it."""
    held = asdict(facts) | {"claims": sorted(claims)}
    del held[
        "may_categories"
    ]  # told of each field instead (``in_role``), so that others' fields are not told apart by it
    return held


def _parsed(policies: Mapping[str, Any]) -> cedarpy.PolicySet:
    # through JSON with the id as key: parsed from text Cedar calls them policy0, policy1, …
    document = {"staticPolicies": dict(policies), "templates": {}, "templateLinks": []}
    return cedarpy.PolicySet.from_json_str(json.dumps(document))
