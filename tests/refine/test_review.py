"""The review queue: who is asked, in which order, what several people decide, and how an answer is taken back."""

from __future__ import annotations

import itertools
import json
import threading
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from kehu.govern.holders import holders
from kehu.guard.gate.acts import ActRefused
from kehu.guard.staff.actions import actor_of, add_staff
from kehu.refine.models import Answer
from kehu.refine.models import Proposal as Row
from kehu.refine.resolve.compare import odds
from kehu.refine.resolve.review import answers as review
from kehu.refine.resolve.review import queue, waiting, worth
from kehu.refine.resolve.review.labels import labels
from kehu.refine.resolve.review.queue import Pair
from kehu.refine.resolve.review.votes import stands_alone, state_after
from kehu.refine.resolve.review.waiting import Sought
from kehu.vault.ids import new_id
from tests.cast import admit

GROUP = {"controller": 1, "kind": 1}
PEOPLE = [
    {"full_name": name, "email": f"{name.split()[0]}@x.example"}
    for name in ("alice harper", "ali harper", "bob okafor", "rob okafor", "cy ito", "cyd ito")
]


def rows(sql: str, *values: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def person(role: str = "service", name: str = "one"):
    made, _ = add_staff(email=f"{name}@kehu.example", role=role, department=None, attest=True)
    return actor_of(made.email)


def asked(*weights: float) -> list[UUID]:
    """Questions of these weights, about two people each; returns their ids in that order."""
    run, people = new_id(), admit(*PEOPLE[: 2 * len(weights)])
    pairs = [Pair.of(people[2 * n], people[2 * n + 1], weight) for n, weight in enumerate(weights)]
    queue.propose(pairs, run=run)
    return [Row.objects.get(older=pair.older).id for pair in pairs]


def state(proposal: UUID) -> str:
    return Row.objects.get(id=proposal).state


def standing() -> list[tuple]:
    return rows("select subject, customer, core, consents::text, objections, restricted from subject_state order by 1")


class TestOrder:
    def test_the_least_sure_is_asked_first(self, database):
        far, even, near = asked(-3.5, 0.1, 2.0)
        assert [one.id for one in waiting.open_proposals()] == [even, near, far]
        assert waiting.open_proposals()[0].value == pytest.approx(
            2.5, abs=0.1
        )  # a record and a use: 1 + 1 + ½, times one bit

    def test_what_hangs_on_it_counts(self, database):
        plain, against = asked(0.0, 0.0)
        older, younger = Row.objects.filter(id=against).values_list("older", "younger")[0]
        for subject, said in ((older, "given"), (younger, "withdrawn")):
            with connection.cursor() as cursor:
                cursor.execute(
                    "update subject_state set consents = %s::jsonb where subject = %s",
                    [json.dumps({"4": [said, "general", None, 1], "5": ["given", "general", None, 1]}), subject],
                )
        worth.revalue()
        assert [one.id for one in waiting.open_proposals()] == [against, plain]
        [one, other] = waiting.open_proposals()
        assert one.value - other.value == pytest.approx(1.0)

    def test_of_a_table_that_nothing_is_known_of_yet_rows_are_looked_up(self, database):
        """Two hundred thousand customers just brought in, and no statistics: it took minutes."""
        admit(*({"full_name": f"person {n}"} for n in range(2000)))
        asked(0.0, 1.0)
        walked = (
            "select sum(seq_scan)::int, sum(seq_tup_read)::int from pg_stat_xact_user_tables"
            " where relname in ('subject_state', 'record', 'ledger_use')"
        )
        with transaction.atomic():
            before = rows(walked)
            worth.revalue()
            assert rows(walked) == before

    def test_pages_and_filters_tell_the_same_as_the_whole(self, database):
        asked(-3.0, 0.5, 4.0)
        whole = waiting.open_proposals()
        pages, after = [], None
        while page := waiting.open_proposals(limit=1, after=after):
            pages += page
            after = (page[0].value, page[0].id)
        assert pages == whole
        for one, following in itertools.pairwise(whole):
            assert waiting.before(following.value, following.id, sought=Sought()) == one
        bands = [waiting.open_proposals(sought=Sought(band=band)) for band in waiting.BANDS]
        assert [len(found) for found in bands] == [1, 1, 1]
        assert {one.weight for found in bands for one in found} == {-3.0, 0.5, 4.0}
        assert waiting.count_waiting(Sought(kind=2)) == waiting.count_waiting(Sought(channel=999)) == 0
        assert waiting.count_waiting(Sought(kind=1, channel=1)) == 3
        assert waiting.count_waiting(Sought(since=timezone.now())) == 0


class TestAnswers:
    def test_one_sure_answer_is_enough(self, database):
        [one] = asked(1.0)
        done = review.answer(one, "no", actor=person())
        assert (done.state, state(one), done.customer) == ("rejected", "rejected", None)
        assert waiting.open_proposals() == []
        assert rows("select verdict, sure, decided, weight from refine_answer") == [("no", True, True, 1.0)]

    def test_unsure_goes_to_a_second_person_and_never_back_to_the_first(self, database):
        [one] = asked(1.0)
        first, second = person(), person(name="two")
        assert review.answer(one, "unsure", sure=False, actor=first).state == "second"
        assert waiting.open_proposals(sought=Sought(by=first.human)) == []
        assert [held.round for held in waiting.open_proposals(sought=Sought(by=second.human))] == [2]
        with pytest.raises(review.UnknownProposal):
            review.answer(one, "yes", actor=first)
        assert review.answer(one, "yes", actor=second, round=2).customer is not None

    @pytest.mark.parametrize("weight, verdict, sure", [(9.0, "no", True), (-9.0, "yes", True), (1.0, "yes", False)])
    def test_a_low_confidence_answer_needs_somebody_else_to_say_the_same(self, database, weight, verdict, sure):
        [one] = asked(weight)
        assert review.answer(one, verdict, sure=sure, actor=person()).state == "second"
        assert review.answer(one, verdict, sure=sure, actor=person(name="two")).state in ("accepted", "rejected")

    def test_who_disagree_ask_a_third_and_then_the_privacy_office(self, database):
        one, other = asked(1.0, 1.0)
        people = [person(name=f"p{n}") for n in range(4)]
        for proposal, third in ((one, "yes"), (other, "unsure")):
            assert review.answer(proposal, "yes", sure=False, actor=people[0]).state == "second"
            assert review.answer(proposal, "no", actor=people[1]).state == "third"
            review.answer(proposal, third, actor=people[2])
        assert (state(one), state(other)) == ("accepted", "privacy")
        with pytest.raises(ActRefused):
            review.answer(other, "yes", actor=people[3])
        assert waiting.open_proposals(sought=Sought(settles=False)) == []
        office = person("privacy", "office")
        with pytest.raises(review.MustDecide):
            review.answer(other, "unsure", actor=office)
        assert review.answer(other, "no", actor=office).state == "rejected"

    def test_the_database_forbids_the_same_person(self, database):
        [one] = asked(1.0)
        first = person()
        review.answer(one, "unsure", actor=first)
        with pytest.raises(IntegrityError, match="nobody_answers_a_question_twice"), transaction.atomic():
            Answer.objects.create(id=new_id(), proposal=one, round=2, verdict="yes", sure=True, by=first.human, **GROUP)
        with pytest.raises(IntegrityError, match="one_answer_a_round"), transaction.atomic():
            Answer.objects.create(id=new_id(), proposal=one, round=1, verdict="yes", sure=True, by=new_id(), **GROUP)

    def test_a_key_pressed_twice_is_one_answer(self, database):
        [one] = asked(1.0)
        me = person()
        done = [review.answer(one, "yes", actor=me, round=1) for _ in range(2)]
        assert [held.repeated for held in done] == [False, True]
        assert done[0].customer == done[1].customer
        assert Answer.objects.count() == 1

    def test_two_at_once_and_only_the_first_counts(self, database):
        [one] = asked(1.0)
        people = [person(), person(name="two")]
        begin, said = threading.Barrier(2), []

        def say(number: int, verdict: str) -> None:
            try:
                begin.wait(10)
                review.answer(one, verdict, actor=people[number], round=1)
                said.append(number)
            except review.AnsweredMeanwhile as late:
                said.append(late.by)
            finally:
                connection.close()

        threads = [threading.Thread(target=say, args=held) for held in ((0, "yes"), (1, "no"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        [winner] = [held for held in said if isinstance(held, int)]
        assert people[winner].human in said
        assert Answer.objects.count() == 1

    def test_the_ledger_says_who_said_something_and_an_erased_pair_leaves_a_label_of_nobody(self, database):
        [one] = asked(1.0)
        me = person()
        review.answer(one, "no", actor=me, evidence={"birth": [0, 12.5, 0.0]})
        assert rows("select count(*) from ledger_entry where action = 17 and human = %s", me.human) == [(2,)]
        [holder] = [held for held in holders() if held.name == "proposals"]
        assert holder.erase(rows("select older from refine_proposal")[0][0]) == 1
        assert Answer.objects.values_list("proposal", "evidence").get() == (None, {"birth": [0, 12.5, 0.0]})


class TestTakenBack:
    def back(self, actor):
        with transaction.atomic():
            return review.take_back(actor=actor)

    def test_a_merge_is_parted_exactly(self, database):
        one, _ = asked(1.0, 0.5)
        me, before = person(), standing()
        review.answer(one, "yes", actor=me)
        assert standing() != before
        taken = self.back(me)
        assert standing() == before and taken.since is not None
        assert state(one) == "open" and waiting.count_waiting() == 2
        assert rows("select count(*) from ledger_entry where action = 25 and human = %s", me.human) == [(1,)]
        with pytest.raises(review.NothingToTakeBack):
            self.back(me)
        assert review.answer(one, "yes", actor=me).state == "accepted"  # asked anew, the same person may answer

    def test_a_rejection_counts_no_more(self, database):
        [one] = asked(1.0)
        me = person()
        review.answer(one, "no", actor=me)
        assert queue.decided_apart() != []
        assert self.back(me).since is None
        assert queue.decided_apart() == [] and state(one) == "open"
        assert labels() == []

    def test_only_the_last_answer_and_only_ones_own(self, database):
        [one] = asked(1.0)
        first, second = person(), person(name="two")
        review.answer(one, "unsure", actor=first)
        review.answer(one, "no", actor=second)
        with pytest.raises(review.AnsweredMeanwhile):
            self.back(first)
        with pytest.raises(review.NothingToTakeBack):
            self.back(person(name="three"))
        self.back(second)
        assert state(one) == "second"

    def test_of_a_newest_answer_that_was_settled_since_the_one_before_it_stays(self, database):
        one, other = asked(1.0, 0.5)
        me = person()
        review.answer(one, "yes", actor=me)
        review.answer(other, "unsure", actor=me)
        pair, before = rows("select older, younger from refine_proposal where id = %s", other), standing()
        [(older, younger)] = pair
        rows("update subject_state set hidden = true where subject = %s returning 1", younger)
        queue.settle(of=[older])
        with pytest.raises(review.SettledMeanwhile):
            self.back(me)
        rows("update subject_state set hidden = false where subject = %s returning 1", younger)
        assert standing() == before and state(one) == "accepted"


said = st.tuples(st.sampled_from(["yes", "no", "unsure"]), st.booleans()).map(
    lambda one: (one[0], one[1] and one[0] != "unsure")
)


@given(st.lists(said, max_size=3))
def test_nothing_is_decided_by_one_low_confidence_answer_or_against_the_majority(answers):
    after = state_after(answers)
    counts = {verdict: sum(one == verdict for one, _ in answers) for verdict in ("yes", "no")}
    if after in ("accepted", "rejected"):
        verdict, other = ("yes", "no") if after == "accepted" else ("no", "yes")
        assert counts[verdict] > counts[other]
        assert counts[verdict] > 1 or any(alone for one, alone in answers if one == verdict)
    else:
        assert after == ("open", "second", "third", "privacy")[len(answers)]


def test_the_model_saying_the_opposite_asks_for_a_second():
    assert stands_alone("yes", sure=True, probability=0.06) and stands_alone("no", sure=True, probability=0.94)
    assert not stands_alone("yes", sure=True, probability=0.04)
    assert not stands_alone("no", sure=True, probability=0.96)
    assert not stands_alone("yes", sure=False, probability=0.9)
    assert not stands_alone("unsure", sure=True, probability=0.5)


QUANTILES = [(n + 0.5) / 25 for n in range(25)]


class TestOdds:
    LABELS = [(w / 4, p < odds.chance(0.5 * w / 4 - 2)) for w in range(-40, 41) for p in QUANTILES]

    def test_few_or_all_alike_bend_nothing(self):
        assert odds.fitted([(1.0, True), (2.0, False)]) == odds.Odds()
        assert odds.fitted([(1.0, True)] * 500) == odds.Odds()
        assert odds.Odds().of(None) == 0.5 and odds.Odds().of(10) > 0.999

    def test_many_answers_bend_it_to_what_people_said(self):
        found = odds.fitted(self.LABELS)
        assert found.slope == pytest.approx(0.5, abs=0.1) and found.shift == pytest.approx(-2, abs=0.3)
        assert odds.log_loss(self.LABELS, found) < odds.log_loss(self.LABELS, odds.Odds())
        # in what part of the queue the questions were chosen does not matter
        chosen = [one for one in self.LABELS if -2 <= one[0] <= 8]
        assert odds.fitted(chosen).of(4.0) == pytest.approx(0.5, abs=0.12)

    def test_answers_that_part_without_overlap_do_not_run_away(self):
        found = odds.fitted([(w / 10, w > 20) for w in range(100)])
        assert 0.5 < found.slope < 6 and abs(found.shift) < 12

    def test_the_curve_counts_everything_once_within_its_intervals(self):
        bins = odds.curve(self.LABELS, odds.fitted(self.LABELS))
        assert sum(one.count for one in bins) == len(self.LABELS)
        assert all(one.low <= one.share <= one.high for one in bins)
        assert odds.wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)  # Wilson's own formula, 95 %
        assert odds.wilson(5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)


def test_a_page_of_the_queue_is_read_in_the_order_of_its_index(database, monkeypatch):
    """Else each key press sorts all that waits."""
    plans = []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("set local enable_seqscan = off")
        cursor.execute("set local enable_hashjoin = off")
        cursor.execute("set local enable_mergejoin = off")
        cursor.execute("set local enable_bitmapscan = off")

        def explained(execute, sql, params, many, context):
            plans.append(" ".join(row[0] for row in connection.connection.execute(f"explain {sql}", params).fetchall()))
            return execute(sql, params, many, context)

        with connection.execute_wrapper(explained):
            waiting.open_proposals(limit=1)
            waiting.open_proposals(limit=1, after=(1.0, new_id()))
            waiting.before(1.0, new_id(), sought=waiting.EVERYTHING)
    for plan in plans:
        assert "using waiting_proposals" in plan and "Sort" not in plan
    assert ["Index Cond: (value" in plan for plan in plans] == [False, True, True]  # only from the place on
