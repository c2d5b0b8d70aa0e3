"""One's own account: second factors, and the windows one is signed in at."""

from __future__ import annotations

import uuid
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.account.door import who_waits
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import page
from kehu.guard.staff.passkeys import passkeys_of
from kehu.guard.staff.sessions import end_all, end_session, sessions_of
from kehu.guard.staff.sign_ins import SignedIn
from kehu.guard.staff.sign_on import provider_name, standing_of
from kehu.guard.staff.step_up import compulsory, factors_of, shown_lately

_TOLD: Final = {
    "removed": gettext_lazy("Removed: it opens nothing any more."),
    "ended": gettext_lazy("Ended: nothing opens there any more."),
    "password": gettext_lazy(
        "Your password is changed; every other window and token has ended, and the purpose you had claimed."
    ),
}
_PROBLEMS: Final = {
    "last-factor": gettext_lazy("Your role sees sensitive data: add another second factor before you remove this one."),
    "passkey-refused": gettext_lazy("The passkey was not taken: try again."),
}


@staff_page
@require_GET
def security(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """What opens this account, and where it is open."""
    done = request.GET.get("done", "")
    context = {
        "held": factors_of(desk.staff),
        "passkeys": passkeys_of(desk.staff),
        "compulsory": compulsory(desk.role),
        "lately": shown_lately(desk.credential),
        "sessions": [(one, one.credential == desk.credential) for one in sessions_of(desk.staff)],
        "sign_on": standing_of(desk.staff),
        "provider": provider_name(),
        "told": _TOLD.get(done, ""),
        "problem": _PROBLEMS.get(done, ""),
    }
    return page(request, "account/security.html", context, desk=desk, nav="me")


@staff_page
@require_POST
def end(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """End one window, or all but this one."""
    which = request.POST.get("session", "")
    if which == "others":
        end_all(desk.staff, but=desk.credential)
        return redirect(reverse("account-security") + "?done=ended")
    try:
        end_session(desk.staff, uuid.UUID(which))
    except ValueError:
        return redirect("account-security")
    if who_waits(request) is None:  # it was this one
        request.session.flush()
        return redirect(reverse("sign-in") + "?done=signed-out")
    return redirect(reverse("account-security") + "?done=ended")
