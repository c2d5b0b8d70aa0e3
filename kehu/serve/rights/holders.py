"""The holders of this room: consents, subscriptions, states, requests and unfinished erasures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from kehu.govern.models import Consent, Informed, NoticeSeen, Source, StateEntry, Subscription
from kehu.guard.gate.actor import Actor
from kehu.guard.texts import destroy_keys
from kehu.serve.rights import requests
from kehu.serve.rights.consents.channels import subscription_row
from kehu.serve.rights.models import Erasure, ProbablePart, Request, RequestStep


class ConsentHolder:
    """What a customer allowed; the proof of it is sealed into the residue before."""

    name: Final = "consents"
    tables = frozenset({Consent._meta.db_table})

    def export(self, subject: UUID, *, actor: Actor) -> Mapping[str, Any] | None:
        """Nothing here: an export lists consents itself."""
        return None

    def erase(self, subject: UUID) -> int:
        """Delete the rows; where somebody consented for another as guardian, only their name goes."""
        Consent.every.filter(by_subject=subject).update(by_subject=UUID(int=0))
        return Consent.every.filter(subject=subject).delete()[0]


class SubscriptionHolder:
    """By which medium and on what a customer may be written to; the proof of it is sealed into the residue before."""

    name: Final = "subscriptions"
    tables = frozenset({Subscription._meta.db_table})

    def export(self, subject: UUID, *, actor: Actor) -> Mapping[str, Any] | None:
        """Everything said of channels, the oldest first."""
        rows = Subscription.objects.filter(subject=subject).order_by("recorded_at", "id")
        found = [subscription_row(row) for row in rows]
        return {"subscriptions": found} if found else None

    def erase(self, subject: UUID) -> int:
        """Delete the rows."""
        return Subscription.objects.filter(subject=subject).delete()[0]


class NoticeSeenHolder:
    """Which versions of a notice a customer has seen."""

    name: Final = "notices-seen"
    tables = frozenset({NoticeSeen._meta.db_table})

    def export(self, subject: UUID, *, actor: Actor) -> Mapping[str, Any] | None:
        """The versions, each with when."""
        rows = NoticeSeen.objects.filter(subject=subject).select_related("notice").order_by("at")
        found = [{"notice": str(row.notice), "at": row.at.isoformat()} for row in rows]
        return {"notices_seen": found} if found else None

    def erase(self, subject: UUID) -> int:
        """Delete the rows."""
        return NoticeSeen.objects.filter(subject=subject).delete()[0]


class InformedHolder:
    """That a customer was told of a source."""

    name: Final = "informed"
    tables = frozenset({Informed._meta.db_table})

    def export(self, subject: UUID, *, actor: Actor) -> Mapping[str, Any] | None:
        """When they were told of which source, and by which way; or why they need not be; and what of it was a mistake."""
        rows = list(Informed.objects.filter(subject=subject).order_by("at"))
        names = dict(Source.objects.filter(id__in=[row.source for row in rows]).values_list("id", "name"))
        found = [
            {"source": names.get(row.source), "way": row.way, "at": row.at.isoformat()}
            | ({"excuse": row.excuse, "reason": row.reason} if row.excuse else {})
            | ({"taken_back_at": row.taken_back_at.isoformat()} if row.taken_back_at else {})
            for row in rows
        ]
        return {"informed": found} if found else None

    def erase(self, subject: UUID) -> int:
        """Delete the rows."""
        return Informed.objects.filter(subject=subject).delete()[0]


class StateHolder:
    """Restrictions, objections, holds and the like."""

    name: Final = "states"
    tables = frozenset({StateEntry._meta.db_table})

    def export(self, subject: UUID, *, actor: Actor) -> Mapping[str, Any] | None:
        """Nothing here: an export lists states itself."""
        return None

    def erase(self, subject: UUID) -> int:
        """Delete the rows."""
        return StateEntry.objects.filter(subject=subject).delete()[0]


class RequestHolder:
    """The register of requests: a line without name and text is left of each."""

    name: Final = "requests"
    tables = frozenset({Request._meta.db_table, RequestStep._meta.db_table, ProbablePart._meta.db_table})

    def export(self, subject: UUID, *, actor: Actor) -> Mapping[str, Any] | None:
        """The customer's requests with what they wrote and were told."""
        found = requests.of_subject(subject, actor=actor)
        return {"requests": found} if found else None

    def erase(self, subject: UUID) -> int:
        """Destroy the keys of the texts and take the name out."""
        rows = Request.objects.filter(subject=subject)
        destroy_keys(list(rows.values_list("id", flat=True)))
        RequestStep.objects.filter(request__in=rows).update(reason=None)
        ProbablePart.objects.filter(Q(part=subject) | Q(request__in=rows)).delete()
        return rows.update(subject=None, identity=None, text=None, answer=None)


class ErasureHolder:
    """Erasures that wait or were interrupted; a finished one names nobody."""

    name: Final = "erasures"
    tables = frozenset({Erasure._meta.db_table, "suppression", "tombstone"})

    def export(self, subject: UUID, *, actor: Actor) -> Mapping[str, Any] | None:
        """Erasures that were asked for and are not done."""
        rows = Erasure.objects.filter(subjects__contains=[str(subject)])
        found = [{"id": str(row.id), "state": row.state, "asked_at": row.asked_at.isoformat()} for row in rows]
        return {"erasures": found} if found else None

    def erase(self, subject: UUID) -> int:
        """Nothing: the erasure itself clears its row when it is done."""
        return 0
