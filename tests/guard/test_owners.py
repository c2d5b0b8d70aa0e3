"""Everything has an owner; nothing unowned comes in force; the privacy office may stop a purpose and owns none (GDPR 38(6))."""

from __future__ import annotations

import json

import pytest
from django.db import DatabaseError, connection

from kehu.govern.channels import add_channel
from kehu.govern.models import Channel
from kehu.govern.slugs import LANGUAGES, PURPOSES
from kehu.guard.access import owners
from kehu.guard.checks import check_installation
from kehu.guard.gate.acts import ActRefused, Refused
from kehu.guard.setup import open_owner, prepare, register_rules
from kehu.guard.staff.actions import UnknownStaff, owner_actor
from kehu.serve.register import changes
from tests.cast import staff

MAIL = "{}@kehu.example".format


def owned(kind, name):
    [found] = [one for one in owners.owners(actor=owner_actor(), kind=kind) if one.name == name]
    return found


def unowned(database, kind, name):
    """As somebody with the database's own key could leave it, and nobody else."""
    with open_owner(database) as owner:
        owner.execute("alter table owned disable trigger user")
        owner.execute("delete from owned where kind = %s and name = %s", [kind, name])
        owner.execute("alter table owned enable trigger user")


def test_what_ships_is_the_homes_until_somebody_is_named(database):
    held = owners.owners(actor=staff("engineer"))
    assert {one.kind for one in held} == set(owners.KINDS) - {"quality", "verification"}  # of these none ships
    assert {one.name for one in held if one.kind == "purpose"} == set(PURPOSES)
    assert {one.name for one in held if one.kind == "source"} == {"third-party", "public"}
    assert not any(one.named for one in held)

    def said():
        return [one for one in check_installation(running=False) if one.id.startswith("owners.")]

    assert [one.id for one in said()] == ["owners.unnamed"]
    assert f"{len(held)}" in said()[0].text
    staff("manager"), staff("legal")
    for kind in sorted({one.kind for one in held}):
        names = [one.name for one in held if one.kind == kind]
        owners.set_owner(kind, names, owner=MAIL("manager"), deputy=MAIL("legal"), actor=owner_actor())
    assert said() == []
    owners.set_owner("law", ["EU"], owner=MAIL("legal"), deputy=None, actor=owner_actor())
    assert [one.id for one in said()] == ["owners.deputy"]
    prepare()  # an upgrade leaves them as they are
    assert owned("purpose", "marketing").owner_email == MAIL("manager")


def test_owner_and_deputy_are_two_who_work_here(database):
    boss, gone = staff("manager"), staff("service")
    with connection.cursor() as cursor:
        cursor.execute("update guard_staff set is_active = false where id = %s", [gone.staff])
    with pytest.raises(ValueError, match="another person"):
        owners.set_owner("law", ["EU"], owner=MAIL("manager"), deputy=MAIL("manager"), actor=boss)
    for people in ((MAIL("service"), None), (MAIL("manager"), MAIL("service")), ("nobody@kehu.example", None)):
        with pytest.raises(UnknownStaff):
            owners.set_owner("law", ["EU"], owner=people[0], deputy=people[1], actor=boss)
    with pytest.raises(owners.UnknownThing):
        owners.set_owner("law", ["Atlantis"], owner=MAIL("manager"), deputy=None, actor=boss)
    for change in ("owner = %s", "deputy = owner", "deputy = %s"):  # nor past the program
        with pytest.raises(DatabaseError), connection.cursor() as cursor:
            cursor.execute(f"update owned set {change}", [gone.staff] if "%s" in change else [])
    with pytest.raises(DatabaseError), connection.cursor() as cursor:
        cursor.execute("delete from owned")


def test_who_may_say_so(database):
    li = staff("service")
    with pytest.raises(ActRefused):
        owners.set_owner("channel", ["store"], owner=MAIL("service"), deputy=None, actor=li)
    boss = staff("manager")
    owners.set_owner("channel", ["store"], owner=MAIL("service"), deputy=None, actor=boss)
    owners.set_owner("channel", ["store"], owner=MAIL("manager"), deputy=None, actor=li)  # hands on their own
    with connection.cursor() as cursor:
        cursor.execute("select owner from owned_before where kind = 'channel' and name = 'store' order by until")
        assert [row[0] for row in cursor.fetchall()] == [owner_actor().staff, li.staff]


def test_the_privacy_office_owns_no_purpose(database):
    privacy = staff("privacy")
    staff("manager")
    for people in ((MAIL("privacy"), None), (MAIL("manager"), MAIL("privacy"))):
        with pytest.raises(Refused, match=r"house\.independent"):
            owners.set_owner("purpose", ["marketing"], owner=people[0], deputy=people[1], actor=owner_actor())
    for part in ("owner", "deputy"):
        with pytest.raises(DatabaseError, match="owns no purpose"), connection.cursor() as cursor:
            cursor.execute(f"update owned set {part} = %s where kind = 'purpose'", [privacy.staff])
    with pytest.raises(ActRefused):  # nor says who does
        owners.set_owner("purpose", ["marketing"], owner=MAIL("manager"), deputy=None, actor=privacy)
    owners.set_owner("policy", ["eu"], owner=MAIL("privacy"), deputy=None, actor=owner_actor())
    with connection.cursor() as cursor:
        cursor.execute(
            "select d.answer::text from ledger_entry e join gate_decision d on d.id = e.decision where e.action = 82"
        )
        said = [json.loads(row[0])["*"][0][0] for row in cursor.fetchall()]
    assert sorted(said) == ["clear", "denied", "denied"]


def test_the_privacy_office_stops_a_purpose_and_lets_none_through_alone(database):
    mia, privacy, legal = staff("marketing"), staff("privacy"), staff("legal")
    wanted = changes.propose_purpose("marketing", {"retention_days": 30}, actor=mia)
    assert changes.refuse(wanted.id, reason="no", actor=privacy)
    with pytest.raises(changes.register.ProposalEnded):  # a veto stays
        changes.approve(wanted.id, actor=legal)
    from kehu.guard.staff.actions import actor_of, add_staff

    add_staff(email="second@kehu.example", role="privacy", department=None, attest=True)
    second = actor_of("second@kehu.example")
    theirs = changes.propose_purpose("marketing", {"retention_days": 30}, actor=privacy)
    with pytest.raises(Refused, match=r"house\.independent"):  # two of the office are the office alone
        changes.approve(theirs.id, actor=second)
    with pytest.raises(DatabaseError, match="alone"), connection.cursor() as cursor:
        cursor.execute(
            "insert into govern_step (id, change_id, kind, by, role, content) values (gen_random_uuid(), %s, 'approved', %s,"
            " 'privacy', '{}')",
            [theirs.id, second.staff],
        )
    changes.approve(theirs.id, actor=legal)
    another = changes.propose_purpose("marketing", {"retention_days": 20}, actor=mia)
    changes.approve(another.id, actor=privacy)  # what another office wanted


def test_nothing_unowned_comes_in_force(database):
    mia, legal = staff("marketing"), staff("legal")
    wanted = changes.propose_purpose("marketing", {"retention_days": 30}, actor=mia)
    unowned(database, "purpose", "marketing")
    with pytest.raises(DatabaseError, match="nothing unowned"):
        changes.approve(wanted.id, actor=legal)
    owners.own_from_the_beginning("purpose", "marketing", mia.staff)
    unowned(database, "field", "email")
    with pytest.raises(DatabaseError, match="nothing unowned"):  # the rules that name it
        changes.approve(wanted.id, actor=legal)
    unowned(database, "law", "EU")
    owners.own_from_the_beginning("field", "email", mia.staff)
    with pytest.raises(DatabaseError, match="nothing unowned"):
        changes.approve(wanted.id, actor=legal)
    prepare()
    changes.approve(wanted.id, actor=legal)
    register_rules()


def test_a_new_notice_is_owned_by_whoever_wanted_it(database):
    mia, legal = staff("marketing"), staff("legal")
    made = changes.propose_notice("fair", dict.fromkeys(LANGUAGES, "At the fair."), actor=mia)
    with pytest.raises(DatabaseError, match="nothing unowned"), connection.cursor() as cursor:
        cursor.execute(
            "insert into govern_step (id, change_id, kind, by, role, content) values (gen_random_uuid(), %s, 'approved', %s,"
            " 'legal', '{}')",
            [made.id, legal.staff],
        )
    changes.approve(made.id, actor=legal)
    assert owned("notice", "fair").owner == mia.staff


def test_a_channel_is_owned_from_its_first_moment(database):
    boss = staff("manager")
    add_channel("fair", "store", owner=boss.staff)
    add_channel("broker", "third-party", owner=boss.staff)
    assert owned("channel", "fair").owner == owned("source", "broker").owner == boss.staff
    with pytest.raises(DatabaseError, match="nothing unowned"):
        Channel.objects.create(name="nobodys", kind="store")
