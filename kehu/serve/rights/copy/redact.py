"""Other people in a customer's free text: their addresses and numbers are taken out of the copy, and it says so."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

ARTICLE: Final = "GDPR 15(4), PIPL 45"
MARK: Final = "‹…›"
_PATTERNS: Final = (
    ("email", re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")),
    ("number", re.compile(r"(?<![\w.])\+?\d(?:[\d\s().-]{5,22})[\dXx](?!\w)")),
)
_KEPT: Final = re.compile(r"[^0-9a-z@.]")


@dataclass(frozen=True, slots=True)
class Redaction:
    """What was taken out of which record's field: a kind of thing, never the thing."""

    record: UUID
    field: str
    what: str


@dataclass(slots=True)
class Redactor:
    """Keeps what is the person's own. What looks like a date or an amount is no number of anybody."""

    own: frozenset[str] = field(repr=False)
    made: list[Redaction] = field(default_factory=list)

    @classmethod
    def knowing(cls, values: Iterable[str]) -> Redactor:
        """A redactor for somebody with these addresses and numbers."""
        return cls(frozenset(filter(None, map(_bare, values))))

    def clean(self, text: str, *, record: UUID, field: str) -> str:
        """The text without other people's email addresses, phone and document numbers."""
        for what, pattern in _PATTERNS:

            def replace(found: re.Match[str], what: str = what) -> str:
                if self._is_own(found[0]) or (what == "number" and not _is_number_of_somebody(found[0])):
                    return found[0]
                self.made.append(Redaction(record, field, what))
                return MARK

            text = pattern.sub(replace, text)
        return text

    def _is_own(self, found: str) -> bool:
        bare = _bare(found)
        # a phone is written with and without its country
        return bare in self.own or (bare.isdigit() and any(own.endswith(bare) for own in self.own if len(bare) >= 7))


def _bare(text: str) -> str:
    return _KEPT.sub("", text.lower()) if "@" in text else re.sub(r"[^0-9x]", "", text.lower())


def _is_number_of_somebody(text: str) -> bool:
    digits = re.sub(r"\D", "", text)
    looks_like_date = re.fullmatch(r"\s*(19|20)\d\d[-/.\s]\d{1,2}[-/.\s]\d{1,2}\s*", text) is not None
    return 7 <= len(digits) <= 19 and not looks_like_date
