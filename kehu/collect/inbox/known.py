"""Who is known at a channel by an id of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import polars as pl
from django.db import connection

from kehu.collect.imports.prepare import WAITING
from kehu.govern.models import Channel
from kehu.guard.installation import installation
from kehu.refine.clean import clean

_KINDS: Final = (1, 2, WAITING)  # a person, an organisation, somebody of whom only events came


def keys_of(channel: Channel, controller: int, names: Sequence[str]) -> dict[str, bytes]:
    """By their ids at a channel, the keys by which an erasure finds what is refused of them.

    Each is the key of whoever is here by that id, else that of a person who may yet come.
    """
    made = _tokens(channel, controller, names, _KINDS)
    here = _subjects([token for tokens in made.values() for token in tokens])
    return {name: next((token for token in tokens if token in here), tokens[0]) for name, tokens in made.items()}


def customers_of(channel: Channel, controller: int, names: Sequence[str]) -> dict[str, UUID]:
    """Whose ids at a channel these are, as far as they are here."""
    made = _tokens(channel, controller, names, _KINDS[:1])
    here = _subjects([token for [token] in made.values()])
    return {name: here[token] for name, [token] in made.items() if token in here}


def _tokens(channel: Channel, controller: int, names: Sequence[str], kinds: Sequence[int]) -> dict[str, list[bytes]]:
    """Keys of records by ids at a channel, as an import makes them: one of each kind."""
    held = sorted(set(names))
    frame = clean(pl.DataFrame({"external_id": held}), residence=None, columns={"external_id": "code"})
    source = installation().tokens.source
    return {
        name: [source(controller, channel.id, kind, normal or name) for kind in kinds]
        for name, normal in zip(held, frame["external_id__n"].to_list(), strict=True)
    }


def _subjects(tokens: Sequence[bytes]) -> dict[bytes, UUID]:
    with connection.cursor() as cursor:
        cursor.execute("select token, subject from source_key where token = any (%s)", [list(tokens)])
        return {bytes(token): subject for token, subject in cursor.fetchall()}


def a_key_of(subject: UUID) -> bytes | None:
    """A key of a record of somebody who is here, by which an erasure finds what waits of them; None: they are not."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select k.token from subject_state s join source_key k on k.subject = s.subject where s.subject = %s"
            " and not s.hidden order by k.token limit 1",
            [subject],
        )
        row = cursor.fetchone()
    return bytes(row[0]) if row else None
