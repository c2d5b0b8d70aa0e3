"""A wrong merge taken back opens an incident if, and only if, somebody was shown both customers as one."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from django.db import ProgrammingError, connection, transaction

from kehu.doors.cli.main import main
from kehu.govern.consent import Statement, give_consent
from kehu.govern.parts import part_of
from kehu.guard.gate.acts import ActRefused, Refused
from kehu.guard.gate.read import gate
from kehu.guard.gate.state import PACKS
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.refine.derive import actions as traits
from kehu.refine.derive import queries as derived
from kehu.refine.models import LinkageRun, Proposal
from kehu.refine.resolve.review import answers as review
from kehu.refine.resolve.review.answers import NotOneCustomer
from kehu.serve.assurance import queries as assurance
from kehu.serve.desk import listing, queries
from kehu.serve.rights.incidents import register as incidents
from kehu.serve.rights.incidents import wrong_merge
from kehu.serve.rights.models import Incident
from kehu.vault import assignment
from kehu.vault.assignment import CONFIRMED, PROBABLE, WHY
from kehu.vault.ids import new_id
from tests.cast import admit, shipped_with, staff

LIN = {"full_name": "林婉清", "email": "lin@mail.example"}
WANG = {"full_name": "王小明", "email": "wang@mail.example"}
TWIN = {"full_name": "林婉青", "email": "twin@mail.example"}


def join(*pairs, certainty=PROBABLE):
    with transaction.atomic():
        connection.ensure_connection()
        assignment.assign(
            connection.connection, pairs, certainty=certainty, why=WHY["review"], run=None, by=owner_actor().staff
        )


def a_run():
    return LinkageRun.objects.create(id=new_id(), everything=True, staff=owner_actor().staff, state="done").id


def join_by(run, *pairs):
    with transaction.atomic():
        connection.ensure_connection()
        assignment.assign(
            connection.connection, pairs, certainty=PROBABLE, why=WHY["linkage"], run=run, by=owner_actor().staff
        )


def look(subject, who):
    return queries.show(subject, actor=who, purpose="service")


def part(one, other, who=None):
    return wrong_merge.part(one, other, actor=who or owner_actor())


def forget_that_they_are_two():
    """As a reviewer who takes an answer back; else they stay apart for ever."""
    Proposal.objects.all().delete()


def register():
    return incidents.listed(actor=owner_actor())


@pytest.fixture
def pair(database):
    return admit(LIN, WANG)


@pytest.mark.parametrize("certainty", [PROBABLE, CONFIRMED])
def test_who_saw_both_and_how_often_stands_in_the_register(pair, certainty):
    lin, wang = pair
    service, manager = staff("service"), staff("manager")
    join((lin, wang), certainty=certainty)
    for who in (service, service, manager):
        assert look(lin, who).fields
    id = part(lin, wang)
    [row] = register()
    assert row["id"] == str(id) and row["account"] is None and row["since"] < row["until"] <= row["aware_at"]
    assert "3 reads" in row["text"] and "service@kehu.example (2), manager@kehu.example (1)" in row["text"]
    assert str(lin) in row["text"] and str(wang) in row["text"]
    assert LIN["email"] not in row["text"] and WANG["email"] not in row["text"]
    assert assurance.verify(actor=owner_actor())["ok"]


def test_one_account_is_named_and_its_reach_is_what_it_saw(pair):
    lin, wang = pair
    service = staff("service")
    join((lin, wang))
    look(wang, service)
    id = part(lin, wang)
    [row] = register()
    assert row["account"] == str(service.staff)
    reach = incidents.reach(incidents.window_of(id), actor=owner_actor())
    assert reach["rows"] == 1 and reach["subjects"]["at_least"] == 2


def test_the_report_says_who_was_shown_which_fields_and_where_they_went(pair, database):
    lin, wang = pair
    shipped_with(database, "marketing", recipients=["Acme"], countries=["CN"])
    for one in (lin, wang):
        statement = Statement(notice=1, way="staff")
        give_consent(
            one, purpose=4, purpose_version=1, statement=statement, recorded_by=owner_actor().staff, id=new_id()
        )
    service, marketing = staff("service"), staff("marketing")
    join((lin, wang), certainty=CONFIRMED)
    look(lin, service)
    for _ in gate().stream([lin], actor=marketing, purpose="marketing", use="give", recipient="Acme", country="CN"):
        pass
    id = part(lin, wang)
    report = wrong_merge.report_of(id, actor=owner_actor())
    assert report["customers"] == [str(lin), str(wang)] and report["outside"] == ["Acme"]
    assert [(use["who"], use["act"], use["purpose"]) for use in report["uses"]] == [
        ("service@kehu.example", "read", "service"), ("marketing@kehu.example", "give", "marketing"),
    ]  # fmt: skip
    assert "email" in report["uses"][0]["fields"] and report["jurisdictions"] == {"CN": 2}
    assert LIN["email"] not in str(report)
    [row] = register()
    assert (row["persons"], row["laws"], row["wrong_merge"]) == (
        2,
        ["CN"],
        True,
    )  # what the clocks ask stands there already
    with pytest.raises(Refused):
        wrong_merge.report_of(id, actor=service)


def test_who_read_what_is_derived_of_both_saw_both(database):
    lin, wang = admit(LIN, WANG, packs=PACKS["AU"])  # where an interest is a ground
    analyst, manager = staff("analyst"), staff("manager")
    owners = {"analytics": ("analyst@kehu.example", "manager@kehu.example")}
    traits.put_shipped_in_force(owners=owners, actor=manager)
    join((lin, wang), certainty=CONFIRMED)
    derived.traits_of(lin, actor=analyst, purpose="analytics")
    report = wrong_merge.report_of(part(lin, wang), actor=owner_actor())
    [use] = report["uses"]
    assert (use["who"], use["act"], use["purpose"]) == ("analyst@kehu.example", "read-traits", "analytics")


def test_nobody_looked_nothing_opens(pair):
    lin, wang = pair
    join((lin, wang))
    assert part(lin, wang) is None and not Incident.objects.exists()


def test_reads_before_the_merge_count_for_nothing_though_one_page_held_both(pair):
    lin, wang = pair
    service = staff("service")
    look(lin, service)
    page = listing.list_customers(actor=service, purpose="service", filters=listing.Filters())
    assert len(page.rows) == 2  # one row of the ledger names both
    join((lin, wang))
    assert part(lin, wang) is None and not Incident.objects.exists()


def test_reads_of_an_earlier_merge_are_not_told_twice(pair):
    lin, wang = pair
    service = staff("service")
    join((lin, wang))
    look(lin, service)
    assert part(lin, wang)
    look(lin, service)  # parted: only one of them
    forget_that_they_are_two()
    join((lin, wang), certainty=CONFIRMED)
    assert part(lin, wang) is None and Incident.objects.count() == 1


def test_what_was_denied_or_opened_nothing_shows_nobody(pair):
    lin, wang = pair
    join((lin, wang))
    assert look(lin, staff("engineer")).refused
    queries.explain(lin, actor=staff("service"), purpose="service")
    assert part(lin, wang) is None and not Incident.objects.exists()


def test_a_third_who_stays_is_no_matter(database):
    lin, twin, wang = admit(LIN, TWIN, WANG)
    service = staff("service")
    join((lin, twin))
    look(lin, service)  # rightly one: nothing wrong with it
    join((twin, wang))
    assert part(twin, wang) is None
    forget_that_they_are_two()
    join((lin, wang), certainty=CONFIRMED)
    look(twin, service)
    assert part(lin, wang) is not None


def test_whoever_may_review_brings_it_to_light(pair):
    lin, wang = pair
    join((lin, wang))
    look(lin, staff("service"))
    with pytest.raises(ActRefused):
        part(lin, wang, staff("marketing"))
    assert not Incident.objects.exists()
    assert part(lin, wang, staff("manager"))


def test_parting_and_incident_stand_or_fall_together(pair, database):
    """Without room for the incident there is no parting: what happened would be known to nobody."""
    lin, wang = pair
    join((lin, wang))
    look(lin, staff("service"))
    with open_owner(database) as owner:
        owner.execute("revoke insert on rights_incident from kehu_app")
    with pytest.raises(ProgrammingError):
        part(lin, wang)
    with connection.cursor() as cursor:
        cursor.execute("select count(distinct customer) from subject_state")
        assert cursor.fetchone() == (1,)


def test_two_customers_cannot_be_parted(pair):
    lin, wang = pair
    with pytest.raises(NotOneCustomer):
        part(lin, wang)


def test_a_run_taken_back_tells_of_whom_somebody_saw_as_one(database):
    """Two wrong merges of one run, and a right one of another: of the one that was looked at an incident opens."""
    lin, wang, twin, other = admit(LIN, WANG, TWIN, {"full_name": "陈立", "email": "chen@mail.example"})
    run = a_run()
    join((lin, twin))  # by a reviewer: stays
    join_by(run, (twin, wang))
    look(lin, staff("service"))
    join((wang, other))
    gone, [incident] = wrong_merge.undo_run(run, actor=owner_actor())
    assert gone == 1
    report = wrong_merge.report_of(incident, actor=owner_actor())
    assert report["customers"] == [str(lin), str(wang)] and len(report["uses"]) == 1
    assert wrong_merge.undo_run(run, actor=owner_actor()) == (0, [])  # nothing is told twice


def test_a_large_run_is_taken_back_by_customers_and_goes_on_where_it_broke_off(database, monkeypatch):
    people = admit(LIN, WANG, TWIN, {"full_name": "陈立"}, {"full_name": "周予安"})
    lin, wang, twin, chen, zhou = people
    join_by(run := a_run(), (lin, wang), (twin, chen), (twin, zhou))
    service = staff("service")
    for one in (lin, twin):
        look(one, service)
    monkeypatch.setattr(review, "_LINKS_AT_ONCE", 1, raising=False)
    enter, held = wrong_merge.enter_wrong_merge, []

    def fails_once(*words):
        held.append(words)
        if len(held) == 2:
            raise OSError
        return enter(*words)

    monkeypatch.setattr(wrong_merge, "enter_wrong_merge", fails_once)
    with pytest.raises(OSError):
        wrong_merge.undo_run(run, actor=owner_actor())
    assert part_of(lin, whole=True) == [lin] and part_of(twin, whole=True) == [twin, chen, zhou]
    assert Incident.objects.count() == 1
    gone, made = wrong_merge.undo_run(run, actor=owner_actor())
    assert gone == 2 and len(made) == 3 and Incident.objects.count() == 4
    assert [part_of(one, whole=True) for one in people] == [[one] for one in people]


def test_who_settles_pairs_takes_no_whole_run_back(pair):
    lin, _ = pair
    join_by(run := a_run(), tuple(pair))
    with pytest.raises(ActRefused):
        wrong_merge.undo_run(run, actor=staff("service"))
    assert part_of(lin, whole=True) == list(pair)
    assert wrong_merge.undo_run(run, actor=staff("manager")) == (1, [])


def test_a_run_taken_back_that_nobody_saw_opens_nothing(pair):
    run = a_run()
    look(pair[0], staff("service"))
    join_by(run, tuple(pair))
    assert wrong_merge.undo_run(run, actor=owner_actor()) == (1, [])
    assert not Incident.objects.exists()


def test_the_command(pair):
    lin, wang = pair
    join((lin, wang))
    look(lin, staff("service"))
    run = lambda *words: CliRunner().invoke(main, [*map(str, words), "--json"], prog_name="kehu")
    done = run("unmerge", lin, wang)
    answer = json.loads(done.stdout)
    assert done.exit_code == 0 and answer["parted"] == [str(lin), str(wang)]
    assert answer["incident"] == register()[0]["id"]
    again = run("unmerge", lin, wang)
    assert again.exit_code == 1 and json.loads(again.stdout)["error"]["code"] == "not-one-customer"
    assert run("unmerge", "x", wang).exit_code == 2


def test_the_command_that_takes_a_run_back(pair):
    lin, wang = pair
    join_by(made := a_run(), (lin, wang))
    look(lin, staff("service"))
    run = lambda *words: CliRunner().invoke(main, ["resolve", *map(str, words), "--json"], prog_name="kehu")
    [listed] = json.loads(run("--runs").stdout)["runs"]
    assert (listed["run"], listed["everything"], listed["state"]) == (str(made), True, "done")
    assert listed["undone_at"] is None
    done = run("--undo", listed["run"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {"undone": str(made), "links": 1, "incidents": [register()[0]["id"]]}
    assert part_of(lin, whole=True) == [lin]
    [listed] = json.loads(run("--runs").stdout)["runs"]
    assert listed["undone_at"] and (listed["state"], listed["merged"]) == ("done", 0)
    run("--undo", made)
    assert json.loads(run("--runs").stdout)["runs"] == [listed]  # since when it is undone
    unknown = run("--undo", new_id())
    assert unknown.exit_code == 1 and json.loads(unknown.stdout)["error"]["code"] == "unknown-run"
    LinkageRun.objects.filter(id=made).update(state="running")
    assert run("--undo", made).exit_code == 1  # it would go on joining
