"""Fields that this house treats as more sensitive than the dictionary ships them, since somebody found what they really hold."""

from __future__ import annotations

from collections.abc import Mapping

from kehu.govern.models import RaisedField

Levels = Mapping[str, tuple[int, str]]
"""Level and kind of sensitivity by field."""


def raised() -> Levels:
    """What holds now."""
    rows = RaisedField.objects.filter(ended_at=None).order_by("field")
    return {row.field: (row.level, row.sensitive) for row in rows}
