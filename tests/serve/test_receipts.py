"""Receipts: the statement with its words, what followed, and how often the ledger says it was used."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.acts import ActRefused
from kehu.guard.gate.read import gate
from kehu.guard.ledger import queries
from kehu.guard.staff.actions import owner_actor
from kehu.serve.rights.consents import actions
from kehu.serve.rights.consents.receipts import CONTEXT, SCHEMA, UnknownConsent, receipt
from kehu.vault.ids import new_id
from tests.cast import admit, before_its_end, staff

LIN = {"full_name": "林婉清", "email": "lin@mail.example"}
MARKETING = PURPOSES["marketing"]


def agree(subject: UUID, **options: object) -> UUID:
    told = {"kind": "general", "until": None, "notice": None, "by_subject": None} | options
    return UUID(actions.give(subject, MARKETING, actor=owner_actor(), **told)[0]["id"])  # type: ignore[arg-type]


def read(subject: UUID, actor) -> None:
    gate().open([subject], actor=actor, purpose="marketing", fields=["email"])


def test_a_receipt_has_what_the_standard_asks_for(database):
    [lin] = admit(LIN)
    made = receipt(agree(lin), actor=owner_actor())
    assert (made["@context"], made["schema_version"]) == (CONTEXT, SCHEMA)
    record = made["record"]
    assert record["pii_principal_id"] == f"urn:uuid:{lin}"
    processing = record["processing"]
    assert processing["privacy_notice"]["version"] >= 1 and processing["purpose"]["id"] == "marketing"
    assert set(processing["purpose"]["label"]) == {"zh-hans", "zh-hant", "en"}
    assert processing["lawful_basis"] == {"CN": "consent"} and processing["jurisdictions"] == ["CN"]
    assert record["parties"][0]["type"] == "dpv:DataController"
    [event] = record["events"]
    assert (event["state"], event["entity"], event["way"]) == ("dpv:ConsentGiven", "customer", "recorded by staff")
    assert made["used"] == {"rows": 0, "first": None, "last": None}
    assert queries.rows(subject=lin)[-1]["seq"] <= made["ledger"]["seq"]


def test_it_holds_no_value_of_the_person(database):
    [lin] = admit(LIN)
    text = json.dumps(receipt(agree(lin, evidence=b"signed by Lin Wanqing"), actor=owner_actor()), ensure_ascii=False)
    assert not any(value in text for value in (*LIN.values(), "Wanqing"))


def test_uses_count_while_it_stood_and_no_longer(database):
    [lin, other] = admit(LIN, {"full_name": "Ana Ruiz", "email": "ana@mail.example"})
    seller = staff("marketing")
    read(lin, seller)  # before: denied, so no use
    first = agree(lin)
    agree(other)
    for _ in range(3):
        read(lin, seller)
    read(other, seller)
    gate().open([lin], actor=staff("service"), purpose="service")  # another purpose
    made = receipt(first, actor=owner_actor())["used"]
    assert made["rows"] == 3 and made["first"] < made["last"]
    actions.withdraw(lin, MARKETING, actor=owner_actor())
    read(lin, seller)
    assert receipt(first, actor=owner_actor())["used"] == made
    second = agree(lin)
    read(lin, seller)
    assert receipt(first, actor=owner_actor())["used"] == made
    assert receipt(second, actor=owner_actor())["used"]["rows"] == 1
    states = [event["state"] for event in receipt(first, actor=owner_actor())["record"]["events"]]
    assert states == ["dpv:ConsentGiven", "dpv:ConsentWithdrawn", "dpv:ConsentGiven"]


def test_a_temporary_one_is_used_until_its_end(database):
    [lin] = admit(LIN)
    seller = staff("marketing")

    def used(until):
        given = agree(lin, kind="temporary", until=until)
        read(lin, seller)
        return given

    id = before_its_end(used)
    read(lin, seller)
    made = receipt(id, actor=owner_actor())
    assert made["used"]["rows"] == 1 and made["record"]["events"][0]["validity"]


def test_the_look_is_recorded_and_not_for_everybody(database):
    [lin] = admit(LIN)
    id = agree(lin)
    before = len(queries.rows(subject=lin))
    receipt(id, actor=owner_actor())
    assert len(queries.rows(subject=lin)) == before + 1
    with pytest.raises(ActRefused):
        receipt(id, actor=staff("auditor"))
    with pytest.raises(UnknownConsent):
        receipt(new_id(), actor=owner_actor())


def test_a_row_names_what_the_use_rested_on_under_the_customers_own_law(database):
    [chinese], [german] = admit(LIN), admit({"full_name": "Ana", "email": "ana@mail.example"}, packs=2)
    analyst, said = staff("analyst"), {}
    for subject in (chinese, german):
        gate().open([subject], actor=analyst, purpose="analytics")
        said[subject] = next(row["basis"] for row in queries.rows(subject=subject) if row["purpose"] == "analytics")
    assert said == {chinese: "consent", german: "legitimate_interest"}
