"""A change of a purpose or notice from its proposal to the next read: in the ledger, and in every running process."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
from datetime import date, timedelta

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from kehu.govern import notices, register
from kehu.govern.consent import Statement, consents_of, give_consent, notice_in_force
from kehu.govern.models import Notice, Rules
from kehu.govern.notices import Covered
from kehu.govern.register import Assessment
from kehu.govern.slugs import ACTIONS, LANGUAGES, PURPOSES
from kehu.guard import setup
from kehu.guard.gate import read
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.read import Gate, gate
from kehu.guard.installation import HeldRules, claims_of, installation
from kehu.guard.setup import open_owner, register_due_notices, register_rules
from kehu.guard.staff.actions import owner_actor
from kehu.serve.desk.standing import standing_of
from kehu.serve.register import changes, views
from kehu.serve.register.health import check_notices
from kehu.serve.rights.consents.receipts import receipt
from kehu.vault.ids import new_id
from tests.cast import admit, shipped_with, staff
from tests.doors.web.browsing import signed_in, text_of

FINE = Assessment(on=date(2026, 11, 1), risk="low", outcome="acceptable", measures="")
WORDS = dict.fromkeys(LANGUAGES, "We also use your date of birth to serve you.")


@pytest.fixture
def office(database):
    """Somebody who proposes and somebody who decides."""
    return staff("manager"), staff("privacy")


def put_in_force(slug, parts, office):
    amy, paul = office
    change = changes.propose_purpose(slug, parts, actor=amy)
    if register.needs_assessment(change):
        changes.assess(change.id, FINE, actor=paul)
    return changes.approve(change.id, actor=paul)


def least(slug, *more):
    return [*installation().rules.purposes[slug].least, *more]


def acts(act):
    with connection.cursor() as cursor:
        cursor.execute(
            "select e.detail, d.answer::text from ledger_entry e join gate_decision d on d.id = e.decision"
            " where e.action = %s order by e.seq",
            [ACTIONS[act]],
        )
        return cursor.fetchall()


def test_each_step_stands_in_the_ledger(office):
    amy, paul = office
    change = changes.propose_purpose("marketing", {"recipients": ["Parcel Post"]}, reason="letters", actor=amy)
    changes.assess(change.id, FINE, actor=paul)
    changes.approve(change.id, actor=paul)
    other = changes.propose_purpose("marketing", {"recipients": []}, actor=paul)
    changes.refuse(other.id, reason="not yet", actor=staff("legal"))
    third = changes.propose_purpose("marketing", {"recipients": []}, actor=paul)
    changes.withdraw(third.id, actor=paul)
    assert [detail for detail, _ in acts("propose")] == [change.id, other.id, third.id]
    assert [[detail for detail, _ in acts(act)] for act in ("assess", "approve", "refuse", "retract")] == [
        [change.id], [change.id], [other.id], [third.id],
    ]  # fmt: skip


@pytest.mark.parametrize("role", ["service", "marketing", "manager", "analyst", "engineer", "auditor", "owner"])
def test_only_the_office_decides(database, role):
    amy, other = staff("privacy"), owner_actor() if role == "owner" else staff(role)
    change = changes.propose_purpose("marketing", {"recipients": ["Parcel Post"]}, actor=amy)
    for step in (
        lambda: changes.approve(change.id, actor=other),
        lambda: changes.refuse(change.id, reason="no", actor=other),
    ):
        with pytest.raises(Refused) as met:
            step()
        assert met.value.policy == "house.act"
    if role != "owner":
        with pytest.raises(Refused):
            changes.assess(change.id, FINE, actor=other)


def test_what_is_refused_stands_in_the_ledger(office):
    _, paul = office
    own = changes.propose_purpose("marketing", {"countries": ["DE"]}, actor=paul)
    with pytest.raises(Refused) as met:
        changes.approve(own.id, actor=paul)
    assert met.value.policy == "house.second-person"
    with pytest.raises(Refused) as met:
        changes.approve(own.id, actor=staff("legal"))
    assert met.value.policy == "house.assessment"
    assert [json.loads(answer)["*"] for _, answer in acts("approve")] == [
        [["denied", "house.second-person"]], [["denied", "house.assessment"]],
    ]  # fmt: skip
    assert register.purposes_in_force()["marketing"].countries == frozenset()


def test_without_agreement_nobody_proposes(database):
    with pytest.raises(Refused) as met:
        changes.propose_purpose("marketing", {"countries": ["DE"]}, actor=staff("manager", attest=False))
    assert met.value.policy == "house.agreement"


def test_a_department_there_is_not(office):
    with pytest.raises(ValueError, match="departments"):
        changes.propose_purpose("marketing", {"departments": ["moon"]}, actor=office[0])


# what it means for the next read


def test_a_gate_that_runs_follows_without_a_restart(office):
    alice, [lin] = staff("service"), admit({"email": "lin@mail.example"})
    running = Gate(dataclasses.replace(installation(), held_rules=HeldRules()))
    assert running.open([lin], actor=alice, purpose="service")[0].contributions
    fields = [name for name in least("service") if name != "email"]
    put_in_force("service", {"least": fields}, office)
    opened = running.open([lin], actor=alice, purpose="service", fields=["email"])[0]
    assert opened.decision.fields["email"][0].answer == "denied"
    assert "email" not in running.open([lin], actor=alice, purpose="service")[0].decision.fields


SECOND_PROCESS = """
import sys, django
django.setup()
from uuid import UUID
from kehu.guard.gate.read import gate
from kehu.guard.staff.actions import actor_of
lin, alice = UUID(sys.argv[1]), actor_of("service@kehu.example")
for line in sys.stdin:
    answer = gate().open([lin], actor=alice, purpose="service", fields=["email"])[0].decision.fields["email"][0].answer
    print(answer, flush=True)
"""


def test_another_process_follows_without_a_restart(office):
    staff("service")
    [lin] = admit({"email": "lin@mail.example"})
    with subprocess.Popen(
        [sys.executable, "-c", SECOND_PROCESS, str(lin)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=os.environ,
    ) as other:  # fmt: skip

        def ask():
            other.stdin.write("\n")
            other.stdin.flush()
            return other.stdout.readline().strip()

        assert ask() == "clear"
        put_in_force("service", {"least": [name for name in least("service") if name != "email"]}, office)
        assert ask() == "denied"
        other.stdin.close()
        assert other.wait(30) == 0


def test_another_programs_rules_are_not_followed(office):
    [lin] = admit({"email": "lin@mail.example"})
    Rules.objects.create(digest=b"x" * 32, content={})
    with pytest.raises(read.RulesChanged):
        gate().open([lin], actor=office[0], purpose="service")


def consents(subject, purpose, actor):
    held = installation().rules.purposes[purpose]
    statement = Statement(notice=notice_in_force().id, way="portal", language="en")
    give_consent(subject, purpose=held.id, purpose_version=held.version, statement=statement,
                 recorded_by=actor.staff, id=new_id())  # fmt: skip


def answer(subject, actor, purpose, field="email"):
    opened = gate().open([subject], actor=actor, purpose=purpose, fields=[field])[0]
    found = opened.decision.fields[field][0]
    return found.answer, found.policy


def test_a_consent_does_not_cover_what_became_wider(office):
    mia, [lin] = staff("marketing"), admit({"email": "lin@mail.example"})
    consents(lin, "marketing", mia)
    assert answer(lin, mia, "marketing")[0] != "denied"
    put_in_force("marketing", {"retention_days": 100}, office)
    assert answer(lin, mia, "marketing")[0] != "denied"  # narrower: it still covers
    assert standing_of([lin])[lin].consents["marketing"] == "on"
    put_in_force("marketing", {"recipients": ["Parcel Post"]}, office)
    assert answer(lin, mia, "marketing")[0] == "denied"
    assert standing_of([lin])[lin].consents["marketing"] == "limit"
    put_in_force("marketing", {"recipients": []}, office)
    assert answer(lin, mia, "marketing")[0] == "denied"  # what was said of another version is not said again
    consents(lin, "marketing", mia)
    assert answer(lin, mia, "marketing")[0] != "denied"


def test_rules_that_come_back_come_in_force_again(office):
    first = installation().rules.purposes["marketing"].least
    put_in_force("marketing", {"least": sorted(first)[1:]}, office)
    put_in_force("marketing", {"least": sorted(first)}, office)
    assert installation().rules.purposes["marketing"].least == first
    assert Rules.objects.count() == 3


def test_a_role_may_claim_what_the_register_says(office):
    assert "billing" not in claims_of("service")
    put_in_force("billing", {"roles": ["manager", "service"]}, office)
    assert "billing" in claims_of("service")


def test_two_changes_at_once_are_both_in_force(office, database):
    amy, paul = office
    ids = [
        changes.propose_purpose(slug, {"retention_days": 5}, actor=amy).id for slug in ("marketing", "personalisation")
    ]
    failed = []

    def decide():
        try:
            changes.approve(ids[1], actor=paul)
        except Exception as error:  # noqa: BLE001  (whatever it is, the test tells)
            failed.append(error)
        finally:
            connection.close()

    other = threading.Thread(target=decide)
    with transaction.atomic():
        changes.approve(ids[0], actor=paul)
        other.start()
        other.join(2)
        assert other.is_alive()  # it waits: it could not see this one yet
    other.join(30)
    assert failed == []
    [lin] = admit({"email": "lin@mail.example"})
    gate().open([lin], actor=paul, purpose="complaints")  # the newest row holds both: this process decides under it
    assert {installation().rules.purposes[slug].retention_days for slug in ("marketing", "personalisation")} == {5}


def test_a_receipt_tells_what_was_agreed_to(office):
    mia, [lin] = staff("marketing"), admit({"email": "lin@mail.example"})
    consents(lin, "marketing", mia)
    put_in_force("marketing", {"recipients": ["Parcel Post"], "least": least("marketing", "birth_date")}, office)
    consents(lin, "marketing", mia)
    put_in_force("marketing", {"recipients": []}, office)
    new, old = (receipt(row.id, actor=mia)["record"]["processing"] for row in consents_of(lin))
    assert (old["purpose"]["version"], old["recipients"], old["covers_version_in_force"]) == (1, [], False)
    assert (new["purpose"]["version"], new["recipients"], new["covers_version_in_force"]) == (2, ["Parcel Post"], True)
    assert "birth_date" not in old["pii_information"]
    assert "birth_date" in new["pii_information"]


# notices


def propose_notice(actor, *, texts=WORDS, covers=None, on=None):
    return changes.propose_notice("privacy", texts, covers, on=on, reason="told", actor=actor)


def test_a_field_that_came_new_is_denied_until_people_are_told(office):
    amy, paul = office
    alice, [lin] = staff("service"), admit({"email": "lin@mail.example", "birth_date": "1990-03-05"})
    put_in_force("service", {"least": least("service", "birth_date")}, office)
    assert answer(lin, alice, "service", "birth_date") == ("denied", "house.notice")
    assert answer(lin, alice, "service", "email")[0] != "denied"  # what they were told of goes on
    changes.approve(propose_notice(amy).id, actor=paul)
    assert answer(lin, alice, "service", "birth_date")[0] != "denied"


def test_what_the_office_put_in_force_is_told_by_nothing_that_ships(office):
    """Beginning anew, as after a restart, neither tells of it in the office's stead nor fails for the notice that waits."""
    amy, _ = office
    alice, [lin] = staff("service"), admit({"email": "lin@mail.example", "birth_date": "1990-03-05"})
    put_in_force("service", {"least": least("service", "birth_date")}, office)
    propose_notice(amy)
    setup.ship()
    assert Notice.objects.count() == 1
    assert answer(lin, alice, "service", "birth_date") == ("denied", "house.notice")


def test_a_notice_that_a_start_put_in_force_by_itself_is_told(office, database):
    """As earlier versions did after the office had made a purpose wider."""
    amy, paul = office
    assert list(check_notices()) == []
    put_in_force("service", {"least": least("service", "birth_date")}, office)
    assert list(check_notices()) == []
    with setup.as_owner(database):
        notices.register_shipped(owner_actor().human, register.purposes_in_force())
    [found] = check_notices()
    assert found.id == "notices.unproposed" and "privacy@2" in found.text and "service" in found.text
    desk, _ = signed_in("privacy")
    assert "Nobody proposed this version" in text_of(desk.get("/notices/privacy/2", headers={"Accept-Language": "en"}))
    assert "Nobody proposed" not in text_of(desk.get("/notices/privacy/1", headers={"Accept-Language": "en"}))
    made = propose_notice(amy)
    changes.approve(made.id, actor=paul)
    assert list(check_notices()) == []


def test_a_notice_may_tell_of_what_waits(office):
    amy, paul = office
    change = changes.propose_purpose("service", {"least": least("service", "birth_date")}, actor=amy)
    changes.approve(propose_notice(amy).id, actor=paul)
    assert notices.told()["service"] >= {"birth_date"}
    changes.assess(change.id, FINE, actor=paul)
    changes.approve(change.id, actor=paul)
    alice, [lin] = staff("service"), admit({"email": "lin@mail.example", "birth_date": "1990-03-05"}, notice=1)
    assert answer(lin, alice, "service", "birth_date")[0] != "denied"


def test_a_later_notice_covers_what_came_under_the_one_before(office):
    """A purpose that the first did not name: the policy's remedy is a newer notice, and it helps."""
    amy, paul = office
    all_but = {slug: said for slug, said in changes.whole_cover().items() if slug != "service"}
    changes.approve(propose_notice(amy, covers=all_but).id, actor=paul)
    second = notice_in_force()
    alice, [lin] = staff("service"), admit({"email": "lin@mail.example"}, notice=second.id)
    opened = gate().open([lin], actor=alice, purpose="service", fields=["email"])[0]
    assert opened.contributions == ()
    changes.approve(propose_notice(amy, texts=dict.fromkeys(LANGUAGES, "Service, too.")).id, actor=paul)
    opened = gate().open([lin], actor=alice, purpose="service", fields=["email"])[0]
    assert [one.field for one in opened.contributions] == ["email"]


def test_a_notice_that_comes_in_force_while_rules_are_read_is_not_missed(office, database, monkeypatch):
    amy, paul = office
    put_in_force("service", {"least": least("service", "birth_date")}, office)
    changes.approve(propose_notice(amy, on=timezone.now() + timedelta(days=3)).id, actor=paul)
    read = setup.rules_in_force

    def due_meanwhile():
        monkeypatch.setattr(setup, "rules_in_force", read)
        rules = read()
        with open_owner(database) as owner:
            owner.execute("update govern_notice set in_force_from = clock_timestamp() where version = 2")
        return rules

    with open_owner(database) as owner:
        owner.execute("alter table govern_notice disable trigger user")
    monkeypatch.setattr(setup, "rules_in_force", due_meanwhile)
    shipped_with(database, "claims", retention_days=3_001)
    register_due_notices()
    alice, [lin] = staff("service"), admit({"email": "lin@mail.example", "birth_date": "1990-03-05"})
    assert answer(lin, alice, "service", "birth_date")[0] != "denied"


def test_a_notice_comes_in_force_on_its_day(office, database):
    amy, paul = office
    put_in_force("service", {"least": least("service", "birth_date")}, office)
    day = timezone.now() + timedelta(days=3)
    changes.approve(propose_notice(amy, on=day).id, actor=paul)
    assert notice_in_force().version == 1
    assert [one.version.status for one in views.notice_versions()] == ["coming", "in-force"]
    assert "birth_date" not in installation().rules.told["service"]
    assert not register_due_notices()
    with open_owner(database) as owner:  # three days later
        owner.execute("alter table govern_notice disable trigger user")
        owner.execute("update govern_notice set in_force_from = clock_timestamp() where version = 2")
    assert register_due_notices()
    assert notice_in_force().version == 2
    alice, [lin] = staff("service"), admit({"email": "lin@mail.example", "birth_date": "1990-03-05"})
    assert answer(lin, alice, "service", "birth_date")[0] != "denied"


def test_nobody_approves_their_own_notice(office):
    _, paul = office
    change = propose_notice(paul)
    with pytest.raises(Refused) as met:
        changes.approve(change.id, actor=paul)
    assert met.value.policy == "house.second-person"
    assert notice_in_force().version == 1


@pytest.mark.parametrize(
    ("texts", "on"),
    [({"en": "Only English"}, None), ({**WORDS, "en": " "}, None), (WORDS, timezone.now() - timedelta(days=1))],
)
def test_a_faulty_notice(office, texts, on):
    with pytest.raises(ValueError, match="notice"):
        propose_notice(office[0], texts=texts, on=on)


def test_a_notice_of_unknown_fields(office):
    with pytest.raises(ValueError, match="notice"):
        propose_notice(office[0], covers={"service": Covered(1, frozenset({"soul"}))})


def test_the_database_lets_no_notice_in_without_its_approval(office):
    amy, paul = office
    change = propose_notice(amy)
    row = {"name": "privacy", "version": 2, "purposes": sorted(PURPOSES.values()), "texts": WORDS,
           "covers": change.content["covers"], "in_force_from": timezone.now(), "change": change}  # fmt: skip
    for wrong in (row, {**row, "shipped": True}, {**row, "change": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Notice.objects.create(**wrong)
    register.approve(change.id, by=paul.human, role=paul.role, id=new_id())
    for part, said in (
        ("texts", {}),
        ("covers", {}),
        ("purposes", [1]),
        ("in_force_from", timezone.now() - timedelta(days=1)),
        ("version", 3),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            Notice.objects.create(**{**row, part: said})
    Notice.objects.create(**{**row, "in_force_from": timezone.now()})


def test_no_notice_is_edited(office, database):
    for statement in ("update govern_notice set texts = '{}'", "delete from govern_notice"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.connection.execute(statement)
        with open_owner(database) as owner, pytest.raises(psycopg.errors.InsufficientPrivilege):
            owner.execute(statement)


def test_how_two_versions_differ(office):
    amy, paul = office
    texts = notices.history()[0].texts
    more = {
        **texts,
        "en": texts["en"].replace("obey the law", "obey every law"),
        "zh-hans": texts["zh-hans"] + "谢谢。",
    }
    changes.approve(propose_notice(amy, texts=more).id, actor=paul)
    new, old = views.notice_versions()
    found = views.notice_difference(old, new)
    changed = [(piece.kind, piece.text) for piece in found.texts["en"] if piece.kind != "same"]
    assert changed == [("removed", "the"), ("added", "every")]
    assert [p.text for p in found.texts["zh-hans"] if p.kind == "added"] == ["谢谢。"]
    assert {piece.kind for piece in found.texts["zh-hant"]} == {"same"}
    for language in LANGUAGES:
        assert "".join(p.text for p in found.texts[language] if p.kind != "removed") == more[language]
        assert "".join(p.text for p in found.texts[language] if p.kind != "added") == texts[language]


def test_rules_register_again_changes_nothing(database):
    register_rules()
    assert Rules.objects.count() == 1
