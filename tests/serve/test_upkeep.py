"""Verification and contact points that fail: tasks, confirmations that are edits, reports of mail servers, letters."""

from __future__ import annotations

import datetime as dt
import time
from threading import Barrier, Thread

import pytest
from django.conf import settings as django_settings
from django.core import mail
from django.core.mail import EmailMessage
from django.db import OperationalError, connection, transaction
from django.test import override_settings
from django.utils import timezone

from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.drain import drain_all
from kehu.collect.mail.message import read_mail
from kehu.govern.channels import add_channel
from kehu.govern.dictionary import UnknownField
from kehu.govern.holders import holders
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.acts import ActRefused, Refused
from kehu.guard.gate.read import gate
from kehu.guard.guests.credentials import sign_in
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.refine.clean.status import INVALID, UNVERIFIED, VALID
from kehu.refine.survive import survive
from kehu.serve.assurance import queries
from kehu.serve.rights.consents import actions
from kehu.serve.rights.consents.channels import set_subscription
from kehu.serve.rights.models import Request
from kehu.serve.upkeep import bounces, confirming, letters, policies, queue
from kehu.serve.upkeep.confidence import band, confidence
from kehu.serve.upkeep.models import Confirmation, ContactEvent, Task
from kehu.serve.upkeep.reliance import reliance_of
from kehu.serve.upkeep.tasks import verify_nightly
from kehu.vault.assignment import EXACT_KEY, PROBABLE
from kehu.vault.ids import new_id
from tests.cast import admit, shipped_with, staff
from tests.races import beside, somebody_waits, until
from tests.serve.holdings import add_event, link
from tests.smtp import mail_server

WANG = {"full_name": "王芳", "email": "wang@mail.example", "phone": "+8613800138000"}
LI = {"full_name": "李雷", "email": "li@mail.example", "phone": "+8613800138001"}


def aged(database, subject, days=800):
    with open_owner(database) as owner:
        owner.execute(
            "update record set said_at = now() - make_interval(days => %s) where subject = %s", [days, subject]
        )


@pytest.fixture
def cast(database):
    """Service, manager, privacy, auditor."""
    return {role: staff(role) for role in ("service", "manager", "privacy", "auditor")}


def policy(cast, **parts):
    wanted = policies.Wanted(**({"slug": "phone-yearly", "field": "phone", "months": 12} | parts))
    return policies.make_policy(
        wanted, owner="service@kehu.example", deputy="manager@kehu.example", actor=cast["manager"]
    )


def counts(subject, name, actor, purpose="accuracy"):
    [one] = gate().open([subject], actor=actor, purpose=purpose, fields=[name])
    return survive(one.contributions).get(name)


def test_a_policy_makes_a_task_for_what_nobody_confirmed_for_so_long(cast, database):
    old, new = admit(WANG, LI)
    aged(database, old)
    held = policy(cast)
    assert policies.run_policy(held, actor=cast["manager"]) == 1
    assert policies.run_policy(held, actor=cast["manager"]) == 0  # it waits already
    [task] = Task.objects.all()
    assert (task.subject, task.field, task.why, task.state) == (old, "phone", "age", "open")
    assert task.due == dt.datetime.now(dt.UTC).date() + dt.timedelta(days=30)
    assert counts(new, "phone", cast["service"]) is not None
    with pytest.raises(ActRefused):
        policy({"manager": cast["service"]})


@pytest.mark.parametrize("parts", [{"field": "order_id"}, {"months": None}, {"bounces": 2}, {"months": 0}, {"way": "fax"},
                                   {"role": "auditor"}, {"slug": "X"}])  # fmt: skip
def test_a_policy_that_says_nothing_is_refused(parts):
    with pytest.raises(ValueError, match=r"\w"):
        policies.Wanted(**({"slug": "phone-yearly", "field": "phone", "months": 12} | parts)).checked()


def test_confirming_says_the_value_again_and_ends_the_task(cast, database):
    [subject] = admit(WANG)
    aged(database, subject)
    policies.run_policy(policy(cast), actor=cast["manager"])
    done = confirming.confirm(subject, "phone", how="phone", actor=cast["service"])
    assert not done.changed
    won = counts(subject, "phone", cast["service"])
    assert won.said.record == done.id and won.said.verified_at and won.said.normal == "+8613800138000"
    [task] = Task.objects.all()
    assert (task.state, task.outcome, task.done_by, task.record) == (
        "done",
        "confirmed",
        cast["service"].human,
        done.id,
    )
    row = Confirmation.objects.get(id=done.id)
    assert (row.staff, row.how, row.changed) == (cast["service"].human, "phone", False)
    held = reliance_of([won.said], [subject])["phone"]
    assert (held.confirmed_by, held.months, held.band) == ("staff", 0, "high")
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from ledger_entry where action = 132 and detail = %s", [done.id])
        assert cursor.fetchone()[0] == 1
        cursor.execute("select basis, notice, controller from record where subject = %s", [subject])
        assert len(set(cursor.fetchall())) == 1  # under the terms of what it confirms


def test_the_same_number_said_without_its_country_is_the_same(cast):
    [subject] = admit(WANG | {"phone": "+85291234567"})
    assert not confirming.confirm(subject, "phone", how="phone", actor=cast["service"], value="9123 4567").changed
    assert counts(subject, "phone", cast["service"]).said.normal == "+85291234567"


def test_a_correction_is_found_by_its_value_and_taken_back_within_a_day(cast, database):
    [subject] = admit(WANG)
    done = confirming.confirm(subject, "email", how="in-person", actor=cast["service"], value=" New@Mail.Example ")
    assert done.changed
    assert counts(subject, "email", cast["service"]).said.normal == "new@mail.example"
    assert bounces.note_by_value("soft-bounce", "email", "new@mail.example", actor=cast["service"]).customers == 1
    confirming.undo(done.id, actor=cast["service"])
    assert counts(subject, "email", cast["service"]).said.normal == "wang@mail.example"
    with pytest.raises(confirming.NothingToConfirm):
        confirming.undo(done.id, actor=cast["service"])
    with pytest.raises(confirming.NotValid):
        confirming.confirm(subject, "email", how="phone", actor=cast["service"], value="no address")
    with pytest.raises(ActRefused):
        confirming.confirm(subject, "email", how="phone", actor=cast["auditor"])
    with pytest.raises(Refused):  # a manager claims no accuracy: the gate says no
        confirming.confirm(subject, "email", how="phone", actor=cast["manager"])


def test_what_is_confirmed_serves_a_purpose_that_wants_it_fresh(cast, database):
    shipped_with(database, "service", fresh={"contact": 365})
    [subject] = admit(WANG)
    aged(database, subject)
    assert counts(subject, "phone", cast["service"], "service") is None
    confirming.confirm(subject, "phone", how="phone", actor=cast["service"])
    assert counts(subject, "phone", cast["service"], "service").said.normal == "+8613800138000"
    assert counts(subject, "email", cast["service"], "service") is None


def test_a_confirmation_taken_back_leaves_the_task_with_whom_it_was(cast, database):
    opened, theirs = admit(WANG, LI)
    free = queue.make_by_hand(opened, "phone", actor=cast["service"]).id
    taken = queue.make_by_hand(theirs, "phone", actor=cast["service"]).id
    queue.take(taken, actor=cast["service"])
    for subject in (opened, theirs):  # by a colleague, who has neither
        confirming.undo(
            confirming.confirm(subject, "phone", how="phone", actor=cast["privacy"]).id, actor=cast["privacy"]
        )
    held = {one.id: (one.state, one.taken_by, one.done_by, one.outcome) for one in Task.objects.all()}
    assert held == {free: ("open", None, None, ""), taken: ("taken", cast["service"].human, None, "")}


@pytest.mark.parametrize("blank", ["", " \t", "\u3000"])
def test_a_blank_value_confirms_nothing(cast, database, blank):
    [subject] = admit(WANG)
    task = queue.make_by_hand(subject, "phone", actor=cast["service"]).id
    with pytest.raises(confirming.NotValid):
        confirming.confirm(subject, "phone", how="phone", actor=cast["service"], value=blank)
    with pytest.raises(confirming.NotValid):
        confirming.answer(sign_in(subject).guest, task, value=blank)
    assert not Confirmation.objects.exists() and Task.objects.get().state == "open"


def test_a_task_is_answered_by_whoever_has_it(cast, database):
    [subject] = admit(WANG)
    task = queue.make_by_hand(subject, "phone", actor=cast["service"]).id
    said = {"how": "phone", "actor": cast["service"], "task": task}
    with pytest.raises(confirming.NothingToConfirm):  # nobody has it
        confirming.confirm(subject, "phone", **said)
    queue.take(task, actor=cast["privacy"])
    with pytest.raises(confirming.NothingToConfirm):
        confirming.confirm(subject, "phone", **said)
    with pytest.raises(queue.UnknownTask):
        queue.end(task, actor=cast["service"])
    queue.give_back(task, actor=cast["privacy"])
    queue.take(task, actor=cast["service"])
    confirming.confirm(subject, "phone", **said)
    with pytest.raises(confirming.NothingToConfirm):  # it was done
        confirming.confirm(subject, "phone", **said)
    assert Confirmation.objects.count() == 1


def test_the_customer_answers_in_the_portal(cast, database):
    subject, other = admit(WANG, LI)
    for name in ("phone", "email", "full_name"):
        queue.make_by_hand(subject, name, actor=cast["service"])
    theirs = queue.make_by_hand(other, "phone", actor=cast["service"])
    guest = sign_in(subject).guest
    asked = {one.task.field: one for one in confirming.asked_of(guest)}
    assert asked["phone"].text == "+8613800138000" and set(asked) == {"phone", "email", "full_name"}
    assert confirming.answer(guest, asked["phone"].task.id) == "confirmed"
    assert confirming.answer(guest, asked["email"].task.id, value="wf@mail.example") == "corrected"
    assert confirming.answer(guest, asked["full_name"].task.id, remove=True) == "removal"
    assert counts(subject, "email", cast["service"]).said.normal == "wf@mail.example"
    assert Request.objects.get().right == "erase"
    assert set(Confirmation.objects.values_list("staff", "how")) == {(None, "portal")}
    for task in (theirs.id, asked["phone"].task.id):  # somebody else's, and one that was answered
        with pytest.raises(confirming.NothingToConfirm):
            confirming.answer(guest, task)


def test_two_answers_at_once_are_one(cast, database):
    [subject] = admit(WANG)
    phone, email = (queue.make_by_hand(subject, name, actor=cast["service"]).id for name in ("phone", "email"))
    guest, wrong = sign_in(subject).guest, []

    def answered(task, together, **said):
        together.wait()
        try:
            confirming.answer(guest, task, **said)
        except confirming.AlreadyAnswered as twice:
            wrong.append(twice)
        finally:
            connection.close()

    for task, said in ((phone, {}), (email, {"remove": True})):
        with transaction.atomic():  # both have looked, and come no further
            Task.objects.select_for_update().get(id=task)
            together = Barrier(2)
            threads = [Thread(target=answered, args=(task, together), kwargs=said) for _ in range(2)]
            for one in threads:
                one.start()
            wait_for_locks(2)
        for one in threads:
            one.join()
    assert len(wrong) == 2
    assert Confirmation.objects.count() == 1 and Request.objects.count() == 1


def wait_for_locks(count):
    """Until so many wait for a lock."""
    for _ in range(500):
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from pg_locks where not granted")
            if cursor.fetchone()[0] >= count:
                return
        time.sleep(0.01)
    raise AssertionError("never came")


def test_a_task_is_taken_given_back_ended_and_opened_again(cast, database):
    [subject] = admit(WANG)
    task = queue.make_by_hand(subject, "phone", actor=cast["service"]).id
    assert queue.make_by_hand(subject, "phone", actor=cast["service"]).id == task
    queue.take(task, actor=cast["service"])
    for wrong in (queue.take, lambda task, actor: queue.give_back(task, actor=cast["manager"])):
        with pytest.raises(queue.UnknownTask):
            wrong(task, actor=cast["service"])
    queue.give_back(task, actor=cast["service"])
    queue.take(task, actor=cast["service"])
    queue.end(task, actor=cast["service"])
    queue.reopen(task, actor=cast["service"])
    assert Task.objects.get().state == "taken"
    assert queue.counts(actor=cast["service"]) == queue.Counts(1, 0, 1)
    [(held, customer)] = queue.waiting(actor=cast["service"]).tasks
    assert (held.id, customer) == (task, subject)


@pytest.mark.parametrize("twin", [False, True], ids=["of one record", "of two of one person"])
@pytest.mark.parametrize("again", [False, True], ids=["made", "opened again"])
def test_a_value_waits_once_though_two_ask_for_it_at_once(cast, database, twin, again):
    one, other = admit(WANG, WANG | {"email": "wang@work.example"})
    link(one, other, EXACT_KEY)
    over = queue.make_by_hand(other if twin else one, "email", actor=cast["service"])
    queue.take(over.id, actor=cast["service"])
    queue.end(over.id, actor=cast["service"])

    def second() -> None:
        if again:
            with pytest.raises(queue.UnknownTask):
                queue.reopen(over.id, actor=cast["service"])
        else:
            made.append(queue.make_by_hand(other if twin else one, "email", actor=cast["service"]).id)

    made = []
    with transaction.atomic():
        made.append(queue.make_by_hand(one, "email", actor=cast["service"]).id)
        thread, wrong = beside(second)
        until(lambda: somebody_waits() or not thread.is_alive())
    thread.join(20)
    assert (wrong, len(set(made)), Task.objects.filter(state="open").count()) == ([], 1, 1)


def test_the_queue_counts_what_it_lists(cast, database, monkeypatch):
    """Whoever is hidden stands in neither, and leaves no page with less on it."""
    monkeypatch.setattr(queue, "PAGE", 2)
    hidden, *here = admit(*[WANG | {"phone": f"+861380013800{n}"} for n in range(4)])
    for days, subject in enumerate((hidden, *here)):
        queue.make_by_hand(subject, "phone", actor=cast["service"], due=dt.date(2026, 1, 1 + days))
    queue.take(Task.objects.get(subject=hidden).id, actor=cast["service"])
    with open_owner(database) as owner:
        owner.execute("update subject_state set hidden = true where subject = %s", [hidden])
    assert queue.counts(actor=cast["service"]) == queue.Counts(3, 3, 0)
    first = queue.waiting(actor=cast["service"])
    rest = queue.waiting(actor=cast["service"], after=first.after)
    assert [[customer for _task, customer in page.tasks] for page in (first, rest)] == [here[:2], here[2:]]
    assert rest.after == "" and queue.waiting(actor=cast["service"], mine=True).tasks == ()
    Task.objects.filter(subject=here[1]).delete()  # where the first page ended: its customer was erased meanwhile
    assert queue.waiting(actor=cast["service"], after=first.after).tasks == rest.tasks
    assert queue.waiting(actor=cast["service"], after="nonsense").tasks[0] == first.tasks[0]


def test_a_task_is_late_by_the_readers_own_day(cast, database, monkeypatch):
    [subject] = admit(WANG)
    queue.make_by_hand(subject, "phone", actor=cast["service"], due=dt.date(2026, 3, 1))
    monkeypatch.setattr(timezone, "now", lambda: dt.datetime(2026, 3, 1, 23, 0, tzinfo=dt.UTC))
    for zone, late in (("UTC", 0), ("Asia/Shanghai", 1)):  # where it is seven in the morning of the second
        with timezone.override(zone):
            assert queue.counts(actor=cast["service"]).late == late


DSN = b"""From: MAILER-DAEMON@mx.example\r
To: shop@kehu.example\r
Message-ID: <1@mx.example>\r
Content-Type: multipart/report; report-type=delivery-status; boundary=b\r
\r
--b\r
Content-Type: text/plain\r
\r
It did not arrive.\r
--b\r
Content-Type: message/delivery-status\r
\r
Reporting-MTA: dns; mx.example\r
\r
Final-Recipient: rfc822; Wang@Mail.Example\r
Action: failed\r
Status: 5.1.1\r
\r
Final-Recipient: rfc822; full@mail.example\r
Action: failed\r
Status: 5.2.2\r
\r
Final-Recipient: rfc822; late@mail.example\r
Action: delayed\r
Status: 4.4.1\r
--b--\r
"""


def test_a_report_of_a_mail_server_is_read():
    assert read_mail(DSN)["bounced"] == [("wang@mail.example", "hard-bounce"), ("full@mail.example", "soft-bounce")]
    assert "bounced" not in read_mail(DSN.replace(b"delivery-status; b", b"disposition-notification; b"))
    assert "bounced" not in read_mail(b"From: a@b.example\r\n\r\nFinal-Recipient: rfc822; wang@mail.example")


def test_an_old_report_says_nothing_of_an_address_that_was_given_since(cast, monkeypatch):
    """A mailbox that is fetched whole, or was not fetched for long, holds reports of years ago."""
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    [subject] = admit(WANG)
    policy(cast, slug="email-bounces", field="email", months=None, bounces=1)
    channel, _ = add_channel("service mail", "mailbox", owner=owner_actor().staff, country="CN")

    def brought(*dates: str) -> None:
        for date in dates:
            said = read_mail(DSN.replace(b"To: shop", f"Date: {date}\r\nTo: shop".encode()))
            accepting.accept(accepting.Sender(channel.id, "mailbox"), [said["own"]], {"m": [said]})
        drain_all()

    brought("Mon, 3 Jun 2024 10:00:00 +0800")
    assert [one.at.date() for one in ContactEvent.objects.all()] == [dt.date(2024, 6, 3)]
    low = reliance_of([counts(subject, "email", cast["service"]).said], [subject])["email"]
    assert (low.band, low.bounces, Task.objects.count()) == ("high", 0, 0)
    brought("Mon, 3 Jun 2199 10:00:00 +0800", "no date")  # nothing failed tomorrow
    assert {one.at.date() for one in ContactEvent.objects.all()} == {dt.date(2024, 6, 3), timezone.now().date()}
    assert Task.objects.count() == 1


def test_two_bounces_have_an_address_verified(cast, database):
    subject, other = admit(WANG, LI)
    policy(cast, slug="email-bounces", field="email", months=None, bounces=2)
    first = bounces.note_by_value("hard-bounce", "email", "WANG@mail.example", actor=cast["service"], report="<1>")
    again = bounces.note_by_value("hard-bounce", "email", "wang@mail.example", actor=cast["service"], report="<1>")
    assert (first.customers, first.tasks, again.customers) == (1, 0, 0)
    low = reliance_of([counts(subject, "email", cast["service"]).said], [subject])["email"]
    assert (low.band, low.bounces) == ("low", 1)
    second = bounces.note_by_value("soft-bounce", "email", "wang@mail.example", actor=cast["service"], report="<2>")
    assert second.tasks == 1
    assert Task.objects.get().why == "bounces"
    confirming.confirm(subject, "email", how="phone", actor=cast["service"])
    assert reliance_of([counts(subject, "email", cast["service"]).said], [subject])["email"].band == "high"
    assert bounces.note_of("returned-post", "address", other, actor=cast["service"]).customers == 1
    with pytest.raises(bounces.NotAContact):
        bounces.note_of("returned-post", "email", other, actor=cast["service"])
    with pytest.raises(ActRefused):
        bounces.note_of("failed-call", "phone", other, actor=cast["auditor"])


def test_that_nobody_has_a_value_is_told_with_a_row_and_to_nobody_whose_training_is_over(cast, database):
    admit(WANG)
    rows = lambda: [row["subjects"] for row in queries.rows(actor=cast["auditor"]) if row["action"] == "bounce"]
    assert bounces.note_by_value("hard-bounce", "email", "nobody@mail.example", actor=cast["service"]).customers == 0
    assert rows() == [0]
    assert bounces.note_by_value("hard-bounce", "email", "wang@mail.example", actor=cast["service"]).customers == 1
    assert rows() == [1, 0]
    untrained = staff("marketing", attest=False)
    for value in ("wang@mail.example", "nobody@mail.example"):
        with pytest.raises(Refused, match=r"house\.agreement"):
            bounces.note_by_value("hard-bounce", "email", value, actor=untrained)


@pytest.mark.parametrize(("whom", "tasks"), [("all", 3), ("persons", 2), ("organisations", 1), ("customers", 1)])
def test_a_policy_after_bounces_is_about_whom_it_says(cast, whom, tasks):
    shared = {"email": "desk@mail.example"}
    buyer, _ = admit(WANG | shared, LI | shared)
    admit({"legal_name": "Moon Trading"} | shared, kind=2)
    add_event(buyer, 3, {"order_id": "A1"})
    policy(cast, slug="email-bounces", field="email", months=None, bounces=1, whom=whom)
    noted = bounces.note_by_value("hard-bounce", "email", "desk@mail.example", actor=cast["service"])
    assert (noted.customers, noted.tasks, Task.objects.count()) == (3, tasks, tasks)


NOW = dt.datetime(2026, 11, 26, tzinfo=dt.UTC)


def test_confidence_is_what_its_formula_says():
    def of(status=VALID, confirmed=False, days=0, events=()):
        since = NOW - dt.timedelta(days=days)
        told = [(since + dt.timedelta(days=at), kind) for at, kind in events]
        return round(confidence(status=status, confirmed=confirmed, since=since, now=NOW, events=told), 3)

    assert (of(confirmed=True), of(), of(UNVERIFIED), of(INVALID)) == (0.9, 0.75, 0.5, 0.1)
    assert of(days=1461) == 0.375
    assert of(events=[(0, "hard-bounce")]) == 0.225
    assert of(events=[(-1, "hard-bounce")]) == 0.75  # before it was said again
    assert of(events=[(1, "delivered"), (0, "hard-bounce")]) == round(0.225 + 0.775 * 0.2, 3)
    assert of(events=[(0, "hard-bounce")] * 9) == 0.01
    assert [band(one) for one in (0.6, 0.59, 0.3, 0.29)] == ["high", "medium", "medium", "low"]


@override_settings(
    EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend", PORTAL_URL="https://kehu.example/portal"
)
def test_a_letter_goes_once_and_to_nobody_who_said_no(cast, database):
    mail.outbox = []
    yes, no = admit(WANG, LI)
    for subject in (yes, no):
        aged(database, subject)
    policies.run_policy(policy(cast, way="mail"), actor=cast["manager"])
    with open_owner(database) as owner:
        owner.execute(
            'update subject_state set subscriptions = \'{"email:service-news": ["unsubscribed", "none"]}\' where subject = %s',
            [no],
        )
    sent = letters.send(actor=cast["service"])
    assert (sent.mailed, sent.left_out, sent.failed) == (1, 1, 0)
    assert letters.send(actor=cast["service"]).mailed == 0
    [letter] = mail.outbox
    assert letter.to == ["wang@mail.example"] and not letter.attachments and letter.content_subtype == "plain"
    assert "+8613800138000" not in letter.body and "王芳" not in letter.body  # nothing of them stands in it
    assert letter.body.count("https://") == 3  # once in each language, and the portal's each time
    assert PURPOSES["accuracy"] == 10


@override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend")
def test_who_says_no_or_answers_while_letters_go_gets_none(cast, database, monkeypatch):
    """A run takes minutes; whoever stands behind the first letter is asked then, not when it began."""
    mail.outbox, people = [], admit(*({"full_name": f"P{n}", "email": f"p{n}@mail.example"} for n in range(3)))
    for subject in people:
        aged(database, subject)
    policies.run_policy(policy(cast, field="email", way="mail"), actor=cast["manager"])
    for days, subject in enumerate(people):
        Task.objects.filter(subject=subject).update(due=dt.date(2026, 1, 1 + days))
    sent_by, (_, no, answers) = EmailMessage.send, people

    def sending(self, *args, **options):
        if not mail.outbox:
            set_subscription(no, "email", "service-news", "unsubscribed", actor=cast["service"])
            queue.take(Task.objects.get(subject=answers).id, actor=cast["service"])
        return sent_by(self, *args, **options)

    monkeypatch.setattr(EmailMessage, "send", sending)
    sent = letters.send(actor=cast["service"])
    assert [letter.to for letter in mail.outbox] == [["p0@mail.example"]]
    assert (sent.mailed, sent.left_out, sent.failed) == (1, 1, 0)


@override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend")
def test_who_is_reported_dead_since_they_were_to_be_asked_gets_no_letter(cast, database, monkeypatch):
    mail.outbox, people = [], admit(*({"full_name": f"P{n}", "email": f"p{n}@mail.example"} for n in range(3)))
    for days, subject in enumerate(people):
        made = queue.make_by_hand(subject, "email", actor=cast["service"], due=dt.date(2026, 1, 1 + days))
        Task.objects.filter(id=made.id).update(way="mail")
    dead = lambda who: actions.enter_state(who, "deceased", actor=cast["privacy"], act="deceased")
    sent_by, (before, _, meanwhile) = EmailMessage.send, people

    def sending(self, *args, **options):
        if not mail.outbox:
            dead(meanwhile)
        return sent_by(self, *args, **options)

    dead(before)
    monkeypatch.setattr(EmailMessage, "send", sending)
    for _ in range(2):
        letters.send(actor=cast["service"])
        assert [letter.to for letter in mail.outbox] == [["p1@mail.example"]]
    assert letters.never_tried() == 0


@override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend")
@pytest.mark.parametrize("outcome", ["unreachable", "removal"])
def test_what_ended_without_a_value_is_not_asked_again_the_next_night(cast, database, outcome):
    mail.outbox = []
    [subject] = admit(WANG)
    aged(database, subject)
    yearly = policy(cast, way="mail")
    policies.run_policy(yearly, actor=cast["manager"])
    assert letters.send(actor=cast["service"]).mailed == 1
    [task] = Task.objects.all()
    if outcome == "removal":
        confirming.answer(sign_in(subject).guest, task.id, remove=True)
    else:
        queue.take(task.id, actor=cast["service"])
        queue.end(task.id, actor=cast["service"])
    assert policies.run_policy(yearly, actor=cast["manager"]) == 0
    assert letters.send(actor=cast["service"]).mailed == 0 and len(mail.outbox) == 1
    Task.objects.update(done_at=dt.datetime.now(dt.UTC) - dt.timedelta(days=370))
    assert policies.run_policy(yearly, actor=cast["manager"]) == 1  # a year later it is


@override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend")
def test_a_policy_of_a_field_that_is_gone_keeps_no_other_from_its_turn_and_no_letter_from_going(cast, database):
    subject, other = admit(WANG, LI)
    aged(database, subject)
    policy(cast, slug="a-gone", field="employer")
    policies.Policy.objects.filter(slug="a-gone").update(field="gone")  # a dictionary of a later day
    policy(cast)
    waits = policy(cast, slug="mail-yearly", field="email", way="mail")
    policies.make_task(other, policy=waits, why="hand", by=cast["manager"].human)
    gone = policies.make_task(subject, policy=waits, why="hand", by=cast["manager"].human)
    Task.objects.filter(subject=subject).update(field="gone", due=dt.date(2026, 1, 1))
    mail.outbox = []
    with pytest.raises(UnknownField):
        verify_nightly(0)
    assert gone and set(Task.objects.filter(subject=subject).values_list("field", flat=True)) == {
        "gone",
        "phone",
        "email",
    }
    assert {one.to[0] for one in mail.outbox} == {WANG["email"], LI["email"]}


def test_after_nobody_was_reached_messages_are_counted_anew(cast, database):
    admit(WANG)
    policy(cast, slug="email-bounces", field="email", months=None, bounces=2)

    def bounced(report):
        noted = bounces.note_by_value("hard-bounce", "email", WANG["email"], actor=cast["service"], report=report)
        return noted.tasks

    assert [bounced("<1>"), bounced("<2>")] == [0, 1]
    [task] = Task.objects.all()
    queue.take(task.id, actor=cast["service"])
    queue.end(task.id, actor=cast["service"])
    assert [bounced("<3>"), bounced("<4>")] == [0, 1]


def test_whom_no_letter_reaches_keeps_no_other_from_theirs(cast, database, monkeypatch):
    monkeypatch.setattr(letters, "MOST_AT_ONCE", 1)
    nameless, refused, gone, yes = admit({"phone": "+8613800138009"}, LI, {"phone": "+8613800138008"}, WANG)
    for subject in (nameless, refused, gone, yes):
        aged(database, subject)
    policies.run_policy(policy(cast, way="mail"), actor=cast["manager"])
    for days, subject in enumerate((nameless, refused, gone, yes)):
        Task.objects.filter(subject=subject).update(due=dt.date(2026, 1, 1 + days))
    with open_owner(database) as owner:
        owner.execute("update subject_state set hidden = true where subject = %s", [gone])
    with mail_server(database) as server:
        server.refuses.add(LI["email"])
        nights = [letters.send(actor=cast["service"]) for _ in range(4)]
    assert [night.mailed for night in nights] == [0, 0, 0, 1]
    assert [letter["To"] for letter in server.letters] == [WANG["email"]]


@override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend")
def test_letters_keep_up_with_the_tasks_that_policies_make(cast, database, monkeypatch):
    assert letters.MOST_AT_ONCE > policies.MOST_AT_ONCE
    monkeypatch.setattr(letters, "MOST_AT_ONCE", 1)
    mail.outbox = []
    for subject in admit(WANG, LI):
        aged(database, subject)
    for slug, name in (("phone-yearly", "phone"), ("email-yearly", "email")):
        policies.run_policy(policy(cast, slug=slug, field=name, way="mail"), actor=cast["manager"])
    assert letters.to_go() == letters.never_tried() == 4
    assert letters.send(actor=cast["service"]).mailed == 2  # for each policy as many
    assert letters.to_go() == 2
    assert letters.send(actor=cast["service"]).mailed == 2
    with open_owner(database) as owner:
        owner.execute("update upkeep_task set asked_at = null, tried_at = now()")
    assert (letters.to_go(), letters.never_tried()) == (4, 0)  # whom no letter reaches keeps no run behind
    with open_owner(database) as owner:
        owner.execute("update subject_state set hidden = true")
    assert letters.to_go() == 0  # to nobody who is not here


@override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend")
def test_a_letter_names_the_house_that_it_comes_from(cast, database):
    mail.outbox = []
    theirs, other = admit(WANG, LI)
    with open_owner(database) as owner:
        owner.execute(
            "insert into govern_controller (id, name, country, platform, created_at)"
            " values (2, 'Best Buy', 'CN', false, now())"
        )
        owner.execute("update subject_state set controller = 2 where subject = %s", [theirs])
        owner.execute("update govern_controller set name = 'Hill House' where id = 1")
    for subject in (theirs, other):
        aged(database, subject)
    policies.run_policy(policy(cast, way="mail"), actor=cast["manager"])
    assert letters.send(actor=cast["service"]).mailed == 2
    said = {letter.to[0]: letter.body for letter in mail.outbox}
    assert "Best Buy" in said[WANG["email"]] and "Hill House" not in said[WANG["email"]]
    assert "Hill House" in said[LI["email"]] and "Best Buy" not in said[LI["email"]]


@override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend")
def test_a_letter_goes_to_nobody_whom_linkage_alone_joined(cast, database):
    mail.outbox = []
    asked, other, without = admit(WANG, LI, {"phone": "+8613800138009"})
    for younger in (other, without):
        link(asked, younger, PROBABLE)
    for subject in (asked, without):
        Task.objects.create(
            id=new_id(),
            subject=subject,
            field="phone",
            why="age",
            way="mail",
            due=dt.date(2026, 1, 1),
            made_by=cast["manager"].human,
        )
    sent = letters.send(actor=cast["service"])
    assert (sent.mailed, sent.left_out) == (1, 1)
    assert [letter.to for letter in mail.outbox] == [[WANG["email"]]]  # the newer address is the other's


def test_cut_off_before_the_note_the_letter_goes_again_by_its_name(cast, database):
    [subject] = admit(WANG)
    aged(database, subject)
    policies.run_policy(policy(cast, way="mail"), actor=cast["manager"])
    with mail_server(database) as taken:
        taken.cut_after_next()
        with pytest.raises(OperationalError):
            letters.send(actor=cast["service"])
        connection.close()
        assert letters.send(actor=cast["service"]).mailed == 1
        assert letters.send(actor=cast["service"]).mailed == 0
    first, second = taken.letters
    assert first["Message-ID"] == second["Message-ID"]


@pytest.mark.parametrize("text", ["see https://shop.example/sale", "www.shop.example", "<img src=x>", "20 % off",
                                  "a free gift", "限时优惠"])  # fmt: skip
def test_a_letter_with_marketing_does_not_go(text):
    with pytest.raises(letters.NotPlain):
        letters.require_plain(text)
    assert django_settings.PORTAL_URL == ""
    for name in ("phone", "address"):
        assert letters.letter(name, house="main", language="en")[1].startswith("Hello. Our organisation")


def test_upkeep_goes_with_whom_it_is_about(cast, database):
    [subject] = admit(WANG)
    queue.make_by_hand(subject, "phone", actor=cast["service"])
    confirming.confirm(subject, "email", how="phone", actor=cast["service"])
    bounces.note_of("failed-call", "phone", subject, actor=cast["service"])
    [holder] = [one for one in holders() if one.name == "upkeep"]
    told = holder.export(subject, actor=None)
    assert set(told) == {"verification_tasks", "confirmations", "contact_events"}
    assert str(cast["service"].human) not in str(told)
    assert holder.erase(subject) == 3
    assert holder.export(subject, actor=None) is None and not ContactEvent.objects.exists()
