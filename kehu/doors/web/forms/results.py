"""What a survey came to: counts that tell of nobody, and free texts that hold nothing they should not."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from kehu.collect.forms import building, surveys
from kehu.collect.forms.building import FormUnknown
from kehu.collect.forms.surveys import FEWEST, Result
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.forms import words
from kehu.doors.web.pages import language, page, whole
from kehu.guard.gate.acts import require_act
from kehu.guard.staff.sign_ins import SignedIn


@staff_page
@require_http_methods(["GET", "POST"])
def results(request: HttpRequest, desk: SignedIn, form: UUID) -> HttpResponse:
    """The counts of a version, the newest if none is named; texts are opened when asked for, which stands in the ledger."""
    require_act("collect", desk.without_purpose)
    try:
        held = building.form_of(form)
    except FormUnknown:
        raise Http404 from None
    newest = held.versions.count()
    number = whole(request.GET.get("version", str(newest)))
    if held.kind != "survey" or number is None or not 1 <= number <= newest:
        raise Http404
    opened: dict[str, list[str]] = {}
    if request.method == "POST":
        if request.POST.get("do") == "destroy":
            surveys.destroy_unasked(form, number, actor=desk.without_purpose)
            return redirect(reverse("forms-results", args=[form]) + f"?version={number}&done=destroyed")
        question = request.POST.get("question", "")
        opened[question] = surveys.texts(form, number, question, actor=desk.without_purpose)
    found = surveys.results(form, number, actor=desk.without_purpose)
    back = [one.held_back for one in found if one.held_back != 0]
    context = {
        "held": held, "number": number, "others": [one for one in range(newest, 0, -1) if one != number], "fewest": FEWEST,
        "rows": [_row(one, opened) for one in found],
        "holds_back": bool(back), "held_back": None if None in back else sum(filter(None, back)),
        "told": words.DONE.get(request.GET.get("done", ""), ""),
    }  # fmt: skip
    return page(request, "forms/results.html", context, desk=desk, nav="forms")


def _row(one: Result, opened: dict[str, list[str]]) -> dict[str, Any]:
    texts = one.question.option_texts(language())
    bars = [  # of all who answered: where each place has as many, no bar is full
        {"text": text, "count": count, "width": round(100 * count / one.total) if count and one.total else 0}
        for text, count in zip(texts, one.counts, strict=False)
    ]
    return {
        "id": one.question.id, "kind": one.question.kind, "text": one.question.text(language()), "bars": bars,
        "total": one.total, "texts": opened.get(one.question.id),
    }  # fmt: skip
