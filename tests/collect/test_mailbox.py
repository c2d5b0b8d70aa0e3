"""Mail fetched from a real server: once, by whom it is from, and left as it was; how letters are read: ``test_letters_read.py``."""

from __future__ import annotations

import imaplib
import time
from datetime import UTC, date, datetime, timedelta
from datetime import time as clock
from email.message import EmailMessage
from typing import Any

import pytest
from django.db import connection

from kehu.collect.inbox import accept as accepting
from kehu.collect.inbox.drain import drain_all, forget_seen
from kehu.collect.mail import pull as pulling
from kehu.collect.mail.boxes import BoxRefused, set_box
from kehu.collect.mail.health import check_mailboxes
from kehu.collect.mail.pull import PullFailed, pull, pull_all, try_out
from kehu.collect.models import Mailbox, Quarantined
from kehu.collect.quarantine import aging
from kehu.collect.quarantine.source import open_refused
from kehu.govern.channels import add_channel
from kehu.guard.gate.acts import ActRefused
from kehu.guard.gate.read import gate
from kehu.guard.ledger import queries as ledger
from kehu.guard.staff.actions import owner_actor
from tests.cast import admit, staff
from tests.collect import dovecot

MARK = "CANARYzq44"


@pytest.fixture
def channel(database, monkeypatch):
    monkeypatch.setattr(accepting, "_held", accepting._Held())
    made, _ = add_channel("service mail", "mailbox", owner=owner_actor().staff, country="CN")
    return made


def box_of(channel, server, **more: Any) -> Mailbox:
    told = {
        "host": "127.0.0.1",
        "port": server.port,
        "account": dovecot.ACCOUNT,
        "password": dovecot.PASSWORD,
        "everything": True,
    }
    return set_box(channel, actor=owner_actor(), **(told | more))


def letter(sender: str = "Lin <lin@mail.example>", text: str = "When does it come?", **heads: str) -> bytes:
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, dovecot.ACCOUNT, heads.pop("subject", "My order")
    made["Date"], made["Message-ID"] = (
        "Mon, 23 Nov 2026 10:00:00 +0800",
        heads.pop("id", f"<{time.time_ns()}@mail.example>"),
    )
    for name, value in heads.items():
        made[name.replace("_", "-")] = value
    made.set_content(text)
    return made.as_bytes()


def count(query: str, *given: object) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(query, given)
        return cursor.fetchone()[0]


def test_mail_comes_in_once_as_its_writers_and_the_mailbox_stays_as_it_was(channel, imap):
    [lin] = admit({"full_name": "林婉清", "email": "lin@mail.example"})
    imap.put(
        letter(text=f"When? {MARK}"),
        letter(text="And the invoice?"),
        letter("stranger@mail.example"),
        b"From: \r\n\r\nnobody\r\n",
    )
    flags = imap.flags()
    box = box_of(channel, imap)
    assert dovecot.PASSWORD.encode() not in bytes(box.sealed)
    assert (pull(box).seen, pull(Mailbox.objects.get()).seen) == (4, 0)
    assert count("select count(*) from record where kind = 4") == 0 and accepting.waiting()[0] == 4
    with connection.cursor() as cursor:
        cursor.execute("select sealed from inbox")
        assert not any(MARK.encode() in bytes(row[0]) for row in cursor.fetchall())
    assert drain_all() == 4 and count("select count(*) from record where kind = 4") == 3
    assert list(Quarantined.objects.values_list("reason", flat=True)) == ["message_names_nobody"]
    assert imap.flags() == flags  # nothing moved, nothing marked
    # two letters of one writer, probably hers; the stranger is nobody known
    assert count("select count(distinct subject) from subject_state where customer = %s", lin) == 2
    assert count("select core from subject_state where customer = %s and subject <> %s", lin, lin) != lin  # not certain
    opened = gate().open([lin], actor=staff("service"), purpose="service")[0]
    said = {one.field: one.normal or one.given for one in opened.contributions}
    assert said["kind"] == "email" and said["topic"] == "My order" and said["at"].startswith("2026-11-23")
    imap.rebuild()  # other numbers, the same letters
    box = Mailbox.objects.get()
    before = box.validity
    assert pull(box).new == 0 and Mailbox.objects.get().validity != before
    with connection.cursor() as cursor:
        cursor.execute("delete from inbox_seen")  # as after a week
    Mailbox.objects.update(last=0)
    assert pull(Mailbox.objects.get()).new == 4
    drain_all()
    assert count("select count(*) from record where kind = 4") == 3


def test_what_was_refused_is_not_refused_again_by_a_mailbox_that_is_built_anew(channel, imap, monkeypatch):
    imap.empty()
    nobody, strange = b"From: \r\n\r\nnobody\r\n", letter(subject="strange")
    imap.put(nobody, strange, letter())
    real = pulling.read_mail

    def read(raw: bytes, *, whole: bool = True) -> dict[str, Any]:
        if b"strange" in raw:
            raise KeyError
        return real(raw, whole=whole)

    def brought_again(days: int) -> int:
        """Letters that come in once more from a mailbox built anew so many days later."""
        with connection.cursor() as cursor:
            cursor.execute("update inbox_seen set day = day - %s", [days])
        forget_seen()
        imap.rebuild()
        return pull(Mailbox.objects.get()).new

    monkeypatch.setattr(pulling, "read_mail", read)
    box_of(channel, imap)
    assert pull(Mailbox.objects.get()).new == 3 == drain_all()
    assert Quarantined.objects.count() == 2
    assert brought_again(20) == 1  # a record is known by itself
    drain_all()
    assert Quarantined.objects.count() == 2 and count("select count(*) from record where kind = 4") == 1
    monkeypatch.setattr(aging, "kept_days", lambda: -1)  # as after thirty days
    assert aging.forget_old(actor=owner_actor()) == 2 and brought_again(400) == 1
    drain_all()
    assert not Quarantined.objects.filter(settled=None).exists()


def test_a_crash_before_it_counts_as_taken_brings_nothing_twice(channel, imap, monkeypatch):
    imap.empty()
    imap.put(letter(id="<once@mail.example>"))
    box = box_of(channel, imap)
    with monkeypatch.context() as patch:  # killed between the two
        patch.setattr(Mailbox.objects, "filter", lambda **_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            pull(box)
    assert Mailbox.objects.get().last == 0 and accepting.waiting()[0] == 1
    again = pull(Mailbox.objects.get())
    assert (again.seen, again.new) == (1, 0) and drain_all() == 1
    # another's letter under the same id hides nothing
    imap.put(letter("wang@mail.example", id="<once@mail.example>"))
    assert pull(Mailbox.objects.get()).new == 1


@pytest.mark.parametrize("left_out", ["RFC822.SIZE", "BODY.PEEK"])
def test_a_letter_that_an_answer_leaves_out_is_not_passed_over(channel, imap, monkeypatch, left_out):
    imap.empty()
    imap.put(letter(text="one"), letter(text="two"), letter(text="three"))
    box, real, gone = box_of(channel, imap), imaplib.IMAP4.uid, []

    def uid(server, command, *words):
        answer, lines = real(server, command, *words)
        if command == "FETCH" and left_out in words[1] and not gone:
            place = next(
                (n for n, line in enumerate(lines) if b"2 (" in (line[0] if type(line) is tuple else line)), None
            )
            if place is not None:
                gone.append(lines.pop(place))
        return answer, lines

    with monkeypatch.context() as patch:
        patch.setattr(imaplib.IMAP4, "uid", uid)
        with pytest.raises(PullFailed):
            pull(box)
    assert gone and Mailbox.objects.get().failure == "protocol"
    pull(Mailbox.objects.get())
    assert accepting.waiting()[0] == drain_all() == 3 and Mailbox.objects.get().failure == ""


def test_a_letter_that_nobody_foresaw_stops_neither_its_mailbox_nor_the_next(channel, imap, monkeypatch, caplog):
    imap.empty()
    imap.put(
        letter(text="one"), letter("wang@mail.example", text=f"two {MARK}", subject="strange"), letter(text="three")
    )
    box, real = box_of(channel, imap), pulling.read_mail

    def read(raw: bytes, *, whole: bool = True) -> dict[str, Any]:
        if b"strange" in raw:
            raise KeyError(MARK)
        return real(raw, whole=whole)

    monkeypatch.setattr(pulling, "read_mail", read)
    assert pull(box).new == 3 and Mailbox.objects.get().failure == ""
    assert "mail.unread" in caplog.text and MARK not in caplog.text
    drain_all()
    assert count("select count(*) from record where kind = 4") == 2
    [aside] = Quarantined.objects.all()
    assert aside.reason == "message_not_taken_in"
    [(_, content)] = open_refused([aside.id], actor=owner_actor(), detail=None).values()
    assert b"Subject: strange" in content and MARK.encode() not in content  # where to find it: it stays in the mailbox
    assert (pull(Mailbox.objects.get()).seen, accepting.waiting()[0]) == (0, 0)


def test_a_mailbox_that_fails_as_nobody_foresaw_is_seen_with_it_and_the_others_go_on(channel, imap, kehu, caplog):
    imap.empty()
    imap.put(letter())
    box_of(channel, imap)
    Mailbox.objects.update(sealed=b"\0" * 60)  # nobody can open its password
    other, _ = add_channel("second mail", "mailbox", owner=owner_actor().staff, country="CN")
    box_of(other, imap)
    pull_all()
    assert {box.channel: (box.failure, box.last > 0) for box in Mailbox.objects.all()} == {
        channel.id: ("fault", False),
        other.id: ("", True),
    }
    assert "mail.fault" in caplog.text
    [finding] = check_mailboxes()
    assert finding.id == "mailbox.failed" and "service mail" in finding.text
    assert kehu("channel", "pull", "service mail").json["error"]["code"] == "mail-fault"


def test_only_what_comes_from_now_on_unless_told_and_seen_only_if_wanted(channel, imap):
    imap.empty()
    with imap.client() as held:
        held.append("INBOX", "", '"01-Jan-2020 10:00:00 +0000"', letter(text="old"))
    imap.put(letter(text="new"))
    assert pull(box_of(channel, imap, everything=False, marks_seen=True)).seen == 1
    flags = imap.flags()
    assert sum(rb"\Seen" in one for one in flags) == 1 and len(flags) == 2


def test_named_anew_while_it_is_fetched_it_begins_where_that_says(channel, imap, monkeypatch):
    """A first fetch of a thousand letters takes minutes, in which somebody finds that they want all of them."""
    imap.empty()
    with imap.client() as held:
        held.append("INBOX", "", '"01-Jan-2020 10:00:00 +0000"', letter(text="old"))
    imap.put(*(letter(text=f"new {number}") for number in range(pulling._AT_ONCE + 1)))
    box = box_of(channel, imap, everything=False)
    kept = pulling.accept

    def named_meanwhile(*given: Any) -> int:
        if Mailbox.objects.get().since is not None:
            box_of(channel, imap)
        return kept(*given)

    monkeypatch.setattr(pulling, "accept", named_meanwhile)
    pull(box)
    assert Mailbox.objects.get().last == 0
    assert pull(Mailbox.objects.get()).seen == pulling._AT_ONCE + 2
    assert drain_all() == pulling._AT_ONCE + 2


@pytest.mark.parametrize("zone", ["WEST10", "EAST-12"])
def test_from_now_on_is_by_one_clock_whatever_the_servers_zone(channel, zone):
    """A server looks for days of its own zone: in the evening of one in the west it is tomorrow here."""
    with dovecot.running(zone=zone) as server:
        box = box_of(channel, server, everything=False)
        today = datetime.combine(box.since, clock(), UTC)
        for hours, text in ((-5, "before"), (1, "evening in the west"), (-2, "before, too"), (20, "later")):
            at = imaplib.Time2Internaldate(today + timedelta(hours=hours))
            with server.client() as held:
                held.append("INBOX", "", at, letter(text=text))
        assert pull(box).seen == 2
        last = Mailbox.objects.get().last
        assert (last, pull(Mailbox.objects.get()).seen) == (4, 0)
    assert drain_all() == 2


def test_said_again_it_goes_on_where_it_was(channel, imap):
    """Another password after some days: what came meanwhile is fetched; all of it, where everything is wanted now."""
    imap.empty()
    box_of(channel, imap, everything=False)
    with imap.client() as held:
        held.append("INBOX", "", '"01-Jan-2020 10:00:00 +0000"', letter(text="long ago"))
        held.append("INBOX", "", '"20-Nov-2026 10:00:00 +0000"', letter(text="while the password was wrong"))
    Mailbox.objects.update(since=date(2026, 11, 19))
    assert pull(box_of(channel, imap, everything=False)).seen == 1
    assert pull(box_of(channel, imap, everything=False)).seen == 0
    found = pull(box_of(channel, imap, everything=True))
    assert (found.seen, found.new) == (2, 1)
    assert pull(box_of(channel, imap, everything=True)).seen == 0


@pytest.mark.parametrize("account", ["Sales Desk", 'o"brien', "a\\b"])
def test_an_account_signs_in_whatever_stands_in_its_name(channel, imap, account):
    imap.empty()
    imap.put(letter())
    assert pull(box_of(channel, imap, account=account)).new == 1


def test_an_account_and_a_password_may_have_any_letters(channel, imap):
    password = "Schlüssel-für-茶-zq"
    with dovecot.running(password=password) as server:
        for account in (dovecot.ACCOUNT, "客服@kehu.example"):
            assert pull(box_of(channel, server, account=account, password=password)).seen == 0
        with pytest.raises(PullFailed, match="sign-in"):
            pull(box_of(channel, server, password=password + "é"))


@pytest.mark.parametrize(
    ("name", "held"),
    [("台北", "&U,BTFw-"), ("Anfragen & Rückfragen", "Anfragen &- R&APw-ckfragen"), ("R&D-Support", "R&-D-Support")],
)
def test_a_folder_may_have_any_name(channel, imap, name, held):
    with imap.client() as server:
        server.create(f'"{held}"')
        server.append(f'"{held}"', "", imaplib.Time2Internaldate(time.time()), letter())
    assert pull(box_of(channel, imap, folder=name)).new == 1
    assert pull(box_of(channel, imap, folder=held)).seen == 1  # as the server itself writes it


def test_a_mailbox_of_any_size_comes_in_part_by_part(channel, imap, monkeypatch):
    """The answer to a search is one line, and the library reads lines up to a bound."""
    imap.empty()
    imap.drop(180, letter(id="<id@mail.example>"))
    monkeypatch.setattr(imaplib, "_MAXLINE", 600)
    monkeypatch.setattr(pulling, "_MOST_SEARCHED", 60)
    monkeypatch.setattr(pulling, "_MOST_A_PULL", 70)
    box_of(channel, imap)
    assert [pull(Mailbox.objects.get()).seen for _ in range(4)] == [70, 70, 40, 0]
    assert accepting.waiting()[0] == 180
    Mailbox.objects.update(since=date(2026, 1, 1), last=Mailbox.objects.get().last - 20)
    assert pull(Mailbox.objects.get()).seen == 20


def test_trying_it_out_takes_nothing(channel, imap):
    imap.empty()
    imap.put(letter())
    box = box_of(channel, imap)
    try_out(box)
    assert accepting.waiting()[0] == 0 and Mailbox.objects.get().pulled_at is None
    with pytest.raises(PullFailed, match="folder"):
        try_out(box_of(channel, imap, folder="Nowhere"))
    assert Mailbox.objects.get().failure == "folder"


def test_a_mailbox_is_named_and_fetched_by_command(channel, imap, kehu):
    imap.empty()
    imap.put(letter(), letter())
    box = ("--host", "127.0.0.1", "--port", imap.port, "--account", dovecot.ACCOUNT, "--everything")
    named = kehu("channel", "mailbox", "service mail", *box, input=dovecot.PASSWORD + "\n")
    assert named.json["since"] is None and named.json["port"] == imap.port
    assert kehu("channel", "pull", "service mail").json == {"seen": 2, "new": 2}
    kehu("channel", "mailbox", "service mail", *box, input="wrong\n")
    assert kehu("channel", "pull", "service mail").json["error"]["code"] == "mail-sign-in"


def test_what_goes_wrong_has_a_word_and_no_password_goes_without_tls(channel, imap, monkeypatch):
    for word, more in {
        "sign-in": {"password": "wrong"},
        "folder": {"folder": "Nowhere"},
        "unreachable": {"port": 1},
    }.items():
        with pytest.raises(PullFailed) as failed:
            pull(box_of(channel, imap, **more))
        assert failed.value.word == word == Mailbox.objects.get().failure
    pull_all()  # one that fails stops nobody
    [finding] = check_mailboxes()
    assert finding.id == "mailbox.failed" and "service mail" in finding.text
    monkeypatch.setattr("kehu.collect.mail.pull.is_here", lambda _: False)
    with pytest.raises(PullFailed, match="no-tls"):
        pull(box_of(channel, imap))
    with pytest.raises(ActRefused):
        set_box(channel, actor=staff("auditor"), host="h", account="a", password="p")
    assert {one["action"] for one in ledger.rows(limit=3)} == {"channel"}  # who named it stands there
    for wrong in ({"host": ""}, {"host": "a\r\nb"}, {"folder": "x" * 201}, {"port": 0}, {"password": "a\nb"}):
        with pytest.raises(BoxRefused):
            box_of(channel, imap, **wrong)


def test_under_tls_only_a_server_with_a_trusted_certificate_gets_the_password(channel, imap, monkeypatch):
    with dovecot.running(tls=True) as server:
        box = box_of(channel, server, host="localhost")
        with pytest.raises(PullFailed, match="certificate"):
            pull(box)
        monkeypatch.setenv("SSL_CERT_FILE", str(server.certificate))
        assert pull(Mailbox.objects.get()).seen == 0
        with pytest.raises(PullFailed, match="certificate"):  # another name than it says
            pull(box_of(channel, server, host="127.0.0.1"))
