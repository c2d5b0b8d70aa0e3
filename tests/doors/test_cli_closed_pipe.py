"""A reader that goes away (`kehu … | head`) ends a command quietly: no fault, no traceback, nothing on stderr."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.cast import admit

WORDS = [("sources", "--channel", "store"), ("ledger", "checkpoint"), ("status",), ("--help",)]
JSON = [("quarantine", "list", "--json"), ("ledger", "list", "--json")]


def closed_pipe(*words):
    """Run one command whose standard output nobody reads; returns exit code and standard error."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "kehu.doors.cli.main", *words], stdout=writer, stderr=subprocess.PIPE, text=True
        )
    finally:
        os.close(writer)
    return done.returncode, done.stderr


@pytest.mark.parametrize("lists", [WORDS, JSON], ids=["words", "json"])
def test_a_list_nobody_reads_ends_quietly(database, lists):
    admit({"full_name": "林婉清", "email": "lin@mail.example", "external_id": "A1"})
    for words in lists:
        assert closed_pipe(*words) == (141, ""), words


def test_what_failed_keeps_its_exit_code(database):
    """A script that cuts the answer short still learns that there was none."""
    assert closed_pipe("ledger", "prove", "999999", "--json") == (1, "")
    assert closed_pipe("no-such-command", "--json") == (2, "")
