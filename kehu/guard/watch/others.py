"""How the others of a role fare at the same time: on a day of a campaign everybody is busy, and nobody conspicuous."""

from __future__ import annotations

import math
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

from kehu.guard.watch.days import Day
from kehu.guard.watch.teach import DAY_MEASURES
from kehu.guard.watch.usual import Usual, shift_of

_HOUR_MEASURES: Final = {"opened-hour": "opened", "listed-hour": "listed"}


class Others:
    """Counts of a day and its hours as they are written by now, loaded where somebody is beyond a limit."""

    def __init__(self, raw: Connection[Any]) -> None:
        self._raw = raw
        self._held: dict[tuple[Any, ...], dict[UUID, float]] = {}

    def shift(self, day: Day, measure: str, hour: datetime | None) -> float:
        """By how much the others of the role are above their usual on that day or in that hour, as a logarithm; 0: no more."""
        key = (day.role, measure, hour or day.day)
        if key not in self._held:
            self._held[key] = self._load(day.role, measure, hour or day.day)
        return shift_of([value for human, value in self._held[key].items() if human != day.human])

    def _load(self, role: str, measure: str, when: date | datetime) -> dict[UUID, float]:
        if isinstance(when, datetime):
            table, column = "watch_hour", _HOUR_MEASURES[measure]
            at = "hour > %(when)s - interval '1 hour' and hour <= %(when)s"  # elsewhere it may begin at half past
        else:
            table, column, at = "watch_day", DAY_MEASURES[measure], "day = %(when)s"
        rows = self._raw.execute(
            f"select human, {column} from {table} where {at} and role = %(role)s and {column} > 0",
            {"when": when, "role": role},
        ).fetchall()
        usual = Usual(self._raw, [row[0] for row in rows], [role])
        return {human: math.log1p(count) - usual.pooled(human, role, measure)[0] for human, count in rows}
