"""Pinned packages put into an environment: by uv, a fifth of pip's time, and by pip where that cannot."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parents[1] / "requirements"
_SECTIONS = ("global", "install", ":env:")  # a later one outweighs, as in pip
_AS_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
    "proxy": "ALL_PROXY",
}


def install_pinned(python: Path, wanted: str, *, compiled: bool, built: bool = False) -> bool:
    """Install what ``requirements/{wanted}.txt`` pins, each file by its hash; whether it is there.

    compiled: whether modules are compiled now, or when they are first imported.
    built: whether what comes as source alone may be built here.
    """
    pinned = ["--require-hashes", "-r", str(REQUIREMENTS / f"{wanted}.txt")]
    if not built:
        pinned += ["--only-binary", ":all:"]
    pip = [str(python), "-m", "pip", "-q", "install", "--disable-pip-version-check"]
    uv = python.parent / "uv"
    itself = ["--require-hashes", "--only-binary", ":all:", "-r", str(REQUIREMENTS / "uv.txt")]
    if not uv.exists():
        subprocess.run([*pip, "--no-compile", *itself], stderr=subprocess.DEVNULL, check=False)
    if uv.exists():
        words = [str(uv), "pip", "install", "-q", "--python", str(python), *pinned]
        if compiled:
            words.append("--compile-bytecode")
        if not subprocess.run(words, env=os.environ | as_uv_knows_it(python), check=False).returncode:
            return True
        print("kehu: uv could not, pip tries …", file=sys.stderr, flush=True)
    if not compiled:
        pip.append("--no-compile")
    return not subprocess.run([*pip, *pinned], check=False).returncode


def as_uv_knows_it(python: Path) -> dict[str, str]:
    """Where this machine's pip is told to look, in uv's words; what is said in them already stands."""
    said: dict[str, str] = {}
    listed = subprocess.run([str(python), "-m", "pip", "config", "list"], capture_output=True, text=True, check=False)
    lines = [line.partition("=") for line in listed.stdout.splitlines()]
    for section in _SECTIONS:
        for key, _, value in lines:
            of, _, name = key.rpartition(".")
            if of == section and name in _AS_UV:
                parts = str(ast.literal_eval(value)).split()
                said[_AS_UV[name]] = ("," if name == "find-links" else " ").join(parts)
    # as pip does; which file it is, a hash says
    said["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {name: value for name, value in said.items() if name not in os.environ}
