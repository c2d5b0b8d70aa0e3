"""Commands on posts: changing them, leaving, who owns what, and the roles that the house narrows."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

import click

from kehu.doors.cli.frame import FAILED, Failure, actor, command

_ROLE: Final = "A shipped role, or one of the house."
_TO: Final = "Who takes over what they own and have in hand."


@click.command("move", epilog="Example: kehu staff move li@shop.example --role manager --to wu@shop.example")
@click.argument("email")
@click.option("--role", required=True, help=_ROLE)
@click.option("--department", default="", help="By default the role's name.")
@click.option("--to", help=_TO)
@click.option(
    "--now", is_flag=True, help="Wait for nobody: what is owned goes to its deputy, else to the home's owner."
)
@click.option("--dry-run", is_flag=True, help="Only show what would be handed over, and what would end.")
@command()
def staff_move(email: str, role: str, department: str, to: str | None, now: bool, dry_run: bool) -> Any:
    """Put somebody on another post: every right of the last one ends at once, after what they own is handed over.

    The home's owner does it; for a manager or the legal office a second person lets it (kehu staff let).
    """
    from kehu.guard.access.leaving import Post
    from kehu.serve.office import posts

    staff = posts.staff_named(email)
    if dry_run:
        return _shown(staff, to, now)
    return _done(posts.move(staff, Post.named(role, department), taker=_taker(to), at_once=now, actor=actor()))


@click.command("close", epilog="Example: kehu staff close li@shop.example --to wu@shop.example")
@click.argument("email")
@click.option("--to", help=_TO)
@click.option(
    "--now", is_flag=True, help="A dismissal: wait for nobody; what is owned goes to its deputy, else to you."
)
@click.option("--dry-run", is_flag=True, help="Only show what would be handed over, and what would end.")
@command()
def staff_close(email: str, to: str | None, now: bool, dry_run: bool) -> Any:
    """Close an account: sign-ins, tokens, grants, factors and duties end at once, in a running answer, too."""
    from kehu.serve.office import posts

    staff = posts.staff_named(email)
    if dry_run:
        return _shown(staff, to, now)
    return _done(posts.close(staff, taker=_taker(to), at_once=now, actor=actor()))


@click.command("reopen", epilog="Example: kehu staff reopen li@shop.example --role service")
@click.argument("email")
@click.option("--role", required=True, help=_ROLE)
@click.option("--department", default="", help="By default the role's name.")
@command()
def staff_reopen(email: str, role: str, department: str) -> Any:
    """Open a closed account again, with nothing of before: a new agreement, training, notice, password and factor.

    Then: kehu staff link EMAIL.
    """
    from kehu.guard.access.leaving import Post
    from kehu.serve.office import posts

    staff = posts.staff_named(email, active=False)
    return _done(posts.reopen(staff, Post.named(role, department), actor=actor()))


@click.command("changes", epilog="Example: kehu staff changes --json")
@command()
def staff_changes() -> Any:
    """Changes of posts, the newest hundred: those that wait for a second person, and what became of the others."""
    from kehu.serve.office import posts

    return {"changes": [_change(one) for one in posts.changes_seen(actor=actor())]}


@click.command("let", epilog="Example: KEHU_TOKEN=… kehu staff let 0199…")
@click.argument("id", type=click.UUID)
@command()
def staff_let(id: UUID) -> Any:
    """Let a change be done now: the legal office or the home's owner, and never who wanted it."""
    from kehu.serve.office import posts

    return _done(posts.decide(id, actor=actor(), approve=True))


@click.command("refuse", epilog="Example: KEHU_TOKEN=… kehu staff refuse 0199…")
@click.argument("id", type=click.UUID)
@command()
def staff_refuse(id: UUID) -> Any:
    """Do not let it be done."""
    from kehu.serve.office import posts

    return _done(posts.decide(id, actor=actor(), approve=False))


@click.group()
def owners() -> None:
    """Who answers for what: channels, sources, fields, purposes, notices, policies and law packs."""


@owners.command("list", epilog="Example: kehu owners list --kind purpose --json")
@click.option("--kind", help="channel source field purpose notice policy law")
@click.option("--lacking", is_flag=True, help="Only what no person owns, or what has no deputy.")
@command()
def owners_list(kind: str | None, lacking: bool) -> Any:
    """Every thing with its owner and deputy; `named` is false where it is the home's owner for want of a person."""
    from kehu.guard.access.owners import owners as owned

    return {"owned": [_owned(one) for one in owned(actor=actor(), kind=kind) if not (lacking and one.whole)]}


@owners.command(
    "set", epilog="Example: kehu owners set purpose marketing --owner amy@shop.example --deputy mia@shop.example"
)
@click.argument("kind")
@click.argument("names", nargs=-1)
@click.option("--all", "every", is_flag=True, help="All of that kind, instead of names.")
@click.option("--owner", "email", required=True, help="Who answers for it.")
@click.option("--deputy", help="Who stands in, and takes over when they leave.")
@command()
def owners_set(kind: str, names: tuple[str, ...], every: bool, email: str, deputy: str | None) -> Any:
    """Name owner and deputy: manager, legal office and home's owner; an owner hands on their own.

    KIND may also be what somebody has in hand: request, incident, proposal, import (by id), alert (by number). It has one
    owner and no deputy.
    """
    from kehu.guard.access import owners as held
    from kehu.serve.office import handing

    if bool(names) == every:
        raise ValueError("names: some, or --all")
    who = actor()
    if kind in handing.IN_HAND:
        if deputy or every:
            raise ValueError("names: some, and no deputy")
        return {"owned": [_handed(handing.hand_on(kind, name, to=email, actor=who), email) for name in names]}
    wanted = [one.name for one in held.owners(actor=who, kind=kind)] if every else list(names)
    return {"owned": [_owned(one) for one in held.set_owner(kind, wanted, owner=email, deputy=deputy, actor=who)]}


@click.group()
def roles() -> None:
    """Roles of the house: a shipped one, narrowed, let through by a second person."""


@roles.command("list", epilog="Example: kehu roles list --json")
@command()
def roles_list() -> Any:
    """Every version with what it leaves of its base."""
    from kehu.guard.access.roles import house_roles

    return {"roles": [_role(one) for one in house_roles(actor=actor())]}


@roles.command(
    "propose", epilog="Example: kehu roles propose returns --base service --purposes complaints --actions mask,match"
)
@click.argument("name")
@click.option("--base", required=True, help="The shipped role that it narrows.")
@click.option("--purposes", help="Those that are left, with commas; without it all of the base.")
@click.option("--categories", help="identity contact transaction interaction preference credit social")
@click.option("--level", default=4, show_default=True, type=click.IntRange(1, 4), help="The highest that is left.")
@click.option("--actions", default="open,mask,match", show_default=True)
@click.option("--acts", help="What else the base may do and this one still may (consent, review, collect …).")
@command()
def roles_propose(
    name: str, base: str, purposes: str | None, categories: str | None, level: int, actions: str, acts: str | None
) -> Any:
    """Propose a role of the house, or its next version; it never has more than its base. Somebody else decides."""
    from kehu.guard.access import roles as house

    made = house.propose(
        name, base, purposes=_names(purposes), categories=_names(categories), level=level, actions=_names(actions) or [],
        acts=_names(acts), actor=actor(),
    )  # fmt: skip
    return {"roles": [_role(made)]}


@roles.command("approve", epilog="Example: KEHU_TOKEN=… kehu roles approve returns")
@click.argument("role")
@command()
def roles_approve(role: str) -> Any:
    """Let a role through: manager, legal office or home's owner, never who proposed it. ROLE: its name, or the id."""
    return _decided(role, approve=True)


@roles.command("refuse", epilog="Example: KEHU_TOKEN=… kehu roles refuse returns")
@click.argument("role")
@command()
def roles_refuse(role: str) -> Any:
    """Stop a role that waits; the privacy office may, too."""
    return _decided(role, approve=False)


def _decided(role: str, *, approve: bool) -> dict[str, Any]:
    from kehu.guard.access import roles as house

    who = actor()
    waits = [one for one in house.house_roles(actor=who) if one.approved is None and role in (one.name, str(one.id))]
    if not waits:
        raise Failure(FAILED, "unknown-role", "No role of that name waits.", "See: kehu roles list")
    return {"roles": [_role(house.decide(waits[0].id, actor=who, approve=approve))]}


def _taker(email: str | None) -> UUID | None:
    from kehu.serve.office import posts

    return posts.staff_named(email) if email else None


def _shown(staff: UUID, to: str | None, now: bool) -> dict[str, Any]:
    from kehu.serve.office import posts

    things, ends = posts.shown(staff, taker=_taker(to), at_once=now, actor=actor())
    return {
        "changes": [],
        "dry_run": True,
        "hands_over": [
            {"kind": one.kind, "name": one.name, "as": one.part, "to": one.taker, "lacks": one.lacks or None}
            for one in things
        ],
        "ends": asdict(ends),
    }


def _done(change: Any) -> dict[str, Any]:
    return {"changes": [_change(change)]}


def _change(one: Any) -> dict[str, Any]:
    return {
        "id": str(one.id), "state": one.state, "kind": one.kind, "email": one.email,
        "role": (one.post.house_role or one.post.role) if one.post else None,
        "department": one.post.department if one.post else None, "to": one.taker_email or None, "now": one.at_once,
        "asked_by": one.asked_email, "asked_at": one.asked_at.isoformat(), "decided_by": one.by or None,
    }  # fmt: skip


def _owned(one: Any) -> dict[str, Any]:
    return {
        "kind": one.kind, "name": one.name, "owner": one.owner_email, "named": one.named,
        "deputy": one.deputy_email or None, "since": one.since.isoformat(),
    }  # fmt: skip


def _handed(one: Any, email: str) -> dict[str, Any]:
    return {"kind": one.kind, "name": one.name, "owner": email, "named": True, "deputy": None, "since": None}


def _role(one: Any) -> dict[str, Any]:
    return {
        "id": str(one.id), "name": one.name, "version": one.version, "state": one.state, "base": one.base,
        "purposes": list(one.purposes), "categories": list(one.categories), "level": one.level,
        "actions": list(one.actions), "acts": list(one.acts), "holders": one.holders, "proposed_by": one.email,
    }  # fmt: skip


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [one.strip() for one in text.split(",") if one.strip()]
