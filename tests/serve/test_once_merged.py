"""What was begun while two were one, and ends after they were parted, or of whichever record of a customer it is said."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.db import transaction

from kehu.govern.models import StateEntry
from kehu.govern.parts import part_of
from kehu.guard.guests.codes import ask_code
from kehu.guard.guests.credentials import guest_of
from kehu.guard.staff.actions import owner_actor
from kehu.refine.models import Proposal as Row
from kehu.refine.resolve.review import answers as review
from kehu.refine.resolve.review import queue, waiting
from kehu.refine.resolve.review.queue import Pair
from kehu.serve.corrections import queries
from kehu.serve.corrections.actions import correct
from kehu.serve.portal import allowed, held
from kehu.serve.portal.sign_in import enter
from kehu.serve.rights import holds
from kehu.serve.rights.erasing import erasure
from kehu.serve.rights.erasing.residue import open_left
from kehu.serve.rights.incidents import wrong_merge
from kehu.serve.rights.models import Erasure
from kehu.serve.rights.tasks import finish_erasures
from kehu.serve.upkeep import bounces, confirming
from kehu.serve.upkeep import queue as tasks
from kehu.serve.upkeep.models import Task
from kehu.vault import parted
from kehu.vault.assignment import CONFIRMED, EXACT_KEY, PROBABLE, WHY, assign
from kehu.vault.ids import new_id
from tests.cast import admit, shipped_with, staff
from tests.serve.holdings import link, raw
from tests.serve.test_corrections import LIN, agreed, given_to
from tests.serve.test_upkeep import WANG, policy

OLDER = LIN | {"email": "lin2@mail.example"}


@pytest.fixture
def cast(database):
    return {role: staff(role) for role in ("service", "manager", "privacy", "auditor")}


def here(subject) -> bool:
    return raw().execute("select count(*) from facet where subject = %s", (subject,)).fetchone()[0] > 0


class TestAnErasureThatWaits:
    @pytest.mark.parametrize("asked_by", [0, 1], ids=["the older", "the younger"])
    def test_takes_nobody_along_who_was_parted_meanwhile(self, database, asked_by):
        pair, owner = admit(LIN, WANG), owner_actor()
        mine, other = pair[asked_by], pair[1 - asked_by]
        link(*pair, CONFIRMED)
        holds.hold(mine, actor=owner, reason="lawsuit")
        assert erasure.erase(mine, actor=owner, reason="asked").waiting
        wrong_merge.part(*pair, actor=owner)  # somebody else after all
        _, outcome = holds.release(mine, actor=owner)
        assert outcome is not None and not outcome.waiting
        assert (here(mine), here(other)) == (False, True)
        holds.release(other, actor=owner)  # the hold had come to them with the merge
        assert StateEntry.objects.filter(subject=other, ended_at=None).count() == 0 and here(other)

    def test_nor_where_the_erasure_was_not_told(self, database, monkeypatch):
        """Of a parting before erasures were told of each: what it names is looked at once more when it runs."""
        monkeypatch.setattr(parted, "_TOLD", [])
        (mine, other), owner = admit(LIN, WANG), owner_actor()
        link(mine, other, CONFIRMED)
        holds.hold(mine, actor=owner, reason="lawsuit")
        assert erasure.erase(mine, actor=owner, reason="asked").waiting
        wrong_merge.part(mine, other, actor=owner)
        assert str(other) in Erasure.objects.get().subjects
        holds.release(mine, actor=owner)
        assert (here(mine), here(other)) == (False, True)

    def test_reaches_what_is_theirs_for_certain_by_now(self, database):
        (lin, later), owner = admit(LIN, OLDER), owner_actor()
        holds.hold(lin, actor=owner, reason="lawsuit")
        assert erasure.erase(lin, actor=owner, reason="asked").waiting
        link(lin, later, EXACT_KEY)
        _, outcome = holds.release(lin, actor=owner)
        assert not outcome.waiting and not here(lin) and not here(later)

    def test_widened_by_an_older_part_still_runs(self, database):
        (older, lin), owner = admit(OLDER, LIN), owner_actor()
        link(older, lin, PROBABLE)
        holds.hold(lin, actor=owner, reason="lawsuit")
        assert erasure.erase(lin, actor=owner, reason="asked").waiting
        assert erasure.erase(lin, actor=owner, reason="asked again", confirm=[older]).waiting
        _, outcome = holds.release(lin, actor=owner)
        assert not outcome.waiting and not here(lin) and not here(older)
        left = open_left(outcome.id, actor=staff("legal"), purpose="claims")["residue"]
        assert left["requests"][0]["reason"] == "asked"

    def test_keeps_no_other_from_running_whatever_breaks_it(self, database, monkeypatch):
        (lin, wang), owner = admit(LIN, WANG), owner_actor()
        for one in (lin, wang):
            holds.hold(one, actor=owner, reason="lawsuit")
            assert erasure.erase(one, actor=owner, reason="asked").waiting
        StateEntry.objects.filter(kind="hold").update(until=dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1))
        whole = erasure.paper_of

        def breaks(row, part, states):
            if lin in part:
                raise RuntimeError("a fault that nobody foresaw")
            return whole(row, part, states)

        monkeypatch.setattr(erasure, "paper_of", breaks)
        with pytest.raises(RuntimeError):  # the job says so, once the others have run
            finish_erasures(timestamp=0)
        assert (here(lin), here(wang)) == (True, False)
        monkeypatch.undo()
        finish_erasures(timestamp=0)
        assert not here(lin)


class TestAtTheirOwnDoor:
    @pytest.fixture
    def pair(self, database):
        pair = admit(LIN, WANG)
        link(*pair, CONFIRMED)
        return pair

    def came_in(self):
        asked = ask_code("wang@mail.example", client="203.0.113.9")
        return enter(asked.secret, "wang@mail.example", asked.code)

    def test_what_somebody_allowed_is_theirs_when_the_merge_is_undone(self, pair):
        allowed.allow(self.came_in().guest, "marketing", language="en")
        wrong_merge.part(*pair, actor=owner_actor())
        found = [
            raw().execute("select consents from subject_state where subject = %s", (one,)).fetchone()[0] for one in pair
        ]
        lin, wang = (json.loads(one) if isinstance(one, str) else one for one in found)
        assert (lin, wang["4"][0]) == ({}, "given")

    def test_who_is_signed_in_sees_themselves_when_the_merge_is_undone(self, pair):
        made = self.came_in()
        wrong_merge.part(*pair, actor=owner_actor())
        shown = held.what_we_hold(guest_of(made.secret))
        texts = [value.text for fields in shown.categories.values() for one in fields for value in one.values]
        assert "lin@mail.example" not in texts and "wang@mail.example" in texts


class TestWhoGotTheWrongValue:
    @pytest.fixture
    def lin(self, cast, database, monkeypatch):
        shipped_with(database, "marketing", recipients=["Acme", "Beta"], countries=["CN"])
        made = agreed()
        monkeypatch.setattr(given_to, "who", staff("marketing"), raising=False)
        given_to(made)
        return made

    def told(self, lin, cast) -> list[str]:
        correct(lin, "email", "right@mail.example", reason="typed wrongly", actor=cast["privacy"])
        return [row["recipient"] for row in queries.waiting(actor=cast["privacy"])]

    def test_before_it_was_confirmed_is_told(self, lin, cast):
        confirming.confirm(lin, "email", how="phone", actor=cast["service"])  # the wrong value said again
        assert self.told(lin, cast) == ["Acme"]

    def test_of_another_record_of_the_same_customer_is_told(self, lin, cast):
        again = agreed({"full_name": "林婉清 ", "email": "lin@mail.example"})
        link(lin, again, CONFIRMED)
        assert self.told(lin, cast) == ["Acme"]


class TestAnAnswerOfTheReview:
    def test_of_two_who_became_one_meanwhile_is_not_taken(self, database):
        a, b = admit({"full_name": "alice harper"}, {"full_name": "ali harper"})
        queue.propose([Pair.of(a, b, 1.0)], run=new_id())
        link(a, b, EXACT_KEY)  # an import knows both by a number
        with pytest.raises(review.UnknownProposal):
            review.answer(Row.objects.get().id, "no", actor=owner_actor(), round=1)
        assert Row.objects.get().state == "open"

    def test_taken_back_leaves_what_others_joined(self, database):
        a, b = admit({"full_name": "alice harper"}, {"full_name": "ali harper"})
        queue.propose([Pair.of(a, b, 1.0)], run=new_id())
        me = owner_actor()
        review.answer(Row.objects.get().id, "yes", actor=me)
        with transaction.atomic():
            assign(raw(), [(a, b)], certainty=EXACT_KEY, why=WHY["identity-key"], run=new_id(), by=me.staff)
        with transaction.atomic():
            assert review.take_back(actor=me).since is None
        assert part_of(a, whole=False) == sorted([a, b])

    def test_taken_back_does_not_ask_again_what_was_decided_of_other_records(self, database):
        a, b, c = admit(*({"full_name": name} for name in ("alice harper", "ali harper", "al harper")))
        me = owner_actor()
        link(a, c, EXACT_KEY)
        queue.propose([Pair.of(b, c, 1.0)], run=new_id())
        review.answer(Row.objects.get().id, "yes", actor=me)
        wrong_merge.part(a, b, actor=me)
        with transaction.atomic():
            review.take_back(actor=me)
        assert waiting.open_proposals() == []


class TestVerification:
    def test_bounces_count_together_whichever_record_has_the_address(self, cast):
        [one] = admit(WANG)
        policy(cast, slug="email-bounces", field="email", months=None, bounces=2)
        bounces.note_by_value("hard-bounce", "email", WANG["email"], actor=cast["service"], report="<1>")
        [again] = admit({**WANG, "full_name": "王 芳"})  # the same address comes again
        link(one, again, CONFIRMED)
        second = bounces.note_by_value("hard-bounce", "email", WANG["email"], actor=cast["service"], report="<2>")
        assert second.tasks == 1

    def test_a_value_waits_once_for_a_customer(self, cast):
        one, other = admit(WANG, {**WANG, "full_name": "王 芳"})
        link(one, other, CONFIRMED)
        policy(cast, slug="email-bounces", field="email", months=None, bounces=1)
        for subject in (one, other):
            tasks.make_by_hand(subject, "email", actor=cast["service"])
        bounces.note_by_value("hard-bounce", "email", WANG["email"], actor=cast["service"], report="<1>")
        assert Task.objects.count() == 1

    def test_a_confirmation_is_taken_back_though_another_record_waits_again(self, cast):
        one, other = admit(WANG, {**WANG, "phone": "+8613800138009"})
        for subject in (one, other):
            tasks.make_by_hand(subject, "phone", actor=cast["service"])
        link(one, other, CONFIRMED)
        done = confirming.confirm(one, "phone", how="phone", actor=cast["service"])
        assert Task.objects.filter(state="done").count() == 2
        [(won,)] = raw().execute("select subject from upkeep_confirmation").fetchall()
        tasks.make_by_hand(other if won == one else one, "phone", actor=cast["service"])
        confirming.undo(done.id, actor=cast["service"])
        assert Task.objects.filter(state__in=["open", "taken"]).count() == 1
