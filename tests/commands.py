"""The command line inside this process: the same parsing, answers and exit codes as a process of its own, faster."""

from __future__ import annotations

import pytest
from click.testing import CliRunner, Result


def run(monkeypatch: pytest.MonkeyPatch, *words: object, token: str | None = None, input: str | None = None) -> Result:
    """Run one command for its JSON; only what ends a command may leave it."""
    return spoken(monkeypatch, *words, "--json", token=token, input=input)


def spoken(
    monkeypatch: pytest.MonkeyPatch, *words: object, token: str | None = None, input: str | None = None
) -> Result:
    """Run one command with exactly these words."""
    from kehu.doors.cli.main import main

    if token:
        monkeypatch.setenv("KEHU_TOKEN", token)
    else:
        monkeypatch.delenv("KEHU_TOKEN", raising=False)
    done = CliRunner().invoke(main, [*map(str, words)], input=input)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done
