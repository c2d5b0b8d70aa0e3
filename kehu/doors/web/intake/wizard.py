"""A new import, step by step: columns with masked samples, what would be refused, provenance; kept where it was left."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from kehu.collect.imports import actions, staging
from kehu.collect.imports.check import Checked, Fault, check
from kehu.collect.imports.draft import MOST_MENDS, Draft, change_draft, draft_of
from kehu.collect.imports.plan import Glance, Plan, TermsRefused, glance
from kehu.collect.imports.recipe import KINDS, ImportTerms, Known, fields_of
from kehu.collect.mapping import MappingRefused
from kehu.collect.models import Import, Staged
from kehu.collect.readers import UnreadableSource
from kehu.collect.tasks import start_as_job
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.imports import kind_word
from kehu.doors.web.intake.words import countries, unreadable, why
from kehu.doors.web.pages import field_label, language, page, purpose_label, whole
from kehu.doors.web.record import basis_label
from kehu.doors.web.words import joined
from kehu.govern.models import Channel, Controller, Source
from kehu.govern.slugs import BASES
from kehu.guard.aside import AsideDoesNotOpen
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.admit import CollectionRefused
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.desk.standing import consent_purposes

_OF_ROWS: Final = ("column", "field", "suggested")
_COUNTRY: Final = "country:"
_NOT_KEPT: Final = ("csrfmiddlewaretoken", "do")


@staff_page
@require_http_methods(["GET", "POST"])
def new_import(request: HttpRequest, desk: SignedIn, staged: UUID) -> HttpResponse:
    """The whole of it on one page. What the form says is kept sealed beside the upload, so that it opens where it was left."""
    require_act("collect", desk.actor)
    posted = request.method == "POST"
    starts = posted and request.POST.get("do") == "start"

    def say(draft: Draft) -> None:
        draft.form = _said(request.POST, draft.form)

    try:
        draft = change_draft(staged, say, actor=desk.actor) if posted else draft_of(staged, actor=desk.actor)
    except Staged.DoesNotExist:
        raise Http404 from None
    if posted and not starts:
        return redirect("import-new", staged=staged)
    asked = _terms(draft, staged)
    problem, checked, known = "", None, deepcopy(draft.known)
    seen: Plan | Glance | None = None
    try:
        seen = planned = actions.plan(asked, actor=desk.actor, known=known)
        if starts:
            return redirect("import", import_id=start_as_job(planned, actor=desk.actor))
        checked = check(planned, actor=desk.actor)
    except CollectionRefused as refused:
        if starts:
            raise
        words = installation().rules.policies.text(refused.policy, language())
        problem = joined(words.reason, words.remedy)
    except TermsRefused as wrong:
        problem = _missing(wrong.option)
    except MappingRefused:
        problem = _("A column or field of the mapping does not exist.")
    except UnreadableSource as wrong:
        problem = unreadable(wrong.code)
    except AsideDoesNotOpen:
        raise Http404 from None
    if seen is None:
        seen = _glanced(asked, desk)
    if known != draft.known:
        _keep(staged, known, desk)
    context = _form(asked, seen) | _checked(checked, draft, list(seen.mapping.values()) if seen else [], request)
    context |= {"problem": problem, "staged": staged}
    return page(request, "web/import_new.html", context, desk=desk, nav="imports", status=400 if problem else 200)


def _keep(staged: UUID, known: Known, desk: SignedIn) -> None:
    """What the look has told of the file, for the next."""

    def note(draft: Draft) -> None:
        draft.known = known

    with suppress(Staged.DoesNotExist):  # let go, or brought in, in another tab
        change_draft(staged, note, actor=desk.actor)


def _glanced(asked: ImportTerms, desk: SignedIn) -> Glance | None:
    """The columns all the same: one of them may be what is missing in the terms."""
    try:
        return glance(asked, actor=desk.actor)
    except (MappingRefused, UnreadableSource):
        return None


@staff_page
@require_POST
def mend(request: HttpRequest, desk: SignedIn, staged: UUID) -> HttpResponse:
    """Put cells right before the import: they are read so when it looks again, and when it runs."""
    require_act("collect", desk.actor)
    lines, columns = request.POST.getlist("line"), request.POST.getlist("at")
    put = list(zip(lines, columns, request.POST.getlist("put"), strict=False))
    over = 0

    def put_right(draft: Draft) -> None:
        nonlocal over
        over = 0  # it is done anew where another tab was faster
        for line, column, value in put:
            if (number := whole(line)) is not None and column and value.strip():
                over += not draft.mend(number, column[:200], value)

    try:
        change_draft(staged, put_right, actor=desk.actor)
    except Staged.DoesNotExist:
        raise Http404 from None
    return redirect(reverse("import-new", args=[staged]) + (f"?over={over}" if over else "") + "#check")


@staff_page
@require_POST
def let_go(request: HttpRequest, desk: SignedIn, staged: UUID) -> HttpResponse:
    """Destroy an upload that nobody goes on with."""
    require_act("collect", desk.actor)
    if not Staged.objects.filter(id=staged, staff=desk.staff, use="import").exists():
        raise Http404
    if Import.objects.filter(staged__contains=str(staged), state__in=("waiting", "running", "failed")).exists():
        raise Http404  # an import reads it
    staging.discard(staged)
    return redirect("imports")


def _said(given: QueryDict, before: dict[str, list[str]]) -> dict[str, list[str]]:
    """The form as it was sent; where its columns could not be shown, those of before stand."""
    said = {name: [str(one) for one in values] for name, values in given.lists() if name not in _NOT_KEPT}
    if "column" not in said:
        said |= {name: before[name] for name in _OF_ROWS if name in before}
    return said


def _terms(draft: Draft, staged: UUID) -> ImportTerms:
    """What the form asks for; at first what most files are."""
    given = MultiValueDict(draft.form)
    proof = str(given.get("proof_text", "")).strip()
    kind = given.get("kind", "customers")
    consents = [(slug, given.get(f"consent_{slug}", "")) for slug in consent_purposes()]
    dates = given.get("dates", "")
    lives = given.get("residence", "")
    country = lives.removeprefix(_COUNTRY) if lives.startswith(_COUNTRY) else ""  # a column may be named as one
    return ImportTerms(
        files=(staged,),
        channel=given.get("channel") or "store",
        basis=given.get("basis") or "contract",
        controller=given.get("controller") or None,
        residence=country or None,
        residence_column=None if country else lives or None,
        source_proof=proof.encode() or None,
        source=given.get("source") or None,
        consents=tuple((slug, column) for slug, column in consents if column),
        consent_time=given.get("consent_time") or None,
        kind=kind if kind in KINDS else "customers",
        maps=_maps(given) if given.get("kind_before", kind) == kind else (),
        day_first={"day": True, "month": False}.get(dates),
        mends=draft.mends,
    )


def _maps(given: MultiValueDict[str, str]) -> tuple[str, ...]:
    """``field=column`` of every row of the form; what was suggested and is not wanted, as ``field=``."""
    columns, fields = given.getlist("column"), given.getlist("field")
    wanted = {name: column for column, name in zip(columns, fields, strict=False) if name}
    dropped = [name for name in given.getlist("suggested") if name not in wanted]
    return (*(f"{name}={column}" for name, column in wanted.items()), *(f"{name}=" for name in dropped))


def _checked(checked: Checked | None, draft: Draft, columns: list[str], request: HttpRequest) -> dict[str, Any]:
    """What the first rows would come to, as the page shows it."""
    if checked is None:
        return {}
    return {
        "checked": checked,
        "everything": request.GET.get("show") == "all",
        "shown": [(line, [cells.get(column) for column in columns]) for line, cells in checked.rows],
        "faults": [_fault(one) for one in checked.faults],
        "put_right": sum(len(cells) for cells in draft.mends.values()),
        "over": whole(request.GET.get("over", "")),
        "most": MOST_MENDS,
    }


def _fault(one: Fault) -> dict[str, Any]:
    return {"one": one, "field": field_label(one.name) if one.name else "", "reason": why(one.reason)}


def _form(asked: ImportTerms, seen: Plan | Glance | None) -> dict[str, Any]:
    mapped = {column: name for name, column in seen.mapping.items()} if seen else {}
    columns = [*mapped, *(seen.unmapped if seen else [])]
    rows = [
        {"column": column, "field": mapped.get(column, ""), "samples": _samples(seen, column, mapped.get(column))}
        for column in columns
    ]
    chosen = dict(asked.consents)
    return {
        "asked": asked,
        "dates": {None: "", True: "day", False: "month"}[asked.day_first],
        "rows": rows,
        "columns": _every_column(seen),  # the one that says where they live is chosen still when the form comes again
        "count": seen.rows if isinstance(seen, Plan) else 0,
        "notes": seen.told(language()) if isinstance(seen, Plan) else [],
        "fields": _fields(asked.kind),
        "kinds": [(kind, kind_word(kind)) for kind in KINDS],
        "channels": list(Channel.objects.order_by("id").values_list("name", flat=True)),
        "sources": list(Source.objects.filter(stopped_at=None).order_by("name").values_list("name", flat=True)),
        "controllers": list(Controller.objects.order_by("id").values_list("name", flat=True)),
        "bases": [(basis, basis_label(basis)) for basis in BASES],
        "countries": [(code, _COUNTRY + code, label) for code, label in countries()],
        "consents": [(slug, purpose_label(slug), chosen.get(slug, "")) for slug in consent_purposes()],
    }


def _every_column(seen: Plan | Glance | None) -> list[str]:
    if isinstance(seen, Plan):
        return seen.recipe.files[0].columns
    return [*seen.mapping.values(), *seen.unmapped] if seen else []


def _samples(seen: Plan | Glance | None, column: str, name: str | None) -> list[str]:
    if seen is None:
        return []
    return (seen.samples.get(name, []) if name else seen.shapes.get(column, []))[:3]


def _fields(kind: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """Fields that a column can be, by category."""
    groups: dict[str, list[tuple[str, str]]] = {}
    dictionary = installation().rules.dictionary
    for name in fields_of(kind, dictionary):
        groups.setdefault(dictionary.field(name).category, []).append((name, field_label(name)))
    return list(groups.items())


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
        "refusal": _(
            "The column chosen for a consent names who refuses: yes there is a no. Leave it out, and bring these people in as a "
            "list of those who are not to be written to."
        ),
    }.get(option, _("Something is missing in the terms of this import."))
