"""Access for a while: asked, let through by another, used under its name in the ledger, over by itself or at once."""

from __future__ import annotations

import dataclasses

import psycopg
import pytest
from django.db import DatabaseError, connection

from kehu.guard.access import grants
from kehu.guard.access.grants import Scope
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.read import gate
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import actor_of_token, confirm_second_factor, owner_actor
from kehu.guard.staff.models import Staff
from kehu.guard.staff.second_factor import enrol
from tests.cast import admit, staff

CHEN = {"full_name": "陈小明", "email": "chen@mail.example"}
LIN = {"full_name": "林婉清", "email": "lin@mail.example"}
WHY = "The printer lost the parcel's label."


def answers(subjects, actor, field="email", purpose="service", **options):
    opened = gate().open(subjects, actor=actor, purpose=purpose, fields=[field], **options)
    held = {one.customer: one for one in opened}
    return [(held[one].decision.of(field).answer, held[one].decision.of(field).policy) for one in subjects]


def asked(actor, *customers, fields=("email",), minutes=30, **more):
    scope = more.pop("scope", Scope(customers))
    return grants.ask(actor=actor, purpose="service", fields=fields, scope=scope, minutes=minutes, reason=WHY, **more)


def using(grant, actor):
    return actor_of_token(grants.use(grant.id, actor=actor)[1])


def test_a_second_person_lets_through_for_these_fields_of_these_customers(database):
    chen, lin = admit(CHEN, LIN)
    mia, boss = staff("marketing"), staff("manager")
    assert answers([chen], mia) == [("denied", "house.default-deny")]
    held = asked(mia, chen)
    assert held.state == "waiting"
    with pytest.raises(grants.GrantOver):
        grants.use(held.id, actor=mia)
    assert grants.decide(held.id, actor=boss, approve=True).state == "live"
    token = using(held, mia)
    # many and one get the same answer
    assert answers([chen, lin], token) == [("clear", "house.grant"), ("denied", "house.default-deny")]
    assert answers([chen], token) == [("clear", "house.grant")]
    assert answers([chen], token, "full_name") == [("denied", "house.default-deny")]
    assert answers([chen], token, "email", "marketing")[0][0] == "denied"
    assert answers([chen], mia) == [("denied", "house.default-deny")]  # the account itself has no more than before


def test_every_use_names_its_grant_or_is_none(database):
    [chen] = admit(CHEN)
    mia, boss = staff("marketing"), staff("manager")
    held = asked(mia, chen)
    grants.decide(held.id, actor=boss, approve=True)
    token = using(held, mia)
    [opened] = gate().open([chen], actor=token, purpose="service", fields=["email"])
    assert detail_of(opened.seq) == held.id
    # a program that forgets to name it, or names another act, gets nothing through
    forgetful = dataclasses.replace(token, grant=None)
    assert answers([chen], forgetful) == [("denied", "house.default-deny")]
    assert answers([chen], token, detail=boss.staff) == [("denied", "house.default-deny")]
    # nor does naming a grant help a credential that was not made for it
    assert answers([chen], dataclasses.replace(mia, grant=held.id)) == [("denied", "house.default-deny")]


def test_revoked_the_next_read_is_refused(database):
    [chen] = admit(CHEN)
    mia, boss = staff("marketing"), staff("manager")
    held = asked(mia, chen)
    grants.decide(held.id, actor=boss, approve=True)
    token = using(held, mia)
    assert answers([chen], token) == [("clear", "house.grant")]
    with pytest.raises(Refused):
        grants.end(held.id, actor=staff("service"))
    assert grants.end(held.id, actor=staff("privacy")).state == "ended"
    assert answers([chen], token) == [("denied", "house.default-deny")]
    with pytest.raises(grants.GrantOver):
        grants.end(held.id, actor=boss)


def test_it_is_over_by_itself(database):
    [chen] = admit(CHEN)
    mia, boss = staff("marketing"), staff("manager")
    held = asked(mia, chen, minutes=1)
    grants.decide(held.id, actor=boss, approve=True)
    token = using(held, mia)
    assert answers([chen], token) == [("clear", "house.grant")]
    with open_owner(database) as owner:  # a minute later
        owner.execute("alter table access_grant disable trigger all")
        owner.execute("update access_grant set until = clock_timestamp()")
        owner.execute("update actor_state set expires_at = expires_at + interval '1 hour' where grant_id is not null")
    assert answers([chen], token) == [("denied", "house.default-deny")]
    assert grants.grant_of(held.id).state == "over"


def test_nobody_decides_their_own(database):
    [chen] = admit(CHEN)
    boss = staff("manager")
    held = asked(boss, chen)
    with pytest.raises(Refused, match=r"house\.second-person"):
        grants.decide(held.id, actor=boss, approve=True)
    with pytest.raises(DatabaseError, match="another person"), connection.cursor() as cursor:
        cursor.execute("update access_grant set approved = true, decided_by = staff where id = %s", [held.id])
    with pytest.raises(DatabaseError, match="another person"), connection.cursor() as cursor:
        cursor.execute("update access_grant set approved = true where id = %s", [held.id])


def test_who_has_a_second_factor_shows_it_to_let_through(database):
    [chen] = admit(CHEN)
    held = asked(staff("marketing"), chen)
    boss = staff("manager")
    enrol(Staff.objects.get(id=boss.staff))
    with pytest.raises(Refused, match=r"house\.step-up"):
        grants.decide(held.id, actor=boss, approve=True)
    confirm_second_factor(boss.credential)
    assert grants.decide(held.id, actor=boss, approve=True).state == "live"


def test_only_some_roles_let_through_in_the_database_too(database):
    [chen] = admit(CHEN)
    held = asked(staff("marketing"), chen)
    service = staff("service")
    for role in (service, staff("privacy")):
        with pytest.raises(Refused):
            grants.decide(held.id, actor=role, approve=True)
    with pytest.raises(DatabaseError, match="does not let through"), connection.cursor() as cursor:
        cursor.execute(
            "update access_grant set approved = true, decided_by = %s where id = %s", [service.staff, held.id]
        )
    assert grants.decide(held.id, actor=owner_actor(), approve=False).state == "refused"
    with pytest.raises(grants.GrantOver):
        grants.decide(held.id, actor=staff("legal"), approve=True)


@pytest.mark.parametrize(
    "change",
    ["minutes = 400", "fields = '{email,phone}'", "until = now() + interval '1 day'", "subjects = null, ages = '{5}'"],
)
def test_the_application_cannot_widen_a_grant(database, change):
    [chen] = admit(CHEN)
    asked(staff("marketing"), chen)
    connection.ensure_connection()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.connection.execute(f"update access_grant set {change}")
    with open_owner(database) as owner, pytest.raises(psycopg.errors.CheckViolation):
        owner.execute("update access_grant set minutes = 400")


def test_between_14_and_18_in_china_staff_need_an_approval(database):
    [girl] = admit(CHEN, age=3)
    [woman] = admit(LIN)
    li, boss = staff("service"), staff("manager")
    assert answers([girl, woman], li) == [("masked", "cn.minors.36-grant"), ("clear", "house.role-service")]
    held = asked(li, scope=Scope(packs=frozenset({"CN"}), ages=("14-15", "16-17")))
    grants.decide(held.id, actor=boss, approve=True)
    token = using(held, li)
    assert answers([girl, woman], token) == [("clear", "house.grant"), ("clear", "house.role-service")]


def test_a_segment_is_no_wider_than_named(database):
    [adult] = admit(CHEN)
    [german] = admit(LIN, packs=2)
    mia, boss = staff("marketing"), staff("manager")
    held = asked(mia, scope=Scope(packs=frozenset({"EU", "US"})))
    grants.decide(held.id, actor=boss, approve=True)
    token = using(held, mia)
    assert answers([adult, german], token) == [("denied", "house.default-deny"), ("clear", "house.grant")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"fields": ()}, {"fields": ("birth_place",)}, {"minutes": 0}, {"minutes": 481}, {"scope": Scope()},
        {"scope": Scope(packs=frozenset({"XX"}))},
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for(database, wrong):
    [chen] = admit(CHEN)
    with pytest.raises(ValueError, match=r"fields|minutes|customers|segment"):
        asked(staff("marketing"), *([] if "scope" in wrong else [chen]), **wrong)


def test_engineers_and_the_owner_ask_for_nothing(database):
    [chen] = admit(CHEN)
    for actor in (staff("engineer"), owner_actor()):
        with pytest.raises(Refused):
            asked(actor, chen)


def test_others_grants_are_not_seen_and_the_reason_is_read_in_the_ledger(database):
    [chen] = admit(CHEN)
    mia, boss = staff("marketing"), staff("manager")
    held = asked(mia, chen)
    assert grants.grants(actor=staff("service")) == []
    with pytest.raises(grants.UnknownGrant):
        grants.reason_of(held.id, actor=staff("analyst"))
    assert grants.reason_of(held.id, actor=boss) == WHY
    with open_owner(database) as owner:
        assert WHY.encode() not in bytes(owner.execute("select reason from access_grant").fetchone()[0])


def detail_of(seq):
    with connection.cursor() as cursor:
        cursor.execute("select detail from ledger_entry where seq = %s", [seq])
        return cursor.fetchone()[0]
