"""The pages of the counter: every address × role × status, a person taken down by forms alone, cards, phones, contacts."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from kehu.collect.imports import actions as importing
from kehu.collect.imports.recipe import ImportTerms
from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.drain import drain_all
from kehu.collect.models import Quarantined
from kehu.doors.web.counter.urls import urlpatterns
from kehu.govern.channels import add_channel
from kehu.govern.consent import notice_in_force
from kehu.govern.models import Consent
from kehu.govern.parts import UnknownSubject, part_of
from kehu.guard.gate.read import gate
from kehu.guard.ledger import queries as ledger
from kehu.guard.staff.actions import add_staff, owner_actor
from kehu.serve.counter.entries import offered
from kehu.serve.desk.queries import find
from kehu.serve.rights.erasing.erasure import erase
from tests.cast import admit
from tests.doors.web.browsing import browser, misfits, signed_in, text_of
from tests.paper import jpeg, sheet

ROLES = ("service", "marketing", "manager", "analyst", "privacy", "legal", "auditor", "engineer")
PURPOSE = {
    "service": "service", "marketing": "marketing", "manager": "service", "analyst": "analytics",
    "privacy": "rights-request", "legal": "legal", "auditor": "security", "engineer": None,
}  # fmt: skip
COLLECTING = frozenset({"manager", "marketing", "service", "analyst", "privacy", "legal"})
ASKING = frozenset({"marketing", "service", "privacy"})
_WHO = f"/counter/customers/{UUID(int=7)}"
# name of the address -> (path, method, roles let in, status for them, status for the others that are signed in)
TABLE = {
    "counter": ("/counter", "get", COLLECTING, 200, 403),
    "counter-find": ("/counter/find", "post", COLLECTING, 200, 403),
    "counter-card": ("/counter/card", "post", COLLECTING, 422, 403),
    "counter-take": ("/counter/entries", "post", COLLECTING, 422, 403),
    "counter-customer": (_WHO, "get", ASKING, 404, 403),
    "counter-phone": (f"{_WHO}/phone", "post", ASKING, 404, 403),
    "counter-contact": (f"{_WHO}/contact", "get", COLLECTING, 404, 403),
    "counter-paper": (f"{_WHO}/paper", "get", ASKING, 404, 403),
    "counter-form": (f"/counter/papers/{UUID(int=7)}", "get", frozenset({"privacy", "legal"}), 404, 403),
    "counter-form-picture": (f"/counter/papers/{UUID(int=7)}/show", "post", frozenset({"privacy", "legal"}), 404, 403),
    "counter-shell": ("/counter/shell", "get", COLLECTING, 200, 403),
    "counter-worker": ("/counter/worker.js", "get", frozenset(ROLES), 200, 200),
    "counter-mark": ("/counter/mark", "get", frozenset(ROLES), 200, 200),
    "counter-answer": ("/c/unknown", "get", frozenset(ROLES), 404, 404),
}
OPEN_TO_ALL = {"counter-answer"}
ASKED_FIRST = frozenset(TABLE) - OPEN_TO_ALL - {"counter-worker", "counter-mark"}
CARD = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:林婉清\r\nTEL;TYPE=CELL:+86 138 0013 8000\r\nEMAIL:lin@mail.example\r\n"
    "X-ODD:left out\r\nEND:VCARD\r\n"
)


@pytest.fixture
def channel(database, monkeypatch):
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    made, _ = add_channel("shop floor", "counter", owner=owner_actor().staff, country="CN")
    return made


def entry(*consents, **more):
    shown = {f"version.{one.purpose}": one.version for one in offered()}
    return (
        {"id": str(uuid4()), "language": "en", "notice": notice_in_force().id, "consent": list(consents)} | shown | more
    )


def test_every_address_is_in_the_table():
    assert {pattern.name for pattern in urlpatterns} == set(TABLE)


def test_each_role_gets_what_the_table_says(database):
    wrong = []
    for role in ROLES:
        desk, _ = signed_in(role, PURPOSE[role])
        table = (
            TABLE
            if PURPOSE[role]
            else {n: (*row[:2], (), 0, 302 if n in ASKED_FIRST else row[3]) for n, row in TABLE.items()}
        )
        wrong += misfits(table, role, desk)
        assert ('href="/counter"' in text_of(desk.get("/me"))) == (role in COLLECTING - {"analyst"}), role
    assert wrong == []


def test_nobody_else_gets_anything(database):
    for name, (path, method, *_) in TABLE.items():
        answer = getattr(browser(), method)(path)
        if name in OPEN_TO_ALL:
            assert answer.status_code == 404
        else:
            assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/sign-in"), path


def test_taken_down_by_forms_alone_and_asked_again_later(channel):
    desk, _ = signed_in("service", "service")
    page = text_of(desk.get("/counter"))
    assert (
        'name="field.full_name"' in page and 'name="field.national_id"' not in page
    )  # nothing the purpose does not need
    boxes = re.findall(r'<input class="check"[^>]*name="consent"[^>]*>', page)
    assert len(boxes) == len(offered()) and not any("checked" in box for box in boxes)
    for text in ("我们可以把您的信息用于什么？", "What may we use your details for?"):
        assert text in page  # the customer's side speaks each language, whatever the staff's is
    said = entry("marketing", **{"field.full_name": "林婉清", "field.email": "lin@mail.example"})
    for _ in range(2):  # sent twice, as by a second press
        assert desk.post("/counter/entries", said)["Location"] == "/counter?done=counter-kept"
    assert drain_all() == 1
    answer = text_of(desk.post("/counter/find", {"text": "lin@mail.example"}))
    [lin] = re.findall(r"/counter/customers/([0-9a-f-]{36})\"", answer)
    assert "林婉清" not in answer and "lin@mail.example" not in answer.replace('value="lin@mail.example"', "")
    acts = [one["action"] for one in ledger.rows(subject=UUID(lin))]
    assert acts.count("find") == 1 and acts.count("list") == 1
    before = len(ledger.rows())
    desk.post("/counter/find", {"text": "l"})
    assert len(ledger.rows()) == before  # nothing is looked up for one letter
    assert Consent.objects.get().language == "en"
    shown = desk.get(f"/counter/customers/{lin}")
    assert shown.status_code == 200 and "lin@mail.example" not in text_of(shown)
    assert desk.post("/counter/entries", entry("analytics", subject=lin)).status_code == 302
    drain_all()
    assert Consent.objects.filter(subject=lin).count() == 2


def test_a_script_is_told_what_became_of_an_entry(channel, monkeypatch):
    desk, _ = signed_in("service", "service")
    said = entry(**{"field.full_name": "林婉清"})
    send = lambda given: desk.post("/counter/entries", given, HTTP_ACCEPT="application/json")
    assert [send(said).json() for _ in range(2)] == [
        {"kept": True, "new": new, "doubtful": []} for new in (True, False)
    ]
    short = entry(
        **{"field.full_name": "林婉清", "field.phone": "1380013800"}
    )  # a digit is missing: kept, and told at once
    assert send(short).json()["doubtful"] == ["手机"]
    told = desk.post("/counter/entries", short)["Location"]
    assert told == "/counter?done=counter-kept&doubt=phone" and "<b data-why>手机</b>" in text_of(desk.get(told))
    said = re.findall(r'<p class="note-box[^>]*>', text_of(desk.get(told)))
    assert len([tag for tag in said if " hidden" not in tag]) == 1  # that it was kept is said once
    refused = send(entry())
    assert (refused.status_code, refused.json()["code"]) == (422, "nobody")
    monkeypatch.setenv("KEHU_INBOX_MOST", "0")
    accepting._held.looked = 0.0
    busy = send(entry(**{"field.full_name": "王"}))
    assert (busy.status_code, busy["Retry-After"]) == (503, "5")


def test_who_may_not_ask_is_offered_no_asking_and_loses_nothing(channel):
    manager, _ = signed_in("manager", "service")
    for address in ("/counter", "/counter/shell"):
        text = text_of(manager.get(address))
        assert not [one for one in ("data-turn", 'value="phone"', 'name="consent"') if one in text]
        assert 'value="keep"' in text
    admit({"full_name": "林婉清", "email": "lin@mail.example"})
    found = text_of(manager.post("/counter/find", {"text": "lin@mail.example"}, HTTP_HX_REQUEST="true"))
    assert "/contact" in found and not re.search(r'href="/counter/customers/[0-9a-f-]{36}"', found)
    ticked = entry("marketing", **{"field.full_name": "林婉清"})
    refused = manager.post("/counter/entries", ticked, HTTP_ACCEPT="application/json")
    assert (refused.status_code, refused.json()["code"]) == (422, "no-consent")
    for more in (ticked, entry(do="phone", **{"field.full_name": "林婉清"})):
        page = manager.post("/counter/entries", more)
        assert page.status_code == 422 and 'value="林婉清"' in text_of(page)
    assert accepting.waiting() == (0, 0)
    auditor, _ = signed_in("auditor", "security")  # a rule refuses, the sign-in stands: a script tells them apart
    refused = auditor.post("/counter/entries", ticked, HTTP_ACCEPT="application/json")
    assert (refused.status_code, refused.json()["code"]) == (403, "refused")


@pytest.mark.parametrize(("role", "others"), [("analyst", False), ("manager", True)])
def test_a_purpose_that_knows_nobody_has_no_counter(channel, role, others):
    desk, _ = signed_in(role, "analytics")
    desk.post("/language", {"language": "en"})
    page = text_of(desk.get("/counter"))
    assert "“Analytics” does not need to know who anybody is" in page
    assert 'id="c-text"' not in page and 'value="keep"' not in page
    assert ('class="btn primary" href="/purpose?next=/counter"' in page) is others
    assert ('class="nav-link" href="/counter"' in text_of(desk.get("/traits"))) is others


def test_a_card_is_read_into_the_form_and_not_kept(channel):
    desk, _ = signed_in("service", "service")
    for given in ({"text": CARD}, {"card": SimpleUploadedFile("lin.vcf", CARD.encode())}):
        page = text_of(desk.post("/counter/card", given))
        assert 'value="林婉清"' in page and 'value="lin@mail.example"' in page and "left out" not in page
    assert accepting.waiting() == (0, 0)
    for wrong in (
        b"",
        b"MZ",
        b"BEGIN:VCARD\r\nEND:VCARD",
        b"BEGIN:VCARD\r\nFN:\xff\xfe\r\n" * 9,
        b"BEGIN:VCARD" + b"x" * 300_000,
    ):
        answer = desk.post("/counter/card", {"card": SimpleUploadedFile("x.vcf", wrong)})
        assert answer.status_code in (422, 400), wrong[:20]


def test_the_phone_is_asked_once_in_its_own_language_and_the_secret_stands_nowhere(channel):
    desk, li = signed_in("service", "service")
    page = text_of(desk.post("/counter/entries", entry(do="phone", **{"field.full_name": "林婉清"})))
    [secret] = re.findall(r"http://localhost/c/([\w-]+)", page)
    phone = browser(HTTP_ACCEPT_LANGUAGE="zh-TW")
    asked = text_of(phone.get(f"/c/{secret}"))
    assert 'lang="zh-Hant"' in asked and "checked" not in asked and "林婉清" not in asked
    said = {name: value for name, value in entry("marketing").items() if name != "id"}
    assert phone.post(f"/c/{secret}", said).status_code == 200
    twice = phone.post(f"/c/{secret}", said)  # a button pressed twice shows the answer to the second press alone
    assert twice.status_code == 404 == phone.get(f"/c/{secret}").status_code
    assert "第一次" in text_of(twice)
    drain_all()
    [given] = Consent.objects.all()
    assert (given.way, given.language, given.recorded_by) == ("counter-phone", "zh-hant", li.staff)
    assert browser(enforce_csrf_checks=True).post(f"/c/{secret}", said).status_code == 403


def ticked_on(page: str) -> list[str]:
    """Purposes whose box is ticked on a page."""
    return [re.search(r'value="([^"]+)"', box)[1] for box in re.findall(r"<input[^>]*checkbox[^>]*checked[^>]*>", page)]


def test_what_was_ticked_stays_where_an_answer_could_not_be_kept(channel, monkeypatch):
    desk, _ = signed_in("service", "service")
    page = text_of(desk.post("/counter/entries", entry(do="phone", **{"field.full_name": "林婉清"})))
    [secret] = re.findall(r"http://localhost/c/([\w-]+)", page)
    phone, both = browser(HTTP_ACCEPT_LANGUAGE="en"), ["marketing", "personalisation"]
    said = {name: value for name, value in entry(*both).items() if name != "id"}
    with monkeypatch.context() as full:
        full.setenv("KEHU_INBOX_MOST", "0")
        accepting._held.looked = 0.0
        busy = phone.post(f"/c/{secret}", said)
        at_desk = desk.post("/counter/entries", entry(*both, **{"field.full_name": "Wu Lan"}))
    assert busy.status_code == 503 == at_desk.status_code
    assert ticked_on(text_of(busy)) == both and "Wu Lan" in text_of(at_desk)
    assert ticked_on(text_of(at_desk)) == []  # at the desk somebody else may look at it by now
    accepting._held.looked = 0.0
    # what was ticked under other words is not what the page shows now
    older = phone.post(f"/c/{secret}", said | {"version.marketing": "0"})
    assert older.status_code == 422 and ticked_on(text_of(older)) == ["personalisation"]
    assert ticked_on(text_of(phone.post(f"/c/{secret}", said | {"notice": "9999"}))) == []
    assert phone.post(f"/c/{secret}", said).status_code == 200
    drain_all()
    assert Consent.objects.count() == 2


@pytest.mark.parametrize("ticked", [["marketing"], []], ids=["a-yes", "nothing"])
def test_the_phone_of_who_is_gone_with_their_import_reads_that_the_link_is_over(channel, tmp_path, ticked):
    people = tmp_path / "people.csv"
    people.write_text("full_name,email\n林婉清,lin@mail.example\n", encoding="utf-8")
    told = ImportTerms(files=(people,), channel="store", basis="contract", residence="CN")
    held = importing.start(importing.plan(told, actor=owner_actor()), actor=owner_actor())
    importing.run(held, actor=owner_actor(), link=False)
    desk, li = signed_in("service", "service")
    [lin], *_ = find({"email": "lin@mail.example"}, actor=li, purpose="service")
    answer = text_of(desk.post(f"/counter/customers/{lin}/phone", {"place": str(channel.id)}))
    [secret] = re.findall(r"http://localhost/c/([\w-]+)", answer)
    phone = browser(HTTP_ACCEPT_LANGUAGE="en")
    assert phone.get(f"/c/{secret}").status_code == 200
    importing.undo(held, actor=owner_actor())
    said = {name: value for name, value in entry(*ticked).items() if name != "id"}
    for answer in (phone.post(f"/c/{secret}", said), phone.get(f"/c/{secret}")):
        assert answer.status_code == 404 and "This link is over" in text_of(answer)


def test_a_paper_form_is_taken_in_with_its_consent_and_shown_to_the_office_alone(channel):
    desk, _ = signed_in("service", "service")
    office, _ = signed_in("privacy", "rights-request")
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    where, mark = f"/counter/customers/{lin}/paper", b"CANARYzqGPS"
    said = {
        "purpose": "marketing",
        "signed": "2026-11-20",
        "language": "zh-hans",
        "notice": notice_in_force().id,
        "reference": "binder 7",
    }
    scan = lambda content: {"scan": SimpleUploadedFile("form.jpg", content)}
    for wrong, given in {
        "no scan": said | scan(b"not one"), "none": said, "later": said | {"signed": "2999-01-01"} | scan(sheet()),
        "use": said | {"purpose": "billing"} | scan(sheet()), "notice": said | {"notice": "99"} | scan(sheet()),
        "day": said | {"signed": "soon"} | scan(sheet()), "language": said | {"language": "tlh"} | scan(sheet()),
        "long": said | {"reference": "x" * 501} | scan(sheet()),
    }.items():  # fmt: skip
        assert desk.post(where, given).status_code == 422, wrong
    assert not Consent.objects.exists()
    assert desk.post(where, said | scan(sheet(format="JPEG", comment=mark))).status_code == 302
    [row] = Consent.objects.all()
    assert (row.status, row.proof, row.language, row.at.date().isoformat()) == (
        "given",
        "paper-form",
        "zh-hans",
        "2026-11-20",
    )
    before = len(ledger.rows(subject=lin))
    shown = office.post(f"/counter/papers/{row.id}/show")
    assert shown["Content-Type"] == "image/jpeg" and shown["Cache-Control"] == "no-store" and mark not in shown.content
    assert jpeg(shown.content).width > 500
    assert len(ledger.rows(subject=lin)) == before + 1
    assert office.get(f"/counter/papers/{row.id}").status_code == 200 and len(ledger.rows(subject=lin)) == before + 1
    assert f"/counter/papers/{row.id}" in text_of(office.get(f"/customers/{lin}/consents/{row.id}"))
    assert desk.post(f"/counter/papers/{row.id}/show").status_code == 403
    # signed before they said no: the no stands
    desk.post(f"/customers/{lin}/consent", {"purpose": "marketing", "do": "withdraw"})
    assert desk.post(where, said | scan(sheet())).status_code == 422
    assert Consent.objects.filter(status="given").count() == 1
    erase(lin, actor=owner_actor(), reason="asked")
    assert office.post(f"/counter/papers/{row.id}/show").status_code == 404


def test_uploads_are_checked_for_the_forms_mark_and_bounded(channel):
    """Reading the body checks the mark: so the handlers that keep a file in memory must stand before that."""
    email = f"li-{uuid4().hex[:6]}@kehu.example"
    _, account = add_staff(email=email, role="service", department=None, attest=True)
    strict = browser(enforce_csrf_checks=True)
    marked = lambda path: {
        "csrfmiddlewaretoken": re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text_of(strict.get(path)))[1]
    }
    strict.post("/sign-in", {"email": account.email, "password": account.password} | marked("/sign-in"))
    strict.post("/purpose", {"purpose": "service"} | marked("/purpose"))
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    card = lambda: SimpleUploadedFile("lin.vcf", CARD.encode())
    assert strict.post("/counter/card", {"card": card()}).status_code == 403
    assert 'value="lin@mail.example"' in text_of(strict.post("/counter/card", {"card": card()} | marked("/counter")))
    where = f"/counter/customers/{lin}/paper"
    said = {"purpose": "marketing", "signed": "2026-11-20", "language": "en", "notice": notice_in_force().id}
    assert strict.post(where, said | {"scan": SimpleUploadedFile("x", sheet())}).status_code == 403
    big = said | marked(where) | {"scan": SimpleUploadedFile("x", bytes(21 << 20))}
    assert strict.post(where, big).status_code in (400, 403, 422) and not Consent.objects.exists()
    assert strict.post(where, said | marked(where) | {"scan": SimpleUploadedFile("x", sheet())}).status_code == 302


def test_what_a_browser_may_keep_says_nothing_of_anybody(channel):
    desk, li = signed_in("service", "service")
    admit({"full_name": "林婉清", "email": "lin@mail.example"})
    shell, worker = desk.get("/counter/shell"), desk.get("/counter/worker.js")
    text = text_of(shell)
    assert "csrfmiddlewaretoken" not in text and "@kehu.example" not in text and str(li.staff) not in text
    assert worker["Service-Worker-Allowed"] == "/counter" and "worker-src 'self'" in worker["Content-Security-Policy"]
    assert "/customers" not in text_of(worker) and desk.get("/counter/mark").json()["mark"]


def test_a_contact_stands_with_its_customer_and_a_recording_has_its_ground(channel):
    desk, li = signed_in("service", "service")
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    [joe] = admit({"full_name": "Joe Miller", "email": "joe@mail.example"}, packs=4)
    call = {"kind": "call", "topic": "delivery", "text": "asked when it comes"}
    record = lambda who, **more: desk.post(f"/counter/customers/{who}/contact", call | {"id": str(uuid4())} | more)
    assert record(lin).status_code == 302
    tape = {"recording": "tape 7"}
    for more in (tape, tape | {"ground": "announced"}, tape | {"ground": "because"}):
        assert record(lin, **more).status_code == 422, more
    assert record(lin, **tape, ground="announced", proof="menu 3 says it").status_code == 302
    refused = record(joe, **tape, ground="announced", proof="menu 3 says it")
    assert refused.status_code == 422 and "632" in text_of(refused)  # the law that wants more is named
    assert record(joe, **tape, ground="all-parties").status_code == 302
    assert record(lin, kind="rumour").status_code == 422 and record(lin, at="2999-01-01").status_code == 422
    assert drain_all() == 3
    opened = gate().open([lin], actor=li, purpose="service")[0]
    assert record(joe).status_code == 302
    erase(joe, actor=owner_actor(), reason="asked")
    drain_all()
    assert (
        sum(one.reason == "erased" for one in Quarantined.objects.all()) == 1
    )  # what still waited of them is not taken in
    with pytest.raises(UnknownSubject):
        part_of(joe, whole=True)
    texts = [one.normal or one.given for one in opened.contributions if one.field == "text"]
    assert sorted(texts) == [
        "asked when it comes",
        "asked when it comes [recording: tape 7; announced (menu 3 says it)]",
    ]
