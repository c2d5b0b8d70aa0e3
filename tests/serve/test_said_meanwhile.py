"""A yes that waited (in a queue, on paper) is carried out while a no to the same is being said: the no was said later, and stays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import orjson
import pytest
from django.db import connection, transaction
from django.utils import timezone

from kehu.collect.channels import Asked
from kehu.collect.inbox.hands import Errand
from kehu.govern.consent import notice_in_force
from kehu.govern.models import Channel
from kehu.govern.slugs import PURPOSES
from kehu.guard.staff.actions import owner_actor
from kehu.serve.counter.consents import take_consent
from kehu.serve.counter.entries import EntryRefused
from kehu.serve.counter.papers import Form, record_form
from kehu.serve.rights.asked import take_subscription
from kehu.serve.rights.consents import actions
from kehu.serve.rights.consents.by_form import take_said
from kehu.serve.rights.consents.channels import set_subscription, what_counts
from tests.cast import admit
from tests.forms import CONTACT, published
from tests.paper import sheet
from tests.races import beside, somebody_waits, until

PURPOSE = "personalisation"
SAID: datetime = timezone.now()  # before whatever a test says


@pytest.fixture
def lin(database) -> UUID:
    """Somebody who allows it, and wants the letters."""
    [one] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    how = {"kind": "general", "until": None, "notice": None, "by_subject": None}
    actions.give(one, PURPOSES[PURPOSE], actor=owner_actor(), **how)
    return one


def carried_out(work: Callable[[Errand], str | None], subject: UUID, said: dict[str, str]) -> str | None:
    asked = Asked("x", "x", said)
    with transaction.atomic():
        return work(Errand(asked, subject, Channel.objects.order_by("id").first(), 1, SAID, owner_actor()))


def counter(subject: UUID) -> str | None:
    how = {"purpose": PURPOSE, "at": SAID.isoformat(), "by": str(owner_actor().staff), "notice": "1"}
    return carried_out(take_consent, subject, how | {"way": "counter", "language": "en", "version": "1"})


def shop(subject: UUID) -> str | None:
    return carried_out(take_subscription, subject, {"medium": "email", "status": "subscribed", "at": SAID.isoformat()})


def form(subject: UUID) -> str | None:
    shown = published(CONTACT)
    said = {
        "form": str(shown.id), "v": shown.version.number, "at": SAID.isoformat(), "confirmed_at": SAID.isoformat(),
        "guardian": None, "language": "en", "young": "", "gpc": False, "consents": [PURPOSE], "letters": ["email:newsletter"],
    }  # fmt: skip
    return carried_out(take_said, subject, {"said": orjson.dumps(said).decode()})


def paper(subject: UUID) -> str | None:
    signed = timezone.localdate(SAID - timedelta(days=1))
    try:
        record_form(subject, Form(PURPOSE, signed, "en", notice_in_force().id, sheet()), actor=owner_actor())
    except EntryRefused as refused:
        return refused.code
    return None


@pytest.mark.parametrize(
    ("yes", "why"),
    [
        (counter, "message_said_later"),
        (form, "message_said_later"),
        (shop, "message_said_later"),
        (paper, "said-later"),
    ],
)
def test_a_no_said_while_a_yes_that_waited_is_carried_out_stays(lin, yes, why):
    if yes is form:
        published(CONTACT)
    told: list[str | None] = []
    with transaction.atomic():
        actions.withdraw(lin, PURPOSES[PURPOSE], actor=owner_actor())
        set_subscription(lin, "email", "newsletter", "unsubscribed", actor=owner_actor())
        thread, wrong = beside(lambda: told.append(yes(lin)))
        until(somebody_waits)
    thread.join(20)
    assert (wrong, told) == ([], [why])
    with connection.cursor() as cursor:
        cursor.execute("select consents -> %s ->> 0 from subject_state", [str(PURPOSES[PURPOSE])])
        assert cursor.fetchall() == [("withdrawn",)]
    assert [one["status"] for one in what_counts(lin)] == ["unsubscribed"]
