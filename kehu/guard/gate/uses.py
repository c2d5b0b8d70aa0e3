"""Uses that customers are opened for, and what each counts as: in quotas, and for the watch.

Each is named here, also what counts nowhere; under any other word the gate opens nobody. So none is left out unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

LOOK: Final = "look"
PAGE: Final = "page"


class Use(NamedTuple):
    """``meter``: the quota that it counts in (none: empty). ``seen``: what the watch takes it for, a look at one customer or
    a page of many (neither: empty)."""

    meter: str
    seen: str


_SHOWN: Final = Use("opened", LOOK)
_LISTED: Final = Use("listed", PAGE)
_LET_GO: Final = Use("", "")  # by two people, and bounded by itself
_BY_MACHINE: Final = Use("", "")  # no member of staff is shown a value

USES: Final[Mapping[str, Use]] = MappingProxyType(
    {
        "read": _SHOWN, "match": _SHOWN, "review": _SHOWN, "read-traits": _SHOWN,
        "list": _LISTED, "find": _LISTED,
        "explain": Use("", LOOK),  # tells why, and opens nothing
        "export": Use("", LOOK),  # one person's own copy, let go by two
        "give": _LET_GO,
        "link": _BY_MACHINE, "measure": _BY_MACHINE, "derive": _BY_MACHINE, "sources": _BY_MACHINE, "erase": _BY_MACHINE,
        "contact": _BY_MACHINE, "inform": _BY_MACHINE,
    }
)  # fmt: skip


def seen_as(kind: str) -> frozenset[str]:
    """The uses that the watch takes for a look, or for a page."""
    return frozenset(name for name, use in USES.items() if use.seen == kind)
