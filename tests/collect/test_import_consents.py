"""Consents that come with records: what counts, what is unknown, and that an import never widens one."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from tests.cast import staff
from tests.doors.portal.test_notices import widen

HEADER = "external_id,full_name,email,newsletter,asked at\n"
OPTIONS = ("--consent", "marketing=newsletter", "--consent-time", "asked at")


def said(database=None) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute("select status, kind, way, notice, at is not null from govern_consent order by id", [])
        return cursor.fetchall()


def packed() -> list:
    with connection.cursor() as cursor:
        cursor.execute("select consents from subject_state order by subject", [])
        return [json.loads(row[0]) for row in cursor.fetchall()]


@pytest.mark.parametrize(
    ("answer", "status"),
    [("yes", "given"), ("TRUE", "given"), ("1", "given"), ("是", "given"), ("no", "refused"), ("false", "refused"),
     ("0", "refused"), ("否", "refused"), ("maybe", "unknown"), ("", "unknown"), ("ja", "unknown")],
)  # fmt: skip
def test_words_of_an_answer(bring, answer, status):
    assert bring(HEADER + f"K1,Ann Lee,ann@mail.example,{answer},2026-01-02\n", *OPTIONS).counts()[1] == 1
    assert [row[0] for row in said()] == [status]
    assert packed()[0]["4"][:3] == [status, "general", None]


@pytest.mark.parametrize("moment", ["", "once", "2999-01-01"])
def test_without_a_time_it_is_unknown(bring, moment):
    bring(HEADER + f"K1,Ann Lee,ann@mail.example,yes,{moment}\n", *OPTIONS)
    assert said()[0][0] == "unknown"


def test_without_a_column_for_the_time_it_is_unknown(bring):
    bring(HEADER + "K1,Ann Lee,ann@mail.example,yes,2026-01-02\n", "--consent", "marketing=newsletter")
    assert said()[0][0] == "unknown"


def test_a_notice_that_does_not_cover_the_purpose_is_no_wording(bring, database):
    from kehu.guard.setup import open_owner

    with open_owner(database) as owner:
        owner.execute("alter table govern_notice disable trigger user")
        owner.execute("update govern_notice set purposes = '[1, 2]'")
    bring(HEADER + "K1,Ann Lee,ann@mail.example,yes,2026-01-02\n", *OPTIONS)
    assert said()[0][0] == "unknown"


def test_way_and_wording(bring):
    row = "K1,Ann Lee,ann@mail.example,yes,2026-01-02 10:30\n"
    bring(HEADER + row, *OPTIONS)
    bring(HEADER + row.replace("K1", "K2"), *OPTIONS, "--consent-way", "paper form")
    assert [(row[2], row[3], row[4]) for row in said()] == [("store", 1, True), ("paper form", 1, True)]


def test_what_a_consent_permits(bring, desk):
    rows = "".join(
        f"K{n},Ann {n},a{n}@mail.example,{word},2026-01-02\n" for n, word in enumerate(("yes", "no", "perhaps"))
    )
    bring(HEADER + rows, *OPTIONS)
    codes = [
        desk.show(desk.find(f"email=a{n}@mail.example")[0], role="marketing", purpose="marketing").code
        for n in range(3)
    ]
    assert codes == [0, 3, 3]


def test_a_yes_is_to_what_its_notice_told_of_the_purpose(bring, database):
    """Said under an older wording it does not count for what the purpose has become since."""
    widen((staff("manager"), staff("legal")), "marketing", {"recipients": ["Parcel Post"]})
    bring(HEADER + "K1,Ann Lee,ann@mail.example,yes,2026-01-02\n", *OPTIONS, "--notice", "privacy@1")
    assert packed()[0]["4"] == ["given", "general", None, 1]
    with connection.cursor() as cursor:
        cursor.execute("select purpose_version from govern_consent")
        assert cursor.fetchall() == [(1,)]


def test_a_newer_yes_never_widens_and_says_so(bring, desk, kehu):
    first = HEADER + "K1,Ann Lee,ann@mail.example,no,2026-01-02\n"
    bring(first, *OPTIONS)
    again = bring(first.replace(",no,2026-01-02", ",yes,2026-03-02"), *OPTIONS)
    assert again.counts() == (1, 0, 1, 0, 0, 0)
    assert packed()[0]["4"][0] == "refused"
    assert sorted(row[0] for row in said()) == ["refused", "unknown"]
    [ann] = desk.find("email=ann@mail.example")
    assert desk.show(ann, role="marketing", purpose="marketing").code == 3
    notes = kehu("quarantine", "list").json["rows"]
    assert [(row["reason"], row["accepted"]) for row in notes] == [("consent_not_widened", True)]


def test_a_withdrawal_outlives_every_import(bring, desk, kehu):
    bring(HEADER + "K1,Ann Lee,ann@mail.example,yes,2026-01-02\n", *OPTIONS)
    [ann] = desk.find("email=ann@mail.example")
    assert desk.show(ann, role="marketing", purpose="marketing").code == 0
    kehu("consent", "withdraw", ann, "marketing")
    bring(HEADER + "K1,Ann Lee,ann@mail.example,yes,2026-11-02\n", *OPTIONS)
    assert desk.show(ann, role="marketing", purpose="marketing").code == 3


def test_a_newer_no_counts(bring, desk):
    bring(HEADER + "K1,Ann Lee,ann@mail.example,yes,2026-01-02\n", *OPTIONS)
    bring(HEADER + "K1,Ann Lee,ann@mail.example,no,2026-03-02\n", *OPTIONS)
    [ann] = desk.find("email=ann@mail.example")
    assert desk.show(ann, role="marketing", purpose="marketing").code == 3


def test_repeats_within_one_file_take_the_stricter(bring):
    rows = "K1,Ann Lee,ann@mail.example,yes,2026-01-02\nK1,Ann Lee,ann@mail.example,no,2026-01-03\n"
    assert bring(HEADER + rows, *OPTIONS).counts() == (2, 1, 1, 0, 0, 0)
    assert packed()[0]["4"][0] == "refused"


def test_a_merge_does_not_widen(bring, desk):
    number = "11010519491231002X"
    text = (
        "external_id,full_name,email,national_id,newsletter,asked at\nK1,林婉清,lin@mail.example,{n},{w},2026-01-02\n"
    )
    bring(text.format(n=number, w="no"), *OPTIONS)
    assert bring(text.format(n=number, w="yes"), *OPTIONS, channel="shop").counts() == (1, 0, 0, 1, 0, 0)
    [lin] = desk.find("email=lin@mail.example")
    assert desk.show(lin, role="marketing", purpose="marketing").code == 3


def test_what_came_on_consent_serves_only_that_purpose(bring, desk):
    bring(HEADER + "K1,Ann Lee,ann@mail.example,yes,2026-01-02\n", *OPTIONS, basis="consent")
    [ann] = desk.find("email=ann@mail.example", role="marketing", purpose="marketing")
    assert desk.show(ann, role="marketing", purpose="marketing").code == 0
    assert "email" not in desk.show(ann).json.get("fields", {})
