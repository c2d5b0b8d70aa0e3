"""Words of these pages: kinds of channels, how one stands, and the tabs of a reader."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from kehu.collect.channels import kinds
from kehu.collect.inbox.queries import Overview
from kehu.doors.web.words import channel_label, reason_label, spoken
from kehu.govern.laws import load_packs
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn

STILL: Final = timedelta(minutes=10)
"""What waits longer than this is not being taken in."""
QUIET: Final = timedelta(days=3)
State = tuple[str, str, str]
MAIL_FAULTS: Final[dict[str, Promise]] = {
    "unreachable": gettext_lazy("The server does not answer. Look at its name and port, and whether this machine may go there."),
    "certificate": gettext_lazy(
        "The server's certificate is not trusted, or is another host's. Name the host as its certificate does."
    ),
    "no-tls": gettext_lazy("The server offers no TLS, and no password goes without it. Use its port 993, or one with STARTTLS."),
    "sign-in": gettext_lazy("The server refuses the account or its password. Many providers want a password made for programs."),
    "folder": gettext_lazy("The server has no such folder. Name it as the server does."),
    "protocol": gettext_lazy("The server answers what cannot be understood. See whether it speaks IMAP."),
    "busy": gettext_lazy("Too much waits already: it is fetched in a minute."),
    "fault": gettext_lazy("Something of ours broke down on it. Tell whoever runs this system; the other mailboxes are fetched."),
}  # fmt: skip
SHAPE_WORDS: Final[dict[str, Promise]] = {
    "cut": gettext_lazy("leave out what stands beyond the last column"),
    "fill": gettext_lazy("take missing cells as empty"),
    "plain": gettext_lazy("take quotation marks as they stand"),
}


def tabs(desk: SignedIn) -> list[tuple[str, str, str]]:
    """Name, words and address of the pages of what comes in that this reader may open."""
    every = (
        ("imports", _("Imports"), "imports", "collect"),
        ("channels", _("Channels"), "channels", "collect"),
        ("quarantine", _("Quarantine"), "quarantine", "quarantine"),
        ("lists", _("Do not contact"), "lists", "subscribe"),
    )
    return [(name, words, reverse(url)) for name, words, url, act in every if desk.may(act)]


def why(reason: str) -> str:
    """Why a row was refused: in a few words, or in those of the rule that refused it."""
    label = reason_label(reason)
    return label if label != reason else installation().rules.policies.text(reason, spoken()).reason or reason


def kind_label(name: str) -> str:
    """A kind of channel as people call it: its own words, else those of the ways that every installation begins with."""
    kind = kinds().get(name)
    if kind is None or not kind.labels:
        return channel_label(name)
    return kind.labels.get(spoken()) or kind.labels["en"]


def state_of(row: Overview) -> State:
    """Tone, icon and word of how a channel stands."""
    now, kind, ready, last_at = timezone.now(), row.channel.kind, row.ready, row.last_at
    if row.since is not None and now - row.since > STILL:
        return "cinnabar", "circle-alert", _("is stuck")
    if row.fault not in ("", "busy"):
        return "cinnabar", "circle-alert", _("is not fetched")
    if kind not in kinds():
        return "", "hand", _("by hand")
    if not ready:
        return "gamboge", "unplug", _("not set up")
    if last_at is None:
        return "", "hourglass", _("nothing came yet")
    if now - last_at > QUIET:
        return "gamboge", "moon", _("quiet")
    return "malachite", "circle-check", _("runs")


def countries() -> list[tuple[str, str]]:
    """Countries that a form offers: those whose law is known, by code and name, and a few of the others."""
    found = [(code, f"{code} · {pack.labels[spoken()]}") for pack in load_packs().values() for code in [pack.id]]
    return [(code, label) for code, label in found if code != "EU"] + [("DE", "DE"), ("FR", "FR"), ("TW", "TW")]


def unreadable(code: str) -> str:
    """Why a file cannot be read, and what helps."""
    return {
        "empty": _("The file is empty: give one with at least one row."),
        "json_array": _("One JSON array is not JSON lines: write one object per line."),
        "too_large": _(
            "The file is too large when unpacked, or its rows are too long: save it as CSV without what is not needed."
        ),
        "too_many_columns": _("The file has more than 1,000 columns: leave out those that hold no customer data."),
    }.get(code, _("This file cannot be read: damaged, encrypted, or of a kind that is not known. Save it anew."))
