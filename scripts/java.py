"""Java and pyspark, for the tests of linkage on Spark (`make spark`): found, installed, or said to be missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from packages import install_pinned

PACKAGE = "openjdk-17-jre-headless"


def missing() -> str:
    """What is not here, in words; empty where nothing is missing."""
    found = []
    if not shutil.which("java"):
        found.append(f"Java 17 (as root: apt-get install {PACKAGE})")
    if find_spec("pyspark") is None:
        found.append("pyspark (pip install 'kehu[spark]')")
    return " and ".join(found)


def ensure_spark() -> None:
    """See that Java and pyspark are here, or end: they are half a gigabyte, so only who asks for them gets them."""
    if not missing():
        return
    if not shutil.which("java") and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", PACKAGE]):
            subprocess.run(["apt-get", *words], env=environment, stdout=subprocess.DEVNULL, check=False)
    install_pinned(Path(sys.executable), "spark", compiled=False, built=True)  # pyspark comes as source
    if lacking := _missing_now():
        sys.exit(f"kehu: {lacking} could not be installed")


def _missing_now() -> str:
    import importlib

    importlib.invalidate_caches()
    return missing()


if __name__ == "__main__":
    ensure_spark()
