"""Words of these pages: kinds of things, the things themselves, and a post's role."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.doors.web.pages import ROLE_LABELS, field_label, purpose_label
from kehu.doors.web.words import LAW_LABELS, channel_label
from kehu.govern.slugs import PURPOSES
from kehu.guard.access.leaving import Post
from kehu.guard.installation import installation

KINDS: Final = {
    "purpose": gettext_lazy("Purpose"),
    "notice": gettext_lazy("Notice"),
    "policy": gettext_lazy("Policies"),
    "law": gettext_lazy("Law pack"),
    "channel": gettext_lazy("Channel"),
    "source": gettext_lazy("Source"),
    "field": gettext_lazy("Field"),
    "quality": gettext_lazy("Rule of data quality"),
    "verification": gettext_lazy("Policy of verification"),
    "request": gettext_lazy("Request of a customer"),
    "incident": gettext_lazy("Incident"),
    "import": gettext_lazy("Import"),
    "proposal": gettext_lazy("Proposal"),
    "alert": gettext_lazy("Alert of the watch"),
}
"""What is owned, or had in hand, one of it."""
PLURALS: Final = {
    "purpose": gettext_lazy("Purposes"),
    "notice": gettext_lazy("Notices"),
    "policy": gettext_lazy("Policy files"),
    "law": gettext_lazy("Law packs"),
    "channel": gettext_lazy("Channels"),
    "source": gettext_lazy("Sources"),
    "field": gettext_lazy("Fields"),
    "quality": gettext_lazy("Rules of data quality"),
    "verification": gettext_lazy("Policies of verification"),
}


def thing_label(kind: str, name: str) -> str:
    """A thing in the reader's language; what the house named, and what has only an id, stands as it is."""
    if kind == "purpose" and name in PURPOSES:
        return purpose_label(name)
    if kind == "field" and name in installation().rules.dictionary.fields:
        return field_label(name)
    if kind in ("law", "policy") and name.upper() in LAW_LABELS:
        return str(LAW_LABELS[name.upper()])
    if kind == "policy" and name == "house":
        return _("the house's own")
    return channel_label(name) if kind in ("channel", "source") else name


def role_label(post: Post) -> str:
    """A shipped role in words; one of the house by its own name, with its base."""
    base = str(ROLE_LABELS[post.role])
    return f"{post.house_role} ({base})" if post.house_role else base
