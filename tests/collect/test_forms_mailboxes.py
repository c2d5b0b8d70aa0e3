"""Whose mailbox a form's is: only it confirms for itself; a guardian speaks for a child and for no mailbox but their own."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import replace
from datetime import date

import pytest
from django.db import connection
from django.test import override_settings

from kehu.collect.forms import building, tries, waiting
from kehu.collect.forms.ages import age_asked
from kehu.collect.forms.stamps import make_stamp
from kehu.collect.forms.submission import Wrong
from kehu.collect.inbox.drain import drain_all
from kehu.govern.models import Consent, StateEntry, Subscription
from kehu.govern.subscriptions import Said, say
from kehu.vault.ids import new_id
from tests.forms import CONTACT, LETTERS, count, link_of, post_letters, published, send, words

LIN = {"full_name": "林婉清", "email": "lin@mail.example", "interests": "tea", "text": "When do you open?"}
pytestmark = pytest.mark.usefixtures("database", "letters")


def test_a_child_needs_its_guardian(letters):
    form = published(children=True)
    with pytest.raises(Wrong) as wrong:
        send(form, LIN)
    assert wrong.value.faults == {"age": "missing"}
    with pytest.raises(Wrong) as wrong:
        send(form, LIN, age="younger")
    assert set(wrong.value.faults) == {"guardian_name", "guardian_email", "guardian_relation"}
    own = {"name": "林父", "email": "LIN@mail.example", "relation": "parent"}
    with pytest.raises(Wrong) as wrong:
        send(form, LIN, age="younger", guardian=own)
    assert wrong.value.faults == {"guardian_email": "childs-own"}
    assert (
        send(form, LIN, age="younger", guardian=own | {"email": "father@mail.example"}, consents=["personalisation"])
        == "guardian"
    )
    post_letters()
    [letter] = letters
    assert letter.to == ["father@mail.example"] and "lin@" not in letter.body
    waiting.confirm(link_of(letter))
    drain_all()
    [consent] = Consent.objects.all()
    assert (consent.guardian, consent.proof) == ("parent", "email")
    state = "select (age, guardian)::text from subject_state where subject = %s"
    assert count(state, consent.subject) == "(1,t)"
    child = published(
        name="born",
        fields={"email": True, "birth_date": False},
        purposes=("service", "credit"),
        wordings={"credit": words("Credit")},
    )
    with pytest.raises(Wrong) as wrong:  # a sign is asked about, also where no child was expected
        send(child, LIN | {"birth_date": "2020-01-31"})
    assert "guardian_email" in wrong.value.faults


def faults_of(form, fields, **said) -> dict[str, str]:
    try:
        send(form, fields, **said)
    except Wrong as wrong:
        return wrong.faults
    return {}


def test_where_a_visitor_says_their_country_its_age_counts_and_the_strictest_until_then(letters):
    """A child of fifteen in Germany, at a form of a country whose law says fourteen, or says nothing of an age."""
    for at in ("CN", "TW"):
        form = published(name=at, country=at, children=True, fields=CONTACT.fields | {"country": False})
        assert form.definition.own_age() == age_asked(form, "") == 16
        for country in ("DE", "CN", "TW"):
            assert send(form, LIN | {"country": country}, age="older", client=country) == "confirm"
            # whoever shows the form by a program of their own asks what everybody is asked
            assert "guardian_email" in faults_of(form, LIN | {"country": country}, age="younger", client=country)
        fifteen, thirteen = {"age": "younger", "age_of": 16}, {"age": "younger", "age_of": 14}
        assert age_asked(form, "中国") == 14 and age_asked(form, "TW") == age_asked(form, "US") == 16
        assert faults_of(form, LIN | {"country": "中国"}, **fifteen) == {"age": "asked-anew"}
        assert "guardian_email" in faults_of(form, LIN | {"country": "China"}, **thirteen)
        assert send(form, LIN | {"country": "CN"}, age="older", age_of=14, client="a") == "confirm"
        assert faults_of(form, LIN | {"country": "DE"}, age="older", age_of=14) == {"age": "asked-anew"}
        assert "guardian_email" in faults_of(form, LIN | {"country": "DE"}, **fifteen)


def test_a_birth_date_is_judged_by_the_country_that_is_said(monkeypatch):
    form = published(
        purposes=("service", "credit"), wordings={"credit": words("Credit")}, country="TW",
        fields={"email": True, "birth_date": False, "country": False},
    )  # fmt: skip
    born = {"birth_date": f"{date.today().year - 15}-01-01", "email": "lin@mail.example"}
    assert send(form, born | {"country": "CN"}) == "confirm"
    assert "guardian_email" in faults_of(form, born | {"country": "FR"}) and "guardian_email" in faults_of(form, born)
    monkeypatch.setenv("KEHU_LAWS_FOLLOW", "collection")  # the law of where it asks, beside
    here = published(
        name="here", purposes=("service",), country="FR", children=True, fields={"email": True, "country": False}
    )
    assert age_asked(here, "CN") == 16
    assert published(name="here", children=True).definition.own_age() == 14
    assert published(name="none", country="TW", children=True).definition.own_age() == 0


def test_where_a_visitor_says_their_country_a_consent_that_any_law_wants_is_asked():
    """A birth date for credit rests on consent in China and not elsewhere: a form that anybody may answer has the box."""
    asks = {
        "country": "TW", "purposes": ("credit",), "wordings": {"credit": words("Credit")}, "confirmed": False,
        "fields": {"birth_date": False},
    }  # fmt: skip
    assert published(name="here", **asks).definition.consents() == ()
    anywhere = published(name="anywhere", **asks | {"fields": {"birth_date": False, "country": False}})
    said = {"birth_date": "1980-01-31", "country": "CN"}
    assert send(anywhere, said) == "nothing"
    assert send(anywhere, said, consents=["credit"]) == "kept"
    unworded = building.look(replace(anywhere.definition, wordings={}))
    assert "wording-missing" in [one.code for one in unworded.faults]
    assert replace(anywhere.definition, wordings={}).wording("credit", "en") == "Credit assessment"


FATHER = {"name": "林父", "email": "father@mail.example", "relation": "parent"}


def pressed(letters, to: str) -> str:
    """Send the letters that wait, and press the link of the last one to that mailbox; what comes next."""
    post_letters()
    return waiting.confirm(link_of([letter for letter in letters if letter.to == [to]][-1])).then


def test_a_guardian_speaks_for_no_mailbox_but_their_own(letters):
    """Lin is grown up and takes letters no more; a stranger names her as a child, and themselves as her guardian."""
    form = published(LETTERS, name="list", kind="list", children=True)
    lin = {"email": "lin@mail.example"}
    send(form, lin, age="older", letters=["email:newsletter"])
    pressed(letters, "lin@mail.example")
    drain_all()
    [subject] = set(Subscription.objects.values_list("subject", flat=True))
    say(subject, "email", "newsletter", said=Said("unsubscribed", way="portal"), recorded_by=subject, id=new_id())
    state = count("select (age, guardian)::text from subject_state where subject = %s", subject)
    assert send(form, lin, age="younger", guardian=FATHER, letters=["email:newsletter"]) == "guardian"
    pressed(letters, FATHER["email"])
    drain_all()
    assert [one.status for one in Subscription.objects.order_by("at")] == ["subscribed", "unsubscribed"]
    post_letters()
    assert letters[-1].to == ["lin@mail.example"]  # it is asked, as any mailbox is
    assert count("select (age, guardian)::text from subject_state where subject = %s", subject) == state
    assert count("select count(*) from record") == 1


def test_a_childs_letters_begin_when_the_guardian_and_the_mailbox_said_yes(letters):
    form = published(LETTERS, name="list", kind="list", children=True)
    send(form, {"email": "kid@mail.example"}, age="younger", guardian=FATHER, letters=["email:newsletter"])
    post_letters()
    asked = link_of(letters[-1])
    assert waiting.confirm(asked).then == "mailbox"
    assert waiting.confirm(asked).confirmed and len(letters) == 1  # pressed twice it is still the mailbox's turn
    drain_all()
    assert count("select count(*) from record") == 0 and Subscription.objects.count() == 0
    pressed(letters, "kid@mail.example")
    assert letters[-1].to == ["kid@mail.example"]
    drain_all()
    [held] = Subscription.objects.all()
    [consent] = Consent.objects.all()
    assert (held.status, consent.guardian) == ("subscribed", "parent")
    assert count("select (age, guardian)::text from subject_state where subject = %s", held.subject) == "(1,t)"


@pytest.mark.parametrize("whose", [FATHER["email"], "kid@mail.example"])
def test_either_no_destroys_what_waits_for_the_childs_mailbox(letters, whose):
    """The guardian agrees and thinks again, or the child's mailbox does not want it: no link leads to anything any more."""
    form = published(LETTERS, name="list", kind="list", children=True)
    send(form, {"email": "kid@mail.example"}, age="younger", guardian=FATHER, letters=["email:newsletter"])
    pressed(letters, FATHER["email"])
    post_letters()
    links = {letter.to[0]: link_of(letter) for letter in letters}
    assert waiting.decline(links[whose]) and waiting.decline(links[whose])
    for link in links.values():
        with pytest.raises(waiting.LinkRefused):
            waiting.confirm(link)
    assert count("select coalesce(sum(length(sealed)), 0) from form_waiting") == 0 == drain_all()
    assert count("select count(*) from subject_key") == 0


@pytest.mark.parametrize("after", ["guardian", "mailbox"])
def test_what_was_declined_is_not_asked_for_again_where_the_same_page_is_sent_again(letters, after):
    form = published(LETTERS, name="list", kind="list", children=True)
    said = {"age": "younger", "guardian": FATHER, "letters": ["email:newsletter"]}
    said |= {"stamp": make_stamp(form.id, form.version.number, at=time.time() - 10)}
    answer = send(form, {"email": "kid@mail.example"}, **said)
    post_letters()
    if after == "mailbox":
        pressed(letters, FATHER["email"])
        post_letters()
    assert waiting.decline(link_of(letters[-1]))
    told = len(letters)
    assert send(form, {"email": "kid@mail.example"}, **said) == answer  # the page says nothing of what another decided
    post_letters()
    assert len(letters) == told and count("select count(*) from subject_key") == 0 == waiting.waiting_of(form.id)
    with pytest.raises(waiting.LinkRefused):
        waiting.confirm(link_of(letters[-1]))
    assert send(form, {"email": "kid@mail.example"}, **said | {"stamp": None}) == answer  # a page of its own asks anew
    post_letters()
    assert len(letters) == told + 1


def test_what_both_mailboxes_agreed_to_is_not_said_to_be_destroyed(letters):
    form = published(LETTERS, name="list", kind="list", children=True)
    send(form, {"email": "kid@mail.example"}, age="younger", guardian=FATHER, letters=["email:newsletter"])
    pressed(letters, FATHER["email"])
    pressed(letters, "kid@mail.example")
    assert not any(waiting.decline(link_of(letter)) for letter in letters)
    drain_all()
    assert Subscription.objects.get().status == "subscribed"


def test_a_guardians_no_destroys_what_no_letter_was_sent_for(letters, monkeypatch):
    """As many letters as may be are in the child's mailbox: nobody is asked, so nothing counts, and the guardian is not told it does."""
    form = published(LETTERS, name="list", kind="list", children=True)
    send(form, {"email": "kid@mail.example"}, age="younger", guardian=FATHER, letters=["email:newsletter"])
    monkeypatch.setattr(tries, "LETTERS_PER_HOUR", 0)
    assert pressed(letters, FATHER["email"]) == "mailbox"
    post_letters()
    assert len(letters) == 1
    link = link_of(letters[0])
    assert waiting.behind(link).then == waiting.confirm(link).then == "mailbox"  # as where a letter went
    assert waiting.decline(link)
    assert count("select coalesce(sum(length(sealed)), 0) from form_waiting") == 0 == drain_all()


@pytest.mark.parametrize("first", ["yes", "no"])
def test_of_a_yes_and_a_no_at_one_moment_one_is_carried_out_and_the_other_told(letters, monkeypatch, first):
    form = published()
    send(form, LIN)
    post_letters()
    link, answers = link_of(letters[0]), list[object]()

    def other():
        try:
            answers.append(waiting.decline(link) if first == "yes" else waiting.confirm(link))
        except waiting.LinkRefused as refused:
            answers.append(type(refused))
        finally:
            connection.close()

    asked = threading.Thread(target=other)
    name = "hand_on" if first == "yes" else "forget_aside"
    real = getattr(waiting, name)

    def meanwhile(*told):
        if threading.current_thread() is not asked:
            asked.start()
            asked.join(0.3)
        return real(*told)

    with monkeypatch.context() as slow:
        slow.setattr(waiting, name, meanwhile)
        assert waiting.confirm(link) if first == "yes" else waiting.decline(link)
    asked.join(10)
    assert answers == ([False] if first == "yes" else [waiting.LinkRefused])
    assert drain_all() == (1 if first == "yes" else 0)


def test_a_childs_mailbox_gets_no_more_letters_than_any(letters):
    form = published(LETTERS, name="list", kind="list", children=True)
    for number in range(tries.LETTERS_PER_HOUR + 2):
        father = FATHER | {"email": f"father{number}@mail.example"}
        send(form, {"email": "kid@mail.example"}, age="younger", guardian=father, letters=["email:newsletter"])
        assert pressed(letters, father["email"]) == "mailbox"
    post_letters()
    assert Counter(letter.to[0] for letter in letters)["kid@mail.example"] == tries.LETTERS_PER_HOUR


def test_who_types_an_address_is_not_whose_it_is(letters):
    """A later version that no mailbox confirms: whoever knows an address writes on a record of their own."""
    send(published(LETTERS, name="list", kind="list"), {"email": "lin@mail.example"}, letters=["email:newsletter"])
    pressed(letters, "lin@mail.example")
    drain_all()
    open_to_all = published(
        LETTERS, name="list", kind="list", letters=(), confirmed=False, fields={"email": False},
        wordings={"marketing": words("Write to me")},
    )  # fmt: skip
    send(open_to_all, {"email": "lin@mail.example"}, consents=["marketing"], gpc=True)
    drain_all()
    [lin] = set(Subscription.objects.values_list("subject", flat=True))
    assert [row.subject for row in Consent.objects.all()].count(lin) == 1
    assert not StateEntry.objects.filter(subject=lin, kind="gpc").exists()
    unasked = building.look(replace(LETTERS, confirmed=False))
    assert "letter-needs-confirmed" in [one.code for one in unasked.faults]


def test_a_letter_waits_for_its_mail_server(letters):
    form = published()
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend", EMAIL_PORT=1):
        assert send(form, LIN) == "confirm"
        post_letters()
    waits = "from procrastinate_jobs where task_name = 'forms:send_letter' and status = 'todo' and scheduled_at > now()"
    assert count(f"select count(*) {waits}") == 1
    with connection.cursor() as cursor:
        cursor.execute("update procrastinate_jobs set scheduled_at = now() where task_name = 'forms:send_letter'")
    post_letters()
    assert [letter.to for letter in letters] == [["lin@mail.example"]]
