"""Rendering a page: the shell's own facts (who, why, where one may go) beside what the view found."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format, time_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.doors.web.words import house_label, spoken
from kehu.govern.models import Controller
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.guard.texts import TextTooLong
from kehu.guard.watch.case_figures import alerts_waiting
from kehu.refine.resolve.review.queue import open_count
from kehu.serve.desk.listing import tells

_TABS: Final = 4
THEMES: Final = ("auto", "light", "dark")
THEME_COOKIE: Final = "kehu_theme"
ROLE_LABELS: Final = {
    "manager": gettext_lazy("Manager"),
    "marketing": gettext_lazy("Marketing"),
    "service": gettext_lazy("Customer service"),
    "analyst": gettext_lazy("Analyst"),
    "engineer": gettext_lazy("Engineer"),
    "privacy": gettext_lazy("Privacy office"),
    "legal": gettext_lazy("Legal office"),
    "auditor": gettext_lazy("Auditor"),
    "owner": gettext_lazy("Owner"),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Somewhere one can go from every page."""

    name: str
    icon: str
    label: str
    short: str
    url: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class PlaceGroup:
    """Places under one heading."""

    label: str
    places: tuple[Place, ...]


def language() -> str:
    """The reader's language, as rules and dictionary name it."""
    return spoken()


def theme_of(request: HttpRequest) -> str:
    """Light, dark, or as the reader's system has it."""
    chosen = request.COOKIES.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else "auto"


def page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    desk: SignedIn | None = None,
    nav: str = "",
    status: int = 200,
) -> HttpResponse:
    """Render a whole page; with ``desk`` inside the shell of the staff."""
    shell: dict[str, Any] = {
        "theme": theme_of(request),
        "nav": nav,
        "desk": desk,
        "w_sep": _(", "),
        "w_stop": _(". "),
        "here": here(request),
        "csrf_token": get_token(request),  # once for all forms of the page
    }
    if desk is not None:
        places = places_of(desk)
        house = f" · {desk.narrowing.name}" if desk.narrowing else ""
        tabs = [place for group in places for place in group.places][:_TABS]
        shell |= {
            "places": places,
            "tabs": tabs,  # what stands below on a narrow screen; the rest behind "More"
            "tab_names": {place.name for place in tabs},
            "desk_languages": settings.LANGUAGES,
            "house": house_name(),
            "role_label": f"{ROLE_LABELS[desk.role]}{house}",
            "purpose_label": purpose_label(desk.claim.purpose) if desk.claim else "",
        }
    return render(request, template, shell | dict(context or {}), status=status)


def here(request: HttpRequest) -> str:
    """Where a language, look or purpose chosen on this page leads back to, with what was sought there.

    An address that only takes forms leads on to the page above it (:class:`kehu.doors.web.middleware.FormsAlone`).
    """
    return request.get_full_path() if request.method == "GET" else request.path


def whole(text: str, digits: int = 9) -> int | None:
    """A whole number of so many digits at most, as somebody sent it; None: it is none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= digits else None


def too_long(text: TextTooLong) -> str:
    """That a text is longer than is kept, with the limit."""
    return _("At most %(most)s characters; these are %(held)s.") % {"most": f"{text.most:,}", "held": f"{text.held:,}"}


def purpose_label(slug: str) -> str:
    """A purpose's name in the reader's language."""
    return installation().rules.purposes[slug].label(language())


def field_label(name: str) -> str:
    """A field's name in the reader's language."""
    return installation().rules.dictionary.field(name).label(language())


def category_label(name: str) -> str:
    """A category of the dictionary in the reader's language."""
    return {
        "identity": _("Identity"),
        "contact": _("Contact"),
        "transaction": _("Orders"),
        "interaction": _("Contacts with us"),
        "preference": _("Preferences"),
        "credit": _("Credit"),
        "social": _("Social"),
    }[name]


def day_of(at: datetime, form: str = "SHORT_DATE_FORMAT") -> str:
    """The day of a moment, in the reader's zone and form."""
    return day_text(timezone.localtime(at).date(), form)


def day_text(day: date, form: str) -> str:
    """A day in the reader's form; the same days stand on many pages."""
    return _written(day, form, language())


def time_text(at: time) -> str:
    """A time of day, to the minute, in the reader's form."""
    return _written(at.replace(second=0, microsecond=0, tzinfo=None), "TIME_FORMAT", language())


@functools.lru_cache(maxsize=4096)
def _written(at: date | time, form: str, said: str) -> str:
    return time_format(at, form) if isinstance(at, time) else date_format(at, form)


def house_name() -> str:
    """Whose installation this is."""
    first = Controller.objects.order_by("id").values_list("name", flat=True).first()
    return house_label(str(first or ""))


def places_of(desk: SignedIn) -> list[PlaceGroup]:
    """Where this role finds something to do; what it may do there is decided there."""
    work = []
    if desk.claims:
        work.append(Place("customers", "users", _("Customers"), _("Customers"), reverse("customers")))
    if desk.may("review") and desk.claims:
        work.append(Place("review", "git-compare", _("Review queue"), _("Review"), reverse("review"), open_count()))
    if desk.may("collect"):
        work.append(Place("imports", "upload", _("Import"), _("Import"), reverse("imports")))
    if desk.may("quality"):
        work.append(Place("quality", "gauge", _("Data quality"), _("Quality"), reverse("quality")))
    if desk.may("findings"):
        work.append(Place("classify", "scan-search", _("Classification"), _("Classified"), reverse("classify")))
    if desk.may("propose"):
        work.append(Place("forms", "text-cursor-input", _("Forms"), _("Forms"), reverse("forms")))
        if any(map(tells, desk.claims)):
            work.append(Place("counter", "store", _("Counter"), _("Counter"), reverse("counter")))
    if desk.may("count-traits"):
        work.append(Place("traits", "chart-no-axes-column", _("Traits"), _("Traits"), reverse("traits")))
    label = _("Ledger") if desk.may("read-ledger") else _("What I opened")
    ledger = Place("ledger", "scroll-text", label, _("Ledger"), reverse("ledger"))
    groups = [PlaceGroup(_("Customers"), tuple(work))] if work else []
    register = Place("register", "stamp", _("Purposes and notices"), _("Purposes"), reverse("register-purposes"))
    evidence = [ledger, register]
    if desk.may("give") or desk.may("read-ledger"):
        evidence.append(Place("exports", "truck", _("What leaves the house"), _("Leaving"), reverse("exports")))
    evidence += _watch(desk)
    if desk.may("request"):
        evidence.append(Place("requests", "inbox", _("Requests"), _("Requests"), reverse("requests")))
        evidence.append(Place("incidents", "siren", _("Incidents"), _("Incidents"), reverse("incidents")))
    evidence.append(Place("access", "user-round-check", _("Who may ask"), _("Who may ask"), reverse("access")))
    if desk.may("read-ledger"):
        evidence.append(Place("policies", "scale", _("Policies"), _("Policies"), reverse("policies")))
    evidence.append(Place("laws", "landmark", _("Law in force"), _("Law"), reverse("laws")))
    groups.append(PlaceGroup(_("Evidence"), tuple(evidence)))
    if desk.may("operate"):
        place = Place("system", "server", _("System"), _("System"), reverse("system"))
        # whoever opens nobody looks after the system, and begins with it
        groups.insert(len(groups) if work else 0, PlaceGroup(_("Operation"), (place,)))
    return groups


def _watch(desk: SignedIn) -> list[Place]:
    """The watch, at the page of it that is this role's to begin with."""
    for act, url in (("watch", "watch"), ("cases", "watch-cases"), ("watch-figures", "watch-figures")):
        if desk.may(act):
            waiting = alerts_waiting(desk.staff) if act == "watch" else 0
            return [Place("watch", "radar", _("The watch"), _("Watch"), reverse(url), waiting)]
    return []
