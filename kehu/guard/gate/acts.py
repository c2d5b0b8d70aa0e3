"""Which role may do which act that is not a read; part of the rules in force, so a change of it is a new version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kehu.govern.slugs import CUSTOMER, ROLES

if TYPE_CHECKING:
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
    "keep-access": frozenset({"manager"}) | _OFFICE,  # the database too: never one's own
    # what the watch found: the database too lets nobody handle an alert about themselves, or unmark themselves
    "watch": _WATCHES,  # alerts and marks are seen; leaves no row
    "watch-figures": _WATCHES | {"manager", "legal"},  # without names; leaves no row
    "take-alert": _WATCHES,
    "dismiss-alert": _WATCHES,
    "mark": _WATCHES,
    "unmark": _WATCHES,
    "matrix": _STAFF,  # which role may open what is no secret; leaves no row
    "lapses": frozenset({"manager", "auditor"}) | _OFFICE,  # who looks after others; leaves no row
}


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
        Refused: a token for a recipient outside the house: it is there to read, and nothing else.
    """
    if actor.outside is not None:
        raise Refused("house.outside")
    if actor.role not in ACTS[act]:
        raise ActRefused(act, actor.role)
