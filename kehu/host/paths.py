"""Where the shipped rules lie, in the package of a wheel or beside it in a checkout; where the site is."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def policies_dir() -> Path:
    """Folder of the Cedar policies."""
    inside = _PACKAGE / "policies"
    return inside if inside.is_dir() else _PACKAGE.parent / "policies"


def static_version() -> str:
    """A short digest of every static file the package ships: part of their address."""
    digest = hashlib.sha256()
    for path in sorted((_PACKAGE / "doors").glob("**/static/**/*.*")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def site_names() -> list[str]:
    """The names that the site answers to, beside this machine's own: ``KEHU_HOSTS``, commas between."""
    return [name for one in os.environ.get("KEHU_HOSTS", "").split(",") if (name := one.strip())]
