"""A run of linkage, vault to vault: open, link, assign, and leave the doubtful to the review queue.

One at a time. Everything a run reads stands in the ledger as act ``link`` with the run's id; what it joined stands in
the log of links under the same id, so that it can be taken back as a whole.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc
from django.db import connection, transaction
from django.utils import timezone

from kehu.govern.parts import retried
from kehu.govern.slugs import PURPOSES
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.ledger.record import record_act
from kehu.host.home import Home
from kehu.host.process import uncollected
from kehu.refine.models import CANDIDATE, LinkageRun
from kehu.refine.resolve import live
from kehu.refine.resolve.compare.model import LINES
from kehu.refine.resolve.elsewhere import used_elsewhere
from kehu.refine.resolve.fresh import Fresh, candidates, fresh
from kehu.refine.resolve.linkage import spark
from kehu.refine.resolve.linkage.link import LinkResult, Progress, link
from kehu.refine.resolve.linkage.train import SET
from kehu.refine.resolve.opening import PURPOSE, Group, customers_of, groups, open_table
from kehu.refine.resolve.review import queue
from kehu.refine.resolve.review.queue import Pair, Union
from kehu.refine.resolve.weights import keep_learned
from kehu.refine.tasks import defer_weighing
from kehu.vault.assignment import PROBABLE, WHY, assign
from kehu.vault.ids import in_order, new_id

MEMORY: Final = "1GB"  # of DuckDB; beyond it spills into the home, under a key that lives in memory only
_LINKS_PER_TRANSACTION: Final = 10_000
_LOCK_KEY: Final = 0x6B656875_72756E73  # "kehuruns"
_LOOK_SECONDS: Final = 0.5
_SPILL: Final = "linkage-"  # folders in the home, each gone with its run
_SHOWN: Final = 50
_OPENING: Final = 0.45  # share of a run's time


@dataclass(frozen=True, slots=True)
class Run:
    """What a run came to. ``before``, ``after``: customers. ``merged``: customers that were joined to another.

    ``review``: questions that wait in the queue now. ``seconds``: wall time, without waiting for another run.
    ``fell_back``: by controller and kind, comparisons that keep their shipped weights, and why (:mod:`.train`).
    """

    id: UUID
    before: int
    after: int
    merged: int
    review: int
    seconds: float
    fell_back: Mapping[str, Mapping[str, str]]


def resolve(*, actor: Actor, everything: bool, progress: Progress | None = None, counted: bool = True) -> Run:
    """Find and join the records of one customer: among everybody, or of what is new since the last run.

    Waits for a run that is going on. The first run is of everything, whatever is asked.

    Args:
        progress: called with the name of a step and the share done so far (0 to 1).
        counted: whether customers are counted before and after, half a second for a million.
    Raises:
        ActRefused: the role may not.
        LinkageFailed: out of memory, or a step went wrong; what was joined until then stands.
        LedgerUnavailable: the ledger cannot be written, so nothing was opened.
        SparkMissing: it is to run on Spark, which is not here; nothing was opened.
    """
    require_act("link", actor)
    report = progress or (lambda _step, _share: None)
    with _alone(report):
        started = time.perf_counter()
        scope = fresh(everything=everything)
        if _on_spark(scope):
            spark.require()
        run = LinkageRun.objects.create(
            id=new_id(), everything=scope.everything, staff=actor.human, newest=scope.seen,
            before=count_customers() if counted else None,
        )  # fmt: skip
        try:
            _work(run, scope, actor, report)
        except BaseException:
            LinkageRun.objects.filter(id=run.id).update(state="failed", ended_at=timezone.now())
            raise
        report("done", 1.0)
        seconds = time.perf_counter() - started
        return Run(run.id, run.before or 0, run.after or 0, run.merged, run.review, seconds, _fell_back(run))


def _fell_back(run: LinkageRun) -> dict[str, dict[str, str]]:
    """What it linked by that was not learned; what is set on purpose is no falling back."""
    found = {
        group: {name: why for name, why in held.get("fell_back", {}).items() if why != SET}
        for group, held in run.weights.items()
    }
    return {group: why for group, why in found.items() if why}


def newest_runs(*, actor: Actor) -> list[LinkageRun]:
    """The newest runs first, fifty at most; counts and ids only.

    Raises:
        ActRefused: the role may not.
    """
    require_act("link", actor)
    return list(LinkageRun.objects.order_by("-started_at")[:_SHOWN])


def count_customers() -> int:
    """How many customers there are."""
    with connection.cursor() as cursor:
        cursor.execute("select count(distinct customer) from subject_state where not hidden", ())
        return int(cursor.fetchone()[0])


@contextlib.contextmanager
def _alone(report: Progress) -> Iterator[None]:
    """Hold the lock of runs for as long as this connection lives; a run that died is marked as failed."""
    with connection.cursor() as cursor:
        while True:
            cursor.execute("select pg_try_advisory_lock(%s)", [_LOCK_KEY])
            if cursor.fetchone()[0]:
                break
            report("wait", 0.0)
            time.sleep(_LOOK_SECONDS)
    try:
        for left in Home.current().path.glob(f"{_SPILL}*"):  # by a run that was killed
            shutil.rmtree(left, ignore_errors=True)
        LinkageRun.objects.filter(state="running").update(state="failed", ended_at=timezone.now())
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("select pg_advisory_unlock(%s)", [_LOCK_KEY])


def _work(run: LinkageRun, scope: Fresh, actor: Actor, report: Progress) -> None:
    few = not scope.everything and scope.count <= live.MOST
    learned: dict[str, Any] = {}
    work = list(scope.customers) if few else groups()
    for number, group in enumerate(work):

        def within(step: str, share: float, number: int = number) -> None:
            report(step, (number + share) / len(work))

        if few:
            _look_up(group, scope, run, actor, within)
        elif found := _in_bulk(group, scope, run, actor, within):
            learned[group.name] = found
    # a few touch no question but their own, and one message does not wait for a look at all that wait
    queue.settle(
        whole_run=run.id if scope.everything else None,
        of=[one for group in scope.customers for one in scope.of(group)] if few else None,
    )
    run.weights, run.review = learned or dict(scope.weights), queue.open_count()
    run.after = None if run.before is None else count_customers()
    run.state, run.ended_at = "done", timezone.now()
    with transaction.atomic():
        run.save()
        record_act("link", None, actor=actor, purpose=PURPOSES[PURPOSE], detail=run.id)


def _look_up(group: Group, scope: Fresh, run: LinkageRun, actor: Actor, report: Progress) -> None:
    """Each customer with something new by itself: joined before the next is looked at; questions are asked at the end."""
    scorer = live.Scorer(group.kind, scope.weights.get(group.name))
    linkage = live.LiveLinkage(group, scorer, actor=actor, run=run.id)
    new, asks = scope.of(group), list[Pair]()
    for number, customer in enumerate(new):
        report("look-up", number / len(new))
        met = linkage.look_up(customer)
        run.merged += join_found(met.joins, run=run.id, actor=actor)
        asks += met.asks
    ask_found(asks, run=run.id)


def join_found(joins: Sequence[tuple[UUID, UUID]], *, run: UUID, actor: Actor) -> int:
    """Join what a look-up found, for as far as nobody decided otherwise; returns how many were joined to another."""
    if not joins:
        return 0
    union = Union(queue.customers_by_origin({end for pair in joins for end in pair}))
    links = [pair for pair in joins if union.join(*pair)]  # who must stay apart is looked up where they are joined
    return len(links) - len(retried(lambda: _assigned(links, run, actor))) if links else 0


def ask_found(asks: Sequence[Pair], *, run: UUID) -> None:
    """Ask what look-ups found, once of each two customers, of whom nobody decided and no question waits."""
    if not asks:
        return
    ends = {end for one in asks for end in (one.older, one.younger)}
    union, asked = Union(queue.customers_by_origin(ends), queue.decided_apart(ends)), set(queue.waiting_between(ends))
    wanted: list[Pair] = []
    for pair in sorted(asks, key=lambda one: (-one.weight, one.older, one.younger)):
        between = frozenset((union.root(pair.older), union.root(pair.younger)))
        if len(between) == 2 and between not in asked and not union.barred(pair.older, pair.younger):
            asked.add(between)
            wanted.append(pair)
    queue.propose(wanted, run=run)


def _assigned(links: Sequence[tuple[UUID, UUID]], run: UUID, actor: Actor) -> list[tuple[UUID, UUID]]:
    raw: Any = connection.connection
    return assign(raw, links, certainty=PROBABLE, why=WHY["linkage"], run=run, by=actor.staff)


def _in_bulk(group: Group, scope: Fresh, run: LinkageRun, actor: Actor, report: Progress) -> Mapping[str, Any] | None:
    """A whole group, or what is new in it; returns the weights that its records teach, where they do."""
    opened, new = _open(group, scope, actor, run, report)
    if len(opened) < 2:
        return None
    result = _linked(opened, group, scope, report)
    del opened
    with uncollected():
        joining = _Joining(run, actor, result, new)
        run.merged += joining.merge()
        joining.ask()
    if result.learned is not None:
        made = keep_learned(group, result.learned, run=run.id)
        if made is not None and made.state == CANDIDATE:
            defer_weighing(made.id, actor.human)
    return result.learned


def _open(
    group: Group, scope: Fresh, actor: Actor, run: LinkageRun, report: Progress
) -> tuple[pa.Table, set[str] | None]:
    """The group's records to compare, and the new ones among them of which something is asked; None: of all."""

    def opened(customers: Sequence[UUID], share: float) -> pa.Table:
        return open_table(
            customers, group.kind, actor=actor, run=run.id, progress=lambda done: report("open", share * done)
        )

    if scope.everything:
        return opened(customers_of(group), _OPENING), None
    table = opened(scope.of(group), _OPENING / 2)
    new = set(table["record"].to_pylist())
    others = in_order(set(candidates(group, table)) - set(scope.of(group)))
    return pa.concat_tables([table, opened(others, _OPENING)]), new


def _on_spark(scope: Fresh) -> bool:
    return scope.everything and bool(os.environ.get("KEHU_SPARK_MASTER"))


def _linked(table: pa.Table, group: Group, scope: Fresh, report: Progress) -> LinkResult:
    if _on_spark(scope):
        with spark.session(Home.current().path) as held:
            return spark.link_on_spark(
                table,
                spark=held,
                kind=group.kind,
                weights=scope.weights.get(group.name),
                everybody=True,
                progress=lambda step, share: report(step, _OPENING + (0.95 - _OPENING) * share),
            )
    with tempfile.TemporaryDirectory(prefix=_SPILL, dir=Home.current().path) as spill:
        return link(
            table,
            kind=group.kind,
            memory_limit=MEMORY,
            temp_directory=Path(spill),
            weights=scope.weights.get(group.name),
            everybody=scope.everything,
            progress=lambda step, share: report(step, _OPENING + (0.95 - _OPENING) * share),
            elsewhere=None if scope.everything else _elsewhere(table, group),
        )


def _elsewhere(table: pa.Table, group: Group) -> Callable[[Collection[str]], set[str]]:
    """Of opened records those whose telephone or mailbox somebody uses who was not opened."""

    def elsewhere(records: Collection[str]) -> set[str]:
        asked = table.filter(pc.is_in(table["record"], pa.array(sorted(records)))).select(["record", *LINES])
        opened = {UUID(record) for record in table["record"].to_pylist()}
        return used_elsewhere(group, {said["record"]: said for said in asked.to_pylist()}, opened)

    return elsewhere


class _Joining:
    """What linkage found in one group of customers, carried out: of all it found, or of what is new."""

    def __init__(self, run: LinkageRun, actor: Actor, found: LinkResult, new: set[str] | None) -> None:
        self._run = run
        self._actor = actor
        self._groups = [
            [UUID(record) for record in group] for group in found.merges if new is None or not new.isdisjoint(group)
        ]
        self._pairs = [Pair.of(UUID(left), UUID(right), weight) for left, right, weight in found.proposals]
        self._new = None if new is None else {UUID(record) for record in new}
        named = {record for group in self._groups for record in group} | (self._new or set())
        named.update(end for pair in self._pairs for end in (pair.older, pair.younger))
        self._union = Union(queue.customers_by_origin(named), queue.decided_apart())

    def merge(self) -> int:
        """Join the sure ones; returns how many customers were joined to another."""
        links = [
            (first, other) for first, *others in self._groups for other in others if self._union.join(first, other)
        ]
        refused = 0
        for start in range(0, len(links), _LINKS_PER_TRANSACTION):
            share = links[start : start + _LINKS_PER_TRANSACTION]
            refused += len(retried(lambda share=share: _assigned(share, self._run.id, self._actor)))  # type: ignore[misc]
        return len(links) - refused

    def ask(self) -> None:
        """Put the doubtful ones into the queue, one question for each two customers: that which waits, where one does."""
        asked, waiting = set[frozenset[UUID]](), queue.waiting_between()
        new = None if self._new is None else {self._union.root(record) for record in self._new}
        pairs: list[Pair] = []
        for pair in self._pairs:
            ends = frozenset((self._union.root(pair.older), self._union.root(pair.younger)))
            wanted = new is None or bool(new & ends)
            if len(ends) == 2 and wanted and ends not in asked and not self._union.barred(*ends):
                asked.add(ends)
                pairs.append(Pair(*waiting.get(ends, (pair.older, pair.younger)), pair.weight))
        queue.propose(pairs, run=self._run.id)
