"""Surveys: answers apart from people, counts that tell of nobody, and texts in which somebody said too much."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection, transaction

from kehu.collect.forms import surveys
from kehu.collect.forms.answers import unasked
from kehu.collect.forms.questions import Question
from kehu.collect.forms.showing import shown
from kehu.collect.forms.stamps import make_invitation
from kehu.collect.forms.submission import Wrong
from kehu.collect.inbox.drain import drain_all
from kehu.govern.holders import holders
from kehu.guard.gate.acts import Refused
from tests.cast import admit
from tests.forms import CONTACT, count, published, send, someone, words

HOW = Question("how", "scale", words("How was it?"), steps=5)
WHAT = Question("what", "choice", words("What did you buy?"), options=(words("Tea"), words("Cups"), words("Nothing")))
WHY = Question("why", "text", words("Why?"))
SURVEY = replace(
    CONTACT, purposes=("analytics",), wordings={"analytics": words("Count me")}, fields={}, confirmed=False, country="DE",
    questions=(HOW, WHAT, WHY), anonymous=True,
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Nice tea, 5 of 5. Bought 3 in 2024", []),
        ("write me: lin.wan@mail.example, please", ["email"]),
        ("call 13800138000", ["phone"]),
        ("ring +49 30 901820 after 5", ["phone"]),
        ("my number 11010519491231002X ok", ["national_id"]),
        ("id 110105194912310021", []),  # a wrong check digit
        ("card 4111 1111 1111 1111.", ["card"]),
        ("card 4111 1111 1111 1112", []),
        ("我的邮箱是 lin@mail.example，电话13800138000", ["email", "phone"]),
    ],
)
def test_what_nobody_asked_for_is_found(text, kinds):
    assert unasked(text) == kinds


def test_answers_are_counted_and_tell_of_nobody(database):
    form = published(SURVEY, name="tea", kind="survey")
    house = someone("marketing")
    for number in range(12):
        said = {"how": "5" if number < 7 else "1", "what": "1" if number < 6 else "2" if number < 11 else "3"}
        said |= {"why": f"good tea {number}"} if number < 5 else {}
        assert send(form, {}, answers=said, client=f"192.0.2.{number}") == "kept"
    send(form, {}, answers={"why": "I am lin@mail.example"}, client="192.0.2.99")
    with pytest.raises(Wrong) as wrong:
        send(form, {}, answers={"how": "6", "what": "x"})
    assert set(wrong.value.faults) == {"q_how", "q_what"}
    assert drain_all() == 13
    how, what, why = surveys.results(form.id, 1, actor=house)
    assert (how.counts, how.total) == ((5, None, None, None, 7), 12)
    # one count is too small to be said, so the next is not either: the rest would tell it
    assert (what.counts, what.total) == ((6, None, None), 12)
    # the sixth is told of in no number: not as one that is held back, and not as what the sum has more than can be read
    assert (why.total, why.held_back) == (5, None)
    texts = surveys.texts(form.id, 1, "why", actor=house)
    assert len(texts) == 5 and not any("@" in text for text in texts)
    assert count("select count(*) from survey_answer where subject is not null") == 0
    assert count("select count(*) from survey_answer a where a::text like '%%good tea%%'") == 0
    assert count("select count(*) from record") == 0
    assert surveys.destroy_unasked(form.id, 1, actor=house) == 1
    assert count("select count(*) from subject_key k join survey_answer a on a.id = k.subject") == 5
    with pytest.raises(Refused):
        surveys.results(form.id, 1, actor=someone("engineer"))
    few = published(SURVEY, name="few", kind="survey")
    send(few, {}, answers={"how": "5"})
    drain_all()
    assert surveys.results(few.id, 1, actor=house)[0] == surveys.Result(HOW, (None,) * 5, None)


def test_of_free_texts_too_a_few_are_in_no_number(database):
    form, house = published(SURVEY, name="tea", kind="survey"), someone("marketing")

    def written(text, numbers):
        for number in numbers:
            assert send(form, {}, answers={"why": f"{text}{number}"}, client=f"192.0.2.{number}") == "kept"
        drain_all()
        return surveys.results(form.id, 1, actor=house)[2]

    assert written("good tea ", range(4)) == surveys.Result(WHY, (), None)
    assert written("ask lin@mail.example ", range(10, 14)) == surveys.Result(WHY, (), None, None)
    assert surveys.texts(form.id, 1, "why", actor=house) == []
    assert written("ask wu@mail.example ", range(14, 15)) == surveys.Result(WHY, (), None, 5)
    assert written("green tea ", range(4, 5)) == surveys.Result(WHY, (), 5, 5)


def test_who_was_invited_by_name_takes_their_answers_along(database):
    [lin] = admit({"email": "lin@mail.example"})
    named = published(SURVEY, name="named", kind="survey", anonymous=False)
    send(named, {}, answers={"how": "4", "why": "because"}, invitation=make_invitation(named.id, lin))
    forged = make_invitation(published(SURVEY, name="other", kind="survey").id, lin)
    send(named, {}, answers={"how": "3"}, invitation=forged)
    nobody = published(SURVEY, name="nobody", kind="survey")
    send(nobody, {}, answers={"how": "4"}, invitation=make_invitation(nobody.id, lin))
    asks = published(SURVEY, name="asks", kind="survey", anonymous=False, country="CN")  # rests on consent there
    for number, consents in enumerate(((), ("analytics",))):
        send(
            asks,
            {},
            answers={"how": "2"},
            invitation=make_invitation(asks.id, lin),
            consents=consents,
            client=f"{number}",
        )
    drain_all()
    assert count("select count(*) from survey_answer where subject = %s and form = %s", lin, asks.id) == 1
    assert count("select count(*) from survey_answer where subject = %s", lin) == 3
    assert count("select count(*) from survey_answer") == 6
    [holder] = [one for one in holders() if one.name == "survey-answers"]
    told = holder.export(lin, actor=someone("privacy"))["survey_answers"]
    assert sorted(str(one["answer"]) for one in told) == ["2", "4", "because"]
    with transaction.atomic():
        assert holder.erase(lin) == 3
    assert holder.export(lin, actor=someone("privacy")) is None


def test_whoever_was_invited_counts_once_and_the_newest_answers_stand(database):
    """One person alone lifts no count over what is said, nor their texts over what may be read."""
    [lin, wu] = admit({"email": "lin@mail.example"}, {"email": "wu@mail.example"})
    named, house = published(SURVEY, name="named", kind="survey", anonymous=False), someone("marketing")
    send(named, {}, answers={"how": "2"}, invitation=make_invitation(named.id, wu))
    for number in range(6):
        said = {"how": "5", "why": f"tea {number}"}
        send(named, {}, answers=said, invitation=make_invitation(named.id, lin))
        if number in (1, 2):
            drain_all()
    drain_all()
    assert surveys.results(named.id, 1, actor=house)[0].total is None
    assert surveys.texts(named.id, 1, "why", actor=house) == []
    assert count("select count(*) from survey_answer") == 3
    assert count("select count(*) from subject_key k join survey_answer a on a.id = k.subject") == 1
    [holder] = [one for one in holders() if one.name == "survey-answers"]
    told = holder.export(lin, actor=someone("privacy"))["survey_answers"]
    assert sorted(str(one["answer"]) for one in told) == ["5", "tea 5"]
    published(SURVEY, name="named", kind="survey", anonymous=False)
    send(shown(named.id), {}, answers={"how": "1"}, invitation=make_invitation(named.id, lin))
    drain_all()
    assert count("select count(*) from survey_answer") == 4  # what another version asked stands by itself
    with connection.cursor() as cursor:
        cursor.execute("update survey_answer set day = day + 1 where subject = %s", [lin])
    send(named, {}, answers={"how": "3"}, invitation=make_invitation(named.id, lin))
    drain_all()
    told = holder.export(lin, actor=someone("privacy"))["survey_answers"]
    # what is taken in late comes over no later answer
    assert sorted(str(one["answer"]) for one in told) == ["1", "5", "tea 5"]


def test_answers_from_before_whoever_was_invited_had_one_count_once_too(database, monkeypatch):
    [lin] = admit({"email": "lin@mail.example"})
    named, house = published(SURVEY, name="named", kind="survey", anonymous=False), someone("marketing")
    monkeypatch.setattr(
        surveys, "_in_place_of_earlier", lambda *_: True
    )  # as the first version of this house kept them
    for number in range(6):
        said = {"how": "5", "why": f"tea {number}"}
        send(named, {}, answers=said, invitation=make_invitation(named.id, lin), client=f"192.0.2.{number}")
    drain_all()
    assert count("select count(*) from survey_answer where subject = %s", lin) == 12
    assert [one.total for one in surveys.results(named.id, 1, actor=house)] == [None, None, None]
    assert surveys.texts(named.id, 1, "why", actor=house) == []
    for number in range(4):
        send(named, {}, answers={"how": "4", "why": f"cake {number}"}, client=f"198.51.100.{number}")
    drain_all()
    how, _, why = surveys.results(named.id, 1, actor=house)
    assert (how.total, why.total) == (5, 5)
    read = surveys.texts(named.id, 1, "why", actor=house)
    assert len(read) == 5 and sum(one.startswith("tea") for one in read) == 1
