"""Old heads grow fewer, and whoever checks sees what they saw before: old proofs, old kept heads, and every kind of tampering."""

from __future__ import annotations

import json
import subprocess
import sys

import psycopg
import pytest
from django.db import connection, transaction

from kehu.guard.ledger import thinning, witness
from kehu.guard.ledger.check import check_proof
from kehu.guard.ledger.heads import leave_out, split_notes
from kehu.guard.ledger.open_log import connect, open_sequencer, signer_of
from kehu.guard.ledger.own import proof_document
from kehu.guard.ledger.proof import prove
from kehu.guard.ledger.record import record_act
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.guard.tasks import thin_heads
from kehu.host.home import Home
from kehu.serve.assurance import proofs, queries
from tests.cast import admit

HOURS = {"41 days 2 hours": 4, "41 days 1 hour": 3, "29 days": 3}
"""How old an hour is, and how many heads were signed in it."""


@pytest.fixture
def log(database):
    """A log whose heads are of three hours, two of them past the thirty days; a proof under its very first head."""
    file = Home.current() / "checkpoints"
    file.unlink(missing_ok=True)
    [lin] = admit({"full_name": "林婉清"})
    heads: list[tuple[int, str, str]] = []
    early = None
    for hour, count in HOURS.items():
        for _ in range(count):
            with transaction.atomic():
                seq = record_act("restrict", lin, actor=owner_actor())
            with open_sequencer() as sequencer:
                sequencer.run_once()
            size, note = raw().execute("select size, note from ledger_checkpoint order by size desc limit 1").fetchone()
            heads.append((size, note, hour))
            early = early or proof_document(prove(raw(), seq, lin), lin)
    for size, _, hour in heads:
        age(database, size, hour)
    return [(size, note) for size, note, _ in heads], early


def raw():
    connection.ensure_connection()
    return connection.connection


def age(database, size, old):
    with open_owner(database) as owner:
        owner.execute("alter table ledger_checkpoint disable trigger user")
        owner.execute(
            "update ledger_checkpoint set at = date_trunc('hour', clock_timestamp(), 'UTC') - %s::interval"
            " + interval '1 second' * size where size = %s",
            (old, size),
        )
        owner.execute("alter table ledger_checkpoint enable trigger user")


def thin():
    with connect() as own:
        return thinning.thin(own, signer_of(Home.current()), Home.current() / "checkpoints")


def held():
    """Sizes of the heads that the database has, and that the file has."""
    notes, rest = split_notes((Home.current() / "checkpoints").read_text())
    assert rest == ""
    sizes = [row[0] for row in raw().execute("select size from ledger_checkpoint order by size").fetchall()]
    return sizes, [int(note.split("\n")[1]) for note in notes]


def broken():
    return [one["why"] for one in queries.verify(actor=owner_actor())["broken"]]


def test_of_old_heads_the_last_of_each_hour_stays_and_old_proofs_hold(log, tmp_path, monkeypatch):
    heads, early = log
    sizes = [size for size, _ in heads]
    stay = [sizes[3], sizes[6], *sizes[7:]]
    monkeypatch.setattr(thinning, "_PORTION", 2)
    thin_heads(0)
    assert held() == (stay, stay)
    assert thin() == 0 and held() == (stay, stay)
    assert broken() == []
    (first, first_note), (_, second_note) = heads[:2]  # both are here no more
    assert queries.verify(actor=owner_actor(), against=first_note + "\n" + second_note)["ok"]
    assert early["size"] == first and all(step.ok for step in check_proof(early))
    # who kept the older of two old heads, and holds a proof under the other, sees that one grew out of the other
    (tmp_path / "verify.py").write_text(proofs.verifier_text())
    (tmp_path / "kept").write_text(first_note)
    (tmp_path / "head").write_text(second_note)
    grown = proofs.consistency(first_note, actor=owner_actor())
    (tmp_path / "one").write_text(json.dumps(grown))
    (tmp_path / "two").write_text(json.dumps(proofs.consistency(second_note, grown["size"], actor=owner_actor())))
    for words, code in ((["head", "one", "two"], 0), (["head"], 2)):
        told = [sys.executable, "-I", "verify.py", *words, "--key", proofs.log_key(), "--kept", "kept"]
        done = subprocess.run(told, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == code, done.stdout


@pytest.mark.parametrize("below", [1, 5])
def test_a_row_that_is_changed_below_a_dropped_head_is_found_as_before(database, log, below):
    thin()
    with open_owner(database) as owner:
        owner.execute("alter table ledger_leaf disable trigger user")
        owner.execute("update ledger_leaf set hash = sha256(hash) where index = %s", (below,))
    found = broken()
    assert any("changed after it was hashed" in why for why in found)
    assert any("forked" in why for why in found)


def test_a_head_that_the_tree_does_not_bear_out_stays_however_old(database, log):
    (size, note), *_ = log[0]
    other = signer_of(Home.current()).sign(size, b"x" * 32)
    with open_owner(database) as owner:
        owner.execute("alter table ledger_checkpoint disable trigger user")
        owner.execute("update ledger_checkpoint set root = %s, note = %s where size = %s", (b"x" * 32, other, size))
        owner.execute("alter table ledger_checkpoint enable trigger user")
    file = Home.current() / "checkpoints"
    file.write_text(file.read_text().replace(note, other))
    assert thin() == 4 and held()[0][0] == held()[1][0] == size
    assert any("forked" in why and str(size) in why for why in broken())


def test_the_database_lets_none_go_that_is_young_or_the_last_of_its_hour(log):
    sizes = [size for size, _ in log[0]]
    for kept in (sizes[3], sizes[6], sizes[7], sizes[-1]):
        with connect() as own, pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            own.execute("delete from ledger_checkpoint where size = %s", (kept,))
    with connect() as own, pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        own.execute("delete from ledger_checkpoint where size <= %s", (sizes[3],))
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"), transaction.atomic():
        raw().execute("delete from ledger_checkpoint where size = %s", (sizes[0],))


def test_what_broke_off_between_the_two_is_gone_on_with(log, monkeypatch):
    sizes = [size for size, _ in log[0]]
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):

        def stops(*_):
            raise KeyboardInterrupt

        patch.setattr(thinning, "leave_out", stops)
        thin()
    stay = [sizes[3], sizes[6], *sizes[7:]]
    assert held() == (stay, sizes) and broken() == []
    forged = signer_of(Home.current()).sign(sizes[1], b"y" * 32)
    with (Home.current() / "checkpoints").open("a") as file:
        file.write(forged + "\n")  # signed by us, and not what the log was
    assert thin() == 0 and held() == (stay, [*stay, sizes[1]])
    assert any("forked" in why for why in broken())


def test_an_older_copy_of_the_database_is_not_said_to_lack_what_grew_fewer(database, log):
    rows = raw().execute("select * from ledger_checkpoint").fetchall()
    thin()
    with open_owner(database) as owner:
        owner.cursor().executemany("insert into ledger_checkpoint values (%s, %s, %s, %s) on conflict do nothing", rows)
    assert broken() == []
    thin()
    last = log[0][-1][1]
    file = Home.current() / "checkpoints"
    file.write_text(file.read_text().replace(last + "\n", ""))
    assert any("gone from the home's file" in why for why in broken())


def test_a_folder_that_was_away_for_long_goes_on_from_a_head_that_is_here_no_more(database, log, tmp_path, monkeypatch):
    heads, _ = log
    monkeypatch.setenv("KEHU_WITNESSES", str(tmp_path))
    [one] = witness.configured()
    for run in (Home.current() / "run").glob("witness-*.json"):
        run.unlink()
    file = tmp_path / f"{signer_of(Home.current()).origin.replace('/', '-')}.checkpoints"
    file.write_text("".join(note + "\n" for _, note in heads[:2]))
    thin()
    with connect() as own:
        assert witness.hand_over(Home.current(), one, own)
    assert [int(note.split("\n")[1]) for note in split_notes(file.read_text())[0]] == [
        size for at, (size, _) in enumerate(heads) if at not in (2, 4, 5)
    ]
    file.write_text(signer_of(Home.current()).sign(heads[1][0], b"z" * 32) + "\n")
    with open_owner(database) as owner:
        owner.execute("alter table ledger_checkpoint disable trigger user")
    (run,) = (Home.current() / "run").glob("witness-*.json")
    run.unlink()
    with connect() as own:
        assert not witness.hand_over(Home.current(), one, own)
    assert witness.standings(Home.current())[0].why == "forked"


def test_of_a_file_only_whole_notes_leave(tmp_path):
    log, file = signer_of(Home.current()), tmp_path / "checkpoints"
    notes = [log.sign(size, bytes([size]) * 32) for size in range(1, 5)]
    junk = "kehu/x\n7\nAA\n\nstray\n\n"
    file.write_text(notes[0] + "\n" + junk + notes[1] + "\n" + notes[2] + "\n" + notes[3][:40])
    assert leave_out(file, lambda held: {notes[0], notes[2]} & set(held)) == 2
    assert file.read_text() == junk + notes[1] + "\n" + notes[3][:40]
    before = file.stat().st_ino
    assert leave_out(file, lambda _: set()) == 0 and file.stat().st_ino == before
    assert list(tmp_path.iterdir()) == [file]
