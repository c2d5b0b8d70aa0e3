"""Witnesses: a folder and a real C2SP tlog-witness over HTTP; slow, absent and objecting ones; the sequencer never waits."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
import time
import tracemalloc
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kehu.guard.checks import check_installation
from kehu.guard.gate.read import gate
from kehu.guard.ledger import verifier, witness
from kehu.guard.ledger.heads import split_notes
from kehu.guard.ledger.open_log import connect, open_sequencer, signer_of
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.host.home import Home
from kehu.serve.assurance import proofs, queries
from kehu.serve.assurance.counts import counts
from tests.cast import admit, staff

NAME = "witness.example"


class Service:
    """A witness as C2SP tlog-witness has it: it remembers one head and signs only what begins with it."""

    def __init__(self):
        self.private = Ed25519PrivateKey.generate()
        public = self.private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        hint = verifier.Key(NAME, 4, public, "").hint
        self.hint, self.key = hint, f"{NAME}+{hint.hex()}+{base64.b64encode(bytes([4]) + public).decode()}"
        self.size, self.root, self.asked, self.answer, self.pause = 0, b"", [], None, 0.0
        self.log = verifier.key_of(signer_of(Home.current()).verifier)
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                time.sleep(service.pause)
                status, kind, text = service.answer or service.take(self.path, body)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/w"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, path, body):
        assert path == "/w/add-checkpoint"
        above, _, note = body.partition("\n\n")
        first, *path = above.split("\n")
        old, head = int(first.removeprefix("old ")), verifier.head_of(note)
        self.asked.append((old, head.size))
        if not verifier.signed_by(head, self.log, head.signed):
            return 403, "text/plain", ""
        if old != self.size:
            return 409, "text/x.tlog.size", f"{self.size}\n"
        nodes = [base64.b64decode(node) for node in path]
        if old and not verifier.grew(old, self.root, head.size, head.root, nodes):
            return 422, "text/plain", ""
        self.size, self.root = head.size, head.root
        now = int(time.time())
        signature = self.private.sign(b"cosignature/v1\ntime %d\n" % now + head.signed)
        blob = base64.b64encode(self.hint + now.to_bytes(8, "big") + signature).decode()
        return 200, "text/plain", f"— {NAME} {blob}\n"


@pytest.fixture
def service():
    made = Service()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def read(database):
    """Make a read of one person and sequence it."""
    [lin], alice = admit({"full_name": "林婉清"}), staff("service")
    for file in (Home.current() / "run").glob("witness-*.json"):
        file.unlink()

    def once(times=1):
        for _ in range(times):
            gate().open([lin], actor=alice, purpose="service")
        with open_sequencer() as sequencer:
            sequencer.run_once()

    return once


def named(monkeypatch, text):
    monkeypatch.setenv("KEHU_WITNESSES", text)
    return witness.configured()


def hand(one):
    with connect() as connection:
        return witness.hand_over(Home.current(), one, connection)


def test_what_the_setting_may_say(service):
    read = lambda text: witness.configured({"KEHU_WITNESSES": text})
    assert read("") == [] and [one.place for one in read(" /mnt/share/ file:///mnt/a%20b ")] == [
        "/mnt/share",
        "/mnt/a b",
    ]
    [one] = read(f"https://w.example/x/#{service.key}")
    assert (one.place, one.key.name) == ("https://w.example/x", NAME)
    for wrong in (
        "share",
        "ftp://w.example",
        "https://",
        "http://127.0.0.1:99999/",
        "http://w.example/\u00fc",
        f"http://{'w' * 64}.example/",
        "http://[::1/",
        "https://w.example#x",
        f"https://w.example#{service.log.text}",
    ):
        with pytest.raises(ValueError, match="KEHU_WITNESSES"):
            read(wrong)


def test_a_folder_gets_every_checkpoint(read, tmp_path, monkeypatch):
    [one] = named(monkeypatch, str(tmp_path))
    for _ in range(3):
        read()
    assert hand(one)
    read()
    assert hand(one) and hand(one)
    [file] = tmp_path.iterdir()
    notes, rest = split_notes(file.read_text())
    assert len(notes) == 4 and rest == ""
    whole = queries.verify(actor=owner_actor(), against=file.read_text())
    assert whole["ok"], whole
    [standing] = witness.standings(Home.current())
    assert standing.size == int(notes[-1].split("\n")[1]) and standing.why is None


def test_of_a_folders_file_only_the_end_is_read(read, tmp_path, monkeypatch):
    [one] = named(monkeypatch, str(tmp_path))
    read()
    assert hand(one)
    [file] = tmp_path.iterdir()
    long = b"\n" * 4_000_000 + file.read_bytes() * 30
    for end in (b"", b"kehu/x\n9\nAA", b"junk\n\n" * 2_000):  # whole, cut short, and followed by what is no note
        file.write_bytes(long + end)
        tracemalloc.start()
        with connect() as connection:
            assert witness._held_by(file, connection) == witness.standings(Home.current())[0].size
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 1_000_000
    file.write_bytes(b"")
    with connect() as connection:
        assert witness._held_by(file, connection) == -1


def test_a_folder_that_is_away_is_tried_again(read, tmp_path, monkeypatch):
    [one] = named(monkeypatch, str(tmp_path / "stick"))
    read()
    assert not hand(one)
    assert witness.standings(Home.current())[0].why == "absent"
    assert "witness.behind" not in ids()
    away = witness.standings(Home.current())[0]
    witness._write(Home.current(), witness.replace(away, failing_since="2026-11-01T00:00:00+00:00"))
    assert ids()["witness.behind"] == "warning"
    (tmp_path / "stick").mkdir()
    assert hand(one) and witness.standings(Home.current())[0].why is None and "witness.behind" not in ids()


def test_one_that_fails_in_a_way_nobody_foresaw_is_tried_again_and_told_of(read, tmp_path, monkeypatch):
    [one] = named(monkeypatch, str(tmp_path))
    read()
    monkeypatch.setattr(witness, "_held_by", lambda *_: 1 // 0)
    thread = witness.Handing(Home.current(), one, connect)
    thread.start()
    until = time.monotonic() + 5
    while witness.standings(Home.current())[0].why is None and time.monotonic() < until:
        time.sleep(0.02)
    assert witness.standings(Home.current())[0].why == "error" and thread.is_alive()
    thread.tell_to_stop()


def test_one_that_was_shown_nothing_for_long_is_told_of_whatever_it_says(database, read, tmp_path, monkeypatch):
    named(monkeypatch, str(tmp_path))
    read()
    assert "witness.behind" not in ids()
    with open_owner(database) as owner:
        owner.execute("alter table ledger_checkpoint disable trigger user")
        owner.execute("update ledger_checkpoint set at = at - interval '11 minutes'")
    assert ids()["witness.behind"] == "warning"
    assert "witness.behind" not in {found.id for found in check_installation(running=False)}


def ids():
    return {found.id: found.severity for found in check_installation(running=True)}


def test_a_service_cosigns_and_anybody_can_check_it(read, service, tmp_path, monkeypatch):
    [one] = named(monkeypatch, f"{service.url}#{service.key}")
    assert "witness.none" not in ids()
    read(3)
    assert hand(one)
    read(4)
    assert hand(one)
    assert service.asked == [(0, 4), (4, 8)]
    note = queries.checkpoint(actor=owner_actor())
    assert note.count("—") == 2  # ours and the witness's
    assert counts()["ledger"]["witnesses"] == [{"size": 8, "at": witness.standings(Home.current())[0].at, "why": None}]
    (tmp_path / "verify.py").write_text(proofs.verifier_text())
    (tmp_path / "note").write_text(note)
    words = ["note", "--key", proofs.log_key(), "--witness", service.key, "--json"]
    run = lambda: subprocess.run(
        [sys.executable, "-I", "verify.py", *words], cwd=tmp_path, capture_output=True, text=True
    )
    done = run()
    assert done.returncode == 0 and "cosigned" in [step["step"] for step in json.loads(done.stdout)["steps"]]
    (tmp_path / "note").write_text(split_notes(note)[0][0].rpartition("— w")[0])
    assert run().returncode == 1  # not cosigned


def test_a_witness_that_forgot_or_lost_us_says_where_it_is(read, service, monkeypatch):
    [one] = named(monkeypatch, service.url)
    read(3)
    assert hand(one)
    for file in (Home.current() / "run").glob("witness-*.json"):
        file.unlink()  # we forgot
    read()
    assert hand(one) and service.asked == [(0, 4), (0, 5), (4, 5)]


def test_a_log_cut_short_or_rewritten_is_disputed(database, read, service, tmp_path, monkeypatch):
    [one, folder] = named(monkeypatch, f"{service.url} {tmp_path}")
    read(9)
    assert hand(one) and hand(folder)
    with open_owner(database) as owner:
        for table in ("ledger_entry", "ledger_leaf", "ledger_checkpoint"):
            owner.execute(f"alter table {table} disable trigger user")
        owner.execute("delete from ledger_leaf where seq > 5")
        owner.execute("delete from ledger_entry where seq > 5")
        owner.execute("delete from ledger_checkpoint")
    read()
    assert not hand(one) and not hand(folder)
    assert {standing.why for standing in witness.standings(Home.current())} == {"ahead"}
    assert ids()["witness.disputes"] == "error"
    read(9)  # grown over the length it had
    assert not hand(one) and not hand(folder)
    assert {standing.why for standing in witness.standings(Home.current())} == {"forked"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((500, "text/plain", ""), "answer"),
        ((302, "text/plain", ""), "answer"),
        ((403, "text/plain", ""), "unknown"),
        ((404, "text/plain", ""), "unknown"),
        ((422, "text/plain", ""), "forked"),
        ((409, "text/plain", ""), "forked"),
        ((200, "text/plain", "junk"), "answer"),
        ((200, "text/plain", f"— {NAME} AAAA\n"), "cosignature"),
    ],
)
def test_an_answer_that_is_none(read, service, monkeypatch, answer, why):
    [one] = named(monkeypatch, f"{service.url}#{service.key}")
    service.answer = answer
    read()
    assert not hand(one) and witness.standings(Home.current())[0].why == why


def test_a_slow_witness_holds_up_nobody(read, service, tmp_path, monkeypatch):
    """One takes three seconds, one is not there, one is a folder: the folder is served and the log goes on meanwhile."""
    service.pause = 3.0
    named(monkeypatch, f"{service.url} http://127.0.0.1:9/ {tmp_path}")
    with witness.handing(Home.current(), connect):
        began = time.monotonic()
        read(2)
        assert time.monotonic() - began < 2.5
        while not list(tmp_path.iterdir()) and time.monotonic() < began + 2.9:
            time.sleep(0.05)
        assert list(tmp_path.iterdir()) and service.size == 0
        while service.size == 0 and time.monotonic() < began + 15:
            time.sleep(0.05)
    assert service.size == 3
    assert "unreachable" in {standing.why for standing in witness.standings(Home.current())}


def test_a_wrong_setting_stops_no_sequencer(read, monkeypatch):
    monkeypatch.setenv("KEHU_WITNESSES", "nonsense")
    with witness.handing(Home.current(), connect):
        read()
    assert ids()["witness.setting"] == "error" and counts()["ledger"]["witnesses"] == []
