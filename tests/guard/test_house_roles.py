"""Roles of the house: they take from a shipped role and add nothing, whatever a program writes."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection

from kehu.guard.access import roles
from kehu.guard.access.leaving import Post, take_up_post
from kehu.guard.gate.acts import ActRefused, Refused, require_act
from kehu.guard.gate.read import gate
from kehu.guard.staff.actions import actor_of, owner_actor
from kehu.guard.staff.models import Staff
from kehu.serve.desk.listing import Filters
from kehu.serve.leaving import asking, demands, tokens
from kehu.serve.office.matrix import matrix
from tests.cast import admit, shipped_with, staff

FIELDS = ("full_name", "email", "language")


def proposed(name="returns", base="service", *, by=None, **left):
    what = {
        "purposes": ["complaints", "service"],
        "categories": ["contact"],
        "level": 4,
        "actions": roles.ACTIONS,
        "acts": [],
    }
    return roles.propose(name, base, **what | left, actor=by or boss())


def boss():
    """The manager, made once."""
    found = Staff.objects.filter(role="manager").first()
    return actor_of(found.email) if found else staff("manager")


def in_force(name="returns", base="service", **left):
    return roles.decide(proposed(name, base, **left).id, actor=owner_actor(), approve=True)


def held_by(role, name="returns"):
    """A member of staff of that role who holds a role of the house."""
    one = staff(role)
    take_up_post(one.staff, Post.named(name, role))
    return actor_of(f"{role}@kehu.example")


def answers(subject, actor, purpose="service", **more):
    [opened] = gate().open([subject], actor=actor, purpose=purpose, fields=FIELDS, **more)
    return {name: (opened.decision.of(name).answer, opened.decision.of(name).policy) for name in FIELDS}


def test_it_takes_from_its_base_from_the_next_read_on(database):
    [subject] = admit({"full_name": "林婉清", "email": "lin@mail.example", "language": "zh"})
    in_force()
    li = staff("service")
    assert {answer for answer, _ in answers(subject, li).values()} == {"clear"}
    take_up_post(li.staff, Post.named("returns", "service"))
    assert answers(subject, actor_of("service@kehu.example")) == {
        "full_name": ("denied", "house.custom-role"),
        "email": ("clear", "house.role-service"),
        "language": ("denied", "house.custom-role"),
    }
    in_force(actions=["mask"])  # its next version reaches who holds it
    assert answers(subject, li)["email"] == ("masked", "house.custom-role-open")
    in_force(purposes=["complaints"])
    assert answers(subject, li)["email"] == ("denied", "house.custom-role")


def test_two_narrowings_are_two_decisions(database):
    """The narrowing stands in the key: nobody gets the answer that another's role had."""
    [subject] = admit({"full_name": "林婉清", "email": "lin@mail.example", "language": "zh"})
    in_force("returns")
    in_force("parcels", categories=["identity"], purposes=["service"], by=staff("legal"))
    one = staff("service")
    kept = {}
    for name in ("returns", "parcels"):
        take_up_post(one.staff, Post.named(name, "service"))
        kept[name] = {field for field, (answer, _) in answers(subject, one).items() if answer == "clear"}
    assert kept == {"returns": {"email"}, "parcels": {"full_name"}}


def test_it_never_has_more_than_its_base(database):
    for wrong in ({"purposes": ["marketing"]}, {"acts": ["erase"]}, {"categories": ["soul"]}, {"actions": ["copy"]}):
        with pytest.raises(ValueError, match="of "):
            proposed(by=owner_actor(), **wrong)
    for name, base in (("manager", "service"), ("Returns", "service"), ("boss", "owner"), ("boss", "king")):
        with pytest.raises(ValueError, match=r"name|base"):
            proposed(name, base, by=owner_actor())


def test_what_the_table_itself_is_told_adds_nothing(database):
    """A row that names another's purposes, written past the program, opens nothing that the base may not."""
    [subject] = admit({"full_name": "林婉清", "email": "lin@mail.example", "language": "zh"})
    by = boss()
    with connection.cursor() as cursor:
        cursor.execute(
            "insert into house_role (id, name, version, base, purposes, categories, level, actions, acts, proposed_by)"
            " values (gen_random_uuid(), 'sly', 1, 'engineer', '{service}', '{identity,contact,preference}', 4,"
            " '{open,mask,match}', '{erase}', %s)",
            [by.staff],
        )
        cursor.execute("update house_role set decided_by = %s, approved = true", [owner_actor().staff])
    sly = held_by("engineer", "sly")
    assert {answer for answer, _ in answers(subject, sly).values()} == {"denied"}
    with pytest.raises(ActRefused):
        require_act("erase", sly)


def test_acts_are_taken_too(database):
    in_force(acts=["consent"])
    li = held_by("service")
    require_act("consent", li)
    require_act("train", li)  # one's own word is nobody's to take
    with pytest.raises(Refused, match=r"house\.custom-role"):
        require_act("review", li)


def test_another_person_lets_it_through(database):
    privacy, held = staff("privacy"), proposed()
    with pytest.raises(Refused, match="second-person"):
        roles.decide(held.id, actor=boss(), approve=True)
    with pytest.raises(ActRefused):
        roles.decide(held.id, actor=privacy, approve=True)
    for by, approved in ((boss(), True), (privacy, True), (staff("service"), True)):
        with pytest.raises(DatabaseError), connection.cursor() as cursor:  # nor past the program
            cursor.execute("update house_role set decided_by = %s, approved = %s", [by.staff, approved])
    with pytest.raises(ValueError, match="role"):
        Post.named("returns", "")  # nobody is given what waits
    assert roles.decide(held.id, actor=privacy, approve=False).state == "refused"
    with pytest.raises(roles.RoleDecided):
        roles.decide(held.id, actor=owner_actor(), approve=True)


def test_a_credential_has_the_narrowing_of_its_account(database):
    in_force()
    li = held_by("service")
    with connection.cursor() as cursor:
        cursor.execute("update actor_state set narrowing = null where staff = %s", [li.staff])
        cursor.execute("select narrowing from actor_state where staff = %s", [li.staff])
        assert cursor.fetchone()[0].startswith("only:returns@1;")
        with pytest.raises(DatabaseError, match="no such role"):
            cursor.execute("update guard_staff set house_role = 'nobody' where id = %s", [li.staff])


def test_the_matrix_shows_what_is_left_and_why(database):
    in_force(actions=["mask"])
    base = {(one.category, one.level, one.action): one for one in matrix(actor=staff("auditor"), role="service")}
    left = {(one.category, one.level, one.action): one for one in matrix(actor=owner_actor(), role="returns")}
    assert base.keys() == left.keys()
    assert {one.role for one in left.values()} == {"returns"}
    rank = ("no", "second-factor", "yes")
    assert all(rank.index(left[cell].answer) <= rank.index(base[cell].answer) for cell in base)
    assert left["contact", 3, "mask"].answer == "yes"
    assert (left["contact", 3, "open"].answer, left["contact", 3, "open"].policy) == ("no", "house.custom-role-open")
    assert (left["identity", 3, "mask"].answer, left["identity", 3, "mask"].policy) == ("no", "house.custom-role")


def test_what_leaves_the_house_is_not_seen_without_the_acts_for_it(database):
    shipped_with(database, "service", recipients=["Print House"])
    [lin], legal, li = admit({"full_name": "林婉清", "email": "lin@mail.example"}), staff("legal"), staff("service")
    terms = {"recipient": "Print House", "recipient_kind": "processor", "country": "CN", "purpose": "service"}
    filters = Filters.read({}, purpose="service")
    list_ = asking.ask(actor=li, fields=("email",), filters=filters, **terms | {"country": ""})
    _, token = tokens.issue(issued_by=owner_actor(), email="service@kehu.example", minutes=60, **terms)
    order = demands.Asked("Court", "CN", "CPL 54", "2026-18", ("email",), (lin,))
    demand = demands.register_demand(order, b"an order", actor=legal)
    auditor = staff("auditor")
    assert asking.request_of(list_.id, actor=auditor) == list_ and demands.demands(actor=auditor) == [demand]
    in_force("counsel", "legal", purposes=["legal"], acts=["assess"])
    take_up_post(legal.staff, Post.named("counsel", "legal"))
    counsel = actor_of("legal@kehu.example")
    for look in (
        lambda: demands.demands(actor=counsel),
        lambda: demands.shown(demand.id, actor=counsel),
        lambda: asking.requests(actor=counsel, newest=9),
        lambda: asking.request_of(list_.id, actor=counsel),
    ):
        with pytest.raises(Refused, match=r"house\.custom-role"):
            look()
    assert tokens.tokens(actor=counsel, newest=9) == []
    assert [one.id for one in tokens.tokens(actor=li, newest=9)] == [token.id]
    in_force("counsel", "legal", purposes=["legal"], acts=["give", "assess"])
    assert demands.demands(actor=counsel) == [demand]  # whoever registers them
    assert asking.requests(actor=counsel, newest=9) == []  # their own
