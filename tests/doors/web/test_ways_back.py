"""Where one comes back to: a language or look chosen on any page keeps what was sought there, and never ends at a form's address."""

from __future__ import annotations

import html
import re

import pytest
from django.db import connection

from kehu.doors.web.ledger import action_label
from kehu.govern.slugs import ACTIONS
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import add_staff, owner_actor
from kehu.guard.staff.models import Staff
from kehu.guard.tasks import forget_sessions
from kehu.serve.leaving import asking
from tests.cast import admit, shipped_with
from tests.doors.web.browsing import browser, signed_in, text_of


def leads_back(page: str) -> str:
    """Where the form of languages of a page leads."""
    return re.findall(r'name="next" value="([^"]*)"', page)[0].replace("&amp;", "&")


def test_what_was_sought_is_kept(database):
    desk, _ = signed_in("manager", "service")
    for path in ("/customers?consent=any&kind=person", "/ledger?act=read"):
        assert leads_back(text_of(desk.get(path))) == path
    assert leads_back(text_of(browser().get("/sign-in?next=/customers"))) == "/sign-in?next=/customers"


@pytest.mark.parametrize(
    ("role", "path", "above"),
    [
        ("privacy", "/lists/send", "/lists"),
        ("privacy", "/channels/new", "/channels"),
        ("privacy", "/requests/open", "/requests"),
        ("engineer", "/channels/1/trust", "/channels/1"),
        ("marketing", "/office/forms/new", "/office/forms"),
    ],
)
def test_a_refused_form_leads_back_to_its_page(database, role, path, above):
    desk, _ = signed_in(role)
    refused = desk.post(path, {})
    assert refused.status_code in (403, 422), refused.status_code
    way = leads_back(text_of(refused))
    assert way == path
    assert desk.post("/language", {"language": "zh-hans", "next": way})["Location"] == path
    answer = desk.get(path)
    assert (answer.status_code, answer["Location"]) == (302, above)


def kept(page):
    """What a page keeps of a form that was not sent, and where it would go."""
    [form] = [
        one
        for one in re.findall(r"<form.*?</form>", page, re.DOTALL)
        if 'name="csrfmiddlewaretoken"' in one and "Send what" in one
    ]
    return re.findall(r'action="([^"]*)"', form)[0], {
        name: html.unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', form)
        if name != "csrfmiddlewaretoken"
    }


@pytest.mark.parametrize("ended", ["sign-in", "purpose", "factor"])
def test_a_form_that_comes_after_the_sign_in_purpose_or_factor_ended_is_kept(database, ended):
    shipped_with(database, "service", recipients=["Druckhaus & Söhne"])
    desk, who = signed_in("service", "service")
    desk.cookies["kehu_language"] = "en"
    if ended == "factor":
        Staff.objects.filter(id=who.human).update(totp=b"sealed elsewhere")
    else:
        with open_owner(database) as owner:
            bound = "purpose is not null" if ended == "purpose" else "true"
            owner.execute(f"update actor_state set expires_at = now() where staff = %s and {bound}", [who.human])
    typed = {"recipient": "Druckhaus & Söhne", "kind": "processor", "country": "", "law": "EU", "field": "email"}
    answer = desk.post("/exports/ask", typed)
    assert answer.status_code == (401 if ended == "sign-in" else 403)
    assert answer["Cache-Control"] == "no-store" and not asking.requests(actor=owner_actor(), newest=None)
    assert kept(text_of(answer)) == ("/exports/ask", typed)
    assert desk.post("/exports/ask", {"do": "approve"}).status_code == 302  # nothing was filled in
    as_script = desk.post("/exports/ask", typed, headers={"Accept": "application/json"})
    assert as_script.status_code == 302
    secret = desk.post("/account/password", {"current": "old Pass", "password": "new Pass", "again": "new Pass"})
    assert b"new Pass" not in secret.content
    if ended == "purpose":
        desk.post("/purpose", {"purpose": "service"})
        assert desk.post("/exports/ask", typed).status_code == 302
        [made] = asking.requests(actor=owner_actor(), newest=None)
        assert made.recipient == typed["recipient"]


@pytest.mark.parametrize("ended", ["sign-in", "factor"])
def test_a_form_that_is_kept_is_sent_by_whoever_filled_it_in_and_nobody_else(database, ended):
    """Another person who signs in in the same browser sends nothing that was left open there; its writer still does."""
    shipped_with(database, "service", recipients=["Druckhaus & Söhne"])
    people = {
        name: add_staff(email=f"{name}@kehu.example", role="service", department=None, attest=True)
        for name in ("alice", "bob")
    }
    desk = browser(enforce_csrf_checks=True)
    desk.cookies["kehu_language"] = "en"
    mark = lambda page: re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', text_of(page))[-1]

    def come_in(name):
        account = people[name][1]
        said = {"email": account.email, "password": account.password, "csrfmiddlewaretoken": mark(desk.get("/sign-in"))}
        assert desk.post("/sign-in", said).status_code == 302
        said = {"purpose": "service", "csrfmiddlewaretoken": mark(desk.get("/purpose"))}
        assert desk.post("/purpose", said).status_code == 302

    come_in("alice")
    typed = {"recipient": "Druckhaus & Söhne", "kind": "processor", "country": "", "law": "EU", "field": "email"}
    typed["csrfmiddlewaretoken"] = mark(desk.get("/exports"))
    alice = people["alice"][0]
    if ended == "factor":
        Staff.objects.filter(id=alice.id).update(totp=b"sealed elsewhere")
    else:
        with open_owner(database) as owner:
            owner.execute("update actor_state set expires_at = now() where staff = %s", [alice.id])
    kept_page = desk.post("/exports/ask", typed)
    assert kept_page.status_code == (403 if ended == "factor" else 401) and "Send what I filled in" in text_of(
        kept_page
    )
    typed["csrfmiddlewaretoken"] = mark(kept_page)
    Staff.objects.filter(id=alice.id).update(totp=None)
    come_in("alice")  # in another window of the same browser
    assert desk.post("/exports/ask", typed).status_code == 302
    [made] = asking.requests(actor=owner_actor(), newest=None)
    assert made.asked_by == alice.id
    come_in("bob")
    refused = desk.post("/exports/ask", typed)
    assert refused.status_code == 403 and "somebody else" in text_of(refused)
    come_in("alice")  # what she had left open before is gone, too: somebody else was here meanwhile
    assert desk.post("/exports/ask", typed).status_code == 403
    assert len(asking.requests(actor=owner_actor(), newest=None)) == 1


def test_the_head_of_a_page_is_what_the_page_has_without_its_body(database):
    desk, _ = signed_in("service", "service")
    for held, path in ((browser(), "/sign-in"), (browser(), "/portal/sign-in"), (browser(), "/"), (desk, "/customers")):
        head, page = held.head(path), held.get(path)
        assert (head.status_code, head.content) == (page.status_code, b"")
        assert head.headers.get("Location") == page.headers.get("Location")
        assert not page.content or int(head["Content-Length"]) > 0
    assert desk.head("/channels/new").status_code == desk.get("/channels/new").status_code


def test_a_page_that_takes_no_form_says_so(database):
    desk, _ = signed_in("privacy")
    desk.cookies["kehu_language"] = "en"
    answer = desk.post("/requests", {})
    assert answer.status_code == 405 and "GET" in answer["Allow"] and "takes no form" in text_of(answer)


def test_a_wrong_password_keeps_the_address(database):
    page = text_of(browser().post("/sign-in", {"email": "lin@kehu.example", "password": "no"}))
    assert 'value="lin@kehu.example"' in page and re.search(r'id="password"[^>]*autofocus', page)


def test_every_act_has_words():
    assert [act for act in ACTIONS if action_label(act) == act] == []


def test_nobody_is_offered_what_they_may_not_open(database):
    desk, _ = signed_in("manager", "service")
    assert "/classify" not in text_of(desk.get("/quality"))
    [lin] = admit({"full_name": "Lin Wanqing"})
    auditor, _ = signed_in("auditor", "security")
    assert 'href="/imports/' not in text_of(auditor.get(f"/customers/{lin}/lineage"))


def test_what_a_change_of_rules_misses_is_said_in_ones_own_words(database):
    desk, _ = signed_in("privacy")
    desk.cookies["kehu_language"] = "en"
    answer = desk.post("/policies/replay", {"days": "30"})
    assert answer.status_code == 422 and "Choose files or a ZIP" in text_of(answer)
    form = {"countries": "Hongkong", "retention_days": "30", "do": "look"}
    proposed = desk.post("/purposes/marketing/propose", form)
    assert "not of the form asked for" in text_of(proposed)


def test_a_session_that_has_ended_is_forgotten_within_the_hour(database):
    signed_in("service")
    standing, _ = signed_in("service")
    with connection.cursor() as cursor:
        cursor.execute(
            "update django_session set expire_date = now() - interval '1 minute' where session_key <> %s",
            [standing.session.session_key],
        )
        forget_sessions(0)
        cursor.execute("select array_agg(session_key::text) from django_session")
        assert cursor.fetchone() == ([standing.session.session_key],)


def test_after_signing_in_again_one_is_back_with_what_was_narrowed_down_to(database):
    asked = browser().get("/customers?kind=person&consent=given")["Location"]
    assert asked == "/sign-in?next=%2Fcustomers%3Fkind%3Dperson%26consent%3Dgiven"
    _, account = add_staff(email="zhou@kehu.example", role="service", department=None, attest=True)
    given = {"email": account.email, "password": account.password, "next": "/customers?kind=person&consent=given"}
    assert browser().post("/sign-in", given)["Location"] == given["next"]
