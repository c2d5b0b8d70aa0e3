"""The page behind the link of a letter: it says what is confirmed, and a press confirms it. Opening it changes nothing."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from kehu.collect.forms import waiting
from kehu.collect.forms.waiting import LinkRefused, Waits
from kehu.collect.inbox.accept import InboxFull
from kehu.doors.web.pages import language
from kehu.doors.web.visit import words
from kehu.doors.web.visit.described import form_view
from kehu.doors.web.visit.showing import in_their_language, page


@csrf_exempt  # the link itself is the secret; scanners open links, and press nothing
@in_their_language
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, link: str) -> HttpResponse:
    """Show what waits; take the press."""
    try:
        if request.method != "POST":
            return page(request, "visit/confirm.html", _context(waiting.behind(link)))
        if request.POST.get("wish") == "no":
            if not waiting.decline(link):
                return page(request, "visit/confirm.html", {"state": "counts"}, status=409)
            return page(request, "visit/confirm.html", {"state": "declined"})
        found = waiting.confirm(link)
        return page(request, "visit/confirm.html", _context(found) | {"state": found.then or "confirmed"})
    except LinkRefused:
        return page(request, "visit/confirm.html", {"state": "over"}, status=404)
    except InboxFull as full:
        response = page(request, "visit/confirm.html", {"state": "full"}, status=503)
        response["Retry-After"] = str(full.seconds)
        return response


def _context(found: Waits) -> dict[str, Any]:
    said, form = language(), found.shown.definition
    message = found.message
    view = form_view(found.shown, {}, {}, said)
    return {
        "state": found.then or ("confirmed" if found.confirmed else "waits"),
        "guardian": found.guardian,
        "form": view,
        "consents": [form.wording(slug, said) for slug in message.get("consents", ()) if slug in form.consents()],
        "letters": [one for one in view["letters"] if one["name"] in message.get("letters", ())],
        "fields": [words.input_label(name, found.shown, said) for name in message.get("values", ())],
    }  # fmt: skip
