"""What the counter's pages show: fields of the purpose, and the customer's side of the screen in every language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import uuid4

from django.http import QueryDict
from django.utils import translation
from django.utils.translation import gettext_noop

from kehu.doors.web.pages import language
from kehu.govern.consent import notice_in_force
from kehu.govern.models import Notice
from kehu.govern.slugs import LANGUAGES
from kehu.guard.installation import installation
from kehu.serve.counter.entries import fields_of, offered

Every = list[tuple[str, str, str]]
"""A text in each language: its code, as `lang` names it, and itself."""
HTML_LANGUAGE: Final = {"zh-hans": "zh-Hans", "zh-hant": "zh-Hant", "en": "en"}
NAMES: Final = {"zh-hans": "简体中文", "zh-hant": "繁體中文", "en": "English"}
_KINDS: Final = {"email": "email", "phone": "tel", "date": "date"}
_FIRST: Final = frozenset({"full_name", "phone", "email", "birth_date"})
_SIDE: Final = {
    "title": gettext_noop("What may we use your details for?"),
    "lead": gettext_noop(
        "Each box is yours to tick or to leave. Whatever you choose, you are served in the same way, and you can change it at any"
        " time."
    ),
    "none": gettext_noop("Nothing here needs your permission."),
    "notice": gettext_noop("Read the privacy notice"),
    "done": gettext_noop("That is my choice"),
    "back": gettext_noop("Back"),
    "thanks": gettext_noop("Thank you. Your choice is kept."),
    "waits": gettext_noop("Your choice waits on this device and is sent as soon as there is a connection."),
}


def every(text: str) -> Every:
    """A text of the pages in each language."""
    found: Every = []
    for code in LANGUAGES:
        with translation.override(code):
            found.append((code, HTML_LANGUAGE[code], translation.gettext(text)))
    return found


def of_each(texts: Mapping[str, str]) -> Every:
    """A text of the rules in each language."""
    return [(code, HTML_LANGUAGE[code], texts.get(code) or texts.get("en", "")) for code in LANGUAGES]


def side(said: QueryDict | None = None) -> dict[str, Any]:
    """The customer's side: the words, the notice in force, and every use that rests on a consent.

    Args:
        said: an answer that could not be kept: what was ticked stays, where the page says now what it said then.
    """
    try:
        notice = notice_in_force()
    except Notice.DoesNotExist:
        return {"words": {name: every(text) for name, text in _SIDE.items()}, "uses": [], "notice": None}
    purposes = installation().rules.purposes
    ticked = set(said.getlist("consent")) if said is not None and said.get("notice") == str(notice.id) else set()
    return {
        "words": {name: every(text) for name, text in _SIDE.items()},
        "languages": [(code, HTML_LANGUAGE[code], name) for code, name in NAMES.items()],
        "notice": notice,
        "notice_text": of_each(notice.texts),
        "uses": [
            {
                "purpose": one.purpose,
                "version": one.version,
                "ticked": said is not None
                and one.purpose in ticked
                and said.get(f"version.{one.purpose}") == str(one.version),
                "label": of_each(purposes[one.purpose].labels),
                "description": of_each(purposes[one.purpose].descriptions),
            }
            for one in offered(notice)
        ],
        "spoken": language(),
    }


def form(purpose: str, values: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The fields that may be taken down for a purpose, the first things asked before the rest."""
    dictionary, given = installation().rules.dictionary, values or {}
    fields = [
        {
            "name": name,
            "label": dictionary.field(name).label(language()),
            "type": _KINDS.get(dictionary.field(name).type, "text"),
            "value": given.get(name, ""),
        }
        for name in fields_of(purpose)
    ]
    first = [one for one in fields if one["name"] in _FIRST]
    rest = [one for one in fields if one["name"] not in _FIRST]
    return {"id": uuid4(), "purpose": purpose, "first": first, "rest": rest, "open": any(one["value"] for one in rest)}
