"""Bringing files in: upload, columns and provenance, the work with its progress, what was refused, taking it back."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kehu.collect.imports import actions, queries
from kehu.collect.imports.plan import Plan, TermsRefused
from kehu.collect.imports.queries import ImportStatus, UnknownImport
from kehu.collect.imports.recipe import EVENTS, KINDS, ImportTerms
from kehu.collect.mapping import MappingRefused
from kehu.collect.models import Staged
from kehu.collect.quarantine.actions import NothingRefused, export_text
from kehu.collect.quarantine.queries import listed
from kehu.collect.readers import UnreadableSource
from kehu.collect.tasks import start_as_job
from kehu.doors.web import errors
from kehu.doors.web.entrance import staff_page, who_is
from kehu.doors.web.intake.words import tabs
from kehu.doors.web.pages import field_label, language, page, purpose_label
from kehu.doors.web.record import basis_label
from kehu.doors.web.uploads import SealedUpload, SealingHandler
from kehu.doors.web.words import reason_label
from kehu.govern.laws import load_packs
from kehu.govern.models import Channel, Controller, Source
from kehu.govern.slugs import BASES
from kehu.guard.aside import AsideDoesNotOpen
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.desk.standing import consent_purposes

_LINES: Final = 200
_WORKING: Final = ("waiting", "running")
_CONTACT: Final = ("external_id", "email", "phone")


@staff_page
@require_GET
def imports(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Past imports, and the form for a new one."""
    require_act("collect", desk.actor)
    names = dict(Channel.objects.values_list("id", "name"))
    rows = [{"status": one, "channel": names.get(one.channel, ""), **_words(one)} for one in queries.imports()]
    return page(request, "web/imports.html", {"rows": rows, "intake_tabs": tabs(desk)}, desk=desk, nav="imports")


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
@require_http_methods(["GET", "POST"])
def new_import(request: HttpRequest, desk: SignedIn, staged: UUID) -> HttpResponse:
    """Columns with masked samples, and the provenance; the form is the only state, the server looks anew each time."""
    require_act("collect", desk.actor)
    if not Staged.objects.filter(id=staged, staff=desk.staff).exists():
        raise Http404
    asked = _terms(request, staged)
    problem, planned = "", None
    try:
        planned = actions.plan(asked, actor=desk.actor)
        if request.POST.get("do") == "start":
            return redirect("import", import_id=start_as_job(planned, actor=desk.actor))
    except TermsRefused as wrong:
        problem = _missing(wrong.option)
    except MappingRefused:
        problem = _("A column or field of the mapping does not exist.")
    except UnreadableSource as wrong:
        problem = _unreadable(wrong.code)
    except AsideDoesNotOpen:
        raise Http404 from None
    context = _form(asked, planned) | {"problem": problem, "staged": staged}
    return page(request, "web/import_new.html", context, desk=desk, nav="imports", status=400 if problem else 200)


@staff_page
@require_GET
def one_import(request: HttpRequest, desk: SignedIn, import_id: UUID) -> HttpResponse:
    """How an import stands, what it refused, and how to take it back."""
    require_act("collect", desk.actor)
    context = _standing(import_id)
    lines = listed(import_id, actor=desk.actor, limit=_LINES + 1, language=language())
    context |= {
        "lines": [_line(one) for one in lines[:_LINES]],
        "more_lines": len(lines) > _LINES,
        "refused": any(not one.accepted for one in lines),
    }
    return page(request, "web/import.html", context, desk=desk, nav="imports")


@staff_page
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
def undo_import(request: HttpRequest, desk: SignedIn, import_id: UUID) -> HttpResponse:
    """Take an import back."""
    require_act("collect", desk.actor)
    try:
        actions.undo(import_id, actor=desk.actor)
    except UnknownImport:
        raise Http404 from None
    except actions.ImportRunning:
        return errors.busy(request)
    return redirect(reverse("import", args=[import_id]) + "?done=import-undone")


@staff_page
@require_POST
def export_refused(request: HttpRequest, desk: SignedIn, import_id: UUID) -> HttpResponse:
    """The refused rows as they came, as a file to be mended: sealed here, in clear only on the way out."""
    try:
        body = export_text(import_id, actor=desk.actor, language=language())
    except NothingRefused:
        raise Http404 from None
    return HttpResponse(
        body.encode("utf-8-sig"),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="refused-{import_id}.csv"'},
    )


def _terms(request: HttpRequest, staged: UUID) -> ImportTerms:
    """What the form asks for; at first what most files are."""
    given = request.POST
    proof = given.get("proof_text", "").strip()
    kind = given.get("kind", "customers")
    consents = [(slug, given.get(f"consent_{slug}", "")) for slug in consent_purposes()]
    return ImportTerms(
        files=(staged,),
        channel=given.get("channel") or "store",
        basis=given.get("basis") or "contract",
        controller=given.get("controller") or None,
        residence=given.get("residence") or None,
        source_proof=proof.encode() or None,
        source=given.get("source") or None,
        consents=tuple((slug, column) for slug, column in consents if column),
        consent_time=given.get("consent_time") or None,
        kind=kind if kind in KINDS else "customers",
        maps=_maps(request) if given.get("kind_before", kind) == kind else (),
    )


def _maps(request: HttpRequest) -> tuple[str, ...]:
    """``field=column`` of every row of the form; what was suggested and is not wanted, as ``field=``."""
    columns, fields = request.POST.getlist("column"), request.POST.getlist("field")
    wanted = {name: column for column, name in zip(columns, fields, strict=False) if name}
    dropped = [name for name in request.POST.getlist("suggested") if name not in wanted]
    return (*(f"{name}={column}" for name, column in wanted.items()), *(f"{name}=" for name in dropped))


def _form(asked: ImportTerms, planned: Plan | None) -> dict[str, Any]:
    mapped = {column: name for name, column in planned.mapping.items()} if planned else {}
    columns = [*mapped, *(planned.unmapped if planned else [])]
    rows = [
        {"column": column, "field": mapped.get(column, ""), "samples": _samples(planned, mapped.get(column))}
        for column in columns
    ]
    chosen = dict(asked.consents)
    return {
        "asked": asked,
        "rows": rows,
        "columns": columns,
        "count": planned.rows if planned else 0,
        "notes": planned.told(language()) if planned else [],
        "fields": _fields(asked.kind),
        "kinds": [(kind, kind_word(kind)) for kind in KINDS],
        "channels": list(Channel.objects.order_by("id").values_list("name", flat=True)),
        "sources": list(Source.objects.filter(stopped_at=None).order_by("name").values_list("name", flat=True)),
        "controllers": list(Controller.objects.order_by("id").values_list("name", flat=True)),
        "bases": [(basis, basis_label(basis)) for basis in BASES],
        "countries": _countries(),
        "consents": [(slug, purpose_label(slug), chosen.get(slug, "")) for slug in consent_purposes()],
    }


def _samples(planned: Plan | None, name: str | None) -> list[str]:
    return planned.samples.get(name, [])[:3] if planned and name else []


def _fields(kind: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Fields that a column can be, by category."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for name, held in installation().rules.dictionary.fields.items():
        if held.event == (kind in EVENTS) or (kind in EVENTS and name in _CONTACT):
            groups.setdefault(held.category, []).append((name, field_label(name)))
    return list(groups.items())


def _countries() -> list[tuple[str, str]]:
    found = [(code, f"{code} · {pack.labels[language()]}") for pack in load_packs().values() for code in [pack.id]]
    return [(code, label) for code, label in found if code != "EU"] + [("DE", "DE"), ("FR", "FR"), ("TW", "TW")]


def _standing(import_id: UUID) -> dict[str, Any]:
    try:
        held = queries.status(import_id)
    except UnknownImport:
        raise Http404 from None
    return {
        "status": held,
        "channel": queries.channel_name(held.channel),
        "working": held.state in _WORKING,
        "rate": int(held.rows / held.seconds) if held.seconds > 0 else 0,
        **_words(held),
    }


def _words(held: ImportStatus) -> dict[str, Any]:
    tone, word = {
        "waiting": ("gamboge", _("waiting")),
        "running": ("azurite", _("working")),
        "failed": ("cinnabar", _("interrupted")),
        "done": ("malachite", _("done")),
        "undone": ("", _("taken back")),
        "erased": ("", _("erased")),
    }.get(held.state, ("", held.state))
    return {"tone": tone, "word": word, "kind": kind_word(held.kind), "can_undo": held.state in ("done", "failed")}


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


def _missing(option: str) -> str:
    return {
        "channel": _("Choose the channel these records came in by."),
        "basis": _("Choose the lawful basis they were collected on."),
        "notice": _("No notice of that name is in force."),
        "controller": _("Choose who answers for these records."),
        "source": _("Choose a registered source of the channel's kind, third party or public, or none."),
        "source-proof": _("Data from third parties needs proof that its source is legal, 8 MiB at the most."),
        "map": _("No column is known as a field: choose at least one."),
        "columns": _("A column that is named is not in the file."),
        "consent": _("A consent names no known purpose."),
    }.get(option, _("Something is missing in the terms of this import."))


def _unreadable(code: str) -> str:
    return {
        "empty": _("The file is empty: give one with at least one row."),
        "json_array": _("One JSON array is not JSON lines: write one object per line."),
        "too_large": _("The workbook is too large when unpacked: save it as CSV."),
    }.get(code, _("This file cannot be read: damaged, encrypted, or of a kind that is not known. Save it anew."))
