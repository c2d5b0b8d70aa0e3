"""The right to a copy: everything on one person, nobody else's, sealed to them; nothing of it ever lies on a disk in clear."""

from __future__ import annotations

import hashlib
import io
import secrets
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
import pyrage

from kehu.govern.parts import UnknownSubject
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import Refused
from kehu.guard.gate.read import gate
from kehu.guard.installation import installation
from kehu.host.home import require_new, write_new
from kehu.serve.rights.copy.data import copy_of
from kehu.serve.rights.copy.page import page_of
from kehu.serve.rights.office import PURPOSE, require
from kehu.serve.rights.scope import scope_of
from kehu.vault.ids import new_id

_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that is read for something else
_GROUPS: Final = 6
_GROUP: Final = 5


@dataclass(frozen=True, slots=True)
class Copy:
    """A sealed copy. ``passphrase`` opens it where no key was named; it is kept nowhere: tell it by another way."""

    file: Path
    sha256: str
    categories: tuple[str, ...]
    unconfirmed: tuple[UUID, ...]
    passphrase: str | None = field(repr=False)
    seq: int


def export(
    subject: UUID, *, actor: Actor, to: Path, recipient: str | None = None, confirm: Sequence[UUID] = ()
) -> Copy:
    """Write the copy of the certain part of a customer, and what is confirmed to be the same person, as an age file.

    Raises:
        Refused: the role, the token, or a policy refuses.
        UnknownSubject: not here.
        ValueError: the recipient is no age key, or what is confirmed is no part of this customer.
        FileExistsError, CannotWrite: see :func:`kehu.host.home.require_new`.
    """
    require("export", actor)
    require_new(to)
    keys = [_recipient(recipient)] if recipient is not None else []
    scope = scope_of(subject, confirm)
    id = new_id()
    opened = gate().open(scope.part, actor=actor, purpose=PURPOSE, use="export", reach="origins", detail=id)
    if not opened:
        raise UnknownSubject(str(subject))
    if not opened[0].decision.finds:
        raise Refused(next(iter(opened[0].decision.fields.values()))[0].policy)
    data = copy_of(opened[0], scope.part, actor=actor, detail=id)
    passphrase = None if keys else _passphrase()
    packed = _packed(data)
    sealed = pyrage.encrypt(packed, keys) if keys else pyrage.passphrase.encrypt(packed, str(passphrase))
    write_new(to, sealed)
    dictionary = installation().rules.dictionary
    categories = {dictionary.field(one.field).category for one in opened[0].contributions}
    return Copy(
        to, hashlib.sha256(sealed).hexdigest(), tuple(sorted(categories)), scope.unconfirmed, passphrase, opened[0].seq
    )


def _packed(data: dict[str, Any]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.json", orjson.dumps(data, option=orjson.OPT_INDENT_2))
        archive.writestr("index.html", page_of(data))
    return held.getvalue()


def _recipient(key: str) -> pyrage.x25519.Recipient:
    try:
        return pyrage.x25519.Recipient.from_str(key)
    except pyrage.RecipientError:
        raise ValueError("recipient: a public key of age (age1…)") from None


def _passphrase() -> str:
    """Six groups of five letters: 148 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
