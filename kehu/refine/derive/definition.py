"""What a declaration says, in one form for what ships and what the office writes; and what must hold before it is in force."""

from __future__ import annotations

import functools
import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kehu.govern.purposes import Purpose
from kehu.govern.slugs import LANGUAGES, PURPOSES
from kehu.refine.derive.checking import KEY, TODAY, WHO, Compiled, compiled
from kehu.refine.derive.faults import Fault
from kehu.refine.derive.inputs import SOURCES, TRAITS, UNITS

_FILE: Final = Path(__file__).with_name("shipped.toml")
_SLUG: Final = re.compile(r"[a-z][a-z0-9_]{1,39}")
_TAKEN: Final = frozenset({WHO, KEY, TODAY, "value"})  # columns of what is computed
_MOST_BANDS: Final = 12
_SENSITIVE: Final = 4
# words by which goods or contacts tell of health, belief, orientation, union or politics (GDPR 9, PIPL 28); a hint for whoever
# declares, not the whole of the law
_REVEALING: Final = re.compile(
    r"medic|pharma|drug|diabet|cancer|pregnan|fertil|disab|depress|hiv|insulin|halal|kosher|koran|bible|church|mosque|"
    r"prayer|gay|lesbian|queer|trans(?:gender)?\b|trade union|political|"
    r"药|藥|病|孕|疗|療|残疾|殘疾|抑郁|憂鬱|清真|宗教|教会|教會|同性|政治|工会|工會",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Definition:
    """A trait as it is written down. ``source`` is of a Python expression; SQL names its own."""

    slug: str
    labels: Mapping[str, str]
    descriptions: Mapping[str, str]
    purpose: str
    level: int
    language: str
    source: str
    expression: str
    bands: tuple[float, ...]
    unit: str
    retention_days: int

    @classmethod
    def of(cls, slug: str, row: Mapping[str, Any]) -> Definition:
        """Read a table of the form of ``shipped.toml``.

        Raises:
            Fault: a part is missing or of another form.
        """
        texts = {part: row.get(part) for part in ("label", "description")}
        for part, held in texts.items():
            if not isinstance(held, Mapping) or not all(isinstance(one, str) for one in held.values()):
                raise Fault("labels", "", part)
        numbers = row.get("level"), row.get("retention_days")
        bands = row.get("bands", [])
        if not isinstance(bands, list) or not all(type(one) in (int, float) for one in bands):
            raise Fault("bands", "", "")
        return cls(
            slug=slug,
            labels={str(k): str(v).strip() for k, v in dict(texts["label"] or {}).items()},
            descriptions={str(k): str(v).strip() for k, v in dict(texts["description"] or {}).items()},
            purpose=str(row.get("purpose", "")),
            level=numbers[0] if type(numbers[0]) is int else 0,
            language="python" if row.get("language") == "python" else "sql",
            source=str(row.get("source", "")),
            expression=str(row.get("expression", "")).strip(),
            bands=tuple(float(one) for one in bands),
            unit=str(row.get("unit", "none")),
            retention_days=numbers[1] if type(numbers[1]) is int else 0,
        )

    def label(self, language: str) -> str:
        """Its name in a language."""
        return self.labels.get(language.lower(), self.labels["en"])

    def description(self, language: str) -> str:
        """What it tells, in a language."""
        return self.descriptions.get(language.lower(), self.descriptions["en"])

    @property
    def sensitive(self) -> bool:
        """Whether it reveals something that needs a specific authorisation."""
        return self.level >= _SENSITIVE

    def checked(self, purposes: Mapping[str, Purpose], others: Mapping[str, tuple[Definition, Compiled]]) -> Compiled:
        """What is computed for it.

        Args:
            purposes: those in force.
            others: the other traits in force, by slug.
        Raises:
            Fault: it may not come into force.
        """
        if not _SLUG.fullmatch(self.slug) or self.slug in _TAKEN:
            raise Fault("slug", "", "")
        for held in (self.labels, self.descriptions):
            if missing := [one for one in LANGUAGES if not held.get(one)]:
                raise Fault("labels", "", ", ".join(missing))
        if self.purpose not in PURPOSES or self.purpose not in purposes:
            raise Fault("purpose", "", ", ".join(purposes))
        if list(self.bands) != sorted(set(self.bands)) or len(self.bands) > _MOST_BANDS or self.unit not in UNITS:
            raise Fault("bands", "", "")
        if not all(map(math.isfinite, self.bands)):
            raise Fault("bands", "", "")
        if self.source not in ("", *SOURCES, TRAITS):
            raise Fault("source", "", ", ".join((*SOURCES, TRAITS)))
        same = {
            slug: held
            for slug, (one, held) in others.items()
            if (one.purpose, one.sensitive) == (self.purpose, self.sensitive) and slug != self.slug
        }
        made = compiled(self.language, self.expression, self.source, traits=same)
        self._check_purpose(purposes[self.purpose], made)
        self._check_level(made, others)
        return made

    def _check_purpose(self, purpose: Purpose, made: Compiled) -> None:
        if missing := made.fields - purpose.least:
            raise Fault("purpose-needs", "", ", ".join(sorted(missing)))
        if not 1 <= self.retention_days <= purpose.retention_days:
            raise Fault("retention", "", str(purpose.retention_days))

    def _check_level(self, made: Compiled, others: Mapping[str, tuple[Definition, Compiled]]) -> None:
        lowest = max([made.level, *(others[slug][0].level for slug in made.needs)])
        if not lowest <= self.level <= _SENSITIVE:
            raise Fault("level", "", str(lowest))
        told = _REVEALING.search(self.expression) if made.source != TRAITS else None
        if told and not self.sensitive:
            raise Fault("reveals", "", told[0])


@functools.cache
def shipped() -> dict[str, Definition]:
    """The traits that ship, by slug."""
    return read_file(_FILE.read_bytes())


def read_file(content: bytes) -> dict[str, Definition]:
    """Declarations in a file of the form of ``shipped.toml``.

    Raises:
        Fault: it is no such file.
    """
    try:
        document = tomllib.loads(content.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise Fault("unreadable", "TOML", "") from None
    if not all(isinstance(row, dict) for row in document.values()):
        raise Fault("unreadable", "TOML", "")
    return {slug: Definition.of(slug, row) for slug, row in document.items()}
