"""Every clock against examples that were worked by hand (``clocks.toml``), and the rules that no example shows."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from kehu.govern.clocks import Pause, Rule, due, longer
from kehu.govern.deadlines import Known, Told, applies, counts, incident_clocks, request_clocks, rule_of
from kehu.govern.keeping import keeping
from kehu.govern.packs import COMPANY, PACKS, RIGHTS, Breach, Term, law_packs
from kehu.govern.workdays import Workdays, workdays

EXAMPLES = tomllib.loads((Path(__file__).parent / "clocks.toml").read_text(encoding="utf-8"))["example"]
RECEIVED = datetime(2026, 3, 2, 2, tzinfo=UTC)


def moment(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


def name_of(example) -> str:
    return f"{'-'.join(example['laws'])}: {example['title']}"


def clock_of(example):
    stamp, _, zone = example["at"].rpartition(" ")
    at, company = moment(stamp, zone), frozenset(example.get("company", ()))
    if example["event"] == "request":
        pause = [moment(text, zone) for text in example.get("paused", ())]
        told = Told(extended=at if example.get("extended") else None, pauses=(Pause(*pause),) if pause else ())
        found = request_clocks(example["laws"], example["right"], at, told=told, now=at, company=company)
        if "step" in example:
            return next(clock for clock in found if clock.step == example["step"])
        return found[0] if example["due"] == "at once" else counts(found)
    facts = dict.fromkeys(example.get("facts", ()), True) | dict.fromkeys(example.get("no", ()), False)
    times = {name: moment(example[name], zone) for name in ("handled", "told") if name in example}
    known = Known(persons=example.get("persons"), facts=facts, **times)
    found = incident_clocks(example["laws"], at, known, company=company)
    return next((clock for clock in found if clock.row == example["row"]), None)


def test_there_are_enough_for_every_law():
    assert len(EXAMPLES) >= 60
    assert {law for example in EXAMPLES for law in example["laws"]} == set(PACKS)
    assert len({name_of(example) for example in EXAMPLES}) == len(EXAMPLES)


@pytest.mark.parametrize("example", EXAMPLES, ids=name_of)
def test_an_example_as_it_was_worked_by_hand(example, monkeypatch):
    monkeypatch.setenv("KEHU_CALENDARS", example.get("calendars", ""))
    clock, wanted = clock_of(example), example["due"]
    if wanted == "none":
        assert clock is None
        return
    assert clock is not None
    if clock.due is None:
        assert wanted == {"at-once": "at once", "timely": "without delay"}[clock.term.unit]
        return
    shown = clock.due.at.strftime("%Y-%m-%d %H:%M") if clock.term.unit == "hour" else clock.due.day.isoformat()
    assert shown == wanted
    assert (clock.due.moved_from and clock.due.moved_from.isoformat()) == (
        example.get("moved_from") if "by" not in example else clock.due.moved_from and clock.due.moved_from.isoformat()
    )
    assert clock.due.provisional == example.get("provisional", False)
    assert clock.law == example.get("by", clock.law)


def test_a_day_ends_at_midnight_of_the_laws_own_zone():
    [clock, *_] = request_clocks(["CN"], "access", RECEIVED, told=Told(), now=RECEIVED)
    assert clock.due.at == datetime(2026, 4, 1, 23, 59, 59, tzinfo=ZoneInfo("Asia/Shanghai"))
    assert not clock.overdue(clock.due.at) and clock.overdue(clock.due.at + timedelta(seconds=1))


def test_a_clock_that_stands_moves_on_with_each_day_and_is_never_overdue():
    told = Told(pauses=(Pause(RECEIVED),))
    ends = []
    for days in (0, 10, 100):
        now = RECEIVED + timedelta(days)
        [clock] = [one for one in request_clocks(["EU"], "access", RECEIVED, told=told, now=now) if one.due]
        assert clock.suspended and not clock.overdue(now + timedelta(1000))
        ends.append(clock.due.day)
    assert ends == [date(2026, 4, 2), date(2026, 4, 13), date(2026, 7, 13)]  # 12 April and 11 July are weekend days


def test_what_begins_after_a_clock_has_ended_neither_extends_nor_stops_it():
    late, now = RECEIVED + timedelta(40), RECEIVED + timedelta(41)
    for told in (Told(extended=late), Told(pauses=(Pause(late),))):
        ends = {
            one.law: one
            for one in request_clocks(["EU", "US"], "access", RECEIVED, told=told, now=now)
            if one.step == "answer"
        }
        assert ends["EU"].overdue(now) and not ends["EU"].extended and not ends["EU"].suspended
        assert ends["US"].extended == (told.extended is not None)  # its 45 days had not ended


def test_a_pause_within_the_extended_term_stops_the_clock():
    told = Told(extended=RECEIVED + timedelta(20), pauses=(Pause(RECEIVED + timedelta(50), RECEIVED + timedelta(60)),))
    now = RECEIVED + timedelta(61)
    [clock] = [one for one in request_clocks(["EU"], "access", RECEIVED, told=told, now=now) if one.due]
    plain = request_clocks(["EU"], "access", RECEIVED, told=Told(extended=told.extended), now=now)
    [without] = [one for one in plain if one.due]
    assert clock.extended and clock.due.day >= without.due.day + timedelta(10)
    stands = Told(extended=told.extended, pauses=(Pause(RECEIVED + timedelta(50)),))
    [clock] = [one for one in request_clocks(["EU"], "access", RECEIVED, told=stands, now=now) if one.due]
    assert clock.suspended


def test_an_answer_confirms_and_ends_every_clock():
    later = RECEIVED + timedelta(1000)
    found = request_clocks(["US"], "access", RECEIVED, told=Told(), now=later)
    assert all(clock.overdue(later) for clock in found) and {clock.step for clock in found} == {"confirm", "answer"}
    found = request_clocks(["US"], "access", RECEIVED, told=Told(), now=later, answered=RECEIVED)
    assert not any(clock.overdue(later) for clock in found)
    found = request_clocks(["US"], "access", RECEIVED, told=Told(confirmed=RECEIVED), now=later)
    assert [clock.step for clock in found if clock.overdue(later)] == ["answer"]


def test_no_right_is_without_an_end_under_any_law():
    for law in (*PACKS, ""):
        for right in RIGHTS:
            assert counts(request_clocks([law], right, RECEIVED, told=Told(), now=RECEIVED)), (law, right)


@pytest.mark.parametrize("laws", [[law] for law in PACKS] + [[], list(PACKS)])
def test_a_withdrawal_asked_for_is_not_put_off(laws):
    """At once by the laws that say when; whatever law applies the house is late when a working day has passed."""
    found = request_clocks(laws, "withdraw", RECEIVED, told=Told(), now=RECEIVED)
    assert counts(found).due.at - RECEIVED < timedelta(4) and not any(clock.overdue(RECEIVED) for clock in found)
    assert any(clock.overdue(RECEIVED + timedelta(4)) for clock in found)


def test_what_is_not_known_lets_a_clock_run():
    rows = {f"{law}.{row.id}": row for law, pack in law_packs().items() for row in pack.breach}
    assert applies(rows["EU.authority"], Known()) == "perhaps"
    assert applies(rows["EU.authority"], Known(facts={"risk-unlikely": False})) == "yes"
    assert applies(rows["EU.authority"], Known(facts={"risk-unlikely": True})) is None
    assert applies(rows["CN.report"], Known()) == "perhaps" and applies(rows["CN.report"], Known(999_999)) is None
    assert applies(rows["JP.preliminary"], Known(2000)) == "yes"
    assert applies(rows["JP.preliminary"], Known(3)) == "perhaps"


def test_every_clock_of_a_breach_goes_to_its_own_authority():
    found = incident_clocks(PACKS, RECEIVED, Known(2_000_000, {"high-risk": True, "sensitive": True}))
    assert {clock.law for clock in found} == set(PACKS)
    assert {clock.law for clock in found if clock.step == "authority"} == {"CN", "EU", "JP", "AU"}
    numbered = [clock for clock in found if clock.due]
    assert [clock.due.at for clock in numbered] == sorted(clock.due.at for clock in numbered)
    assert found[0].term.unit == "at-once"


def test_a_company_that_is_something_else_has_other_clocks():
    known = Known(1_000_000)
    reports = lambda *kinds: {
        clock.row
        for clock in incident_clocks(["CN"], RECEIVED, known, company=frozenset(kinds))
        if "report" in clock.row
    }
    assert reports() == {"report"} and reports("critical-infrastructure") == {"report-critical"}
    assert reports("central-organ") == {"report-organ"}
    assert set(COMPANY) >= {word for pack in law_packs().values() for row in pack.breach for word in row.company}


def test_kept_at_least_the_longest_at_most_the_shortest_and_where_they_cross():
    both = keeping("ledger", PACKS)
    assert (both.at_least.months, both.at_most.months, both.conflict) == (6, 36, False)
    assert both.laws == ("CN", "EU")
    crossed = keeping("ledger", PACKS, company=frozenset({"federal-agency"}))
    assert (crossed.at_least.law, crossed.at_least.months, crossed.at_most.law) == ("US", 60, "EU")
    assert crossed.conflict and crossed.laws == ("CN", "EU", "US")
    assert keeping("ledger", ["JP"]).at_least is None and not keeping("ledger", ["JP"]).conflict


def test_an_hour_is_an_hour_and_a_pause_of_hours_counts():
    rule = Rule("day-after", True, "Europe/Brussels", "")
    term = Term(n=4, unit="hour")
    pause = Pause(RECEIVED, RECEIVED + timedelta(minutes=90))
    assert due(term, RECEIVED, rule, pauses=[pause]).at == RECEIVED + timedelta(hours=5, minutes=30)


def test_months_from_a_counted_first_day():
    rule = Rule("same-day", False, "UTC", "")
    assert due(Term(n=1, unit="month"), RECEIVED, rule).day == date(2026, 4, 1)


@pytest.mark.parametrize("term", [Term(unit="at-once"), Term(unit="timely")], ids=str)
def test_what_has_no_number_has_no_end(term):
    with pytest.raises(ValueError, match="no day"):
        due(term, RECEIVED, rule_of("EU"))


def test_faulty_terms_and_times_are_refused():
    with pytest.raises(ValueError, match="zone"):
        due(Term(n=1, unit="day"), datetime(2026, 1, 1), rule_of("EU"))
    with pytest.raises(ValueError, match="extension"):
        longer(Term(n=1, unit="day"), Term(n=1, unit="month"))
    for wrong in ({"unit": "day"}, {"n": 3, "unit": "timely"}, {"n": 1, "unit": "year"}):
        with pytest.raises(ValueError):
            Term(**wrong)


def test_the_announced_days_are_those_of_the_package():
    import holidays

    for year in (2024, 2025, 2026):
        held = holidays.country_holidays("CN", years=year)
        days = [date(year, 1, 1) + timedelta(n) for n in range(365)]
        own = workdays("CN")
        assert [day for day in days if own.works(day)] == [day for day in days if held.is_working_day(day)]


def test_a_calendar_that_is_not_there_is_refused(monkeypatch):
    with pytest.raises(ValueError, match="calendar"):
        workdays("XQ")
    for wrong in ("EU", "XX:DE", "EU:XQ"):
        monkeypatch.setenv("KEHU_CALENDARS", wrong)
        with pytest.raises(ValueError):
            rule_of("EU")


def test_a_calendar_without_working_days_ends(monkeypatch):
    days = Workdays("")
    monkeypatch.setattr(Workdays, "works", lambda self, day: False)
    with pytest.raises(ValueError, match="without working days"):
        days.rolled(date(2026, 1, 1))


def test_a_breach_row_says_when_it_runs():
    words = {"words": {"zh-hans": "甲", "zh-hant": "甲", "en": "a"}}
    row = {
        "id": "a",
        "article": "A 1",
        "source": "V",
        "read": True,
        "to": "authority",
        "term": {"unit": "at-once"},
    } | words
    assert applies(Breach(**row, any=("persons>10", "wrongful")), Known(10, {"wrongful": False})) is None
    assert applies(Breach(**row, any=("persons>=10",)), Known(10)) == "yes"
