"""The table of rules in law: each row kept by policies, tests or both, and no policy without a row."""

from __future__ import annotations

import fnmatch
import tomllib
from pathlib import Path

from kehu.guard.gate.policies import DEFAULT_DENY, PolicySet
from kehu.host.paths import policies_dir
from tests.guard.policy_cases import rows

ROOT = Path(__file__).parents[2]
TABLE = tomllib.loads((policies_dir() / "rules.toml").read_text(encoding="utf-8"))["row"]
POLICIES = {*PolicySet.load(policies_dir()), DEFAULT_DENY}
CASES = {case["policy"] for key in ("rows", "collect") for case in rows(key)}


def kept_by(row):
    return {name for pattern in row["policies"] for name in fnmatch.filter(POLICIES, pattern)}


def test_every_policy_keeps_a_rule():
    assert set().union(*map(kept_by, TABLE)) == POLICIES


def test_every_rule_is_kept_somewhere_and_tried():
    for row in TABLE:
        assert row["policies"] or row.get("elsewhere") or row.get("open"), row["matter"]
        assert row["tests"] or row.get("open"), row["matter"]
        assert all(fnmatch.filter(POLICIES, pattern) for pattern in row["policies"]), row["matter"]
        assert all((ROOT / test).is_file() for test in row["tests"]), row["matter"]


def test_every_policy_of_a_rule_has_a_case():
    assert set().union(*map(kept_by, TABLE)) <= CASES
