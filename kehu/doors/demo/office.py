"""What the office has on its desk: owners named, a courier in the register, a printer proposed for it, a list that waits.

All of it through the actions that a real office uses, by the made-up members of staff; done again it changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from kehu.govern.register import Assessment, NothingChanges, ProposalOpen
from kehu.guard.access import owners
from kehu.guard.gate.actor import Actor
from kehu.guard.staff.actions import owner_actor
from kehu.guard.staff.models import Staff
from kehu.serve.desk.listing import Filters
from kehu.serve.leaving import asking
from kehu.serve.register import changes

COURIER: Final = "顺路快递 Shunlu Express"
_OWNERS: Final = {
    "purpose": ("manager", "marketing"), "notice": ("legal", "manager"), "policy": ("legal", "privacy"),
    "law": ("legal", "privacy"), "channel": ("manager", "service"), "source": ("marketing", "manager"),
}  # fmt: skip
_PRINTER: Final = "墨山印务 Moshan Print"


def keep_office(actor_of: Callable[[str], Actor]) -> None:
    """One recipient in force, one proposed and not assessed yet, one list asked for; ``actor_of``: who holds a role."""
    name_owners(actor_of)
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
    if not asking.requests(actor=asker, newest=1):
        asking.ask(
            actor=asker, purpose="fulfilment", recipient=COURIER, recipient_kind="processor", country="",
            filters=Filters.read({}, purpose="fulfilment"),
        )  # fmt: skip


def name_owners(actor_of: Callable[[str], Actor]) -> None:
    """Who answers for what: of each kind one role and its deputy; the fields are nobody's yet, so that the reminder is seen."""
    emails = dict(Staff.objects.values_list("id", "email"))
    for kind, (role, deputy) in _OWNERS.items():
        held = [one.name for one in owners.owners(actor=owner_actor(), kind=kind) if not one.whole]
        if held:
            owner, second = (emails[actor_of(one).staff] for one in (role, deputy))
            owners.set_owner(kind, held, owner=owner, deputy=second, actor=owner_actor())
