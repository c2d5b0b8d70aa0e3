"""Recovery codes: ten for the day the telephone is gone, shown once, kept as keyed digests, each good for one use."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import unicodedata
from typing import Final
from uuid import UUID

from django.db import connection, transaction

from kehu.guard.staff.second_factor import KEY, CodeRefused
from kehu.host.home import Home
from kehu.host.keyring import Keyring

COUNT: Final = 10
_BYTES: Final = 10  # 80 bits: sixteen characters of base32


@transaction.atomic
def new_codes(staff: UUID) -> list[str]:
    """Ten new codes, to be shown once; those made before are void."""
    codes = [base64.b32encode(os.urandom(_BYTES)).decode().lower() for _ in range(COUNT)]
    with connection.cursor() as cursor:
        cursor.execute("delete from staff_recovery_code where staff = %s", [staff])
        cursor.executemany(
            "insert into staff_recovery_code (staff, digest) values (%s, %s)",
            [(staff, _digest(staff, code)) for code in codes],
        )
    return ["-".join(code[at : at + 4] for at in range(0, len(code), 4)) for code in codes]


def use_code(staff: UUID, code: str) -> None:
    """Accept a code once: of two uses at a time the database lets one through.

    Raises:
        CodeRefused: not of this account, or used before.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "update staff_recovery_code set used_at = clock_timestamp() where staff = %s and digest = %s"
            " and used_at is null",
            [staff, _digest(staff, code)],
        )
        if not cursor.rowcount:
            raise CodeRefused("recovery code")


def codes_left(staff: UUID) -> int:
    """How many were not used yet."""
    with connection.cursor() as cursor:
        cursor.execute("select count(*) from staff_recovery_code where staff = %s and used_at is null", [staff])
        [count] = cursor.fetchone()
    return int(count)


def is_recovery_code(code: str) -> bool:
    """Whether what was typed has the form of one; six digits have not."""
    return len(_plain(code)) == _BYTES * 8 // 5


def _plain(code: str) -> str:
    return "".join(unicodedata.normalize("NFKC", code).replace("-", " ").split()).lower()


def _digest(staff: UUID, code: str) -> bytes:
    key = Keyring(Home.current()).secret(KEY, create=True)
    return hmac.digest(key, b"recovery:" + staff.bytes + _plain(code).encode(), hashlib.sha256)
