"""What the office has on its desk: a courier in the register, a printer proposed for it, a list that waits to leave.

All of it through the actions that a real office uses, by the made-up members of staff; done again it changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from kehu.govern.register import Assessment, NothingChanges, ProposalOpen
from kehu.guard.gate.actor import Actor
from kehu.serve.desk.listing import Filters
from kehu.serve.leaving import asking
from kehu.serve.register import changes

COURIER: Final = "顺路快递 Shunlu Express"
_PRINTER: Final = "墨山印务 Moshan Print"


def keep_office(actor_of: Callable[[str], Actor]) -> None:
    """One recipient in force, one proposed and not assessed yet, one list asked for; ``actor_of``: who holds a role."""
    with suppress(NothingChanges, ProposalOpen):
        courier = changes.propose_purpose(
            "fulfilment",
            {"recipients": [COURIER]},
            meaning=False,
            reason="包裹由快递公司派送",
            actor=actor_of("manager"),
        )
        day = datetime.now(UTC).date()
        changes.assess(
            courier.id, Assessment(day, "low", "with-measures", "只给派送所需的字段；签有委托处理协议"),
            actor=actor_of("privacy"),
        )  # fmt: skip
        changes.approve(courier.id, actor=actor_of("legal"))
    with suppress(NothingChanges, ProposalOpen):
        changes.propose_purpose(
            "marketing",
            {"recipients": [_PRINTER]},
            meaning=False,
            reason="节日贺卡委托印刷",
            actor=actor_of("marketing"),
        )
    asker = actor_of("manager")
    if not asking.requests(actor=asker):
        asking.ask(
            actor=asker, purpose="fulfilment", recipient=COURIER, recipient_kind="processor", country="",
            filters=Filters.read({}, purpose="fulfilment"),
        )  # fmt: skip
