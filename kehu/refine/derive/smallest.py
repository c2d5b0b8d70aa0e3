"""How few customers a count may be of before it is not said."""

from __future__ import annotations

from typing import Final

from django.conf import settings

DEFAULT: Final = 10
LEAST: Final = 3


def smallest_group() -> int:
    """The smallest group that a figure about customers may be of (``KEHU_SMALLEST_GROUP``, at least 3)."""
    return max(LEAST, int(getattr(settings, "SMALLEST_GROUP", DEFAULT)))
