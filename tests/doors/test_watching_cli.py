"""The commands of the watch: alerts handled, customers marked, honey that stays out of counts and lists."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pyarrow as pa
import pytest
from django.core import mail
from django.test import override_settings

from kehu.guard.staff.actions import add_staff, issue_token, owner_actor
from kehu.guard.watch.alerts import raise_alert
from kehu.guard.watch.marks import without_honey
from kehu.refine.resolve.fresh import candidates
from kehu.refine.resolve.opening import customers_of, groups
from kehu.serve.assurance.counts import counts
from kehu.serve.desk.listing import Filters
from kehu.serve.leaving import asking, sending
from tests.cast import admit, staff

WHY = "Agreed with her lead: the recall of this week."


@pytest.fixture(autouse=True)
def post(monkeypatch):
    monkeypatch.setattr(mail, "outbox", [], raising=False)
    with override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend"):
        yield


def token_of(role, purpose):
    staff(role)
    return issue_token(email=f"{role}@kehu.example", purpose=purpose, minutes=5)[0]


def test_an_alert_is_seen_taken_and_dismissed(database, kehu):
    li = staff("service")
    found = {"measure": "opened-hour", "seen": 42, "own": 12, "role": 20, "limit": 30}
    number = raise_alert("volume", li.human, {"found": [found], "rows": [7, 8]}, count=42)
    auditor = token_of("auditor", "security")
    code, said = kehu("watch", "alerts", "--state", "open", token=auditor)
    assert code == 0
    [one] = said["alerts"]
    assert (one["number"], one["kind"], one["email"], one["evidence"]["rows"]) == (
        number, "volume", "service@kehu.example", [7, 8],
    )  # fmt: skip
    assert one["why"] == ["42 customers opened within an hour; usual for this person up to 12, for the role up to 20."]
    assert kehu("watch", "take", number, token=auditor)[1]["alerts"][0]["owner"] == "auditor@kehu.example"
    assert kehu("watch", "dismiss", number, "--reason", "short", token=auditor)[0] == 2
    code, said = kehu("watch", "dismiss", number, "--reason", "-", token=auditor, input=WHY + "\n")
    assert (code, said["alerts"][0]["state"], said["alerts"][0]["reason"]) == (0, "dismissed", WHY)
    assert kehu("watch", "take", number, token=auditor)[1]["error"]["code"] == "alert-closed"
    assert kehu("watch", "show", 999)[1]["error"]["code"] == "unknown-alert"
    code, said = kehu("watch", "show", number)
    assert code == 0 and said["alerts"][0]["number"] == number


def test_others_are_refused(database, kehu):
    [chen] = admit({"full_name": "Chen"})
    service = token_of("service", "service")
    for words in (
        ("alerts",), ("show", 1), ("take", 1), ("dismiss", 1, "--reason", WHY), ("marks",), ("mark", chen, "--as", "vip"),
        ("unmark", chen, "--as", "vip"), ("honey",), ("run",), ("figures",), ("secret",),
    ):  # fmt: skip
        assert kehu("watch", *words, token=service)[0] == 3, words


def test_marks_and_a_look(database, kehu):
    staff("auditor")
    chen, lin = admit({"full_name": "Chen", "email": "service@kehu.example"}, {"full_name": "Lin"})
    service = token_of("service", "service")
    code, said = kehu("watch", "mark", lin, "--as", "vip")
    assert (code, said["marks"][0]["subject"]) == (0, str(lin))
    assert kehu("watch", "run")[1]["colleagues"] == 1
    assert {one["kind"] for one in kehu("watch", "marks")[1]["marks"]} == {"vip", "colleague"}
    assert kehu("show", lin, "--purpose", "service", token=service)[0] == 0
    assert kehu("show", chen, "--purpose", "service", token=service)[0] == 0
    code, said = kehu("watch", "run")
    assert code == 0 and said["rows"] > 0 and len(said["alerts"]) == said["told"] == 2 and said["waiting"] == 0
    assert {one["kind"] for one in kehu("watch", "alerts")[1]["alerts"]} == {"vip", "self"}
    assert len(mail.outbox) == 1 and "service@" not in mail.outbox[0].body
    assert kehu("watch", "unmark", lin, "--as", "vip")[1] == {"unmarked": 1}
    assert kehu("watch", "unmark", lin, "--as", "vip")[1]["error"]["code"] == "unknown-mark"
    text = json.dumps(kehu("watch", "alerts")[1])
    assert "Chen" not in text and "Lin" not in text and str(lin) not in text


def test_honey_is_a_customer_to_whoever_looks_and_to_nothing_that_counts(database, kehu):
    staff("privacy")
    assert kehu("watch", "honey")[1]["error"]["code"] == "nobody-here"
    people = admit({"full_name": "Chen", "email": "chen@mail.example"}, {"full_name": "Lin"})
    before = counts()
    code, said = kehu("watch", "honey", "--count", 2)
    assert code == 0 and len(said["honey"]) == 2
    honey = said["honey"]
    service = token_of("service", "service")
    code, said = kehu("show", honey[0], "--purpose", "service", token=service)
    made = said["fields"]
    assert code == 0 and made["full_name"] and made["email"].endswith("@mail.example")
    assert kehu("find", f"email={made['email']}", "--purpose", "service", token=service)[1]["subjects"] == honey[:1]
    assert {name: counts()[name] for name in ("subjects", "sources")} == {
        name: before[name] for name in ("subjects", "sources")
    }
    assert asking.how_many("fulfilment", Filters.read({}, purpose="fulfilment")) == len(people)
    listed = SimpleNamespace(purpose="fulfilment", filters=Filters.read({}, purpose="fulfilment"))
    assert [one for chunk in sending._chunks(listed) for one in chunk] == sorted(people)
    assert len(without_honey([*people, *(type(people[0])(one) for one in honey)])) == 2
    persons = next(one for one in groups() if one.kind == "person")
    assert customers_of(persons) == sorted(people)  # linked to nobody, so proposed to no reviewer
    assert candidates(persons, pa.table({"email": [made["email"], "chen@mail.example"]})) == [people[0]]
    kehu("watch", "run")
    [alert] = kehu("watch", "alerts")[1]["alerts"]
    assert (alert["kind"], alert["severity"], alert["count"]) == ("honey", "high", 1)


def test_figures_name_nobody_and_tell_no_few(database, kehu):
    people = [
        add_staff(email=f"s{n}@kehu.example", role="service", department="desk", attest=True)[0].id for n in range(3)
    ]
    for human in people:
        raise_alert("volume", human, {}, day="2026-11-20")
    for n in range(4):  # many, but of one person
        raise_alert("vip", people[0], {}, day=f"2026-11-{n + 10}")
    manager = token_of("manager", "service")
    code, said = kehu("watch", "figures", "--since", "2026-11-01", token=manager)
    assert code == 0 and "@" not in json.dumps(said)
    assert {(one["department"], one["kind"]): one["alerts"] for one in said["figures"]} == {
        ("desk", "volume"): 3, ("desk", "vip"): None,
    }  # fmt: skip
    assert kehu("watch", "secret")[1]["header"] == "Kehu-Signature"
    assert owner_actor().role == "owner"
