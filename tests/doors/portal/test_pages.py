"""What a customer sees and does behind the door: own data, permissions, uses with proofs, requests."""

from __future__ import annotations

import html
import re
import uuid

import pytest
from django.db import connection, transaction
from django.urls import get_resolver

from kehu.doors.web.portal import urls
from kehu.govern.consent import consents_of
from kehu.govern.states import enter
from kehu.guard.gate.read import gate
from kehu.guard.guests.codes import FACT_TRIES_A_DAY
from kehu.guard.guests.credentials import guest_actor
from kehu.guard.ledger.open_log import open_sequencer
from kehu.guard.ledger.own import own_ledger
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.serve.rights import requests as register
from kehu.serve.upkeep import queue as tasks
from kehu.serve.upkeep.models import Confirmation
from kehu.vault.assignment import assign
from kehu.vault.ids import new_id
from tests.cast import admit, staff
from tests.doors.portal.test_sign_in import LIN, ZHOU
from tests.doors.web.browsing import signed_in, text_of
from tests.visitor import Visitor


def link(one, other, certainty):
    with transaction.atomic():
        connection.ensure_connection()
        assign(connection.connection, [(one, other)], certainty=certainty, why=4, run=None, by=new_id())


def marketing_sees(subject, who):
    opened = gate().open([subject], actor=who, purpose="marketing")
    return {c.field for one in opened for c in one.contributions if c.answer == "clear"}


# ---- what we hold


def test_the_overview_counts_what_the_customer_is_asked(post, visitor):
    lin, again = admit(LIN, {"full_name": "林婉青", "phone": "+8613800138009"})
    for subject, name in ((lin, "phone"), (again, "phone"), (lin, "landline")):  # no landline is known of her
        tasks.make_by_hand(subject, name, actor=owner_actor())
    link(lin, again, 2)
    visitor.come_in(LIN["email"])
    assert "about 1 thing" in visitor.see()
    [(task, shown)] = asked(visitor)
    visitor.client.post(task, {"do": "confirm", "shown": shown})
    assert "Is this still right?" not in visitor.see()


def asked(visitor):
    """Where the answer to each question goes, and what its form says was shown."""
    page = visitor.see("/portal/still-right")
    found = re.findall(r'action="(/portal/still-right/[^"]+)".*?name="shown" value="([^"]*)"', page, re.DOTALL)
    return list(dict.fromkeys(found))


def test_enter_where_a_value_is_typed_sends_that_value_and_a_wrong_one_stands(post, visitor):
    """A browser presses the first button of the form."""
    [lin] = admit(LIN | {"phone": "+8613800138009"})
    tasks.make_by_hand(lin, "phone", actor=owner_actor())
    visitor.come_in(LIN["email"])
    forms = re.findall(r"<form.*?</form>", visitor.see("/portal/still-right"), re.DOTALL)
    [typing] = [one for one in forms if 'name="value"' in one]
    assert re.findall(r'name="do" value="(\w+)"', typing) == ["correct"]
    [(task, shown)] = asked(visitor)
    refused = visitor.client.post(task, {"do": "correct", "value": "13x", "shown": shown})
    assert refused.status_code == 422 and 'value="13x"' in refused.content.decode()


def test_the_customer_confirms_only_what_was_shown(post, visitor):
    [lin] = admit(LIN | {"phone": "+8613800138009"})
    tasks.make_by_hand(lin, "phone", actor=owner_actor())
    visitor.come_in(LIN["email"])
    [(task, shown)] = asked(visitor)
    [later] = admit(LIN | {"phone": "+8613900139000"})
    link(lin, later, 2)
    for held in ({"shown": shown}, {"shown": "x"}, {}):
        answer = visitor.client.post(task, {"do": "confirm"} | held)
        page = answer.content.decode()
        assert answer.status_code == 409 and "changed meanwhile" in page and "+8613900139000" in page
    assert not Confirmation.objects.exists()
    [(task, shown)] = asked(visitor)
    assert visitor.client.post(task, {"do": "confirm", "shown": shown})["Location"].endswith("?done=confirmed")


def test_a_question_is_answered_once(post, visitor):
    [lin] = admit(LIN | {"phone": "+8613800138009"})
    tasks.make_by_hand(lin, "phone", actor=owner_actor())
    visitor.come_in(LIN["email"])
    [(task, shown)] = asked(visitor)
    visitor.client.post(task, {"do": "confirm", "shown": shown})
    again = visitor.client.post(task, {"do": "correct", "value": "+8613900139000"})
    assert "answered this already" in visitor.see(again["Location"])
    assert Confirmation.objects.count() == 1


def test_sensitive_values_are_covered_until_a_second_fact(post, visitor):
    admit(LIN)
    visitor.come_in(LIN["email"])
    page = visitor.see("/portal/held")
    assert "林婉清" in page and "11010519491231002X" not in page and "002X" in page
    wrong = visitor.client.post("/portal/confirm", {"fact": "1990-03-26"})
    assert wrong.status_code == 401 and "11010519491231002X" not in wrong.content.decode()
    assert visitor.client.post("/portal/confirm", {"fact": "W-1"}).status_code == 302
    page = visitor.see("/portal/held")
    assert "11010519491231002X" in page and "1990-03-25" in page and "W-1" in page


def test_nobody_reads_or_sets_the_second_fact_before_naming_one(post, visitor):
    [lin] = admit(LIN)
    tasks.make_by_hand(lin, "birth_date", actor=owner_actor())
    visitor.come_in(LIN["email"])
    for path in ("/portal", "/portal/held", "/portal/still-right"):
        page = visitor.see(path)
        assert "1990" not in page.replace('placeholder="1990-12-31"', "") and "W-1" not in page, path
    [(task, shown)] = asked(visitor)
    own = visitor.client.post(task, {"do": "correct", "value": "2001-01-01", "shown": shown})
    assert own.status_code == 409 and "1990-03" not in own.content.decode()
    assert visitor.client.post(task, {"do": "confirm", "shown": shown}).status_code == 409
    assert visitor.client.post("/portal/confirm", {"fact": "2001-01-01"}).status_code == 401
    assert visitor.client.post("/portal/confirm", {"fact": "1990-03-25"}).status_code == 302
    assert "1990-03-25" in visitor.see("/portal/still-right")
    assert visitor.client.post(task, {"do": "confirm", "shown": shown})["Location"].endswith("?done=confirmed")


def let_out(lin) -> dict[str, set[str]]:
    """What the ledger says that the customer's last visit to a page let out."""
    row = own_ledger(lin, actor=guest_actor(lin), visits=True).rows
    read = next(one for one in row if one.action == "read")
    return {"clear": set(read.clear), "masked": set(read.masked)}


def test_what_the_page_covers_and_what_it_does_not_show_is_written_down_so(post, visitor):
    facts = {"birth_date", "external_id"}
    [lin] = admit(LIN | {"phone": "+8613800138009"})
    for name in ("birth_date", "phone"):
        tasks.make_by_hand(lin, name, actor=owner_actor())
    visitor.come_in(LIN["email"])
    for path in ("/portal", "/portal/held"):
        visitor.see(path)
        told = let_out(lin)
        assert facts <= told["masked"] and not facts & told["clear"], path
    visitor.see("/portal/still-right")
    assert let_out(lin) == {"clear": {"phone"}, "masked": {"birth_date"}}
    visitor.client.post("/portal/confirm", {"fact": "1990-03-25"})
    visitor.see("/portal/held")
    assert facts <= let_out(lin)["clear"]
    visitor.see("/portal/still-right")
    assert let_out(lin) == {"clear": {"phone", "birth_date"}, "masked": set()}


def test_second_facts_are_few_however_often_somebody_comes_in(post):
    admit(LIN)
    for number in range(FACT_TRIES_A_DAY // 6):
        thief = Visitor(post, f"192.0.2.{number}").come_in(LIN["email"])
        for day in range(6):
            assert thief.client.post("/portal/confirm", {"fact": f"198{number}-01-0{day + 1}"}).status_code == 401
    again = Visitor(post, "192.0.2.99").come_in(LIN["email"])
    assert again.client.post("/portal/confirm", {"fact": LIN["birth_date"]}).status_code == 401
    assert "11010519491231002X" not in again.see("/portal/held")
    with connection.cursor() as cursor:
        cursor.execute("update guest_code set at = at - interval '25 hours'")
    today = Visitor(post, "192.0.2.98").come_in(LIN["email"])
    assert today.client.post("/portal/confirm", {"fact": LIN["birth_date"]}).status_code == 302


def test_every_value_with_its_source_and_only_what_is_certain(post, visitor):
    lin, again, zhou = admit(LIN, {"full_name": "林婉青", "external_id": "W-7"}, ZHOU)
    link(lin, again, 2)
    link(lin, zhou, 3)
    visitor.come_in(LIN["email"])
    for path in ("/portal", "/portal/held"):
        page = visitor.see(path)
        assert not any(value in page for value in ZHOU.values())
    assert "林婉清" in page and "林婉青" in page and "earlier" in page and "in a store" in page


def test_a_later_merge_by_probability_changes_nothing(post, visitor):
    lin, zhou = admit(LIN, ZHOU)
    visitor.come_in(LIN["email"])
    link(lin, zhou, 3)
    assert "周海" not in visitor.see("/portal/held") and "周海" not in visitor.see("/portal")


# ---- what you allow


def test_give_and_withdraw_are_one_step_and_act_on_the_next_read(post, visitor):
    [lin] = admit(LIN)
    bob = staff("marketing")
    visitor.come_in(LIN["email"])
    assert marketing_sees(lin, bob) == set()
    assert visitor.allow("marketing", "give")["Location"] == "/portal?done=given#allow"
    assert "email" in marketing_sees(lin, bob)
    [said] = consents_of(lin)
    assert (said.status, said.way, said.notice, said.language, said.kind) == ("given", "portal", 1, "en", "general")
    assert 'aria-checked="true" aria-labelledby="l-marketing"' in visitor.see()
    assert visitor.allow("marketing", "withdraw").status_code == 302
    assert marketing_sees(lin, bob) == set()
    assert consents_of(lin)[0].way == "portal"
    page = visitor.see()
    assert 'aria-checked="false" aria-labelledby="l-marketing"' in page and "Stopped on" in page
    assert visitor.allow("marketing", "withdraw").status_code == 302  # nothing in force: it is stopped, no failure


def test_each_purpose_stands_by_itself(post, visitor):
    [_lin] = admit(LIN)
    visitor.come_in(LIN["email"]).allow("marketing", "give")
    page = visitor.see()
    on = re.findall(r'aria-checked="true" aria-labelledby="l-([\w-]+)"', page)
    assert on == ["marketing"]


@pytest.mark.parametrize(
    ("purpose", "wish"),
    [("service", "give"), ("legal", "withdraw"), ("nothing", "give"), ("marketing", "sell"), ("marketing", "object")],
)
def test_no_wish_beyond_the_rules(post, visitor, purpose, wish):
    admit(LIN)
    assert visitor.come_in(LIN["email"]).allow(purpose, wish).status_code == 404


def test_an_objection_where_the_ground_is_interest(post, visitor):
    [lin] = admit(LIN, packs=2)
    visitor.come_in(LIN["email"])
    assert visitor.allow("analytics", "object").status_code == 302
    with connection.cursor() as cursor:
        cursor.execute("select objections from subject_state where subject = %s", [lin])
        assert cursor.fetchone() == ([6],)
    assert "You objected" in visitor.see()
    visitor.allow("analytics", "lift")
    assert "You objected" not in visitor.see()


def test_another_parts_objection_is_not_lifted_here(post, visitor):
    lin, zhou = admit(LIN, ZHOU)
    link(lin, zhou, 3)
    enter(zhou, "objection", by=new_id(), id=new_id(), purpose=4)
    visitor.come_in(LIN["email"])
    assert visitor.allow("marketing", "give")["Location"] == "/portal?done=ask-us#allow"
    assert consents_of(lin) == [] and "look at it together" in visitor.see("/portal?done=ask-us")


def test_opting_out_of_sale(post, visitor):
    [lin] = admit(LIN)
    visitor.come_in(LIN["email"]).allow("", "opt-out")
    with connection.cursor() as cursor:
        cursor.execute("select opted_out from subject_state where subject = %s", [lin])
        assert cursor.fetchone() == (True,)
    assert 'aria-checked="true" aria-labelledby="l-sale"' in visitor.see()
    enter(lin, "gpc", by=new_id(), id=new_id())  # as a form brought it from their browser
    assert visitor.allow("", "opt-in")["Location"].startswith("/portal?done=lifted")
    assert 'aria-checked="false" aria-labelledby="l-sale"' in visitor.see()
    with connection.cursor() as cursor:
        cursor.execute("select opted_out, gpc from subject_state where subject = %s", [lin])
        assert cursor.fetchone() == (False, False)


@pytest.mark.parametrize(
    ("age", "packs", "may"), [(2, 1, False), (3, 1, True), (3, 2, False), (4, 2, True), (0, 3, True)]
)
def test_a_child_does_not_consent_alone(post, visitor, age, packs, may):
    [lin] = admit(LIN, age=age, packs=packs)
    visitor.ask(LIN["email"])
    answer = visitor.enter(LIN["email"], post.code(LIN["email"]))
    if answer.status_code == 200:
        assert visitor.name_fact(LIN["email"], "W-1").status_code == 302
    visitor.allow("marketing", "give")
    assert bool(consents_of(lin)) is may


# ---- who looked


def test_uses_in_plain_words_without_names_of_staff(post, visitor):
    [lin] = admit(LIN)
    alice = staff("service")
    gate().open([lin], actor=alice, purpose="service")
    gate().open([lin], actor=staff("engineer"), purpose="service")
    visitor.come_in(LIN["email"])
    page = visitor.see("/portal/uses")
    assert page.count("<tr") == visitor.see(f"/portal/uses?before={'9' * 5000}").count("<tr")  # no number, so none
    assert "Customer service</b> opened your data" in page and "the contract with you" in page
    assert "Refused, nothing was shown:" in page and "No rule allows this use." in page
    assert "service@kehu.example" not in page and str(alice.staff) not in page
    assert "signed in here" not in page and "signed in here" in visitor.see("/portal/uses?visits=1")


def test_reading_ones_ledger_is_recorded(post, visitor):
    admit(LIN)
    visitor.come_in(LIN["email"])
    visitor.see("/portal/uses")
    assert "read this list of uses" in visitor.see("/portal/uses?visits=1")


def test_the_rows_of_all_that_is_certainly_merged_and_of_nothing_else(post, visitor):
    lin, again, zhou = admit(LIN, {"full_name": "林婉青", "external_id": "W-7"}, ZHOU)
    alice = staff("service")
    seqs = [gate().open([one], actor=alice, purpose="service")[0].seq for one in (lin, again, zhou)]
    link(lin, again, 2)
    link(lin, zhou, 3)
    visitor.come_in(LIN["email"])
    shown = {int(seq) for seq in re.findall(r'href="/portal/uses/(\d+)"', visitor.see("/portal/uses"))}
    assert {seqs[0], seqs[1]} <= shown and seqs[2] not in shown
    with open_sequencer() as sequencer:
        sequencer.run_once()
    assert visitor.client.get(f"/portal/uses/{seqs[2]}").status_code == 404
    assert visitor.client.get(f"/portal/uses/{seqs[2]}/proof.json").status_code == 404


def test_older_uses_by_pages(post, visitor):
    [lin] = admit(LIN)
    alice = staff("service")
    for _ in range(60):
        gate().open([lin], actor=alice, purpose="service", use="find", kinds=())
    visitor.come_in(LIN["email"])
    first = visitor.see("/portal/uses")
    older = re.search(r'href="(/portal/uses\?before=\d+)"', first)[1]
    seqs = lambda page: {int(seq) for seq in re.findall(r'href="/portal/uses/(\d+)"', page)}
    second = visitor.see(older)
    assert len(seqs(first)) == 50 and len(seqs(second)) == 11 and min(seqs(first)) > max(seqs(second))
    assert visitor.client.get("/portal/uses?before=1%00").status_code == 200


# ---- requests, notices, the table of addresses


def test_what_a_double_click_sends_twice_is_one_request(post, visitor):
    admit(LIN)
    visitor.come_in(LIN["email"])
    once = lambda: re.search(r'name="once" value="([^"]+)"', visitor.see("/portal/requests"))[1]
    first, second = once(), once()
    for sent, right in ((first, "erase"), (first, "erase"), (first, "access"), (second, "erase"), ("made up", "erase")):
        asked = {"right": right, "text": "", "once": sent}
        assert visitor.client.post("/portal/requests", asked)["Location"] == "/portal/requests?done=received"
    assert sorted(register.Request.objects.values_list("right", flat=True)) == ["access", "erase", "erase", "erase"]


@pytest.mark.parametrize("ended", ["expired", "signed out"])
def test_what_somebody_wrote_while_their_visit_ended_is_kept_and_sent_after_the_next(post, visitor, database, ended):
    [lin] = admit(LIN | {"phone": "+8613800138009"})
    tasks.make_by_hand(lin, "phone", actor=owner_actor())
    visitor.come_in(LIN["email"])
    [(task, shown)] = asked(visitor)
    once = re.search(r'name="once" value="([^"]+)"', visitor.see("/portal/requests"))[1]
    if ended == "expired":
        with open_owner(database) as owner:
            owner.execute("update actor_state set expires_at = now() where subject = %s", [lin])
    else:
        visitor.client.post("/portal/sign-out")
    wish = {"right": "other", "text": "Sie haben <mir>\ngeschrieben", "once": once}
    right = {"do": "correct", "value": "13800138000", "shown": shown}
    for path, typed, words in (("/portal/requests", wish, wish["text"]), (task, right, right["value"])):
        answer = visitor.client.post(path, typed)
        page = answer.content.decode()
        assert answer.status_code == 401 and html.escape(words) in page and "/portal/sign-in" in page
        assert f'action="{path}"' in page
        assert all(
            f'name="{name}" value="{html.escape(typed[name])}"' in page for name in typed if typed[name] != words
        )
    assert (
        visitor.client.post("/portal/confirm", {"fact": "1990-03-14"}).status_code == 302
    )  # who knows it types it again
    assert visitor.client.post("/portal/requests", wish | {"text": " "}).status_code == 302  # nothing was written
    visitor.come_in(LIN["email"])
    assert visitor.client.post("/portal/requests", wish).status_code == 302
    assert [row["text"] for row in register.listed(actor=owner_actor(), subject=lin)][-1:] == [wish["text"]]


@pytest.mark.parametrize("again", ["the same", "another"])
def test_what_one_visitor_wrote_is_never_sent_by_the_next_in_that_browser(post, again):
    lin, zhou = admit(LIN, ZHOU)
    visitor = Visitor(post)
    visitor.come_in(LIN["email"])
    visitor.client.handler.enforce_csrf_checks = True
    mark = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', visitor.see("/portal/requests"))[1]
    wish = {"right": "other", "text": "Frau Lin schreibt", "csrfmiddlewaretoken": mark}
    visitor.client.post("/portal/sign-out", {"csrfmiddlewaretoken": mark})
    answer = visitor.client.post("/portal/requests", wish)
    assert answer.status_code == 401 and 'data-seconds="1800" data-at-end="ask"' in answer.content.decode()
    visitor.client.handler.enforce_csrf_checks = False
    visitor.come_in(LIN["email"] if again == "the same" else ZHOU["email"])
    visitor.client.handler.enforce_csrf_checks = True
    answer = visitor.client.post("/portal/requests", wish)
    assert answer.status_code == (302 if again == "the same" else 403) and wish["text"] not in answer.content.decode()
    texts = [[row["text"] for row in register.listed(actor=owner_actor(), subject=one)] for one in (lin, zhou)]
    assert texts == ([[wish["text"]], []] if again == "the same" else [[], []])


def test_a_request_is_received_with_its_time_and_sealed(post, visitor):
    [lin] = admit(LIN)
    visitor.come_in(LIN["email"])
    done = visitor.client.post("/portal/requests", {"right": "correct", "text": "我搬到了芜湖"})
    assert done["Location"] == "/portal/requests?done=received"
    page = visitor.see("/portal/requests")
    assert "我搬到了芜湖" in page and "Received" in page and "answer due by" in page
    assert "Received on" in visitor.see()
    with connection.cursor() as cursor:
        cursor.execute("select string_agg(r::text, '') from rights_request r")
        row = cursor.fetchone()[0]
    assert "芜湖" not in row and "芜湖".encode().hex() not in row
    [held] = register.listed(actor=staff("privacy"), subject=lin)
    assert held["right"] == "correct" and held["text"] == "我搬到了芜湖" and held["due"]


def test_the_answer_is_read_here(post, visitor):
    [lin] = admit(LIN)
    visitor.come_in(LIN["email"])
    visitor.client.post("/portal/requests", {"right": "other", "text": "?"})
    who = staff("privacy")
    [held] = register.listed(actor=who, subject=lin)
    register.answer_request(uuid.UUID(held["id"]), outcome="refused", actor=who, text="因为法律要求保存")
    page = visitor.see("/portal/requests")
    assert "因为法律要求保存" in page and "refused" in page


def test_a_text_with_many_lines_is_as_long_as_its_box_counts_it(post, visitor):
    admit(LIN)
    visitor.come_in(LIN["email"])
    text = "\r\n".join(["a" * 39] * 100)  # 3,999 to a browser, whose form sends two characters for an end of a line
    assert visitor.client.post("/portal/requests", {"right": "other", "text": text}).status_code == 302


@pytest.mark.parametrize("right", ["", "everything"])
def test_no_request_without_a_right(post, visitor, right):
    admit(LIN)
    visitor.come_in(LIN["email"])
    assert visitor.client.post("/portal/requests", {"right": right, "text": "x"}).status_code == 400
    assert visitor.client.post("/portal/requests", {"right": "other", "text": "x" * 5000}).status_code == 400


@pytest.mark.parametrize(
    ("language", "word"), [("zh-hans", "隐私告知"), ("zh-hant", "隱私告知"), ("en", "Privacy notice")]
)
def test_the_notice_is_public_in_three_languages(post, visitor, language, word):
    visitor.client.cookies["kehu_language"] = language
    page = visitor.see("/notice")
    assert word in page and {"zh-hans": "撤回", "zh-hant": "撤回", "en": "withdraw"}[language] in page


def test_the_staff_read_in_words_that_a_customer_looked_at_their_own(post, visitor):
    admit(LIN)
    visitor.come_in(LIN["email"]).see("/portal/uses")
    auditor, _ = signed_in("auditor")
    for path in ("/ledger", "/ledger/inquiry?since=2020-01-01"):
        page = text_of(auditor.get(path, HTTP_ACCEPT_LANGUAGE="en"))
        assert "A customer" in page and "At their own door" in page and ">customer<" not in page


# name -> (address, method, data, nobody, a customer)
UNKNOWN = "00000000-0000-7000-8000-000000000007"
TABLE = {
    "portal": ("/portal", "get", {}, 302, 200),
    "portal-sign-in": ("/portal/sign-in", "get", {}, 200, 302),
    "portal-code": ("/portal/code", "post", {"address": "x@mail.example", "code": "1"}, 401, 401),
    "portal-fact": ("/portal/fact", "post", {"address": "x@mail.example", "fact": "1"}, 401, 401),
    "portal-sign-out": ("/portal/sign-out", "post", {}, 302, 302),
    "portal-held": ("/portal/held", "get", {}, 302, 200),
    "portal-confirm": ("/portal/confirm", "post", {"fact": "1"}, 302, 401),
    "portal-allow": ("/portal/allow", "post", {"purpose": "marketing", "wish": "give"}, 302, 302),
    "portal-permissions": ("/portal/permissions", "get", {}, 302, 200),
    "portal-withdraw": ("/portal/permissions/withdraw", "post", {"consent": UNKNOWN}, 302, 404),
    "portal-receipt": (f"/portal/permissions/{UNKNOWN}", "get", {}, 302, 404),
    "portal-receipt-file": (f"/portal/permissions/{UNKNOWN}/receipt.json", "get", {}, 302, 404),
    "portal-asked": (f"/portal/asked/{UNKNOWN}", "get", {}, 302, 404),
    "portal-channels": ("/portal/channels", "get", {}, 302, 200),
    "portal-right": ("/portal/still-right", "get", {}, 302, 200),
    "portal-right-answer": (f"/portal/still-right/{UNKNOWN}", "post", {}, 302, 404),
    "portal-uses": ("/portal/uses", "get", {}, 302, 200),
    "portal-proof": (f"/portal/uses/{2**63 - 1}", "get", {}, 302, 404),
    "portal-program": ("/portal/check_proof.py", "get", {}, 200, 200),
    "portal-proof-file": (f"/portal/uses/{10**30}/proof.json", "get", {}, 302, 404),
    "portal-requests": ("/portal/requests", "get", {}, 302, 200),
    "portal-part": (f"/portal/requests/{UNKNOWN}/part", "post", {"fact": "x"}, 302, 404),
    "notice": ("/notice", "get", {}, 200, 200),
    "notice-version": ("/notice/1", "get", {}, 200, 200),
    "portal-notice": ("/portal/notice", "get", {}, 200, 200),
    "portal-notice-version": ("/portal/notice/1", "get", {}, 200, 200),
    "portal-notice-seen": ("/portal/notice-seen", "post", {"version": "1"}, 302, 302),
}


def test_every_address_is_in_the_table():
    assert {pattern.name for pattern in urls.urlpatterns} == set(TABLE)
    assert get_resolver().reverse_dict  # they resolve


@pytest.mark.parametrize("name", sorted(set(TABLE) - {"portal-sign-out"}))
def test_each_address_lets_in_whom_the_table_says(post, visitor, name):
    address, method, data, nobody, customer = TABLE[name]
    admit(LIN)
    answer = getattr(visitor.client, method)(address, data)
    assert answer.status_code == nobody and answer["Cache-Control"] == "no-store"
    if nobody == 302:
        assert answer["Location"].startswith("/portal/sign-in")
    visitor.come_in(LIN["email"])
    answer = getattr(visitor.client, method)(address, data)
    assert answer.status_code == customer and answer["Cache-Control"] == "no-store"
    wrong = getattr(visitor.client, {"get": "delete", "post": "get"}[method])(address)
    assert wrong.status_code == (405 if method == "get" else 302)  # what only takes forms leads to the page above it


def test_staff_are_nobody_here_and_customers_nobody_there(post, visitor):
    [lin] = admit(LIN)
    from kehu.guard.guests.credentials import NotSignedIn, guest_of
    from kehu.guard.staff.actions import TokenRefused, actor_of_token

    visitor.come_in(LIN["email"])
    assert visitor.client.get(f"/customers/{lin}").status_code == 302  # to the desk's sign-in
    secret = visitor.client.cookies["kehu_guest"].value
    with pytest.raises(TokenRefused):
        actor_of_token(secret)
    with pytest.raises(NotSignedIn):
        guest_of(str(guest_actor(lin).credential))


def test_an_erased_customer_is_signed_out(post, visitor):
    [lin] = admit(LIN)
    visitor.come_in(LIN["email"])
    with connection.cursor() as cursor:
        cursor.execute("delete from subject_state where subject = %s", [lin])
    assert visitor.client.get("/portal")["Location"] == "/portal/sign-in?done=ended"


def test_without_the_ledger_nothing_is_shown(post, visitor, database):
    from kehu.guard.setup import open_owner

    admit(LIN)
    visitor.come_in(LIN["email"])
    with open_owner(database) as owner:
        owner.execute(
            "create function no_rows() returns trigger language plpgsql as 'begin raise exception ''no''; end'"
        )
        owner.execute("create trigger no_rows before insert on ledger_entry for each row execute function no_rows()")
    visitor.client.raise_request_exception = False
    for path in ("/portal", "/portal/held"):
        answer = visitor.client.get(path)
        assert answer.status_code in (500, 503) and "林" not in answer.content.decode()


def test_the_mail_of_the_demo_is_shown_by_a_command(database, kehu):
    from django.core.mail import EmailMessage

    from kehu.host.home import Home
    from kehu.host.mail import Outbox

    code, answer = kehu("outbox")
    assert code == 1 and answer["error"]["code"] == "system-down"
    outbox = Outbox(Home.current())
    outbox.open()
    try:
        EmailMessage("您的验证码", "123456", to=["lin@mail.example"]).send()
        code, answer = kehu("outbox")
        [letter] = answer["messages"]
        assert code == 0 and letter["to"] == ["lin@mail.example"] and letter["text"] == "123456" and letter["at"]
        assert kehu("outbox", token="kehu_x")[0] == 3
    finally:
        outbox.close()


def test_visitors_do_not_see_each_other(post):
    admit(LIN, ZHOU)
    lin, zhou = Visitor(post).come_in(LIN["email"]), Visitor(post).come_in(ZHOU["email"])
    assert "周海" not in lin.see("/portal/held") and "林婉清" not in zhou.see("/portal/held")
