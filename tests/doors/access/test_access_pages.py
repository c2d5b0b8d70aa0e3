"""The access pages: every address × role × status, and conditions met by forms without script."""

from __future__ import annotations

import re
import uuid

from kehu.doors.web.access.urls import urlpatterns
from kehu.guard.access import grants, training
from kehu.guard.staff.actions import owner_actor
from tests.cast import admit
from tests.doors.web.browsing import browser, misfits, signed_in, text_of

ROLES = ("service", "marketing", "manager", "analyst", "privacy", "legal", "auditor", "engineer")
ALL = frozenset(ROLES)
OFFICE = frozenset({"manager", "privacy", "legal"})
UNKNOWN = uuid.UUID(int=7)
# name of the address -> (path, method, roles let in, status for them, status for the others that are signed in)
TABLE = {
    "access": ("/access", "get", ALL, 200, 200),
    "access-agreement": ("/access/agreement", "get", ALL, 200, 200),
    "access-watching": ("/access/watching", "get", ALL, 200, 200),
    "access-training": ("/access/training/customer-data", "get", ALL, 200, 200),
    "access-keep": (f"/access/people/{UNKNOWN}/keep", "post", frozenset({"manager", "privacy", "legal"}), 404, 403),
    "access-roles": ("/access/roles?law=EU", "get", ALL, 200, 200),
    "access-role-propose": ("/access/roles/propose?base=service", "get", OFFICE, 200, 403),
    "access-role-step": (f"/access/roles/{UNKNOWN}/refuse", "post", OFFICE, 404, 403),
    "access-owners": ("/access/owners?kind=law", "get", ALL, 200, 200),
    "access-posts": ("/access/posts", "get", OFFICE | {"auditor"}, 200, 403),
    "access-post": (f"/access/posts/{UNKNOWN}", "get", OFFICE | {"auditor"}, 404, 403),
    "access-post-step": (f"/access/posts/{UNKNOWN}/close", "post", OFFICE | {"auditor"}, 404, 403),
    "access-change-step": (f"/access/changes/{UNKNOWN}/refuse", "post", ALL, 404, 404),
    "access-grants": ("/access/grants", "get", ALL, 200, 200),
    "access-ask": ("/access/grants/ask?purpose=service", "get", ALL - {"engineer"}, 200, 403),
    "access-glass": ("/access/emergency", "get", ALL - {"engineer"}, 200, 403),
    "access-grant": (f"/access/grants/{UNKNOWN}", "get", ALL, 404, 404),
    "access-grant-step": (f"/access/grants/{UNKNOWN}/approve", "post", ALL, 404, 404),
}
LOOK_AFTER = frozenset({"manager", "privacy", "legal", "auditor"})


def test_every_address_is_in_the_table():
    assert {pattern.name for pattern in urlpatterns} == set(TABLE)


def test_each_role_gets_what_the_table_says(database):
    wrong = []
    for role in ROLES:
        desk, _ = signed_in(role)
        wrong += misfits(TABLE, role, desk)
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


def asked_by(desk, subject, **more):
    form = {
        "purpose": "service",
        "fields": "email",
        "customers": str(subject),
        "minutes": "30",
        "reason": "The label is lost.",
    }
    return desk.post("/access/grants/ask", form | more)


def test_a_grant_is_asked_for_let_through_used_and_ended_by_forms(database):
    [subject] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    mia, _ = signed_in("marketing", "marketing")
    boss, _ = signed_in("manager")
    assert asked_by(mia, subject, fields="moon").status_code == 422
    assert asked_by(mia, "nobody").status_code == 422
    assert asked_by(mia, subject)["Location"] == "/access/grants?done=asked"
    [held] = grants.grants(actor=owner_actor())
    page = text_of(boss.get(f"/access/grants/{held.id}"))
    assert "The label is lost." in page
    assert "/approve" in page
    assert "/approve" not in text_of(mia.get(f"/access/grants/{held.id}"))
    assert mia.post(f"/access/grants/{held.id}/approve").status_code == 403
    assert mia.post(f"/access/grants/{held.id}/use").status_code == 409
    assert boss.post(f"/access/grants/{held.id}/approve").status_code == 302
    assert mia.post(f"/access/grants/{held.id}/use")["Location"] == f"/customers/{subject}"
    assert "林婉清" not in text_of(mia.get(f"/customers/{subject}"))
    assert "lin@mail.example" in text_of(mia.post(f"/customers/{subject}/show", {"field": "email"}))
    assert boss.post(f"/access/grants/{held.id}/end").status_code == 302
    assert "lin@mail.example" not in text_of(mia.post(f"/customers/{subject}/show", {"field": "email"}))
    assert boss.post(f"/access/grants/{held.id}/end").status_code == 409
    other, _ = signed_in("service")
    assert other.get(f"/access/grants/{held.id}").status_code == 404


def test_a_refusal_leads_to_the_form_filled_in(database):
    [subject] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    mia, _ = signed_in("marketing", "marketing")
    form = text_of(mia.get(f"/access/grants/ask?purpose=service&customers={subject}"))
    assert str(subject) in form
    assert 'value="email"' in form
    assert 'value="national_id"' not in form  # service does not need it


def test_the_glass_is_broken_and_looked_at_by_forms(database):
    [subject] = admit({"full_name": "林婉清", "address": "南京路 1 号"})
    li, _ = signed_in("service", "service")
    paul, _ = signed_in("privacy")
    form = {
        "kind": "vital",
        "fields": "address",
        "customers": str(subject),
        "reason": "She collapsed while on the telephone.",
    }
    assert li.post("/access/emergency", form | {"reason": "now"}).status_code == 422
    assert li.post("/access/emergency", form)["Location"] == f"/customers/{subject}?done=broken"
    assert "南京路 1 号" in text_of(li.get(f"/customers/{subject}"))
    assert li.post("/access/emergency", form | {"kind": "security", "fields": "phone"}).status_code == 403
    [held] = [one for one in grants.grants(actor=owner_actor()) if one.emergency]
    assert "/justified" in text_of(paul.get(f"/access/grants/{held.id}"))
    assert paul.post(f"/access/grants/{held.id}/unjustified").status_code == 302
    assert "南京路 1 号" not in text_of(li.get(f"/customers/{subject}"))
