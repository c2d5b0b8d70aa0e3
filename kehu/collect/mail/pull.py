"""Fetching mail over IMAP: what is new is kept in the inbox, then counted as taken; the mailbox stays as it is.

The folder is opened to be read only, unless the house wants what was taken marked as seen. A message is known by its own id:
a mailbox that was rebuilt, or a crash between keeping and counting, brings nothing twice.
"""

from __future__ import annotations

import contextlib
import imaplib
import logging
import re
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import orjson
from django.utils import timezone

from kehu.collect.inbox.accept import InboxFull, Sender, accept
from kehu.collect.mail.boxes import KIND, TLS_PORT, is_here
from kehu.collect.mail.folders import folder_name
from kehu.collect.mail.message import MOST, read_mail, unread_mail
from kehu.collect.models import Mailbox
from kehu.collect.signed.secrets import open_for
from kehu.host.away import AWAY

_log = logging.getLogger("kehu.collect.mail")
_SECONDS: Final = 20
_WAITED: Final = 8  # seconds, by somebody at a page
_AT_ONCE: Final = 25
_MOST_AT_ONCE: Final = 2 << 20  # bytes of letters in one request of the inbox
_MOST_A_PULL: Final = 1_000
_MOST_SEARCHED: Final = (
    50_000  # letters in one search: its answer is one line, of which the library reads a million bytes
)
_UID: Final = re.compile(rb"UID (\d+)")
_SIZE: Final = re.compile(rb"RFC822\.SIZE (\d+)")
_CAME: Final = re.compile(
    rb'INTERNALDATE "( ?\d{1,2})-([A-Z][a-z]{2})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"'
)
_EARLIER: Final = -1  # in place of the size of one that came before the mailbox was named
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class PullFailed(RuntimeError):
    """A mailbox could not be read; ``word`` says why: never a server's own words, which may quote what it holds."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


@dataclass(frozen=True, slots=True)
class Pulled:
    """How many messages were looked at, and how many of them were not here before."""

    seen: int
    new: int


def pull(box: Mailbox) -> Pulled:
    """Fetch what is new, up to a thousand messages; how it ended stands with the mailbox.

    Raises:
        PullFailed: ``unreachable``, ``certificate``, ``no-tls``, ``sign-in``, ``folder``, ``protocol``, ``busy`` or ``fault``
            (something of ours broke down).
    """
    with _failing_in_a_word(box), _signed_in(box, _SECONDS) as server:
        found = _Folder(box, server).take()
    Mailbox.objects.filter(channel=box.channel).update(pulled_at=timezone.now(), failure="")
    return found


def try_out(box: Mailbox) -> None:
    """Sign in and open the folder, and take nothing: whoever has just named it waits for the answer.

    Raises:
        PullFailed: as :func:`pull`.
    """
    with _failing_in_a_word(box), _signed_in(box, _WAITED) as server:
        _Folder(box, server)


def pull_all() -> None:
    """Every mailbox; one that fails is seen with it, and the others go on."""
    for box in Mailbox.objects.order_by("channel"):
        try:
            pull(box)
        except PullFailed as failed:
            _log.warning("mail.failed", {"channel": box.channel, "why": failed.word})


@contextlib.contextmanager
def _failing_in_a_word(box: Mailbox) -> Iterator[None]:
    try:
        yield
    except InboxFull:
        raise _failed(box, "busy") from None
    except PullFailed as failed:
        raise _failed(box, failed.word) from None
    except ssl.SSLCertVerificationError:
        raise _failed(box, "certificate") from None
    except OSError:
        raise _failed(box, "unreachable") from None
    except (imaplib.IMAP4.error, ValueError, IndexError):
        raise _failed(box, "protocol") from None
    except AWAY:
        raise  # the database is away: no mailbox's failure, and nobody could write that it is
    except Exception as failure:  # whatever one mailbox does to us, the others go on
        # never its words: they may quote a letter
        _log.error("mail.fault", {"channel": box.channel, "failure": type(failure).__name__})
        raise _failed(box, "fault") from failure


def _failed(box: Mailbox, word: str) -> PullFailed:
    Mailbox.objects.filter(channel=box.channel).update(failure=word)
    return PullFailed(word)


@contextlib.contextmanager
def _signed_in(box: Mailbox, seconds: int) -> Iterator[imaplib.IMAP4]:
    """A connection after sign-in: under TLS, or on this machine."""
    context = ssl.create_default_context()
    server: imaplib.IMAP4
    if box.port == TLS_PORT:
        server = imaplib.IMAP4_SSL(box.host, box.port, ssl_context=context, timeout=seconds)
    else:
        server = imaplib.IMAP4(box.host, box.port, timeout=seconds)
    try:
        if box.port != TLS_PORT and "STARTTLS" in server.capabilities:
            server.starttls(ssl_context=context)
        elif box.port != TLS_PORT and not is_here(box.host):
            raise PullFailed("no-tls")
        try:
            _sign_in(server, box.account, open_for(box.channel, bytes(box.sealed)).decode())
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            raise PullFailed("sign-in") from None
        yield server
    finally:
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            server.logout()


def _sign_in(server: imaplib.IMAP4, account: str, password: str) -> None:
    if account.isascii() and password.isascii():
        server.login(_quoted(account), password)  # the library quotes the password alone
    else:  # LOGIN has no other letters (RFC 3501), SASL's PLAIN has (RFC 4616)
        server.authenticate("PLAIN", lambda _: f"\0{account}\0{password}".encode())


class _Folder:
    """The mailbox's folder, open."""

    def __init__(self, box: Mailbox, server: imaplib.IMAP4) -> None:
        self._box, self._server = box, server
        answer, held = server.select(_quoted(folder_name(box.folder)), readonly=not box.marks_seen)
        if answer != "OK":
            raise PullFailed("folder")
        self._letters = int(held[0] or 0)
        _, said = server.response("UIDVALIDITY")
        validity = int(said[0] or 0) if said and said[0] is not None else 0
        if validity != box.validity:  # rebuilt: its numbers mean other letters now
            box.validity, box.last = validity, 0

    def take(self) -> Pulled:
        """Keep what is new."""
        seen = new = 0
        for uids in self._batches():
            wanted = [(uid, size) for uid, size in uids if size != _EARLIER]
            messages = [made for uid, size in wanted if (made := self._message(uid, size)) is not None]
            ids = [message["own"] for message in messages]
            if messages:
                new += accept(Sender(self._box.channel, KIND), ids, {"m": messages})
            # only now: before, a crash would have lost them
            if self._box.marks_seen and wanted:
                self._call("STORE", ",".join(str(uid) for uid, _ in wanted), "+FLAGS.SILENT", r"(\Seen)")
            self._box.last = max(uid for uid, _ in uids)
            seen += len(wanted)
            if not self._still_named():
                break
        return Pulled(seen, new)

    def _still_named(self) -> bool:
        """Note how far it is; False: somebody named another folder meanwhile, or from another day on, and that begins anew."""
        box = self._box
        same = {name: getattr(box, name) for name in ("host", "account", "folder", "since")}
        held = Mailbox.objects.filter(channel=box.channel, **same)
        return held.update(validity=box.validity, last=box.last) == 1

    def _batches(self) -> Iterator[list[tuple[int, int]]]:
        """Numbers and sizes of new messages, some at a time, in their order; those before the mailbox was named have none.

        Raises:
            PullFailed: the server does not say how large one is that it has; those before it are yielded first.
        """
        wanted = self._wanted()
        for start in range(0, len(wanted), _AT_ONCE):
            batch, held = list[tuple[int, int]](), 0
            part = wanted[start : start + _AT_ONCE]
            sizes = self._sizes(part)
            untold = self._here([uid for uid in part if uid not in sizes])
            for uid in part:
                if untold and uid >= untold[0]:
                    break
                if (size := sizes.get(uid)) is None:
                    continue
                if batch and held + size > _MOST_AT_ONCE:
                    yield batch
                    batch, held = [], 0
                batch.append((uid, size))
                held += size
            if batch:
                yield batch
            if untold:
                raise PullFailed("protocol")

    def _wanted(self) -> list[int]:
        """Numbers of the first new messages, as many as a pull takes; searched some at a time."""
        since, first, found = self._box.since, self._box.last + 1, list[int]()
        if since is not None and since > date.min:
            since -= timedelta(days=1)  # a server's days are of its own zone: in the west of us it is yesterday there
        asked = ("SINCE", f"{since.day:02d}-{_MONTHS[since.month - 1]}-{since.year}") if since is not None else ()
        for place in range(_MOST_SEARCHED, self._letters, _MOST_SEARCHED):
            end = self._number_at(
                place
            )  # parts border on each other by number, whatever goes from the folder meanwhile
            if end >= first:
                found += self._search("UID", f"{first}:{end}", *asked)
                first = end + 1
            if len(found) >= _MOST_A_PULL:
                return found[:_MOST_A_PULL]
        # `n:*` names the last one in any case
        found += [uid for uid in self._search("UID", f"{first}:*", *asked) if uid >= first]
        return found[:_MOST_A_PULL]

    def _number_at(self, place: int) -> int:
        """The number of the message at a place of the folder; 0: it is gone meanwhile."""
        answer, lines = self._server.fetch(str(place), "(UID)")
        if answer != "OK":
            raise PullFailed("protocol")
        return next((int(uid[1]) for line in lines if isinstance(line, bytes) and (uid := _UID.search(line))), 0)

    def _search(self, *asked: str) -> list[int]:
        lines = self._call("SEARCH", *asked)
        return sorted({int(one) for line in lines if isinstance(line, bytes) for one in line.split()})

    def _here(self, uids: Sequence[int]) -> list[int]:
        """Those that are in the folder still: one that is gone may be passed over, one that an answer left out may not."""
        asked = set(uids)
        return [uid for uid in self._search("UID", ",".join(map(str, uids))) if uid in asked] if uids else []

    def _sizes(self, uids: Sequence[int]) -> dict[int, int]:
        since = self._box.since
        lines = self._call("FETCH", ",".join(map(str, uids)), "(UID RFC822.SIZE INTERNALDATE)")
        found: dict[int, int] = {}
        for line in lines:
            head = line[0] if isinstance(line, tuple) else line
            uid, size = _UID.search(head or b""), _SIZE.search(head or b"")
            if uid and size:
                came = _came(head or b"") if since is not None else None
                early = since is not None and came is not None and came < since
                found[int(uid[1])] = _EARLIER if early else int(size[1])
        return found

    def _message(self, uid: int, size: int) -> dict[str, Any] | None:
        """A letter, of one that cannot be read its head; None: it is gone meanwhile.

        Raises:
            PullFailed: the server has it and does not give it.
        """
        whole = size <= MOST
        part = "(BODY.PEEK[])" if whole else "(BODY.PEEK[HEADER]<0.65536>)"
        raw = next((line[1] for line in self._call("FETCH", str(uid), part) if isinstance(line, tuple)), None)
        if raw is None:
            if self._here([uid]):
                raise PullFailed("protocol")
            return None
        raw = raw[: MOST + 1]
        try:
            message = read_mail(raw, whole=whole)
            orjson.dumps(message)  # as the inbox will write it
        except Exception as failure:  # noqa: BLE001  (whatever one letter does to its reader, the others go on)
            _log.error("mail.unread", {"channel": self._box.channel, "failure": type(failure).__name__})
            return unread_mail(raw)
        return message

    def _call(self, command: str, *words: str) -> list[Any]:
        answer, lines = self._server.uid(command, *words)
        if answer != "OK":
            raise PullFailed("protocol")
        return list(lines)


def _came(head: bytes) -> date | None:
    """The day, of our clock, on which a letter came; None: the server does not say so."""
    found = _CAME.search(head)
    if found is None or (month := found[2].decode()) not in _MONTHS:
        return None
    day, year, hour, minute, second, east, west = (int(found[at]) for at in (1, 3, 4, 5, 6, 8, 9))
    away = timedelta(hours=east, minutes=west) * (-1 if found[7] == b"-" else 1)
    try:
        return (datetime(year, _MONTHS.index(month) + 1, day, hour, minute, min(second, 59), tzinfo=UTC) - away).date()
    except (ValueError, OverflowError):
        return None


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
