"""Rules of the house: written, tried, put in force, retired; each in the ledger, in its own transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Max
from django.utils import timezone

from kehu.guard.access.owners import write_owners
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.read import PROFILE_KINDS, gate
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import UnknownStaff
from kehu.guard.staff.models import Staff
from kehu.refine.quality.evaluate import Check
from kehu.refine.quality.models import DRAFT, IN_FORCE, RETIRED, Rule
from kehu.refine.quality.people import sample
from kehu.refine.quality.texts import PURPOSE, BadRule, Checked, RuleText, shipped_texts
from kehu.refine.survive import survive
from kehu.vault.ids import new_id

SAMPLE: Final = 1_000
"""Customers a rule is tried on."""
OWNED: Final = "quality"
"""Their kind in the register of owners."""


class UnknownRule(LookupError):
    """No such rule, or no such version of it."""


class NotTried(RuntimeError):
    """It was not tried on a sample yet."""


class RuleEnded(RuntimeError):
    """It is in force already, or was retired."""


@dataclass(frozen=True, slots=True)
class Held:
    """A rule that counts: its name, what it is called, and its check. ``version`` 0: as it came with Kehu."""

    slug: str
    version: int
    labels: Mapping[str, str]
    dimension: str
    severity: str
    fields: tuple[str, ...]
    check: Check
    segment: str = ""


def rules_in_force() -> list[Held]:
    """Every rule that counts: the office's, and what ships where the office said nothing of it; but :func:`left_out`."""
    return [_held(version, read) for version, text in _in_force() if (read := _read(text)) is not None]


def left_out() -> frozenset[str]:
    """Rules in force that count for nothing: dictionary or purpose do not bear a field of theirs any more."""
    return frozenset(text.slug for _, text in _in_force() if _read(text) is None)


def save_rule(text: RuleText, *, owner: str, deputy: str, actor: Actor) -> Rule:
    """Keep a new version of a rule as a draft, its examples tested; owner and deputy are named by their emails.

    Raises:
        Refused: the role may not.
        BadRule, ExampleFails, ValueError: as :meth:`RuleText.checked`; or owner and deputy are the same.
        UnknownStaff: nobody of that email works here.
    """
    require_act("quality-rule", actor)
    checked = text.checked()
    people = [_active(owner), _active(deputy)]
    if people[0] == people[1]:
        raise ValueError("deputy: another person than the owner")
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_xact_lock(hashtext('quality ' || %s))", [text.slug])
        version = (Rule.objects.filter(slug=text.slug).aggregate(most=Max("version"))["most"] or 0) + 1
        made = Rule.objects.create(
            id=new_id(), slug=text.slug, version=version, labels=dict(text.labels), condition=text.condition,
            fields=list(checked.fields), dimension=text.dimension, severity=text.severity, segment=text.segment,
            passes=[dict(one) for one in text.passes], fails=[dict(one) for one in text.fails], made_by=actor.human,
        )  # fmt: skip
        write_owners([(OWNED, text.slug)], people[0], people[1], by=actor.human)
        record_act("quality-rule", None, actor=actor, detail=made.id)
    return made


def try_rule(id: UUID, *, actor: Actor) -> Rule:
    """Try a version on a sample of customers, opened through the gate; how many meet it not is kept with it.

    Raises:
        Refused: the role may not.
        UnknownRule: no such version.
        RuleEnded: it was retired.
        BadRule: it names a field that is not there any more.
    """
    require_act("quality-rule", actor)
    row = _row(id)
    if row.state == RETIRED:
        raise RuleEnded(row.slug)
    checked, today = text_of(row).compiled(), timezone.now().date()
    of = bad = 0
    for opened in gate().stream(
        sample(SAMPLE, row.segment), actor=actor, purpose=PURPOSE, fields=checked.fields, use="measure", kinds=PROFILE_KINDS,
        detail=row.id,
    ):  # fmt: skip
        for one in opened:
            values = {n: won.said.normal or won.said.given or "" for n, won in survive(one.contributions).items()}
            met = checked.check(values, today) if one.decision.finds else None
            of, bad = of + (met is not None), bad + (met is False)
    with transaction.atomic():
        Rule.objects.filter(id=id).update(tried_at=timezone.now(), tried_of=of, tried_bad=bad)
        record_act("quality-rule", None, actor=actor, detail=id)
    return _row(id)


def put_in_force(id: UUID, *, actor: Actor) -> Rule:
    """Let a tried version count from the next measuring on, in place of the one before it.

    Raises:
        Refused: the role may not.
        UnknownRule: no such version.
        NotTried: it was not tried.
        RuleEnded: it is in force, or was retired.
        BadRule: it names a field that is not there any more, so that nothing would be in its place.
    """
    require_act("quality-rule", actor)
    with transaction.atomic():
        row = _row(id, lock=True)
        if row.tried_at is None:
            raise NotTried(row.slug)
        if row.state != DRAFT:
            raise RuleEnded(row.slug)
        text_of(row).compiled()
        now = timezone.now()
        Rule.objects.filter(slug=row.slug, state=IN_FORCE).update(state=RETIRED, retired_at=now, retired_by=actor.human)
        Rule.objects.filter(id=id).update(state=IN_FORCE, in_force_at=now, in_force_by=actor.human)
        record_act("quality-rule", None, actor=actor, detail=id)
    return _row(id)


def retire(slug: str, *, actor: Actor) -> None:
    """Let a rule count no more; one that came with Kehu, too.

    Raises:
        Refused: the role may not.
        UnknownRule: nothing of that name is in force.
    """
    require_act("quality-rule", actor)
    now, ended = timezone.now(), {"state": RETIRED, "retired_by": actor.human}
    with transaction.atomic():
        done = Rule.objects.filter(slug=slug, state=IN_FORCE).update(retired_at=now, **ended)
        if not done:
            text = shipped_texts().get(slug)
            if text is None or Rule.objects.filter(slug=slug).exclude(state=DRAFT).exists():
                raise UnknownRule(slug)
            version = (Rule.objects.filter(slug=slug).aggregate(most=Max("version"))["most"] or 0) + 1
            read = _read(text)
            made = Rule.objects.create(
                id=new_id(), slug=slug, version=version, labels=dict(text.labels), condition=text.condition,
                fields=list(read.fields) if read is not None else [], dimension=text.dimension, severity=text.severity,
                segment=text.segment, passes=[dict(one) for one in text.passes],
                fails=[dict(one) for one in text.fails], made_by=actor.human,
            )  # fmt: skip
            Rule.objects.filter(id=made.id).update(retired_at=now, **ended)
        record_act("quality-rule", None, actor=actor)


def text_of(row: Rule) -> RuleText:
    """What a kept version says."""
    return RuleText(
        row.slug, row.labels, row.condition, row.dimension, row.severity, row.passes, row.fails, row.segment
    )


def versions(slug: str) -> list[Rule]:
    """Every version of a rule, newest first."""
    return list(Rule.objects.filter(slug=slug).order_by("-version"))


def latest_of_office() -> dict[str, Rule]:
    """The newest version the office wrote of each rule."""
    return {one.slug: one for one in Rule.objects.order_by("slug", "version")}


def _in_force() -> list[tuple[int, RuleText]]:
    said = Rule.objects.exclude(state=DRAFT).order_by("slug", "version")
    of_office = {one.slug for one in said}
    texts = [(0, text) for slug, text in shipped_texts().items() if slug not in of_office]
    return texts + [(one.version, text_of(one)) for one in said if one.state == IN_FORCE]


def _read(text: RuleText) -> Checked | None:
    """None: it cannot be read any more. One rule never stops the others."""
    try:
        return text.compiled()
    except BadRule:
        return None


def _held(version: int, checked: Checked) -> Held:
    text = checked.text
    return Held(
        text.slug, version, text.labels, text.dimension, text.severity, checked.fields, checked.check, text.segment
    )


def _row(id: UUID, *, lock: bool = False) -> Rule:
    rows = Rule.objects.select_for_update() if lock else Rule.objects
    found = rows.filter(id=id).first()
    if found is None:
        raise UnknownRule(str(id))
    return found


def _active(email: str) -> UUID:
    found = Staff.objects.filter(email__iexact=email, is_active=True).values_list("id", flat=True).first()
    if found is None:
        raise UnknownStaff(email)
    return UUID(str(found))


__all__ = [
    "OWNED", "SAMPLE", "Held", "NotTried", "RuleEnded", "UnknownRule", "latest_of_office", "left_out", "put_in_force",
    "retire", "rules_in_force", "save_rule", "text_of", "try_rule", "versions",
]  # fmt: skip
