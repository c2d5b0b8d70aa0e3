"""What the tests of collecting share: commands, imports of a text, and a desk that looks at what came of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from tests import commands


@dataclass
class Answered:
    """What one command came to."""

    code: int
    json: dict = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)

    def counts(self) -> tuple[int, ...]:
        """rows, created, updated, merged, duplicates, quarantined; checked to add up."""
        held = self.json
        assert held["accepted"] == held["created"] + held["updated"] + held["merged"], held
        assert held["rows"] == held["accepted"] + held["duplicates"] + held["quarantined"], held
        return tuple(held[name] for name in ("rows", "created", "updated", "merged", "duplicates", "quarantined"))


@pytest.fixture
def kehu(database, monkeypatch):
    """Run one command."""

    def run(*words, token: str | None = None, input: str | None = None) -> Answered:
        done = commands.run(monkeypatch, *words, token=token, input=input)
        return Answered(done.exit_code, json.loads(done.stdout) if done.stdout else {}, done.stderr.splitlines())

    return run


@pytest.fixture
def bring(kehu, tmp_path):
    """Import a text as a file; returns the answer."""

    def run(text: str | bytes, *words, name: str = "in.csv", channel: str = "store", basis: str = "contract"):
        path = tmp_path / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return kehu("import", path, "--channel", channel, "--basis", basis, *words)

    return run


@pytest.fixture
def desk(kehu):
    """Find and show as a member of staff with a purpose."""
    tokens: dict[tuple[str, str], str] = {}

    def token(role: str, purpose: str) -> str:
        if (role, purpose) not in tokens:
            kehu("staff", "add", "--email", f"{role}@kehu.example", "--role", role)
            held = kehu("token", "issue", "--staff", f"{role}@kehu.example", "--purpose", purpose)
            tokens[role, purpose] = held.json["token"]
        return tokens[role, purpose]

    class Desk:
        def find(self, *criteria: str, role: str = "service", purpose: str = "service") -> list[str]:
            answer = kehu("find", *criteria, "--purpose", purpose, token=token(role, purpose))
            assert answer.code == 0, answer
            return answer.json["subjects"]

        def show(self, subject: str, *words: str, role: str = "service", purpose: str = "service") -> Answered:
            return kehu("show", subject, "--purpose", purpose, *words, token=token(role, purpose))

    return Desk()
