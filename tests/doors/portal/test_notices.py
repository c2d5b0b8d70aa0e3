"""What a customer is told when a notice or a purpose changes, and what they are asked again."""

from __future__ import annotations

import re
from datetime import date

import pytest

from kehu.govern import register
from kehu.govern.consent import consents_of
from kehu.govern.models import Notice, NoticeSeen
from kehu.govern.register import Assessment
from kehu.govern.separate import Terms
from kehu.govern.slugs import LANGUAGES, PURPOSES
from kehu.guard.staff.actions import owner_actor
from kehu.serve.register import changes
from kehu.serve.rights.consents import actions
from kehu.serve.rights.erasing import erasure
from tests.cast import admit, staff
from tests.doors.portal.test_sign_in import LIN, ZHOU
from tests.visitor import Visitor

WORDS = dict.fromkeys(LANGUAGES, "We keep your birthday, too. <b>Not bold.</b>")
FINE = Assessment(on=date(2026, 11, 1), risk="low", outcome="acceptable", measures="")


@pytest.fixture
def office(database):
    return staff("manager"), staff("legal")


def new_notice(office, texts=WORDS):
    changes.approve(changes.propose_notice("privacy", texts, actor=office[0]).id, actor=office[1])


def widen(office, slug, parts):
    change = changes.propose_purpose(slug, parts, actor=office[0])
    if register.needs_assessment(change):
        changes.assess(change.id, FINE, actor=office[1])
    changes.approve(change.id, actor=office[1])


def test_a_changed_notice_is_told_until_it_was_seen(post, visitor, office):
    [lin] = admit(LIN)
    assert "The privacy notice changed" not in visitor.come_in(LIN["email"]).see()
    new_notice(office)
    assert "The privacy notice changed" in visitor.see()
    page = visitor.see("/notice/2?from=1")
    assert "<ins>" in page
    assert "<del>" in page
    assert "<b>Not bold" not in page
    assert "I have seen it" in page
    assert "The privacy notice changed" in visitor.see()  # a look is no answer
    assert visitor.client.post("/portal/notice-seen", {"version": "2"}).status_code == 302
    assert "The privacy notice changed" not in visitor.see()
    assert NoticeSeen.objects.filter(subject=lin).count() == 1
    visitor.client.post("/portal/notice-seen", {"version": "2"})
    assert NoticeSeen.objects.count() == 1
    new_notice(office, dict.fromkeys(LANGUAGES, "Another."))
    assert "/notice/3?from=2" in visitor.see()  # compared with the one they know


def test_who_came_under_the_new_one_is_told_nothing(post, visitor, office):
    new_notice(office)
    admit(LIN, notice=2)
    admit(ZHOU)
    assert "The privacy notice changed" not in visitor.come_in(LIN["email"]).see()
    assert "The privacy notice changed" in Visitor(visitor.letters, "192.0.2.8").come_in(ZHOU["email"]).see()


def test_who_is_only_asked_under_the_new_one_has_not_seen_it(post, visitor, office):
    [lin] = admit(LIN)
    new_notice(office)
    actions.ask(lin, PURPOSES["marketing"], actor=owner_actor())
    assert consents_of(lin)[0].notice == Notice.objects.get(version=2).id
    assert "The privacy notice changed" in visitor.come_in(LIN["email"]).see()
    visitor.allow("marketing", "give")
    assert "The privacy notice changed" not in visitor.see()


def test_only_a_version_in_force_is_seen(post, visitor, office):
    admit(LIN)
    visitor.come_in(LIN["email"])
    for wrong in ("2", "x", "", "9" * 5000):
        assert visitor.client.post("/portal/notice-seen", {"version": wrong}).status_code == 404


def test_everybody_reads_the_history(post, visitor, office):
    new_notice(office)
    page = visitor.see("/notice")
    assert "/notice/2?from=1" in page
    assert "I have seen it" not in visitor.see("/notice/2?from=1")
    assert "We use your data to serve you" in visitor.see("/notice/1")
    assert visitor.client.get("/notice/9").status_code == 404


def test_a_wider_use_is_asked_about_again(post, visitor, office):
    [lin] = admit(LIN)
    visitor.come_in(LIN["email"])
    visitor.allow("marketing", "give")
    widen(office, "marketing", {"retention_days": 10})
    assert "reaches further" not in visitor.see()
    widen(office, "marketing", {"recipients": ["Parcel Post"]})
    page = visitor.see()
    assert "reaches further" in page
    assert "<ins>Parcel Post</ins>" in page
    assert 'aria-checked="true"' not in page.split('id="l-marketing"')[1].split("</form>")[0]
    by_itself = Terms("provide", "Parcel Post", fields=("email",))
    actions.give(
        lin, PURPOSES["marketing"], actor=owner_actor(), kind="general", until=None, notice=None, by_subject=None,
        terms=by_itself,
    )  # fmt: skip
    assert "reaches further" in visitor.see()  # that one alone is allowed
    actions.ask(lin, PURPOSES["marketing"], actor=owner_actor())
    assert "reaches further" in visitor.see()
    visitor.allow("marketing", "give")
    assert "reaches further" not in visitor.see()
    assert [row.purpose_version for row in consents_of(lin)] == [2, 2, 2, 1]


@pytest.mark.parametrize("what", ["notice", "use"])
def test_a_yes_is_to_what_was_read(post, visitor, office, what):
    [lin] = admit(LIN)

    def press_yes(page):
        form = page.split('value="marketing"')[1].split("</form>")[0]
        sent = dict(re.findall(r'name="(\w+)" value="([\w:]+)"', form))
        return visitor.client.post("/portal/allow", sent | {"purpose": "marketing"})["Location"]

    before = visitor.come_in(LIN["email"]).see()
    if what == "notice":
        new_notice(office)
    else:
        widen(office, "marketing", {"recipients": ["Parcel Post"]})
    assert press_yes(before) == "/portal?done=changed#allow"
    assert consents_of(lin) == []
    page = visitor.see()
    assert ("The privacy notice changed" in page) == (what == "notice")
    assert press_yes(page) == "/portal?done=given#allow"
    assert [row.purpose_version for row in consents_of(lin)] == [1 if what == "notice" else 2]


@pytest.mark.parametrize("what", ["notice", "use"])
def test_a_yes_to_what_was_asked_is_to_what_was_read(post, visitor, office, what):
    [lin] = admit(LIN)
    actions.ask(lin, PURPOSES["marketing"], actor=owner_actor())
    path = f"/portal/asked/{consents_of(lin)[0].id}"
    visitor.come_in(LIN["email"])

    def press_yes(page):
        [read] = re.findall(r'name="read" value="([\d:]+)"', page)
        return visitor.client.post(path, {"wish": "give", "read": read})["Location"]

    before = visitor.see(path)
    if what == "notice":
        new_notice(office)
    else:
        widen(office, "marketing", {"recipients": ["Parcel Post"]})
    assert press_yes(before) == path + "?done=changed"
    assert consents_of(lin)[0].status == "requested"
    page = visitor.see(path)
    assert ("We keep your birthday, too" in page) == (what == "notice")
    assert press_yes(page) == "/portal/permissions?done=given"
    said = consents_of(lin)[0]
    assert (said.status, Notice.objects.get(id=said.notice).version, said.purpose_version) == (
        ("given", 2, 1) if what == "notice" else ("given", 1, 2)
    )


def test_what_was_seen_leaves_with_the_customer(post, visitor, office):
    [lin] = admit(LIN)
    new_notice(office)
    visitor.come_in(LIN["email"])
    visitor.client.post("/portal/notice-seen", {"version": "2"})
    assert NoticeSeen.objects.filter(subject=lin).exists()
    erasure.erase(lin, actor=office[1], reason="asked")
    assert not NoticeSeen.objects.filter(subject=lin).exists()
