"""Forms and surveys: a child however it is said, answers that tell of nobody and go with whom they are of."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import transaction

from kehu.collect.channels import Asked
from kehu.collect.forms import surveys, waiting
from kehu.collect.forms.stamps import make_invitation, make_stamp
from kehu.collect.forms.submission import Wrong
from kehu.collect.inbox import drain as draining
from kehu.collect.inbox.drain import drain, drain_all
from kehu.collect.inbox.hands import Errand
from kehu.collect.models import Quarantined
from kehu.collect.quarantine import groups, mending
from kehu.collect.quarantine.source import open_refused
from kehu.govern.models import Channel, Subscription
from kehu.govern.subscriptions import Said, say
from kehu.guard.staff.actions import owner_actor
from kehu.serve.rights.erasing.erasure import erase
from kehu.vault.ids import new_id
from tests.cast import admit
from tests.collect.test_surveys import HOW, SURVEY, WHY
from tests.forms import CONTACT, LETTERS, count, link_of, post_letters, published, send, someone, words
from tests.serve.test_unmerge_races import beside

pytestmark = pytest.mark.usefixtures("database", "letters")


CHILD = {
    "fields": {"email": True, "birth_date": False}, "purposes": ("service", "credit"),
    "wordings": {"credit": words("Credit")},
}  # fmt: skip


@pytest.mark.parametrize(
    "form_of", ["{y}-03-05", "{y}-03-05 00:00", "{y}／03／05", "{y}年3月5日 10:00", "{y}0305 0000"]
)
def test_a_birth_date_says_a_child_however_it_is_written(form_of):
    form = published(replace(CONTACT, **CHILD))
    young = form_of.format(y=datetime.now(UTC).year - 9)
    with pytest.raises(Wrong) as wrong:
        send(form, {"email": "kid@mail.example", "birth_date": young}, consents=CHILD["purposes"])
    assert "guardian_email" in wrong.value.faults


def test_a_huge_choice_is_a_fault():
    form = published(SURVEY, name="tea", kind="survey")
    with pytest.raises(Wrong) as wrong:
        send(form, {}, answers={"how": "9" * 5000})
    assert set(wrong.value.faults) == {"q_how"}


def test_what_is_left_out_tells_of_nobody_together():
    form = published(SURVEY, name="tea", kind="survey")
    for number in range(11):
        send(form, {}, answers={"how": "1" if number == 0 else "5"}, client=f"192.0.2.{number}")
    drain_all()
    how = surveys.results(form.id, 1, actor=someone("marketing"))[0]
    hidden = how.total - sum(one or 0 for one in how.counts)
    assert hidden == 0 or hidden >= surveys.FEWEST


def _invited(name, mailbox="lin@mail.example"):
    [lin] = admit({"email": mailbox})
    named = published(SURVEY, name=name, kind="survey", anonymous=False)
    send(named, {}, answers={"how": "4", "why": "because of Lin"}, invitation=make_invitation(named.id, lin))
    return lin


def test_answers_go_with_whom_was_erased_before_they_were_taken_in():
    lin = _invited("named")
    erase(lin, reason="asked", actor=someone("privacy"))
    drain_all()
    assert count("select count(*) from survey_answer") == 0


def test_an_erasure_waits_for_answers_that_are_being_taken_in():
    [lin] = admit({"email": "lin@mail.example"})
    named, privacy = published(SURVEY, name="named", kind="survey", anonymous=False), someone("privacy")
    said = {"own": str(new_id()), "form": str(named.id), "v": 1, "at": "2026-01-02T03:04:05+00:00", "language": "en",
            "answers": {"how": "4", "why": "because of Lin"}, "invited": str(lin)}  # fmt: skip
    errand = Errand(
        Asked("survey", None, {"said": json.dumps(said)}, 0), None, Channel.objects.get(id=named.channel), 1,
        datetime.now(UTC), privacy,
    )  # fmt: skip
    with transaction.atomic():
        surveys.keep_answers(errand)  # as the drain calls it, in its transaction
        thread, wrong = beside(lambda: erase(lin, reason="asked", actor=privacy))
        time.sleep(2)
    thread.join(30)
    assert not wrong and count("select count(*) from survey_answer") == 0


def _said_again_after_a_no(form, letters, **said):
    """Letters are asked for, and once more, but a no came in between: the second message is refused. Returns who it was."""

    def asked(seconds_ago):
        send(form, {"email": "lin@mail.example"}, letters=["email:newsletter"],
             stamp=make_stamp(form.id, form.version.number, at=time.time() - seconds_ago), **said)  # fmt: skip
        post_letters()
        waiting.confirm(link_of(letters[-1]))

    asked(20)
    drain_all()
    [lin] = Subscription.objects.values_list("subject", flat=True)
    asked(10)
    say(lin, "email", "newsletter", said=Said("unsubscribed", way="x"), recorded_by=new_id(), id=new_id())
    drain_all()
    return lin


def test_answers_of_a_message_that_is_sent_again_are_counted_once(letters):
    asks = replace(
        LETTERS, questions=(HOW, WHY), purposes=("marketing", "analytics"), wordings={"analytics": words("Count me")},
        anonymous=True,
    )  # fmt: skip
    form = published(asks, name="both", kind="survey")

    _said_again_after_a_no(form, letters, answers={"how": "4", "why": "tea"})
    assert count("select count(*) from survey_answer") == 4
    [group] = [one for one in groups.groups(actor=owner_actor()) if one.reason == "message_said_later"]
    mending.send_group(group, actor=owner_actor(), until=UUID(int=2**128 - 1))
    drain_all()
    assert count("select count(*) from survey_answer") == 4


def _fails(monkeypatch, hand):
    """As if that hand broke down on whatever it is given."""
    real = draining.hand_of
    monkeypatch.setattr(draining, "hand_of", lambda name: real(name) if name != hand else real("no such hand"))


def _refused():
    ids = list(Quarantined.objects.filter(accepted=False, settled=None).values_list("id", flat=True))
    return [content[1:].decode() for _, content in open_refused(ids, actor=owner_actor(), detail=None).values()]


def test_answers_of_a_message_that_cannot_be_taken_in_lie_apart_from_who_gave_them(letters, monkeypatch):
    asks = replace(
        LETTERS, questions=(HOW, WHY), purposes=("marketing", "analytics"), wordings={"analytics": words("Count me")},
        anonymous=True,
    )  # fmt: skip
    form = published(asks, name="both", kind="survey")

    def sent(stamp_at):
        send(form, {"email": "lin@mail.example"}, letters=["email:newsletter"], answers={"how": "4", "why": "tea"},
             stamp=make_stamp(form.id, form.version.number, at=time.time() - stamp_at))  # fmt: skip
        post_letters()
        waiting.confirm(link_of(letters[-1]))

    with monkeypatch.context() as patch:
        _fails(patch, "form")
        sent(20)
        for _ in range(9):
            drain()
    [answers] = [one for one in _refused() if '"tea"' in one]
    [person] = [one for one in _refused() if "lin@mail.example" in one]
    given = {str(value) for value in json.loads(person).values() if len(str(value)) > 12} - {str(form.id)}
    assert answers != person and not [value for value in given if value in answers]
    sent(10)
    drain_all()
    assert count("select count(*) from survey_answer") == 2
    [lin] = Subscription.objects.values_list("subject", flat=True)
    erase(lin, reason="asked", actor=someone("privacy"))
    assert _refused() == [answers]
    [group] = groups.groups(actor=owner_actor())
    assert mending.send_group(group, actor=owner_actor(), until=UUID(int=2**128 - 1)) == 1
    drain_all()
    assert count("select count(*) from survey_answer") == 4 and _refused() == []


def test_answers_that_cannot_be_taken_in_go_with_whom_they_are_of(monkeypatch):
    with monkeypatch.context() as patch:
        _fails(patch, "survey")
        lin = _invited("named")
        for _ in range(9):
            drain()
        assert len(_refused()) == 1
        wang = _invited("named too", "wang@mail.example")
        erase(wang, reason="asked", actor=someone("privacy"))
        for _ in range(9):
            drain()
    assert len(_refused()) == 1 and "because of Lin" in _refused()[0]
    erase(lin, reason="asked", actor=someone("privacy"))
    assert _refused() == [] and count("select count(*) from survey_answer") == 0


def test_what_came_by_a_kind_of_channel_that_is_gone_waits_and_is_kept(letters, monkeypatch):
    form = published(CONTACT)
    send(form, {"full_name": "Lin", "email": "lin@mail.example"})
    post_letters()
    waiting.confirm(link_of(letters[-1]))
    with monkeypatch.context() as patch:
        patch.setattr(draining, "kinds", dict)
        assert drain() == 0 and count("select count(*) from inbox") == 1
        later = datetime.now(UTC) + timedelta(days=1, hours=1)
        patch.setattr(draining.timezone, "now", lambda: later)
        assert drain() == 1
    [waits] = _refused()
    assert "lin@mail.example" in waits and count("select count(*) from inbox") == 0


def test_an_erasure_reaches_a_refused_message_of_the_customer(letters):
    form = published(LETTERS)

    lin = _said_again_after_a_no(form, letters)
    assert Quarantined.objects.exclude(sealed=None).count() == 1
    erase(lin, reason="asked", actor=someone("privacy"))
    assert Quarantined.objects.exclude(sealed=None).count() == 0
