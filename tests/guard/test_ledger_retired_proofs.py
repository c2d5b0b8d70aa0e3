"""Proofs of rows that are retired: one made before still holds, and the hash that is left has a proof of its own."""

from __future__ import annotations

import base64
import hashlib
import json

import pytest

from kehu.guard.ledger.proof import BodyGone, NotInLedger, RowRetired
from kehu.guard.ledger.retirement import retire
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.serve.assurance import proofs, queries
from tests.commands import run
from tests.guard.test_ledger_retirement import aged, broken, by_hand, count  # noqa: F401  (a fixture)
from tests.guard.test_verifier import steps, verify  # noqa: F401


def proven(seq, **more):
    return queries.prove(seq, actor=owner_actor(), **more)


def test_a_proof_goes_through_the_retirement(aged, verify):  # noqa: F811
    people, seqs = aged
    before = proven(seqs[0], subject=people[0])
    retire(actor=owner_actor())
    after = proven(seqs[0])
    leaf = base64.b64decode(before["leaf"])
    assert after["retired"] is True and "leaf" not in after and "subject" not in after
    assert base64.b64decode(after["leaf_hash"]) == hashlib.sha256(b"\0" + leaf).digest()
    assert after["index"] == before["index"] and after["size"] > before["size"]
    grown = proofs.consistency(before["size"], after["size"], actor=owner_actor())
    key = ["--key", proofs.log_key()]
    code, answer = verify(before, after, grown, options=key)
    assert code == 0 and {"subject", "tree", "same", "grew", "signature"} <= set(steps(answer))
    assert steps(answer, "note") == ["leaf", "retired"]
    assert verify(before, options=key)[0] == 0  # by itself, too
    code, answer = verify(after, options=key)
    assert code == 0 and steps(answer) == ["tree", "signature"] and answer["row"] == {}
    for language in ("zh-hans", "zh-hant"):
        assert verify(after, options=[*key, "--lang", language], words=True)[0] == 0


def test_another_hash_in_its_place_is_found(aged, verify):  # noqa: F811
    people, seqs = aged
    before, other = proven(seqs[0], subject=people[0]), proven(seqs[1])
    retire(actor=owner_actor())
    after, key = proven(seqs[0]), ["--key", proofs.log_key()]
    wrong = after | {"leaf_hash": base64.b64encode(bytes(32)).decode()}
    code, answer = verify(wrong, options=key)
    assert code == 1 and steps(answer, "bad") == ["bad-tree"]
    assert verify(after | {"leaf": before["leaf"]}, options=key)[0] == 1
    assert verify(after, options=[*key, "--subject", str(people[0])])[0] == 1  # a hash is about nobody
    code, answer = verify(other, proven(seqs[1]), options=key)
    assert code == 0 and "same" in steps(answer)


def test_two_logs_that_differ_in_one_place_are_told(aged, verify):  # noqa: F811
    """A row rehashed after a proof was handed out: each proof leads to its own signed root."""
    from kehu.guard.ledger import tree
    from tests.guard.test_verifier import LEAVES, LOG, b64

    def bare(leaves, index):
        hashes = [tree.leaf_hash(one) for one in leaves]
        return {
            "leaf_hash": b64(hashes[index]), "index": index, "size": len(leaves),
            "path": [b64(one) for one in tree.path_in(hashes, index)],
            "checkpoint": LOG.sign(len(leaves), tree.root_of(hashes)),
        }  # fmt: skip

    other = [*LEAVES[:2], b"another", *LEAVES[3:]]
    code, answer = verify(bare(LEAVES[:5], 2), bare(other[:6], 2), options=["--key", LOG.verifier])
    assert code == 1 and steps(answer, "bad") == ["other-row"]
    assert verify(bare(LEAVES[:5], 2), bare(LEAVES[:6], 2), options=["--key", LOG.verifier])[0] == 0


def test_the_command_says_retired_and_not_that_it_is_none(aged, monkeypatch):  # noqa: F811
    people, seqs = aged
    retire(actor=owner_actor())
    said = run(monkeypatch, "ledger", "prove", str(seqs[0]))
    assert said.exit_code == 0 and json.loads(said.stdout)["retired"] is True
    said = run(monkeypatch, "ledger", "prove", str(seqs[0]), "--subject", str(people[0]))
    assert said.exit_code == 1 and json.loads(said.stdout)["error"]["code"] == "row-retired"
    with pytest.raises(RowRetired):
        proven(seqs[0], subject=people[0])
    with pytest.raises(NotInLedger) as none:
        proven(10**9)
    assert type(none.value) is NotInLedger


def test_a_body_that_somebody_took_is_not_called_retired(database, aged, monkeypatch):  # noqa: F811
    _, seqs = aged
    retire(actor=owner_actor())
    by_hand(database, "delete from ledger_entry where seq = %s", seqs[9])
    with pytest.raises(BodyGone):
        proven(seqs[9])
    assert run(monkeypatch, "ledger", "prove", str(seqs[9])).exit_code == 4


def test_a_retired_body_that_comes_back_is_named(database, aged):  # noqa: F811
    _, seqs = aged
    with open_owner(database) as owner:
        owner.execute("create table kept_aside as select * from ledger_entry where seq = %s", (seqs[0],))
    retire(actor=owner_actor())
    by_hand(database, "insert into ledger_entry overriding system value select * from kept_aside")
    assert (seqs[0], "the row was retired, and its body is here") in broken()


def test_a_mark_that_no_row_of_the_ledger_tells_of_is_named(database, aged):  # noqa: F811
    retire(actor=owner_actor())
    act = count("select act from ledger_retired")
    by_hand(database, "update ledger_entry set detail = null where seq = %s", act)
    assert (act, "rows were retired, and no row of the ledger says so") in broken()
    by_hand(database, "delete from ledger_entry where seq = %s", act)
    assert (act, "rows were retired, and no row of the ledger says so") in broken()
