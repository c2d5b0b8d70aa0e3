"""Who looked: a customer's rows of the ledger in plain words, and the proof of each, checked step by step."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from kehu.doors.web.pages import ROLE_LABELS, language, whole
from kehu.doors.web.portal.entrance import guest_page, page
from kehu.doors.web.words import department_label
from kehu.govern.slugs import CUSTOMER
from kehu.guard.guests.credentials import Guest
from kehu.guard.installation import installation
from kehu.guard.ledger.check import check_proof
from kehu.guard.ledger.own import OwnRow, own_ledger, own_proof, own_row
from kehu.guard.ledger.proof import NotInLedger
from kehu.serve.assurance.proofs import verifier_text

# what was done, with the icon of its mark and its tone; {who} did it
ACTS: Final = {
    "read": (gettext_lazy("opened your data"), "eye", "azurite"),
    "list": (gettext_lazy("saw you in a list"), "list", "azurite"),
    "find": (gettext_lazy("looked you up"), "search", "azurite"),
    "match": (gettext_lazy("compared what a caller said with your data; nothing was shown"), "equal", ""),
    "explain": (gettext_lazy("asked whether they might see your data; nothing was opened"), "circle-question-mark", ""),
    "collect": (gettext_lazy("recorded data about you"), "file-input", "malachite"),
    "link": (gettext_lazy("compared records, to know which are yours"), "git-merge", ""),
    "export": (gettext_lazy("made a copy of your data, sealed for you"), "file-down", "wisteria"),
    "give": (gettext_lazy("gave your data to a recipient outside"), "send", "gamboge"),
    "erase": (gettext_lazy("prepared an erasure"), "trash-2", "cinnabar"),
    "consent": (gettext_lazy("recorded what you allow"), "toggle-right", "malachite"),
    "restrict": (gettext_lazy("restricted the use of your data"), "octagon-pause", "gamboge"),
    "object": (gettext_lazy("recorded an objection"), "hand", "gamboge"),
    "hold": (gettext_lazy("put your data on hold"), "lock", "gamboge"),
    "optout": (gettext_lazy("recorded that your data are not sold"), "ban", "gamboge"),
    "deceased": (gettext_lazy("recorded a report of death"), "file-warning", ""),
    "request": (gettext_lazy("dealt with your privacy request"), "shield-check", "wisteria"),
    "incident": (gettext_lazy("looked into an incident"), "siren", "cinnabar"),
    "review": (gettext_lazy("decided whether records are yours"), "git-merge", ""),
    "sources": (gettext_lazy("listed which record belongs to whom"), "list", ""),
    "quarantine": (gettext_lazy("looked at rows that were refused"), "file-warning", ""),
    "read-ledger": (gettext_lazy("read this list of uses"), "scroll-text", "wisteria"),
    "undo": (gettext_lazy("took records back"), "undo-2", ""),
    "contact": (gettext_lazy("wrote to you"), "send", "azurite"),
    "subscribe": (gettext_lazy("recorded how you may be written to"), "bell", "malachite"),
    "derive": (gettext_lazy("counted up your orders and contacts"), "chart-no-axes-column", "azurite"),
    "read-traits": (gettext_lazy("looked at what is derived about you"), "chart-no-axes-column", "azurite"),
    "measure": (gettext_lazy("counted how good the data are; nothing was shown"), "gauge", ""),
    "verify": (gettext_lazy("confirmed or corrected your data"), "badge-check", "malachite"),
    "verify-task": (gettext_lazy("wants something of your data verified"), "list-checks", ""),
    "bounce": (gettext_lazy("noted that something did not reach you"), "mail-x", ""),
    "portal": (gettext_lazy("signed in here"), "log-in", "malachite"),
    "mark": (gettext_lazy("had looks at your data watched more closely"), "flag", ""),
    "unmark": (gettext_lazy("ended the closer watch on looks at your data"), "flag-off", ""),
}
GROUND_LABELS: Final = {
    "consent": gettext_lazy("your consent"),
    "contract": gettext_lazy("the contract with you"),
    "legal_duty": gettext_lazy("a legal duty"),
    "legal_obligation": gettext_lazy("a legal duty"),
    "legitimate_interest": gettext_lazy("a legitimate interest"),
    "vital_interest": gettext_lazy("a vital interest"),
    "public_interest": gettext_lazy("the public interest"),
    "public_information": gettext_lazy("public information"),
    "hr": gettext_lazy("employment"),
}
STEP_LABELS: Final = {
    "commitment": gettext_lazy(
        "Your id and the secret number of this row give a commitment that nobody else can make."
    ),
    "row": gettext_lazy("The commitment stands in this row: its path leads to the root that the row holds."),
    "tree": gettext_lazy("The row stands in the ledger: its path leads to the root of the checkpoint."),
    "signature": gettext_lazy("The checkpoint is signed with the key of this ledger."),
}


@dataclass(frozen=True, slots=True)
class RowView:
    """A row in words. ``grounds``: what the use rested on; ``reason``: why it was refused, where it was; ``given``: to whom
    outside the house it went."""

    seq: int
    at: datetime
    who: str
    act: str
    icon: str
    tone: str
    purpose: str
    grounds: str
    clear: list[str]
    masked: list[str]
    compared: list[str]
    asked: list[str]
    reason: str
    own: bool
    given: str
    withheld_until: datetime | None
    automated: bool


@guest_page
@require_GET
def uses(request: HttpRequest, guest: Guest) -> HttpResponse:
    """Every use of the customer's data, newest first, a page at a time."""
    visits = request.GET.get("visits") == "1"
    found = own_ledger(guest.subject, actor=guest.actor, before=whole(request.GET.get("before", ""), 18), visits=visits)
    context = {
        "rows": [row_view(row) for row in found.rows],
        "older": found.rows[-1].seq if found.more else None,
        "visits": visits,
    }
    return page(request, "portal/uses.html", context, guest=guest)


@guest_page
@require_GET
def proof(request: HttpRequest, guest: Guest, seq: int) -> HttpResponse:
    """Prove one row, and check the proof step by step."""
    row = _row(guest, seq)
    try:
        document = own_proof(guest.subject, seq, actor=guest.actor)
    except NotInLedger:  # the sequencer is half a second behind
        return page(request, "portal/proof.html", {"row": row, "wait": True}, guest=guest, status=202)
    steps = [(one, STEP_LABELS[one.name]) for one in check_proof(document)]
    context = {
        "row": row,
        "steps": steps,
        "ok": all(one.ok for one, _ in steps),
        "document": document,
    }
    return page(request, "portal/proof.html", context, guest=guest)


@guest_page
@require_GET
def proof_file(request: HttpRequest, guest: Guest, seq: int) -> HttpResponse:
    """The proof as a file, to be checked without us."""
    try:
        document = own_proof(guest.subject, seq, actor=guest.actor)
    except NotInLedger:
        raise Http404 from None
    text = json.dumps(document, ensure_ascii=False, indent=1)
    return HttpResponse(
        text,
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="proof-{seq}.json"'},
    )


@require_GET
def program(request: HttpRequest) -> HttpResponse:
    """The program that checks a proof without us: the same one file for everybody, signed in or not."""
    return HttpResponse(
        verifier_text(),
        content_type="text/x-python; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="check_proof.py"'},
    )


def _row(guest: Guest, seq: int) -> RowView:
    try:
        return row_view(own_row(guest.subject, seq))
    except NotInLedger:
        raise Http404 from None


def row_view(row: OwnRow) -> RowView:
    """A row in the reader's language."""
    said, rules = language(), installation().rules
    act, icon, tone = ACTS.get(row.action, (row.action, "circle", ""))
    return RowView(
        seq=row.seq,
        at=row.at,
        who=_who(row),
        act=str(act),
        icon=icon,
        tone=tone,
        purpose=rules.purposes[row.purpose].label(said) if row.purpose else "",
        grounds=_(" and ").join(str(GROUND_LABELS.get(ground, ground)) for ground in row.grounds),
        clear=_labels(row.clear, said),
        masked=_labels(row.masked, said),
        compared=_labels(row.compared, said),
        asked=_labels(row.asked, said),
        reason=rules.policies.text(row.policy, said).reason if row.policy else "",
        own=row.own,
        given=_given(row),
        withheld_until=row.withheld_until,
        automated=row.automated and bool(row.clear or row.masked or row.compared),
    )


def _given(row: OwnRow) -> str:
    """To whom outside the house it went, or who there asked in vain."""
    if not row.recipient:
        return ""
    told = row.policy is None and row.action != "explain"
    words = {"name": row.recipient, "country": row.country}
    if not row.country:
        return (_("Given to %(name)s") if told else _("Asked for by %(name)s")) % words
    return (_("Given to %(name)s in %(country)s") if told else _("Asked for by %(name)s in %(country)s")) % words


def _labels(names: Iterable[str], said: str) -> list[str]:
    held = installation().rules.dictionary.fields
    return [held[name].label(said) for name in names if name in held]  # a field of older rules has no name any more


def _who(row: OwnRow) -> str:
    """Department and role; names of staff stay out."""
    if row.role == CUSTOMER:
        return _("You")
    role = str(ROLE_LABELS.get(row.role, row.role)) or _("The system")
    unit = department_label(row.department)
    return role if unit in ("", row.role, role) else f"{unit} · {role}"
