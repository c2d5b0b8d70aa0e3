"""Paper forms as pictures: whatever scan comes in is drawn anew before it is sealed as the proof of a consent."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

from kehu.serve.rights.consents.scanning import MOST_INPUT, REASONS

__all__ = ["MOST_INPUT", "ScanRefused", "drawn_anew"]

_SECONDS: Final = 30


class ScanRefused(ValueError):
    """A file that is no scan we keep; ``reason``: ``unreadable``, ``too-large``, ``too-many-pages`` or ``locked``."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"scan: {reason}; a JPEG, PNG, WebP, TIFF or PDF of up to eight pages and 20 MB is taken")
        self.reason = reason


def drawn_anew(content: bytes) -> bytes:
    """The pages of a scan as one JPEG without metadata, made in a process that has nothing to lose.

    Raises:
        ScanRefused: it is none, or too large.
    """
    if not 0 < len(content) <= MOST_INPUT:
        raise ScanRefused("too-large" if content else "unreadable")
    plain = {name: os.environ[name] for name in ("PATH", "LANG", "VIRTUAL_ENV") if name in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "kehu.serve.rights.consents.scanning"], input=content, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, timeout=_SECONDS, check=False, env=plain, close_fds=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ScanRefused("too-large") from None
    if done.returncode or not done.stdout:
        # ended by its own limits, it is too large for us
        raise ScanRefused(REASONS.get(done.returncode, "too-large" if done.returncode < 0 else "unreadable"))
    return done.stdout
