"""Reads of traits: the catalogue, and what was derived of one customer, through the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

from django.db import connection
from django.utils import timezone

from kehu.govern.parts import UnknownSubject, part_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.read import gate
from kehu.guard.staff.models import Staff
from kehu.guard.staff.step_up import shown_lately
from kehu.refine.derive.computing import Cuts
from kehu.refine.derive.definition import Definition, shipped
from kehu.refine.derive.models import IN_FORCE, Trait, TraitVersion
from kehu.refine.derive.register import Group, definition_of, groups
from kehu.refine.derive.smallest import smallest_group
from kehu.refine.derive.totals import told_totals
from kehu.refine.derive.values import Value, values_of

READ: Final = "read-traits"
_OPEN: Final = 3  # the highest level without a second factor


@dataclass(frozen=True, slots=True)
class Row:
    """A trait as the catalogue shows it. ``state``: in-force, retired, or shipped (not taken over by anybody yet)."""

    definition: Definition
    state: str
    version: int
    owner: str
    deputy: str
    inputs: tuple[str, ...]
    needs: tuple[str, ...]
    since: datetime | None
    covered: int | None = None
    """Customers that it had a value of when it was last computed; None: it would tell of few, or was never computed."""
    computed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a trait."""

    definition: Definition
    number: int
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Derived:
    """What was derived of somebody. ``inputs``: fields of the dictionary it was derived from; ``covered``: the value is left
    out, until the reader shows a second factor."""

    slug: str
    purpose: str
    value: Value
    day: date
    inputs: frozenset[str]
    level: int
    unit: str
    labels: Mapping[str, str]
    descriptions: Mapping[str, str]
    covered: bool = False

    def label(self, language: str) -> str:
        """The trait's name in a language."""
        return self.labels.get(language.lower(), self.labels["en"])

    def description(self, language: str) -> str:
        """What it tells, in a language."""
        return self.descriptions.get(language.lower(), self.descriptions["en"])


@dataclass(frozen=True, slots=True)
class Seen:
    """What a purpose shows of a customer's traits: those shown, how many it does not, and the row of the ledger."""

    shown: tuple[Derived, ...]
    held_back: tuple[tuple[str, str], ...]
    seq: int | None


def catalogue(*, actor: Actor) -> list[Row]:
    """Every trait, those in force first; what ships and nobody owns yet last.

    Raises:
        Refused: a recipient's token.
    """
    require_act("traits", actor)
    rows = list(Trait.objects.order_by("slug"))
    emails = _emails([one for row in rows for one in (row.owner, row.deputy)])
    versions = {
        (one.trait_id, one.version): one for one in TraitVersion.objects.select_related("trait").order_by("version")
    }
    covered = told_totals({row.slug: row.covered for row in rows if row.state == IN_FORCE}, smallest_group())
    found = []
    for row in rows:
        version = versions[row.slug, row.version]
        found.append(
            Row(
                definition_of(version, row), row.state, row.version, emails.get(row.owner, ""),
                emails.get(row.deputy, ""), tuple(version.inputs), tuple(version.needs), row.since,
                covered.get(row.slug), row.computed_at,
            )
        )  # fmt: skip
    here = {row.slug for row in rows}
    order = list(shipped())
    found.sort(
        key=lambda one: (
            one.state != IN_FORCE,
            order.index(one.definition.slug) if one.definition.slug in order else -1,
        )
    )
    found += [Row(one, "shipped", 0, "", "", (), (), None) for slug, one in shipped().items() if slug not in here]
    return found


def versions_of(slug: str, *, actor: Actor) -> list[Version]:
    """Every version of a trait, the newest first.

    Raises:
        Refused: a recipient's token.
    """
    require_act("traits", actor)
    rows = list(TraitVersion.objects.filter(trait_id=slug).select_related("trait").order_by("-version"))
    emails = _emails([row.by for row in rows])
    return [
        Version(definition_of(row, row.trait), row.version, row.at, emails.get(row.by, ""), row.reason) for row in rows
    ]


def traits_of(customer: UUID, *, actor: Actor, purpose: str) -> Seen:
    """What was derived of a customer for the purpose that is claimed, decided and recorded by the gate like what it rests on.

    Raises:
        UnknownSubject: not here.
        LedgerUnavailable: nothing could be recorded, so nothing is shown.
    """
    mine = [group for group in groups() if group.purpose == purpose]
    others = sorted({group.purpose for group in groups() if group.purpose != purpose})
    if not mine:
        return Seen((), tuple((one, "purpose") for one in others), None)
    fields = sorted(frozenset[str]().union(*(group.fields for group in mine)))
    found = gate().open([customer], actor=actor, purpose=purpose, fields=fields, use=READ, kinds=())
    if not found:
        raise UnknownSubject(str(customer))
    [opened] = found
    clear = {name for name, answers in opened.decision.fields.items() if answers[0].answer == "clear"}
    shown: list[Derived] = []
    back = [(one, "purpose") for one in others]
    for one in derived_of(opened.origins, purpose=purpose):
        if not one.inputs <= clear:
            back.append((one.slug, "gate"))
        elif one.level > _OPEN and not shown_lately(actor.credential):
            back.append((one.slug, "second-factor"))
        else:
            shown.append(one)
    return Seen(tuple(shown), tuple(back), opened.seq)


def own_traits(subject: UUID, *, actor: Actor) -> list[Derived]:
    """What was derived of a person who asks for themselves; from the certain part of them only. Recorded.

    What reveals something is covered until they give a second fact, as sensitive values are: others may read their mailbox.

    Raises:
        UnknownSubject: not here.
    """
    part = part_of(subject, whole=False)
    held = groups()
    fields = sorted(frozenset[str]().union(*(group.fields for group in held)))
    if fields:
        gate().open([subject], actor=actor, purpose="rights-request", fields=fields, use=READ, kinds=())
    shown = shown_lately(actor.credential)
    return [one if shown or one.level <= _OPEN else replace(one, value="", covered=True) for one in derived_of(part)]


def derived_of(origins: Sequence[UUID], *, purpose: str | None = None) -> list[Derived]:
    """What is kept of these origin subjects, as traits of one customer, as of today. For the rights of a person, and for
    whoever was let through by the gate."""
    found: list[Derived] = []
    for group in groups():
        if purpose not in (None, group.purpose):
            continue
        with connection.cursor() as cursor:
            cursor.execute(
                "select %s::uuid, d.state::text, current_date - s.last_act from derive_state d join subject_state s"
                " using (subject) where d.subject = any (%s) and d.purpose = %s and d.sensitive = %s and not s.hidden"
                " and derive_stands(s, d.purpose, d.sensitive)",
                [origins[0], list(origins), group.number, group.sensitive],
            )
            rows = cursor.fetchall()
        if rows:
            found += _derived(group, values_of(group, rows, cuts=_cuts(group)).get(origins[0], {}))
    return found


def _derived(group: Group, values: Mapping[str, Value]) -> list[Derived]:
    today = timezone.now().date()
    return [
        Derived(
            slug, group.purpose, values[slug], today, _inputs(group, slug), one.definition.level, one.definition.unit,
            one.definition.labels, one.definition.descriptions,
        )
        for slug, one in group.held.items()
        if slug in values
    ]  # fmt: skip


def _inputs(group: Group, slug: str) -> frozenset[str]:
    """The fields that a trait is derived from, also by way of others."""
    one = group.held[slug].compiled
    return one.fields.union(*(_inputs(group, of) for of in one.needs))


def _cuts(group: Group) -> Cuts:
    return dict(Trait.objects.filter(slug__in=list(group.held)).values_list("slug", "cuts"))


def _emails(people: Sequence[UUID | None]) -> dict[UUID | None, str]:
    return dict(Staff.objects.filter(id__in=[one for one in people if one]).values_list("id", "email"))
