"""The page of classification: every address × role × status; a scan, a decision, and the field back again."""

from __future__ import annotations

import re
import uuid

import pytest

from kehu.doors.web.classify.urls import urlpatterns
from kehu.doors.web.classify.words import KIND_LABELS
from kehu.guard.installation import installation
from kehu.host.jobs import run_pending
from kehu.refine.classify.kinds import KINDS
from kehu.refine.classify.models import Finding, Scan
from kehu.refine.classify.scanning import scan
from tests.cast import admit
from tests.doors.web import browsing
from tests.doors.web.browsing import browser, misfits, text_of

ROLES = ("service", "marketing", "manager", "analyst", "privacy", "legal", "auditor", "engineer")
OFFICE = frozenset({"privacy", "legal"})
SEES = OFFICE | {"auditor"}
UNKNOWN = uuid.UUID(int=7)
HOME = "/quality/classification"
# name of the address -> (path, method, roles let in, status for them, status for the others that are signed in)
TABLE = {
    "classify": (HOME, "get", SEES, 200, 403),
    "classify-scan": (f"{HOME}/scan", "post", OFFICE, 302, 403),
    "classify-progress": (f"{HOME}/progress", "get", SEES, 200, 403),
    "classify-lower": (f"{HOME}/fields/text/lower", "post", OFFICE, 404, 403),
    "classify-decide": (f"{HOME}/{UNKNOWN}/decide", "post", OFFICE, 404, 403),
}


def test_every_address_is_in_the_table():
    assert {pattern.name for pattern in urlpatterns} == set(TABLE)


def test_each_role_gets_what_the_table_says(database):
    wrong = []
    for role in ROLES:
        wrong += misfits(TABLE, role, browsing.signed_in(role)[0])
    assert wrong == []
    for path, method, *_ in TABLE.values():
        answer = getattr(browser(), method)(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in"), path


def test_every_kind_has_a_name():
    assert set(KIND_LABELS) == set(KINDS)


@pytest.fixture
def office(database):
    desk, who = browsing.signed_in("privacy")
    desk.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return desk, who


def plain(answer):
    """The words of a page without its marks."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text_of(answer)))


def test_from_a_scan_to_a_field_raised_and_back(office):
    desk, who = office
    assert "Nothing was scanned yet" in plain(desk.get(HOME))
    admit(
        *({"full_name": f"客户{n}", "text": "有糖尿病"} for n in "一二三四五六"),
        {"full_name": "王芳", "text": "card 4111111111111111"},
    )
    assert "begins in a moment" in plain(desk.get(desk.post(f"{HOME}/scan")["Location"]))
    waits = desk.get(f"{HOME}/progress")  # asked while no worker has come to it yet
    assert "begins in a moment" in plain(waits) and "HX-Redirect" not in waits
    run_pending()
    assert desk.get(f"{HOME}/progress")["HX-Redirect"] == HOME
    scan(actor=who)
    page = plain(desk.get(HOME))
    assert "Health" in page and "6 / 7" in page and "fewer than 5 / 7" in page
    assert "糖尿病" not in page and "4111" not in page
    [ill, card] = [Finding.objects.get(kind=kind).id for kind in ("health", "card")]
    assert desk.post(f"{HOME}/{card}/decide", {"reason": "because"}).status_code == 404
    assert "stays as it is" in plain(desk.get(desk.post(f"{HOME}/{card}/decide", {"reason": "mistaken"})["Location"]))
    assert "treated at this level" in plain(desk.get(desk.post(f"{HOME}/{ill}/decide")["Location"]))
    assert installation().rules.dictionary.field("text").level == 4
    assert "before you" in plain(desk.get(desk.post(f"{HOME}/{ill}/decide")["Location"]))
    page = plain(desk.get(desk.post(f"{HOME}/fields/text/lower")["Location"]))
    assert "asked about again" in page and installation().rules.dictionary.field("text").level == 3
    Scan.objects.update(state="failed")
    assert "broke off" in plain(desk.get(HOME))
    zh = desk.get(HOME, HTTP_ACCEPT_LANGUAGE="zh-hans")
    assert "等待决定" in text_of(zh)


def test_after_a_scan_that_was_killed_another_can_be_begun(office):
    desk, who = office
    Scan.objects.create(id=UNKNOWN, staff=who.human, models_used=False)
    page = plain(desk.get(HOME))
    assert "Scan now" in page and "broke off" in page
    assert desk.get(f"{HOME}/progress")["HX-Redirect"] == HOME
