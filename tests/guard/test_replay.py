"""A change of policies tried on what was decided: the same ones change nothing, another one changes what it should."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from kehu.govern.states import enter
from kehu.guard.gate.acts import ActRefused
from kehu.guard.gate.policies import PolicySet
from kehu.guard.gate.read import gate, raw_connection
from kehu.guard.gate.replay import replay
from kehu.guard.installation import installation
from kehu.guard.ledger import queries
from kehu.guard.staff.actions import owner_actor
from kehu.host.paths import policies_dir
from kehu.serve.assurance import rules
from kehu.vault.ids import new_id
from tests.cast import admit, shipped_with, staff

LIN = {
    "full_name": "林婉清",
    "email": "lin@mail.example",
    "birth_date": "1990-01-05",
    "national_id": "11010519491231002X",
}
LONG_AGO = timedelta(days=1)


@pytest.fixture
def decided(database):
    """Reads of several roles, purposes and states; returns the customer."""
    [lin, other] = admit(LIN, {"full_name": "Ana Ruiz", "email": "ana@mail.example"}, packs=1)
    alice, bob = staff("service"), staff("engineer")
    gate().open([lin, other], actor=alice, purpose="service")
    gate().open([lin], actor=alice, purpose="service", fields=["national_id"], masked=True)
    gate().open([lin], actor=bob, purpose="service")
    gate().open([lin], actor=alice, purpose="marketing", fields=["email"])
    with transaction.atomic():
        enter(lin, "restriction", id=new_id(), by=owner_actor().staff)
    gate().open([lin], actor=alice, purpose="service")
    return lin


@pytest.fixture
def folder(tmp_path):
    """A copy of the policies, to be changed."""
    return shutil.copytree(policies_dir(), tmp_path / "policies")


def tried(folder):
    return replay(raw_connection(), installation().rules, PolicySet.load(folder), since=datetime.now(UTC) - LONG_AGO)


def without(folder, policy: str) -> None:
    """Take one policy out of its file."""
    path = folder / f"{policy.partition('.')[0]}.cedar"
    kept = [part for part in path.read_text(encoding="utf-8").split("\n\n") if f'@id("{policy}")' not in part]
    path.write_text("\n\n".join(kept), encoding="utf-8")
    assert policy not in list(PolicySet.load(folder))


def test_the_same_policies_change_nothing(decided, folder):
    found = tried(folder)
    assert found.changes == () and found.untold == 0
    assert found.decisions >= 6 and found.rows >= found.decisions


def test_a_limit_of_age_that_came_or_went_meanwhile_stops_nothing(database, decided, folder):
    shipped_with(database, "service", fresh={"contact": 30})
    assert tried(folder).changes == () and tried(folder).untold == 0
    gate().open([decided], actor=staff("manager"), purpose="service", fields=["email"])
    assert tried(folder).changes == ()  # what is stale is compared where both know of it
    shipped_with(database, "service", fresh={})
    assert tried(folder).changes == () and tried(folder).untold == 0
    without(folder, "house.restriction")
    assert {one.policy_before for one, _, _ in tried(folder).changes} == {"house.restriction"}


def test_a_forbid_taken_out_is_told_with_whom_it_concerned(decided, folder):
    without(folder, "house.restriction")
    found = tried(folder)
    assert {(one.purpose, one.role, one.policy_before) for one, _, _ in found.changes} == {
        ("service", "service", "house.restriction")
    }
    assert {one.field for one, _, _ in found.changes if one.opens} >= {"email", "full_name"}
    answer = rules.replay_answer(found, days=1)
    assert answer["opens"] > 0 and answer["closes"] == 0
    assert all(line["rows"] == 1 and line["laws"] == ["CN"] for line in answer["changes"])


def test_a_permit_taken_out_closes(decided, folder):
    without(folder, "house.role-service")
    answer = rules.replay_answer(tried(folder), days=1)
    assert answer["opens"] == 0 and answer["closes"] == 1
    assert {(line["role"], line["after"]) for line in answer["changes"] if line["before"] != line["after"]} == {
        ("service", "denied")
    }
    assert answer["purposes"].keys() <= {"service", "marketing"}


def test_terms_of_bringing_in_are_tried_too(decided, folder):
    without(folder, "house.collect")
    changes = [one for one, _, _ in tried(folder).changes if one.use == "collect"]
    assert [(one.field, one.before, one.after, one.role) for one in changes] == [("*", "clear", "denied", "owner")]


def test_only_what_was_used_since_counts(decided, folder):
    without(folder, "house.role-service")
    found = replay(raw_connection(), installation().rules, PolicySet.load(folder), since=datetime.now(UTC))
    assert (found.rows, found.changes) == (0, ())


def test_trying_is_recorded_and_not_for_everybody(decided, folder):
    before = len(queries.rows())
    rules.try_policies(rules.load_policies(folder), days=1, actor=staff("auditor"))
    [row, *_] = queries.rows()
    assert len(queries.rows()) == before + 1 and row["action"] == "read-ledger"
    with pytest.raises(ActRefused):
        rules.try_policies(rules.load_policies(folder), days=1, actor=staff("marketing"))


def test_nothing_is_stored_and_nothing_comes_into_force(decided, folder):
    def state() -> list[tuple]:
        return raw_connection().execute("select id, mac from gate_decision order by 1").fetchall()

    before = state()
    without(folder, "house.restriction")
    tried(folder)
    assert state() == before
    [opened] = gate().open([decided], actor=owner_actor(), purpose="rights-request")
    assert opened.decision is not None


def test_policies_in_words_tell_how_often_they_decided(decided):
    told = {one.id: one for one in rules.policies("zh-hans")}
    assert told["house.restriction"].rows == 1 and told["house.role-service"].rows == 1
    assert told["house.restriction"].reason != told["house.restriction"].id
    assert {one.law for one in rules.policies("en", law="eu")} == {"eu"}
