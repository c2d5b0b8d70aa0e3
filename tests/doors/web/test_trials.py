"""A change of policies is tried as a job: one sees how far it is, comes back to it, cancels it; it names nobody."""

from __future__ import annotations

import json
import re
import uuid
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import connection, transaction
from django.utils import timezone

from kehu.guard.gate import replay as replaying
from kehu.guard.gate.acts import ActRefused, Refused
from kehu.host.jobs import run_pending
from kehu.host.paths import policies_dir
from kehu.serve.assurance import trials
from kehu.serve.assurance.models import PolicyTrial
from tests.cast import admit, staff
from tests.doors.web import browsing
from tests.doors.web.browsing import text_of

LIN = {"full_name": "林婉清", "email": "lin@mail.example"}
HOUSE = (policies_dir() / "house.cedar").read_text(encoding="utf-8")
SHUT = HOUSE.replace('principal.role == "service" &&', 'principal.role == "nobody" &&')


def signed_in(role, purpose=None):
    """Who reads English."""
    desk, who = browsing.signed_in(role, purpose)
    desk.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    return desk, who


@pytest.fixture
def used(database):
    """A customer whom somebody opened."""
    [lin] = admit(LIN)
    service, _ = signed_in("service", "service")
    service.get(f"/customers/{lin}")
    return lin


def asked(desk):
    answer = desk.post("/policies/replay", {"days": "7", "law": "house", "text": SHUT})
    assert answer.status_code == 302, text_of(answer)
    return uuid.UUID(answer["Location"].rpartition("/")[2])


def queued():
    with connection.cursor() as cursor:
        cursor.execute("select args, status::text from procrastinate_jobs where task_name = 'assurance:try_policies'")
        return [(json.loads(row[0]) if isinstance(row[0], str) else row[0], row[1]) for row in cursor.fetchall()]


def test_it_waits_is_worked_on_and_can_be_come_back_to(used):
    desk, who = signed_in("privacy")
    id = asked(desk)
    assert queued() == [({"trial": str(id)}, "todo")]  # the job names the trial, and nothing of it
    page = text_of(desk.get(f"/policies/trials/{id}"))
    assert "waiting" in page and "Cancel it" in page and 'hx-trigger="every 1s"' in page
    assert '<noscript><meta http-equiv="refresh"' in page and "Look again" in page
    held = PolicyTrial.objects.get(id=id)
    assert list(held.files) == ["house.cedar"] and held.asked_by == who.human
    seen = []

    def look(done, decisions):
        seen.append(text_of(desk.get(f"/policies/trials/{id}/progress")))

    move = trials._move
    with patch.object(trials, "_move", lambda moved, **more: (move(moved, **more), look(0, 0))[0]):
        trials.run(id)
    assert any("working" in text and "decisions" in text for text in seen)
    auditor, _ = signed_in("auditor")
    for reader in (desk, auditor):
        page = text_of(reader.get(f"/policies/trials/{id}"))
        assert "house.default-deny" in page and "hx-trigger" not in page and "done" in page
        assert str(id) in text_of(reader.get("/policies"))
    held.refresh_from_db()
    assert held.files is None and held.decided == held.decisions > 0
    written = json.dumps(held.result)
    assert not any(word in written for word in ("林", "lin@", str(used), "@kehu.example"))
    run_pending()  # the job itself comes after: there is nothing left to do
    held.refresh_from_db()
    assert held.state == "done" and queued() == []


def test_whoever_asked_may_cancel_it_and_nobody_else(used):
    desk, _ = signed_in("privacy")
    other, _ = signed_in("legal")
    id = asked(desk)
    assert "Cancel it" not in text_of(other.get(f"/policies/trials/{id}"))
    assert other.post(f"/policies/trials/{id}/cancel").status_code == 403
    assert desk.post(f"/policies/trials/{id}/cancel").status_code == 302
    run_pending()
    held = PolicyTrial.objects.get(id=id)
    assert (held.state, held.files, held.result) == ("cancelled", None, None)
    assert "It was cancelled" in text_of(desk.get(f"/policies/trials/{id}"))


def test_cancelled_while_it_runs_it_stops(used):
    desk, who = signed_in("privacy")
    id, told = asked(desk), []

    def decided(*args, **more):
        told.append(1)
        return []

    move = trials._move

    def cancelled_meanwhile(moved, **more):
        if "decisions" in more and more.get("decisions"):
            trials.cancel(id, actor=who)
        return move(moved, **more)

    with patch.object(trials, "_move", cancelled_meanwhile), patch.object(replaying, "_changes", decided):
        trials.run(id)
    assert told == [] and PolicyTrial.objects.get(id=id).state == "cancelled"


def test_after_a_crash_it_is_done_again_and_a_failure_is_told(used):
    desk, _ = signed_in("privacy")
    id = asked(desk)
    PolicyTrial.objects.filter(id=id).update(state="running", decided=3, decisions=9)  # the worker died here
    run_pending()
    assert PolicyTrial.objects.get(id=id).state == "done"
    failing = asked(desk)
    with patch.object(trials, "replay", side_effect=RuntimeError), pytest.raises(RuntimeError):
        trials.run(failing)
    held = PolicyTrial.objects.get(id=failing)
    assert (held.state, held.files) == ("failed", None)
    assert "could not be finished" in text_of(desk.get(f"/policies/trials/{failing}"))


def test_asking_is_recorded_old_ones_go_and_roles_are_kept_apart(used):
    desk, who = signed_in("privacy")
    id = asked(desk)
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from ledger_entry where action = 20 and detail = %s and human = %s", [id, who.human]
        )
        assert cursor.fetchone()[0] == 1
    with pytest.raises(ActRefused):
        trials.ask({"house.cedar": SHUT.encode()}, days=7, actor=staff("service"))
    with pytest.raises(Refused):
        trials.trial_of(id, actor=staff("marketing"))
    run_pending()
    trials.forget_old()
    assert PolicyTrial.objects.filter(id=id).exists()
    PolicyTrial.objects.filter(id=id).update(asked_at=timezone.now() - timedelta(days=31))
    trials.forget_old()
    assert desk.get(f"/policies/trials/{id}").status_code == 404


def test_the_database_keeps_files_no_longer_than_the_work(used):
    desk, _ = signed_in("privacy")
    id = asked(desk)
    for wrong in (
        {"state": "done"},
        {"state": "failed", "ended_at": timezone.now()},
        {"files": None},
        {"state": "waiting", "ended_at": timezone.now()},
        {"state": "asleep"},
    ):
        with pytest.raises(Exception, match=re.compile("trial_")), transaction.atomic():
            PolicyTrial.objects.filter(id=id).update(**wrong)
