"""The builder: every address × role × status, and a form built, published, changed and closed by forms without script."""

from __future__ import annotations

import re
import uuid

import pytest

from kehu.collect.forms.models import Form
from kehu.collect.forms.showing import shown
from kehu.collect.inbox.drain import drain_all
from kehu.doors.web.forms.urls import urlpatterns
from kehu.govern.slugs import LANGUAGES
from tests.collect.test_surveys import SURVEY
from tests.doors.web.browsing import browser, misfits, signed_in, text_of
from tests.forms import published, send

ROLES = ("service", "marketing", "manager", "analyst", "privacy", "legal", "auditor", "engineer")
ALL = frozenset(ROLES)
BUILDING = ALL - {"auditor", "engineer"}
OFFICE = frozenset({"privacy", "legal"})
UNKNOWN = uuid.UUID(int=7)
# name of the address -> (path, method, roles let in, status for them, status for the others that are signed in)
TABLE = {
    "forms": ("/office/forms", "get", BUILDING, 200, 403),
    "forms-new": ("/office/forms/new", "post", BUILDING, 422, 403),
    "forms-one": (f"/office/forms/{UNKNOWN}", "get", BUILDING, 404, 403),
    "forms-publish": (f"/office/forms/{UNKNOWN}/publish", "post", ALL, 404, 404),
    "forms-results": (f"/office/forms/{UNKNOWN}/results", "get", BUILDING, 404, 403),
    "forms-close": (f"/office/forms/{UNKNOWN}/close", "post", ALL, 404, 404),
}
pytestmark = pytest.mark.usefixtures("database")


def test_each_role_gets_what_the_table_says():
    assert {pattern.name for pattern in urlpatterns} == set(TABLE)
    wrong = []
    for role in ROLES:
        desk, _ = signed_in(role)
        wrong += misfits(TABLE, role, desk)
    assert wrong == []
    for path, method, *_ in TABLE.values():
        answer = getattr(browser(), method)(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in"), path


def words(name: str, text: str) -> dict[str, str]:
    return {f"{name}_{language}": f"{text} {language}" for language in LANGUAGES}


def shown_by(desk, path: str) -> dict[str, str]:
    """What a page says of the draft that it shows, to be sent back."""
    return {"draft": re.search(r'name="draft" value="([^"]+)"', text_of(desk.get(path)))[1]}


def test_a_draft_that_nobody_else_read_is_not_published_and_none_is_lost_unseen():
    mia, _ = signed_in("marketing")
    max_, _ = signed_in("service")
    paul, _ = signed_in("privacy")
    mia.post("/office/forms/new", {"name": "ask us", "kind": "form"})
    path = f"/office/forms/{Form.objects.get().id}"
    said = {
        **words("title", "Ask us"), "purposes": ["service"], "fields": ["email"], "notice": "privacy", "controller": "main",
        "country": "CN", "confirmed": "yes",
    }  # fmt: skip
    opened = shown_by(max_, path)
    assert mia.post(path, said | shown_by(mia, path)).status_code == 302
    read = shown_by(paul, path)
    # of two who write at once the later is told, and keeps what they typed
    late = max_.post(path, said | words("title", "Write to us") | opened)
    assert late.status_code == 409 and "Write to us en" in text_of(late)
    assert Form.objects.get().draft["texts"]["title"]["en"] == "Ask us en"
    again = re.search(r'name="draft" value="([^"]+)"', text_of(late))[1]
    assert max_.post(path, said | words("title", "Write to us") | {"draft": again}).status_code == 302
    # what was read is not what would be published
    refused = paul.post(path + "/publish", read)
    assert refused.status_code == 409 and "Write to us en" in text_of(refused)
    assert Form.objects.get().published is None
    assert paul.post(path + "/publish", shown_by(paul, path)).status_code == 302


def test_purposes_and_letters_that_are_not_there_are_told_as_such():
    mia, _ = signed_in("marketing")
    mia.post("/office/forms/new", {"name": "ask us", "kind": "form"})
    path = f"/office/forms/{Form.objects.get().id}"
    for wrong in ({"purposes": ["service", "gone"]}, {"purposes": ["marketing"], "letters": ["email:gone"]}):
        answer = mia.post(path, words("title", "Ask us") | wrong)
        assert answer.status_code == 422 and "Ask us en" in text_of(answer)


def test_a_name_that_is_too_long_stays_to_be_shortened():
    mia, _ = signed_in("marketing")
    answer = mia.post("/office/forms/new", {"name": "n" * 41, "kind": "survey"})
    assert answer.status_code == 422 and f'value="{"n" * 41}"' in text_of(answer)
    assert 'value="survey" selected' in text_of(answer)


def test_a_character_that_nobody_sees_is_refused_in_words():
    mia, _ = signed_in("marketing")
    mia.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    answer = mia.post("/office/forms/new", {"name": "ask\u202eus", "kind": "form"})
    assert answer.status_code == 422 and "each of which is seen" in text_of(answer)
    mia.post("/office/forms/new", {"name": "ask us", "kind": "form"})
    answer = mia.post(f"/office/forms/{Form.objects.get().id}", words("title", "Ask \u202eus"))
    assert answer.status_code == 422 and "turns the direction of writing" in text_of(answer)


def test_a_form_is_built_by_one_and_published_by_another():
    mia, _ = signed_in("marketing")
    paul, _ = signed_in("privacy")
    assert mia.post("/office/forms/new", {"name": "ask us", "kind": "form"}).status_code == 302
    assert mia.post("/office/forms/new", {"name": "ask us", "kind": "form"}).status_code == 409
    form = Form.objects.get()
    path = f"/office/forms/{form.id}"
    page = text_of(mia.get(path))
    assert 'value="text"' in page and 'value="interests"' not in page  # no purpose of it needs that
    said = {
        **words("title", "Ask us"), **words("wording_personalisation", "Fit offers"),
        "purposes": ["service", "personalisation"], "fields": ["email", "full_name", "text"], "required": ["email"],
        "notice": "privacy", "controller": "main", "country": "CN", "confirmed": "yes", "origins": "https://shop.example/",
    }  # fmt: skip
    refused = mia.post(path, said | shown_by(mia, path) | {"fields": ["email", "birth_place"]})
    assert refused.status_code == 422 and "出生地" in text_of(refused)
    forced = mia.post(path, said | shown_by(mia, path) | {"fields": ["email", "interests"], "required": ["interests"]})
    assert forced.status_code == 422
    assert mia.post(path, said | shown_by(mia, path)).status_code == 302
    page = text_of(mia.get(path))
    assert 'value="interests"' in page and "/publish" not in page
    assert mia.post(path + "/publish").status_code == 403
    assert "/publish" in text_of(paul.get(path))
    assert paul.post(path + "/publish", shown_by(paul, path)).status_code == 302
    public = browser().get(f"/forms/{form.id}")
    assert public.status_code == 200 and "Ask us zh-hans" in text_of(public)
    assert "&lt;iframe" in text_of(mia.get(path))
    # changed by the office: another person has to let it out
    assert paul.post(path, said | shown_by(paul, path) | {"title_zh-hans": "x"}).status_code == 302
    assert paul.post(path + "/publish", shown_by(paul, path)).status_code == 403
    assert re.search(r"Ask us zh-hans", text_of(browser().get(f"/forms/{form.id}")))
    assert mia.post(path + "/close").status_code == 302
    assert browser().get(f"/forms/{form.id}").status_code == 404


def test_a_question_added_after_another_was_taken_out_has_a_name_of_its_own():
    mia, _ = signed_in("marketing")
    mia.post("/office/forms/new", {"name": "tea", "kind": "survey"})
    path = f"/office/forms/{Form.objects.get().id}"
    kept = {
        **words("title", "Tea"), **words("wording_analytics", "Count me"), "purposes": ["analytics"], "notice": "privacy",
        "controller": "main", "country": "DE", "anonymous": "yes",
    }  # fmt: skip

    def save(**asked: str) -> list[str]:
        """Save the page with these words by the number of a question; returns the questions' names."""
        said = shown_by(mia, path) | dict(re.findall(r'name="(q\d+_id)" value="([^"]+)"', text_of(mia.get(path))))
        for number, text in asked.items():
            said |= words(number, text)
        assert mia.post(path, kept | said).status_code == 302
        return [one["id"] for one in Form.objects.get().draft["questions"]]

    save(q1="How?", q2="What?")
    assert save(q1="How?", q2="What?", q3="Why?") == ["q1", "q2", "q3"]
    assert save(q2="What?", q3="Why?") == ["q2", "q3"]
    assert save(q1="What?", q2="Why?", q3="When?") == ["q2", "q3", "q1"]


def test_the_page_of_results_says_no_number_of_a_few_free_texts():
    survey = published(SURVEY, name="tea", kind="survey")
    for number, text in enumerate(("good tea", "ask lin@mail.example")):
        send(survey, {}, answers={"why": text}, client=f"192.0.2.{number}")
    drain_all()
    desk, _ = signed_in("marketing")
    page = text_of(desk.get(f"/office/forms/{survey.id}/results", headers={"Accept-Language": "en"}))
    assert page.count("fewer than 5") == 3 and "A few free texts hold personal data" in page
    assert "Destroy them" in page and re.search(r"\d (answer|free text)", page) is None


def test_a_bar_is_as_long_as_its_share_of_all_who_answered():
    survey = published(SURVEY, name="tea", kind="survey")
    for number in range(10):
        send(survey, {}, answers={"how": str(4 + number % 2)}, client=f"192.0.2.{number}")
    drain_all()
    desk, _ = signed_in("marketing")
    assert text_of(desk.get(f"/office/forms/{survey.id}/results")).count('class="fill" width="50"') == 2


def test_answers_to_an_earlier_version_are_read_under_its_number():
    survey = published(SURVEY, name="tea", kind="survey")
    for number in range(6):
        said = {"how": "5", "why": "ask lin@mail.example"}
        send(survey, {}, answers=said, client=f"192.0.2.{number}")
    drain_all()
    published(SURVEY, name="tea", kind="survey")
    send(shown(survey.id), {}, answers={"why": "ask wu@mail.example"})
    drain_all()
    desk, _ = signed_in("marketing")
    path = f"/office/forms/{survey.id}/results"

    def seen(query=""):
        return text_of(desk.get(path + query, headers={"Accept-Language": "en"}))

    newest, first = seen(), seen("?version=1")
    assert "6 answers" not in newest and "Version 2." in newest and 'href="?version=1"' in newest
    assert "6 answers" in first and "6 free texts hold" in first and 'href="?version=2"' in first
    for wrong in ("0", "3", "x"):
        assert desk.get(f"{path}?version={wrong}").status_code == 404
    answer = desk.post(f"{path}?version=1", {"do": "destroy"})
    assert answer.status_code == 302 and answer.url == f"{path}?version=1&done=destroyed"
    assert "free texts hold" not in seen("?version=1")
    assert "A few free texts hold" in seen()  # of a version that was not looked at nothing is destroyed
