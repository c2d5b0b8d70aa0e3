"""The log only grows: proofs of it, what a kept checkpoint finds, and a sequencer that loses and doubles nothing."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time

import psycopg
import pytest
from django.db import connection, transaction

from kehu.guard.checks import check_installation
from kehu.guard.gate.read import gate
from kehu.guard.installation import installation
from kehu.guard.ledger import tiles
from kehu.guard.ledger.consistency import LogForked, NoCheckpoint, prove_growth
from kehu.guard.ledger.delay import delay, delay_of
from kehu.guard.ledger.open_log import connect, open_sequencer, signer_of
from kehu.guard.ledger.proof import prove
from kehu.guard.ledger.record import record_act
from kehu.guard.ledger.tree import leaf_hash, root_from_path, root_of
from kehu.guard.ledger.verifier import grew
from kehu.guard.ledger.verify import verify
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.host.home import Home
from kehu.serve.assurance import proofs, queries
from tests import commands
from tests.cast import admit, staff


def sequence():
    with open_sequencer() as sequencer:
        return sequencer.run_once()


def act(times=1):
    for _ in range(times):
        with transaction.atomic():
            record_act("staff", None, actor=owner_actor())


@pytest.fixture
def log(database):
    """A log with checkpoints of 3, 300 and 301 rows."""
    for times in (3, 297, 1):
        act(times)
        sequence()
    connection.ensure_connection()
    return connection.connection


def test_growth_between_any_two_heads(log):
    roots = dict(log.execute("select size, root from ledger_checkpoint").fetchall())
    assert sorted(roots) == [3, 300, 301]
    for new in (3, 300, 301):
        for old in range(1, new + 1, 7):
            found = prove_growth(log, old, new)
            assert grew(old, found.old_root, new, bytes(roots[new]), found.path)
    assert prove_growth(log, 3).old_note and prove_growth(log, 4).old_note is None
    with pytest.raises(NoCheckpoint, match="the nearest has 300"):
        prove_growth(log, 3, 299)
    for wrong in (0, 302, -1):
        with pytest.raises(ValueError):
            prove_growth(log, wrong)


def test_what_is_written_during_a_verification_is_nothing_broken(log, monkeypatch):
    def meanwhile(*args, **named):
        act()
        return verify(*args, **named)

    monkeypatch.setattr(queries, "recompute", meanwhile)
    assert queries.verify(actor=owner_actor())["broken"] == []
    act()
    assert [one.why for one in verify_now(log).broken] == ["inserted, but never hashed"] * 2


def verify_now(raw):
    held = installation()
    return verify(raw, signer=signer_of(held.home), entry_key=held.entry_key, witness=held.home / "checkpoints")


def test_a_head_that_is_not_a_beginning_is_named(database, log):
    signer, kept = signer_of(Home.current()), proofs.consistency(3, actor=owner_actor())["old"]["checkpoint"]
    assert "broken" not in proofs.consistency(kept, actor=owner_actor())
    why = lambda note: proofs.consistency(note, actor=owner_actor())["broken"][0]["why"]
    assert why(signer.sign(3, b"x" * 32)).startswith("forked: the first 3 rows")
    assert why(signer.sign(900, b"x" * 32)).startswith("cut short: the checkpoint given has 900 rows, 301 are here")
    assert why("junk") == "the checkpoint given is not signed by this log"
    with open_owner(database) as owner:
        owner.execute("alter table ledger_tile disable trigger user")
        owner.execute("update ledger_tile set hashes = overlay(hashes placing sha256('x') from 1)")
    assert why(kept).startswith("forked")
    with pytest.raises(LogForked):
        prove_growth(log, 100)


@pytest.fixture
def kehu(database, monkeypatch):
    def run(*words):
        done = commands.spoken(monkeypatch, "ledger", *words)
        return done.exit_code, done.stdout

    return run


def test_the_commands(kehu, log, tmp_path):
    """A stranger's way: key, checkpoint kept, later a proof that the log only grew, checked by the one file."""
    for name, words in (("log.key", ["key"]), ("kept", ["checkpoint"]), ("verify.py", ["verifier"])):
        code, text = kehu(*words)
        assert code == 0
        (tmp_path / name).write_text(text, encoding="utf-8")
    act(5)
    code, text = kehu("consistency", str(tmp_path / "kept"), "--json")
    (tmp_path / "grown.json").write_text(text)
    assert code == 0 and json.loads(text)["size"] == 306
    run = [sys.executable, "-I", "verify.py", "grown.json", "--key", "log.key", "--kept", "kept"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert kehu("consistency", "3", "300", "--json")[0] == 0
    assert kehu("consistency", "3", "299")[0] == 2 and kehu("consistency", "nowhere")[0] == 2
    (tmp_path / "forked").write_text(signer_of(Home.current()).sign(9, b"x" * 32))
    for command in (["consistency", str(tmp_path / "forked")], ["verify", "--against", str(tmp_path / "forked")]):
        code, text = kehu(*command, "--json")
        assert code == 4 and "forked" in json.loads(text)["broken"][0]["why"]
    assert kehu("verify", "--against", str(tmp_path / "kept"))[0] == 0


@pytest.mark.parametrize("where", ["the same database", "another database of the cluster"])
def test_a_long_write_transaction_only_delays(database, log, where):
    [lin], alice = admit({"full_name": "林婉清"}), staff("service")
    sequence()
    name = os.environ["KEHU_DBNAME"] if where == "the same database" else "postgres"
    assert delay().rows == 0 and delay().held_by is None
    with psycopg.connect(database.embedded.conninfo("kehu_owner", name), autocommit=True) as slow:
        slow.execute("begin")
        slow.execute("select pg_current_xact_id()")
        seqs = []
        began = time.monotonic()
        for _ in range(5):
            seqs.append(gate().open([lin], actor=alice, purpose="service")[0].seq)  # reads go on
        assert time.monotonic() - began < 5 and sequence() == 0
        with connect() as sequencer:
            waited = delay_of(sequencer)
        assert waited.rows == 5 and 0 < waited.seconds < 30 and not waited.alarming
        assert f"process {slow.info.backend_pid} in database {name} as kehu_owner" == waited.held_by == delay().held_by
        slow.execute("commit")
    assert sequence() == 5 and delay().rows == 0
    taken = {row[0] for row in log.execute("select seq from ledger_leaf").fetchall()}
    assert set(seqs) <= taken


def test_a_minute_of_delay_is_an_alarm_that_names_the_holder(database, log):
    with psycopg.connect(database.embedded.conninfo("kehu_owner", "postgres"), autocommit=True) as slow:
        slow.execute("begin")
        slow.execute("select pg_current_xact_id()")
        act()
        sequence()
        assert "ledger.delay" not in {found.id for found in check_installation(running=True)}
        with open_owner(database) as owner:
            owner.execute("alter table ledger_entry disable trigger user")
            owner.execute("update ledger_entry set at = at - interval '61 seconds' where seq > 301")
        [found] = [one for one in check_installation(running=True) if one.id == "ledger.delay"]
        assert found.severity == "error" and "1 rows" in found.text and "in database postgres" in found.remedy
        slow.execute("rollback")


def test_many_writers_and_nothing_is_lost_or_doubled(database):
    """Writers that commit late, roll back and overtake one another, while two sequencers take turns."""
    stop = threading.Event()
    actor, committed, failures = owner_actor(), [], []

    def write(seed):
        chance = random.Random(seed)
        try:
            for _ in range(25):
                try:
                    with transaction.atomic():
                        seqs = [record_act("staff", None, actor=actor) for _ in range(chance.randint(1, 3))]
                        time.sleep(chance.random() * 0.02)
                        if chance.random() < 0.2:
                            raise LookupError
                    committed.extend(seqs)
                except LookupError:
                    pass
        except Exception as failed:  # noqa: BLE001  (told by the main thread)
            failures.append(failed)
        finally:
            connection.close()

    def follow():
        with open_sequencer() as sequencer:
            while not stop.is_set():
                sequencer.run_once()
                time.sleep(0.005)

    followers = [threading.Thread(target=follow) for _ in range(2)]
    writers = [threading.Thread(target=write, args=(seed,)) for seed in range(12)]
    for thread in followers + writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    for thread in followers:
        thread.join()
    sequence()
    assert not failures and len(committed) > 200
    connection.ensure_connection()
    raw = connection.connection
    leaves = raw.execute("select l.index, l.seq, e.xid::text::bigint from ledger_leaf l join ledger_entry e using (seq)"
                         " order by l.index").fetchall()  # fmt: skip
    assert sorted(row[1] for row in leaves) == sorted(committed)
    assert [row[0] for row in leaves] == list(range(len(leaves)))
    places = [(xid, seq) for _, seq, xid in leaves]
    assert places == sorted(places)  # the order of transactions, whatever their numbers
    assert sorted(committed) != list(range(committed[0], committed[0] + len(committed)))  # some were rolled back
    held = installation()
    verdict = verify(
        raw,
        signer=signer_of(held.home),
        entry_key=held.entry_key,
        decision_key=held.decision_key,
        witness=held.home / "checkpoints",
    )
    assert verdict.ok, verdict.broken


def test_a_proof_hashes_no_whole_tile_again(log, monkeypatch):
    """The roots of complete tiles are stored: among a million rows up to 255 of them would be hashed for each proof."""
    hashed = []

    def counted(leaves):
        hashed.append(len(leaves))
        return root_of(leaves)

    monkeypatch.setattr(tiles, "root_of", counted)
    [(seq,)] = log.execute("select seq from ledger_leaf where index = 290").fetchall()
    proof = prove(log, seq)
    assert root_from_path(leaf_hash(proof.leaf), 290, 301, proof.path) == bytes(
        log.execute("select root from ledger_checkpoint where size = 301").fetchone()[0]
    )
    assert 0 < sum(hashed) < 256
