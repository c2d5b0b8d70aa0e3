"""Conditions of access: a text signed, a course passed, the notice of watching acknowledged; and who lapses next."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from kehu.guard.access import lapses, training, wordings
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.read import gate
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import actor_of_token, issue_token, owner_actor
from tests.cast import admit, staff, wait_for
from tests.races import beside, somebody_waits, until

CHEN = {"full_name": "陈小明", "email": "chen@mail.example"}
TEXTS = {"en": "Keep it to yourself.", "zh-hans": "请保密。", "zh-hant": "請保密。"}


def answer_of(subject, actor):
    [opened] = gate().open([subject], actor=actor, purpose="service", fields=["email"])
    said = opened.decision.of("email")
    return said.answer, said.policy


def passes(actor):
    course = training.course_of("customer-data")
    return training.answer(course.slug, [one.right for one in course.questions], actor=actor)


def agree(actor, version=1):
    return wordings.sign("agreement", version, actor=actor, language="en")


def acknowledge(actor, version=1):
    return wordings.sign("watching", version, actor=actor, language="en")


def test_each_condition_is_asked_for_in_turn_and_acts_on_the_next_read(database):
    [subject] = admit(CHEN)
    li = staff("service", attest=False)
    assert answer_of(subject, li) == ("denied", "house.agreement")
    agree(li)
    assert answer_of(subject, li) == ("denied", "house.training")
    assert passes(li).passed
    assert answer_of(subject, li) == ("denied", "house.watching")
    acknowledge(li)
    assert answer_of(subject, li) == ("clear", "house.role-service")


def test_a_token_issued_before_counts_what_was_signed_since(database):
    [subject] = admit(CHEN)
    li = staff("service", attest=False)
    text, _ = issue_token(email="service@kehu.example", purpose="service", minutes=5)
    token = actor_of_token(text)
    agree(li)
    passes(li)
    acknowledge(token)  # by a token, for the person behind it
    assert answer_of(subject, token) == ("clear", "house.role-service")


def test_who_has_not_signed_the_new_text_by_its_day_is_refused(database):
    [subject] = admit(CHEN)
    li, office = staff("service"), staff("legal")
    day = timezone.now() + timedelta(seconds=4)
    wordings.publish("agreement", TEXTS, in_force_from=day, actor=office)
    assert answer_of(subject, li) == ("clear", "house.role-service")
    agree(li, 1)  # the old text, until the new one's day
    assert lapses.standing_of(li.staff).agreement_until == day
    wait_for(day)
    assert answer_of(subject, li) == ("denied", "house.agreement")
    with pytest.raises(wordings.WordingOver):
        agree(li, 1)
    agree(li, 2)
    assert answer_of(subject, li) == ("clear", "house.role-service")


def test_who_signed_the_new_text_before_its_day_goes_on(database):
    [subject] = admit(CHEN)
    li, office = staff("service"), staff("legal")
    day = timezone.now() + timedelta(seconds=2)
    wordings.publish("agreement", TEXTS, in_force_from=day, actor=office)
    agree(li, 2)
    agree(li, 1)  # an old one signed after it takes nothing back
    wait_for(day)
    assert answer_of(subject, li) == ("clear", "house.role-service")


def test_of_two_who_publish_at_once_the_other_is_told(database):
    office, other = staff("legal"), staff("privacy")
    theirs = TEXTS | {"en": "Keep it."}
    with transaction.atomic():
        made = wordings.publish("agreement", TEXTS, in_force_from=timezone.now(), actor=office)
        thread, wrong = beside(lambda: wordings.publish("agreement", theirs, in_force_from=timezone.now(), actor=other))
        until(somebody_waits)
    thread.join()
    assert [type(one) for one in wrong] == [wordings.PublishedMeanwhile]
    assert wordings.to_sign("agreement").texts == made.texts == TEXTS
    assert wordings.publish("agreement", theirs, in_force_from=timezone.now(), actor=other).version == made.version + 1


def test_a_new_notice_of_watching_is_acknowledged_anew(database):
    [subject] = admit(CHEN)
    li = staff("service")
    office = staff("privacy")
    wordings.publish("watching", TEXTS, in_force_from=timezone.now(), actor=office)
    assert answer_of(subject, li) == ("denied", "house.watching")
    acknowledge(li, 2)
    assert answer_of(subject, li) == ("clear", "house.role-service")


def test_whoever_begins_before_a_texts_day_signs_it_by_then(database):
    day = timezone.now() + timedelta(days=3)
    wordings.publish("agreement", TEXTS, in_force_from=day, actor=staff("legal"))
    li = staff("service")
    assert lapses.standing_of(li.staff).agreement_until == day
    with connection.cursor() as cursor:  # nor does the account's standing credential outlive that day
        cursor.execute("select agreement_until from actor_state where actor = %s", [li.credential])
        assert cursor.fetchone() == (day,)


def test_another_text_than_was_read_is_not_signed(database):
    li = staff("service", attest=False)
    with pytest.raises(Exception, match="another text"), connection.cursor() as cursor:
        cursor.execute(
            "insert into access_signature (staff, kind, version, digest, language) values (%s, 'agreement', 1, %s, 'en')",
            [li.staff, bytes(32)],
        )


def test_too_many_wrong_answers_do_not_pass(database):
    li = staff("service", attest=False)
    course = training.course_of("customer-data")
    assert len(course.questions) == 10
    right = [one.right for one in course.questions]
    poor = [*right[:7], None, None, None]
    result = training.answer("customer-data", poor, actor=li)
    assert (result.passed, result.right, result.wrong) == (False, 7, (7, 8, 9))
    assert lapses.standing_of(li.staff).training_until is None
    assert training.passed(li.staff) == {}
    assert training.answer("customer-data", [*right[:8], 9, 9], actor=li).passed
    until = lapses.standing_of(li.staff).training_until
    assert timedelta(days=364) < until - timezone.now() < timedelta(days=366)


def test_training_ends(database):
    [subject] = admit(CHEN)
    li = staff("service", attest=False)
    agree(li)
    acknowledge(li)
    with open_owner(database) as owner:  # a year and a day ago
        owner.execute(
            "insert into access_attempt (staff, course, version, right_answers, pass_mark, valid_days, at)"
            " values (%s, 'customer-data', 1, 10, 8, 365, now() - interval '366 days')",
            [li.staff],
        )
    assert training.passed(li.staff)["customer-data"] < timezone.now()
    assert answer_of(subject, li) == ("denied", "house.training")


def test_nobody_signs_for_the_owner_and_the_owner_for_nobody(database):
    with pytest.raises(Refused):
        agree(owner_actor())
    with pytest.raises(Refused):
        passes(owner_actor())
    with pytest.raises(Refused):
        wordings.publish("agreement", TEXTS, in_force_from=timezone.now(), actor=staff("service"))


@pytest.mark.parametrize("table", ["access_text", "access_signature", "access_attempt", "access_kept"])
def test_what_was_signed_is_never_edited(database, table):
    li = staff("service")
    agree(li)
    passes(li)
    lapses.keep(li.staff, actor=owner_actor(), kept=True)
    for words in (
        f"update {table} set staff = null" if table != "access_text" else "update access_text set version = 9",
        f"delete from {table}",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.connection.execute(words)
        with open_owner(database) as owner, pytest.raises(psycopg.errors.Error):
            owner.execute(words)


def test_who_lapses_next(database):
    manager = staff("manager")
    staff("service", attest=False)
    with pytest.raises(Refused):
        lapses.lapses(actor=staff("marketing"))
    assert [one.email for one in lapses.lapses(actor=manager)] == ["manager@kehu.example"]  # of their department
    everybody = lapses.lapses(actor=staff("privacy"))
    assert [(one.email, one.lapsed) for one in everybody[:2]] == [
        ("service@kehu.example", True),
        ("manager@kehu.example", False),
    ]


def test_access_that_nobody_keeps_within_the_quarter_is_off(database):
    [subject] = admit(CHEN)
    li, boss = staff("service"), staff("privacy")
    with open_owner(database) as owner:
        owner.execute("update guard_staff set kept_until = clock_timestamp() where id = %s", [li.staff])
    assert answer_of(subject, li) == ("denied", "house.access-review")
    lapses.keep(li.staff, actor=boss, kept=True)
    assert answer_of(subject, li) == ("clear", "house.role-service")
    assert timedelta(days=91) < lapses.standing_of(li.staff).kept_until - timezone.now() < timedelta(days=93)
    lapses.keep(li.staff, actor=boss, kept=False)
    assert answer_of(subject, li) == ("denied", "house.access-review")


def test_nobody_keeps_their_own_and_managers_only_their_department(database):
    li, boss, mia = staff("service"), staff("manager"), staff("marketing")
    with pytest.raises(Refused):
        lapses.keep(boss.staff, actor=boss, kept=True)
    with pytest.raises(Refused):
        lapses.keep(li.staff, actor=mia, kept=True)
    with pytest.raises(LookupError):
        lapses.keep(li.staff, actor=boss, kept=True)
    for whom, who in ((boss.staff, boss.staff), (li.staff, mia.staff)):  # oneself, and a role that reviews nobody
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute("insert into access_kept (staff, reviewed_by, kept) values (%s, %s, true)", [whom, who])
