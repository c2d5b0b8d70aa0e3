"""Exports of other systems are known by their headers: no guess, nobody else's number, no consent out of a tick."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import polars as pl
import pytest

from kehu.collect.imports.recipe import FileRecipe, Recipe
from kehu.collect.mapping import suggest
from kehu.collect.presets import presets, recognise, refuses
from kehu.collect.readers import open_source
from kehu.govern.dictionary import Dictionary

EXPORTS = Path(__file__).parents[1] / "wire" / "exports"
DICTIONARY = Dictionary.load()
# values of a made-up row that are somebody else's or the system's own
NOT_THEIRS = {"Jan Koch", "Ina Vogt", "+49 30 7654321", "Uwe Hoffmann", "张伟", "zhangwei", "0055g00000XyZ", "Zm9v"}


def sample(name: str) -> tuple[list[str], pl.DataFrame]:
    source = open_source(EXPORTS / f"{name}.csv")
    return source.columns, next(source.batches(10)).frame


def test_every_preset_has_its_sample_and_names_what_is_here():
    assert {path.stem for path in EXPORTS.glob("*.csv")} == set(presets())
    for one in presets().values():
        assert set(one.fields.values()) <= set(DICTIONARY.fields)
        assert not set(one.fields) & one.leave and not set(one.fields) & set(one.consents)
        assert len(one.has) >= 3  # fewer stand in any file


@pytest.mark.parametrize("name", sorted(presets()))
def test_an_export_is_known_and_mapped_without_other_people(name):
    columns, frame = sample(name)
    kind = presets()[name].kind
    found = suggest(columns, frame, kind, DICTIONARY)
    assert found.recognised is not None and found.recognised.preset.name == name
    assert found.recognised.fields.items() <= found.fields.items()
    row = dict(
        zip(
            columns,
            next(csv.reader((EXPORTS / f"{name}.csv").read_text(encoding="utf-8").splitlines()[1:])),
            strict=True,
        )
    )
    taken = {field: row[column] for field, column in found.fields.items()}
    assert not NOT_THEIRS & set(taken.values())
    if kind == "organisations":
        assert taken["legal_name"] == "Teehaus GmbH"
    else:
        assert taken.get("email") in ("mira@mail.example", "lin@mail.example", None) and (
            taken.get("email") or taken.get("phone")
        )
        assert taken.get("family_name") == "Hoffmann" or taken.get("full_name") in ("林婉清", "Mira Hoffmann")
    said = set(found.recognised.consents)
    assert not said & set(found.fields.values()) and said <= set(found.unmapped)


ASIDE = {
    "salesforce": {"Owner.Name": "张伟", "CreatedBy.Name": "李娜", "Account.Name": "王芳"},
    "google": {"Relation 1 - Value": "张伟", "Relation 2 - Value": "李娜", "Event 2 - Value": "1990-03-05", "Phone 3 - Value": "13800138000"},
    "google-before-2024": {"Relation 2 - Value": "李娜", "Event 1 - Value": "1990-03-05"},
    "outlook": {
        "E-mail Display Name": "Mira Hoffmann (mira@mail.example)", "E-mail 2 Display Name": "x", "E-mail Type": "SMTP",
        "Account": "K1", "Initials": "M.H.", "User 1": "张伟", "User 2": "男", "Home Street 2": "Hof",
    },
    "hubspot": {"Kind": "男", "Card": "11010519491231002X", "Since": "1990-03-05"},
}  # fmt: skip


@pytest.mark.parametrize("name", ASIDE)
def test_what_an_export_says_beside_is_not_taken_for_the_customers(name):
    columns, frame = sample(name)
    more = {column: value for column, value in ASIDE[name].items() if column not in columns}
    frame = frame.with_columns(pl.lit(value).alias(column) for column, value in ASIDE[name].items())
    found = suggest([*columns, *more], frame, "customers", DICTIONARY)
    assert set(ASIDE[name]) <= set(found.unmapped)


@pytest.mark.parametrize(
    "header",
    ["导购", "服务顾问", "业务员", "跟进人", "门店负责人", "客户经理", "归属人", "Owner Name", "Account Manager"],
)
def test_who_serves_a_customer_is_not_the_customer(header):
    frame = pl.DataFrame({"手机号": ["13800138000"], header: ["张伟"]})
    assert suggest(frame.columns, frame, "customers", DICTIONARY).fields == {"phone": "手机号"}


def test_headers_that_only_resemble_one_are_guessed_as_before():
    assert recognise(["Id", "FirstName", "LastName", "Email"], "customers") is None
    assert recognise(sample("salesforce")[0], "orders") is None
    # case and outer space do not count, and another order is the same file
    columns = [f" {one.upper()}" for one in reversed(sample("google")[0])]
    assert recognise(columns, "customers").fields["email"] == " E-MAIL 1 - VALUE"


def test_what_a_house_has_added_is_guessed_as_in_any_file():
    columns, frame = sample("hubspot")
    frame = frame.with_columns(pl.lit("13800138000").alias("手机号码"), pl.lit("L").alias("尺码"))
    found = suggest([*columns, "手机号码", "尺码"], frame, "customers", DICTIONARY)
    assert found.fields["phone"] == "Phone Number"  # what the system calls so stays
    assert "手机号码" in found.unmapped


@pytest.mark.usefixtures("database")
def test_it_is_told_and_a_tick_becomes_nobodys_consent(kehu, tmp_path):
    path = tmp_path / "contacts.csv"
    path.write_text((EXPORTS / "hubspot.csv").read_text(encoding="utf-8"), encoding="utf-8")
    words = ("import", path, "--channel", "file", "--basis", "contract", "--residence", "DE")
    dry = kehu(*words, "--dry-run").json
    assert dry["recognised"] == ["HubSpot"] and any("Marketing contact status" in note for note in dry["notes"])
    assert "mira@mail.example" not in json.dumps(dry)
    assert kehu(*words).counts() == (1, 1, 0, 0, 0, 0)
    from kehu.govern.models import Consent

    assert Consent.objects.count() == 0


def test_of_two_columns_for_one_field_each_row_has_its_own(bring, desk):
    """Exports always have both columns, and most people one number."""
    columns = sample("salesforce")[0]
    out = io.StringIO()
    rows = csv.DictWriter(out, columns)
    rows.writeheader()
    rows.writerow({"Id": "1", "MobilePhone": "+4915123456781", "Phone": "+4915123456782"})
    rows.writerow({"Id": "2", "Phone": "+4915123456783"})
    words = ("--residence", "DE")
    assert any('"Phone" stands in' in note for note in bring(out.getvalue(), *words, "--dry-run").json["notes"])
    assert bring(out.getvalue(), *words).counts() == (2, 2, 0, 0, 0, 0)
    assert [len(desk.find(f"phone=+491512345678{one}")) for one in (1, 2, 3)] == [1, 0, 1]


def test_a_column_that_somebody_chose_stands_in_for_none():
    found = recognise(sample("salesforce")[0], "customers")
    assert found.spares == {"MobilePhone": ["Phone"]}
    file = FileRecipe(None, None, True, "", 0, {"phone": "MobilePhone"}, ["Phone", "Notes"], spares=found.spares)
    recipe = Recipe("customers", [file], None, None, {}, None, "", [], False)
    assert recipe.untold(file) == {"Notes"}  # what stands in is read, so it was said what it holds
    assert found.as_mapped({"phone": "MobilePhone", "landline": "Phone"}).spares == {}
    assert found.as_mapped({"phone": "HomePhone", "landline": "MobilePhone"}).spares == {}


def test_a_number_is_read_with_its_calling_code(bring, kehu, desk, tmp_path):
    """By itself it is a valid one of the country where most live: somebody else's."""
    columns = sample("twenty")[0]
    held = {
        "Name / Last Name": "Petit",
        "Phones / Primary Phone Number": "612345678",
        "Phones / Primary Phone Calling Code": "+33",
    }
    people = [
        {"Id": "1"} | held,
        {"Id": "2"} | held | {"Phones / Primary Phone Calling Code": ""},
        {"Emails / Primary Email": "nothing"},
    ]
    out = io.StringIO()
    rows = csv.DictWriter(out, columns)
    rows.writeheader()
    rows.writerows(people)
    done = bring(out.getvalue(), "--residence", "ES")
    assert done.counts() == (3, 2, 0, 0, 0, 1)
    assert [len(desk.find(f"phone={one}")) for one in ("+33612345678", "+34612345678")] == [1, 1]
    # and so does a row that waited: the empty one, put right
    place = tmp_path / "mend.csv"
    assert kehu("quarantine", "export", done.json["import"], "--to", place).code == 0
    with place.open(encoding="utf-8-sig", newline="") as file:
        [row] = csv.DictReader(file)
    with place.open("w", encoding="utf-8", newline="") as file:
        again = csv.DictWriter(file, list(row))
        again.writeheader()
        again.writerow(row | held | {"Phones / Primary Phone Number": "698765432"})
    assert kehu("quarantine", "replay", done.json["import"], "--file", place).counts() == (1, 1, 0, 0, 0, 0)
    assert len(desk.find("phone=+33698765432")) == 1


@pytest.mark.parametrize("language", ["zh-hans", "zh-hant", "en"])
def test_words_on_consents_in_each_language(language):
    columns = [*sample("hubspot")[0], "GDPR consent", "GDPR consent date", "Unsubscribed from all email"]
    told = recognise(columns, "customers").told(language)
    assert len(told) == 4 and "HubSpot" in told[0] and "{" not in "".join(told)
    assert "GDPR consent date" in told[3] and "--consent" in told[3]
    assert "Unsubscribed" in told[2] and "--consent" not in told[2]


NOES = {
    "HasOptedOutOfEmail", "HasOptedOutOfFax", "DoNotCall", "Unsubscribed from all email", "Email Opt Out", "Do not allow Emails",
    "Do not allow Bulk Emails", "Do not allow Phone Calls", "Do not allow Mails", "doNotCall", "emailAddressIsOptedOut",
    "phoneNumberIsOptedOut", "dnc", "do_not_contact",
}  # fmt: skip


def test_who_refuses_is_never_named_as_a_consent():
    said = {column for one in presets().values() for column in one.consents}
    assert {column for column in said if refuses(column)} == {one.casefold() for one in NOES}
    assert all(map(refuses, [*NOES, "Opt-Out", "email_optout", "NoEmail", "退订", "拒收短信", "黑名單"]))
    assert not any(
        map(
            refuses,
            [
                "Email Opt In",
                "Subscribed",
                "同意营销",
                "GDPR consent",
                "Notes",
                "Donation",
                "Allow Marketing Communication",
            ],
        )
    )
    told = " ".join(line for name in presets() for line in recognise(sample(name)[0], presets()[name].kind).told("en"))
    assert "Email Opt Out" in told and "--consent" not in told


@pytest.mark.usefixtures("database")
def test_a_column_of_those_who_refuse_is_no_consent(bring):
    """In the export of a CRM exactly those who left have a tick and a time."""
    text = (
        "external_id,email,Email Opt Out,Unsubscribed Time\n1,a@mail.example,true,2025-01-02\n2,b@mail.example,false,\n"
    )
    words = ("--consent", "marketing=Email Opt Out", "--consent-time", "Unsubscribed Time")
    refused = bring(text, *words)
    assert refused.code == 2 and "yes there is a no" in refused.json["error"]["message"]
    assert bring(text).counts() == (2, 2, 0, 0, 0, 0)
