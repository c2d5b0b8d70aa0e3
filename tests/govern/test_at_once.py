"""Somebody speaks while something else changes the same customer, each on a connection of its own: no word is lost or strays."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from types import ModuleType
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction

from kehu.govern import consent, states, subscriptions
from kehu.govern.ages import declare_young
from kehu.govern.consent import Statement, give_consent, refuse_consent, withdraw_consent
from kehu.govern.separate import Terms
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate import suppress
from kehu.guard.gate.read import gate
from kehu.serve.rights.consents import actions
from kehu.vault.assignment import EXACT_KEY, PROBABLE, WHY, assign, unassign
from kehu.vault.ids import new_id
from tests.cast import admit, staff
from tests.races import beside, somebody_waits, until

BY = UUID(int=7)
MARKETING = PURPOSES["marketing"]


def of(subject: UUID, what: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(f"select {what} from subject_state where subject = %s", [subject])
        return cursor.fetchone()[0]


def join(one: UUID, other: UUID, certainty: int = EXACT_KEY) -> None:
    connection.ensure_connection()
    assign(connection.connection, [(one, other)], certainty=certainty, why=WHY["linkage"], run=uuid4(), by=BY)


def part(one: UUID, other: UUID) -> None:
    connection.ensure_connection()
    unassign(connection.connection, [(one, other)], run=None, by=BY)


def while_it_runs(change: Callable[[], object], word: Callable[[], object]) -> None:
    """A change whose transaction is open, a word that has to wait for it, then the end of both."""
    with transaction.atomic():
        change()
        thread, wrong = beside(word)
        until(somebody_waits)
    thread.join(20)
    assert wrong == []


def allow(subject: UUID, id: UUID | None = None, **of_it: object) -> None:
    give_consent(
        subject, purpose=MARKETING, purpose_version=1, statement=Statement(way="portal", notice=1, **of_it),
        recorded_by=BY, id=id or new_id(),
    )  # fmt: skip


def withdraw(subject: UUID) -> None:
    withdraw_consent(subject, purpose=MARKETING, purpose_version=1, recorded_by=BY, id=new_id())


def refuse(subject: UUID, terms: Terms | None = None) -> None:
    refuse_consent(
        subject, purpose=MARKETING, purpose_version=1, statement=Statement(way="portal", notice=1, terms=terms),
        recorded_by=BY, id=new_id(),
    )  # fmt: skip


def subscribe(subject: UUID, status: str = "subscribed") -> None:
    ground = "consent" if status == "subscribed" else ""
    said = subscriptions.Said(status=status, way="portal", ground=ground)
    subscriptions.say(subject, "email", "newsletter", said=said, recorded_by=BY, id=new_id())


@pytest.fixture
def two(database):
    return admit({"full_name": "one", "email": "one@mail.example"}, {"full_name": "two", "email": "two@mail.example"})


class TestStates:
    def test_two_entered_at_once_act_both(self, two):
        one, _ = two
        while_it_runs(
            lambda: states.enter(one, "restriction", by=BY, id=new_id()),
            lambda: states.enter(one, "objection", purpose=MARKETING, by=BY, id=new_id()),
        )
        assert of(one, "restricted") and of(one, "objections") == [MARKETING]

    def test_two_clicks_of_the_office(self, two):
        one, _ = two
        office, ready = staff("privacy"), threading.Barrier(2)

        def click(kind: str, act: str) -> Callable[[], None]:
            def work() -> None:
                connection.ensure_connection()
                ready.wait(10)
                actions.enter_state(one, kind, actor=office, act=act)

            return work

        for thread, wrong in [beside(click("restriction", "restrict")), beside(click("optout", "optout"))]:
            thread.join(20)
            assert wrong == []
        assert of(one, "restricted and opted_out")

    def test_one_lifted_beside_one_entered(self, two):
        one, _ = two
        states.enter(one, "restriction", by=BY, id=new_id())
        while_it_runs(lambda: states.enter(one, "optout", by=BY, id=new_id()), lambda: states.lift(one, "restriction"))
        assert of(one, "opted_out") and not of(one, "restricted")

    def test_one_entered_beside_a_look_at_what_has_ended(self, two):
        """As the job takes it that ends holds: what it looked at before the rows were its own is no longer so."""
        one, _ = two
        while_it_runs(lambda: states.enter(one, "restriction", by=BY, id=new_id()), lambda: states.refresh(one))
        assert of(one, "restricted")

    @pytest.mark.parametrize("which", [0, 1], ids=["the older", "the younger"])
    def test_entered_during_a_merge_it_acts_on_both(self, two, which):
        one, other = two
        while_it_runs(lambda: join(one, other), lambda: states.enter(two[which], "restriction", by=BY, id=new_id()))
        assert of(one, "restricted") and of(other, "restricted")

    @pytest.mark.parametrize("which", [0, 1])
    def test_what_an_address_brings_along_acts_on_both_whom_a_merge_joins_meanwhile(self, two, which):
        def brings() -> None:
            with transaction.atomic():
                connection.ensure_connection()
                suppress._enter(connection.connection, two[which], [MARKETING], True, BY)

        while_it_runs(lambda: join(*two), brings)
        assert [of(one, "objections") for one in two] == [[MARKETING]] * 2
        assert all(of(one, "opted_out") for one in two)

    def test_nobody_reads_whom_the_office_restricted_during_a_linkage(self, two):
        one, other = two
        office, reader = staff("privacy"), staff("service")
        while_it_runs(
            lambda: join(one, other, PROBABLE),
            lambda: actions.enter_state(other, "restriction", actor=office, act="restrict"),
        )
        assert not gate().open([other], actor=reader, purpose="service")[0].contributions


class TestWords:
    def test_given_while_a_wrong_merge_is_parted_it_stays_with_who_gave_it(self, two):
        one, other = two
        join(one, other)
        while_it_runs(lambda: part(one, other), lambda: allow(one))
        assert of(one, f"consents -> '{MARKETING}' ->> 0") == "given"
        assert of(other, f"consents -> '{MARKETING}'") is None

    def test_a_guardian_stays_with_the_child_they_spoke_for(self, two):
        one, other = two
        join(one, other)
        while_it_runs(lambda: part(one, other), lambda: allow(one, guardian="mother"))
        assert of(one, "guardian") and not of(other, "guardian")

    def test_an_age_stays_with_who_said_it(self, two):
        one, other = two
        join(one, other)
        before = of(other, "age")
        while_it_runs(lambda: part(one, other), lambda: declare_young(one, "under13"))
        assert of(one, "age") != before == of(other, "age")

    def test_a_subscription_stays_with_who_subscribed(self, two):
        one, other = two
        join(one, other)
        while_it_runs(lambda: part(one, other), lambda: subscribe(one))
        assert of(one, "subscriptions ->> 'email:newsletter'") and not of(other, "subscriptions ->> 'email:newsletter'")

    @pytest.mark.parametrize("which", [0, 1], ids=["the older", "the younger"])
    def test_withdrawn_during_a_merge_it_is_withdrawn_for_all(self, two, which):
        one, other = two
        allow(one)
        allow(other)
        while_it_runs(lambda: join(one, other), lambda: withdraw(two[which]))
        part(one, other)
        assert [of(each, f"consents -> '{MARKETING}' ->> 0") for each in two] == ["withdrawn"] * 2

    def test_many_suppressed_during_a_merge(self, two):
        one, other = two

        def suppress() -> None:
            with transaction.atomic():
                subscriptions.suppress_all(
                    [other], [("email", "newsletter")], way="list", recorded_by=BY, ids=iter(new_id, None)
                )

        while_it_runs(lambda: join(one, other), suppress)
        assert [of(each, "subscriptions -> 'email:newsletter' ->> 0") for each in two] == ["suppressed"] * 2


def overtaken(monkeypatch: pytest.MonkeyPatch, module: ModuleType, no: Callable[[], object]) -> None:
    """Let the next word of a module wait for its rows until a no was said."""
    rows = module.hold

    def hold(subject: UUID) -> object:
        monkeypatch.setattr(module, "hold", rows)
        no()
        return rows(subject)

    monkeypatch.setattr(module, "hold", hold)


class TestYesAndNo:
    """A yes that waits for the rows while a no is said: the no was said later, whichever gets them first."""

    @pytest.mark.parametrize("no", [withdraw, refuse])
    def test_a_no_that_overtook_a_yes_stays(self, two, monkeypatch, no):
        one, _ = two
        allow(one)
        overtaken(monkeypatch, consent, lambda: no(one))
        allow(one)
        assert of(one, f"consents -> '{MARKETING}' ->> 0") == consent.consents_of(one)[0].status != "given"

    def test_of_a_separate_consent_too(self, two, monkeypatch):
        one, _ = two
        terms, elsewhere = Terms("provide", "Acme"), Terms("provide", "Other")
        for refused, left in ((elsewhere, ["acme"]), (terms, [])):
            overtaken(monkeypatch, consent, lambda refused=refused: refuse(one, refused))
            allow(one, kind="specific", terms=terms)
            stands = of(one, f"separate -> '{MARKETING}'")
            assert [entry["recipient"] for entry in json.loads(stands or "[]")] == left

    def test_an_opt_out_that_overtook_a_subscription_stays(self, two, monkeypatch):
        one, _ = two
        subscribe(one)
        overtaken(monkeypatch, subscriptions, lambda: subscribe(one, "unsubscribed"))
        subscribe(one)
        assert subscriptions.standing(one)[0].status == subscriptions.subscriptions_of(one)[0].status == "unsubscribed"

    def test_said_after_the_no_it_counts(self, two):
        one, _ = two
        for word in (allow, withdraw, allow, subscribe, lambda who: subscribe(who, "unsubscribed"), subscribe):
            word(one)
        assert of(one, f"consents -> '{MARKETING}' ->> 0") == "given" == consent.consents_of(one)[0].status
        assert subscriptions.standing(one)[0].status == "subscribed"
