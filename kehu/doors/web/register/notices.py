"""Notices: their versions, one with its words and what differs from the one before, and the form that proposes another."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from kehu.doors.problems import problem_of
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import field_label, language, page, purpose_label
from kehu.doors.web.register import words
from kehu.doors.web.register.purposes import may
from kehu.doors.web.register.steps import FAULTS
from kehu.doors.web.words import notice_label
from kehu.govern.differences import pieces
from kehu.govern.notices import unproposed
from kehu.govern.slugs import LANGUAGES
from kehu.guard.gate.acts import Refused, require_act
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.register import changes, views
from kehu.serve.register.views import NoticeVersion


@staff_page
@require_GET
def notices(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Every version of every notice."""
    groups = [
        (name, notice_label(name), [_row(one) for one in views.notice_versions(name)]) for name in views.notice_names()
    ]
    return page(
        request,
        "register/notices.html",
        {"groups": groups, "tab": "notices", "may": may(desk)},
        desk=desk,
        nav="register",
    )


@staff_page
@require_GET
def notice(request: HttpRequest, desk: SignedIn, name: str, version: int) -> HttpResponse:
    """One version: its words in each language, what differs from another, what it covers, and the steps open."""
    versions = views.notice_versions(name)
    held = next((one for one in versions if one.version.number == str(version)), None)
    if held is None:
        raise Http404
    older = _older(versions, held, request.GET.get("from", ""))
    found = views.notice_difference(older, held) if older else None
    context = {
        "label": notice_label(name),
        "row": _row(held),
        "version": words.version(held.version),
        "older": older.version.number if older else "",
        "others": [one.version.number for one in versions if _before(one, held)],
        "texts": [
            {
                "language": said,
                "name": words.LANGUAGE_NAMES[said],
                "text": held.texts.get(said, ""),
                "pieces": found.texts[said] if found else (),
                "same": found is not None and all(piece.kind == "same" for piece in found.texts[said]),
            }
            for said in [language(), *(one for one in LANGUAGES if one != language())]
        ],
        "covers": _covers(held),
        "unproposed": [purpose_label(slug) for slug in unproposed().get(f"{name}@{version}", ())],
        "changed": [_changed(one) for one in found.covers] if found else [],
        "may": may(desk),
        "me": desk.staff,
        "told": words.DONE.get(request.GET.get("done", ""), ""),
    }
    return page(request, "register/notice.html", context, desk=desk, nav="register")


@staff_page
@require_http_methods(["GET", "POST"])
def propose(request: HttpRequest, desk: SignedIn, name: str) -> HttpResponse:
    """The form of a new version: how it differs is looked at before it is proposed."""
    if name not in views.notice_names():
        raise Http404
    require_act("propose", desk.without_purpose)
    current = next((one for one in views.notice_versions(name) if one.row is not None), None)
    texts: Mapping[str, str] = current.texts if current else dict.fromkeys(LANGUAGES, "")
    asked, chosen = dict(texts), sorted(changes.whole_cover())
    day, reason = request.POST.get("on", ""), request.POST.get("reason", "")
    problem, status = "", 200
    if request.method == "POST":
        asked = {said: request.POST.get(f"text_{said}", "").replace("\r\n", "\n") for said in LANGUAGES}
        chosen = request.POST.getlist("purposes")
        try:
            if request.POST.get("do") == "propose":
                covers = {slug: said for slug, said in changes.whole_cover().items() if slug in chosen}
                made = changes.propose_notice(
                    name, asked, covers, on=_day(day), reason=reason, actor=desk.without_purpose
                )
                return redirect(reverse("register-notice", args=[name, made.version]) + "?done=proposed")
        except Refused:
            raise
        except FAULTS as fault:
            problem, status = str(problem_of(fault).words(language())["message"]), 409
    context = {
        "label": notice_label(name),
        "texts": [
            {"language": said, "name": words.LANGUAGE_NAMES[said], "text": asked[said],
             "pieces": pieces(texts.get(said, ""), asked[said]) if request.method == "POST" else ()}
            for said in LANGUAGES
        ],
        "purposes": [(slug, purpose_label(slug), slug in chosen) for slug in changes.whole_cover()],
        "looked": request.method == "POST",
        "day": day,
        "today": timezone.localtime().date().isoformat(),
        "reason": reason,
        "problem": problem,
    }  # fmt: skip
    return page(request, "register/notice_propose.html", context, desk=desk, nav="register", status=status)


def _row(one: NoticeVersion) -> dict[str, Any]:
    state, tone, icon = words.STATES[one.version.status]
    return {
        "name": one.version.name, "number": one.version.number, "state": state, "tone": tone, "icon": icon,
        "status": one.version.status, "from": one.in_force_from, "purposes": len(one.covers),
        "waits": words.WAITS.get(one.version.waits_for, ""), "by": one.version.proposed_by, "at": one.version.at,
        "shipped": one.version.shipped,
    }  # fmt: skip


def _before(one: NoticeVersion, held: NoticeVersion) -> bool:
    return one.row is not None and int(one.version.number) < int(held.version.number)


def _older(versions: list[NoticeVersion], held: NoticeVersion, wanted: str) -> NoticeVersion | None:
    """The version to compare with: the one asked for, else the newest before it that was in force."""
    found = [one for one in versions if _before(one, held)]
    return next((one for one in found if one.version.number == wanted), found[0] if found else None)


def _covers(held: NoticeVersion) -> list[dict[str, Any]]:
    return [
        {
            "label": purpose_label(slug),
            "version": said.version,
            "fields": [field_label(name) for name in sorted(said.fields)],
        }
        for slug, said in held.covers.items()
    ]


def _changed(one: Any) -> dict[str, Any]:
    return {
        "label": purpose_label(one.purpose), "kind": words.COVERS[one.kind],
        "added": [field_label(name) for name in one.added], "removed": [field_label(name) for name in one.removed],
        "before": one.before, "after": one.after,
    }  # fmt: skip


def _day(text: str) -> datetime | None:
    """The beginning of a day in the reader's zone; None for today, which means with the approval."""
    if not text:
        return None
    try:
        day = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("notice: the day it comes in force") from None
    if day.date() <= timezone.localtime().date():
        return None
    return timezone.make_aware(day.replace(tzinfo=None)).astimezone(UTC)
