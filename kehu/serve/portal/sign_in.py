"""Coming in: an address, the code mailed to it, and where several share the mailbox one more fact."""

from __future__ import annotations

import datetime as dt
import logging
import smtplib
import threading
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.core.mail import EmailMessage
from django.db import DatabaseError, connection

from kehu.govern.slugs import RECORD_KINDS
from kehu.guard.gate.read import Contribution
from kehu.guard.guests import credentials
from kehu.guard.guests.codes import CodeRefused, ask_code, pass_code, passed_code
from kehu.guard.guests.credentials import SignIn
from kehu.guard.guests.matching import candidates, confirm_fact, fitting, meant, said_addresses
from kehu.host.mail import OutboxClosed
from kehu.refine.clean.dates import parse_date
from kehu.refine.clean.emails import normal_email
from kehu.refine.clean.keys import search_keys
from kehu.refine.clean.text import normal_string
from kehu.refine.survive import survive, when

_log = logging.getLogger("kehu.portal")
_LONGEST: Final = 254  # of an address, RFC 5321
_EDIT: Final = RECORD_KINDS["edit"]
_LONGEST_NAME: Final = 120
_LONGEST_FACT: Final = 64
_WAITING: Final = 200  # letters in memory; beyond that some are dropped and asked for again
_post = ThreadPoolExecutor(max_workers=2, thread_name_prefix="kehu-post")
_room = threading.BoundedSemaphore(_WAITING)


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail as the door worded it."""

    subject: str
    text: str = field(repr=False)


def ask(typed: str, *, client: str, fact: str, subject: str, text: str) -> str:
    """Ask for a code; returns the secret for the asker's cookie. Whether anybody has that address nobody learns here:
    the look-up and the mail follow the answer. ``text`` has a place ``{code}``.
    """
    address = _address(typed)
    asked = ask_code(address, client=client)
    if _room.acquire(blocking=False):
        letter = Letter(subject, text.format(code=asked.code))
        _post.submit(_deliver, address, letter, None if asked.free else _facts(fact))
    return asked.secret


def enter(secret: str, typed: str, code: str) -> SignIn | None:
    """Come in with a code; None where one more fact is needed (also where nobody is there: nothing tells).

    Raises:
        CodeRefused: it does not count.
    """
    address = _address(typed)
    passed = pass_code(secret, "".join(normal_string(code[:_LONGEST]).split()), address=address)
    found = candidates(_key(address))
    if len(found) != 1 or found[0].child:
        return None
    return _open(credentials.sign_in(found[0].subject, code=passed), address)


def enter_with_fact(secret: str, typed: str, fact: str, name: str = "") -> SignIn:
    """Come in with a second fact after the code, as the one of those who share the mailbox whom it means.

    Where it fits several, their own full ``name`` says which: :func:`kehu.guard.guests.matching.meant`. Whoever stands here
    twice comes in as one of the two, and joins the other by what they name of it.

    Raises:
        CodeRefused: it means nobody, or there were too many tries.
    """
    address = _address(typed)
    passed = passed_code(secret, address=address)
    key = search_keys("full_name", normal_string(name[:_LONGEST_NAME]), "name").exact
    subject = meant(candidates(_key(address)), _facts(fact), name=key)
    if subject is None:
        raise CodeRefused("fact")
    return _open(credentials.sign_in(subject, code=passed, confirmed=True), address)


def confirm(guest: credentials.Guest, fact: str) -> bool:
    """A second fact given while signed in: for ten minutes sensitive values open."""
    return confirm_fact(guest.actor, guest.subject, _facts(fact))


def drain() -> None:
    """Wait until every letter of this process is out."""
    for _ in range(_WAITING):
        _room.acquire()
    for _ in range(_WAITING):
        _room.release()


def _open(made: SignIn, address: str) -> SignIn:
    if address not in _counting(said_addresses(made.guest.actor, made.guest.subject)):
        credentials.sign_out(made.guest.actor)
        raise CodeRefused("address")
    return made


def _counting(said: Sequence[Contribution]) -> set[str | None]:
    """The addresses that count: of each origin subject the one that survives, save where an edit of another put it right since.

    One that was put right, or that a later record took the place of, may be a stranger's mailbox by now. And the index folds
    accents and width away, so that two mailboxes can share a token: a code sent to one must not open the other's owner.
    """
    by_origin: dict[UUID, list[Contribution]] = defaultdict(list)
    for one in said:
        by_origin[one.subject].append(one)
    standing = [held.said for own in by_origin.values() for held in survive(own).values()]
    edits = {one.subject: one for one in standing if one.kind == _EDIT}
    wrong: dict[str | None, int] = {}
    for one in said:
        edit = edits.get(one.subject)
        if edit is not None and edit.normal != one.normal:
            wrong[one.normal] = max(wrong.get(one.normal, 0), when(edit))
    return {
        one.normal
        for one in standing
        if one.subject in edits or one.normal not in wrong or when(one) > wrong[one.normal]
    }


def _deliver(address: str, letter: Letter, facts: dict[str, str] | None) -> None:
    """Send a code to an address that somebody here has; with facts, only where one fits."""
    try:
        found = candidates(_key(address))
        if found and (facts is None or fitting(found, facts)):
            EmailMessage(letter.subject, letter.text, to=[address]).send()
    except (OSError, ValueError, smtplib.SMTPException, OutboxClosed, DatabaseError):
        _log.warning("guest.mail.failed", exc_info=True)
    finally:
        connection.close()
        _room.release()


def _address(typed: str) -> str:
    """The normalised address, as records have it; what is none keeps its place, so that it is answered like any other."""
    return normal_email(normal_string(typed[:_LONGEST])) or f"\0{typed[:_LONGEST].strip().casefold()}"


def _key(address: str) -> str:
    return search_keys("email", address, "email").exact


def _facts(typed: str) -> dict[str, str]:
    """What a fact may be: a customer number, or a birth date."""
    text = normal_string(typed[:_LONGEST_FACT])
    if not text:
        return {}
    facts = {"external_id": search_keys("external_id", text, "code").exact}
    born = parse_date(text, day_first=True, today=dt.datetime.now(dt.UTC).date())
    return facts | ({"birth_date": born.isoformat()} if born else {})
