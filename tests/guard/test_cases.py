"""Violation cases: each step by the right person in its state, whatever a program asks for; fair, kept, and deleted in time."""

from __future__ import annotations

import threading
import time
import uuid
from datetime import date, timedelta

import psycopg
import pytest
from django.core import mail
from django.db import DatabaseError, connection, transaction
from django.test import override_settings
from django.utils import timezone

from kehu.guard.access import grants, training
from kehu.guard.access.grants import Scope
from kehu.guard.access.lapses import standing_of
from kehu.guard.gate.acts import ActRefused, Refused
from kehu.guard.gate.read import gate
from kehu.guard.ledger.queries import rows
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import (
    TokenRefused,
    actor_of,
    actor_of_token,
    add_staff,
    confirm_second_factor,
    issue_token,
    owner_actor,
)
from kehu.guard.staff.freezing import is_frozen
from kehu.guard.staff.models import Staff
from kehu.guard.staff.second_factor import enrol
from kehu.guard.watch import alerts, case_figures, case_own, case_steps, cases, figures
from kehu.guard.watch.alerts import AlertClosed
from kehu.guard.watch.cases import StepRefused, UnknownCase
from kehu.serve.rights.incidents.watched import open_incident_of
from kehu.vault.ids import new_id
from tests.cast import admit, staff
from tests.doors.web.browsing import browser

CANARY = "Zypresse-4711"
TOLD = f"On 2026-11-02 you opened 312 customers in one hour; usual for you are 12. {CANARY}"


def alerted(actor, kind="volume", day=None):
    """An alert about somebody, as the watch raises it; its number."""
    with transaction.atomic():
        return alerts.raise_alert(kind, actor.human, {"seen": 312, "usual": 12, "rows": [1, 2]}, day=day, count=312)


def another(role):
    made, _ = add_staff(email=f"{role}-{uuid.uuid4().hex[:6]}@kehu.example", role=role, department=None, attest=True)
    return actor_of(made.email)


@pytest.fixture
def people(database):
    return staff("service"), staff("privacy"), staff("legal"), staff("auditor")


@pytest.fixture
def held(database, people):
    li, paul, *_ = people
    return cases.open_case(actor=paul, human=li.human, alerts=[alerted(li)])


def heard(held, officer):
    case_steps.tell(held.number, TOLD, actor=officer)
    return case_steps.hear(held.number, "She said that the list was for the recall.", "in-person", actor=officer)


def test_from_alert_to_close_every_step_stands_in_the_ledger(database, people):
    li, paul, leo, _ = people
    number = alerted(li)
    held = cases.open_case(actor=paul, human=li.human, alerts=[number])
    alert = alerts.alert(number, actor=paul)
    assert (held.state, held.alerts, alert.state, held.parties) == ("open", (alert.id,), "case", ())
    assert cases.case_of_alert(alert.id) == held.number
    assert case_steps.steps_open(held, paul)[0] == "told"
    held = case_steps.tell(held.number, TOLD, actor=paul)
    assert held.answer_by - held.told_at == timedelta(days=5)
    held = case_own.answer(held.number, "It was for the recall of the kettles.", actor=li)
    assert held.state == "heard"
    held = case_steps.decide(held.number, "violation", ["talk", "retrain"], "No recall was on that day.", actor=leo)
    assert held.state == "decided"
    held = case_steps.carry_out(held.number, actor=paul)
    with pytest.raises(StepRefused, match="retrain"):
        case_steps.close(held.number, actor=paul)
    course = training.course_of("customer-data")
    assert training.answer("customer-data", [one.right for one in course.questions], actor=li).passed
    held = case_steps.close(held.number, actor=paul)
    assert (held.state, (held.keep_until - held.closed_at).days) == ("closed", 1096)
    told = [one.step for one in cases.timeline(held.number, actor=leo)]
    assert told == ["joined", "told", "answered", "decided", "measured", "closed"]
    acts = [row["action"] for row in rows(limit=50) if row["action"].endswith("-case")]
    assert set(acts) == {
        "open-case",
        "hear-case",
        "answer-case",
        "decide-case",
        "measure-case",
        "close-case",
        "read-case",
    }


def test_texts_are_sealed_and_reading_them_is_a_use(database, people, held):
    _, paul, leo, _ = people
    case_steps.tell(held.number, TOLD, actor=paul)
    with open_owner(database) as owner:
        for table in ("watch_case", "watch_case_step", "ledger_entry", "procrastinate_jobs"):
            assert CANARY not in str(owner.execute(f"select * from {table}").fetchall()), table
    before = len(rows(limit=100))
    [_, told] = cases.timeline(held.number, actor=leo)
    assert told.note == TOLD
    assert len(rows(limit=100)) == before + 1
    with pytest.raises(RuntimeError), transaction.atomic():
        cases.timeline(held.number, actor=leo)


@pytest.mark.parametrize(
    ("role", "may"),
    [("service", ()), ("manager", ()), ("engineer", ()), ("auditor", ("frozen", "joined"))],
)
def test_who_takes_no_step(database, people, held, role, may):
    other = another(role)
    steps = {
        "frozen": lambda: case_steps.freeze(held.number, actor=other),
        "told": lambda: case_steps.tell(held.number, TOLD, actor=other),
        "heard": lambda: case_steps.hear(held.number, "x", "in-person", actor=other),
        "decided": lambda: case_steps.decide(held.number, "unfounded", ["none"], "x", actor=other),
        "closed": lambda: case_steps.close(held.number, actor=other),
    }
    for name, step in steps.items():
        if name in may:
            step()
        else:
            with pytest.raises(ActRefused):
                step()
    if not may:
        with pytest.raises(ActRefused):
            cases.cases(actor=other)
    assert set(case_steps.steps_open(held, other)) <= set(may)


def raw_step(held, step, by, **more):
    """As a program would that forgot every rule; returns the database's word for its refusal."""
    columns = {"id": new_id(), "case_id": held.id, "step": step, "taken_by": by.human, "note": b"x"} | more
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"insert into watch_case_step ({', '.join(columns)}) values ({', '.join(['%s'] * len(columns))})",
                list(columns.values()),
            )
    except DatabaseError as no:
        return no.__cause__.diag.constraint_name
    return "taken"


def test_the_database_itself_looks_at_every_hand_and_state(database, people, held):
    li, paul, leo, ann = people
    decision = {"finding": 2, "measures": [2]}
    assert raw_step(held, 4, li) == "hand"
    assert raw_step(held, 4, another("manager")) == "hand"
    assert raw_step(held, 4, ann) == "hand"
    assert raw_step(held, 1, leo, detail=new_id()) == "hand"  # the legal office handles no alerts
    assert raw_step(held, 5, paul) == "hand"  # nobody answers for another
    assert raw_step(held, 5, li) == "state"  # before anything was told
    assert raw_step(held, 7, paul, **decision) == "state"  # nobody is judged unheard
    assert raw_step(held, 12, paul) == "state"
    assert raw_step(held, 4, paul) == "taken"
    assert raw_step(held, 6, paul, way=3) == "state"  # their days are not over
    assert raw_step(held, 7, paul, **decision) == "state"
    assert raw_step(held, 6, paul, way=1) == "taken"
    assert raw_step(held, 7, paul, finding=1, measures=[2]) == "measures"
    assert raw_step(held, 7, paul, finding=2, measures=[1, 2]) == "measures"
    assert raw_step(held, 7, paul, finding=2, measures=[2, 2]) == "measures"
    assert raw_step(held, 7, leo, finding=2, measures=[6]) == "taken"
    assert raw_step(held, 10, paul) == "state"  # the second person first
    assert raw_step(held, 8, leo) == "second"
    assert raw_step(held, 8, paul) == "taken"
    for statement in (
        "update watch_case set state = 3", "delete from watch_case", "update watch_case_step set note = null",
        "delete from watch_case_step", "truncate watch_case_step", "insert into watch_case_alert values (gen_random_uuid(),"
        " gen_random_uuid())", "delete from watch_case_party",
    ):  # fmt: skip
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


def test_nobody_handles_their_own(database, people):
    _, paul, _, ann = people
    another("privacy")
    held = cases.open_case(actor=ann, human=paul.human, alerts=[alerted(paul)])
    for look in (lambda: cases.case_of(held.number, actor=paul), lambda: case_steps.close(held.number, actor=paul)):
        with pytest.raises(UnknownCase):
            look()
    assert cases.cases(actor=paul) == []
    assert raw_step(held, 4, paul) == "party"
    with pytest.raises(StepRefused, match="party"):
        cases.open_case(actor=paul, human=paul.human)


def test_none_is_left_out_of_the_list_however_many_there_are(database, people):
    li, paul, _, _ = people
    made = [cases.open_case(actor=paul, human=li.human).number for _ in range(101)]
    assert [one.number for one in cases.cases(actor=paul, still=True)] == made[::-1]


def test_who_opened_by_hand_or_is_a_party_takes_no_step(database, people):
    li, paul, leo, _ = people
    held = cases.open_case(actor=paul, human=li.human, parties=[leo.human])
    assert set(held.parties) == {paul.human, leo.human}
    case_steps.freeze(held.number, actor=paul)  # who sees it may stop it
    assert case_steps.steps_open(cases.case_of(held.number, actor=leo), leo) == ()
    assert case_steps.steps_open(cases.case_of(held.number, actor=paul), paul) == ("joined",)
    for one in (paul, leo):
        with pytest.raises(Refused, match=r"house\.second-person"):
            case_steps.tell(held.number, TOLD, actor=one)
    assert raw_step(held, 2, leo) == "party"
    refused = [row for row in rows(limit=20) if row["action"] == "hear-case"]
    assert {row["answer"] for row in refused} == {"denied"}
    case_steps.tell(held.number, TOLD, actor=owner_actor())


def test_a_party_opens_no_incident_and_that_they_asked_stands(database, people):
    li, paul, *_ = people
    held = cases.open_case(actor=paul, human=li.human)
    with pytest.raises(Refused, match=r"house\.second-person"):
        open_incident_of(held.number, "What came to light.", actor=paul)
    found = [row for row in rows(limit=20) if row["action"] in ("incident", "measure-case")]
    assert [(row["action"], row["answer"]) for row in found] == [("measure-case", "denied")]


def test_freezing_ends_windows_tokens_and_grants_and_lets_in_again(database, people, held):
    li, paul, *_ = people
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    email = "service@kehu.example"
    token, _ = issue_token(email=email, purpose="service", minutes=60)
    with transaction.atomic():
        account = add_staff(email="wu@kehu.example", role="service", department=None, attest=True)[1]
    wu = actor_of("wu@kehu.example")
    window = browser()
    assert come_in(window, account) == 302
    mine = cases.open_case(actor=paul, human=wu.human, alerts=[alerted(wu)])
    assert window.get("/me").status_code == 200
    for one in (held, mine):
        case_steps.freeze(one.number, actor=paul)
    assert window.get("/me").status_code == 302
    assert come_in(browser(), account) == 401
    with pytest.raises(TokenRefused):
        actor_of_token(token)
    [opened] = gate().open([lin], actor=li, purpose="service", fields=["email"])
    assert opened.decision.of("email").answer == "denied"
    for statement in (  # no program lets anybody in by the way
        "update guard_staff set frozen_at = null where id = %s", "update actor_state set active = true where staff = %s",
    ):  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(statement, [wu.human])
    assert not active(wu)
    case_steps.unfreeze(mine.number, actor=paul)
    assert window.get("/me").status_code == 302  # what ended stays ended
    assert come_in(window, account) == 302
    assert window.get("/me").status_code == 200


def come_in(window, account):
    return window.post("/sign-in", {"email": account.email, "password": account.password}).status_code


def test_two_cases_freeze_and_the_last_one_lets_in(database, people, held):
    li, paul, *_ = people
    other = cases.open_case(actor=paul, human=li.human, alerts=[alerted(li, kind="breadth")])
    case_steps.freeze(held.number, actor=paul)
    case_steps.freeze(other.number, actor=paul)
    case_steps.unfreeze(held.number, actor=paul)
    assert not active(li)
    case_steps.unfreeze(other.number, actor=paul)
    assert active(li)


def active(actor):
    with connection.cursor() as cursor:
        cursor.execute("select active from actor_state where actor = %s", [actor.human])
        [works] = cursor.fetchone()
    assert works is not is_frozen(actor.human)
    return works


def test_never_the_last_privacy_officer_nor_the_owner(database, people):
    _, paul, leo, ann = people
    with pytest.raises(ActRefused):  # the legal office handles no alerts
        cases.open_case(actor=leo, human=paul.human, alerts=[alerted(paul)])
    held = cases.open_case(actor=ann, human=paul.human, alerts=[alerted(paul)])
    with pytest.raises(StepRefused, match="last-privacy"):
        case_steps.freeze(held.number, actor=leo)
    pia = another("privacy")
    case_steps.freeze(held.number, actor=leo)
    second = cases.open_case(actor=ann, human=pia.human, alerts=[alerted(pia)])
    with pytest.raises(StepRefused, match="last-privacy"):
        case_steps.freeze(second.number, actor=leo)
    assert raw_step(second, 4, paul) == "hand"  # who is frozen takes no step
    with pytest.raises(StepRefused, match="owner"):
        cases.open_case(actor=leo, human=owner_actor().human)


def test_heavy_measures_wait_for_a_second_person_and_can_be_sent_back(database, people, held):
    li, paul, leo, _ = people
    heard(held, paul)
    proposed = case_steps.decide(held.number, "violation", ["employment", "retrain"], "Sold the list.", actor=leo)
    assert (proposed.state, proposed.heavy) == ("proposed", True)
    assert trained(li)  # nothing is in force yet
    assert case_own.own_case(held.number, actor=li).steps[-1].step == "heard"  # nor told
    with pytest.raises(Refused):
        case_steps.confirm(held.number, actor=leo)
    assert case_steps.send_back(held.number, "Hear the buyer first.", actor=paul).state == "heard"
    case_steps.decide(held.number, "violation", ["authority", "retrain"], "The buyer says so, too.", actor=paul)
    assert case_steps.confirm(held.number, actor=leo).state == "decided"
    assert not trained(li)
    [decided] = [one for one in case_own.own_case(held.number, actor=li).steps if one.step == "decided"]
    assert decided.measures == ("authority", "retrain")


def trained(actor):
    until = standing_of(actor.human).training_until
    return until is not None and until > timezone.now()


def test_retraining_asks_for_every_course_anew(database, people, held):
    li, paul, leo, _ = people
    course = training.course_of("customer-data")
    right = [one.right for one in course.questions]
    training.answer("customer-data", right, actor=li)
    heard(held, paul)
    case_steps.decide(held.number, "violation", ["retrain"], "Did not know the rule.", actor=leo)
    assert training.passed(li.human) == {}  # what was passed before counts no more
    assert not trained(li)
    assert not training.answer("customer-data", [None] * len(right), actor=li).passed
    assert not trained(li)
    assert training.answer("customer-data", right, actor=li).passed
    assert trained(li)


def test_narrowed_access_ends_grants_and_is_off_until_kept(database, people, held):
    li, paul, leo, _ = people
    boss = another("manager")
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    grant = grants.ask(
        actor=li, purpose="service", fields=["email"], scope=Scope((lin,)), minutes=60, reason="lost the label"
    )
    grants.decide(grant.id, actor=boss, approve=True)
    heard(held, paul)
    case_steps.decide(held.number, "violation", ["narrowed"], "Too wide for the post.", actor=leo)
    assert grants.grant_of(grant.id).state == "ended"
    [opened] = gate().open([lin], actor=li, purpose="service", fields=["email"])
    assert opened.decision.of("email").policy == "house.access-review"


def test_nothing_violated_lets_in_at_once_and_goes_sooner(database, people, held):
    li, paul, leo, _ = people
    case_steps.freeze(held.number, actor=paul)
    heard(held, paul)
    assert not active(li)
    case_steps.decide(held.number, "unfounded", ["none"], "The recall was real.", actor=leo)
    assert active(li)
    closed = case_steps.close(held.number, actor=paul)
    assert (closed.keep_until - closed.closed_at).days == 184


def test_a_frozen_account_is_not_forgotten_at_the_close_unless_they_leave(database, people, held):
    _, paul, leo, _ = people
    case_steps.freeze(held.number, actor=paul)
    heard(held, paul)
    case_steps.decide(held.number, "violation", ["talk"], "Careless.", actor=leo)
    case_steps.carry_out(held.number, actor=paul)
    with pytest.raises(StepRefused, match="frozen"):
        case_steps.close(held.number, actor=paul)
    case_steps.unfreeze(held.number, actor=paul)
    assert case_steps.close(held.number, actor=paul).state == "closed"


def test_what_comes_later_is_told_before_anybody_decides(database, people, held):
    li, paul, leo, _ = people
    heard(held, paul)
    case_steps.join(held.number, alerted(li, kind="honey"), actor=paul)
    with pytest.raises(StepRefused, match="state"):
        case_steps.decide(held.number, "violation", ["talk"], "x", actor=leo)
    own = case_own.own_case(held.number, actor=li)
    assert [one.kind for one in own.alerts] == ["volume"]  # they know nothing of it
    assert case_own.answer(held.number, "One thing more.", actor=li).state == "open"  # heard of that they are not
    case_steps.tell(held.number, TOLD, actor=paul)
    assert [one.kind for one in case_own.own_case(held.number, actor=li).alerts] == ["volume", "honey"]
    with pytest.raises(StepRefused, match="alert"):  # about somebody else
        case_steps.join(held.number, alerted(another("service")), actor=paul)
    with pytest.raises(AlertClosed):
        case_steps.join(held.number, 1, actor=paul)


def test_a_link_lets_a_frozen_person_read_and_answer_once(database, people, held):
    _, paul, *_ = people
    with pytest.raises(StepRefused):
        case_own.make_link(held.number, actor=paul)
    case_steps.freeze(held.number, actor=paul)
    case_steps.tell(held.number, TOLD, actor=paul)
    old, _ = case_own.make_link(held.number, actor=paul)
    secret, _ = case_own.make_link(held.number, actor=paul)
    for bad in (old, "unknown"):
        with pytest.raises(case_own.LinkOver):
            case_own.by_link(bad)
    actor, number = case_own.by_link(secret)
    assert case_own.own_case(number, actor=actor).steps[-1].note == TOLD
    with pytest.raises(ValueError, match="text"):
        case_own.answer_by_link(secret, "  ")
    case_own.answer_by_link(secret, "It was the recall.")
    assert cases.case_of(held.number, actor=paul).state == "heard"
    with pytest.raises(case_own.LinkOver):
        case_own.answer_by_link(secret, "again")
    [row] = [row for row in rows(limit=50) if row["action"] == "answer-case"]
    assert row["human"] == "service@kehu.example"
    with open_owner(database) as owner:
        assert secret not in str(owner.execute("select * from watch_case_link").fetchall())


def test_the_letter_says_that_and_not_what(database, people, held):
    _, paul, *_ = people
    case_steps.tell(held.number, TOLD, actor=paul)
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
        mail.outbox = []
        case_own.tell_by_mail(held.id)
        [letter] = mail.outbox
    assert letter.to == ["service@kehu.example"]
    assert CANARY not in letter.body
    assert "312" not in letter.body


def test_a_decision_asks_for_the_second_factor(database, people, held):
    _, paul, leo, _ = people
    heard(held, paul)
    enrol(Staff.objects.get(email="legal@kehu.example"))
    with pytest.raises(Refused, match=r"house\.step-up"):
        case_steps.decide(held.number, "violation", ["talk"], "Careless.", actor=leo)
    confirm_second_factor(leo.credential)
    assert case_steps.decide(held.number, "violation", ["talk"], "Careless.", actor=leo).state == "decided"


def test_a_case_goes_on_its_day_with_alerts_and_texts_and_not_before(database, people, held):
    _, paul, leo, _ = people
    heard(held, paul)
    case_steps.decide(held.number, "unfounded", ["none"], "The recall was real.", actor=leo)
    case_steps.close(held.number, actor=paul)
    assert case_steps.forget_closed() == 0
    with open_owner(database) as owner:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):  # not even by the owner's mistake
            owner.execute("delete from watch_case_step")
    with open_owner(database) as owner:
        owner.execute("update watch_case set keep_until = now() - interval '1 minute'")
    assert case_steps.forget_closed() == 1
    with connection.cursor() as cursor:
        for table in ("watch_case", "watch_case_step", "watch_case_alert"):
            cursor.execute(f"select count(*) from {table}")
            assert cursor.fetchone()[0] == 0, table
        cursor.execute("select count(*) from subject_key where subject = %s", [held.id])
        assert cursor.fetchone()[0] == 0


def test_a_case_that_keeps_an_account_frozen_stays_until_it_is_closed(database, people, held):
    li, paul, leo, _ = people
    case_steps.freeze(held.number, actor=paul)
    heard(held, paul)
    case_steps.decide(held.number, "violation", ["employment"], "Sold the list.", actor=leo)
    case_steps.confirm(held.number, actor=paul)
    case_steps.carry_out(held.number, actor=paul)
    case_steps.close(held.number, actor=paul)
    with open_owner(database) as owner:
        owner.execute("update watch_case set keep_until = now() - interval '1 minute'")
    assert case_steps.forget_closed() == 0
    with connection.cursor() as cursor:
        cursor.execute("update guard_staff set is_active = false where id = %s", [li.human])
    assert case_steps.forget_closed() == 1
    with connection.cursor() as cursor:
        cursor.execute("update guard_staff set name = '' where id = %s", [li.human])
        cursor.execute("select active from actor_state where actor = %s", [li.human])
        assert cursor.fetchone() == (False,)


def test_figures_have_no_names_and_hide_the_few(database, people):
    li, paul, _, ann = people
    boss = another("manager")
    for back in range(5):  # five of one person are one person
        alerted(li, day=date.today().replace(day=1) + timedelta(days=back))
    for one in (li, another("service"), another("service")):
        alerted(one, kind="breadth")
    found = {(one.department, one.kind): one.alerts for one in figures.figures(actor=boss)}
    assert found == {("service", "volume"): None, ("service", "breadth"): 3}
    # nor by the difference of two answers: each month is told as a whole
    assert figures.figures(actor=boss, since=date.today().replace(day=28)) == figures.figures(
        actor=boss, since=date.today().replace(day=1)
    )
    with pytest.raises(ActRefused):
        figures.figures(actor=li)
    held = cases.open_case(actor=paul, human=li.human, alerts=[alerted(li, "self")])
    heard(held, paul)
    case_steps.decide(held.number, "unfounded", ["none"], "Nothing.", actor=paul)
    case_steps.close(held.number, actor=paul)
    assert [(one.department, one.finding, one.count) for one in case_figures.outcomes(actor=ann)] == [
        ("service", "unfounded", None)
    ]


def beside(work):
    """Run it on a connection of its own, some moments after the caller's transaction began; returns what came of it."""
    results = []

    def run():
        try:
            results.append(work())
        except StepRefused as no:
            results.append(no.why)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.3)
    return thread, results


def test_a_sign_in_made_while_the_account_is_frozen_is_worth_nothing(database, people, held):
    li, paul, *_ = people
    made = uuid.uuid4()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(  # a sign-in that is not committed yet
            "insert into actor_state (actor, staff, human, role, department, active) values (%s, %s, %s, 'service', %s, true)",
            [made, li.human, li.human, li.department],
        )
        thread, _ = beside(lambda: case_steps.freeze(held.number, actor=paul))
    thread.join()
    with connection.cursor() as cursor:
        cursor.execute("select revoked_at is not null or not active from actor_state where actor = %s", [made])
        assert cursor.fetchone() == (True,)


def test_two_last_officers_are_not_frozen_at_the_same_moment(database, people):
    _, paul, leo, ann = people
    pia = another("privacy")
    one = cases.open_case(actor=ann, human=paul.human, alerts=[alerted(paul)])
    two = cases.open_case(actor=ann, human=pia.human, alerts=[alerted(pia)])
    with transaction.atomic():
        case_steps.freeze(one.number, actor=leo)
        thread, results = beside(lambda: case_steps.freeze(two.number, actor=ann))
    thread.join()
    assert results == ["last-privacy"]
