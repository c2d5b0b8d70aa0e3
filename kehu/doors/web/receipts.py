"""Receipts of consents to be read, in the office and at the customers' door: the same words for the same state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.doors.web.pages import language
from kehu.doors.web.words import LAW_LABELS, language_name, notice_label
from kehu.govern.models import Notice
from kehu.guard.installation import installation

# what became of a consent: tone, icon, word
_STATES: Final = {
    "given": ("malachite", "circle-check", gettext_lazy("given")),
    "refused": ("cinnabar", "circle-x", gettext_lazy("refused")),
    "withdrawn": ("cinnabar", "circle-slash", gettext_lazy("withdrawn")),
    "expired": ("gamboge", "clock", gettext_lazy("ended by itself")),
    "invalid": ("cinnabar", "circle-alert", gettext_lazy("found invalid")),
    "unknown": ("gamboge", "circle-question-mark", gettext_lazy("without proof")),
    "requested": ("azurite", "message-circle-question-mark", gettext_lazy("asked")),
    "answered": ("", "check", gettext_lazy("answered")),
    "replaced": ("", "history", gettext_lazy("replaced by a newer one")),
}
_BY_DPV: Final = {
    "dpv:ConsentGiven": "given",
    "dpv:ConsentRefused": "refused",
    "dpv:ConsentWithdrawn": "withdrawn",
    "dpv:ConsentExpired": "expired",
    "dpv:ConsentInvalidated": "invalid",
    "dpv:ConsentUnknown": "unknown",
    "dpv:ConsentRequested": "requested",
}
_KINDS: Final = {
    "general": gettext_lazy("general"),
    "specific": gettext_lazy("separate, for this alone"),
    "temporary": gettext_lazy("temporary"),
}
_WAYS: Final = {
    "portal": gettext_lazy("at your own door here"),
    "recorded by staff": gettext_lazy("recorded by our staff"),
    "store": gettext_lazy("in a store"),
    "shop": gettext_lazy("in the online shop"),
    "form": gettext_lazy("by a form"),
    "file": gettext_lazy("from a list of ours"),
    "phone": gettext_lazy("on the phone"),
    "counter": gettext_lazy("at the counter, on their side of the screen"),
    "counter-phone": gettext_lazy("at the counter, on their own phone"),
}
_PROOFS: Final = {
    "paper-form": gettext_lazy("a paper form"),
    "recording": gettext_lazy("a recording"),
    "email": gettext_lazy("an email"),
    "screen": gettext_lazy("what the screen showed"),
    "id-document": gettext_lazy("an identity document"),
    "household-register": gettext_lazy("a household register"),
    "payment-card": gettext_lazy("a payment card"),
    "video-call": gettext_lazy("a video call"),
    "court-order": gettext_lazy("a court order"),
    "declared": gettext_lazy("their word"),
}
_GUARDIANS: Final = {
    "parent": gettext_lazy("a parent"),
    "guardian": gettext_lazy("a guardian"),
    "foster-parent": gettext_lazy("a foster parent"),
    "court-appointed": gettext_lazy("a guardian appointed by a court"),
}


_SUBSCRIPTIONS: Final = {
    "subscribed": ("malachite", "bell", gettext_lazy("subscribed")),
    "unsubscribed": ("cinnabar", "bell-off", gettext_lazy("unsubscribed")),
    "suppressed": ("cinnabar", "ban", gettext_lazy("suppressed")),
    "none": ("", "minus", gettext_lazy("said nothing")),
}
_GROUNDS: Final = {
    "consent": gettext_lazy("consent"),
    "existing": gettext_lazy("existing customer, similar goods"),
    "none": gettext_lazy("none"),
}


@dataclass(frozen=True, slots=True)
class StateView:
    """A state by tone, icon and word together."""

    slug: str
    tone: str
    icon: str
    word: str


def state_view(state: str) -> StateView:
    """A state of a consent in the reader's language; an unknown one by its own name."""
    tone, icon, word = _STATES.get(state, ("", "circle", state))
    return StateView(state, tone, icon, str(word))


def terms_text(event: str | None, recipient: str | None, country: str | None) -> str:
    """What a separate consent is to, in a few words; empty for any other."""
    words = {
        "sensitive": _("to use sensitive information"),
        "provide": _("to give it to %(recipient)s"),
        "publish": _("to publish it"),
        "abroad": _("to send it abroad, to %(recipient)s"),
        "public-space": _("to use pictures taken in public places"),
    }
    if not event:
        return ""
    text = words[event] % {"recipient": recipient}
    return f"{text} ({country})" if country else text


def event_text(event: str) -> str:
    """What a separate consent may be to, by itself."""
    return {
        "sensitive": _("use of sensitive information"),
        "provide": _("giving it to another company"),
        "publish": _("publication"),
        "abroad": _("sending it abroad"),
        "public-space": _("pictures taken in public places"),
    }[event]


def subscription_view(status: str) -> StateView:
    """A state of a subscription by tone, icon and word."""
    tone, icon, word = _SUBSCRIPTIONS[status]
    return StateView(status, tone, icon, str(word))


def ground_text(ground: str | None) -> str:
    """What a subscription rests on."""
    return str(_GROUNDS.get(ground or "", ""))


def state_of_dpv(state: str) -> StateView:
    """A state as the vocabulary names it, in the reader's language."""
    return state_view(_BY_DPV[state])


def way_text(way: str | None) -> str:
    """How something was said, in the reader's language; a name of ours by itself."""
    return str(_WAYS.get(way or "", way or ""))


def proof_text(proof: str | None) -> str:
    """What proves it, in the reader's language."""
    return str(_PROOFS.get(proof or "", proof or ""))


def view_of(receipt: Mapping[str, Any]) -> dict[str, Any]:
    """A receipt as a page shows it."""
    record = receipt["record"]
    how, said, rules = record["processing"], language(), installation().rules
    notice = how["privacy_notice"]
    held = Notice.objects.filter(name=notice["name"], version=notice["version"]).first() if notice is not None else None
    guardian = next((one for one in record["parties"] if one["type"] == "dpv:GuardianOfDataSubject"), None)
    return {
        "id": receipt["receipt_id"],
        "standard": receipt["schema_version"],
        "state": state_view(_BY_DPV[record["state"]]),
        "dpv": record["state"],
        "in_force": record["in_force"],
        "label": how["purpose"]["label"][said],
        "description": how["purpose"]["description"][said],
        "version": how["purpose"]["version"],
        "covers": how["covers_version_in_force"],
        "terms": terms_text(how["event"], next(iter(how["recipients"]), ""), how["destination"]),
        "kind": str(_KINDS.get(how["consent_type"], how["consent_type"])),
        "controller": record["parties"][0],
        "fields": [rules.dictionary.field(name).label(said) for name in how["pii_information"]],
        "notice": notice
        and {
            "name": notice_label(notice["name"]),
            "version": notice["version"],
            "in_force_from": datetime.fromisoformat(notice["in_force_from"]),
        },
        "text": held.texts.get(how["language"] or said) or held.texts.get(said, "") if held else "",
        "language": language_name(how["language"]) if how["language"] else "",
        "way": way_text(how["collection_method"]),
        "grounds": [(LAW_LABELS.get(pack, ""), ground) for pack, ground in sorted(how["lawful_basis"].items())],
        "retention": how["retention"].strip("PD"),
        "proof": proof_text(how["evidence_type"]),
        "kept": how["evidence_kept"],
        "paper": how["evidence_kept"] and how["evidence_type"] == "paper-form",
        "guardian": str(_GUARDIANS.get(guardian["role"], guardian["role"])) if guardian else "",
        "events": [_event(one) for one in record["events"]],
        "used": {name: _moment(receipt["used"][name]) for name in ("first", "last")}
        | {"rows": receipt["used"]["rows"]},
        "seq": receipt["ledger"]["seq"],
    }


def file_of(receipt: Mapping[str, Any], consent: UUID) -> HttpResponse:
    """A receipt as a file of JSON-LD; its name holds an id only."""
    text = json.dumps(receipt, ensure_ascii=False, indent=2)
    answer = HttpResponse(text, content_type="application/ld+json")
    answer["Content-Disposition"] = f'attachment; filename="receipt-{consent}.json"'
    return answer


def _event(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "state": state_view(_BY_DPV[one["state"]]),
        "at": _moment(one["time"]),
        "until": _moment(one["validity"]),
        "way": way_text(one["way"]),
        "guardian": one["entity"] == "guardian",
    }


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
