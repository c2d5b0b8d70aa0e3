"""How a visitor's page is rendered: in a language they choose, without cookie and script, in frames of named pages alone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from kehu.doors.web.pages import house_name

_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors {ancestors}",
    )
)
View = Callable[..., HttpResponse]


def in_their_language(view: View) -> View:
    """A page in the language its address asks for (``?lang=``), else in the browser's."""

    @functools.wraps(view)
    def chosen(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        wanted = request.GET.get("lang", "").lower()
        if wanted not in dict(settings.LANGUAGES):
            return view(request, *args, **kwargs)
        with translation.override(wanted):
            return view(request, *args, **kwargs)

    return chosen


def page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    ancestors: Sequence[str] = (),
) -> HttpResponse:
    """Render a visitor's page; ``ancestors``: addresses of pages that may show it within theirs."""
    shell = {"house": house_name(), "languages": settings.LANGUAGES, "framed": bool(ancestors)}
    response = render(request, template, shell | dict(context), status=status)
    response["Content-Security-Policy"] = _POLICY.format(ancestors=" ".join(ancestors) or "'none'")
    response["Content-Language"] = translation.get_language() or "en"
    response["Vary"] = "Accept-Language"
    if ancestors:  # browsers that know frame-ancestors leave the older header unread; the others are told nothing wrong
        response["X-Frame-Options"] = "SAMEORIGIN"
        response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
