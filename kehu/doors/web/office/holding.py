"""What holds without an end kept from an erasure: looked at again within a year, and let go when somebody says so."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.account.door import confirmed
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import category_label, page
from kehu.govern.states import NotInForce
from kehu.guard.gate.acts import require_act
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.rights import holds

DONE: Final = {
    "again": gettext_lazy("Looked at: it is kept for another year."),
    "release": gettext_lazy("Let go: its key is destroyed, and nothing opens it any more."),
}
_GONE: Final = gettext_lazy("Nothing is kept there by a hold any more.")


@staff_page
@require_GET
def board(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Every erasure of which a hold keeps something, the soonest to be looked at first; holds on customers that are old."""
    require_act("hold", desk.without_purpose)
    standing = holds.to_look_at(actor=desk.without_purpose)
    today, done = timezone.now().date(), request.GET.get("done", "")
    context = {
        "rows": [
            (one, [category_label(name) for name in one.categories], one.by <= today)
            for one in holds.kept_after_erasures()
        ],
        "standing": [(one, [category_label(name) for name in one.categories]) for one in standing],
        "standing_all": holds.unseen_for_a_year().count(),
        "told": DONE.get(done, _GONE if done == "gone" else ""),
        "wrong": done == "gone",
    }
    return page(request, "office/held.html", context, desk=desk, nav="requests")


@staff_page
@confirmed
@require_POST
def take(request: HttpRequest, desk: SignedIn, certificate: UUID, step: str) -> HttpResponse:
    """Keep it for another year, or let it go."""
    require_act("hold", desk.without_purpose)
    if step not in DONE:
        raise Http404
    done = step
    try:
        holds.look_again(certificate, actor=desk.without_purpose, keep=step == "again")
    except NotInForce:
        done = "gone"
    return redirect(reverse("held") + f"?done={done}")
