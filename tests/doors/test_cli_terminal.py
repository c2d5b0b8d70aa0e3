"""Command lines and terminals as they are: an answer all the same, an exit code that is true, and no value in an error."""

from __future__ import annotations

import json
import os
import subprocess
import sys


def on_a_terminal_of(encoding, *words):
    """Run one command whose standard output lacks most characters; returns exit code, output and errors."""
    done = subprocess.run(
        [sys.executable, "-m", "kehu.doors.cli.main", *words],
        capture_output=True, env=os.environ | {"PYTHONIOENCODING": encoding, "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    return done.returncode, done.stdout.decode(encoding), done.stderr.decode()


def test_an_encoding_that_lacks_a_character_costs_no_answer(database):
    assert on_a_terminal_of("latin-1", "channel", "add", "客护é", "--kind", "file", "--json")[0] == 0
    code, answer, errors = on_a_terminal_of("latin-1", "channel", "list", "--json")
    assert (code, json.loads(answer)["channels"][-1]["name"], errors) == (0, "客护é", "")
    code, lines, errors = on_a_terminal_of("latin-1", "channel", "list")
    assert (code, errors) == (0, "") and r"\u5ba2\u62a4é" in lines


def test_whoever_answers_no_question_has_stopped_the_command(database):
    """An end of input at a prompt, as Ctrl-C at one, is no fault of ours, and nothing of it stands in the log."""
    ours, theirs = os.openpty()
    os.write(ours, b"\x04")
    words = ("match", "01990000-0000-7000-8000-000000000000", "--purpose", "service", "--field", "birth_date", "--json")
    done = subprocess.run([sys.executable, "-m", "kehu.doors.cli.main", *words], stdin=theirs, capture_output=True)
    for end in (ours, theirs):
        os.close(end)
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (1, "stopped")
    assert b"command.fault" not in done.stderr


def test_a_moment_before_the_first_year_is_wrong_usage(kehu):
    code, answer = kehu("ledger", "list", "--since", "0001-01-01T00:00:00+14:00")
    assert (code, answer["error"]["code"]) == (2, "usage")


def test_an_empty_token_is_nobodys(kehu, monkeypatch):
    """What a script is left with where the token it asked for was refused; the home's owner is meant by no token at all."""
    from click.testing import CliRunner

    from kehu.doors.cli.main import main

    for words in (("channel", "list"), ("token", "issue", "--staff", "x", "--purpose", "service")):
        done = CliRunner().invoke(main, [*words, "--json"], env={"KEHU_TOKEN": ""})
        assert done.exit_code == 3, done.output
