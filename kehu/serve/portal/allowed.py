"""What a customer allows, purpose by purpose, and how they change it: one step to give, one step to withdraw."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from kehu.govern import states
from kehu.govern.consent import NothingToWithdraw, Statement, give_consent, notice_in_force, withdraw_consent
from kehu.govern.laws import AGE_BANDS, asked_anew, load_packs
from kehu.govern.models import Consent, Notice, StateEntry
from kehu.govern.parts import UnknownSubject, part_of
from kehu.govern.slugs import PUBLIC_INFORMATION_NUMBER, PURPOSES
from kehu.govern.sources import marks_of_subjects
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.state import CONSENT, packs_of
from kehu.guard.guests.credentials import Guest
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.vault.ids import new_id

WAY: Final = "portal"
_RIGHTS: Final = PURPOSES["rights-request"]
_OLDEST: Final = {"under13": 12, "13": 13, "14-15": 15, "16-17": 17}  # years at most, by band


class GuardianNeeded(PermissionError):
    """Too young to consent alone under a law that applies (PIPL 31, GDPR 8)."""


class ReadOtherwise(RuntimeError):
    """What they read before their yes is not what it would count for by now."""


class OthersObjection(PermissionError):
    """An objection stands that was not made here: the privacy office has to look."""


@dataclass(frozen=True, slots=True)
class Permission:
    """One purpose as the customer sees it.

    ``ground``: what it rests on for this person, ``consent`` the strictest; ``on``: whether it may be used now; ``status``
    the strictest word said; ``at``, ``way``, ``until`` of the last statement; ``objected``: an objection stands.
    """

    purpose: str
    ground: str
    on: bool
    status: str
    at: datetime | None
    way: str
    until: datetime | None
    objected: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything a customer can allow or stop, and what stands on the whole."""

    permissions: tuple[Permission, ...]
    child: bool
    restricted: bool
    opted_out: bool
    from_public: bool = False  # something about them was found in public
    refuses_public: bool = False


def standing(guest: Guest) -> Standing:
    """What the customer allows now, on the certain part.

    Raises:
        UnknownSubject: not here any more.
    """
    rows = _states(guest.subject)
    packs = frozenset().union(*(packs_of(row["packs"]) for row in rows))
    said = last_said([row["subject"] for row in rows])
    purposes, marks = installation().rules.purposes, marks_of_subjects([row["subject"] for row in rows])
    return Standing(
        permissions=tuple(_permission(slug, rows, packs, said.get(PURPOSES[slug])) for slug in purposes),
        child=_needs_guardian(rows, packs),
        restricted=any(row["restricted"] for row in rows),
        opted_out=any(row["opted_out"] or row["gpc"] for row in rows),
        from_public=any(one.kind == "public" for marked in marks.values() for one in marked),
        refuses_public=any(PUBLIC_INFORMATION_NUMBER in row["objections"] for row in rows),
    )


def read_now(version: int, notice: Notice | None = None) -> str:
    """What a yes counts under, in one word: a notice (the one in force), and the version of a use."""
    return f"{(notice or notice_in_force()).id}:{version}"


def allow(guest: Guest, purpose: str, *, language: str, read: str = "") -> None:
    """Consent to one purpose, by itself, under the notice in force; an own objection to it ends with that.

    ``read``: what they had before them, as :func:`read_now` told it.

    Raises:
        GuardianNeeded: too young.
        ReadOtherwise: a yes to what is not in force any more.
        OthersObjection: an objection of a part that is not certainly this person stands.
        ValueError: this purpose rests on no consent here.
        Refused: the sign-in has ended.
    """
    require_act("consent", guest.actor)
    _check(guest, purpose, ground="consent")
    number, held = PURPOSES[purpose], installation().rules.purposes[purpose]
    if needs_guardian(guest):
        raise GuardianNeeded(purpose)
    notice = notice_in_force()
    if read and read != read_now(held.version, notice):
        raise ReadOtherwise
    statement = Statement(notice=notice.id, way=WAY, language=language)
    id = new_id()
    with transaction.atomic():
        _lift_own(guest.subject, "objection", number)
        give_consent(
            guest.subject, purpose=number, purpose_version=held.version, statement=statement,
            recorded_by=guest.actor.staff, id=id,
        )  # fmt: skip
        record_act("consent", guest.subject, actor=guest.actor, purpose=_RIGHTS, detail=id)


def stop(guest: Guest, purpose: str) -> None:
    """Withdraw the consent to one purpose; acts on the next read. Nothing in force is no failure: it is stopped.

    Raises:
        ValueError: this purpose rests on no consent here.
        Refused: the sign-in has ended.
    """
    require_act("consent", guest.actor)
    _check(guest, purpose, ground="consent")
    number, held = PURPOSES[purpose], installation().rules.purposes[purpose]
    id = new_id()
    with transaction.atomic():
        try:
            withdraw_consent(
                guest.subject,
                purpose=number,
                purpose_version=held.version,
                recorded_by=guest.actor.staff,
                id=id,
                way=WAY,
            )
        except NothingToWithdraw:
            return
        record_act("consent", guest.subject, actor=guest.actor, purpose=_RIGHTS, detail=id)


def object_to(guest: Guest, purpose: str, *, lift: bool = False) -> None:
    """Object to a use that rests on a legitimate interest, or take that back; acts at once (GDPR 21, 18(1)(d)).

    Raises:
        ValueError: this purpose rests on no such interest here.
        OthersObjection: what is to be lifted was not said by this person for certain.
        Refused: the sign-in has ended.
    """
    require_act("object", guest.actor)
    _check(guest, purpose, ground="legitimate_interest")
    _state(guest, "objection", act="object", purpose=PURPOSES[purpose], lift=lift)


def opt_out(guest: Guest, *, lift: bool = False) -> None:
    """Opt out of sale and sharing, or take that back, and with it what a browser's signal said before.

    Raises:
        OthersObjection: what is to be lifted was not said by this person for certain.
        Refused: the sign-in has ended.
    """
    require_act("optout", guest.actor)
    _state(guest, "optout", act="optout", purpose=None, lift=lift, also="gpc")


def refuse_public(guest: Guest, *, lift: bool = False) -> None:
    """Refuse every use of what is public about them, or take that back; acts at once (PIPL 27).

    Raises:
        OthersObjection: what is to be lifted was not said by this person for certain.
        Refused: the sign-in has ended.
    """
    require_act("object", guest.actor)
    _state(guest, "objection", act="object", purpose=PUBLIC_INFORMATION_NUMBER, lift=lift)


def _state(guest: Guest, kind: str, *, act: str, purpose: int | None, lift: bool, also: str = "") -> None:
    """``also``: a kind that is lifted with it."""
    with transaction.atomic():
        if lift:
            for one in filter(None, (kind, also)):
                _lift_own(guest.subject, one, purpose)
        else:
            states.enter(guest.subject, kind, by=guest.actor.staff, id=new_id(), purpose=purpose)
        record_act(act, guest.subject, actor=guest.actor, purpose=_RIGHTS)


def _lift_own(subject: UUID, kind: str, purpose: int | None) -> None:
    """End what the certain part said; what another part of the customer said stays, and so does its effect."""
    rows = [row for row in states.states_of(subject) if row.kind == kind and row.purpose == purpose]
    if not rows:
        return
    if not _all_of(rows, part_of(subject, whole=False)):
        raise OthersObjection(kind)
    states.lift(subject, kind, purpose=purpose)


def _all_of(rows: Iterable[StateEntry], own: Sequence[UUID]) -> bool:
    return all(row.subject in own for row in rows)


def _check(guest: Guest, purpose: str, *, ground: str) -> None:
    held = next((one for one in standing(guest).permissions if one.purpose == purpose), None)
    if held is None or held.ground != ground:
        raise ValueError(f"purpose: one that rests on {ground}")


def needs_guardian(guest: Guest) -> bool:
    """Whether the customer is too young to consent alone under a law that applies.

    Raises:
        UnknownSubject: not here any more.
    """
    return too_young(guest.subject)


def too_young(subject: UUID) -> bool:
    """Whether a customer is too young to consent alone, by the certain part of an origin subject.

    Raises:
        UnknownSubject: not here any more.
    """
    rows = _states(subject)
    return _needs_guardian(rows, frozenset().union(*(packs_of(row["packs"]) for row in rows)))


def _states(subject: UUID) -> list[dict[str, Any]]:
    columns = ("subject", "packs", "consents", "objections", "age", "guardian", "restricted", "opted_out", "gpc")
    with connection.cursor() as cursor:
        cursor.execute(
            f"select {', '.join('s.' + name for name in columns)} from subject_state s where s.core ="
            " (select n.core from subject_state n where n.subject = %s and not n.hidden) and not s.hidden"
            " order by s.subject",
            [subject],
        )
        rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    for row in rows:
        row["consents"] = json.loads(row["consents"])  # Django hands jsonb out as text
    if not rows:
        raise UnknownSubject(str(subject))
    return rows


def last_said(part: list[UUID]) -> dict[int, Consent]:
    """What was said last of each purpose as a whole; a separate consent and an open question are no word on it."""
    rows = Consent.objects.filter(subject__in=part, event="").exclude(status="requested").order_by("recorded_at", "id")
    return {row.purpose: row for row in rows}


def _permission(slug: str, rows: list[dict[str, Any]], packs: frozenset[str], last: Consent | None) -> Permission:
    purpose, number = installation().rules.purposes[slug], PURPOSES[slug]
    grounds = {purpose.grounds[pack] for pack in packs} or {purpose.grounds["house"]}
    # several laws: each by its own ground, all must allow; the person is shown the one that asks most of us
    ground = next(word for word in ("consent", "legitimate_interest", "contract", "legal_duty") if word in grounds)
    objected = any(number in row["objections"] for row in rows)
    anew = any(asked_anew(packs, AGE_BANDS[row["age"]]) for row in rows)
    status = _strictest([_word(row["consents"].get(str(number)), purpose.version, anew=anew) for row in rows])
    on = status == "given" if ground == "consent" else True
    stopped = objected and ground in ("consent", "legitimate_interest")
    return Permission(
        purpose=slug,
        ground=ground,
        on=on and not stopped,
        status=status,
        at=last.at if last else None,
        way=last.way if last else "",
        until=last.until if last and status == "given" else None,
        objected=objected,
    )


def _word(packed: list[Any] | None, version: int, *, anew: bool) -> str:
    """``anew``: a guardian's consent counts no more at this age."""
    if packed is None:
        return "none"
    status, kind, until, covered = packed[:4]
    if status != "given":
        return str(status) if status in CONSENT else "unknown"
    if until is not None and float(until) <= datetime.now(UTC).timestamp():
        return "expired"
    if anew and str(kind).endswith("*"):
        return "expired"
    return "given" if covered >= version else "none"


def _strictest(words: list[str]) -> str:
    return min(words, key=CONSENT.index)


def _needs_guardian(rows: list[dict[str, Any]], packs: frozenset[str]) -> bool:
    """Below an age at which a law lets the person consent alone; an unknown age is an adult's (RULES, child)."""
    held = load_packs()
    limit = max(
        (rule.below for pack in packs for rule in held[pack].ages if rule.id in ("guardian", "own-consent")), default=0
    )
    bands = [AGE_BANDS[row["age"]] for row in rows]
    return any(_OLDEST.get(band, 99) < limit for band in bands)
