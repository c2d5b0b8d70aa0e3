"""Where each value of a customer comes from: the one that counts, the others, and the rule by which it won."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from kehu.doors.web import errors
from kehu.doors.web.entrance import purpose_page
from kehu.doors.web.pages import category_label, language, page
from kehu.doors.web.record import basis_label, kind_label
from kehu.doors.web.words import source_mark, value_text
from kehu.govern.parts import UnknownSubject
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.refine.clean.status import INVALID, VALID
from kehu.serve.desk.lineage import AGREED, Brought, Line, lineage
from kehu.serve.desk.reviewing import names_of

_RULES: Final = {
    "alone": gettext_lazy("nothing else was said"),
    "agreed": gettext_lazy("all say the same"),
    "validity": gettext_lazy("a valid form before one that is not, checked before only plausible"),
    "edit": gettext_lazy("edited here, by somebody who saw what stood"),
    "given": gettext_lazy("given before derived"),
    "trust": gettext_lazy("its channel is trusted more"),
    "verified": gettext_lazy("verified, or verified later"),
    "recency": gettext_lazy("said later"),
    "tie": gettext_lazy("of one moment: by the number of the record"),
}


@purpose_page
@require_GET
def lineage_page(request: HttpRequest, desk: SignedIn, subject: UUID) -> HttpResponse:
    """Every field that the purpose shows, with what was said of it and by whom."""
    assert desk.claim is not None
    try:
        found = lineage(subject, actor=desk.actor, purpose=desk.claim.purpose)
    except UnknownSubject:
        raise Http404 from None
    if found.refused:
        return errors.refused(request, found.refused, desk=desk, nav="customers")
    names = names_of({one.editor for line in found.lines for one in (line.kept, *line.others) if one.editor})
    groups: dict[str, list[dict[str, Any]]] = {}
    for line in found.lines:
        groups.setdefault(line.field.category, []).append(_line(line, names))
    context = {
        "customer": found.customer,
        "groups": [{"label": category_label(name), "lines": lines} for name, lines in groups.items()],
        "seq": found.seq,
        "may_correct": desk.may("correct"),
        "may_collect": desk.may("collect"),
        "rules": [str(word) for rule, word in _RULES.items() if rule not in ("alone", "agreed")],
    }
    return page(request, "review/lineage.html", context, desk=desk, nav="customers")


def _line(line: Line, names: dict[UUID, str]) -> dict[str, Any]:
    return {
        "label": line.field.label(language()),
        "kept": _brought(line.kept, line.field.name, names),
        "others": [_brought(one, line.field.name, names) for one in line.others],
    }


def _brought(one: Brought, field: str, names: dict[UUID, str]) -> dict[str, Any]:
    source = one.source
    return {
        "masked": one.answer == "masked",
        "text": one.text if one.answer == "masked" else value_text(field, one.text),
        "policy": one.policy,
        "why": installation().rules.policies.text(one.policy, language()).reason if one.answer == "masked" else "",
        "form": _("not a valid form") if one.status == INVALID else "" if one.status == VALID else _("not checked"),
        "rule": str(_RULES[one.rule]),
        "agreed": one.rule == AGREED,
        "verified_at": one.verified_at,
        "said_at": one.said_at,
        "came_at": one.came_at,
        "kind": kind_label(source.kind) if source else "",
        "channel": source.channel if source else "",
        "batch": source.batch if source else None,
        "basis": basis_label(source.basis) if source else "",
        "notice": source.notice if source else "",
        "mark": source_mark(source.mark) if source and source.mark else None,
        "trust": f"{one.trust:+d}" if one.trust else "",
        "editor": (names.get(one.editor) or _("the customer")) if one.editor else "",
    }
