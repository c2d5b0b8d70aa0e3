"""How the customer may be written to: medium by topic, set as one form."""

from __future__ import annotations

from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from kehu.doors.web.pages import language
from kehu.doors.web.portal.entrance import guest_page, page
from kehu.guard.guests.credentials import Guest
from kehu.serve.portal import channels as preferences
from kehu.serve.portal.allowed import GuardianNeeded

MEDIUM_LABELS: Final = {
    "email": (gettext_lazy("Email"), "mail"),
    "sms": (gettext_lazy("Text message"), "message-square"),
    "phone": (gettext_lazy("Phone"), "phone"),
    "post": (gettext_lazy("Post"), "mailbox"),
    "wechat": (gettext_lazy("WeChat"), "message-circle"),
}


@guest_page
@require_http_methods(["GET", "POST"])
def channels(request: HttpRequest, guest: Guest) -> HttpResponse:
    """See and set every topic and medium; or stop all marketing with one press."""
    if request.method == "POST":
        return redirect(reverse("portal-channels") + f"?done={_set(request, guest)}")
    said = language()
    topics: list[dict[str, Any]] = [
        {
            "slug": topic.slug,
            "label": topic.label(said),
            "description": topic.description(said),
            "service": topic.kind == "service",
            "media": [
                {
                    "key": one.key,
                    "label": MEDIUM_LABELS[one.medium][0],
                    "icon": MEDIUM_LABELS[one.medium][1],
                    "on": one.on,
                    "suppressed": one.status == "suppressed",
                }
                for one in row
            ],
        }
        for topic, row in preferences.preferences(guest)
    ]
    marketing = any(one["on"] for topic in topics if not topic["service"] for one in topic["media"])
    return page(request, "portal/channels.html", {"topics": topics, "marketing": marketing}, guest=guest)


def _set(request: HttpRequest, guest: Guest) -> str:
    """Carry the form out; returns the code of what is said of it."""
    try:
        if request.POST.get("wish") == "stop":
            preferences.stop_all(guest, language=language())
            return "unsubscribed"
        # an empty one says that the page told what was on, be it nothing
        wanted, shown = set(request.POST.getlist("on")), request.POST.getlist("was")
        preferences.set_preferences(guest, wanted, language=language(), shown=shown or None)
    except GuardianNeeded:
        return "guardian"
    except ValueError:
        raise Http404 from None
    return "saved"
