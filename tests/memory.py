"""How much memory a process has held at most: since it began, or since somebody began to look."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

_OWN = Path("/proc/self")


def begin() -> None:
    """Look from now on, where the system can (Linux): what was held before does not count."""
    if sys.platform == "linux":
        (_OWN / "clear_refs").write_text("5")


def most() -> float:
    """MiB held at most. Of a process that was just begun not what its parent held, as ``ru_maxrss`` would say on Linux."""
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    found = re.search(r"^VmHWM:\s+(\d+) kB", (_OWN / "status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) / 1024
