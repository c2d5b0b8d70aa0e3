"""The ledger as a page: what passed the gate in plain words, whether it still holds, and the proof of one row."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import field_label, language, page, purpose_label, whole
from kehu.doors.web.sent import beginning_of, date_of, email_of, end_of, id_of
from kehu.doors.web.words import human_label
from kehu.govern.parts import UnknownSubject
from kehu.govern.slugs import PURPOSES
from kehu.guard.installation import installation
from kehu.guard.ledger.proof import NotInLedger
from kehu.guard.staff.models import Staff
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.assurance.own import own_rows
from kehu.serve.assurance.queries import prove, rows, verify

PAGE: Final = 50
_TONES: Final = {"clear": "malachite", "masked": "gamboge", "match-only": "gamboge", "denied": "cinnabar"}
_ICONS: Final = {
    "read": "eye", "list": "list", "find": "search", "explain": "circle-question-mark", "match": "equal", "give": "truck",
    "collect": "upload", "link": "git-merge",
    "export": "file-down", "erase": "trash-2", "consent": "hand-heart", "restrict": "octagon-pause", "object": "hand",
    "hold": "lock", "review": "git-compare", "read-ledger": "scroll-text", "token": "key-round", "claim": "key-round",
    "staff": "user-round-plus", "portal": "door-open", "request": "file-user", "undo": "undo-2",
    "propose": "file-pen-line", "assess": "scale", "approve": "badge-check", "refuse": "circle-x", "retract": "undo-2",
    "contact": "send", "subscribe": "bell", "agree": "signature", "acknowledge": "eye", "train": "graduation-cap",
    "ask-grant": "hourglass", "grant": "badge-check", "deny-grant": "circle-x", "end-grant": "circle-stop",
    "break-glass": "siren", "review-glass": "eye", "read-grant": "eye", "keep-access": "user-round-check",
    "stop-source": "octagon-x", "audit-source": "clipboard-check", "inform": "mail-check",
    "invite": "link", "sign-on": "id-card", "channel": "cable", "adopt-weights": "scale", "teach-weights": "graduation-cap",
    "measure": "gauge", "quality-rule": "list-checks", "verify": "badge-check", "verify-policy": "calendar-check",
    "verify-task": "list-checks", "bounce": "mail-x",
    "publish": "megaphone", "take-alert": "siren", "dismiss-alert": "circle-check", "mark": "flag", "unmark": "flag-off",
    "open-case": "folder-open", "freeze": "snowflake", "unfreeze": "sun", "hear-case": "ear", "answer-case": "message-square",
    "decide-case": "gavel", "measure-case": "clipboard-check", "close-case": "folder-check", "read-case": "eye",
    "correct": "pencil", "tell": "megaphone",
    "derive": "sigma", "declare-trait": "file-pen-line", "retire-trait": "ban", "read-traits": "eye", "set-quota": "gauge",
    "classify": "scan-search", "accept-finding": "arrow-up", "dismiss-finding": "circle-x", "lower-field": "undo-2",
    "forget-cases": "trash-2", "move-staff": "arrow-right-left", "close-staff": "user-round-x", "own": "user-round-cog",
    "propose-role": "file-pen-line", "approve-role": "badge-check", "refuse-role": "circle-x",
}  # fmt: skip

_ACT_LABELS: Final = {
    "read": gettext_lazy("Opened"),
    "list": gettext_lazy("Listed"),
    "find": gettext_lazy("Searched"),
    "explain": gettext_lazy("Asked why"),
    "match": gettext_lazy("Compared"),
    "give": gettext_lazy("Given to a recipient"),
    "collect": gettext_lazy("Brought in"),
    "link": gettext_lazy("Linked"),
    "export": gettext_lazy("Exported"),
    "erase": gettext_lazy("Erased"),
    "consent": gettext_lazy("Consent recorded"),
    "restrict": gettext_lazy("Restriction"),
    "object": gettext_lazy("Objection"),
    "hold": gettext_lazy("Hold"),
    "optout": gettext_lazy("Opt-out of sale"),
    "deceased": gettext_lazy("Report of death"),
    "request": gettext_lazy("Request"),
    "incident": gettext_lazy("Incident"),
    "review": gettext_lazy("Review"),
    "sources": gettext_lazy("Sources listed"),
    "quarantine": gettext_lazy("Quarantine"),
    "read-ledger": gettext_lazy("Ledger read"),
    "token": gettext_lazy("Token issued"),
    "staff": gettext_lazy("Staff account"),
    "rotate": gettext_lazy("Keys rotated"),
    "retire": gettext_lazy("Rows retired"),
    "withhold": gettext_lazy("Kept from a log for a time"),
    "attest": gettext_lazy("Attested"),
    "undo": gettext_lazy("Undone"),
    "portal": gettext_lazy("Seen by the customer"),
    "claim": gettext_lazy("Purpose claimed"),
    "propose": gettext_lazy("Change proposed"),
    "assess": gettext_lazy("Impact assessed"),
    "approve": gettext_lazy("Change approved"),
    "refuse": gettext_lazy("Change refused"),
    "retract": gettext_lazy("Change withdrawn"),
    "contact": gettext_lazy("Written to"),
    "subscribe": gettext_lazy("Subscription recorded"),
    "agree": gettext_lazy("Agreement signed"),
    "acknowledge": gettext_lazy("Notice acknowledged"),
    "train": gettext_lazy("Training taken"),
    "publish": gettext_lazy("Text for staff published"),
    "ask-grant": gettext_lazy("Grant asked for"),
    "grant": gettext_lazy("Grant let through"),
    "deny-grant": gettext_lazy("Grant not let through"),
    "end-grant": gettext_lazy("Grant ended"),
    "break-glass": gettext_lazy("Glass broken"),
    "review-glass": gettext_lazy("Broken glass looked at"),
    "read-grant": gettext_lazy("Grant's reason read"),
    "keep-access": gettext_lazy("Access of a person reviewed"),
    "invite": gettext_lazy("Link to a password made"),
    "stop-source": gettext_lazy("Source stopped"),
    "audit-source": gettext_lazy("Source audited"),
    "inform": gettext_lazy("Told where it came from"),
    "sign-on": gettext_lazy("Single sign-on of an account"),
    "channel": gettext_lazy("Channel changed"),
    "measure": gettext_lazy("Data quality measured"),
    "quality-rule": gettext_lazy("Rule of data quality changed"),
    "verify": gettext_lazy("Value confirmed or corrected"),
    "verify-policy": gettext_lazy("Policy of verification changed"),
    "verify-task": gettext_lazy("Task of verification"),
    "bounce": gettext_lazy("Message did not arrive"),
    "adopt-weights": gettext_lazy("Linkage weights put in force"),
    "teach-weights": gettext_lazy("Linkage weights taught by answers"),
    "take-alert": gettext_lazy("Alert taken up"),
    "dismiss-alert": gettext_lazy("Alert dismissed"),
    "mark": gettext_lazy("Customer marked for the watch"),
    "unmark": gettext_lazy("Mark taken off"),
    "open-case": gettext_lazy("Violation case opened"),
    "freeze": gettext_lazy("Account frozen"),
    "unfreeze": gettext_lazy("Account let in again"),
    "hear-case": gettext_lazy("Person told or heard"),
    "answer-case": gettext_lazy("Answered in a case"),
    "decide-case": gettext_lazy("Case decided"),
    "measure-case": gettext_lazy("Measure carried out"),
    "close-case": gettext_lazy("Case closed"),
    "read-case": gettext_lazy("Case read"),
    "forget-cases": gettext_lazy("Old cases deleted"),
    "correct": gettext_lazy("Value corrected"),
    "tell": gettext_lazy("Recipient told of a correction"),
    "move-staff": gettext_lazy("Post of a person changed"),
    "close-staff": gettext_lazy("Account of a person closed"),
    "derive": gettext_lazy("Traits computed"),
    "declare-trait": gettext_lazy("Trait declared"),
    "retire-trait": gettext_lazy("Trait retired"),
    "read-traits": gettext_lazy("Traits read"),
    "set-quota": gettext_lazy("Quota set"),
    "classify": gettext_lazy("Free text scanned"),
    "accept-finding": gettext_lazy("Field raised after a finding"),
    "dismiss-finding": gettext_lazy("Finding dismissed"),
    "lower-field": gettext_lazy("Field back at its own level"),
    "own": gettext_lazy("Owner named"),
    "propose-role": gettext_lazy("Role of the house proposed"),
    "approve-role": gettext_lazy("Role of the house approved"),
    "refuse-role": gettext_lazy("Role of the house stopped"),
}
_ANSWERS: Final = {
    "clear": gettext_lazy("allowed"),
    "masked": gettext_lazy("masked"),
    "match-only": gettext_lazy("compared only"),
    "denied": gettext_lazy("refused"),
}


@staff_page
@require_GET
def ledger(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Rows, newest first: everybody's for those who may read the ledger, else one's own."""
    everything = desk.may("read-ledger")
    asked = _asked(request, everything=everything)
    try:
        found = _rows(desk, asked, everything=everything)
    except UnknownSubject:
        raise Http404 from None
    except ValueError:  # the end lies before the beginning
        found = []
    more = len(found) > PAGE
    shown = [_row(one) for one in found[:PAGE]]
    query = urlencode({name: value for name, value in asked["query"].items() if value})
    context = {
        "everything": everything,
        "rows": shown,
        "asked": asked["query"],
        "purposes": [(slug, purpose_label(slug)) for slug in PURPOSES],
        "people": Staff.objects.order_by("email").values_list("id", "email") if everything else [],
        "older": f"?{query}{'&' if query else ''}before={shown[-1]['seq']}" if more else "",
        "verdict": None,
    }
    return page(request, "web/ledger.html", context, desk=desk, nav="ledger")


@staff_page
@require_POST
def verify_now(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Recompute every hash, tree, signature and MAC, and say what came out."""
    verdict = verify(actor=desk.actor)
    if request.htmx:  # type: ignore[attr-defined]  # django_htmx's middleware sets it
        return render(request, "web/parts/verdict.html", {"verdict": verdict})
    return page(request, "web/verdict.html", {"verdict": verdict}, desk=desk, nav="ledger")


@staff_page
@require_GET
def proof(request: HttpRequest, desk: SignedIn, seq: int) -> HttpResponse:
    """The inclusion proof of one row, as a file that anybody can check without this system."""
    try:
        found = prove(seq, actor=desk.actor)
    except NotInLedger:
        raise Http404 from None
    body = json.dumps(found, ensure_ascii=False, indent=1)
    name = f"ledger-row-{seq}.json"
    return HttpResponse(
        body,
        content_type="application/json; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _rows(desk: SignedIn, asked: dict[str, Any], *, everything: bool) -> list[dict[str, Any]]:
    narrowed = {name: asked[name] for name in ("purpose", "since", "until", "before")} | {"limit": PAGE + 1}
    if not everything:
        return own_rows(actor=desk.actor, **narrowed)
    return rows(actor=desk.actor, subject=asked["subject"], staff=asked["staff"], **narrowed)


def _asked(request: HttpRequest, *, everything: bool) -> dict[str, Any]:
    """What the query narrows to; an address holds ids, never a value of a customer.

    Raises:
        Http404: an id of nobody.
    """
    given = request.GET
    since, until = (date_of(given.get(name, "")) for name in ("since", "until"))
    purpose = given.get("purpose", "")
    customer, human = (given.get(name, "").strip() if everything else "" for name in ("customer", "staff"))
    subject = id_of(customer)
    if customer and subject is None:  # never everybody's rows in the place of theirs
        raise Http404
    return {
        "subject": subject,
        "staff": email_of(human),
        "purpose": PURPOSES.get(purpose),
        "since": beginning_of(since),
        "until": end_of(until),
        "before": whole(given.get("before", ""), 18),
        "query": {
            "customer": str(subject or ""),
            "staff": str(id_of(human) or ""),
            "purpose": purpose if purpose in PURPOSES else "",
            "since": since.isoformat() if since else "",
            "until": until.isoformat() if until else "",
        },
    }


def _row(row: dict[str, Any]) -> dict[str, Any]:
    policy = row["policy"] or ""
    words = installation().rules.policies.text(policy, language()) if policy else None
    own_words = words is not None and words.reason != policy  # an act's own mark has no words
    return {
        "seq": row["seq"],
        "at": datetime.fromisoformat(row["at"]).astimezone(UTC),
        "human": human_label(row["human"], row["department"]),
        "department": row["department"] or "—",
        "purpose": purpose_label(row["purpose"]) if row["purpose"] else "",
        "action": action_label(row["action"]),
        "icon": _ICONS.get(row["action"], "circle-dot"),
        "tone": _TONES[row["answer"]],
        "answer": _ANSWERS[row["answer"]],
        "fields": [field_label(name) for name in row["fields"]],
        "subjects": row["subjects"],
        "given": " · ".join(filter(None, (row.get("recipient"), row.get("country")))),
        "policy": policy if own_words else "",
        "words": words if own_words else None,
    }


def action_label(action: str) -> str:
    """An act of the ledger in the reader's language."""
    return str(_ACT_LABELS.get(action, action))
