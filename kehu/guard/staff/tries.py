"""Wrong tries of the last quarter of an hour, counted under keyed digests: no address and no email is kept.

Where something could be guessed a try is taken before anything is looked at and counts as wrong until it is known to be
none (:func:`one_try`), so that neither many tries at once nor a process that is killed between the two gains one. Where
nothing can be, as on the ways back from a provider, only what went wrong counts: many may come at once from one office.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from django.db import connection, transaction
from django.utils.crypto import salted_hmac

_WINDOW: Final = 15 * 60  # seconds
_SALT: Final = "kehu.sign-in"


class TooManyTries(PermissionError):
    """From this place too often for this account; ``seconds`` until the next try is looked at."""

    def __init__(self, seconds: int) -> None:
        super().__init__("too many tries")
        self.seconds = seconds


def digest_of(text: str) -> bytes:
    """What something is counted under."""
    return salted_hmac(_SALT, text, algorithm="sha256").digest()


@contextmanager
def one_try(most: Mapping[bytes, int], *, wrong: tuple[type[Exception], ...]) -> Iterator[None]:
    """Look at one try within it; ended by one of ``wrong`` it stays counted, and else it was none.

    ``most``: how many wrong ones there may be under each digest.

    Raises:
        TooManyTries: as many or more, with those that are being looked at now; this one is not counted.
    """
    taken = _take(most)
    try:
        yield
    except wrong:
        raise
    except Exception:
        _give_back(taken)
        raise
    _give_back(taken)


def look_at_tries(key: bytes, most: int) -> None:
    """Go on only below ``most`` wrong tries.

    Raises:
        TooManyTries: as many or more.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*), coalesce(extract(epoch from min(at) - clock_timestamp())::int + %s, 0)"
            " from sign_in_failure where key = %s and at > clock_timestamp() - make_interval(secs => %s)",
            [_WINDOW, key, _WINDOW],
        )
        count, seconds = cursor.fetchone()
    if count >= most:
        raise TooManyTries(max(1, seconds))


def note_failure(key: bytes) -> datetime:
    """Count one more; returns when it was."""
    with connection.cursor() as cursor:
        cursor.execute("insert into sign_in_failure (key) values (%s) returning at", [key])
        [at] = cursor.fetchone()
    assert isinstance(at, datetime)
    return at


def forget_tries(key: bytes) -> None:
    """It went well: begin anew."""
    with connection.cursor() as cursor:
        cursor.execute("delete from sign_in_failure where key = %s", [key])


def _take(most: Mapping[bytes, int]) -> dict[bytes, datetime]:
    taken: dict[bytes, datetime] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "delete from sign_in_failure where at < clock_timestamp() - make_interval(secs => %s)", [_WINDOW]
        )
        with transaction.atomic():
            for key in sorted(most):  # always in this order: nobody waits for each other
                cursor.execute("select pg_advisory_xact_lock(%s)", [int.from_bytes(key[:8], "big", signed=True)])
                look_at_tries(key, most[key])
                taken[key] = note_failure(key)
    return taken


def _give_back(taken: Mapping[bytes, datetime]) -> None:
    with connection.cursor() as cursor:
        for key, at in taken.items():
            cursor.execute("delete from sign_in_failure where key = %s and at = %s", [key, at])
