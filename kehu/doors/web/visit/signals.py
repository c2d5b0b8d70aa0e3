"""That the browser's signal against sale and sharing is honoured, where programs look for it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe


@require_safe
def gpc(request: HttpRequest) -> HttpResponse:
    """Global Privacy Control: a form that comes with ``Sec-GPC: 1`` is an opt-out of sale and sharing."""
    del request
    return JsonResponse({"gpc": True, "lastUpdate": "2026-11-26"})
