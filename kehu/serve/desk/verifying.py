"""Is it them? What a caller says is compared with what is held; who asks sees yes or no, never the value."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from kehu.govern.dictionary import Field
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.compare import Compared, compare
from kehu.guard.installation import installation
from kehu.refine.clean.lookup import normal_forms
from kehu.refine.clean.text import normal_string

_TAIL: Final = 4
_LAST: Final = re.compile(rf"[0-9A-Za-z]{{{_TAIL}}}")


def verifying_fields() -> tuple[Field, ...]:
    """Fields by which a caller can prove who they are."""
    return tuple(one for one in installation().rules.dictionary.fields.values() if one.verifies)


def verify(subject: UUID, field: str, said: str, *, actor: Actor, purpose: str) -> Compared:
    """Compare what somebody says with what is held. Of a document's number the last four characters do.

    Raises:
        ValueError: it cannot be a value of that field; this counts as no try.
        UnknownField: no such field.
        UnknownSubject: not here.
        Refused: a policy denies it, or too many answers were wrong.
    """
    forms, tail = forms_of(field, said)
    return compare(subject, field, forms, actor=actor, purpose=purpose, tail=tail)


def forms_of(field: str, said: str) -> tuple[tuple[str, ...], int]:
    """The normalised forms that somebody's words may be meant in, and how many last characters they are (0: all).

    Raises:
        ValueError: it cannot be a value of that field.
        UnknownField: no such field.
    """
    kind = installation().rules.dictionary.field(field).type
    said = normal_string(said)
    if kind == "national_id" and _LAST.fullmatch(tail := said.replace(" ", "")):
        return (tail.upper(),), _TAIL
    forms = normal_forms(field, said, kind)
    if not forms:
        raise ValueError(f"{field}: what was said cannot be one")
    return tuple(dict.fromkeys(forms)), 0
