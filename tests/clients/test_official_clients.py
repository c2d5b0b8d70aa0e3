"""The official clients of Segment and RudderStack, unchanged, against the web process: what they send is there, once."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.drain import drain_all
from kehu.collect.inbox.terms import set_terms
from kehu.collect.models import Quarantined
from kehu.govern.channels import add_channel
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.read import gate
from kehu.guard.installation import installation
from kehu.guard.staff.actions import owner_actor
from kehu.host.process import PARENT
from kehu.serve.desk import queries
from tests.cast import staff

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
sys.path.insert(0, str(ROOT / "scripts"))
from clients import clients_installed  # noqa: E402

PYTHON = {name: [sys.executable, str(HERE / "drive.py"), name] for name in ("segment", "rudder")}
NODE = {f"{name}-node": ["node", str(HERE / "node" / f"{name}.mjs")] for name in ("segment", "rudder")}
CLIENTS = PYTHON | (NODE if clients_installed() else {})
# as much patience as a restart asks for; their own default where they have enough
PATIENT: dict[str, dict[str, Any]] = {"rudder-node": {"retryCount": 12}}
PACKED_OTHERWISE: dict[str, dict[str, Any]] = {
    "segment": {"gzip": True},
    "rudder": {"gzip": False},
    "rudder-node": {"gzip": False},
}
pytestmark = pytest.mark.usefixtures("database")


class Web:
    """The web process on the test's database, as the supervisor starts it."""

    def __init__(self, log: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.log, self.process = log, None

    def start(self, target: str = "kehu.host.web:main", **environment: str) -> None:
        told = {"KEHU_PORT": str(self.port), "KEHU_ROLE": "kehu_app", PARENT: str(os.getpid()), "PYTHONUNBUFFERED": "1"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "kehu.host.process", target], env=os.environ | told | environment, cwd=ROOT,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        until(self.healthy)

    def healthy(self) -> bool:
        assert self.process.poll() is None, "the web process ended"
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            line.request("GET", "/healthz", headers={"Host": "localhost"})
            return line.getresponse().status == 200
        except OSError:
            return False
        finally:
            line.close()

    def ended(self) -> bool:
        return self.process.poll() is not None

    def kill(self) -> None:
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()


@dataclass
class Driven:
    """A client at work, and what it told so far."""

    process: subprocess.Popen[str]
    told: list[dict[str, Any]] = field(default_factory=list)

    def listen(self) -> Driven:
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        return self

    def _read(self) -> None:
        with self.process.stdout as lines:
            for line in lines:
                self.told.append(json.loads(line))

    def end(self) -> Driven:
        self.reader.join(120)
        assert self.process.wait(10) == 0 and self.told[-1] == {"ended": True}, self.told[-3:]
        return self

    def all(self, name: str) -> list[Any]:
        return [line[name] for line in list(self.told) if name in line]

    @property
    def delivered(self) -> list[str]:
        return [line["id"] for line in self.told if line.get("delivered")]

    @property
    def undelivered(self) -> list[str]:
        return [line["id"] for line in self.told if line.get("delivered") is False]


@pytest.fixture
def web(database, tmp_path):
    made = Web(tmp_path / "web.log")
    yield made
    made.kill()


@pytest.fixture
def drive(web):
    """Let a client do a job; everything else than the address and the key is its own default or said in ``options``."""
    running = []

    def begun(client: str, key: str, calls: list[tuple[str, dict[str, Any]]], *, pace=0.0, **options: Any) -> Driven:
        job = {"host": f"http://127.0.0.1:{web.port}", "key": key, "options": options, "pace": pace}
        job["calls"] = [{"call": call, "message": message} for call, message in calls]
        process = subprocess.Popen(CLIENTS[client], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=HERE)
        running.append(process)
        with process.stdin as asked:
            json.dump(job, asked)
        return Driven(process).listen()

    yield begun
    for process in running:
        if process.poll() is None:
            process.kill()
        process.wait()


@pytest.fixture
def channels(database):
    """A channel for each client, with its key: contract is the ground, and everybody was told."""
    made = {}
    for name in CLIENTS:
        channel, key = add_channel(name, "tracking", owner=owner_actor().staff, country="CN")
        set_terms(channel, actor=owner_actor(), basis="contract", consents={"ads": "marketing", "stats": "analytics"})
        made[name] = channel, key
    return made


def until(what, seconds=120.0):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)


def rows(query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


def events(channel, ids) -> dict[str, int]:
    """How often each message of a channel is there, by the key that a record has of its own."""
    keys = {installation().tokens.source(1, channel.id, 4, id): id for id in ids}
    found = rows("select source, count(*) from record where source = any (%s) group by 1", list(keys))
    counted = {keys[bytes(source)]: count for source, count in found}
    return {id: counted.get(id, 0) for id in ids}


def came(channel) -> dict[str, int]:
    """Rows of each kind that a channel brought, every one of them new or an update; none a duplicate, none refused."""
    found = rows(
        "select i.kind, sum(c.rows), sum(c.created + c.updated + c.merged) from collect_import i"
        " join collect_importchunk c on c.batch = i.id where i.channel = %s group by 1",
        channel.id,
    )
    assert all(count == accepted for _, count, accepted in found), found
    return {kind: int(count) for kind, count, _ in found}


def test_all_four_clients_are_here():
    if set(CLIENTS) != {*PYTHON, *NODE}:
        line = "the clients for Node are left out: Node, npm or what they install is missing (make setup-dev)"
        assert os.environ.get("CI") != "true", line
        pytest.skip(line)


def six_calls(name: str) -> list[tuple[str, dict[str, Any]]]:
    """A visitor who reads two pages, one of them on another device, says who they are, and buys."""
    user, device, other = f"U-{name}", f"D-{name}", f"E-{name}"
    tea = {"order_id": f"O-{name}", "total": 99.5, "currency": "CNY", "products": [{"name": "tea"}, {"sku": "cup"}]}
    traits = {"email": f"{name}@mail.example", "name": "林婉清", "address": {"city": "Suzhou", "country": "CN"}}
    asked = {"consent": {"categoryPreferences": {"stats": True, "ads": False}}}
    return [
        ("page", {"anonymousId": device, "name": "Home", "properties": {"path": "/"}}),
        ("page", {"anonymousId": other, "name": "Tea", "properties": {"path": "/tea"}}),
        ("identify", {"userId": user, "anonymousId": device, "traits": traits, "context": asked}),
        ("alias", {"previousId": other, "userId": user}),
        ("track", {"userId": user, "event": "Order Completed", "properties": tea}),
        ("track", {"userId": user, "event": "Article Read", "properties": {"title": "On tea"}}),
        ("screen", {"userId": user, "name": "Basket"}),
        ("group", {"userId": user, "groupId": f"G-{name}", "traits": {"name": f"House {name}", "industry": "tea"}}),
    ]


def test_six_calls_of_each_client_arrive_at_one_customer_once(web, drive, channels):
    """Packed as each does by itself, and the other way."""
    web.start()
    chosen = [(name, name, {}) for name in CLIENTS]
    chosen += [(name, f"{name}-otherwise", PACKED_OTHERWISE[name]) for name in CLIENTS if name in PACKED_OTHERWISE]
    running = [drive(name, channels[name][1], six_calls(who), **options) for name, who, options in chosen]
    for client in running:
        assert len(client.end().delivered) == 8 and client.undelivered == [] and client.all("error") == []
    assert drain_all() == 8 * len(chosen) and accepting.waiting() == (0, 0)
    desk = staff("service")
    for name, who, _ in chosen:
        [customer] = queries.find({"email": f"{who}@mail.example"}, actor=desk, purpose="service")[0]
        shown: dict[str, list[str]] = {}
        for one in gate().open([customer], actor=desk, purpose="service")[0].contributions:
            shown.setdefault(one.field, []).append(one.normal or one.given)
        assert shown["full_name"] == ["林婉清"] and shown["locality"] == ["Suzhou"] and shown["country"] == ["CN"]
        assert shown["order_id"] == [f"O-{who}"] and shown["amount"] == ["99.5"] and shown["product"] == ["tea, cup"]
        assert sorted(shown["kind"]) == ["Article Read", "page", "page", "screen"]
        assert sorted(shown["topic"]) == ["Basket", "Home", "Tea"]
        said = dict(rows("select purpose, status from govern_consent where subject = %s", customer))
        assert said == {PURPOSES["analytics"]: "given", PURPOSES["marketing"]: "refused"}
        times = sum(1 for one, _, _ in chosen if one == name)
        assert came(channels[name][0]) == {
            "customers": 2 * times, "organisations": times, "orders": times, "interactions": 4 * times,
        }  # fmt: skip
    assert rows("select kind, count(*) from record group by 1 order by 1") == [
        (1, 2 * len(chosen)), (2, len(chosen)), (3, len(chosen)), (4, 4 * len(chosen)),
    ]  # fmt: skip


def test_a_wrong_key_reaches_the_error_handler_and_nothing_is_kept(web, drive, channels):
    web.start()
    said = {"userId": "U-1", "event": "A"}
    running = {name: drive(name, "kehu_no_such_key", [("track", said)] * 3) for name in CLIENTS}
    for name, client in running.items():
        assert client.end().delivered == [] and len(client.undelivered) == 3, name
        assert client.all("error") and all("401" in error for error in client.all("error")), name
        assert client.all("answered").count(401) in (1, 2), name  # not tried again: one a batch
    assert accepting.waiting() == (0, 0) and rows("select count(*) from inbox_seen") == [(0,)]


def numbered(name: str, count: int) -> list[tuple[str, dict[str, Any]]]:
    said = [{"userId": f"U-{n % 7}", "event": f"event {n}", "messageId": f"{name}-{n}"} for n in range(count)]
    return [("track", one) for one in said]


def test_killed_between_keeping_and_answering_nothing_is_lost_or_doubled(web, drive, channels, tmp_path):
    running = send_and_kill(web, drive, channels, tmp_path, list(CLIENTS))
    web.start()
    for client in running.values():
        client.end()
    assert accepting.waiting()[0] == 500 * len(CLIENTS)
    assert drain_all() == 500 * len(CLIENTS)
    for name, client in running.items():
        assert len(client.delivered) == 500 and client.undelivered == [], name
        assert set(events(channels[name][0], client.delivered).values()) == {1}, name
        assert came(channels[name][0]) == {"interactions": 500}, name
    assert rows("select count(*) from record") == [(500 * len(CLIENTS),)]


def test_without_its_memory_the_same_is_kept_twice(web, drive, channels, tmp_path):
    """The control of the test before: it is the memory of what was here that holds, not luck."""
    [client] = send_and_kill(web, drive, channels, tmp_path, ["segment"]).values()
    web.start("tests.clients.failing:main", FAULT="forgetful")
    assert len(client.end().delivered) == 500
    assert accepting.waiting()[0] > 500


def send_and_kill(web, drive, channels, folder: Path, names: list[str]) -> dict[str, Driven]:
    """Let clients send 500 events each; kill -9 comes when each has a batch that was kept and is not answered."""
    web.start("tests.clients.failing:main", FAULT="cut", FAULT_FOLDER=str(folder), FAULT_SENDERS=str(len(names)))
    running = {
        name: drive(name, channels[name][1], numbered(name, 500), pace=0.003, **PATIENT.get(name, {})) for name in names
    }
    until(web.ended)
    assert len(list(folder.glob("*.kept"))) == len(names)
    assert 0 < accepting.waiting()[0] < 500 * len(names)
    return running


def posted(web, key: str) -> int:
    """The answer to one message, always the same, over a connection of its own."""
    said = {"type": "track", "messageId": "full", "userId": "U-1", "event": "A"}
    line = http.client.HTTPConnection("127.0.0.1", web.port, timeout=20)
    try:
        line.request("POST", "/v1/batch", json.dumps({"writeKey": key, "batch": [said]}), {"Host": "localhost"})
        return line.getresponse().status
    finally:
        line.close()


def test_asked_to_wait_they_send_again_and_are_taken(web, drive, channels):
    web.start(KEHU_INBOX_MOST="1")
    key = channels["segment"][1]
    until(lambda: all(posted(web, key) == 429 for _ in range(16)))  # as much waits as may, and both workers saw it
    running = {name: drive(name, channels[name][1], numbered(name, 30), **PATIENT.get(name, {})) for name in CLIENTS}
    until(lambda: all(429 in client.all("answered") for client in running.values()))
    assert drain_all() == 1
    while any(client.process.poll() is None for client in running.values()):
        drain_all()
        time.sleep(0.2)
    drain_all()
    for name, client in running.items():
        assert len(client.end().delivered) == 30 and client.undelivered == [], name
        assert set(events(channels[name][0], client.delivered).values()) == {1}, name
        refused, taken = (
            next(line["at"] for line in client.told if line.get("answered") == status) for status in (429, 200)
        )
        if name != "rudder":  # it goes by its own clock
            assert taken - refused > 4.5, name


def test_one_bad_message_in_a_batch_goes_to_quarantine(web, drive, channels):
    """Nor does half an emoji, a number that is none (both as clients write them), or one message too large cost the rest."""
    web.start()
    running = {}
    for name in CLIENTS:
        calls = numbered(name, 4)
        calls[1][1]["event"] = " "
        calls[2][1]["properties"] = {"text": "tea \ud83d"} | ({"share": float("nan")} if name in PYTHON else {})
        if name == "rudder":  # the only client that lets one through that is too large
            calls.append(("track", {"userId": "U-1", "event": "large", "properties": {"text": "A" * 40_000}}))
        running[name] = drive(name, channels[name][1], calls)
    for name, client in running.items():
        client.end()
        assert client.all("error") == [] and set(client.all("answered")) <= {200}, name
        assert client.undelivered == [], name
    drain_all()
    for name in CLIENTS:
        ids = [f"{name}-{n}" for n in range(4)]
        assert events(channels[name][0], ids) == dict(zip(ids, (1, 0, 1, 1), strict=True)), name
    refused = sorted(Quarantined.objects.filter(accepted=False).values_list("reason", flat=True))
    assert refused == ["message_no_event"] * len(CLIENTS) + ["message_too_large"]


def test_a_batch_too_large_is_refused_once_and_not_sent_again(web, drive, channels):
    """Only RudderStack's client for Python makes one, of messages that are too large each; unpacked and packed."""
    web.start()
    calls = [("track", {"userId": "U-1", "event": "large", "properties": {"text": "A" * 450_000}})] * 10
    for options in ({}, {"gzip": False}):
        client = drive("rudder", channels["rudder"][1], calls, **options).end()
        assert client.all("error") == ["[400] too_large" if options else "[400] invalid_request"]
        assert client.all("answered") == [400]
    assert accepting.waiting() == (0, 0)
