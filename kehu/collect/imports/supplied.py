"""What comes from a source and not from the customers: named before anything is read, and proven row by row.

A Chinese third party gives a person's data on with their separate consent (PIPL 23): every row says when it was given, to
which recipient, for which purposes, by which way, and of which data. What was found in public says where, when, and what
it was when it was found (PIPL 27). A row without goes to quarantine.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from kehu.govern.dictionary import Dictionary
from kehu.govern.models import Channel, Source
from kehu.govern.purposes import Purpose
from kehu.govern.slugs import PURPOSES
from kehu.govern.sources import CHINA, UNREGISTERED

CONSENT_AT, CONSENT_TO, CONSENT_FOR, CONSENT_WAY, CONSENT_TO_WHAT = (
    "source_consent_at", "source_consent_to", "source_consent_purposes", "source_consent_way", "source_consent_data",
)  # fmt: skip
LINK, CAPTURED, HASH = "public_link", "captured_at", "capture_hash"
OF_THE_SOURCE: Final = frozenset({
    CONSENT_AT, CONSENT_TO, CONSENT_FOR, CONSENT_WAY, CONSENT_TO_WHAT, LINK, CAPTURED, HASH,
})  # fmt: skip
"""Fields that say something of the source, and nothing else of the person."""
_TIMES: Final = (CONSENT_AT, CAPTURED)
MISSING: Final = "source_consent_missing"
OTHER: Final = "source_consent_other"
UNPROVEN: Final = "public_unproven"
Proven = tuple[str | None, tuple[int, ...] | None]
"""Why a row is refused, if it is; and the purposes they agreed to, where the source needs that."""
_APART: Final = re.compile(r"[,;|/、，；\n]+")
_HASH: Final = re.compile(r"[0-9a-fA-F]{64}")
_NAMES_THEM: Final = "external_id"


class SourceUnfit(ValueError):
    """The source named is none of this channel's, or the document shown is not the one registered; the message says which."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def supplier_of(channel: Channel, source: Source | None) -> int | None:
    """The number that its records carry: the source's; or that of none in the register, where others than customers send."""
    return source.id if source is not None else UNREGISTERED.get(channel.kind)


def fitting(channel: Channel, name: str | None, proof: bytes | None, digest: str) -> Source | None:
    """The source named, where it fits the channel; ``digest``: the SHA-256 of the document shown.

    Raises:
        SourceUnfit: see there.
    """
    if name is None:
        return None
    held = Source.objects.select_related("change").filter(name=name).first()
    if held is None:
        raise SourceUnfit("No source of that name is in force.", "See: kehu source list")
    if channel.kind in UNREGISTERED and channel.kind != held.kind:
        raise SourceUnfit(f"This source is of kind {held.kind}, the channel is not.", "Name a channel of its kind.")
    if channel.kind not in UNREGISTERED:
        raise SourceUnfit(
            "What a source gives comes by a channel of kind third-party or public.", "Name such a channel."
        )
    if proof is not None and held.change.content["proof"] not in ("", digest):
        raise SourceUnfit(
            "The document is not the one this source is registered with.", "Give that one, or leave it out."
        )
    return held


@dataclass(frozen=True, slots=True)
class Proofs:
    """What each row of an import proves of its source. ``controller``: to whom their consent must have been."""

    consent: bool
    public: bool
    controller: str
    purposes: Mapping[str, Purpose]
    dictionary: Dictionary

    def of_rows(
        self, given: Mapping[str, list[str | None]], normal: Mapping[str, list[str | None]], height: int
    ) -> list[Proven]:
        """The same of each row of a batch, from its cleaned columns: times as they are understood, the rest as given."""
        if not (self.consent or self.public):
            return [(None, None)] * height
        said = {name: normal[name] if name in _TIMES else given[name] for name in OF_THE_SOURCE & given.keys()}
        return [
            self.of(
                {name: column[at] for name, column in said.items()},
                [name for name, column in given.items() if column[at] is not None],
            )
            for at in range(height)
        ]

    def of(self, row: Mapping[str, str | None], held: Collection[str]) -> Proven:
        """Why a row is refused, or None; and the purposes they agreed to, where the source needs it.

        ``row``: what it says in the fields of the source; times normalised; ``held``: the fields it has a value in.
        """
        if self.public:
            return (None if self._shown(row) else UNPROVEN), None
        if not self.consent:
            return None, None
        texts = {
            name: (row.get(name) or "").strip() for name in (CONSENT_TO, CONSENT_FOR, CONSENT_WAY, CONSENT_TO_WHAT)
        }
        if not _past(row.get(CONSENT_AT)) or not all(texts.values()):
            return MISSING, None
        agreed = self._purposes(texts[CONSENT_FOR])
        covered = self._fields(texts[CONSENT_TO_WHAT])
        told = {name for name in held if name not in OF_THE_SOURCE and name != _NAMES_THEM}
        if texts[CONSENT_TO].casefold() != self.controller.casefold() or not agreed or not told <= covered:
            return OTHER, None
        return None, agreed

    def _shown(self, row: Mapping[str, str | None]) -> bool:
        link = (row.get(LINK) or "").casefold()
        return (
            link.startswith(("https://", "http://")) and _past(row.get(CAPTURED))
            and bool(_HASH.fullmatch(row.get(HASH) or ""))
        )  # fmt: skip

    def _purposes(self, text: str) -> tuple[int, ...]:
        """Purposes named by slug or by their name in any language; what is none of ours is nothing to us."""
        said = _parts(text)
        return tuple(
            number
            for slug, number in PURPOSES.items()
            if said & {slug.casefold(), *(label.casefold() for label in self.purposes[slug].labels.values())}
        )

    def _fields(self, text: str) -> set[str]:
        """Fields named by slug, by their name in any language, or by their category."""
        said = _parts(text)
        return {
            name
            for name, field in self.dictionary.fields.items()
            if said & {name, field.category, *(label.casefold() for label in field.labels.values())}
        }


def _parts(text: str) -> set[str]:
    return {part.strip().casefold() for part in _APART.split(text)} - {""}


def _past(text: str | None) -> bool:
    """Whether it is a time that has been."""
    if not text:
        return False
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return False
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) <= datetime.now(UTC)


def asked_of(source: Source | None, controller: str) -> dict[str, Any]:
    """What a recipe says of the rows of a source: what each has to prove, and to whom a consent must have been."""
    bought = source is not None and source.kind == "third-party"
    return {
        "proves_consent": bought and source is not None and source.country == CHINA,
        "proves_public": source is not None and not bought,
        "consent_to": controller if source is not None else "",
    }


def claimed(purposes: Sequence[str], consents: Sequence[tuple[str, str]]) -> tuple[int, ...]:
    """The purposes that an import says it is for: those named, and those it brings consents to."""
    return tuple(sorted({PURPOSES[slug] for slug in (*purposes, *(slug for slug, _ in consents)) if slug in PURPOSES}))
