"""System, security and audit are three duties: no account combines them, whatever a program writes."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection

from kehu.guard.staff.models import Staff
from tests.cast import staff


@pytest.mark.parametrize(
    ("held", "wanted"),
    [("engineer", "auditor"), ("auditor", "privacy"), ("legal", "engineer"), ("auditor", "owner")],
)
def test_no_account_goes_over_to_another_duty(database, held, wanted):
    one = staff(held)
    with pytest.raises(DatabaseError, match="another duty"):
        Staff.objects.filter(id=one.staff).update(role=wanted)


@pytest.mark.parametrize(
    ("held", "between", "wanted"), [("engineer", "service", "auditor"), ("legal", "manager", "auditor")]
)
def test_nor_by_way_of_a_post_without_one(database, held, between, wanted):
    one = staff(held)
    Staff.objects.filter(id=one.staff).update(role=between)
    with pytest.raises(DatabaseError, match="another duty"):
        Staff.objects.filter(id=one.staff).update(role=wanted)
    with connection.cursor() as cursor:
        cursor.execute("update guard_staff set duty = null where id = %s", [one.staff])
    with pytest.raises(DatabaseError, match="another duty"):
        Staff.objects.filter(id=one.staff).update(role=wanted)
    assert Staff.objects.filter(id=one.staff).update(role=held) == 1


def test_other_changes_of_post_are_free(database):
    for held, wanted in (("service", "manager"), ("privacy", "legal"), ("manager", "auditor")):
        one = staff(held)
        assert Staff.objects.filter(id=one.staff).update(role=wanted) == 1
        Staff.objects.filter(id=one.staff).update(email=f"{held}-then@kehu.example")


@pytest.mark.parametrize("role", ["auditor", "privacy", "owner"])
def test_a_credential_never_has_another_role_than_its_account(database, role):
    one = staff("engineer")
    with pytest.raises(DatabaseError, match="role of its account"), connection.cursor() as cursor:
        cursor.execute("update actor_state set role = %s where staff = %s", [role, one.staff])
    with pytest.raises(DatabaseError, match="role of its account"), connection.cursor() as cursor:
        cursor.execute(
            "insert into actor_state (actor, staff, human, role, department) values (gen_random_uuid(), %s, %s, %s, %s)",
            [one.staff, one.staff, role, one.department],
        )
