"""Every night: policies make their tasks, and letters go out in the name of whoever owns a policy and may write them."""

from __future__ import annotations

import logging

from django.db import connection
from procrastinate.contrib.django import app

from kehu.guard.gate.actor import Actor
from kehu.guard.staff.actions import actor_of, owner_actor
from kehu.guard.staff.models import Staff
from kehu.host.each import each
from kehu.serve.upkeep.models import Policy, Task

_log = logging.getLogger("kehu.upkeep")


@app.periodic(cron="7 4 * * *")
@app.task(name="upkeep:verify_nightly", queueing_lock="verify_nightly", lock="verify_nightly", pass_context=False)
def verify_nightly(timestamp: int) -> None:
    """Make the tasks of the day, put back what is with nobody any more, and send what is asked by mail."""
    from kehu.serve.upkeep.policies import in_force, run_policy  # every process loads this module
    from kehu.serve.upkeep.queue import release_stuck

    def run_all() -> None:
        each(lambda policy: run_policy(policy, actor=owner_actor()), in_force())

    each(lambda one: one(), (release_stuck, run_all, _write))


def _write() -> None:
    from kehu.serve.upkeep.letters import never_tried, send  # few write letters

    writer = who_writes()
    if writer is not None:
        send(actor=writer)
        if left := never_tried():
            _log.warning("verify.mail.behind", extra={"waiting": left})
    elif Task.objects.filter(state="open", way="mail", asked_at=None).exists():
        _log.warning("verify.mail.nobody", extra={"why": "no owner of a policy may claim accuracy"})


def who_writes() -> Actor | None:
    """In whose name letters go: the owner or deputy of a policy whose role may claim the purpose of accuracy."""
    slugs = list(Policy.objects.filter(retired_at=None, way="mail").values_list("slug", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(
            "select s.email from owned o join guard_staff s on s.id in (o.owner, o.deputy) where o.kind = 'verification'"
            " and o.name = any (%s) and s.is_active and s.role in ('service', 'privacy')"
            " order by (s.id = o.owner) desc, o.name limit 1",
            [slugs],
        )
        row = cursor.fetchone()
    return actor_of(row[0]) if row is not None and Staff.objects.filter(email=row[0]).exists() else None
