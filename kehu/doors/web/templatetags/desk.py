"""Template tags: icons, masked values, consent chips; each makes safe markup without inline style."""

from __future__ import annotations

import functools
import hashlib
import re
from datetime import datetime
from decimal import Decimal

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from lucide.templatetags.lucide import lucide

from kehu.doors.web import charts, words
from kehu.guard.staff.sign_ins import SignedIn

register = template.Library()

# state -> icon and word; colour comes from data-state, so that none of the three stands alone
_CONSENT = {
    "on": ("check", gettext_lazy("given")),
    "off": ("x", gettext_lazy("withdrawn or refused")),
    "none": ("minus", gettext_lazy("never asked")),
    "limit": ("pause", gettext_lazy("limited")),
}
_SIGNS = {"CNY": "¥", "JPY": "JP¥", "USD": "$", "EUR": "€", "GBP": "£", "HKD": "HK$", "TWD": "NT$", "AUD": "A$"}
_HIDDEN = re.compile(r"([•*]+)")
_TONES = ("", "b", "c", "d", "e", "f")


@register.simple_tag
def icon(name: str, size: int = 16, cls: str = "") -> SafeString:
    """A lucide icon, hidden from screen readers: a word always stands beside it."""
    return _icon(str(name), int(size), cls)


@functools.lru_cache(maxsize=512)
def _icon(name: str, size: int, cls: str) -> SafeString:
    attributes = {"class": f"i {cls}".strip(), "aria_hidden": "true", "stroke_width": "1.75"}
    return mark_safe(str(lucide(name, size=size, **attributes)))  # noqa: S308  (shipped SVG, no input in it)


register.simple_tag(words.gap)


@register.simple_tag
def consent(label: str, state: str, title: str = "") -> SafeString:
    """A consent by icon, word and colour together."""
    name, word = _CONSENT[state]
    return format_html(
        '<span class="consent" data-state="{}" title="{}">{}<span>{}</span><span class="vh">{}</span></span>',
        state, title or f"{label}: {word}", _icon(name, 12, ""), label, f": {word}",
    )  # fmt: skip


def consent_dot(label: str, state: str, icon_name: str) -> SafeString:
    """A consent as a small square with its icon, as lists show it."""
    _, word = _CONSENT[state]
    text = f"{label}: {word}"
    return format_html(
        '<span class="cd" data-s="{}" title="{}">{}<span class="vh">{}</span></span>',
        state, text, _icon(icon_name, 13, ""), text,
    )  # fmt: skip


@register.filter
def woven(value: str) -> SafeString:
    """A masked value with its hidden part set back."""
    parts = enumerate(_HIDDEN.split(str(value)))  # every second part is hidden, and nothing but dots and stars
    pieces = (f'<span class="hid">{part}</span>' if at % 2 else escape(part) for at, part in parts)
    return mark_safe("".join(pieces))  # noqa: S308  (escaped where it is a value)


@register.filter
def may(desk: SignedIn, act: str) -> bool:
    """Whether the role of whoever sits at the screen does an act at all: what leads nowhere is not shown."""
    return desk.may(act)


@register.filter
def article(text: str) -> str:
    """An article that a rule rests on, in the reader's language."""
    return words.article_label(text)


@register.filter
def department(slug: str) -> str:
    """A department's name."""
    return words.department_label(slug)


@register.filter
def channel(name: str) -> str:
    """A channel's name."""
    return words.channel_label(name)


@register.filter
def notice(text: str | None) -> str:
    """A version of a notice; nothing where none was shown."""
    return words.notice_version(text or "")


@register.filter
def house(name: str) -> str:
    """Who answers for records."""
    return words.house_label(name)


@register.filter
def tone(key: object) -> str:
    """A colour of an avatar, the same for the same id."""
    return _TONES[hashlib.sha256(str(key).encode()).digest()[0] % len(_TONES)]


@register.filter
def initial(name: str) -> str:
    """One character that stands for a name; a dot where the name is hidden."""
    name = name.strip()
    return name[:1].upper() if name and name[0] not in "*•" else "·"


@register.filter
def short_id(value: object) -> str:
    """The end of an id, enough to tell two apart on one page."""
    return str(value)[-12:]


@register.filter
def count(number: int) -> str:
    """A whole number with its thousands apart."""
    return f"{number:,}"


@register.filter
def money(amount: Decimal | None, currency: str = "") -> str:
    """An amount in its currency."""
    if amount is None:
        return ""
    sign = _SIGNS.get(currency, f"{currency} " if currency else "")
    return f"{sign}{amount:,.2f}".removesuffix(".00")


@register.filter
def moment(text: str | datetime | None) -> str:
    """A moment, in ISO form or as a datetime, in the reader's zone and form."""
    if not text:
        return "—"
    at = datetime.fromisoformat(text) if isinstance(text, str) else text
    return date_format(timezone.localtime(at), "SHORT_DATETIME_FORMAT")


@register.simple_tag
def spark(values: list[int], tone_name: str = "accent") -> SafeString:
    """A small line of a few numbers."""
    return charts.sparkline(values, tone=tone_name)


@register.simple_tag
def meter(share: float, tone_name: str = "accent") -> SafeString:
    """A bar filled to a share between 0 and 1."""
    return charts.meter(share, tone=tone_name)


@register.filter
def said(code: str) -> str:
    """The sentence for a short code of what has just been done; nothing for an unknown one."""
    sentences = {
        "consent-given": _("The consent is recorded and acts from now on."),
        "consent-withdrawn": _("The consent is withdrawn; every use that rests on it stops now."),
        "consent-asked": _("The customer is asked at their own door; nothing is permitted until they answer."),
        "subscription-set": _("Recorded: it acts on the next message."),
        "suppressed": _("Not recorded: this medium is suppressed; only the customer lifts that, at their own door."),
        "not-arrived": _("Noted: the value is relied on less from now on."),
        "restricted": _("Processing is restricted: storage only, from now on."),
        "restriction-lifted": _("The restriction is lifted."),
        "objected": _("The objection is recorded and acts from now on."),
        "objection-lifted": _("The objection is lifted."),
        "not-told": _("Not lifted: no letter reaches the customer. Tell them by post, and say so."),
        "lift-without-reason": _("Not lifted: say why, in 4,000 characters at most, and how the customer is told."),
        "death-lifted": _("The report of death is lifted; their own door is open to them again."),
        "nothing-in-force": _("There was nothing in force to take back."),
        "signed-out": _("You are signed out."),
        "password": _("The new password is taken: sign in with it."),
        "import-undone": _("The import is taken back; its rows are unknown from now on."),
    }
    return sentences.get(str(code), "")
