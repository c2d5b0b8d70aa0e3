"""What leaves the house: lists asked for and let go, tokens for programs outside, and whose copy a file is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.account.door import confirmed
from kehu.doors.web.entrance import by_itself, purpose_page, staff_page, who_is
from kehu.doors.web.pages import field_label, page, purpose_label, whole
from kehu.doors.web.uploads import TracedUpload, TracingHandler
from kehu.doors.web.words import LAW_LABELS
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.staff.models import Staff
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.desk.listing import Filters
from kehu.serve.leaving import asking, tokens
from kehu.serve.leaving.asking import Leaving, NotToRun, UnknownLeaving
from kehu.serve.leaving.tokens import RECIPIENT_KINDS, OutsideToken, TokenOver, UnknownToken
from kehu.serve.leaving.tracing import Traced, named

KIND_LABELS: Final = {
    "processor": gettext_lazy("works for the house"),
    "controller": gettext_lazy("decides for itself"),
    "sale": gettext_lazy("buys it"),
    "authority": gettext_lazy("an authority"),
}
_STATES: Final = {
    "waiting": ("gamboge", "clock", gettext_lazy("waits for a second person")),
    "ready": ("azurite", "circle-check", gettext_lazy("may be written")),
    "running": ("azurite", "history", gettext_lazy("being written")),
    "interrupted": ("cinnabar", "circle-alert", gettext_lazy("interrupted")),
    "done": ("malachite", "check", gettext_lazy("written")),
    "refused": ("cinnabar", "circle-x", gettext_lazy("refused")),
    "expired": ("", "clock", gettext_lazy("over")),
    "open": ("malachite", "circle-check", gettext_lazy("in force")),
    "ended": ("", "clock", gettext_lazy("ended")),
}


_RUNS: Final = {"waiting", "ready", "open"}  # what is not over stands on the first page, however old
_ROWS: Final = 100
Row = TypeVar("Row", Leaving, OutsideToken)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the form for a list was filled in with."""

    recipient: str = ""
    recipient_kind: str = "processor"
    country: str = ""
    law: str = ""
    fields: tuple[str, ...] = ()

    @classmethod
    def read(cls, given: QueryDict) -> _Asked:
        """As it was sent."""
        recipient = given.get("recipient", "").strip()
        country = given.get("country", "").strip().upper()
        return cls(recipient, given.get("kind", ""), country, given.get("law", ""), tuple(given.getlist("field")))

    def wrong(self, fields: Collection[str]) -> str:
        """What is missing, in words; empty where nothing is."""
        if not self.recipient or len(self.recipient) > asking.LONGEST_NAME or not self.recipient.isprintable():
            return _("Name who gets it, in up to 120 characters.")
        if self.recipient_kind not in RECIPIENT_KINDS:
            return _("Say what the recipient is.")
        if self.country and not (len(self.country) == len("CN") and self.country.isascii() and self.country.isalpha()):
            return _("A country is two letters, such as DE; leave it empty where the list stays in the house's own.")
        if not set(self.fields) <= set(fields):
            return _("The purpose does not need all of these fields.")
        return ""


@staff_page
@require_GET
def exports(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """What was asked for and what became of it, what waits for a second person, and the form for a new list."""
    return _page(request, desk, {})


@purpose_page
@confirmed
@require_POST
def ask(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Ask for a list of the claimed purpose's customers to leave."""
    assert desk.claim is not None
    require_act("give", desk.actor)
    asked = _Asked.read(request.POST)
    form = _form(desk)
    if wrong := asked.wrong({name for name, _label in form["fields"]}):
        return _page(request, desk, {"wrong": wrong, "asked": asked}, status=422)
    made = asking.ask(
        actor=desk.actor, purpose=desk.claim.purpose, recipient=asked.recipient, recipient_kind=asked.recipient_kind,
        country=asked.country, fields=asked.fields, filters=Filters.read({"pack": asked.law}, purpose=desk.claim.purpose),
    )  # fmt: skip
    return redirect("export", export=made.id)


@staff_page
@require_GET
def export(request: HttpRequest, desk: SignedIn, export: UUID) -> HttpResponse:
    """One list: what was asked, how it stands, and what there is to do."""
    return page(request, "web/export.html", _standing(desk, export), desk=desk, nav="exports")


@staff_page
@by_itself
@require_GET
def progress(request: HttpRequest, desk: SignedIn, export: UUID) -> HttpResponse:
    """How it stands, as a part of the page."""
    return render(request, "web/parts/export.html", _standing(desk, export))


@staff_page
@confirmed
@require_POST
def decide(request: HttpRequest, desk: SignedIn, export: UUID) -> HttpResponse:
    """Let a list go, or not: another person than who asked."""
    require_act("approve", desk.without_purpose)
    try:
        asking.decide(export, actor=desk.without_purpose, approve=request.POST.get("do") == "approve")
    except UnknownLeaving:
        raise Http404 from None
    except NotToRun:  # somebody was faster, or it is too old: the page says how it stands
        pass
    return redirect("export", export=export)


@staff_page
@confirmed
@require_POST
def decide_token(request: HttpRequest, desk: SignedIn, token: UUID) -> HttpResponse:
    """Let a token for a recipient go on, or end it."""
    require_act("approve", desk.without_purpose)
    approve, wanted = request.POST.get("do") == "approve", request.POST.get("customers", "").strip()
    most = whole(wanted) if approve else None
    if approve and not most:  # let go on for a number that nobody wrote, it would be for one of ours
        return _page(request, desk, {"most_wrong": token, "most": wanted}, status=422)
    try:
        tokens.decide(token, actor=desk.without_purpose, approve=approve, most=most)
    except ValueError:
        return _page(request, desk, {"most_wrong": token, "most": wanted}, status=422)
    except UnknownToken:
        raise Http404 from None
    except TokenOver:  # the page says so
        pass
    return redirect("exports")


@csrf_exempt
def trace(request: HttpRequest) -> HttpResponse:
    """Whose copy a file is. The handler must stand before the body is read, and reading it checks the form's mark."""
    desk = who_is(request)
    if desk is not None and desk.may("read-ledger"):
        request.upload_handlers = [TracingHandler(request)]
    return _traced(request)


@csrf_protect
@staff_page
@require_POST
def _traced(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    require_act("read-ledger", desk.without_purpose)
    held = request.FILES.get("file")
    if not isinstance(held, TracedUpload):
        return _page(request, desk, {"traced_wrong": True}, status=422)
    return _page(request, desk, {}, traced=named(held.tracer))


def _page(
    request: HttpRequest,
    desk: SignedIn,
    more: dict[str, Any],
    *,
    traced: Sequence[Traced] | None = None,
    status: int = 200,
) -> HttpResponse:
    who = desk.without_purpose
    held, older_lists = _part(request, "before", asking.requests, who)
    issued, older_tokens = _part(request, "issued-before", tokens.tokens, who)
    lists, programs = [_row(one) for one in held], [_token_row(desk, one) for one in issued]
    may_decide = desk.may("approve")
    context: dict[str, Any] = {
        "lists": lists,
        "tokens": programs,
        "older_lists": older_lists,
        "older_tokens": older_tokens,
        "may_decide": may_decide,
        "waiting": sum(1 for one in (*lists, *programs) if one["held"].state == "waiting") if may_decide else 0,
        "may_ask": desk.may("give"),
        "may_trace": desk.may("read-ledger"),
        "alone": settings.EXPORT_ALONE,
        "most_of_all": tokens.MOST,
        "form": _form(desk) if desk.claim and desk.may("give") else None,
        "asked": _Asked(),
        "traced": None if traced is None else {"copies": [_copy(one, {held.id for held in issued}) for one in traced]},
        **more,
    }
    return page(request, "web/exports.html", context, desk=desk, nav="exports", status=status)


def _part(request: HttpRequest, name: str, ask: Callable[..., list[Row]], who: Actor) -> tuple[list[Row], str]:
    """The newest of one of the two lists and those that are not over, or what lies before one; and the way to the older ones."""
    try:
        before = UUID(request.GET[name]) if name in request.GET else None
    except ValueError:
        raise Http404 from None
    found = ask(actor=who, newest=_ROWS + 1, before=before)
    shown = [one for one in found[_ROWS:] if before is None and one.state in _RUNS]
    # in full, for the page may be the answer to a form that went elsewhere
    return found[:_ROWS] + shown, f"{reverse('exports')}?{name}={found[_ROWS - 1].id}" if len(found) > _ROWS else ""


def _form(desk: SignedIn) -> dict[str, Any]:
    """What the claimed purpose offers: the recipients and countries that its register names, and the fields it needs."""
    assert desk.claim is not None
    rules = installation().rules
    spec, field = rules.purposes[desk.claim.purpose], rules.dictionary.field
    names = sorted((name for name in spec.least if not field(name).event), key=field_label)
    return {
        "purpose": purpose_label(spec.slug),
        "slug": spec.slug,
        "recipients": sorted(spec.recipients),
        "countries": sorted(spec.countries),
        "fields": [(name, field_label(name)) for name in names],
        "kinds": [(kind, KIND_LABELS[kind]) for kind in RECIPIENT_KINDS],
        "laws": list(LAW_LABELS.items()),
    }


def _standing(desk: SignedIn, id: UUID) -> dict[str, Any]:
    try:
        held = asking.request_of(id, actor=desk.without_purpose)
    except UnknownLeaving:
        raise Http404 from None
    return _row(held) | {
        "own": held.asked_by == desk.staff,
        "may_decide": desk.may("approve") and held.asked_by != desk.staff,
        "may_trace": desk.may("read-ledger"),
        "alone": settings.EXPORT_ALONE,
        "fields": [field_label(name) for name in held.fields],
        "asker": _email(held.asked_by),
        "decider": _email(held.decided_by),
        "digest": held.sha256.hex() if held.sha256 else "",
        "w_sep": _(", "),
    }


def _row(held: Leaving) -> dict[str, Any]:
    return {
        "held": held,
        "said": _STATES[held.state],
        "purpose": purpose_label(held.purpose),
        "kind": KIND_LABELS.get(held.recipient_kind, held.recipient_kind),
    }


def _token_row(desk: SignedIn, held: OutsideToken) -> dict[str, Any]:
    return {
        "held": held,
        "said": _STATES[held.state],
        "purpose": purpose_label(held.purpose),
        "kind": KIND_LABELS.get(held.recipient_kind, held.recipient_kind),
        "may_decide": desk.may("approve") and held.state != "ended" and desk.staff not in (held.staff, held.issued_by),
        "suggested": tokens.APPROVED * settings.EXPORT_ALONE,
    }


def _copy(one: Traced, shown: Collection[UUID]) -> dict[str, Any]:
    held: Any = one.list or one.token
    # a token has its row alone, and an older one stands on a page that begins with it
    away = "" if held.id in shown else f"{reverse('exports')}?issued-before={UUID(int=held.id.int + 1)}"
    return {
        "list": one.list,
        "where": reverse("export", args=[held.id]) if one.list else f"{away}#t{held.id}",
        "count": one.count,
        "held": held,
        "purpose": purpose_label(held.purpose),
        "at": held.asked_at if one.list else held.issued_at,
        "asker": _email(held.asked_by if one.list else held.staff),
    }


def _email(id: UUID | None) -> str:
    found = Staff.objects.filter(id=id).values_list("email", flat=True).first() if id else None
    return str(found or "").removesuffix("@home")
