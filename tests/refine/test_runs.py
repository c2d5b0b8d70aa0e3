"""Linkage vault to vault: what joins, what waits, who is left alone, and what the ledger says of it."""

from __future__ import annotations

import json
import sys
import threading
import time
from uuid import UUID

import pytest
from django.db import connection, connections, transaction

from kehu.doors.problems import problem_of
from kehu.govern import states
from kehu.guard.gate.acts import ActRefused
from kehu.guard.gate.read import LedgerUnavailable
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import actor_of_token, issue_token, owner_actor
from kehu.refine.models import LinkageRun
from kehu.refine.resolve import fresh, opening, runs
from kehu.refine.resolve.linkage.spark import SparkMissing
from kehu.refine.resolve.opening import Group, customers_of, open_table
from kehu.refine.resolve.review import answers as review
from kehu.refine.resolve.sources import UnknownChannel, sources
from kehu.refine.tasks import defer_linkage
from kehu.vault.ids import new_id
from tests import commands
from tests.cast import admit, staff

ACCURACY = 10
ALICE = {"given_name": "alice", "family_name": "harper", "birth_date": "1984-03-09", "gender": "female"}
HOME = {
    "email": "harper@mail.example", "phone": "+61355501234", "street": "wattle grove", "house_number": "12",
    "postal_code": "4132", "locality": "mornington",
}  # fmt: skip
TWIN = {**ALICE, **HOME, "given_name": "clara"}
NAMES = "ivo brandt, noor okafor, mei tanaka, juan ruiz, olga petrov, amir haddad, lena fischer, tom oduya, ruth cohen"
OTHERS = [
    {
        "given_name": name.split()[0], "family_name": name.split()[1], "email": f"{name.split()[1]}@x.example",
        "birth_date": f"19{40 + 5 * n}-{n + 1:02d}-{3 * n + 1:02d}",
    }
    for n, name in enumerate(NAMES.split(", "))
]  # fmt: skip


def rows(sql: str, *values: object) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall()


def resolve(everything: bool = True, **options: object) -> runs.Run:
    return runs.resolve(actor=owner_actor(), everything=everything, **options)  # type: ignore[arg-type]


def customer(subject: UUID) -> UUID:
    return rows("select customer from subject_state where subject = %s", subject)[0][0]


def looked_at(subject: UUID) -> int:
    """How often linkage opened this subject, by the ledger."""
    [(count,)] = rows(
        "select count(*) from ledger_use u join ledger_entry e using (seq) where u.subject = %s and e.action = 6",
        subject,
    )
    return count


def test_where_spark_is_missing_nobody_is_opened_and_the_door_says_what_to_install(database, monkeypatch):
    monkeypatch.setenv("KEHU_SPARK_MASTER", "local[2]")
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    [alice] = admit(ALICE)
    with pytest.raises(SparkMissing) as missing:
        resolve()
    assert looked_at(alice) == 0 and not LinkageRun.objects.exists()
    told = problem_of(missing.value)
    assert "kehu[spark]" in str(told.words()["remedy"]) and told.exit_code == 1


def test_sure_ones_join_and_doubtful_ones_wait(database):
    a, b, twin, stranger = admit({**ALICE, **HOME}, {**ALICE, **HOME, "given_name": "alcie"}, TWIN, OTHERS[0])
    run = resolve()
    assert (run.before, run.after, run.merged, run.review) == (4, 3, 1, 1)
    assert [customer(one) for one in (a, b, twin, stranger)] == [a, a, twin, stranger]
    [proposal] = review.open_proposals()
    assert {proposal.older, proposal.younger} == {a, twin}
    assert [looked_at(one) for one in (a, b, twin, stranger)] == [1, 1, 1, 1]
    assert rows("select count(*) from ledger_entry where action = 6 and detail = %s", run.id) == [(2,)]
    again = resolve()
    assert (again.merged, again.review, again.before) == (0, 1, 3)
    assert review.open_proposals()[0].id == proposal.id


def test_what_a_household_shares_joins_nobody(database):
    family = admit(
        {**ALICE, **HOME},
        {**HOME, "given_name": "edmund", "family_name": "harper", "birth_date": "1987-11-30"},
        {**HOME, "given_name": "noor", "family_name": "okafor", "birth_date": "1971-12-01"},
        {"email": HOME["email"]},
        {"phone": HOME["phone"], "email": HOME["email"]},
    )
    assert resolve().merged == 0
    assert [customer(one) for one in family] == family


def test_controllers_and_kinds_stay_apart(database):
    person, elsewhere, company, same = admit(*[{**ALICE, **HOME, "full_name": "harper alice"}] * 4)
    with connection.cursor() as cursor:
        cursor.execute("update subject_state set controller = 2 where subject = %s", [elsewhere])
        cursor.execute("update subject_state set kind = 2 where subject = %s", [company])
    resolve()
    assert [customer(one) for one in (person, elsewhere, company, same)] == [person, elsewhere, company, person]


@pytest.mark.parametrize(
    "kind, purpose, joined", [("restriction", None, 0), ("objection", ACCURACY, 0), ("objection", 4, 1)]
)
def test_who_objects_to_linkage_or_is_restricted_is_left_alone(database, kind, purpose, joined):
    a, _ = admit({**ALICE, **HOME}, {**ALICE, **HOME})
    states.enter(a, kind, purpose=purpose, by=new_id(), id=new_id())
    assert resolve().merged == joined


def test_a_japanese_individual_number_joins_nobody(database):
    def pair(name: str, number: str) -> list[dict[str, str]]:
        one = {"full_name": name, "national_id": number}
        return [one, {**one, "birth_date": "1990-01-05"}]

    numbers = admit(*pair("Aiko Sato", "123456789018"))
    others = admit(*pair("Kenji Mori", "987650000001"))  # the check digit is wrong, so it is some other number
    resolve()
    assert [customer(one) for one in (*numbers, *others)] == [*numbers, others[0], others[0]]


class TestNew:
    @pytest.fixture(autouse=True)
    def _no_overlap(self, monkeypatch):
        monkeypatch.setattr(fresh, "_SKEW_MS", 0)  # strictly later ones only

    def test_only_the_new_and_who_they_may_be_are_opened(self, database):
        a, *others = admit({**ALICE, **HOME}, *OTHERS)
        assert resolve(everything=False).merged == 0
        assert {looked_at(one) for one in (a, *others)} == {1}
        time.sleep(0.002)
        [b, c] = admit({**ALICE, **HOME, "birth_date": "1984-03-08"}, {**TWIN, "phone": "+61355509999"})
        run = resolve(everything=False)
        assert (run.merged, run.review, customer(b), customer(c)) == (1, 1, a, c)
        assert looked_at(a) == 3  # each of the two may be her
        assert {looked_at(one) for one in others} == {1}
        assert LinkageRun.objects.filter(everything=True).count() == 1

    def test_nothing_new_opens_nobody(self, database):
        people = admit(*OTHERS)
        resolve()
        run = resolve(everything=False)
        assert (run.merged, run.before, run.after) == (0, len(OTHERS), len(OTHERS))
        assert {looked_at(one) for one in people} == {1}

    def test_what_an_open_transaction_brings_is_new_to_the_next_run(self, database):
        [a, *_] = admit({**ALICE, **HOME}, *OTHERS)
        arrived, looked = threading.Event(), threading.Event()
        came: list[UUID] = []

        def bring() -> None:
            try:
                with transaction.atomic():
                    came.extend(admit({**ALICE, **HOME, "birth_date": "1984-03-08"}))
                    arrived.set()
                    looked.wait(20)
            finally:
                connection.close()

        thread = threading.Thread(target=bring)
        thread.start()
        assert arrived.wait(20)
        assert resolve(everything=True).before == 1 + len(OTHERS)  # not seen: nobody knows of it yet
        looked.set()
        thread.join()
        time.sleep(0.002)
        admit(*OTHERS[:1])  # younger than what the transaction brought
        assert resolve(everything=False).merged >= 1
        assert customer(came[0]) == a

    def test_a_job_links_what_came(self, database):
        from kehu.host.jobs import run_pending

        a, b = admit({**ALICE, **HOME}, {**ALICE, **HOME})
        human = staff("marketing").staff
        defer_linkage(human)
        defer_linkage(human)
        assert rows("select args from procrastinate_jobs where task_name = 'refine:link'") == [
            (json.dumps({"human": str(human)}),)
        ]
        run_pending()
        assert customer(b) == a
        assert rows("select distinct human, actor from ledger_entry where action = 6") == [(human, human)]
        defer_linkage(new_id())  # somebody who has left
        run_pending()
        assert rows("select count(*) from procrastinate_jobs where task_name = 'refine:link'") == [(0,)]


class TestReview:
    def waiting(self) -> tuple[UUID, UUID, review.Proposal]:
        a, twin = admit({**ALICE, **HOME}, TWIN)
        resolve()
        [proposal] = review.open_proposals()
        return a, twin, proposal

    def test_accepted_they_are_one_for_certain(self, database):
        a, twin, proposal = self.waiting()
        privacy = staff("privacy")
        assert review.accept(proposal.id, actor=privacy) == a
        assert rows("select customer, core from subject_state where subject = %s", twin) == [(a, a)]
        assert rows("select certainty, why, by from assignment") == [(2, 5, privacy.staff)]
        assert review.open_proposals() == []
        assert rows("select count(*) from ledger_entry where action = 17 and detail = %s", proposal.id) == [(1,)]
        with pytest.raises(review.AnsweredMeanwhile):
            review.accept(proposal.id, actor=owner_actor())

    def test_rejected_they_are_never_asked_about_or_joined_again(self, database):
        a, twin, proposal = self.waiting()
        for actor in (owner_actor(), staff("privacy")):  # the model strongly says that they are one
            review.reject(proposal.id, actor=actor)
        assert resolve().review == 0
        # A third record that is surely both would bring them together by a chain.
        middle, other = admit({**ALICE, **HOME, "gender": "f"}, {**TWIN, "gender": "f"})
        resolve()
        assert customer(middle) == a
        assert customer(other) == twin
        assert review.open_proposals() == []

    def test_a_wrong_merge_is_undone_and_stays_undone(self, database):
        a, b, c = admit(*[{**ALICE, **HOME}] * 3)
        run = resolve()
        assert customer(c) == a and run.merged == 2
        with transaction.atomic():
            review.undo(b, c, actor=staff("privacy"))
        assert customer(c) == c and customer(b) == a
        resolve()
        assert customer(c) == c and customer(b) == a
        assert review.open_proposals() == []
        with pytest.raises(review.NotOneCustomer), transaction.atomic():
            review.undo(b, c, actor=owner_actor())

    def test_a_whole_run_is_undone_but_not_what_people_confirmed(self, database):
        a, b, twin = admit({**ALICE, **HOME}, {**ALICE, **HOME}, TWIN)
        run = resolve()
        assert {why for held in run.fell_back.values() for why in held.values()} == {"few-records"}  # and it says so
        [proposal] = review.open_proposals()
        review.accept(proposal.id, actor=owner_actor())
        assert review.undo_run(run.id, actor=owner_actor()) == (1, [])
        assert [customer(one) for one in (a, b, twin)] == [a, b, a]

    def test_a_page_goes_on_where_the_one_before_ended(self, database):
        for name, birth_date in (("okafor", "1971-02-03"), ("petrov", "1984-03-09"), ("tanaka", "1996-11-27")):
            one = {
                **ALICE,
                "family_name": name,
                "birth_date": birth_date,
                "email": f"{name}@y.example",
                "phone": f"+61355501{len(name)}{ord(name[0])}",
            }
            admit(one, {**one, "given_name": "clara"})
        resolve()
        whole = review.open_proposals()
        assert len(whole) == 3
        first = review.open_proposals(limit=1)
        rest = review.open_proposals(after=(first[0].value, first[0].id))
        assert first + rest == whole

    def test_only_some_roles_decide(self, database):
        _, _, proposal = self.waiting()
        with pytest.raises(ActRefused):
            review.accept(proposal.id, actor=staff("marketing"))


class TestWho:
    @pytest.mark.parametrize("role", ["auditor", "engineer"])
    def test_auditor_and_engineer_may_not(self, database, role):
        with pytest.raises(ActRefused):
            runs.resolve(actor=staff(role), everything=True)
        with pytest.raises(ActRefused):
            sources("store", actor=staff("auditor") if role == "engineer" else staff("engineer"))

    def test_a_token_of_another_purpose_will_do(self, database):
        a, _ = admit({**ALICE, **HOME, "external_id": "A1"}, {**ALICE, **HOME, "external_id": "A2"})
        staff("marketing")
        token, _ = issue_token(email="marketing@kehu.example", purpose="marketing", minutes=5)
        actor = actor_of_token(token)
        assert runs.resolve(actor=actor, everything=True).merged == 1
        assert [(one.external_id, one.subject) for one in sources("store", actor=actor)] == [("A1", a), ("A2", a)]

    def test_without_the_ledger_nothing_is_opened_or_joined(self, database):
        admit({**ALICE, **HOME}, {**ALICE, **HOME})
        actor = owner_actor()
        with open_owner(database) as owner:
            owner.execute(
                "create function no() returns trigger language plpgsql as 'begin raise exception ''no''; end'"
            )
            owner.execute("create trigger no before insert on ledger_entry for each row execute function no()")
        with pytest.raises(LedgerUnavailable):
            runs.resolve(actor=actor, everything=True)
        assert rows("select count(*) from assignment") == [(0,)]
        assert LinkageRun.objects.get().state == "failed"


class TestSources:
    def test_which_record_is_whose(self, database):
        a, _, twin, _ = admit(
            {**ALICE, **HOME, "external_id": "A1"},
            {**ALICE, **HOME, "external_id": "A2"},
            {**TWIN, "external_id": "A3"},
            OTHERS[0],
        )
        resolve()
        assert self.listed() == {"A1": a, "A2": a, "A3": twin}
        assert self.listed(with_proposals=True) == {"A1": a, "A2": a, "A3": a}
        states.enter(twin, "restriction", by=new_id(), id=new_id())
        assert self.listed() == {"A1": a, "A2": a}
        assert rows("select count(*) from ledger_entry where action = 18") >= [(3,)]
        with pytest.raises(UnknownChannel):
            sources("nowhere", actor=owner_actor())

    def listed(self, **options: bool) -> dict[str, UUID]:
        return {one.external_id: one.subject for one in sources("store", actor=owner_actor(), **options)}

    def test_at_the_command_line(self, database, monkeypatch):
        def kehu(*words: str) -> tuple[int, str, str]:
            done = commands.spoken(monkeypatch, *words)
            return done.exit_code, done.stdout, done.stderr

        a, _ = admit({**ALICE, **HOME, "external_id": "A1"}, {**ALICE, **HOME, "external_id": "A2"})
        code, out, err = kehu("resolve", "--all", "--json")
        answer = json.loads(out)
        assert (code, err) == (0, "")
        assert list(answer) == ["run", "before", "after", "merged", "review", "seconds", "fell_back"]
        assert [one["why"] for one in answer["fell_back"]] == ["few-records"]
        assert (answer["before"], answer["after"], answer["merged"]) == (2, 1, 1)
        code, out, err = kehu("sources", "--channel", "store")
        assert [json.loads(line) for line in out.splitlines()] == [
            {"external_id": "A1", "subject": str(a)},
            {"external_id": "A2", "subject": str(a)},
        ]
        code, out, err = kehu("sources", "--channel", "nowhere", "--json")
        assert (code, json.loads(out)["error"]["code"]) == (1, "unknown-channel")


def test_processes_open_what_one_opens(database, monkeypatch):
    people = admit(*OTHERS, {**ALICE, **HOME, "full_name": "爱丽丝"})
    group = Group(1, "person")
    assert customers_of(group) == people
    here = open_table(people, "person", actor=owner_actor(), run=new_id())
    monkeypatch.setattr(opening, "_SHARED_FROM", 1)
    monkeypatch.setattr(opening, "_PAGE", 4)
    shared = open_table(people, "person", actor=owner_actor(), run=new_id())
    assert here.sort_by("record").to_pylist() == shared.sort_by("record").to_pylist()
    assert len(here) == len(people)


def test_one_run_at_a_time(database, monkeypatch):
    admit({**ALICE, **HOME}, {**ALICE, **HOME})
    actor, inside, most = owner_actor(), [0], [0]
    work = runs._work

    def slow(*arguments: object) -> None:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        time.sleep(0.3)
        work(*arguments)  # type: ignore[arg-type]
        inside[0] -= 1

    def in_a_thread() -> None:
        runs.resolve(actor=actor, everything=True)
        connections.close_all()

    monkeypatch.setattr(runs, "_work", slow)
    monkeypatch.setattr(runs, "_LOOK_SECONDS", 0.05)
    threads = [threading.Thread(target=in_a_thread) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]
    assert sorted(run.merged for run in LinkageRun.objects.all()) == [0, 0, 1]
    monkeypatch.setattr(runs, "_alone", lambda report: __import__("contextlib").nullcontext())
    threads = [threading.Thread(target=in_a_thread) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [2]  # without the lock they do meet
