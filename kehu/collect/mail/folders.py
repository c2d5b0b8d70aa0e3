"""Names of folders as IMAP writes them: modified UTF-7 (RFC 3501, 5.1.3)."""

from __future__ import annotations

import base64
import re
from typing import Final

_FOREIGN: Final = re.compile(r"&|[^\x20-\x7e]+")
_WRITTEN: Final = re.compile(r"(?:[\x20-\x25\x27-\x7e]|&[A-Za-z0-9+,]*-)*")


def folder_name(name: str) -> str:
    """A folder's name as the server is asked for it; one that is written in that way already stays as it is."""
    return name if _WRITTEN.fullmatch(name) else _FOREIGN.sub(_shifted, name)


def _shifted(found: re.Match[str]) -> str:
    if found[0] == "&":
        return "&-"
    # base64 with a comma, for a slash parts folders
    return f"&{base64.b64encode(found[0].encode('utf-16-be'), b'+,').decode().rstrip('=')}-"
