"""What stays shut: sealed words where the gate refused, objects of others, degrees that a reader is not told, acts of the lapsed."""

from __future__ import annotations

import base64
import re
import zlib

import pytest
from django.db import connection
from django.test import override_settings
from django.urls import reverse

from kehu.collect.quarantine import groups
from kehu.guard.access import grants
from kehu.guard.gate.acts import Refused
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.refine.models import Proposal as Row
from kehu.refine.resolve import weights
from kehu.refine.resolve.opening import Group
from kehu.refine.resolve.review import answers as review
from kehu.refine.resolve.review import queue
from kehu.refine.resolve.review.queue import Pair
from kehu.serve.corrections.actions import correct
from kehu.serve.desk.listing import Filters
from kehu.serve.leaving import asking
from kehu.serve.register import changes
from kehu.serve.rights.consents import actions as rights
from kehu.serve.upkeep import queue as tasks
from kehu.vault.ids import new_id
from tests.cast import admit, shipped_with, staff
from tests.doors.intake.test_quarantine_pages import LAW, bring
from tests.doors.review.test_review_pages import LIN, LYN, SHIPPED, form_of
from tests.doors.web import browsing
from tests.doors.web.browsing import text_of

WANQING = {"full_name": "林婉清", "email": "lin@mail.example"}
REASON = "her lover typed it wrongly"


def signed_in(role, purpose=None):
    desk, who = browsing.signed_in(role, purpose)
    desk.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return desk, who


def lapse(database, who):
    """Their agreement is over."""
    with open_owner(database) as owner:
        owner.execute("update guard_staff set agreement_until = now() - interval '1 day' where id = %s", [who.staff])
        owner.execute("update actor_state set agreement_until = now() - interval '1 day' where staff = %s", [who.staff])


def customers() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(distinct customer) from subject_state where not hidden", ())
        return cursor.fetchone()[0]


@pytest.fixture
def question(database):
    """Two customers who may be one."""
    one, other = admit({**LIN, "external_id": "A"}, {**LYN, "external_id": "B"})
    queue.propose([Pair.of(one, other, 4.0)], run=new_id())
    [id] = Row.objects.values_list("id", flat=True)
    return id


def test_a_value_of_level_4_wants_the_factor_in_a_file_of_refused_rows_too(database, tmp_path):
    brought = bring(tmp_path, LAW, basis="legitimate_interest", residence="lives in")
    desk, _ = signed_in("privacy")
    [group] = groups.groups(actor=owner_actor())
    [row] = re.findall(
        r"/quarantine/rows/[0-9a-f-]+", text_of(desk.get(f"/quarantine/{group.channel.id}/files/{group.reason}"))
    )
    assert "11010519491231002X" not in text_of(desk.get(row))  # the page keeps it for after the factor
    answer = desk.post(f"/imports/{brought.id}/refused")
    assert "11010519491231002X" not in answer.content.decode("utf-8-sig") and answer.status_code == 403
    with open_owner(database) as owner:
        owner.execute("update actor_state set second_factor_at = now()")
    sent = desk.post(f"/imports/{brought.id}/refused")
    assert "11010519491231002X" in b"".join(sent.streaming_content).decode("utf-8-sig")


class TestReasonsOfCorrections:
    @pytest.fixture
    def lin(self, database):
        [lin] = admit(WANQING)
        correct(lin, "email", "right@mail.example", reason=REASON, actor=staff("privacy"))
        return lin

    def test_are_read_by_whom_the_gate_lets(self, lin):
        desk, _ = signed_in("privacy", "rights-request")
        assert REASON in text_of(desk.get(f"/corrections/{lin}"))

    def test_not_by_the_lapsed(self, lin, database):
        desk, who = signed_in("service", "service")
        lapse(database, who)
        assert desk.get(f"/customers/{lin}").status_code == 403
        assert REASON not in text_of(desk.get(f"/corrections/{lin}"))

    def test_not_without_a_purpose(self, lin):
        desk, _ = signed_in("service")
        body = text_of(desk.get(f"/corrections/{lin}"))
        assert "right@mail.example" not in body and REASON not in body

    def test_not_of_who_is_restricted(self, lin):
        rights.enter_state(lin, "restriction", actor=owner_actor(), act="restrict")
        desk, _ = signed_in("service", "service")
        assert desk.get(f"/customers/{lin}").status_code == 403
        body = text_of(desk.get(f"/corrections/{lin}"))
        assert "right@mail.example" not in body and REASON not in body


@pytest.mark.parametrize("sent", ["a number of thousands of digits", "a character that no keyboard sends"])
def test_what_nobody_types_breaks_no_page(database, sent):
    desk, _ = signed_in("legal")
    if sent.startswith("a number"):
        answer = desk.post(reverse("register-purpose-propose", args=["marketing"]), {"retention_days": "9" * 5000})
        assert answer.status_code == 409
    else:
        change = changes.propose_purpose("marketing", {"retention_days": 30}, actor=owner_actor())
        answer = desk.post(reverse("register-step", args=[change.id, "refuse"]), {"reason": "a\0b"})
        assert answer.status_code == 400 and "cannot be read" in text_of(answer)
        assert desk.post(reverse("register-step", args=[change.id, "refuse"]), {"reason": "ab"}).status_code == 302


def test_a_colleagues_upload_is_not_read_over_the_api(caller):
    one, other = caller("service", "service"), caller("marketing", "marketing")
    text = b"external_id,full_name,email\nK1,Ann Lee,ann@mail.example\n"
    sent = one("POST", "/uploads", raw=text, **{"Content-Type": "application/octet-stream"})
    asked = {"files": [sent.json["file"]], "channel": "store", "basis": "contract", "dry_run": True}
    assert one("POST", "/imports", asked).status == 200
    answer = other("POST", "/imports", asked)
    assert answer.status in (403, 404, 422) and "A**" not in answer.text


class TestTheLapsed:
    def test_join_nobody(self, question, database):
        desk, who = signed_in("privacy", "rights-request")
        lapse(database, who)
        desk.post(f"/review/{question}/answer", {"do": "yes", "sure": "yes"})
        with pytest.raises(Refused):  # nor by any other way
            review.answer(question, "yes", actor=who)
        assert customers() == 2

    def test_take_no_import_back(self, database, tmp_path):
        brought = bring(tmp_path, LAW, basis="legitimate_interest", residence="lives in")
        desk, who = signed_in("marketing")
        lapse(database, who)
        before = customers()
        desk.post(f"/imports/{brought.id}/undo")
        assert customers() == before > 0

    def test_let_no_list_go(self, database):
        shipped_with(database, "service", recipients=["Acme"], countries=["DE"])
        admit({"full_name": "P1", "email": "p1@mail.example"}, packs=2)
        with override_settings(EXPORT_ALONE=0):
            held = asking.ask(
                actor=staff("service"), purpose="service", recipient="Acme", recipient_kind="processor", country="DE",
                fields=("email",), filters=Filters.read({}, purpose="service"),
            )  # fmt: skip
            desk, who = signed_in("privacy")
            lapse(database, who)
            desk.post(f"/exports/{held.id}/decide", {"do": "approve"})
            assert asking.leaving_of(held.id).approved is None

    def test_let_no_grant_through(self, database):
        [lin] = admit(WANQING)
        held = grants.ask(
            actor=staff("marketing"), purpose="legal", fields=["email"], scope=grants.Scope((lin,), frozenset(), ()),
            minutes=60, reason="a court wants to know by tomorrow noon what was agreed",
        )  # fmt: skip
        desk, who = signed_in("legal")
        lapse(database, who)
        shown = "court wants" in text_of(desk.get(f"/access/grants/{held.id}"))
        desk.post(f"/access/grants/{held.id}/approve")
        assert (shown, grants.grant_of(held.id).approved) == (False, None)

    def test_read_no_log_of_a_customer(self, database):
        [lin] = admit(WANQING)
        desk, who = signed_in("auditor")
        lapse(database, who)
        assert desk.get(f"/ledger?customer={lin}").status_code == 403


def test_a_task_of_another_role_is_neither_seen_nor_taken(database):
    [lin] = admit(WANQING)
    made = tasks.make_by_hand(lin, "email", actor=staff("service"))
    desk, _ = signed_in("marketing", "marketing")
    assert str(made.id) not in text_of(desk.get("/quality/verification"))
    assert desk.get(f"/quality/verification/{made.id}").status_code == 404
    desk.post(f"/quality/verification/{made.id}/step", {"do": "take"})
    made.refresh_from_db()
    assert made.taken_by is None


class TestAQuestion:
    def test_is_not_answered_by_whose_purpose_may_not_open_the_two(self, question):
        desk, _ = signed_in("manager", "analytics")  # nobody allowed analytics
        page = text_of(desk.get(f"/review/{question}"))
        assert "may not open one of the two" in page and 'value="yes"' not in page
        desk.post(f"/review/{question}/answer", {"do": "yes"})
        assert customers() == 2

    def test_tells_degrees_of_a_masked_field_in_sum_alone(self, question):
        desk, _ = signed_in("privacy", "accuracy")
        page = text_of(desk.get(f"/review/{question}"))
        assert 'class="masked bare"' in page
        fall = page[page.index('class="r-fall"') :].partition("</ol>")[0].lower()
        assert "national id" not in fall and "id number" not in fall

    def test_carries_no_degree_that_its_reader_is_not_told(self, question):
        """Whoever sees the page sees its form: signed is not sealed."""
        weights.keep_learned(Group(1, "person"), SHIPPED, run=new_id())
        desk, _ = signed_in("service", "service")  # needs neither birth date nor number
        page = desk.get(f"/review/{question}")
        assert "told in sum alone" in text_of(page)
        body = form_of(page)["evidence"].lstrip(".").partition(":")[0]
        outer = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        inner = base64.b64decode(outer.strip(b'"'))
        for told in (outer, inner, zlib.decompress(outer) if outer[:1] == b"x" else b""):
            assert b"birth" not in told and b"national_id" not in told
