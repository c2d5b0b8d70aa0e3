"""The web server killed while a file is half sent: nothing of it lies anywhere in clear, and a day later nothing at all."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from kehu.collect.imports import abandoned, actions, staging
from kehu.collect.imports.recipe import ImportTerms
from kehu.collect.models import Import
from kehu.collect.quarantine.actions import recipe_of_import
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.host.home import Home
from kehu.host.process import PARENT
from tests.doors.web.browsing import signed_in
from tests.places import places

MARK = f"canary{uuid.uuid4().hex[:12]}"
WHOLE, SENT = 40 << 20, 20 << 20


def _free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return int(held.getsockname()[1])


@pytest.fixture
def web(database, tmp_path):
    """The server as the supervisor starts it, and its log; killed at the end, whatever happened."""
    port, log = _free_port(), tmp_path / "web.log"
    told = {"KEHU_PORT": str(port), "KEHU_ROLE": "kehu_app", PARENT: str(os.getpid()), "PYTHONUNBUFFERED": "1"}
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "kehu.host.process", "kehu.host.web:main"], env=os.environ | told, stdout=out, stderr=out,
            stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    end = time.monotonic() + 120
    while not _answers(port):
        assert server.poll() is None and time.monotonic() < end, log.read_text()
        time.sleep(0.1)
    yield port, server, log
    if server.poll() is None:
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def _answers(port: int) -> bool:
    ask = http.client.HTTPConnection("localhost", port, timeout=30)
    try:
        ask.request("GET", "/healthz")
        return ask.getresponse().status == 200
    except OSError:
        return False
    finally:
        ask.close()


def _in_clear(database) -> set[str]:
    with open_owner(database) as owner:
        owner.execute("checkpoint")
    found = subprocess.run(["grep", "-rlaF", MARK, *places(database)], capture_output=True, text=True).stdout
    # where Django would have put it; what others keep there is theirs
    written = [path for path in Path(tempfile.gettempdir()).iterdir() if path.is_file()]
    return {*found.splitlines(), *(str(path) for path in written if _holds(path))}


def _holds(path: Path) -> bool:
    try:
        return MARK.encode() in path.read_bytes()
    except OSError:
        return False


def test_an_upload_killed_midway_lies_nowhere_in_clear(web, database):
    port, server, log = web
    for left in (Home.current() / "spool").glob("*.sealed"):  # of tests before, whose databases are gone
        left.unlink()
    desk, _ = signed_in("service")
    session = f"kehu_session={desk.cookies['kehu_session'].value}"
    ask = http.client.HTTPConnection("localhost", port, timeout=90)
    ask.request("GET", "/imports", headers={"Cookie": session})
    page = ask.getresponse()
    assert page.status == 200
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.read().decode())[1]
    ask.close()
    mark = re.search(r"kehu_csrf=([^;]+)", page.headers["Set-Cookie"])[1]
    bound = "boundary0f0this0test"
    head = (
        f'--{bound}\r\nContent-Disposition: form-data; name="csrfmiddlewaretoken"\r\n\r\n{token}\r\n--{bound}\r\n'
        f'Content-Disposition: form-data; name="file"; filename="{MARK}.csv"\r\nContent-Type: text/csv\r\n\r\n'
    ).encode()
    with socket.create_connection(("127.0.0.1", port), timeout=90) as sender:
        sender.sendall(
            f"POST /imports/upload HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: {session}; kehu_csrf={mark}\r\n"
            f"Content-Type: multipart/form-data; boundary={bound}\r\nContent-Length: {WHOLE}\r\n\r\n".encode()
            + head
        )
        row = f"{MARK}1,{MARK} ann,{MARK}@mail.example\n".encode()
        block = row * (1 + (1 << 20) // len(row))
        for _ in range(SENT // len(block) + 1):
            sender.sendall(block)
        end = time.monotonic() + 90
        while time.monotonic() < end and not _half_here():
            time.sleep(0.05)
        assert _half_here(), "the upload is not streamed: nothing of it was sealed while it was being sent"
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    assert MARK not in log.read_text(errors="replace")
    assert _in_clear(database) == set()
    [left] = staging.spooled()
    assert abandoned.forget_left(actor=owner_actor()) == 0  # it may be under way
    with pytest.MonkeyPatch.context() as later:
        later.setattr(timezone, "now", lambda now=timezone.now: now() + timedelta(hours=25))
        assert abandoned.forget_left(actor=owner_actor()) == 1
    assert staging.spooled() == []
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from subject_key where subject = %s", [left])
        assert cursor.fetchone()[0] == 0


def _half_here() -> bool:
    return sum(path.stat().st_size for path in (Home.current() / "spool").glob("*.sealed")) > 4 << 20


def test_the_search_would_have_found_it(database):
    (Home.current() / "spool" / "leak").write_text(MARK)
    try:
        assert any(path.endswith("/spool/leak") for path in _in_clear(database))
    finally:
        (Home.current() / "spool" / "leak").unlink()


def test_what_an_import_reads_stays_until_it_has_failed_for_a_day(database, tmp_path, monkeypatch):
    who = owner_actor()
    staged = staging.stage([b"external_id,full_name,email\nK1,Ann,no-address\n"], name="a.csv", actor=who)
    mends = {"2": {"email": "ann@mail.example"}}
    asked = ImportTerms(files=(staged,), channel="store", basis="contract", mends=mends)
    import_id = actions.start(actions.plan(asked, actor=who), actor=who)
    monkeypatch.setattr(timezone, "now", lambda now=timezone.now: now() + timedelta(hours=25))
    abandoned.forget_left(actor=who)
    assert staged in staging.spooled()
    with open_owner(database) as owner:
        owner.execute("update collect_import set state = 'failed', started_at = now() - interval '25 hours'")
    abandoned.forget_left(actor=who)
    assert staged not in staging.spooled()
    held = Import.objects.get(id=import_id)
    assert recipe_of_import(held, who).files[0].mends == {}  # what somebody put right is not kept, either


def test_what_failed_for_good_is_looked_at_once(database, tmp_path):
    """Its settings are opened to forget what was put right for it; every hour after that it would stand in the ledger anew."""
    who, path = owner_actor(), tmp_path / "in.csv"
    path.write_text("external_id,full_name\nK1,Ann\n")
    asked = ImportTerms(files=(path,), channel="store", basis="contract", mends={"2": {"full_name": "Ann Lee"}})
    import_id = actions.start(actions.plan(asked, actor=who), actor=who)

    def failed_a_day_ago():
        with open_owner(database) as owner:
            owner.execute("update collect_import set state = 'failed', started_at = now() - interval '25 hours'")

    def rows():
        abandoned.forget_left(actor=who)
        with connection.cursor() as cursor:
            cursor.execute("select count(*) from ledger_entry")
            return cursor.fetchone()[0]

    failed_a_day_ago()
    assert len({rows() for _ in range(3)}) == 1
    assert actions.start(actions.plan(asked, actor=who), actor=who) == import_id  # sent again, and failed again
    failed_a_day_ago()
    rows()
    assert recipe_of_import(Import.objects.get(), who).files[0].mends == {}
