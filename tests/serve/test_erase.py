"""Erasure: it reaches every holder, leaves what a law keeps and nothing else, and survives kills and old backups."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from kehu.doors.problems import problem_of
from kehu.govern import holders as registry
from kehu.govern import states as subject_states
from kehu.govern.laws import add_months
from kehu.govern.models import Controller, StateEntry
from kehu.govern.parts import UnknownSubject
from kehu.govern.slugs import PURPOSES
from kehu.guard import tombstones
from kehu.guard.checks import check_installation
from kehu.guard.gate.acts import ActRefused, Refused
from kehu.guard.gate.read import LedgerUnavailable, gate
from kehu.guard.installation import installation
from kehu.guard.ledger.open_log import open_sequencer, signer_of
from kehu.guard.ledger.proof import NotInLedger, prove
from kehu.guard.ledger.verify import verify
from kehu.guard.setup import as_owner, open_owner, prepare
from kehu.guard.staff.actions import actor_of_token, issue_token, owner_actor
from kehu.guard.tasks import erase_again
from kehu.serve.assurance import queries as assurance
from kehu.serve.desk import queries
from kehu.serve.rights import holds
from kehu.serve.rights.consents import actions
from kehu.serve.rights.erasing import erasure
from kehu.serve.rights.erasing.ending import end_residues
from kehu.serve.rights.erasing.residue import NothingLeft, open_left
from kehu.serve.rights.health import check_held
from kehu.serve.rights.incidents import register as incidents
from kehu.serve.rights.incidents import wrong_merge
from kehu.serve.rights.models import Erasure, Request
from kehu.vault import erasure as vault
from kehu.vault.assignment import detach, standing_links, unassign
from kehu.vault.ids import new_id
from kehu.vault.open import FacetDoesNotOpen
from kehu.vault.parted import tell_parted
from kehu.vault.rotation import rotate_keys
from tests import commands
from tests.cast import admit, staff
from tests.serve.holdings import KEPT, MARK, PERSON, add_event, know_everywhere, link, places, raw, rows_naming

MARKETING = PURPOSES["marketing"]
EVERYWHERE = {"vault", "states", "quarantine"}


def gone(subject):
    alice = staff("service")
    for look in (queries.show, queries.explain):
        with pytest.raises(UnknownSubject):
            look(subject, actor=alice, purpose="service")
    return queries.find({"email": PERSON["email"]}, actor=alice, purpose="service")[0] == []


def test_an_erasure_reaches_every_holder(database):
    [lin] = admit(PERSON)
    know_everywhere(lin)
    assert places(MARK) == EVERYWHERE
    assert places(KEPT) == {"consents", "request text"}
    done = erasure.erase(lin, actor=owner_actor(), reason="asked by letter")
    assert not done.waiting and places(MARK) == {"residue"}  # the hold's own reason
    assert places(KEPT) == {"residue"}
    assert gone(lin)
    assert rows_naming(lin) == {}
    erased = done.certificate["erased"]
    reached = {name for name, count in erased.items() if count}
    assert reached == {"requests", "states", "consents", "quarantine", "proposals", "guests", "ledger", "vault"}


def test_what_no_hold_keeps_opens_with_no_key(database):
    [lin] = admit(PERSON)
    know_everywhere(lin)
    actions.lift_state(lin, "hold", actor=owner_actor(), act="hold")
    erasure.erase(lin, actor=owner_actor(), reason="asked")
    assert places(MARK) == set()


@pytest.mark.parametrize("kept", ["subject_key", "facet"])
def test_the_search_sees_an_erasure_that_left_something(database, monkeypatch, kept):
    """The control: with a part of the erasure switched off, it is found out."""
    [lin] = admit(PERSON)
    monkeypatch.setattr(vault, "TABLES", tuple(table for table in vault.TABLES if table != kept))
    if kept == "subject_key":  # rows are gone, and yet an old copy of them would open
        backup = raw().execute("select * from facet where subject = %s", (lin,)).fetchall()
        erasure.erase(lin, actor=owner_actor(), reason="asked")
        with open_owner(database) as owner:
            owner.cursor().executemany("insert into facet values (%s, %s, %s, %s, %s)", backup)
    else:
        erasure.erase(lin, actor=owner_actor(), reason="asked")
        assert places(MARK) == set()  # the key is what counts
        assert rows_naming(lin)
        return
    assert places(MARK) == {"vault"}


@pytest.mark.parametrize("at_start", [False, True])
def test_an_old_backup_opens_nobody_and_is_erased_again(database, at_start):
    [lin, wang] = admit(PERSON, {"full_name": "王小明", "email": "wang@mail.example"})
    tables = ("record", "facet", "source_key", "subject_state")
    with open_owner(database) as owner:
        for table in tables:
            owner.execute(f"create table old_{table} as select * from {table} where subject = '{lin}'")
    erasure.erase(lin, actor=owner_actor(), reason="asked")
    with open_owner(database) as owner:  # data as they were, keys the newest
        for table in tables:
            owner.execute(f"insert into {table} select * from old_{table}")
        owner.execute("delete from tombstone")
    assert rows_naming(lin) and places(MARK) == set()
    with pytest.raises(LedgerUnavailable):  # no key, no row, nothing opened
        gate().open([lin], actor=staff("privacy"), purpose="rights-request")
    if at_start:
        prepare()  # as every start of the system does
    else:
        assert tombstones.replay(raw(), installation().home) == 1
    with open_owner(database) as owner:
        for table in tables:
            owner.execute(f"drop table old_{table}")
    assert rows_naming(lin) == {} and rows_naming(wang)
    assert tombstones.replay(raw(), installation().home) == 0
    assert raw().execute("select count(*) from tombstone").fetchone()[0] == 2


@pytest.mark.parametrize("look", ["command", "job"])
def test_a_database_put_back_under_whoever_uses_it_serves_nobody_erased(database, monkeypatch, look):
    """Where neither init nor up runs between: a command sees it by itself, and the running system within a minute."""
    tables = ("record", "facet", "source_key", "identity_key", "subject_key", "subject_state")
    [lin] = admit(PERSON)
    with open_owner(database) as owner:
        for table in tables:
            owner.execute(f"create table old_{table} as select * from {table}")
    erasure.erase(lin, actor=owner_actor(), reason="asked")
    staff("service")
    token, _ = issue_token(email="service@kehu.example", purpose="service", minutes=5)
    with open_owner(database) as owner:  # the database as it was, with the keys of then
        owner.execute("set session_replication_role = replica")
        for table in tables:
            owner.execute(f"delete from {table}")
            owner.execute(f"insert into {table} overriding system value select * from old_{table}")
            owner.execute(f"drop table old_{table}")
        owner.execute("delete from tombstone")
    if look == "command":
        found = commands.run(monkeypatch, "find", f"email={PERSON['email']}", "--purpose", "service", token=token)
        assert found.exit_code == 0 and str(lin) not in found.stdout
    else:
        erase_again(timestamp=0)
    assert rows_naming(lin) == {} and places(MARK) == set()


PUT_BACK = (
    "record", "facet", "source_key", "identity_key", "subject_key", "subject_state", "assignment", "govern_stateentry",
    "govern_consent", "rights_request", "rights_erasure", "tombstone", "suppression",
)  # fmt: skip


@contextmanager
def put_back(database):
    """What is done within is undone: the database is put back to what it was, with the keys of then."""
    with open_owner(database) as owner:
        for table in PUT_BACK:
            owner.execute(f"create table old_{table} as select * from {table}")
        yield
        owner.execute("set session_replication_role = replica")
        for table in PUT_BACK:
            owner.execute(f"delete from {table}")
            owner.execute(f"insert into {table} overriding system value select * from old_{table}")
            owner.execute(f"drop table old_{table}")


def test_what_a_law_or_a_hold_keeps_of_somebody_erased_outlives_an_older_backup(database):
    """Though the hold was laid since the copy, and another is in the copy that was released before the erasure."""
    standing = "select token, certificate, until from tombstone order by token"
    Controller.objects.update(platform=True)
    [lin], legal = admit(PERSON, packs=1), staff("legal")
    add_event(lin, 3, {"order_id": "7", "ordered_at": date.today().isoformat()})
    know_everywhere(lin)
    holds.hold(lin, actor=owner_actor(), reason=f"{MARK} all of it")
    then = [UUID(str(one["id"])) for one in actions.states(lin, actor=owner_actor()) if one["kind"] == "hold"]
    with put_back(database):
        holds.release(lin, actor=owner_actor(), ids=then)
        holds.hold(lin, actor=owner_actor(), reason="sues", categories=["contact"])
        done = erasure.erase(lin, actor=owner_actor(), reason="asked")
        left = open_left(done.id, actor=legal, purpose="claims")
        stood = raw().execute(standing).fetchall()
        assert {line["why"] for line in done.certificate["residue"]} == {"law", "hold", "residue"}
    prepare()
    assert rows_naming(lin) == {} and gone(lin)
    again = open_left(done.id, actor=legal, purpose="claims")
    assert again["certificate"] == left["certificate"] == done.certificate
    for part in ("records", "consents"):
        assert again["residue"][part] == left["residue"][part] != []
    assert {row["right"] for row in again["residue"]["requests"]} == {"erase"} and "holds" not in again["residue"]
    assert raw().execute(standing).fetchall() == stood
    assert not Erasure.objects.exclude(state="done").exists() and Request.objects.get().certificate == done.id
    assert places(MARK) == {"residue"} and tombstones.replay(raw(), installation().home) == 0
    with pytest.raises(Refused):
        open_left(done.id, actor=staff("manager"), purpose="complaints")
    assert end_residues(add_months(date.today(), 37)) == 1


def test_an_erasure_that_the_copy_has_unfinished_is_not_carried_out_in_half(database):
    """It reached more when it was done: with its keys the home's file does all of it, and until then nothing is done."""
    lin, two = admit(PERSON, {"full_name": "林二", "email": "two@m.example"})
    holds.hold(lin, actor=owner_actor(), reason="sues")
    assert erasure.erase(lin, actor=owner_actor(), reason="asked").waiting
    with put_back(database):
        link(lin, two, 1)
        holds.release(lin, actor=owner_actor())
        assert {row.state for row in Erasure.objects.all()} == {"done"}
    with open_owner(database) as owner:
        owner.execute("update subject_key set epoch = epoch + 7 where subject = %s", (two,))
    assert tombstones.replay_after_restore(raw(), installation().home) == 0
    StateEntry.objects.filter(kind="hold").update(ended_at=timezone.now())
    erasure.finish_unfinished()
    assert rows_naming(lin) and rows_naming(two)
    with open_owner(database) as owner:
        owner.execute("update subject_key set epoch = epoch - 7 where subject = %s", (two,))
    assert tombstones.replay_after_restore(raw(), installation().home) == 2
    assert set(vault.count_rows(raw(), [lin, two]).values()) == {0}
    assert not Erasure.objects.exclude(state="done").exists()


def test_the_homes_file_is_read_once_for_all_that_wait(database, monkeypatch):
    """It grows with every erasure, and the job comes by every ten minutes."""
    for one in admit(*({"full_name": name} for name in "abc")):
        holds.hold(one, actor=owner_actor(), reason="sues")
        assert erasure.erase(one, actor=owner_actor(), reason="asked").waiting
    read = []
    monkeypatch.setattr(erasure, "noted", lambda home: read.append(home) or tombstones.noted(home))
    assert [one.waiting for one in erasure.finish_unfinished()] == [True] * 3 and len(read) == 1


@pytest.mark.parametrize("crashed", [False, True])
def test_what_was_let_go_since_an_erasure_does_not_come_back(database, monkeypatch, crashed):
    """An erasure's certificate is noted as it reads now, also where a crash came before the note."""
    [lin] = admit(PERSON)
    with put_back(database):
        holds.hold(lin, actor=owner_actor(), reason="sues", categories=["contact", "identity"])
        if crashed:
            monkeypatch.setattr(erasure, "note", lambda *_: None)
        done = erasure.erase(lin, actor=owner_actor(), reason="asked")
        tombstones.replay(raw(), installation().home)
        holds.look_again(done.id, actor=owner_actor(), keep=False, categories=["contact"])
    prepare()
    left = open_left(done.id, actor=staff("legal"), purpose="claims")["residue"]
    assert [row["category"] for row in left["records"]] == ["identity"]


def test_what_was_let_go_stays_gone_though_the_copy_was_made_after_the_erasure(database):
    """The copy has it done and what a hold kept besides; without its key nobody reads that, and the start goes on."""
    [lin], legal = admit(PERSON), staff("legal")
    holds.hold(lin, actor=owner_actor(), reason="sues", categories=["contact", "identity"])
    done = erasure.erase(lin, actor=owner_actor(), reason="asked")
    with put_back(database):
        holds.look_again(done.id, actor=owner_actor(), keep=False, categories=["contact"])
    raw().execute("update subject_key set epoch = epoch + 7 where subject = %s", (done.id,))
    prepare()
    raw().execute("update subject_key set epoch = epoch - 7 where subject = %s", (done.id,))
    prepare()
    left = open_left(done.id, actor=legal, purpose="claims")["residue"]
    assert [row["category"] for row in left["records"]] == ["identity"]
    seq = raw().execute("select max(seq) from ledger_entry").fetchone()
    prepare()
    assert raw().execute("select max(seq) from ledger_entry").fetchone() == seq


def test_what_an_erasure_of_an_older_program_noted_keeps_what_the_copy_says(database):
    """Its line in the file has no certificate: laws and holds of the copy count."""
    [lin] = admit(PERSON)
    holds.hold(lin, actor=owner_actor(), reason="sues", categories=["contact"])
    with put_back(database):
        erasure.erase(lin, actor=owner_actor(), reason="asked")
        [one] = tombstones.noted(installation().home).values()
        file = next(installation().home.path.glob(f"erasures-{os.environ['KEHU_DBNAME']}"))
        file.write_text(file.read_text().replace('"document"', '"unknown"'))
    prepare()
    left = open_left(one.certificate, actor=staff("legal"), purpose="claims")["residue"]
    assert [row["category"] for row in left["records"]] == ["contact"] and len(left["holds"]) == 1 and gone(lin)


@pytest.mark.parametrize("wrong", ["epoch = epoch + 7", "wrapped = set_byte(wrapped, 20, 255 - get_byte(wrapped, 20))"])
def test_whom_the_keys_here_do_not_open_waits_for_those_that_do(database, wrong):
    """Nobody is served of it, and what a law keeps is not destroyed because newer keys lie in the home."""
    [lin] = admit(PERSON)
    with put_back(database):
        holds.hold(lin, actor=owner_actor(), reason="sues", categories=["contact"])
        done = erasure.erase(lin, actor=owner_actor(), reason="asked")
    [(epoch, wrapped)] = raw().execute("select epoch, wrapped from subject_key where subject = %s", (lin,)).fetchall()
    raw().execute(f"update subject_key set {wrong} where subject = %s", (lin,))
    assert tombstones.replay_after_restore(raw(), installation().home) == 0 and rows_naming(lin)
    assert gate().open([lin], actor=staff("privacy"), purpose="rights-request") == [] and gone(lin)
    raw().execute("update subject_key set epoch = %s, wrapped = %s where subject = %s", (epoch, wrapped, lin))
    assert tombstones.replay_after_restore(raw(), installation().home) == 1 and rows_naming(lin) == {}
    assert open_left(done.id, actor=staff("legal"), purpose="claims")["residue"]["records"]


def test_while_an_erasure_waits_for_keys_a_command_looks_at_the_hidden_alone(database, monkeypatch):
    """And at everybody where somebody of it is not hidden, as after another copy was put back."""
    lin, two, other = admit(PERSON, {"full_name": "林二", "email": "two@m.example"}, {"full_name": "王小明"})
    link(lin, two, 1)
    with put_back(database):
        erasure.erase(lin, actor=owner_actor(), reason="asked")
    raw().execute("update subject_key set epoch = epoch + 7 where subject = %s", (two,))
    looked = set[bytes]()
    tokens = type(installation().tokens)
    hashed = tokens.subject
    monkeypatch.setattr(tokens, "subject", lambda self, subject: looked.add(subject) or hashed(self, subject))
    for everybody in ({lin, two, other}, {lin, two}, {lin, two}):
        assert tombstones.replay_after_restore(raw(), installation().home) == 0
        assert looked == {one.bytes for one in everybody}
        looked.clear()
    for table in ("record", "subject_state"):
        raw().execute(f"update {table} set hidden = false where subject = %s", (two,))
    assert tombstones.replay_after_restore(raw(), installation().home) == 0
    assert gate().open([lin, two], actor=owner_actor(), purpose="rights-request") == []
    raw().execute("update subject_key set epoch = epoch - 7 where subject = %s", (two,))
    assert tombstones.replay_after_restore(raw(), installation().home) == 2
    assert set(vault.count_rows(raw(), [lin, two]).values()) == {0}


@pytest.mark.parametrize("lacking", ["the key of another of them", "the newest epoch's key"])
def test_nobody_of_an_erasure_that_waits_is_served_though_their_own_key_opens(database, lacking):
    """Hidden at once, and parted from whom the copy has them one with; with the keys it is as it was after the erasure."""
    lin, two, maybe = admit(
        PERSON, {"full_name": "林二", "email": "two@m.example"}, {"full_name": "林婉", "email": "w@m.example"}
    )
    link(lin, maybe, 3)
    actions.enter_state(lin, "objection", actor=owner_actor(), act="object", purpose=MARKETING)
    manager = staff("manager")
    with put_back(database):
        link(lin, two, 1)
        holds.hold(lin, actor=owner_actor(), reason="sues", categories=["contact"])
        done = erasure.erase(lin, actor=owner_actor(), reason="asked", confirm=[two])
        actions.lift_state(maybe, "hold", actor=owner_actor(), act="hold")
        after = _alone(maybe, manager)
    with open_owner(database) as owner:
        if lacking == "the newest epoch's key":
            owner.execute("insert into key_epoch (epoch) values (99)")
        else:
            owner.execute("update subject_key set epoch = epoch + 7 where subject = %s", (two,))
    for _ in range(2):
        assert tombstones.replay_after_restore(raw(), installation().home) == 0
        assert gate().open([lin, two], actor=owner_actor(), purpose="rights-request") == []
        assert rows_naming(lin) and rows_naming(two) and _alone(maybe, manager) == after
        [(kept,)] = raw().execute("select count(*) from suppression where certificate = %s", (done.id,)).fetchall()
        assert kept  # who comes in again with one of their addresses is not written to
        assert "erasures.waiting" in {one.id for one in check_installation(running=False)}
    assert gone(lin)
    with open_owner(database) as owner:
        owner.execute("delete from key_epoch where epoch = 99")
        owner.execute("update subject_key set epoch = epoch - 7 where subject = %s and epoch > 7", (two,))
    assert tombstones.replay_after_restore(raw(), installation().home) == 2
    assert set(vault.count_rows(raw(), [lin, two]).values()) == {0} and _alone(maybe, manager) == after
    assert "erasures.waiting" not in {one.id for one in check_installation(running=False)}
    left = open_left(done.id, actor=staff("legal"), purpose="claims")["residue"]
    assert {row["category"] for row in left["records"]} == {"contact"}


def test_whose_import_was_taken_back_in_the_copy_is_erased_again_with_the_others(database):
    """Hidden there, as a hold kept them from going: nobody finds them, and yet they are here."""
    lin, two = admit(PERSON, {"full_name": "林二", "email": "two@m.example"})
    holds.hold(lin, actor=owner_actor(), reason="sues")
    assert erasure.erase(lin, actor=owner_actor(), reason="asked").waiting
    _hide(lin)
    with put_back(database):
        StateEntry.objects.filter(kind="hold").update(ended_at=datetime.now(UTC))
        [done] = erasure.finish_unfinished()
        erasure.erase(two, actor=owner_actor(), reason="asked")
    assert tombstones.replay_after_restore(raw(), installation().home) == 2
    assert rows_naming(lin) == {} == rows_naming(two)
    assert Erasure.objects.get(id=done.id).certificate == done.certificate


def _hide(subject):
    for table in ("record", "subject_state"):
        raw().execute(f"update {table} set hidden = true where subject = %s", (subject,))


def test_who_was_one_with_somebody_erased_again_stays_whole(database):
    """The backup has both as one customer: the other keeps what was said for all, and stands alone as after the erasure."""
    tables = (
        "record", "facet", "source_key", "identity_key", "subject_key", "subject_state", "assignment", "govern_stateentry",
    )  # fmt: skip
    lin, maybe = admit(PERSON, {"full_name": "林婉", "email": "w@m.example"})
    link(lin, maybe, 3)
    actions.enter_state(lin, "objection", actor=owner_actor(), act="object", purpose=MARKETING)
    with open_owner(database) as owner:
        for table in tables:
            owner.execute(f"create table old_{table} as select * from {table}")
    erasure.erase(lin, actor=owner_actor(), reason="asked")
    manager = staff("manager")
    after = _alone(maybe, manager)
    with open_owner(database) as owner:  # the database as it was, with the keys of then
        owner.execute("set session_replication_role = replica")
        for table in tables:
            owner.execute(f"delete from {table}")
            owner.execute(f"insert into {table} overriding system value select * from old_{table}")
            owner.execute(f"drop table old_{table}")
        owner.execute("delete from tombstone")
    prepare()
    assert places(MARK) == set() and gone(lin)
    assert _alone(maybe, manager) == after


def _alone(subject, manager):
    """What is known of a customer, with whom they are one, and what was said for them."""
    seen = queries.show(subject, actor=manager, purpose="service")
    state = raw().execute(
        "select customer, core, objections, kept from subject_state where subject = %s", (subject,)
    ).fetchone()  # fmt: skip
    said = [(row.kind, row.purpose) for row in subject_states.states_of(subject)]
    return seen.subject, seen.fields["full_name"], state, said, standing_links(raw(), [subject])


def test_tombstones_keep_the_source_key(database):
    [lin] = admit(PERSON)
    [token] = raw().execute("select token from source_key where subject = %s", (lin,)).fetchone()
    erasure.erase(lin, actor=owner_actor(), reason="asked")
    assert raw().execute("select 1 from tombstone where token = %s", (token,)).fetchone()


@pytest.mark.parametrize("after", [b"", b'\n{"certificate":"' + b"0" * 70_000])
def test_who_had_thousands_of_source_keys_is_seen_to_be_back(database, after):
    """The line of their erasure is longer than what is read at first of the file's end; so may be one that a crash cut off."""
    [lin, wang] = admit(PERSON, {"full_name": "王小明"})
    raw().execute(
        "insert into source_key (token, subject, record, content) select substr(sha256(n::text::bytea), 1, 16), k.subject,"
        " k.record, k.content from source_key k, generate_series(1, 2000) as u (n) where k.subject = %s",
        (lin,),
    )
    with open_owner(database) as owner:
        owner.execute("create table old_state as select * from subject_state")
    for one in (wang, lin):
        erasure.erase(one, actor=owner_actor(), reason="asked")
    with tombstones._file(installation().home).open("ab") as file:
        file.write(after)
    with open_owner(database) as owner:  # as it was
        owner.execute("insert into subject_state select * from old_state")
        owner.execute("drop table old_state")
        owner.execute("delete from tombstone")
    erase_again(timestamp=0)
    assert rows_naming(lin) == {} and rows_naming(wang) == {}


@pytest.mark.parametrize("line", [b"{}", b"7", b'{"certificate": 1, "tokens": [], "until": "2027-01-01"}'])
def test_a_line_that_is_no_erasure_is_told_and_nobody_is_served(database, line):
    """Whom it stood for is not known: they might be back."""
    [lin] = admit(PERSON)
    erasure.erase(lin, actor=owner_actor(), reason="asked")
    with tombstones._file(installation().home).open("ab") as file:
        file.write(b"\n" + line + b"\n")
    with pytest.raises(tombstones.ErasuresUnreadable) as told:
        tombstones.replay_after_restore(raw(), installation().home)
    assert problem_of(told.value).code == "erasures"
    assert "erasures.unreadable" in {one.id for one in check_installation(running=False)}


def test_a_crash_between_commit_and_note_is_mended(database, monkeypatch):
    [lin] = admit(PERSON)
    monkeypatch.setattr(erasure, "note", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        erasure.erase(lin, actor=owner_actor(), reason="asked")
    [row] = Erasure.objects.all()
    home = installation().home
    assert row.state == "done" and row.id not in tombstones.noted(home)
    assert tombstones.replay(raw(), home) >= 0
    assert row.id in tombstones.noted(home)


class Stubborn:
    """A holder that cannot, the first time."""

    name, tables = "stubborn", frozenset()

    def __init__(self):
        self.asked = []

    def export(self, subject, *, actor):
        return {"stubborn": [str(subject)]}

    def erase(self, subject):
        self.asked.append(subject)
        if len(self.asked) == 1:
            raise OSError(f"the disk is full of {MARK}")
        return 1


@pytest.fixture
def stubborn():
    holder = Stubborn()
    registry.register(holder)
    yield holder
    registry.unregister("stubborn")


def test_a_holder_that_fails_undoes_it_and_it_runs_again(database, stubborn):
    [lin] = admit(PERSON)
    with pytest.raises(erasure.HolderFailed) as failed:
        erasure.erase(lin, actor=owner_actor(), reason="asked")
    assert failed.value.holder == "stubborn" and MARK not in str(failed.value)
    assert places(MARK) == {"vault"} and Erasure.objects.get().state == "begun"
    # from the first moment on only law, claims and the person's rights are served
    service = gate().open([lin], actor=staff("service"), purpose="service")[0]
    assert service.denied()["email"].policy == "house.kept" and service.contributions == ()
    assert gate().open([lin], actor=staff("privacy"), purpose="rights-request")[0].contributions
    [done] = erasure.finish_unfinished()
    assert done.certificate["erased"]["stubborn"] == 1 and stubborn.asked == [lin, lin]
    assert places(MARK) == set() and erasure.finish_unfinished() == []


@pytest.mark.parametrize("reason", ["", " \n"])
def test_an_erasure_needs_a_reason(database, reason):
    [lin] = admit(PERSON)
    with pytest.raises(ValueError, match="reason"):
        erasure.erase(lin, actor=owner_actor(), reason=reason)
    assert not Erasure.objects.exists() and places(MARK) == {"vault"}


def test_the_database_takes_no_erasure_without_a_reason_and_keeps_those_it_has(database, stubborn):
    [lin] = admit(PERSON)
    bare = Erasure(id=new_id(), state="begun", subjects=[str(lin)], by=owner_actor().staff)
    with as_owner(database):
        call_command("migrate", "rights", "0005", verbosity=0)
        bare.save(force_insert=True)  # as an older program let it be asked for
        call_command("migrate", verbosity=0)
    with pytest.raises(IntegrityError, match="reason"), transaction.atomic():
        Erasure.objects.create(id=new_id(), state="begun", subjects=[str(lin)], by=owner_actor().staff)
    assert erasure.finish_unfinished() == []  # the holder that fails
    assert [one.certificate["id"] for one in erasure.finish_unfinished()] == [str(bare.id)] and places(MARK) == set()
    [wang] = admit({"email": "wang@mail.example"})
    stubborn.asked.clear()
    with pytest.raises(erasure.HolderFailed):
        erasure.erase(wang, actor=owner_actor(), reason="asked")
    with pytest.raises(IntegrityError, match="reason"), transaction.atomic():
        Erasure.objects.exclude(state="done").update(reason=None)


def test_a_second_erase_finishes_the_first(database, stubborn):
    [lin] = admit(PERSON)
    with pytest.raises(erasure.HolderFailed):
        erasure.erase(lin, actor=owner_actor(), reason="asked")
    erasure.erase(lin, actor=owner_actor(), reason="asked again")
    assert Erasure.objects.count() == 1 and places(MARK) == set()


KILLED = """
    import os, signal, sys, django; django.setup()
    from uuid import UUID
    from kehu.govern import holders
    from kehu.guard.staff.actions import owner_actor
    from kehu.serve.rights.erasing import erasure
    class Killer:
        name, tables = "killer", frozenset()
        def export(self, subject, *, actor): return None
        def erase(self, subject):
            if sys.argv[2] == "middle": os.kill(os.getpid(), signal.SIGKILL)
            return 0
    holders.register(Killer())
    if sys.argv[2] == "begun": erasure._carry_out = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    if sys.argv[2] == "note": erasure.note = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    erasure.erase(UUID(sys.argv[1]), actor=owner_actor(), reason="asked")
"""


@pytest.mark.parametrize(("moment", "state"), [("begun", "begun"), ("middle", "begun"), ("note", "done")])
def test_killed_in_the_middle_it_is_whole_or_finished_next(database, moment, state):
    [lin] = admit(PERSON)
    know_everywhere(lin)
    actions.lift_state(lin, "hold", actor=owner_actor(), act="hold")
    died = subprocess.run([sys.executable, "-c", textwrap.dedent(KILLED), str(lin), moment], capture_output=True)
    assert died.returncode == -9, died.stderr
    row = Erasure.objects.get()
    assert row.state == state
    assert places(MARK) == (set() if state == "done" else EVERYWHERE)
    erasure.finish_unfinished()
    tombstones.replay(raw(), installation().home)
    assert Erasure.objects.get().state == "done" and places(MARK) == set() and gone(lin)
    assert row.id in tombstones.noted(installation().home)


def test_merged_customers_only_the_certain_part_goes(database):
    first, second, maybe = admit(
        PERSON, PERSON | {"phone": "+8613900000000"}, {"full_name": "林婉", "email": "w@m.example"}
    )
    link(first, second, 1)
    link(second, maybe, 3)
    actions.enter_state(first, "objection", actor=owner_actor(), act="object", purpose=MARKETING)
    done = erasure.erase(second, actor=owner_actor(), reason="asked")
    assert done.unconfirmed == (maybe,) and done.certificate["keys_destroyed"] == 2
    assert places(MARK) == set() and gone(first)
    seen = queries.show(maybe, actor=staff("manager"), purpose="service")
    assert seen.subject == maybe and seen.fields["full_name"] == "林婉"
    # what was said for all stays with all, and the erasure's own state does not
    assert [row.kind for row in subject_states.states_of(maybe)] == ["objection"]
    assert raw().execute("select kept, objections from subject_state where subject = %s", (maybe,)).fetchone() == (
        False, [MARKETING],
    )  # fmt: skip


def test_what_is_confirmed_goes_along(database):
    first, maybe, other = admit(PERSON, {"full_name": f"{MARK} b"}, {"full_name": "王"})
    link(first, maybe, 3)
    with pytest.raises(ValueError, match="confirm"):
        erasure.erase(first, actor=owner_actor(), reason="asked", confirm=[other])
    done = erasure.erase(first, actor=owner_actor(), reason="asked", confirm=[maybe])
    assert done.unconfirmed == () and places(MARK) == set() and rows_naming(maybe).keys() <= {
        "assignment.subject", "assignment.other",
    }  # fmt: skip


def test_what_is_confirmed_later_goes_along_when_it_runs(database):
    first, maybe = admit(PERSON, {"full_name": f"{MARK} b"})
    link(first, maybe, 3)
    holds.hold(first, actor=owner_actor(), reason="r")
    assert erasure.erase(first, actor=owner_actor(), reason="asked").unconfirmed == (maybe,)
    assert erasure.erase(first, actor=owner_actor(), reason="asked", confirm=[maybe]).waiting
    _, done = holds.release(first, actor=owner_actor())
    assert done.certificate["keys_destroyed"] == 2 and places(MARK) == set()


def test_it_reaches_what_is_confirmed_later_though_who_asked_has_another_post_by_then(database):
    first, maybe = admit(PERSON, {"full_name": f"{MARK} b"})
    link(first, maybe, 3)
    privacy = staff("privacy")
    holds.hold(first, actor=owner_actor(), reason="r")
    assert erasure.erase(first, actor=privacy, reason="asked").waiting
    link(first, maybe, 2)
    with open_owner(database) as home:
        for table, who in (("guard_staff", "id"), ("actor_state", "staff")):
            home.execute(f"update {table} set role = 'marketing' where {who} = %s", [privacy.staff])
    _, done = holds.release(first, actor=owner_actor())
    assert done.certificate["keys_destroyed"] == 2 and places(MARK) == set()


def test_an_import_taken_back_meanwhile_stops_nothing(database):
    gone_before, hidden, other = admit(PERSON, {"full_name": f"{MARK} b"}, {"full_name": "王"})
    for subject in (gone_before, hidden):
        holds.hold(subject, actor=owner_actor(), reason="r")
        erasure.erase(subject, actor=owner_actor(), reason="asked")
    raw().execute("update govern_stateentry set ended_at = now() where kind = 'hold'")
    raw().execute("delete from facet where subject = %s", (gone_before,))
    raw().execute("delete from subject_state where subject = %s", (gone_before,))
    raw().execute("update subject_state set hidden = true where subject = %s", (hidden,))
    assert [one.waiting for one in erasure.finish_unfinished()] == [False, False]
    assert places(MARK) == set() and queries.show(other, actor=staff("service"), purpose="service")


def _parted_by_linkage(asked, other):
    with transaction.atomic():
        unassign(raw(), [(asked, other)], run=None, by=new_id())  # as a run that groups them otherwise


@pytest.mark.parametrize(
    "part", [lambda *pair: wrong_merge.part(*pair, actor=owner_actor()), _parted_by_linkage], ids=["office", "linkage"]
)
def test_who_was_parted_meanwhile_stays_though_the_others_import_was_taken_back(database, stubborn, part):
    asked, other = admit(PERSON, {"full_name": "王", "email": "wang@mail.example"})
    link(asked, other, 1)
    with pytest.raises(erasure.HolderFailed):
        erasure.erase(asked, actor=owner_actor(), reason="asked")
    part(asked, other)
    raw().execute("update subject_state set hidden = true where subject = %s", (asked,))
    assert Erasure.objects.get().subjects == [str(asked)]
    assert gate().open([other], actor=staff("manager"), purpose="service")[0].contributions
    erasure.finish_unfinished()
    assert places(MARK) == set()
    assert queries.show(other, actor=staff("service"), purpose="service").fields["full_name"] == "王"


def test_who_was_parted_as_a_third_left_stays_though_the_others_import_was_taken_back(database):
    asked, between, other = admit(PERSON, {"full_name": "李"}, {"full_name": "王", "email": "wang@mail.example"})
    link(asked, between, 1)
    link(between, other, 1)
    holds.hold(asked, actor=owner_actor(), reason="r")
    assert erasure.erase(asked, actor=owner_actor(), reason="asked").waiting
    with transaction.atomic():  # as when the import of the one between is taken back
        raw().execute("update subject_state set hidden = true where subject = %s", (between,))
        tell_parted(detach(raw(), [between], by=new_id()))
    assert str(other) not in Erasure.objects.get().subjects


def test_the_plan_says_what_the_certificate_says(database):
    [lin] = admit(PERSON)
    add_event(lin, 3, {"order_id": "7", "ordered_at": date.today().isoformat(), "amount": "12.00"})
    actions.enter_state(lin, "hold", actor=owner_actor(), act="hold", reason="r", categories=1 << 1)
    plan = erasure.plan(lin, actor=owner_actor())
    assert plan["goes"]["categories"] == {"identity": 1, "transaction": 1} and places(MARK) == {"vault"}
    assert [line["what"] for line in plan["residue"]] == ["contact", "request", "tombstone"]
    assert plan["residue"] == erasure.erase(lin, actor=owner_actor(), reason="asked").certificate["residue"]


@pytest.mark.parametrize(("packs", "platform", "kept"), [(1, True, True), (1, False, False), (2, True, False)])
def test_trade_records_of_a_platform_stay_as_long_as_its_law_says(database, packs, platform, kept):
    Controller.objects.update(platform=platform)
    [lin] = admit(PERSON, packs=packs)
    today = date.today()
    add_event(lin, 3, {"order_id": "new", "ordered_at": today.isoformat(), "amount": "12.00"})
    add_event(lin, 3, {"order_id": "old", "ordered_at": (today - timedelta(days=1200)).isoformat()})
    done = erasure.erase(lin, actor=owner_actor(), reason="asked")
    lines = [line for line in done.certificate["residue"] if line["what"] == "transaction"]
    if not kept:
        assert lines == []
        return
    assert lines == [
        {"what": "transaction", "article": "CN E-commerce Law 31", "source": "Vq", "why": "law",
         "until": add_months(today, 36).isoformat()}
    ]  # fmt: skip
    left = open_left(done.id, actor=staff("legal"), purpose="claims")["residue"]
    assert [row["values"]["order_id"][0] for row in left["records"]] == ["new"]


def _orders(done, legal):
    left = open_left(done.id, actor=legal, purpose="claims")["residue"]
    return [row["values"]["order_id"][0] for row in left["records"]]


def test_a_hold_that_ends_leaves_what_a_law_keeps_longer(database):
    Controller.objects.update(platform=True)
    [lin], today, legal = admit(PERSON, packs=1), date.today(), staff("legal")
    add_event(lin, 3, {"order_id": "new", "ordered_at": today.isoformat()})
    holds.hold(
        lin, actor=owner_actor(), reason="r", categories=["transaction"], until=datetime.now(UTC) + timedelta(days=30)
    )
    done = erasure.erase(lin, actor=owner_actor(), reason="asked")
    lines = {line["why"]: line for line in done.certificate["residue"] if line["what"] == "transaction"}
    assert lines["law"]["until"] == add_months(today, 36).isoformat() and "hold" in lines
    end_residues(today + timedelta(days=60))
    assert _orders(done, legal) == ["new"]


def test_each_trade_record_goes_on_its_own_day(database):
    Controller.objects.update(platform=True)
    [lin], today, legal = admit(PERSON, packs=1), date.today(), staff("legal")
    for days in (0, 400, 1090):
        add_event(lin, 3, {"order_id": str(days), "ordered_at": (today - timedelta(days=days)).isoformat()})
    done = erasure.erase(lin, actor=owner_actor(), reason="asked")
    line = lambda: next(one for one in Erasure.objects.get().certificate["residue"] if one["what"] == "transaction")
    assert line()["next"] == add_months(today - timedelta(days=1090), 36).isoformat()
    assert end_residues(today + timedelta(days=30)) == 1 and sorted(_orders(done, legal)) == ["0", "400"]
    assert line()["next"] == add_months(today - timedelta(days=400), 36).isoformat() and "ended" not in line()
    assert end_residues(today + timedelta(days=31)) == 0  # nothing is unsealed to find out
    end_residues(add_months(today, 35))
    assert _orders(done, legal) == ["0"] and "next" not in line()


def test_a_residue_that_does_not_open_keeps_no_other_from_ending(database):
    made = []
    for lin in admit(PERSON, {**PERSON, "email": "zz@mail.example", "external_id": "zz9"}):
        soon = datetime.now(UTC) + timedelta(days=30)
        holds.hold(lin, actor=owner_actor(), reason="r", categories=["contact"], until=soon)
        made.append(erasure.erase(lin, actor=owner_actor(), reason="asked").id)
    bad, good = made  # as they are met
    whole, later = bytes(Erasure.objects.get(id=bad).residue), date.today() + timedelta(days=60)
    ended = lambda one: any(line.get("ended") for line in Erasure.objects.get(id=one).certificate["residue"])
    Erasure.objects.filter(id=bad).update(residue=b"\0" * 64)
    with pytest.raises(FacetDoesNotOpen):
        end_residues(later)
    assert ended(good) and not ended(bad)
    Erasure.objects.filter(id=bad).update(residue=whole)
    assert end_residues(later) == 1 and ended(bad)


def test_residue_opens_for_three_purposes_only(database):
    [lin] = admit(PERSON)
    know_everywhere(lin)
    done = erasure.erase(lin, actor=owner_actor(), reason=f"{KEPT} asked")
    privacy, legal = staff("privacy"), staff("legal")
    with pytest.raises(Refused) as refused:  # a restriction outlives the erasure: claims and rights only
        open_left(done.id, actor=legal, purpose="legal")
    assert refused.value.policy == "house.restriction"
    raw().execute("update subject_state set restricted = false where residue")
    for actor, purpose in ((legal, "legal"), (privacy, "claims"), (privacy, "rights-request")):
        left = open_left(done.id, actor=actor, purpose=purpose)
        assert left["residue"]["requests"][0]["reason"] == f"{KEPT} asked"
        assert left["residue"]["consents"][0]["purpose"] == "marketing"
    for role, purpose in (("service", "service"), ("marketing", "marketing"), ("manager", "complaints")):
        with pytest.raises(Refused) as refused:
            open_left(done.id, actor=staff(role), purpose=purpose)
        assert refused.value.policy == "house.kept"
    with pytest.raises(Refused):
        open_left(done.id, actor=owner_actor(), purpose="legal")
    assert gate().open([done.id], actor=legal, purpose="legal") == []  # no customer
    assert raw().execute("select count(*) from subject_state where not hidden").fetchone() == (0,)


def test_each_line_has_article_and_end(database):
    [lin] = admit(PERSON)
    know_everywhere(lin)
    lines = erasure.erase(lin, actor=owner_actor(), reason="asked").certificate["residue"]
    assert [line["what"] for line in lines] == ["consent", "social", "request", "tombstone"]
    for line in lines:
        assert line["article"] and line["source"] in {"V", "Vq", "2", "K", "house"}
        assert date.today() < date.fromisoformat(line["until"]) <= add_months(date.today(), 36)
    assert set(raw().execute("select part from rights_erasure, jsonb_object_keys(certificate) part").fetchall())
    assert str(lin) not in raw().execute("select certificate::text from rights_erasure").fetchone()[0]


@pytest.mark.parametrize("days", [0, 366, 800])
def test_what_an_old_hold_keeps_stays_until_it_is_looked_at_again(database, days):
    """A hold without an end that was not released holds on, however long ago it was laid."""
    [lin] = admit(PERSON)
    holds.hold(lin, actor=owner_actor(), reason="court", categories=["contact"])
    raw().execute("update govern_stateentry set since = since - make_interval(days => %s) where kind = 'hold'", (days,))
    done = erasure.erase(lin, actor=owner_actor(), reason="asked")
    [line] = [line for line in done.certificate["residue"] if line["why"] == "hold"]
    assert date.today() < date.fromisoformat(line["until"]) <= add_months(date.today(), 12)
    end_residues()
    left = open_left(done.id, actor=staff("legal"), purpose="claims")["residue"]
    assert [record["category"] for record in left["records"]] == ["contact"]


def test_what_a_hold_without_an_end_keeps_goes_when_somebody_says_so_and_by_no_day(database):
    [lin], legal, later = admit(PERSON), staff("legal"), add_months(date.today(), 60)
    holds.hold(lin, actor=owner_actor(), reason="court", categories=["contact", "identity"])
    done = erasure.erase(lin, actor=owner_actor(), reason="asked")
    end_residues(later)
    kept = lambda: {
        record["category"] for record in open_left(done.id, actor=legal, purpose="claims")["residue"]["records"]
    }
    assert kept() == {"contact", "identity"}
    row = Erasure.objects.get()
    for line in row.certificate["residue"]:
        line["until"] = min(line["until"], date.today().isoformat())
    row.save(update_fields=["certificate"])  # as after a year
    assert [one.id for one in check_held()] == ["holds.review"]
    with pytest.raises(ActRefused):
        holds.look_again(done.id, actor=staff("marketing"), keep=False)
    holds.look_again(done.id, actor=owner_actor(), keep=True)
    assert list(check_held()) == [] and kept() == {"contact", "identity"}
    holds.look_again(done.id, actor=owner_actor(), keep=False, categories=["contact"])
    assert kept() == {"identity"}
    holds.look_again(done.id, actor=owner_actor(), keep=False)
    with pytest.raises(NothingLeft):
        open_left(done.id, actor=legal, purpose="claims")
    with pytest.raises(subject_states.NotInForce):
        holds.look_again(done.id, actor=owner_actor(), keep=True)


def test_what_a_hold_keeps_stays_to_its_last_hour(database):
    [lin] = admit(PERSON)
    end = datetime.now(UTC).replace(hour=18, minute=0) + timedelta(days=2)
    holds.hold(lin, actor=owner_actor(), reason="court", categories=["contact"], until=end)
    done = erasure.erase(lin, actor=owner_actor(), reason="asked")
    end_residues(end.date())  # in the small hours of that day
    legal = staff("legal")
    assert open_left(done.id, actor=legal, purpose="claims")["residue"]["records"]
    end_residues(end.date() + timedelta(days=1))
    assert not open_left(done.id, actor=legal, purpose="claims")["residue"]["records"]


def test_what_has_ended_leaves_the_residue_for_good(database):
    [lin] = admit(PERSON, packs=4)
    know_everywhere(lin)
    done = erasure.erase(lin, actor=owner_actor(), reason=f"{KEPT} asked")
    before = bytes(Erasure.objects.get().residue)
    beside = lambda: [file for file in installation().home.path.glob("erasures*") if str(done.id) in file.read_text()]
    holds.look_again(done.id, actor=owner_actor(), keep=False)
    assert end_residues(add_months(date.today(), 25)) == 1  # request 24; consent 36
    assert len(beside()) == 1
    legal = staff("legal")
    left = open_left(done.id, actor=legal, purpose="claims")["residue"]
    assert left["requests"] == [] and left["holds"] == [] and left["consents"]
    Erasure.objects.update(residue=before)
    assert places(KEPT) == set()  # the paper as it was opens with no key any more
    assert assurance.verify(actor=owner_actor())["broken"] == []  # the ledger's rows on it lead to it as before
    end_residues(add_months(date.today(), 37))
    assert assurance.verify(actor=owner_actor())["broken"] == []
    with pytest.raises(NothingLeft):
        open_left(done.id, actor=legal, purpose="claims")
    assert raw().execute("select count(*) from tombstone").fetchone() == (0,) and beside() == []


def test_the_ledger_stays_whole(database):
    [lin, wang] = admit(PERSON, {"full_name": "王"})
    alice = staff("service")
    seq = gate().open([lin], actor=alice, purpose="service")[0].seq
    gate().open([wang], actor=alice, purpose="service")
    with open_sequencer() as sequencer:
        sequencer.run_once()
    proof = prove(raw(), seq, lin)
    window = incidents.Window(alice.staff, None, None)
    before = incidents.reach(window, actor=owner_actor())
    erasure.erase(lin, actor=owner_actor(), reason="asked")
    after = incidents.reach(window, actor=owner_actor())
    assert before.pop("subjects") == {"at_least": 2, "at_most": 2}
    assert after.pop("subjects") == {"at_least": 2, "at_most": 2} and before == after
    with pytest.raises(NotInLedger):
        prove(raw(), seq, lin)
    with open_sequencer() as sequencer:
        sequencer.run_once()
    held = installation()
    verdict = verify(
        raw(),
        signer=signer_of(held.home),
        entry_key=held.entry_key,
        witness=None,
        against=proof.checkpoint,
    )
    assert verdict.ok
    again = prove(raw(), seq)
    assert again.leaf == proof.leaf and again.index == proof.index


def test_a_rotation_after_it_destroys_what_old_key_backups_need(database):
    [lin] = admit(PERSON)
    [(epoch, wrapped)] = raw().execute("select epoch, wrapped from subject_key where subject = %s", (lin,)).fetchall()
    [began] = raw().execute("select began_at from key_epoch where epoch = %s", (epoch,)).fetchone()
    done = erasure.erase(lin, actor=owner_actor(), reason="asked")
    assert done.certificate["backups"]["epoch"] == epoch
    # seven days, and the two looks of the hourly job that it may take
    assert (
        timedelta(days=7)
        < datetime.fromisoformat(done.certificate["backups"]["final_from"]) - began
        < timedelta(days=8)
    )
    installation().epochs.unwrap(bytes(wrapped), subject=lin.bytes, epoch=epoch)  # until then a stolen copy opens
    rotated = rotate_keys(raw(), installation().keyring, installation().epochs)
    assert rotated.epoch > epoch and raw().execute("select min(epoch) from subject_key").fetchone() == (rotated.epoch,)


@pytest.mark.parametrize("crashed", [False, True])
def test_addresses_stay_suppressed_after_a_restore(database, crashed, monkeypatch):
    """Who objected, and was erased since the backup, is not written to again; also where a crash came before the note."""
    [lin] = admit(PERSON)
    actions.enter_state(lin, "objection", actor=owner_actor(), act="object", purpose=MARKETING)
    if crashed:
        monkeypatch.setattr(erasure, "note", lambda *_: None)
    erasure.erase(lin, actor=owner_actor(), reason="asked")
    tombstones.replay(raw(), installation().home)
    stood = raw().execute("select * from suppression order by token").fetchall()
    with open_owner(database) as owner:  # as it was
        owner.execute("delete from suppression")
        owner.execute("delete from tombstone")
    tombstones.replay(raw(), installation().home)
    assert stood and raw().execute("select * from suppression order by token").fetchall() == stood
    [back] = admit({"full_name": "again", "email": PERSON["email"]})
    assert [row.kind for row in subject_states.states_of(back)] == ["objection"]


@pytest.mark.parametrize("older", [False, True])
def test_a_shared_mailbox_stays_suppressed_until_the_last_end_of_those_who_had_it(database, older):
    couple = admit(PERSON, {"full_name": "two", "email": PERSON["email"]})
    for one in couple:
        actions.enter_state(one, "objection", actor=owner_actor(), act="object", purpose=MARKETING)
    first = erasure.erase(couple[0], actor=owner_actor(), reason="asked")
    row = Erasure.objects.get()
    for line in row.certificate["residue"]:  # erased a year before the other
        line["until"] = (date.fromisoformat(line["until"]) - timedelta(365)).isoformat()
    row.save()
    raw().execute("update suppression set until = until - 365")
    second = erasure.erase(couple[1], actor=owner_actor(), reason="asked")
    kept = vault.suppressions_of(raw(), second.id)
    assert kept is not None and kept.purposes == (MARKETING,)
    ends = kept.until
    if older:  # as a program wrote it that kept one row for both
        raw().execute("delete from suppression where certificate = %s", (second.id,))
        raw().execute("update suppression set until = %s", (ends,))
    token = installation().tokens.search("email", "exact", PERSON["email"])
    end_residues(ends - timedelta(300))
    assert vault.suppressions_of(raw(), first.id) is None or older
    assert vault.suppressed(raw(), [token]) == {token: ([MARKETING], False)}
    end_residues(ends)
    assert raw().execute("select count(*) from suppression").fetchone() == (0,)


def test_what_two_erasures_say_of_one_address_stands_together(database):
    for certificate, purposes, opted_out in ((new_id(), (MARKETING,), False), (new_id(), (3,), True)):
        kept = vault.Suppressions((77,), purposes, opted_out, date(2031, 1, 1))
        vault.write_suppressions(raw(), kept, certificate)
        assert vault.suppressions_of(raw(), certificate) == kept
    assert vault.suppressed(raw(), [77]) == {77: ([3, MARKETING], True)}


def test_addresses_that_objected_stay_suppressed(database):
    [lin] = admit(PERSON)
    actions.enter_state(lin, "objection", actor=owner_actor(), act="object", purpose=MARKETING)
    done = erasure.erase(lin, actor=owner_actor(), reason="asked")
    assert "suppression" in {line["what"] for line in done.certificate["residue"]}
    token = installation().tokens.search("email", "exact", PERSON["email"])
    assert vault.suppressed(raw(), [token, 1]) == {token: ([MARKETING], False)}
    [back] = admit({"full_name": "again", "email": PERSON["email"]})
    assert raw().execute("select objections from subject_state where subject = %s", (back,)).fetchone() == (
        [MARKETING],
    )
    assert [row.kind for row in subject_states.states_of(back)] == ["objection"]
    [other] = admit({"full_name": "other", "email": "other@mail.example"})
    assert subject_states.states_of(other) == []


def test_requests_keep_a_line_without_name_and_text(database):
    [lin] = admit(PERSON)
    know_everywhere(lin)
    done = erasure.erase(lin, actor=owner_actor(), reason="asked")
    row = Request.objects.get()
    assert (row.subject, row.text, row.certificate, row.right) == (None, None, done.id, "erase")


@pytest.mark.parametrize("role", ["service", "marketing", "manager", "analyst", "engineer", "auditor"])
def test_only_the_office_erases(database, role):
    [lin] = admit(PERSON)
    with pytest.raises(ActRefused):
        erasure.erase(lin, actor=staff(role), reason="asked")
    assert places(MARK) == {"vault"}


def test_a_token_of_another_purpose_or_lapsed_training_erases_nothing(database):
    [lin] = admit(PERSON)
    staff("privacy")
    text, _ = issue_token(email="privacy@kehu.example", purpose="complaints", minutes=5)
    with pytest.raises(Refused) as refused:
        erasure.erase(lin, actor=actor_of_token(text), reason="asked")
    assert refused.value.policy == "house.scope"
    with pytest.raises(Refused) as refused:
        erasure.erase(lin, actor=staff("legal", attest=False), reason="asked")
    assert refused.value.policy == "house.agreement"
    assert not Erasure.objects.exists() and places(MARK) == {"vault"}


def test_no_value_in_the_log_of_the_database(database, stubborn, caplog):
    [lin] = admit(PERSON)
    with pytest.raises(erasure.HolderFailed):
        erasure.erase(lin, actor=owner_actor(), reason=f"{MARK} asked")
    assert MARK not in caplog.text
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from procrastinate_jobs where args::text like %s", [f"%{MARK}%"])
        assert cursor.fetchone() == (0,)
