"""An import taken back takes what its rows said of consents back with it: policies read what still stands, no more, no less."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from kehu.collect.imports.undo import erase_taken_back
from kehu.collect.models import Import
from kehu.guard.staff.actions import owner_actor
from kehu.serve.rights.consents import actions as rights

HEADER = "external_id,full_name,email,newsletter,asked at\n"
OPTIONS = ("--consent", "marketing=newsletter", "--consent-time", "asked at")
NUMBER = "11010519491231002X"


def line(answer: str, day: str, name: str = "Ann Lee") -> str:
    return HEADER + f"K1,{name},ann@mail.example,{answer},{day}\n"


def status() -> list[str | None]:
    """What policies read of marketing, by origin subject."""
    with connection.cursor() as cursor:
        cursor.execute("select consents -> '4' ->> 0 from subject_state where not hidden order by subject")
        return [row[0] for row in cursor.fetchall()]


def packed() -> list[dict]:
    with connection.cursor() as cursor:
        cursor.execute("select consents from subject_state where not hidden order by subject")
        return [json.loads(row[0]) for row in cursor.fetchall()]


def kept() -> int:
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from govern_consent")
        return cursor.fetchone()[0]


@pytest.fixture
def undo(kehu):
    def run(answer):
        assert kehu("import", "undo", answer.json["import"]).code == 0

    return run


def marketing(desk) -> int:
    [ann] = desk.find("email=ann@mail.example")
    return desk.show(ann, role="marketing", purpose="marketing").code


def test_a_refusal_undone_leaves_the_consent_before_it(bring, undo, desk, kehu):
    bring(line("yes", "2026-01-02"), *OPTIONS)
    assert marketing(desk) == 0
    wrong = bring(line("no", "2026-03-02"), *OPTIONS)
    assert status() == ["refused"] and marketing(desk) == 3
    undo(wrong)
    assert status() == ["given"] and marketing(desk) == 0
    [ann] = desk.find("email=ann@mail.example")
    assert [row["status"] for row in kehu("consent", "list", ann).json["consents"]] == ["given"]


def test_a_consent_undone_permits_nothing_any_more(bring, undo, desk):
    bring("external_id,full_name,email\nK1,Ann Lee,ann@mail.example\n")
    wrong = bring(line("yes", "2026-01-02", "Ann Lees"), *OPTIONS)
    assert status() == ["given"] and marketing(desk) == 0
    undo(wrong)
    assert status() == [None] and marketing(desk) == 3


def test_a_consent_that_another_import_brought_as_well_stays_as_long_as_that_one(bring, undo, desk):
    first = bring(line("yes", "2026-01-02"), *OPTIONS)
    second = bring(line("yes", "2026-01-02"), *OPTIONS, basis="legal_obligation")
    undo(first)
    assert status() == ["given"] and marketing(desk) == 0
    undo(second)
    assert status() == []


def test_a_consent_undone_leaves_the_refusal_before_it(bring, undo, desk):
    bring(line("no", "2026-01-02"), *OPTIONS)
    undo(bring(line("yes", "2026-03-02"), *OPTIONS))
    assert status() == ["refused"] and marketing(desk) == 3


def test_a_yes_that_did_not_count_beside_a_no_does_not_count_without_it(bring, undo, desk):
    """Nothing widens by an undo: the newer yes was never proven, so the customer is asked."""
    wrong = bring(line("no", "2026-01-02"), *OPTIONS)
    bring(line("yes", "2026-03-02"), *OPTIONS)
    undo(wrong)
    assert status() == ["unknown"] and marketing(desk) == 3


def test_a_yes_that_did_not_count_narrows_nothing_either(bring, undo, desk):
    bring(line("yes", "2026-01-02"), *OPTIONS)
    wrong = bring(line("no", "2026-02-02"), *OPTIONS)
    bring(line("yes", "2026-03-02"), *OPTIONS)
    undo(wrong)
    assert status() == ["given"] and marketing(desk) == 0


def test_the_strictest_of_what_stays_counts(bring, undo):
    imports = [bring(line(word, f"2026-0{n}-02"), *OPTIONS) for n, word in enumerate(("yes", "maybe", "no"), 1)]
    for answer, left in ((imports[2], "unknown"), (imports[1], "given")):
        undo(answer)
        assert status() == [left]


def test_a_withdrawal_outlives_the_undo(bring, undo, desk, kehu):
    bring(line("yes", "2026-01-02"), *OPTIONS)
    [ann] = desk.find("email=ann@mail.example")
    second = bring(line("yes", "2026-02-02", "Ann Lees"), *OPTIONS)
    kehu("consent", "withdraw", ann, "marketing")
    undo(second)
    assert status() == ["withdrawn"] and marketing(desk) == 3


def test_a_consent_given_since_outlives_the_undo(bring, undo, desk, kehu):
    bring("external_id,full_name,email\nK1,Ann Lee,ann@mail.example\n")
    wrong = bring(line("no", "2026-01-02"), *OPTIONS)
    [ann] = desk.find("email=ann@mail.example")
    until = (timezone.now() + timedelta(days=9)).isoformat()
    kehu("consent", "give", ann, "marketing", "--kind", "temporary", "--until", until)
    before = packed()
    undo(wrong)
    assert packed() == before and marketing(desk) == 0


def test_a_consent_given_before_counts_again(bring, undo, desk, kehu):
    bring("external_id,full_name,email\nK1,Ann Lee,ann@mail.example\n")
    [ann] = desk.find("email=ann@mail.example")
    until = (timezone.now() + timedelta(days=9)).isoformat()
    kehu("consent", "give", ann, "marketing", "--kind", "temporary", "--until", until)
    before = packed()
    wrong = bring(line("no", "2026-01-02"), *OPTIONS)
    assert marketing(desk) == 3
    undo(wrong)
    assert packed() == before and marketing(desk) == 0


TWO = "external_id,full_name,email,national_id,newsletter,asked at\n"


def both(bring):
    """One customer of two origin subjects, joined for certain; nobody has said anything yet."""
    bring(f"external_id,full_name,email,national_id\nK1,林婉清,lin@mail.example,{NUMBER}\n")
    bring(f"external_id,full_name,email,national_id\nS1,林婉清,lin@mail.example,{NUMBER}\n", channel="shop")


def given_for_both(bring, desk, kehu) -> str:
    """The same, and a consent stands for both; returns the customer."""
    both(bring)
    [lin] = desk.find("email=lin@mail.example")
    kehu("consent", "give", lin, "marketing")
    return lin


def refused_by_one(bring):
    """An import by which the younger of both said no."""
    return bring(TWO + f"S1,林婉清,lin@mail.example,{NUMBER},no,2026-03-02\n", *OPTIONS, channel="shop")


def test_a_consent_that_stood_for_both_stands_for_both_again(bring, undo, desk, kehu):
    given_for_both(bring, desk, kehu)
    before = packed()
    wrong = refused_by_one(bring)
    assert status() == ["given", "refused"]
    undo(wrong)
    assert packed() == before


def test_a_consent_that_stood_for_both_and_was_withdrawn_does_not_come_back(bring, undo, desk, kehu):
    lin = given_for_both(bring, desk, kehu)
    wrong = refused_by_one(bring)
    kehu("consent", "withdraw", lin, "marketing")
    undo(wrong)
    assert status() == ["withdrawn", "withdrawn"]


def test_a_consent_of_another_does_not_come_back_to_who_was_parted_from_them(bring, undo, desk, kehu):
    lin = given_for_both(bring, desk, kehu)
    wrong = refused_by_one(bring)
    with connection.cursor() as cursor:
        cursor.execute("select subject from subject_state where subject <> %s", [lin])
        [other] = cursor.fetchone()
    assert kehu("unmerge", lin, other).code == 0
    undo(wrong)
    assert status() == ["given", None]


def test_what_lies_below_a_consent_for_both_goes_as_well(bring, undo, desk, kehu):
    both(bring)
    wrong = refused_by_one(bring)
    [lin] = desk.find("email=lin@mail.example")
    kehu("consent", "give", lin, "marketing")
    assert packed()[1]["4"][5][0] == "refused"
    undo(wrong)
    assert packed()[1]["4"][0] == "given" and packed()[1]["4"][5] is None


def test_a_refusal_of_the_customer_outlives_the_undo_on_every_record(bring, undo, desk):
    both(bring)
    yes = f"S1,林婉清,lin@mail.example,{NUMBER},yes,"
    bring(TWO + yes + "2026-02-02\n", *OPTIONS, channel="shop")
    second = bring(TWO + yes + "2026-03-02\n", *OPTIONS, channel="shop")
    [lin] = desk.find("email=lin@mail.example")
    rights.refuse(lin, 4, actor=owner_actor())
    assert status() == ["refused", "refused"]
    undo(second)
    assert status() == ["refused", "refused"]


def test_a_refusal_of_the_customer_outlives_the_undo_of_a_refusal(bring, undo, desk):
    both(bring)
    said = f"S1,林婉清,lin@mail.example,{NUMBER},"
    bring(TWO + said + "yes,2026-02-02\n", *OPTIONS, channel="shop")
    second = bring(TWO + said + "no,2026-03-02\n", *OPTIONS, channel="shop")
    [lin] = desk.find("email=lin@mail.example")
    rights.refuse(lin, 4, actor=owner_actor())
    undo(second)
    assert status() == ["refused", "refused"]


def test_a_finding_outlives_the_undo_and_a_newer_consent_too(bring, undo, desk, kehu):
    bring("external_id,full_name,email\nK1,Ann Lee,ann@mail.example\n")
    [ann] = desk.find("email=ann@mail.example")
    kehu("consent", "give", ann, "marketing")
    first = kehu("consent", "list", ann).json["consents"][0]["id"]
    wrong = bring(line("yes", "2026-01-02", "Ann Lees"), *OPTIONS)
    kehu("consent", "give", ann, "marketing")
    rights.invalidate(UUID(first), actor=owner_actor())
    assert status() == ["given"]
    undo(wrong)
    assert status() == ["given"] and marketing(desk) == 0


def test_an_undo_that_was_interrupted_goes_on(bring, undo, desk, kehu):
    bring(line("yes", "2026-01-02"), *OPTIONS)
    wrong = bring(line("no", "2026-03-02"), *OPTIONS)
    undo(wrong)
    undo(wrong)
    assert status() == ["given"]


def test_what_was_said_is_erased_with_the_import(bring, undo, kehu):
    bring(line("yes", "2026-01-02"), *OPTIONS)
    wrong = bring(line("no", "2026-03-02"), *OPTIONS)
    undo(wrong)
    assert kept() == 2  # for 30 days, in case somebody has to show what was acted on
    Import.objects.filter(id=wrong.json["import"]).update(undone_at=timezone.now() - timedelta(days=31))
    assert erase_taken_back(actor=owner_actor()) == 1
    assert kept() == 1 and status() == ["given"]


def test_an_erasure_reaches_statements_that_were_taken_back(bring, undo, desk, kehu):
    bring(line("yes", "2026-01-02"), *OPTIONS)
    undo(bring(line("no", "2026-03-02"), *OPTIONS))
    [ann] = desk.find("email=ann@mail.example")
    assert kehu("erase", ann, "--reason", "asked").code == 0 and kept() == 0
