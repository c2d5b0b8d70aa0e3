"""People and their posts: who is here, what they own and hold, and the forms that move, close and reopen."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from kehu.doors.web.access.words import KINDS, role_label, thing_label
from kehu.doors.web.account.door import step_up_first
from kehu.doors.web.entrance import staff_page
from kehu.doors.web.pages import ROLE_LABELS, page
from kehu.doors.web.sent import id_of
from kehu.doors.web.words import department_label
from kehu.govern.slugs import ROLES
from kehu.guard.access import leaving
from kehu.guard.access.leaving import ChangeOver, Person, Post, PostChange
from kehu.guard.access.roles import names_in_force
from kehu.guard.staff.models import Department
from kehu.guard.staff.sign_ins import SignedIn
from kehu.serve.office import posts
from kehu.serve.office.posts import NotHandedOver, Thing

_KINDS: Final = {
    "move": gettext_lazy("another post"),
    "close": gettext_lazy("leaves"),
    "reopen": gettext_lazy("comes back"),
}
_STATES: Final = {
    "waiting": ("gamboge", "hourglass", gettext_lazy("waits for a second person")),
    "done": ("malachite", "circle-check", gettext_lazy("done")),
    "refused": ("cinnabar", "circle-x", gettext_lazy("not let")),
}
_ENDS: Final = {
    "sessions": gettext_lazy("open windows"),
    "tokens": gettext_lazy("tokens and purposes claimed"),
    "outside_tokens": gettext_lazy("tokens for recipients"),
    "grants": gettext_lazy("grants, asked for or in force"),
    "passkeys": gettext_lazy("passkeys"),
    "recovery_codes": gettext_lazy("recovery codes"),
    "second_factor": gettext_lazy("second factor"),
    "duty": gettext_lazy("place and hours of duty"),
    "lists": gettext_lazy("lists that wait to leave"),
}
_PARTS: Final = {
    "owner": gettext_lazy("owner"),
    "deputy": gettext_lazy("deputy"),
    "hand": gettext_lazy("in hand"),
}
_LACKS: Final = {
    "taker": gettext_lazy("nobody takes it over yet"),
    "role": gettext_lazy("their role may not"),
    "independent": gettext_lazy("a purpose is never the privacy office's"),
}
_DONE: Final = {
    "move": gettext_lazy("Moved: every right of the last post has ended."),
    "close": gettext_lazy("Closed: every right has ended."),
    "reopen": gettext_lazy("Open again: with a new agreement, training, notice, password and factor."),
    "asked": gettext_lazy("Written down. A second person lets it be done."),
    "let": gettext_lazy("Done: every right of the last post has ended."),
    "refuse": gettext_lazy("Not let."),
}


@staff_page
@require_GET
def listed(request: HttpRequest, desk: SignedIn) -> HttpResponse:
    """People with their posts, and the changes that wait or were made."""
    actor = desk.without_purpose
    people = posts.looks_after(actor)
    rows = [_change(one, desk) for one in posts.changes_seen(actor=actor)]
    context = {
        "people": [_person(one) for one in people],
        "waiting": [row for row in rows if row["held"].done is None],
        "rows": [row for row in rows if row["held"].done is not None],
        "told": _DONE.get(request.GET.get("done", ""), ""),
    }
    return page(request, "access/posts.html", context, desk=desk, nav="access")


@staff_page
@require_GET
def one(request: HttpRequest, desk: SignedIn, staff: UUID) -> HttpResponse:
    """One person: what they own and have in hand, what would end, and what may be done."""
    return _page(request, desk, _seen(staff, desk))


@staff_page
@require_POST
def take(request: HttpRequest, desk: SignedIn, staff: UUID, step: str) -> HttpResponse:
    """Move, close or reopen; what lacks a taker is shown, and nothing is done."""
    held, actor = _seen(staff, desk), desk.without_purpose
    if step not in leaving.KINDS:
        raise Http404
    if posts.may_change(held, step, actor) and (first := step_up_first(request, desk)) is not None:
        return first
    said = request.POST
    taker = id_of(said.get("to", ""))
    try:
        if step == "close":
            made = posts.close(staff, taker=taker, at_once=said.get("now") == "yes", actor=actor)
        else:
            post = Post.named(said.get("role", ""), said.get("department", "").strip())
            moved = step == "move"
            made = (
                posts.move(staff, post, taker=taker, actor=actor) if moved else posts.reopen(staff, post, actor=actor)
            )
    except NotHandedOver:
        problem = _("Not done: name somebody who may take over what is marked below, or hand it over first.")
        return _page(request, desk, held, problem=problem, taker=taker, status=409)
    except ChangeOver:
        return _page(request, desk, held, problem=_("Another change of this person waits."), status=409)
    except ValueError:
        if step != "move" and leaving.person_of(staff).active == (step == "reopen"):  # somebody did it meanwhile
            return redirect(reverse("access-posts"))
        problem = _("Not done: name a post that is another, and of no other duty.")
        return _page(request, desk, held, problem=problem, taker=taker, status=422)
    return redirect(reverse("access-posts") + f"?done={step if made.done else 'asked'}")


@staff_page
@require_POST
def decide(request: HttpRequest, desk: SignedIn, change: UUID, step: str) -> HttpResponse:
    """Let a change that waits be done, or not."""
    actor = desk.without_purpose
    if step not in ("let", "refuse"):
        raise Http404
    if step == "let" and (first := step_up_first(request, desk)) is not None:
        return first
    try:
        held = leaving.change_of(change)
        posts.decide(change, actor=actor, approve=step == "let")
    except leaving.UnknownChange:
        raise Http404 from None
    except ChangeOver:
        return redirect(reverse("access-posts"))
    except NotHandedOver:
        problem = _("Not done: name somebody who may take over what is marked below, or hand it over first.")
        person = leaving.person_of(held.staff)
        return _page(request, desk, person, problem=problem, taker=held.taker, status=409)
    return redirect(reverse("access-posts") + f"?done={step}")


def _page(
    request: HttpRequest,
    desk: SignedIn,
    held: Person,
    *,
    problem: str = "",
    taker: UUID | None = None,
    status: int = 200,
) -> HttpResponse:
    actor = desk.without_purpose
    things, ends = posts.shown(held.id, taker=taker, actor=actor)
    said = request.POST
    context = {
        "person": _person(held),
        "things": [_thing(one, asked=bool(problem)) for one in things],
        "ends": [(_ENDS[name], number) for name, number in asdict(ends).items() if number],
        "may": {kind: posts.may_change(held, kind, actor) for kind in leaving.KINDS},
        "takers": _takers(held, taker),
        "roles": _roles(said.get("role", "") or held.post.house_role or held.post.role),
        "departments": list(Department.objects.exclude(slug="owner").order_by("slug").values_list("slug", flat=True)),
        "department": said.get("department", held.post.department),
        "problem": problem,
    }
    return page(request, "access/post.html", context, desk=desk, nav="access", status=status)


def _seen(staff: UUID, desk: SignedIn) -> Person:
    found = next((one for one in posts.looks_after(desk.without_purpose) if one.id == staff), None)
    if found is None:
        raise Http404
    return found


def _person(one: Person) -> dict[str, Any]:
    return {
        "held": one,
        "who": one.name or one.email,
        "role": role_label(one.post),
        "department": department_label(one.post.department),
    }


def _change(one: PostChange, desk: SignedIn) -> dict[str, Any]:
    return {
        "held": one,
        "kind": _KINDS[one.kind],
        "state": _STATES[one.state],
        "role": role_label(one.post) if one.post else "",
        "department": department_label(one.post.department) if one.post else "",
        "may_decide": posts.may_decide(one, desk.without_purpose),
    }


def _thing(one: Thing, *, asked: bool) -> dict[str, Any]:
    return {
        "kind": KINDS[one.kind],
        "label": thing_label(one.kind, one.name),
        "part": _PARTS[one.part],
        "part_code": one.part,
        "lacks": _LACKS[one.lacks] if asked and one.lacks else "",
    }


def _takers(held: Person, chosen: UUID | None) -> list[tuple[UUID, str, bool]]:
    return [
        (one.id, f"{one.name or one.email} · {role_label(one.post)}", one.id == chosen)
        for one in leaving.people()
        if one.active and one.id != held.id
    ]


def _roles(chosen: str) -> list[tuple[str, Any, bool]]:
    shipped = [(one, ROLE_LABELS[one], one == chosen) for one in ROLES if one != "owner"]
    return shipped + [(name, name, name == chosen) for name in names_in_force()]
