"""What the tests of the doors share."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest


@pytest.fixture
def kehu(database):
    """Run one command; returns its exit code and its JSON object."""

    def run(*words, token=None, **more):
        environment = os.environ | ({"KEHU_TOKEN": token} if token else {})
        done = subprocess.run(
            [sys.executable, "-m", "kehu.doors.cli.main", *words, "--json"],
            capture_output=True, text=True, env=environment, **more,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    return run
