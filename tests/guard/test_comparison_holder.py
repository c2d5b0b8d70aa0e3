"""That somebody's word was compared is in their copy, and goes with them."""

from __future__ import annotations

from django.db import connection

from kehu.govern.holders import holders
from kehu.guard.staff.actions import owner_actor
from kehu.serve.desk.verifying import verify
from tests.cast import admit, staff


def test_tries_are_exported_and_erased_without_a_value(database):
    alice = staff("service")
    lin, other = admit({"full_name": "林", "birth_date": "1990-03-14"}, {"full_name": "王", "birth_date": "1980-01-01"})
    for who, said in ((lin, "1990-03-14"), (lin, "1991-03-14"), (other, "1980-01-01")):
        verify(who, "birth_date", said, actor=alice, purpose="service")
    [holder] = [one for one in holders() if one.name == "comparisons"]
    found = holder.export(lin, actor=owner_actor())
    assert [one["answer"] for one in found["comparisons"]] == ["right", "wrong"] and "199" not in str(found).replace(
        "2026", ""
    )
    assert holder.erase(lin) == 2 and holder.export(lin, actor=owner_actor()) is None
    with connection.cursor() as cursor:
        cursor.execute("select subject from gate_comparison")
        assert cursor.fetchall() == [(other,)]
