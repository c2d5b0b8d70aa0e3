"""What must hold before a change is in; the first failure ends it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from browser import ensure_browser
from clients import ensure_clients
from java import ensure_spark
from mailserver import ensure_dovecot

ROOT = Path(__file__).resolve().parents[1]
BIN = ROOT / ".venv" / "bin"
SECRET = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}\b|\bkehu_[A-Za-z0-9_-]{43}\b"
    r"|AGE-SECRET-KEY-1[0-9A-Z]{58}"
)


def run(title: str, *command: str) -> None:
    """Run one step; its failure is ours."""
    begun(*command, kept=False)(title)


def begun(*command: str, kept: bool = True) -> Callable[[str], None]:
    """Begin a step; what is returned waits for its end under a title, shows what it ``kept`` back, and fails as it failed."""
    output = subprocess.PIPE if kept else None
    home = tempfile.TemporaryDirectory()
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "kehu.host.settings", "KEHU_HOME": home.name + "/none"}
    step = subprocess.Popen(
        [str(BIN / command[0]), *command[1:]],
        cwd=ROOT,
        env=environment,
        stdout=output,
        stderr=output and subprocess.STDOUT,
    )

    def ended(title: str) -> None:
        print(f"== {title}", flush=True)
        told = step.communicate()[0]
        sys.stdout.buffer.write(told or b"")
        sys.stdout.flush()
        home.cleanup()
        if step.returncode:
            sys.exit(step.returncode)

    return ended


def scan_for_secrets() -> None:
    """No key, token or password of a real system stands in a tracked file."""
    print("== secrets", flush=True)
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = []
    for name in filter(None, files.split("\0")):
        path = ROOT / name
        if path.is_file() and SECRET.search(path.read_text(errors="replace")):
            found.append(name)
    if found:
        sys.exit("a secret stands in: " + ", ".join(found))


def ensure_programs() -> None:
    """See that browser, clients and mail server are here, or say what is left out without them."""
    ensure_browser()
    ensure_clients()
    ensure_dovecot()
    if os.environ.get("CI"):  # half a gigabyte, which nobody else is made to fetch
        ensure_spark()


def run_tests() -> None:
    """All tests, spread over processes: each has a home, a database server and ports of its own."""
    # one more than there are processors: many a test waits for a process, a browser or a clock
    workers = os.environ.get("KEHU_TEST_WORKERS") or str(min(4, (os.cpu_count() or 1) + 1))
    spread = ("-n", workers, "--dist", "loadfile", "--no-loadscope-reorder")  # in our order: the long ones first
    run("tests", "python", "-m", "pytest", "-q", *spread)


def main() -> None:
    """Every step in order; with ``--tests`` the tests alone."""
    if "--tests" in sys.argv[1:]:
        ensure_programs()
        run_tests()
        return
    run("ruff", "ruff", "check", ".")
    run("format", "ruff", "format", "--check", ".")
    types = begun("mypy")  # takes longer than all that follows, and one processor
    run("imports", "lint-imports")
    run("django", "python", "-m", "django", "check")
    run("migrations", "python", "-m", "django", "makemigrations", "--check", "--dry-run")
    scan_for_secrets()
    ensure_programs()  # fetched while that works
    types("mypy")
    run_tests()


if __name__ == "__main__":
    main()
