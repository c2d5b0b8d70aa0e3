"""Alerts told: by real mail to those who handle them, by a signed post to a real server; what fails is tried again alone."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.db import IntegrityError, connection
from django.test import override_settings

from kehu.guard import tasks
from kehu.guard.setup import open_owner
from kehu.guard.staff.actions import owner_actor
from kehu.guard.watch import engine, house, tell
from kehu.guard.watch.alerts import raise_alert
from kehu.guard.watch.health import check_watch
from tests.cast import staff
from tests.smtp import serving


class Letters:
    """What the SMTP server received."""

    def __init__(self):
        self.received = []
        self.refused = ""

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address == self.refused:
            return "550 No such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.received += [(to, envelope.content.decode()) for to in envelope.rcpt_tos]
        return "250 OK"


class Receiver:
    """A server that takes posts, or answers as it is told to."""

    def __init__(self):
        self.taken, self.status, self.refused = [], 204, 0
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = 422 if json.loads(body)["number"] == receiver.refused else receiver.status
                if status == 204:
                    receiver.taken.append((self.path, body, self.headers[tell.SIGNATURE]))
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/hooks/kehu?from=watch"


@pytest.fixture
def post(database):
    with serving(Letters(), OWNER_MAIL="owner@shop.example") as letters:
        yield letters


@pytest.fixture
def receiver(monkeypatch):
    held = Receiver()
    monkeypatch.setenv(house.WEBHOOK_SETTING, held.address)
    yield held
    held.server.shutdown()
    held.server.server_close()


def stand():
    with connection.cursor() as cursor:
        cursor.execute(
            "select number, mailed_at is not null, posted_at is not null, told_at is not null from watch_alert order by 1"
        )
        return cursor.fetchall()


def test_each_way_is_told_once_and_names_nobody(post, receiver):
    li, pia, ada = staff("service"), staff("privacy"), staff("auditor")
    staff("manager")
    one = raise_alert("volume", li.human, {"seen": 80})
    other = raise_alert("honey", pia.human, {"seen": 1})
    assert tell.deliver() == 2
    assert tell.deliver() == 0
    assert stand() == [(one, True, True, True), (other, True, True, True)]
    # to each of the office what is not about themselves, to the owner what is grave; to nobody else
    assert sorted(to for to, _ in post.received) == [
        "auditor@kehu.example",
        "owner@shop.example",
        "privacy@kehu.example",
    ]
    named = {to: {n for n in (one, other) if f"  {n} · " in letter} for to, letter in post.received}
    assert named == {
        "auditor@kehu.example": {one, other}, "privacy@kehu.example": {one}, "owner@shop.example": {other},
    }  # fmt: skip
    told = [json.loads(body) for _, body, _ in receiver.taken]
    assert [(sent["number"], sent["kind"], sent["severity"]) for sent in told] == [
        (other, "honey", "high"), (one, "volume", "medium"),
    ]  # fmt: skip
    assert {path for path, _, _ in receiver.taken} == {"/hooks/kehu?from=watch"}
    everything = str(post.received) + str(receiver.taken)
    for who in (li, pia, ada):
        assert str(who.human) not in everything
    assert "service@" not in everything


def test_the_post_is_signed_with_a_key_that_only_the_owner_is_told(post, receiver):
    li = staff("service")
    raise_alert("volume", li.human, {"seen": 80})
    tell.deliver()
    [(_, body, signature)] = receiver.taken
    at, _, said = signature.removeprefix("t=").partition(",v1=")
    key = bytes.fromhex(tell.secret(actor=owner_actor()))
    assert hmac.new(key, f"{at}.".encode() + body, hashlib.sha256).hexdigest() == said
    with pytest.raises(PermissionError):
        tell.secret(actor=staff("auditor"))


@pytest.mark.parametrize("status", [500, 302])
def test_what_is_not_taken_is_tried_again_alone_and_the_doctor_says_so(post, receiver, status):
    li = staff("service")
    staff("auditor")
    number = raise_alert("volume", li.human, {"seen": 80})
    receiver.status = status
    assert tell.deliver() == 0
    assert stand() == [(number, True, False, False)]
    letters = len(post.received)
    [found] = [one for one in check_watch(running=False) if one.id == "watch.webhook"]
    assert found.severity == "error" and f"status {status}" in found.text
    receiver.status = 204
    assert tell.deliver() == 1
    assert stand() == [(number, True, True, True)] and len(post.received) == letters
    assert not [one for one in check_watch(running=False) if one.id.startswith("watch.")]


def test_a_receiver_that_is_away_holds_no_mail_up(post, receiver):
    li = staff("service")
    staff("auditor")
    receiver.status = 500
    for back in range(50):
        raise_alert("volume", li.human, {"seen": 80}, day=date(2026, 9, 1) + timedelta(days=back))
    tell.deliver()
    number = raise_alert("honey", li.human, {"seen": 1})
    letters = len(post.received)
    tell.deliver()
    assert [to for to, _ in post.received[letters:]] == ["auditor@kehu.example", "owner@shop.example"]
    assert stand()[-1] == (number, True, False, False)


def test_an_alert_that_the_receiver_refuses_holds_no_other_up(post, receiver):
    li = staff("service")
    staff("auditor")
    receiver.refused = raise_alert("volume", li.human, {"seen": 80})
    other = raise_alert("honey", li.human, {"seen": 1})
    assert tell.deliver() == 1
    assert [json.loads(body)["number"] for _, body, _ in receiver.taken] == [other]
    assert "status 422" in next(one.text for one in check_watch(running=False) if one.id == "watch.webhook")


def test_one_that_grew_since_is_told_again_and_when_grave_to_the_owner(post, receiver):
    li = staff("service")
    staff("auditor")
    number = raise_alert("volume", li.human, {"seen": 40}, count=40)
    assert tell.deliver() == 1
    raise_alert("volume", li.human, {"seen": 60}, count=60)  # no graver
    tell.deliver()
    raise_alert("volume", li.human, {"seen": 4000}, count=4000, severity=3)
    for _ in range(2):
        tell.deliver()
    assert [to for to, _ in post.received] == ["auditor@kehu.example", "auditor@kehu.example", "owner@shop.example"]
    told = [json.loads(body) for _, body, _ in receiver.taken]
    assert [(sent["number"], sent["severity"]) for sent in told] == [(number, "medium"), (number, "high")]
    with pytest.raises(IntegrityError, match="stays told"), connection.cursor() as cursor:
        cursor.execute("update watch_alert set mailed_as = 1")


def test_an_alert_about_the_only_one_who_handles_them_goes_to_the_owner(post):
    pia = staff("privacy")
    number = raise_alert("colleague", pia.human, {"seen": 9}, count=9)
    with override_settings(OWNER_MAIL=""):
        assert tell.deliver() == 0  # there is nobody: the doctor says so after a week
    assert not post.received and stand() == [(number, False, False, False)]
    assert tell.deliver() == 1
    assert [to for to, _ in post.received] == ["owner@shop.example"]


def test_a_mailbox_that_is_refused_has_nobody_told_twice(post):
    staff("auditor"), staff("privacy")
    number = raise_alert("volume", staff("service").human, {"seen": 80})
    post.refused = "privacy@kehu.example"
    assert tell.deliver() == 1
    assert tell.deliver() == 0
    assert [to for to, _ in post.received] == ["auditor@kehu.example"]
    assert stand() == [(number, True, False, True)]
    assert "watch.mail" in {one.id for one in check_watch(running=False)}


def test_a_mail_server_that_is_away_holds_no_post_up(database, receiver):
    staff("auditor")
    number = raise_alert("volume", staff("service").human, {"seen": 80})
    backend = "django.core.mail.backends.smtp.EmailBackend"
    with override_settings(EMAIL_BACKEND=backend, EMAIL_HOST="127.0.0.1", EMAIL_PORT=1):
        assert tell.deliver() == 0
    assert stand() == [(number, False, True, False)]
    assert "watch.mail" in {one.id for one in check_watch(running=False)}


@pytest.mark.parametrize(
    "address", ["http://shop.example/x", "ftp://127.0.0.1/", "https://a:b@shop.example/", "https:///x", "shop.example"]
)
def test_only_tls_or_this_machine_is_posted_to(monkeypatch, address):
    monkeypatch.setenv(house.WEBHOOK_SETTING, address)
    with pytest.raises(ValueError, match=house.WEBHOOK_SETTING):
        house.webhook()


def test_the_doctor_says_when_the_watch_lags(database):
    staff("auditor")
    assert not [one for one in check_watch(running=True) if one.severity == "error"]
    with open_owner(database) as owner:
        owner.execute(
            "insert into ledger_entry (seq, at, entry, actor, human, department, action, decision, subjects, jurisdictions,"
            " reach, commitments, mac) overriding system value select 1000, now() - interval '20 minutes', gen_random_uuid(),"
            " gen_random_uuid(), gen_random_uuid(), 1, 1, ''::bytea, 0, '{}', '{}', ''::bytea, ''::bytea"
        )
        owner.execute("insert into ledger_leaf (index, seq, hash) values (0, 1000, sha256(''))")
    assert "watch.behind" in {one.id for one in check_watch(running=True)}
    assert "watch.behind" not in {one.id for one in check_watch(running=False)}


def test_a_look_that_fails_keeps_nothing_back_that_was_found_before(post, monkeypatch):
    raise_alert("honey", staff("service").human, {"rows": [1], "found": []})
    monkeypatch.setattr(engine, "look", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        tasks.watch(0)
    assert [to for to, _ in post.received] == ["owner@shop.example"]
