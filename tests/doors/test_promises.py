"""The table of promises fits the code: each change it makes has its place, each test it names is there."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts import prove  # noqa: E402  (from the folder above)

PROMISES = {promise["id"]: promise for promise in prove.promises()}


@pytest.mark.parametrize("id", PROMISES)
def test_each_change_has_its_one_place(id):
    assert PROMISES[id]["broken"], "nothing shows that its tests can fail"
    for broken, tests in prove.changes(PROMISES[id]):
        assert prove.changed(ROOT, broken) and broken["new"] != broken["old"]
        assert {test.partition("::")[0] for test in tests} <= {
            test.partition("::")[0] for test in PROMISES[id]["tests"]
        }, "a promise names every file that holds it"


@pytest.mark.parametrize("test", sorted({test for one in PROMISES.values() for test in one["tests"]}))
def test_each_test_is_there(test):
    path, *names = test.split("::")
    body = ast.parse((ROOT / path).read_text("utf-8")).body
    for name in names:  # a function, or a class and one of it
        named = {node.name: node for node in body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
        assert name in named
        body = named[name].body


def test_no_promise_is_forgotten():
    wanted = {
        f"{kind}{number}" for kind, most in (("G", 8), ("L", 6), ("V", 4), ("D", 2)) for number in range(1, most + 1)
    }
    assert wanted | {"R1", "R2"} <= set(PROMISES)
