"""From the vault to traits: who is computed, who is not, and what a customer's word does to what stands."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction

from kehu.govern import consent as consents
from kehu.govern import states
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.refine.derive import actions, due, runs
from kehu.refine.derive.models import Trait, TraitVersion
from kehu.refine.derive.queries import derived_of, own_traits, traits_of
from kehu.vault.assignment import assign, unassign
from kehu.vault.ids import new_id
from tests.cast import admit
from tests.refine.derive.conftest import (
    AU,
    CUSTOMERS,
    HEAD,
    MARKS,
    ORDERS,
    TALKS,
    agree,
    anew,
    customers,
    definition,
    everything,
    rows,
)  # fmt: skip


def test_values_of_everybody_who_may_be_counted(there):
    ann, bob = customers()
    found = anew()
    assert found[ann]["frequency"] == 2 and found[ann]["money"] == {
        "CNY": 16
    }  # 12.50 counts as 13; cancelled not at all
    assert found[ann]["preferred_hours"] == {"morning": 1, "evening": 1} and found[ann]["contacts"] == 1
    assert found[ann]["category_affinity"] == {"tea": 1, "music": 1, "other": 1}
    assert "category_affinity" not in found[bob]  # who agreed to nothing
    assert (
        found[bob]["frequency"] == 2 and "money" not in found[bob]
    )  # no currency, and no amount but a telephone number
    act = rows("select count(*), sum(subjects) from ledger_entry where action = 140 and purpose = 6 and subjects > 0")
    assert act == [(1, 2)]  # one row for both


def test_hour_and_weekday_are_of_the_time_that_the_sender_wrote(bring, in_force):
    bring(CUSTOMERS, *AU)
    times = (  # all of them a Monday
        "2026-01-05 03:05 PM", "2026-01-05 下午 3:05", "2026年1月5日15时05分", "2026-01-05 12:05 AM",
        "2026-01-05T02:00:00+08:00", "2026-01-05 23:30:00-0530", "2026-01-05T10:00:00Z", "2026-01-05",
    )  # fmt: skip
    lines = "".join(f"A{n},K1,{time},{n + 10},CNY,cup\n" for n, time in enumerate(times))
    bring("order_id,external_id,ordered_at,amount,currency,product\n" + lines, "--kind", "orders", *AU)
    for key in ("hour", "weekday"):
        one = definition(f"by_{key}", f"select count(*) from orders group by {key}")
        actions.declare(one, owner="analyst@kehu.example", deputy="manager@kehu.example", actor=owner_actor())
    [found] = anew().values()
    assert found["by_weekday"] == {"1": 8}
    assert found["by_hour"] == {"0": 1, "2": 1, "10": 1, "15": 3, "23": 1}


def test_no_identity_value_enters_any_table_of_traits(there, database):
    anew()
    runs.catch_up()
    with open_owner(database) as owner:
        tables = ("derive_state", "derive_value", "derive_due", "derive_trait", "derive_traitversion")
        dump = "".join(str(row) for table in tables for row in owner.execute(f"select t::text from {table} t")).lower()
        assert "cny" in dump and "morning" in dump  # what ought to be there is found
        for mark in MARKS:
            assert mark.lower() not in dump
        # the control: a text that got out would be found
        owner.execute(
            "update derive_state set state = state || jsonb_build_object('x', %s::text)", (f"{MARKS[0]} {MARKS[1]}",)
        )
        dump = "".join(str(row) for row in owner.execute("select t::text from derive_state t")).lower()
        assert MARKS[0].lower() in dump and MARKS[1] in dump


def test_the_database_refuses_a_field_that_names_somebody_and_a_trait_without_people(there):
    row = TraitVersion.objects.get(trait_id="recency", version=1)
    with pytest.raises(IntegrityError, match="trait_inputs_name_nobody"), transaction.atomic():
        row.id, row.version, row.inputs = new_id(), 2, ["full_name"]
        TraitVersion(**{f.attname: getattr(row, f.attname) for f in row._meta.fields}).save(force_insert=True)
    for parts in ({"deputy": None}, {"owner": None}):
        with pytest.raises(IntegrityError, match="trait_in_force_is_owned"), transaction.atomic():
            Trait.objects.filter(slug="recency").update(**parts)
    with pytest.raises(IntegrityError, match="trait_has_a_purpose"), transaction.atomic():
        Trait.objects.filter(slug="recency").update(purpose=0)


def test_one_event_at_a_time_comes_to_what_bulk_does(bring, in_force):
    bring(CUSTOMERS, *AU)
    agree(customers()[0], 5)
    for line in [ORDERS[4], ORDERS[1], ORDERS[3], ORDERS[0], ORDERS[2]]:
        bring(HEAD + line, "--kind", "orders", *AU)
        runs.catch_up()
    bring(TALKS, "--kind", "interactions", *AU)
    assert due.waiting() == 1
    runs.catch_up()
    assert due.waiting() == 0
    stepwise = everything()
    assert len(stepwise) == 2 and anew() == stepwise


def test_an_order_that_is_sent_again_counts_once(there, bring):
    ann = customers()[0]
    bring(HEAD + ORDERS[1].replace(",3,", ",90,"), "--kind", "orders", *AU)
    runs.catch_up()
    assert everything()[ann]["money"] == {"CNY": 103} and everything()[ann]["frequency"] == 2


def test_one_row_of_absurd_numbers_stops_no_run_and_is_left_out_alone(there, bring):
    ann, bob = customers()
    for slug, text in {
        "turnover": "select sum(amount * quantity) from orders",
        "line": "select avg(amount * quantity) from orders",
        "largest": "select max(amount * quantity) from orders",
        "lines": "select count(amount * quantity) from orders",
        "beyond": f"select sum(quantity) * {'9' * 400} * 0.{'0' * 20}1 from orders",
        "by_channel": f"select sum(quantity) * 1{'0' * 40} * 1e300 from orders group by channel",
        "vast": f"select sum(quantity) * 1{'0' * 20} from orders",
        "vast_by_channel": f"select sum(quantity) * 1{'0' * 20} from orders group by channel",
        "listed": "select count(*) from orders where quantity in (2, 2.5) or hour in (2.5) or quantity in (3)",
    }.items():
        actions.declare(
            definition(slug, text, level=3), owner="analyst@kehu.example", deputy="manager@kehu.example", actor=owner_actor()
        )  # fmt: skip
    lines = (
        "B1,K1,2026-01-02,9000000000,CNY,cup,9000000000\nB2,K1,2026-01-02,10,CNY,cup,2\nB3,K2,2026-01-02,5,CNY,cup,3\n"
    )
    bring(HEAD.replace("order_status", "quantity") + lines, "--kind", "orders", *AU)
    found = anew()
    assert [found[ann][slug] for slug in ("turnover", "line", "largest", "lines", "frequency")] == [20, 20, 20, 1, 4]
    assert found[bob]["turnover"] == 15 and not {"beyond", "by_channel", "vast", "vast_by_channel"} & set(found[ann])
    assert found[ann]["listed"] == found[bob]["listed"] == 1
    runs.catch_up()
    assert everything() == found


def test_a_merge_adds_up_and_an_unmerge_is_its_inverse(there):
    ann, bob = customers()
    before = anew()
    with transaction.atomic():
        assign(connection.connection, [(ann, bob)], certainty=3, why=5, run=None, by=owner_actor().staff)
    assert everything() == {}  # at once: nobody sees the one's for the other's
    runs.catch_up()
    joined = everything()
    assert set(joined) == {ann} and joined[ann]["frequency"] == 4 and joined == anew()
    with transaction.atomic():
        unassign(connection.connection, [(ann, bob)], run=None, by=owner_actor().staff)
    assert everything() == {}
    runs.catch_up()
    assert everything() == before


def test_whose_events_are_none_is_not_computed_for_a_merge(there):
    """Else linkage of two hundred thousand would have all of them opened once more, for nothing."""
    ann, _ = customers()
    cy, dee = admit({"full_name": "cy"}, {"full_name": "dee"})
    before = anew()
    by = owner_actor().staff
    with transaction.atomic():
        assign(connection.connection, [(cy, dee)], certainty=3, why=5, run=None, by=by)
    assert rows("select count(*) from derive_due") == [(0,)] and everything() == before
    with transaction.atomic():  # what joins somebody with events is: the values of that customer are gone
        assign(connection.connection, [(ann, cy)], certainty=3, why=5, run=None, by=by)
    assert ann not in everything() and (ann,) in rows("select subject from derive_due")
    runs.catch_up()
    assert ann in everything() and everything() == anew()


def test_an_objection_to_marketing_takes_marketing_traits_in_the_same_transaction(there):
    ann = customers()[0]
    anew()
    assert "category_affinity" in everything()[ann]
    states.enter(ann, "objection", purpose=4, by=owner_actor().staff, id=new_id())
    assert "category_affinity" not in everything()[ann] and "frequency" in everything()[ann]
    assert rows("select count(*) from derive_state where subject = %s and purpose = 5", ann) == [(0,)]
    runs.catch_up()
    assert "category_affinity" not in anew()[ann]  # nor is it computed again


def test_a_withdrawal_takes_what_rested_on_it_and_a_race_brings_nothing_back(there):
    ann = customers()[0]
    anew()
    consents.withdraw_consent(ann, purpose=5, purpose_version=1, recorded_by=owner_actor().staff, id=new_id())
    assert "category_affinity" not in everything()[ann]
    # whoever had counted before the withdrawal, and writes after it, is refused by the database
    with pytest.raises(IntegrityError, match="no trait may stand"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "insert into derive_state (subject, purpose, sensitive, state) values (%s, 5, false, '{}')", [ann]
        )


@pytest.mark.parametrize("kind", ["restriction", "objection"])
def test_analytics_ends_with_restriction_and_objection_to_it(there, kind):
    ann, bob = customers()
    anew()
    purpose = 6 if kind == "objection" else None
    states.enter(ann, kind, purpose=purpose, by=owner_actor().staff, id=new_id())
    assert "frequency" not in everything().get(ann, {})
    assert set(anew()) >= {bob} and "frequency" not in everything().get(ann, {})
    states.lift(ann, kind, purpose=purpose)
    runs.catch_up()
    assert everything()[ann]["frequency"] == 2


def test_none_for_minors(there):
    ann = customers()[0]
    anew()
    rows_before = rows("select count(*) from derive_state where subject = %s", ann)
    assert rows_before != [(0,)]
    with connection.cursor() as cursor:
        cursor.execute("update subject_state set age = 4 where subject = %s", [ann])  # 16 or 17
    assert rows("select count(*) from derive_state where subject = %s", ann) == [(0,)]
    assert ann not in anew()


def test_one_statement_about_many_takes_what_each_alone_would(there):
    ann, bob = customers()
    anew()
    held = "select count(*) from derive_state where subject = any (%s)"
    before = rows(held, [ann, bob])
    with connection.cursor() as cursor:
        cursor.execute("update subject_state set last_act = current_date", ())  # says nothing of traits
        assert rows(held, [ann, bob]) == before and rows("select count(*) from derive_due") == [(0,)]
        cursor.execute("update subject_state set age = 4 where subject = any (%s)", [[ann, bob]])
    assert rows(held, [ann, bob]) == [(0,)] and rows("select count(*) from derive_value") == [(0,)]
    assert {subject for (subject,) in rows("select subject from derive_due")} == {ann, bob}


def test_an_import_taken_back_takes_its_part_with_it(there, bring, kehu):
    ann = customers()[0]
    before = anew()
    answer = bring(HEAD + "Z9,K1,2026-10-01,900,CNY,tea,\n", "--kind", "orders", *AU)
    runs.catch_up()
    assert everything()[ann]["money"] == {"CNY": 916}
    assert (
        kehu("import", "undo", answer.json["import"]).code == 0
        or kehu("import", "--undo", answer.json["import"]).code == 0
    )
    assert ann not in everything()  # at once
    runs.catch_up()
    assert everything() == before


def test_an_erasure_and_an_export_reach_them(there, kehu):
    ann = customers()[0]
    anew()
    shown = {one.slug: one.value for one in derived_of([ann])}
    assert shown["frequency"] == 2 and shown["category_affinity"]["tea"] == 1
    assert kehu("erase", ann, "--reason", "asked").code == 0
    for table, column in (("derive_state", "subject"), ("derive_value", "customer"), ("derive_due", "subject")):
        assert rows(f"select count(*) from {table} where {column} = %s", ann) == [(0,)]


def test_a_read_of_traits_passes_the_gate(there):
    ann, bob = customers()
    anew()
    seen = traits_of(ann, actor=there("analyst"), purpose="analytics")
    assert "frequency" in {one.slug for one in seen.shown} and seen.seq
    assert rows("select action, purpose, subjects from ledger_entry where seq = %s", seen.seq) == [(143, 6, 1)]
    assert traits_of(ann, actor=there("analyst"), purpose="personalisation").shown == ()  # that role may not
    assert "category_affinity" in {
        one.slug for one in traits_of(ann, actor=there("marketing"), purpose="personalisation").shown
    }
    states.enter(bob, "restriction", by=owner_actor().staff, id=new_id())
    assert traits_of(bob, actor=there("analyst"), purpose="analytics").shown == ()


def test_a_trait_that_reveals_something_needs_a_separate_consent(there):
    ann, bob = customers()
    agree(ann, 6)
    actions.declare(
        definition("diet", "select count(*) from orders where product like '%medic%' or product like '%tea%'", level=4),
        owner="analyst@kehu.example", deputy="manager@kehu.example", actor=there("analyst"),
    )  # fmt: skip
    assert "diet" not in anew().get(ann, {})
    consents.give_consent(
        ann, purpose=6, purpose_version=1, recorded_by=owner_actor().staff, id=new_id(),
        statement=consents.Statement(way="counter", notice=1, terms=consents.Terms("sensitive")),
    )  # fmt: skip
    runs.catch_up()
    found = everything()
    assert found[ann]["diet"] == 1 and "diet" not in found[bob]
    seen = traits_of(ann, actor=there("analyst"), purpose="analytics")
    assert ("diet", "second-factor") in seen.held_back
    consents.withdraw_consent(ann, purpose=6, purpose_version=1, recorded_by=owner_actor().staff, id=new_id())
    assert "diet" not in everything().get(ann, {})


def test_versions_are_kept_and_a_retired_trait_leaves_nothing(there):
    ann = customers()[0]
    anew()
    row = actions.declare(
        definition("contacts", "select count(*) * 10 from interactions"), owner="analyst@kehu.example",
        deputy="manager@kehu.example", actor=there("analyst"), reason="tens",
    )  # fmt: skip
    assert row.version == 2 and anew()[ann]["contacts"] == 10
    with pytest.raises(actions.Fault) as wrong:
        actions.retire("tenure", actor=there("analyst"))
    assert wrong.value.code == "used" and "lifecycle" in wrong.value.word
    actions.retire("category_affinity", actor=there("marketing"))
    assert rows("select count(*) from derive_state where purpose = 5") == [(0,)]
    assert "category_affinity" not in everything()[ann]
    acts = rows("select action, count(*) from ledger_entry where action in (141, 142) group by 1 order by 1")
    assert acts == [(141, 17), (142, 1)]


def test_what_ships_is_taken_over_once_and_what_the_office_made_of_it_stands(there, kehu):
    actions.retire("satisfaction", actor=there("analyst"))
    tens = definition("contacts", "select count(*) * 10 from interactions")
    actions.declare(tens, owner="manager@kehu.example", deputy="analyst@kehu.example", actor=there("analyst"))
    people = ("--owner", "analyst@kehu.example", "--deputy", "marketing@kehu.example")
    answer = kehu("traits", "declare", "--shipped", *people).json
    assert answer["declared"] == []
    left = {one["trait"]: one["state"] for one in answer["left"]}
    assert (left["satisfaction"], left["contacts"], left["recency"]) == ("retired", "changed", "in-force")
    assert Trait.objects.get(slug="satisfaction").state == "retired"
    held = Trait.objects.get(slug="contacts")
    assert held.version == 2 and held.owner == there("manager").staff


def test_a_consent_that_ends_by_time_leaves_nothing_and_counts_in_nothing(there, database):
    ann, bob = customers()
    agree(bob, 5)
    anew()
    assert Trait.objects.get(slug="category_affinity").covered == 2
    with open_owner(database) as owner:  # its last second passes, and nothing is written then
        owner.execute("alter table subject_state disable trigger subject_state_derive")
        owner.execute(
            "update subject_state set consents = jsonb_set(consents, '{5,2}', to_jsonb(extract(epoch from now()) - 1))"
            " where subject = %s",
            [ann],
        )
        owner.execute("alter table subject_state enable trigger subject_state_derive")
    assert set(anew()) == {ann, bob} and "category_affinity" not in everything()[ann]
    assert rows("select subject from derive_state where purpose = 5") == [(bob,)]
    assert Trait.objects.get(slug="category_affinity").covered == 1


def test_what_is_kept_goes_once_its_customer_was_quiet_for_longer_than_any_trait_of_the_purpose_keeps(there):
    ann, bob = customers()
    agree(bob, 5)
    actions.retire("category_affinity", actor=there("marketing"))
    actions.declare(
        definition("teas", "select count(*) from orders where product <> 'tea'", purpose="personalisation", retention_days=30),
        owner="marketing@kehu.example", deputy="campaigns@kehu.example", actor=there("marketing"),
    )  # fmt: skip
    of_them = "select subject from derive_state where purpose = 5 order by subject"
    anew()
    assert rows(of_them) == [(ann,), (bob,)]

    def quiet(days: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("update subject_state set last_act = current_date - %s where subject = %s", [days, bob])

    quiet(30)
    anew()
    assert rows(of_them) == [(ann,), (bob,)]
    quiet(31)
    assert "teas" not in anew()[bob]
    assert rows(of_them) == [(ann,)]
    quiet(0)  # whoever is heard of again is computed again
    assert anew()[bob]["teas"] == 2


def test_a_run_that_is_going_on_writes_nothing_of_what_was_retired_meanwhile(there, monkeypatch):
    ann, _ = customers()
    opened = runs._opened

    def retiring(slug, by):
        def once(*asked):
            found = list(opened(*asked))
            if Trait.objects.filter(slug=slug, state="in-force").exists():
                actions.retire(slug, actor=there(by))
            return iter(found)

        return once

    with monkeypatch.context() as patch:  # one of several of its purpose, which others count nothing of
        patch.setattr(runs, "_opened", retiring("response", "analyst"))
        found = anew()
    assert "frequency" in found[ann] and "response" not in found[ann]
    with monkeypatch.context() as patch:  # the last of its purpose
        patch.setattr(runs, "_opened", retiring("category_affinity", "marketing"))
        runs.compute(actor=owner_actor())
    assert rows("select count(*) from derive_state where purpose = 5") == [(0,)]
    assert rows("select count(*) from derive_value where purpose = 5") == [(0,)]


def test_what_is_kept_for_a_purpose_without_a_trait_goes_with_the_next_run(there):
    anew()
    actions.declare(
        definition("category_affinity", "select count(*) from orders where product = 'tea'", purpose="personalisation", level=4),
        owner="marketing@kehu.example", deputy="campaigns@kehu.example", actor=there("marketing"),
    )  # fmt: skip
    anew()
    assert rows("select count(*) from derive_state where purpose = 5 and not sensitive") == [(0,)]
    assert rows("select count(*) from derive_value where purpose = 5 and not sensitive") == [(0,)]


def test_nobody_answers_for_a_trait_whose_role_may_not_claim_its_purpose(there):
    teas = definition("teas", "select count(*) from orders", purpose="personalisation")
    marketing, manager = "marketing@kehu.example", "manager@kehu.example"
    for owner, deputy in ((marketing, manager), (manager, marketing)):
        with pytest.raises(actions.Fault, match="may not claim") as wrong:
            actions.declare(teas, owner=owner, deputy=deputy, actor=there("marketing"))
        assert (wrong.value.code, wrong.value.word) == ("owner-role", manager)
    with pytest.raises(actions.Fault, match="may not claim"):
        actions.hand_over("category_affinity", owner=marketing, deputy=manager, actor=there("marketing"))
    with connection.cursor() as cursor:  # what lapses and is renewed is no reason
        cursor.execute("update actor_state set training_until = now() where role = 'marketing' and actor <> %s",
            [there("marketing").credential])  # fmt: skip
    assert actions.declare(
        teas, owner=marketing, deputy="campaigns@kehu.example", actor=there("marketing")
    ).version == 1  # fmt: skip


def test_whoever_leaves_hands_over_first(there):
    with pytest.raises(IntegrityError, match="handed over first"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("update guard_staff set is_active = false where email = 'analyst@kehu.example'")
    for slug in Trait.objects.values_list("slug", flat=True):
        actions.hand_over(slug, owner="marketing@kehu.example", deputy="campaigns@kehu.example", actor=owner_actor())
    with connection.cursor() as cursor:
        cursor.execute("update guard_staff set is_active = false where email = 'analyst@kehu.example'")


def test_what_may_not_be_asked_for_now_stays_due(there):
    with connection.cursor() as cursor:
        cursor.execute("update actor_state set training_until = now() - interval '1 day'")
    before = due.waiting()
    assert set(runs.catch_up().stopped) == {"analytics", "personalisation"}
    assert due.waiting() == before > 0 and everything() == {}


def test_what_comes_due_in_a_transaction_that_ends_during_a_run_is_not_forgotten_with_it(there, database, monkeypatch):
    ann, bob = customers()
    refresh = runs.refresh
    with open_owner(database) as late:
        late.autocommit = False
        late.execute("insert into derive_due (subject) values (%s)", [ann])  # as events that come in write it
        with connection.cursor() as cursor:
            cursor.execute("insert into derive_due (subject) values (%s)", [bob])
        with monkeypatch.context() as patch:  # her events were read already
            patch.setattr(runs, "refresh", lambda group: (refresh(group), late.commit()))
            anew()
    assert rows("select subject from derive_due") == [(ann,)]
    assert runs.catch_up().customers == 1 and due.waiting() == 0


def test_own_traits_are_those_of_the_certain_part(there):
    from kehu.guard.guests.credentials import guest_actor

    ann, bob = customers()
    anew()
    with transaction.atomic():
        assign(connection.connection, [(ann, bob)], certainty=3, why=5, run=None, by=owner_actor().staff)
    runs.catch_up()
    found = {one.slug: one.value for one in own_traits(ann, actor=guest_actor(ann))}
    assert found["frequency"] == 2  # not those of whom linkage supposes to be the same
