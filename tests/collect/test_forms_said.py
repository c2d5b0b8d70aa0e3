"""What an answer to a form says of letters, objections and sale: which word counts of two."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from django.db import transaction

from kehu.collect.forms import waiting
from kehu.collect.inbox.drain import drain_all
from kehu.collect.models import Quarantined
from kehu.govern import states
from kehu.govern.models import Consent, StateEntry, Subscription
from kehu.govern.slugs import PURPOSES
from kehu.govern.subscriptions import Said, say
from kehu.guard.gate.read import gate
from kehu.guard.staff.actions import owner_actor
from kehu.serve.desk import queries
from kehu.serve.rights.consents import actions, by_form
from kehu.serve.rights.incidents.wrong_merge import part
from kehu.vault.assignment import CONFIRMED, PROBABLE
from kehu.vault.ids import new_id
from tests.forms import LETTERS, count, link_of, post_letters, published, send, someone, words
from tests.serve.holdings import link

LIN = {"full_name": "林婉清", "email": "lin@mail.example", "interests": "tea", "text": "When do you open?"}
pytestmark = pytest.mark.usefixtures("database", "letters")


def found(role: str = "service", purpose: str = "service", **what: str):
    return queries.find(what, actor=someone(role), purpose=purpose)[0]


def test_letters_are_their_own_boxes_and_the_mailbox_is_who_subscribes(letters):
    form = published(LETTERS, name="letters", kind="list")
    assert send(form, {"email": "lin@mail.example"}) == "nothing"  # nothing was wanted, so nothing is kept
    assert count("select count(*) from form_waiting") == 0
    for _ in range(2):
        assert send(form, {"email": "Lin@Mail.example"}, letters=["email:newsletter"]) == "confirm"
        post_letters()
        waiting.confirm(link_of(letters[-1]))
        drain_all()
    assert count("select count(distinct subject) from record") == 1
    assert {(one.medium, one.topic, one.status, one.ground, one.proof) for one in Subscription.objects.all()} == {
        ("email", "newsletter", "subscribed", "consent", "email")
    }
    [lin] = Subscription.objects.values_list("subject", flat=True).distinct()
    ask = {"actor": someone("marketing"), "purpose": "marketing", "fields": ["email"], "use": "contact"}
    sent = gate().open([lin], **ask, medium="email", topic="newsletter")[0]
    assert [one.normal for one in sent.contributions][:1] == ["lin@mail.example"]
    assert gate().open([lin], **ask, medium="email", topic="offers")[0].denied()["email"].policy == "house.subscription"


def test_what_was_said_later_elsewhere_counts(letters):
    form = published(LETTERS, name="letters", kind="list")
    send(form, {"email": "lin@mail.example"}, letters=["email:newsletter"])
    post_letters()
    waiting.confirm(link_of(letters[-1]))
    drain_all()
    [lin] = Subscription.objects.values_list("subject", flat=True)
    send(form, {"email": "lin@mail.example"}, letters=["email:newsletter"])
    post_letters()
    waiting.confirm(link_of(letters[-1]))
    say(lin, "email", "newsletter", said=Said("unsubscribed", way="x"), recorded_by=new_id(), id=new_id())
    drain_all()
    assert Subscription.objects.order_by("-recorded_at").first().status == "unsubscribed"
    assert Quarantined.objects.filter(reason="message_said_later").count() == 1


def said_yes(letters) -> None:
    """From the same mailbox, by a list, confirmed; nothing is drained yet."""
    form = published(LETTERS, name="letters", kind="list", wordings={"marketing": words("Write to me")})
    send(form, {"email": "lin@mail.example"}, letters=["email:newsletter"], consents=["marketing"])
    post_letters()
    waiting.confirm(link_of(letters[-1]))


def test_an_objection_since_the_mailbox_confirmed_stays(letters):
    said_yes(letters)
    drain_all()
    [lin] = Consent.objects.values_list("subject", flat=True)
    said_yes(letters)
    states.enter(lin, "objection", purpose=PURPOSES["marketing"], by=new_id(), id=new_id())
    drain_all()
    assert [row.kind for row in states.states_of(lin)] == ["objection"] and Consent.objects.count() == 1
    assert Quarantined.objects.filter(reason="message_said_later").count() == 1


def test_that_staff_asked_meanwhile_is_no_later_word(letters):
    said_yes(letters)
    drain_all()
    [lin] = Consent.objects.values_list("subject", flat=True)
    said_yes(letters)
    actions.ask(lin, PURPOSES["marketing"], actor=owner_actor())
    drain_all()
    assert list(Consent.objects.order_by("recorded_at").values_list("status", flat=True)) == [
        "given", "requested", "given",
    ]  # fmt: skip
    assert not Quarantined.objects.exists()


def test_an_objection_before_the_mailbox_confirmed_is_ended_by_its_yes(letters):
    said_yes(letters)
    drain_all()
    [lin] = Consent.objects.values_list("subject", flat=True)
    states.enter(lin, "objection", purpose=PURPOSES["marketing"], by=new_id(), id=new_id())
    said_yes(letters)
    drain_all()
    assert states.states_of(lin) == [] and Consent.objects.count() == 2


def test_gpc_is_an_opt_out_of_sale_and_its_absence_takes_nothing_back():
    form = published(confirmed=False)
    send(form, LIN, gpc=True)
    drain_all()
    [lin] = found(email="lin@mail.example")
    assert StateEntry.objects.get(subject=lin).kind == "gpc"
    assert count("select gpc from subject_state where subject = %s", lin)


@pytest.mark.parametrize("certainty", [CONFIRMED, PROBABLE])
def test_gpc_is_of_who_sent_it_though_another_part_sent_one_before(certainty):
    form = published(confirmed=False)
    send(form, LIN, gpc=True)
    send(form, {"full_name": "王五", "email": "w@mail.example"})
    drain_all()
    [lin], [wang] = found(email="lin@mail.example"), found(email="w@mail.example")
    link(min(lin, wang), max(lin, wang), certainty)
    with transaction.atomic():
        by_form._opt_out(SimpleNamespace(subject=wang, errand=SimpleNamespace(actor=owner_actor())))
    part(lin, wang, actor=owner_actor())
    assert all(count("select gpc from subject_state where subject = %s", one) for one in (lin, wang))
