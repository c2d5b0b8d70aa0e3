"""The pages of the watch: every address × role × status, and from alert to closed case by forms alone."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import override_settings
from django.utils import timezone

from kehu.doors.web.watch import cases as case_pages
from kehu.doors.web.watch import marks as marks_page
from kehu.doors.web.watch.urls import urlpatterns
from kehu.doors.web.watch.words import ICONS, kind_label
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.guard.staff.models import Staff
from kehu.guard.watch import alerts, case_own, case_steps, cases
from kehu.guard.watch.kinds import KINDS
from kehu.serve.rights.incidents import register as incidents
from tests.cast import admit
from tests.doors.web.browsing import browser, misfits, signed_in, text_of

ROLES = ("service", "marketing", "manager", "analyst", "privacy", "legal", "auditor", "engineer")
ALL = frozenset(ROLES)
WATCH = frozenset({"privacy", "auditor"})
CASES = WATCH | {"legal"}
# name of the address -> (path, method, roles let in, status for them, status for the others that are signed in)
TABLE = {
    "watch": ("/watch", "get", WATCH, 200, 403),
    "watch-alert": ("/watch/alerts/77", "get", WATCH, 404, 403),
    "watch-alert-take": ("/watch/alerts/77/take", "post", WATCH, 404, 403),
    "watch-alert-dismiss": ("/watch/alerts/77/dismiss", "post", WATCH, 404, 403),
    "watch-cases": ("/watch/cases", "get", CASES, 200, 403),
    "watch-case-open": ("/watch/cases/open", "get", CASES, 200, 403),
    "watch-case": ("/watch/cases/77", "get", CASES, 404, 403),
    "watch-case-link": ("/watch/cases/77/link", "post", CASES - {"auditor"}, 404, 403),
    "watch-case-step": ("/watch/cases/77/frozen", "post", CASES, 404, 403),
    "watch-figures": ("/watch/figures", "get", CASES | {"manager"}, 200, 403),
    "watch-marks": ("/watch/marks", "get", WATCH, 200, 403),
    "watch-quotas": ("/watch/quotas", "get", WATCH, 200, 403),
    "watch-own": ("/watch/own", "get", ALL, 200, 200),
    "watch-own-case": ("/watch/own/77", "get", ALL, 404, 404),
    "watch-answer": ("/watch/answer/unknown", "get", ALL, 404, 404),
}
OPEN_TO_ALL = {"watch-answer"}
TOLD = "On Monday you opened 312 customers within one hour."


def raised(actor, kind="volume", **more):
    """An alert as the watch raises it; its number."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    said = {"measure": "opened-hour", "seen": 312, "limit": 40, "own": 12, "role": 20, "hour": hour.isoformat()}
    times = {"since": hour.isoformat(), "until": (hour + timedelta(minutes=40)).isoformat()}
    with transaction.atomic():
        return alerts.raise_alert(kind, actor.human, {"found": [said], "rows": [3, 5]} | times | more, count=312)


def test_every_address_is_in_the_table():
    assert {pattern.name for pattern in urlpatterns} == set(TABLE)


def test_each_role_gets_what_the_table_says(database):
    wrong = []
    for role in ROLES:
        desk, _ = signed_in(role)
        wrong += misfits(TABLE, role, desk)
        place = re.search(r'class="nav-link" href="(/watch[^"]*)"', text_of(desk.get("/me")))
        wanted = "/watch" if role in WATCH else {"legal": "/watch/cases", "manager": "/watch/figures"}.get(role)
        assert (place[1] if place else None) == wanted, role
    assert wrong == []


def test_nobody_else_gets_anything(database):
    for name, (path, method, *_) in TABLE.items():
        answer = getattr(browser(), method)(path)
        if name in OPEN_TO_ALL:
            assert answer.status_code == 404
        else:
            assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in"), path


def test_the_queue_says_what_waits_why_and_for_how_long(database):
    _, li = signed_in("service")
    ann, _ = signed_in("auditor")
    assert 'class="empty"' in text_of(ann.get("/watch"))
    number = raised(li)
    with override_settings(LANGUAGE_CODE="en"):
        ann.cookies["kehu_language"] = "en"
        queue = text_of(ann.get("/watch"))
        assert "312 customers opened within an hour; usual for this person up to 12, for the role up to 20." in queue
        assert '<span class="count num">1</span>' in queue  # beside its place
        one = text_of(ann.get(f"/watch/alerts/{number}"))
    for link in (f"/ledger?staff={li.human}&amp;before=4#r3", f"/ledger?staff={li.human}&amp;before=6#r5"):
        assert link in one
    day = alerts.alert(number, actor=owner_actor()).day  # theirs, which may end after the reader's or begin before
    since, until = day - timedelta(days=1), day + timedelta(days=1)
    assert f"/ledger/inquiry?staff={li.human}&amp;since={since}&amp;until={until}" in one
    assert f'href="/watch/alerts/{number}"' not in text_of(ann.get("/watch?kind=honey"))
    assert f'href="/watch/alerts/{number}"' in text_of(
        ann.get("/watch?kind=volume&severity=medium&state=open&before=x")
    )


def test_an_alert_is_taken_dismissed_with_a_reason_and_closed_once(database):
    _, li = signed_in("service")
    ann, me = signed_in("auditor")
    number = raised(li)
    assert ann.post(f"/watch/alerts/{number}/take").status_code == 302
    held = alerts.alert(number, actor=me)
    assert held.state == "taken"
    assert ann.post(f"/watch/alerts/{number}/dismiss", {"reason": "no"}).status_code == 422
    assert ann.post(f"/watch/alerts/{number}/dismiss", {"reason": "The recall of this week."}).status_code == 302
    assert ann.post(f"/watch/alerts/{number}/take").status_code == 409
    assert ann.post(f"/watch/alerts/{number}/dismiss", {"reason": "The recall of this week."}).status_code == 409
    assert "The recall of this week." in text_of(ann.get(f"/watch/alerts/{number}"))


def test_every_kind_has_an_icon_and_a_word():
    assert set(ICONS) == set(KINDS)
    assert all(kind_label(kind) for kind in KINDS)


def test_from_alert_to_closed_case_by_forms(database, monkeypatch):
    li, li_actor = signed_in("service")
    paul, _ = signed_in("privacy")
    leo, _ = signed_in("legal")
    number = raised(li_actor)
    assert "312" in text_of(paul.get(f"/watch/cases/open?alert={number}"))
    made = paul.post("/watch/cases/open", {"alert": number})["Location"]
    case = f"/watch/cases/{int(re.search(r'cases/([0-9]+)', made)[1])}"
    own = case.replace("cases", "own")
    assert (li.get(own).status_code, li.get(case).status_code) == (404, 403)  # not told yet
    assert text_of(paul.get(case)).count("btn primary") == 1
    assert paul.post(f"{case}/told", {"text": " "}).status_code == 422
    assert paul.post(f"{case}/decided", {"finding": "violation", "measures": "talk", "text": "x"}).status_code == 409
    assert paul.post(f"{case}/told", {"text": TOLD}).status_code == 302
    page = text_of(li.get(own))
    assert TOLD in page
    assert "312" in page
    assert 'href="/ledger?' not in page  # counts and times, no rows: some would tell which record is watched
    assert case.replace("/watch/cases", "/watch/own") in text_of(li.get("/watch/own"))
    assert li.post(own, {"text": "It was the recall."}).status_code == 302
    assert "It was the recall." in text_of(leo.get(case))
    assert (
        leo.post(f"{case}/decided", {"finding": "violation", "measures": ["none", "talk"], "text": "x"}).status_code
        == 409
    )
    assert leo.post(f"{case}/decided", {"finding": "", "text": "x"}).status_code == 422
    form = {"finding": "violation", "measures": ["employment", "talk"], "text": "No recall was on that day."}
    assert leo.post(f"{case}/decided", form).status_code == 302
    assert "No recall" not in text_of(li.get(own))  # nobody confirmed it
    assert leo.post(f"{case}/confirmed").status_code == 403
    assert f"{case}/confirmed" in text_of(paul.get(case))
    assert paul.post(f"{case}/confirmed").status_code == 302
    assert "No recall" in text_of(li.get(own))
    assert paul.post(f"{case}/measured").status_code == 302
    assert paul.post(f"{case}/closed").status_code == 302
    assert paul.post(f"{case}/closed").status_code == 409
    assert li.post(own, {"text": "late"}).status_code == 409
    assert paul.get(case).status_code == 200
    monkeypatch.setattr(case_pages, "NEWEST", 0)
    listed = text_of(paul.get("/watch/cases"))
    assert "另有 1 项" in listed and "<code>kehu case list</code>" in listed


@pytest.fixture
def told(database):
    """A case about somebody in service, told by the privacy office."""
    li, li_actor = signed_in("service")
    paul, actor = signed_in("privacy")
    held = cases.open_case(actor=actor, human=li_actor.human, alerts=[raised(li_actor)])
    case_steps.tell(held.number, TOLD, actor=actor)
    return li, paul, actor, held


def test_a_text_that_is_too_long_is_told_so_and_kept(told):
    """The limit stands in the answer; who wrote much is not told to write something."""
    li, paul, _, held = told
    li.cookies["kehu_language"] = paul.cookies["kehu_language"] = "en"
    case, long = f"/watch/cases/{held.number}", "x" * 4_001
    for desk, path, said in (
        (paul, f"{case}/told", {}), (paul, f"{case}/heard", {"way": "in-person"}), (li, f"/watch/own/{held.number}", {}),
        (paul, f"{case}/incident", {}),
    ):  # fmt: skip
        over = long if "incident" not in path else "x" * 20_001
        answer = desk.post(path, said | {"text": over})
        page = text_of(answer)
        assert answer.status_code == 422 and over in page, path
        assert f"At most {len(over) - 1:,} characters; these are {len(over):,}." in page, path
        nothing = text_of(desk.post(path, said | {"text": " "}))
        assert "At most" not in nothing and "Say " in nothing, path
    lines = "\r\n".join("x" for _ in range(2_000))  # as a form sends what its box counted as 3,999
    assert li.post(f"/watch/own/{held.number}", {"text": lines}).status_code == 302


def test_a_decision_is_not_lost_to_the_second_factor(told):
    li, _, _, held = told
    leo, leo_actor = signed_in("legal")
    case = f"/watch/cases/{held.number}"
    assert li.post(f"/watch/own/{held.number}", {"text": "It was the recall."}).status_code == 302
    Staff.objects.filter(id=leo_actor.human).update(totp=b"sealed elsewhere")
    assert "/account/confirm?next=" + case in text_of(leo.get(case))  # said before anything is written
    refused = leo.post(f"{case}/decided", {"finding": "violation", "measures": "talk", "text": "Long reasons."})
    assert refused.status_code == 403
    assert "Long reasons." in text_of(refused)
    Staff.objects.filter(id=leo_actor.human).update(totp=None)
    assert "/account/confirm" not in text_of(leo.get(case))


def test_who_is_frozen_answers_by_a_link_shown_once(told):
    li, paul, _, held = told
    case = f"/watch/cases/{held.number}"
    assert paul.post(f"{case}/frozen").status_code == 302
    assert li.get("/me").status_code == 302
    shown = text_of(paul.post(f"{case}/link"))
    way = re.search(r'value="https?://[^/"]+(/watch/answer/[^"]+)"', shown)[1]
    assert way not in text_of(paul.get(case))
    outside = browser()
    assert TOLD in text_of(outside.get(way))
    assert outside.post(way, {"text": ""}).status_code == 422
    assert outside.post(way, {"text": "It was the recall."}).status_code == 200
    assert outside.get(way).status_code == 404
    assert "It was the recall." in text_of(paul.get(case))
    assert paul.post(f"{case}/unfrozen").status_code == 302


def test_a_breach_goes_into_the_register_of_incidents(told):
    _, paul, actor, held = told
    case = f"/watch/cases/{held.number}"
    assert paul.post(f"{case}/incident", {"text": "The list was sold."}).status_code == 302
    found = cases.case_of(held.number, actor=actor).incident
    [row] = incidents.listed(actor=actor, id=found)
    assert (row["account"], row["text"]) == (str(held.human), "The list was sold.")
    assert f'href="/incidents/{found}"' in text_of(paul.get(case))
    assert paul.post(f"{case}/incident", {"text": "again"}).status_code == 409
    assert len(incidents.listed(actor=actor)) == 1  # neither of the two without the other
    ann, _ = signed_in("auditor")
    assert ann.post(f"{case}/incident", {"text": "x"}).status_code == 403


def test_nobody_sees_the_case_or_alert_about_themselves_in_the_office(database):
    paul, actor = signed_in("privacy")
    signed_in("privacy")
    number = raised(actor)
    held = cases.open_case(actor=owner_actor(), human=actor.human, alerts=[number])
    case_steps.tell(held.number, TOLD, actor=owner_actor())
    for path in (f"/watch/alerts/{number}", f"/watch/cases/{held.number}"):
        assert paul.get(path).status_code == 404
    assert paul.post(f"/watch/cases/{held.number}/closed").status_code == 404
    assert paul.post("/watch/cases/open", {"alert": number}).status_code == 404
    assert TOLD in text_of(paul.get(f"/watch/own/{held.number}"))
    [own] = case_own.own_cases(actor=actor)
    assert own.number == held.number


def test_by_hand_a_case_is_opened_and_another_goes_on(database):
    _, li = signed_in("service")
    paul, _ = signed_in("privacy")
    assert paul.post("/watch/cases/open", {"staff": "x"}).status_code == 422
    assert paul.post("/watch/cases/open", {"staff": str(uuid.uuid4())}).status_code == 422
    way = paul.post("/watch/cases/open", {"staff": str(li.human)})["Location"].partition("?")[0]
    assert "btn primary" not in text_of(paul.get(way))
    assert paul.post(f"{way}/told", {"text": TOLD}).status_code == 403
    assert paul.post(f"{way}/dance").status_code == 404


def test_a_text_of_many_lines_is_as_long_as_its_box_counts_it(database):
    desk, _ = signed_in("privacy")
    _, li = signed_in("service")
    held = cases.open_case(actor=owner_actor(), human=li.human, alerts=[raised(li)])
    text = "\r\n".join(["a" * 39] * 100)
    assert desk.post(f"/watch/cases/{held.number}/told", {"text": text}).status_code == 302


def test_a_large_number_is_written_as_everywhere(database):
    said = {"measure": "refused-day", "seen": 5961, "customers": 5960, "questions": 2}
    ann, _ = signed_in("privacy")
    raised(signed_in("marketing")[1], "denials", found=[said])
    page = text_of(ann.get("/watch", HTTP_ACCEPT_LANGUAGE="en"))
    assert "5,961 refusals on this day: 5,960 customers, 2 different questions." in page


def test_marks_are_set_and_taken_off_by_customer(database):
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    ann, _ = signed_in("auditor")
    for wrong in (
        {"customer": "x", "kind": "vip"},
        {"customer": str(uuid.uuid4()), "kind": "vip"},
        {"customer": str(lin), "kind": "honey"},
    ):
        assert ann.post("/watch/marks", {"do": "mark"} | wrong).status_code == 422
    assert ann.post("/watch/marks", {"do": "mark", "customer": str(lin), "kind": "vip"}).status_code == 302
    page = text_of(ann.get("/watch/marks"))
    assert str(lin) in page
    assert "林婉清" not in page
    assert ann.post("/watch/marks", {"do": "unmark", "customer": str(lin), "kind": "vip"}).status_code == 302
    assert str(lin) not in text_of(ann.get("/watch/marks"))
    assert ann.post("/watch/marks", {"do": "find"}).status_code == 302


def test_every_mark_is_on_some_page(database, monkeypatch):
    monkeypatch.setattr(marks_page, "PAGE", 2)
    people = admit(*[{"full_name": f"客户{n}"} for n in range(5)])
    ann, _ = signed_in("auditor")
    for subject in people:
        ann.post("/watch/marks", {"do": "mark", "customer": str(subject), "kind": "vip"})
    path, seen = "/watch/marks?before=x", []
    while path:
        page = text_of(ann.get(path))
        seen.append([one for one in reversed(people) if str(one) in page])
        older = re.search(r'href="([?]before=[^"]+)" rel="next"', page)
        path = f"/watch/marks{older[1]}" if older else ""
    assert seen == [people[:2:-1], people[2:0:-1], people[:1]]


def test_figures_show_no_names_and_no_few(database):
    boss, _ = signed_in("manager")
    people = [signed_in("service")[1] for _ in range(3)]
    for one in people:
        raised(one)
    raised(people[0], kind="honey")
    page = text_of(boss.get("/watch/figures"))
    assert re.findall(r'<td class="ta-r num"[^>]*>(?:<span[^>]*>)?([^<]+)', page).count("3") == 1
    assert "@kehu.example" not in page.partition("<main")[2]
    with open_owner(database) as owner:
        assert owner.execute("select count(*) from watch_alert").fetchone() == (4,)
