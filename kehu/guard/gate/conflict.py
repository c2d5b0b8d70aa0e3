"""Where one law demands what another forbids: denied, under a name of its own, and to counsel (RULES, "several laws").

A law demands a use where it is that law's legal duty, or where an authority under it asks. It is no conflict where the
house itself refuses, or where a law forbids what it demands by itself: that law has said when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

CONFLICT: Final = "house.conflict"
_DUTY: Final = "legal_duty"


class Conflict(NamedTuple):
    """The law that demands, and the policy of the other that forbids."""

    demands: str
    forbids: str

    @property
    def policy(self) -> str:
        """Its name, as ledger and answers write it."""
        return f"{CONFLICT}:{self.demands}:{self.forbids}"

    @classmethod
    def parse(cls, policy: str) -> Conflict | None:
        """Read a name; None: it is another policy's."""
        parts = policy.split(":")
        return cls(parts[1], parts[2]) if len(parts) == len(("", *cls._fields)) and parts[0] == CONFLICT else None


def conflict_of(context: Mapping[str, Any], policies: Sequence[str]) -> Conflict | None:
    """The conflict behind a denial, if that is what it is; ``policies``: all that forbid, the deciding one first."""
    forbidding = {one.partition(".")[0].upper() for one in policies}
    packs = frozenset(context["packs"])
    if not policies or not forbidding <= packs:  # the house refuses, or nothing applies
        return None
    demanding = _demanding(context, packs, forbidding) - forbidding
    return Conflict(min(demanding), policies[0]) if demanding else None


def _demanding(context: Mapping[str, Any], packs: frozenset[str], forbidding: set[str]) -> set[str]:
    grounds = context["grounds"]
    duties = {law for law in packs if grounds[law] == _DUTY}
    found = set() if duties & forbidding else duties  # where it is every law's duty, each says itself when
    if context["recipient_kind"] == "authority":
        found |= packs & frozenset(context["there"])
    return found
