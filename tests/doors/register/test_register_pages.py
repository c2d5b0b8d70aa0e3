"""The register's pages: every address × role × status, and a change walked through by forms without script."""

from __future__ import annotations

import re
import uuid

import pytest

from kehu.doors.web.register.urls import urlpatterns
from kehu.govern import register
from kehu.govern.slugs import LANGUAGES
from kehu.serve.register import changes
from kehu.serve.sources import informing, untold
from tests.cast import staff
from tests.doors.web.browsing import browser, misfits, signed_in, text_of
from tests.suppliers import PERSON

ROLES = ("service", "marketing", "manager", "analyst", "privacy", "legal", "auditor", "engineer")
ALL = frozenset(ROLES)
PROPOSING = ALL - {"auditor", "engineer"}
OFFICE = frozenset({"privacy", "legal"})
SEEING = ALL - {"engineer"}
UNKNOWN = uuid.UUID(int=7)
# name of the address -> (path, method, roles let in, status for them, status for the others that are signed in)
TABLE = {
    "register-purposes": ("/purposes", "get", ALL, 200, 200),
    "register-purpose": ("/purposes/marketing", "get", ALL, 200, 200),
    "register-purpose-propose": ("/purposes/marketing/propose", "get", PROPOSING, 200, 403),
    "register-notices": ("/notices", "get", ALL, 200, 200),
    "register-notice": ("/notices/privacy/1", "get", ALL, 200, 200),
    "register-notice-propose": ("/notices/privacy/propose", "get", PROPOSING, 200, 403),
    "register-sources": ("/sources", "get", SEEING, 200, 403),
    "register-source-new": ("/sources/new", "get", PROPOSING, 200, 403),
    "register-source": ("/sources/of/moon", "get", SEEING, 404, 403),
    "register-source-propose": ("/sources/of/moon/propose", "get", PROPOSING, 404, 403),
    "register-source-stop": ("/sources/of/moon/stop", "post", OFFICE | {"manager"}, 404, 403),
    "register-source-audit": ("/sources/of/moon/audit", "post", OFFICE | {"auditor"}, 404, 403),
    "register-informing": ("/sources/informing", "get", OFFICE, 200, 403),
    "register-informing-send": ("/sources/informing/send", "post", OFFICE, 302, 403),
    "register-informing-posted": ("/sources/informing/posted", "post", OFFICE, 302, 403),
    "register-informing-undo": (f"/sources/informing/{uuid.UUID(int=7)}/undo", "post", OFFICE, 302, 403),
    "register-informing-excused": ("/sources/informing/excused", "post", OFFICE, 302, 403),
    "register-step": (f"/changes/{UNKNOWN}/approve", "post", ALL, 404, 404),
}


def test_every_address_is_in_the_table():
    assert {pattern.name for pattern in urlpatterns} == set(TABLE)


def test_each_role_gets_what_the_table_says(database):
    wrong = []
    for role in ROLES:
        desk, _ = signed_in(role)
        wrong += misfits(TABLE, role, desk)
    assert wrong == []


def test_nobody_else_gets_anything(database):
    for path, method, *_ in TABLE.values():
        answer = getattr(browser(), method)(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in"), path


@pytest.mark.parametrize(
    "path", ["/purposes/moon", "/purposes/moon/propose", "/notices/privacy/9", "/notices/moon/propose"]
)
def test_what_is_not_there(database, path):
    desk, _ = signed_in("privacy")
    assert desk.get(path).status_code == 404


def form_of(text):
    """What a browser without script would send of the form as it stands."""
    form = re.search(r'<form class="cols".*?</form>', text, re.DOTALL)[0]
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        name, value = (re.search(rf'\b{part}="([^"]*)"', tag) for part in ("name", "value"))
        if 'type="checkbox"' not in tag or "checked" in tag:
            found.setdefault(name[1], []).append(value[1] if value else "")
    for name, text in re.findall(r'<textarea[^>]*name="(\w[\w-]*)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        found[name] = [text]
    for name, options in re.findall(r'<select[^>]*name="(\w+)"[^>]*>(.*?)</select>', form, re.DOTALL):
        found[name] = re.findall(r'value="(\w+)" selected', options)
    return found


def test_a_purpose_is_widened_by_forms(database):
    mia, _ = signed_in("marketing")
    paul, _ = signed_in("privacy")
    asked = form_of(text_of(mia.get("/purposes/marketing/propose")))
    same = mia.post("/purposes/marketing/propose", asked | {"do": "look"})
    assert "没有差异" in text_of(same)
    asked["least"].append("birth_date")
    looked = text_of(mia.post("/purposes/marketing/propose", asked | {"do": "look"}))
    assert re.search(r"<ins>出生日期</ins>", looked)
    assert register.changes("purpose", "marketing")[0].shipped  # looking is not proposing
    answer = mia.post("/purposes/marketing/propose", asked | {"do": "propose", "reason": "birthdays"})
    assert answer["Location"] == "/purposes/marketing?done=proposed#waiting"
    change = register.changes("purpose", "marketing")[0]
    assert "birthdays" in text_of(paul.get("/purposes/marketing"))
    page = text_of(paul.get("/purposes/marketing"))
    assert f"/changes/{change.id}/approve" not in page  # it waits for its assessment
    assert paul.post(f"/changes/{change.id}/approve").status_code == 403
    said = {"on": "2026-11-01", "risk": "low", "outcome": "with-measures", "measures": ""}
    assert paul.post(f"/changes/{change.id}/assess", said).status_code == 409
    said["measures"] = "only the day and month are shown"
    assert paul.post(f"/changes/{change.id}/assess", said).status_code == 302
    assert f"/changes/{change.id}/approve" in text_of(paul.get("/purposes/marketing"))
    assert mia.post(f"/changes/{change.id}/approve").status_code == 403
    assert paul.post(f"/changes/{change.id}/approve").status_code == 302
    page = text_of(mia.get("/purposes/marketing"))
    assert "only the day and month are shown" in page
    assert "出生日期" in page
    assert "birth_date" in register.purposes_in_force()["marketing"].least
    assert paul.post(f"/changes/{change.id}/refuse", {"reason": "late"}).status_code == 409


def test_refused_and_withdrawn_by_forms(database):
    mia, actor = signed_in("marketing")
    paul, _ = signed_in("privacy")
    change = changes.propose_purpose("marketing", {"retention_days": 5}, actor=actor)
    assert paul.post(f"/changes/{change.id}/withdraw").status_code == 403
    assert paul.post(f"/changes/{change.id}/refuse", {"reason": " "}).status_code == 409
    assert paul.post(f"/changes/{change.id}/refuse", {"reason": "too short"}).status_code == 302
    assert "too short" in text_of(mia.get("/purposes/marketing"))
    other = changes.propose_purpose("marketing", {"retention_days": 6}, actor=actor)
    assert f"/changes/{other.id}/withdraw" in text_of(mia.get("/purposes/marketing"))
    assert mia.post(f"/changes/{other.id}/withdraw").status_code == 302
    assert mia.post(f"/changes/{other.id}/burn").status_code == 404


def test_a_notice_by_forms(database):
    lena, _ = signed_in("legal")
    paul, _ = signed_in("privacy")
    asked = form_of(text_of(lena.get("/notices/privacy/propose")))
    assert len(asked["purposes"]) == 13
    asked |= {f"text_{said}": f"<b>新</b> {said}" for said in LANGUAGES}
    looked = text_of(lena.post("/notices/privacy/propose", asked | {"do": "look"}))
    assert "<ins>&lt;b&gt;" in looked
    assert "<b>新" not in looked
    answer = lena.post("/notices/privacy/propose", asked | {"do": "propose"})
    assert answer["Location"] == "/notices/privacy/2?done=proposed"
    change = register.changes("notice", "privacy")[0]
    assert lena.post(f"/changes/{change.id}/approve").status_code == 403
    assert paul.post(f"/changes/{change.id}/approve").status_code == 302
    page = text_of(paul.get("/notices/privacy/2"))
    assert "<del>" in page
    assert "<ins>" in page
    assert lena.post("/notices/privacy/propose", asked | {"do": "propose"}).status_code == 409


def test_the_names_of_people_are_not_in_the_list_of_somebody_signed_out(database):
    changes.propose_purpose("marketing", {"retention_days": 5}, actor=staff("privacy"))
    assert "kehu.example" not in text_of(browser().get("/purposes", follow=True))


def test_those_chosen_need_not_be_told(registered, bring):
    registered()
    bring(PERSON, residence="CN")
    lea, actor = signed_in("legal")
    lea.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    [row] = untold.waiting(actor=actor)
    asked = {"customer": [str(row.customer)], "why": "knows", "reason": "printed in the register"}
    answer = lea.post("/sources/informing/excused", asked)
    page = text_of(answer)
    assert answer.status_code == 422 and "PIPL 17-19 knows no such excuse" in page and " checked" in page
    assert "printed in the register" in page  # what was typed stands there still
    assert lea.post("/sources/informing/excused", asked | {"reason": "no"}).status_code == 422
    assert lea.post("/sources/informing/excused", asked | {"customer": []})["Location"].endswith("done=nobody")
    assert lea.post("/sources/informing/excused", asked | {"why": "law"})["Location"].endswith("done=excused")
    page = text_of(lea.get("/sources/informing?done=excused"))
    assert "Everybody has been told" in page and "printed in the register" in page
    [undo] = re.findall(r'action="(/sources/informing/[^"]+/undo)"', page)
    assert lea.post(undo)["Location"].endswith("done=taken-back")
    page = text_of(lea.get("/sources/informing?done=taken-back"))
    assert str(row.customer) in page and "by mistake, taken back on" in page and undo not in page
    assert lea.post(undo)["Location"].endswith("done=nothing-noted")


def test_those_chosen_were_told_as_far_as_they_were_listed(registered, bring):
    registered()
    bring(PERSON + "B-2,Wu,wu@kehu.example\nB-3,Xu,xu@kehu.example\n")
    lea, actor = signed_in("legal")
    lea.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    rows = re.findall(r'name="(seen-[^"]+)" value="(\w+)"', text_of(lea.get("/sources/informing")))
    chosen = [name.removeprefix("seen-") for name, _ in rows]
    asked = dict(rows) | {"customer": chosen[:2]}
    assert lea.post("/sources/informing/posted", asked | {"customer": []})["Location"].endswith("done=nobody")
    informing.posted([uuid.UUID(chosen[0])], actor=actor)
    assert lea.post("/sources/informing/posted", asked)["Location"].endswith("done=some")
    old = asked | {f"seen-{chosen[2]}": "of yesterday", "customer": chosen[2:]}
    assert lea.post("/sources/informing/posted", old)["Location"].endswith("done=some")
    assert "Not noted of all" in text_of(lea.get("/sources/informing?done=some"))
    assert [str(row.customer) for row in untold.waiting(actor=actor)] == chosen[2:]
    assert lea.post("/sources/informing/posted", asked | {"customer": chosen[2:]})["Location"].endswith("done=posted")


def test_a_source_is_proposed_let_through_audited_and_stopped_by_forms(database):
    mia, _ = signed_in("marketing")
    paul, actor = signed_in("privacy")
    asked = form_of(text_of(mia.get("/sources/new")))
    asked |= {
        "name": ["broker"], "kind": ["third-party"], "party": ["Broker <b>Ltd</b>"], "country": ["de"], "contract": ["B-17"],
        "until": [""], "ground": ["consent"], "purposes": ["service"], "proof": ["ab" * 32],
    }  # fmt: skip
    refused = mia.post("/sources/new", asked)
    assert refused.status_code == 409 and "有效期至" in text_of(refused)
    answer = mia.post("/sources/new", asked | {"until": ["2099-12-31"]})
    assert answer["Location"] == "/sources/of/broker?done=proposed#waiting"
    change = register.changes("source", "broker")[0]
    page = text_of(paul.get("/sources/of/broker"))
    assert f"/changes/{change.id}/approve" in page and "Broker &lt;b&gt;Ltd" in page
    assert mia.post(f"/changes/{change.id}/approve").status_code == 403
    assert paul.post(f"/changes/{change.id}/approve")["Location"] == "/sources/of/broker?done=approve"
    said = {"on": "2026-11-01", "outcome": "failed", "note": "no consents seen"}
    assert paul.post("/sources/of/broker/audit", said).status_code == 302
    wrong = paul.post("/sources/of/broker/audit", said | {"on": "2199-01-01", "note": "looked twice"})
    assert wrong.status_code == 422 and "未记录" in text_of(wrong) and ">looked twice</textarea>" in text_of(wrong)
    assert "no consents seen" in text_of(mia.get("/sources/of/broker"))
    assert mia.post("/sources/of/broker/stop").status_code == 403
    assert paul.post("/sources/of/broker/stop")["Location"].endswith("done=stopped")
    assert paul.post("/sources/of/broker/stop")["Location"].endswith("done=over")
    again = form_of(text_of(mia.get("/sources/of/broker/propose")))
    again |= {"contract": ["B-18"], "kind": ["third-party"]}  # the look above knows no hyphens
    assert mia.post("/sources/of/broker/propose", again).status_code == 302
    assert "<ins>B-18</ins>" in text_of(paul.get("/sources/of/broker"))
    assert actor.role == "privacy"
