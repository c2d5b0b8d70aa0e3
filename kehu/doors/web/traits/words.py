"""Traits in words: values, bands, levels, units, in the reader's language."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy

from kehu.doors.web.templatetags.desk import count, money
from kehu.doors.web.words import channel_label
from kehu.refine.derive.definition import Definition

_CURRENCY: Final = re.compile("[A-Z]{3}")
LEVELS: Final = {
    2: gettext_lazy("2 · names nobody"),
    3: gettext_lazy("3 · carries amounts"),
    4: gettext_lazy("4 · sensitive"),
}
STATES: Final = {
    "in-force": ("malachite", "circle-check", gettext_lazy("in force")),
    "retired": ("", "archive", gettext_lazy("retired")),
    "shipped": ("gamboge", "hourglass", gettext_lazy("waits for an owner")),
    "waiting": ("gamboge", "hourglass", gettext_lazy("waits for an owner")),
}
UNITS: Final = {
    "days": gettext_lazy("days"),
    "count": gettext_lazy("a number"),
    "money": gettext_lazy("money"),
    "word": gettext_lazy("a word"),
    "fifth": gettext_lazy("a fifth, 1 to 5"),
    "none": gettext_lazy("nothing"),
}
# words that shipped declarations give; those of the house are shown as they were written
_WORDS: Final = {
    "new": pgettext_lazy("trait", "new"),
    "active": pgettext_lazy("trait", "active"),
    "cooling": pgettext_lazy("trait", "cooling"),
    "lapsed": pgettext_lazy("trait", "lapsed"),
    "night": pgettext_lazy("trait", "night"),
    "morning": pgettext_lazy("trait", "morning"),
    "afternoon": pgettext_lazy("trait", "afternoon"),
    "evening": pgettext_lazy("trait", "evening"),
    "tea": pgettext_lazy("trait", "tea"),
    "tableware": pgettext_lazy("trait", "tableware"),
    "music": pgettext_lazy("trait", "music"),
    "other": pgettext_lazy("trait", "other"),
    "true": pgettext_lazy("trait", "yes"),
    "false": pgettext_lazy("trait", "no"),
}


def word_text(word: str) -> str:
    """A word or key that a trait gives."""
    return str(_WORDS[word]) if word in _WORDS else channel_label(word)


def value_text(value: Any, unit: str) -> str:
    """A value as people read it; of one for each key the largest three."""
    if isinstance(value, dict):
        most = sorted(value.items(), key=lambda item: (-item[1], item[0]))[:3]
        return _(", ").join(_amount(held, key, unit) for key, held in most)
    if isinstance(value, bool):
        return word_text(str(value).lower())
    if isinstance(value, str):
        return word_text(value)
    return _number(value, unit)


def _amount(held: float, key: str, unit: str) -> str:
    if unit == "money" and _CURRENCY.fullmatch(key):
        return money(Decimal(str(held)), key)
    return f"{word_text(key)} {_number(held, unit)}"


def _number(value: float, unit: str) -> str:
    text = count(value) if isinstance(value, int) else f"{value:,.2f}"
    if unit == "days":
        return ngettext("%(n)s day", "%(n)s days", int(value)) % {"n": text}
    return text


def band_texts(definition: Definition, bands: Sequence[str]) -> list[str]:
    """What each band of a spread holds, in words."""
    if not definition.bands or not all(band.isdigit() for band in bands):
        return [word_text(band) for band in bands]
    edges = [_edge(edge) for edge in definition.bands]
    if definition.unit == "fifth":
        return [str(place + 1) for place in range(len(edges) + 1)]
    found = [_("under %(n)s") % {"n": edges[0]}]
    found += [_("%(from)s to under %(to)s") % {"from": low, "to": high} for low, high in itertools.pairwise(edges)]
    return [*found, _("%(n)s and more") % {"n": edges[-1]}]


def _edge(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"
