"""Weights as versions: one in force, a candidate compared before it counts, and what people answered moves them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from uuid import UUID

import pyarrow as pa
import pytest
from django.db import IntegrityError, transaction

from kehu.guard.gate.acts import ActRefused
from kehu.guard.staff.actions import owner_actor
from kehu.refine.models import Answer, LinkageRun, Proposal, Weights
from kehu.refine.resolve import runs, weighing, weights
from kehu.refine.resolve.compare.features import prepare
from kehu.refine.resolve.compare.model import VERSION, shipped
from kehu.refine.resolve.compare.scoring import prior_bits
from kehu.refine.resolve.linkage.link import link
from kehu.refine.resolve.opening import Group
from kehu.refine.resolve.review import answers as review
from kehu.refine.resolve.review import queue
from kehu.refine.resolve.review.queue import Pair
from kehu.vault.ids import new_id
from tests import commands
from tests.cast import admit, staff
from tests.refine.linkage_families import families

PERSONS = Group(1, "person")
_FEATURES = prepare(pa.table({"record": ["1"], "email": ["a@x.example"]}), "person")
EMAIL = [
    [level.m, level.u]
    for comparison in shipped(_FEATURES, "person", prior=0.01).comparisons
    if comparison.name == "email"
    for level in comparison.levels
]
UNTAUGHT = {"version": VERSION, "prior": 0.01, "levels": {}}
SHIPPED = {**UNTAUGHT, "levels": {"email": EMAIL}}
BIRTH = {"birth": [[0.8, 0.0001], [0.2, 0.9999]]}
TIMID = {"version": VERSION, "prior": 1e-9, "levels": {"email": [[0.01, 3e-3], *EMAIL[1:]]}}
PEOPLE = [
    {"given_name": "alice", "family_name": "harper", "birth_date": "1984-03-09", "email": "a@x.example"},
    {"given_name": "alice", "family_name": "harper", "birth_date": "1984-03-09", "email": "a@x.example"},
    {"given_name": "noor", "family_name": "okafor", "birth_date": "1971-12-01"},
    {"given_name": "noor", "family_name": "okafor", "birth_date": "1972-12-01"},
    {"given_name": "olga", "family_name": "petrov", "birth_date": "1950-01-05"},
]


def learned(content, group=PERSONS):
    return weights.keep_learned(group, content, run=new_id())


def labelled(*said: tuple[float, str], evidence: dict | None = None) -> None:
    for weight, verdict in said:
        Answer.objects.create(
            id=new_id(), proposal=new_id(), round=1, verdict=verdict, sure=True, by=new_id(), weight=weight, decided=True,
            controller=1, kind=1, evidence=evidence or {},
        )  # fmt: skip


def test_the_first_is_in_force_by_itself_and_later_ones_wait(database):
    assert weights.weights_in_force(PERSONS) is None
    first = learned(SHIPPED)
    assert (first.state, first.origin, first.number) == ("in-force", "learned", 1)
    assert learned({**SHIPPED, "prior": 0.5}) is None  # how many pairs are one is counted, not learned
    second, third = learned(TIMID), learned({**TIMID, "levels": BIRTH})
    assert weights.weights_in_force(PERSONS) == SHIPPED == weights.all_in_force()["1:person"]
    second.refresh_from_db()
    assert (second.state, third.state, third.number) == ("retired", "candidate", 3)
    companies = Group(1, "organisation")
    assert learned(UNTAUGHT, companies).origin == "shipped"
    assert learned(SHIPPED, companies).state == "in-force"  # nothing had been learned before
    assert (
        learned({**SHIPPED, "version": 99}, companies).state == "in-force"
    )  # of another model: those before say nothing


def test_the_share_of_pairs_is_that_of_the_last_run_of_everybody(database):
    learned({**SHIPPED, "shift": 1.0})
    run = LinkageRun.objects.create(id=new_id(), everything=True, staff=new_id(), state="done")
    LinkageRun.objects.filter(id=run.id).update(weights={"1:person": {**SHIPPED, "prior": 0.001}})
    assert weights.weights_in_force(PERSONS)["prior"] == pytest.approx(0.002, rel=0.01)


def test_a_run_of_everybody_keeps_what_it_learned_and_its_share(database):
    admit(*PEOPLE)
    assert learned(SHIPPED).state == "in-force"
    run = runs.resolve(actor=owner_actor(), everything=True)
    assert [(one.number, one.state) for one in weights.versions()] == [(2, "candidate"), (1, "in-force")]
    share = LinkageRun.objects.get(id=run.id).weights["1:person"]["prior"]
    assert weights.weights_in_force(PERSONS)["prior"] == pytest.approx(share)


def test_everybody_again_by_the_weights_they_taught_comes_to_the_same():
    """Live linkage, too, takes the share that the run measured: else the same two would be one here and two there."""
    table = families(140, seed=3).table
    first = link(table)
    again = link(table, weights=first.learned, everybody=True)
    assert again.model.prior == pytest.approx(first.learned["prior"], rel=1e-9)
    assert (again.merges, again.proposals) == (first.merges, first.proposals)
    surer = link(table, weights={**first.learned, "shift": 3.0}, everybody=True)
    assert prior_bits(surer.model) == pytest.approx(prior_bits(first.model) + 3.0)


def test_the_database_holds_one_in_force(database):
    learned(SHIPPED)
    other = learned(TIMID)
    with pytest.raises(IntegrityError, match="one_version_of_weights_in_force"), transaction.atomic():
        Weights.objects.filter(id=other.id).update(state="in-force", in_force_at=other.made_at)


def test_compared_then_put_in_force_and_back(database):
    admit(*PEOPLE)
    first, timid = learned(SHIPPED), learned(TIMID)
    office = staff("privacy")
    with pytest.raises(weights.NotCompared):
        weights.put_in_force(timid.id, actor=office)
    seen = weighing.compare(timid.id, actor=office).compared
    assert (seen["customers"], seen["against"]) == (5, str(first.id))
    assert seen["changed"] == sum(seen["sides"].values()) > 0
    assert all(UUID(one[0]) < UUID(one[1]) and one[2] != one[3] for one in seen["samples"])
    assert not weights.changes_little(weights.version_of(timid.id))
    assert weights.put_in_force_by_itself(timid.id, actor=office) is None
    with pytest.raises(ActRefused):
        weights.put_in_force(timid.id, actor=staff("service"))
    made = weights.put_in_force(timid.id, actor=office)
    assert (made.state, made.in_force_by) == ("in-force", office.human)
    assert weights.weights_in_force(PERSONS) == TIMID
    with pytest.raises(weights.NotCompared):  # what it was compared with is in force no more
        weights.put_in_force(first.id, actor=office)
    weighing.compare(first.id, actor=office)
    assert weights.put_in_force(first.id, actor=office).state == "in-force"


def test_where_next_to_nothing_changes_it_needs_nobody(database):
    admit(*PEOPLE)
    learned(SHIPPED)
    near = learned({**SHIPPED, "prior": 0.0101, "levels": {"email": [[0.71, 3e-6], *EMAIL[1:]]}})
    office = staff("privacy")
    assert weighing.compare(near.id, actor=office).compared["changed"] == 0
    made = weights.put_in_force_by_itself(near.id, actor=office)
    assert (made.state, made.in_force_by) == ("in-force", None)


def test_labels_move_all_weights_and_are_weighed_by_either_version(database):
    first = learned({**SHIPPED, "levels": BIRTH})
    office = staff("manager")
    with pytest.raises(weights.NothingLearned):
        weights.teach(PERSONS, actor=office)
    labelled(*[(2.0, "no")] * 30, *[(2.0, "yes")] * 10)
    made = weights.teach(PERSONS, actor=office)
    assert (made.origin, made.state, made.base, made.labels) == ("taught", "candidate", first.id, 40)
    # one in four said yes at two bits: 2 bits are log2(1/3) then, drawn a little back
    assert made.content["prior"] == pytest.approx(0.01 / 0.99 * 2**-3.4, rel=0.1)
    assert made.content["levels"] == first.content["levels"]
    with pytest.raises(ActRefused):
        weights.teach(PERSONS, actor=staff("service"))
    labelled((1.0, "yes"), evidence={"birth": [0, 12.0, 1.5], "name": [3, -2.0, 0.0]})
    bits = dict.fromkeys(weight for weight, _ in weights.labels_under(first, made.content))
    moved = weights.weight_by(made.content, {"birth": [0, 12.0, 1.5], "name": [3, -2.0, 0.0]})
    assert moved in bits
    assert moved == pytest.approx(-10.03 + 12.97 + 1.5 - 2.0, abs=0.1)
    found = weights.judged([(3.0, True), (-3.0, True), (-1.0, False)])
    assert (found.labels, found.right) == (3, 2) and 0 < found.surprise < 2


def test_teaching_twice_moves_the_weights_once(database):
    people = admit(*({"full_name": f"{chr(97 + n // 26)}{chr(97 + n % 26)} harper"} for n in range(256)))
    pairs = [Pair.of(people[n], people[n + 1], 2.0) for n in range(0, 256, 2)]
    first = learned({"version": VERSION, "prior": 0.2, "levels": {"birth": [[0.8, 0.05], [0.2, 0.95]]}})
    run = LinkageRun.objects.create(id=new_id(), everything=True, staff=new_id(), state="done")
    queue.propose(pairs, run=run.id)
    reviewer, office = staff("service"), staff("privacy")

    def answered(some: Sequence[Pair], degrees: dict | None, version: Weights) -> None:
        for number, pair in enumerate(some):
            waits = Proposal.objects.get(older=pair.older, younger=pair.younger).id
            verdict = "yes" if number % 4 == 0 else "no"
            review.answer(waits, verdict, actor=reviewer, evidence=degrees)
            assert Answer.objects.get(proposal=waits).weights == version.id

    degrees = {"birth": [0, 4.0, 0.0]}
    answered(pairs[:40], degrees, first)
    taught = weights.teach(PERSONS, actor=office)
    assert taught.content["shift"] == pytest.approx(-3.4, abs=0.1)
    weighing.compare(taught.id, actor=office)
    weights.put_in_force(taught.id, actor=office)
    # the queue keeps what the first version gave until a run weighs anew
    answered(pairs[40:80], degrees, first)
    answered(pairs[80:], None, first)
    assert [weight for weight, _ in weights.labels_under(taught)] == pytest.approx([-1.4] * 128, abs=0.1)
    again = LinkageRun.objects.create(id=new_id(), everything=True, staff=new_id(), state="done")
    assert weights.weighed_by(PERSONS, again.id).id == taught.id
    # more people said the same: only how far their answers are drawn back is less
    assert weights.teach(PERSONS, actor=office).content["shift"] == pytest.approx(taught.content["shift"], abs=0.3)


def test_at_the_command_line(database, monkeypatch):
    def kehu(*words: str) -> dict:
        return json.loads(commands.run(monkeypatch, *words).stdout)

    admit(*PEOPLE)
    first, timid = learned(SHIPPED), learned(TIMID)
    assert [(one["number"], one["state"]) for one in kehu("weights", "list")["weights"]] == [
        (2, "candidate"),
        (1, "in-force"),
    ]
    assert kehu("weights", "show", str(first.id))["learned"] == ["email"]
    assert kehu("weights", "adopt", str(timid.id))["error"]["code"] == "weights-not-compared"
    assert kehu("weights", "compare", str(timid.id))["compared"]["changed"] > 0
    assert kehu("weights", "adopt", str(timid.id))["state"] == "in-force"
    assert kehu("weights", "teach", "1:person")["error"]["code"] == "nothing-learned"
    for wrong in (("show", "x"), ("show", str(new_id())), ("teach", "1:nobody"), ("compare", str(timid.id))):
        assert kehu("weights", *wrong)["error"]["code"] == "unknown-weights"
