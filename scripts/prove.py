"""See every promise break: ``python scripts/prove.py [--list] [PROMISE…]`` (``make prove``).

Each change of ``tests/promises.toml`` is made in a copy of the tree, by itself, and the promise's tests are run there:
they must fail. A test that stays green while its protection is off proves nothing. Unchanged, all of them must pass.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
FILE: Final = ROOT / "tests" / "promises.toml"
_PASSED, _FAILED, _BROKEN = 0, 1, -1  # of pytest; anything else means that it could not run, as the last does
_SECONDS: Final = 900


def promises() -> list[Mapping[str, Any]]:
    """Every promise as written."""
    held: list[Mapping[str, Any]] = tomllib.loads(FILE.read_text(encoding="utf-8"))["promise"]
    return held


def changes(promise: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    """Each change that breaks a promise, and the tests that must notice it."""
    for broken in promise["broken"]:
        yield broken, list(broken.get("tests", promise["tests"]))


def changed(root: Path, broken: Mapping[str, Any]) -> str:
    """The text of the file with the change made.

    Raises:
        ValueError: what is to be changed does not stand there exactly once.
    """
    text: str = (root / broken["file"]).read_text(encoding="utf-8")
    if text.count(broken["old"]) != 1:
        raise ValueError(f"{broken['file']}: “{broken['how']}” fits {text.count(broken['old'])} places")
    made: str = text.replace(broken["old"], broken["new"])
    return made


def _copy(root: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-zco", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    for installed in (ROOT / "tests" / "clients").glob("*/node_modules"):  # the clients that tests run
        (root / installed.relative_to(ROOT)).symlink_to(installed)


def _run(root: Path, tests: list[str]) -> tuple[int, str]:
    environment = os.environ | {"PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-rfEs", "--no-header", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        return _FAILED, ""  # what waits for ever is noticed, too
    said = (done.stdout + done.stderr).decode(errors="replace").splitlines()
    code = done.returncode
    if code == _FAILED and not any(line.startswith("FAILED") for line in said):
        code = _BROKEN  # what went wrong before the test began noticed nothing
    if any(line.startswith("SKIPPED") for line in said):
        code = _BROKEN  # nor did what was not run, which pytest counts as passed
    return code, "\n".join(said[-30:])


def _told(words: str, began: float) -> None:
    print(f"{words}  ({time.monotonic() - began:.0f} s)", flush=True)


def _prove(root: Path, chosen: list[Mapping[str, Any]]) -> int:
    began, wrong = time.monotonic(), 0
    whole = sorted({test for promise in chosen for test in promise["tests"]})
    code, said = _run(root, whole)
    if code != _PASSED:
        _told("the tests do not pass as it is: nothing can be shown\n" + said, began)
        return 1
    _told(f"{len(whole)} tests and files of tests pass", began)
    for promise in chosen:
        for broken, tests in changes(promise):
            began, path = time.monotonic(), root / broken["file"]
            kept = path.read_text(encoding="utf-8")
            path.write_text(changed(root, broken), encoding="utf-8")
            code, said = _run(root, tests)
            path.write_text(kept, encoding="utf-8")
            wrong += code != _FAILED
            _told(f"{'noticed' if code == _FAILED else 'NOT NOTICED':12}{promise['id']:4}{broken['how']}", began)
            if code not in (_PASSED, _FAILED):
                print(said, flush=True)
    return wrong


def main() -> None:
    """Prove what is asked for, or all; the exit code says whether every change was noticed."""
    asked = [word for word in sys.argv[1:] if not word.startswith("-")]
    chosen = [promise for promise in promises() if not asked or promise["id"] in asked]
    if "--list" in sys.argv:
        for promise in chosen:
            print(f"{promise['id']:4}{promise['words']}")
        return
    with tempfile.TemporaryDirectory(prefix="kehu-prove-") as folder:
        _copy(Path(folder))
        sys.exit(min(_prove(Path(folder), chosen), 1))


if __name__ == "__main__":
    main()
