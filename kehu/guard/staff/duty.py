"""Where and when a member of staff works. Both enter every decision: a read from another country sends data there."""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass
from datetime import time
from typing import Final, Self

from django.db import transaction

from kehu.guard.staff.actions import UnknownStaff
from kehu.guard.staff.models import Staff

_PLACE: Final = re.compile(r"([A-Z]{2})?")
_HOURS: Final = re.compile(r"(\d{1,2}:\d\d)-(\d{1,2}:\d\d)")
_DAYS: Final = re.compile(r"[1-7](-[1-7])?(,[1-7](-[1-7])?)*")


@dataclass(frozen=True, slots=True)
class Duty:
    """``place``: the country worked from, empty where the data is kept; ``days`` by ISO number, None: every day.

    Without ``starts`` and ``ends`` every hour is one of duty; a shift may run over midnight.
    """

    place: str = ""
    zone: str = ""
    days: tuple[int, ...] | None = None
    starts: time | None = None
    ends: time | None = None

    @classmethod
    def read(cls, place: str = "", hours: str = "", zone: str = "", days: str = "") -> Self:
        """From words as ``DE``, ``09:00-18:00``, ``Asia/Shanghai`` and ``1-5``; empty: nothing is said of it.

        Raises:
            ValueError: one of them is of another form, or hours without their zone.
        """
        if not _PLACE.fullmatch(place):
            raise ValueError("place: two capital letters")
        if not hours:
            if zone or days:
                raise ValueError("hours: as 09:00-18:00, with --zone")
            return cls(place)
        named = _HOURS.fullmatch(hours)
        if named is None:
            raise ValueError("hours: as 09:00-18:00")
        if zone not in zoneinfo.available_timezones():
            raise ValueError("zone: as Asia/Shanghai")
        if days and not _DAYS.fullmatch(days):
            raise ValueError("days: as 1-5 or 1,3,6 (1 is Monday)")
        try:
            starts, ends = (time.fromisoformat(one.zfill(5)) for one in named.groups())
        except ValueError:
            raise ValueError("hours: as 09:00-18:00") from None
        if starts == ends:
            raise ValueError("hours: they end at another time than they begin")
        return cls(place, zone, _days(days) if days else None, starts, ends)


@transaction.atomic
def set_duty(email: str, duty: Duty) -> None:
    """Say where and when somebody works; acts on the next read of every credential of theirs.

    Raises:
        UnknownStaff: nobody of that email.
    """
    changed = Staff.objects.filter(email__iexact=email).update(
        place=duty.place, zone=duty.zone, duty_days=list(duty.days) if duty.days else None, duty_from=duty.starts,
        duty_to=duty.ends,
    )  # fmt: skip
    if not changed:
        raise UnknownStaff(email)


def _days(words: str) -> tuple[int, ...]:
    found: set[int] = set()
    for part in words.split(","):
        first, _, last = part.partition("-")
        length = (int(last or first) - int(first)) % 7  # 6-1: over Sunday
        found.update((int(first) + after - 1) % 7 + 1 for after in range(length + 1))
    return tuple(sorted(found))
