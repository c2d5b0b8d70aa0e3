"""Data quality: rules are tested, tried and owned before they count; scores are counts; findings are ids."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from kehu.govern.holders import holders
from kehu.guard.gate.acts import ActRefused
from kehu.guard.gate.state import PACKS
from kehu.guard.installation import installation
from kehu.guard.setup import open_owner
from kehu.refine.alone import MEASURING
from kehu.refine.models import Proposal
from kehu.refine.quality import people as everybody
from kehu.refine.quality import rules, scores, texts
from kehu.refine.quality.measure import measure
from kehu.refine.quality.models import Finding, Rule, Run, Score
from kehu.refine.quality.scores import Shown
from kehu.refine.quality.tasks import forget
from kehu.refine.quality.texts import BadRule, ExampleFails, RuleText, shipped_texts
from kehu.refine.resolve.review import answers as review
from kehu.vault.assignment import PROBABLE
from kehu.vault.ids import new_id
from tests.cast import admit, shipped_with, staff
from tests.serve.holdings import link

TEXT = RuleText(
    "mail-of-the-house", {"en": "Mail of the house", "zh-hans": "本公司邮箱", "zh-hant": "本公司郵箱"},
    "email is null or email matches '.+@mail\\.example'", "validity", "medium",
    [{"email": "a@mail.example"}], [{"email": "a@other.example"}],
)  # fmt: skip


def text(**parts) -> RuleText:
    return RuleText(**({name: getattr(TEXT, name) for name in TEXT.__slots__} | parts))


@pytest.fixture
def people(database):
    """Manager, analyst, auditor."""
    return {role: staff(role) for role in ("manager", "analyst", "auditor", "service")}


def save(people, **parts):
    return rules.save_rule(
        text(**parts), owner="manager@kehu.example", deputy="analyst@kehu.example", actor=people["manager"]
    )


def test_every_shipped_rule_turns_out_as_its_examples_say():
    assert len(shipped_texts()) >= 9
    for one in shipped_texts().values():
        assert one.checked().fields


def test_a_rule_is_tested_before_it_is_kept(people):
    with pytest.raises(ExampleFails, match="passes 1"):
        save(people, passes=[{"email": "a@other.example"}])
    with pytest.raises(ExampleFails, match="fails 1"):
        save(people, fails=[{"email": "a@mail.example"}])
    with pytest.raises(ExampleFails):  # that nothing is said is neither
        save(people, condition="email matches '.+'", fails=[{"phone": "+8613800138000"}])
    with pytest.raises(ExampleFails, match="fails 1"):  # a blank is no value, as of a customer
        save(people, fails=[{"email": " "}])
    with pytest.raises(BadRule):
        save(people, condition="shoe = 3")
    with pytest.raises(ValueError, match="labels"):
        save(people, labels={"en": "x"})
    with pytest.raises(ValueError, match="deputy"):
        rules.save_rule(TEXT, owner="manager@kehu.example", deputy="MANAGER@kehu.example", actor=people["manager"])
    with pytest.raises(ActRefused):
        rules.save_rule(TEXT, owner="manager@kehu.example", deputy="analyst@kehu.example", actor=people["service"])
    assert not Rule.objects.exists()
    nobody = [{"email": "", "phone": " \u200b"}]
    assert save(people, slug="reach", condition="email is not null or phone is not null", fails=nobody).fails == nobody


def test_a_rule_is_tried_and_owned_before_it_counts(people, database):
    admit({"full_name": "王芳", "email": "wang@mail.example"}, {"full_name": "李雷", "email": "li@other.example"})
    kept = save(people)
    with pytest.raises(rules.NotTried):
        rules.put_in_force(kept.id, actor=people["manager"])
    tried = rules.try_rule(kept.id, actor=people["manager"])
    assert (tried.tried_of, tried.tried_bad) == (2, 1)
    assert TEXT.slug not in {one.slug for one in rules.rules_in_force()}
    rules.put_in_force(kept.id, actor=people["manager"])
    second = rules.try_rule(save(people, severity="high").id, actor=people["manager"])
    rules.put_in_force(second.id, actor=people["manager"])
    [held] = [one for one in rules.rules_in_force() if one.slug == TEXT.slug]
    assert (held.version, held.severity) == (2, "high")
    assert [one.state for one in rules.versions(TEXT.slug)] == ["in-force", "retired"]
    rules.retire(TEXT.slug, actor=people["manager"])
    rules.retire("no-test-name", actor=people["manager"])  # one that came with Kehu
    assert not {TEXT.slug, "no-test-name"} & {one.slug for one in rules.rules_in_force()}
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from ledger_entry where action = 131")
        assert cursor.fetchone()[0] == 8  # each step, and none for the reads of a trial, which stand as measured


def test_a_rule_asks_something_of_its_segment_alone(people, database):
    admit({"full_name": "王芳", "email": "wang@mail.example"}, {"full_name": "李雷", "email": "li@other.example"})
    for wrong in ("kind:3", "law:XX", "tag:vip"):
        with pytest.raises(ValueError, match="segment"):
            save(people, segment=wrong)
    nobody = rules.try_rule(save(people, segment="kind:2").id, actor=people["manager"])
    assert (nobody.tried_of, nobody.tried_bad) == (0, 0)
    rules.put_in_force(nobody.id, actor=people["manager"])
    persons = rules.try_rule(save(people, slug="of-persons", segment="kind:1").id, actor=people["manager"])
    assert (persons.tried_of, persons.tried_bad) == (2, 1)
    rules.put_in_force(persons.id, actor=people["manager"])
    measure(actor=people["analyst"])
    told = dict(Score.objects.filter(scope="rule", key__in=[TEXT.slug, "of-persons"]).values_list("key", "of"))
    assert told == {"of-persons": 2}
    with pytest.raises(DatabaseError), transaction.atomic():  # whom it asks is what it says
        Rule.objects.update(segment="")


def test_the_database_keeps_what_a_rule_said_and_lets_none_in_unowned(people, database):
    kept = rules.try_rule(save(people).id, actor=people["manager"])
    for change in (
        "update quality_rule set condition = 'x'",
        "delete from quality_rule",
        "update quality_rule set tried_at = null, state = 'in-force'",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)
    with open_owner(database) as owner:
        owner.execute("update owned set deputy = null where kind = 'quality'")
    with pytest.raises(DatabaseError, match="unowned"):
        rules.put_in_force(kept.id, actor=people["manager"])


GROWN = {
    "slug": "grown-up", "condition": "birth_date <= today - 18 years", "passes": [{"birth_date": "1980-01-02"}],
    "fails": [{"birth_date": "2000-06-01"}],
}  # fmt: skip


def test_a_rule_whose_example_grew_up_counts_as_before(people, monkeypatch):
    long_ago = SimpleNamespace(now=lambda zone: dt.datetime(2010, 1, 2, tzinfo=zone))
    with monkeypatch.context() as then:
        then.setattr(texts, "dt", SimpleNamespace(datetime=long_ago, UTC=dt.UTC))
        kept = save(people, **GROWN)
    with pytest.raises(ExampleFails):  # written today, it would have to say what is so today
        save(people, **GROWN)
    admit({"full_name": "王芳", "birth_date": "1980-01-02"}, {"full_name": "李雷", "birth_date": "2020-06-01"})
    tried = rules.try_rule(kept.id, actor=people["manager"])
    assert (tried.tried_of, tried.tried_bad) == (2, 1)
    rules.put_in_force(kept.id, actor=people["manager"])
    assert "grown-up" in {one.slug for one in rules.rules_in_force()}
    run = measure(actor=people["analyst"])
    assert Score.objects.get(run=run, scope="rule", key="grown-up").bad == 1
    rules.retire("grown-up", actor=people["manager"])


def test_a_rule_of_a_field_that_the_purpose_lost_is_left_out_and_stops_no_other(people, database):
    drafted = rules.try_rule(save(people, slug="drafted").id, actor=people["manager"])
    kept = rules.try_rule(save(people).id, actor=people["manager"])
    rules.put_in_force(kept.id, actor=people["manager"])
    assert rules.left_out() == frozenset()
    least = installation().rules.purposes["accuracy"].least
    shipped_with(database, "accuracy", least=sorted(least - {"email"}))
    names = {one.slug for one in rules.rules_in_force()}
    assert "name-length" in names and not {TEXT.slug, "email-no-placeholder"} & names
    assert {TEXT.slug, "email-no-placeholder"} <= rules.left_out() and "drafted" not in rules.left_out()
    assert measure(actor=people["analyst"]).state == "done"
    for step in (rules.try_rule, rules.put_in_force):
        with pytest.raises(BadRule):
            step(drafted.id, actor=people["manager"])
    for slug in (TEXT.slug, "email-no-placeholder"):
        rules.retire(slug, actor=people["manager"])
    assert not {TEXT.slug, "email-no-placeholder"} & rules.left_out()


PEOPLE = [
    {"full_name": "王芳", "email": "wang@mail.example", "phone": "+8613800138000", "birth_date": "1980-01-02"},
    {"full_name": "李雷", "email": "li@mail.example", "phone": "+8613800138000", "birth_date": "2999-01-01"},
    {"full_name": "Test", "phone": "+8613800138002"},
    *({"full_name": f"客户{n}", "email": f"c{n}@mail.example", "country": "CN"} for n in "一二三四五六七"),
]


def measured(people, database):
    subjects = admit(*PEOPLE)
    with open_owner(database) as owner:
        owner.execute("update record set said_at = now() - interval '3 years' where subject = %s", [subjects[0]])
    Proposal.objects.create(id=new_id(), older=min(subjects[0], subjects[1]), younger=max(subjects[0], subjects[1]))
    return subjects, measure(actor=people["analyst"])


def test_scores_count_what_is_so(people, database):
    subjects, run = measured(people, database)
    assert (run.state, run.total, run.done, run.left_out) == ("done", 10, 10, 0)

    def counted(dimension, scope, key=""):
        one = Score.objects.get(run=run, dimension=dimension, scope=scope, key=key)
        return one.of, one.bad

    assert counted("completeness", "field", "email") == (10, 1)
    assert counted("completeness", "field", "birth_date") == (10, 8)
    assert counted("uniqueness", "all") == (10, 2)
    assert counted("uniqueness", "field", "phone") == (2, 1)  # two numbers, of which one is two people's
    assert counted("timeliness", "field", "phone") == (3, 1)
    assert counted("validity", "rule", "born-in-time") == (2, 1)
    assert counted("validity", "rule", "no-test-name") == (10, 1)
    assert counted("uniqueness", "segment", "law:CN") == (10, 2)
    assert counted("validity", "source", "1")[0] == sum(len(one) for one in PEOPLE)
    found = dict(Finding.objects.filter(check_name__startswith="rule:").values_list("check_name", "subject"))
    assert found["rule:no-test-name"] == subjects[2]
    assert found["rule:born-in-time"] == subjects[1]


def test_a_customer_is_of_every_law_that_one_of_their_records_is_under(database):
    older, other = admit({"full_name": "林婉清"}, {"full_name": "Bob"}, packs=PACKS["CN"])
    [younger] = admit({"full_name": "Wanqing Lin"}, packs=PACKS["EU"])
    link(older, younger, PROBABLE)
    [page] = everybody.people()
    laws = {one.customer: [law for law in ("CN", "EU", "US") if everybody.is_of(one, f"law:{law}")] for one in page}
    assert laws == {older: ["CN", "EU"], other: ["CN"]}
    assert everybody.sample(9, "law:EU") == [older] and set(everybody.sample(9, "law:CN")) == {older, other}


def test_whom_a_second_person_is_asked_about_is_not_unique_yet(people, database):
    subjects, _ = measured(people, database)
    [waits] = review.open_proposals()
    people["privacy"] = staff("privacy")
    for reviewer, state in (("service", "second"), ("manager", "third"), ("privacy", "privacy")):
        assert review.answer(waits.id, "unsure", actor=people[reviewer]).state == state
        again = measure(actor=people["analyst"])
        assert Score.objects.get(run=again, dimension="uniqueness", scope="all").bad == 2
        assert set(Finding.objects.filter(check_name="uniqueness:customers").values_list("subject", flat=True)) == set(
            subjects[:2]
        )


def test_what_is_measured_passes_the_gate_and_stands_in_the_ledger(people, database):
    subjects, run = measured(people, database)
    with open_owner(database) as owner:
        owner.execute("update subject_state set restricted = true where subject = %s", [subjects[0]])
    again = measure(actor=people["analyst"])
    assert again.left_out == 1
    assert Score.objects.get(run=again, dimension="uniqueness", scope="all").of == 9
    with connection.cursor() as cursor:
        cursor.execute("select sum(subjects) from ledger_entry where action = 130 and detail = %s", [run.id])
        assert cursor.fetchone()[0] == 10
    with pytest.raises(ActRefused):
        measure(actor=people["auditor"])


def test_no_count_of_fewer_than_five_is_told(people, database):
    measured(people, database)
    board = scores.board(actor=people["auditor"])
    assert board is not None and board.overall is not None
    assert board.fields["phone"]["timeliness"] == Shown(None, None, None)
    assert board.fields["email"]["completeness"] == Shown(10, None, 0.5)  # one is missing, and up to four might be
    assert board.rules["no-test-name"].bad is None
    everything = [
        one for rows in (board.fields, board.sources, board.segments) for row in rows.values() for one in row.values()
    ]
    assert not [one for one in [*everything, *board.rules.values()] if one.bad in range(1, 5) or one.of in range(5)]
    assert Shown.made(10, 7) == Shown(10, None, 0.5)
    assert Shown.made(10, 10) == Shown(10, 10, 0.0)
    assert Shown.made(4, 0) == Shown(None, None, None)


def test_a_day_keeps_its_last_run(people, database):
    measured(people, database)
    measure(actor=people["analyst"])
    assert len(scores.trend(actor=people["manager"])) == 1
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=20)
    Run.objects.update(started_at=long_ago, day=long_ago.date())
    assert forget() == 1
    assert Run.objects.count() == 1


def test_findings_go_with_whom_they_are_about(people, database):
    subjects, _ = measured(people, database)
    [holder] = [one for one in holders() if one.name == "quality-findings"]
    assert holder.export(subjects[2], actor=None) == {
        "quality_checks": sorted(Finding.objects.filter(subject=subjects[2]).values_list("check_name", flat=True))
    }
    assert holder.erase(subjects[2]) > 0
    assert holder.export(subjects[2], actor=None) is None


def test_a_page_of_findings_goes_on_where_the_last_ended(people, database):
    Finding.objects.bulk_create(Finding(check_name="rule:x", subject=UUID(int=n)) for n in range(1, 31))
    first, after = scores.found_by("rule:x", actor=people["manager"])
    rest, end = scores.found_by("rule:x", actor=people["manager"], after=after)
    assert [one.int for one in first + rest] == list(range(1, 31))
    assert end is None


def test_a_measuring_that_was_killed_is_not_going_on(people, database):
    assert not MEASURING.going_on()
    Run.objects.create(id=new_id(), day=dt.datetime.now(dt.UTC).date(), staff=people["manager"].human)
    assert scores.latest(actor=people["manager"]).state == "failed"
    assert MEASURING.take()
    with MEASURING.released():
        assert scores.latest(actor=people["manager"]).state == "running"
    assert not MEASURING.going_on()
