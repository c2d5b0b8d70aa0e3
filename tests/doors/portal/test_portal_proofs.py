"""The customer's proof: checked by an implementation of its own, by ours, and by the program the portal hands out."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
import uuid

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.test import Client

from kehu.guard.gate.read import gate
from kehu.guard.ledger.check import check_proof
from kehu.guard.ledger.checkpoint import Signer
from kehu.guard.ledger.open_log import open_sequencer
from tests.cast import admit, staff
from tests.doors.portal.test_sign_in import LIN, ZHOU


def root_by_definition(leaf, index, size, path):
    """RFC 6962 2.1.1 read backwards: the last node of the path joins the two halves of the whole tree."""
    if size == 1:
        assert path == []
        return hashlib.sha256(b"\0" + leaf).digest()
    half = 1
    while half * 2 < size:
        half *= 2
    if index < half:
        left, right = root_by_definition(leaf, index, half, path[:-1]), path[-1]
    else:
        left, right = path[-1], root_by_definition(leaf, index - half, size - half, path[:-1])
    return hashlib.sha256(b"\1" + left + right).digest()


def holds(document):
    unpack = base64.b64decode
    you, row = document["subject"], unpack(document["leaf"])
    commitment = hashlib.sha256(unpack(you["r"]) + uuid.UUID(you["id"]).bytes).digest()
    inner = root_by_definition(commitment, you["index"], you["size"], [unpack(n) for n in you["path"]])
    outer = root_by_definition(row, document["index"], document["size"], [unpack(n) for n in document["path"]])
    text, signatures = document["checkpoint"].split("\n\n")
    name, _, key = document["log"].split("+", 2)
    signature = unpack(signatures.strip().split(" ")[2])[4:]
    Ed25519PublicKey.from_public_bytes(unpack(key)[1:]).verify(signature, (text + "\n").encode())
    held = text.split("\n")
    return (
        b"\0\0\0 " + inner in row and held[0] == name and int(held[1]) == document["size"] and unpack(held[2]) == outer
    )


@pytest.fixture
def proofs(post, visitor):
    """Proofs of several rows: single reads, and one of many subjects."""
    subjects = admit(LIN, ZHOU, *({"full_name": f"客户{n}", "email": f"c{n}@mail.example"} for n in range(5)))
    alice = staff("service")
    gate().open(subjects, actor=alice, purpose="service")
    gate().open([subjects[0]], actor=alice, purpose="service")
    visitor.come_in(LIN["email"])
    page = visitor.see("/portal/uses")
    with open_sequencer() as sequencer:
        sequencer.run_once()
    return [
        (int(seq), visitor.client.get(f"/portal/uses/{seq}/proof.json").json())
        for seq in re.findall(r'href="/portal/uses/(\d+)"', page)
    ]


@pytest.fixture
def alone(tmp_path):
    """The program as the portal hands it out, run in a folder that holds it and a proof and nothing else."""
    given = Client(HTTP_HOST="localhost").get("/portal/check_proof.py")  # nobody need be signed in
    assert given.status_code == 200 and given["Content-Type"] == "text/x-python; charset=utf-8"
    assert given["Content-Disposition"] == 'attachment; filename="check_proof.py"'
    assert given["X-Content-Type-Options"] == "nosniff" and "default-src 'none'" in given["Content-Security-Policy"]
    (tmp_path / "check_proof.py").write_bytes(given.content)

    def run(document, *options, key=None, with_packages=False):
        (tmp_path / "proof.json").write_text(json.dumps(document))
        bare = [] if with_packages else ["-S"]
        words = [sys.executable, "-I", *bare, "check_proof.py", "proof.json", "--key", key or document["log"], *options]
        done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, env={"LANG": "C.UTF-8"})
        assert "Traceback" not in done.stderr, done.stderr
        assert {path.name for path in tmp_path.iterdir()} == {"check_proof.py", "proof.json"}
        return done.returncode

    return run


@pytest.mark.parametrize("with_packages", [True, False])
def test_the_program_takes_a_customers_download_with_python_alone(proofs, alone, with_packages):
    other = Signer("kehu/other", b"o" * 32).verifier
    for _, document in proofs:
        assert alone(document, with_packages=with_packages) == 0
        assert alone(document, key=other, with_packages=with_packages) == 1
        assert alone(document, "--subject", document["subject"]["id"], with_packages=with_packages) == 0


def test_the_proof_holds_for_somebody_who_only_knows_rfc_6962(proofs, visitor):
    assert len(proofs) == 3 and max(document["subject"]["size"] for _, document in proofs) == 7
    for seq, document in proofs:
        assert holds(document)
        page = visitor.see(f"/portal/uses/{seq}")
        assert "The proof holds" in page and page.count('<li class="malachite">') == 4


def broken(document, change):
    changed = json.loads(json.dumps(document))
    change(changed)
    return changed


def other_bytes(text):
    held = bytearray(base64.b64decode(text))
    held[-1] ^= 1
    return base64.b64encode(held).decode()


CHANGES = {
    "another person": lambda d: d["subject"].update(id=str(uuid.UUID(int=1))),
    "another secret": lambda d: d["subject"].update(r=other_bytes(d["subject"]["r"])),
    "another row": lambda d: d.update(leaf=other_bytes(d["leaf"])),
    "another place": lambda d: d.update(index=d["index"] - 1),
    "another size": lambda d: d.update(size=d["size"] + 1),
    "a path cut short": lambda d: d.update(path=d["path"][:-1]),
    "another root": lambda d: d.update(checkpoint=re.sub(r"\n[^\n]{44}\n", "\n" + "A" * 43 + "=\n", d["checkpoint"])),
    "another signature": lambda d: d.update(checkpoint=d["checkpoint"].rstrip("\n")[:-6] + "AAAA=\n"),
    "another key": lambda d: d.update(log=d["log"][:-8] + "AAAAAAA="),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_proof_fails_in_ours_and_in_the_program(proofs, change, alone):
    _, document = proofs[0]
    assert all(step.ok for step in check_proof(document)) and alone(document) == 0
    held = broken(document, CHANGES[change])
    assert not all(step.ok for step in check_proof(held))
    assert alone(held, key=document["log"]) == alone(held, key=document["log"], with_packages=True) == 1
