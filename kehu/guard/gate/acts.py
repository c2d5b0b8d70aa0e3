"""Which role may do which act that is not a read; part of the rules in force, so a change of it is a new version."""

from __future__ import annotations

from typing import Final

_OFFICE: Final = frozenset({"privacy", "legal", "owner"})
_COLLECTS: Final = frozenset({"manager", "marketing", "service", "analyst", "privacy", "legal", "owner"})

ACTS: Final[dict[str, frozenset[str]]] = {
    "collect": _COLLECTS,
    "link": _COLLECTS,
    "sources": _COLLECTS,
    "quarantine": _COLLECTS,
    "consent": frozenset({"service", "marketing", "privacy", "owner"}),
    "erase": _OFFICE,
    "export": _OFFICE,
    "hold": _OFFICE,
    "restrict": _OFFICE,
    "object": _OFFICE,
    "optout": _OFFICE,
    "deceased": _OFFICE,
    "request": _OFFICE,
    "incident": _OFFICE,
    "review": frozenset({"service", "privacy", "owner", "manager"}),
    "read-ledger": frozenset({"auditor", "privacy", "legal", "owner"}),
    "token": frozenset({"owner"}),
    "staff": frozenset({"owner"}),
    "rotate": frozenset({"owner"}),
}
