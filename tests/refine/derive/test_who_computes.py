"""In whose name traits are computed: each purpose stands by itself, and what stands against who asks is nobody's refusal."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, time

import pytest
from django.db import connection, transaction

from kehu.govern import states
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import actor_of, owner_actor
from kehu.guard.staff.duty import Duty, set_duty
from kehu.refine.derive import due, runs, tasks
from kehu.refine.derive.actions import retire
from kehu.refine.derive.askers import asker_of, stopped_now
from kehu.refine.derive.faults import NobodyMay
from kehu.refine.derive.health import check_traits
from kehu.refine.derive.models import IN_FORCE, RETIRED, Trait
from kehu.refine.derive.register import groups
from kehu.vault.assignment import assign
from kehu.vault.ids import new_id
from tests.cast import shipped_with
from tests.races import beside, somebody_waits, until
from tests.refine.derive.conftest import HEAD, agree, anew, customers, everything, rows

PERSONALISATION, ANALYTICS = 5, 6


def lapse(*roles: str, days: int = -1) -> None:
    """The training of everybody of these roles ends so many days from now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "update actor_state set training_until = now() + make_interval(days => %s) where role = any (%s)",
            [days, list(roles)],
        )


def opened(purpose: int) -> int:
    """Rows of the ledger by which customers were asked for to compute a purpose."""
    return rows("select count(*) from ledger_entry where action = 140 and purpose = %s and subjects > 0", purpose)[0][0]


def put_off() -> list[tuple]:
    return rows("select subject, purpose from derive_due where purpose is not null order by 1, 2")


def ages_ago() -> None:
    """What is put off was so long ago."""
    with connection.cursor() as cursor:
        cursor.execute("update derive_due set at = at - interval '2 hours'", ())


def test_a_purpose_that_nobody_may_compute_waits_by_itself(there):
    ann, bob = customers()
    lapse("marketing")
    done = runs.catch_up()
    assert done.customers == 2 and done.stopped == {"personalisation": "house.training"}
    assert everything()[ann]["frequency"] == 2 and "category_affinity" not in everything()[ann]
    assert put_off() == [(ann, PERSONALISATION), (bob, PERSONALISATION)] and due.waiting() == 2
    before = opened(ANALYTICS)
    runs.catch_up()  # as each minute does
    assert opened(ANALYTICS) == before and opened(PERSONALISATION) == 0 and not runs.anything_due()
    lapse("marketing", days=30)
    assert runs.anything_due() and runs.catch_up().stopped == {}
    assert "category_affinity" in everything()[ann] and due.waiting() == 0 and opened(ANALYTICS) == before


@pytest.mark.parametrize("fails", ["analytics", "personalisation"])
@pytest.mark.parametrize("where", ["_count_up", "settle"])
def test_a_purpose_that_fails_as_nobody_foresaw_waits_by_itself(there, monkeypatch, fails, where):
    ann, _ = customers()
    mine, other = ("frequency", "category_affinity") if fails == "analytics" else ("category_affinity", "frequency")
    real = getattr(runs, where)

    def work(*words):
        if any(getattr(one, "purpose", "") == fails for one in words):
            raise ValueError("unforeseen")
        return real(*words)

    with monkeypatch.context() as patch:
        patch.setattr(runs, where, work)
        with pytest.raises(ValueError, match="unforeseen"):
            runs.catch_up()
        assert mine not in everything()[ann] and other in everything()[ann]
        assert {purpose for _, purpose in put_off()} == {ANALYTICS if fails == "analytics" else PERSONALISATION}
        assert not runs.anything_due()  # until an hour has gone by
        if where == "_count_up":
            with pytest.raises(ValueError, match="unforeseen"):
                runs.compute(actor=owner_actor())
            assert Trait.objects.get(slug=mine).computed_at is None is not Trait.objects.get(slug=other).computed_at
    ages_ago()
    assert runs.catch_up().stopped == {} and mine in everything()[ann] and due.waiting() == 0


@pytest.mark.parametrize("fails", ["analytics", "personalisation"])
def test_a_run_of_everything_goes_on_behind_a_purpose_whose_customers_cannot_be_told(there, monkeypatch, fails):
    customers()
    mine, other = ("frequency", "category_affinity") if fails == "analytics" else ("category_affinity", "frequency")
    real = runs._customers

    def asked(group, **more):
        if group.purpose == fails:
            raise ValueError("unforeseen")
        return real(group, **more)

    monkeypatch.setattr(runs, "_customers", asked)
    with pytest.raises(ValueError, match="unforeseen"):
        runs.compute(actor=owner_actor())
    assert Trait.objects.get(slug=mine).computed_at is None is not Trait.objects.get(slug=other).computed_at


def test_a_run_of_everything_goes_on_behind_a_purpose_that_nobody_may_compute(there):
    ann, _ = customers()
    anew()
    lapse("analyst", "manager")
    with connection.cursor() as cursor:
        cursor.execute("insert into derive_due (subject) values (%s)", [ann])
    stood = everything()[ann]
    done = runs.compute(actor=owner_actor())
    assert done.stopped == {"analytics": "house.training"} and everything()[ann] == stood
    assert put_off() == [(ann, ANALYTICS)] and due.waiting() == 1
    assert (Trait.objects.get(slug="category_affinity").computed_at) > Trait.objects.get(slug="frequency").computed_at


def test_what_may_stand_no_longer_is_forgotten_though_nobody_may_compute(there, database):
    ann, bob = customers()
    agree(bob, PERSONALISATION)
    anew()
    lapse("marketing")
    with open_owner(database) as owner:  # a consent's last second passes, and nothing is written then
        owner.execute("alter table subject_state disable trigger subject_state_derive")
        owner.execute(
            "update subject_state set consents = jsonb_set(consents, '{5,2}', to_jsonb(extract(epoch from now()) - 1))"
            " where subject = %s",
            [ann],
        )
        owner.execute("alter table subject_state enable trigger subject_state_derive")
    assert "category_affinity" not in anew()[ann] and "category_affinity" in everything()[bob]
    assert rows("select subject from derive_state where purpose = 5") == [(bob,)]
    assert Trait.objects.get(slug="category_affinity").covered == 1


def test_whose_values_went_gets_none_of_a_part_of_their_events(there):
    ann, bob = customers()
    anew()
    lapse("analyst", "manager")
    with transaction.atomic():
        assign(connection.connection, [(ann, bob)], certainty=3, why=5, run=None, by=owner_actor().staff)
    with connection.cursor() as cursor:  # as where one of them took events back
        cursor.execute("delete from derive_state where subject = %s", [bob])
    assert "frequency" not in anew().get(ann, {})


def test_nobody_who_is_erased_stays_put_off(there, kehu):
    ann, bob = customers()
    lapse("marketing")
    runs.catch_up()
    assert kehu("erase", ann, "--reason", "asked").code == 0
    assert put_off() == [(bob, PERSONALISATION)]


def test_the_doctor_and_the_command_say_what_is_stopped(there, kehu):
    assert list(check_traits()) == [] and stopped_now(groups()) == {}
    lapse("marketing")
    [found] = check_traits()
    assert (found.id, found.severity) == ("traits.stopped", "warning")
    assert "personalisation" in found.text and "house.training" in found.text
    answer = kehu("traits", "compute", "--due")
    assert (
        answer.code == 1 and answer.json["stopped"][0]["policy"] == "house.training" and answer.json["customers"] == 2
    )
    tasks.catch_up()  # as jobs they go on
    tasks.compute()
    assert "traits.stopped" in {one["id"] for one in kehu("doctor").json["findings"]}


def test_hours_of_work_are_no_reason_to_open_anybody(there):
    anew()
    other = (datetime.now(UTC).hour + 12) % 24
    for who in ("analyst", "manager"):
        set_duty(f"{who}@kehu.example", Duty("", "UTC", None, time(other, 0), time(other, 1)))
    before, stood = opened(ANALYTICS), everything()
    done = runs.compute(actor=owner_actor())
    assert done.stopped == {"analytics": "house.off-hours"} and opened(ANALYTICS) == before and everything() == stood


def test_a_country_that_is_not_registered_is_the_askers_and_takes_nothing_from_customers(there):
    ann, _ = customers()
    stood, before = anew(), (opened(ANALYTICS), opened(PERSONALISATION))
    for who in ("analyst", "manager", "marketing", "campaigns"):
        set_duty(f"{who}@kehu.example", Duty("DE"))
    stopped = {"analytics": "house.country", "personalisation": "house.country"}
    assert runs.compute(actor=owner_actor()).stopped == stopped
    assert runs.compute(actor=there("analyst")).stopped == stopped  # whoever asks by themselves, too
    assert everything() == stood and (opened(ANALYTICS), opened(PERSONALISATION)) == before
    states.enter(ann, "objection", purpose=ANALYTICS, by=owner_actor().staff, id=new_id())
    assert "frequency" not in everything()[ann]  # a customer's own word takes them all the same


@pytest.mark.parametrize("put", [True, False])
def test_who_is_erased_while_a_run_ends_holds_nobody_up_and_is_held_up_by_nobody(there, put):
    ann, _ = customers()
    with connection.cursor() as cursor:
        cursor.execute("insert into derive_due (subject) values (%s)", [ann])
    seen = due.seen()
    held, ends = threading.Event(), threading.Event()

    def erases() -> None:  # as an erasure does: the customer first, then what is kept of them
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("select from subject_state where subject = %s for update", [ann])
            held.set()
            ends.wait(5)
            cursor.execute("delete from derive_due where subject = %s", [ann])

    def done() -> None:
        with transaction.atomic():
            due.done(
                seen, but={(PERSONALISATION, False): NobodyMay("personalisation", "house.training")} if put else {}
            )

    erasing, wrong = beside(erases)
    assert held.wait(5)
    ending, wrong_too = beside(done)
    until(lambda: not ending.is_alive() or somebody_waits())
    ends.set()
    erasing.join()
    ending.join()
    assert wrong == wrong_too == [] and not {one for one, _ in put_off()} & {ann}


def test_whose_consent_to_go_abroad_is_missing_refused_no_trait(there, bring, database):
    bring(HEAD + "C1,K3,2026-01-02,5,CNY,cup,\n", "--kind", "orders", "--residence", "CN")
    for who in customers():
        agree(who, ANALYTICS)
    stood = anew()
    assert len(stood) == 3
    shipped_with(database, "analytics", countries=["DE"])
    for who in ("analyst", "manager"):
        set_duty(f"{who}@kehu.example", Duty("DE"))
    with connection.cursor() as cursor:
        cursor.execute("insert into derive_due (subject) select customer from derive_value", ())
    before = opened(ANALYTICS)
    assert runs.catch_up().stopped == {"analytics": "cn.pipl.39-abroad"} and everything() == stood
    assert opened(ANALYTICS) > before and runs.stopped() == {"analytics": ""}
    before = opened(ANALYTICS)
    runs.catch_up()  # as each minute does: not even this is asked for again at once
    assert opened(ANALYTICS) == before and everything() == stood
    for who in ("analyst", "manager"):
        set_duty(f"{who}@kehu.example", Duty())
    ages_ago()
    assert runs.catch_up().stopped == {} and everything() == stood and runs.stopped() == {}


@pytest.mark.parametrize("how", ["at once", "by night"])
def test_nobody_waits_for_a_purpose_whose_last_trait_is_retired(there, how):
    ann, _ = customers()
    lapse("marketing", "analyst", "manager")
    runs.catch_up()
    with connection.cursor() as cursor:
        cursor.execute("insert into derive_due (subject) values (%s)", [ann])
    assert {purpose for _, purpose in put_off()} == {PERSONALISATION, ANALYTICS}
    traits = Trait.objects.filter(purpose=PERSONALISATION, state=IN_FORCE)
    if how == "at once":
        for slug in traits.values_list("slug", flat=True):
            retire(slug, actor=owner_actor())
        assert {purpose for _, purpose in put_off()} == {ANALYTICS} and due.waiting() == 2
    else:  # as an older program left them, and a run that ended as they were retired
        Trait.objects.update(state=RETIRED)
        tasks.nightly.func(0)
        assert put_off() == [] and due.waiting() == 1
        assert runs.catch_up().stopped == {} and due.waiting() == 0


def test_while_the_owner_works_abroad_the_deputy_at_home_computes(there, bring, database):
    bring(HEAD + "C1,K3,2026-01-02,5,CNY,cup,\n", "--kind", "orders", "--residence", "CN")
    for who in customers():
        agree(who, ANALYTICS)
    stood = anew()
    assert len(stood) == 3
    shipped_with(database, "analytics", countries=["DE"])
    set_duty("analyst@kehu.example", Duty("DE"))
    with connection.cursor() as cursor:
        cursor.execute("delete from derive_state where purpose = %s", [ANALYTICS])
        cursor.execute("insert into derive_due (subject) select customer from derive_value", ())
    assert runs.catch_up().stopped == {} and everything() == stood and runs.stopped() == {} and due.waiting() == 0
    [analytics] = [group for group in groups() if group.purpose == "analytics"]
    assert asker_of(analytics) == actor_of("manager@kehu.example")
    set_duty("analyst@kehu.example", Duty())
    assert asker_of(analytics) == actor_of("analyst@kehu.example")
