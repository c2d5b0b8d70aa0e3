"""Alerts: one that grows, handled by another person of the right office, closed once; and what the database itself refuses."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, connection, transaction

from kehu.guard.gate.acts import ActRefused
from kehu.guard.ledger import queries
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.guard.watch import alerts
from kehu.guard.watch.alerts import AlertClosed, UnknownAlert, raise_alert
from tests.cast import staff

DAY = date(2026, 11, 2)
WHY = "Agreed with her lead: the recall of this week."


def raised(human, count=20, kind="volume", **more):
    with transaction.atomic():
        return raise_alert(kind, human, {"seen": count, "rows": [3, 1, 2]} | more, day=DAY, count=count)


def refused_by_database(statement, *parameters):
    with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
    return str(caught.value)


def test_one_alert_grows_and_only_grows(database):
    li, ada = staff("service"), staff("auditor")
    first = raised(li.human)
    assert raised(li.human, 35) == first
    assert raised(li.human, 10) == first
    held = alerts.alert(first, actor=ada)
    assert (held.count, held.evidence["seen"], held.rows, held.severity) == (35, 35, (1, 2, 3), "medium")
    assert (held.state, held.role, held.department, held.told_at) == ("open", "service", "service", None)
    assert raised(li.human, kind="breadth") != first
    assert "only grows" in refused_by_database("update watch_alert set count = 1")
    assert "only grows" in refused_by_database("update watch_alert set severity = 1")


def test_take_and_dismiss_stand_in_the_ledger(database):
    li, ada, pia = staff("service"), staff("auditor"), staff("privacy")
    number = raised(li.human)
    assert alerts.take(number, actor=ada).owner == ada_email(ada)
    assert alerts.take(number, actor=pia).owner == ada_email(pia)
    done = alerts.dismiss(number, actor=pia, reason=WHY)
    assert (done.state, done.closed_by, done.reason) == ("dismissed", ada_email(pia), WHY)
    for act in (alerts.take, lambda n, actor: alerts.dismiss(n, actor=actor, reason=WHY)):
        with pytest.raises(AlertClosed):
            act(number, actor=ada)
    acts = [row["action"] for row in queries.rows(limit=3)]
    assert acts == ["dismiss-alert", "take-alert", "take-alert"]


def ada_email(actor):
    from kehu.guard.staff.models import Staff

    return Staff.objects.get(id=actor.human).email


def test_what_was_closed_comes_again_only_with_half_as_much_again(database):
    li, ada = staff("service"), staff("auditor")
    number = raised(li.human, 20)
    alerts.dismiss(number, actor=ada, reason=WHY)
    assert raised(li.human, 29) is None
    assert raised(li.human, 30) not in (None, number)


@pytest.mark.parametrize("role", ["manager", "marketing", "service", "analyst", "engineer", "legal"])
def test_other_roles_see_and_handle_none(database, role):
    li, other = staff("service") if role != "service" else owner_actor(), staff(role)
    number = raised(li.human)
    for act in (
        lambda: alerts.alerts(actor=other),
        lambda: alerts.alert(number, actor=other),
        lambda: alerts.take(number, actor=other),
        lambda: alerts.dismiss(number, actor=other, reason=WHY),
    ):
        with pytest.raises(ActRefused):
            act()


def test_nobody_handles_an_alert_about_themselves(database):
    pia, ada = staff("privacy"), staff("auditor")
    number = raised(pia.human, kind="honey")
    assert alerts.alerts(actor=pia) == []
    for act in (
        lambda: alerts.alert(number, actor=pia),
        lambda: alerts.take(number, actor=pia),
        lambda: alerts.dismiss(number, actor=pia, reason=WHY),
    ):
        with pytest.raises(UnknownAlert):
            act()
    assert [(row["action"], row["policy"]) for row in queries.rows(limit=2)] == [
        ("dismiss-alert", "house.second-person"), ("take-alert", "house.second-person"),
    ]  # fmt: skip
    assert "check" in refused_by_database("update watch_alert set state = 1, owner = %s", pia.human)
    assert "check" in refused_by_database(
        "update watch_alert set state = 2, closed_by = %s, reason = %s", pia.human, WHY
    )
    assert [one.number for one in alerts.alerts(actor=ada)] == [number]


def test_the_database_keeps_an_alert(database):
    li, ada = staff("service"), staff("auditor")
    number = raised(li.human)
    assert "permission denied" in refused_by_database("delete from watch_alert")
    assert "permission denied" in refused_by_database("update watch_alert set human = %s", ada.human)
    assert "role handles no" in refused_by_database(
        "update watch_alert set state = 1, owner = %s", owner_less("manager")
    )
    assert "check" in refused_by_database("update watch_alert set state = 2, closed_by = %s", ada.human)  # no reason
    alerts.dismiss(number, actor=ada, reason=WHY)
    assert "stays closed" in refused_by_database("update watch_alert set state = 3")
    assert "stays closed" in refused_by_database("update watch_alert set evidence = '{}'")
    with open_owner(database) as owner, pytest.raises(Exception, match="three years"):
        owner.execute("delete from watch_alert")
    with open_owner(database) as owner, pytest.raises(Exception, match="three years"):
        owner.execute("truncate watch_alert cascade")
    with connection.cursor() as cursor:
        cursor.execute("select forget_closed_alerts()")
        assert cursor.fetchone() == (0,)


def owner_less(role):
    return staff(role).human


def test_a_case_takes_alerts_over(database):
    li, ada = staff("service"), staff("auditor")
    one, other = raised(li.human), raised(li.human, kind="breadth")
    with transaction.atomic():
        assert len(alerts.close_as_case([one, other], actor=ada)) == 2
    assert {held.state for held in alerts.alerts(actor=ada)} == {"case"}
    with pytest.raises(AlertClosed), transaction.atomic():
        alerts.close_as_case([one], actor=ada)


def test_the_queue_is_narrowed_and_paged(database):
    li, ada = staff("service"), staff("auditor")
    made = [raised(li.human, kind=kind) for kind in ("volume", "vip", "honey")]
    newest = alerts.alerts(actor=ada, limit=1)
    assert [one.number for one in newest] == made[2:]
    assert [one.number for one in alerts.alerts(actor=ada, before=made[2])] == made[1::-1]
    assert [one.kind for one in alerts.alerts(actor=ada, kind="vip")] == ["vip"]
    assert [one.kind for one in alerts.alerts(actor=ada, severity="high")] == ["honey"]
    assert alerts.alerts(actor=ada, state="dismissed") == []
    assert alerts.alerts(actor=ada, human=ada.human) == []
