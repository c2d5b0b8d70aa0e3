"""Set a checkout up: virtual environment, pinned packages by hash, the project itself. Runs on the system's Python."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

from clients import install_clients
from packages import install_pinned

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
SUPPORTED = {("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64")}


def stop(line: str) -> NoReturn:
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
        for words in (["update", "-q"], ["install", "-y", "-q", "python3-venv"]):
            if subprocess.run(["apt-get", *words]).returncode:
                stop("python3-venv could not be installed: apt-get install python3-venv")
    if subprocess.run([sys.executable, "-m", "venv", str(VENV)]).returncode:
        stop(f"the virtual environment could not be made in {VENV}")


def install(wanted: str) -> None:
    """Install the pinned set once; its digest is the stamp. The development set holds the base set."""
    if _installed(wanted) or (wanted == "base" and _installed("dev")):
        return
    print(f"kehu: installing packages ({wanted}) …", file=sys.stderr, flush=True)
    python = VENV / "bin" / "python"
    # a third of the time: what is imported is compiled then
    compiled = wanted != "dev" or sys.dont_write_bytecode
    itself = [str(python), "-m", "pip", "-q", "install", "--disable-pip-version-check"]
    itself += ["--no-build-isolation", "--no-deps", "-e", str(ROOT)]
    if not install_pinned(python, wanted, compiled=compiled) or subprocess.run(itself).returncode:
        stop("packages could not be installed: see above; once the network is back, run the same again")
    _stamp(wanted).write_text(_digest(wanted))


def compile_project() -> None:
    """Compile what changed since the last time, once: else each of a system's processes compiles all of it as it starts.

    Where Python is told to write no such files (containers do), it would do so at every start.
    """
    subprocess.run([str(VENV / "bin" / "python"), "-m", "compileall", "-q", str(ROOT / "kehu")], check=False)


def _digest(wanted: str) -> str:
    pins = ROOT / "requirements" / f"{wanted}.txt"
    return hashlib.sha256(pins.read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()


def _stamp(wanted: str) -> Path:
    return VENV / f".kehu-{wanted}"


def _installed(wanted: str) -> bool:
    return _stamp(wanted).exists() and _stamp(wanted).read_text() == _digest(wanted)


def main() -> None:
    """``setup.py base|dev``."""
    check_machine()
    make_venv()
    wanted = sys.argv[1] if len(sys.argv) > 1 else "base"
    with ThreadPoolExecutor(1) as beside:
        if wanted == "dev":
            beside.submit(install_clients)  # without npm the tests say what they leave out
        install(wanted)
        compile_project()


if __name__ == "__main__":
    main()
