"""The tracking API through the whole door, and what it accepted taken in: batches, single messages, both at once.

``python -m bench.inbox [--known N] [--seconds N] [--users N]``. A fresh home with N known ids of messages; the product's web
process, loaded by ``wrk`` on this machine; then the same while the inbox's own process takes everything in as records of the
right customers, ledger included, until nothing waits.
"""

from __future__ import annotations

import argparse
import base64
import hmac
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from bench.home import BenchHome

_home = BenchHome()

from django.db import connection  # noqa: E402  (settings read the home above)

from kehu.collect.inbox.terms import set_terms  # noqa: E402
from kehu.collect.signed.secrets import keep_secret  # noqa: E402
from kehu.govern.channels import add_channel  # noqa: E402
from kehu.guard.setup import open_owner  # noqa: E402
from kehu.guard.staff.actions import owner_actor  # noqa: E402

PORT = int(os.environ.get("KEHU_BENCH_PORT", "8397"))
CONNECTIONS = 8
SECRET, ORDERS = "secret_of_a_shop_for_this_measurement", 40_000
# one in ten messages says who somebody is, eight are events of theirs, one is a page
SCRIPT = """
local batch, users, head, n = %(batch)d, %(users)d, "%(head)s", 0
local seed = "%(seed)s"
function init(args) math.randomseed(os.time()) end
local function message()
  n = n + 1
  local id, user, turn = seed .. "-" .. n, math.random(users), n %% 10
  local head = '{"messageId":"' .. id .. '","userId":"U-' .. user .. '","timestamp":"2026-11-20T08:00:00.000Z",'
    .. '"context":{"library":{"name":"bench","version":"1"},"ip":"203.0.113.7"},'
  if turn == 0 then
    return head .. '"type":"identify","traits":{"email":"u' .. user .. '@mail.example","name":"Person ' .. user
      .. '","address":{"city":"Shanghai"}}}'
  elseif turn == 1 then
    return head .. '"type":"page","name":"Home","properties":{"path":"/","title":"Home"}}'
  end
  return head .. '"type":"track","event":"Product Viewed","properties":{"product_id":"P-' .. math.random(500)
    .. '","price":' .. math.random(9000) .. ',"category":"tea"}}'
end
function request()
  local body
  if batch == 1 then
    body = message()
    local call = body:match('"type":"(%%a+)"')
    return wrk.format("POST", "/v1/" .. call, {["Authorization"] = head, ["Content-Type"] = "application/json"}, body)
  end
  local held = {}
  for place = 1, batch do held[place] = message() end
  body = '{"batch":[' .. table.concat(held, ",") .. '],"sentAt":"2026-11-20T08:00:01.000Z"}'
  return wrk.format("POST", "/v1/batch", {["Authorization"] = head, ["Content-Type"] = "application/json"}, body)
end
"""
# orders of a shop, signed before, one after another
WEBHOOKS = """
local lines, n = {}, 0
for line in io.lines("%(file)s") do lines[#lines + 1] = line end
function request()
  n = n %% #lines + 1
  local signature, id, body = lines[n]:match("^(%%S+) (%%S+) (.*)$")
  return wrk.format("POST", "/hooks/shopify/%(channel)d", {["Content-Type"] = "application/json",
    ["X-Shopify-Topic"] = "orders/create", ["X-Shopify-Shop-Domain"] = "tea.example", ["X-Shopify-Event-Id"] = id,
    ["X-Shopify-Hmac-Sha256"] = signature}, body)
end
"""
DONE = """
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d\\n", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(95), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
"""


def known_messages(count: int) -> None:
    """Fill in ids of messages that were acknowledged in the last days."""
    with open_owner(_home.database) as owner:
        for start in range(0, count, 1_000_000):
            rows = min(1_000_000, count - start)
            owner.execute("insert into inbox_seen select gen_random_uuid() from generate_series(1, %s)", [rows])
        owner.execute("vacuum analyze inbox_seen")


@contextmanager
def process(*command: str) -> Iterator[None]:
    """A process of the product on this home, ended in order."""
    environment = os.environ | {"KEHU_PORT": str(PORT), "KEHU_ROLE": "kehu_app"}
    started = subprocess.Popen([sys.executable, *command], env=environment)
    try:
        yield
    finally:
        started.terminate()
        started.wait(30)


def await_web() -> None:
    """Until the web process takes connections."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with socket.socket() as line:
            if line.connect_ex(("127.0.0.1", PORT)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError("web")


def load(key: str, *, batch: int, seconds: int, users: int) -> dict[str, float]:
    """Send messages for some seconds; events a second, and latency in milliseconds."""
    head = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    script = SCRIPT % {"batch": batch, "users": users, "head": head, "seed": uuid.uuid4().hex}
    return _sent(script, batch=batch, seconds=seconds)


def shop(*, seconds: int) -> dict[str, float]:
    """Send signed orders for some seconds; orders a second, and latency in milliseconds."""
    made, _ = add_channel("tea shop", "shopify", owner=owner_actor().staff, country="CN")
    keep_secret(made, SECRET)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        for number in range(ORDERS):
            buyer = {"id": number % 10_000 + 1, "email": f"b{number % 10_000}@mail.example"}
            body = json.dumps({"id": number + 1, "name": f"#{number}", "created_at": "2026-11-20T10:00:00Z",
                               "total_price": "9.50", "currency": "EUR", "customer": buyer, "line_items": []})  # fmt: skip
            signature = base64.b64encode(hmac.digest(SECRET.encode(), body.encode(), "sha256")).decode()
            file.write(f"{signature} {uuid.uuid4()} {body}\n")
        file.flush()
        return _sent(WEBHOOKS % {"file": file.name, "channel": made.id}, batch=1, seconds=seconds)


def _sent(text: str, *, batch: int, seconds: int) -> dict[str, float]:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(text + DONE)
        script.flush()
        done = subprocess.run(
            ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "-s", script.name, f"http://127.0.0.1:{PORT}"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    requests, duration, p50, p95, p99, errors = map(int, found.groups())
    assert errors == 0, done.stdout
    return {
        "events_per_second": round(requests * batch / (duration / 1e6)), "requests": requests,
        "p50_ms": p50 / 1000, "p95_ms": p95 / 1000, "p99_ms": p99 / 1000,
    }  # fmt: skip


def waiting() -> int:
    """Messages that wait."""
    with connection.cursor() as cursor:
        cursor.execute("select coalesce(sum(messages), 0) from inbox")
        return int(cursor.fetchone()[0])


def empty() -> None:
    """Forget what waits: it is another measurement's."""
    with open_owner(_home.database) as owner:
        owner.execute("delete from subject_key k using inbox i where k.subject = i.id")
        owner.execute("truncate inbox")


def drained(key: str, *, seconds: int, users: int) -> dict[str, float]:
    """Accept and take in at once; then until nothing waits."""
    began = time.monotonic()
    with process("-m", "kehu.collect.inbox"):
        sent = load(key, batch=100, seconds=seconds, users=users)
        left = waiting()
        while waiting():
            time.sleep(0.25)
        took = time.monotonic() - began
    total = sent["requests"] * 100
    return {
        "accepted_per_second": sent["events_per_second"], "left_when_sending_ended": left, "messages": total,
        "seconds": round(took, 1), "taken_in_per_second": round(total / took),
    }  # fmt: skip


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--known", type=int, default=10_000_000)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--users", type=int, default=10_000)
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        sys.exit("wrk is not here: apt-get install wrk")
    os.environ["KEHU_INBOX_MOST"] = "100000000"
    with _home:
        made, key = add_channel("web", "tracking", owner=owner_actor().staff, country="CN")
        assert key is not None
        set_terms(made, actor=owner_actor(), basis="contract")
        known_messages(asked.known)
        result: dict[str, object] = {"known": asked.known}
        with process("-c", "from kehu.host.web import main; main()"):
            await_web()
            time.sleep(1)
            for name, batch in (("batches of 100", 100), ("single", 1)):
                result[name] = load(key, batch=batch, seconds=asked.seconds, users=asked.users)
                empty()
            result["signed webhooks"] = shop(seconds=asked.seconds)
            empty()
            result["taken in while accepting"] = drained(key, seconds=asked.seconds, users=asked.users)
        with connection.cursor() as cursor:
            cursor.execute("select kind, count(*) from record group by kind order by kind")
            result["records"] = {str(kind): count for kind, count in cursor.fetchall()}
            cursor.execute("select count(distinct customer) from subject_state")
            result["customers"] = cursor.fetchone()[0]
        print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
