"""Made-up customers admitted as an import admits them, without reading or cleaning a file. Import it after the home is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from kehu.govern.slugs import CATEGORIES
from kehu.guard.gate.admit import Admission, Draft, Terms
from kehu.guard.gate.read import gate
from kehu.guard.installation import installation
from kehu.guard.staff.actions import owner_actor
from kehu.refine.tokens import tokens_of
from kehu.vault.copying import int8_items
from kehu.vault.seal import packed

BATCH = 10_000


@cache
def admission() -> Admission:
    """The owner's, from the first channel, under a contract."""
    terms = Terms(1, "store", 1, "contract", 1, False, None)
    return Admission(installation(), gate().decisions, actor=owner_actor(), terms=terms)


def draft(own: str, person: Mapping[str, str | None], *, search: Sequence[str] = (), packs: int = 1) -> Draft:
    """A clean record, found by the fields named in ``search``."""
    held = installation()
    source = held.tokens.source(1, 1, 1, own)
    values: dict[int, dict[str, list[Any]]] = {}
    tokens: list[int] = []
    for name, value in person.items():
        if value is not None:
            field = held.rules.dictionary.field(name)
            values.setdefault(CATEGORIES[field.category], {})[name] = [value, value, 1, None]
            if name in search:
                tokens += tokens_of(name, value).every
    sealed = {category: packed(fields) for category, fields in values.items()}
    return Draft(1, source, source, sealed, int8_items(tokens), [], packs, 5)


def admit(drafts: Iterable[Draft]) -> list[UUID]:
    """Admit them, a batch a transaction; returns their origin subjects."""
    waiting = list(drafts)
    for start in range(0, len(waiting), BATCH):
        with transaction.atomic():
            connection.ensure_connection()
            admission().admit(connection.connection, waiting[start : start + BATCH])
    return [UUID(bytes=one.subject) for one in waiting if one.subject]
