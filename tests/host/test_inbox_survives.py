"""Web, inbox and database killed while three channels send: everything acknowledged is there once. ``make crash`` kills more."""

from __future__ import annotations

from tests.crash import storm


def test_what_was_acknowledged_is_there_once_whatever_dies():
    outcome = storm(5, seed=5, pause=0.02)  # what comes at full speed takes long to be taken in, and tells no more
    assert len(outcome.kills) == 3 and outcome.refusals > 0  # each of them died, and senders noticed
    assert outcome.acknowledged > 100
    assert (outcome.missing, outcome.doubled) == ([], [])
    assert outcome.records == outcome.acknowledged


def test_the_control_acknowledging_before_the_commit_is_durable_loses_some():
    assert storm(2, seed=5, targets=("database",), careless=True).missing
