"""What the tests of the doors share."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests import commands


@pytest.fixture
def kehu(database, monkeypatch):
    """Run one command inside this process, twenty times as fast as in one of its own; its exit code and JSON object."""

    def run(*words, token=None, input=None):
        done = commands.run(monkeypatch, *words, token=token, input=input)
        return done.exit_code, json.loads(done.stdout) if done.stdout else done.stderr

    return run


@pytest.fixture
def kehu_process(database):
    """Run one command as strangers' scripts do; returns its exit code and its JSON object."""

    def run(*words, token=None, **more):
        environment = os.environ | ({"KEHU_TOKEN": token} if token else {})
        done = subprocess.run(
            [sys.executable, "-m", "kehu.doors.cli.main", *words, "--json"],
            capture_output=True, text=True, **{"env": environment} | more,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    return run
