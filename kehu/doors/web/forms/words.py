"""What the builder's pages say: kinds of forms, and why one cannot be as it is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.collect.forms.definition import Fault
from kehu.doors.web.pages import field_label, purpose_label
from kehu.govern.purposes import Purpose
from kehu.guard.installation import installation

KINDS: Final = {
    "form": (gettext_lazy("Form"), "file-pen-line"),
    "list": (gettext_lazy("Mailing list"), "mail"),
    "survey": (gettext_lazy("Survey"), "list-checks"),
}
QUESTIONS: Final = {
    "scale": gettext_lazy("scale"),
    "choice": gettext_lazy("choice"),
    "text": gettext_lazy("free text"),
}
MEDIA: Final = {
    "email": gettext_lazy("by email"),
    "sms": gettext_lazy("by text message"),
    "post": gettext_lazy("by post"),
}
MESSAGE: Final = gettext_lazy("Message")
TAKEN: Final = gettext_lazy("There is a form or a channel of that name already.")
UNNAMED: Final = gettext_lazy("A form needs a name of 1 to 40 characters, each of which is seen.")
WRITTEN_MEANWHILE: Final = gettext_lazy(
    "Somebody else changed the draft while you wrote. What you typed is still here; saved again, it replaces theirs."
)
WRITTEN_ANEW: Final = gettext_lazy(
    "The draft was changed since you opened this page. Read it as it is now, then publish it."
)
NOT_PUBLISHED: Final = gettext_lazy(
    "Nothing is published: this page holds changes that are not kept. Save them, then another person publishes; or open the"
    " page anew and publish the draft without them."
)
CLOSED_BESIDE: Final = gettext_lazy(
    "Closed: nobody can send it any more. The changes on this page are not kept yet: save them."
)
DONE: Final = {
    "saved": gettext_lazy("The draft is kept. Visitors see it once another person has published it."),
    "published": gettext_lazy("Published: visitors see it from now on."),
    "destroyed": gettext_lazy("Those texts are destroyed."),
    "closed": gettext_lazy("Closed: nobody can send it any more. What was sent stays."),
}
_LANGUAGES: Final = {"zh-hans": "简体中文", "zh-hant": "繁體中文", "en": "English"}
_FAULTS: Final = {
    "title-missing": gettext_lazy("A title is missing: %(about)s."),
    "text-too-long": gettext_lazy("A text is longer than 2,000 characters."),
    "text-turns": gettext_lazy(
        "A text in %(about)s holds a control character, or one that turns the direction of writing: type it anew."
    ),
    "purpose-missing": gettext_lazy("Choose what the answers are for."),
    "purpose-unknown": gettext_lazy("A form cannot be for that purpose."),
    "notice-silent": gettext_lazy("The notice does not tell of the purpose %(about)s as it is now."),
    "wording-missing": gettext_lazy("The words of the consent to %(about)s are missing in a language."),
    "field-unknown": gettext_lazy("One of the fields stands not in the dictionary."),
    "field-sensitive": gettext_lazy("%(about)s is sensitive: it needs a consent of its own, which a form cannot take."),
    "field-not-asked": gettext_lazy("%(about)s is no field that a visitor fills in."),
    "field-not-told": gettext_lazy("The notice does not tell that %(about)s is collected for these purposes."),
    "field-required-optional": gettext_lazy("%(about)s rests on a consent alone: it cannot be required, for the consent is free."),
    "letter-unknown": gettext_lazy("There are no such letters."),
    "letter-needs-field": gettext_lazy("Letters need the field %(about)s."),
    "letter-needs-marketing": gettext_lazy("Advertising letters need the purpose of marketing."),
    "letter-needs-confirmed": gettext_lazy("Letters by email need a mailbox that confirms: anybody may type an address."),
    "confirmed-needs-email": gettext_lazy("A form that is confirmed by email needs the field for it."),
    "origin-not-understood": gettext_lazy("The address of a page is written as https://shop.example."),
    "controller-unknown": gettext_lazy("Choose which company answers for it."),
    "nothing-asked": gettext_lazy("The form asks nothing."),
    "too-much": gettext_lazy("That is more than a form may hold."),
    "question-not-understood": gettext_lazy("Question %(about)s cannot be asked so."),
    "question-words": gettext_lazy("Question %(about)s lacks its words in a language."),
    "question-turns": gettext_lazy(
        "Question %(about)s holds a control character, or one that turns the direction of writing: type it anew."
    ),
    "question-steps": gettext_lazy("Question %(about)s: a scale has 2 to 11 steps."),
    "question-options": gettext_lazy("Question %(about)s: a choice has 2 to 20 options, each in every language."),
}  # fmt: skip


def fault(found: Fault) -> str:
    """Why a form cannot be as it is, in the reader's words."""
    if found.code == "field-not-needed":
        others = purposes(found.needed)
        field = field_label(found.about)
        if not others:
            return _("No purpose that a form may have needs %(field)s, so it cannot be asked.") % {"field": field}
        names = _(", ").join(purpose_label(one.slug) for one in others)
        return _("No purpose of this form needs %(field)s, so it cannot be asked. Needed by: %(names)s.") % {
            "field": field, "names": names,
        }  # fmt: skip
    return str(_FAULTS[found.code]) % {"about": _about(found)}


def purposes(slugs: Iterable[str]) -> list[Purpose]:
    """Purposes by their slugs."""
    held = installation().rules.purposes
    return [held[slug] for slug in slugs if slug in held]


def _about(found: Fault) -> str:
    rules = installation().rules
    if found.about in rules.dictionary.fields:
        return field_label(found.about)
    if found.about in rules.purposes:
        return purpose_label(found.about)
    return _LANGUAGES.get(found.about, found.about)
