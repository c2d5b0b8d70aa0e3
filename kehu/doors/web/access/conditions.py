"""What each person meets themselves: the agreement, the notice of watching, the training; and who lapses next."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kehu.doors.web.entrance import staff_page, way_back
from kehu.doors.web.pages import ROLE_LABELS, language, page
from kehu.doors.web.words import department_label
from kehu.guard.access import lapses, training, wordings
from kehu.guard.access.lapses import Standing
from kehu.guard.staff.sign_ins import SignedIn

_SOON: Final = timedelta(days=30)
_TITLES: Final = {
    wordings.AGREEMENT: gettext_lazy("Confidentiality agreement"),
    wordings.WATCHING: gettext_lazy("How uses are watched"),
}
DONE: Final = {
    "agreement": gettext_lazy("Signed: it counts from now on."),
    "watching": gettext_lazy("Acknowledged: it counts from now on."),
    "kept": gettext_lazy("Access kept for another quarter."),
    "taken": gettext_lazy("Access taken away: the next look is refused."),
    "training": gettext_lazy("Passed: it counts from now on."),
}


@staff_page
@require_GET
def overview(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """One's own conditions with their ends, and for whoever looks after others who lapses next."""
    mine = lapses.standing_of(desk.staff)
    others = lapses.lapses(actor=desk.without_purpose) if desk.may("lapses") else []
    context = {
        "conditions": _conditions(mine),
        "looks_after": desk.may("lapses"),
        "others": [_row(one, desk) for one in others],
        "refused": sum(one.lapsed for one in others),
        "told": DONE.get(request.GET.get("done", ""), ""),
    }
    return page(request, "access/overview.html", context, desk=desk, nav="access")


@staff_page
@require_POST
def keep(request: HttpRequest, desk: SignedIn, staff: UUID) -> HttpResponse:
    """Keep somebody's access for another quarter, or take it away."""
    kept = request.POST.get("do") == "keep"
    try:
        lapses.keep(staff, actor=desk.without_purpose, kept=kept)
    except LookupError:
        raise Http404 from None
    return redirect(reverse("access") + f"?done={'kept' if kept else 'taken'}#lapses")


@staff_page
@require_http_methods(["GET", "POST"])
def agreement(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Read and sign the agreement."""
    return _wording(request, desk, wordings.AGREEMENT)


@staff_page
@require_http_methods(["GET", "POST"])
def watching(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Read and acknowledge the notice."""
    return _wording(request, desk, wordings.WATCHING)


@staff_page
@require_http_methods(["GET", "POST"])
def course(request: HttpRequest, desk: SignedIn, course: str) -> HttpResponse:
    """Read a course and answer its questions; what was wrong is explained."""
    try:
        held = training.course_of(course)
    except training.UnknownCourse:
        raise Http404 from None
    result, said = None, [_number(request.POST.get(f"q{number}")) for number in range(len(held.questions))]
    if request.method == "POST":
        result = training.answer(course, said, actor=desk.without_purpose)
        if result.passed:
            return redirect(way_back(request, reverse("access") + "?done=training"))
    context = {
        "course": held,
        "title": _in(held.title),
        "lesson": _in(held.lesson).strip().splitlines(),
        "questions": [_question(held, number, said, result) for number in range(len(held.questions))],
        "result": result,
        "next": way_back(request, ""),
    }
    return page(request, "access/course.html", context, desk=desk, nav="access", status=200 if result is None else 422)


def _wording(request: HttpRequest, desk: SignedIn, kind: str) -> HttpResponse:
    problem, status = "", 200
    newest, now = wordings.to_sign(kind), timezone.now()
    if request.method == "POST":
        try:
            if request.POST.get("read") != "yes":
                raise ValueError("unread")
            version = _number(request.POST.get("version")) or 0
            wordings.sign(kind, version, actor=desk.without_purpose, language=language())
            return redirect(way_back(request, reverse("access") + f"?done={kind}"))
        except ValueError:
            problem, status = _("Tick that you have read it."), 422
        except (wordings.WordingOver, wordings.UnknownWording):
            problem, status = _("Another version is in force now: read this one."), 409
    signed = wordings.signed(kind, desk.staff)
    context = {
        "kind": kind,
        "title": _TITLES[kind],
        "text": newest,
        "lines": newest.text(language()).splitlines(),
        "from_later": newest.in_force_from > now,
        "signed": signed == newest.version,
        "problem": problem,
        "next": way_back(request, ""),
    }
    return page(request, "access/wording.html", context, desk=desk, nav="access", status=status)


def _conditions(mine: Standing) -> list[dict[str, Any]]:
    first = next(iter(training.courses()))
    rows = (
        (
            wordings.AGREEMENT,
            "signature",
            _TITLES[wordings.AGREEMENT],
            mine.agreement_until,
            reverse("access-agreement"),
        ),
        ("training", "graduation-cap", _("Training"), mine.training_until, reverse("access-training", args=[first])),
        (wordings.WATCHING, "eye", _TITLES[wordings.WATCHING], mine.watching_until, reverse("access-watching")),
    )
    return [
        {"kind": kind, "icon": icon, "label": label, "until": until, "url": url, "state": _state(until)}
        for kind, icon, label, until, url in rows
    ]


def _row(one: Standing, desk: SignedIn) -> dict[str, Any]:
    return {
        "staff": one.staff,
        "may_keep": desk.may("keep-access") and one.staff != desk.staff,
        "who": one.name or one.email,
        "role": ROLE_LABELS[one.role],
        "department": department_label(one.department),
        "ends": [
            (_TITLES[wordings.AGREEMENT], one.agreement_until, _state(one.agreement_until)),
            (_("Training"), one.training_until, _state(one.training_until)),
            (_TITLES[wordings.WATCHING], one.watching_until, _state(one.watching_until)),
            (_("Quarterly review"), one.kept_until, _state(one.kept_until)),
        ],
    }


def _state(until: datetime | None) -> tuple[str, str, str]:
    """Tone, icon and word of an end."""
    now = timezone.now()
    if until is None:
        return "cinnabar", "circle-x", _("never")
    if until <= now:
        return "cinnabar", "circle-x", _("lapsed")
    if until <= now + _SOON:
        return "gamboge", "hourglass", _("soon")
    return "malachite", "circle-check", _("in force")


def _question(
    held: training.Course, number: int, said: list[int | None], result: training.Result | None
) -> dict[str, Any]:
    one = held.questions[number]
    return {
        "number": number + 1,
        "name": f"q{number}",
        "asks": _in(one.asks),
        "answers": [(n, _in(words), result is not None and said[number] == n) for n, words in enumerate(one.answers)],
        "wrong": result is not None and number in result.wrong,
        "why": _in(one.why),
    }


def _in(words: training.Words) -> str:
    return words.get(language(), words["en"])


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 6 else None
