"""What waits to be verified: two policies, mail that did not arrive, values a customer should be asked about; one was confirmed.

Scores are measured by the job that measures every night, once the demonstration runs: of what is there, and no other day.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from kehu.doors.demo.cast import on_stage
from kehu.guard.gate.actor import Actor
from kehu.guard.staff.models import Staff
from kehu.refine.quality.models import Run
from kehu.refine.quality.tasks import defer_measuring
from kehu.serve.upkeep import bounces, confirming, policies, queue
from kehu.serve.upkeep.models import Policy

_POLICIES: Final = (
    policies.Wanted("phone-yearly", "phone", months=12),
    policies.Wanted("address-yearly", "address", months=12, whom="customers", way="portal"),
    policies.Wanted("email-bounces", "email", bounces=2, due_days=7),
)
_ASKED: Final = (("guardian", "phone"), ("hongkong", "phone"), ("californian", "address"), ("hongkong", "address"))
_BOUNCED: Final = "guardian"
_CONFIRMED: Final = ("hongkong", "email")


def keep_verified(actor_of: Callable[[str], Actor]) -> None:
    """Policies in force, tasks in the queue, and a measuring that waits for the running system."""
    manager, service = actor_of("manager"), actor_of("service")
    emails = dict(Staff.objects.filter(id__in=[manager.staff, service.staff]).values_list("id", "email"))
    here = set(Policy.objects.values_list("slug", flat=True))
    for wanted in _POLICIES:
        if wanted.slug not in here:
            policies.make_policy(wanted, owner=emails[service.staff], deputy=emails[manager.staff], actor=manager)
    people = on_stage(actor_of("privacy"))
    for role, name in _ASKED:
        if role in people:
            queue.make_by_hand(people[role], name, actor=service)
    if _BOUNCED in people:
        for number in ("1", "2"):
            bounces.note_of("hard-bounce", "email", people[_BOUNCED], actor=service, report=f"demonstration {number}")
    role, name = _CONFIRMED
    if role in people:
        confirming.confirm(people[role], name, how="phone", actor=service)
    if not Run.objects.exists():
        defer_measuring(manager.human)
