"""Access for a while: asking, deciding, using and ending; and breaking the glass with the look afterwards."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kehu.doors.web.account.door import step_up_first
from kehu.doors.web.entrance import CLAIM, staff_page
from kehu.doors.web.pages import category_label, field_label, language, page, purpose_label
from kehu.doors.web.sent import customers_of, written
from kehu.doors.web.words import LAW_LABELS
from kehu.govern.slugs import PURPOSES
from kehu.guard.access import glass, grants
from kehu.guard.access.grants import Grant, Scope
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn, bind_claim, leave_purpose

_HOURS: Final = (30, 60, 120, 240, 480)  # minutes
_AGES: Final = {
    "14-15": gettext_lazy("fourteen and fifteen"),
    "16-17": gettext_lazy("sixteen and seventeen"),
    "adult": gettext_lazy("of age"),
}
STATES: Final = {
    "waiting": ("gamboge", "hourglass", gettext_lazy("waits for a second person")),
    "refused": ("cinnabar", "circle-x", gettext_lazy("not let through")),
    "live": ("malachite", "circle-check", gettext_lazy("in force now")),
    "ended": ("", "circle-stop", gettext_lazy("ended")),
    "over": ("", "clock", gettext_lazy("over")),
}
KINDS: Final = {
    "vital": gettext_lazy("A life or somebody's health is in danger"),
    "security": gettext_lazy("Security: an attack or a leak is under way"),
    "claims": gettext_lazy("A claim whose time runs out"),
}
DONE: Final = {
    "asked": gettext_lazy("Asked. Somebody else decides; nothing opens until then."),
    "broken": gettext_lazy("The glass is broken: half an hour from now. The offices are told."),
    "approve": gettext_lazy("Let through, from now on."),
    "refuse": gettext_lazy("Not let through."),
    "end": gettext_lazy("Ended: the next look is refused."),
    "justified": gettext_lazy("Noted as justified."),
    "unjustified": gettext_lazy("Noted as not justified, and ended."),
}
_STEPS: Final = ("use", "approve", "refuse", "end", "justified", "unjustified")


@staff_page
@require_GET
def listed(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """One's own, and for whoever decides, ends or audits everybody's: what waits comes first."""
    actor = desk.without_purpose
    rows = [_row(one, desk) for one in grants.grants(actor=actor)]
    first = [row for row in rows if row["may_decide"] or row["may_review"]]
    context = {
        "waiting": first,
        "rows": [row for row in rows if row not in first],
        "may_ask": desk.may("ask-grant"),
        "told": DONE.get(request.GET.get("done", ""), ""),
    }
    return page(request, "access/grants.html", context, desk=desk, nav="access")


@staff_page
@require_http_methods(["GET", "POST"])
def ask(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """The form: purpose first, then fields, customers or segment, time and reason."""
    require_act("ask-grant", desk.without_purpose)
    said, problem, status = request.POST or request.GET, "", 200
    purpose = said.get("purpose", "")
    if request.method == "POST":
        try:
            scope = _scope(said.get("customers", ""), said.getlist("packs"), said.getlist("ages"))
            grants.ask(
                actor=desk.without_purpose, purpose=purpose, fields=said.getlist("fields"), scope=scope,
                minutes=_minutes(said.get("minutes", "")), reason=written(said.get("reason")),
            )  # fmt: skip
            return redirect(reverse("access-grants") + "?done=asked")
        except (ValueError, LookupError):
            problem, status = _("Name fields that the purpose needs, customers that are here, and a reason."), 422
    known = purpose in PURPOSES
    context = {
        "purposes": [(slug, purpose_label(slug), slug == purpose) for slug in PURPOSES],
        "purpose": purpose if known else "",
        "label": purpose_label(purpose) if known else "",
        "groups": _groups(
            set(installation().rules.purposes[purpose].least) if known else set(), said.getlist("fields")
        ),
        "customers": said.get("customers", ""),
        "packs": [(code, label, code in said.getlist("packs")) for code, label in LAW_LABELS.items()],
        "ages": [(code, label, code in said.getlist("ages")) for code, label in _AGES.items()],
        "hours": [(minutes, _time(minutes), str(minutes) == said.get("minutes", "60")) for minutes in _HOURS],
        "reason": said.get("reason", ""),
        "problem": problem,
    }
    return page(request, "access/ask.html", context, desk=desk, nav="access", status=status)


@staff_page
@require_http_methods(["GET", "POST"])
def break_glass(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """The form that breaks the glass; what it does stands on it."""
    require_act("break-glass", desk.without_purpose)
    said, problem, status = request.POST or request.GET, "", 200
    if request.method == "POST":
        try:
            held = glass.break_glass(
                actor=desk.without_purpose, kind=said.get("kind", ""), fields=said.getlist("fields"),
                customers=customers_of(said.get("customers", "")), reason=written(said.get("reason")),
            )  # fmt: skip
        except Refused:
            raise
        except (ValueError, LookupError):
            problem, status = _("Say what for, name fields and customers that are here, and the reason."), 422
        else:
            return _begin(request, desk, held.id, done="broken")
    every = set(installation().rules.dictionary.fields)
    context = {
        "kinds": [(kind, label, kind == said.get("kind")) for kind, label in KINDS.items()],
        "groups": _groups(every, said.getlist("fields")),
        "customers": said.get("customers", ""),
        "reason": said.get("reason", ""),
        "open_looks": glass.open_looks(desk.staff),
        "fuller": glass.FULLER_REASON,
        "problem": problem,
    }
    return page(request, "access/glass.html", context, desk=desk, nav="access", status=status)


@staff_page
@require_GET
def one(request: HttpRequest, desk: SignedIn, grant: UUID) -> HttpResponse:
    """One of them with its reason, whose reading is written down, and the steps open to the reader."""
    try:
        held = grants.seen(grant, actor=desk.without_purpose)
        reason = grants.reason_of(grant, actor=desk.without_purpose)
    except grants.UnknownGrant:
        raise Http404 from None
    context = {"row": _row(held, desk), "reason": reason, "told": DONE.get(request.GET.get("done", ""), "")}
    return page(request, "access/grant.html", context, desk=desk, nav="access")


@staff_page
@require_POST
def take(request: HttpRequest, desk: SignedIn, grant: UUID, step: str) -> HttpResponse:
    """Take one step, then back to it."""
    actor = desk.without_purpose
    if step not in _STEPS:
        raise Http404
    try:
        grants.seen(grant, actor=actor)
        if step == "use":
            return _begin(request, desk, grant)
        if step == "approve" and (first := step_up_first(request, desk)) is not None:
            return first
        if step in ("approve", "refuse"):
            grants.decide(grant, actor=actor, approve=step == "approve")
        elif step == "end":
            grants.end(grant, actor=actor)
        else:
            glass.review(grant, actor=actor, justified=step == "justified")
    except grants.UnknownGrant:
        raise Http404 from None
    except grants.GrantOver:
        held = grants.grant_of(grant)
        return page(request, "access/over.html", {"row": _row(held, desk)}, desk=desk, nav="access", status=409)
    return redirect(reverse("access-grant", args=[grant]) + f"?done={step}")


def _begin(request: HttpRequest, desk: SignedIn, grant: UUID, done: str = "") -> HttpResponse:
    """Bind the sign-in to the grant, and go to its customer, or to the list."""
    credential, _text, _until = grants.use(grant, actor=desk.without_purpose)
    leave_purpose(desk)
    bind_claim(credential, desk.credential)
    request.session[CLAIM] = str(credential)
    named = grants.grant_of(grant).scope.customers
    way = reverse("customer", args=[named[0]]) if len(named) == 1 else reverse("customers")
    return redirect(way + (f"?done={done}" if done else ""))


def _row(held: Grant, desk: SignedIn) -> dict[str, Any]:
    actor, mine = desk.without_purpose, held.staff == desk.staff
    open_look = bool(held.emergency) and held.justified is None
    return {
        "held": held,
        "mine": mine,
        "purpose": purpose_label(held.purpose),
        "fields": [field_label(name) for name in held.fields],
        "laws": [LAW_LABELS[code] for code in sorted(held.scope.packs)],
        "ages": [_AGES.get(code, code) for code in held.scope.ages],
        "time": _time(held.minutes),
        "state": STATES[held.state],
        "emergency": KINDS.get(held.emergency, ""),
        "may_use": mine and held.state == "live",
        "may_decide": grants.may_decide(held, actor),
        "may_end": held.state in ("waiting", "live")
        and (mine or desk.may("end-grant"))
        and not grants.may_decide(held, actor),
        "may_review": open_look and not mine and desk.may("review-glass"),
        "open_look": open_look,
    }


def _groups(names: set[str], chosen: list[str]) -> list[tuple[str, list[tuple[str, str, int, bool]]]]:
    said = language()
    found = [
        (
            category_label(category),
            [(f.name, f.label(said), f.level, f.name in chosen) for f in fields if f.name in names],
        )
        for category, fields in installation().rules.dictionary.by_category.items()
    ]
    return [(label, fields) for label, fields in found if fields]


def _scope(customers: str, packs: list[str], ages: list[str]) -> Scope:
    return Scope(customers_of(customers), frozenset(packs), tuple(ages))


def _minutes(text: str) -> int:
    if text not in {str(one) for one in _HOURS}:
        raise ValueError("minutes")
    return int(text)


def _time(minutes: int) -> str:
    if minutes < 60:
        return _("%(n)d minutes") % {"n": minutes}
    return _("%(n)g h") % {"n": minutes / 60}
