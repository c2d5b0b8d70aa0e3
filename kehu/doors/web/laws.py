"""The law in force here, for everybody on the staff: each pack's rows with article and source, read or not."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import language, page, purpose_label
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.assurance import law

KINDS: Final = {
    "basis": gettext_lazy("Grounds of use"),
    "age": gettext_lazy("Ages"),
    "sensitive": gettext_lazy("Sensitive information"),
    "separate": gettext_lazy("Consents of their own"),
    "right": gettext_lazy("Rights and their clocks"),
    "breach": gettext_lazy("Clocks of a breach"),
    "keep": gettext_lazy("Kept how long"),
    "stays": gettext_lazy("What stays after an erasure"),
    "duty": gettext_lazy("Other duties"),
}
_SOURCES: Final = {
    "V": gettext_lazy("text read"),
    "Vq": gettext_lazy("unverified: quotation"),
    "2": gettext_lazy("unverified: secondary page"),
    "K": gettext_lazy("unverified: general knowledge"),
    "house": gettext_lazy("house rule"),
}
_KEPT: Final = {
    "assessment": gettext_lazy("Assessments"),
    "ledger": gettext_lazy("Rows of the ledger"),
    "giving": gettext_lazy("Records of giving"),
    "order": gettext_lazy("Trade records"),
    "request": gettext_lazy("Records of requests"),
}
_FOLLOWS: Final = {
    "residence": gettext_lazy("where the person lives"),
    "collection": gettext_lazy("where the data was collected"),
    "establishment": gettext_lazy("where the company is"),
}
_COMPANY: Final = {
    "app": gettext_lazy("offers an app"),
    "platform": gettext_lazy("runs a platform for other sellers"),
    "critical-infrastructure": gettext_lazy("is critical infrastructure"),
    "central-organ": gettext_lazy("is a central organ"),
    "federal-agency": gettext_lazy("is a federal agency of the United States"),
    "agency": gettext_lazy("is an agency of Australia"),
}


@staff_page
@require_GET
def laws(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Every pack: what it switches on here, how it counts, and its rows by kind."""
    held, said = law.laws_in_force(language()), law.settings()
    context = {
        "packs": [_pack(one) for one in held],
        "house_rules": [_line(line) for line in law.house_lines(language())],
        "kept": [_kept(row) for row in law.kept()],
        "follows": [_FOLLOWS[word] for word in said["follows"]],
        "company": [_COMPANY[word] for word in said["company"]],
        "digest": said["digest"][:12],
        "read": sum(one.read for one in held),
        "unread": sum(one.unread for one in held),
        "may_see_policies": desk.may("read-ledger"),
        "source_labels": _SOURCES,
    }
    return page(request, "web/laws.html", context, desk=desk, nav="laws")


def _pack(one: law.InForce) -> dict[str, Any]:
    groups = []
    for kind, label in KINDS.items():
        if lines := [_line(line) for line in one.lines if line.kind == kind]:
            groups.append((kind, label, lines))
    return {
        "held": one,
        "groups": groups,
        "consents": [purpose_label(slug) for slug in one.consents],
        "counting_source": _SOURCES[one.counting["source"]],
        "calendar": one.counting["calendar"] or _("weekends only"),
    }


def _line(line: law.Line) -> dict[str, Any]:
    return {"held": line, "source": _SOURCES[line.source], "end": _end(line)}


def _end(line: law.Line) -> str:
    """The number of a row in words: a term, an age, months."""
    detail = line.detail
    if "term" in detail:
        text = _term(detail["term"])
        return f"{text} + {detail['more']}" if detail.get("more") else text
    if "below" in detail:
        return _("below %(n)d") % {"n": detail["below"]}
    if "months" in detail:
        return _months(detail["months"])
    bounds = [("≥ ", detail.get("at_least")), ("≤ ", detail.get("at_most"))]
    return ", ".join(sign + _months(n) for sign, n in bounds if n)


def _term(term: dict[str, Any]) -> str:
    n = int(term["n"])
    return {
        "at-once": lambda: _("at once"),
        "timely": lambda: _("without delay"),
        "hour": lambda: ngettext("%(n)d hour", "%(n)d hours", n) % {"n": n},
        "day": lambda: ngettext("%(n)d day", "%(n)d days", n) % {"n": n},
        "workday": lambda: ngettext("%(n)d working day", "%(n)d working days", n) % {"n": n},
        "month": lambda: _months(n),
    }[term["unit"]]()


def _months(n: int) -> str:
    return ngettext("%(n)d month", "%(n)d months", n) % {"n": n}


def _kept(row: dict[str, Any]) -> dict[str, Any]:
    bounds = {
        name: {**row[name], "text": _months(row[name]["months"])} if row[name] else None
        for name in ("at_least", "at_most")
    }
    return {"what": _KEPT.get(row["what"], row["what"]), "conflict": row["conflict"], **bounds}
