"""What a customer can be written to about: topics as data, each for marketing or for service.

A message on a marketing topic needs a subscription; one on a service topic may go out unless the customer said no.
"""

from __future__ import annotations

import functools
import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kehu.govern.slugs import LANGUAGES

_FILE: Final = Path(__file__).with_name("topics.toml")
KINDS: Final = ("marketing", "service")


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: its slug, its kind, and its words in each language."""

    slug: str
    kind: str
    labels: Mapping[str, str]
    descriptions: Mapping[str, str]

    def label(self, language: str) -> str:
        """Its name in ``zh-hans``, ``zh-hant`` or ``en``; English for any other language."""
        return self.labels.get(language.lower(), self.labels["en"])

    def description(self, language: str) -> str:
        """What it is about, in the same languages."""
        return self.descriptions.get(language.lower(), self.descriptions["en"])


@functools.cache
def load_topics() -> dict[str, Topic]:
    """The topics by slug, in the order of the file.

    Raises:
        ValueError: a topic of an unknown kind, or without words in a language.
    """
    document = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    for slug, row in document.items():
        worded = all(row[part].get(language) for part in ("label", "description") for language in LANGUAGES)
        if row["kind"] not in KINDS or not worded or len(slug) > 40 or ":" in slug:
            raise ValueError(f"topic {slug}: unknown kind, or words are missing")
    return {slug: Topic(slug, row["kind"], row["label"], row["description"]) for slug, row in document.items()}


def topic_named(slug: str) -> Topic:
    """The topic of a slug.

    Raises:
        ValueError: there is none.
    """
    found = load_topics().get(slug)
    if found is None:
        raise ValueError(f"topic: one of {', '.join(load_topics())}")
    return found


def topics_digest() -> str:
    """What names the topics by content: which kind each is decides whether a message may go out."""
    kinds = {slug: topic.kind for slug, topic in load_topics().items()}
    return hashlib.sha256(json.dumps(kinds, sort_keys=True).encode()).hexdigest()
