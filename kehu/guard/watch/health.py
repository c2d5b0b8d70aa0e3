"""What may be wrong with the watch: it lags behind the ledger, cannot tell anybody, or is set up wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.db import connection

from kehu.guard.staff.models import Staff
from kehu.guard.watch import house
from kehu.guard.watch.kinds import HANDLERS
from kehu.host.checks import Finding, Said

_PATIENCE: Final = 600  # seconds

_STANDING: Final = """
select (select count(*) from ledger_leaf l where l.index >= p.leaf),
    coalesce((select extract(epoch from clock_timestamp() - e.at) from ledger_leaf l join ledger_entry e using (seq)
        where l.index = p.leaf), 0)::float8,
    p.seq, p.at, (select count(*) from watch_alert where state = 0), (select count(*) from watch_alert where state = 1),
    (select count(*) from watch_alert where told_at is null and opened_at < clock_timestamp() - interval '7 days'
        and opened_at > clock_timestamp() - interval '30 days')
from watch_position p
"""


def standing() -> dict[str, Any]:
    """How far the watch is: rows that wait, seconds the oldest has, the last row looked at, alerts open and taken."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING)
        waiting, seconds, seq, at, opened, taken, untold = cursor.fetchone()
        cursor.execute("select medium, failing_since, failure from watch_delivery where failing_since is not null")
        failing = {medium: (since, why) for medium, since, why in cursor.fetchall()}
    return {
        "waiting": waiting, "seconds": seconds, "seq": seq, "at": at, "open": opened, "taken": taken, "untold": untold,
        "failing": failing,
    }  # fmt: skip


def check_watch(*, running: bool) -> Iterator[Finding]:
    """Findings of the doctor; ``running`` says whether the system serves, and so should keep up."""
    try:
        house.zone()
        house.webhook()
    except ValueError as wrong:
        yield Finding("watch.setting", "error", str(wrong), "Mend the setting and start again.")
        return
    held = standing()
    if running and held["seconds"] > _PATIENCE:
        yield Finding(
            "watch.behind", "error",
            Said(
                "{n} rows of the ledger were not looked at, the oldest for {seconds} s.",
                n=held["waiting"], seconds=int(held["seconds"]),
            ),
            "See log/jobs.log; or run: kehu watch run",
        )  # fmt: skip
    for medium, (since, why) in sorted(held["failing"].items()):
        text = Said(
            "Alerts are not told by {medium} since {since} UTC ({why}).",
            medium=medium, since=format(since, "%Y-%m-%d %H:%M"), why=why,
        )  # fmt: skip
        remedy = (
            Said("Mend the mail server.") if medium == "mail"
            else Said("Mend the receiver that {setting} names.", setting=house.WEBHOOK_SETTING)
        )  # fmt: skip
        yield Finding(f"watch.{medium}", "error", text, remedy)
    if held["untold"]:
        yield Finding(
            "watch.untold", "warning", Said("{n} alerts of the last month were told to nobody.", n=held["untold"]),
            "See them: kehu watch alerts",
        )  # fmt: skip
    if not Staff.objects.filter(role__in=HANDLERS, is_active=True).exists() and not settings.OWNER_MAIL:
        yield Finding(
            "watch.nobody", "note", "Nobody has the post of privacy officer or auditor: alerts reach no mailbox.",
            "Run: kehu staff add --role auditor, or set KEHU_OWNER_MAIL",
        )  # fmt: skip
