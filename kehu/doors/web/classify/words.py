"""Words of classification: kinds, levels, states and reasons, in the reader's language."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy

KIND_LABELS: Final = {
    "national_id": gettext_lazy("Identity number"),
    "passport": gettext_lazy("Passport number"),
    "card": gettext_lazy("Bank card"),
    "iban": gettext_lazy("Bank account"),
    "finance": gettext_lazy("Money matters"),
    "health": gettext_lazy("Health"),
    "religion": gettext_lazy("Religion"),
    "orientation": gettext_lazy("Sexual orientation"),
    "ethnicity": gettext_lazy("Ethnic origin"),
    "biometrics": gettext_lazy("Biometrics"),
    "location": gettext_lazy("Whereabouts"),
    "coordinates": gettext_lazy("Coordinates"),
    "email": gettext_lazy("Email address"),
    "phone": gettext_lazy("Telephone number"),
    "birth_date": gettext_lazy("Date of birth"),
    "plate": gettext_lazy("Number plate"),
    "ip": gettext_lazy("IP address"),
    "person": gettext_lazy("Name of a person"),
    "place": gettext_lazy("Address or place"),
    "organisation": gettext_lazy("Organisation"),
    "credit_code": gettext_lazy("Registration number of a company"),
}
LEVELS: Final = {
    1: ("malachite", gettext_lazy("1 public")),
    2: ("azurite", gettext_lazy("2 internal")),
    3: ("gamboge", gettext_lazy("3 personal")),
    4: ("cinnabar", gettext_lazy("4 sensitive")),
}
STATES: Final = {
    "within": ("azurite", "shield-check", gettext_lazy("covered by the field's level")),
    "accepted": ("malachite", "circle-check", gettext_lazy("accepted")),
    "dismissed": ("", "circle-x", gettext_lazy("dismissed")),
}
REASONS: Final = {
    "expected": gettext_lazy("This belongs in this field"),
    "mistaken": gettext_lazy("It is not what the scan took it for"),
    "harmless": gettext_lazy("It tells nothing of anybody"),
}
DONE: Final = {
    "begun": gettext_lazy("The scan was asked for; it begins in a moment."),
    "accepted": gettext_lazy(
        "From the next read on the field is treated at this level, whatever source its values come from."
    ),
    "dismissed": gettext_lazy("Dismissed. The field stays as it is."),
    "lowered": gettext_lazy("The field is back at the level it ships with; what was found in it is asked about again."),
    "decided": gettext_lazy("Somebody decided this before you."),
}
