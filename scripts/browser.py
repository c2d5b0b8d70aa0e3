"""The browser that the browser tests drive: found, installed where that is possible, or said to be missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

SHELL = "chromium-headless-shell"  # the same engine without windows: half the work for each page
PACKAGES = (SHELL, "fonts-noto-cjk")
FONT = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")
NAMES = (SHELL, "chromium", "chromium-browser", "google-chrome")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")


def find_browser() -> str | None:
    """Path of a Chromium: ``KEHU_CHROMIUM``, else the one on the path, else macOS's Chrome."""
    named = os.environ.get("KEHU_CHROMIUM")
    if named:
        return named if Path(named).exists() else None
    return next(filter(None, map(shutil.which, NAMES)), str(MAC) if MAC.exists() else None)


def ensure_browser() -> None:
    """See that Chromium and a font for Chinese are here: by apt where this is root, else one line says what is missing.

    Under ``CI=true`` nothing may be skipped: what cannot be installed ends the run.
    """
    chosen = shutil.which(SHELL) or os.environ.get("KEHU_CHROMIUM") or sys.platform == "darwin"
    if chosen and find_browser() and (FONT.exists() or sys.platform == "darwin"):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("kehu: installing " + " ".join(PACKAGES), file=sys.stderr, flush=True)
        _apt("update", "-q")
        for package in PACKAGES:
            _apt("install", "-y", "-q", "--no-install-recommends", package)
        if not find_browser():  # a system that has no such package
            _apt("install", "-y", "-q", "--no-install-recommends", "chromium")
    if not find_browser():
        line = f"Chromium is missing (as root: apt-get install {' '.join(PACKAGES)})"
        if os.environ.get("CI") == "true":
            sys.exit(f"kehu: {line}, and with CI=true no test is skipped")
        print(f"kehu: browser tests are skipped: {line}", file=sys.stderr, flush=True)


def _apt(*words: str) -> None:
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", *words], env=environment, stdout=subprocess.DEVNULL, check=False)
