"""Questions of a survey: a scale, a choice, or a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from kehu.govern.slugs import LANGUAGES

KINDS: Final = ("scale", "choice", "text")
SHORTEST_SCALE, LONGEST_SCALE = 2, 11
MOST_OPTIONS: Final = 20
LONGEST_ANSWER: Final = 2_000


@dataclass(frozen=True, slots=True)
class Question:
    """One question. ``id`` is its name in answers; ``steps`` those of a scale, 1 the least; ``options`` words of a choice."""

    id: str
    kind: str
    words: Mapping[str, str]
    steps: int = 5
    options: tuple[Mapping[str, str], ...] = field(default=())

    def text(self, language: str) -> str:
        """Its words; English for any other language."""
        return self.words.get(language) or self.words.get("en", "")

    def option_texts(self, language: str) -> list[str]:
        """Words of its options in their order; of a scale its steps."""
        if self.kind == "scale":
            return [str(step) for step in range(1, self.steps + 1)]
        return [one.get(language) or one.get("en", "") for one in self.options]

    def fault(self) -> str | None:
        """Why it cannot be asked so; None: it can."""
        if self.kind not in KINDS or not self.id.isidentifier() or len(self.id) > 20:
            return "question-not-understood"
        if not all(self.words.get(language, "").strip() for language in LANGUAGES):
            return "question-words"
        if self.kind == "scale" and not SHORTEST_SCALE <= self.steps <= LONGEST_SCALE:
            return "question-steps"
        if self.kind == "choice":
            whole = all(one.get(language, "").strip() for one in self.options for language in LANGUAGES)
            if not whole or not SHORTEST_SCALE <= len(self.options) <= MOST_OPTIONS:
                return "question-options"
        return None

    def pack(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "id": self.id, "kind": self.kind, "words": dict(self.words), "steps": self.steps,
            "options": [dict(one) for one in self.options],
        }  # fmt: skip

    @classmethod
    def unpack(cls, held: Mapping[str, Any]) -> Question:
        """From :meth:`pack`."""
        return cls(held["id"], held["kind"], held["words"], held["steps"], tuple(held["options"]))
