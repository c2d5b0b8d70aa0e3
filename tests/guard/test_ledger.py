"""The ledger: RFC 6962 to the letter, and a superuser's edit, deletion, insertion or truncation found and named."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from kehu.guard.gate.read import gate
from kehu.guard.installation import installation
from kehu.guard.ledger import heads, tree
from kehu.guard.ledger.checkpoint import CheckpointInvalid, Signer, parse
from kehu.guard.ledger.open_log import open_sequencer, signer_of
from kehu.guard.ledger.proof import NotInLedger, prove
from kehu.guard.ledger.queries import rows
from kehu.guard.ledger.record import record_act
from kehu.guard.ledger.uses import forget_uses
from kehu.guard.ledger.verify import verify
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.host.database import grant_defaults
from kehu.host.home import Home
from kehu.vault.erasure import destroy, lock_subjects
from tests.cast import admit, staff

# test vectors of the Certificate Transparency reference implementation
LEAVES = [bytes.fromhex(text) for text in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def test_roots_are_those_of_rfc_6962():
    hashes = [tree.leaf_hash(body) for body in LEAVES]
    frontier = tree.Frontier()
    assert frontier.root() == hashlib.sha256(b"").digest()
    for size, root in enumerate(ROOTS, 1):
        frontier.append(hashes[size - 1])
        assert tree.root_of(hashes[:size]).hex() == frontier.root().hex() == root


@given(st.integers(1, 700), st.data())
def test_every_path_leads_to_the_root(size, data):
    leaves = [tree.leaf_hash(bytes([n % 256, n // 256])) for n in range(size)]
    index = data.draw(st.integers(0, size - 1))
    by_subtree = tree.subtree_path(index, size, lambda a, b: tree.root_of(leaves[a:b]))
    assert by_subtree == tree.path_in(leaves, index)
    assert tree.root_from_path(leaves[index], index, size, by_subtree) == tree.root_of(leaves)
    with pytest.raises(ValueError):
        tree.root_from_path(leaves[index], index, size, [*by_subtree, b"\0" * 32])


def test_a_note_of_another_key_is_refused():
    signer, other = Signer("kehu/x", b"a" * 32), Signer("kehu/x", b"b" * 32)
    note = signer.sign(3, b"r" * 32)
    assert parse(note, origin="kehu/x", public=signer.public).size == 3
    for bad in (other.sign(3, b"r" * 32), note.replace("\n3\n", "\n4\n"), "", "kehu/x\n3\n"):
        with pytest.raises(CheckpointInvalid):
            parse(bad, origin="kehu/x", public=signer.public)


@contextmanager
def copied(server, template):
    """A fresh database from a template, Django's connection on it, until the end."""
    name = f"t{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server.embedded.conninfo("kehu_owner", "postgres"), autocommit=True) as owner:
        lies = owner.execute("select spcname from pg_tablespace where spcname = 'memory'").fetchone()
        owner.execute(
            f"create database {name} template {template} strategy file_copy tablespace {lies[0] if lies else 'pg_default'}"
        )
        with psycopg.connect(server.embedded.conninfo("kehu_owner", name), autocommit=True) as inside:
            grant_defaults(inside)
        before = os.environ.get("KEHU_DBNAME"), connections["default"].settings_dict["NAME"]
        os.environ["KEHU_DBNAME"] = connections["default"].settings_dict["NAME"] = name
        try:
            yield name
        finally:
            connections.close_all()
            os.environ["KEHU_DBNAME"], connections["default"].settings_dict["NAME"] = before[0] or "kehu", before[1]
            owner.execute(f"drop database {name} with (force)")


@pytest.fixture(scope="module")
def written(server, tmp_path_factory):
    """A ledger with 300 reads of three people, sequenced, as a template; returns (its name, file, alice, people)."""
    witness = tmp_path_factory.mktemp("log") / "checkpoints"
    with copied(server, "kehu") as name:
        alice = staff("service")
        people = admit(*({"full_name": f"客户{n}", "email": f"c{n}@mail.example"} for n in range(3)))
        for n in range(300):
            gate().open([people[n % 3]], actor=alice, purpose="service", fields=["email"])
        with open_sequencer() as sequencer:
            sequencer._witness = witness
            sequencer.run_once()
        connections.close_all()
        yield name, witness, alice, people


@pytest.fixture
def database(server, written):
    """A copy of that ledger for one test."""
    with copied(server, written[0]):
        yield server


@pytest.fixture
def log(database, written, tmp_path):
    """The ledger of one test: (check, alice, people)."""
    _, file, alice, people = written
    witness = tmp_path / "checkpoints"
    witness.write_bytes(file.read_bytes())

    def sequence():
        with open_sequencer() as sequencer:
            sequencer._witness = witness
            return sequencer.run_once()

    def check(against=None):
        conninfo = database.conninfo("kehu_app", os.environ["KEHU_DBNAME"])
        with psycopg.connect(conninfo, autocommit=True) as app:
            return verify(
                app,
                signer=signer_of(Home.current()),
                entry_key=installation().entry_key,
                decision_key=installation().decision_key,
                witness=witness,
                against=against,
            )

    check.sequence, check.witness = sequence, witness
    return check, alice, people


def test_an_untouched_ledger_verifies(log):
    check, _, _ = log
    verdict = check()
    assert verdict.ok and verdict.size == 301


COPY = (
    "insert into ledger_entry (entry, actor, human, department, purpose, action, decision, subjects, jurisdictions,"
    " reach, commitments, mac) select {entry}, actor, human, department, purpose, action, decision, subjects,"
    " jurisdictions, reach, commitments, mac from ledger_entry where seq = 100"
)
SWAP = (
    "with a as (select * from ledger_leaf where seq = 100), b as (select * from ledger_leaf where seq = 101)"
    " update ledger_leaf l set {column} = case l.seq when 100 then (select {column} from b)"
    " else (select {column} from a) end where l.seq in (100, 101)"
)
TABLES = ("ledger_entry", "ledger_leaf", "ledger_tile", "ledger_checkpoint", "gate_decision", "ledger_forgotten")


@pytest.mark.parametrize(
    ("attack", "seq", "why"),
    [
        # edited
        ("update ledger_entry set human = gen_random_uuid() where seq = 100", 100, "changed after it was hashed"),
        ("update ledger_entry set at = at - interval '1 day' where seq = 100", 100, "changed after it was hashed"),
        (
            "update ledger_entry set commitments = sha256(commitments) where seq = 100",
            100,
            "changed after it was hashed",
        ),
        ("update gate_decision set ask = replace(ask, 'email', 'phone') where ask like '%email%'", 2, "forged"),
        ("update gate_decision set answer = '{}' where ask like '%email%'", 2, "its decision was changed"),
        ("delete from gate_decision where ask like '%email%'", 2, "its decision is gone"),
        # deleted
        ("delete from ledger_entry where seq = 100", 100, "gone"),
        ("delete from ledger_leaf where seq = 100", None, "leaf 99 is missing"),
        (
            "with cut as (delete from ledger_leaf where seq > 290) delete from ledger_entry where seq > 290",
            None,
            "cut short: a signed checkpoint (in the database and in the home) has 301 rows, 290 are here",
        ),
        (
            "with a as (delete from ledger_leaf where seq > 290), b as (delete from ledger_checkpoint)"
            " delete from ledger_entry where seq > 290",
            None,
            "cut short: a signed checkpoint (in the home) has 301 rows, 290 are here",
        ),
        # inserted
        (COPY.format(entry="gen_random_uuid()"), 302, "forged"),
        (COPY.format(entry="entry"), 302, "a copy of another row"),
        # with the number of a transaction that is still to come: nobody would hash it for years
        (
            COPY.format(entry="gen_random_uuid()")
            .replace("(entry", "(xid, entry")
            .replace("select gen", "select '9000000000000000000'::xid8, gen"),
            302,
            "forged",
        ),
        # reordered
        (SWAP.format(column="hash"), 100, "changed"),
        (
            "with s as (select set_config('x.y', '', false)) update ledger_leaf set index = case seq when 100 then 900"
            " else 901 end where seq in (100, 101)",
            None,
            "leaf 99 is missing",
        ),
        # the tree
        ("update ledger_leaf set hash = sha256(hash) where seq = 100", 100, "changed"),
        ("update ledger_leaf set hash = sha256(hash) where seq = 100", 301, "forked: the tree of size 301"),
        (
            "update ledger_leaf set hash = sha256(hash) where seq = 100",
            100,
            "leaf 99 and its tile say different things",
        ),
        ("update ledger_tile set hashes = overlay(hashes placing sha256('x') from 3201)", 101, "leaf 100 and its tile"),
        ("delete from ledger_tile", None, "tile 0 of level 0 is gone"),
        ("update ledger_tile set root = sha256(root)", None, "tile 0 of level 0 says another root than its own"),
        (
            "insert into ledger_tile select 1, 0, hashes from ledger_tile",
            None,
            "tile 0 of level 1 has nothing below it",
        ),
        # checkpoints
        (
            "update ledger_checkpoint set note = replace(note, E'301', E'300')",
            None,
            "database is not signed by this log",
        ),
        ("update ledger_checkpoint set root = sha256(root)", None, "says otherwise than its signed note"),
        # the customer's look-up
        ("update ledger_use set seq = 101 where seq = 100", 101, "the look-up names a subject"),
        ("update ledger_use set subject = gen_random_uuid() where seq = 100", 100, "names a subject that is not here"),
        ("update ledger_use set seq = 1000000 where seq = 100", 1_000_000, "the look-up names a subject"),
        ("delete from ledger_use where seq = 100", 100, "the use of somebody who is here is gone"),
        ("delete from ledger_use where seq in (1, 100, 101)", None, "5 uses are gone from the look-up, and no erasure"),
        (
            "select forget_subject_uses((select subject from ledger_use where seq = 100))",
            None,
            "101 uses are gone from the look-up, and no erasure took them",
        ),
        (
            "with d as (delete from ledger_use where seq = 100)"
            " insert into ledger_forgotten values (gen_random_uuid(), 1, sha256('x'))",
            100,
            "the use of somebody who is here is gone",
        ),
        (
            "insert into ledger_forgotten values (gen_random_uuid(), 1, sha256('x'))",
            None,
            "taken by an erasure, and its MAC is not ours",
        ),
        (
            "with s as (select set_config('x.y', '', false)) update ledger_entry set subjects = 2 where seq = 100",
            100,
            "commits to another number",
        ),
    ],
)
def test_what_a_superuser_does_is_found_and_named(database, log, attack, seq, why):
    check, _, _ = log
    with open_owner(database) as owner:
        for table in TABLES:
            owner.execute(f"alter table {table} disable trigger user")
        assert owner.execute(attack).rowcount > 0
    check.sequence()
    verdict = check()
    assert any(broken.seq == seq and why in broken.why for broken in verdict.broken), verdict.broken


def test_two_rows_that_change_places_are_found(database, log):
    """Each with its hash: every row still hashes to its leaf, only the order is another."""
    check, _, _ = log
    with open_owner(database) as owner:
        owner.execute("alter table ledger_leaf disable trigger user")
        for old, new in ((99, -1), (100, 99), (-1, 100)):
            owner.execute("update ledger_leaf set index = %s where index = %s", (new, old))
    whys = [broken.why for broken in check().broken]
    assert "leaf 99 and its tile say different things" in whys and "leaf 100 and its tile say different things" in whys
    assert any(why.startswith("forked: the tree of size 301") for why in whys)


def test_a_log_rewritten_as_a_whole_is_found_by_a_kept_checkpoint(database, log):
    """Whoever holds the signing key, too, can write another history, but not the one that somebody kept."""
    check, alice, (one, *_) = log
    kept = check.witness.read_text()
    with open_owner(database) as owner:
        for table in TABLES:
            owner.execute(f"alter table {table} disable trigger user")
        for table in ("ledger_leaf", "ledger_tile", "ledger_checkpoint"):
            owner.execute(f"delete from {table}")
        for table in ("ledger_entry", "ledger_use"):
            owner.execute(f"delete from {table} where seq = 100")
    check.witness.unlink()
    gate().open([one], actor=alice, purpose="service", fields=["email"])
    check.sequence()
    assert check().ok  # nothing of before is here to compare it with
    [broken] = check(against=kept).broken
    assert "forked: the tree of size 301 is not the one that was signed (given)" in broken.why
    check.sequence()


def test_a_checkpoint_kept_in_three_places_is_checked_once(log, monkeypatch):
    check, *_ = log
    asked = []
    monkeypatch.setattr(heads, "parse", lambda note, **named: asked.append(note) or parse(note, **named))
    assert check(against=check.witness.read_text()).ok
    assert len(asked) == len(set(asked)) == 1


def test_what_is_done_to_the_homes_file_is_found(log):
    check, alice, (one, *_) = log
    gate().open([one], actor=alice, purpose="service", fields=["email"])
    check.sequence()
    whole = check.witness.read_text()
    assert whole.count("—") == 2 and check().ok
    for change, why in (
        (whole[: len(whole) // 2], "the checkpoint of 302 rows is gone from the home's file"),
        ("", "the checkpoint of 301 rows is gone from the home's file"),
        (whole[:-40], "is not signed by this log"),
        (whole[: whole.rindex("—")], "is cut within one, or holds something else"),
        (whole.replace("302", "303"), "a checkpoint in the home is not signed by this log"),
    ):
        check.witness.write_text(change)
        assert any(why in broken.why for broken in check().broken), (why, check().broken)
    check.witness.write_text(whole[:-40])  # a crash while it was written: the next one takes its place
    gate().open([one], actor=alice, purpose="service", fields=["email"])
    check.sequence()
    assert check.witness.read_text().count("—") == 2 + (whole[:-40].count("—") == 2)


@pytest.mark.parametrize(
    "mistake", ["delete from ledger_entry", "update ledger_entry set action = action", "truncate ledger_entry cascade"]
)
def test_triggers_stop_the_owners_mistakes_too(database, log, mistake):
    with open_owner(database) as owner, pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.execute(mistake)


def proved(owner, seq, subject):
    """A proof that leads from the subject to the row, and from the row to the signed head."""
    proof = prove(owner, seq, subject)
    head = parse(proof.checkpoint, origin=signer_of(Home.current()).origin, public=signer_of(Home.current()).public)
    assert tree.root_from_path(tree.leaf_hash(proof.leaf), proof.index, proof.size, proof.path) == head.root
    inner = proof.subject
    commitment = hashlib.sha256(inner.r + subject.bytes).digest()
    assert tree.root_from_path(tree.leaf_hash(commitment), inner.index, inner.size, inner.path) in proof.leaf
    return inner, commitment


def test_a_subject_proves_that_a_row_is_about_them_and_no_other(database, log):
    _, _, (one, two, _) = log
    with open_owner(database) as owner:
        seq = owner.execute("select max(seq) from ledger_use where subject = %s", (one,)).fetchone()[0]
        inner, commitment = proved(owner, seq, one)
        assert hashlib.sha256(inner.r + two.bytes).digest() != commitment
        with pytest.raises(NotInLedger):
            prove(owner, seq, two)


def test_each_subject_of_a_bulk_row_proves_it(database, log):
    check, alice, _ = log
    subjects = admit(*({"full_name": f"群{n}", "email": f"bulk{n}@mail.example"} for n in range(21)))
    [seq] = {one.seq for one in gate().open(subjects, actor=alice, purpose="service", fields=["email"])}
    check.sequence()
    with open_owner(database) as owner:
        assert len({proved(owner, seq, subject)[1] for subject in subjects}) == 21


def test_a_row_of_a_slow_transaction_is_not_lost(database, log):
    """Its number is older than rows already hashed when it commits."""
    check, alice, (one, *_) = log
    with open_owner(database) as slow:
        slow.execute("begin")
        slow.execute("create temp table holds_a_transaction_open ()")
        gate().open([one], actor=alice, purpose="service", fields=["email"])
        assert check.sequence() == 0  # waits: an older transaction is still open
        slow.execute("commit")
    assert check.sequence() == 1
    assert check().ok


def erase(subject):
    """What an erasure does to a subject's keys and uses."""
    with transaction.atomic():
        connection.ensure_connection()
        took = forget_uses(subject)
        destroy(connection.connection, [subject])
    return took


def test_proofs_survive_forgetting_a_subject(database, log):
    check, _, (one, *_) = log
    with open_owner(database) as owner:
        kept = prove(owner, owner.execute("select max(seq) from ledger_use where subject = %s", (one,)).fetchone()[0])
    assert erase(one) > 100
    assert check().ok
    assert check(against=kept.checkpoint).ok


def test_an_erasure_hides_no_other_use(database, log):
    """What it took is known by number, so that nothing more can go, and nothing take the place of what went."""
    check, alice, (one, two, three) = log
    gate().open([one, two, three], actor=alice, purpose="service", fields=["email"])
    check.sequence()
    with open_owner(database) as owner:
        [(of_one,)] = owner.execute("select min(seq) from ledger_use where subject = %s and seq > 1", (one,)).fetchall()
        [(of_two,)] = owner.execute("select min(seq) from ledger_use where subject = %s and seq > 1", (two,)).fetchall()
        took = erase(one)
        assert check().ok
        whys = lambda: {(broken.seq, broken.why) for broken in check().broken}
        gone = (None, "1 uses are gone from the look-up, and no erasure took them")
        owner.execute("alter table ledger_forgotten disable trigger user")
        owner.execute("delete from ledger_use where subject = %s and seq = %s", (two, of_two))
        assert whys() == {gone, (of_two, "the use of somebody who is here is gone from the look-up")}
        # put in the place of one that was taken, under the erased person's own id
        owner.execute("insert into ledger_use values (%s, %s, 0)", (one, of_one))
        assert whys() == {(of_one, "the look-up names a subject that is not here")}
        owner.execute("delete from ledger_use where subject = %s", (one,))
        # the record of the erasure made to count for more, or twice
        owner.execute("update ledger_forgotten set uses = uses + 1")
        false = (None, "uses are said to have been taken by an erasure, and its MAC is not ours")
        assert false in whys()
        owner.execute("update ledger_forgotten set uses = uses - 1")
        owner.execute("alter table ledger_forgotten drop constraint ledger_forgotten_pkey")
        owner.execute("insert into ledger_forgotten select * from ledger_forgotten")
        assert false in whys()
        owner.execute("delete from ledger_forgotten")
        assert (None, f"{took + 1} uses are gone from the look-up, and no erasure took them") in whys()


def test_a_use_named_twice_is_found(database, log):
    check, _, _ = log
    with open_owner(database) as owner:
        owner.execute("alter table ledger_use drop constraint ledger_use_pkey")
        owner.execute("insert into ledger_use select * from ledger_use where seq = 100")
        owner.execute("delete from ledger_use where seq = 103")  # of the same person: the sum stays
    assert [broken.why for broken in check().broken if broken.seq == 100] == ["the look-up names a use twice"]


def test_an_act_beside_an_erasure_leaves_no_use_behind(database, log):
    """An act waits for an erasure under way, and then finds nobody."""
    check, _, (one, *_) = log
    seqs = []

    def act():
        with transaction.atomic():
            seqs.append(record_act("restrict", one, actor=owner_actor()))
        connection.close()

    with transaction.atomic():
        connection.ensure_connection()
        lock_subjects(connection.connection, [one])
        beside = threading.Thread(target=act)
        beside.start()
        beside.join(0.5)
        assert beside.is_alive()  # it waits
        forget_uses(one)
        destroy(connection.connection, [one])
    beside.join()
    check.sequence()
    with open_owner(database) as owner:
        assert owner.execute("select subjects from ledger_entry where seq = %s", seqs).fetchone() == (0,)
    assert check().ok


def test_rows_of_before_a_moment_are_found_there_and_each_once(database):
    """However many came since, and also where a clock was put back for a while: page by page all of them, none twice."""
    admit({"full_name": "林婉清"})
    with open_owner(database) as owner:
        owner.execute("alter table ledger_entry disable trigger user")
        owner.execute(
            "insert into ledger_entry (at, entry, actor, human, department, purpose, action, decision, subjects,"
            " jurisdictions, reach, commitments, mac) select now() - make_interval(days => 900 - n % 900, secs => n),"
            " e.entry, e.actor, e.human, e.department, e.purpose, e.action, e.decision, e.subjects, e.jurisdictions, e.reach,"
            " e.commitments, e.mac from generate_series(1, 4000) n, (select * from ledger_entry limit 1) e"
        )
        owner.execute("select brin_summarize_new_values('ledger_entry_at')")
        owner.execute("analyze ledger_entry")
        [until] = owner.execute("select now() - interval '600 days'").fetchone()
    for since in (None, until - timedelta(days=40)):
        with connection.cursor() as cursor:
            cursor.execute(
                "select seq from ledger_entry where at < %s and at >= %s order by at desc, seq desc",
                [until, since or until - timedelta(days=9_000)],
            )
            wanted = [seq for (seq,) in cursor.fetchall()]
        found, page = [], rows(since=since, until=until, limit=97)
        while page:
            found += [one["seq"] for one in page]
            page = rows(since=since, until=until, before=found[-1], limit=97)
        assert found == wanted and len(found) > 150
    for long_before in (until - timedelta(days=9_000), datetime(1, 1, 1, 0, 30, tzinfo=UTC)):
        assert rows(until=long_before, limit=5) == []
    with CaptureQueriesContext(connection) as asked:
        assert len(rows(until=until, limit=50)) == 50
    with connection.cursor() as cursor:
        for one in asked.captured_queries:
            cursor.execute("explain " + one["sql"])
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "ledger_entry_pkey" not in plan, plan  # by their numbers all that came since stands before them
