"""Forms: those there are, one as it is built, and the steps by which it comes before visitors' eyes and goes."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kehu.collect.forms import building
from kehu.collect.forms.building import FormTaken, FormUnknown, Unfinished, WrittenAnew
from kehu.collect.forms.definition import Definition, Fault
from kehu.collect.forms.models import KINDS, Form
from kehu.collect.forms.showing import shown
from kehu.collect.forms.waiting import waiting_of
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.forms import words
from kehu.doors.web.forms.reading import definition_of, digest, typed_beside
from kehu.doors.web.forms.shaping import shape
from kehu.doors.web.pages import language, page
from kehu.guard.gate.acts import require_act
from kehu.guard.staff.sign_ins import SignedIn


@staff_page
@require_GET
def forms(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Every form, and the one-line form that begins another."""
    return _list(request, desk)


@staff_page
@require_POST
def new(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Begin a form."""
    try:
        made = building.create(request.POST.get("name", ""), request.POST.get("kind", ""), actor=desk.without_purpose)
    except FormTaken:
        return _list(request, desk, problem=str(words.TAKEN), status=409)
    except ValueError:
        return _list(request, desk, problem=str(words.UNNAMED), status=422)
    return redirect("forms-one", made.id)


@staff_page
@require_http_methods(["GET", "POST"])
def one(request: HttpRequest, desk: SignedIn, form: UUID) -> HttpResponse:
    """One form as it is written; saving it keeps the draft."""
    require_act(building.DRAFTS, desk.without_purpose)
    held = _form(form)
    if request.method != "POST":
        return _one(request, desk, held, Definition.unpack(held.draft))
    try:
        said = definition_of(request.POST)
        building.draft(held, said, actor=desk.without_purpose, seen=_seen(request))
    except Fault as fault:
        return _one(request, desk, held, said, problem=words.fault(fault), status=422, seen=_said_seen(request))
    except WrittenAnew:  # what they typed stays, and replaces the other if they say so once more
        return _one(request, desk, _form(form), said, problem=str(words.WRITTEN_MEANWHILE), status=409)
    return redirect(reverse("forms-one", args=[form]) + "?done=saved")


@staff_page
@require_POST
def publish(request: HttpRequest, desk: SignedIn, form: UUID) -> HttpResponse:
    """Let visitors see the draft that was read; what somebody typed beside it is on the page still, and no part of that."""
    held = _form(form)
    require_act(building.PUBLISHES, desk.without_purpose)
    typed = typed_beside(request.POST)
    if typed is not None:
        return _one(request, desk, held, typed, problem=str(words.NOT_PUBLISHED), status=409, seen=_said_seen(request))
    try:
        building.publish(held, actor=desk.without_purpose, seen=_seen(request))
    except Unfinished as unfinished:
        problem = words.fault(unfinished.faults[0])
        return _one(request, desk, held, Definition.unpack(held.draft), problem=problem, status=409)
    except FormTaken:
        return _one(request, desk, held, Definition.unpack(held.draft), problem=str(words.TAKEN), status=409)
    except WrittenAnew:
        held = _form(form)
        return _one(request, desk, held, Definition.unpack(held.draft), problem=str(words.WRITTEN_ANEW), status=409)
    return redirect(reverse("forms-one", args=[form]) + "?done=published")


@staff_page
@require_POST
def close(request: HttpRequest, desk: SignedIn, form: UUID) -> HttpResponse:
    """Take a form off the web; what somebody typed beside that is on the page still."""
    held = _form(form)
    building.close(held, actor=desk.without_purpose)
    typed = typed_beside(request.POST)
    if typed is not None:
        return _one(request, desk, held, typed, problem=str(words.CLOSED_BESIDE), seen=_said_seen(request))
    return redirect(reverse("forms-one", args=[form]) + "?done=closed")


def _said_seen(request: HttpRequest) -> str:
    return request.POST.get("draft", "")


def _seen(request: HttpRequest) -> datetime:
    """When the draft was kept that their page showed; of a page that does not say so, never."""
    try:
        return datetime.fromisoformat(_said_seen(request)).astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.min.replace(tzinfo=UTC)


def _form(id: UUID) -> Form:
    try:
        return building.form_of(id)
    except FormUnknown:
        raise Http404 from None


def _list(request: HttpRequest, desk: SignedIn, *, problem: str = "", status: int = 200) -> HttpResponse:
    require_act(building.DRAFTS, desk.without_purpose)
    rows = [
        {
            "id": held.id, "name": held.name, "kind": words.KINDS[held.kind][0], "icon": words.KINDS[held.kind][1],
            "title": Definition.unpack(held.draft).text("title", language()), "published": held.published,
            "waiting": waiting_of(held.id) if held.channel else 0,
        }
        for held in Form.objects.order_by("name")
    ]  # fmt: skip
    context = {
        "rows": rows,
        "kinds": [(kind, *words.KINDS[kind]) for kind in KINDS],
        "problem": problem,
        "said": request.POST,
    }
    return page(request, "forms/list.html", context, desk=desk, nav="forms", status=status)


def _one(
    request: HttpRequest,
    desk: SignedIn,
    held: Form,
    said: Definition,
    *,
    problem: str = "",
    status: int = 200,
    seen: str = "",
) -> HttpResponse:
    checked = building.look(said)
    address = request.build_absolute_uri(reverse("visit-form", args=[held.id]))
    context: dict[str, Any] = {
        "held": held,
        "seen": seen or held.drafted_at.astimezone(UTC).isoformat(),
        "kind": words.KINDS[held.kind],
        "kept": digest(Definition.unpack(held.draft)),
        "form": shape(said),
        "faults": list(dict.fromkeys(words.fault(one) for one in checked.faults)),
        "same": held.published is not None and held.versions.get(number=held.published).content == held.draft,
        "own": held.drafted_by == desk.staff,
        "may": {act: desk.may(act) for act in ("approve", "retract")},
        "address": address,
        "embed": f'<iframe src="{address}/embed" title="{said.text("title", language())}" width="100%" height="900"></iframe>',
        "outdated": [one.label(language()) for one in words.purposes(shown(held.id).outdated)] if held.published else [],
        "notice_replaced": held.published is not None and shown(held.id).notice_replaced,
        "waiting": waiting_of(held.id),
        "told": words.DONE.get(request.GET.get("done", ""), ""),
        "problem": problem,
    }  # fmt: skip
    return page(request, "forms/one.html", context, desk=desk, nav="forms", status=status)
