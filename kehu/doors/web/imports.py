"""Bringing files in: upload, columns and provenance, the work with its progress, what was refused, taking it back."""

from __future__ import annotations

import time
from typing import Any, Final
from uuid import UUID

from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_POST

from kehu.collect import tasks
from kehu.collect.imports import actions, queries
from kehu.collect.imports.draft import left_of
from kehu.collect.imports.queries import ImportStatus, UnknownImport
from kehu.collect.quarantine.actions import NothingRefused, export_sealed
from kehu.collect.quarantine.queries import listed, refused_waits
from kehu.doors.web import errors
from kehu.doors.web.entrance import by_itself, staff_page, who_is
from kehu.doors.web.intake.words import tabs, unreadable
from kehu.doors.web.pages import field_label, language, page
from kehu.doors.web.sent import id_of
from kehu.doors.web.uploads import SealedUpload, SealingHandler
from kehu.doors.web.words import joined, reason_label
from kehu.govern.models import Channel
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn

_ROWS: Final = 50
_LINES: Final = 200
_PATIENCE: Final = 5.0  # seconds for which somebody waits for an import to be taken back; the rest is a job
_WORKING: Final = ("waiting", "running")
_CONTACT: Final = ("external_id", "email", "phone")


@staff_page
@require_GET
def imports(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Past imports, and the form for a new one."""
    require_act("collect", desk.actor)
    names = dict(Channel.objects.values_list("id", "name"))
    before = id_of(request.GET.get("before"))
    if before is None and "before" in request.GET:
        raise Http404
    found = queries.imports(_ROWS + 1, before=before)
    shown = found[:_ROWS]
    rows = [{"status": one, "channel": names.get(one.channel, ""), **_words(one)} for one in shown]
    return page(
        request,
        "web/imports.html",
        {
            "rows": rows,
            "intake_tabs": tabs(desk),
            "left": left_of(actor=desk.actor),
            "older": f"?before={shown[-1].id}" if len(found) > _ROWS else "",
        },
        desk=desk,
        nav="imports",
    )


@csrf_exempt
def upload(request: HttpRequest) -> HttpResponse:
    """Take a file in. The handler must stand before the body is read, and reading it checks the form's mark."""
    desk = who_is(request)
    if desk is not None:
        request.upload_handlers = [SealingHandler(request, actor=desk.actor)]
    return _uploaded(request)


@csrf_protect
@staff_page
@require_POST
def _uploaded(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    require_act("collect", desk.actor)
    held = request.FILES.get("file")
    if not isinstance(held, SealedUpload):
        return redirect("imports")
    return redirect("import-new", staged=held.staged)


@staff_page
@require_GET
def one_import(request: HttpRequest, desk: SignedIn, import_id: UUID) -> HttpResponse:
    """How an import stands, what it refused, and how to take it back."""
    require_act("collect", desk.actor)
    context = _standing(import_id)
    lines = listed(import_id, actor=desk.actor, limit=_LINES + 1, language=language(), refused_first=True)
    context |= {
        "lines": [_line(one) for one in lines[:_LINES]],
        "more_lines": len(lines) > _LINES,
        "refused": any(not one.accepted for one in lines),  # they come first
        "waits": refused_waits(import_id),
        "goes_on": queries.uploads_here(import_id),
        "why": _why(context["status"].fault),
    }
    return page(request, "web/import.html", context, desk=desk, nav="imports")


@staff_page
@by_itself
@require_GET
def progress(request: HttpRequest, desk: SignedIn, import_id: UUID) -> HttpResponse:
    """The part of the page that changes while it works; the whole page is fetched once at the end."""
    require_act("collect", desk.actor)
    context = _standing(import_id)
    response = render(request, "web/parts/progress.html", context)
    if not context["working"]:
        response["HX-Refresh"] = "true"
    return response


@staff_page
@require_POST
def stop(request: HttpRequest, desk: SignedIn, import_id: UUID) -> HttpResponse:
    """Have an import that is worked on leave off; it goes on, or is taken back, when asked."""
    require_act("collect", desk.actor)
    _standing(import_id)
    actions.stop(import_id, actor=desk.actor)
    return redirect("import", import_id=import_id)


@staff_page
@require_POST
def go_on(request: HttpRequest, desk: SignedIn, import_id: UUID) -> HttpResponse:
    """Go on with an import that broke off, from where it stands."""
    try:
        actions.go_on(import_id, actor=desk.actor)
    except UnknownImport:
        raise Http404 from None
    tasks.run_again([import_id])
    return redirect("import", import_id=import_id)


@staff_page
@require_POST
def undo_import(request: HttpRequest, desk: SignedIn, import_id: UUID) -> HttpResponse:
    """Take an import back."""
    require_act("collect", desk.actor)
    try:
        actions.undo(import_id, actor=desk.actor, until=time.monotonic() + _PATIENCE)
        if actions.left_half(import_id):
            tasks.undo_import.defer(import_id=str(import_id), staff=str(desk.staff))
            return redirect("import", import_id=import_id)
    except UnknownImport:
        raise Http404 from None
    except actions.ImportRunning:
        return errors.busy(request)
    return redirect(reverse("import", args=[import_id]) + "?done=import-undone")


@staff_page
@require_POST
def export_refused(request: HttpRequest, desk: SignedIn, import_id: UUID) -> FileResponse:
    """The refused rows as they came, as a file to be mended: sealed here, in clear only on the way out."""
    try:
        held = export_sealed(import_id, actor=desk.actor, language=language())
    except NothingRefused:
        raise Http404 from None
    return FileResponse(
        held, as_attachment=True, filename=f"refused-{import_id}.csv", content_type="text/csv; charset=utf-8"
    )


def _why(fault: str) -> str:
    """Why an import broke off, in the reader's language; nothing where that is not known."""
    told = {
        "": "",
        actions.STOPPED: _("Somebody stopped it."),
        actions.OURS: _(
            "Something of ours broke down on it: the system's log says what. Tell whoever runs it if it happens again."
        ),
        actions.NOBODY: _(
            "Whoever began it works here no more: bring the same files in again, and it goes on where it was."
        ),
        "no_room": _("There is no room on the disk: make some, and go on."),
        "file_changed": _("A file is gone, or is not the one it began with: bring the same files in again."),
        "database_away": _("The database was away: go on once it is back."),
    }.get(fault)
    if told is not None:
        return told
    if "." in fault:
        words = installation().rules.policies.text(fault, language())
        return joined(words.reason, words.remedy)
    return unreadable(fault)


def _standing(import_id: UUID) -> dict[str, Any]:
    try:
        held = queries.status(import_id)
    except UnknownImport:
        raise Http404 from None
    return {
        "status": held,
        "channel": queries.channel_name(held.channel),
        "working": held.state in _WORKING or held.half,
        "rate": int(held.rows / held.seconds) if held.seconds > 0 else 0,
        **_words(held),
    }


def _words(held: ImportStatus) -> dict[str, Any]:
    tone, word = {
        "waiting": ("gamboge", _("waiting")),
        "running": ("azurite", _("working")),
        "failed": ("cinnabar", _("interrupted")),
        "open": ("azurite", _("comes in today")),
        "done": ("malachite", _("done")),
        "undone": ("", _("taken back")),
        "erased": ("", _("erased")),
    }.get(held.state, ("", held.state))
    if held.half:
        tone, word = "azurite", _("being taken back")
    can_undo = held.state in ("done", "failed") or held.half
    return {"tone": tone, "word": word, "kind": kind_word(held.kind), "can_undo": can_undo}


def _line(one: Any) -> dict[str, Any]:
    known = one.field in installation().rules.dictionary.fields
    return {
        "line": one.line,
        "field": field_label(one.field) if known else one.field,
        "reason": reason_label(one.reason),
        "remedy": one.remedy,
        "accepted": one.accepted,
    }


def kind_word(kind: str) -> str:
    """A kind of file in the reader's language."""
    return {
        "customers": _("Customers"),
        "organisations": _("Organisations"),
        "orders": _("Orders"),
        "interactions": _("Contacts with us"),
    }.get(kind, kind)
