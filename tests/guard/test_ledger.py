"""The ledger: RFC 6962 to the letter, and a superuser's edit, deletion, insertion or truncation found and named."""

from __future__ import annotations

import hashlib
import os

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kehu.guard.gate.read import gate
from kehu.guard.installation import installation
from kehu.guard.ledger import tree
from kehu.guard.ledger.checkpoint import CheckpointInvalid, Signer, parse
from kehu.guard.ledger.open_log import open_sequencer, signer_of
from kehu.guard.ledger.proof import NotInLedger, prove
from kehu.guard.ledger.verify import verify
from kehu.guard.setup import open_owner
from kehu.host.home import Home
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


@pytest.fixture
def log(database, tmp_path):
    """A ledger with 300 reads of three people, sequenced; returns (check, alice, people)."""
    alice = staff("service")
    people = admit(*({"full_name": f"客户{n}", "email": f"c{n}@mail.example"} for n in range(3)))
    for n in range(300):
        gate().open([people[n % 3]], actor=alice, purpose="service", fields=["email"])
    witness = tmp_path / "checkpoints"

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
                witness=witness,
                against=against,
            )

    check.sequence = sequence
    sequence()
    return check, alice, people


def test_an_untouched_ledger_verifies(log):
    check, _, _ = log
    verdict = check()
    assert verdict.ok and verdict.size == 301


@pytest.mark.parametrize(
    ("attack", "why"),
    [
        ("update ledger_entry set human = gen_random_uuid() where seq = 100", "changed"),
        ("update ledger_entry set at = at - interval '1 day' where seq = 100", "changed"),
        ("delete from ledger_entry where seq = 100", "gone"),
        ("with cut as (delete from ledger_leaf where seq > 290) delete from ledger_entry where seq > 290", "cut short"),
        ("update ledger_leaf set hash = sha256(hash) where seq = 100", "changed"),
        (
            "insert into ledger_entry (entry, actor, human, department, purpose, action, decision, subjects,"
            " jurisdictions, reach, commitments, mac) select gen_random_uuid(), actor, human, department, purpose,"
            " action, decision, subjects, jurisdictions, reach, commitments, mac from ledger_entry where seq = 100",
            "forged",
        ),
        (
            "with a as (select * from ledger_leaf where seq = 100), b as (select * from ledger_leaf where seq = 101)"
            " update ledger_leaf l set hash = case l.seq when 100 then (select hash from b) else (select hash from a)"
            " end where l.seq in (100, 101)",
            "changed",
        ),
    ],
)
def test_what_a_superuser_does_is_found_and_named(database, log, attack, why):
    check, _, _ = log
    with open_owner(database) as owner:
        for table in ("ledger_entry", "ledger_leaf"):
            owner.execute(f"alter table {table} disable trigger user")
        assert owner.execute(attack).rowcount > 0
    check.sequence()
    verdict = check()
    assert any(why in broken.why for broken in verdict.broken), verdict.broken


def test_triggers_stop_the_owners_mistakes_too(database, log):
    with open_owner(database) as owner, pytest.raises(psycopg.errors.InsufficientPrivilege):
        owner.execute("delete from ledger_entry")


def test_a_subject_proves_that_a_row_is_about_them_and_no_other(database, log):
    _, _, (one, two, _) = log
    with open_owner(database) as owner:
        seq = owner.execute("select max(seq) from ledger_use where subject = %s", (one,)).fetchone()[0]
        proof = prove(owner, seq, one)
        head = parse(proof.checkpoint, origin=signer_of(Home.current()).origin, public=signer_of(Home.current()).public)
        assert tree.root_from_path(tree.leaf_hash(proof.leaf), proof.index, proof.size, proof.path) == head.root
        inner = proof.subject
        commitment = hashlib.sha256(inner.r + one.bytes).digest()
        root = tree.root_from_path(tree.leaf_hash(commitment), inner.index, inner.size, inner.path)
        assert root in proof.leaf
        assert hashlib.sha256(inner.r + two.bytes).digest() != commitment
        with pytest.raises(NotInLedger):
            prove(owner, seq, two)


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


def test_proofs_survive_forgetting_a_subject(database, log):
    check, _, (one, *_) = log
    with open_owner(database) as owner:
        kept = prove(owner, owner.execute("select max(seq) from ledger_use where subject = %s", (one,)).fetchone()[0])
        assert owner.execute("select forget_subject_uses(%s)", (one,)).fetchone()[0] > 100
    assert check().ok
    assert check(against=kept.checkpoint).ok
