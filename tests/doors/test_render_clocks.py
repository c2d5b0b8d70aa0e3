"""A clock at a terminal: one line each, with its end, its article, and whether anybody has read that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from kehu.doors.cli.render import print_answer
from kehu.govern.deadlines import Known, Told, incident_clocks, request_clocks
from kehu.serve.rights.clocks import clock_row

NOW = datetime(2026, 11, 26, 10, tzinfo=UTC)


def test_clocks_stand_one_a_line(capsys):
    found = request_clocks(["CN", "EU", "US"], "access", NOW - timedelta(40), told=Told(), now=NOW)
    print_answer({"requests": [{"id": "a", "clocks": [clock_row(one, now=NOW) for one in found]}]})
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "CN.standard overdue 2026-11-16 (GB/T 35273-2020 8.7, unverified)" in " ".join(lines)
    assert "EU.answer overdue 2026-11-17 (GDPR 12(3))" in lines and "CN.timely timely (PIPL 44-48)" in lines


def test_an_hour_is_told_and_what_may_not_apply(capsys):
    found = incident_clocks(["EU"], NOW, Known())
    print_answer({"incidents": [{"id": "a", "clock": clock_row(found[0], now=NOW)}]})
    assert "EU.authority running 2026-11-29T11:00:00+01:00 if it applies (GDPR 33(1))" in capsys.readouterr().out
