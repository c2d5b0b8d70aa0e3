"""The access pages: every address × role × status, and conditions met by forms without script."""

from __future__ import annotations

import re

from kehu.doors.web.access.urls import urlpatterns
from kehu.guard.access import training
from tests.cast import admit
from tests.doors.web.browsing import browser, signed_in, text_of

ROLES = ("service", "marketing", "manager", "analyst", "privacy", "legal", "auditor", "engineer")
ALL = frozenset(ROLES)
# name of the address -> (path, method, roles let in, status for them, status for the others that are signed in)
TABLE = {
    "access": ("/access", "get", ALL, 200, 200),
    "access-agreement": ("/access/agreement", "get", ALL, 200, 200),
    "access-watching": ("/access/watching", "get", ALL, 200, 200),
    "access-training": ("/access/training/customer-data", "get", ALL, 200, 200),
}
LOOK_AFTER = frozenset({"manager", "privacy", "legal", "auditor"})


def test_every_address_is_in_the_table():
    assert {pattern.name for pattern in urlpatterns} == set(TABLE)


def test_each_role_gets_what_the_table_says(database):
    wrong = []
    for role in ROLES:
        desk, _ = signed_in(role)
        for name, (path, method, roles, let_in, others) in TABLE.items():
            wanted = let_in if role in roles else others
            answer = getattr(desk, method)(path)
            if answer.status_code != wanted:
                wrong.append(f"{role} {name}: {answer.status_code}, not {wanted}")
            assert not re.search(r"<[^>]+\s(style|on\w+)=", text_of(answer)), name
        assert ('id="lapses"' in text_of(desk.get("/access"))) == (role in LOOK_AFTER), role
    assert wrong == []


def test_nobody_else_gets_anything(database):
    for path, method, *_ in TABLE.values():
        answer = getattr(browser(), method)(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in"), path


def test_each_refusal_leads_to_the_page_that_mends_it_and_back(database):
    [subject] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    desk, _ = signed_in("service", "service", attest=False)
    course = training.course_of("customer-data")
    right = {f"q{number}": str(one.right) for number, one in enumerate(course.questions)}
    steps = (
        ("house.agreement", "/access/agreement", {"read": "yes", "version": "1"}),
        ("house.training", "/access/training/customer-data", right),
        ("house.watching", "/access/watching", {"read": "yes", "version": "1"}),
    )
    for policy, path, form in steps:
        refused = desk.get(f"/customers/{subject}")
        assert refused.status_code == 403
        assert policy in text_of(refused)
        way = f"{path}?next=/customers/{subject}"
        assert way in text_of(refused).replace("%2F", "/")
        asked = re.search(r'name="next" value="(/customers/[^"]*)"', text_of(desk.get(way)))[1]
        assert desk.post(path, form | {"next": asked})["Location"] == f"/customers/{subject}"
    assert "林婉清" in text_of(desk.get(f"/customers/{subject}"))


def test_unread_or_old_is_not_signed_and_wrong_answers_are_explained(database):
    desk, actor = signed_in("service", attest=False)
    assert desk.post("/access/agreement", {"version": "1"}).status_code == 422
    assert desk.post("/access/agreement", {"version": "7", "read": "yes"}).status_code == 409
    assert desk.post("/access/agreement", {"version": "x", "read": "yes"}).status_code == 409
    answer = desk.post("/access/training/customer-data", {"q0": "0", "q1": "banana"})
    assert answer.status_code == 422
    assert training.courses()["customer-data"].questions[1].why["zh-hans"] in text_of(answer)
    assert desk.get("/access/training/moon").status_code == 404
    assert training.passed(actor.staff) == {}


def test_no_way_back_out_of_the_site(database):
    desk, _ = signed_in("service", attest=False)
    form = {"version": "1", "read": "yes", "next": "https://evil.example/"}
    assert desk.post("/access/agreement", form)["Location"] == "/access?done=agreement"
