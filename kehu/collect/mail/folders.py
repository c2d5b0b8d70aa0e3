"""Names of folders as IMAP writes them: modified UTF-7 (RFC 3501, 5.1.3)."""

from __future__ import annotations

import base64
import re
from typing import Final

_FOREIGN: Final = re.compile(r"&|[^\x20-\x7e]+")
_SHIFTED: Final = re.compile(r"&([A-Za-z0-9+,]*)-")
_WRITTEN: Final = re.compile(r"(?:[\x20-\x25\x27-\x7e]|&[A-Za-z0-9+,]*-)*")


def folder_name(name: str) -> str:
    """A folder's name as the server is asked for it; one that is written in that way already stays as it is.

    ``R&D-Support`` is not: between ``&`` and ``-`` stands nothing that letters are written as.
    """
    written = _WRITTEN.fullmatch(name) is not None and _FOREIGN.sub(_shifted, _SHIFTED.sub(_read, name)) == name
    return name if written else _FOREIGN.sub(_shifted, name)


def _read(found: re.Match[str]) -> str:
    if not found[1]:
        return "&"
    try:
        return base64.b64decode(found[1] + "=" * (-len(found[1]) % 4), b"+,").decode("utf-16-be")
    except ValueError:  # no letters: it stays, and is not what would be written
        return found[0]


def _shifted(found: re.Match[str]) -> str:
    if found[0] == "&":
        return "&-"
    # base64 with a comma, for a slash parts folders
    return f"&{base64.b64encode(found[0].encode('utf-16-be'), b'+,').decode().rstrip('=')}-"
