"""How long a new installation may do without second factors: as its settings say, and never longer than thirty days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings
from django.db.models import Min

from kehu.guard.staff.models import Staff
from kehu.host.checks import Finding, Said

LONGEST: Final = timedelta(days=30)
"""From the day the installation was made: time enough for everybody to get a second factor, and no switch for ever."""


def grace_ends() -> datetime | None:
    """Until when roles that must have a second factor may come in without; None: at once, or the day cannot be read.

    An installation is as old as the account of its owner.
    """
    wanted = _wanted()
    made: datetime | None = Staff.objects.filter(role="owner").aggregate(first=Min("created_at"))["first"]
    return None if wanted is None or made is None else min(wanted, made + LONGEST)


def check_grace() -> Iterator[Finding]:
    """What of the setting does not count, and that it lets people in by password alone while it does."""
    if not settings.SECOND_FACTOR_FROM:
        return
    wanted, until = _wanted(), grace_ends()
    if wanted is None:
        yield Finding(
            "second-factor.day", "error", "KEHU_SECOND_FACTOR_FROM is no day as 2026-12-31: it counts for nothing.",
            "Write it so, or leave it out.",
        )  # fmt: skip
    elif until is not None and until < wanted:
        yield Finding(
            "second-factor.capped", "warning",
            Said(
                "KEHU_SECOND_FACTOR_FROM counts for thirty days of an installation: until {day}, no longer.", day=until.date()
            ),
            "Take it out: whoever has no second factor makes one when they sign in.",
        )  # fmt: skip
    if until is not None and until > datetime.now(UTC):
        yield Finding(
            "second-factor.waived", "warning",
            Said("Until {day} roles that see personal data may come in by password alone.", day=until.date()),
            "Have everybody make a second factor, then take KEHU_SECOND_FACTOR_FROM out.",
        )  # fmt: skip


def _wanted() -> datetime | None:
    try:
        return datetime.fromisoformat(settings.SECOND_FACTOR_FROM).replace(tzinfo=UTC)
    except ValueError:
        return None
