"""Marks of customers: who works here, who is well known, and which records were made to be found."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import page
from kehu.doors.web.sent import customer_of, id_of
from kehu.doors.web.watch.rows import tabs
from kehu.doors.web.watch.words import MARKS
from kehu.guard.gate.acts import Refused
from kehu.guard.staff.sign_ins import SignedIn
from kehu.guard.watch import marks as held_marks
from kehu.guard.watch.marks import Mark, UnknownMark

PAGE: Final = 50
BY_HAND: Final = ("vip", "colleague")
"""Kinds that are set here; records made to be found are made by a command, and erased as any customer is."""
DONE: Final = {
    "marked": gettext_lazy("Marked: looks at this customer are told from now on."),
    "unmarked": gettext_lazy("The mark is off."),
    "found": gettext_lazy("Whoever has the address of an account here is marked."),
}


@staff_page
@require_http_methods(["GET", "POST"])
def marks(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """The marks that stand; by the form one is set or taken off, by customer id."""
    actor = desk.without_purpose
    problem, status = "", 200
    if request.method == "POST":
        do = request.POST.get("do", "")
        try:
            if do == "find":
                held_marks.find_colleagues(actor=actor)
                return redirect(reverse("watch-marks") + "?done=found")
            subject, kind = customer_of(request.POST.get("customer", "")), request.POST.get("kind", "")
            if subject is None or kind not in BY_HAND:
                raise ValueError("customer, kind")
            if do == "unmark":
                held_marks.unmark(subject, kind, actor=actor)
                return redirect(reverse("watch-marks") + "?done=unmarked")
            held_marks.mark(subject, kind, actor=actor)
            return redirect(reverse("watch-marks") + "?done=marked")
        except Refused:
            raise
        except (UnknownMark, ValueError):
            problem, status = _("Give the id of a customer who is here, and which mark."), 422
    found = held_marks.marks(actor=actor, before=id_of(request.GET.get("before", "")), limit=PAGE + 1)
    shown = found[:PAGE]
    context: dict[str, Any] = {
        "watch_tabs": tabs(desk),
        "rows": [_row(one) for one in shown],
        "older": f"?before={shown[-1].id}" if len(found) > PAGE else "",
        "kinds": [(kind, MARKS[kind][1], kind == request.POST.get("kind")) for kind in BY_HAND],
        "customer": request.POST.get("customer", ""),
        "problem": problem,
        "told": DONE.get(request.GET.get("done", ""), ""),
    }
    return page(request, "watch/marks.html", context, desk=desk, nav="watch", status=status)


def _row(one: Mark) -> dict[str, Any]:
    icon, words = MARKS[one.kind]
    return {"one": one, "icon": icon, "words": words, "may_unmark": one.kind in BY_HAND}
