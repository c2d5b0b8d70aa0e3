"""English is read on both sides of the ocean: a month in letters, so that no deadline of 12/04 is taken for another."""

from __future__ import annotations

from typing import Final

DATE_FORMAT: Final = "j M Y"
SHORT_DATE_FORMAT: Final = "j M Y"
DATETIME_FORMAT: Final = "j M Y, H:i"
SHORT_DATETIME_FORMAT: Final = "j M Y, H:i"
TIME_FORMAT: Final = "H:i"
MONTH_DAY_FORMAT: Final = "j F"
