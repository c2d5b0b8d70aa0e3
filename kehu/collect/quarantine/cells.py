"""Cells of an export: safe where a spreadsheet opens them, and the same again when they come back.

A cell that begins as a formula does is one to a spreadsheet, whoever wrote it: ``=HYPERLINK(…)`` in a customer's name
would send the row elsewhere. The usual answer (OWASP, "CSV Injection") is an apostrophe before it. Here every such cell
gets exactly one, also where apostrophes stood before it already, so that taking one off gives the cell as it came.
"""

from __future__ import annotations

import re
from typing import Final

# the full-width forms are read as the narrow ones where Chinese or Japanese is typed
_BEGINS: Final = "'*[=+\\-@\t\r\n＝＋－＠]"
QUOTED: Final = f"^'({_BEGINS})"
"""What a quoted cell begins with; its first group is how the cell began before. The same to Python and to polars."""
_PLAIN_RE: Final = re.compile(_BEGINS)
_QUOTED_RE: Final = re.compile(QUOTED)


def for_spreadsheet(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if _PLAIN_RE.match(cell) else cell


def from_spreadsheet(cell: str) -> str:
    """The cell that :func:`for_spreadsheet` quoted; any other as it is."""
    return _QUOTED_RE.sub(r"\1", cell, count=1)
