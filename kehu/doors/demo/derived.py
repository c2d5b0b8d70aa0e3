"""The demonstration's traits: what ships, owned by those who use it, computed once."""

from __future__ import annotations

from collections.abc import Callable

from kehu.doors.demo.members import COLLEAGUE, DOMAIN
from kehu.guard.gate.actor import Actor
from kehu.refine.derive.actions import put_shipped_in_force
from kehu.refine.derive.runs import compute


def derive(member: Callable[[str], Actor]) -> None:
    """Put the shipped traits in force and compute them."""
    owners = {
        "analytics": (f"analyst@{DOMAIN}", f"manager@{DOMAIN}"),
        "personalisation": (f"marketing@{DOMAIN}", COLLEAGUE),
    }
    put_shipped_in_force(owners=owners, actor=member("manager"))
    compute(actor=member("manager"))
