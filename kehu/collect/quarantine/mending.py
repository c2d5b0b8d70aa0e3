"""Mending in place: one refused row or message looked at and put right, a whole group brought in again, or let go.

A mended row is sealed anew under a key of its own, where an erasure finds it as before, and comes in by a replay; a message goes
back to the inbox and is read by its channel's own reader. There is no other way to a record.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

import orjson
from django.db import connection as django_connection
from django.db import transaction

from kehu.collect.channels import Kind, kinds
from kehu.collect.imports.queries import UnknownImport
from kehu.collect.imports.recipe import FileRecipe, Recipe, fields_of
from kehu.collect.inbox.envelope import packed
from kehu.collect.models import Import, Quarantined
from kehu.collect.quarantine.actions import NothingRefused, added_fields, enter, recipe_of_import, with_added
from kehu.collect.quarantine.correcting import Correction, cells_of
from kehu.collect.quarantine.groups import NIL, Group, Place, by_import, moment_of, places, taken_back
from kehu.collect.quarantine.source import open_refused
from kehu.govern.models import Channel
from kehu.guard.aside import forget_aside, seal_aside
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.guard.ledger.record import record_act
from kehu.vault.ids import new_id

MOST: Final = 200_000
"""Rows that one import brings again: of a larger group there are several."""
_STEP: Final = 500
_UNREAD: Final = b"\0"


class NotAMessage(ValueError):
    """What was written is no JSON object, or nothing that its channel could have sent."""


@dataclass(frozen=True, slots=True)
class Refused:
    """One refused row, opened. ``text``: as it came, where nobody could read it; ``cells``: what of it can be put right.

    ``fields``: column to field; ``untold``: columns of which nobody said what they hold; ``message``: it is one, of a channel
    that sends by itself; ``added``: fields that an earlier mending added; ``kept``: what the house itself wrote beside the row,
    which is nobody's to change; ``kind``: what a row of its import is.
    """

    id: UUID
    batch: UUID
    kind: str
    line: int
    reason: str
    channel: Channel
    message: bool
    text: str | None = field(repr=False)
    cells: dict[str, str] = field(repr=False)
    fields: dict[str, str] = field(repr=False)
    untold: frozenset[str] = field(repr=False)
    added: dict[str, str] = field(repr=False)
    kept: dict[str, str] = field(repr=False)


def look_at(id: UUID, *, actor: Actor) -> Refused:
    """Open one refused row, recorded before.

    Raises:
        Refused: this role may not, or not this person now.
        NothingRefused: it is not here (any more).
    """
    require_act("quarantine", actor)
    row, held = _row(id)
    recipe = recipe_of_import(held, actor)
    opened = open_refused([id], actor=actor, detail=held.id)
    if id not in opened:
        raise NothingRefused
    content = opened[id][1]
    file = recipe.files[row.file]
    fields, untold = {column: name for name, column in file.fields.items()}, recipe.untold(file)
    message = _is_message(row, held, content)
    if message:
        return _opened(row, held, text=_pretty(content[1:]), cells={}, fields={}, message=True)
    columns = columns_of(file, recipe)
    if not content.startswith(_UNREAD):
        told = {name: str(cell) for name, cell in orjson.loads(content).items()}
        cells = {name: told.get(name, "") for name in columns}
        hidden = _hidden(recipe)
        kept = {name: cell for name, cell in told.items() if name in hidden}
        added = {name: cell for name, cell in told.items() if name not in cells and name not in hidden}
        return _opened(row, held, text=None, cells=cells, fields=fields, untold=untold, added=added, kept=kept)
    raw = content[1:]
    found = next(
        (
            read
            for shape in ("", "fill", "cut", "plain")
            if (read := cells_of(raw, file.columns, file.delimiter or "", shape=shape, codec=file.codec)) is not None
        ),
        {},
    )
    text = raw.decode(file.codec, "replace")
    cells = {name: found.get(name, "") for name in columns}
    return _opened(row, held, text=text, cells=cells, fields=fields, untold=untold)


def mend(id: UUID, cells: Mapping[str, str], *, actor: Actor) -> UUID:
    """Put cells of one row right and enter the import that brings it in; returns that import's id.

    A column that is not named keeps what it holds; one that is no column of the file is the field of that name, which a row of
    its kind may hold, or nothing. What the house wrote beside the row stays, whatever is named so.

    Raises:
        Refused: this role may not, or not this person now.
        NothingRefused: it is not here (any more).
    """
    require_act("collect", actor)
    seen = look_at(id, actor=actor)
    if seen.message:
        raise NothingRefused
    known = {*seen.cells, *fields_of(seen.kind, installation().rules.dictionary)}.difference(seen.kept)
    cells = {name: value for name, value in cells.items() if name in known}
    told = {**seen.added, **seen.cells, **cells}
    held = {name: value.strip() for name, value in told.items() if value and value.strip()}
    with transaction.atomic():
        _seal_again(id, orjson.dumps({**held, **seen.kept}))
        old = Import.objects.get(id=seen.batch)
    extra = {name: name for name in (*seen.added, *cells) if name in known and name not in seen.cells}
    return bring_again(old, {_row(id)[0].file: [id]}, actor=actor, extra=extra)


def mend_message(id: UUID, text: str, *, actor: Actor) -> None:
    """Put one message right and send it to its channel's reader again.

    Raises:
        Refused: this role may not, or not this person now.
        NothingRefused: it is not here (any more), or is no message.
        NotAMessage: what was written is no JSON object, or nothing that its channel could have sent.
    """
    require_act("collect", actor)
    seen = look_at(id, actor=actor)
    if not seen.message:
        raise NothingRefused
    try:
        told = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise NotAMessage from None
    if not isinstance(told, dict):
        raise NotAMessage
    with transaction.atomic():
        if not _still([id]):
            raise NothingRefused
        if not _send_again(seen.channel, [(id, told)]):
            raise NotAMessage


def bring_again(
    old: Import,
    rows: Mapping[int, Sequence[UUID]],
    *,
    actor: Actor,
    correction: Correction | None = None,
    extra: Mapping[str, str] | None = None,
    day_first: Mapping[str, bool] | None = None,
    country: str | None = None,
) -> UUID:
    """Enter an import that brings refused rows of an older one again, under its terms; it is run as any other.

    Args:
        rows: ids by the number of the file.
        correction: what is done to each row.
        extra: fields to columns that the older one did not read.
        day_first: how dates of a field are written.
        country: where they live of whom no column says it.
    Raises:
        ActRefused: this role may not.
        UnknownImport: it was taken back.
    """
    require_act("quarantine", actor)
    require_act("collect", actor)
    if taken_back(old.id):
        raise UnknownImport(str(old.id))
    recipe = recipe_of_import(old, actor)
    told = correction or Correction()
    added = added_fields(old, actor)
    files = [
        _again(recipe, recipe.files[number], ids, old.id, told, added, dict(extra or {}), dict(day_first or {}))
        for number, ids in sorted(rows.items())
    ]
    changed = replace(recipe, files=files)
    if country is not None and recipe.residence_column is None:
        changed = replace(changed, country=country)
    return enter(old, changed, actor)


def bring_group(
    group: Group, *, actor: Actor, correction: Correction | None = None, **how: Any
) -> list[UUID]:  # fmt: skip
    """The same for every row of a group, an import for each that they came with, several where they are many; their ids.

    Raises:
        ActRefused: this role may not.
        NothingRefused: nothing of it waits any more.
    """
    begun: list[UUID] = []
    for part in _parts(group, new_id(), MOST):
        found = by_import(part)
        held = Import.objects.in_bulk(list(found))
        begun += [
            bring_again(held[batch], rows, actor=actor, correction=correction, **how) for batch, rows in found.items()
        ]
    if not begun:
        raise NothingRefused
    return begun


def send_group(group: Group, *, actor: Actor, until: UUID) -> int:
    """Have every message of a group, refused before an id, read by its channel again; returns how many.

    Raises:
        ActRefused: this role may not.
    """
    require_act("collect", actor)
    done = 0
    for found in _parts(group, until, _STEP):
        opened = open_refused([one.id for one in found], actor=actor, detail=None)
        ready: list[tuple[UUID, Any]] = []
        for id, (_reason, content) in opened.items():
            if content.startswith(_UNREAD) and (told := _loaded(content[1:])) is not None:
                ready.append((id, told))
        with transaction.atomic():
            done += _send_again(group.channel, ready)
    return done


def let_go(group: Group, *, actor: Actor, until: UUID | None = None) -> int:
    """Destroy what waits of a group: it never comes in. In the ledger; returns how many rows that were.

    Args:
        until: what was refused before an id alone; None: before now.
    Raises:
        ActRefused: this role may not.
    """
    require_act("quarantine", actor)
    done = 0
    for found in _parts(group, until or new_id(), _STEP):
        with transaction.atomic():
            record_act("quarantine", None, actor=actor)
            forget([one.id for one in found])
        done += len(found)
    return done


def _parts(group: Group, until: UUID, size: int) -> Iterator[list[Place]]:
    """All of a group that was refused before an id, so many at a time, the oldest first."""
    after = NIL
    while found := [one for one in places(group, after=after, limit=size) if one.id < until]:
        yield found
        after = found[-1].id


def forget(ids: Sequence[UUID]) -> None:
    """Destroy what refused rows hold, in the caller's transaction: where they stood and why stays, without a value."""
    forget_aside(django_connection.connection, ids)
    with django_connection.cursor() as cursor:
        # settled by the import they came with: nothing brought them in
        cursor.execute(
            "update collect_quarantined set settled = batch, sealed = null, token = null where id = any (%s)"
            " and settled is null",
            [list(ids)],
        )


def _again(
    recipe: Recipe, file: FileRecipe, ids: Sequence[UUID], batch: UUID, told: Correction, added: list[str],
    extra: dict[str, str], day_first: dict[str, bool],
) -> FileRecipe:  # fmt: skip
    """A file of those rows. A corrected cell of a field without a column gets one of the field's own name.

    What is neither is a column of another import of the group: of this one's rows it says nothing.
    """
    known = fields_of(recipe.kind, installation().rules.dictionary)
    taken = [*columns_of(file, recipe), *file.unmapped, *_hidden(recipe)]
    fields = with_added(file.fields, added, taken) | extra
    fields |= {
        name: name for name in told.cells if name in known and name not in {*fields, *file.fields.values(), *taken}
    }
    columns = list(dict.fromkeys([*taken, *fields.values(), *told.cells]))
    return replace(
        file, path=None, staged=None, digest="", rows=len(ids), fields=fields,
        unmapped=[name for name in columns if name not in fields.values()],
        replayed=[str(id) for id in ids], replays=str(batch), correction=told.told(), mends={},
        day_first={**file.day_first, **day_first},
    )  # fmt: skip


def columns_of(file: FileRecipe, recipe: Recipe) -> list[str]:
    """Columns that a row of a file may hold, in their order; what only the house writes beside them is left out."""
    hidden = _hidden(recipe)
    named = file.columns or [*file.fields.values(), *file.unmapped]
    return [name for name in dict.fromkeys([*named, *recipe.beside]) if name not in hidden]


def _hidden(recipe: Recipe) -> list[str]:
    """What the house writes beside a channel's rows: a row is read by it, and nobody puts it right."""
    return [*filter(None, (recipe.own_column, recipe.joins_column, recipe.when_column))]


def _row(id: UUID) -> tuple[Quarantined, Import]:
    row = Quarantined.objects.filter(id=id, settled=None, accepted=False, sealed__isnull=False).first()
    held = Import.objects.filter(id=row.batch).exclude(state__in=("undone", "erased")).first() if row else None
    if row is None or held is None:
        raise NothingRefused
    return row, held


def _is_message(row: Quarantined, held: Import, content: bytes) -> bool:
    return content.startswith(_UNREAD) and held.expected == 0 and row.reason.startswith("message_")


def _opened(
    row: Quarantined, held: Import, *, text: str | None, cells: dict[str, str], fields: dict[str, str],
    untold: frozenset[str] = frozenset(), message: bool = False, added: dict[str, str] | None = None,
    kept: dict[str, str] | None = None,
) -> Refused:  # fmt: skip
    channel = Channel.objects.get(id=held.channel)
    return Refused(
        row.id, row.batch, held.kind, row.line, row.reason, channel, message, text, cells, fields, untold, added or {},
        kept or {},
    )  # fmt: skip


def _pretty(raw: bytes) -> str:
    told = _loaded(raw)
    return raw.decode(errors="replace") if told is None else orjson.dumps(told, option=orjson.OPT_INDENT_2).decode()


def _loaded(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def _seal_again(id: UUID, content: bytes) -> None:
    if not _still([id]):
        raise NothingRefused
    connection = django_connection.connection
    forget_aside(connection, [id])
    [sealed] = seal_aside(connection, [(id, content)])
    Quarantined.objects.filter(id=id).update(sealed=sealed)


def _still(ids: Sequence[UUID]) -> set[UUID]:
    """Those that wait still, held until the caller's transaction ends: nobody else brings them again meanwhile."""
    rows = Quarantined.objects.select_for_update().filter(id__in=ids, settled=None, sealed__isnull=False)
    return set(rows.order_by("id").values_list("id", flat=True))


def _send_again(channel: Channel, messages: Sequence[tuple[UUID, Any]]) -> int:
    """Into the inbox, sealed as they were when they came, and out of the quarantine, in one transaction; returns how many.

    Each by itself, under its own terms and as old as itself: what it says is as old as the day on which it was refused, about.
    What its channel could not have sent stays where it is.
    """
    kind, still = kinds().get(channel.kind), _still([id for id, _ in messages])
    envelopes = {id: _envelope(kind, told, channel) for id, told in messages if id in still and kind is not None}
    ready = {id: content for id, content in envelopes.items() if content is not None}
    if not ready:
        return 0
    new = {id: new_id() for id in ready}
    connection = django_connection.connection
    sealed = seal_aside(connection, [(new[id], content) for id, content in ready.items()])
    with django_connection.cursor() as cursor:
        cursor.executemany(
            "insert into inbox (id, channel, at, messages, sealed) values (%s, %s, %s, 1, %s)",
            [(new[id], channel.id, moment_of(id), held) for id, held in zip(ready, sealed, strict=True)],
        )
        cursor.execute(
            "update collect_quarantined q set settled = n.place, sealed = null"
            " from unnest(%s::uuid[], %s::uuid[]) as n (id, place) where q.id = n.id",
            [list(new), list(new.values())],
        )
    forget_aside(connection, list(ready))
    return len(ready)


def _envelope(kind: Kind, told: Any, channel: Channel) -> bytes | None:
    """The message as the inbox keeps it; None: its channel could not have sent it."""
    try:
        return packed(kind.again(told, channel.id))
    except (ValueError, orjson.JSONEncodeError):
        return None


__all__ = [
    "NotAMessage",
    "Refused",
    "bring_again",
    "bring_group",
    "columns_of",
    "forget",
    "let_go",
    "look_at",
    "mend",
    "mend_message",
    "send_group",
]  # fmt: skip
