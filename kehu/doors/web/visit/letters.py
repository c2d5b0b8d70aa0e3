"""The letters somebody wants, set from the link in one of them; and the one press by which a mailbox stops them (RFC 8058)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from kehu.doors.web.pages import language
from kehu.doors.web.visit import words
from kehu.doors.web.visit.showing import in_their_language, page
from kehu.serve.mailing import preferences
from kehu.serve.mailing.links import LinkRefused


@csrf_exempt  # the link is the secret
@in_their_language
@require_http_methods(["GET", "HEAD", "POST"])
def letters(request: HttpRequest, link: str) -> HttpResponse:
    """Which letters come by this medium, each on or off. It says nothing of whom they go to."""
    try:
        said = ""
        if request.method == "POST":
            if request.POST.get("wish") == "stop":
                said = preferences.choose(link, [], language=language())
            else:
                wanted, shown = request.POST.getlist("on"), request.POST.getlist("was")
                said = preferences.choose(link, wanted, language=language(), shown=shown or None)
        held = preferences.held(link)
    except LinkRefused:
        return page(request, "visit/letters.html", {"state": "over"}, status=404)
    rows = [
        {
            "topic": one.topic.slug, "label": one.topic.label(language()), "text": one.topic.description(language()),
            "on": one.on, "suppressed": one.status == "suppressed", "service": one.topic.kind == "service",
        }
        for one in held.letters
    ]  # fmt: skip
    context = {"state": said or "choose", "medium": words.MEDIA[held.medium], "rows": rows, "gone": held.gone}
    return page(request, "visit/letters.html", context)


@csrf_exempt  # RFC 8058: the mailbox's own program presses it, without cookie and without a question
@in_their_language
@require_http_methods(["GET", "HEAD", "POST"])
def stop(request: HttpRequest, link: str) -> HttpResponse:
    """One press stops the letters of this topic; opened only, it asks for that press."""
    try:
        if request.method == "POST":
            preferences.stop(link, language=language())
            return page(request, "visit/stop.html", {"state": "stopped"})
        preferences.held(link)
    except LinkRefused:
        return page(request, "visit/stop.html", {"state": "over"}, status=404)
    return page(request, "visit/stop.html", {"state": "ask"})
