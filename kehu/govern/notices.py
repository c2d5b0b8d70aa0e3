"""Notices: what customers are told, in versions that are proposed, approved by a second person, and never edited.

A version comes in force at its approval or on a later day. What it covers is said purpose by purpose: which version of the
purpose, and which fields. The gate reads that (:func:`told`): a field that a wider purpose added stays denied until
people have been told of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from kehu.govern import register
from kehu.govern.dictionary import Dictionary
from kehu.govern.models import Change, Notice
from kehu.govern.purposes import Purpose
from kehu.govern.slugs import LANGUAGES, PURPOSES, name_of

NAME: Final = "privacy"
LONGEST: Final = 100_000
"""Characters of a notice in one language."""
_WORDS: Final = {
    "zh-hans": "我们为提供服务、履行合同和遵守法律而处理您的资料；营销、个性化和分析需要您的同意，您可随时撤回。",
    "zh-hant": "我們為提供服務、履行合約和遵守法律而處理您的資料；行銷、個人化和分析需要您的同意，您可隨時撤回。",
    "en": "We use your data to serve you, to perform our contract and to obey the law; marketing, personalisation and"
    " analytics need your consent, which you can withdraw at any time.",
}


@dataclass(frozen=True, slots=True)
class Covered:
    """What a notice says of one purpose: its version, and the fields it tells of."""

    version: int
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class CoverDifference:
    """A purpose of which a newer notice says something else: ``new``, ``changed`` (version or fields) or ``gone``."""

    purpose: str
    kind: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    before: int = 0
    after: int = 0


def covers_of(notice: Notice) -> dict[str, Covered]:
    """What a notice covers, by purpose."""
    return read_covers(notice.covers)


def read_covers(packed: Mapping[str, Any]) -> dict[str, Covered]:
    """The same of the register's form."""
    known = {str(number): slug for slug, number in PURPOSES.items()}
    return {
        known[key]: Covered(said["version"], frozenset(said["fields"])) for key, said in packed.items() if key in known
    }


def cover_differences(old: Mapping[str, Covered], new: Mapping[str, Covered]) -> tuple[CoverDifference, ...]:
    """What a newer notice covers otherwise, in the order of the purposes."""
    found = []
    for slug in PURPOSES:
        was, becomes = old.get(slug), new.get(slug)
        if was == becomes:
            continue
        if was is None and becomes is not None:
            found.append(CoverDifference(slug, "new", tuple(sorted(becomes.fields)), (), 0, becomes.version))
        elif becomes is None and was is not None:
            found.append(CoverDifference(slug, "gone", (), tuple(sorted(was.fields)), was.version, 0))
        elif was is not None and becomes is not None:
            added, removed = sorted(becomes.fields - was.fields), sorted(was.fields - becomes.fields)
            found.append(CoverDifference(slug, "changed", tuple(added), tuple(removed), was.version, becomes.version))
    return tuple(found)


def current() -> QuerySet[Notice]:
    """The notice in force of each name: the highest version whose day has come."""
    now = timezone.now()
    newer = Notice.objects.filter(name=OuterRef("name"), version__gt=OuterRef("version"), in_force_from__lte=now)
    return Notice.objects.filter(in_force_from__lte=now).exclude(Exists(newer))


def told() -> dict[str, frozenset[str]]:
    """The fields that every notice in force which covers a purpose tells of, by purpose; a purpose that none covers is
    left out."""
    found: dict[str, frozenset[str]] = {}
    for notice in current().order_by("name"):
        for slug, said in covers_of(notice).items():
            found[slug] = found[slug] & said.fields if slug in found else said.fields
    return found


def unproposed() -> dict[str, list[str]]:
    """Notices in force that shipped and tell of purposes as the office put them in force, by ``name@version``: whatever
    put them in force, nobody proposed them."""
    changes = Change.objects.filter(register="purpose")
    ours = set(changes.filter(shipped=False).values_list("name", "version")).difference(
        changes.filter(shipped=True).values_list("name", "version")
    )
    found = {
        str(notice): [slug for slug, said in covers_of(notice).items() if (slug, said.version) in ours]
        for notice in current().filter(shipped=True).order_by("name")
    }
    return {notice: slugs for notice, slugs in found.items() if slugs}


def history(name: str = NAME) -> list[Notice]:
    """Every version of a notice that is or was in force, or will be, newest first."""
    return list(Notice.objects.filter(name=name).order_by("-version"))


def before(notice: Notice) -> Notice | None:
    """The version before it."""
    return Notice.objects.filter(name=notice.name, version__lt=notice.version).order_by("-version").first()


def cover(purposes: Iterable[Purpose]) -> dict[str, Any]:
    """What a notice covers that tells of these purposes with all their fields, in the register's form."""
    return {str(one.id): {"version": one.version, "fields": sorted(one.least)} for one in purposes}


def propose(
    name: str,
    texts: Mapping[str, str],
    covers: Mapping[str, Covered],
    *,
    on: datetime | None,
    reason: str,
    by: UUID,
    id: UUID,
) -> Change:
    """Propose a version of a notice; ``on`` is the moment it comes in force, None: with its approval.

    Raises:
        ValueError: a language is missing, a text is too long, or it covers an unknown purpose or field.
        NothingChanges: it says what is in force.
        ProposalOpen: another version of it waits.
    """
    if set(texts) != set(LANGUAGES) or not all(text.strip() for text in texts.values()):
        raise ValueError(f"notice: its words in each of {', '.join(LANGUAGES)}")
    if any(len(text) > LONGEST for text in texts.values()):
        raise ValueError(f"notice: at most {LONGEST} characters in a language")
    fields = Dictionary.load().fields
    if not covers or not set(covers) <= set(PURPOSES) or any(not one.fields <= set(fields) for one in covers.values()):
        raise ValueError("notice: it covers purposes and fields of the dictionary, one at least")
    if on is not None and on < timezone.now():
        raise ValueError("notice: the day it comes in force lies in the past")
    content = {
        "texts": {language: texts[language].strip().replace("\r\n", "\n") for language in LANGUAGES},
        "covers": {
            str(PURPOSES[slug]): {"version": said.version, "fields": sorted(said.fields)}
            for slug, said in sorted(covers.items())
        },
        "from": on.isoformat() if on else None,
    }
    with transaction.atomic():
        register.lock("notice", name)
        base = register.in_force("notice").get(name)
        if base is not None and all(base.content[part] == content[part] for part in ("texts", "covers")):
            raise register.NothingChanges(name)
        return register.enter("notice", name, base=base, content=content, reason=reason, by=by, id=id)


def approve(change: UUID, *, by: UUID, role: str, id: UUID) -> Notice:
    """Let a proposed version come in force on its day, at the earliest now.

    Raises:
        UnknownChange, ProposalEnded, ProposalOutdated, OwnProposal: as :func:`kehu.govern.register.approve`.
    """
    with transaction.atomic():
        held = register.approve(change, by=by, role=role, id=id)
        wanted, now = held.content["from"], held.steps.get(kind="approved").at
        covers = held.content["covers"]
        return Notice.objects.create(
            name=held.name,
            version=held.version,
            purposes=sorted(int(key) for key in covers),
            covers=covers,
            texts=held.content["texts"],
            in_force_from=max(now, datetime.fromisoformat(wanted)) if wanted else now,
            owner=held.proposed_by,
            change=held,
        )


def register_shipped(owner: UUID, purposes: Mapping[str, Purpose]) -> None:
    """The first notice, and another where what ships has grown; as the owner of the schema.

    A notice that the office put in force is its own: nothing is added behind it. Nor is told of a purpose what the office
    put in force of it: a notice of the office's does that. ``purposes``: those in force as they ship.
    """
    newest = Notice.objects.filter(name=NAME).order_by("-version").first()
    covers = (newest.covers if newest else {}) | cover(purposes.values())
    if newest is not None and (not newest.shipped or newest.covers == covers):
        return
    version = register.next_version("notice", NAME)  # a proposal that waits or was refused has its number, too
    now, texts = timezone.now(), newest.texts if newest else _WORDS
    base = register.in_force("notice").get(NAME)
    change = Change.objects.create(
        id=UUID(int=(1 << 100) | version), register="notice", name=NAME, version=version, base=base, shipped=True,
        content={"texts": texts, "covers": covers, "from": None},
    )  # fmt: skip
    Notice.objects.create(
        name=NAME, version=version, purposes=sorted(PURPOSES.values()), covers=covers, texts=texts,
        in_force_from=now, owner=owner, shipped=True, change=change,
    )  # fmt: skip


def purpose_slug(key: str) -> str:
    """The purpose behind a key of the register's form."""
    return name_of(PURPOSES, int(key))
