"""One-time codes by mail: asked for by anybody for any address, right only in the browser that asked.

Whether an address is known here is not asked in this module, so nothing of it can tell. A code belongs to one asker:
whoever asks for somebody else's address spends their own tries, never those of its owner. An address asked for often
is never closed: its codes become too long to be guessed, and only under a flood from many places, or to a client that
asks on and on, does a code go to those alone who also name a fact that fits (see :mod:`.matching`).
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import ipaddress
import secrets
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from kehu.guard.installation import installation

VALID_SECONDS: Final = 600
TRIES: Final = 5
FACT_TRIES: Final = 3
FACT_TRIES_A_DAY: Final = 30  # at one mailbox, by whoever reads it, however often they come in
SHORT_PER_HOUR: Final = 5  # codes of six digits for one address, from wherever
SHORT_PER_DAY: Final = 10
# beyond any of these a letter goes only to who names a fact that fits
FREE_PER_ADDRESS: Final = 30  # an hour, from wherever
FREE_PER_CLIENT: Final = 20  # an hour, for whatever addresses
FREE_PER_PAIR: Final = 5  # an hour, from one client for one address
_DIGITS: Final = 6
_DIGITS_OF_MANY: Final = 10  # guesses at short codes of an address: at most SHORT_PER_DAY * TRIES in a million a day
_COUNTED: Final = 50  # rows looked at to count; more make no difference
_SWEPT: Final = 20

# everything asked for an address in an hour and a day; what may have gone out; the same from this client; of this client
_COUNT: Final = f"""
select
    (select count(*) from (select 1 from guest_code where address = %(address)s
        and at > clock_timestamp() - interval '1 hour' limit {_COUNTED}) x),
    (select count(*) from (select 1 from guest_code where address = %(address)s
        and at > clock_timestamp() - interval '1 day' limit {_COUNTED}) x),
    (select count(*) from (select 1 from guest_code where address = %(address)s and letter
        and at > clock_timestamp() - interval '1 hour' limit {_COUNTED}) x),
    (select count(*) from (select 1 from guest_code where address = %(address)s and client = %(client)s and letter
        and at > clock_timestamp() - interval '1 hour' limit {_COUNTED}) x),
    (select count(*) from (select 1 from guest_code where client = %(client)s
        and at > clock_timestamp() - interval '1 hour' limit {_COUNTED}) x)
"""


class CodeRefused(PermissionError):
    """Wrong, expired, used, tried too often, or of another browser: which of them is not said."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A code that was asked for. ``secret`` goes to the asker's cookie, ``code`` to the mailbox, neither is kept.

    ``free``: it goes out without a fact.
    """

    secret: str = field(repr=False)
    code: str = field(repr=False)
    free: bool


def ask_code(address: str, *, client: str) -> Asked:
    """Make a code for a normalised address; ``client`` is the network address that asks."""
    secret = secrets.token_urlsafe(32)
    keys = {"address": address_token(address), "client": client_token(client)}
    with transaction.atomic(), connection.cursor() as cursor:
        # one at a time for one client and one address, always in this order, or many at once would all count as the first
        for held in (keys["client"], keys["address"]):
            cursor.execute("select pg_advisory_xact_lock(%s)", [_lock_of(held)])
        cursor.execute(_COUNT, keys)
        hour, day, letters, pair, of_client = cursor.fetchone()
        free = letters < FREE_PER_ADDRESS and of_client < FREE_PER_CLIENT and pair < FREE_PER_PAIR
        digits = _DIGITS if hour < SHORT_PER_HOUR and day < SHORT_PER_DAY else _DIGITS_OF_MANY
        code = str(secrets.randbelow(10**digits)).zfill(digits)
        id = _id_of(secret)
        cursor.execute(
            "insert into guest_code (id, address, client, code, letter, expires_at)"
            " values (%s, %s, %s, %s, %s, clock_timestamp() + make_interval(secs => %s))",
            [id, keys["address"], keys["client"], _code_mac(id, code), free, VALID_SECONDS],
        )
        cursor.execute(
            "delete from guest_code where id in (select id from guest_code"
            f" where at < clock_timestamp() - interval '1 day' order by at limit {_SWEPT})"
        )
    return Asked(secret, code, free)


def pass_code(secret: str, code: str, *, address: str) -> UUID:
    """Take a code: right once, in the browser that asked, for the address it was asked for; returns the request's id.

    Raises:
        CodeRefused: it does not count.
    """
    id = _id_of(secret)
    with connection.cursor() as cursor:
        cursor.execute(
            "update guest_code set tries = tries + 1 where id = %s and tries < %s and passed_at is null"
            " and expires_at > clock_timestamp() returning code, address",
            [id, TRIES],
        )
        held, asked = cursor.fetchone() or (bytes(32), bytes(16))
        right = hmac.compare_digest(bytes(held), _code_mac(id, code))
        same = hmac.compare_digest(bytes(asked), address_token(address))
        if not (right and same):
            raise CodeRefused("code")
        cursor.execute(
            "update guest_code set passed_at = clock_timestamp(), expires_at = clock_timestamp() + make_interval(secs => %s)"
            " where id = %s and passed_at is null",
            [VALID_SECONDS, id],
        )
        if not cursor.rowcount:
            raise CodeRefused("code")
    return id


def passed_code(secret: str, *, address: str) -> UUID:
    """The request whose code was passed in this browser for this address, for one more try of a fact.

    Raises:
        CodeRefused: none, too late, or too many facts were tried, with it or at this mailbox within a day.
    """
    id = _id_of(secret)
    which = "id = %s and address = %s and passed_at is not null and used_at is null and expires_at > clock_timestamp()"
    if not take_fact_try(which, [id, address_token(address)], most=FACT_TRIES):
        raise CodeRefused("fact")
    return id


def take_fact_try(which: str, values: list[UUID | bytes], *, most: int) -> bool:
    """Take one try of a fact with a code, of which there are ``most`` and thirty a day at its mailbox; False: none is left.

    ``which``: the condition of its row of ``guest_code``, with its ``values``.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"select id, address from guest_code where {which}", values)
        row = cursor.fetchone()
        if row is None:
            return False
        id, address = row[0], bytes(row[1])
        # one at a time at one mailbox, or tries with several of its codes at once would all count as the first
        cursor.execute("select pg_advisory_xact_lock(%s)", [_lock_of(address)])
        cursor.execute(
            f"update guest_code set fact_tries = fact_tries + 1 where {which} and id = %s and fact_tries < %s"
            " and (select coalesce(sum(o.fact_tries), 0) from guest_code o where o.address = %s"
            " and o.at > clock_timestamp() - interval '1 day') < %s",
            [*values, id, most, address, FACT_TRIES_A_DAY],
        )
        return bool(cursor.rowcount)


def address_token(address: str) -> bytes:
    """Keyed token (16 bytes) of a normalised address."""
    return hmac.digest(_key(), b"address\x1f" + address.encode(), "sha256")[:16]


def client_token(client: str) -> bytes:
    """Keyed token of who asks: an IPv6 network counts as one, its addresses cost nothing."""
    try:
        found = ipaddress.ip_address(client)
        named = str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))
    except ValueError:
        named = client
    return hmac.digest(_key(), b"client\x1f" + named.encode(), "sha256")[:16]


def _lock_of(token: bytes) -> int:
    return int.from_bytes(token[:8], "big", signed=True)


def _code_mac(id: UUID, code: str) -> bytes:
    return hmac.digest(_key(), b"code\x1f" + id.bytes + code.encode(), "sha256")


def _id_of(secret: str) -> UUID:
    """A request's row: half of the SHA-256 of the browser's secret, so that the table holds nothing to use."""
    return UUID(bytes=hashlib.sha256(b"code\x1f" + secret.encode()).digest()[:16])


@functools.lru_cache(maxsize=1)
def _key() -> bytes:
    return installation().keyring.secret("guests", create=True)
