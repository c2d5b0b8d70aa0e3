"""A new import by its page: kept where it was left, what would be refused shown and put right before, dates as somebody says."""

from __future__ import annotations

import io
import re
import uuid
from contextlib import suppress
from html import unescape
from threading import Barrier, BrokenBarrierError

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from openpyxl import Workbook

from kehu.collect.imports import draft, plan
from kehu.collect.models import Import, Staged
from kehu.collect.quarantine.actions import recipe_of_import
from kehu.doors.web.intake import wizard
from kehu.guard.staff.actions import owner_actor
from kehu.host import jobs
from kehu.serve.desk import queries
from tests.cast import staff
from tests.doors.intake.test_channel_pages import plain, signed_in
from tests.doors.web.browsing import text_of
from tests.races import beside

MARK = f"canary{uuid.uuid4().hex[:10]}"
FILE = (
    "external_id,full_name,email,birth_date,lives in\n"
    f"K1,Ann Lee,{MARK}@mail.example,03/04/1990,DE\n"
    "K2,Ben Wu,no-address,05/06/1991,DE\n"
    ",,,,DE\n"
    "K4,Dora,too,many,cells,here\n"
    "K5,林婉清,lin@mail.example,07/08/1992,CN\n"
).encode()
FORM = {
    "channel": "store",
    "basis": "legitimate_interest",
    "kind": "customers",
    "kind_before": "customers",
    "residence": "lives in",
}


@pytest.fixture
def desk(database):
    return signed_in("service")[0]


def uploaded(desk):
    return desk.post("/imports/upload", {"file": SimpleUploadedFile(f"{MARK}.csv", FILE)})["Location"]


def test_what_would_be_refused_is_seen_and_put_right_before(desk):
    path = uploaded(desk)
    assert desk.post(path, FORM)["Location"] == path
    assert re.search(r"<option selected>lives in</option>", text_of(desk.get(path)))  # so that it is sent again
    page = plain(desk.get(path))
    assert "Of the first 5 rows 3 would be refused, and 1 values kept" in page
    assert "too many cells" in page and "not a valid value" in page and "egitimate interest" in page
    assert MARK not in text_of(desk.get(path + "?show=all"))  # masked, in either view
    assert 'name="at" value="lives in"' in text_of(desk.get(path))
    fixes = {"line": ["3", "6", "4"], "at": ["email", "lives in", "full_name"], "put": ["ben@mail.example", "DE", ""]}
    assert desk.post(path + "/mend", fixes)["Location"] == path + "#check"
    page = plain(desk.get(path))
    assert "Of the first 5 rows 2 would be refused, and 0 values kept" in page and "2 cells were put right" in page
    started = desk.post(path, FORM | {"do": "start", "dates": "month"})
    jobs.run_pending()
    done = Import.objects.get(id=started["Location"].rpartition("/")[2])
    assert done.state == "done" and Staged.objects.count() == 0
    service, privacy = staff("manager"), staff("privacy")
    for email in (f"{MARK}@mail.example", "ben@mail.example", "lin@mail.example"):
        assert len(queries.find({"email": email}, actor=service, purpose="service")[0]) == 1
    [ann] = queries.find({"email": f"{MARK}@mail.example"}, actor=service, purpose="service")[0]
    assert "1990-03-04" in str(queries.show(ann, actor=privacy, purpose="accuracy", fields=["birth_date"]))
    with connection.cursor() as cursor:  # keys of what is gone are gone
        cursor.execute("select count(*) from subject_key where subject not in (select subject from subject_state)")
        assert cursor.fetchone()[0] == 1 + 2  # the import's settings, and the two rows in quarantine


def test_more_cells_than_a_draft_keeps_are_not_dropped_without_a_word(desk, monkeypatch):
    for held in (draft, wizard):
        monkeypatch.setattr(held, "MOST_MENDS", 2)
    path = uploaded(desk)
    desk.post(path, FORM)
    fixes = {"line": ["3", "6", "4", "2"], "at": ["email", "lives in", "email", "email"]}
    answer = desk.post(
        path + "/mend", fixes | {"put": ["ben@mail.example", "DE", "eve@mail.example", "fay@mail.example"]}
    )
    page = plain(desk.get(answer["Location"]))
    assert "2 cells were put right" in page and "2 cells were not put right: 2 at most" in page
    again = desk.post(path + "/mend", {"line": "3", "at": "email", "put": "ben2@mail.example"})  # one of those kept
    assert again["Location"] == path + "#check" and "not put right" not in plain(desk.get(path))
    for said in ("many", "-1", "0"):
        assert "not put right" not in plain(desk.get(f"{path}?over={said}"))


def test_cells_put_right_in_two_tabs_at_once_are_both_kept(desk, monkeypatch):
    path = uploaded(desk)
    desk.post(path, FORM)
    opened, both = draft.open_aside, Barrier(2, timeout=2)

    def together(*told, **how):
        held = opened(*told, **how)
        with suppress(BrokenBarrierError):
            both.wait()
        return held

    monkeypatch.setattr(draft, "open_aside", together)
    answers = []
    thread, wrong = beside(
        lambda: answers.append(desk.post(path + "/mend", {"line": "3", "at": "email", "put": "ben@mail.example"}))
    )
    answers.append(desk.post(path + "/mend", {"line": "6", "at": "lives in", "put": "DE"}))
    thread.join()
    both.abort()
    assert not wrong and [one.status_code for one in answers] == [302, 302]
    assert "2 cells were put right" in plain(desk.get(path))


def test_a_draft_that_another_tab_sealed_anew_meanwhile_is_read_anew(desk, monkeypatch):
    path = uploaded(desk)
    desk.post(path, FORM)
    opened = draft.open_aside

    def later(*told, **how):
        monkeypatch.setattr(draft, "open_aside", opened)
        assert desk.post(path + "/mend", {"line": "6", "at": "lives in", "put": "DE"}).status_code == 302
        return opened(*told, **how)

    monkeypatch.setattr(draft, "open_aside", later)
    assert "1 cell was put right" in plain(desk.get(path))


def test_a_file_without_a_header_loses_and_shows_nobody(desk):
    file = SimpleUploadedFile(
        "in.csv", "林婉清,13801926721,lin@mail.example\n周予安,13801926722,zhou@mail.example\n".encode()
    )
    path = desk.post("/imports/upload", {"file": file})["Location"]
    page = text_of(desk.get(path))
    assert "no header" in page and "2 rows in the file" in page
    assert "林婉清" not in page and "13801926721" not in page and "lin@mail.example" not in page
    names = re.findall(r'name="column" value="([^"]*)"', page)
    sent = {"column": names, "field": ["full_name", "phone", "email"]}
    assert sorted(names) == ["#1", "#2", "#3"] == names
    desk.post(path, FORM | sent | {"residence": "", "basis": "contract", "do": "start"})
    jobs.run_pending()
    assert Import.objects.get().state == "done"
    service = staff("manager")
    for email in ("lin@mail.example", "zhou@mail.example"):
        assert len(queries.find({"email": email}, actor=service, purpose="service")[0]) == 1


@pytest.mark.parametrize("chosen, refused", [("DE", 1), ("country:DE", 0)])
def test_a_column_named_as_a_country_says_where_each_lives(desk, chosen, refused):
    file = SimpleUploadedFile("in.csv", b"external_id,full_name,DE\nK1,Ann Lee,CN\nK2,Ben Wu,DE\n")
    path = desk.post("/imports/upload", {"file": file})["Location"]
    page = text_of(desk.get(path))
    assert "<option >DE</option>" in page and '<option value="country:DE"' in page
    desk.post(path, FORM | {"residence": chosen})
    assert f"Of the first 2 rows {refused} would be refused" in plain(desk.get(path))
    assert len(re.findall(r"<option[^>]* selected>DE", text_of(desk.get(path)))) == 1


def test_an_upload_is_read_to_its_end_for_what_is_not_known_of_it_alone(desk, monkeypatch):
    rows = "".join(f"K{n},林婉清,{n % 28 + 1:02}/0{n % 9 + 1}/1990,DE,14/02/2024\n" for n in range(40))
    file = SimpleUploadedFile("in.csv", f"external_id,full_name,birth_date,lives in,seen\n{rows}".encode())
    path = desk.post("/imports/upload", {"file": file})["Location"]
    passes, survey, digest = [], plan.survey, plan._digest
    monkeypatch.setattr(plan, "survey", lambda frames, types: passes.append([*types]) or survey(frames, types))
    monkeypatch.setattr(plan, "_digest", lambda stream: passes.append("digest") or digest(stream))

    def look(form, shown=40):
        passes.clear()
        if form:
            desk.post(path, form)
        assert f"{shown} rows in the file" in plain(desk.get(path))
        return passes

    assert look(None) == ["digest", ["birth_date"]]
    asked = FORM | {"residence": "", "basis": "contract"}
    for form in (asked, asked | {"basis": "legal_obligation"}, asked | {"dates": "month"}):
        assert look(form) == []
    assert look(asked | {"residence": "lives in"}) == [[]]
    dates = {"column": ["birth_date", "seen"], "field": ["", "birth_date"], "suggested": ["birth_date"]}
    assert look(asked | {"residence": "lives in"} | dates) == [["birth_date"]]  # of another column
    assert look(asked | {"column": ["#2"], "field": ["full_name"]}, 41) == [["birth_date"]]  # the header is a row
    assert look(asked | {"residence": "lives in"} | dates) == [["birth_date"]]
    started = desk.post(path, asked | {"residence": "lives in", "do": "start"} | dates)
    assert passes == [["birth_date"]]
    jobs.run_pending()
    done = Import.objects.get(id=started["Location"].rpartition("/")[2])
    recipe = recipe_of_import(done, owner_actor())
    assert (done.state, done.expected, recipe.files[0].day_first) == ("done", 40, {"birth_date": True})


def test_a_column_without_a_name_that_is_left_out_shows_how_its_values_are_made(desk):
    file = SimpleUploadedFile(
        "in.csv", "林婉清,13801926721,VIP-7 since 03/04/1990\n周予安,13801926722,常客 ok\n".encode()
    )
    path = desk.post("/imports/upload", {"file": file})["Location"]
    page = re.sub("<[^>]+>", "", text_of(desk.get(path)))
    assert "a••-9•• a•• 9••/9••/9••" in page and "字•• a••" in page
    assert not [one for one in ("VIP", "1990", "常客", "since") if one in page]


def test_what_a_reader_leaves_aside_is_told_in_the_readers_language(desk):
    book, held = Workbook(), io.BytesIO()
    for row in (["full_name", "email"], ["Ann Lee", "ann@mail.example", "too much"]):
        book.active.append(row)
    book.create_sheet("秋天").append(["something else"])
    book.save(held)
    path = desk.post("/imports/upload", {"file": SimpleUploadedFile("in.xlsx", held.getvalue())})["Location"]
    told = {
        "en": ("not read", "秋天"),
        "zh-hans": ("工作表“秋天”的表头不同", "最后一列之后"),
        "zh-hant": ("「秋天」", "儲存格"),
    }
    for spoken in (*told, "en"):  # the second time from what is known
        page = unescape(text_of(desk.get(path, HTTP_ACCEPT_LANGUAGE=spoken)))
        assert all(words in page for words in told[spoken]), spoken


def test_every_value_that_is_wrong_is_counted(desk):
    lines = "".join(f"K{n},Ann,wrong\n" for n in range(300))
    file = SimpleUploadedFile("in.csv", f"external_id,full_name,email\n{lines}".encode())
    path = desk.post("/imports/upload", {"file": file})["Location"]
    names = ["external_id", "full_name", "email"]
    desk.post(path, FORM | {"residence": "", "basis": "contract", "column": names, "field": names})
    assert "Of the first 300 rows 0 would be refused, and 300 values kept" in plain(desk.get(path))


def test_a_header_broken_into_lines_is_mapped(desk):
    """A browser sends every line's end as carriage return and newline, whatever the page holds."""
    file = SimpleUploadedFile("in.csv", '编号,"手机号\n(必填)",姓名\nA1,13801926721,林婉清\n'.encode())
    path = desk.post("/imports/upload", {"file": file})["Location"]
    columns = re.findall(r'name="column" value="([^"]*)"', text_of(desk.get(path)))
    sent = {"column": [re.sub("\r?\n", "\r\n", one) for one in columns], "field": ["external_id", "phone", "full_name"]}
    desk.post(path, FORM | sent | {"residence": "", "basis": "contract"})
    page = desk.get(path)
    assert page.status_code == 200 and re.search(r'<option value="phone" selected>', text_of(page))


def test_it_opens_where_it_was_left_for_its_owner_alone(desk):
    path = uploaded(desk)
    column = {"column": ["full_name", "email"], "field": ["", "email"], "suggested": ["full_name", "email"]}
    desk.post(path, FORM | column | {"basis": "contract", "proof_text": f"{MARK} contract"})
    listed = text_of(desk.get("/imports"))
    assert path in listed and f"{MARK}.csv" in listed
    page = text_of(desk.get(path))
    assert f"{MARK} contract" in page and re.search(r'value="contract" selected', page)
    assert re.search(r"<b><bdi>full_name</bdi></b>.*?<option value=\"\" ?>leave out", page, re.DOTALL)
    other = signed_in("service")[0]
    assert other.get(path).status_code == 404 and path not in text_of(other.get("/imports"))
    assert other.post(path + "/mend", {"line": "2", "at": "email", "put": "x"}).status_code == 404
    assert other.post(path + "/let-go").status_code == 404
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from collect_staged where position(%s::bytea in draft) > 0", [MARK.encode()])
        assert cursor.fetchone()[0] == 0
    desk.post(path + "/let-go")
    assert Staged.objects.count() == 0 and desk.get(path).status_code == 404
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from subject_key")
        assert cursor.fetchone()[0] == 0


def test_terms_that_a_law_refuses_are_told_on_the_page_and_nothing_of_it_is_lost(desk):
    path = uploaded(desk)
    desk.post(path, FORM | {"column": ["email"], "field": ["email"], "suggested": ["email"]})
    refused = FORM | {"channel": "third-party", "residence": ""}
    desk.post(path, refused)
    answer = desk.get(path)
    assert answer.status_code == 400 and 'role="alert"' in text_of(answer)
    assert desk.post(path, refused | {"do": "start"}).status_code == 403
    desk.post(path, FORM)  # the page showed no columns: those of before stand
    assert re.search(r'<option value="email" selected>', text_of(desk.get(path)))
    assert Import.objects.count() == 0
    assert owner_actor()
