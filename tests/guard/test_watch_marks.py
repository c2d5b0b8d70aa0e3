"""Marks: colleagues found by the blind index alone, looks at those marked told whatever ids they have; real reads, real rows."""

from __future__ import annotations

import json

import pytest
from django.db import DatabaseError, connection, transaction

from kehu.govern import holders
from kehu.guard.access import glass
from kehu.guard.gate.acts import ActRefused, Refused
from kehu.guard.gate.read import gate
from kehu.guard.ledger.open_log import open_sequencer
from kehu.guard.staff.actions import add_staff, owner_actor
from kehu.guard.watch import alerts, marks
from kehu.guard.watch.engine import look
from kehu.serve.desk.comparing import compare_two
from kehu.vault.assignment import CONFIRMED, WHY, assign
from tests import commands
from tests.cast import admit, staff

CHEN = {"full_name": "Canary-Chen", "email": "service@kehu.example", "phone": "+8613800006721"}
LIN = {"full_name": "Canary-Lin", "email": "lin@mail.example", "phone": "+8613900006721"}
WU = {"full_name": "Canary-Wu", "email": "wu@mail.example"}


def watched():
    with open_sequencer() as sequencer:
        sequencer.run_once()
    look()
    return {(one.kind, one.email): one for one in alerts.select_alerts("true", [])}


def reads(actor, *subjects, purpose="service", **more):
    gate().open(list(subjects), actor=actor, purpose=purpose, fields=["full_name"], **more)


def test_a_look_at_a_colleague_a_vip_honey_or_oneself_is_told(database):
    li, ada = staff("service"), staff("auditor")
    max_, _ = add_staff(email="max@kehu.example", role="service", department=None, attest=True)
    from kehu.guard.staff.actions import actor_of

    max_ = actor_of(max_.email)
    chen, lin, wu, plain = admit(CHEN, LIN, WU, {"full_name": "Plain"})
    assert marks.find_colleagues(actor=owner_actor()) == 1
    assert marks.find_colleagues(actor=owner_actor()) == 0
    [found] = marks.marks(actor=ada)
    assert (found.customer, found.kind, found.staff) == (chen, "colleague", "service@kehu.example")
    marks.mark(lin, "vip", actor=ada)
    marks.mark(wu, "honey", actor=ada)
    reads(max_, plain)
    reads(max_, wu, use="list", masked=True, kinds=())
    assert watched() == {}
    reads(li, chen)
    reads(max_, chen)
    reads(max_, lin, use="explain")
    reads(max_, wu)
    told = watched()
    assert set(told) == {
        ("self", "service@kehu.example"), ("colleague", "max@kehu.example"), ("vip", "max@kehu.example"),
        ("honey", "max@kehu.example"),
    }  # fmt: skip
    assert told["honey", "max@kehu.example"].severity == "high"
    # counts, times and rows of the ledger: nothing of whom
    text = json.dumps([dict(one.evidence) for one in told.values()])
    for secret in ("Canary", "@", "138000", str(chen), str(lin), str(wu)):
        assert secret not in text
    with connection.cursor() as cursor:
        cursor.execute("select a.row::text from (select to_jsonb(x) as row from watch_alert x) a")
        whole = str(cursor.fetchall())
        for table in ("watch_hour", "watch_day", "watch_baseline"):
            cursor.execute(f"select x::text from {table} x")
            whole += str(cursor.fetchall())
    assert not any(secret in whole for secret in ("Canary", str(chen), str(lin), str(wu), "mail.example"))


def test_a_look_by_the_review_is_one(database):
    li, ada = staff("service"), staff("auditor")
    wu, plain = admit(WU, {"full_name": "Plain"})
    marks.mark(wu, "honey", actor=ada)
    compare_two(wu, plain, actor=li, purpose="service", apart=True)
    assert set(watched()) == {("honey", "service@kehu.example")}


def test_a_mark_follows_a_merge(database):
    ada, li = staff("auditor"), staff("service")
    lin, wu = admit(LIN, WU)
    marks.mark(wu, "vip", actor=ada)
    with transaction.atomic():
        connection.ensure_connection()
        assign(connection.connection, [(lin, wu)], certainty=CONFIRMED, why=WHY["staff"], run=None, by=li.staff)
    assert marks.marks(actor=ada)[0].customer == lin
    reads(li, lin)
    assert ("vip", "service@kehu.example") in watched()
    assert marks.unmark(lin, "vip", actor=ada) == 1
    with pytest.raises(marks.UnknownMark):
        marks.unmark(wu, "vip", actor=ada)


def test_who_may_mark_and_nobody_unmarks_themselves(database):
    pia = staff("privacy")
    [chen] = admit({"full_name": "Pia", "email": "privacy@kehu.example"})
    for role in ("service", "manager", "legal", "engineer"):
        other = staff(role)
        for act in (
            lambda who: marks.mark(chen, "vip", actor=who),
            lambda who: marks.unmark(chen, "vip", actor=who),
            lambda who: marks.marks(actor=who),
        ):
            with pytest.raises(ActRefused):
                act(other)
    marks.find_colleagues(actor=owner_actor())
    with pytest.raises(Refused, match=r"house\.second-person"):
        marks.unmark(chen, "colleague", actor=pia)
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("update watch_mark set ended_by = %s", [pia.human])
    with pytest.raises(DatabaseError, match="sets no marks"), connection.cursor() as cursor:
        cursor.execute("update watch_mark set ended_by = %s", [staff("analyst").human])
    assert marks.unmark(chen, "colleague", actor=staff("auditor")) == 1
    assert marks.find_colleagues(actor=owner_actor()) == 0  # what somebody took off stays off


def test_one_that_stands_is_left_as_it_is_and_listed_however_many_came_since(database, monkeypatch):
    [first] = admit(CHEN)
    ada = staff("auditor")
    held = marks.mark(first, "vip", actor=ada)
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into watch_mark (subject, kind, marked_by) select subject, 2, %s from unnest(%s::uuid[]) subject",
            [ada.human, admit(*[{"full_name": f"Canary-{number}"} for number in range(500)])],
        )
    newest = marks.marks(actor=ada)
    assert held not in newest
    assert marks.marks(actor=ada, before=newest[-1].id) == [held]
    assert marks.mark(first, "vip", actor=ada) == held
    listed = commands.run(monkeypatch, "watch", "marks", "--kind", "vip")
    told = [row["subject"] for row in json.loads(listed.stdout)["marks"]]
    assert told == [str(one.customer) for one in (*newest, held)]


def test_a_broken_glass_is_told(database):
    [chen] = admit(CHEN)
    li = staff("service")
    glass.break_glass(
        actor=li, kind="vital", fields=["phone"], customers=[chen], reason="The caller collapsed and hung up."
    )
    told = watched()
    assert told["break-glass", "service@kehu.example"].severity == "high"


def test_refusals_count_where_somebody_asks_for_what_is_not_theirs(database):
    li = staff("service")
    lapsed, _ = add_staff(email="late@kehu.example", role="service", department=None, attest=False)
    from kehu.guard.staff.actions import actor_of

    people = admit(*({"full_name": f"P{n}", "email": f"p{n}@mail.example"} for n in range(12)))
    for one in people:
        reads(actor_of(lapsed.email), one)  # refused, too: for their own agreement is not signed
        reads(li, one, purpose="credit")
    assert set(watched()) == {("denials", "service@kehu.example")}


def test_an_erasure_takes_the_mark_along_and_an_export_names_it(database):
    ada = staff("auditor")
    [lin] = admit(LIN)
    marks.mark(lin, "vip", actor=ada)
    [holder] = [one for one in holders.holders() if one.name == "watch"]
    said = holder.export(lin, actor=ada)
    assert [one["mark"] for one in said["marks"]] == ["vip"] and str(ada.human) not in str(said)
    assert holder.erase(lin) == 1
    assert holder.export(lin, actor=ada) is None


def test_the_jobs_look_tell_and_mark(database, monkeypatch):
    from django.core import mail
    from django.test import override_settings

    from kehu.guard.tasks import watch, watch_over

    monkeypatch.setattr(mail, "outbox", [], raising=False)
    staff("auditor")
    li = staff("service")
    [chen] = admit(CHEN)
    watch_over(0)
    reads(li, chen)
    with open_sequencer() as sequencer:
        sequencer.run_once()
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
        watch(0)
        watch(0)
    assert [one.kind for one in alerts.select_alerts("a.told_at is not null", [])] == ["self"]
    assert len(mail.outbox) == 1
