"""Lists that leave the house: decided and recorded chunk by chunk, let go by a second person, known again by their canary."""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import json
import os

import psycopg
import pyrage
import pytest
from django.db import connection
from django.test import override_settings

from kehu.govern.consent import Statement, give_consent, withdraw_consent
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.acts import ActRefused, Refused
from kehu.guard.gate.read import LedgerUnavailable
from kehu.guard.staff.actions import actor_of, actor_of_token, add_staff, issue_token
from kehu.guard.staff.models import Staff
from kehu.guard.staff.second_factor import enrol
from kehu.host.home import CannotWrite
from kehu.serve.assurance import queries
from kehu.serve.desk.listing import Filters
from kehu.serve.desk.queries import find
from kehu.serve.leaving import asking, sending
from kehu.serve.leaving.asking import NotToRun
from kehu.serve.leaving.canary import canary_of, trace
from kehu.vault.ids import new_id
from tests.cast import admit, shipped_with, staff

MARKETING = PURPOSES["marketing"]
FIELDS = ("email", "full_name")


@pytest.fixture(autouse=True)
def register(database):
    """The recipients and countries of these tests stand in the register."""
    for purpose in ("service", "marketing", "complaints"):
        shipped_with(database, purpose, recipients=["Print House", "Call Centre", "Court"], countries=["DE"])


def people(number):
    return admit(
        *({"full_name": f"P{n}", "email": f"p{n}@mail.example", "phone": "+8613800006721"} for n in range(number))
    )


def agreed(subject, who):
    statement = Statement(notice=1, way="staff")
    give_consent(subject, purpose=MARKETING, purpose_version=1, statement=statement, recorded_by=who.staff, id=new_id())


def asked(who, purpose="marketing", **more):
    options = {"recipient": "Print House", "recipient_kind": "processor", "country": "", "fields": FIELDS}
    return asking.ask(actor=who, purpose=purpose, filters=Filters.read({}, purpose=purpose), **options | more)


def opened(path, identity):
    return pyrage.decrypt(path.read_bytes(), [identity])


@pytest.fixture
def key():
    return pyrage.x25519.Identity.generate()


def test_whoever_agreed_stands_in_it_and_each_of_them_sees_it(database, tmp_path, key):
    who, auditor, subjects = staff("marketing"), staff("auditor"), people(5)
    for one in subjects[:3]:
        agreed(one, who)
    held = asked(who)
    assert (held.customers, held.state) == (3, "ready")
    withdraw_consent(subjects[2], purpose=MARKETING, purpose_version=1, recorded_by=who.staff, id=new_id())
    sent = sending.send(held.id, actor=who, to=tmp_path / "list.age", key=str(key.to_public()), form="csv")
    lines = list(csv.DictReader(io.StringIO(opened(sent.file, key).decode())))
    canary, values = canary_of(held.id, FIELDS)
    assert {line["subject"] for line in lines} == {str(one) for one in subjects[:2]} | {str(canary)}
    assert all(set(line) == {"subject", *FIELDS} for line in lines) and sent.rows == 2
    assert b"p0@mail" not in sent.file.read_bytes() and sent.file.stat().st_mode & 0o777 == 0o600
    rows = [row for row in queries.rows(actor=auditor, subject=subjects[0]) if row["action"] == "give"]
    assert rows and rows[0]["fields"] == sorted(FIELDS) and rows[0]["purpose"] == "marketing"
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from gate_decision where ask like '%%Print House%%'")
        assert cursor.fetchone()[0] >= 1
    service = staff("service")
    assert find({"email": values["email"]}, actor=service, purpose="service")[0] == []  # no customer of ours


def test_a_place_where_nothing_can_be_written_costs_no_run(database, tmp_path, key):
    who, [one] = staff("marketing"), people(1)
    agreed(one, who)
    held = asked(who)
    (tmp_path / "there").symlink_to("nowhere")
    for to, why in ((tmp_path / "no" / "a.age", CannotWrite), (tmp_path / "there", FileExistsError)):
        with pytest.raises(why):
            sending.send(held.id, actor=who, to=to, key=str(key.to_public()), form="csv")
    assert asking.leaving_of(held.id).state == "ready"


def test_it_runs_once(database, tmp_path, key):
    who, [one] = staff("marketing"), people(1)
    agreed(one, who)
    held = asked(who)
    sending.send(held.id, actor=who, to=tmp_path / "a.age", key=str(key.to_public()), form="jsonl")
    with pytest.raises(NotToRun):
        sending.send(held.id, actor=who, to=tmp_path / "b.age", key=str(key.to_public()), form="jsonl")
    with connection.cursor() as cursor, pytest.raises(Exception, match="ran already"):
        cursor.execute("update leaving set ran_at = null")


def test_one_that_waits_is_shown_however_many_are_newer(database, tmp_path, key):
    who, [one] = staff("marketing"), people(1)
    agreed(one, who)
    waits, older, newest = [asked(who).id for _ in range(3)]
    for id in (older, newest):
        sending.send(id, actor=who, to=tmp_path / f"{id}.age", key=str(key.to_public()), form="csv")
    for reader in (who, staff("auditor")):
        assert [held.id for held in asking.requests(actor=reader, newest=1)] == [newest, waits]
        assert [held.id for held in asking.requests(actor=reader, newest=1, before=newest)] == [older]


def test_no_list_lies_there_that_the_register_does_not_know(database, tmp_path, key, monkeypatch):
    who, [one] = staff("marketing"), people(1)
    agreed(one, who)
    held = asked(who)
    link = os.link

    def stops(*names):
        link(*names)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # killed when the file has its name
        patch.setattr(os, "link", stops)
        sending.send(held.id, actor=who, to=tmp_path / "a.age", key=str(key.to_public()), form="jsonl")
    assert asking.leaving_of(held.id).sha256 == hashlib.sha256((tmp_path / "a.age").read_bytes()).digest()
    assert asking.leaving_of(held.id).state == "done"


def test_a_list_goes_where_a_file_system_has_no_hard_links(database, tmp_path, key, monkeypatch):
    who, [one] = staff("marketing"), people(1)
    agreed(one, who)
    held = asked(who)

    def unknown(*names):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", unknown)
        sending.send(held.id, actor=who, to=tmp_path / "a.age", key=str(key.to_public()), form="jsonl")
    assert asking.leaving_of(held.id).sha256 == hashlib.sha256((tmp_path / "a.age").read_bytes()).digest()
    assert asking.leaving_of(held.id).state == "done" and len(list(tmp_path.iterdir())) == 1


def test_a_list_that_could_not_be_put_there_is_none(database, tmp_path, key, monkeypatch):
    who, [one] = staff("marketing"), people(1)
    agreed(one, who)
    held = asked(who)

    def refused(*names):
        raise PermissionError

    with monkeypatch.context() as patch, pytest.raises(PermissionError):
        patch.setattr(os, "link", refused)
        sending.send(held.id, actor=who, to=tmp_path / "a.age", key=str(key.to_public()), form="jsonl")
    assert asking.leaving_of(held.id).sha256 is None and list(tmp_path.iterdir()) == []
    assert asking.leaving_of(held.id).state == "interrupted"


@pytest.mark.parametrize("why", [LedgerUnavailable, KeyboardInterrupt, OSError])
def test_a_run_that_breaks_off_is_told_at_once(database, tmp_path, key, monkeypatch, why):
    who, [one] = staff("marketing"), people(1)
    agreed(one, who)
    held = asked(who)

    def breaks(*_):
        assert asking.leaving_of(held.id).state == "running"
        raise why

    with monkeypatch.context() as patch, pytest.raises(why):
        patch.setattr(sending, "survive", breaks)
        sending.send(held.id, actor=who, to=tmp_path / "a.age", key=str(key.to_public()), form="jsonl")
    assert asking.leaving_of(held.id).state == "interrupted" and list(tmp_path.iterdir()) == []


def test_above_a_size_another_person_lets_it_go(database, tmp_path, key):
    who, privacy, other = staff("marketing"), staff("privacy"), staff("legal")
    for one in people(3):
        agreed(one, who)
    with override_settings(EXPORT_ALONE=2):
        held = asked(who)
        run = lambda: sending.send(held.id, actor=who, to=tmp_path / "a.age", key=str(key.to_public()), form="csv")
        assert held.state == "waiting"
        with pytest.raises(NotToRun):
            run()
        with pytest.raises(ActRefused):
            asking.decide(held.id, actor=who, approve=True)
        assert asking.decide(held.id, actor=privacy, approve=True).state == "ready"
        with pytest.raises(NotToRun):
            asking.decide(held.id, actor=other, approve=False)
        assert run().rows == 3
        own = asking.ask(
            actor=privacy, purpose="complaints", recipient="Court", recipient_kind="processor", country="", fields=FIELDS,
            filters=Filters.read({}, purpose="complaints"),
        )  # fmt: skip
        with pytest.raises(Refused) as refused:
            asking.decide(own.id, actor=privacy, approve=True)
        assert refused.value.policy == "house.second-person"
        late = asked(who)
    with psycopg.connect(database.embedded.conninfo("kehu_owner", connection.settings_dict["NAME"])) as owner:
        owner.execute("alter table leaving disable trigger leaving_once")
        owner.execute("update leaving set asked_at = asked_at - interval '25 hours' where id = %s", [late.id])
    assert asking.leaving_of(late.id).state == "expired"
    with override_settings(EXPORT_ALONE=2), pytest.raises(NotToRun):
        asking.decide(late.id, actor=privacy, approve=True)


def test_what_was_approved_cannot_grow(database, tmp_path, key):
    who = staff("marketing")
    first, *rest = people(4)
    agreed(first, who)
    with override_settings(EXPORT_ALONE=2):
        held = asked(who)
        for one in rest:
            agreed(one, who)
        with pytest.raises(NotToRun):
            sending.send(held.id, actor=who, to=tmp_path / "a.age", key=str(key.to_public()), form="csv")


def test_whoever_has_a_second_factor_shows_it(database, tmp_path, key):
    from cryptography.hazmat.primitives.hashes import SHA1
    from cryptography.hazmat.primitives.twofactor.totp import TOTP

    made, _ = add_staff(email="m@kehu.example", role="marketing", department=None, attest=True)
    [one] = people(1)
    agreed(one, actor_of(made.email))
    secret = enrol(Staff.objects.get(email=made.email))
    token, _ = issue_token(email=made.email, purpose="marketing", minutes=5)
    who = actor_of_token(token)
    held = asked(who)
    with pytest.raises(Refused) as refused:
        sending.send(held.id, actor=who, to=tmp_path / "a.age", key=str(key.to_public()), form="csv")
    assert refused.value.policy == "house.step-up"
    import base64
    import time

    code = TOTP(base64.b32decode(secret), 6, SHA1(), 30, enforce_key_length=True).generate(time.time())
    token, _ = issue_token(email=made.email, purpose="marketing", minutes=5, code=code.decode())
    sent = sending.send(
        held.id, actor=actor_of_token(token), to=tmp_path / "a.age", key=str(key.to_public()), form="csv"
    )
    assert sent.rows == 1


def test_a_leaked_part_says_whose_copy_it_was(database, tmp_path, key):
    who, subjects = staff("marketing"), people(3)
    for one in subjects:
        agreed(one, who)
    copies = {}
    for recipient in ("Print House", "Call Centre"):
        held = asked(who, recipient=recipient)
        sent = sending.send(
            held.id, actor=who, to=tmp_path / f"{len(copies)}.age", key=str(key.to_public()), form="jsonl"
        )
        copies[recipient] = held.id, [json.loads(line) for line in opened(sent.file, key).splitlines()]
    for held, lines in copies.values():
        canary, _ = canary_of(held, FIELDS)
        [line] = [one for one in lines if one["subject"] == str(canary)]
        elsewhere = (
            f"name;mail\n{line['full_name']};{line['email'].upper()}\n".encode()
        )  # another form, without our ids
        assert [id for id, _ in trace(elsewhere.splitlines())] == [held]
        ours = json.dumps([one for one in lines if one is not line]).encode()
        assert trace([ours]) == []
    with connection.cursor() as cursor:
        cursor.execute("select string_agg(row_to_json(c)::text, '') from leaving_canary c")
        assert "@" not in cursor.fetchone()[0]


def test_who_may_not_gets_nothing(database):
    people(1)
    for role in ("engineer", "auditor"):
        with pytest.raises(ActRefused):
            asked(staff(role))
    service = staff("service")
    with pytest.raises(Refused):
        asked(service, purpose="marketing")
    with pytest.raises(ValueError, match="does not need"):
        asked(service, purpose="service", fields=("national_id",))
    with pytest.raises(ValueError, match="recipient"):
        asked(service, purpose="service", recipient=" ")


def test_what_the_register_does_not_name_is_refused_when_it_is_asked_for(database):
    """The gate would keep everybody back when the list is written; nobody has to wait for that."""
    who = staff("marketing")
    for wrong, policy in (({"recipient": "Nobody Ltd"}, "house.recipient"), ({"country": "FR"}, "house.country")):
        with pytest.raises(Refused) as refused:
            asked(who, **wrong)
        assert refused.value.policy == policy
    assert asked(who, recipient="print  HOUSE", country="DE").country == "DE"
