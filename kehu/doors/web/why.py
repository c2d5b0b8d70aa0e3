"""Why a field is shown, masked, compared only or denied: the page that opens nothing, and the comparison of an answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from kehu.doors.web import errors
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import category_label, language, page, purpose_label
from kehu.govern.parts import UnknownSubject
from kehu.govern.slugs import CATEGORIES, PURPOSES
from kehu.guard.gate.decisions import FieldAnswer
from kehu.guard.installation import claims_of, installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.desk.why import FieldWhy, why

ANSWERS = {
    "clear": ("malachite", "circle-check", gettext_lazy("visible")),
    "masked": ("gamboge", "circle-dashed", gettext_lazy("masked")),
    "match-only": ("wisteria", "equal", gettext_lazy("compared only")),
    "denied": ("cinnabar", "circle-x", gettext_lazy("hidden")),
}
"""Tone, icon and word of each answer of the gate."""


@staff_page
@require_GET
def why_page(request: HttpRequest, desk: SignedIn, subject: UUID) -> HttpResponse:
    """Every field of one customer under a purpose, and under another beside it."""
    purpose = request.GET.get("purpose") or (desk.claim.purpose if desk.claim else _usual(desk))
    other = request.GET.get("beside", "")
    if purpose not in PURPOSES or (other and other not in PURPOSES):
        return errors.unreadable(request)
    try:
        found = why(subject, actor=desk.without_purpose, purpose=purpose, other=other or None)
    except UnknownSubject:
        raise Http404 from None
    counts = {word: sum(1 for one in found if one.said.answer == word) for word in ANSWERS}
    context: dict[str, Any] = {
        "subject": subject,
        "asked": purpose,
        "asked_label": purpose_label(purpose),
        "other": other if other != purpose else "",
        "other_label": purpose_label(other) if other else "",
        "purposes": [(slug, purpose_label(slug)) for slug in PURPOSES],
        "groups": [
            (category_label(name), [_row(one) for one in found if one.field.category == name]) for name in CATEGORIES
        ],
        "counts": [(*ANSWERS[word], n) for word, n in counts.items() if n],
        "differing": sum(1 for one in found if one.differs),
    }
    return page(request, "web/why.html", context, desk=desk, nav="customers")


def _usual(desk: SignedIn) -> str:
    return min(claims_of(desk.role), key=lambda slug: PURPOSES[slug], default="service")


def _row(one: FieldWhy) -> dict[str, Any]:
    return {
        "label": one.field.label(language()),
        "name": one.field.name,
        "level": _("level %(n)s") % {"n": one.field.level},
        "said": _answer(one.said),
        "other": _answer(one.other) if one.other else None,
        "differs": one.differs,
    }


def _answer(said: FieldAnswer) -> dict[str, Any]:
    tone, icon, word = ANSWERS[said.answer]
    words = installation().rules.policies.text(said.policy, language())
    return {"tone": tone, "icon": icon, "word": word, "policy": said.policy, "words": words}
