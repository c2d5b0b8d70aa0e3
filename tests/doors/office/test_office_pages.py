"""The offices' pages: every address × role × status, and each register walked through by its forms, without script."""

from __future__ import annotations

import re
import uuid
from datetime import datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.utils import timezone

from kehu.doors.web.office import withholding
from kehu.doors.web.office.urls import urlpatterns
from kehu.govern.models import StateEntry
from kehu.govern.packs import FACTS
from kehu.govern.slugs import ACTIONS
from kehu.guard.ledger import withheld
from kehu.serve.desk import queries
from kehu.serve.leaving import demands
from kehu.serve.rights import holds, requests
from kehu.serve.rights.erasing import erasure
from kehu.serve.rights.health import check_clocks, check_held
from kehu.serve.rights.incidents import register as incidents
from kehu.serve.rights.models import Erasure
from kehu.vault import assignment, parted
from kehu.vault.assignment import PROBABLE
from tests.cast import admit
from tests.doors.web import browsing
from tests.doors.web.browsing import browser, misfits, text_of
from tests.serve.holdings import link, raw

ROLES = ("service", "marketing", "manager", "analyst", "privacy", "legal", "auditor", "engineer")
OFFICE = frozenset({"privacy", "legal"})
READING = OFFICE | {"auditor"}
UNKNOWN = uuid.UUID(int=7)
# name of the address -> (path, method, roles let in, status for them, status for the others that are signed in)
TABLE = {
    "requests": ("/requests", "get", OFFICE, 200, 403),
    "request-open": ("/requests/open", "post", OFFICE, 422, 403),
    "request": (f"/requests/{UNKNOWN}", "get", OFFICE, 404, 403),
    "request-step": (f"/requests/{UNKNOWN}/confirm", "post", OFFICE, 404, 403),
    "request-part": (f"/requests/{UNKNOWN}/parts/{UNKNOWN}", "post", OFFICE, 404, 403),
    "incidents": ("/incidents", "get", OFFICE, 200, 403),
    "incident-open": ("/incidents/open", "post", OFFICE, 422, 403),
    "incident": (f"/incidents/{UNKNOWN}", "get", OFFICE, 404, 403),
    "incident-step": (f"/incidents/{UNKNOWN}/reach", "post", OFFICE, 404, 403),
    "authorities": ("/authorities", "get", READING, 200, 403),
    "authority-register": ("/authorities/register", "post", {"legal"}, 422, 403),
    "authority": (f"/authorities/{UNKNOWN}", "get", READING, 404, 403),
    "authority-document": (f"/authorities/{UNKNOWN}/document", "get", OFFICE, 404, 403),
    "authority-step": (f"/authorities/{UNKNOWN}/approve", "post", OFFICE, 404, 403),
    "held": ("/holds", "get", OFFICE, 200, 403),
    "held-step": (f"/holds/{UNKNOWN}/again", "post", OFFICE, 302, 403),
    "ledger-withheld": ("/ledger/withheld", "get", READING, 200, 403),
    "ledger-withheld-step": (f"/ledger/withheld/{UNKNOWN}/lift", "post", READING, 404, 403),
}
LIN = {"full_name": "林小红", "email": "lin@mail.example"}


def signed_in(role):
    """Who reads English."""
    desk, who = browsing.signed_in(role)
    desk.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return desk, who


def test_every_address_is_in_the_table():
    assert {pattern.name for pattern in urlpatterns} == set(TABLE)


def test_each_role_gets_what_the_table_says(database):
    wrong = []
    for role in ROLES:
        wrong += misfits(TABLE, role, signed_in(role)[0])
    assert wrong == []


def test_nobody_else_gets_anything(database):
    for path, method, *_ in TABLE.values():
        answer = getattr(browser(), method)(path)
        assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in"), path


@pytest.fixture
def office(database):
    return signed_in("privacy"), admit(LIN, packs=2)[0]  # under European law: confirmed, extended, answered


def test_a_request_from_its_receipt_to_its_answer(office, monkeypatch):
    (desk, who), lin = office
    assert "No request is open." in text_of(desk.get("/requests"))
    form = {"customer": str(lin), "right": "access", "text": "What do you hold of me?"}
    page = desk.post("/requests/open", form)["Location"].partition("?")[0]
    body = text_of(desk.get(page))
    assert "What do you hold of me?" in body and "GDPR 12(3)" in body and str(lin) in body
    listed = text_of(desk.get("/requests"))
    assert page in listed and "What do you hold" not in listed  # the board opens no text
    for step, more in (
        ("confirm", {}), ("extend", {"reason": "many records"}), ("assign", {"staff": str(who.staff)}),
    ):  # fmt: skip
        assert desk.post(f"{page}/{step}", more)["Location"].endswith(f"done={step}"), step
    body = text_of(desk.get(page))
    assert "many records" in body and "extended" in body and who.human and "Yes, note it" not in body
    again = desk.post(f"{page}/extend", {"reason": "once more"})
    assert again.status_code == 422 and "recorded for the request before" in text_of(again)
    wrong = desk.post(f"{page}/assign", {"staff": str(signed_in("service")[1].staff)})
    assert wrong.status_code == 422 and "somebody of the privacy or legal office" in text_of(wrong)
    lost = text_of(desk.post(f"{page}/answer", {"outcome": "moon", "text": "A long letter."}))
    assert "A long letter." in lost and "say how it ended" in lost  # nobody writes it twice
    assert "it needs a reason, which the person is told" in text_of(desk.post(f"{page}/suspend", {"reason": " "}))
    assert "does not stand" in text_of(desk.post(f"{page}/resume"))
    assert desk.post(f"{page}/vanish").status_code == 404
    assert desk.post(f"{page}/answer", {"outcome": "done", "text": "Here it is."})["Location"].endswith("done=answer")
    body = text_of(desk.get(page))
    assert "Here it is." in body and "Answer and close" not in body
    assert page not in text_of(desk.get("/requests")) and page in text_of(desk.get("/requests?all=1"))
    monkeypatch.setattr(requests, "MOST", 1)
    assert "answered, the newest 1." in text_of(desk.get("/requests?all=1"))
    closed = desk.post(f"{page}/confirm")
    assert closed.status_code == 422 and "was answered before" in text_of(closed)


def test_a_refused_step_names_the_one_reason_that_holds(office):
    (desk, who), lin = office
    [chinese] = admit({"full_name": "王小明"}, packs=1)
    for subject, days, said in ((chinese, 1, "No law that applies to this request (CN)"), (lin, 60, "has ended")):
        received = timezone.now() - timedelta(days=days)
        id = requests.open_request(subject=subject, right="access", actor=who, received_at=received)
        refused = desk.post(f"/requests/{id}/extend", {"reason": "many records"})
        assert refused.status_code == 422 and said in text_of(refused)
    late = desk.post("/requests/open", {"customer": str(lin), "right": "access", "received": "2999-01-01T00:00"})
    assert late.status_code == 422 and "neither to come nor before 1990" in text_of(late)


def test_what_a_hold_keeps_after_an_erasure_is_looked_at_again_or_let_go(office):
    (desk, who), lin = office
    assert "No hold keeps anything" in text_of(desk.get("/holds"))
    holds.hold(lin, actor=who, reason="a lawsuit", categories=["contact"])
    done = erasure.erase(lin, actor=who, reason="asked").id
    body = text_of(desk.get("/holds"))
    assert "Contact" in body and "overdue" not in body and "lin@mail.example" not in body
    row = Erasure.objects.get(id=done)
    for line in row.certificate["residue"]:
        line["until"] = "2026-01-05"
    row.save()
    assert [one.id for one in check_held()] == ["holds.review"] and "overdue" in text_of(desk.get("/holds"))
    assert desk.post(f"/holds/{done}/vanish").status_code == 404
    assert desk.post(f"/holds/{done}/again")["Location"].endswith("done=again")
    assert list(check_held()) == [] and "overdue" not in text_of(desk.get("/holds"))
    assert desk.post(f"/holds/{done}/release")["Location"].endswith("done=release")
    assert "No hold keeps anything" in text_of(desk.get("/holds?done=release"))
    assert desk.post(f"/holds/{done}/release")["Location"].endswith("done=gone")
    assert "Let go" not in text_of(desk.get("/holds?done=typed"))


def test_an_old_hold_on_somebody_who_is_here_is_on_the_page_as_the_doctor_counts_it(office):
    (desk, who), lin = office
    holds.hold(lin, actor=who, reason="a lawsuit", categories=["contact"])
    holds.hold(lin, actor=who, reason="another")
    assert "review due" not in text_of(desk.get("/holds")) and str(lin) not in text_of(desk.get("/holds"))
    seen = ledger_rows("list")
    StateEntry.objects.filter(categories=0).update(since=timezone.now() - timedelta(days=400))
    [old] = StateEntry.objects.filter(categories=0)
    body = text_of(desk.get("/holds"))
    assert "review due" in body and f"kehu hold {lin} --release --id {old.id}" in body and "Everything" in body
    assert "another" not in body and ledger_rows("list") == seen + 1  # whom it names is recorded; no reason is opened
    assert [one.id for one in check_held()] == ["holds.old"]
    holds.release(lin, actor=who, ids=[old.id])
    assert "review due" not in text_of(desk.get("/holds")) and list(check_held()) == []


def test_the_page_of_old_holds_says_how_many_there_are_and_leads_to_nobody_who_is_not_found(office, monkeypatch):
    (desk, who), lin = office
    for reason in ("a lawsuit", "another"):
        holds.hold(lin, actor=who, reason=reason)
    StateEntry.objects.update(since=timezone.now() - timedelta(days=400))
    assert f'href="/customers/{lin}"' in desk.get("/holds").content.decode()
    monkeypatch.setattr(holds, "MOST", 1)
    raw().execute("update subject_state set hidden = true where subject = %s", (lin,))
    body = desk.get("/holds").content.decode()
    assert "Shown are the oldest 1." in body and '<span class="muted small end num">2</span>' in body
    assert f'href="/customers/{lin}"' not in body and "shown nowhere else" in body
    assert f"kehu hold {lin} --release" in body


def ledger_rows(act):
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from ledger_entry where action = %s", [ACTIONS[act]])
        return cursor.fetchone()[0]


def test_what_is_overdue_is_red_and_the_doctor_says_so(office):
    (desk, who), lin = office
    assert [one.id for one in check_clocks()] == []
    now = timezone.now()
    late = requests.open_request(subject=lin, right="access", actor=who, received_at=now - timedelta(days=60))
    body = text_of(desk.get("/requests"))
    assert "1 request is overdue." in body and "of-late" in body and "badge cinnabar" in body
    assert "A clock has ended" in text_of(desk.get(f"/requests/{late}"))
    assert [(one.id, one.severity) for one in check_clocks()] == [("requests.overdue", "error")]
    requests.answer_request(late, outcome="done", actor=who)
    requests.open_request(subject=lin, right="access", actor=who, received_at=now - timedelta(days=27))
    assert [(one.id, one.severity) for one in check_clocks()] == [("requests.due", "warning")]
    assert "overdue" not in text_of(desk.get("/requests"))


def test_what_a_wrong_merge_showed_is_told_in_the_readers_language(office):
    """Parted by itself, for nobody who speaks one language more than another."""
    (desk, who), lin = office
    [wang] = admit({"full_name": "王小明", "email": "wang@mail.example"})
    link(lin, wang, PROBABLE)
    assert queries.show(lin, actor=who, purpose="rights-request").fields
    with transaction.atomic():
        were = assignment.held_by(raw(), assignment.standing_links(raw(), [lin]))
        assignment.unassign(raw(), [(lin, wang)], run=None, by=who.staff)
        parted.tell_mistake(were, actor=who)
    [row] = incidents.listed(actor=who)
    for language, words in (
        ("en", "Two customers had been merged by mistake"),
        ("zh-hans", "两位客户曾被误并为一人"),
        ("zh-hant", "兩位客戶曾被誤併為一人"),
    ):
        body = text_of(desk.get(f"/incidents/{row['id']}", HTTP_ACCEPT_LANGUAGE=language))
        assert words in body and str(wang) in body and ("Two customers had" in body) == (language == "en")


def test_a_wrong_form_takes_nothing_in_and_keeps_what_was_typed(office):
    (desk, who), lin = office
    for form, told in (
        ({}, "No customer has this id."), ({"customer": "x"}, "No customer has this id."),
        ({"customer": str(UNKNOWN), "right": "access"}, "No customer has this id."),
        ({"customer": str(lin), "right": "moon"}, "Not recorded"),
        ({"customer": str(lin), "right": "access", "received": "2099-01-01T00:00"}, "Not recorded"),
    ):  # fmt: skip
        answer = desk.post("/requests/open", form | {"text": "What they wrote."})
        assert (
            answer.status_code == 422 and told in text_of(answer) and "What they wrote.</textarea>" in text_of(answer)
        )
        assert f'value="{form.get("received", "")}"' in text_of(answer)
    assert requests.board(actor=who) == []


def test_a_customer_is_named_by_what_their_record_shows_or_by_its_address(database):
    desk, _ = browsing.signed_in("privacy", "rights-request")
    [lin] = admit(LIN, packs=2)
    assert f">{lin}</span>" in text_of(desk.get(f"/customers/{lin}"))  # to be read and copied, not a title alone
    for named in (str(lin), f" {lin}\t", f"https://kehu.example/customers/{lin}?consent=any#orders"):
        assert desk.post("/requests/open", {"customer": named, "right": "access"}).status_code == 302
        assert desk.post("/watch/marks", {"do": "mark", "customer": named, "kind": "vip"}).status_code == 302
        assert desk.get("/ledger/inquiry", {"customer": named}).status_code == 200
    assert desk.get("/ledger/inquiry", {"customer": str(lin)[-12:]}).status_code == 404


@pytest.mark.parametrize("packs", [1, 2, 4, 8, 16])
def test_a_day_before_all_memory_is_no_receipt(database, packs):
    desk, who = signed_in("privacy")
    [lin] = admit(LIN, packs=packs)
    form = {"customer": str(lin), "right": "access", "received": "0001-01-01T00:00"}
    assert desk.post("/requests/open", form).status_code == 422
    with pytest.raises(ValueError, match="received"):
        requests.open_request(
            subject=lin,
            right="access",
            actor=who,
            received_at=datetime(1989, 12, 31, tzinfo=timezone.get_current_timezone()),
        )
    assert requests.board(actor=who) == []
    assert desk.post("/incidents/open", {"text": "Lost.", "aware": "0001-01-01T00:00"}).status_code == 422


def test_an_incident_from_awareness_to_its_reports(office):
    (desk, who), _ = office
    assert "No incident is in the register." in text_of(desk.get("/incidents"))
    aware = timezone.localtime(timezone.now() - timedelta(hours=80)).strftime("%Y-%m-%dT%H:%M")
    form = {"text": "A laptop was lost.", "staff": str(who.staff), "aware": aware}
    page = desk.post("/incidents/open", form)["Location"].partition("?")[0]
    body = text_of(desk.get(page))
    assert "A laptop was lost." in body and "A report is overdue" in body
    assert "laptop" not in text_of(desk.get("/incidents")) and "has an overdue report" in text_of(
        desk.get("/incidents")
    )
    assert [one.id for one in check_clocks()] == ["incidents.overdue"]
    known = {"law": "EU", "persons": "12", "fact-high-risk": "no", "fact-minors": "yes"}
    assert desk.post(f"{page}/assess", known)["Location"].endswith("done=assess")
    [row] = incidents.listed(actor=who)
    assert (row["laws"], row["persons"], row["facts"]) == (["EU"], 12, {"high-risk": False, "minors": True})
    assert desk.post(f"{page}/report", {"clock": "EU.authority"})["Location"].endswith("done=report")
    assert desk.post(f"{page}/report", {"clock": "EU.authority"}).status_code == 422
    assert [one.id for one in check_clocks()] == []
    assert "Not done after all" in text_of(desk.get(page))
    assert desk.post(f"{page}/undo", {"clock": "EU.authority"})["Location"].endswith("done=undo")
    assert [one.id for one in check_clocks()] == ["incidents.overdue"]  # it runs from where it ran
    assert desk.post(f"{page}/undo", {"clock": "EU.authority"}).status_code == 422
    seen = text_of(desk.get(page))
    assert "Not done after all" not in seen and seen.count("by mistake, taken back on") == 1
    [gone] = incidents.listed(actor=who)[0]["taken_back"]
    assert gone["clock"] == "EU.authority" and gone["by"] == str(who.staff) and gone["noted"] < gone["at"]
    desk.post(f"{page}/report", {"clock": "EU.authority"})
    body = text_of(desk.post(f"{page}/reach"))
    assert "How far it reached" in body and 'role="status"><dt>People affected' in body
    for wrong in ({"persons": "many"}, {"law": "XX"}, {"told": "2099-01-01T00:00"}):
        typed = {"law": ["JP"], "persons": "13", "handled": "2026-01-02T03:04", "fact-minors": "no"} | wrong
        answer = desk.post(f"{page}/assess", typed)
        body = text_of(answer)
        assert answer.status_code == 422 and 'role="alert"' in body, wrong
        for name in ("persons", "handled", "told"):
            assert f'name="{name}"' in body and f'value="{typed.get(name, "")}"' in body, name
        assert ('value="JP" checked' in body) == ("law" not in wrong) and 'value="EU" checked' not in body
        assert re.search(r'name="fact-minors".*?value="no" selected', body), wrong
    assert desk.post(f"{page}/vanish").status_code == 404
    late = desk.post("/incidents/open", {"text": "Lost on a train.", "aware": "2099-01-01T00:00"})
    assert late.status_code == 422 and "Lost on a train.</textarea>" in text_of(late)
    before = len(incidents.listed(actor=who))
    for text, told in ((" \r\n", "Say what happened."), ("x" * 20_001, "At most 20,000 characters; these are 20,001.")):
        answer = desk.post("/incidents/open", {"text": text, "aware": "2026-01-02T03:04"})
        assert answer.status_code == 422 and told in text_of(answer) and 'value="2026-01-02T03:04"' in text_of(answer)
    assert len(incidents.listed(actor=who)) == before


def test_what_is_emptied_in_the_form_of_an_incident_is_not_known_after_all(office):
    (desk, who), _ = office
    moment = timezone.localtime(timezone.now() - timedelta(hours=2))
    page = desk.post("/incidents/open", {"text": "Lost.", "aware": moment.strftime("%Y-%m-%dT%H:%M")})["Location"]
    page = page.partition("?")[0]
    later = (moment + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")

    def form() -> dict[str, str]:
        body = text_of(desk.get(page))
        held = dict(
            re.findall(r'<input[^>]* name="((?:held-)?(?:persons|told|handled|minors))"[^>]* value="([^"]*)"', body)
        )
        facts = re.findall(r'name="(fact-[a-z-]+)".*?</select>', body)
        return held | dict.fromkeys(facts, "")

    desk.post(f"{page}/assess", form() | {"handled": later, "told": later, "persons": "7", "fact-minors": "yes"})
    shown = form() | {"fact-minors": "yes"}
    assert (shown["handled"], shown["told"], shown["persons"], shown["held-minors"]) == (later, later, "7", "yes")
    [before] = incidents.listed(actor=who)
    desk.post(f"{page}/assess", shown)
    assert incidents.listed(actor=who) == [before]
    assert desk.post(f"{page}/assess", shown | {"handled": "", "fact-minors": "", "persons": ""}).status_code == 302
    [row] = incidents.listed(actor=who)
    assert (row["handled_at"], row["persons"], row["facts"]) == (None, None, {}) and row["told_at"] == before["told_at"]


@pytest.mark.parametrize("path", ["/requests", "/incidents", "/authorities"])
@pytest.mark.parametrize("word", ["wrong", "over", "moon"])
def test_no_word_that_is_typed_by_hand_is_shown_as_good_news(office, path, word):
    (desk, _), _ = office
    body = text_of(desk.get(f"{path}?done={word}"))
    assert "Not recorded" not in body and "Nothing changed" not in body and "note-box azurite said" not in body


def test_every_fact_has_words():
    from kehu.doors.web.office.incidents import FACT_LABELS

    assert set(FACT_LABELS) == set(FACTS)


def test_two_offices_keep_uses_back_and_either_shows_them(office, monkeypatch):
    (desk, who), _ = office
    auditor, _ = signed_in("auditor")
    legal, lawyer = signed_in("legal")
    day = (timezone.now() + timedelta(days=60)).date().isoformat()
    form = {"staff": str(lawyer.staff), "purpose": "claims", "until": day, "reference": "F-2026-18"}
    assert desk.post("/ledger/withheld", form | {"until": "2020-01-01"}).status_code == 422
    assert desk.post("/ledger/withheld", form | {"purpose": "marketing"}).status_code == 422
    assert desk.post("/ledger/withheld", form)["Location"].endswith("done=asked")
    [held] = withheld.withholdings(actor=who)
    step = f"/ledger/withheld/{held.id}"
    assert f"{step}/approve" not in text_of(desk.get("/ledger/withheld"))  # not who asked
    assert f"{step}/approve" not in text_of(legal.get("/ledger/withheld"))  # nor whose uses they are
    assert f"{step}/approve" in text_of(auditor.get("/ledger/withheld"))
    assert desk.post(f"{step}/approve").status_code == legal.post(f"{step}/approve").status_code == 403
    assert auditor.post(f"{step}/approve")["Location"].endswith("done=approve")
    assert "in force" in text_of(desk.get("/ledger/withheld")) and "/ledger/withheld" in text_of(desk.get("/ledger"))
    assert auditor.post(f"{step}/approve")["Location"].endswith("done=over")
    assert desk.post(f"{step}/lift")["Location"].endswith("done=lift")
    assert withheld.withholding_of(held.id).state == "lifted"
    assert "F-2026-18" in text_of(desk.get("/ledger/withheld"))
    monkeypatch.setattr(withholding, "NEWEST", 0)
    listed = text_of(desk.get("/ledger/withheld"))
    assert "F-2026-18" not in listed
    assert "not listed here: 1." in listed and "<code>kehu ledger withhold list" in listed
    assert auditor.post(f"{step}/vanish").status_code == 404


def test_a_demand_is_registered_let_and_its_document_read(office):
    (privacy, _), lin = office
    legal, _ = signed_in("legal")
    day = (timezone.now() + timedelta(days=60)).date().isoformat()
    form = {
        "authority": "District Court", "country": "us", "provision": "18 USC 2703", "reference": "26-118",
        "customers": str(lin), "field": ["email"], "silent": day,
    }  # fmt: skip
    order = lambda: {"document": SimpleUploadedFile("order.pdf", b"%PDF order")}
    assert legal.post("/authorities/register", form).status_code == 422  # without its document
    wrong = legal.post("/authorities/register", form | {"customers": "x"} | order())
    assert wrong.status_code == 422 and 'value="18 USC 2703"' in text_of(wrong)
    assert 'name="field" value="email" checked' in text_of(wrong)
    page = legal.post("/authorities/register", form | order())["Location"].partition("?")[0]
    assert "waits for the privacy office" in text_of(legal.get(page)) and "Let it" not in text_of(legal.get(page))
    approval = {"law": "EU", "reference": "MLAT 2003"}
    assert legal.post(f"{page}/approval", approval | {"document": SimpleUploadedFile("a", b"treaty")})[
        "Location"
    ].endswith("done=approval")
    assert legal.post(f"{page}/approval", approval)["Location"].endswith("done=over")
    assert privacy.post(f"{page}/approval", approval).status_code == legal.post(f"{page}/approve").status_code == 403
    body = text_of(privacy.get(page))
    assert "MLAT 2003" in body and "18 USC 2703" in body and "the authority forbids it" in body and "Let it" in body
    answer = privacy.get(f"{page}/document")
    assert answer.content == b"%PDF order" and answer["Content-Type"] == "application/octet-stream"
    assert privacy.get(f"{page}/document?law=EU").content == b"treaty"
    assert privacy.get(f"{page}/document?law=CN").status_code == 404
    assert signed_in("auditor")[0].get(f"{page}/document").status_code == 403
    assert f'href="/authorities/{page.rpartition("/")[2]}"' in text_of(privacy.get("/ledger/withheld"))
    assert privacy.post(f"{page}/approve")["Location"].endswith("done=approve")
    assert privacy.post(f"{page}/refuse")["Location"].endswith("done=over")
    assert "kehu authority run" in text_of(legal.get(page))
    held = demands.demand_of(uuid.UUID(page.rpartition("/")[2]))
    assert held.state == "ready" and withheld.withholding_of(held.silent).state == "in force"
    assert page in text_of(privacy.get("/authorities")) and "/authorities" in text_of(privacy.get("/exports"))
    assert privacy.post(f"{page}/vanish").status_code == 404
