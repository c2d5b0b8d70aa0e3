"""Quarantine: what was refused, by channel and reason; one row put right, a group brought in again, or let go."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kehu.collect import tasks
from kehu.collect.imports.queries import UnknownImport
from kehu.collect.imports.recipe import Recipe, fields_of
from kehu.collect.models import Import
from kehu.collect.quarantine import aging, groups, mending
from kehu.collect.quarantine.actions import NothingRefused, recipe_of_import
from kehu.collect.quarantine.correcting import ENCODINGS, Correction
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.intake.words import SHAPE_WORDS, tabs, why
from kehu.doors.web.pages import field_label, language, page
from kehu.doors.web.sent import id_of
from kehu.govern.masks import DOTS
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.guard.staff.step_up import shown_lately
from kehu.vault.ids import new_id

_ROWS: Final = 50
_AT_ONCE: Final = 20_000  # refused rows that are destroyed while somebody waits, in seconds
_SHAPED: Final = frozenset({"too_many_cells", "too_few_cells", "unclosed_quote"})
_SENT: Final = {"sent": True, "files": False}
_SECRET: Final = 4  # level from which a value wants the second factor
_DONE: Final = {
    "sent": gettext_lazy("They are read again by their channel; what is refused once more comes back here."),
    "gone": gettext_lazy("What was let go is destroyed."),
    "going": gettext_lazy("They are being destroyed in the background; what is still listed here goes with them."),
    "begun": gettext_lazy("They come in again in the background; what is refused once more stays here."),
}


@staff_page
@require_GET
def listed(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """What waits, grouped by where it came from and why."""
    found = groups.groups(actor=desk.actor, language=language())
    context: dict[str, Any] = {
        "intake_tabs": tabs(desk),
        "rows": [{"one": one, "reason": why(one.reason), "how": _how(one.sent)} for one in found],
        "total": sum(one.count for one in found),
        "days": aging.kept_days(),
        "told": _DONE.get(request.GET.get("done", ""), ""),
    }
    return page(request, "intake/quarantine.html", context, desk=desk, nav="imports")


@staff_page
@require_GET
def group(request: HttpRequest, desk: SignedIn, number: int, how: str, reason: str) -> HttpResponse:
    """Rows refused for one reason: where they stood, and what can be done for all of them."""
    held = _group(desk, number, how, reason)
    after = id_of(request.GET.get("after"))
    if after is None and request.GET.get("after"):
        raise Http404
    rows = groups.places(held, after=after or groups.NIL, limit=_ROWS + 1)
    context: dict[str, Any] = {
        "intake_tabs": tabs(desk),
        "held": held,
        "how": how,
        "reason": why(reason),
        "rows": rows[:_ROWS],
        "next": rows[_ROWS - 1].id if len(rows) > _ROWS else None,
        "days": aging.kept_days(),
        "told": _DONE.get(request.GET.get("done", ""), ""),
        "may_bring": desk.may("collect"),
    }
    if not held.messages:
        context |= _what_can_be_set(desk, rows, reason)
    return page(request, "intake/group.html", context, desk=desk, nav="imports")


@staff_page
@require_POST
def again(request: HttpRequest, desk: SignedIn, number: int, how: str, reason: str) -> HttpResponse:
    """Bring all of a group in again, with the same correction for each."""
    held = _group(desk, number, how, reason)
    if held.messages:
        require_act("collect", desk.actor)
        tasks.send_again.defer(channel=number, reason=reason, staff=str(desk.staff), until=str(new_id()))
        return redirect(_address("sent"))
    asked = request.POST
    name, value = asked.get("column", ""), asked.get("value", "").strip()
    encoding, shape = asked.get("encoding", ""), asked.get("shape", "")
    told = Correction(
        {name: value} if name and value else {}, shape if shape in SHAPE_WORDS else "", encoding if encoding in ENCODINGS else ""
    )  # fmt: skip
    fields = installation().rules.dictionary.fields
    mapped, column = asked.get("map_field", ""), asked.get("map_column", "")
    extra = {mapped: column} if mapped in fields and column else {}
    dates = asked.get("date_order", "")
    day_first = (
        {name: dates == "day" for name, one in fields.items() if one.type in ("date", "datetime")} if dates else {}
    )
    try:
        begun = mending.bring_group(
            held, actor=desk.actor, correction=told, extra=extra, day_first=day_first,
            country=asked.get("country", "").strip().upper()[:2] or None,
        )  # fmt: skip
    except (NothingRefused, UnknownImport):
        raise Http404 from None
    tasks.run_again(begun)
    return redirect(reverse("import", args=begun) if len(begun) == 1 else _address("begun"))


@staff_page
@require_POST
def let_go(request: HttpRequest, desk: SignedIn, number: int, how: str, reason: str) -> HttpResponse:
    """Destroy what waits of a group; of a large one as a job."""
    held = _group(desk, number, how, reason)
    if held.count > _AT_ONCE:
        tasks.let_go.defer(
            channel=number, reason=reason, sent=held.sent, staff=str(desk.staff), until=str(new_id())
        )  # fmt: skip
        return redirect(_address("going"))
    mending.let_go(held, actor=desk.actor)
    return redirect(_address("gone"))


@staff_page
@require_GET
def one(request: HttpRequest, desk: SignedIn, row: UUID) -> HttpResponse:
    """One refused row, its cells to be put right."""
    return _one(request, desk, row)


@staff_page
@require_POST
def mend(request: HttpRequest, desk: SignedIn, row: UUID) -> HttpResponse:
    """Put one right and bring it in again."""
    require_act("collect", desk.actor)
    try:
        if "message" in request.POST:
            if not shown_lately(desk.actor.credential):
                return redirect("quarantine-row", row=row)
            mending.mend_message(row, request.POST["message"], actor=desk.actor)
            return redirect(reverse("quarantine") + "?done=sent")
        values = [value.replace("\r\n", "\n") for value in request.POST.getlist("value")]  # as they were shown
        told = dict(zip(request.POST.getlist("column"), values, strict=False))
        unseen = zip(request.POST.getlist("unseen"), request.POST.getlist("unseen_value"), strict=False)
        told |= {
            name: value for name, value in unseen if value.strip()
        }  # what is not shown stays where nothing is said
        added = request.POST.get("add_field", "")
        if added in installation().rules.dictionary.fields and request.POST.get("add_value", "").strip():
            told[added] = request.POST["add_value"]
        begun = mending.mend(row, told, actor=desk.actor)
    except mending.NotAMessage:
        return _one(request, desk, row, problem=_("This is no JSON object."), status=422)
    except (NothingRefused, UnknownImport):
        raise Http404 from None
    tasks.run_again([begun])
    return redirect("import", import_id=begun)


def _one(request: HttpRequest, desk: SignedIn, row: UUID, *, problem: str = "", status: int = 200) -> HttpResponse:
    try:
        seen = mending.look_at(row, actor=desk.actor)
    except NothingRefused:
        raise Http404 from None
    lately, dictionary = shown_lately(desk.actor.credential), installation().rules.dictionary
    added = {name: value for name, value in seen.added.items() if name in dictionary.fields}
    fields, cells = seen.fields | {name: name for name in added}, []
    for column, value in (seen.cells | added).items():
        name = fields.get(column)
        secret = dictionary.field(name).level >= _SECRET if name else column in seen.untold
        hidden, masked = secret and not lately, dictionary.mask(name, value) if name else DOTS
        cells.append({
            "column": column, "field": field_label(name) if name else "", "value": "" if hidden else value,
            "masked": masked if hidden and value else "", "lines": "\n" in value,
        })  # fmt: skip
    context: dict[str, Any] = {
        "intake_tabs": tabs(desk),
        "seen": seen,
        "reason": why(seen.reason),
        "cells": cells if lately or seen.text is None else [],
        # what nobody could read may hold anything
        "text": seen.text if lately else None,
        "hidden": not lately and (seen.text is not None or any(cell["masked"] for cell in cells)),
        "fields": _fields(set(fields.values()), seen.kind),
        "may_bring": desk.may("collect"),
        "problem": problem,
    }
    return page(request, "intake/row.html", context, desk=desk, nav="imports", status=status)


def _what_can_be_set(desk: SignedIn, rows: list[groups.Place], reason: str) -> dict[str, Any]:
    """Columns and fields of the newest import of a group; what of it cannot be read offers fewer."""
    batch = rows[-1].batch if rows else None
    held = Import.objects.filter(id=batch).first() if batch else None
    if held is None:
        return {}
    recipe = recipe_of_import(held, desk.actor)
    file = recipe.files[rows[-1].file]
    columns = mending.columns_of(file, recipe)
    return {
        "columns": [(name, _column_word(name, recipe, {v: k for k, v in file.fields.items()})) for name in columns],
        "unmapped": file.unmapped,
        "fields": _fields(set(file.fields), held.kind),
        "shapes": SHAPE_WORDS.items() if reason in _SHAPED and file.columns and file.delimiter else (),
        "encodings": ENCODINGS if reason == "bad_encoding" and file.columns and file.delimiter else (),
        "asks_country": recipe.residence_column is None,
        "dates": any(installation().rules.dictionary.field(one).type in ("date", "datetime") for one in file.fields),
    }


def _column_word(name: str, recipe: Recipe, fields: dict[str, str]) -> str:
    if name in fields:
        return f"{name} · {field_label(fields[name])}"
    if name == recipe.residence_column:
        return f"{name} · " + _("Residence")
    return name


def _fields(taken: set[str], kind: str) -> list[tuple[str, str]]:
    """Fields that a row of a kind may hold and that no column is yet."""
    held = fields_of(kind, installation().rules.dictionary)
    return [(name, field_label(name)) for name in held if name not in taken]


def _group(desk: SignedIn, number: int, how: str, reason: str) -> groups.Group:
    require_act("quarantine", desk.actor)
    held = groups.group_of(number, reason, _SENT[how], actor=desk.actor, language=language()) if how in _SENT else None
    if held is None:
        raise Http404
    return held


def _how(sent: bool) -> str:
    return "sent" if sent else "files"


def _address(done: str) -> str:
    return reverse("quarantine") + f"?done={done}"
