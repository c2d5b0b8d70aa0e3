"""The register of purposes: what widens, and that nothing wider comes in force without assessment and second person.

The database is asked as the application, past the code that checks for the sake of the words.
"""

from __future__ import annotations

import contextlib
import json
from datetime import date

import psycopg
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kehu.govern import register
from kehu.govern.models import Change, Step
from kehu.govern.purposes import content_of, load_purposes, shipped
from kehu.govern.register import Assessment
from kehu.govern.slugs import GROUNDS, LANGUAGES, ROLES
from kehu.govern.widening import differences, widened
from kehu.guard.setup import open_owner, ship
from kehu.vault.ids import new_id
from tests.cast import staff

FINE = Assessment(on=date(2026, 11, 1), risk="low", outcome="acceptable", measures="")
MARKETING = shipped()["marketing"][1]
WIDER = {"least": [*MARKETING["least"], "birth_date"]}
NARROWER = {"least": MARKETING["least"][1:]}


def propose(parts, *, by, slug="marketing", meaning=False):
    return register.propose_purpose(slug, parts, meaning=meaning, reason="asked for", by=by.staff, id=new_id())


def assess(change, *, by, assessment=FINE):
    return register.assess(change.id, assessment, by=by.staff, role=by.role, id=new_id())


def approve(change, *, by):
    return register.approve(change.id, by=by.staff, role=by.role, id=new_id())


# what widens


@pytest.mark.parametrize(
    ("parts", "wider"),
    [
        (WIDER, ("least",)),
        (NARROWER, ()),
        ({"recipients": ["Parcel Post"]}, ("recipients",)),
        ({"countries": ["DE"]}, ("countries",)),
        ({"roles": [*MARKETING["roles"], "service"]}, ("roles",)),
        ({"departments": ["brand"]}, ()),
        ({"retention_days": MARKETING["retention_days"] + 1}, ("retention_days",)),
        ({"retention_days": MARKETING["retention_days"] - 1}, ()),
        ({"automated": True}, ("automated",)),
        ({"grounds": {**MARKETING["grounds"], "EU": "legitimate_interest"}}, ("grounds",)),
        ({"kind": "contract"}, ("kind",)),
        ({"description": dict.fromkeys(LANGUAGES, "Other words.")}, ()),
    ],
)
def test_what_widens(parts, wider):
    new = content_of("marketing", {**MARKETING, **parts})
    assert widened(MARKETING, new) == wider
    assert differences(MARKETING, new)


def test_any_department_is_more_than_one():
    one, other = {**MARKETING, "departments": ["brand"]}, {**MARKETING, "departments": ["brand", "shop"]}
    assert widened(one, MARKETING) == ("departments",)
    assert widened(one, other) == ("departments",)
    assert widened(other, one) == ()


_names = st.lists(st.sampled_from(["full_name", "email", "phone", "birth_date"]), unique=True)
_words = st.lists(st.sampled_from(["a", "b", "c"]), unique=True)
_content = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["contract", "consent"]), "label": st.just(dict.fromkeys(LANGUAGES, "x")),
        "description": st.just(dict.fromkeys(LANGUAGES, "x")), "least": _names, "recipients": _words,
        "roles": st.lists(st.sampled_from(ROLES[:3]), unique=True), "departments": _words,
        "countries": st.lists(st.sampled_from(["DE", "US", "JP"]), unique=True),
        "grounds": st.fixed_dictionaries({p: st.sampled_from(GROUNDS[:2]) for p in ("CN", "EU", "US", "JP", "AU", "house")}),
        "retention_days": st.integers(1, 3), "automated": st.booleans(),
    }
)  # fmt: skip


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=_content, new=_content)
def test_the_database_sees_the_same_widening(database, old, new):
    old, new = content_of("marketing", old), content_of("marketing", new)
    with connection.cursor() as cursor:
        cursor.execute("select purpose_widens(%s::jsonb, %s::jsonb)", [json.dumps(old), json.dumps(new)])
        assert tuple(cursor.fetchone()[0]) == widened(old, new)


# the way of a change


def test_what_ships_is_in_force(database):
    assert register.purposes_in_force() == load_purposes()


def test_a_narrower_version_comes_in_force_on_approval_alone_and_keeps_its_number(database):
    amy, paul = staff("marketing"), staff("privacy")
    change = propose(NARROWER, by=amy)
    assert register.number(change) == "1.1"
    assert not register.needs_assessment(change)
    approve(change, by=paul)
    held = register.purposes_in_force()["marketing"]
    assert (held.version, held.revision) == (1, 1)
    assert held.least == set(NARROWER["least"])


def test_a_wider_version_waits_for_its_assessment(database):
    amy, paul = staff("marketing"), staff("privacy")
    change = propose(WIDER, by=amy)
    assert register.number(change) == "2"
    with pytest.raises(register.AssessmentMissing):
        approve(change, by=paul)
    assess(change, by=paul, assessment=Assessment(date(2026, 11, 1), "high", "not-acceptable", ""))
    with pytest.raises(register.AssessmentMissing):
        approve(change, by=paul)
    assess(change, by=paul)
    approve(change, by=paul)
    assert register.purposes_in_force()["marketing"].version == 2


def test_other_words_widen_where_somebody_says_so(database):
    amy, paul = staff("marketing"), staff("privacy")
    change = propose({"description": dict.fromkeys(LANGUAGES, "Profiles.")}, by=amy, meaning=True)
    assert (register.number(change), register.wider_parts(change)) == ("2", ("meaning",))
    with pytest.raises(register.AssessmentMissing):
        approve(change, by=paul)


def test_taking_it_back_is_a_narrowing_and_what_comes_again_is_asked_again(database):
    amy, paul = staff("marketing"), staff("privacy")
    wide = propose(WIDER, by=amy)
    assess(wide, by=paul)
    approve(wide, by=paul)
    back = propose(MARKETING, by=amy)
    assert register.number(back) == "2.1"
    approve(back, by=paul)
    again = propose(WIDER, by=amy)
    assert register.number(again) == "3"


def test_nobody_decides_on_their_own_proposal(database):
    paul = staff("privacy")
    change = propose(NARROWER, by=paul)
    with pytest.raises(register.OwnProposal):
        approve(change, by=paul)
    with pytest.raises(register.OwnProposal):
        register.refuse(change.id, reason="no", by=paul.staff, role=paul.role, id=new_id())
    register.withdraw(change.id, by=paul.staff, role=paul.role, id=new_id())
    with pytest.raises(register.ProposalEnded):
        approve(change, by=staff("legal"))


def test_one_change_of_a_purpose_at_a_time_and_no_number_twice(database):
    amy, paul = staff("marketing"), staff("privacy")
    change = propose(WIDER, by=amy)
    with pytest.raises(register.ProposalOpen):
        propose(NARROWER, by=paul)
    register.refuse(change.id, reason="too much", by=paul.staff, role=paul.role, id=new_id())
    assert register.number(propose(WIDER, by=amy)) == "3"


def test_nothing_changes(database):
    with pytest.raises(register.NothingChanges):
        propose(MARKETING, by=staff("marketing"))


@pytest.mark.parametrize("parts", [{"least": ["soul"]}, {"speed": 1}, {"grounds": {"CN": "consent"}}])
def test_a_faulty_proposal(database, parts):
    with pytest.raises(ValueError, match="purpose marketing"):
        propose(parts, by=staff("marketing"))


# past the code: the application's role at the database


INSERT_CHANGE = (
    "insert into govern_change (id, register, name, version, revision, base_id, content, meaning, reason, proposed_by,"
    " shipped, proposed_at) values (%s, 'purpose', 'marketing', %s, %s, %s, %s, false, '', %s, %s, now())"
)
INSERT_STEP = (
    "insert into govern_step (id, change_id, kind, by, role, content, at) values (%s, %s, %s, %s, %s, %s, now())"
)


@contextlib.contextmanager
def refused(message):
    connection.ensure_connection()
    with pytest.raises(psycopg.errors.CheckViolation, match=message):
        yield connection.connection


def in_force():
    return register.in_force("purpose")["marketing"]


def step(raw, change, kind, by, content="{}", role=None):
    raw.execute(INSERT_STEP, (new_id(), change.id, kind, by.staff, role or by.role, content))


def test_no_approval_without_assessment(database):
    amy, paul = staff("marketing"), staff("privacy")
    change = propose(WIDER, by=amy)
    with refused("no impact assessment") as raw:
        step(raw, change, "approved", paul)
    said_no = json.dumps({"on": "2026-11-01", "risk": "high", "outcome": "not-acceptable"})
    connection.connection.execute(INSERT_STEP, (new_id(), change.id, "assessed", paul.staff, paul.role, said_no))
    with refused("no impact assessment") as raw:
        step(raw, change, "approved", paul)
    assert in_force().version == 1


@pytest.mark.parametrize("content", ["{}", '{"on": "2026-11-01", "risk": "low", "outcome": "fine"}',
    '{"on": "2999-01-01", "risk": "low", "outcome": "acceptable"}',
    '{"on": "2026-11-01", "risk": "low", "outcome": "with-measures", "measures": " "}'])  # fmt: skip
def test_no_assessment_without_its_parts(database, content):
    change = propose(WIDER, by=staff("marketing"))
    with refused("assessment") as raw:
        step(raw, change, "assessed", staff("privacy"), content)


def test_no_approval_by_the_proposer_by_another_role_or_by_nobody(database):
    paul, amy = staff("privacy"), staff("marketing")
    change = propose(NARROWER, by=paul)
    with refused("another person") as raw:
        step(raw, change, "approved", paul)
    with refused("another person") as raw:
        step(raw, change, "approved", amy)
    with refused("no active member of staff of that role") as raw:
        step(raw, change, "approved", amy, role="legal")
    assert in_force().revision == 0


def test_no_wider_version_under_the_old_number(database):
    amy = staff("marketing")
    content = json.dumps(content_of("marketing", {**MARKETING, **WIDER}))
    with refused("needs a new version") as raw:
        raw.execute(INSERT_CHANGE, (new_id(), 1, 1, in_force().id, content, amy.staff, False))


def test_no_version_of_half_a_purpose(database):
    amy = staff("marketing")
    for part in MARKETING:
        content = json.dumps({name: said for name, said in MARKETING.items() if name != part})
        with refused("no whole version") as raw:
            raw.execute(INSERT_CHANGE, (new_id(), 1, 1, in_force().id, content, amy.staff, False))


def test_nothing_ships_by_the_application(database):
    amy = staff("marketing")
    content = json.dumps(content_of("marketing", {**MARKETING, **WIDER}))
    with refused("only the owner") as raw:
        raw.execute(INSERT_CHANGE, (new_id(), 9, 0, None, content, amy.staff, True))


def test_a_temporary_table_does_not_stand_in_for_the_register(database):
    amy, paul = staff("marketing"), staff("privacy")
    change = propose(WIDER, by=amy)
    connection.ensure_connection()
    raw = connection.connection
    raw.execute(
        "create temporary table govern_step (id uuid, change_id uuid, kind text, content jsonb, at timestamptz)"
    )
    fine = '{"on": "2026-11-01", "risk": "low", "outcome": "acceptable"}'
    raw.execute("insert into pg_temp.govern_step values (%s, %s, 'assessed', %s, now())", (new_id(), change.id, fine))
    with refused("no impact assessment") as raw:
        raw.execute(
            INSERT_STEP.replace("govern_step", "public.govern_step"),
            (new_id(), change.id, "approved", paul.staff, paul.role, "{}"),
        )


@pytest.mark.parametrize("statement", ["update govern_change set content = '{}'", "delete from govern_step",
    "delete from govern_change", "truncate govern_step", "update govern_step set kind = 'assessed'"])  # fmt: skip
def test_the_register_is_append_only(database, statement):
    propose(NARROWER, by=staff("marketing"))
    connection.ensure_connection()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.connection.execute(statement)
    with open_owner(database) as owner, pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        owner.execute(f"{statement} cascade" if "truncate" in statement else statement)


def test_an_outdated_change_does_not_come_in_force(database):
    """Two at once cannot be proposed; what ships anew in between is the other way."""
    amy, paul = staff("marketing"), staff("privacy")
    change = propose(NARROWER, by=amy)
    with open_owner(database) as owner:
        owner.execute(
            INSERT_CHANGE,
            (new_id(), 1, 2, in_force().id, json.dumps({**MARKETING, "retention_days": 3}), None, True),
        )
    with pytest.raises(register.ProposalOutdated):
        approve(change, by=paul)
    with refused("another version came in force") as raw:
        step(raw, change, "approved", paul)


def test_what_ships_anew_stays_behind_what_the_office_put_in_force(database, monkeypatch):
    amy, paul = staff("marketing"), staff("privacy")
    approve(propose(NARROWER, by=amy), by=paul)
    ours = in_force()
    newer = {slug: (version, {**content, "retention_days": 7}) for slug, (version, content) in shipped().items()}
    monkeypatch.setattr(register, "shipped", lambda: newer)
    from kehu.guard.setup import as_owner

    with as_owner(database):
        ship()
    held = register.purposes_in_force()
    assert in_force().id == ours.id
    assert held["service"].retention_days == 7
    assert (held["service"].version, held["service"].revision) == (1, 1)
    assert Change.objects.filter(name="marketing").count() == 2
    assert Step.objects.count() == 1
