"""Inquiries: who used whose data, what somebody saw, a purpose, a time; and each reading of the ledger is itself a use."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from kehu.guard import installation as installation_of
from kehu.guard.gate.acts import ActRefused, Refused
from kehu.guard.gate.read import gate
from kehu.guard.installation import installation
from kehu.guard.ledger import queries as ledger
from kehu.guard.ledger.inquiries import Question, inquire
from kehu.guard.ledger.own import own_row
from kehu.guard.setup import register_rules
from kehu.guard.staff.actions import owner_actor
from kehu.serve.assurance import proofs, queries
from kehu.serve.desk.queries import explain
from tests.cast import admit, staff


@pytest.fixture
def cast(database):
    """Lin (CN) and Hans (EU); alice of service reads both at once, lin twice more, one field in vain; bob is a manager."""
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"}, packs=1)
    [hans] = admit({"full_name": "Hans", "email": "hans@mail.example"}, packs=2)
    alice, bob = staff("service"), staff("manager")
    start = datetime.now(UTC)
    gate().open([lin, hans], actor=alice, purpose="service", fields=["email"])
    gate().open([lin], actor=alice, purpose="service", fields=["full_name"])
    gate().open([lin], actor=alice, purpose="service", fields=["national_id"])  # denied
    gate().open([hans], actor=bob, purpose="complaints", fields=["phone"])
    return lin, hans, alice, bob, start


def ledgered():
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*), max(e.purpose) from ledger_entry e where e.action = 20"  # read-ledger
        )
        return cursor.fetchone()


def test_what_a_person_saw(cast):
    _, _, alice, _, start = cast
    found = inquire(Question(human=alice.human, since=start))
    assert (found.rows, found.uses, found.at_least, found.at_most) == (4, 4, 2, 2)
    assert found.jurisdictions == {"CN": 3, "EU": 1}
    assert found.fields["email"] == {"uses": 2, "CN": 1, "EU": 1}
    assert set(found.fields) == {"email", "full_name"}  # a field denied was not reached
    [group] = found.groups
    assert (group.human, group.purpose, group.action, group.rows) == ("service@kehu.example", "service", "read", 4)
    assert group.fields == ("email", "full_name") and start < group.first < group.last


def test_the_rows_of_a_person_are_asked_for_by_their_id(cast):
    _, _, alice, _, _ = cast
    with CaptureQueriesContext(connection) as asked:
        found = ledger.rows(human=alice.human)
    assert len(found) == 4 and {row["human"] for row in found} == {"service@kehu.example"}
    # a value, of which the planner knows whether an index is worth it
    assert f"e.human = '{alice.human.hex}'" in asked.captured_queries[-1]["sql"]


def test_list_inquiry_explanation_and_own_log_tell_the_same_of_values_from_two_places(database, monkeypatch):
    """Collected on consent, and of a field that no notice in force tells of: one provenance is denied, the other clear."""
    told = installation_of.told()
    monkeypatch.setattr(installation_of, "told", lambda: {**told, "marketing": told["marketing"] - {"email"}})
    register_rules()
    installation().held_rules.read_again()
    [lin] = admit({"email": "lin@mail.example"}, basis="consent")
    with connection.cursor() as cursor:
        cursor.execute(
            """update subject_state set consents = '{"4": ["given", "general", null, 1]}' where subject = %s""", [lin]
        )
    mia = staff("marketing")
    assert explain(lin, actor=mia, purpose="marketing", fields=["email"])["email"].answer == "clear"
    [seen] = gate().open([lin], actor=mia, purpose="marketing", fields=["email"])
    assert [one.answer for one in seen.contributions] == ["clear"] and seen.decision.of("email").answer == "denied"
    row = ledger.rows(subject=lin, limit=1)[0]
    assert (row["answer"], row["fields"], row["policy"]) == ("clear", ["email"], "house.role-marketing")
    assert own_row(lin, seen.seq).clear == ("email",)
    assert set(inquire(Question(subject=lin)).fields) == {"email"}


def test_who_has_lapsed_reads_nothing_of_the_ledger(cast):
    lin, *_ = cast
    auditor = staff("auditor")
    row = ledger.rows(subject=lin, limit=1)[0]["seq"]
    assert queries.prove(row, actor=auditor, subject=lin)["decision"]
    with connection.cursor() as cursor:
        cursor.execute(
            "update actor_state set training_until = now() - interval '1 day' where staff = %s", [auditor.staff]
        )
    for asked in (
        lambda: queries.rows(actor=auditor), lambda: queries.inquire(actor=auditor, subject=lin),
        lambda: queries.prove(row, actor=auditor), lambda: queries.prove(row, actor=auditor, subject=lin),
        lambda: queries.prove(row, actor=auditor, subject=auditor.human),
    ):  # fmt: skip
        with pytest.raises(Refused, match=r"house\.training"):
            asked()


def test_who_used_this_customers_data(cast):
    lin, hans, *_, start = cast
    found = inquire(Question(subject=hans, since=start))
    assert (found.rows, found.uses, found.at_least, found.at_most) == (2, 2, 1, 1)
    assert {group.human for group in found.groups} == {"service@kehu.example", "manager@kehu.example"}
    assert found.jurisdictions == {"EU": 2}  # of the row about both, only this one
    assert inquire(Question(subject=lin, since=start)).uses == 3


def test_everything_under_a_purpose_and_in_a_time(cast):
    *_, start = cast
    assert [group.human for group in inquire(Question(purpose=13)).groups] == ["manager@kehu.example"]
    assert inquire(Question(until=start)).uses == 2  # the two imports
    assert inquire(Question(since=datetime.now(UTC))).rows == 0
    everything = inquire(Question())
    assert everything.rows == sum(group.rows for group in everything.groups) >= 6


def test_the_erased_are_still_counted(database, cast):
    _, hans, alice, _, start = cast
    question = Question(human=alice.human, since=start)
    before = inquire(question)
    with connection.cursor() as cursor:
        cursor.execute("select forget_subject_uses(%s)", [hans])
    after = inquire(question)
    assert (after.uses, after.jurisdictions, after.fields) == (before.uses, before.jurisdictions, before.fields)
    assert (after.at_least, after.at_most) == (2, 2)


def test_who_may_and_that_it_is_recorded(cast):
    lin, _, alice, _, _ = cast
    auditor = staff("auditor")
    with pytest.raises(ActRefused):
        queries.inquire(actor=alice, subject=lin)
    count, _ = ledgered()
    found = queries.inquire(actor=auditor, staff="service@kehu.example")
    assert found["uses"] == 4 and found["by"][0]["fields"] == ["email", "full_name"]
    queries.inquire(actor=owner_actor(), subject=lin)
    queries.rows(actor=auditor)
    seq = queries.rows(actor=owner_actor(), subject=lin)[0]["seq"]
    queries.prove(seq, actor=auditor, subject=lin)
    assert ledgered() == (count + 5, 9)  # under the purpose security
    assert queries.rows(actor=owner_actor(), staff="auditor@kehu.example")[0]["action"] == "read-ledger"


def test_pure_verification_is_no_reading(cast):
    owner = owner_actor()
    seq = queries.rows(actor=owner)[-1]["seq"]
    before = ledgered()
    queries.checkpoint(actor=owner)
    assert "decision" not in queries.prove(seq, actor=owner)
    proofs.consistency(2, actor=owner)
    assert queries.verify(actor=owner)["ok"]
    assert ledgered() == before


def test_bounds_that_make_no_sense(cast):
    *_, start = cast
    with pytest.raises(ValueError, match="purpose"):
        queries.inquire(actor=owner_actor(), purpose="spying")
    with pytest.raises(ValueError, match="until"):
        queries.inquire(actor=owner_actor(), since=start, until=start)
    assert queries.inquire(actor=owner_actor(), staff="owner")["rows"] >= 2
