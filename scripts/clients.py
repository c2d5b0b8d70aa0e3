"""What tests drive in Node: tracking clients, a shop's own library, an OpenID provider; by npm's locks, or said to be missing."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

CLIENTS = Path(__file__).resolve().parents[1] / "tests" / "clients"
FOLDER = CLIENTS / "node"
SHOPIFY = CLIENTS / "shopify"
OPENID = CLIENTS / "openid"
PACKAGES = ("nodejs", "npm")


def install_clients() -> bool:
    """Install what the locks pin, once, by hash, running nothing of it; returns whether it is there."""
    installed = [_install(folder) for folder in (FOLDER, SHOPIFY, OPENID)]  # each, also where one is missing
    return all(installed)


def clients_installed(folder: Path = FOLDER) -> bool:
    """Whether Node and what the folder's lock pins are here."""
    stamp = _stamp(folder)
    return bool(shutil.which("node")) and stamp.exists() and stamp.read_text() == _digest(folder)


def _install(folder: Path) -> bool:
    if clients_installed(folder):
        return True
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        return False
    print(f"kehu: installing clients for Node ({folder.name}) …", file=sys.stderr, flush=True)
    words = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if subprocess.run(words, cwd=folder, stdout=subprocess.DEVNULL, check=False).returncode:
        return False
    _stamp(folder).write_text(_digest(folder))
    return True


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


def _stamp(folder: Path) -> Path:
    return folder / "node_modules" / ".kehu-installed"


def _digest(folder: Path) -> str:
    return hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
