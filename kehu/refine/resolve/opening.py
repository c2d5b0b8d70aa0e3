"""Customers opened for linkage: through the gate, chunk by chunk, into an Arrow table that lives in memory only.

Each chunk is decided, recorded and opened by itself; whoever objects to linkage or is restricted is denied there and
simply has no row. Many chunks are shared out among processes, each with its own connection and its own row in the ledger.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import pyarrow as pa
from django.db import connection

from kehu.govern.slugs import RECORD_KINDS
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.read import CHUNK, Contribution, Opened, gate
from kehu.guard.watch.marks import NOT_HONEY
from kehu.host.process import begin_pooled
from kehu.refine.clean.identifiers import is_my_number
from kehu.refine.resolve.compare.features import FIELDS, Kind
from kehu.refine.survive import survive

PURPOSE: Final = "accuracy"
KIND_NUMBERS: Final[dict[Kind, int]] = {"person": 1, "organisation": 2}
_RECORDS: Final = (RECORD_KINDS["person"], RECORD_KINDS["organisation"], RECORD_KINDS["edit"])
# Starting a process costs about a second and 100 MB; below this many customers it does not pay.
_SHARED_FROM: Final = 20_000
_PROCESSES: Final = 2  # on two cores: with three it takes a sixth longer, with four a third
_PAGE: Final = 5 * CHUNK  # customers handed to a process at a time


@dataclass(frozen=True, slots=True)
class Group:
    """Customers that may be compared with each other: one controller's persons, or its organisations."""

    controller: int
    kind: Kind

    @property
    def name(self) -> str:
        """Its key in a run's weights."""
        return f"{self.controller}:{self.kind}"


def groups() -> list[Group]:
    """Every group that has a customer."""
    kinds: dict[int, Kind] = {number: kind for kind, number in KIND_NUMBERS.items()}
    with connection.cursor() as cursor:
        cursor.execute("select distinct controller, kind from subject_state where not hidden order by 1, 2")
        return [Group(controller, kinds[kind]) for controller, kind in cursor.fetchall()]


def customers_of(group: Group) -> list[UUID]:
    """Every customer of a group that has a record linkage can read, oldest first; records made to be found are nobody."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select distinct s.customer from subject_state s where s.controller = %s and s.kind = %s and not s.hidden"
            f" and {NOT_HONEY} order by 1",
            [group.controller, KIND_NUMBERS[group.kind]],
        )
        return [row[0] for row in cursor.fetchall()]


def open_table(
    customers: Sequence[UUID], kind: Kind, *, actor: Actor, run: UUID, progress: Callable[[float], None] | None = None
) -> pa.Table:
    """What linkage reads of these customers: a row for each origin subject, named by column `record`.

    Values are normalised where a normal form exists, else as given. Masked and denied values stay out.
    """
    pages = [customers[start : start + _PAGE] for start in range(0, len(customers), _PAGE)]
    opened = _shared(pages, kind, actor, run) if len(customers) >= _SHARED_FROM else _here(pages, kind, actor, run)
    tables: list[pa.Table] = []
    for number, table in enumerate(opened, 1):
        tables.append(table)
        if progress:
            progress(number / len(pages))
    return pa.concat_tables(tables) if tables else _schema(kind).empty_table()


def open_each(
    customers: Sequence[UUID], kind: Kind, *, actor: Actor, run: UUID
) -> dict[UUID, dict[UUID, dict[str, str]]]:
    """What linkage reads of a few customers (2,000 at most): customer -> origin subject -> its values."""
    opened = gate().open(
        customers, actor=actor, purpose=PURPOSE, fields=FIELDS[kind], use="link", kinds=_RECORDS, detail=run
    )
    return {one.customer: found for one in opened if (found := _by_origin(one))}


def _here(pages: Sequence[Sequence[UUID]], kind: Kind, actor: Actor, run: UUID) -> Iterator[pa.Table]:
    for page in pages:
        yield _open_page(page, kind, actor, run)


def _shared(pages: Sequence[Sequence[UUID]], kind: Kind, actor: Actor, run: UUID) -> Iterator[pa.Table]:
    """By processes that die with this one; what they opened comes back through a pipe."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(_PROCESSES, mp_context=context, initializer=begin_pooled) as pool:
        waiting: list[Future[bytes]] = []
        rest = iter(pages)
        for page in rest:
            waiting.append(pool.submit(_open_bytes, page, kind, actor, run))
            if len(waiting) >= 2 * _PROCESSES:  # none waits for one that is slower
                yield pa.ipc.open_stream(waiting.pop(0).result()).read_all()
        for done in waiting:
            yield pa.ipc.open_stream(done.result()).read_all()


def _open_bytes(page: Sequence[UUID], kind: Kind, actor: Actor, run: UUID) -> bytes:
    table = _open_page(page, kind, actor, run)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    whole: bytes = sink.getvalue().to_pybytes()
    return whole


def _open_page(page: Sequence[UUID], kind: Kind, actor: Actor, run: UUID) -> pa.Table:
    fields, schema = FIELDS[kind], _schema(kind)
    blank: dict[str, str | None] = dict.fromkeys(fields)
    rows: list[tuple[str | None, ...]] = []
    for chunk in gate().stream(
        page, actor=actor, purpose=PURPOSE, fields=fields, use="link", kinds=_RECORDS, detail=run
    ):
        for opened in chunk:
            rows += [
                (subject.hex, *(blank | values).values())  # in the order of the blank, whatever came first
                for subject, values in _by_origin(opened).items()
            ]
    return pa.table(list(zip(*rows, strict=True)), schema=schema) if rows else schema.empty_table()


def _by_origin(opened: Opened) -> dict[UUID, dict[str, str]]:
    """The values of each origin subject; of several records of one subject what survives."""
    if len(opened.origins) == 1 and (alone := _alone(opened.contributions)) is not None:
        return {opened.origins[0]: alone} if opened.contributions else {}
    clear: dict[UUID, dict[str, list[Contribution]]] = {}
    for one in opened.contributions:
        if one.answer == "clear":
            clear.setdefault(one.subject, {}).setdefault(one.field, []).append(one)
    return {
        subject: {name: text for name, said in by_field.items() if (text := _text(said)) and not _barred(name, text)}
        for subject, by_field in clear.items()
    }


def _alone(said: Sequence[Contribution]) -> dict[str, str] | None:
    """The values of one subject in the usual case: one record, all of it let out, nothing to choose from; else None."""
    kept: dict[str, str] = {}
    for one in said:
        if one.answer != "clear" or one.field in kept:
            return None
        kept[one.field] = one.normal or one.given or ""
    if (number := kept.get("national_id")) and is_my_number(number):
        del kept["national_id"]
    return {name: text for name, text in kept.items() if text}


def _barred(field: str, value: str) -> bool:
    return field == "national_id" and is_my_number(value)


def _text(said: list[Contribution]) -> str | None:
    if len(said) > 1:
        return next((kept.said.normal or kept.said.given for kept in survive(said).values()), None)
    return said[0].normal or said[0].given


def _schema(kind: Kind) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in ("record", *FIELDS[kind])])
