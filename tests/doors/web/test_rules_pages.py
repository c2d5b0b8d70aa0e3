"""Why, policies, inquiry and the comparison of an answer, as pages."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from kehu.doors.web import inquiry, ledger
from kehu.host.jobs import run_pending
from kehu.host.paths import policies_dir
from kehu.serve.assurance.trial import LARGEST
from tests.cast import admit
from tests.doors.web import browsing
from tests.doors.web.browsing import text_of

LIN = {
    "full_name": "林婉清",
    "email": "lin@mail.example",
    "birth_date": "1990-03-14",
    "national_id": "11010519491231002X",
}


def signed_in(role, purpose=None):
    """Who reads English."""
    desk, who = browsing.signed_in(role, purpose)
    desk.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return desk, who


def came_out(desk, asked):
    """The page of a trial that was asked for and worked on."""
    answer = desk.post("/policies/replay", {"days": "7"} | asked)
    assert answer.status_code == 302
    run_pending()
    return text_of(desk.get(answer["Location"]))


HOUSE = (policies_dir() / "house.cedar").read_text(encoding="utf-8")


@pytest.mark.usefixtures("database")
def test_why_answers_for_every_field_and_opens_nothing() -> None:
    [lin] = admit(LIN)
    desk, _ = signed_in("service", "service")
    page = text_of(desk.get(f"/customers/{lin}/why", {"purpose": "service", "beside": "marketing"}))
    assert "National id" in page and "Income" in page and "compared only" in page
    assert "house.purpose-least" in page and "cn.pipl.consent-none" in page
    assert not any(value in page for value in LIN.values())
    with connection.cursor() as cursor:
        cursor.execute("select action, count(*) from ledger_entry where action in (1, 4) group by 1")
        assert cursor.fetchall() == [(4, 2)]


@pytest.mark.usefixtures("database")
def test_why_works_for_a_customer_one_may_not_open() -> None:
    [lin] = admit(LIN)
    desk, _ = signed_in("engineer")
    answer = desk.get(f"/customers/{lin}/why")
    assert answer.status_code == 200 and "house.default-deny" in text_of(answer) and "林" not in text_of(answer)
    assert desk.get(f"/customers/{lin}/why", {"purpose": "espionage"}).status_code == 400


@pytest.mark.usefixtures("database")
def test_a_callers_answer_is_compared_on_the_record_page() -> None:
    [lin] = admit(LIN)
    desk, _ = signed_in("service", "service")
    page = text_of(desk.get(f"/customers/{lin}"))
    assert "Is it them?" in page and "1990" not in page.replace('placeholder="1990-03-14"', "")
    said = lambda text, field="birth_date": text_of(
        desk.post(f"/customers/{lin}/match", {"field": field, "said": text})
    )
    assert "It is what we hold." in said("1990-03-14") and "It is what we hold." in said("002X", "national_id")
    assert "counts as no try" in said("yesterday or so")
    for day in range(1, 6):
        assert "It is not what we hold." in said(f"1980-01-0{day}")
    locked = said("1990-03-14")
    assert "Too many wrong answers" in locked and "It is what we hold." not in locked
    marketing, _ = signed_in("marketing", "marketing")
    assert "Is it them?" not in text_of(marketing.get(f"/customers/{lin}"))


@pytest.mark.usefixtures("database")
def test_policies_in_words_and_a_change_tried() -> None:
    [lin] = admit(LIN)
    service, _ = signed_in("service", "service")
    service.get(f"/customers/{lin}")
    desk, _ = signed_in("privacy")
    page = text_of(desk.get("/policies"))
    assert "house.match" in page and "House rule 22" in page and "China" in page
    assert "Every answer would be the same." in came_out(desk, {"law": "house", "text": HOUSE})
    shut = HOUSE.replace('principal.role == "service" &&', 'principal.role == "nobody" &&')
    assert shut != HOUSE
    changed = came_out(desk, {"law": "house", "text": shut})
    assert "Customer service" in changed and "house.default-deny" in changed
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("set/house.cedar", shut)
    assert "house.default-deny" in came_out(desk, {"files": SimpleUploadedFile("set.zip", packed.getvalue())})
    with zipfile.ZipFile(packed, "a") as archive:  # what a Mac lays beside each file
        archive.writestr("__MACOSX/set/._house.cedar", b"\x00\x05\x16\x07\x00\x02\x00\x00Mac OS X\xff\xfe")
        archive.writestr("set/.DS_Store", b"\x00\x00\x00\x01Bud1")
    assert "house.default-deny" in came_out(desk, {"files": SimpleUploadedFile("mac.zip", packed.getvalue())})
    torn = bytearray(packed.getvalue())
    torn[60:200] = bytes(140)
    damaged = {"days": "7", "files": SimpleUploadedFile("set.zip", bytes(torn))}
    assert desk.post("/policies/replay", damaged).status_code == 422
    wrong = desk.post("/policies/replay", {"days": "7", "law": "house", "text": "permit everything"})
    assert wrong.status_code == 422 and "does not fit" in text_of(wrong)
    large = SimpleUploadedFile("eu.cedar", b"// " + b"x" * LARGEST)
    refused = desk.post("/policies/replay", {"days": "7", "law": "house", "text": shut, "files": large})
    assert refused.status_code == 413 and "eu.cedar" in text_of(refused)  # not left out of what is tried
    assert "house.role-service" in text_of(desk.get("/policies"))  # nothing came in force
    assert service.get(f"/customers/{lin}").status_code == 200


@pytest.mark.usefixtures("database")
def test_an_inquiry_sums_up_and_is_recorded() -> None:
    [lin] = admit(LIN)
    service, who = signed_in("service", "service")
    service.get(f"/customers/{lin}")
    desk, _ = signed_in("auditor")
    page = text_of(desk.get("/ledger/inquiry", {"customer": str(lin)}))
    assert "By whom, for what" in page and "Which fields, under which laws" in page and "CN" in page
    assert "林" not in page and "lin@" not in page
    mine = text_of(desk.get("/ledger/inquiry", {"staff": str(who.human), "purpose": "service", "since": "2020-01-01"}))
    assert "Opened" in mine
    assert "lies before" in text_of(desk.get("/ledger/inquiry", {"since": "2026-02-01", "until": "2026-01-01"}))
    assert desk.get("/ledger/inquiry", {"customer": "0" * 32}).status_code == 404
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):  # the first and the last day that there is, for no bound
        desk.cookies["kehu_zone"] = zone
        ever = text_of(desk.get("/ledger/inquiry", {"since": "0001-01-01", "until": "9999-12-31"}))
        assert "By whom, for what" in ever
        assert desk.get("/ledger", {"since": "0001-01-01"}).status_code == 200
        assert desk.get("/ledger", {"since": "9999-12-31"}).status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from ledger_entry where action = 20")
        assert cursor.fetchone()[0] >= 2


@pytest.mark.usefixtures("database")
def test_an_inquiry_about_nobody_is_not_answered_with_everybody() -> None:
    [lin] = admit(LIN)
    service, _ = signed_in("service", "service")
    service.get(f"/customers/{lin}")
    desk, _ = signed_in("auditor")
    desk.cookies["kehu_zone"] = "Asia/Shanghai"
    pasted = text_of(desk.get("/ledger/inquiry", {"customer": f" {lin}\t"}))
    assert f'value="{lin}"' in pasted and "By whom, for what" in pasted
    for wrong in (str(lin)[:-1], "Lin", "0" * 32):
        answer = desk.get("/ledger/inquiry", {"customer": wrong, "since": "2020-01-01"})
        page = text_of(answer)
        assert answer.status_code == 404 and "No customer has this id." in page and wrong in page
        assert "By whom, for what" not in page and 'value="2020-01-01"' in page
        assert desk.get("/ledger", {"customer": wrong}).status_code == 404
    assert str(lin)[:8] in text_of(desk.get("/ledger", {"customer": f"{lin} "}))
    for nobody in ("0" * 32, "nobody"):
        assert desk.get("/ledger/inquiry", {"staff": nobody}).status_code == 404
        assert desk.get("/ledger", {"staff": nobody}).status_code == 404
    for day in ("9999-12-31", "0001-01-01"):
        assert desk.get("/ledger/inquiry", {"until": day}).status_code == 200
        assert desk.get("/ledger/inquiry", {"since": day}).status_code == 200
        assert desk.get("/ledger", {"since": day}).status_code == 200


@pytest.mark.usefixtures("database")
def test_an_inquiry_says_what_it_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    [lin] = admit(LIN)
    for purpose in ("service", "service", "complaints"):
        signed_in("service", purpose)[0].get(f"/customers/{lin}")
    desk, _ = signed_in("auditor")
    asked = {"customer": str(lin)}
    assert "not shown: narrow" not in text_of(desk.get("/ledger/inquiry", asked))
    monkeypatch.setattr(inquiry, "SHOWN", 1)
    page = text_of(desk.get("/ledger/inquiry", asked))
    assert re.search(r"[1-9] lines? of fewer uses (is|are) not shown: narrow", page)


@pytest.mark.usefixtures("database")
def test_the_ledger_of_days_gone_by_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    [lin] = admit(LIN)
    service, _ = signed_in("service", "service")
    service.get(f"/customers/{lin}")
    desk, _ = signed_in("auditor")
    desk.cookies["kehu_zone"] = service.cookies["kehu_zone"] = "Pacific/Auckland"  # where it may be tomorrow
    today = timezone.now().astimezone(ZoneInfo("Pacific/Auckland")).date()
    before, after = today - timedelta(days=1), today + timedelta(days=1)
    monkeypatch.setattr(ledger, "PAGE", 1)
    for reader in (desk, service):
        page = text_of(reader.get("/ledger", {"since": today, "until": today}))
        assert page.count('<tr id="r') == 1 and f'name="until" value="{today}"' in page
        assert f"since={today}&amp;until={today}&amp;before=" in page
        for none in ({"until": before}, {"since": after, "until": after}, {"since": today, "until": before}):
            assert "No rows" in text_of(reader.get("/ledger", none))
        assert reader.get("/ledger", {"until": "9999-12-31"}).status_code == 200
