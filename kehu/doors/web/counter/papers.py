"""Paper forms: a scan taken in with the consent it proves, and shown to the office, each look in the ledger."""

from __future__ import annotations

import base64
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from kehu.doors.web.counter import desk as counter
from kehu.doors.web.counter.cards import InMemory
from kehu.doors.web.counter.views import HTML_LANGUAGE, NAMES
from kehu.doors.web.entrance import purpose_page
from kehu.doors.web.pages import page, purpose_label
from kehu.govern.models import Consent
from kehu.govern.parts import UnknownSubject
from kehu.govern.slugs import PURPOSES, name_of
from kehu.guard.gate.acts import require_act
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.counter.entries import EntryRefused, offered
from kehu.serve.counter.papers import Form, notices, record_form
from kehu.serve.desk.listing import masked_page
from kehu.serve.rights.consents.evidence import PAPER, NoEvidence, open_evidence
from kehu.serve.rights.consents.scans import MOST_INPUT, ScanRefused

SCANS = {
    "unreadable": gettext_lazy("The file is no scan that can be read: a JPEG, PNG, WebP, TIFF or PDF is."),
    "too-large": gettext_lazy("The file is too large: at most 20 MB, and pages of an ordinary size."),
    "too-many-pages": gettext_lazy("More than eight pages: scan the form alone."),
    "locked": gettext_lazy("The PDF is locked with a password."),
}


class _InMemory(InMemory):
    largest = MOST_INPUT


@csrf_exempt
def paper(request: HttpRequest, subject: UUID) -> HttpResponse:
    """A form with a scan. The handler must stand before the body is read, and reading it checks the form's mark."""
    request.upload_handlers = [_InMemory(request)]
    return _paper(request, subject)


@csrf_protect
@purpose_page
@require_http_methods(["GET", "POST"])
def _paper(request: HttpRequest, desk: SignedIn, subject: UUID) -> HttpResponse:
    assert desk.claim is not None
    require_act("consent", desk.actor)
    shown_rows = masked_page([subject], actor=desk.actor, purpose=desk.claim.purpose).rows
    if not shown_rows:
        raise Http404
    context: dict[str, Any] = {
        "customer": shown_rows[0], "said": request.POST, "today": timezone.localdate(), "notices": notices(),
        "purposes": [(one.purpose, purpose_label(one.purpose)) for one in offered()],
        "languages": [(code, HTML_LANGUAGE[code], name) for code, name in NAMES.items()],
    }  # fmt: skip
    if request.method == "GET":
        return page(request, "counter/paper.html", context, desk=desk, nav="customers")
    try:
        record_form(subject, _form(request), actor=desk.actor)
    except EntryRefused as refused:
        return page(
            request, "counter/paper.html", context | {"refused": counter.WHY[refused.code]}, desk=desk, status=422
        )
    except ScanRefused as refused:
        return page(request, "counter/paper.html", context | {"refused": SCANS[refused.reason]}, desk=desk, status=422)
    except ValueError:
        return page(
            request, "counter/paper.html", context | {"refused": counter.WHY["unreadable"]}, desk=desk, status=422
        )
    except UnknownSubject:
        raise Http404 from None
    return redirect(reverse("customer", args=[subject]) + "?done=consent-given#consents")


@purpose_page
@require_GET
def shown(request: HttpRequest, desk: SignedIn, consent: UUID) -> HttpResponse:
    """Which form it is, and the button that shows it: a look is an act of its own."""
    row = _row(desk, consent)
    context = {"consent": row, "label": purpose_label(name_of(PURPOSES, row.purpose))}
    return page(request, "counter/form.html", context, desk=desk, nav="customers")


@purpose_page
@require_POST
def picture(request: HttpRequest, desk: SignedIn, consent: UUID) -> HttpResponse:
    """The form itself, as the JPEG that was drawn of its scan; nothing keeps it."""
    _row(desk, consent)
    try:
        held = open_evidence(consent, actor=desk.actor)
    except NoEvidence:
        raise Http404 from None
    content = base64.b64decode(held["content"] or "")
    if not content.startswith(b"\xff\xd8\xff"):  # a proof of before scans were drawn anew
        raise Http404
    answer = HttpResponse(content, content_type="image/jpeg")
    answer.headers["Content-Disposition"] = "inline"
    return answer


def _row(desk: SignedIn, consent: UUID) -> Consent:
    require_act("export", desk.actor)
    row = Consent.objects.filter(id=consent, proof=PAPER).first()
    if row is None or row.evidence is None:
        raise Http404
    return row


def _form(request: HttpRequest) -> Form:
    said, file = request.POST, request.FILES.get("scan")
    signed, notice = parse_date(said.get("signed", "")), said.get("notice", "")
    if signed is None or not (notice.isascii() and notice.isdigit() and len(notice) < 6):
        raise EntryRefused("unreadable")
    scan = file.read() if file is not None else b""
    return Form(
        said.get("purpose", ""), signed, said.get("language", ""), int(notice), scan, said.get("reference", "").strip()
    )
