"""Java and pyspark, for the tests of linkage on Spark: found, installed where nothing may be skipped, or said to be missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "openjdk-17-jre-headless"
PINS = Path(__file__).resolve().parents[1] / "requirements" / "spark.txt"


def missing() -> str:
    """What is not here, in words; empty where nothing is missing."""
    found = []
    if not shutil.which("java"):
        found.append(f"Java 17 (as root: apt-get install {PACKAGE})")
    if find_spec("pyspark") is None:
        found.append("pyspark (pip install 'kehu[spark]')")
    return " and ".join(found)


def ensure_spark() -> None:
    """See that Java and pyspark are here; elsewhere than under ``CI=true`` one line says what tests leave out.

    They are half a gigabyte, so that nobody is given them who did not ask; with CI they are installed, or end the run.
    """
    if not missing():
        return
    if os.environ.get("CI") == "true":
        if not shutil.which("java") and os.geteuid() == 0 and shutil.which("apt-get"):
            environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
            for words in (["update", "-q"], ["install", "-y", "-q", "--no-install-recommends", PACKAGE]):
                subprocess.run(["apt-get", *words], env=environment, stdout=subprocess.DEVNULL, check=False)
        pip = [sys.executable, "-m", "pip", "-q", "install", "--disable-pip-version-check", "--require-hashes"]
        subprocess.run([*pip, "-r", str(PINS)], check=False)
        if lacking := _missing_now():
            sys.exit(f"kehu: {lacking} could not be installed, and with CI=true no test is skipped")
        return
    print(f"kehu: tests of linkage on Spark are skipped: missing are {missing()}", file=sys.stderr, flush=True)


def _missing_now() -> str:
    import importlib

    importlib.invalidate_caches()
    return missing()
