"""The log of links: customers are its connected components, whatever was joined and taken back in whatever order."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import timedelta
from itertools import pairwise

import psycopg
import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kehu.govern import states
from kehu.govern.consent import (
    Statement,
    consents_of,
    give_consent,
    invalidate_consent,
    refuse_consent,
    withdraw_consent,
)
from kehu.govern.guardians import end_guardians
from kehu.govern.parts import part_of
from kehu.govern.separate import Terms, separate_in_force
from kehu.govern.slugs import PURPOSES
from kehu.vault import assignment
from kehu.vault.assignment import AcrossControllers, assign, detach, links_after, unassign
from kehu.vault.ids import new_id
from tests.cast import admit

BY = uuid.UUID(int=7)
MARKETING = PURPOSES["marketing"]
ANALYTICS = PURPOSES["analytics"]


def people(count: int) -> list[uuid.UUID]:
    return admit(*({"full_name": f"person {n}"} for n in range(count)))


def join(*links: tuple[uuid.UUID, uuid.UUID], certainty: int = 1, run: uuid.UUID | None = None) -> None:
    with transaction.atomic():
        assign(raw(), list(links), certainty=certainty, why=1, run=run, by=BY)


def part(*links: tuple[uuid.UUID, uuid.UUID], run: uuid.UUID | None = None) -> int:
    with transaction.atomic():
        return unassign(raw(), list(links), run=run, by=BY)


def part_run(run: uuid.UUID) -> int:
    """Take a run back, two older ends at a time; returns how many links stood."""
    after, gone = uuid.UUID(int=0), 0
    while (found := links_after(raw(), run, after, limit=2)) is not None:
        links, after = found
        gone += unassign(raw(), [(link.older, link.younger) for link in links], run=run, by=BY)
    return gone


def raw() -> psycopg.Connection:
    connection.ensure_connection()
    return connection.connection


def rows(sql: str, *values: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def stored() -> dict[uuid.UUID, tuple[uuid.UUID, uuid.UUID]]:
    return {row[0]: row[1:] for row in rows("select subject, customer, core from subject_state")}


def from_the_log() -> dict[uuid.UUID, tuple[uuid.UUID, uuid.UUID]]:
    """Customer and core of everybody, computed the slow and plain way from every row of the log."""
    standing: dict[tuple, int] = {}
    for act, one, other, certainty, run in rows(
        "select act, subject, other, certainty, run from assignment order by seq"
    ):
        standing[frozenset((one, other)), certainty, run] = act
    links = [(tuple(pair), certainty) for (pair, certainty, _), act in standing.items() if act == 1]
    everybody = [row[0] for row in rows("select subject from subject_state")]

    def component(subject: uuid.UUID, most: int) -> uuid.UUID:
        found, grown = {subject}, True
        while grown:
            near = {end for pair, certainty in links if certainty <= most and found & set(pair) for end in pair}
            grown = not near <= found
            found |= near
        return min(found)

    return {subject: (component(subject, 3), component(subject, 2)) for subject in everybody}


ends = st.tuples(st.integers(0, 7), st.integers(0, 7))
steps = st.one_of(
    st.tuples(st.just("assign"), st.lists(ends, min_size=1, max_size=4), st.integers(1, 3), st.integers(0, 2)),
    st.tuples(st.just("unassign"), st.lists(ends, min_size=1, max_size=3), st.booleans(), st.integers(0, 2)),
    st.tuples(st.just("part_run"), st.integers(0, 2)),
    st.tuples(st.just("detach"), st.integers(0, 7)),
)


def test_customers_are_the_components_of_the_log(database):
    crowd = people(8)
    runs = [None, uuid.UUID(int=1), uuid.UUID(int=2)]

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(steps, max_size=8))
    def sequence(acts):
        with transaction.atomic():
            for act in acts:
                do(act)
                assert stored() == from_the_log()
            transaction.set_rollback(True)

    def do(act):
        if act[0] == "assign":
            links = [(crowd[a], crowd[b]) for a, b in act[1]]
            assign(raw(), links, certainty=act[2], why=1, run=runs[act[3]], by=BY)
        elif act[0] == "unassign":
            links = [(crowd[a], crowd[b]) for a, b in act[1]]
            unassign(raw(), links, run=runs[act[3]] if act[2] else None, by=BY)
        elif act[0] == "part_run":
            part_run(runs[act[1]] or uuid.UUID(int=3))
        else:
            detach(raw(), [crowd[act[1]]], by=BY)

    sequence()


def test_a_chain_is_one_customer_named_by_its_oldest(database):
    crowd = people(5)
    join(*pairwise(crowd))
    assert {found for found in stored().values()} == {(crowd[0], crowd[0])}
    assert part((crowd[3], crowd[2])) == 1
    assert [stored()[one][0] for one in crowd] == [crowd[0]] * 3 + [crowd[3]] * 2


def test_the_certain_part_ends_where_probability_begins(database):
    a, b, c = people(3)
    join((a, b), certainty=2)
    join((b, c), certainty=3)
    assert stored() == {a: (a, a), b: (a, a), c: (a, c)}


def test_one_run_taken_back_leaves_what_another_found(database):
    a, b, c = people(3)
    first, second = new_id(), new_id()
    join((a, b), (b, c), certainty=3, run=first)
    join((a, b), certainty=1, run=second)
    with transaction.atomic():
        assert part_run(first) == 2
    assert stored() == {a: (a, a), b: (a, a), c: (c, c)}


def test_the_same_link_twice_is_one_row(database):
    a, b = people(2)
    join((a, b))
    join((b, a))
    assert rows("select count(*) from assignment") == [(1,)]


def test_a_subject_that_is_gone_joins_nobody(database):
    [a] = people(1)
    join((a, new_id()))
    assert (stored(), rows("select count(*) from assignment")) == ({a: (a, a)}, [(0,)])


def test_two_controllers_never_join(database):
    a, b = people(2)
    rows_changed("update subject_state set controller = 2 where subject = %s", b)
    with pytest.raises(AcrossControllers):
        join((a, b))
    assert rows("select count(*) from assignment") == [(0,)]


def rows_changed(sql: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)


class TestStates:
    def restricted(self) -> dict[uuid.UUID, bool]:
        return dict(rows("select subject, restricted from subject_state"))

    def enter(self, subject: uuid.UUID, kind: str, **options: object) -> None:
        states.enter(subject, kind, by=BY, id=new_id(), **options)  # type: ignore[arg-type]

    def test_a_state_of_one_acts_on_both_while_they_are_one(self, database):
        a, b = people(2)
        self.enter(b, "optout")
        self.enter(b, "objection", purpose=MARKETING)
        self.enter(a, "hold", categories=4)
        join((a, b), certainty=3)
        [both] = {
            row[1:]
            for row in rows("select subject, opted_out, objections::text, held_categories, held from subject_state")
        }
        assert both == (True, f"{{{MARKETING}}}", 4, False)
        part((a, b))
        assert dict(rows("select subject, opted_out from subject_state")) == {a: False, b: True}
        assert dict(rows("select subject, held_categories from subject_state")) == {a: 4, b: 0}

    def test_a_state_entered_while_merged_stays_with_both(self, database):
        a, b, c = people(3)
        join((a, b), (b, c), certainty=3)
        self.enter(a, "restriction")
        part((a, b), (b, c))
        assert self.restricted() == {a: True, b: True, c: True}
        states.lift(b, "restriction")
        assert self.restricted() == {a: True, b: False, c: True}
        states.project(c)
        assert self.restricted()[c]

    def test_what_is_lifted_while_merged_is_lifted_for_whom_it_was_lifted_under(self, database):
        a, b = people(2)
        self.enter(a, "optout")
        join((a, b))
        self.enter(a, "restriction")
        states.lift(b, "restriction")
        states.lift(b, "optout")
        opted_out = "select subject, opted_out from subject_state"
        assert self.restricted() == {a: False, b: False} == dict(rows(opted_out))
        part((a, b))
        assert self.restricted() == {a: True, b: False}
        assert dict(rows(opted_out)) == {a: True, b: False}

    def test_what_a_part_lifted_for_itself_does_not_come_back_with_a_second_undo(self, database):
        a, b = people(2)
        join((a, b))
        self.enter(a, "restriction")
        part((a, b))
        states.lift(b, "restriction")
        with transaction.atomic():
            assign(raw(), [(a, b)], certainty=2, why=assignment.WHY["request"], run=None, by=BY)
        part((a, b))
        assert self.restricted() == {a: True, b: False}


def apart(one: uuid.UUID, other: uuid.UUID, state: str = "rejected") -> None:
    """As the review queue writes a decision."""
    pair = sorted((one, other))
    rows_changed(
        "insert into refine_proposal (id, older, younger, state, found_at, decided_at, decided_by)"
        " values (%s, %s, %s, %s, now(), now(), %s) on conflict (older, younger) do update set state = excluded.state",
        new_id(), *pair, state, BY,
    )  # fmt: skip


class TestApart:
    @pytest.mark.parametrize("certainty", [1, 2, 3])
    def test_two_who_were_kept_apart_join_by_no_chain(self, database, certainty):
        a, b, c, d = people(4)
        apart(d, a)
        join((a, b), (c, d), certainty=certainty)
        with transaction.atomic():
            left = assign(raw(), [(b, c)], certainty=certainty, why=assignment.WHY["request"], run=None, by=BY)
        assert left == [(b, c)]
        assert {one: held[0] for one, held in stored().items()} == {a: a, b: a, c: c, d: c}

    def test_in_one_go_the_first_link_counts_for_the_rest(self, database):
        a, b, c = people(3)
        apart(a, c)
        join((a, b), (b, c), certainty=3)
        assert {one: held[0] for one, held in stored().items()} == {a: a, b: a, c: c}

    def test_a_decision_taken_back_keeps_nobody_apart(self, database):
        a, b = people(2)
        apart(a, b)
        apart(a, b, "accepted")
        join((a, b))
        assert stored()[b] == (a, a)

    @pytest.mark.parametrize("kind", ["restriction", "objection"])
    def test_whoever_objects_to_linkage_is_joined_on_their_own_request_only(self, database, kind):
        a, b = people(2)
        purpose = {"purpose": PURPOSES["accuracy"]} if kind == "objection" else {}
        states.enter(b, kind, by=BY, id=new_id(), **purpose)
        for certainty in (1, 2, 3):
            join((a, b), certainty=certainty)
        assert stored()[b] == (b, b)
        with transaction.atomic():
            assign(raw(), [(a, b)], certainty=2, why=assignment.WHY["request"], run=None, by=BY)
        assert stored()[b] == (a, a)


class TestConsents:
    def give(self, subject: uuid.UUID) -> None:
        statement = Statement(notice=1, way="staff")
        give_consent(subject, purpose=MARKETING, purpose_version=1, statement=statement, recorded_by=BY, id=new_id())

    def withdraw(self, subject: uuid.UUID) -> None:
        withdraw_consent(subject, purpose=MARKETING, purpose_version=1, recorded_by=BY, id=new_id())

    def said(self) -> dict[uuid.UUID, str | None]:
        return dict(rows("select subject, consents -> %s ->> 0 from subject_state", str(MARKETING)))

    def test_a_merge_gives_no_consent_to_those_who_gave_none(self, database):
        a, b = people(2)
        self.give(a)
        join((a, b))
        assert self.said() == {a: "given", b: None}

    def test_given_while_merged_it_is_taken_back_from_the_rest(self, database):
        a, b, c, d = people(4)
        join((a, b), (b, c))
        join((c, d), certainty=3)
        self.give(b)
        assert self.said() == {a: "given", b: "given", c: "given", d: None}
        part((a, b))
        assert self.said() == {a: None, b: "given", c: "given", d: None}
        part((b, c))
        assert self.said() == {a: None, b: "given", c: None, d: None}
        assert [row.subject for row in consents_of(b)] == [b]

    def test_what_it_covered_counts_again(self, database):
        a, b = people(2)
        self.give(b)
        self.withdraw(b)
        join((a, b))
        self.give(a)
        self.give(a)
        assert self.said() == {a: "given", b: "given"}
        part((a, b))
        assert self.said() == {a: "given", b: "withdrawn"}

    def test_a_withdrawal_stays_with_all(self, database):
        a, b, c = people(3)
        join((a, b))
        join((b, c), certainty=3)
        self.give(a)
        self.withdraw(c)
        part((a, b), (b, c))
        assert self.said() == {a: "withdrawn", b: "withdrawn", c: "withdrawn"}

    def test_of_three_the_consents_of_two_who_stay_stand_for_both(self, database):
        a, b, c = people(3)
        join((a, b), (b, c))
        self.give(a)
        self.give(c)
        part((b, c))
        assert self.said() == {a: "given", b: "given", c: "given"}

    def test_a_separate_consent_to_the_same_counts_again(self, database):
        a, b = people(2)
        terms = Statement(notice=1, way="staff", terms=Terms("provide", "Acme"))
        give = lambda one: give_consent(
            one, purpose=MARKETING, purpose_version=1, statement=terms, recorded_by=BY, id=new_id()
        )
        own = give(b).id
        join((a, b))
        give(a)
        part((a, b))
        assert separate_in_force([b], MARKETING) == {own}

    def test_a_withdrawal_outlives_the_consent_given_anew_by_another_part(self, database):
        a, b = people(2)
        join((a, b), certainty=3)
        self.give(a)
        self.withdraw(a)
        self.give(a)
        assert self.said() == {a: "given", b: None}  # it was never b's
        part((a, b))
        assert self.said() == {a: "given", b: "withdrawn"}

    def test_that_a_consent_was_none_is_found_of_whom_it_was_given_by(self, database):
        a, b = people(2)
        self.give(b)
        join((a, b))
        self.give(a)
        [newest, _] = consents_of(a)
        invalidate_consent(newest.id, recorded_by=BY, id=new_id(), way="staff")
        assert self.said() == {a: "invalid", b: "invalid"}
        part((a, b))
        assert self.said() == {a: "invalid", b: "given"}

    def test_an_older_consent_found_to_be_none_does_not_come_back_with_its_part(self, database):
        a, b = people(2)
        self.give(a)
        [first] = consents_of(a)
        self.give(b)
        join((a, b))
        invalidate_consent(first.id, recorded_by=BY, id=new_id(), way="staff")
        assert self.said()[b] == "given"
        part((a, b))
        assert self.said() == {a: "invalid", b: "given"}

    def test_an_older_consent_found_to_be_none_does_not_come_back_from_below_a_cover(self, database):
        a, b = people(2)
        self.give(a)
        [first] = consents_of(a)
        join((a, b))
        self.give(b)
        invalidate_consent(first.id, recorded_by=BY, id=new_id(), way="staff")
        assert self.said()[b] == "given"
        part((a, b))
        assert self.said() == {a: "invalid", b: "given"}

    def test_the_guardian_of_one_is_not_the_guardian_of_the_other(self, database):
        a, b, parent = people(3)
        join((a, b))
        statement = Statement(notice=1, way="staff", by_subject=parent)
        give_consent(a, purpose=MARKETING, purpose_version=1, statement=statement, recorded_by=BY, id=new_id())
        part((a, b))
        assert dict(rows("select subject, guardian from subject_state")) == {a: True, b: False, parent: False}

    def test_a_refusal_leaves_a_child_without_guardian_as_a_withdrawal_does(self, database):
        child, parent = people(2)
        statement = Statement(notice=1, way="staff", by_subject=parent)
        told = {"purpose": MARKETING, "purpose_version": 1, "recorded_by": BY}
        give_consent(child, statement=statement, id=new_id(), **told)
        assert dict(rows("select subject, guardian from subject_state"))[child]
        refuse_consent(child, statement=Statement(notice=1, way="staff"), id=new_id(), **told)
        assert not dict(rows("select subject, guardian from subject_state"))[child]

    def test_a_guardian_whose_consent_has_ended_stands_behind_the_child_no_more(self, database):
        child, parent = people(2)
        end = timezone.now() + timedelta(seconds=2)
        over = Statement(kind="temporary", until=end, notice=1, way="staff", by_subject=parent)
        give_consent(child, purpose=MARKETING, purpose_version=1, statement=over, recorded_by=BY, id=new_id())
        time.sleep((end - timezone.now()).total_seconds() + 0.1)
        assert end_guardians() == 1
        assert dict(rows("select subject, guardian from subject_state")) == {child: False, parent: False}
        assert end_guardians() == 0

    def test_a_no_that_stayed_after_the_parting_leaves_no_guardian_behind_the_child(self, database):
        """Whoever said it went, and its row with them; the word stayed with the child."""
        child, other, parent = people(3)
        join((child, other))
        statement, told = Statement(notice=1, way="staff", by_subject=parent), {"recorded_by": BY, "purpose_version": 1}
        give_consent(child, statement=statement, id=new_id(), purpose=MARKETING, **told)
        refuse_consent(other, statement=Statement(notice=1, way="staff"), id=new_id(), purpose=MARKETING, **told)
        part((child, other))
        give_consent(child, statement=statement, id=new_id(), purpose=ANALYTICS, **told)
        assert dict(rows("select subject, guardian from subject_state"))[child]
        refuse_consent(child, statement=Statement(notice=1, way="staff"), id=new_id(), purpose=ANALYTICS, **told)
        assert not dict(rows("select subject, guardian from subject_state"))[child]

    def test_a_confirmed_link_taken_back_divides_the_certain_part_alone(self, database):
        a, b = people(2)
        join((a, b), certainty=3, run=new_id())
        join((a, b), certainty=2)
        self.give(a)
        assert part((a, b), run=None) == 2
        assert self.said() == {a: "given", b: None}


def test_many_links_cost_few_statements(database, monkeypatch):
    crowd = people(3000)
    TestStates().enter(crowd[0], "optout")
    seen: list[str] = []

    class Counting(raw().cursor_factory):
        def execute(self, query, *rest, **options):
            seen.append(query)
            return super().execute(query, *rest, **options)

    monkeypatch.setattr(raw(), "cursor_factory", Counting)
    pairs = list(zip(crowd[::2], crowd[1::2], strict=True))
    join(*pairs[:1], certainty=3)
    few = len(seen)
    join(*pairs, certainty=3)
    assert 0 < few
    assert len(seen) - few <= few + 2
    assert len({customer for customer, _ in stored().values()}) == 1500
    seen.clear()
    part(*pairs)
    assert len(seen) < 15
    assert len({customer for customer, _ in stored().values()}) == 3000


def walks(*tables: str) -> int:
    """How often this transaction walked through one of these tables from end to end."""
    return rows("select sum(seq_scan)::int from pg_stat_xact_user_tables where relname = any (%s)", list(tables))[0][0]


def test_many_links_walk_through_no_table_however_little_is_known_of_it(database):
    crowd = people(3000)
    TestStates().enter(crowd[0], "optout")
    pairs = list(zip(crowd[::2], crowd[1::2], strict=True))
    with transaction.atomic():
        rows("select count(*) from subject_state")
        control = walks("subject_state")
        assert control > 0
        assign(raw(), pairs, certainty=3, why=1, run=None, by=BY)
        assert walks("subject_state", "assignment") == control
        assert unassign(raw(), pairs, run=None, by=BY) == 1500
        assert walks("subject_state", "assignment") == control
        assert rows("select current_setting('enable_seqscan'), current_setting('enable_hashjoin')") == [("on", "on")]


def test_a_certain_part_is_looked_up_by_its_customer(database):
    crowd = people(3000)
    with transaction.atomic():
        rows("select count(*) from subject_state")
        control = walks("subject_state")
        assert part_of(crowd[0], whole=False) == part_of(crowd[0], whole=True) == [crowd[0]]
        assert walks("subject_state") == control


def test_a_refused_link_leaves_the_plans_of_its_transaction_alone(database):
    one, other = people(2)
    rows_changed("update subject_state set controller = 2 where subject = %s", other)
    with transaction.atomic():
        with pytest.raises(AcrossControllers):
            assign(raw(), [(one, other)], certainty=3, why=1, run=None, by=BY)
        assert rows("select current_setting('enable_mergejoin')") == [("on",)]


def test_writers_in_each_others_way_do_not_deadlock(database):
    """Two workers join overlapping chains in opposite orders, again and again, while a third reads for share."""
    crowd = people(40)
    failures: list[BaseException] = []
    conninfo = raw().info.dsn

    def work(order: int) -> None:
        try:
            with psycopg.connect(conninfo) as mine:
                for start in range(38)[::order]:
                    with mine.transaction():
                        chosen = crowd[start : start + 3][::order]
                        assign(mine, list(pairwise(chosen)), certainty=3, why=4, run=None, by=BY)
                    with mine.transaction():
                        mine.execute("select 1 from subject_state order by subject for share")
        except BaseException as failed:  # noqa: BLE001 (reported by the test itself)
            failures.append(failed)

    threads = [threading.Thread(target=work, args=(order,)) for order in (1, -1, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert {found for found in stored().values()} == {(crowd[0], one) for one in crowd}
    assert assignment.WHY["linkage"] == 4
