"""What the visitors' pages say of a state, a fault, a medium."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.collect.forms.showing import Shown
from kehu.guard.installation import installation

STATES: Final = {
    "kept": gettext_lazy("Thank you, we have received it."),
    "confirm": gettext_lazy(
        "Almost done: we have sent you a message with a link. Until you confirm it nothing is used;"
        " after 48 hours it is destroyed."
    ),
    "guardian": gettext_lazy(
        "Almost done: we have asked your guardian. Until they agree nothing is used; after 48 hours it is destroyed."
    ),
    "nothing": gettext_lazy("Nothing was kept: you allowed nothing that we could keep it for. That is all right."),
}  # fmt: skip
LOOK_AGAIN: Final = gettext_lazy(
    "Please look through it, tick again what you agree to, and send it once more: it came without this page, too fast,"
    " or after a day."
)
CHANGED: Final = gettext_lazy(
    "This form was changed while you filled it in. What you typed is still here; please read it again and choose anew."
)
TOO_MANY: Final = gettext_lazy("Very much came from your network. Please try again in an hour.")
FULL: Final = gettext_lazy(
    "We cannot take it in just now. Please send it again in a moment; what you typed is still here."
)
MESSAGE: Final = gettext_lazy("Your message")
MEDIA: Final = {
    "email": gettext_lazy("by email"),
    "sms": gettext_lazy("by text message"),
    "phone": gettext_lazy("by phone"),
    "post": gettext_lazy("by post"),
    "wechat": gettext_lazy("by WeChat"),
}
RELATIONS: Final = {
    "parent": gettext_lazy("parent"),
    "guardian": gettext_lazy("guardian"),
    "foster-parent": gettext_lazy("foster parent"),
    "court-appointed": gettext_lazy("appointed by a court"),
}
_FAULTS: Final = {
    "missing": gettext_lazy("Please fill this in."),
    "invalid": gettext_lazy("This cannot be read as what it should be."),
    "too-long": gettext_lazy("This is too long."),
    "needed-for-letter": gettext_lazy("Needed for the letters you chose; or choose none."),
    "asked-anew": gettext_lazy("In your country another age counts. Please answer once more."),
    "leave-empty": gettext_lazy("Please leave this empty."),
    "childs-own": gettext_lazy("Your guardian's own address, please, not yours."),
}


def fault(why: str) -> str:
    """The words of a fault; nothing for none."""
    return str(_FAULTS[why]) if why else ""


def guardian_inputs() -> list[tuple[str, str, str]]:
    """What is asked of a guardian: name, label, kind of input."""
    return [("name", _("Your guardian's name"), "text"), ("email", _("Your guardian's email address"), "email")]


def input_label(name: str, held: Shown, language: str) -> str:
    """What an input is called in the list of faults."""
    fixed = {
        "age": _("Your age"), "trap": _("Fax number"), "guardian_name": _("Your guardian's name"),
        "guardian_email": _("Your guardian's email address"), "guardian_relation": _("What they are to you"),
    }  # fmt: skip
    if name in fixed:
        return fixed[name]
    if name.startswith("q_"):
        found = next((one for one in held.definition.questions if f"q_{one.id}" == name), None)
        return found.text(language) if found else name
    return str(MESSAGE) if name == "text" else installation().rules.dictionary.field(name).label(language)
