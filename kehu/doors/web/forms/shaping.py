"""A definition as the builder's page shows it: what may be chosen, what is chosen, and what needs it."""

from __future__ import annotations

from typing import Any, Final

from kehu.collect.forms.definition import TEXTS, Definition, askable, choosable, known, rests_on_consent
from kehu.collect.forms.questions import KINDS
from kehu.doors.web.forms import words
from kehu.doors.web.pages import category_label, language
from kehu.doors.web.register.words import LANGUAGE_NAMES
from kehu.doors.web.words import house_label, notice_version
from kehu.govern.models import Controller
from kehu.govern.notices import current
from kehu.govern.slugs import LANGUAGES
from kehu.govern.topics import load_topics
from kehu.guard.installation import installation

_MEDIA: Final = ("email", "sms", "post")
_BLANK: Final = 2


def shape(held: Definition) -> dict[str, Any]:
    """Everything that the builder's page holds."""
    held, said = known(held), language()
    return {
        "texts": [
            {"language": one, "name": LANGUAGE_NAMES[one], **{part: held.texts.get(part, {}).get(one, "") for part in TEXTS}}
            for one in LANGUAGES
        ],
        "purposes": [_purpose(one, held, said) for one in choosable()],
        "groups": _groups(held, said),
        "letters": [
            {
                "topic": topic.label(said),
                "media": [(f"{medium}:{slug}", words.MEDIA[medium], f"{medium}:{slug}" in held.letters) for medium in _MEDIA],
            }
            for slug, topic in load_topics().items()
        ],
        "controllers": [
            (one, house_label(one), one == held.controller)
            for one in Controller.objects.order_by("id").values_list("name", flat=True)
        ],
        "notices": [(one.name, notice_version(str(one)), one.name == held.notice) for one in current().order_by("name")],
        "country": held.country,
        "origins": "\n".join(held.origins),
        "confirmed": held.confirmed,
        "children": held.children,
        "anonymous": held.anonymous,
        "age": held.own_age(),
        "questions": _questions(held),
    }  # fmt: skip


def _purpose(one: Any, held: Definition, said: str) -> dict[str, Any]:
    on = one.slug in held.purposes
    return {
        "slug": one.slug,
        "label": one.label(said),
        "description": one.descriptions[said],
        "on": on,
        "consent": rests_on_consent(one.slug, held.packs),
        "boxed": on and one.slug in held.consents(),
        "wordings": [
            (language_, LANGUAGE_NAMES[language_], held.wordings.get(one.slug, {}).get(language_, ""))
            for language_ in LANGUAGES
        ],
    }


def _groups(held: Definition, said: str) -> list[tuple[str, list[dict[str, Any]]]]:
    """Fields that a chosen purpose needs, by category: no other can be chosen."""
    purposes, found = installation().rules.purposes, dict[str, list[dict[str, Any]]]()
    for one in askable():
        needing = held.needing(one.name)
        if needing:
            found.setdefault(one.category, []).append({
                "name": one.name, "label": words.MESSAGE if one.name == "text" else one.label(said),
                "on": one.name in held.fields, "required": held.fields.get(one.name, False),
                "for": [purposes[slug].label(said) for slug in needing],
                "optional": all(rests_on_consent(slug, held.packs) for slug in needing) and one.name != "email",
            })  # fmt: skip
    return [(category_label(category), fields) for category, fields in found.items()]


def _questions(held: Definition) -> list[dict[str, Any]]:
    rows = []
    for number in range(1, len(held.questions) + _BLANK + 1):
        one = held.questions[number - 1] if number <= len(held.questions) else None
        rows.append({
            "number": number, "id": one.id if one else f"q{number}", "new": one is None,
            "kinds": [(kind, words.QUESTIONS[kind], one is not None and one.kind == kind) for kind in KINDS],
            "steps": one.steps if one else 5,
            "words": [(each, LANGUAGE_NAMES[each], one.words.get(each, "") if one else "",
                       "\n".join(option.get(each, "") for option in one.options) if one else "") for each in LANGUAGES],
        })  # fmt: skip
    return rows
