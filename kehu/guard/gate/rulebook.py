"""The policies as written: read from a folder, checked, put in order, and put into words."""

from __future__ import annotations

import functools
import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cedarpy

from kehu.govern.slugs import LANGUAGES
from kehu.guard.gate.conflict import CONFLICT, Conflict

DEFAULT_DENY: Final = "house.default-deny"
POLICY_ERROR: Final = "house.policy-error"
_SOURCES: Final = frozenset({"V", "Vq", "2", "K", "house"})
_READ: Final = frozenset({"V", "house"})
_UNVERIFIED: Final = {"zh-hans": "（未核实）", "zh-hant": "（未核實）", "en": " (unverified)"}
_SPACE: Final = {"zh-hans": "", "zh-hant": "", "en": " "}


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A policy's words in one language. ``article`` says by itself where nobody has read its text yet."""

    article: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True, eq=False)
class Rulebook:
    """The policies of a folder by id, the order in which they name an answer, and the answers no policy gives.

    The same texts are the same object.
    """

    schema: str
    policies: Mapping[str, Any]
    steps: tuple[str, ...]
    laws: tuple[str, ...]
    answers: Mapping[str, Any]
    digest: str

    @classmethod
    def load(cls, folder: Path) -> Rulebook:
        """Read ``*.cedar``, ``schema.cedarschema`` and ``order.toml``.

        Raises:
            ValueError: a policy has no id of its own, an unknown step, law or source, lacks words in a language,
                or does not fit the schema.
        """
        schema = (folder / "schema.cedarschema").read_text(encoding="utf-8")
        order = (folder / "order.toml").read_text(encoding="utf-8")
        files = [(path.stem, path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.cedar"))]
        return _read(schema, order, tuple(files))

    def ordered(self, policies: Iterable[str]) -> tuple[str, ...]:
        """The deciding policy first: by step, then the most specific law, then by name."""
        return tuple(sorted(policies, key=self._rank))

    def of_asker(self, policy: str) -> bool:
        """Whether a policy speaks of who asks, not of the customer."""
        return self._step(policy) == self.steps[0]

    def text(self, policy: str, language: str) -> PolicyText:
        """Article, reason and remedy in ``en``, ``zh-hans`` or ``zh-hant`` (``zh`` is ``zh-hans``), else in English.

        An id from an older set of rules has no words any more: it stands for itself.
        """
        chosen = _language(language)
        if (two := Conflict.parse(policy)) is not None:
            held, forbids = self.answers[CONFLICT], self.text(two.forbids, language)
            reason = held["reason"][chosen].format(demands=two.demands, forbids=forbids.article or two.forbids)
            return PolicyText(held["article"], f"{reason}{_SPACE[chosen]}{forbids.reason}", held["remedy"][chosen])
        if policy in self.answers:
            held = self.answers[policy]
            return PolicyText(held["article"], held["reason"][chosen], held["remedy"][chosen])
        if policy not in self.policies:
            return PolicyText("", policy, "")
        notes, ending = self.policies[policy]["annotations"], chosen.replace("-", "_")
        article = notes["article"] + ("" if notes["source"] in _READ else _UNVERIFIED[chosen])
        return PolicyText(article, notes[f"reason_{ending}"], notes.get(f"remedy_{ending}", ""))

    def _step(self, policy: str) -> str:
        return str(self.policies[policy]["annotations"]["step"])

    def _rank(self, policy: str) -> tuple[int, int, str]:
        return self.steps.index(self._step(policy)), self.laws.index(policy.partition(".")[0]), policy


@functools.lru_cache(maxsize=4)
def _read(schema: str, order: str, files: tuple[tuple[str, str], ...]) -> Rulebook:
    """Once for the same texts: a change of purpose or notice reads the rules anew, and Cedar takes a tenth of a second."""
    written = tomllib.loads(order)
    policies: dict[str, Any] = {}
    for law, text in files:
        result = cedarpy.validate_policies(text, schema)
        if not result.validation_passed:
            raise ValueError(f"{law}.cedar does not fit the schema: " + "; ".join(str(e) for e in result.errors))
        for policy in json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"].values():
            name = _checked(law, policy, written)
            if name in policies:
                raise ValueError(f"policy {name} stands twice")
            policies[name] = policy
    parts = [schema, order, *(part for item in files for part in item)]
    return Rulebook(
        schema=schema,
        policies=policies,
        steps=tuple(written["steps"]),
        laws=tuple(written["laws"]),
        answers=written["answers"],
        digest=hashlib.sha256("\x1e".join(parts).encode()).hexdigest(),
    )


def _language(wanted: str) -> str:
    wanted = wanted.lower()
    if wanted in LANGUAGES:
        return wanted
    if wanted.startswith(("zh-hant", "zh-tw", "zh-hk", "zh-mo")):
        return "zh-hant"
    return "zh-hans" if wanted.startswith("zh") else "en"


def _checked(law: str, policy: Mapping[str, Any], order: Mapping[str, Any]) -> str:
    """The id of a policy that has everything it needs.

    Raises:
        ValueError: as :meth:`Rulebook.load`.
    """
    notes = policy.get("annotations", {})
    name = str(notes.get("id", ""))
    reasons = [f"reason_{language.replace('-', '_')}" for language in LANGUAGES]
    remedies = [f"remedy_{language.replace('-', '_')}" for language in LANGUAGES]
    complete = (
        name.startswith(f"{law}.")
        and name not in order["answers"]
        and law in order["laws"]
        and notes.get("step") in order["steps"]
        and notes.get("source") in _SOURCES
        and all(notes.get(word) for word in ("article", *reasons))
        and len({bool(notes.get(word)) for word in remedies}) == 1
    )
    if not complete:
        raise ValueError(f"policy {name or '?'} of {law}.cedar: id, step, article, source and words in each language")
    return name
