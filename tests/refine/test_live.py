"""A record that has just come in finds its customer: who is opened for it, who joins, who is asked about, who is not."""

from __future__ import annotations

import itertools
import time
from uuid import UUID

import pyarrow as pa
import pytest
from django.db import connection, transaction
from linkage_families import families
from test_runs import ACCURACY, ALICE, HOME, OTHERS, TWIN, customer, looked_at, resolve

from kehu.govern import states
from kehu.guard.gate.read import LedgerUnavailable
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.guard.watch import marks
from kehu.host.jobs import run_pending
from kehu.refine.models import LinkageRun
from kehu.refine.resolve import fresh, live, runs
from kehu.refine.resolve import regroup as regrouping
from kehu.refine.resolve.compare.features import prepare
from kehu.refine.resolve.compare.folding import fold
from kehu.refine.resolve.indexed import looked_up as looked_up_by_index
from kehu.refine.resolve.linkage.edges import Contradictions, grouped
from kehu.refine.resolve.linkage.keyed import KeyedIndex
from kehu.refine.resolve.linkage.link import link
from kehu.refine.resolve.opening import Group, open_each
from kehu.refine.resolve.regroup import link_and_regroup, regroup
from kehu.refine.resolve.review import answers as review
from kehu.refine.resolve.review import queue
from kehu.refine.resolve.review.queue import Pair
from kehu.refine.tasks import defer_linkage
from kehu.serve.desk import queries
from kehu.serve.rights.incidents import register as incidents
from kehu.vault.ids import new_id
from tests.cast import admit, staff

PERSONS = Group(1, "person")


@pytest.fixture(autouse=True)
def _no_overlap(monkeypatch):
    monkeypatch.setattr(fresh, "_SKEW_MS", 0)  # strictly later ones only


def looked_up(subject: UUID) -> live.Met:
    scorer = live.Scorer("person", None)
    return live.LiveLinkage(PERSONS, scorer, actor=owner_actor(), run=new_id()).look_up(subject)


def regrouped(*subjects: UUID) -> live.Met:
    """These alone, as when what a look-up touched is grouped anew."""
    opened = open_each(subjects, "person", actor=owner_actor(), run=new_id())
    joins, asks = live.joined(opened, live.Scorer("person", None), PERSONS)
    return live.Met(tuple(joins), tuple(asks))


def of_house(controller: int, *people: dict[str, str]) -> list[UUID]:
    found = admit(*people)
    with connection.cursor() as cursor:
        for table in ("record", "subject_state"):
            cursor.execute(f"update {table} set controller = %s where subject = any (%s)", [controller, found])
    return found


class TestLookUp:
    def test_a_new_record_finds_its_customer(self, database):
        a, *others, b = admit({**ALICE, **HOME}, *OTHERS, {**ALICE, **HOME, "given_name": "alcie"})
        met = looked_up(b)
        assert (met.joins, met.asks, met.looked_at) == (((a, b),), (), 1)
        assert {looked_at(one) for one in others} == {0}
        assert [looked_at(one) for one in (a, b)] == [1, 1]
        assert customer(b) == b  # a look-up itself joins nobody

    def test_a_twin_is_asked_about_and_a_household_is_not(self, database):
        a, twin, brother = admit(
            {**ALICE, **HOME},
            TWIN,
            {**HOME, "given_name": "edmund", "family_name": "harper", "birth_date": "1987-11-30"},
        )
        met = looked_up(twin)
        assert met.joins == ()
        assert [(one.older, one.younger) for one in met.asks] == [(a, twin)]
        assert looked_up(brother).joins == looked_up(brother).asks == ()

    @pytest.mark.parametrize("mother", [False, True])
    def test_a_slip_at_a_telephone_is_one_where_nobody_else_is_seen_at_it(self, database, mother):
        """Her name, and her weight, are another's: too light a pair to say anything but that she is there."""
        at = {"phone": "+8613055501234"}
        wang = {"full_name": "王晓明", "given_name": "晓明", "family_name": "王", "birth_date": "1990-01-05", **at}
        slip = {"full_name": "王明晓", "given_name": "明晓", "family_name": "王", **at}
        others = [{"full_name": "李芳", "given_name": "芳", "family_name": "李", **at}] if mother else []
        a, *_, b = admit(wang, *others, slip)
        assert looked_up(b).joins == (() if mother else ((a, b),))

    @pytest.mark.parametrize("many", [1, 20])
    def test_nor_is_it_where_who_else_is_seen_is_not_opened(self, database, many):
        """A shop's own number, that more use than are opened for one; what was looked up is grouped anew without them, too."""
        at, wang = {"phone": "+8613055501234"}, {"full_name": "王晓明", "given_name": "晓明", "family_name": "王"}
        a, *others, b = admit(
            {**wang, "birth_date": "1990-01-05", "email": "wang@mail.example", **at},
            *({"full_name": f"客户{n}", **at} for n in range(many)),
            {**wang, "full_name": "王明晓", "given_name": "明晓", "email": "wang@mail.example", **at},
        )
        met = looked_up(b)
        assert met.joins == () and len(others) == many
        assert regrouped(a, b).joins == ()

    def test_common_values_are_rare_together(self, database, monkeypatch):
        monkeypatch.setattr(live, "_COMMON", 2)
        same_day = [{**one, "birth_date": ALICE["birth_date"]} for one in OTHERS[:4]]
        same_mail = [{**one, "email": HOME["email"]} for one in OTHERS[4:8]]
        a, *crowd, b = admit({**ALICE, **HOME}, *same_day, *same_mail, {**ALICE, **HOME})
        assert looked_up(b).joins == ((a, b),)
        assert {looked_at(one) for one in crowd} == {0}

    def test_who_shares_one_thing_that_many_have_and_nothing_else_is_not_opened(self, database):
        day = {"birth_date": ALICE["birth_date"]}
        crowd = [{"full_name": f"{name} Quist", **day} for name in "Bo Cy Di Ed Fu Gu Hy Io Jo Ky".split()]
        namesakes = [{"full_name": "Alice Harper", "birth_date": f"19{n}-05-06"} for n in range(50, 61)]
        strangers = admit(*crowd, *namesakes)
        [typed] = admit({"full_name": "Alice Harpre", **day})
        a, b = admit({**ALICE, **HOME, "full_name": "Alice Harper"}, {**ALICE, **HOME, "full_name": "Alice Harper"})
        met = looked_up(b)  # the same day and nearly the name: as good as two
        assert (met.looked_at, {looked_at(one) for one in strangers}) == (2, {0})
        assert [looked_at(one) for one in (typed, a)] == [1, 1] and met.joins

    def test_one_customer_of_many_records_is_not_many(self, database):
        first, *others = admit(*({**ALICE, **HOME, "house_number": str(number)} for number in range(11)))
        runs.join_found([(first, one) for one in others], run=new_id(), actor=owner_actor())
        [b] = admit({"full_name": "Bo Quist", "email": HOME["email"]})
        assert looked_up(b).looked_at == 1

    def test_a_customer_shares_what_the_record_shares_that_shares_most(self, database, monkeypatch):
        monkeypatch.setattr(live, "_CANDIDATES", 1)  # who comes first is seen by who is left out, and of two one is
        mail = {"email": HOME["email"]}
        old, near = admit({"full_name": "Bo Quist", **mail}, {"full_name": "Alice Harpe", **mail})
        runs.join_found([(old, near)], run=new_id(), actor=owner_actor())
        [other] = admit({"full_name": "Alice Hart", **mail})
        [b] = admit({"full_name": "Alice Harper", **mail})
        assert looked_up(b).looked_at == 1
        assert [looked_at(one) for one in (old, other)] == [1, 0]

    @pytest.mark.parametrize("controller", [1, 2])
    def test_a_crowd_of_another_house_hides_nobody(self, database, monkeypatch, controller):
        monkeypatch.setattr(live, "_COMMON", 5)
        day = {"birth_date": ALICE["birth_date"]}
        of_house(
            controller,
            *({"full_name": f"{name} Quist", **day} for name in "Bo Cy Di Ed Fu Gu Hy".split()),
            *({"full_name": "Alice Harper", "birth_date": f"19{n}-05-06"} for n in range(50, 57)),
        )
        home = {"postal_code": "4132", "street": "wattle grove", "house_number": "12"}
        a, b = admit(*({"full_name": "Alice Harper", **day, **home} for _ in range(2)))
        assert looked_up(b).joins == ((a, b),)

    @pytest.mark.parametrize("shared", [("birth_date",), ("full_name", "birth_date")])
    def test_nor_one_that_is_alike_in_all_that_is_shared(self, database, monkeypatch, shared):
        """By one value, and by a pair of them, each cut off before it came to the house's own."""
        monkeypatch.setattr(live, "_COMMON", 5)
        alice = {"full_name": "Alice Harper", "birth_date": ALICE["birth_date"]}
        crowd = of_house(2, *({**alice, "external_id": f"C{n}"} for n in range(7)))
        a, b = admit(alice, {"full_name": "Alicia Smith", **{name: alice[name] for name in shared}})
        assert looked_up(b).looked_at == looked_at(a) == 1
        assert {looked_at(one) for one in crowd} == {0}

    def test_nor_from_many_that_are_new(self, database, monkeypatch):
        monkeypatch.setattr(fresh, "_COMMON", 5)
        of_house(
            2, *({"full_name": f"{name} Quist", "email": HOME["email"]} for name in "Bo Cy Di Ed Fu Gu Hy".split())
        )
        [a] = admit({"full_name": "Alice Harper", "email": HOME["email"]})
        came = pa.table({"email": [HOME["email"]]})
        assert fresh.candidates(PERSONS, came) == [a]
        admit(*({"full_name": f"{name} Quist", "email": HOME["email"]} for name in "Io Jo Ky Li Mo".split()))
        assert fresh.candidates(PERSONS, came) == []  # six of the house: what they share says little

    @pytest.mark.parametrize("statement, values", [
        (live._OF_ANY, [[1, 2], [None, 3], 101, 1, 1]), (live._OF_HOUSE, [[1, 2], [None, 3], 101, 1, 1]),
        (fresh._SHARING, [[1, 2], 301, 300, 1, 1]),
    ])  # fmt: skip
    def test_records_are_found_by_their_index_never_by_a_walk(self, database, statement, values):
        admit({**ALICE, **HOME}, *OTHERS)
        plan = " ".join(row[0] for row in looked_up_by_index(f"explain {statement}", values))
        assert "record_tokens" in plan and "Seq Scan on record" not in plan
        with connection.cursor() as cursor:  # and only that statement is told so
            cursor.execute("show enable_seqscan", ())
            assert cursor.fetchone() == ("on",)

    @pytest.mark.parametrize("kind, purpose", [("restriction", None), ("objection", ACCURACY)])
    @pytest.mark.parametrize("which", [0, 1])
    def test_who_is_restricted_or_objects_is_left_alone(self, database, kind, purpose, which):
        both = admit({**ALICE, **HOME}, {**ALICE, **HOME})
        states.enter(both[which], kind, purpose=purpose, by=new_id(), id=new_id())
        assert looked_up(both[1]).joins == ()

    @pytest.mark.parametrize("change", ["controller = 2", "kind = 2", "hidden = true"])
    def test_other_controllers_kinds_and_the_erased_are_nobody(self, database, change):
        a, b = admit({**ALICE, **HOME}, {**ALICE, **HOME})
        with connection.cursor() as cursor:
            cursor.execute(f"update subject_state set {change} where subject = %s", [a])
        met = looked_up(b)
        assert (met.joins, met.looked_at, looked_at(a)) == ((), 0, 0)

    def test_a_record_made_to_be_found_is_nobody(self, database):
        a, b = admit({**ALICE, **HOME}, {**ALICE, **HOME})
        marks.mark(a, "honey", actor=staff("privacy"))
        assert (looked_up(b).looked_at, looked_at(a)) == (0, 0)

    def test_without_the_ledger_nothing_is_opened(self, database):
        _, b = admit({**ALICE, **HOME}, {**ALICE, **HOME})
        actor = owner_actor()
        with open_owner(database) as owner:
            owner.execute(
                "create function no() returns trigger language plpgsql as 'begin raise exception ''no''; end'"
            )
            owner.execute("create trigger no before insert on ledger_entry for each row execute function no()")
        with pytest.raises(LedgerUnavailable):
            live.LiveLinkage(PERSONS, live.Scorer("person", None), actor=actor, run=new_id()).look_up(b)


class TestRuns:
    def arrived(self, *people: dict[str, str]) -> list[UUID]:
        time.sleep(0.002)
        return admit(*people)

    def test_few_are_looked_up_and_many_are_compared_in_bulk(self, database, monkeypatch):
        a, *_ = admit({**ALICE, **HOME}, *OTHERS)
        resolve()
        bulk = []
        monkeypatch.setattr(runs, "link", lambda *a, **k: bulk.append(1) or link(*a, **k))
        [b] = self.arrived({**ALICE, **HOME, "birth_date": "1984-03-08"})
        assert (resolve(everything=False).merged, customer(b), bulk) == (1, a, [])
        monkeypatch.setattr(live, "MOST", 0)  # what is new goes in bulk
        [c] = self.arrived({**ALICE, **HOME, "given_name": "alcie"})
        assert (resolve(everything=False).merged, customer(c), bulk) == (1, a, [1])

    @pytest.mark.parametrize("many", [0, 20])
    def test_in_bulk_too_a_telephone_is_seen_to_be_used_by_whom_nobody_opens(self, database, monkeypatch, many):
        monkeypatch.setattr(live, "MOST", 0)  # what is new goes in bulk
        monkeypatch.setattr(
            fresh, "_COMMON", 10
        )  # twenty people, not three hundred, are too many to be opened for one line
        at = {"phone": "+8613055501234", "email": "wang@mail.example"}
        wang = {"full_name": "王晓明", "given_name": "晓明", "family_name": "王", "birth_date": "1990-01-05", **at}
        a, *others = admit(wang, *({"full_name": f"客户{n}", "phone": at["phone"]} for n in range(many)), *OTHERS)
        resolve()
        [b] = self.arrived({"full_name": "王明晓", "given_name": "明晓", "family_name": "王", **at})
        resolve(everything=False)
        assert (customer(b) == a) is (many == 0)
        assert all(looked_at(one) == 1 for one in others)  # by the run of everybody

    def test_who_was_found_to_be_two_stays_two(self, database):
        a, *_ = admit({**ALICE, **HOME}, *OTHERS)
        resolve()
        [b] = self.arrived({**ALICE, **HOME, "region": "vic"})
        resolve(everything=False)
        with transaction.atomic():
            review.undo(a, b, actor=staff("privacy"))
        [c] = self.arrived({**ALICE, **HOME, "gender": "f", "unit": "2"})
        resolve(everything=False)
        assert customer(b) != customer(a)
        assert customer(c) in (a, b)
        assert review.open_proposals() == []

    def test_one_question_for_two_customers(self, database):
        a, *_ = admit({**ALICE, **HOME}, *OTHERS)
        resolve()
        self.arrived(TWIN, {**ALICE, **HOME, "given_name": "alcie"})
        resolve(everything=False)
        [proposal] = review.open_proposals()
        assert a in (proposal.older, proposal.younger)

    def test_a_wish_while_a_job_runs_is_not_lost(self, database, monkeypatch):
        a, *_ = admit({**ALICE, **HOME}, *OTHERS)
        resolve()
        human = staff("marketing").staff
        late: list[UUID] = []
        work = runs._work

        def arriving(*arguments: object) -> None:
            work(*arguments)  # type: ignore[arg-type]
            if not late:
                late.extend(self.arrived({**ALICE, **HOME, "given_name": "alcie"}))
                defer_linkage(human)

        monkeypatch.setattr(runs, "_work", arriving)
        defer_linkage(human)
        run_pending()
        run_pending()
        assert customer(late[0]) == a

    def test_what_does_not_hold_is_taken_back_within_the_queue(self, database):
        """A look-up joined two who, seen together with a third, contradict each other."""
        a, *_ = admit({**ALICE, **HOME}, *OTHERS)
        resolve()
        [b, other] = self.arrived(
            {**ALICE, **HOME, "region": "vic"}, {**TWIN, "birth_date": "1971-12-01", "gender": "male"}
        )
        run = LinkageRun.objects.create(id=new_id(), everything=False, staff=new_id(), newest=b, state="done")
        with transaction.atomic():
            assert runs._assigned([(a, b), (a, other)], run.id, owner_actor()) == []
        assert customer(other) == a
        assert regroup(run.id, actor=owner_actor()) == 1
        assert (customer(b), customer(other)) == (a, other)

    def test_whoever_waits_for_linkage_waits_for_that_too(self, database, monkeypatch):
        a, *_ = admit({**ALICE, **HOME}, *OTHERS)
        resolve()
        [b, other] = self.arrived(
            {**ALICE, **HOME, "region": "vic"}, {**TWIN, "birth_date": "1971-12-01", "gender": "male"}
        )

        def joined_wrongly(**_: object) -> runs.Run:
            run = LinkageRun.objects.create(id=new_id(), everything=False, staff=new_id(), newest=b, state="done")
            with transaction.atomic():
                runs._assigned([(a, b), (a, other)], run.id, owner_actor())
            return runs.Run(run.id, 6, 4, 2, 0, 0.0, {})

        monkeypatch.setattr(runs, "resolve", joined_wrongly)
        assert link_and_regroup(actor=owner_actor()).after == runs.count_customers()
        assert (customer(b), customer(other)) == (a, other)

    def test_what_does_not_hang_together_is_not_counted_together(self, database, monkeypatch):
        """Two wrong joins of one run, of three records each: neither is too many because of the other."""
        monkeypatch.setattr(regrouping, "MOST", 4)
        brenda = {
            "given_name": "brenda", "family_name": "quimby", "birth_date": "1991-02-17", "gender": "female",
            "email": "zzz@mail.example", "phone": "+61355509999", "street": "other road", "house_number": "99",
            "postal_code": "3000", "locality": "melbourne",
        }  # fmt: skip
        a, c, *_ = admit({**ALICE, **HOME}, brenda, *OTHERS)
        resolve()
        b, other, d, another = self.arrived(
            {**ALICE, **HOME, "region": "vic"}, {**TWIN, "birth_date": "1971-12-01", "gender": "male"},
            {**brenda, "region": "vic"}, {**brenda, "given_name": "walter", "birth_date": "1961-10-05", "gender": "male"},
        )  # fmt: skip
        run = LinkageRun.objects.create(id=new_id(), everything=False, staff=new_id(), newest=b, state="done")
        with transaction.atomic():
            runs._assigned([(a, b), (a, other), (c, d), (c, another)], run.id, owner_actor())
        assert regroup(run.id, actor=owner_actor()) == 2
        assert [customer(one) for one in (b, other, d, another)] == [a, other, c, another]

    @pytest.mark.parametrize("seen", [True, False])
    def test_whoever_saw_both_before_they_were_parted_is_an_incident(self, database, seen):
        a, *_ = admit({**ALICE, **HOME}, *OTHERS)
        resolve()
        [b, other] = self.arrived(
            {**ALICE, **HOME, "region": "vic"}, {**TWIN, "birth_date": "1971-12-01", "gender": "male"}
        )
        run = LinkageRun.objects.create(id=new_id(), everything=False, staff=new_id(), newest=b, state="done")
        with transaction.atomic():
            runs._assigned([(a, b), (a, other)], run.id, owner_actor())
        if seen:
            assert queries.show(other, actor=staff("service"), purpose="service").fields
        assert regroup(run.id, actor=owner_actor()) == 1
        assert [row["persons"] for row in incidents.listed(actor=owner_actor())] == ([2] if seen else [])

    def test_what_people_and_whole_runs_joined_stays(self, database):
        a, b, other = admit(
            {**ALICE, **HOME}, {**ALICE, **HOME}, {**TWIN, "birth_date": "1971-12-01", "gender": "male"}
        )
        whole = LinkageRun.objects.create(id=new_id(), everything=True, staff=new_id(), newest=b, state="done")
        run = LinkageRun.objects.create(id=new_id(), everything=False, staff=new_id(), newest=b, state="done")
        with transaction.atomic():
            runs._assigned([(a, other)], whole.id, owner_actor())
            runs._assigned([(a, b)], run.id, owner_actor())
        assert regroup(run.id, actor=owner_actor()) == 0
        assert customer(b) == customer(other) == a


class TestOneQuestion:
    """Two customers are asked about once, whichever of their records are alike, and a no holds for all of them."""

    def settled(self) -> UUID:
        a, *_ = admit({name: value for name, value in {**ALICE, **HOME}.items() if name != "gender"}, TWIN, *OTHERS)
        resolve()
        return a

    def newer(self, a: UUID) -> None:
        """Another record of the first, more like the second than the one before."""
        [more] = admit({**ALICE, **HOME})
        runs.join_found([(a, more)], run=new_id(), actor=owner_actor())

    @pytest.mark.parametrize("few", [True, False])
    def test_what_was_answered_no_is_not_asked_of_another_record(self, database, few, monkeypatch):
        if not few:
            monkeypatch.setattr(live, "MOST", 0)  # what is new goes in bulk
        a = self.settled()
        for actor in (owner_actor(), staff("privacy")):
            review.reject(review.open_proposals()[0].id, actor=actor)
        self.newer(a)
        run = resolve(everything=False)
        assert not LinkageRun.objects.get(id=run.id).everything
        assert review.open_proposals() == [] and run.review == 0

    def test_nor_put_into_the_queue_by_whoever_finds_it(self, database):
        a, twin, more = admit({**ALICE, **HOME}, TWIN, {**ALICE, **HOME, "occupation": "weaver"})
        queue.propose([Pair.of(a, twin, -3.0)], run=new_id())
        review.reject(review.open_proposals()[0].id, actor=owner_actor())
        runs.join_found([(a, more)], run=new_id(), actor=owner_actor())
        runs.ask_found([Pair.of(more, twin, 3.0)], run=new_id())
        assert review.open_proposals() == []

    @pytest.mark.parametrize("few", [True, False])
    def test_what_waits_is_not_asked_a_second_time(self, database, few, monkeypatch):
        if not few:
            monkeypatch.setattr(live, "MOST", 0)  # what is new goes in bulk
        a = self.settled()
        [asked] = review.open_proposals()
        self.newer(a)
        resolve(everything=False)
        assert [one.id for one in review.open_proposals()] == [asked.id]

    def test_a_no_takes_along_what_else_waits_between_the_two(self, database):
        a, c, twin = admit({**ALICE, **HOME}, {**ALICE, "email": "alice@work.example"}, TWIN)
        queue.propose([Pair.of(a, twin, -3.0), Pair.of(c, twin, -3.0), Pair.of(a, c, 6.0)], run=new_id())
        asked = {(one.older, one.younger): one.id for one in review.open_proposals()}
        review.accept(asked[a, c], actor=owner_actor())
        assert {one.id for one in review.open_proposals()} == {asked[a, twin], asked[c, twin]}
        review.reject(asked[c, twin], actor=owner_actor())
        assert review.open_proposals() == []


def test_one_after_the_other_is_as_all_at_once():
    """Pairs met by the keyed index, weighed in Python, come to the clusters of a run; the weights are its own."""
    made = families(150, seed=21)
    result = link(made.table)
    content = result.model.weights()
    bulk = link(made.table, weights=content)  # by the same weights, without frequencies, as the live way has none
    features = prepare(made.table)
    values = {row["record"]: row for row in made.table.to_pylist()}
    folded = {number: fold(values[record], "person") for number, record in enumerate(features.records)}
    index, scorer, found = KeyedIndex(b"k" * 32, "person"), live.Scorer("person", content), []
    for number, row in folded.items():
        met = index.candidates(row)
        found += scorer.edges(folded, [(other, number) for other in met])
        index.add(number, row)
    groups, asked = grouped(
        sorted(found), lambda sure: Contradictions.of(scorer.apart(folded, live.chains(sure))), scorer.pooled(folded)
    )
    mine = [[features.records[one] for one in group] for group in groups]
    assert {frozenset(group) for group in mine} == {frozenset(group) for group in bulk.merges}
    theirs = {frozenset(pair): weight for *pair, weight in bulk.proposals}
    ours = {frozenset((features.records[one], features.records[two])): weight for one, two, weight in asked}
    assert ours.keys() == theirs.keys()
    assert all(abs(ours[pair] - theirs[pair]) < 0.01 for pair in ours)


def test_the_keyed_index_holds_no_value():
    index = KeyedIndex(b"k" * 32, "person")
    row = fold({**ALICE, **HOME}, "person")
    index.add(7, row)
    assert index.candidates(fold({**ALICE, "birth_date": "1984-03-08"}, "person")) == [7]
    held = repr([getattr(index, name) for name in index.__slots__ if name != "_rules"])
    assert not [text for text in row.values() if text and len(text) > 4 and text in held]
    assert KeyedIndex(b"j" * 32, "person").keys(row) != index.keys(row)


def test_keys_made_in_bulk_are_those_made_one_by_one():
    made = families(40, seed=2)
    features = prepare(made.table)
    index = KeyedIndex(b"k" * 32, "person")
    bulk = KeyedIndex.of(features, b"k" * 32, "person")
    folded = features.table.to_pylist()
    for number, row in enumerate(folded):
        index.add(number, row)
    for row in itertools.islice(folded, 60):
        assert sorted(index.candidates(row)) == sorted(bulk.candidates(row))
