"""Passwords: which are taken, and the links by which a new one is chosen. Nobody resets their own by mail.

A link is made by the home's owner (``kehu staff link``) or a manager for their department; it is good once, for a day.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from kehu.guard.staff.models import Staff

LINK_LASTS: Final = timedelta(days=1)
_DIGEST: Final = 40  # letters of a SHA-1 in hexadecimal
_LINE: Final = 256  # bytes that surely hold a whole line of the list


class LinkRefused(PermissionError):
    """A link that is unknown, used, over, or of an account that is closed."""


class BreachedPasswords:
    """Refuses passwords of a list kept on this machine: lines ``SHA-1[:count]`` in ascending order, as Have I Been Pwned
    gives them out whole (``KEHU_BREACHED_PASSWORDS``). Nothing is asked of anybody; a look-up reads some 40 lines.
    """

    def validate(self, password: str, user: Staff | None = None) -> None:
        """Raise ValidationError where the list has it."""
        path = settings.BREACHED_PASSWORDS
        # the list's form is SHA-1; it protects nothing here, it only names the line
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        if path and _listed(Path(path), digest.encode()):
            raise ValidationError("known from a breach", code="breached")

    def get_help_text(self) -> str:
        """In a sentence."""
        return "None that is known from a breach."


def make_link(staff: UUID) -> tuple[str, datetime]:
    """The secret of a new link for an account, to be shown once, and its end; older links are void."""
    text, until = secrets.token_urlsafe(24), timezone.now() + LINK_LASTS
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("delete from staff_link where staff = %s", [staff])
        cursor.execute(
            "insert into staff_link (digest, staff, until) values (%s, %s, %s)", [_digest(text), staff, until]
        )
    return text, until


def look_at_link(secret: str) -> str:
    """Whose link it is: the email.

    Raises:
        LinkRefused: none that is good.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "select f.email from staff_link l join guard_staff f on f.id = l.staff and f.is_active"
            " where l.digest = %s and l.used_at is null and l.until > clock_timestamp()",
            [_digest(secret)],
        )
        row = cursor.fetchone()
    if row is None:
        raise LinkRefused("link")
    return str(row[0])


@transaction.atomic
def set_by_link(secret: str, password: str) -> None:
    """Choose the password; the link is used up, and every session and token of the account ends.

    Raises:
        LinkRefused: none that is good.
        ValidationError: too short, too common, like the email, or known from a breach; the link stays good.
    """
    staff = Staff.objects.get(email=look_at_link(secret))
    validate_password(password, staff)
    with connection.cursor() as cursor:
        cursor.execute(
            "update staff_link set used_at = clock_timestamp() where digest = %s and used_at is null", [_digest(secret)]
        )
        if not cursor.rowcount:
            raise LinkRefused("link")
    staff.set_password(password)
    staff.save(update_fields=["password"])


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _listed(path: Path, digest: bytes) -> bool:
    """Whether a line of a sorted file begins with the digest: by halving, without reading the file."""
    with path.open("rb") as lines:
        low, high = 0, lines.seek(0, 2)
        while low < high:
            middle = (low + high) // 2
            lines.seek(max(0, middle - 1))
            if middle:
                lines.readline(_LINE)  # the rest of the line before
            line = lines.readline(_LINE)[:_DIGEST].upper()
            if line == digest:
                return True
            if not line or line > digest:
                high = middle
            else:
                low = middle + 1
    return False
