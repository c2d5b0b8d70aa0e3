"""The purposes: a registered use with its ground per law, the roles that may claim it and the least fields it needs.

What ships, as pure data, and the form that every later version has too (see :mod:`kehu.govern.register`).
"""

from __future__ import annotations

import functools
import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NotRequired, TypedDict

from kehu.govern.dictionary import Dictionary
from kehu.govern.laws import PACKS
from kehu.govern.slugs import GROUNDS, LANGUAGES, PURPOSES, ROLES

_FILE: Final = Path(__file__).with_name("purposes.toml")
KINDS: Final = ("legal_duty", "contract", "consent")
LONGEST_RETENTION: Final = 36_500
"""Days; a century is no retention but a slip of the hand."""
AGEING: Final = ("identity", "contact", "preference", "credit", "social")
"""Categories of which a purpose may ask that somebody said or confirmed them lately; what happened does not age."""
_OPTIONAL: Final = frozenset({"fresh"})


class Content(TypedDict):
    """What one version of a purpose says, as the register keeps it: lists sorted, every field by its own name."""

    kind: str
    label: dict[str, str]
    description: dict[str, str]
    roles: list[str]
    departments: list[str]
    least: list[str]
    grounds: dict[str, str]
    recipients: list[str]
    countries: list[str]
    retention_days: int
    automated: bool
    fresh: NotRequired[dict[str, int]]


@dataclass(frozen=True, slots=True)
class Purpose:
    """One version of one purpose. ``retention_days`` count from the last act under it.

    ``version`` is what a consent covers: a wider use has a higher one. ``revision`` counts the changes that widened
    nothing. ``recipients`` and ``countries`` are empty where nobody outside the house gets anything. ``fresh``: for some
    categories, within how many days somebody must have said or confirmed a value that serves it.
    """

    id: int
    slug: str
    version: int
    kind: str
    labels: Mapping[str, str]
    descriptions: Mapping[str, str]
    roles: frozenset[str]
    departments: frozenset[str]
    least: frozenset[str]
    grounds: Mapping[str, str]
    retention_days: int
    digest: str
    recipients: frozenset[str] = field(default=frozenset())
    countries: frozenset[str] = field(default=frozenset())
    automated: bool = False
    revision: int = 0
    fresh: Mapping[str, int] = field(default_factory=dict)

    def label(self, language: str) -> str:
        """Its name in ``zh-hans``, ``zh-hant`` or ``en``; English for any other language."""
        return self.labels.get(language.lower(), self.labels["en"])

    @property
    def number(self) -> str:
        """Its version as people write it: ``2``, or ``2.1`` where a revision widened nothing."""
        return written(self.version, self.revision)


def written(version: int, revision: int) -> str:
    """A version as people write it."""
    return f"{version}.{revision}" if revision else str(version)


@functools.cache
def load_purposes() -> dict[str, Purpose]:
    """The shipped purposes by slug.

    Raises:
        ValueError: a purpose names an unknown role, field, law pack or ground, or another number.
    """
    return {slug: purpose_of(slug, version, 0, content) for slug, (version, content) in shipped().items()}


@functools.cache
def shipped() -> dict[str, tuple[int, Content]]:
    """Version and content of each shipped purpose.

    Raises:
        ValueError: as :func:`load_purposes`.
    """
    document = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    sets = document.pop("sets")
    made = {slug: _shipped(slug, row, sets) for slug, row in document.items()}
    if set(made) != set(PURPOSES):
        raise ValueError("purposes: some are missing")
    return made


def claims_of(role: str, purposes: Iterable[Purpose] | None = None) -> frozenset[str]:
    """Purposes that a role may claim: of those given, else as shipped."""
    held = load_purposes().values() if purposes is None else purposes
    return frozenset(one.slug for one in held if role in one.roles)


def content_of(slug: str, row: Mapping[str, Any]) -> Content:
    """What a table says, in the register's own form.

    ``least`` may name the sets of the shipped file (``@contact``) and ``*``.

    Raises:
        ValueError: a part is missing, unknown or of another form; the message names it, never a value of a customer.
    """
    unknown = set(row) - set(Content.__annotations__)
    missing = set(Content.__annotations__) - set(row) - _OPTIONAL
    if unknown or missing:
        raise ValueError(f"purpose {slug}: " + _parts("unknown", unknown) + _parts("missing", missing))
    sets = tomllib.loads(_FILE.read_text(encoding="utf-8"))["sets"]
    return _content(slug, row, sets)


def purpose_of(slug: str, version: int, revision: int, content: Content) -> Purpose:
    """A version of a purpose; its digest covers what it means, so a changed set is a changed purpose."""
    canonical = json.dumps({"id": PURPOSES[slug], "version": version, "revision": revision, **content}, sort_keys=True)
    return Purpose(
        id=PURPOSES[slug],
        slug=slug,
        version=version,
        kind=content["kind"],
        labels=content["label"],
        descriptions=content["description"],
        roles=frozenset(content["roles"]),
        departments=frozenset(content["departments"]),
        least=frozenset(content["least"]),
        grounds=content["grounds"],
        retention_days=content["retention_days"],
        digest=hashlib.sha256(canonical.encode()).hexdigest(),
        recipients=frozenset(content["recipients"]),
        countries=frozenset(content["countries"]),
        automated=content["automated"],
        revision=revision,
        fresh=content.get("fresh", {}),
    )


def _shipped(slug: str, row: Mapping[str, Any], sets: Mapping[str, list[str]]) -> tuple[int, Content]:
    """Read one table of the shipped file.

    Raises:
        ValueError: as :func:`load_purposes`.
    """
    if PURPOSES.get(slug) != row.get("id") or not isinstance(row.get("version"), int):
        raise ValueError(f"purpose {slug}: another number than the one it stands under in the ledger")
    return row["version"], _content(slug, {k: v for k, v in row.items() if k not in ("id", "version")}, sets)


def _content(slug: str, row: Mapping[str, Any], sets: Mapping[str, list[str]]) -> Content:
    for part in ("roles", "departments", "least", "recipients", "countries"):
        listed = row[part]
        if not isinstance(listed, list) or not all(isinstance(one, str) and one.strip() for one in listed):
            raise ValueError(f"purpose {slug}: {part} is a list of words")
    for part in ("label", "description", "grounds"):
        if not isinstance(row[part], dict) or not all(isinstance(one, str) and one for one in row[part].values()):
            raise ValueError(f"purpose {slug}: {part} is a table of words")
    _check_grounds(slug, row)
    _check_reach(slug, row)
    fresh = _fresh(slug, row.get("fresh") or {})
    for part in ("label", "description"):
        if set(row[part]) != set(LANGUAGES):
            raise ValueError(f"purpose {slug}: {part} in each of {', '.join(LANGUAGES)}")
    content: Content = {
        "kind": row["kind"],
        "label": dict(row["label"]),
        "description": dict(row["description"]),
        "roles": sorted(set(row["roles"])),
        "departments": sorted(set(row["departments"])),
        "least": sorted(_fields(slug, row["least"], sets)),
        "grounds": dict(row["grounds"]),
        "recipients": sorted({one.strip() for one in row["recipients"]}),
        "countries": sorted(set(row["countries"])),
        "retention_days": row["retention_days"],
        "automated": row["automated"],
    }
    return {**content, "fresh": fresh} if fresh else content  # what has no limit reads as it always did


def _fresh(slug: str, limits: Any) -> dict[str, int]:
    if not isinstance(limits, dict) or not set(limits) <= set(AGEING):
        raise ValueError(f"purpose {slug}: fresh, of {', '.join(AGEING)}")
    if not all(type(days) is int and 0 < days <= LONGEST_RETENTION for days in limits.values()):
        raise ValueError(f"purpose {slug}: fresh, in days, 1 to {LONGEST_RETENTION}")
    return {name: limits[name] for name in AGEING if name in limits}


def _check_grounds(slug: str, row: Mapping[str, Any]) -> None:
    grounds = row["grounds"]
    if set(grounds) != {*PACKS, "house"} or not set(grounds.values()) <= set(GROUNDS):
        raise ValueError(f"purpose {slug}: grounds, one of {', '.join(GROUNDS)} for each of {', '.join(PACKS)}, house")
    if grounds["CN"] == "legitimate_interest":
        raise ValueError(f"purpose {slug}: PIPL 13 knows no legitimate interest")
    if row["kind"] not in KINDS:
        raise ValueError(f"purpose {slug}: kind, one of {', '.join(KINDS)}")


def _check_reach(slug: str, row: Mapping[str, Any]) -> None:
    days = row["retention_days"]
    if not set(row["roles"]) <= set(ROLES):
        raise ValueError(f"purpose {slug}: roles, of {', '.join(ROLES)}")
    if not all(len(one) == 2 and one.isascii() and one.isupper() for one in row["countries"]):
        raise ValueError(f"purpose {slug}: countries by two capital letters")
    if isinstance(days, bool) or not isinstance(days, int) or not 0 < days <= LONGEST_RETENTION:
        raise ValueError(f"purpose {slug}: retention_days, 1 to {LONGEST_RETENTION}")
    if not isinstance(row["automated"], bool):
        raise ValueError(f"purpose {slug}: automated is true or false")


def _fields(slug: str, least: Iterable[str], sets: Mapping[str, list[str]]) -> set[str]:
    known = Dictionary.load().fields
    found: set[str] = set()
    for name in least:
        if name == "*":
            found.update(known)
        elif name.startswith("@"):
            found.update(sets.get(name[1:], (name,)))
        else:
            found.add(name)
    if not found <= set(known):
        raise ValueError(f"purpose {slug}: {len(found - set(known))} field(s) of least stand not in the dictionary")
    return found


def _parts(what: str, names: Iterable[str]) -> str:
    # only names of parts are said: an unknown word of the file may be anything
    known = sorted(set(names) & set(Content.__annotations__))
    others = len(set(names)) - len(known)
    return f"{what}: {', '.join([*known, *([f'{others} other(s)'] if others else [])])}; " if names else ""
