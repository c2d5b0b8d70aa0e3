"""Another post, or none: handed over first, and then everything of the last one has ended at once, in a running answer too."""

from __future__ import annotations

import os
from datetime import timedelta
from threading import Thread

import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from kehu.collect.models import Import
from kehu.guard.access import grants, leaving, owners, training, wordings
from kehu.guard.access.grants import Scope
from kehu.guard.access.leaving import Post
from kehu.guard.gate.acts import ActRefused, Refused
from kehu.guard.gate.read import gate
from kehu.guard.staff.actions import TokenRefused, actor_of, actor_of_token, add_staff, issue_token, owner_actor
from kehu.guard.staff.models import Staff
from kehu.guard.staff.second_factor import enrol
from kehu.serve.leaving import tokens
from kehu.serve.office import handing, posts
from kehu.serve.register import changes
from kehu.serve.rights import requests
from kehu.serve.rights.incidents import register as incidents
from kehu.serve.rights.models import Request
from kehu.serve.upkeep import queue
from kehu.serve.upkeep.models import Task
from kehu.serve.upkeep.tasks import verify_nightly
from kehu.vault.ids import new_id
from tests.cast import admit, staff
from tests.suppliers import BROKER

MAIL = "{}@kehu.example".format


def another(role, email):
    add_staff(email=email, role=role, department=None, attest=True)
    return actor_of(email)


def answer(subject, actor):
    [opened] = gate().open([subject], actor=actor, purpose="service", fields=["email"])
    held = opened.decision.of("email")
    return held.answer, held.policy


def row(staff, columns):
    with connection.cursor() as cursor:
        cursor.execute(f"select {columns} from guard_staff where id = %s", [staff])
        return cursor.fetchone()


def rich(role="service"):
    """Somebody who holds one of everything that ends."""
    one = staff(role)
    enrol(Staff.objects.get(id=one.staff))
    with connection.cursor() as cursor:
        cursor.execute(
            "update guard_staff set place = 'DE', zone = 'Asia/Shanghai', duty_from = '00:00', duty_to = '23:59'"
            " where id = %s",
            [one.staff],
        )
        cursor.execute(
            "insert into staff_passkey (id, staff, public_key, name) values ('\\x01', %s, '\\x02', 'key')", [one.staff]
        )
        cursor.execute("insert into staff_recovery_code (staff, digest) values (%s, %s)", [one.staff, bytes(32)])
    return one


ENDS = leaving.Ends(0, 0, 0, 0, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("kind", ["move", "close"])
def test_every_right_of_the_post_ends_at_once(database, kind):
    [subject] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    li, owner = rich(), owner_actor()
    token, _ = issue_token(email=MAIL("service"), purpose="service", minutes=60)
    terms = {"recipient": "Post", "recipient_kind": "processor", "country": "CN"}
    from kehu.guard.staff.second_factor import code_now

    secret = enrol(Staff.objects.get(id=li.staff))
    outside, _ = tokens.issue(
        issued_by=owner, email=MAIL("service"), purpose="service", minutes=60, code=code_now(secret), **terms
    )
    grants.ask(
        actor=li, purpose="service", fields=["phone"], scope=Scope((subject,)), minutes=30, reason="the label is lost"
    )
    told = leaving.ends_of(li.staff)
    assert told == leaving.Ends(0, 1, 1, 1, 1, 1, 1, 1, 0)
    if kind == "move":
        posts.move(li.staff, Post.named("manager", ""), actor=owner)
    else:
        posts.close(li.staff, actor=owner)
    assert leaving.ends_of(li.staff) == ENDS
    for text in (token, outside):
        with pytest.raises(TokenRefused):
            actor_of_token(text)
    assert grants.grants(actor=owner)[0].state == "ended"
    active = row(li.staff, "is_active, totp, place, duty_from, closed_at is null, role")
    assert active == (kind == "move", None, "", None, kind == "move", "manager" if kind == "move" else "service")
    if kind == "close":
        assert answer(subject, li) == ("denied", "house.active")
        [conditions] = [row(li.staff, "greatest(agreement_until, training_until, watching_until) <= now()")]
        assert conditions == (True,)


@pytest.mark.parametrize("kind", ["move", "close"])
def test_a_running_answer_stops(database, kind):
    people = admit(*({"full_name": f"N{n}", "email": f"n{n}@mail.example"} for n in range(4)))
    staff("service")
    token, _ = issue_token(email=MAIL("service"), purpose="service", minutes=60)
    li = actor_of_token(token)
    assert answer(people[0], li)[0] == "clear"
    stream = gate().stream(iter(people * 2_000), actor=li, purpose="service", fields=["email"])
    first = next(stream)
    assert {one.decision.of("email").answer for one in first} == {"clear"}
    if kind == "move":
        posts.move(li.staff, Post.named("manager", ""), actor=owner_actor())  # a manager may claim the purpose, too
    else:
        posts.close(li.staff, actor=owner_actor())
    assert {one.decision.of("email").answer for one in next(stream)} == {"denied"}


def test_what_they_own_and_have_in_hand_is_shown_and_handed_over(database):
    [subject] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    wu, owner = staff("legal"), owner_actor()
    staff("manager"), another("legal", "he@kehu.example")
    owners.set_owner("law", ["EU"], owner=MAIL("legal"), deputy=MAIL("manager"), actor=owner)
    owners.set_owner("law", ["CN"], owner=MAIL("manager"), deputy=MAIL("legal"), actor=owner)
    asked = requests.open_request(subject=subject, right="access", actor=wu)
    happened = incidents.open_incident(window=incidents.Window(None, None, None), text="a laptop", actor=wu)
    wanted = changes.propose_purpose("marketing", {"retention_days": 30}, actor=wu)
    import_ = Import.objects.create(
        id=new_id(), fingerprint=b"x", kind="customers", channel=1, controller=1, basis="contract", notice=1, staff=wu.staff,
        sealed=b"", staged=[], state="waiting",
    )  # fmt: skip
    all_of_it = {
        ("law", "EU", "owner"), ("law", "CN", "deputy"), ("request", str(asked), "hand"),
        ("incident", str(happened), "hand"), ("proposal", str(wanted.id), "hand"), ("import", str(import_.id), "hand"),
    }  # fmt: skip
    things, _ = posts.shown(wu.staff, taker=None, actor=owner)
    assert {(one.kind, one.name, one.part) for one in things} == all_of_it
    with pytest.raises(posts.NotHandedOver) as lacking:
        posts.close(wu.staff, actor=owner)
    assert {one.lacks for one in lacking.value.things} == {"taker"} and len(lacking.value.things) == 5
    with pytest.raises(posts.NotHandedOver) as lacking:  # service may do none of these but the law's
        posts.close(wu.staff, taker=staff("service").staff, actor=owner)
    assert {(one.kind, one.lacks) for one in lacking.value.things} == {("request", "role"), ("incident", "role")}
    assert row(wu.staff, "is_active") == (True,)
    he = posts.staff_named("he@kehu.example")
    posts.close(wu.staff, taker=he, actor=owner)
    assert row(wu.staff, "is_active") == (False,)
    left = {(one.kind, one.name): (one.owner, one.deputy) for one in owners.owned_by(he)}
    boss = posts.staff_named(MAIL("manager"))
    assert left["law", "EU"] == (he, boss) and left["law", "CN"] == (boss, he)
    assert left["request", str(asked)] == (he, None)
    assert Import.objects.get(id=import_.id).staff == he
    assert {(one.kind, one.name) for one in posts.things_of(he)} == {(kind, name) for kind, name, _ in all_of_it}
    with pytest.raises(Refused, match="second-person"):  # whoever took a proposal over does not let it through
        changes.approve(wanted.id, actor=actor_of("he@kehu.example"))
    changes.approve(wanted.id, actor=staff("privacy"))


def test_who_looks_after_a_request_has_it_whoever_took_it_in_and_a_source_is_a_proposal_too(database):
    [subject] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    wu, paul, owner = staff("legal"), staff("privacy"), owner_actor()
    he = another("legal", "he@kehu.example")
    asked = requests.open_request(subject=subject, right="access", actor=wu)
    requests.assign(asked, paul.staff, actor=wu)
    wanted = changes.propose_source("broker", BROKER, actor=paul)
    whole = {("request", str(asked), "hand"), ("proposal", str(wanted.id), "hand")}
    assert {(one.kind, one.name, one.part) for one in posts.shown(paul.staff, taker=None, actor=owner)[0]} == whole
    assert posts.things_of(wu.staff) == []
    posts.close(paul.staff, taker=he.staff, actor=owner)
    assert Request.objects.get(id=asked).assigned_to == he.staff
    assert {(one.kind, one.name, one.part) for one in posts.things_of(he.staff)} == whole
    requests.assign(asked, wu.staff, actor=owner)  # whoever has it by now
    assert [one.name for one in posts.things_of(wu.staff)] == [str(asked)]
    with pytest.raises(Refused, match="second-person"):
        changes.approve(wanted.id, actor=he)


@pytest.mark.parametrize("kind", ["move", "close"])
def test_what_they_had_to_verify_waits_for_anybody_again(database, kind):
    li, other, owner = staff("service"), another("service", "other@kehu.example"), owner_actor()
    theirs, others, done = (
        queue.make_by_hand(one, "phone", actor=li).id for one in admit(*[{"email": "a@b.example"}] * 3)
    )
    for task, whose in ((theirs, li), (others, other), (done, li)):
        queue.take(task, actor=whose)
    queue.end(done, actor=li)
    if kind == "move":
        posts.move(li.staff, Post.named("marketing", ""), actor=owner)
    else:
        posts.close(li.staff, actor=owner)
    held = {one.id: (one.state, one.taken_by) for one in Task.objects.all()}
    assert held == {theirs: ("open", None), others: ("taken", other.staff), done: ("done", li.staff)}


def test_every_night_what_was_left_with_nobody_waits_again(database):
    """Taken while the account closed, or taken back from a colleague who had left."""
    people = {role: staff(role) for role in ("service", "marketing", "manager")}
    tasks = dict(zip(people, admit(*[{"email": "a@b.example"}] * 3), strict=True))
    posts.close(people["service"].staff, actor=owner_actor())
    posts.move(people["marketing"].staff, Post.named("analyst", ""), actor=owner_actor())
    for role, subject in tasks.items():
        made = queue.make_by_hand(subject, "phone", actor=owner_actor()).id
        Task.objects.filter(id=made).update(state="taken", taken_by=people[role].staff)
    verify_nightly(0)
    assert list(Task.objects.exclude(taken_by=None).values_list("taken_by", flat=True)) == [people["manager"].staff]


def test_a_purpose_is_not_handed_to_the_privacy_office(database):
    mia, paul, owner = staff("marketing"), staff("privacy"), owner_actor()
    owners.set_owner("purpose", ["marketing"], owner=MAIL("marketing"), deputy=None, actor=owner)
    with pytest.raises(posts.NotHandedOver) as lacking:
        posts.close(mia.staff, taker=paul.staff, actor=owner)
    assert [one.lacks for one in lacking.value.things] == ["independent"]


def test_at_once_waits_for_nobody(database):
    wu, owner = staff("legal"), owner_actor()
    staff("manager")
    owners.set_owner("law", ["EU"], owner=MAIL("legal"), deputy=MAIL("manager"), actor=owner)
    owners.set_owner("law", ["CN"], owner=MAIL("legal"), deputy=None, actor=owner)
    happened = incidents.open_incident(window=incidents.Window(None, None, None), text="a laptop", actor=wu)
    posts.close(wu.staff, at_once=True, actor=owner)
    held = {(one.kind, one.name): one for one in owners.owned_by(owner.staff)}
    assert ("incident", str(happened)) in held and ("law", "CN") in held
    [eu] = [one for one in owners.owners(actor=owner, kind="law") if one.name == "EU"]
    assert (eu.owner_email, eu.deputy) == (MAIL("manager"), None)  # its deputy has it, and it lacks one now
    assert not eu.whole


def test_nobody_leaves_or_moves_past_the_program_with_what_they_own(database):
    wu, owner = staff("legal"), owner_actor()
    owners.set_owner("law", ["EU"], owner=MAIL("legal"), deputy=None, actor=owner)
    for change in ("is_active = false", "role = 'privacy'"):
        with pytest.raises(DatabaseError, match="handed over first"), connection.cursor() as cursor:
            cursor.execute(f"update guard_staff set {change} where id = %s", [wu.staff])


def test_an_account_opened_again_has_nothing_of_before(database):
    [subject] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    li, owner = staff("service"), owner_actor()
    course = training.course_of("customer-data")
    right = [one.right for one in course.questions]
    wordings.sign("agreement", 1, actor=li, language="en")
    training.answer("customer-data", right, actor=li)
    posts.close(li.staff, actor=owner)
    posts.reopen(li.staff, Post.named("service", ""), actor=owner)
    li = actor_of(MAIL("service"))
    assert answer(subject, li) == ("denied", "house.agreement")
    assert wordings.signed("agreement", li.staff) is None
    assert training.passed(li.staff) == {}
    assert row(li.staff, "password like '!%%', totp is null, closed_at is null") == (True, True, True)
    wordings.sign("agreement", 1, actor=li, language="en")
    assert answer(subject, li) == ("denied", "house.training")
    training.answer("customer-data", right, actor=li)
    wordings.sign("watching", 1, actor=li, language="en")
    assert answer(subject, li)[0] == "clear"


def test_a_post_is_given_by_two_and_taken_by_one(database):
    li, mia, boss, wu = staff("service"), staff("marketing"), staff("manager"), staff("legal")
    asked = posts.move(li.staff, Post.named("analyst", ""), actor=wu)
    assert (asked.state, row(li.staff, "role")) == ("waiting", ("service",))
    with pytest.raises(leaving.ChangeOver):
        posts.move(li.staff, Post.named("marketing", ""), actor=wu)
    for who in (wu, boss):
        with pytest.raises(Refused, match="second-person"):
            posts.decide(asked.id, actor=who, approve=True)
    with pytest.raises(ActRefused):
        posts.decide(asked.id, actor=staff("privacy"), approve=True)
    with pytest.raises(DatabaseError, match="second person"), connection.cursor() as cursor:
        cursor.execute("update post_change set decided_by = %s, done = true", [wu.staff])
    posts.decide(asked.id, actor=another("legal", "he@kehu.example"), approve=True)
    assert row(li.staff, "role") == ("analyst",)
    with pytest.raises(leaving.ChangeOver):
        posts.decide(asked.id, actor=owner_actor(), approve=True)
    refused = posts.move(mia.staff, Post.named("analyst", ""), actor=wu)
    assert posts.decide(refused.id, actor=owner_actor(), approve=False).state == "refused"
    assert posts.close(mia.staff, actor=wu).state == "done"


def test_whom_somebody_may_move_or_close(database):
    boss, wu = staff("manager"), staff("legal")
    li, anna, eve = staff("service"), staff("auditor"), staff("engineer")
    with pytest.raises(LookupError):  # of another department
        posts.close(li.staff, actor=boss)
    unit = Staff.objects.get(id=boss.staff).department_id
    for one in (li, anna, eve):
        Staff.objects.filter(id=one.staff).update(department_id=unit)
    for one in (anna, eve):
        with pytest.raises(ActRefused):  # an office is not a manager's to close
            posts.close(one.staff, actor=boss)
    with pytest.raises(ActRefused):  # nor the audit that of whom it audits
        posts.close(anna.staff, actor=wu)
    with pytest.raises(Refused, match="second-person"):
        posts.close(wu.staff, actor=wu)
    with pytest.raises(ActRefused):
        posts.close(li.staff, actor=eve)
    assert posts.close(li.staff, actor=boss).state == "done"
    with pytest.raises(ValueError, match="another duty"):
        posts.move(anna.staff, Post.named("privacy", ""), actor=owner_actor())
    assert row(anna.staff, "role") == ("auditor",)
    with pytest.raises(LookupError):
        posts.close(owner_actor().staff, actor=wu)


def test_who_left_long_ago_has_no_name_any_more(database):
    li, owner = staff("service"), owner_actor()
    Staff.objects.filter(id=li.staff).update(name="李雷")
    posts.close(li.staff, actor=owner)
    assert leaving.forget_who_left() == 0
    gone = timezone.now() - timedelta(days=settings.LEDGER_DAYS + 1)
    with connection.cursor() as cursor:
        cursor.execute("update guard_staff set closed_at = %s where id = %s", [gone, li.staff])
    assert (leaving.forget_who_left(), leaving.forget_who_left()) == (1, 0)
    email, name = row(li.staff, "email, name")
    assert email == f"left-{li.staff.hex}@staff.invalid" and name == ""
    with pytest.raises(ValueError, match="nobody is known"):
        posts.reopen(li.staff, Post.named("service", ""), actor=owner)
    staff("service")  # the address is free for somebody new


def test_a_dismissal_waits_for_nothing(database):
    """Neither for a move that waits, nor does that move bring back whoever left meanwhile."""
    li, wu, owner = staff("service"), staff("legal"), owner_actor()
    waits = posts.move(li.staff, Post.named("analyst", ""), actor=wu)
    posts.close(li.staff, at_once=True, actor=wu)
    assert leaving.change_of(waits.id).state == "refused"
    again = leaving.note_change("move", li.staff, Post.named("analyst", ""), taker=None, at_once=False, by=wu.staff)
    with pytest.raises(leaving.ChangeOver):
        posts.decide(again.id, actor=owner, approve=True)
    assert row(li.staff, "is_active, role") == (False, "service")


def test_what_is_in_hand_is_handed_on_by_itself(database):
    wu, he, owner = staff("legal"), another("legal", "he@kehu.example"), owner_actor()
    anna, paul = staff("auditor"), staff("privacy")
    happened = incidents.open_incident(window=incidents.Window(None, None, None), text="a laptop", actor=wu)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into watch_alert (kind, severity, human, department, day, count, evidence)"
            " values (1, 1, %s, %s, current_date, 1, '{}') returning number",
            [paul.staff, paul.department],
        )
        [number] = cursor.fetchone()
        cursor.execute("update watch_alert set state = 1, owner = %s", [anna.staff])
    assert [(one.kind, one.name) for one in posts.things_of(anna.staff)] == [("alert", str(number))]
    with pytest.raises(ActRefused):  # another's, by whoever does not say who owns what
        handing.hand_on("incident", str(happened), to="he@kehu.example", actor=paul)
    with pytest.raises(ValueError, match="role"):
        handing.hand_on("incident", str(happened), to=MAIL("auditor"), actor=wu)
    with pytest.raises(ValueError, match="about"):  # an alert never goes to whom it is about
        handing.hand_on("alert", str(number), to=MAIL("privacy"), actor=anna)
    with pytest.raises(owners.UnknownThing):
        handing.hand_on("request", str(new_id()), to="he@kehu.example", actor=owner)
    handing.hand_on("incident", str(happened), to="he@kehu.example", actor=wu)
    assert posts.things_of(wu.staff) == []
    assert [one.name for one in posts.things_of(he.staff)] == [str(happened)]
    with pytest.raises(posts.NotHandedOver):
        posts.close(anna.staff, taker=paul.staff, actor=owner)
    posts.close(anna.staff, at_once=True, actor=owner)
    assert [(one.kind, one.owner) for one in handing.in_hand() if one.kind == "alert"] == [("alert", owner.staff)]
    incidents.assess(happened, incidents.Learned(handled_at=timezone.now()), actor=wu)
    posts.close(he.staff, actor=owner)  # what is over keeps nobody


def test_nobody_is_given_anything_at_the_moment_they_leave(database):
    """Who names an owner waits for the account that is being closed, and is refused then."""
    wu, owner = staff("legal"), owner_actor()
    with open_app(database) as leaver, open_app(database) as giver:
        leaver.execute("begin")
        leaver.execute("update guard_staff set is_active = false where id = %s", [wu.staff])
        giver.execute("set lock_timeout = '5s'")
        waiting = Thread(target=lambda: said.append(_given(giver, wu.staff, owner.staff)))
        said: list[str] = []
        waiting.start()
        waiting.join(0.5)
        assert said == []  # it waits
        leaver.execute("commit")
        waiting.join(10)
    assert said == ["an active member of staff owns it"]


def open_app(database):
    """A connection of its own, as the application."""
    return psycopg.connect(database.conninfo("kehu_app", os.environ["KEHU_DBNAME"]), autocommit=True)


def _given(connection, staff, by):
    try:
        connection.execute("update owned set owner = %s, by = %s where kind = 'law' and name = 'EU'", [staff, by])
    except psycopg.Error as refused:
        return refused.diag.message_primary
    return "given"
