"""Under which terms a channel that sends by itself brings things in: said once, for everything it sends."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID

from django.db import transaction

from kehu.collect.channels import kinds
from kehu.collect.models import ChannelTerms
from kehu.govern.consent import notice_in_force
from kehu.govern.models import Channel, Controller, Notice, Source
from kehu.govern.slugs import BASES, PURPOSES
from kehu.guard.aside import may
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import ACTS, require_act
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.guard.staff.actions import actor_of, ensure_owner, owner_actor
from kehu.guard.staff.models import Staff

_LONGEST: Final = 100
_COUNTRY: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


class TermsNotUnderstood(ValueError):
    """One of the terms is unknown; ``option`` names it, the message says what it may be."""

    def __init__(self, option: str, message: str) -> None:
        super().__init__(message)
        self.option = option


def terms_of(channel: Channel) -> ChannelTerms:
    """The terms of a channel; as they ship (consent, the notice in force, the first controller) until somebody says others."""
    held = ChannelTerms.objects.filter(channel=channel.id).first()
    if held is not None:
        return held
    controller = Controller.objects.order_by("id").first()
    kind = kinds().get(channel.kind)
    return ChannelTerms(
        channel=channel.id, controller=controller.id if controller else 1, basis=kind.basis if kind else "consent",
        notice=notice_in_force().id, residence=channel.country, by=channel.owner or ensure_owner().id,
    )  # fmt: skip


def answering_for(channel: Channel) -> Actor:
    """Its owner, who answers for what it sends; the home's owner where they have left, or may not collect now.

    What customers send does not wait for somebody's training.
    """
    staff = Staff.objects.filter(id=channel.owner, is_active=True).first() if channel.owner else None
    if staff is None or staff.role not in ACTS["collect"]:
        return owner_actor()
    actor = actor_of(staff.email)
    return actor if may("collect", actor) else owner_actor()


def set_terms(
    channel: Channel,
    *,
    actor: Actor,
    controller: str | None = None,
    basis: str | None = None,
    notice: str | None = None,
    residence: str | None = None,
    consents: Mapping[str, str] | None = None,
    fields: Mapping[str, str] | None = None,
    source: str | None = None,
) -> ChannelTerms:
    """Say other terms; what is None stays. They hold for what is taken in from now on.

    Args:
        consents: a sender's name of a consent to the purpose it is for.
        fields: a sender's name of a property to our field.
        source: the registered source that what it sends comes from; empty: from the customers themselves.
    Raises:
        ActRefused: the role may not.
        TermsNotUnderstood: something of it is unknown.
    """
    require_act("channel", actor)
    held = terms_of(channel)
    if controller is not None:
        held.controller = _controller(controller)
    if basis is not None:
        if basis not in BASES:
            raise TermsNotUnderstood("basis", f"basis: one of {', '.join(BASES)}")
        held.basis = basis
    if notice is not None:
        try:
            held.notice = notice_in_force(notice).id
        except Notice.DoesNotExist:
            raise TermsNotUnderstood("notice", "notice: no notice of that name is in force") from None
    if residence is not None:
        if residence and not _COUNTRY.fullmatch(residence):
            raise TermsNotUnderstood("residence", "residence: two capital letters, or a region of a country as US-CA")
        held.residence = residence
    if consents is not None:
        _require_known("consent", consents.values(), PURPOSES)
        held.consents = _words("consent", consents)
    if fields is not None:
        dictionary = installation().rules.dictionary
        _require_known("field", fields.values(), [name for name, one in dictionary.fields.items() if not one.event])
        held.fields = _words("field", fields)
    if source is not None:
        held.source = _source(source) if source else None
    held.by = actor.staff
    with transaction.atomic():
        held.save()
        record_act("channel", None, actor=actor, detail=UUID(int=channel.id))
    return held


def _controller(name: str) -> int:
    found = Controller.objects.filter(name=name).first()
    if found is None:
        known = ", ".join(Controller.objects.order_by("id").values_list("name", flat=True))
        raise TermsNotUnderstood("controller", f"controller: one of {known}")
    return found.id


def _source(name: str) -> int:
    found = Source.objects.filter(name=name).first()
    if found is None:
        raise TermsNotUnderstood("source", "source: no source of that name is in force")
    return found.id


def _require_known(option: str, said: Iterable[str], known: Iterable[str]) -> None:
    unknown = sorted(set(said) - set(known))
    if unknown:
        raise TermsNotUnderstood(option, f"{option}: {', '.join(unknown)} is unknown here")


def _words(option: str, said: Mapping[str, str]) -> dict[str, str]:
    if any(not 0 < len(name) <= _LONGEST for name in said):
        raise TermsNotUnderstood(option, f"{option}: the sender's name has 1 to {_LONGEST} characters")
    return dict(said)
