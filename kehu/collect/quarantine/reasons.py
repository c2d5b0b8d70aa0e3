"""Reasons of the quarantine and their remedies, in three languages."""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Final

from kehu.govern.slugs import LANGUAGES
from kehu.guard.installation import installation

_FILE: Final = Path(__file__).with_name("reasons.toml")
NO_USABLE_VALUE: Final = "no_usable_value"
ERASED: Final = "erased"
INVALID_VALUE: Final = "invalid_value"
CONSENT_NOT_WIDENED: Final = "consent_not_widened"


@functools.cache
def _texts() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    if any(set(LANGUAGES) - set(texts) for texts in found.values()):
        raise ValueError("quarantine reasons: a language is missing")
    return found


def remedy(reason: str, language: str = "en") -> str:
    """What to do about a reason; a policy's own words where a policy refused."""
    texts = _texts().get(reason)
    if texts is not None:
        return texts.get(language, texts["en"])
    words = installation().rules.policies.text(reason, language)
    return words.remedy or words.reason
