"""The gate: what it lets out, to whom, and that nothing comes out without its row."""

from __future__ import annotations

import json

import psycopg
import pytest
from django.db import connection, transaction

from kehu.govern.consent import Statement, give_consent, withdraw_consent
from kehu.govern.slugs import PURPOSES
from kehu.govern.states import enter, lift
from kehu.guard.gate.read import InsideTransaction, LedgerUnavailable, gate
from kehu.guard.installation import installation
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import actor_of, actor_of_token, add_staff, issue_token
from kehu.vault.ids import new_id
from kehu.vault.open import FacetDoesNotOpen
from tests.cast import admit, staff
from tests.serve.holdings import add_event

LIN = {
    "full_name": "林婉清",
    "email": "lin@mail.example",
    "phone": "+8613800006721",
    "national_id": "11010519491231002X",
}
MARKETING = PURPOSES["marketing"]


def values(opened):
    return {c.field: c.normal for one in opened for c in one.contributions if c.answer == "clear"}


def masked(opened):
    return {c.field: c.normal for one in opened for c in one.contributions if c.answer == "masked"}


def test_service_sees_the_least_set_and_nothing_more(database):
    alice = staff("service")
    [lin] = admit(LIN)
    opened = gate().open([lin], actor=alice, purpose="service")
    assert values(opened) == {k: v for k, v in LIN.items() if k != "national_id"}
    refused = gate().open([lin], actor=alice, purpose="service", fields=["national_id"])
    assert values(refused) == {} and refused[0].denied()["national_id"].policy == "house.purpose-least"
    assert refused[0].seq > opened[0].seq  # a denied read is recorded too


def test_of_what_happened_those_named_are_opened_and_no_others(database):
    """A name only narrows: no other customer's, none that left with its import, and no profile's record comes out by it."""
    lin, zhou = admit(LIN, {"full_name": "周予安"})
    _, second, gone = (add_event(lin, 4, {"kind": "call", "topic": f"lin-{n}"}, n) for n in range(3))
    other = add_event(zhou, 4, {"kind": "call", "topic": "zhou"})
    with connection.cursor() as cursor:
        cursor.execute("update record set hidden = true where id = %s", [gone])
        cursor.execute("select id from record where subject = %s and kind = 1", [lin])
        [profile] = cursor.fetchone()
    named = [(lin, second), (lin, gone), (lin, other), (zhou, other), (lin, profile)]
    alice, told = (
        staff("service"),
        lambda opened: [c.normal for one in opened for c in one.contributions if c.field == "topic"],
    )
    opened = gate().open([lin], actor=alice, purpose="service", reach="events", events=named)
    assert told(opened) == ["lin-1"] and values(opened)["full_name"] == LIN["full_name"]
    alone = gate().open([lin], actor=alice, purpose="service", reach="events", events=named, kinds=())
    assert told(alone) == ["lin-1"] and set(values(alone)) == {"kind", "topic"}
    assert told(gate().open([lin], actor=alice, purpose="service", reach="events")) == []
    assert told(gate().open([lin], actor=alice, purpose="service")) == ["lin-0", "lin-1"]
    assert told(gate().open([lin], actor=staff("engineer"), purpose="service", reach="events", events=named)) == []


def test_default_deny_names_itself(database):
    [lin] = admit(LIN)
    opened = gate().open([lin], actor=staff("engineer"), purpose="service")
    assert values(opened) == {} and opened[0].denied()["email"].policy == "house.default-deny"


def test_the_asker_is_known_by_the_word_of_the_department(database):
    """Purposes name departments by their words: a number would never be among them."""
    made, _ = add_staff(email="alice@kehu.example", role="service", department="returns", attest=True)
    [lin] = admit(LIN)
    gate().open([lin], actor=actor_of(made.email), purpose="service")
    with connection.cursor() as cursor:
        cursor.execute('select actor from gate_decision where ask like \'%%"use":"read"%%\'')
        assert cursor.fetchone()[0].split("|")[:2] == ["service", "returns"]


@pytest.mark.parametrize(("attest", "policy"), [(False, "house.agreement"), (True, None)])
def test_without_agreement_nothing_opens(database, attest, policy):
    [lin] = admit(LIN)
    opened = gate().open([lin], actor=staff("service", attest=attest), purpose="service")
    assert (opened[0].denied().get("email") is None) == attest
    if policy:
        assert opened[0].denied()["email"].policy == policy


def test_consent_opens_and_withdrawal_closes_the_next_read(database):
    bob = staff("marketing")
    [lin] = admit(LIN)
    read = lambda: gate().open([lin], actor=bob, purpose="marketing")
    assert read()[0].denied()["email"].policy == "cn.pipl.consent-none"
    given = Statement(notice=1, way="staff")
    give_consent(lin, purpose=MARKETING, purpose_version=1, statement=given, recorded_by=bob.staff, id=new_id())
    assert values(read())["email"] == LIN["email"]
    withdraw_consent(lin, purpose=MARKETING, purpose_version=1, recorded_by=bob.staff, id=new_id())
    assert read()[0].denied()["email"].policy == "cn.pipl.consent-withdrawn"


def test_level_4_leaves_masked_without_second_factor(database):
    [lin] = admit(LIN)
    opened = gate().open([lin], actor=staff("privacy"), purpose="rights-request")
    assert masked(opened) == {"national_id": "••••002X"}


def test_restriction_and_objection_deny_what_their_law_says(database):
    alice, bob = staff("service"), staff("marketing")
    [lin] = admit(LIN)
    enter(lin, "restriction", by=alice.staff, id=new_id())
    assert gate().open([lin], actor=alice, purpose="service")[0].denied()["email"].policy == "house.restriction"
    lift(lin, "restriction")
    enter(lin, "objection", by=alice.staff, id=new_id(), purpose=MARKETING)
    assert values(gate().open([lin], actor=alice, purpose="service"))["email"]
    assert gate().open([lin], actor=bob, purpose="marketing")[0].denied()["email"].policy == "house.objection"


def test_collected_on_consent_serves_only_what_was_consented_to(database):
    [lin] = admit(LIN, basis="consent")
    opened = gate().open([lin], actor=staff("service"), purpose="service")
    assert values(opened) == {}
    assert opened[0].decision.of("email", 1).policy == "house.collected-on-consent"


def test_child_without_guardian_is_closed(database):
    [child] = admit(LIN, age=1)
    opened = gate().open([child], actor=staff("service"), purpose="service")
    assert opened[0].denied()["email"].policy == "cn.pipl.31-guardian"


def test_token_opens_its_purpose_only(database):
    staff("service")
    [lin] = admit(LIN)
    text, _ = issue_token(email="service@kehu.example", purpose="service", minutes=5)
    actor = actor_of_token(text)
    assert values(gate().open([lin], actor=actor, purpose="service"))
    assert gate().open([lin], actor=actor, purpose="complaints")[0].denied()["email"].policy == "house.scope"


def test_the_row_names_the_human_behind_a_token(database):
    made, _ = add_staff(email="alice@kehu.example", role="service", department="returns", attest=True)
    [lin] = admit(LIN)
    text, _ = issue_token(email="alice@kehu.example", purpose="service", minutes=5)
    actor = actor_of_token(text)
    [opened] = gate().open([lin], actor=actor, purpose="service", fields=["email"])
    with connection.cursor() as cursor:
        cursor.execute(
            "select e.actor, e.human, d.slug, e.purpose, g.ask from ledger_entry e join gate_decision g on g.id = e.decision"
            " join guard_department d on d.id = e.department where e.seq = %s",
            [opened.seq],
        )
        credential, human, department, purpose, ask = cursor.fetchone()
    assert (credential, human, department, purpose) == (actor.credential, made.id, "returns", PURPOSES["service"])
    assert credential != human
    asked = json.loads(ask)
    assert (asked["fields"], asked["version"], asked["rules"]) == (["email"], 1, installation().rules.digest.hex())


def test_no_row_no_plaintext(database):
    alice = staff("service")
    [lin] = admit(LIN)
    assert values(gate().open([lin], actor=alice, purpose="service"))
    with open_owner(database) as owner:
        owner.execute("revoke insert on ledger_entry from kehu_app")
        owner.execute("revoke insert (entry, actor, human, department, purpose, action, decision, detail, subjects,"
                      " jurisdictions, reach, commitments, mac) on ledger_entry from kehu_app")  # fmt: skip
    with pytest.raises(LedgerUnavailable) as refused:
        gate().open([lin], actor=alice, purpose="service")
    assert "lin" not in str(refused.value) and refused.value.__cause__ is None


def test_a_failed_commit_lets_nothing_out(database):
    alice = staff("service")
    [lin] = admit(LIN)
    gate().open([lin], actor=alice, purpose="service")
    with open_owner(database) as owner:
        owner.execute(
            "create function no_commit() returns trigger language plpgsql as 'begin raise exception ''no''; end'"
        )
        owner.execute("create constraint trigger no_commit after insert on ledger_entry deferrable initially deferred"
                      " for each row execute function no_commit()")  # fmt: skip
    with pytest.raises(LedgerUnavailable):
        gate().open([lin], actor=alice, purpose="service")


def test_refuses_inside_a_transaction(database):
    alice = staff("service")
    [lin] = admit(LIN)
    with transaction.atomic(), pytest.raises(InsideTransaction):
        gate().open([lin], actor=alice, purpose="service")


def test_a_decision_forged_in_the_database_is_found(database):
    alice = staff("engineer")
    [lin] = admit(LIN)
    with open_owner(database) as owner:
        owner.execute("alter table gate_decision disable trigger user")
        gate().open([lin], actor=alice, purpose="service")
        owner.execute("update gate_decision set answer = replace(answer::text, 'denied', 'clear')::jsonb,"
                      " categories = '{1,2,3,4,5,6,7}'")  # fmt: skip
    gate().decisions._cache.clear()
    with pytest.raises(Exception, match=r"[0-9a-f]{64}"):
        gate().open([lin], actor=alice, purpose="service")


@pytest.mark.parametrize(
    "moved",
    [
        "update facet f set sealed = g.sealed from facet g where f.subject = %(one)s and g.subject = %(two)s"
        " and f.category = 2 and g.category = 2",
        "update facet f set sealed = g.sealed from facet g where f.subject = %(one)s and g.subject = f.subject"
        " and f.category = 1 and g.category = 2",
        "with other as (insert into record select (jsonb_populate_record(r, jsonb_build_object('id', gen_random_uuid()))).*"
        " from record r where r.subject = %(one)s returning id) update facet set record = (select id from other)"
        " where subject = %(one)s and category = 2",
        "update facet set version = version + 1 where subject = %(one)s and category = 2",
    ],
    ids=["to another person", "to another category", "to another record", "to another version"],
)
def test_a_moved_ciphertext_does_not_open(database, moved):
    alice = staff("service")
    one, two = admit(LIN, {"email": "zhou@mail.example"})
    assert values(gate().open([one], actor=alice, purpose="service"))
    with open_owner(database) as owner:
        assert owner.execute(moved, {"one": one, "two": two}).rowcount == 1
    with pytest.raises(FacetDoesNotOpen):
        gate().open([one], actor=alice, purpose="service")


def test_grants_of_the_application(database):
    with psycopg.connect(
        database.conninfo("kehu_app", __import__("os").environ["KEHU_DBNAME"]), autocommit=True
    ) as app:
        for table in ("ledger_entry", "gate_decision", "ledger_leaf", "ledger_tile", "ledger_checkpoint", "ledger_use"):
            for right in ("UPDATE", "DELETE", "TRUNCATE"):
                row = app.execute("select has_table_privilege(current_user, %s, %s)", (table, right)).fetchone()
                assert row == (False,), (table, right)
        for column in ("seq", "xid", "at"):
            row = app.execute("select has_column_privilege('ledger_entry', %s, 'INSERT')", (column,)).fetchone()
            assert row == (False,), column
        for table in ("ledger_leaf", "ledger_tile", "ledger_checkpoint"):
            row = app.execute("select has_table_privilege(%s, 'INSERT')", (table,)).fetchone()
            assert row == (False,), table
