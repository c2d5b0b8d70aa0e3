"""What would be taken and for what, the button to the provider, and the way back."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from kehu.collect.channels.profile import released
from kehu.collect.channels.profile.released import NotOffered, Offer, Way
from kehu.collect.inbox.accept import InboxFull
from kehu.doors.web.entrance import place_of
from kehu.doors.web.pages import language
from kehu.doors.web.visit.showing import in_their_language, page
from kehu.guard.installation import installation
from kehu.guard.staff.tries import TooManyTries, digest_of, look_at_tries, note_failure
from kehu.host.asking import NotBelieved, ProviderFailed

_WAY: Final = "released_way"  # key of the session: a way that is under way, ids alone
_TRIES: Final = 20  # ways back from one place that led nowhere, in a quarter of an hour


@in_their_language
@require_http_methods(["GET", "HEAD", "POST"])
def offer(request: HttpRequest, channel: int) -> HttpResponse:
    """Show what would be taken; pressed, send the browser to the provider."""
    try:
        held = released.offered(channel)
        origin = released.origin_of(held)
        if request.method != "POST":
            return _page(request, held, origin)
        way, address, origin = released.begin(held, request.POST.getlist("c"), returns_to=_returns_to(request))
    except NotOffered:
        raise Http404 from None
    except ProviderFailed:
        return _told(request, held, _away(), 503)
    request.session[_WAY] = way.pack() | {"language": language()}
    response = redirect(address)
    # a press in a form may lead to this provider, and nowhere else
    response["Content-Security-Policy"] = f"default-src 'none'; form-action 'self' {origin}; frame-ancestors 'none'"
    return response


@in_their_language
@require_GET
def come(request: HttpRequest) -> HttpResponse:
    """Back from the provider, in the language they left in: what was released is kept, or it is said that nothing is."""
    held = request.session.pop(_WAY, None)
    with translation.override(held["language"] if held else language()):
        return _come(request, held)


def _come(request: HttpRequest, held: Any) -> HttpResponse:
    again = reverse("released-offer", args=[held["channel"]]) if held else ""
    answer = {name: values[0] for name, values in request.GET.lists() if len(values) == 1}
    counted = digest_of(f"released:{place_of(request)}")
    try:
        look_at_tries(counted, _TRIES)
        way = Way.unpack(held)
        found = released.come_back(way, answer, returns_to=_returns_to(request))
    except TooManyTries:
        return _told(request, None, _("Very much came from your network. Please try again in an hour."), 429)
    except (NotBelieved, NotOffered):
        note_failure(counted)
        words = _("Nothing was released, and nothing is kept. You can try again.")
        return _told(request, None, words, 401, again=again)
    except ProviderFailed:
        return _told(request, None, _away(), 503, again=again)
    except InboxFull as full:
        words = _("We cannot take it in just now. Nothing is kept; please try again in a minute.")
        response = _told(request, None, words, 503, again=again)
        response["Retry-After"] = str(full.seconds)
        return response
    return _told(request, found, _("Thank you. We have what you released, and nothing else of that account."), 200)


def _page(request: HttpRequest, held: Offer, origin: str) -> HttpResponse:
    rules, words = installation().rules, language()
    context: dict[str, Any] = {
        "offer": held,
        "fields": [rules.dictionary.field(name).label(words) for name in held.fields],
        "consents": [
            {"name": slug, "label": rules.purposes[slug].label(words), "text": rules.purposes[slug].descriptions[words]}
            for slug in held.purposes
        ],
    }
    response = page(request, "released/offer.html", context)
    response["Content-Security-Policy"] = response["Content-Security-Policy"].replace(
        "form-action 'self'", f"form-action 'self' {origin}"
    )
    return response


def _told(request: HttpRequest, held: Offer | None, words: str, status: int, *, again: str = "") -> HttpResponse:
    context = {"offer": held, "words": words, "done": status == HTTPStatus.OK, "again": again}
    return page(request, "released/told.html", context, status=status)


def _away() -> str:
    return _("The other side does not answer now. Nothing is kept; please try again later.")


def _returns_to(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("released-return"))
