"""The glass broken: at once, for half an hour, told by mail, looked at by another; open looks raise the bar, but for a life."""

from __future__ import annotations

import threading
from datetime import timedelta
from smtplib import SMTPRecipientsRefused

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import DatabaseError, connection
from django.test import override_settings

from kehu.govern.slugs import ACTIONS
from kehu.guard.access import glass, grants, roles
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.read import gate
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import actor_of_token, add_staff, confirm_second_factor, owner_actor
from kehu.guard.tasks import tell_of_glass
from kehu.host.jobs import run_pending
from tests.cast import admit, staff

CHEN = {"full_name": "陈小明", "email": "chen@mail.example", "address": "上海市南京路 1 号"}
WHY = "The caller says she has collapsed and hung up."
LONG = WHY + " The rescue service asks for the place and for a number on which a relative can be reached now."


def broken(actor, subject, kind="vital", fields=("address",), reason=WHY):
    return glass.break_glass(actor=actor, kind=kind, fields=fields, customers=[subject], reason=reason)


def answer(subject, actor, field="address"):
    [opened] = gate().open([subject], actor=actor, purpose="security", fields=[field])
    return opened.decision.of(field).answer, opened.decision.of(field).policy


class OneIsDead(EmailBackend):
    """A mail server that knows everybody but one."""

    def send_messages(self, messages):
        if any(to.startswith("dead@") for one in messages for to in one.to):
            raise SMTPRecipientsRefused({"dead@kehu.example": (550, b"no such user")})
        return super().send_messages(messages)


def posting():
    return override_settings(EMAIL_BACKEND=f"{__name__}.OneIsDead")


def test_it_opens_at_once_and_for_half_an_hour(database):
    [chen] = admit(CHEN)
    li = staff("service")
    assert answer(chen, li) == ("denied", "house.default-deny")
    held = broken(li, chen)
    assert held.state == "live"
    assert held.until - held.asked_at == timedelta(minutes=30)
    token = actor_of_token(grants.use(held.id, actor=li)[1])
    assert answer(chen, token) == ("clear", "house.grant")
    assert answer(chen, token, "full_name")[0] == "denied"  # not named
    longer = grants.ask(
        actor=li, purpose="security", fields=["phone"], scope=grants.Scope((chen,)), minutes=480, reason=WHY,
        emergency="vital",
    )  # fmt: skip
    assert longer.until - longer.asked_at == timedelta(minutes=30)  # whatever a program asks for


def test_the_offices_are_told_by_a_job_in_words_that_name_no_customer(database, monkeypatch):
    monkeypatch.setattr(mail, "outbox", [], raising=False)
    [chen] = admit(CHEN)
    staff("privacy")
    with posting(), override_settings(OWNER_MAIL="owner@shop.example"):
        held = broken(staff("service"), chen)
        run_pending()
    assert sorted(one.to for one in mail.outbox) == [["owner@shop.example"], ["privacy@kehu.example"]]
    assert "service@kehu.example" in mail.outbox[0].body
    assert mail.outbox[0].body.count(f"/access/grants/{held.id}\n") == 3
    for secret in ("陈", "chen@", "collapsed", str(chen)):
        assert secret not in mail.outbox[0].body + mail.outbox[0].subject


def test_a_mailbox_that_is_refused_keeps_nobody_else_from_being_told_once(database, monkeypatch):
    monkeypatch.setattr(mail, "outbox", [], raising=False)
    [chen] = admit(CHEN)
    staff("privacy")
    for email in ("dead@kehu.example", "zoe@kehu.example"):
        add_staff(email=email, role="privacy", department=None, attest=True)
    broken(staff("service"), chen)
    with posting():
        for _ in range(2):
            run_pending()
            with connection.cursor() as cursor:  # the time until the next try is over
                cursor.execute("update procrastinate_jobs set scheduled_at = now() where status = 'todo'")
    assert sorted(one.to for one in mail.outbox) == [["privacy@kehu.example"], ["zoe@kehu.example"]]


def test_a_letter_that_waited_over_an_upgrade_goes_to_each(database, monkeypatch):
    """Its job named nobody: one letter was for everybody then."""
    monkeypatch.setattr(mail, "outbox", [], raising=False)
    [chen] = admit(CHEN)
    staff("privacy")
    held = broken(staff("service"), chen)
    with connection.cursor() as cursor:
        cursor.execute("delete from procrastinate_jobs")
    tell_of_glass.defer(grant=str(held.id))
    with posting():
        run_pending()
        run_pending()
    assert [one.to for one in mail.outbox] == [["privacy@kehu.example"]]


def test_open_looks_raise_the_bar_but_never_for_a_life(database):
    [chen] = admit(CHEN)
    li, paul = staff("service"), staff("privacy")
    first = broken(li, chen, "security", ["phone"])
    with pytest.raises(Refused, match=r"house\.open-review"):
        broken(li, chen, "security", ["phone"], LONG)  # a fuller reason, but no second factor
    confirm_second_factor(li.credential)
    with pytest.raises(Refused, match=r"house\.open-review"):
        broken(li, chen, "security", ["phone"])
    assert broken(li, chen, "security", ["phone"], LONG).state == "live"
    with open_owner(database) as owner:
        owner.execute("update actor_state set second_factor_at = null")
    assert broken(li, chen, "vital").state == "live"
    for one in glass.waiting(actor=paul):
        glass.review(one.id, actor=paul, justified=True)
    assert grants.grant_of(first.id).justified is True
    assert broken(li, chen, "security", ["phone"]).state == "live"  # looked at: as the first time


def test_the_bar_holds_for_those_who_ask_at_the_same_moment(database):
    [chen] = admit(CHEN)
    li = staff("service")
    ready, found = threading.Barrier(4), []

    def one():
        try:
            ready.wait()
            found.append(broken(li, chen, "security", ["phone"]).state)
        except Refused as no:
            found.append(no.args[0])
        finally:
            connection.close()

    tries = [threading.Thread(target=one) for _ in range(4)]
    for each in tries:
        each.start()
    for each in tries:
        each.join()
    assert sorted(found) == ["house.open-review"] * 3 + ["live"]
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from ledger_entry where action = %s", [ACTIONS["break-glass"]])
        assert cursor.fetchone() == (4,)


def test_another_person_looks_and_what_was_not_justified_ends(database):
    [chen] = admit(CHEN)
    paul, lena = staff("privacy"), staff("legal")
    held = broken(paul, chen)
    token = actor_of_token(grants.use(held.id, actor=paul)[1])
    with pytest.raises(Refused, match=r"house\.second-person"):
        glass.review(held.id, actor=paul, justified=True)
    with pytest.raises(DatabaseError, match="another person"), connection.cursor() as cursor:
        cursor.execute(
            "insert into access_review (grant_id, reviewed_by, justified) values (%s, %s, true)", [held.id, paul.staff]
        )
    with pytest.raises(Refused):
        glass.review(held.id, actor=staff("service"), justified=True)
    assert glass.review(held.id, actor=lena, justified=False).state == "ended"
    assert answer(chen, token)[0] == "denied"
    with pytest.raises(grants.GrantOver):
        glass.review(held.id, actor=owner_actor(), justified=True)


def test_whoever_may_only_look_ends_what_was_not_justified(database):
    [chen] = admit(CHEN)
    li, ada = staff("service"), staff("auditor")
    acts = [one for one in roles.acts_of("auditor") if one != "end-grant"]
    made = roles.propose(
        "reviewer",
        "auditor",
        purposes=None,
        categories=None,
        level=4,
        actions=["open"],
        acts=acts,
        actor=staff("legal"),
    )
    roles.decide(made.id, actor=owner_actor(), approve=True)
    with connection.cursor() as cursor:
        cursor.execute("update guard_staff set house_role = 'reviewer' where id = %s", [ada.staff])
    held = broken(li, chen)
    with pytest.raises(Refused, match=r"house\.custom-role"):
        grants.end(held.id, actor=ada)
    assert glass.review(held.id, actor=ada, justified=False).state == "ended"


def test_what_waits_is_listed_whatever_came_since(database):
    [chen] = admit(CHEN)
    li, paul = staff("service"), staff("privacy")
    first = broken(li, chen)
    over = grants.ask(
        actor=li, purpose="service", fields=["email"], scope=grants.Scope((chen,)), minutes=30, reason=WHY
    )
    asked = grants.ask(
        actor=li, purpose="service", fields=["email"], scope=grants.Scope((chen,)), minutes=30, reason=WHY
    )
    grants.end(over.id, actor=li)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into access_grant (id, staff, purpose, fields, subjects, packs, ages, minutes, reason, emergency)"
            " select gen_random_uuid(), staff, purpose, fields, subjects, packs, ages, minutes, reason, emergency"
            " from access_grant, generate_series(1, 100) where id = %s",
            [asked.id],
        )
    listed = {one.id for one in grants.grants(actor=paul)}
    assert {first.id, asked.id} <= listed and over.id not in listed
    assert [one.id for one in glass.waiting(actor=paul)] == [first.id]


@pytest.mark.parametrize("role", ["engineer", "owner"])
def test_who_sees_no_customer_breaks_nothing(database, role):
    [chen] = admit(CHEN)
    with pytest.raises(Refused):
        broken(owner_actor() if role == "owner" else staff(role), chen)


def test_what_it_takes(database):
    [chen] = admit(CHEN)
    li = staff("service")
    for wrong in ({"kind": "curiosity"}, {"reason": "quick"}, {"fields": ["moon"]}):
        with pytest.raises((ValueError, KeyError, LookupError)):
            broken(li, chen, **wrong)
    with pytest.raises(ValueError, match="customers"):
        glass.break_glass(actor=li, kind="vital", fields=["address"], customers=[], reason=WHY)
