"""Who is known at a channel by an id of its own."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import polars as pl
from django.db import connection

from kehu.govern.models import Channel
from kehu.guard.installation import installation
from kehu.refine.clean import clean


def keys_of(channel: Channel, controller: int, names: Sequence[str]) -> dict[str, bytes]:
    """The keys of persons' records by their ids at a channel, as an import makes them."""
    held = sorted(set(names))
    frame = clean(pl.DataFrame({"external_id": held}), residence=None, columns={"external_id": "code"})
    source = installation().tokens.source
    return {
        name: source(controller, channel.id, 1, normal or name)
        for name, normal in zip(held, frame["external_id__n"].to_list(), strict=True)
    }


def customers_of(channel: Channel, controller: int, names: Sequence[str]) -> dict[str, UUID]:
    """Whose ids at a channel these are, as far as they are here."""
    made = keys_of(channel, controller, names)
    with connection.cursor() as cursor:
        cursor.execute("select token, subject from source_key where token = any (%s)", [list(made.values())])
        found = {bytes(token): subject for token, subject in cursor.fetchall()}
    return {name: found[token] for name, token in made.items() if token in found}


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
