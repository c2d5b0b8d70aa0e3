"""Which role may do which act that is not a read; part of the rules in force, so a change of it is a new version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import connection

from kehu.govern.slugs import CUSTOMER, ROLES

if TYPE_CHECKING:
    from uuid import UUID

    from kehu.guard.gate.actor import Actor

_OFFICE: Final = frozenset({"privacy", "legal", "owner"})
_OWN: Final = frozenset({CUSTOMER})  # on their own data only: record_act sees to it
_COLLECTS: Final = frozenset({"manager", "marketing", "service", "analyst", "privacy", "legal", "owner"})
_PROPOSES: Final = _COLLECTS
_CLAIMS: Final = frozenset(ROLES) - {"engineer", "owner"}  # who may ever see a customer
_STAFF: Final = frozenset(ROLES)
_WATCHES: Final = frozenset({"privacy", "auditor", "owner"})

ACTS: Final[dict[str, frozenset[str]]] = {
    "collect": _COLLECTS,
    "link": _COLLECTS,
    "sources": _COLLECTS,
    "quarantine": _COLLECTS,
    "channel": frozenset({"privacy", "owner"}),  # which ways records come in, their terms, keys and secrets
    "consent": frozenset({"service", "marketing", "privacy", "owner"}) | _OWN,
    "subscribe": frozenset({"service", "marketing", "privacy", "owner"}) | _OWN,
    "erase": _OFFICE,
    "export": _OFFICE,
    "give": frozenset({"manager", "marketing", "service", "analyst", "privacy", "legal"}),  # a list leaves the house
    "hold": _OFFICE,
    "restrict": _OFFICE,
    "object": _OFFICE | _OWN,
    "optout": _OFFICE | _OWN,
    "deceased": _OFFICE,
    "request": _OFFICE | _OWN,
    "incident": _OFFICE,
    "review": frozenset({"service", "privacy", "owner", "manager"}),
    "undo-run": frozenset({"manager", "privacy", "owner"}),  # parts all that a run of linkage joined
    # the weights of linkage; seeing them leaves no row, looking at whom they would join is a read like any
    "weights": _COLLECTS | {"auditor"},
    "teach-weights": frozenset({"manager", "privacy", "owner"}),
    "adopt-weights": frozenset({"manager", "privacy", "owner"}),
    "read-ledger": frozenset({"auditor", "privacy", "legal", "owner"}) | _OWN,
    "portal": _OWN,
    "token": frozenset({"owner"}),
    "staff": frozenset({"owner"}),
    "rotate": frozenset({"owner"}),
    "withhold": frozenset({"privacy", "legal", "auditor"}),  # uses kept from a customer's log; two of them, never one
    "retire": _OFFICE,  # rows of the ledger whose time is over
    # the register of purposes and notices: who writes a change is never who puts it in force
    "propose": _PROPOSES,
    "retract": _PROPOSES,
    "assess": _OFFICE,
    "approve": frozenset({"privacy", "legal"}),
    "refuse": frozenset({"privacy", "legal"}),
    # sources: stopping takes only, so one person is enough; who looks at them does not own them
    "stop-source": frozenset({"manager"}) | _OFFICE,
    "audit-source": frozenset({"auditor"}) | _OFFICE,
    "inform": _OFFICE,  # tell people where their data came from
    "correct": frozenset({"service", "manager"}) | _OFFICE,  # put a wrong value right
    "tell": _OFFICE,  # recipients of the wrong value
    # one's own word, for oneself; a new text is the office's
    "agree": _STAFF,
    "acknowledge": _STAFF,
    "train": _STAFF,
    "publish": _OFFICE,
    # access for a while; the database too lets nobody decide their own, and these roles alone let through
    "ask-grant": _CLAIMS,
    "grant": frozenset({"manager", "legal", "owner"}),
    "deny-grant": frozenset({"manager"}) | _OFFICE,
    "end-grant": frozenset({"manager", "auditor"}) | _OFFICE,
    "read-grant": frozenset(ROLES) - {"engineer"},
    "break-glass": _CLAIMS,
    "review-glass": frozenset({"privacy", "legal", "auditor", "owner"}),
    # posts: a narrowed role and a new post are wanted by one and let through by another, as the database sees to; leaving
    # takes only, so one person is enough; the privacy office stops what it likes, and lets none of it through
    "propose-role": frozenset({"manager"}) | _OFFICE,
    "approve-role": frozenset({"manager", "legal", "owner"}),
    "refuse-role": frozenset({"manager"}) | _OFFICE,
    "move-staff": frozenset({"manager", "legal", "owner"}),
    "close-staff": frozenset({"manager"}) | _OFFICE,
    "own": frozenset({"manager", "legal", "owner"}),  # say who owns what; an owner hands on their own, too
    "owners": _STAFF,  # who owns what is no secret; leaves no row
    "keep-access": frozenset({"manager"}) | _OFFICE,  # the database too: never one's own
    # what the watch found: the database too lets nobody handle an alert about themselves, or unmark themselves
    "watch": _WATCHES,  # alerts and marks are seen; leaves no row
    "watch-figures": _WATCHES | {"manager", "legal"},  # without names; leaves no row
    "take-alert": _WATCHES,
    "dismiss-alert": _WATCHES,
    "set-quota": frozenset({"privacy", "owner"}),  # the database too: never of one's own role
    "mark": _WATCHES,
    "unmark": _WATCHES,
    "invite": frozenset({"manager", "privacy", "owner"}),  # a link to a password; the database too: only downwards
    "sign-on": frozenset({"privacy", "owner"}),  # who may come in by the company's own sign-on
    # violation cases; the database too: nobody their own, no party, and who audits decides nothing
    "open-case": frozenset({"auditor"}) | _OFFICE,
    "freeze": frozenset({"auditor"}) | _OFFICE,
    "unfreeze": _OFFICE,
    "hear-case": _OFFICE,
    "decide-case": _OFFICE,
    "measure-case": _OFFICE,
    "close-case": _OFFICE,
    "answer-case": _STAFF,  # for oneself
    "cases": frozenset({"auditor"}) | _OFFICE,  # which there are; leaves no row, reading one's words does
    # data quality: counts are no secret of those who look after customers; a rule is tried and owned before it counts
    "measure": _COLLECTS,
    "quality": _COLLECTS | {"auditor"},  # scores and rules are seen; leaves no row
    "quality-rule": frozenset({"manager", "analyst", "privacy", "owner"}),
    "verify": frozenset({"service", "manager", "privacy"}) | _OWN,  # say that a value is still right, or which one is
    "verify-policy": frozenset({"manager", "privacy", "owner"}),
    "verify-task": frozenset({"service", "manager", "marketing", "privacy", "owner"}),
    "bounce": frozenset({"service", "manager", "marketing", "privacy", "owner"}),  # a message did not arrive
    # what a scan finds in free text, as counts; a field's level is a rule, so it rises and falls by the two offices alone
    "classify": _OFFICE,
    "findings": _OFFICE | {"auditor"},  # leaves no row
    "accept-finding": frozenset({"privacy", "legal"}),
    "dismiss-finding": frozenset({"privacy", "legal"}),
    "lower-field": frozenset({"privacy", "legal"}),
    "matrix": _STAFF,  # which role may open what is no secret; leaves no row
    "lapses": frozenset({"manager", "auditor"}) | _OFFICE,  # who looks after others; leaves no row
    "operate": frozenset({"engineer", "auditor"}) | _OFFICE,  # how the system runs is seen; leaves no row
    # traits: which there are is no secret, and counts of customers are said above a smallest group only
    "derive": frozenset({"manager", "marketing", "analyst", "privacy", "owner"}),
    "declare-trait": frozenset({"manager", "marketing", "analyst", "privacy", "owner"}),
    "retire-trait": frozenset({"manager", "marketing", "analyst", "auditor"})
    | _OFFICE,  # takes only: one person is enough
    "traits": _STAFF,  # leaves no row
    "count-traits": frozenset({"manager", "marketing", "analyst", "privacy", "owner"}),  # leaves no row
}


EVERYBODYS: Final = frozenset(act for act, roles in ACTS.items() if roles == _STAFF)
"""One's own word and what is no secret: no role of the house takes it away."""


class Refused(PermissionError):
    """Somebody may not do what they ask; ``policy`` says why, in each language."""

    def __init__(self, policy: str) -> None:
        super().__init__(policy)
        self.policy = policy


class ActRefused(Refused):
    """A role may not do an act."""

    def __init__(self, act: str, role: str) -> None:
        super().__init__("house.act")
        self.act = act
        self.role = role


def require_act(act: str, actor: Actor) -> None:
    """Let on whoever's role may do this act.

    Raises:
        ActRefused: it may not.
        Refused: a token for a recipient outside the house: it is there to read, and nothing else; or a role of the house
            that leaves this act out.
    """
    if actor.outside is not None:
        raise Refused("house.outside")
    if actor.role not in ACTS[act]:
        raise ActRefused(act, actor.role)
    left = narrowing_text(actor.credential) if act not in EVERYBODYS else None
    if left is not None and act not in left.rpartition(";")[2].split(","):
        raise Refused("house.custom-role")


def acts_open_to(actor: Actor) -> frozenset[str]:
    """The acts that their role does, for what is shown to them; :func:`require_act` decides where one is done."""
    if actor.outside is not None:
        return frozenset()
    left = narrowing_text(actor.credential)
    named = None if left is None else {*left.rpartition(";")[2].split(","), *EVERYBODYS}
    return frozenset(act for act, roles in ACTS.items() if actor.role in roles and (named is None or act in named))


def narrowing_text(credential: UUID) -> str | None:
    """What a role of the house leaves its holder, as the database writes it (``narrowing_of``); None: they hold none."""
    with connection.cursor() as cursor:
        cursor.execute("select narrowing from actor_state where actor = %s", [credential])
        row = cursor.fetchone()
    return row[0] if row is not None else None
