"""The mail server that tests fetch mail from: found, installed where that is possible, or said to be missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

PACKAGE = "dovecot-imapd"


def find_dovecot() -> str | None:
    """Path of Debian's dovecot."""
    return shutil.which("dovecot", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")


def ensure_dovecot() -> None:
    """See that dovecot is here: by apt where this is root, else one line says what is missing.

    Under ``CI=true`` nothing may be skipped: what cannot be installed ends the run.
    """
    if find_dovecot():
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("kehu: installing " + PACKAGE, file=sys.stderr, flush=True)
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", PACKAGE]):
            subprocess.run(["apt-get", *words], env=environment, stdout=subprocess.DEVNULL, check=False)
    if not find_dovecot():
        line = f"dovecot is missing (as root: apt-get install {PACKAGE})"
        if os.environ.get("CI") == "true":
            sys.exit(f"kehu: {line}, and with CI=true no test is skipped")
        print(f"kehu: tests of fetching mail are skipped: {line}", file=sys.stderr, flush=True)
