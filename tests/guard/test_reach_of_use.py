"""Where, when and how long: a read from another country, outside hours of duty, or after a purpose's retention."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection

from kehu.govern.consent import Statement, give_consent
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.read import gate
from kehu.guard.installation import installation
from kehu.guard.staff.actions import UnknownStaff, actor_of_token, issue_token
from kehu.guard.staff.duty import Duty, set_duty
from kehu.vault.ids import new_id
from tests.cast import admit, shipped_with, staff
from tests.serve.holdings import add_event

LIN = {"full_name": "林小红", "email": "lin@mail.example", "language": "zh"}


def answers(subject, actor, purpose="service", **ask):
    [one] = gate().open([subject], actor=actor, purpose=purpose, fields=["full_name", "language"], **ask)
    return {name: (row[0].answer, row[0].policy) for name, row in one.decision.fields.items()}


def aged(subject, days):
    with connection.cursor() as cursor:
        cursor.execute("update subject_state set last_act = current_date - %s where subject = %s", [days, subject])


@pytest.mark.parametrize(
    ("said", "at", "on"),
    [
        (("", "09:00-18:00", "Asia/Shanghai", ""), "2026-11-26T00:59", False),
        (("", "09:00-18:00", "Asia/Shanghai", ""), "2026-11-26T01:00", True),
        (("", "9:00-18:00", "Asia/Shanghai", ""), "2026-11-26T10:00", False),
        (("", "09:00-18:00", "Asia/Shanghai", "1-5"), "2026-11-28T03:00", False),  # a Saturday
        (("", "22:00-06:00", "Europe/Berlin", "5"), "2026-11-27T22:00", True),  # Friday night
        (("", "22:00-06:00", "Europe/Berlin", "5"), "2026-11-28T04:59", True),  # and what is left of it on Saturday
        (("", "22:00-06:00", "Europe/Berlin", "5"), "2026-11-28T22:00", False),
        (("", "22:00-06:00", "Europe/Berlin", "7"), "2026-11-30T03:00", True),  # Sunday night, on Monday
        (("", "22:00-06:00", "Europe/Berlin", "5"), "2026-11-27T03:00", False),  # Thursday's
        (("", "09:00-18:00", "UTC", "6-1"), "2026-11-29T12:00", True),  # from Saturday over Sunday
        (("", "09:00-18:00", "UTC", "6-1"), "2026-11-30T12:00", True),  # to Monday
        (("", "09:00-18:00", "UTC", "6-1"), "2026-11-26T12:00", False),
        (("", "", "", ""), "2026-11-26T03:00", True),
    ],
)
def test_hours_of_duty_are_those_of_the_zone(database, said, at, on):
    duty = Duty.read(*said)
    with connection.cursor() as cursor:
        cursor.execute(
            "select on_duty(%s, %s::smallint[], %s, %s, %s)",
            [duty.zone, list(duty.days) if duty.days else None, duty.starts, duty.ends,
             datetime.fromisoformat(at).replace(tzinfo=UTC)],
        )  # fmt: skip
        assert cursor.fetchone() == (on,)


@pytest.mark.parametrize(
    "said",
    [
        ("de", "", "", ""), ("DEU", "", "", ""), ("", "9-18", "Asia/Shanghai", ""), ("", "09:00-18:00", "", ""),
        ("", "09:00-18:00", "Mars/Base", ""), ("", "25:00-26:00", "Asia/Shanghai", ""), ("", "", "Asia/Shanghai", ""),
        ("", "09:00-09:00", "Asia/Shanghai", ""), ("", "09:00-18:00", "Asia/Shanghai", "0-8"), ("", "", "", "1-5"),
    ],
)  # fmt: skip
def test_what_is_no_duty_is_said(said):
    with pytest.raises(ValueError, match=r"^(place|hours|zone|days): "):
        Duty.read(*said)


def test_outside_hours_names_are_masked_on_every_credential(database):
    sam, [lin] = staff("service"), admit(LIN)
    token, _ = issue_token(email="service@kehu.example", purpose="service", minutes=30)
    now = datetime.now(UTC)
    over = f"{(now.hour + 2) % 24:02}:00-{(now.hour + 4) % 24:02}:00"
    set_duty("service@kehu.example", Duty.read("", over, "UTC"))
    later, _ = issue_token(email="service@kehu.example", purpose="service", minutes=30)
    for actor in (sam, actor_of_token(token), actor_of_token(later)):
        assert answers(lin, actor) == {
            "full_name": ("masked", "house.off-hours"), "language": ("clear", "house.role-service"),
        }  # fmt: skip
    set_duty("service@kehu.example", Duty())
    assert answers(lin, sam)["full_name"] == ("clear", "house.role-service")
    with pytest.raises(UnknownStaff):
        set_duty("nobody@kehu.example", Duty())


def test_a_read_from_another_country_sends_data_there(database):
    sam, [lin] = staff("service"), admit(LIN)
    set_duty("service@kehu.example", Duty.read("DE"))
    assert answers(lin, sam)["full_name"] == ("denied", "house.country")
    shipped_with(database, "service", countries=["DE"])
    assert answers(lin, sam)["full_name"] == ("denied", "cn.pipl.39-abroad")
    set_duty("service@kehu.example", Duty.read("CN"))
    assert answers(lin, sam)["full_name"] == ("denied", "house.country")  # registered is registered, home or not
    set_duty("service@kehu.example", Duty())
    assert answers(lin, sam)["full_name"] == ("clear", "house.role-service")


def test_a_recipient_stands_in_the_register_or_gets_nothing(database):
    legal, [lin] = staff("legal"), admit(LIN)
    to = {"recipient": "Fair  freight LTD", "recipient_kind": "processor"}
    assert answers(lin, legal, "claims", **to)["full_name"] == ("denied", "house.recipient")
    shipped_with(database, "claims", recipients=["Fair Freight Ltd"])
    assert answers(lin, legal, "claims", **to)["full_name"][0] == "clear"
    authority = {"recipient": "Court of Xuhui", "recipient_kind": "authority"}
    assert answers(lin, legal, "claims", **authority)["full_name"] == ("denied", "house.authority")
    assert answers(lin, legal, "legal", **authority)["full_name"][0] == "clear"
    assert answers(lin, legal, "legal", country="US", **authority)["full_name"] == (
        "denied", "cn.pipl.41-foreign-authority",
    )  # fmt: skip


def test_retention_over_denies_from_that_day_and_a_new_act_begins_it_anew(database):
    sam, [lin] = staff("service"), admit(LIN)
    days = installation().rules.purposes["service"].retention_days
    aged(lin, days)
    assert answers(lin, sam)["full_name"][0] == "clear"  # the last day of it
    aged(lin, days + 1)
    assert answers(lin, sam) == dict.fromkeys(("full_name", "language"), ("denied", "house.retention"))
    assert days < installation().rules.purposes["legal"].retention_days
    assert answers(lin, staff("legal"), "legal")["full_name"][0] == "clear"  # each purpose counts for itself
    statement = Statement(notice=1, way="form")
    give_consent(lin, purpose=PURPOSES["marketing"], purpose_version=1, statement=statement, recorded_by=sam.staff,
                 id=new_id())  # fmt: skip
    assert answers(lin, sam)["full_name"][0] == "clear"


def test_a_record_that_comes_in_begins_retention_anew(database):
    sam, [lin] = staff("service"), admit(LIN)
    aged(lin, 9_999)
    add_event(lin, 4, {"kind": "call"})
    assert answers(lin, sam)["full_name"][0] == "clear"
