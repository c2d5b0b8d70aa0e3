"""The policies for those who answer for them: in words by law, and a change tried on what was decided."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.ledger import action_label
from kehu.doors.web.pages import ROLE_LABELS, field_label, language, page, purpose_label
from kehu.doors.web.why import ANSWERS
from kehu.doors.web.words import LAW_LABELS
from kehu.guard.gate.acts import require_act
from kehu.guard.gate.replay import COLLECTING
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.assurance import rules
from kehu.serve.assurance.trial import LARGEST, proposed_set, tested

DAYS: Final = (7, 30, 90, 365)
_LAWS: Final = {"house": gettext_lazy("House rules")} | {law.lower(): label for law, label in LAW_LABELS.items()}


@staff_page
@require_GET
def policies(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Every policy in force in words, by law."""
    require_act("read-ledger", desk.without_purpose)
    return _page(request, desk, {})


@staff_page
@require_POST
def replay(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Try a set of files, a ZIP or a text on what was decided in the last days; nothing comes in force."""
    require_act("read-ledger", desk.without_purpose)
    days = int(request.POST["days"]) if request.POST.get("days") in {str(n) for n in DAYS} else DAYS[1]
    law, text = request.POST.get("law", ""), request.POST.get("text", "").strip()
    sent = request.FILES.getlist("files")
    if large := [str(one.name) for one in sent if (one.size or 0) > LARGEST]:
        wrong = f"larger than {LARGEST:,} bytes: {', '.join(large)}"
        return _page(request, desk, {"wrong": wrong, "text": text, "law": law}, status=413)
    files = {str(one.name): one.read() for one in sent}
    if text and law in _LAWS:
        files[f"{law}.cedar"] = text.encode()
    try:
        other = proposed_set(files)
    except ValueError as wrong:  # what does not fit names a policy, and no person
        return _page(request, desk, {"wrong": str(wrong), "text": text, "law": law}, status=422)
    found = rules.try_policies(other, days=days, actor=desk.without_purpose)
    answer = rules.replay_answer(found, days=days)
    answer["changes"] = [_change(one) for one in answer["changes"]]
    answer["purposes"] = [
        (purpose_label(slug) if slug not in ("collect",) else action_label(slug), n)
        for slug, n in answer["purposes"].items()
    ]
    return _page(request, desk, {"trial": answer, "text": text, "law": law, "asked_days": days})


def _page(request: HttpRequest, desk: SignedIn, more: dict[str, Any], *, status: int = 200) -> HttpResponse:
    counts = tested()
    held = rules.policies(language())
    groups = [(label, [(one, counts[one.id]) for one in held if one.law == law]) for law, label in _LAWS.items()]
    context = {
        "groups": groups,
        "total": len(held),
        "days": DAYS,
        "laws": list(_LAWS.items()),
        "asked_days": DAYS[1],
        **more,
    }
    return page(request, "web/policies.html", context, desk=desk, nav="policies", status=status)


def _change(line: dict[str, Any]) -> dict[str, Any]:
    return line | {
        "purpose": purpose_label(line["purpose"]) if line["purpose"] else "",
        "action": action_label(line["use"]),
        "role": ROLE_LABELS.get(line["role"], line["role"]),
        "fields": [_("bringing in") if name == COLLECTING else field_label(name) for name in line["fields"]],
        "before": ANSWERS[line["before"]],
        "after": ANSWERS[line["after"]],
    }
