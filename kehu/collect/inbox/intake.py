"""What a channel brings on one day, as an import of each kind: so that it is counted, quarantined and undone like one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import polars as pl
from django.db import connection as django_connection
from django.db import transaction

from kehu.collect.channels import Brought
from kehu.collect.imports.recipe import EVENTS, FileRecipe, Recipe, fields_of
from kehu.collect.imports.supplied import OF_THE_SOURCE, asked_of, supplier_of
from kehu.collect.models import ChannelTerms, Import
from kehu.govern.laws import packs_beside
from kehu.govern.models import Channel, Controller, Notice, Source
from kehu.govern.notices import covers_of
from kehu.guard.aside import seal_aside
from kehu.guard.gate.state import bits_of
from kehu.guard.installation import installation
from kehu.vault.ids import new_id

OWN, JOINS, WHEN, RESIDENCE, SAID_AT, CONSENT = "own key", "joins", "when", "residence", "said at", "consent "


def recipe_of(kind: str, channel: Channel, terms: ChannelTerms) -> Recipe:
    """How what a channel brings is read: as one file whose columns are our fields."""
    notice, controller = Notice.objects.get(id=terms.notice), Controller.objects.get(id=terms.controller)
    beside = packs_beside(collected_in=channel.country, established_in=controller.country)
    purposes = sorted(set(terms.consents.values())) if kind not in EVENTS else []
    source = Source.objects.filter(id=terms.source).first() if terms.source is not None else None
    fields = _in_scope(fields_of(kind, installation().rules.dictionary), source)
    return Recipe(
        kind=kind, files=[_file(fields)], country=None, residence_column=RESIDENCE,
        consents={purpose: CONSENT + purpose for purpose in purposes}, consent_time=SAID_AT if purposes else None,
        way=channel.name, notice_purposes=list(notice.purposes), source_proof=False, packs_beside=bits_of(beside),
        own_column=OWN, joins_column=JOINS, when_column=WHEN, silence_is_no_answer=True,
        supplier=supplier_of(channel, source), **asked_of(source, controller.name),
        told={slug: held.version for slug, held in covers_of(notice).items() if slug in purposes},
    )  # fmt: skip


def _in_scope(fields: list[str], source: Source | None) -> list[str]:
    """What a source is registered to give; what is more is not kept."""
    if source is None or not source.fields:
        return fields
    return [name for name in fields if name in source.fields or name in OF_THE_SOURCE]


def only(recipe: Recipe, columns: Iterable[str]) -> FileRecipe:
    """The recipe's file, of these columns alone: what nobody sent need not be cleaned."""
    held = set(columns)
    [file] = recipe.files
    return replace(file, fields={name: column for name, column in file.fields.items() if column in held})


def frame_of(rows: Sequence[Brought], lines: Sequence[int], recipe: Recipe) -> pl.DataFrame:
    """Rows of one kind as the columns of that file; ``lines`` number them."""
    present = dict.fromkeys(name for row in rows for name in row.values)
    columns = {name: [row.values.get(name) for row in rows] for name in present}
    columns[OWN] = [row.own for row in rows]
    columns[JOINS] = [row.joins for row in rows]
    columns[WHEN] = [row.at for row in rows]
    columns[RESIDENCE] = [row.residence or None for row in rows]
    for purpose, column in recipe.consents.items():
        columns[column] = [_word(row.consents.get(purpose)) for row in rows]
    if recipe.consent_time:
        columns[recipe.consent_time] = [row.said_at for row in rows]
    series = [pl.Series(name, _stripped(held), dtype=pl.String) for name, held in columns.items()]
    return pl.DataFrame([pl.Series("line", lines, dtype=pl.Int64), *series])


def intake_of(kind: str, channel: Channel, terms: ChannelTerms, recipe: Recipe, *, staff: UUID) -> UUID:
    """The open import of today for this channel and kind, under these terms; entered if there is none.

    It stays open until the caller's transaction ends: an undo waits, and takes back what is written meanwhile, too.
    """
    day = datetime.now(UTC).date().isoformat()
    packed = recipe.pack()
    said = f"{terms.controller}\x1f{terms.basis}\x1f{terms.notice}".encode()
    said += f"\x1f{terms.source}".encode() if terms.source is not None else b""
    fingerprint = installation().tokens.content(
        f"inbox\x1f{channel.id}\x1f{kind}\x1f{day}\x1f".encode() + said + packed
    )
    with django_connection.cursor() as cursor:
        cursor.execute(
            "select id from collect_import where fingerprint = %s and state = 'open' for share", [fingerprint]
        )
        found = cursor.fetchone()
    if found is not None:
        return UUID(str(found[0]))
    with transaction.atomic():
        id = new_id()
        [sealed] = seal_aside(django_connection.connection, [(id, packed)])
        Import.objects.create(
            id=id, fingerprint=fingerprint, state="open", kind=kind, channel=channel.id, controller=terms.controller,
            basis=terms.basis, notice=terms.notice, sealed=sealed, source=recipe.supplier, staff=staff,
        )  # fmt: skip
        # the days before are over
        Import.objects.filter(channel=channel.id, kind=kind, state="open").exclude(id=id).update(
            state="done", ended_at=datetime.now(UTC)
        )
        return id


def _file(fields: Sequence[str]) -> FileRecipe:
    return FileRecipe(
        path=None, staged=None, header=True, digest="", rows=0, fields={name: name for name in fields}, unmapped=[]
    )


def _word(answer: bool | None) -> str | None:
    return None if answer is None else "yes" if answer else "no"


def _stripped(values: Sequence[str | None]) -> list[str | None]:
    """As readers give cells: outer whitespace gone, empty is absent; what is no text in Unicode has its place kept."""
    return [(value.strip() or None) if value is not None else None for value in values]
