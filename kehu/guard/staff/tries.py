"""Wrong tries of the last quarter of an hour, counted under keyed digests: no address and no email is kept."""

from __future__ import annotations

from typing import Final

from django.db import connection
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


def note_failure(key: bytes) -> None:
    """Count one more."""
    with connection.cursor() as cursor:
        cursor.execute("insert into sign_in_failure (key) values (%s)", [key])
        cursor.execute(
            "delete from sign_in_failure where at < clock_timestamp() - make_interval(secs => %s)", [_WINDOW]
        )


def forget_tries(key: bytes) -> None:
    """It went well: begin anew."""
    with connection.cursor() as cursor:
        cursor.execute("delete from sign_in_failure where key = %s", [key])
