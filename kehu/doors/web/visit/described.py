"""A form as a template and as an app read it: labels, purposes, boxes, in one language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.translation import gettext as _

from kehu.collect.forms.ages import age_asked
from kehu.collect.forms.showing import Shown
from kehu.collect.forms.submission import RELATIONS
from kehu.doors.web.visit import words
from kehu.doors.web.words import house_label
from kehu.govern.topics import load_topics
from kehu.guard.installation import installation

_INPUTS: Final = {"email": "email", "phone": "tel", "date": "date", "url": "url", "integer": "number"}
_COMPLETES: Final = {
    "full_name": "name", "given_name": "given-name", "family_name": "family-name", "email": "email", "phone": "tel",
    "address": "street-address", "locality": "address-level2", "region": "address-level1", "postal_code": "postal-code",
    "country": "country", "birth_date": "bday", "employer": "organization", "website": "url", "salutation": "honorific-prefix",
}  # fmt: skip
_LONG: Final = frozenset({"text", "interests"})


def described(held: Shown, language: str) -> dict[str, Any]:
    """What an app needs to show the form; the names are those it sends back."""
    form, dictionary = held.definition, installation().rules.dictionary
    return {
        "form": str(held.id),
        "version": held.version.number,
        "title": form.text("title", language),
        "intro": form.text("intro", language),
        "controller": house_label(held.controller),
        "notice": {"name": str(held.notice), "text": _notice_text(held, language)},
        "fields": [
            {
                "name": name, "label": dictionary.field(name).label(language), "type": dictionary.field(name).type,
                "required": required, "for": list(form.needing(name)),
            }
            for name, required in form.fields.items()
        ],
        "consents": [{"purpose": slug, "wording": form.wording(slug, language)} for slug in form.consents()],
        "letters": [{"letter": one, "label": _letter(one, language)[1]} for one in form.letters],
        "age": form.own_age() if form.children else None,
        "questions": [
            {"id": one.id, "kind": one.kind, "text": one.text(language), "options": one.option_texts(language)}
            for one in form.questions
        ],
    }  # fmt: skip


def form_view(held: Shown, said: Mapping[str, Any], faults: Mapping[str, str], language: str) -> dict[str, Any]:
    """What the page shows: what was typed stays, what was ticked stays ticked, nothing else is."""
    form, rules = held.definition, installation().rules
    ticked = set(said.getlist("c")) | set(said.getlist("l")) if hasattr(said, "getlist") else set()
    age = age_asked(held, said.get("f_country", "")) if form.children else 0
    age_said = said.get("age", "") if said.get("age_of", str(age)) == str(age) else ""  # of another age it says nothing
    guardian = age_said == "younger" or any(name.startswith("guardian") for name in faults)
    return {
        "id": held.id,
        "title": form.text("title", language),
        "intro": form.text("intro", language),
        "controller": house_label(held.controller),
        "notice": held.notice,
        "fields": [_field(held, name, required, said, faults, language) for name, required in form.fields.items()],
        "uses": [
            {"label": rules.purposes[slug].label(language), "text": rules.purposes[slug].descriptions[language]}
            for slug in form.purposes
        ],
        "consents": [
            {
                "name": slug, "label": rules.purposes[slug].label(language), "wording": form.wording(slug, language),
                "on": slug in ticked,
            }
            for slug in form.consents()
        ],
        "letters": [_letter_view(one, one in ticked, language) for one in form.letters],
        "marketing": bool(form.marketing_letters()),
        "questions": [_question(one, said, faults, language) for one in form.questions],
        "age": age,
        "age_said": age_said,
        "age_fault": words.fault(faults["age"]) if "age" in faults else "",
        "guardian": [
            (name, label, kind, said.get(f"guardian_{name}", ""), words.fault(faults.get(f"guardian_{name}", "")))
            for name, label, kind in words.guardian_inputs()
        ] if guardian else [],
        "relations": [
            (one, words.RELATIONS[one], said.get("guardian_relation") == one) for one in RELATIONS
        ],
        "relation_fault": words.fault(faults.get("guardian_relation", "")),
        "anonymous": form.anonymous,
        "confirmed": form.confirmed and "email" in form.fields,
    }  # fmt: skip


def _field(
    held: Shown, name: str, required: bool, said: Mapping[str, Any], faults: Mapping[str, str], language: str
) -> dict[str, Any]:
    rules, form = installation().rules, held.definition
    found = rules.dictionary.field(name)
    return {
        "name": name,
        "label": found.label(language) if name != "text" else words.MESSAGE,
        "type": _INPUTS.get(found.type, "text"),
        "long": name in _LONG,
        "complete": _COMPLETES.get(name, "off"),
        "required": required,
        "for": _(", ").join(rules.purposes[slug].label(language) for slug in form.needing(name)),
        "value": said.get(f"f_{name}", ""),
        "fault": words.fault(faults.get(name, "")),
    }


def _question(one: Any, said: Mapping[str, Any], faults: Mapping[str, str], language: str) -> dict[str, Any]:
    given = said.get(f"q_{one.id}", "")
    options = one.option_texts(language)
    return {
        "id": one.id, "kind": one.kind, "text": one.text(language), "value": given,
        "options": [(str(at), text, given == str(at)) for at, text in enumerate(options, start=1)],
        "fault": words.fault(faults.get(f"q_{one.id}", "")),
    }  # fmt: skip


def _letter(letter: str, language: str) -> tuple[str, str, str]:
    medium, _, topic = letter.partition(":")
    held = load_topics()[topic]
    return str(words.MEDIA[medium]), held.label(language), held.description(language)


def _letter_view(letter: str, on: bool, language: str) -> dict[str, Any]:
    medium, label, text = _letter(letter, language)
    return {"name": letter, "medium": medium, "label": label, "text": text, "on": on}


def _notice_text(held: Shown, language: str) -> str:
    texts = held.notice.texts
    return str(texts.get(language, texts.get("en", "")))
