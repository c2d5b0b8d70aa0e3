"""One customer's page: what the purpose shows, what happened, why each field is as it is, and what may be done."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web import authorisations, errors, history
from kehu.doors.web.account.door import confirmed
from kehu.doors.web.customers import CONSENT_ICONS, marks_of, query_of
from kehu.doors.web.entrance import purpose_page
from kehu.doors.web.pages import category_label, day_of, language, page, purpose_label, whole
from kehu.doors.web.quality.arrivals import of as arrivals_of
from kehu.doors.web.sent import written
from kehu.doors.web.traits.own import of as derived_of
from kehu.doors.web.why import ANSWERS
from kehu.doors.web.words import source_mark, value_text
from kehu.govern.consent import NothingToWithdraw
from kehu.govern.dictionary import UnknownField
from kehu.govern.parts import UnknownSubject
from kehu.govern.separate import Terms
from kehu.govern.slugs import PUBLIC_INFORMATION, PURPOSES, objection_number
from kehu.govern.states import NotInForce
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.desk.happened import PAGE
from kehu.serve.desk.listing import NAMES, Filters, neighbours
from kehu.serve.desk.record import (
    MASKED,
    Record,
    Source,
    Value,
    Why,
    open_older,
    open_record,
    open_requests,
    reveal,
    sources_in_all,
    sources_of,
)
from kehu.serve.desk.standing import Standing, consent_purposes
from kehu.serve.desk.verifying import verify
from kehu.serve.rights.consents import actions as rights
from kehu.serve.rights.consents.lifting import NotTold

_CONTACTS = ("phone", "email")
_CONTACT_ICONS = {"phone": "smartphone", "email": "mail"}
_KIND_LABELS = {
    "person": gettext_lazy("Person"),
    "organisation": gettext_lazy("Organisation"),
    "order": gettext_lazy("Order"),
    "interaction": gettext_lazy("Contact with us"),
    "edit": gettext_lazy("Edit"),
}
_BASIS_LABELS = {
    "consent": gettext_lazy("Consent"),
    "contract": gettext_lazy("Contract"),
    "legal_obligation": gettext_lazy("Legal obligation"),
    "vital_interest": gettext_lazy("Vital interest"),
    "public_interest": gettext_lazy("Public interest"),
    "legitimate_interest": gettext_lazy("Legitimate interest"),
    "hr": gettext_lazy("Employment"),
    "public_information": gettext_lazy("Public information"),
}
_SAID = {
    "restriction": ("restrict", "restricted", "restriction-lifted"),
    "objection": ("object", "objected", "objection-lifted"),
    "deceased": ("deceased", "", "death-lifted"),
}
"""The act of a state, and what the page says once it is entered, or lifted."""
_SHOWN_SECONDS = 60
_FIRST_LABELS = 4  # of the fields with one answer; the rest unfolds


@purpose_page
@require_GET
def customer(request: HttpRequest, desk: SignedIn, subject: UUID) -> HttpResponse:
    """The page of one customer."""
    return _page(request, desk, subject)


@purpose_page
@require_GET
def timeline(request: HttpRequest, desk: SignedIn, subject: UUID) -> HttpResponse:
    """A page of what happened with a customer: the older ones, opened when they are asked for and by themselves."""
    assert desk.claim is not None
    purpose = desk.claim.purpose
    after = whole(request.GET.get("after", "0"))
    if after is None:
        return errors.unreadable(request)
    try:
        held = open_older(subject, after=after, actor=desk.actor, purpose=purpose)
    except UnknownSubject:
        raise Http404 from None
    if held.refused:
        return errors.refused(request, held.refused, desk=desk, nav="customers")
    total, last = sum(held.counts.values()), after + held.places
    context = {
        "subject": subject,
        "days": history.days_of(held.listed),
        "first": after + 1,
        "last": last,
        "total": total,
        "kept_back": held.places - len(held.listed),
        "newer": max(0, after - PAGE),
        "older": last if last < total else None,
        "query": query_of(Filters.read(request.GET.dict(), purpose=purpose)),
        "seq": held.seq,
    }
    return page(request, "web/timeline.html", context, desk=desk, nav="customers")


@purpose_page
@confirmed
@require_POST
def show_field(request: HttpRequest, desk: SignedIn, subject: UUID) -> HttpResponse:
    """One field in clear, as a read of its own; alone for htmx, else within the whole page."""
    assert desk.claim is not None
    try:
        value, seq = reveal(subject, request.POST.get("field", ""), actor=desk.actor, purpose=desk.claim.purpose)
    except UnknownField:
        return errors.unreadable(request)
    except UnknownSubject:
        raise Http404 from None
    shown = _value(value) | {"seq": seq, "seconds": _SHOWN_SECONDS}
    if request.htmx:  # type: ignore[attr-defined]  # django_htmx's middleware sets it
        address = reverse("customer-show", args=[subject])
        return render(request, "web/parts/shown.html", {"v": shown, "show_url": address})
    return _page(request, desk, subject, shown=shown)


@purpose_page
@require_POST
def match(request: HttpRequest, desk: SignedIn, subject: UUID) -> HttpResponse:
    """Compare what a caller says; the page says yes, no, or that nothing is held, and nothing else."""
    assert desk.claim is not None
    name = request.POST.get("field", "")
    compared: dict[str, Any] = {"name": name}
    try:
        found = verify(subject, name, request.POST.get("said", ""), actor=desk.actor, purpose=desk.claim.purpose)
        compared |= {"matched": found.matched, "seq": found.seq}
    except UnknownField:
        return errors.unreadable(request)
    except UnknownSubject:
        raise Http404 from None
    except Refused as refused:
        compared["words"] = installation().rules.policies.text(refused.policy, language())
    except ValueError:
        compared["unreadable"] = True
    return _page(request, desk, subject, compared=compared)


@purpose_page
@require_POST
def change_consent(request: HttpRequest, desk: SignedIn, subject: UUID) -> HttpResponse:
    """Record a consent given now, or take one back."""
    purpose = PURPOSES.get(request.POST.get("purpose", ""))
    if purpose is None:
        return errors.unreadable(request)
    require_act("consent", desk.actor)
    done = "consent-given"
    try:
        if request.POST.get("do") == "withdraw":
            done = "consent-withdrawn"
            rights.withdraw(subject, purpose, actor=desk.actor)
        else:
            rights.give(subject, purpose, actor=desk.actor, kind="general", until=None, notice=None, by_subject=None)
    except UnknownSubject:
        raise Http404 from None
    except NothingToWithdraw:
        done = "nothing-in-force"
    return redirect(reverse("customer", args=[subject]) + f"?done={done}#consents")


@purpose_page
@require_POST
def separate(request: HttpRequest, desk: SignedIn, subject: UUID) -> HttpResponse:
    """Record a separate consent to the purpose at hand, or have the customer asked for it at their own door."""
    assert desk.claim is not None
    require_act("consent", desk.actor)
    asked = request.POST
    terms = Terms(
        asked.get("event", ""), asked.get("recipient", ""), asked.get("country", "").upper(),
        tuple(asked.getlist("fields")) or None,
    )  # fmt: skip
    purpose, done = PURPOSES[desk.claim.purpose], "consent-asked"
    try:
        if asked.get("do") == "give":
            done = "consent-given"
            rights.give(
                subject,
                purpose,
                actor=desk.actor,
                kind="specific",
                until=None,
                notice=None,
                by_subject=None,
                terms=terms,
            )
        else:
            rights.ask(subject, purpose, actor=desk.actor, terms=terms)
    except UnknownSubject:
        raise Http404 from None
    except ValueError:  # what a law wants named is not
        return _page(request, desk, subject, typed=asked, status=422)
    return redirect(reverse("customer", args=[subject]) + f"?done={done}#consents")


@purpose_page
@require_POST
def change_state(request: HttpRequest, desk: SignedIn, subject: UUID) -> HttpResponse:
    """Restrict, object, or lift either, or a report of death; the office's acts, as ``rights-request``."""
    kind, lifting = request.POST.get("kind", ""), request.POST.get("do") == "lift"
    purpose = objection_number(request.POST.get("purpose", ""))
    if kind not in _SAID or (kind == "objection" and purpose is None) or (kind == "deceased" and not lifting):
        return HttpResponseBadRequest()
    act, *done = _SAID[kind]
    require_act(act, desk.without_purpose)
    named = purpose if kind == "objection" else None
    said = done[lifting]
    try:
        if lifting:
            asked = request.POST
            rights.lift_state(
                subject, kind, actor=desk.without_purpose, act=act, purpose=named, reason=written(asked.get("reason")),
                told=asked.get("told", ""),
            )  # fmt: skip
        else:
            rights.enter_state(subject, kind, actor=desk.without_purpose, act=act, purpose=named)
    except UnknownSubject:
        raise Http404 from None
    except NotInForce:
        said = "nothing-in-force"
    except NotTold:
        said = "not-told"
    except ValueError:
        said = "lift-without-reason"
    return redirect(reverse("customer", args=[subject]) + f"?done={said}#rights")


def _page(
    request: HttpRequest,
    desk: SignedIn,
    subject: UUID,
    *,
    shown: dict[str, Any] | None = None,
    compared: dict[str, Any] | None = None,
    typed: QueryDict | None = None,
    status: int = 200,
) -> HttpResponse:
    assert desk.claim is not None
    purpose = desk.claim.purpose
    try:
        record = open_record(subject, actor=desk.actor, purpose=purpose)
        sources, (sources_count, since) = sources_of(record.customer), sources_in_all(record.customer)
    except UnknownSubject:
        raise Http404 from None
    if record.refused:
        return errors.refused(request, record.refused, desk=desk, nav="customers")
    filters = Filters.read(request.GET.dict(), purpose=purpose)
    newer, older = neighbours(record.customer, purpose=purpose, filters=filters)
    context = {
        "record": record,
        "name": next((text for name in NAMES if (text := record.shown(name))), ""),
        "names_needed": any(record.opens(name) for name in NAMES),
        "contacts": [_contact(record, name) for name in _CONTACTS if name in record.values],
        "profile": _profile(record),
        "consents": _consents(record.standing),
        "marks": marks_of(record.standing),
        "why": [_why(one) for one in record.why],
        "sources": [_source(one) for one in sources],
        "sources_count": sources_count,
        "show_url": reverse("customer-show", args=[record.customer]),
        "since": since,
        "shown": shown,
        "compared": compared,
        "matchable": [(one.name, one.label(language())) for one in record.matchable],
        "query": query_of(filters),
        "newer": newer,
        "older": older,
        **history.of(record),
        **derived_of(desk, record),
        **arrivals_of(desk, record),
        **_acts(desk, record),
        **authorisations.of(desk, record.customer, typed=typed),
    }
    return page(request, "web/customer.html", context, desk=desk, nav="customers", status=status)


def _value(value: Value) -> dict[str, Any]:
    words = installation().rules.policies.text(value.policy, language())
    mask = installation().rules.dictionary.mask
    return {
        "name": value.field.name,
        "label": value.field.label(language()),
        "answer": value.answer,
        "text": value.text if value.answer == MASKED else value_text(value.field.name, value.text),
        "masked": value.text if value.answer == MASKED else mask(value.field.name, value.text),
        "show": _("Show: %(label)s") % {"label": value.field.label(language())},
        "policy": value.policy,
        "words": words,
        "valid": value.valid,
        "verified_at": value.verified_at,
        "others": value.others,
        "reliance": value.reliance,
    }


def _contact(record: Record, name: str) -> dict[str, Any]:
    return _value(record.values[name]) | {"icon": _CONTACT_ICONS[name]}


def _profile(record: Record) -> list[dict[str, Any]]:
    """The profile's values by category, without what the head of the page shows already."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for value in record.values.values():
        groups.setdefault(value.field.category, []).append(_value(value))
    return [{"label": category_label(name), "values": values} for name, values in groups.items()]


def _consents(standing: Standing) -> list[dict[str, Any]]:
    return [
        {
            "purpose": slug,
            "label": purpose_label(slug),
            "state": standing.consents[slug],
            "icon": CONSENT_ICONS.get(slug, "circle"),
            "objected": PURPOSES[slug] in standing.objections,
        }
        for slug in consent_purposes()
    ]


def _why(one: Why) -> dict[str, Any]:
    tone, icon, word = ANSWERS[one.answer]
    labels, separator = [field.label(language()) for field in one.fields], _(", ")
    many = len(labels) > _FIRST_LABELS + 1
    return {
        "tone": tone,
        "icon": icon,
        "word": word,
        "first": separator.join(labels[:_FIRST_LABELS] if many else labels),
        "rest": separator.join(labels[_FIRST_LABELS:]) if many else "",
        "rest_count": len(labels) - _FIRST_LABELS,
        "policy": one.policy,
        "words": installation().rules.policies.text(one.policy, language()),
        "on_request": one.on_request,
    }


def _source(one: Source) -> dict[str, Any]:
    return {
        "channel": one.channel,
        "mark": source_mark(one.mark) if one.mark else None,
        "notice": one.notice,
        "kind": kind_label(one.kind),
        "basis": basis_label(one.basis),
        "came": day_of(one.came_at),
    }


def objection_label(slug: str) -> str:
    """What somebody may object to: a purpose, or the use of what is public about them."""
    return _("What is public about them") if slug == PUBLIC_INFORMATION else purpose_label(slug)


def kind_label(kind: str) -> str:
    """What a record is, in the reader's language."""
    return str(_KIND_LABELS[kind])


def basis_label(basis: str) -> str:
    """A ground of collection in the reader's language."""
    return str(_BASIS_LABELS[basis])


def right_label(right: str) -> str:
    """A right that somebody exercises, in the reader's language."""
    return {
        "access": _("Access"),
        "copy": _("A copy"),
        "move": _("Portability"),
        "correct": _("Correction"),
        "erase": _("Erasure"),
        "restrict": _("Restriction of processing"),
        "object": _("Objection"),
        "withdraw": _("Withdrawal of consent"),
        "explain": _("Explanation"),
        "human-review": _("Review by a human"),
    }.get(right, _("Another request"))


def _acts(desk: SignedIn, record: Record) -> dict[str, Any]:
    """What this role may do here: shown to whom the guard would let do it."""
    may_consent = desk.may("consent")
    objectable = [
        (slug, objection_label(slug), objection_number(slug) in record.standing.objections)
        for slug in (*PURPOSES, *([PUBLIC_INFORMATION] if record.standing.from_public else ()))
    ]
    return {
        "may_consent": may_consent,
        "may_restrict": desk.may("restrict"),
        "may_object": desk.may("object"),
        "requests": [{"label": right_label(right), "received_at": at} for right, at in open_requests(record.customer)]
        if desk.may("request")
        else [],
        "may_read_ledger": desk.may("read-ledger"),
        "objectable": objectable,
        "objected": [(slug, label) for slug, label, there in objectable if there],
    }
