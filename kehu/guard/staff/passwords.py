"""Passwords: which are taken, and changing one's own. Whoever forgot theirs gets a link (:mod:`kehu.guard.staff.joining`)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import UUID

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from kehu.guard.staff.joining import void_links
from kehu.guard.staff.models import Staff
from kehu.guard.staff.notices import tell_later
from kehu.guard.staff.sign_ins import SignedIn, renew_sign_in
from kehu.guard.staff.step_up import require_step_up
from kehu.guard.staff.tries import digest_of, one_try
from kehu.host.checks import Finding

_DIGEST: Final = 40  # letters of a SHA-1 in hexadecimal
_LINE: Final = 256  # bytes that surely hold a whole line of the list
_TRIES: Final = 5  # wrong ones of one window, in a quarter of an hour


class PasswordRefused(PermissionError):
    """The password that was to be replaced is another one."""


class BreachedPasswords:
    """Refuses passwords of a list kept on this machine: lines ``SHA-1[:count]`` in ascending order, as Have I Been Pwned
    gives them out whole (``KEHU_BREACHED_PASSWORDS``). Nothing is asked of anybody; a look-up reads some 40 lines.
    """

    def validate(self, password: str, user: Staff | None = None) -> None:
        """Raise ValidationError where the list has it, or cannot be read."""
        path = settings.BREACHED_PASSWORDS
        # the list's form is SHA-1; it protects nothing here, it only names the line
        digest = hashlib.sha1(password.encode(), usedforsecurity=False).hexdigest().upper()
        try:
            found = bool(path) and _listed(Path(path), digest.encode())
        except OSError:  # whoever runs it wants each password looked up: none is taken that was not
            raise ValidationError("the list of breached passwords cannot be read", code="unread") from None
        if found:
            raise ValidationError("known from a breach", code="breached")

    def get_help_text(self) -> str:
        """In a sentence."""
        return "None that is known from a breach."


def check_breached() -> Iterator[Finding]:
    """That the list of breached passwords is there, where the settings name one."""
    try:
        if settings.BREACHED_PASSWORDS:
            _listed(Path(settings.BREACHED_PASSWORDS), b"0" * _DIGEST)
    except OSError:
        yield Finding(
            "passwords.list", "error", "The list of breached passwords cannot be read: nobody can choose a password.",
            "Put the file of KEHU_BREACHED_PASSWORDS back where this account may read it, or leave the setting out.",
        )  # fmt: skip


def change_password(who: SignedIn, current: str, new: str) -> UUID:
    """Change one's own password; every other window, link and token of the account ends. Returns this window's new credential.

    The purpose claimed in it ends, too.

    Raises:
        Refused: the second factor was not shown within ten minutes.
        PasswordRefused: the current one is another.
        TooManyTries: too often in this window.
        ValidationError: too short, too common, like the email, known from a breach, or the one it replaces.
    """
    require_step_up(who.without_purpose)
    with one_try({digest_of(f"own-password:{who.credential}"): _TRIES}, wrong=(PasswordRefused,)):
        if not Staff.objects.get(id=who.staff).check_password(current):
            raise PasswordRefused
    with transaction.atomic():
        staff = Staff.objects.select_for_update().get(id=who.staff)
        if not staff.check_password(current):  # changed in another window meanwhile
            raise PasswordRefused
        if current == new:
            raise ValidationError("the same as before", code="same")
        validate_password(new, staff)
        staff.set_password(new)
        staff.save(update_fields=["password"])
        void_links(staff.id)
        tell_later(staff.id, "password-changed")
        return renew_sign_in(who.credential)


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
