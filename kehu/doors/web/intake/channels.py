"""Channels: every way in, how it stands, under which terms it brings records, and what opens it to programs."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kehu.collect.channels import kinds
from kehu.collect.inbox import changes, queries
from kehu.collect.inbox.terms import TermsNotUnderstood, set_terms
from kehu.collect.mail.boxes import KIND as MAILBOX
from kehu.collect.mail.boxes import TLS_PORT, BoxRefused, set_box
from kehu.collect.mail.pull import PullFailed, try_out
from kehu.collect.models import Mailbox
from kehu.collect.signed.secrets import LONGEST, SHORTEST, NotSigned, SecretRefused
from kehu.collect.signed.settings import SettingsRefused, as_text, settings_of
from kehu.doors.web.account.door import confirmed
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.imports import kind_word
from kehu.doors.web.intake.words import MAIL_FAULTS, kind_label, state_of, tabs
from kehu.doors.web.pages import field_label, page, purpose_label
from kehu.doors.web.record import basis_label
from kehu.govern.channels import KEYED, KINDS, ChannelTaken, page_key_of
from kehu.govern.models import Channel, Controller, Notice, Source
from kehu.govern.slugs import BASES, PURPOSES
from kehu.govern.trust import LEAST, MOST
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.desk.trusting import set_trust

_FREE: Final = 2  # empty rows at the end of a list of pairs
_DONE: Final = {
    "made": gettext_lazy("The channel is made."),
    "terms": gettext_lazy("The terms hold for whatever is taken in from now on."),
    "secret": gettext_lazy("The secret is taken; the one before opens nothing any more."),
    "mapping": gettext_lazy("The next message is read by this mapping."),
    "mailbox": gettext_lazy("The server lets us in: its mail is fetched every minute from now on."),
    "trust": gettext_lazy("Where values differ this counts from now on."),
}


@staff_page
@require_GET
def listed(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Every channel, how it stands and what it brought today."""
    return _list(request, desk)


@staff_page
@require_POST
def make(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """Make a channel; a key that it has is shown by this answer and never again."""
    asked = request.POST
    problem = ""
    try:
        made, key = changes.make_channel(
            asked.get("name", "").strip(), asked.get("kind", ""), actor=desk.without_purpose,
            country=asked.get("country", "").strip().upper(),
        )  # fmt: skip
    except changes.NameRefused:
        problem = _("A channel's name has 1 to 60 characters, without / ? # or \\.")
    except ChannelTaken:
        problem = _("A channel of this name is here already.")
    except ValueError:
        problem = _("Choose a kind; a country is written as two letters, or left empty.")
    else:
        if key is None:
            return redirect(reverse("channel", args=[made.id]) + "?done=made")
        return _one(request, desk, made, key=key)
    return _list(request, desk, problem=problem, status=422)


@staff_page
@require_GET
def one(request: HttpRequest, desk: SignedIn, number: int) -> HttpResponse:
    """A channel: how it stands, its terms, and what opens it."""
    require_act("collect", desk.actor)
    return _one(request, desk, _channel(number))


@staff_page
@require_POST
def terms(request: HttpRequest, desk: SignedIn, number: int) -> HttpResponse:
    """Say other terms."""
    require_act("channel", desk.without_purpose)
    held, asked = _channel(number), request.POST
    words = {name: _pairs(request, name) for name in ("consent", "field")}
    try:
        set_terms(
            held, actor=desk.without_purpose, controller=asked.get("controller") or None, basis=asked.get("basis") or None,
            notice=asked.get("notice") or None, residence=asked.get("residence", "").strip().upper(),
            source=asked.get("source"), consents=words["consent"], fields=words["field"],
        )  # fmt: skip
    except TermsNotUnderstood as wrong:
        return _one(request, desk, held, problem=_not_understood(wrong.option), status=422)
    return redirect(reverse("channel", args=[number]) + "?done=terms")


@staff_page
@require_POST
@confirmed
def key(request: HttpRequest, desk: SignedIn, number: int) -> HttpResponse:
    """Make another key, shown by this answer and never again."""
    require_act("channel", desk.without_purpose)
    held = _channel(number)
    made = changes.change_key(held, actor=desk.without_purpose)
    if made is None:
        raise Http404
    return _one(request, desk, held, key=made)


@staff_page
@require_POST
def trusted(request: HttpRequest, desk: SignedIn, number: int) -> HttpResponse:
    """Say how far it is trusted beside other channels."""
    require_act("channel", desk.without_purpose)
    held = _channel(number)
    try:
        set_trust(held.id, int(request.POST.get("trust", "")), actor=desk.without_purpose)
    except ValueError:
        problem = _("A trust is a whole number from %(least)d to %(most)d.") % {"least": LEAST, "most": MOST}
        return _one(request, desk, held, problem=problem, status=422)
    return redirect(reverse("channel", args=[number]) + "?done=trust")


@staff_page
@require_POST
@confirmed
def secret(request: HttpRequest, desk: SignedIn, number: int) -> HttpResponse:
    """Take the secret that the sender signs with; nobody sees it again."""
    require_act("channel", desk.without_purpose)
    held = _channel(number)
    try:
        changes.change_secret(held, request.POST.get("secret", "").strip(), actor=desk.without_purpose)
    except NotSigned:
        raise Http404 from None
    except SecretRefused as refused:
        problem = _("A secret has %(least)d to %(most)d characters.") % {"least": SHORTEST, "most": LONGEST}
        if kinds()[held.kind].form_of_secret is not None:  # such a kind says in its own words how it is written
            problem = str(refused)
        return _one(request, desk, held, problem=problem, status=422)
    return redirect(reverse("channel", args=[number]) + "?done=secret")


@staff_page
@require_POST
def mapping(request: HttpRequest, desk: SignedIn, number: int) -> HttpResponse:
    """Take the file that says how messages are read."""
    require_act("channel", desk.without_purpose)
    held, text = _channel(number), request.POST.get("mapping", "")
    kind = kinds().get(held.kind)
    if kind is None or not kind.mapped:
        raise Http404
    try:
        changes.change_mapping(held, text.encode(), actor=desk.without_purpose)
    except SettingsRefused as refused:
        # its words name places of the file, in English as the file itself is written
        return _one(request, desk, held, problem=str(refused), text=text, status=422)
    return redirect(reverse("channel", args=[number]) + "?done=mapping")


@staff_page
@require_POST
@confirmed
def mailbox(request: HttpRequest, desk: SignedIn, number: int) -> HttpResponse:
    """Say where its mail is fetched from, and try whether it can be."""
    require_act("channel", desk.without_purpose)
    held, asked = _channel(number), request.POST
    if held.kind != MAILBOX:
        raise Http404
    port = asked.get("port", "")
    try:
        box = set_box(
            held, actor=desk.without_purpose, host=asked.get("host", "").strip(), account=asked.get("account", "").strip(),
            password=asked.get("password", ""), port=int(port) if port.isdecimal() and len(port) < 6 else 0,
            folder=asked.get("folder", "").strip() or "INBOX", everything="everything" in asked,
            marks_seen="marks_seen" in asked,
        )  # fmt: skip
    except BoxRefused:
        problem = _("Server, account, folder and password stand on one line each; a port is a number from 1 to 65535.")
        return _one(request, desk, held, problem=problem, status=422)
    with suppress(PullFailed):  # the page says why
        try_out(box)
        return redirect(reverse("channel", args=[number]) + "?done=mailbox")
    return redirect(reverse("channel", args=[number]) + "#h-box")


def _channel(number: int) -> Channel:
    held = Channel.objects.filter(id=number).first() if number < 1 << 15 else None
    if held is None:
        raise Http404
    return held


def _list(request: HttpRequest, desk: SignedIn, *, problem: str = "", status: int = 200) -> HttpResponse:
    rows = queries.overview(actor=desk.actor)
    context: dict[str, Any] = {
        "intake_tabs": tabs(desk),
        "rows": [
            {
                "one": row,
                "kind": kind_label(row.channel.kind),
                "basis": basis_label(row.basis),
                "sends": row.channel.kind in kinds(),
                "state": state_of(row),
            }
            for row in rows
        ],
        "kinds": [(kind, kind_label(kind)) for kind in dict.fromkeys([*kinds(), *KINDS])],
        "may_change": desk.may("channel"),
        "asked": request.POST,
        "problem": problem,
    }
    return page(request, "intake/channels.html", context, desk=desk, nav="imports", status=status)


def _one(
    request: HttpRequest, desk: SignedIn, held: Channel, *, key: str = "", problem: str = "", text: str = "", status: int = 200
) -> HttpResponse:  # fmt: skip
    found = queries.status_of(held, actor=desk.actor)
    [row] = [one for one in queries.overview(actor=desk.actor) if one.channel.id == held.id]
    kind = kinds().get(held.kind)
    settings = settings_of(held) if kind is not None and kind.mapped else {}
    context: dict[str, Any] = {
        "intake_tabs": tabs(desk),
        "found": found,
        "row": row,
        "kind": kind_label(held.kind),
        "sends": kind is not None,
        "signed": kind is not None and kind.signed,
        "keyed": held.kind in KEYED and kind is not None,
        "mapped": kind is not None and kind.mapped,
        "came": [{"came": one, "word": kind_word(one.kind)} for one in found.came],
        "has_secret": queries.has_secret(held),
        **_fetched(held),
        "has_key": held.key_digest is not None,
        "page_key": page_key_of(held),
        "state": state_of(row),
        "addresses": _addresses(request, held),
        "for_people": kind is not None and bool(kind.page),
        "mapping": text or (as_text(settings) if settings else ""),
        "may_change": desk.may("channel"),
        "trust": held.trust,
        "least_trust": LEAST,
        "most_trust": MOST,
        "key": key,
        "problem": problem,
        "told": _DONE.get(request.GET.get("done", ""), ""),
        **_choices(found),
    }
    return page(request, "intake/channel.html", context, desk=desk, nav="imports", status=status)


def _fetched(held: Channel) -> dict[str, Any]:
    """Of a channel whose mail is fetched: from where, and why it was not lately."""
    if held.kind != MAILBOX:
        return {"fetched": False}
    box = Mailbox.objects.filter(channel=held.id).first()
    return {"fetched": True, "box": box, "fault": MAIL_FAULTS.get(box.failure, "") if box else "", "port": TLS_PORT}


def _choices(found: queries.ChannelStatus) -> dict[str, Any]:
    """What terms can be, and those that are said."""
    dictionary = installation().rules.dictionary.fields
    consents = [*found.consents.items(), *[("", "")] * _FREE]
    fields = [*found.fields.items()]
    fields += [
        (name, "") for name, _count in found.unread if name not in found.fields and not name.startswith("consent.")
    ]
    return {
        "controllers": list(Controller.objects.order_by("id").values_list("name", flat=True)),
        "bases": [(basis, basis_label(basis)) for basis in BASES],
        "basis": basis_label(found.basis),
        "notices": sorted(set(Notice.objects.values_list("name", flat=True))),
        "notice": found.notice.partition("@")[0],
        "sources": list(Source.objects.order_by("name").values_list("name", flat=True)),
        "purposes": [(slug, purpose_label(slug)) for slug in PURPOSES],
        "dictionary": [(name, field_label(name)) for name, one in dictionary.items() if not one.event],
        "consents": consents,
        "fields": [*fields, *[("", "")] * _FREE],
        "counts": dict(found.unread),
    }


def _addresses(request: HttpRequest, held: Channel) -> list[str]:
    """Where its sender posts to: those who sign say by the address which channel they are."""
    kind = kinds().get(held.kind)
    if kind is None:
        return []
    if kind.page:
        return [request.build_absolute_uri(f"{kind.page}/{held.id}")]
    end = f"/{held.id}" if kind.signed else ""
    return [request.build_absolute_uri(prefix + end) for prefix in kind.prefixes]


def _pairs(request: HttpRequest, name: str) -> dict[str, str]:
    theirs, ours = request.POST.getlist(f"{name}_word"), request.POST.getlist(f"{name}_ours")
    return {word.strip(): one for word, one in zip(theirs, ours, strict=False) if word.strip() and one}


def _not_understood(option: str) -> str:
    return {
        "controller": _("Nobody of that name answers for records here."),
        "basis": _("Choose the lawful basis they were collected on."),
        "notice": _("No notice of that name is in force."),
        "residence": _("A country is written as two letters (US-CA for a state), or left empty."),
        "source": _("No source of that name is in force."),
        "consent": _("A word for a consent has 1 to 100 characters, and names a purpose that is here."),
        "field": _("A sender's name has 1 to 100 characters, and stands for a field of the dictionary."),
    }.get(option, _("Something in the terms is not known."))
