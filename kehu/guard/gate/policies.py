"""Cedar behind one door: policies parsed once, ids kept, every error a denial, the deciding policy named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import cedarpy

from kehu.guard.gate.actor import ActorFacts

DEFAULT_DENY: Final = "house.default-deny"
POLICY_ERROR: Final = "house.policy-error"
_FILES: Final = ("house", "cn", "eu", "us", "jp", "au")
# which of several forbids names the answer: who asks first, then what the law says of the subject, then the field
_PRECEDENCE: Final = (
    "house.active", "house.credential", "house.scope", "house.agreement", "house.training", "house.department",
    "house.collect", "cn.pipl.13-no", "house.purpose-least", "house.kept", "house.restriction", "house.objection",
    "house.deceased", "cn.pipl.31", "cn.", "eu.", "us.", "jp.", "au.", "house.consent", "house.collected",
    "house.notice",
    "house.level4",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FieldClass:
    """Fields that policies cannot tell apart."""

    in_least: bool
    level: int
    category: str


@dataclass(frozen=True, slots=True)
class Answer:
    """``clear``, ``masked`` or ``denied``, the policy that decided and the others that agree with it."""

    answer: str
    policy: str
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A policy's words in one language."""

    article: str
    reason: str
    remedy: str


def _rank(policy: str) -> tuple[int, str]:
    for number, prefix in enumerate(_PRECEDENCE):
        if policy.startswith(prefix):
            return number, policy
    return len(_PRECEDENCE), policy


class PolicySet:
    """All policies of a folder, validated against their schema."""

    def __init__(self, named: Mapping[str, Any], digest: str) -> None:
        self._named = named
        self.digest = digest
        document = {"staticPolicies": dict(named), "templates": {}, "templateLinks": []}
        self._set = cedarpy.PolicySet.from_json_str(json.dumps(document))

    @classmethod
    def load(cls, folder: Path) -> PolicySet:
        """Read and validate ``*.cedar`` of a folder.

        Raises:
            ValueError: a policy has no id, an id stands twice, or it does not fit the schema.
        """
        schema = (folder / "schema.cedarschema").read_text(encoding="utf-8")
        texts = [(folder / f"{name}.cedar").read_text(encoding="utf-8") for name in _FILES]
        result = cedarpy.validate_policies("\n".join(texts), schema)
        if not result.validation_passed:
            raise ValueError("policies do not fit the schema: " + "; ".join(str(e) for e in result.errors))
        parsed = json.loads(cedarpy.policies_to_json_str("\n".join(texts)))["staticPolicies"]
        named: dict[str, Any] = {}
        for policy in parsed.values():
            notes = policy.get("annotations", {})
            if "id" not in notes or notes["id"] in named or "reason_en" not in notes or "article" not in notes:
                raise ValueError(f"policy {notes.get('id', '?')}: id, article and reason must stand, once")
            named[notes["id"]] = policy
        digest = hashlib.sha256("\x1e".join([schema, *texts]).encode()).hexdigest()
        return cls(named, digest)

    def __iter__(self) -> Any:
        return iter(self._named)

    def text(self, policy: str, language: str = "en") -> PolicyText:
        """A policy's article, reason and remedy; Chinese for any ``zh``, English otherwise."""
        if policy == DEFAULT_DENY:
            zh = language.startswith("zh")
            return PolicyText(
                "House rule 0",
                "没有规则允许此项使用。" if zh else "No rule allows this use.",
                "请选择您岗位可用的目的。" if zh else "Choose a purpose your role may claim.",
            )
        if policy not in self._named:
            return PolicyText("", policy, "")
        notes = self._named[policy]["annotations"]
        short = "zh" if language.startswith("zh") else "en"
        return PolicyText(notes["article"], notes[f"reason_{short}"], notes.get(f"remedy_{short}") or "")

    def decide(
        self,
        principal: Mapping[str, Any],
        context: Mapping[str, Any],
        classes: Iterable[FieldClass],
        actions: Iterable[str] = ("open", "mask"),
    ) -> dict[FieldClass, Answer]:
        """Decide each class: the first action allowed names the answer; where none is, the first one's forbid does."""
        answers: dict[FieldClass, Answer] = {}
        order = tuple(actions)
        for held in classes:
            refused: Answer | None = None
            for action in order:
                allowed, policies = self._ask(action, "FieldClass", asdict(held), principal, context)
                if allowed:
                    answer = "clear" if action == "open" else "masked"
                    deciding = refused.policy if refused else policies[0]
                    answers[held] = Answer(answer, deciding, tuple(p for p in policies if p != deciding))
                    break
                refused = refused or Answer("denied", policies[0], policies[1:])
                if action == "mask":
                    refused = Answer("denied", policies[0], policies[1:])
            else:
                answers[held] = refused or Answer("denied", DEFAULT_DENY)
        return answers

    def decide_collect(
        self, facts: str, *, basis: str, packs: frozenset[str], notice: bool, source_proof: bool, channel_kind: str
    ) -> Answer:
        """Whether records may be brought in on these terms."""
        principal = principal_of(ActorFacts.parse(facts), ())
        context = {"basis": basis, "packs": sorted(packs), "notice": notice, "source_proof": source_proof}
        allowed, policies = self._ask("collect", "Channel", {"kind": channel_kind}, principal, context)
        return Answer("clear" if allowed else "denied", policies[0], policies[1:])

    def _ask(
        self,
        action: str,
        kind: str,
        resource: Mapping[str, Any],
        principal: Mapping[str, Any],
        context: Mapping[str, Any],
    ) -> tuple[bool, tuple[str, ...]]:
        entities = [
            {"uid": {"type": "Staff", "id": "asker"}, "attrs": dict(principal), "parents": []},
            {"uid": {"type": kind, "id": "asked"}, "attrs": dict(resource), "parents": []},
        ]
        request = {
            "principal": 'Staff::"asker"',
            "action": f'Action::"{action}"',
            "resource": f'{kind}::"asked"',
            "context": dict(context),
        }
        result = cedarpy.is_authorized(request, self._set, entities)
        if result.diagnostics.errors:  # a forbid that errs is skipped by Cedar, and would let through
            return False, (POLICY_ERROR,)
        deciding = tuple(sorted(result.diagnostics.reasons, key=_rank))
        return result.allowed, deciding or (DEFAULT_DENY,)


def principal_of(facts: ActorFacts, claims: Iterable[str]) -> dict[str, Any]:
    """The asker as policies see it."""
    return asdict(facts) | {"claims": sorted(claims)}
