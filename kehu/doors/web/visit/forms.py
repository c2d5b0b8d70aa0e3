"""A form as a page, within another's page, and for an app: the same questions, the same rules."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import orjson
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from kehu.collect.forms.showing import FormClosed, Shown, shown
from kehu.collect.forms.stamps import make_stamp
from kehu.collect.forms.submission import FormChanged, Sent, StampNeeded, State, Wrong, submit
from kehu.collect.forms.tries import TooMany
from kehu.collect.inbox.accept import InboxFull
from kehu.doors.web.entrance import place_of
from kehu.doors.web.pages import language
from kehu.doors.web.visit import words
from kehu.doors.web.visit.described import described, form_view
from kehu.doors.web.visit.showing import in_their_language, page

TRAP: Final = "f_fax_number"
"""An input that no person sees; programs that fill in everything fill it in."""
_BOXES: Final = ("c", "l")  # consents, letters
_MOST_BODY: Final = 64 << 10
_LINK: Final = "{link}"


@csrf_exempt  # nobody is signed in here: a stamp, and a press in our own page, stand in its place
@in_their_language
@require_http_methods(["GET", "HEAD", "POST"])
def form(request: HttpRequest, form: UUID) -> HttpResponse:
    """Show a form, or take what it was filled in with; JSON in, JSON out."""
    try:
        held = shown(form)
    except FormClosed:
        return _closed(request, framed=False)
    if _wants_json(request):
        return _as_json(request, held)
    return _as_page(request, held, framed=False)


@csrf_exempt
@in_their_language
@require_http_methods(["GET", "HEAD", "POST"])
def embedded(request: HttpRequest, form: UUID) -> HttpResponse:
    """The same within another's page, where the form names it."""
    try:
        held = shown(form)
    except FormClosed:
        return _closed(request, framed=True)
    if not held.definition.origins:
        raise Http404
    return _as_page(request, held, framed=True)


def _closed(request: HttpRequest, *, framed: bool) -> HttpResponse:
    """What a visitor reads who opened it, or filled it in, before it was closed; in any page, for it holds nothing."""
    if _wants_json(request):
        return _problem(404, "form_closed", "No form is open at this address.")
    return page(request, "visit/closed.html", {}, status=404, ancestors=("*",) if framed else ())


def _as_page(request: HttpRequest, held: Shown, *, framed: bool) -> HttpResponse:
    origins = held.definition.origins if framed else ()
    if request.method != "POST":
        return page(request, "visit/form.html", _context(request, held, {}, {}), ancestors=origins)
    said: QueryDict = request.POST
    sent = _sent(request, {name: str(said.get(name, "")) for name in said}, *map(said.getlist, _BOXES))
    faults: Mapping[str, str] = {}
    note, status, retry = "", 200, ""
    try:
        state = submit(held, sent, address=_address(request))
        return page(request, "visit/sent.html", _outcome(held, state), ancestors=origins)
    except FormChanged:  # nothing is ticked that was ticked beside other words
        said, note = _typed(said, held), str(words.CHANGED)
    except StampNeeded:  # from another's page boxes may come ticked that nobody ticked
        said, note = _unticked(said), str(words.LOOK_AGAIN)
    except Wrong as wrong:
        faults, status = wrong.faults, 422
    except TooMany as many:
        note, status, retry = str(words.TOO_MANY), 429, str(many.seconds)
    except InboxFull as full:
        note, status, retry = str(words.FULL), 503, str(full.seconds)
    context = _context(request, held, said, faults) | {"note": note}
    response = page(request, "visit/form.html", context, status=status, ancestors=origins)
    if retry:
        response["Retry-After"] = retry
    return response


def _as_json(request: HttpRequest, held: Shown) -> HttpResponse:
    if request.method != "POST":
        return JsonResponse(described(held, language()) | {"stamp": make_stamp(held.id, held.version.number)})
    try:
        told = _read(request)
    except ValueError:
        return _problem(400, "invalid_request", "The body is a JSON object of at most 64 KB, as GET describes it.")
    flat = {f"f_{name}": text for name, text in _texts(told.get("fields")).items()}
    flat |= {f"q_{name}": text for name, text in _texts(told.get("answers")).items()}
    flat |= {f"guardian_{name}": text for name, text in _texts(told.get("guardian")).items()}
    flat |= {name: str(told.get(name) or "") for name in ("stamp", "age", "age_of", "i")}
    sent = _sent(request, flat, _list(told.get("consents")), _list(told.get("letters")))
    try:
        state = submit(held, sent, address=_address(request))
    except FormChanged:
        return _problem(409, "form_changed", "The form says something else by now: get it, show it, and ask again.")
    except StampNeeded:
        stamp = make_stamp(held.id, held.version.number)
        return _problem(409, "stamp_needed", "Show the form, and send it again with this stamp.", stamp=stamp)
    except Wrong as wrong:
        return _problem(422, "invalid", "Some answers are missing or cannot be taken.", inputs=wrong.faults)
    except TooMany as many:
        return _problem(429, "too_many_requests", "Too much came from there.", retry=many.seconds)
    except InboxFull as full:
        return _problem(503, "busy", "Too much waits already; try again.", retry=full.seconds)
    return JsonResponse({"state": state, "message": str(words.STATES[state])}, status=202)


def _unticked(said: QueryDict) -> QueryDict:
    kept = said.copy()
    for name in _BOXES:
        kept.pop(name, None)
    return kept


def _typed(said: QueryDict, held: Shown) -> QueryDict:
    """What was typed, without what was chosen."""
    kept, free = QueryDict(mutable=True), {f"q_{one.id}" for one in held.definition.questions if one.kind == "text"}
    for name in said:
        if name.startswith(("f_", "guardian_")) or name == "i" or name in free:
            kept[name] = str(said[name])
    return kept


def _sent(request: HttpRequest, said: Mapping[str, str], consents: list[str], letters: list[str]) -> Sent:
    def part(prefix: str) -> dict[str, str]:
        return {name.removeprefix(prefix): text for name, text in said.items() if name.startswith(prefix)}

    return Sent(
        fields=part("f_"), consents=frozenset(consents), letters=frozenset(letters), language=language(),
        client=place_of(request), stamp=said.get("stamp", ""), age=said.get("age", ""), age_of=_years(said),
        guardian=part("guardian_"), answers=part("q_"), invitation=said.get("i", ""), trap=said.get(TRAP, ""),
        gpc=request.headers.get("Sec-GPC", "").strip() == "1",
    )  # fmt: skip


def _years(said: Mapping[str, str]) -> int:
    text = said.get("age_of", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 3 else 0


def _context(request: HttpRequest, held: Shown, said: Mapping[str, Any], faults: Mapping[str, str]) -> dict[str, Any]:
    view = form_view(held, said, faults, language())
    return {
        "form": view, "stamp": make_stamp(held.id, held.version.number), "trap": TRAP, "note": "",
        "gpc": request.headers.get("Sec-GPC", "").strip() == "1",
        "invited": request.GET.get("i", "") or said.get("i", ""),
        "wrong": [(name, words.input_label(name, held, language()), words.fault(why)) for name, why in faults.items()],
    }  # fmt: skip


def _outcome(held: Shown, state: State) -> dict[str, Any]:
    thanks = held.definition.text("thanks", language()) if state != "nothing" else ""
    return {"form": form_view(held, {}, {}, language()), "state": state, "told": words.STATES[state], "thanks": thanks}


def _address(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("visit-confirm", args=["-"])).removesuffix("-") + _LINK


def _wants_json(request: HttpRequest) -> bool:
    if request.method == "POST":
        return (request.content_type or "") == "application/json"
    return request.headers.get("Accept", "").partition(",")[0].strip() == "application/json"


def _read(request: HttpRequest) -> dict[str, Any]:
    if int(request.headers.get("Content-Length") or 0) > _MOST_BODY:
        raise ValueError("body")
    told = orjson.loads(request.body)  # its error is a ValueError, too
    if not isinstance(told, dict):
        raise ValueError("body")
    return told


def _texts(said: object) -> dict[str, str]:
    if not isinstance(said, dict):
        return {}
    return {str(name): str(text) for name, text in said.items() if isinstance(text, (str, int)) and text is not True}


def _list(said: object) -> list[str]:
    return [one for one in said if isinstance(one, str)] if isinstance(said, list) else []


def _problem(status: int, code: str, message: str, *, retry: int = 0, **more: Any) -> HttpResponse:
    response = JsonResponse({"code": code, "message": message, **more}, status=HTTPStatus(status))
    if retry:
        response["Retry-After"] = str(retry)
    return response
