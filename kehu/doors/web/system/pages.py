"""How the system runs: what is wrong and what to do, what waits, how far behind it is, what room is left."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET

from kehu import __version__
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import page
from kehu.guard.staff.sign_ins import SignedIn
from kehu.host.checks import Said
from kehu.serve.assurance import operation
from kehu.serve.assurance.operation import Operation, Room

_NARROW: Final = 0.1  # of a disk that is free
# what a finding is about: the first word of its id
_AREAS: Final = {
    "backup": gettext_lazy("Backup"),
    "clock": gettext_lazy("Clock"),
    "core": gettext_lazy("Machine"),
    "database": gettext_lazy("Database"),
    "disk": gettext_lazy("Disk"),
    "erasures": gettext_lazy("Erasures"),
    "holds": gettext_lazy("Holds"),
    "home": gettext_lazy("Files"),
    "hosts": gettext_lazy("Names of the site"),
    "inbox": gettext_lazy("Inbox"),
    "incidents": gettext_lazy("Incidents"),
    "inform": gettext_lazy("Duty to inform"),
    "jobs": gettext_lazy("Jobs"),
    "keys": gettext_lazy("Key material"),
    "laws": gettext_lazy("Laws"),
    "ledger": gettext_lazy("Ledger"),
    "mail": gettext_lazy("Mail"),
    "mailbox": gettext_lazy("Mailboxes"),
    "notices": gettext_lazy("Notices"),
    "owners": gettext_lazy("Owners"),
    "passwords": gettext_lazy("Passwords"),
    "proxy": gettext_lazy("Proxy"),
    "requests": gettext_lazy("Requests"),
    "settings": gettext_lazy("Settings"),
    "staff": gettext_lazy("Accounts"),
    "swap": gettext_lazy("Machine"),
    "system": gettext_lazy("System"),
    "traits": gettext_lazy("Traits"),
    "watch": gettext_lazy("Watch"),
    "web": gettext_lazy("Web"),
    "witness": gettext_lazy("Witnesses"),
}
_SEVERITIES: Final = {
    "error": ("cinnabar", "circle-x", gettext_lazy("error")),
    "warning": ("gamboge", "triangle-alert", gettext_lazy("warning")),
    "note": ("", "info", gettext_lazy("note")),
}


@staff_page
@require_GET
def system(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """What waits and how far behind it is; what is wrong is fetched beside, for it takes longer to find."""
    return _whole(request, desk)


def _whole(request: HttpRequest, desk: SignedIn, found: dict[str, Any] | None = None) -> HttpResponse:
    """The page; ``found``: what is wrong, where it was looked for already."""
    held = operation.operation(actor=desk.without_purpose)
    context = (found or {}) | {
        "looked": found is not None,
        "held": held,
        "version": __version__,
        "metrics": _metrics(held),
        "rooms": [_room(one) for one in held.rooms],
        "database": _size(held.database_bytes),
    }
    return page(request, "system/index.html", context, desk=desk, nav="system")


@staff_page
@require_GET
def findings(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """What is wrong and what to do, worst first: a part of the page, or without scripts the whole of it."""
    found = operation.found_wrong(actor=desk.without_purpose)
    rows = [
        {
            "id": one.id,
            "area": _area(one.id),
            "word": _SEVERITIES[one.severity],
            "text": in_words(one.text),
            "remedy": in_words(one.remedy),
        }
        for one in found
    ]
    context = {"rows": rows, "wrong": sum(one.severity == "error" for one in found)}
    if not getattr(request, "htmx", False):
        return _whole(request, desk, context)
    return render(request, "system/findings.html", context)


def in_words(text: str) -> str:
    """What the rooms below said in English, in the reader's language; what is a program's own word stays as it is."""
    if not isinstance(text, Said):
        return _(text) if text else ""
    values = {name: in_words(one) if isinstance(one, Said) else one for name, one in text.values.items()}
    return _(text.pattern).format_map(values) if text.pattern else ""


def _area(id: str) -> str:
    first = id.partition(".")[0]
    return str(_AREAS.get(first, first))


def _metrics(held: Operation) -> list[tuple[str, Any, str, str]]:
    """Label, number, what it means, and its tone."""
    jobs, failed = sum(one.todo + one.doing for one in held.tasks), sum(one.failed for one in held.tasks)
    return [
        (_("Workers"), _("silent") if held.silent else _("at work"), _heard(held), "cinnabar" if held.silent else ""),
        (
            _("Jobs"), jobs,
            ngettext("%(n)d failed", "%(n)d failed", failed) % {"n": failed}, "cinnabar" if failed else "",
        ),
        (
            _("Inbox"), sum(one.messages for one in held.inbox),
            _("messages that are not taken in yet"), "",
        ),
        (
            _("Ledger"), held.ledger.rows,
            _("rows not hashed yet; the oldest waits %(n).0f s") % {"n": held.ledger.seconds},
            "cinnabar" if held.ledger.alarming else "",
        ),
    ]  # fmt: skip


def _heard(held: Operation) -> str:
    if held.heard is None:
        return _("none was ever heard of")
    return _("last heard of %(n).0f s ago") % {"n": held.heard}


def _room(one: Room) -> dict[str, Any]:
    used = 1 - one.free / one.total if one.total else 1.0
    tone = "cinnabar" if 1 - used < _NARROW else "accent"
    return {"path": one.path, "used": used, "tone": tone, "free": _size(one.free), "total": _size(one.total)}


def _size(count: int) -> str:
    """Bytes, in units of ten."""
    for unit, of in (("TB", 10**12), ("GB", 10**9), ("MB", 10**6)):
        if count >= of:
            return f"{count / of:.1f} {unit}"
    return f"{count / 10**3:.0f} kB"
