"""Forms in the making: drafted by whoever proposes changes, published by whoever lets notices come in force, never by one alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from unicodedata import category
from uuid import UUID

from django.db import IntegrityError, transaction

from kehu.collect.forms.definition import Definition, Fault, faults, rests_on_consent
from kehu.collect.forms.models import KINDS, Form, FormVersion
from kehu.collect.models import ChannelTerms
from kehu.govern.channels import ChannelTaken, add_channel
from kehu.govern.consent import notice_in_force
from kehu.govern.models import Channel, Controller, Notice
from kehu.govern.notices import Covered, covers_of
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.gate.standing import require_standing
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.vault.ids import new_id

DRAFTS, PUBLISHES, CLOSES = "propose", "approve", "retract"
"""Acts: as with purposes and notices, who writes is not who lets it go out."""
SECOND_PERSON: Final = "house.second-person"
KIND: Final = "form"
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # categories of control, format and separating characters


class FormTaken(ValueError):
    """There is a form, or a channel, of that name."""


class FormUnknown(LookupError):
    """No such form."""


class WrittenAnew(ValueError):
    """Another draft than the one that was looked at: read it first."""


class Unfinished(ValueError):
    """A draft that cannot be published; ``faults`` say why."""

    def __init__(self, found: list[Fault]) -> None:
        super().__init__(", ".join(str(one) for one in found))
        self.faults = found


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft, and what stands against publishing it."""

    definition: Definition
    faults: tuple[Fault, ...]


def create(name: str, kind: str, *, actor: Actor) -> Form:
    """Begin a form; nobody sees it before it is published.

    Raises:
        Refused: the role may not.
        ValueError: no such kind, or no name, or one with a character that nobody sees.
        FormTaken: the name is in use.
    """
    _require(DRAFTS, actor)
    said = name.strip()
    if kind not in KINDS or not 0 < len(said) <= 40 or any(category(one) in _UNSEEN for one in said):
        raise ValueError("form: a name of 1 to 40 characters, each of which is seen, and a kind")
    if Channel.objects.filter(name=said).exists():
        raise FormTaken(said)
    try:
        with transaction.atomic():
            made = Form.objects.create(
                id=new_id(), name=said, kind=kind, draft=_blank(kind).pack(), drafted_by=actor.human
            )
            record_act(DRAFTS, None, actor=actor, detail=made.id)
    except IntegrityError:
        raise FormTaken(said) from None
    return made


def draft(form: Form, definition: Definition, *, actor: Actor, seen: datetime | None = None) -> Checked:
    """Keep a form as it is now written; what visitors see stays as it is. A draft need not be whole.

    Args:
        seen: when the draft was kept that this one was made of; None: whatever is there is replaced.
    Raises:
        Refused: the role may not.
        WrittenAnew: somebody kept another meanwhile.
        Fault: it asks for what no purpose of it needs, or names what there is not: that is kept in no draft.
    """
    _require(DRAFTS, actor)
    checked = look(definition)
    for fault in checked.faults:
        if fault.code in _NEVER:
            raise fault
    with transaction.atomic():
        _require_seen(Form.objects.select_for_update().get(id=form.id), seen)
        form.draft, form.drafted_by = definition.pack(), actor.human
        form.save(update_fields=["draft", "drafted_by", "drafted_at"])
        record_act(DRAFTS, None, actor=actor, detail=form.id)
    return checked


def look(definition: Definition) -> Checked:
    """What stands against publishing a form as it is."""
    found = list(faults(definition, _covers(definition)))
    if not Controller.objects.filter(name=definition.controller).exists():
        found.append(Fault("controller-unknown"))
    if not (definition.fields or definition.questions):
        found.append(Fault("nothing-asked"))
    return Checked(definition, tuple(found))


def publish(form: Form, *, actor: Actor, seen: datetime | None = None) -> FormVersion:
    """Let visitors see the draft, as a version that nobody changes any more.

    Args:
        seen: when the draft was kept that was read; None: the one that ``form`` holds.
    Raises:
        Refused: the role may not, or it is their own draft.
        WrittenAnew: somebody kept another meanwhile, which nobody else has read.
        Unfinished: something stands against it.
        FormTaken: a channel has its name.
    """
    _require(PUBLISHES, actor)
    if form.drafted_by == actor.human:
        raise Refused(SECOND_PERSON)
    definition = Definition.unpack(form.draft)
    checked = look(definition)
    if checked.faults:
        raise Unfinished(list(checked.faults))
    purposes = installation().rules.purposes
    with transaction.atomic():
        held = Form.objects.select_for_update().get(id=form.id)
        _require_seen(held, seen or form.drafted_at)
        if held.drafted_by == actor.human:
            raise Refused(SECOND_PERSON)
        number = held.versions.count() + 1
        channel = _channel(held, definition, actor)
        made = FormVersion.objects.create(
            id=new_id(), form=held, number=number, content=held.draft, notice=notice_in_force(definition.notice).id,
            controller=Controller.objects.get(name=definition.controller).id, basis=_basis(definition),
            covers={slug: purposes[slug].version for slug in definition.purposes}, drafted_by=held.drafted_by,
            published_by=actor.human,
        )  # fmt: skip
        held.published, held.channel = number, channel.id
        held.save(update_fields=["published", "channel"])
        _say_terms(channel, made, definition, actor)
        record_act(PUBLISHES, None, actor=actor, detail=made.id)
    form.published, form.channel = held.published, held.channel
    return made


def close(form: Form, *, actor: Actor) -> None:
    """Take a form off the web; what was sent stays, what waits may still be confirmed.

    Raises:
        Refused: the role may not.
    """
    _require(CLOSES, actor)
    with transaction.atomic():
        Form.objects.filter(id=form.id).update(published=None)
        record_act(CLOSES, None, actor=actor, detail=form.id)
    form.published = None


def form_of(id: UUID) -> Form:
    """A form.

    Raises:
        FormUnknown: there is none of that id.
    """
    found = Form.objects.filter(id=id).first()
    if found is None:
        raise FormUnknown(str(id))
    return found


def covered_by(name: str) -> dict[str, Covered]:
    """What the notice of that name tells of; nothing where there is none in force."""
    try:
        return covers_of(notice_in_force(name))
    except Notice.DoesNotExist:
        return {}


_NEVER: Final = frozenset({
    "field-unknown", "field-sensitive", "field-not-asked", "field-not-needed", "field-required-optional", "purpose-unknown",
    "letter-unknown", "origin-not-understood", "text-too-long", "text-turns", "too-much", "question-not-understood",
    "question-turns",
})  # fmt: skip


def _covers(definition: Definition) -> dict[str, Covered]:
    return covered_by(definition.notice)


def _basis(definition: Definition) -> str:
    """The ground of what comes in: consent, unless some purpose of the form rests on another."""
    others = [slug for slug in definition.purposes if not rests_on_consent(slug, definition.packs)]
    return "contract" if others else "consent"


def _channel(form: Form, definition: Definition, actor: Actor) -> Channel:
    if form.channel is not None:
        held = Channel.objects.get(id=form.channel)
        if held.country != definition.country:
            Channel.objects.filter(id=held.id).update(country=definition.country)
        return held
    try:
        return add_channel(form.name, KIND, owner=actor.staff, country=definition.country)[0]
    except ChannelTaken:
        raise FormTaken(form.name) from None


def _say_terms(channel: Channel, made: FormVersion, definition: Definition, actor: Actor) -> None:
    ChannelTerms.objects.update_or_create(
        channel=channel.id,
        defaults={
            "controller": made.controller, "basis": made.basis, "notice": made.notice, "residence": definition.country,
            "by": actor.staff,
        },
    )  # fmt: skip


def _require_seen(held: Form, seen: datetime | None) -> None:
    if seen is not None and held.drafted_at != seen:
        raise WrittenAnew(held.name)


def _require(act: str, actor: Actor) -> None:
    require_act(act, actor)
    require_standing(actor)


def _blank(kind: str) -> Definition:
    first = Controller.objects.order_by("id").first()
    controller = first.name if first is not None else ""
    if kind == "list":
        return Definition(
            {}, ("marketing",), fields={"email": True}, letters=("email:newsletter",), controller=controller
        )
    if kind == "survey":
        return Definition({}, ("analytics",), controller=controller, confirmed=False, anonymous=True)
    return Definition({}, ("service",), fields={"email": True}, controller=controller)
