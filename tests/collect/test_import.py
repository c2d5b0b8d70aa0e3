"""The contract of ``kehu import``, sentence by sentence: what comes in, what it counts as, who it joins."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from kehu.guard.setup import open_owner

PEOPLE = """external_id,full_name,phone,email,birth_date,national_id
K1,林婉清,138 0000 6721,Lin@Mail.example,1990-05-06,
K2,欧阳静,13900001111,ouyang@mail.example,1985/12/31,
K3,张伟,,,,
"""
NUMBER = "11010519491231002X"


def one(query: str, *parameters):
    with connection.cursor() as cursor:
        cursor.execute(query, list(parameters))
        row = cursor.fetchone()
        return row[0] if row and len(row) == 1 else row


def test_a_file_becomes_customers(bring, desk):
    answer = bring(PEOPLE)
    assert answer.code == 0 and answer.counts() == (3, 3, 0, 0, 0, 0)
    assert answer.lines[0] == answer.json["import"]
    assert answer.json["review"] is None and answer.json["seconds"] > 0
    [lin] = desk.find("email=LIN@mail.example")
    seen = desk.show(lin).json["fields"]
    assert seen["email"] == "lin@mail.example" and seen["phone"] == "+8613800006721" and seen["full_name"] == "林婉清"


@pytest.mark.parametrize(
    "criterion", ["email= LIN@MAIL.example", "phone=138-0000-6721", "phone=+86 138 0000 6721", "phone=13800006721",
                  "full_name=林 婉清", "full_name=林婉清", "external_id=K1", "birth_date=1990/5/6"],
)  # fmt: skip
def test_a_search_may_be_written_in_any_usual_way(bring, desk, criterion):
    bring(PEOPLE)
    role = "privacy" if criterion.startswith(("birth", "external")) else "service"
    purpose = "rights-request" if role == "privacy" else "service"
    found = desk.find(criterion, role=role, purpose=purpose)
    assert len(found) == 1


def test_the_same_file_again_doubles_nothing(bring):
    bring(PEOPLE)
    assert bring(PEOPLE).counts() == (3, 0, 0, 0, 3, 0)
    assert one("select count(*) from record") == 3


def test_a_file_with_changed_repeats_again_doubles_nothing(bring):
    changing = "external_id,full_name\nK1,Ann Lee\nK1,Ann Wu\nK1,Ann Lee\n"
    assert bring(changing).counts() == (3, 1, 2, 0, 0, 0)
    assert bring(changing).counts() == (3, 0, 0, 0, 3, 0)
    assert bring("external_id,full_name\nK1,Ann Wu\n").counts() == (1, 0, 1, 0, 0, 0)


def test_the_same_external_id_with_other_content_is_updated(bring, desk):
    bring(PEOPLE)
    assert bring(PEOPLE.replace("lin@mail.example", "x").replace("Lin@Mail.example", "lin2@mail.example")).counts() == (
        3, 0, 1, 0, 2, 0,
    )  # fmt: skip
    assert desk.find("email=lin2@mail.example") == desk.find("email=lin@mail.example")
    assert one("select count(*) from subject_state") == 3


def test_another_channel_is_another_customer(bring):
    bring(PEOPLE)
    assert bring(PEOPLE, channel="shop").counts() == (3, 3, 0, 0, 0, 0)


def test_without_an_external_id_the_content_is_the_key(bring):
    text = "full_name,email\nAnn Lee,ann@mail.example\nAnn Lee,ann@mail.example\nAnn Lee,ann2@mail.example\n"
    assert bring(text).counts() == (3, 2, 0, 0, 1, 0)
    assert bring(text).counts() == (3, 0, 0, 0, 3, 0)


@pytest.mark.parametrize("nobody", ["NULL", "#N/A", "0", "-", "未知"])
def test_a_key_that_is_nobodys_makes_no_customer_of_two_people(bring, kehu, nobody):
    text = f"external_id,full_name\n{nobody},Ann Lee\n{nobody},Bob Wu\n"
    assert bring(text).counts() == (2, 2, 0, 0, 0, 0)
    rows = kehu("quarantine", "list").json["rows"]
    assert [(row["line"], row["field"], row["reason"]) for row in rows] == [
        (2, "external_id", "invalid_value"), (3, "external_id", "invalid_value"),
    ]  # fmt: skip
    assert bring(text).counts() == (2, 0, 0, 0, 2, 0)
    orders = f"external_id,order_id,amount\nK1,{nobody},5.00\nK1,{nobody},7.00\n{nobody},O3,9.00\n{nobody},O4,9.50\n"
    assert bring(orders, "--kind", "orders").counts() == (4, 4, 0, 0, 0, 0)
    assert one("select count(distinct subject) from record where kind = 3") == 3


def test_columns_in_another_order_are_the_same_content(bring):
    bring("external_id,full_name\nK1,Ann Lee\n")
    assert bring("full_name,external_id\nAnn Lee,K1\n").counts() == (1, 0, 0, 0, 1, 0)


def test_a_national_id_with_an_agreeing_name_merges(bring):
    bring(f"external_id,full_name,national_id\nK1,林婉清,{NUMBER}\n")
    joined = bring(f"external_id,full_name,national_id\nS1,林 婉清,{NUMBER}\n", channel="shop")
    assert joined.counts() == (1, 0, 0, 1, 0, 0)
    assert one("select count(distinct customer), count(distinct core), count(*) from subject_state") == (1, 1, 2)
    assert one("select certainty, why from assignment") == (1, 2)


def test_a_national_id_with_an_agreeing_birth_date_merges(bring):
    bring(f"external_id,full_name,birth_date,national_id\nK1,林婉清,1949-12-31,{NUMBER}\n")
    joined = bring(f"external_id,full_name,birth_date,national_id\nS1,Lin W.,1949-12-31,{NUMBER}\n", channel="shop")
    assert joined.counts() == (1, 0, 0, 1, 0, 0)


def test_what_never_merges(bring):
    """Email, phone, address; a number without an agreeing name; an invalid or unverified one; another controller's."""
    bring(f"external_id,full_name,email,phone,national_id\nK1,林婉清,a@b.example,13800006721,{NUMBER}\n")
    other_name = bring(f"external_id,full_name,national_id\nS1,王五,{NUMBER}\n", channel="shop")
    assert other_name.counts() == (1, 1, 0, 0, 0, 0)  # the birth date inside the number agrees with nothing
    contacts = "external_id,full_name,email,phone\nS2,林婉清,a@b.example,13800006721\n"
    assert bring(contacts, channel="shop").counts() == (1, 1, 0, 0, 0, 0)
    wrong = "external_id,full_name,national_id\nS3,林婉清,110105194912310021\nS4,林婉清,110105194912310021\n"
    assert bring(wrong, channel="shop").counts() == (2, 2, 0, 0, 0, 0)
    unverified = "external_id,full_name,national_id\nS5,林婉清,ZZ-99812\nS6,林婉清,ZZ-99812\n"
    assert bring(unverified, "--residence", "LI", channel="shop").counts() == (2, 2, 0, 0, 0, 0)


def test_never_across_controllers(bring, kehu):
    kehu("controller", "add", "second", "--country", "DE")
    bring(f"external_id,full_name,national_id\nK1,林婉清,{NUMBER}\n")
    apart = bring(f"external_id,full_name,national_id\nK1,林婉清,{NUMBER}\n", "--controller", "second")
    assert apart.counts() == (1, 1, 0, 0, 0, 0)


def test_a_my_number_never_merges(bring):
    text = "external_id,full_name,national_id\nK1,山田太郎,123456789018\nK2,山田太郎,123456789018\n"
    assert bring(text, "--residence", "JP").counts() == (2, 2, 0, 0, 0, 0)
    assert one("select count(*) from identity_key") == 0


def test_who_objects_to_linking_is_not_joined(bring, kehu):
    bring(f"external_id,full_name,national_id\nK1,林婉清,{NUMBER}\n")
    subject = str(one("select subject from subject_state"))
    assert kehu("restrict", subject).code == 0
    joined = bring(f"external_id,full_name,national_id\nS1,林婉清,{NUMBER}\n", channel="shop")
    assert joined.counts() == (1, 1, 0, 0, 0, 0)


def test_merging_inside_one_file_counts_in_its_order(bring):
    text = f"external_id,full_name,national_id\nK1,林婉清,{NUMBER}\nK2,林婉清,{NUMBER}\nK1,林婉清,{NUMBER}\n"
    assert bring(text).counts() == (3, 1, 0, 1, 1, 0)


def test_organisations_by_registration_number(bring):
    text = "external_id,legal_name,registration_number\nO1,上海测试有限公司,91310000MA1FL1WG4M\n"
    number = text.rpartition(",")[2].strip()
    from kehu.refine.clean import VALID, clean_value

    valid = next(
        f"91310000MA1FL1WG4{c}" for c in "0123456789ABCDEFGHJKLMNPQRTUWXY"
        if clean_value("registration_number", f"91310000MA1FL1WG4{c}", "registration_number", residence="CN")[1] == VALID
    )  # fmt: skip
    text = text.replace(number, valid)
    bring(text, "--kind", "organisations", "--residence", "CN")
    again = bring(text.replace("O1", "P1"), "--kind", "organisations", "--residence", "CN", channel="shop")
    assert again.counts() == (1, 0, 0, 1, 0, 0)
    assert one("select count(*) from subject_state where kind = 2") == 2


def test_one_bad_value_never_refuses_its_row(bring, kehu, desk):
    answer = bring("external_id,full_name,phone,email\nK1,Ann Lee,not-a-phone,ann@mail.example\n")
    assert answer.counts() == (1, 1, 0, 0, 0, 0)
    [row] = kehu("quarantine", "list").json["rows"]
    assert (row["line"], row["field"], row["reason"], row["accepted"]) == (2, "phone", "invalid_value", True)
    assert row["remedy"] and row["id"]
    [ann] = desk.find("email=ann@mail.example")
    assert desk.show(ann, "--fields", "phone").json["fields"]["phone"] == "not-a-phone"
    assert kehu("status").json["quarantined"] == 0


def test_old_birth_dates_are_valid(bring, kehu):
    bring("external_id,full_name,birth_date\nK1,Ann Lee,1870-01-02\n")
    assert kehu("quarantine", "list").json["rows"] == []


def test_a_row_without_a_usable_value_is_quarantined(bring, kehu):
    answer = bring("full_name,email\nAnn Lee,ann@mail.example\n,not an email\nBob Wu,x\n")
    assert answer.code == 0 and answer.counts() == (3, 2, 0, 0, 0, 1)
    refused = [row for row in kehu("quarantine", "list").json["rows"] if not row["accepted"]]
    assert [(row["line"], row["reason"]) for row in refused] == [(3, "no_usable_value")]
    assert kehu("status").json["quarantined"] == 1


def test_a_row_that_cannot_be_read_is_quarantined(bring, kehu):
    answer = bring("external_id,full_name\nK1,Ann Lee\nK2,Bob,Wu,too,many\nK3,Cem Ay\n")
    assert answer.counts() == (3, 2, 0, 0, 0, 1)
    [row] = kehu("quarantine", "list", answer.json["import"]).json["rows"]
    assert (row["line"], row["reason"], row["accepted"]) == (3, "too_many_cells", False)


def test_several_files_are_one_import(kehu, tmp_path):
    (tmp_path / "a.csv").write_text("external_id,full_name\nK1,Ann Lee\n")
    (tmp_path / "b.jsonl").write_text(
        '{"external_id":"K2","full_name":"Bob Wu"}\n{"external_id":"K1","full_name":"Ann Lee"}\n'
    )
    answer = kehu("import", tmp_path / "a.csv", tmp_path / "b.jsonl", "--channel", "store", "--basis", "contract")
    assert answer.counts() == (3, 2, 0, 0, 1, 0)
    assert one("select count(*) from collect_import") == 1


def test_a_dry_run_shows_the_mapping_and_writes_nothing(bring):
    answer = bring("客户编号,姓名,手机,星座\nK1,林婉清,13800006721,双鱼\n", "--dry-run")
    assert answer.code == 0
    assert answer.json["mapping"] == {"external_id": "客户编号", "full_name": "姓名", "phone": "手机"}
    assert answer.json["unmapped"] == ["星座"] and answer.json["rows"] == 1
    assert "13800006721" not in json.dumps(answer.json) and "13800006721" not in "".join(answer.lines)
    assert one("select count(*) from collect_import") == 0 and one("select count(*) from record") == 0


def test_unmapped_columns_are_named_not_kept(bring, kehu):
    bring("external_id,full_name,lucky number\nK1,Ann Lee,7\n")
    assert bring("external_id,full_name,lucky number\nK1,Ann Lee,8\n").counts() == (1, 0, 0, 0, 1, 0)


def test_a_mapping_by_place_for_files_without_a_header(bring, desk):
    answer = bring("K1,Ann Lee,ann@mail.example\nK2,Bob Wu,bob@mail.example\n", "--map", "external_id=#1",
                   "--map", "full_name=#2", "--map", "email=#3")  # fmt: skip
    assert answer.counts() == (2, 2, 0, 0, 0, 0)
    assert len(desk.find("email=ann@mail.example")) == 1


def test_mapping_overrides_what_was_suggested(bring, desk):
    bring("id,name,email\nK1,Ann Lee,ann@mail.example\n", "--map", "alias=name")
    [ann] = desk.find("email=ann@mail.example")
    assert "full_name" not in desk.show(ann, "--fields", "full_name").json["fields"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--map", "nonsense=full_name"], "nonsense"),
        (["--map", "alias=no such column"], "no such column"),
        (["--channel", "moon"], "store"),
        (["--basis", "because"], "legitimate_interest"),
        (["--kind", "ghosts"], "customers"),
        (["--controller", "nobody"], "main"),
        (["--notice", "nothing"], "notice"),
        (["--residence", "wohnort"], "wohnort"),
        (["--consent", "flattery=full_name"], "marketing"),
        (["--consent-time", "when"], "when"),
    ],
)
def test_wrong_usage_is_2_and_says_what_to_do(bring, words, says):
    answer = bring(PEOPLE, *words)
    assert answer.code == 2 and says in json.dumps(answer.json, ensure_ascii=False), answer
    assert one("select count(*) from collect_import") == 0


def test_no_provenance_no_entry(kehu, tmp_path):
    path = tmp_path / "in.csv"
    path.write_text(PEOPLE)
    for words, missing in ((["--channel", "store"], "--basis"), (["--basis", "contract"], "--channel")):
        answer = kehu("import", path, *words)
        assert answer.code == 2 and missing in answer.json["error"]["remedy"]


def test_no_notice_in_force_is_refused(bring, database):
    with open_owner(database) as owner:
        owner.execute("alter table govern_notice disable trigger user")
        owner.execute("update govern_notice set in_force_from = now() + interval '1 day'")
    answer = bring(PEOPLE)
    assert answer.code == 3 and answer.json["error"]["policy"] == "house.collect-notice"


@pytest.mark.parametrize("channel", ["third-party", "public"])
def test_bought_and_public_data_need_a_proof(bring, channel, tmp_path):
    answer = bring(PEOPLE, channel=channel)
    assert answer.code == 3 and answer.json["error"]["policy"] == "house.collect-proof"
    assert "--source-proof" in answer.json["error"]["remedy"]
    proof = tmp_path / "licence.pdf"
    proof.write_bytes(b"%PDF licence")
    assert bring(PEOPLE, "--source-proof", proof, channel=channel).counts() == (3, 3, 0, 0, 0, 0)
    assert b"licence" not in bytes(one("select proof from collect_import"))


@pytest.mark.parametrize(
    ("words", "code"), [([], 3), (["--residence", "CN"], 3), (["--residence", "DE"], 0), (["--residence", "BR"], 0)]
)
def test_legitimate_interest_does_not_exist_under_pipl(bring, words, code):
    answer = bring(PEOPLE, *words, basis="legitimate_interest")
    assert answer.code == code
    if code:
        assert answer.json["error"]["policy"].startswith("cn.pipl.13") and one("select count(*) from record") == 0


def test_a_mixed_file_keeps_what_the_law_allows_and_quarantines_the_rest(bring, kehu):
    text = "external_id,full_name,lives in\nK1,Ann Lee,DE\nK2,林婉清,China\nK3,Bob Wu,\nK4,Cem Ay,US-CA\n"
    answer = bring(text, "--residence", "lives in", basis="legitimate_interest")
    assert answer.code == 0 and answer.counts() == (4, 2, 0, 0, 0, 2)
    rows = kehu("quarantine", "list").json["rows"]
    assert [(row["line"], row["accepted"]) for row in rows] == [(3, False), (4, False)]
    assert all(row["reason"].startswith("cn.pipl.13") and row["remedy"] for row in rows)
    only_cn = "external_id,full_name,lives in\nK2,林婉清,CN\n"
    assert bring(only_cn, "--residence", "lives in", basis="legitimate_interest").code == 3


def test_residence_says_which_laws_apply(bring):
    bring("external_id,full_name,lives in\nK1,Ann,DE\nK2,Bob,US-CA\nK3,Cem,\nK4,Dan,Brazil\nK5,Eve,日本\n",
          "--residence", "lives in")  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("select packs from subject_state order by subject", [])
        assert [row[0] for row in cursor.fetchall()] == [2, 4, 31, 0, 8]


def test_the_same_rows_read_otherwise_are_news(bring, desk):
    """A wrong residence or order of dates is put right by bringing the same file again: laws add up, values are read anew."""
    text = "external_id,full_name,phone,ordered\nK1,Ann Lee,0151 23456789,\n"
    bring(text, "--residence", "CN")
    assert desk.find("phone=+4915123456789") == []
    assert bring(text, "--residence", "DE").counts() == (1, 0, 1, 0, 0, 0)
    assert one("select packs from subject_state") == 3
    assert len(desk.find("phone=+4915123456789")) == 1
    assert bring(text, "--residence", "DE").counts() == (1, 0, 0, 0, 1, 0)
    nameless = "full_name,email\nBob Wu,bob@mail.example\n"
    bring(nameless, "--residence", "CN")
    assert bring(nameless, "--residence", "DE").counts() == (1, 0, 1, 0, 0, 0)  # the same customer all the same


def test_whoever_knows_how_dates_are_written_says_so(bring, desk):
    text = "external_id,full_name,birth_date\nK1,Ann Lee,03/04/1990\n"
    born = lambda day: desk.find(f"birth_date={day}", role="privacy", purpose="rights-request")
    bring(text, "--month-first")
    assert born("1990-03-04") and not born("1990-04-03")
    assert bring(text, "--day-first").counts() == (1, 0, 1, 0, 0, 0)
    assert born("1990-04-03")
    assert bring(text, "--day-first").counts() == (1, 0, 0, 0, 1, 0)


def test_unknown_residence_is_every_law(bring):
    bring(PEOPLE)
    assert one("select min(packs) from subject_state") == 31


def test_ages_become_bands(bring):
    bring("external_id,full_name,birth_date\nK1,Ann,2016-01-01\nK2,Bob,1980-01-01\nK3,Cem,\n")
    with connection.cursor() as cursor:
        cursor.execute("select age from subject_state order by subject", [])
        assert [row[0] for row in cursor.fetchall()] == [1, 5, 0]


@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("gb18030", "客户编号,姓名,手机\nK1,林婉清,13800006721\nK2,欧阳静,13900001111\nK3,张伟,13700002222\n"),
        ("big5", "客戶編號,姓名,電話\nK1,陳志明,0912345678\nK2,林淑惠,0922333444\nK3,黃美玲,0933444555\n"),
        (
            "shift-jis",
            "顧客番号,氏名,電話\nK1,山田太郎,090-1234-5678\nK2,佐藤はなこ,090-2345-6789\nK3,鈴木一郎,03-1234-5678\n",
        ),
        ("utf-8-sig", "external_id,full_name,email\nK1,Ann,a@b.example\nK2,Bob,b@b.example\nK3,Cem,c@b.example\n"),
    ],
)
def test_encodings_through_the_whole_way(bring, codec, text):
    assert bring(text.encode(codec)).counts() == (3, 3, 0, 0, 0, 0)


def test_formats_through_the_whole_way(bring, tmp_path, kehu):
    import openpyxl
    import polars as pl

    book = openpyxl.Workbook()
    for row in (["external_id", "full_name"], ["X1", "Ann Lee"], ["X2", "Bob Wu"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    pl.DataFrame({"external_id": ["P1"], "full_name": ["Cem Ay"]}).write_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.vcf").write_text(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:V1\r\nFN:Dan Po\r\nN:Po;Dan;;;\r\nEMAIL:dan@mail.example\r\nEND:VCARD\r\n"
    )
    (tmp_path / "a.jsonl").write_text('{"external_id":"J1","full_name":"Eve Q"}\n')
    for name, rows in (("a.xlsx", 2), ("a.parquet", 1), ("a.vcf", 1), ("a.jsonl", 1)):
        answer = kehu("import", tmp_path / name, "--channel", "store", "--basis", "contract")
        assert answer.counts() == (rows, rows, 0, 0, 0, 0), (name, answer)


def test_the_ledger_names_every_subject_of_a_chunk(bring, kehu):
    answer = bring(PEOPLE)
    row = kehu("ledger", "list").json["rows"]
    [collected] = [one for one in row if one["action"] == "collect" and one["subjects"]]
    assert collected["subjects"] == 3 and collected["purpose"] is None
    assert one("select count(*) from ledger_use") == 3
    assert str(one("select detail from ledger_entry where subjects = 3")) == answer.json["import"]


def test_a_ledger_that_cannot_be_written_keeps_nothing(bring, database, kehu):
    with open_owner(database) as owner:
        owner.execute("create function no() returns trigger language plpgsql as 'begin raise exception ''no''; end'")
        owner.execute("create trigger no before insert on ledger_use for each statement execute function no()")
    answer = bring(PEOPLE)
    assert answer.code == 1
    for table in ("record", "facet", "subject_key where subject in (select subject from subject_state)", "source_key",
                  "subject_state", "collect_importchunk", "govern_consent", "collect_quarantined"):  # fmt: skip
        assert one(f"select count(*) from {table}") == 0, table
    with open_owner(database) as owner:
        owner.execute("drop trigger no on ledger_use")
    assert bring(PEOPLE).counts() == (3, 3, 0, 0, 0, 0)
    assert one("select count(*) from collect_import") == 1  # the same command took it up again


@pytest.mark.parametrize(("role", "code"), [("service", 0), ("analyst", 0), ("auditor", 3), ("engineer", 3)])
def test_who_may_import(kehu, bring, role, code, tmp_path):
    kehu("staff", "add", "--email", f"{role}@kehu.example", "--role", role)
    purpose = {"service": "service", "analyst": "analytics", "auditor": "security", "engineer": "service"}[role]
    token = kehu("token", "issue", "--staff", f"{role}@kehu.example", "--purpose", purpose).json["token"]
    path = tmp_path / "in.csv"
    path.write_text(PEOPLE)
    answer = kehu("import", path, "--channel", "store", "--basis", "contract", token=token)
    assert answer.code == code
    assert kehu("quarantine", "list", token=token).code == code


def test_a_law_follows_the_places_of_establishment_and_collection_where_the_company_says_so(bring, desk, monkeypatch):
    bits = lambda: one("select bit_or(packs) from subject_state")
    text = "external_id,full_name\nE1,Hans Meier\n"
    bring(text, "--residence", "DE")
    assert bits() == 2
    monkeypatch.setenv("KEHU_LAWS_FOLLOW", "establishment")
    bring(text.replace("E1", "E2"), "--residence", "DE")
    assert bits() == 3  # the first controller is in China
    with connection.cursor() as cursor:
        cursor.execute("update govern_channel set country = 'JP' where name = 'store'")
    monkeypatch.setenv("KEHU_LAWS_FOLLOW", "collection")
    bring(text.replace("E1", "E3"), "--residence", "DE")
    assert bits() == 11
