"""The form in which a trait is written, with a check while it is written and a trial before it is saved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from kehu.doors.problems import problem_of
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import field_label, language, page
from kehu.doors.web.traits import words
from kehu.doors.web.traits.catalogue import NAV, spread_rows
from kehu.doors.web.words import joined, language_name
from kehu.govern.slugs import LANGUAGES
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.staff.actions import UnknownStaff
from kehu.guard.staff.models import Staff
from kehu.guard.staff.sign_ins import SignedIn
from kehu.refine.derive import actions, queries, trials
from kehu.refine.derive.definition import Definition
from kehu.refine.derive.faults import Fault, NobodyMay, UnknownTrait
from kehu.refine.derive.inputs import SOURCES, TRAITS, UNITS, fields_allowed, inputs_of
from kehu.refine.derive.tasks import defer_compute

_EXAMPLE: Final = "select count(*) from orders"


@staff_page
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Declare a trait."""
    return _form(request, desk, None)


@staff_page
@require_http_methods(["GET", "POST"])
def change(request: HttpRequest, desk: SignedIn, slug: str) -> HttpResponse:
    """Declare a new version of a trait, or take one that ships into force."""
    require_act("declare-trait", desk.without_purpose)
    rows = {row.definition.slug: row for row in queries.catalogue(actor=desk.without_purpose)}
    if slug not in rows:
        raise Http404
    return _form(request, desk, rows[slug])


@staff_page
@require_POST
def check(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """What is wrong with what stands in the form, or what it would be made of; for the form alone."""
    require_act("declare-trait", desk.without_purpose)
    return render(request, "traits/checked.html", _checked(request.POST))


@staff_page
@require_POST
def retire(request: HttpRequest, desk: SignedIn, slug: str) -> HttpResponse:
    """Take a trait out of force."""
    try:
        actions.retire(slug, actor=desk.without_purpose)
    except UnknownTrait:
        raise Http404 from None
    except Fault:
        return redirect(reverse("trait", args=[slug]) + "?done=used")
    return redirect(reverse("traits") + "?done=retired")


def _form(request: HttpRequest, desk: SignedIn, held: queries.Row | None) -> HttpResponse:
    require_act("declare-trait", desk.without_purpose)
    context: dict[str, Any] = {"held": held, "label": held.definition.label(language()) if held else "", "status": 200}
    given = request.POST if request.method == "POST" else None
    if given is not None:
        context |= _checked(given)
        if "fault" in context:
            context["status"] = 400
        else:
            done = _done(given, desk, context)
            if done is not None:
                return done
    context |= _fields(given, held)
    return page(request, "traits/form.html", context, desk=desk, nav=NAV, status=context["status"])


def _done(given: QueryDict, desk: SignedIn, context: dict[str, Any]) -> HttpResponse | None:
    """Try it out, or put it in force; None: the form is shown again."""
    definition, actor = read_form(given), desk.without_purpose
    try:
        if given.get("do") == "try":
            found = trials.try_out(definition, actor=actor)
            context |= {"trial": found, "spread": spread_rows(definition, found.spread)}
            return None
        actions.declare(
            definition, owner=given.get("owner", ""), deputy=given.get("deputy", ""), actor=actor,
            reason=given.get("reason", ""),
        )  # fmt: skip
    except Fault as wrong:
        context |= _told(wrong)
    except (UnknownStaff, NobodyMay) as wrong:
        context["problem"] = _words_of(wrong)
    else:
        defer_compute()
        return redirect(reverse("trait", args=[definition.slug]) + "?done=declared")
    context["status"] = 400
    return None


def _words_of(wrong: Exception) -> str:
    said = problem_of(wrong)
    words_ = said.words(language()) if said else {}
    return joined(words_.get("message"), words_.get("remedy"))


def _checked(given: QueryDict) -> dict[str, Any]:
    """A fault in the reader's words, or what the declaration is made of."""
    try:
        definition = read_form(given)
        made = actions.check(definition)
    except Fault as wrong:
        return _told(wrong)
    return {
        "made": made,
        "made_of": _(", ").join(field_label(name) for name in sorted(made.fields)),
        "made_words": _(", ").join(words.word_text(word) for word in sorted(made.words)),
        "made_level": max(made.level, 2),
    }


def _told(wrong: Fault) -> dict[str, Any]:
    return {"fault": wrong.message(language()), "remedy": wrong.remedy(language())}


def read_form(given: QueryDict) -> Definition:
    """The declaration that stands in the form.

    Raises:
        Fault: a part of it is of no form.
    """
    bands = [part for part in given.get("bands", "").replace("，", ",").split(",") if part.strip()]
    return Definition.of(
        given.get("slug", "").strip(),
        {
            "label": {one: given.get(f"label_{one}", "") for one in LANGUAGES},
            "description": {one: given.get(f"description_{one}", "") for one in LANGUAGES},
            "purpose": given.get("purpose", ""),
            "level": _whole(given.get("level", "")),
            "language": given.get("language", "sql"),
            "source": given.get("source", ""),
            "expression": given.get("expression", "").replace("\r\n", "\n"),
            "bands": [_number(part, float) for part in bands],
            "unit": given.get("unit", "none"),
            "retention_days": _whole(given.get("retention_days", "")),
        },
    )


def _number(text: str, kind: Callable[[str], Any]) -> Any:
    try:
        return kind(text.strip())
    except ValueError:
        raise Fault("bands", "", "") from None


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 0


def _fields(given: QueryDict | None, held: queries.Row | None) -> dict[str, Any]:
    """What stands in the form: what was typed, else the version in force, else nothing."""
    one = held.definition if held else None

    def said(name: str, otherwise: object) -> str:
        return str(given.get(name, "")) if given is not None else str(otherwise)

    purposes = installation().rules.purposes
    usable = [slug for slug, purpose in purposes.items() if purpose.least & fields_allowed()]
    purpose = said("purpose", one.purpose if one else "analytics")
    level, unit = said("level", one.level if one else 2), said("unit", one.unit if one else "count")
    written, source = said("language", one.language if one else "sql"), said("source", one.source if one else "orders")
    bands = ", ".join(f"{band:g}" for band in one.bands) if one else ""
    return {
        "slug": said("slug", one.slug if one else ""),
        "texts": [
            {
                "language": name,
                "name": language_name(name),
                "label": said(f"label_{name}", one.labels[name] if one else ""),
                "description": said(f"description_{name}", one.descriptions[name] if one else ""),
            }
            for name in LANGUAGES
        ],
        "expression": said("expression", one.expression if one else _EXAMPLE),
        "bands": said("bands", bands),
        "days": said("retention_days", one.retention_days if one else 730),
        "owner": said("owner", held.owner if held else ""),
        "deputy": said("deputy", held.deputy if held else ""),
        "reason": said("reason", ""),
        "purposes": [(slug, purposes[slug].label(language()), slug == purpose) for slug in usable],
        "levels": [(number, text, str(number) == level) for number, text in words.LEVELS.items()],
        "units": [(name, words.UNITS[name], name == unit) for name in UNITS],
        "languages": [("sql", "SQL", written != "python"), ("python", "Python", written == "python")],
        "sources": [(name, name, name == source) for name in (*SOURCES, TRAITS)],
        "people": _people(),
        "usable": [
            (name, [(field, _input_label(name, field)) for field in inputs_of(name)]) for name in SOURCES
        ],
    }  # fmt: skip


def _input_label(source: str, name: str) -> str:
    field = inputs_of(source)[name].field
    return field_label(field) if field == name else ""


def _people() -> list[str]:
    """Who may answer for a trait: the house's staff."""
    staff = Staff.objects.filter(is_active=True).exclude(role="owner").order_by("email")
    return list(staff.values_list("email", flat=True))
