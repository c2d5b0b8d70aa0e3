"""The quarantine: exported, mended, replayed; sealed under keys of its own."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from kehu.collect.imports import actions as importing
from kehu.collect.imports.mended import PutRight
from kehu.collect.imports.plan import opened
from kehu.collect.imports.recipe import FileRecipe
from kehu.collect.imports.undo import erase_taken_back
from kehu.collect.models import Import, Quarantined
from kehu.collect.quarantine import mending, queries
from kehu.collect.quarantine.cells import for_spreadsheet, from_spreadsheet
from kehu.collect.quarantine.correcting import Correction
from kehu.doors.cli import collecting, frame
from kehu.guard.staff.actions import owner_actor
from kehu.vault.ids import new_id

DIRTY = "full_name,email,note\nAnn Lee,ann@mail.example,\n,nothing,Cem Ay\nBob,Wu,too,many\n,wrong,\n"


def one(query: str, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(query, list(parameters))
        row = cursor.fetchone()
        return row[0] if row and len(row) == 1 else row


def test_export_mend_replay(bring, kehu, tmp_path, desk):
    first = bring(DIRTY)
    assert first.counts() == (4, 1, 0, 0, 0, 3)
    place = tmp_path / "mend.csv"
    done = kehu("quarantine", "export", first.json["import"], "--to", place)
    assert done.code == 0 and done.json == {"file": str(place), "rows": 3}
    assert place.stat().st_mode & 0o777 == 0o600
    with place.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["quarantine_line"] for row in rows] == ["3", "4", "5"]
    assert rows[0]["email"] == "nothing" and "too,many" in rows[1]["quarantine_raw"]
    rows[0]["email"], rows[1]["full_name"] = "cem@mail.example", "Bob Wu"
    with place.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, list(rows[0]))
        out.writeheader()
        out.writerows(rows)
    again = kehu("quarantine", "replay", first.json["import"], "--file", place)
    assert again.counts() == (3, 2, 0, 0, 0, 1)
    assert len(desk.find("email=cem@mail.example")) == 1 and len(desk.find("full_name=Bob Wu")) == 1
    left = [row for row in kehu("quarantine", "list").json["rows"] if not row["accepted"]]
    assert [(row["line"], row["reason"]) for row in left] == [(5, "no_usable_value")]
    assert kehu("status").json["quarantined"] == 1
    assert one("select count(*) from subject_key k join collect_quarantined q on q.id = k.subject") == 1
    assert kehu("quarantine", "export", "--to", place).code == 1  # the file is there


def test_a_row_of_which_nothing_is_left_stops_no_export(bring, kehu, tmp_path, monkeypatch):
    monkeypatch.setattr("kehu.collect.readers.rows.RAW_LIMIT", 0)
    assert bring(DIRTY).counts() == (4, 1, 0, 0, 0, 3)
    rows = exported(kehu, tmp_path / "mend.csv")
    assert [row[1] for row in rows] == ["quarantine_line", "3", "4", "5"]


def test_an_export_that_breaks_off_leaves_no_half_file(bring, kehu, tmp_path, monkeypatch):
    bring(DIRTY)

    def full(*_):
        raise OSError

    monkeypatch.setattr("kehu.collect.quarantine.actions.remedy", full)
    place = tmp_path / "mend.csv"
    assert kehu("quarantine", "export", "--to", place).code
    assert not place.exists()


# what a spreadsheet would run, what only looks like it, and what looks like a quoted one already
CELLS = {
    "full_name": '=HYPERLINK("http://evil.example","Ann")', "phone": "+8613800006721", "street": "-1+2", "unit": "@SUM(A1)",
    "locality": "'=quoted before", "region": "''+twice", "house_number": "'7", "postal_code": "＝1", "=cmd|A1": "=1+1",
}  # fmt: skip
LIVES = "lives in"


def refused(bring):
    """An import of which a law refuses one row, whatever stands in its cells."""
    out = io.StringIO()
    rows = [["K1", "Ben", *[""] * (len(CELLS) - 1), "DE"], ["K2", *CELLS.values(), "CN"]]
    csv.writer(out).writerows([["external_id", *CELLS, LIVES], *rows])
    return bring(out.getvalue(), "--residence", LIVES, basis="legitimate_interest")


def exported(kehu, place, *words):
    assert kehu("quarantine", "export", "--to", place, *words).code == 0
    with place.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_an_export_holds_no_formula_a_spreadsheet_would_run(bring, kehu, tmp_path):
    assert refused(bring).counts()[-1] == 1
    bring(DIRTY + '=cmd()|"/C calc",x,y,too many\n', name="other.csv")
    for row in exported(kehu, tmp_path / "safe.csv"):
        assert not [
            cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
        ]
    head, row = exported(kehu, tmp_path / "raw.csv", "--raw")[:2]
    told = dict(zip(head, row, strict=True))
    assert {name: told[name] for name in CELLS} == CELLS


@pytest.mark.parametrize("words", [(), ("--raw",)], ids=["safe", "raw"])
def test_what_was_exported_comes_back_as_it_was(bring, kehu, desk, tmp_path, words):
    first = refused(bring)
    place = tmp_path / "mend.csv"
    rows = exported(kehu, place, *words)
    rows[1][rows[0].index(LIVES)] = "DE"  # mended: the law there allows it
    with place.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    assert kehu("quarantine", "replay", first.json["import"], "--file", place).counts() == (1, 1, 0, 0, 0, 0)
    [ann] = desk.find("external_id=K2", role="privacy", purpose="accuracy")
    fields = ("full_name", "phone", "street", "unit", "locality", "region", "house_number")
    seen = desk.show(ann, "--fields", ",".join(fields), role="privacy", purpose="accuracy").json["fields"]
    assert seen == {name: CELLS[name] for name in fields}


@given(st.text(alphabet=st.sampled_from("'=+-@\t\r\n＝ab \"") | st.characters(), max_size=12))
def test_every_cell_is_safe_and_comes_back(cell):
    written = for_spreadsheet(cell)
    assert from_spreadsheet(written) == cell and not written.startswith(tuple("=+-@\t\r\n＝＋－＠"))
    assert from_spreadsheet(cell) == cell or cell.startswith("'")  # what somebody types in plain stays as typed


def test_one_import_that_is_refused_keeps_no_other_from_coming_in_again(bring, kehu, registered):
    registered()
    text = "external_id,full_name,email,land\n{0}-1,Lin Wan,lin@kehu.example,DE\n{0}-2,Wang Fang,wang@kehu.example,CN\n"
    terms = {"basis": "legitimate_interest"}
    first = bring(text.format("B"), "--residence", "land", "--source", "broker", channel="third-party", **terms)
    second = bring(text.format("S"), "--residence", "land", name="s.csv", **terms)
    assert first.json["quarantined"] == second.json["quarantined"] == 1, first.json
    registered(until="2026-11-01")
    again = kehu("quarantine", "replay")
    assert again.code == 3 and again.json["rows"] == 1
    assert again.json["refused"] == [{"import": first.json["import"], "policy": "house.source-expired"}]
    assert kehu("quarantine", "replay", first.json["import"]).json["error"]["policy"] == "house.source-expired"


def test_replay_under_another_mapping(bring, kehu, desk):
    first = bring(DIRTY)
    again = kehu("quarantine", "replay", first.json["import"], "--map", "full_name=note")
    assert again.counts() == (3, 1, 0, 0, 0, 2)
    assert len(desk.find("full_name=Cem Ay")) == 1
    assert kehu("quarantine", "replay", first.json["import"]).counts() == (2, 0, 0, 0, 0, 2)
    assert kehu("status").json["quarantined"] == 2


def test_a_mapping_is_for_the_imports_that_have_its_column(bring, kehu, desk):
    text = "external_id,full_name,lives in\nK1,Ann Lee,DE\nK2,林婉清,CN\n"
    other = bring(text, "--residence", "lives in", name="o.csv", basis="legitimate_interest")
    bring(DIRTY)
    assert other.counts()[-1] == 1
    for wrong in ("full_name=nothing", "nothing=note"):  # of no import
        answer = kehu("quarantine", "replay", "--map", wrong)
        assert (answer.code, answer.json["error"]["code"]) == (2, "usage")
    assert len(desk.find("full_name=Cem Ay")) == 0
    again = kehu("quarantine", "replay", "--map", "full_name=note")
    assert again.counts() == (4, 1, 0, 0, 0, 3) and len(again.json["imports"]) == 2
    assert len(desk.find("full_name=Cem Ay")) == 1


def test_a_long_quarantine_is_listed_page_by_page(bring, kehu, monkeypatch):
    bring(DIRTY)
    whole = kehu("quarantine", "list").json
    monkeypatch.setattr(queries, "_STEP", 2)
    held, line = [], collecting._line
    monkeypatch.setattr(collecting, "_line", lambda row: held.append(len(printed)) or line(row))
    printed, put = [], frame.put
    monkeypatch.setattr(frame, "put", lambda text, **more: printed.append(text) or put(text, **more))
    assert kehu("quarantine", "list").json == whole and len(whole["rows"]) > 2
    assert held[2] > held[0]  # the first are out before the third is made
    assert kehu("quarantine", "list", "--limit", "1").json["rows"] == whole["rows"][:1]


def test_replay_of_nothing(bring, kehu):
    nowhere = "01990000-0000-7000-8000-000000000000"
    for verb in ("list", "export", "replay"):  # never as of one of which nothing was refused
        answer = kehu("quarantine", verb, nowhere)
        assert (answer.code, answer.json["error"]["code"]) == (1, "unknown-import"), verb
    answer = bring("full_name\nAnn Lee\n")
    assert kehu("quarantine", "replay", answer.json["import"]).code == 1
    assert kehu("quarantine", "replay").code == 1
    assert kehu("quarantine", "replay", "no-id").code == 2


def test_a_mended_file_enters_no_import_of_which_it_holds_no_row(bring, kehu, tmp_path):
    first, place = refused(bring), tmp_path / "mend.csv"
    bring(DIRTY, name="other.csv")
    assert kehu("quarantine", "export", first.json["import"], "--to", place).code == 0
    again = kehu("quarantine", "replay", "--file", place)
    assert again.counts() == (1, 0, 0, 0, 0, 1) and Import.objects.filter(replays__isnull=False).count() == 1
    place.write_text("quarantine_id,full_name\n0199a1b2-0000-7000-8000-000000000000,Ann\nno id,Ben\n")
    for words in ((), (first.json["import"],)):
        assert kehu("quarantine", "replay", *words, "--file", place).json["error"]["code"] == "nothing-refused"
    place.write_text("full_name\nAnn\n")
    assert kehu("quarantine", "replay", "--file", place).json["error"]["code"] == "usage"
    assert Import.objects.filter(replays__isnull=False).count() == 1


def test_an_import_that_is_not_here_has_no_list(bring, kehu):
    bring(DIRTY)
    unknown = kehu("quarantine", "list", "0199a1b2-0000-7000-8000-000000000000")
    assert unknown.code == 1 and unknown.json["error"]["code"] == "unknown-import"


def test_rows_refused_by_a_law_come_in_once_the_law_allows(bring, kehu):
    text = "external_id,full_name,lives in\nK1,Ann Lee,DE\nK2,林婉清,CN\n"
    first = bring(text, "--residence", "lives in", basis="legitimate_interest")
    assert first.counts()[-1] == 1
    assert kehu("quarantine", "replay", first.json["import"]).counts() == (1, 0, 0, 0, 0, 1)


def test_opening_the_quarantine_stands_in_the_ledger(bring, kehu, tmp_path):
    first = bring(DIRTY)
    kehu("quarantine", "export", first.json["import"], "--to", tmp_path / "x.csv")
    actions = [row["action"] for row in kehu("ledger", "list").json["rows"]]
    assert "quarantine" in actions


def test_an_erasure_reaches_refused_rows(bring, kehu, desk):
    bring("external_id,full_name\nK1,Ann Lee\n")
    text = "external_id,full_name,lives in\nK0,Ben,DE\nK1,Ann Leeson,CN\n"
    bring(text, "--residence", "lives in", basis="legitimate_interest")
    assert one("select count(*) from collect_quarantined where sealed is not null") == 1
    [ann] = desk.find("full_name=Ann Lee")
    assert kehu("erase", ann, "--reason", "asked").code == 0
    assert one("select count(*) from collect_quarantined where sealed is not null") == 0


def test_so_does_the_end_of_an_import_that_was_taken_back(bring, kehu, desk):
    """Its record stands under no key any more; what another import brought under the same one and was refused goes with it."""

    first = bring("external_id,full_name\nK1,Ann Lee\n")
    text = "external_id,full_name,lives in\nK0,Ben,DE\nK1,Ann Leeson,CN\n"
    bring(text, "--residence", "lives in", basis="legitimate_interest")
    assert one("select count(*) from collect_quarantined where sealed is not null") == 1
    [ann] = desk.find("full_name=Ann Lee")
    kehu("import", "undo", first.json["import"])
    assert desk.find("full_name=Ann Lee") == [] and desk.show(ann).code == 1
    assert one("select count(*) from ledger_use where subject = %s", ann) > 0  # who looked stands as long as they do
    Import.objects.filter(id=first.json["import"]).update(undone_at=timezone.now() - timedelta(days=31))
    assert erase_taken_back(actor=owner_actor()) == 1
    assert one("select count(*) from collect_quarantined where sealed is not null") == 0
    assert one("select count(*) from subject_state") == 1 and kehu("ledger", "verify").code == 0


def test_a_row_of_an_erased_person_does_not_come_in_again(bring, kehu, desk):
    text = "external_id,full_name,email\nK1,Ann Lee,ann@mail.example\nK2,Bob Wu,bob@mail.example\n"
    bring(text)
    [ann] = desk.find("email=ann@mail.example")
    assert kehu("erase", ann, "--reason", "asked").code == 0
    again = bring(text.replace("Ann Lee", "Ann Leeson"), name="again.csv")
    assert again.counts() == (2, 0, 0, 0, 1, 1)
    assert desk.find("email=ann@mail.example") == [] and desk.show(ann).code == 1
    [row] = [row for row in kehu("quarantine", "list").json["rows"] if not row["accepted"]]
    assert (row["line"], row["reason"]) == (2, "erased")


@pytest.mark.parametrize("role", ["service", "auditor", "engineer"])
def test_only_a_role_that_collects_and_who_has_signed_opens_refused_rows(bring, kehu, tmp_path, role):
    """What is refused is under no purpose yet, so what stands against the person is all there is to ask."""
    first = bring(DIRTY)
    kehu("staff", "add", "--email", f"{role}@kehu.example", "--role", role, "--no-attest")
    token = kehu("token", "issue", "--staff", f"{role}@kehu.example", "--purpose", "service").json["token"]
    for words in (
        ("quarantine", "export", first.json["import"], "--to", tmp_path / "x.csv"),
        ("quarantine", "replay", first.json["import"]),
    ):
        refused = kehu(*words, token=token)
        assert refused.code == 3
        said = refused.json["error"]
        assert said["policy"] == ("house.agreement" if role == "service" else "house.act"), said
    assert not any(
        "Cem Ay" in path.read_text("utf-8", "replace") for path in tmp_path.iterdir() if path.name != "in.csv"
    )
    opened = one("select count(*) from ledger_entry where action = 19 and human <> (select id from guard_staff"
                 " where role = 'owner')")  # fmt: skip
    assert opened == 0


def test_a_row_refused_again_says_why_now(bring, kehu):
    bring(
        "external_id,full_name,email\nK1,Ann Lee,ann@mail.example\n,,x\n",
        "--residence",
        "DE",
        basis="legitimate_interest",
    )
    [row] = Quarantined.objects.filter(accepted=False)
    assert row.reason == "no_usable_value"
    old = Import.objects.get(id=row.batch)
    mended = Correction({"email": "bob@mail.example"})
    again = mending.bring_again(old, {0: [row.id]}, actor=owner_actor(), correction=mended, country="CN")
    assert importing.run(again, actor=owner_actor()).quarantined == 1
    [line] = [one for one in kehu("quarantine", "list").json["rows"] if not one["accepted"]]
    assert line["id"] == str(row.id) and line["reason"].startswith("cn.pipl.13") and line["remedy"]


def test_what_lies_in_quarantine_as_it_came_stays_under_its_own_customers_key(bring):
    text = "external_id,full_name,lives in\nK5,Ann Lee,CN\nK0,Ben,DE\n"
    bring(text, "--residence", "lives in", basis="legitimate_interest")
    [row] = Quarantined.objects.all()
    old, as_told = Import.objects.get(id=row.batch), Correction({"external_id": "K6"})
    again = mending.bring_again(old, {0: [row.id]}, actor=owner_actor(), correction=as_told)
    assert importing.run(again, actor=owner_actor()).quarantined == 1
    assert Quarantined.objects.get(id=row.id).token == row.token is not None


def test_cells_put_right_by_their_line_are_laid_over_no_row_that_comes_again(database):
    file = FileRecipe(None, None, True, "", 0, {"email": "email"}, [], mends={"2": {"email": "ann@mail.example"}})
    again = replace(file, replays=str(new_id()), replayed=[str(new_id())])
    assert not isinstance(opened(again, actor=owner_actor()), PutRight)
