"""The stand-alone checker, run as strangers run it: one file outside the checkout, isolated, on exported proofs."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import os
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from kehu.govern import slugs
from kehu.govern.laws import PACKS
from kehu.guard.gate.read import gate, raw_connection
from kehu.guard.ledger import leaf, own, tree, verifier
from kehu.guard.ledger.checkpoint import Signer
from kehu.guard.ledger.proof import prove
from kehu.guard.staff.actions import owner_actor
from kehu.serve.assurance import proofs, queries
from tests.cast import admit, staff
from tests.guard.test_ledger import LEAVES, ROOTS

LOG, OTHER = Signer("kehu/log", b"a" * 32), Signer("kehu/log", b"b" * 32)

# paths of the Certificate Transparency reference implementation over the leaves of test_ledger
A, B, C, D, E, F = (
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
)
INCLUSION = [(0, 1, []), (0, 8, [A, B, C]), (5, 8, [D, E, ROOTS[3]]), (2, 3, [ROOTS[1]]), (1, 5, [ROOTS[0], B, D])]
CONSISTENCY = [(1, 1, []), (1, 8, [A, B, C]), (6, 8, [F, E, ROOTS[3]]), (2, 5, [B, D])]


def b64(value: bytes) -> str:
    return base64.b64encode(value).decode()


@pytest.fixture
def verify(tmp_path):
    """Run the file on documents or texts; returns its exit code and the steps found."""
    script = tmp_path / "verify.py"
    script.write_text(proofs.verifier_text(), encoding="utf-8")

    def run(*files, options=(), words=False):
        names = []
        for number, content in enumerate(files):
            name = tmp_path / f"file{number}"
            name.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
            names.append(str(name))
        done = subprocess.run(
            [sys.executable, "-I", str(script), *names, *options, *(() if words else ("--json",))],
            capture_output=True, text=True, cwd=tmp_path, env={"LANG": "C.UTF-8"},
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        if words:
            return done.returncode, done.stdout
        return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr

    run.script = script
    return run


def steps(answer, result="ok"):
    return [step["step"] for step in answer["steps"] if step["result"] == result]


def head(size: int, signer: Signer = LOG) -> str:
    return signer.sign(size, bytes.fromhex(ROOTS[size - 1]))


def growth(old: int, new: int, signer: Signer = LOG, path: list[str] | None = None) -> dict:
    if path is None:
        hashes = [tree.leaf_hash(body) for body in LEAVES]
        path = [node.hex() for node in tree.consistency_path(old, new, lambda a, b: tree.root_of(hashes[a:b]))]
    return {
        "old": {"size": old, "root": b64(bytes.fromhex(ROOTS[old - 1]))},
        "path": [b64(bytes.fromhex(node)) for node in path],
        "checkpoint": head(new, signer),
    }


def test_it_is_one_file_of_the_standard_library_and_cryptography():
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(proofs.verifier_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in ([node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names])
    }
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}
    ast.parse(proofs.verifier_text(), feature_version=(3, 9))


# RFC 8032, 7.1: secret key, public key, message, signature
ED25519 = [tuple(bytes.fromhex(text) for text in row) for row in (
    ("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
    ("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
    ("c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    ("833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf", hashlib.sha512(b"abc").hexdigest(),
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704"),
)]  # fmt: skip


@pytest.mark.parametrize(("secret", "public", "message", "signature"), ED25519)
def test_ed25519_of_rfc_8032(secret, public, message, signature):
    key = Ed25519PrivateKey.from_private_bytes(secret)
    assert key.public_key().public_bytes_raw() == public and key.sign(message) == signature
    assert verifier.verifies_alone(public, signature, message)
    assert not verifier.verifies_alone(public, signature, message + b"x")
    for at in range(0, 64, 3):
        changed = bytearray(signature)
        changed[at] ^= 1 << at % 8
        assert not verifier.verifies_alone(public, bytes(changed), message)
        assert not verifier.verifies(public, bytes(changed), message)
    for at in range(0, 32, 5):
        changed = bytearray(public)
        changed[at] ^= 1
        assert not verifier.verifies_alone(bytes(changed), signature, message)


def test_ed25519_takes_one_spelling_only():
    """What the equation alone would let pass: S + L, a coordinate above the field, a zero with a sign."""
    _, public, message, signature = ED25519[1]
    s = int.from_bytes(signature[32:], "little")
    assert not verifier.verifies_alone(public, signature[:32] + (s + verifier.L).to_bytes(32, "little"), message)
    for wrong in (signature[:-1], signature + b"\0", b"", bytes(64)):
        assert not verifier.verifies_alone(public, wrong, message)
    assert not verifier.verifies_alone(public[:-1], signature, message)
    one = (1).to_bytes(32, "little")
    assert verifier.point_of(one) == (0, 1, 1, 0)
    assert verifier.point_of((verifier.P + 1).to_bytes(32, "little")) is None  # the same point, spelt otherwise
    assert verifier.point_of(one[:-1] + b"\x80") is None
    assert verifier.point_of((2).to_bytes(32, "little")) is None  # no such point
    # R and A the neutral point, S zero: holds for every message where points may be spelt in any way
    assert not verifier.verifies_alone(public, (verifier.P + 1).to_bytes(32, "little") + bytes(32), message)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.integers(0, 511))
@settings(max_examples=40, deadline=None)
def test_ed25519_alone_says_what_cryptography_says(seed, message, bit):
    key = Ed25519PrivateKey.from_private_bytes(seed)
    public, signature = key.public_key().public_bytes_raw(), bytearray(key.sign(message))
    assert verifier.verifies_alone(public, bytes(signature), message)
    signature[bit // 8] ^= 1 << bit % 8
    assert (
        verifier.verifies_alone(public, bytes(signature), message)
        is verifier.verifies(public, bytes(signature), message)
        is False
    )


def test_its_words_are_those_of_the_ledger():
    assert tuple(leaf.LEAF_COLUMNS) == verifier.LEAF_COLUMNS
    assert {name: number for number, name in enumerate(verifier.PURPOSES, 1)} == slugs.PURPOSES
    assert {name: number for number, name in enumerate(verifier.ACTIONS, 1) if name} == slugs.ACTIONS
    assert verifier.PACKS == PACKS and set(verifier.LANGUAGES) == set(slugs.LANGUAGES)
    assert all(len(texts) == 3 and len(set(texts)) >= 2 for texts in verifier.WORDS.values())


def test_vectors_of_rfc_6962_outside_the_checkout(verify):
    """The file's own functions, loaded from a folder of its own by an isolated interpreter."""
    given = {"leaves": [body.hex() for body in LEAVES], "roots": ROOTS, "inclusion": INCLUSION, "grew": CONSISTENCY}
    program = f"""
import json, runpy, sys
f, v = runpy.run_path({str(verify.script)!r}), json.load(sys.stdin)
h = [f["leaf_hash"](bytes.fromhex(x)) for x in v["leaves"]]
r, x = [bytes.fromhex(x) for x in v["roots"]], lambda path: [bytes.fromhex(n) for n in path]
for index, size, path in v["inclusion"]:
    assert f["root_from_path"](h[index], index, size, x(path)) == r[size - 1], (index, size)
    for n in range(len(path)):
        assert f["root_from_path"](h[index], index, size, x(path[:n] + path[n + 1:])) != r[size - 1]
    assert f["root_from_path"](h[index], index, size, x(path) + [bytes(32)]) != r[size - 1]
    assert f["root_from_path"](h[index], size, size, x(path)) is None
for old, new, path in v["grew"]:
    assert f["grew"](old, r[old - 1], new, r[new - 1], x(path)), (old, new)
    for n in range(len(path)):
        assert not f["grew"](old, r[old - 1], new, r[new - 1], x(path[:n] + path[n + 1:]))
    assert not f["grew"](old, r[old - 1], new, r[new - 1], x(path) + [bytes(32)])
    assert not f["grew"](old, r[old % 8], new, r[new - 1], x(path))
    assert not f["grew"](old, r[old - 1], new, r[new - 2], x(path))
assert not f["grew"](0, bytes(32), 8, r[7], []) and not f["grew"](8, r[7], 1, r[0], [])
assert "kehu" not in sys.modules
print("done")
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", program], input=json.dumps(given), capture_output=True, text=True, cwd="/"
    )
    assert done.stdout == "done\n", done.stderr


@pytest.mark.parametrize(("old", "new", "path"), [row for row in CONSISTENCY if row[0] != row[1]])
def test_a_log_that_grew(verify, old, new, path):
    code, answer = verify(growth(old, new, path=path), options=["--key", LOG.verifier])
    assert (code, steps(answer)) == (0, ["grew", "signature"])
    code, answer = verify(growth(old, new, path=[*path, A]), options=["--key", LOG.verifier])
    assert (code, steps(answer, "bad")) == (1, ["bad-grew"])
    code, answer = verify(growth(old, new, OTHER, path), options=["--key", LOG.verifier])
    assert (code, steps(answer, "bad")) == (1, ["bad-signature"])


def test_a_kept_checkpoint_is_as_good_as_a_key(verify, tmp_path):
    kept = tmp_path / "kept.txt"
    kept.write_text(head(3), encoding="utf-8")
    document = growth(3, 7) | {"log": LOG.verifier}
    assert verify(document)[0] == 2  # a log could have been made up, key and all
    code, answer = verify(document, options=["--kept", str(kept)])
    assert code == 0 and "kept" in steps(answer)
    kept.write_text(head(5), encoding="utf-8")
    code, answer = verify(document, options=["--kept", str(kept)])
    assert code == 2 and steps(answer, "open") == ["apart", "no-trust"]
    kept.write_text(LOG.sign(3, b"x" * 32), encoding="utf-8")
    code, answer = verify(document, options=["--kept", str(kept)])
    assert code == 1 and "fork" in steps(answer, "bad")
    kept.write_text(LOG.sign(7, b"x" * 32), encoding="utf-8")
    assert verify(document, options=["--kept", str(kept)])[0] == 1
    kept.write_text(head(3, OTHER), encoding="utf-8")
    code, answer = verify(document, options=["--kept", str(kept)])
    assert code == 1 and "bad-signature" in steps(answer, "bad")


def test_two_logs_that_begin_alike_do_not_agree(verify, tmp_path):
    """A log that forked after an older checkpoint is not vouched for by what both branches grew from."""
    other = [tree.leaf_hash(body) for body in (*LEAVES[:5], b"another", b"end", b"still another")]
    kept = tmp_path / "kept.txt"
    for size, mine in ((6, 8), (8, 7), (6, 6)):
        path = tree.consistency_path(5, size, lambda a, b: tree.root_of(other[a:b]))
        branch = {
            "old": {"size": 5, "root": b64(bytes.fromhex(ROOTS[4]))}, "path": [b64(node) for node in path],
            "checkpoint": LOG.sign(size, tree.root_of(other[:size])), "log": LOG.verifier,
        }  # fmt: skip
        kept.write_text(head(mine), encoding="utf-8")
        code, answer = verify(branch, growth(5, mine), options=["--kept", str(kept)])
        assert code != 0, (size, mine)
        assert len([step for step in steps(answer) if step == "kept"]) < 2, (size, mine)


def test_what_grew_over_several_steps_agrees_with_what_was_kept(verify, tmp_path):
    kept = tmp_path / "kept.txt"
    for mine in (2, 4, 6, 8):
        kept.write_text(head(mine), encoding="utf-8")
        pairs = [(2, 4), (4, 8), (6, 8), (2, 6)]
        files = [growth(old, new) | {"log": LOG.verifier} for old, new in pairs]
        assert verify(*files, options=["--kept", str(kept)])[0] == 0, mine


@pytest.mark.parametrize("name", ["kehu/log\ud800", "kehu/log"])
def test_a_checkpoint_that_nobody_can_have_signed_is_told(verify, name):
    note = head(4).replace("kehu/log", name)
    if name == "kehu/log":
        note = note.replace("\n4\n", "\n" + "4" * 5000 + "\n")
    code, answer = verify({"checkpoint": note}, options=["--key", LOG.verifier])
    assert (code, steps(answer, "bad")) == (1, ["form"])


def test_two_heads_of_one_size_are_a_fork(verify):
    code, answer = verify(head(4), LOG.sign(4, b"x" * 32), options=["--key", LOG.verifier])
    assert (code, steps(answer, "bad")) == (1, ["fork"])
    assert verify(head(4), head(4), head(5), options=["--key", LOG.verifier])[0] == 0


@pytest.fixture
def log(database):
    """Reads of three people, one by one and together; returns alice's proofs: (documents, people)."""
    alice = staff("service")
    people = admit(*({"full_name": f"客户{n}", "email": f"c{n}@mail.example"} for n in range(3)))
    seqs = [gate().open([who], actor=alice, purpose="service", fields=["email"])[0].seq for who in people * 3]
    seqs.append(gate().open(people, actor=alice, purpose="service", fields=["email", "phone"])[0].seq)
    documents = [queries.prove(seq, actor=owner_actor(), subject=people[n % 3]) for n, seq in enumerate(seqs)]
    return documents, people


def test_an_exported_proof(log, verify):
    documents, people = log
    key = ["--key", proofs.log_key()]
    for number, document in enumerate(documents):
        code, answer = verify(document, options=key)
        assert (code, steps(answer)) == (0, ["subject", "decision", "tree", "signature"]), answer
        assert answer["row"]["purpose"] == "service" and answer["row"]["action"] == "read"
        assert "email" in answer["row"]["fields"]
        assert document["subject"]["size"] == (3 if number == 9 else 1)
    one, other = documents[9], people[1]
    assert verify(one, options=[*key, "--subject", str(people[0])])[0] == 0
    code, answer = verify(one, options=[*key, "--subject", str(other)])
    assert (code, steps(answer, "bad")) == (1, ["other-subject"])
    for silent in (one["checkpoint"], proofs.consistency(1, actor=owner_actor())):  # of no person whatever
        assert verify(silent, options=key)[0] == 0
        code, answer = verify(silent, options=[*key, "--subject", str(other)])
        assert (code, steps(answer, "open")) == (2, ["no-row"])
    forged = one | {"subject": one["subject"] | {"id": str(other)}}
    assert steps(verify(forged, options=key)[1], "bad") == ["bad-subject"]
    bare = one | {"subject": {k: v for k, v in one["subject"].items() if k != "id"}}
    assert verify(bare, options=key)[0] == 2 and verify(bare, options=[*key, "--subject", str(people[0])])[0] == 0


def test_what_it_needs_to_trust(log, verify, tmp_path):
    [document, *_], _ = log
    assert verify(document)[0] == 2
    assert verify(document, options=["--key", OTHER.verifier])[0] == 1
    assert verify(document, options=["--key", "no key"])[0] == 2
    assert verify("{}", options=["--key", OTHER.verifier])[0] == 1
    (tmp_path / "log.key").write_text(proofs.log_key() + "\n")
    assert verify(document, options=["--key", str(tmp_path / "log.key")])[0] == 0
    made_up = Signer("kehu/log", os.urandom(32))
    note = made_up.sign(document["size"], base64.b64decode(document["checkpoint"].split("\n")[2]))
    forged = document | {"log": made_up.verifier, "checkpoint": note}
    assert verify(forged)[0] == 2 and verify(forged, options=["--key", proofs.log_key()])[0] == 1


def test_it_speaks_three_languages_and_names_nobody(log, verify):
    [document, *_], people = log
    seen = set()
    for language in verifier.LANGUAGES:
        code, text = verify(document, options=["--key", proofs.log_key(), "--lang", language], words=True)
        assert code == 0 and "service" in text and str(people[0]) not in text
        seen.add(text)
    assert len(seen) == 3


MUTATE = """
import io, json, runpy, sys
f, v = runpy.run_path(sys.argv[1]), json.load(sys.stdin)
text, passed, tried = v["text"], [], 0
class Sink:
    buffer, encoding = io.BytesIO(), "utf-8"
sys.stdout = sys.stderr = Sink
def run(content):
    f["main"].__globals__["read"] = lambda name: content
    return f["main"](["proof", "--key", v["key"], "--json"])
whole = run(text)
for at, here in enumerate(text):
    for there in (chr(ord(here) ^ 1), ""):
        tried += 1
        if run(text[:at] + there + text[at + 1:]) == 0:
            passed.append([at, here, there])
sys.stdout = sys.__stdout__
print(json.dumps([whole, passed, tried]))
"""


@pytest.mark.parametrize("bare", [[], ["-S"]], ids=["with cryptography", "with Python alone"])
def test_no_byte_of_a_proof_can_be_changed(log, verify, bare):
    """Every character of the document: replaced, or taken out."""
    documents, _ = log
    for document in (documents[9], proofs.consistency(3, actor=owner_actor())):
        given = {"text": json.dumps(document, separators=(",", ":")), "key": proofs.log_key()}
        done = subprocess.run(
            [sys.executable, "-I", *bare, "-c", MUTATE, str(verify.script)],
            input=json.dumps(given), capture_output=True, text=True, cwd="/",
        )  # fmt: skip
        whole, passed, tried = json.loads(done.stdout)
        assert whole == 0 and tried > 1_000
        # an id's or a note's last line feed has no meaning of its own
        assert [row for row in passed if given["text"][row[0] - 1 : row[0] + 2] != '\\n"'] == []


def test_consistency_of_the_real_log(log, verify, tmp_path):
    documents, _ = log
    kept = tmp_path / "kept.txt"
    kept.write_text(documents[0]["checkpoint"], encoding="utf-8")
    grown = proofs.consistency(documents[0]["checkpoint"], actor=owner_actor())
    code, answer = verify(grown, options=["--kept", str(kept)])
    assert code == 0 and {"grew", "kept"} <= set(steps(answer))
    assert proofs.consistency(LOG.sign(3, b"x" * 32), actor=owner_actor())["broken"]


def test_what_the_customer_downloads(log, verify):
    _, people = log
    document = own.proof_document(prove(raw_connection(), 6, people[1]), people[1])
    assert "decision" not in document  # it holds facts of staff
    code, answer = verify(document, options=["--key", proofs.log_key(), "--subject", str(people[1])])
    assert (code, steps(answer)) == (0, ["subject", "tree", "signature"])
    assert verify(document, options=["--key", proofs.log_key(), "--subject", str(people[0])])[0] == 1
