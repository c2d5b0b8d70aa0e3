"""What nobody said or confirmed for longer than a purpose allows does not serve it: one and many, read and compared."""

from __future__ import annotations

import json
import time

import pytest
from django.db import connection

from kehu.govern.purposes import content_of, shipped
from kehu.govern.widening import widened
from kehu.guard.gate.compare import compare
from kehu.guard.gate.read import gate
from kehu.guard.setup import open_owner
from tests.cast import admit, shipped_with, staff

WANG = {"full_name": "王芳", "email": "wang@mail.example", "birth_date": "1980-01-02"}


def aged(database, subject, days):
    """Have everything of a customer been said so many days ago."""
    with open_owner(database) as owner:
        owner.execute(
            "update record set said_at = now() - make_interval(days => %s) where subject = %s", [days, subject]
        )


def seen(subjects, actor, **options):
    opened = gate().open(subjects, actor=actor, purpose="service", fields=["full_name", "email"], **options)
    return {one.customer: (sorted(c.field for c in one.contributions), dict(one.stale)) for one in opened}


def test_a_value_of_a_limited_category_is_kept_back_once_it_is_too_old(database):
    shipped_with(database, "service", fresh={"contact": 30})
    service, subjects = staff("service"), admit(WANG, {**WANG, "email": "li@mail.example"}, WANG)
    aged(database, subjects[0], 31)
    aged(database, subjects[1], 29)
    found = seen(subjects, service)
    fields, stale = found[subjects[0]]
    assert fields == ["full_name"]  # no limit stands on who they are
    assert stale["email"].policy == "house.stale"
    for fresh in subjects[1:]:
        assert found[fresh] == (["email", "full_name"], {})
    for one in subjects:  # one alone gets what it gets among many
        assert seen([one], service) == {one: found[one]}
    assert [found[one] for one in subjects] == [seen(subjects, service, use="list")[one] for one in subjects]


def test_without_a_limit_nothing_is_too_old(database):
    service, [subject] = staff("service"), admit(WANG)
    aged(database, subject, 4_000)
    assert seen([subject], service) == {subject: (["email", "full_name"], {})}


def test_a_record_is_as_old_as_its_id_where_nobody_said_when(database, monkeypatch):
    shipped_with(database, "service", fresh={"contact": 30})
    service = staff("service")
    now = time.time_ns()
    found = {}
    for days in (31, 29):
        monkeypatch.setattr("kehu.vault.ids._last", [0])
        monkeypatch.setattr("kehu.vault.ids.time.time_ns", lambda days=days: now - days * 86_400_000_000_000)
        [found[days]] = admit({**WANG, "email": f"{days}@mail.example"})
        monkeypatch.undo()
    assert seen([found[31]], service)[found[31]][0] == ["full_name"]
    assert seen([found[29]], service)[found[29]][0] == ["email", "full_name"]


def test_whoever_verifies_it_sees_it(database):
    shipped_with(database, "service", fresh={"contact": 30})
    service, [subject] = staff("service"), admit(WANG)
    aged(database, subject, 100)
    [one] = gate().open([subject], actor=service, purpose="accuracy", fields=["email"])
    assert [c.given for c in one.contributions] == ["wang@mail.example"]


def test_a_caller_is_not_compared_with_it(database):
    shipped_with(database, "service", fresh={"identity": 30})
    service, [subject] = staff("service"), admit(WANG)
    assert compare(subject, "birth_date", ["1980-01-02"], actor=service, purpose="service").matched is True
    aged(database, subject, 31)
    assert compare(subject, "birth_date", ["1980-01-02"], actor=service, purpose="service").matched is None


@pytest.mark.parametrize(
    "limits", [{"transaction": 3}, {"contact": 0}, {"contact": True}, {"contact": "30"}, ["contact"]]
)
def test_a_faulty_limit_is_refused(limits):
    with pytest.raises(ValueError, match="fresh"):
        content_of("service", {**shipped()["service"][1], "fresh": limits})


LIMITS = [{}, {"contact": 30}, {"contact": 31}, {"contact": 30, "identity": 9}, {"identity": 9}]


def test_older_values_are_a_wider_use_here_and_in_the_database(database):
    base = shipped()["service"][1]
    for old in LIMITS:
        for new in LIMITS:
            was, becomes = content_of("service", {**base, "fresh": old}), content_of("service", {**base, "fresh": new})
            wider = widened(was, becomes)
            assert wider == (("fresh",) if any(new.get(k, 1e9) > days for k, days in old.items()) else ())
            with connection.cursor() as cursor:
                cursor.execute("select purpose_widens(%s::jsonb, %s::jsonb)", [json.dumps(was), json.dumps(becomes)])
                assert tuple(cursor.fetchone()[0]) == wider


def test_what_has_no_limit_reads_as_it_always_did():
    assert "fresh" not in content_of("service", {**shipped()["service"][1], "fresh": {}})
