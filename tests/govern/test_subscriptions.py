"""Subscriptions: a message needs the purpose's ground and the subscription; an opt-out acts on the next read."""

from __future__ import annotations

import json
import threading
import time
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from kehu.govern.consent import Statement, give_consent, withdraw_consent
from kehu.govern.parts import UnknownSubject
from kehu.govern.slugs import LANGUAGES, MEDIA, PURPOSES
from kehu.govern.subscriptions import Said, SuppressedHere, say, standing, subscriptions_of
from kehu.govern.topics import load_topics
from kehu.guard.gate import read as gate_read
from kehu.guard.gate.read import gate
from kehu.vault.assignment import EXACT_KEY, PROBABLE, assign, unassign
from kehu.vault.ids import new_id
from tests.cast import admit, staff

LIN = {"full_name": "林婉清", "email": "lin@mail.example"}
AGAIN = {"full_name": "林婉清", "email": "lin@work.example"}
MARKETING = PURPOSES["marketing"]
NEWS = {"medium": "email", "topic": "newsletter"}
BY = new_id()


def agree(subject: UUID) -> None:
    statement = Statement(notice=1, way="recorded by staff")
    give_consent(subject, purpose=MARKETING, purpose_version=1, statement=statement, recorded_by=BY, id=new_id())


def tell(
    subject: UUID, status: str = "subscribed", *, medium: str = "email", topic: str = "newsletter", **more
) -> None:
    said = Said(status, way="phone", ground=more.pop("ground", "consent" if status == "subscribed" else ""), **more)
    say(subject, medium, topic, said=said, recorded_by=BY, id=new_id())


def sent(subject: UUID, actor, purpose: str = "marketing", **ask: object) -> object:
    """The values of a message, or the policy that bars it."""
    opened = gate().open([subject], actor=actor, purpose=purpose, fields=["email"], use="contact", **NEWS | ask)[0]
    return sorted(str(one.given) for one in opened.contributions) or opened.denied()["email"].policy


def link(one: UUID, other: UUID, certainty: int, *, back: bool = False) -> None:
    with transaction.atomic():
        connection.ensure_connection()
        if back:
            unassign(connection.connection, [(one, other)], run=None, by=new_id())
        else:
            assign(connection.connection, [(one, other)], certainty=certainty, why=5, run=None, by=new_id())


def test_both_are_asked(database):
    mia = staff("marketing")
    [lin] = admit(LIN)
    assert sent(lin, mia) == "cn.pipl.consent-none"
    agree(lin)
    assert sent(lin, mia) == "house.subscription"
    tell(lin)
    assert sent(lin, mia) == ["lin@mail.example"]
    assert sent(lin, mia, medium="sms") == sent(lin, mia, topic="offers") == "house.subscription"
    withdraw_consent(lin, purpose=MARKETING, purpose_version=1, recorded_by=BY, id=new_id())
    assert sent(lin, mia) == "cn.pipl.consent-withdrawn"


def test_no_message_no_question(database):
    mia = staff("marketing")
    [lin] = admit(LIN)
    agree(lin)
    tell(lin, "unsubscribed")
    opened = gate().open([lin], actor=mia, purpose="marketing", fields=["email"])[0]
    assert opened.contributions
    with connection.cursor() as cursor:
        cursor.execute('select ask from gate_decision where ask like \'%%"fields":["email"]%%\'')
        asks = [json.loads(row[0]) for row in cursor.fetchall()]
    assert [set(ask) & {"medium", "topic", "event"} for ask in asks] == [set()]


@pytest.mark.parametrize(
    "ask", [{"medium": "", "topic": ""}, {"medium": "email", "topic": ""}, {"medium": "fax"}, {"topic": "gossip"}]
)
def test_a_message_without_its_medium_or_topic_is_not_asked_for(database, ask):
    mia = staff("marketing")
    [lin] = admit(LIN)
    with pytest.raises(ValueError, match=r"medium|topic"):
        sent(lin, mia, **ask)


def test_service_news_goes_out_unless_they_said_no(database):
    sam = staff("service")
    [lin] = admit(LIN)
    news = {"topic": "service-news", "purpose": "service"}
    assert sent(lin, sam, **news) == ["lin@mail.example"]
    tell(lin, "unsubscribed", topic="service-news")
    assert sent(lin, sam, **news) == "house.subscription-opt-out"
    assert sent(lin, sam, **news, medium="sms") == ["lin@mail.example"]


def test_being_a_customer_serves_where_a_law_knows_it(database):
    mia = staff("marketing")
    [cn], [de], [everywhere] = admit(LIN), admit(AGAIN, packs=2), admit({"email": "a@mail.example"}, packs=31)
    for one in (cn, de, everywhere):
        agree(one)
        tell(one, ground="existing")
    assert sent(cn, mia) == sent(everywhere, mia) == "cn.advertising.43-existing-customer"
    assert sent(de, mia) == ["lin@work.example"]
    tell(de, ground="none")
    assert sent(de, mia) == "house.subscription"


def test_a_suppression_stands_against_everybody_but_the_customer(database):
    mia = staff("marketing")
    [lin] = admit(LIN)
    agree(lin)
    tell(lin, "suppressed")
    assert sent(lin, mia) == "house.subscription-suppressed"
    with pytest.raises(SuppressedHere):
        tell(lin)
    tell(lin, own=True)
    assert sent(lin, mia) == ["lin@mail.example"]


def test_a_merge_takes_the_stricter_and_an_unmerge_gives_back(database):
    mia = staff("marketing")
    lin, again = admit(LIN, AGAIN)
    for one in (lin, again):
        agree(one)
    tell(lin)
    tell(again, "unsubscribed")
    link(lin, again, PROBABLE)
    assert sent(lin, mia) == "house.subscription-opt-out"
    link(lin, again, PROBABLE, back=True)
    assert sent(lin, mia) == ["lin@mail.example"]
    assert sent(again, mia) == "house.subscription-opt-out"


def test_a_part_that_said_nothing_is_left_out_and_silences_nobody(database):
    mia = staff("marketing")
    lin, again = admit(LIN, AGAIN)
    for one in (lin, again):
        agree(one)
    tell(lin)
    link(lin, again, PROBABLE)
    assert sent(lin, mia) == ["lin@mail.example"]  # the other address never subscribed
    tell(again)
    assert sent(lin, mia) == ["lin@mail.example", "lin@work.example"]


def test_a_service_message_reaches_only_the_addresses_that_may_get_it(database):
    sam = staff("service")
    lin, again = admit(LIN, AGAIN)
    link(lin, again, PROBABLE)
    news = {"topic": "service-news", "purpose": "service"}
    assert sent(lin, sam, **news) == ["lin@mail.example", "lin@work.example"]
    tell(again, "unsubscribed", topic="service-news")
    assert sent(lin, sam, **news) == "house.subscription-opt-out"


def test_said_while_merged_it_stands_on_the_part_and_is_taken_back(database):
    mia = staff("marketing")
    lin, again = admit(LIN, AGAIN)
    for one in (lin, again):
        agree(one)
    tell(again, topic="offers")
    link(lin, again, EXACT_KEY)
    tell(lin)
    assert sent(again, mia) == ["lin@mail.example", "lin@work.example"]
    tell(lin, topic="offers")
    link(lin, again, EXACT_KEY, back=True)
    assert sent(lin, mia) == ["lin@mail.example"] and sent(again, mia) == "house.subscription"
    assert sent(again, mia, topic="offers") == ["lin@work.example"]  # said before, and its own


def test_an_opt_out_while_merged_stays_with_all_and_its_sayer_may_lift_it(database):
    mia = staff("marketing")
    lin, again = admit(LIN, AGAIN)
    for one in (lin, again):
        agree(one)
        tell(one)
    link(lin, again, PROBABLE)
    tell(lin, "unsubscribed")
    assert {one.status for one in standing(lin)} == {"unsubscribed"}
    tell(lin)  # said by the certain part that had said no: the other one has said nothing any more
    assert sent(lin, mia) == ["lin@mail.example"]
    tell(lin, "unsubscribed")
    link(lin, again, PROBABLE, back=True)
    for one in (lin, again):
        assert sent(one, mia) == "house.subscription-opt-out"


def test_an_opt_out_stops_the_rest_of_a_running_stream(database, monkeypatch):
    monkeypatch.setattr(gate_read, "CHUNK", 20)
    mia = staff("marketing")
    subjects = admit(*({"email": f"c{n}@mail.example"} for n in range(60)))
    for subject in subjects:
        agree(subject)
        tell(subject)
    seen = {}
    options = {"fields": ["email"], "use": "contact", **NEWS}
    for number, chunk in enumerate(gate().stream(subjects, actor=mia, purpose="marketing", **options)):
        if number == 0:
            for subject in subjects[40:50]:
                tell(subject, "unsubscribed")
            withdraw_consent(subjects[50], purpose=MARKETING, purpose_version=1, recorded_by=BY, id=new_id())
        seen |= {one.customer: bool(one.contributions) for one in chunk}
    assert [seen[subject] for subject in subjects] == [True] * 40 + [False] * 11 + [True] * 9


def test_no_message_that_is_asked_for_after_an_opt_out_gets_anything(database):
    mia = staff("marketing")
    [lin] = admit(LIN)
    agree(lin)
    late = 0
    for trial in range(40):
        tell(lin)
        seen: list[tuple[float, bool]] = []

        def reads(seen=seen):
            try:
                for _ in range(3):
                    began = time.perf_counter()
                    seen.append((began, isinstance(sent(lin, mia), list)))
            finally:
                connection.close()

        thread = threading.Thread(target=reads)
        thread.start()
        time.sleep((trial % 10) * 0.0005)
        tell(lin, "unsubscribed")
        acknowledged = time.perf_counter()
        thread.join()
        after = [held for began, held in seen if began > acknowledged]
        late += len(after)
        assert not any(after), trial
    assert late > 10  # the race was run, not missed


def test_a_statement_is_followed_never_changed(database):
    [lin] = admit(LIN)
    tell(lin)
    tell(lin, "unsubscribed")
    assert [row.status for row in subscriptions_of(lin)] == ["unsubscribed", "subscribed"]
    for change in ("status = 'subscribed', ground = 'consent'", "at = now()"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"update govern_subscription set {change}")
    with pytest.raises(UnknownSubject):
        tell(new_id())


@pytest.mark.parametrize(
    "said",
    [
        ("email", "newsletter", Said("loved", "phone")), ("email", "newsletter", Said("subscribed", "phone")),
        ("email", "newsletter", Said("unsubscribed", "phone", ground="consent")), ("fax", "newsletter", Said("unsubscribed", "phone")),
        ("email", "gossip", Said("unsubscribed", "phone")),
    ],
)  # fmt: skip
def test_what_nobody_can_say(database, said):
    [lin] = admit(LIN)
    with pytest.raises(ValueError, match=r"status|ground|medium|topic"):
        say(lin, said[0], said[1], said=said[2], recorded_by=BY, id=new_id())
    assert subscriptions_of(lin) == []


def test_topics_are_data_with_words_in_each_language():
    topics = load_topics()
    assert {"newsletter", "offers", "events", "service-news"} <= set(topics) and len(MEDIA) == 5
    for topic in topics.values():
        assert all(topic.label(language) and topic.description(language) for language in LANGUAGES)


def test_many_and_one_get_the_same_answer(database):
    mia = staff("marketing")
    people = admit(*({"email": f"c{n}@mail.example"} for n in range(8)))
    for number, one in enumerate(people):
        if number & 1:
            agree(one)
        if number & 2:
            tell(one)
        if number & 4:
            tell(one, "unsubscribed", topic="offers")
    link(people[3], people[7], PROBABLE)
    for topic in ("newsletter", "offers"):
        ask = {
            "actor": mia,
            "purpose": "marketing",
            "fields": ["email"],
            "use": "contact",
            "medium": "email",
            "topic": topic,
        }
        shown = lambda opened: [
            (sorted(str(c.given) for c in one.contributions), {name: a.policy for name, a in one.denied().items()})
            for one in opened
        ]  # fmt: skip
        held = gate().open(people, **ask)
        many = dict(zip((one.customer for one in held), shown(held), strict=True))
        assert len({str(answer) for answer in many.values()}) > 2
        for customer, answer in many.items():
            assert shown(gate().open([customer], **ask)) == [answer]
