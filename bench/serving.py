"""The checked read over HTTP, with sign-in, 32 connections: paired against the same without the ledger's insert.

``python -m bench.serving [--records N] [--rounds N] [--seconds N]``. A fresh home; the product's web process (granian) in
four variants side by side (:mod:`bench.serving_app`; :mod:`bench.plain` says what it is compared with), one of them loaded at a time by
``wrk`` on this machine, round by round. Also the look-up by email, in the database and over HTTP.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from bench.home import BenchHome

_home = BenchHome()

from django.db import connection  # noqa: E402  (settings read the home above)

from bench.people import BATCH, admit, draft  # noqa: E402
from bench.plain import FIELDS, RELATED, TABLES, digest_of  # noqa: E402
from kehu.guard.installation import installation  # noqa: E402
from kehu.guard.setup import open_owner  # noqa: E402
from kehu.guard.staff.actions import add_staff, issue_token  # noqa: E402
from kehu.guard.staff.second_factor import code_now, enrol  # noqa: E402
from kehu.serve.desk.queries import BY_TOKENS  # noqa: E402
from kehu.vault.settling import settle_index  # noqa: E402

MODES = ("checked", "unrecorded", "floor", "orm")  # a web process each
RELATED_READ = "related"  # asked of the process "orm": the same fields from the tables of the second shape
TOKENS, CONNECTIONS = 32, 32
FIRST_PORT = int(os.environ.get("KEHU_BENCH_PORT", "8391"))
SERVER = """
import os
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server
from kehu.host.web import THREADS, WORKERS
Server("bench.serving_app:application", address="127.0.0.1", port=int(os.environ["KEHU_PORT"]),
       interface=Interfaces.WSGI, workers=WORKERS, blocking_threads=THREADS, websockets=False,
       log_level=LogLevels.error, log_access=False).serve()
"""
# one request after another, each for another customer under another of the credentials
SCRIPT = """
local paths, heads, body, n = {}, {}, nil, 0
for line in io.lines("%(paths)s") do paths[#paths + 1] = line end
for line in io.lines("%(heads)s") do heads[#heads + 1] = line end
function init(args) math.randomseed(os.time() + tonumber(tostring({}):sub(10), 16) %% 100000) end
function request()
  local name, value = heads[math.random(#heads)]:match("^(.-): (.*)$")
  local fields = {["Host"] = "localhost", [name] = value}
  local where, sent = paths[math.random(#paths)]:match("^(%%S+) ?(.*)$")
  if sent ~= "" then
    fields["Content-Type"] = "application/json"
    return wrk.format("POST", where, fields, sent)
  end
  return wrk.format("GET", where, fields)
end
function delay() return math.random(0, 2 * %(pause)d) end
function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("RESULT %%d %%d %%d %%d %%d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(95), errors.connect + errors.read + errors.write + errors.status +
    errors.timeout))
end
"""


def person(number: int) -> dict[str, str]:
    """A made-up person."""
    return dict(zip(FIELDS, (
        f"B-{number:07d}", f"Person {number:07d}", "female", f"p{number}@mail.example", f"+86138{number:08d}",
        f"Road {number % 977}", str(number % 199), "Shanghai", "Shanghai", f"{200_000 + number % 999}", "CN",
    ), strict=True))  # fmt: skip


def bring_in(count: int) -> list[UUID]:
    """Admit people and copy the same into a plain table."""
    subjects: list[UUID] = []
    with open_owner(_home.database) as owner:
        owner.execute(TABLES)
        for start in range(0, count, BATCH):
            people = [person(number) for number in range(start, min(count, start + BATCH))]
            made = admit(draft(one["external_id"], one, search=("email", "phone", "external_id")) for one in people)
            with owner.cursor() as cursor, cursor.copy("copy bench_customer from stdin") as copy:
                for subject, one in zip(made, people, strict=True):
                    copy.write_row((subject, *one.values()))
            subjects += made
        owner.execute(RELATED)
        owner.execute("vacuum analyze")
    settle_index(connection.connection)
    return subjects


def credentials(ports: dict[str, int]) -> dict[str, list[str]]:
    """Headers of signed-in requests: tokens, and cookies of real sign-ins by the web's own forms."""
    tokens, cookies = [], []
    for number in range(TOKENS):
        email = f"bench{number}@kehu.example"
        made, sign_in = add_staff(email=email, role="service", department=None, attest=True)
        tokens.append(issue_token(email=email, purpose="service", minutes=600)[0])
        if number < 8:
            cookies.append(_signed_in(ports["checked"], email, sign_in.password, enrol(made)))
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into bench_token values (%s, 'bench', now() + interval '1 day')", [[digest_of(t)] for t in tokens]
        )
    return {"token": [f"Authorization: Bearer {token}" for token in tokens], "cookie": cookies}


def _signed_in(port: int, email: str, password: str, secret: str) -> str:
    """Sign in by both factors and claim the purpose ``service``; returns the header of the session's cookie."""
    jar: dict[str, str] = {}

    def call(method: str, where: str, form: dict[str, str] | None = None) -> str:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        head = {"Host": "localhost", "Cookie": "; ".join(f"{name}={value}" for name, value in jar.items())}
        head |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://localhost:{port}"}
        line.request(method, where, urllib.parse.urlencode(form or {}), head | {"Host": f"localhost:{port}"})
        answer = line.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                jar[key] = rest.partition(";")[0]
        page = answer.read().decode()
        line.close()
        assert answer.status < 400, f"{method} {where}: {answer.status}"
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        return found[1] if found else ""

    hidden = call("GET", "/sign-in")
    call("POST", "/sign-in", {"email": email, "password": password, "csrfmiddlewaretoken": hidden})
    hidden = call("GET", "/account/confirm")
    call("POST", "/account/confirm", {"code": code_now(secret), "csrfmiddlewaretoken": hidden})
    hidden = call("GET", "/purpose")
    call("POST", "/purpose", {"purpose": "service", "csrfmiddlewaretoken": hidden})
    return "Cookie: " + "; ".join(f"{name}={value}" for name, value in jar.items())


@contextmanager
def servers() -> Iterator[dict[str, int]]:
    """One web process per variant, all there at once: an idle one costs nothing."""
    ports = {mode: FIRST_PORT + number for number, mode in enumerate(MODES)}
    base = os.environ | {"KEHU_ROLE": "kehu_app", "KEHU_API_RATE": "0"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", SERVER], env=base | {"KEHU_BENCH_MODE": mode, "KEHU_PORT": str(port)},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )
        for mode, port in ports.items()
    ]  # fmt: skip
    try:
        for port in ports.values():
            _await(port)
        yield ports
    finally:
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)


def _await(port: int) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            line.request("GET", "/healthz", headers={"Host": "localhost"})
            if line.getresponse().status == 200:
                return
        except OSError:
            time.sleep(0.2)
        finally:
            line.close()
    raise SystemExit(f"no answer on port {port}")


def load(
    port: int, paths: Path, heads: Path, seconds: int, connections: int = CONNECTIONS, pause: int = 0
) -> tuple[float, float, float]:
    """Requests a second, and p50 and p95 in milliseconds. No success ends the bench.

    Clients wait ``pause`` ms on average before each, evenly from none to twice that: all who wait equally long ask together.
    """
    script = paths.with_suffix(".lua")
    script.write_text(SCRIPT % {"paths": paths, "heads": heads, "pause": pause})
    told = subprocess.run(
        ["wrk", "-t", "2", "-c", str(connections), "-d", f"{seconds}s", "--timeout", "30s", "-s", script, f"http://127.0.0.1:{port}"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", told)
    assert found, told
    count, duration, p50, p95, errors = map(int, found.groups())
    assert errors == 0, told
    return count / duration * 1e6, p50 / 1000, p95 / 1000


def compare(
    title: str, modes: Sequence[str], ports: dict[str, int], files: tuple[Path, Path], *, rounds: int, seconds: int
) -> None:
    """Load each variant in turn, round by round; print rates and their ratios to the variant without the insert."""
    figures: dict[str, list[tuple[float, float, float]]] = {mode: [] for mode in modes}
    paths, heads = files
    asked = {mode: paths.with_name(RELATED_READ) if mode == RELATED_READ else paths for mode in modes}
    for mode in modes:
        load(ports[mode], asked[mode], heads, 2)  # plans and caches
    for _ in range(rounds):
        for mode in modes:
            figures[mode].append(load(ports[mode], asked[mode], heads, seconds))
    print(f"\n{title} ({CONNECTIONS} connections, {rounds} rounds of {seconds} s, load {os.getloadavg()[0]:.1f})")
    print("| variant | requests/s | p50 ms | p95 ms | ratio to insert left out |\n|---|---|---|---|---|")
    for mode in modes:
        ratios = [one[0] / other[0] for one, other in zip(figures[mode], figures["unrecorded"], strict=True)]
        rate, p50, p95 = (statistics.median(row[at] for row in figures[mode]) for at in range(3))
        print(f"| {mode} | {rate:,.0f} | {p50:.1f} | {p95:.1f} | {statistics.median(ratios):.2f} |")


def find_by_email(count: int, port: int, folder: Path, tokens: Path, seconds: int) -> None:
    """The look-up by email: its statement by itself, and the whole over HTTP with one and with eight connections."""
    held = installation()
    taken = []
    connection.ensure_connection()
    raw = connection.connection
    for n in range(3_000):
        token = held.tokens.search("email", "exact", f"p{n * 7919 % count}@mail.example")
        began = time.perf_counter()
        found = raw.execute(f"{BY_TOKENS} order by 1 limit 200", ([token],)).fetchall()
        taken.append(time.perf_counter() - began)
        assert len(found) == 1
    taken.sort()
    print(
        f"\nfind by email among {count:,}: in the database p50 {taken[1500] * 1e3:.2f} ms, p95 {taken[2850] * 1e3:.2f} ms"
    )
    bodies = folder / "find"
    bodies.write_text(
        "".join(
            "/api/v1/find " + json.dumps({"criteria": {"email": f"p{n * 7919 % count}@mail.example"}}) + "\n"
            for n in range(5_000)
        )
    )
    for connections in (2, 8):
        rate, p50, p95 = load(port, bodies, tokens, seconds, connections)
        print(f"  over HTTP, {connections} connections: {rate:,.0f}/s, p50 {p50:.1f} ms, p95 {p95:.1f} ms")


def main() -> None:
    """All figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--only", choices=("api", "page", "find"), action="append", help="default: all three")
    told = parser.parse_args()
    if not shutil.which("wrk"):
        sys.exit("bench.serving needs wrk (Debian: apt-get install wrk)")
    with _home, tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        subjects = bring_in(told.records)
        with servers() as ports:
            heads = {}
            for kind, lines in credentials(ports).items():
                heads[kind] = folder / kind
                heads[kind].write_text("\n".join(lines) + "\n")
            chosen = subjects[:: max(1, len(subjects) // 10_000)]
            ports = ports | {RELATED_READ: ports["orm"]}
            starts = {"api": "/api/v1/subjects/", RELATED_READ: "/api/v1/related/", "page": "/customers/"}
            for name, start in starts.items():
                (folder / name).write_text("".join(f"{start}{subject}\n" for subject in chosen))
            wanted = told.only or ("api", "page", "find")
            if "api" in wanted:
                compare(
                    "Show one customer, API, bearer token", (*MODES, RELATED_READ), ports,
                    (folder / "api", heads["token"]), rounds=told.rounds, seconds=told.seconds,
                )  # fmt: skip
                for pause in (0, 50, 100):
                    for mode, paths in (("checked", "api"), ("orm", "api"), ("orm", RELATED_READ)):
                        rate, p50, p95 = load(ports[mode], folder / paths, heads["token"], told.seconds, 8, pause)
                        print(
                            f"  {mode} ({paths}), 8 clients that wait {pause} ms on average between two: "
                            f"{rate:,.0f}/s, p50 {p50:.1f} ms, p95 {p95:.1f} ms"
                        )
            if "page" in wanted:
                compare(
                    "The record page, signed in by the web", MODES[:3], ports, (folder / "page", heads["cookie"]),
                    rounds=told.rounds, seconds=told.seconds,
                )  # fmt: skip
            if "find" in wanted:
                find_by_email(told.records, ports["checked"], folder, heads["token"], told.seconds)


if __name__ == "__main__":
    main()
