"""Processes killed while channels send: what was acknowledged is there once, or this says which is not.

``python -m tests.crash --kills 200`` (``make crash``); the tests kill a few. A home of its own with the whole system; three
channels (a tracker, a shop, a signed webhook) send at once, each until it is answered, some messages twice; meanwhile web, inbox or database are killed at random
moments, as by the power going. ``--careless`` acknowledges before a commit is on the disk: the control, which must lose some.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from kehu.host.home import Home

ROOT = Path(__file__).resolve().parents[1]
_WORDS = {"web": b"kehu.host.web", "inbox": b"kehu.collect.inbox", "database": b"postgres\x00-D"}
SECRET = "secret_of_a_sender_for_this_test"
_MAKE = """
import json, sys, django
django.setup()
from kehu.collect.inbox.terms import set_terms
from kehu.collect.signed.secrets import keep_secret
from kehu.collect.signed.settings import keep_settings
from kehu.govern.channels import add_channel
from kehu.guard.staff.actions import owner_actor
owner, made = owner_actor(), {}
for kind, settings in json.load(sys.stdin).items():
    channel, key = add_channel(f"by {kind}", kind, owner=owner.staff, country="DE")
    if key is None:
        keep_secret(channel, sys.argv[1])
    if settings:
        keep_settings(channel, settings.encode())
    set_terms(channel, actor=owner, basis="contract")
    made[kind] = {"channel": channel.id, "key": key}
print(json.dumps(made))
"""
_CHECK = """
import json, sys, time, django
django.setup()
from django.db import connection
from kehu.guard.installation import installation
tokens = installation().tokens
asked = json.load(sys.stdin)
taken_in = sys.argv[1] == "taken-in"
missing, doubled = [], []
end = time.monotonic() + 180
with connection.cursor() as cursor:
    while taken_in and time.monotonic() < end:
        cursor.execute("select count(*) from inbox")
        if not cursor.fetchone()[0]:
            break
        time.sleep(0.2)
    for channel, kind, ids in asked:
        keys = {tokens.source(1, channel, kind, own) if taken_in else tokens.message(channel, known): own
                for known, own in ids}
        where = "record where source" if taken_in else "inbox_seen where decode(replace(token::text, '-', ''), 'hex')"
        name = "source" if taken_in else "decode(replace(token::text, '-', ''), 'hex')"
        cursor.execute(f"select {name}, count(*) from {where} = any (%s) group by 1", [list(keys)])
        found = {bytes(key): count for key, count in cursor.fetchall()}
        missing += [id for key, id in keys.items() if key not in found]
        doubled += [id for key, id in keys.items() if found.get(key, 0) > 1]
    cursor.execute("select count(*) from record where kind in (3, 4)")
    [records] = cursor.fetchone()
print(json.dumps({"missing": missing, "doubled": doubled, "records": records}))
"""


@dataclass
class Outcome:
    """What came of it: messages acknowledged, those of them not there, those there twice, and records in all."""

    acknowledged: int
    missing: list[str]
    doubled: list[str]
    records: int
    kills: dict[str, int] = field(default_factory=dict)
    refusals: int = 0
    seconds: float = 0.0


class _Sender(threading.Thread):
    """One channel's sender: a message is sent until it is answered with 200, and now and then once more."""

    kind: str
    record_kind: int
    settings = ""
    most = 1  # messages of a request

    def __init__(self, channel: int, key: str | None, port: int, seed: int, pause: float) -> None:
        super().__init__(daemon=True)
        self._pause = pause
        self.channel, self.acknowledged, self.refusals = channel, list[str](), 0
        self._key, self._port, self._chance, self._ended = key, port, random.Random(seed), threading.Event()

    def end(self) -> None:
        """Send nothing new."""
        self._ended.set()

    def run(self) -> None:
        """Send until told to end; what is on its way then is still brought to its end."""
        number = 0
        while not self._ended.is_set():
            ids = [f"{self.kind}-{number + n}" for n in range(min(self.most, self._chance.choice((1, 1, 5, 40))))]
            number += len(ids)
            self._send(ids)
            self.acknowledged += ids
            if self._chance.random() < 0.1:
                self._send(ids)
            time.sleep(self._pause)

    def request(self, ids: list[str]) -> tuple[str, bytes, dict[str, str]]:
        """Path, body and headers of a request with these messages."""
        raise NotImplementedError

    def names(self, id: str) -> tuple[str, str]:
        """A message's id as the inbox knows it, and the own key of the record it becomes."""
        return id, id

    def _send(self, ids: list[str]) -> None:
        while not self._sent(*self.request(ids)):
            self.refusals += 1
            time.sleep(0.05)

    def _sent(self, path: str, body: bytes, head: dict[str, str]) -> bool:
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
        try:
            line.request("POST", path, body, head | {"Content-Type": "application/json"})
            return line.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            line.close()


def _signature(body: bytes) -> str:
    return base64.b64encode(hmac.digest(SECRET.encode(), body, "sha256")).decode()


class _Tracker(_Sender):
    """Events by the tracking API, up to forty a request."""

    kind, record_kind, most = "tracking", 4, 40

    def request(self, ids: list[str]) -> tuple[str, bytes, dict[str, str]]:
        batch = [
            {"type": "track", "messageId": id, "userId": f"U-{hash(id) % 200}", "event": f"event {id}"} for id in ids
        ]
        held = base64.b64encode(f"{self._key}:".encode()).decode()
        return "/v1/batch", json.dumps({"batch": batch}).encode(), {"Authorization": f"Basic {held}"}


class _Shop(_Sender):
    """Orders of a Shopify shop."""

    kind, record_kind = "shopify", 3

    def request(self, ids: list[str]) -> tuple[str, bytes, dict[str, str]]:
        [id] = ids
        buyer = {"id": hash(id) % 200 + 1, "email": f"b{hash(id) % 200}@mail.example"}
        body = json.dumps({"id": 1, "name": id, "created_at": "2026-05-01T10:00:00Z", "total_price": "9.50",
                           "currency": "EUR", "customer": buyer, "line_items": []}).encode()  # fmt: skip
        head = {"X-Shopify-Topic": "orders/create", "X-Shopify-Shop-Domain": "tea.example", "X-Shopify-Event-Id": id}
        return f"/hooks/shopify/{self.channel}", body, head | {"X-Shopify-Hmac-Sha256": _signature(body)}

    def names(self, id: str) -> tuple[str, str]:
        return f"tea.example\x1forders/create\x1f{id}", id


class _Hook(_Sender):
    """Calls told of by a signed webhook of any sender, as its channel's settings read it."""

    kind, record_kind = "webhook", 4
    settings = """
signature = "X-Signature"
id = "id"

[[row]]
kind = "interactions"
[row.fields]
caller = "external_id"
subject = "topic"
"""

    def request(self, ids: list[str]) -> tuple[str, bytes, dict[str, str]]:
        [id] = ids
        body = json.dumps({"id": id, "caller": f"C-{hash(id) % 200}", "subject": f"call {id}"}).encode()
        return f"/hooks/webhook/{self.channel}", body, {"X-Signature": _signature(body)}

    def names(self, id: str) -> tuple[str, str]:
        # no topic and this id, each with its length: as the channel makes one of what is signed
        held = hashlib.sha256(bytes(8) + len(id).to_bytes(8, "big") + id.encode()).hexdigest()
        return held, held


SENDERS = (_Tracker, _Shop, _Hook)


class System:
    """A whole installation of its own."""

    def __init__(self, *, careless: bool = False) -> None:
        self.home = tempfile.mkdtemp(prefix="kehu-crash-")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._environment = os.environ | {
            "KEHU_HOME": self.home, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "kehu.host.settings",
        }  # fmt: skip
        self._environment.pop("KEHU_DBNAME", None)
        if careless:
            self._environment["PGOPTIONS"] = "-c synchronous_commit=off"

    def kehu(self, *words: str) -> Any:
        """A command's answer."""
        done = subprocess.run(
            [sys.executable, "-m", "kehu.doors.cli.main", *words, "--json"], env=self._environment, cwd=ROOT,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{words[0]}: {done.stdout} {done.stderr}")
        return json.loads(done.stdout)

    def __enter__(self) -> System:
        self.kehu("init")
        return self

    def up(self) -> int:
        """Start it; returns the supervisor's process id."""
        return int(self.kehu("up", "--detach", "--port", str(self.port))["pid"])

    def check(self, acknowledged: list[tuple[int, int, list[tuple[str, str]]]], *, taken_in: bool) -> dict[str, Any]:
        """Which acknowledged messages are not there, or twice: as records, or (not ``taken_in``) as accepted at all."""
        words = "taken-in" if taken_in else "accepted"
        found: dict[str, Any] = self.run(_CHECK, words, told=json.dumps(acknowledged))
        return found

    def run(self, program: str, *words: str, told: str = "") -> Any:
        """What a program in the application's role prints, as JSON."""
        done = subprocess.run(
            [sys.executable, "-c", program, *words], env=self._environment | {"KEHU_ROLE": "kehu_app"}, cwd=ROOT,
            text=True, input=told, capture_output=True, check=True,
        )  # fmt: skip
        return json.loads(done.stdout)

    def __exit__(self, *_: object) -> None:
        with suppress(RuntimeError):
            self.kehu("down")
        folders = Home(Path(self.home)).facts().get("folders", ())
        for folder in (*folders, self.home):
            shutil.rmtree(folder, ignore_errors=True)


def _victims(supervisor: int, word: bytes, folders: Sequence[bytes]) -> list[int]:
    """Processes with that in their command that descend from the supervisor, or serve one of its folders.

    Of the web its workers, too; the database has a keeper of its own.
    """
    parents, found = dict[int, int](), dict[int, bool]()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                command = (entry / "cmdline").read_bytes()
                if word in command:
                    found[int(entry.name)] = any(folder in command for folder in folders)
    return [pid for pid, ours in found.items() if ours or _descends(pid, supervisor, parents)]


def _descends(pid: int, ancestor: int, parents: dict[int, int]) -> bool:
    while pid > 1:
        if pid == ancestor:
            return True
        pid = parents.get(pid, 0)
    return False


def _await_more(senders: Sequence[_Sender], *, more: int = 20, seconds: float = 60) -> None:
    """Until so many more messages are acknowledged, at most so long."""
    enough = sum(len(one.acknowledged) for one in senders) + more
    end = time.monotonic() + seconds
    while sum(len(one.acknowledged) for one in senders) < enough and time.monotonic() < end:
        time.sleep(0.001)


def storm(
    kills: int, *, seed: int, targets: tuple[str, ...] = tuple(_WORDS), careless: bool = False, pause: float = 0.0
) -> Outcome:
    """Send, kill that often, let everything come to rest, and look. Each sender waits ``pause`` seconds between two requests."""
    chance, began = random.Random(seed), time.monotonic()
    with System(careless=careless) as system:
        supervisor = system.up()
        channels = system.run(_MAKE, SECRET, told=json.dumps({one.kind: one.settings for one in SENDERS}))
        folders = [os.fsencode(folder) for folder in Home(Path(system.home)).facts().get("folders", ())]
        senders = [
            one(**channels[one.kind], port=system.port, seed=seed + n, pause=pause) for n, one in enumerate(SENDERS)
        ]
        for sender in senders:
            sender.start()
        killed: Counter[str] = Counter()
        while sum(killed.values()) < kills:
            time.sleep(chance.uniform(0.1, 1.5))
            target = chance.choice([one for one in targets if one not in killed] or targets)  # each dies, however few
            victims = _victims(supervisor, _WORDS[target], folders)
            if careless:
                _await_more(senders)  # there is nothing to lose but what was acknowledged a moment before
            if victims:
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(victims), signal.SIGKILL)
                    killed[target] += 1
        time.sleep(1)
        for sender in senders:
            sender.end()
        for sender in senders:
            sender.join(120)
        acknowledged = [(one.channel, one.record_kind, [one.names(id) for id in one.acknowledged]) for one in senders]
        found = system.check(
            acknowledged, taken_in=not careless
        )  # else the ledger sees the loss, and nothing is taken in
        return Outcome(
            sum(len(ids) for _, _, ids in acknowledged), found["missing"], found["doubled"], found["records"], dict(killed),
            sum(sender.refusals for sender in senders), round(time.monotonic() - began, 1),
        )  # fmt: skip


def main() -> None:
    """Kill, look, print; failure where anything is missing or doubled (with ``--careless``: where nothing is)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--careless", action="store_true")
    asked = parser.parse_args()
    targets = ("database",) if asked.careless else tuple(_WORDS)
    outcome = storm(asked.kills, seed=asked.seed, targets=targets, careless=asked.careless)
    told = asdict(outcome) | {"missing": len(outcome.missing), "doubled": len(outcome.doubled)}
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
    wrong = bool(outcome.missing or outcome.doubled)
    sys.exit(0 if wrong is asked.careless else 1)


if __name__ == "__main__":
    main()
