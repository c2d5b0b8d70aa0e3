"""The official tracking clients for Node that the tests drive: installed by npm's lock where npm is, or said to be missing."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "clients" / "node"
PACKAGES = ("nodejs", "npm")


def install_clients() -> bool:
    """Install what the lock pins, once, by hash, running nothing of it; returns whether it is there."""
    if clients_installed():
        return True
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        return False
    print("kehu: installing the tracking clients for Node …", file=sys.stderr, flush=True)
    words = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.run(words, cwd=FOLDER, stdout=subprocess.DEVNULL, check=False).returncode:
        return False
    _stamp().write_text(_digest())
    return True


def clients_installed() -> bool:
    """Whether Node and the clients of the lock are here."""
    return bool(shutil.which("node")) and _stamp().exists() and _stamp().read_text() == _digest()


def ensure_clients() -> None:
    """See that Node and its clients are here: by apt where this is root, else one line says what is missing.

    Under ``CI=true`` nothing may be skipped: what cannot be installed ends the run.
    """
    if install_clients():
        return
    if os.geteuid() == 0 and shutil.which("apt-get") and not (shutil.which("node") and shutil.which("npm")):
        print("kehu: installing " + " ".join(PACKAGES), file=sys.stderr, flush=True)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", *PACKAGES]):
            subprocess.run(["apt-get", *words], env=environment, stdout=subprocess.DEVNULL, check=False)
    if not install_clients():
        line = (
            f"Node's tracking clients are missing (as root: apt-get install {' '.join(PACKAGES)}; then make setup-dev)"
        )
        if os.environ.get("CI") == "true":
            sys.exit(f"kehu: {line}, and with CI=true no test is skipped")
        print(f"kehu: tests with them are skipped: {line}", file=sys.stderr, flush=True)


def _stamp() -> Path:
    return FOLDER / "node_modules" / ".kehu-installed"


def _digest() -> str:
    return hashlib.sha256((FOLDER / "package-lock.json").read_bytes()).hexdigest()
