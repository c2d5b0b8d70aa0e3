"""Working days: weekends, holidays of a country or state, and China's make-up working days (``laws/calendars``)."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from kehu.govern.packs import laws_dir

_SATURDAY: Final = 5
_LONGEST_BREAK: Final = 60  # days without a working one: no calendar has them, so something is wrong


@dataclass(frozen=True, slots=True)
class Announced:
    """One year's days off and make-up working days, as an authority announced them."""

    off: frozenset[date]
    work: frozenset[date]


class Workdays:
    """Working days under one calendar: ``CN``, ``DE``, ``AU-NSW``; empty: weekends alone are off."""

    def __init__(self, code: str) -> None:
        self.code = code
        country, _, state = code.partition("-")
        self._announced = _announced(country)
        self._held: Mapping[date, str] = {}
        if code:
            # only here: the package takes a while to load, and most runs of the program count no days
            import holidays  # noqa: PLC0415

            self._held = holidays.country_holidays(country, subdiv=state or None)

    def works(self, day: date) -> bool:
        """Whether a day is a working day."""
        if (year := self._announced.get(day.year)) is not None:
            return day in year.work or (day.weekday() < _SATURDAY and day not in year.off)
        return day.weekday() < _SATURDAY and day not in self._held

    def known(self, day: date) -> bool:
        """Whether the year's days are announced where an authority announces them; elsewhere always."""
        return not self._announced or day.year in self._announced

    def rolled(self, day: date) -> date:
        """The day itself, or the next working day.

        Raises:
            ValueError: none within two months.
        """
        for ahead in range(_LONGEST_BREAK):
            if self.works(found := day + timedelta(ahead)):
                return found
        raise ValueError("a calendar without working days")

    def after(self, day: date, count: int) -> date:
        """The working day that is ``count`` working days after a day (which itself is not counted)."""
        for _ in range(count):
            day = self.rolled(day + timedelta(1))
        return day

    def between(self, start: date, end: date) -> int:
        """Working days after ``start`` up to and with ``end``."""
        return sum(self.works(start + timedelta(n)) for n in range(1, (end - start).days + 1))


@functools.cache
def workdays(code: str) -> Workdays:
    """The calendar of a country or state, loaded once.

    Raises:
        ValueError: no such country or state.
    """
    try:
        return Workdays(code)
    except NotImplementedError:
        raise ValueError("calendar: a country, or a country and a state, as DE or AU-NSW") from None


@functools.cache
def _announced(country: str) -> dict[int, Announced]:
    path = laws_dir() / "calendars" / f"{country.lower()}.toml"
    if not country or not path.is_file():
        return {}
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["year"]
    return {row["year"]: Announced(frozenset(row["off"]), frozenset(row["work"])) for row in rows}
