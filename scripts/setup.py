"""Set a checkout up: virtual environment, pinned packages by hash, the project itself. Runs on the system's Python."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
SUPPORTED = {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64")}


def stop(line: str) -> None:
    """Say what is missing in one line and end."""
    sys.exit(f"kehu: {line}")


def check_machine() -> None:
    """Stop on machines for which the pinned packages have no binaries."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        stop(f"Python 3.11 to 3.13 is needed, this is {platform.python_version()}; run make PYTHON=python3.11 …")
    if (platform.system(), platform.machine()) not in SUPPORTED:
        stop("supported are Linux x86_64 and aarch64 (glibc 2.28 or newer) and macOS arm64")
    name, version = platform.libc_ver()
    if platform.system() == "Linux" and (name != "glibc" or tuple(map(int, version.split(".")[:2])) < (2, 28)):
        stop("on Linux glibc 2.28 or newer is needed")


def make_venv() -> None:
    """Make the virtual environment; by root Debian's missing package is installed."""
    if (VENV / "bin" / "pip").exists():
        return
    if subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True).returncode:
        if os.geteuid() or not Path("/usr/bin/apt-get").exists():
            stop("the module venv is missing: as root, apt-get install python3-venv")
        subprocess.run(["apt-get", "update", "-q"], check=True)
        subprocess.run(["apt-get", "install", "-y", "-q", "python3-venv"], check=True)
    subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)


def install(wanted: str) -> None:
    """Install the pinned set once; its digest is the stamp."""
    pins = ROOT / "requirements" / f"{wanted}.txt"
    digest = hashlib.sha256(pins.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()
    stamp = VENV / f".kehu-{wanted}"
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"Installing packages ({wanted}) …", file=sys.stderr, flush=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "-q", "install", "--disable-pip-version-check"]
    subprocess.run([*pip, "--require-hashes", "--only-binary", ":all:", "-r", str(pins)], check=True)
    subprocess.run([*pip, "--no-build-isolation", "--no-deps", "-e", str(ROOT)], check=True)
    stamp.write_text(digest)


def main() -> None:
    """``setup.py base|dev``."""
    check_machine()
    make_venv()
    install(sys.argv[1] if len(sys.argv) > 1 else "base")


if __name__ == "__main__":
    main()
