"""Linkage of a table of records: what merges by itself, and what a reviewer should look at.

A pure function from an Arrow table to groups and proposals: it reads and writes no file, keeps nothing, and its errors
carry no value of any record.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa

from kehu.host.process import uncollected
from kehu.refine.resolve.compare.conditions import ALIASED
from kehu.refine.resolve.compare.features import Features, Kind, prepare
from kehu.refine.resolve.compare.guards import Guards, guards
from kehu.refine.resolve.compare.model import LINES, Model, shipped
from kehu.refine.resolve.compare.odds import moved
from kehu.refine.resolve.compare.pooled import Together
from kehu.refine.resolve.compare.whole import says_wide
from kehu.refine.resolve.linkage.blocking import block, propose
from kehu.refine.resolve.linkage.cluster import ELSEWHERE, LARGEST_GROUP, Beside, Edge, Pooled, Weigh
from kehu.refine.resolve.linkage.edges import (
    Contradictions,
    Weighed,
    at_most_sql,
    chains,
    edges_sql,
    grouped,
    heavy_sql,
    pooled_sql,
    weighable_sql,
    weight_sql,
)
from kehu.refine.resolve.linkage.train import expected_share, train

_PAIRS_PER_PART: Final = 4_000_000

Progress = Callable[[str, float], None]
Elsewhere = Callable[[Collection[str]], Collection[str]]
"""Of these records those whose telephone or mailbox somebody uses who is not in the table."""
Found = tuple[list[list[str]], list[tuple[str, str, float]]]


class LinkageFailed(Exception):
    """Linkage could not be computed; the message names the step and the kind of error, never a value."""


@dataclass(frozen=True, slots=True)
class LinkResult:
    """What linkage found.

    Attributes:
        merges: groups of at least two record ids sure to be one customer; ids and groups sorted.
        proposals: (record, record, match weight in bits), heaviest first: one question for each two groups that are
            likely one customer. Merges and all proposals accepted together give the likely customers.
        seconds: wall time.
        model: the model with the weights used.
        pairs: candidate pairs scored.
        learned: weights that these records teach, whatever they were linked by; None where they were not asked to.
    """

    merges: list[list[str]]
    proposals: list[tuple[str, str, float]]
    seconds: float
    model: Model
    pairs: int
    learned: Mapping[str, Any] | None = None


def link(
    table: pa.Table,
    *,
    kind: Kind = "person",
    memory_limit: str = "2GB",
    temp_directory: Path | None = None,
    weights: Mapping[str, Any] | None = None,
    everybody: bool = False,
    progress: Progress | None = None,
    elsewhere: Elsewhere | None = None,
) -> LinkResult:
    """Find the records that are one customer.

    Args:
        table: column `record` (unique id, text) and dictionary fields, normalised where a normal form exists, else as
            given, null where absent.
        memory_limit: for DuckDB, as DuckDB writes it.
        temp_directory: where DuckDB may spill, encrypted with a key that lives in memory only. Without one it spills
            nowhere and fails when the limit is met.
        weights: to link by (:meth:`Model.weights`); without them by what these records teach.
        everybody: weights or not, these are all records: they teach, and rare values count for more. Else, given weights,
            they are a few of those that taught them.
        progress: called with the name of a step and the share done so far (0 to 1).
        elsewhere: asked where only such a line says that two are one; None: the table holds everybody.
    Raises:
        LinkageFailed: out of memory, or a step went wrong.
        ValueError: column `record` is missing or not unique.
    """
    started = time.perf_counter()
    report = progress or (lambda _step, _share: None)
    report("features", 0.0)
    features = prepare(table, kind, wide=bool(weights) and says_wide(weights or {}, kind))
    if "name" not in features.columns and not features.columns & {
        "email",
        "phone",
        "national_id",
        "registration_number",
    }:
        return LinkResult([], [], time.perf_counter() - started, shipped(features, kind, prior=0.0), 0)
    run = _Run(features, kind, report, weights, everybody=everybody, elsewhere=elsewhere)
    try:
        with connect(memory_limit, temp_directory) as connection:
            merges, proposals = run(connection)
    except duckdb.Error as error:
        # It quotes the value it stumbles on.
        raise LinkageFailed(f"{run.step}: {type(error).__name__}") from None
    report("done", 1.0)
    return LinkResult(merges, proposals, time.perf_counter() - started, run.model, run.pairs, run.learned)


def connect(memory_limit: str, temp_directory: Path | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory DuckDB that reaches no file, and spills nowhere or encrypted."""
    connection = duckdb.connect(":memory:")
    connection.execute("SET memory_limit = ?", [memory_limit])
    if temp_directory:
        # Without the httpfs extension DuckDB encrypts only if told that its own cipher will do.
        connection.execute("SET force_mbedtls_unsafe = 'true'")
        connection.execute("SET temp_file_encryption = true")
    connection.execute("SET temp_directory = ?", [str(temp_directory) if temp_directory else ""])
    connection.execute(
        "SET preserve_insertion_order = false; SET enable_external_access = false; SET enable_progress_bar = false"
    )
    return connection


class _Run:
    """One linkage: the steps in order, with what they hand on."""

    def __init__(
        self,
        features: Features,
        kind: Kind,
        report: Progress,
        weights: Mapping[str, Any] | None,
        *,
        everybody: bool,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self._features = features
        self._kind = kind
        self._report = report
        self._weights = weights
        self._everybody = everybody
        self._elsewhere = elsewhere
        self.learned: Mapping[str, Any] | None = None
        self._guards: Guards = guards(features, kind)
        self.model: Model = shipped(features, kind, prior=1 / max(len(features.records), 2))
        self.pairs = 0
        self.step = "load"

    def __call__(self, connection: duckdb.DuckDBPyConnection) -> Found:
        connection.register("incoming", self._features.table)
        connection.execute("CREATE TABLE feature AS FROM incoming ORDER BY id")
        connection.unregister("incoming")
        self._begin("block", 0.1)
        parts = 1 + block(connection, self._features, self._kind) // _PAIRS_PER_PART
        self._begin("train", 0.2)
        self.model = self._taught(connection)
        self._score(connection, parts)
        self._begin("cluster", 0.85)
        with uncollected():
            return self._groups(connection)

    def _taught(self, connection: duckdb.DuckDBPyConnection) -> Model:
        if self._weights and not self._everybody:
            # Among the few that may match something new, every value looks frequent.
            return self.model.without_frequencies().taught(self._weights)
        prior = expected_share(connection, self._features, self._kind)
        bare = shipped(self._features, self._kind, prior=prior)
        model = train(connection, self._features, bare)
        self.learned = model.weights()
        if not self._weights:
            return model
        # How many pairs are one customer is as measured now, moved by as many bits as people's answers say.
        return replace(bare.taught(self._weights), prior=moved(model.prior, self._weights.get("shift", 0.0)))

    def _begin(self, step: str, share: float) -> None:
        self.step = step
        self._report(step, share)

    def _score(self, connection: duckdb.DuckDBPyConnection, parts: int) -> None:
        """Make table `edge` (l, r, weight, sure, household, shown, never) of pairs heavy enough to propose."""
        connection.execute(f"CREATE TABLE weighable AS {weighable_sql(self.model)}")
        for table in ("likely", "heavy"):
            connection.execute(f"CREATE TABLE {table} (join_key_l INT, join_key_r INT, weight DOUBLE)")
        at_most, weight = at_most_sql(self.model, *ALIASED), weight_sql(self.model, *ALIASED)
        for part in range(parts):
            self._begin("score", 0.35 + 0.5 * part / parts)
            propose(connection, part, parts)
            self.pairs += connection.table("pair").shape[0]
            # Pushed down through the projection, a threshold would compute each comparison twice.
            connection.execute("SET disabled_optimizers = 'filter_pushdown'")
            for table, of, said in (("likely", "pair", at_most), ("heavy", "likely", weight)):
                connection.execute(f"INSERT INTO {table} {heavy_sql(said, of)}")
            connection.execute("SET disabled_optimizers = ''")
            connection.execute("DROP TABLE pair; DELETE FROM likely")
        connection.execute(
            "CREATE TABLE edge (l INT, r INT, weight DOUBLE, sure BOOL, household BOOL, shown BOOL, never BOOL)"
        )
        connection.execute(f"INSERT INTO edge {edges_sql(self.model, self._guards)}")
        connection.execute("DROP TABLE likely; DROP TABLE heavy")
        # groups are compared by those of their records that have an edge, and by the others
        connection.execute("DELETE FROM weighable WHERE id NOT IN (SELECT l FROM edge UNION ALL SELECT r FROM edge)")

    def _groups(self, connection: duckdb.DuckDBPyConnection) -> Found:
        found = [Weighed(*row) for row in connection.execute("FROM edge ORDER BY l, r").fetchall()]
        pooled = None
        if self._guards.pooled:
            lines = self._features.columns.intersection(LINES)
            beside = self._with_elsewhere(beside_by(connection, lines))
            pooled = Pooled(weigh_by(connection, self.model, self._guards), beside)
        groups, asked = grouped(found, lambda sure: self._kept_apart(connection, sure), pooled)
        ids = self._features.records
        merges = [[ids[member] for member in group] for group in groups]
        return merges, [(ids[left], ids[right], weight) for left, right, weight in asked]

    def _with_elsewhere(self, beside: Beside) -> Beside:
        elsewhere, ids = self._elsewhere, self._features.records
        if elsewhere is None:
            return beside

        def both(records: Collection[int]) -> Mapping[int, Collection[int]]:
            used = elsewhere([ids[one] for one in records])
            more = {one: [ELSEWHERE] for one in records if ids[one] in used}
            within = beside(records)
            return {one: [*within.get(one, ()), *more.get(one, ())] for one in records}

        return both

    def _kept_apart(self, connection: duckdb.DuckDBPyConnection, sure: Sequence[Edge]) -> Contradictions:
        return contradictions(connection, self._guards, sure)


def contradictions(connection: duckdb.DuckDBPyConnection, held: Guards, sure: Sequence[Edge]) -> Contradictions:
    """For the records that chains of edges bring together, all in table `feature`: which of them contradict each other."""
    rows = [(number, record) for number, group in enumerate(chains(sure)) for record in group]
    chain = pa.table(
        {"chain": pa.array([r[0] for r in rows], pa.int32()), "id": pa.array([r[1] for r in rows], pa.int32())}
    )
    connection.register("chained", chain)
    query = (
        f"SELECT l.id, r.id, coalesce({held.firm.sql(*ALIASED)}, false) "
        "FROM chained AS a JOIN chained AS b ON a.chain = b.chain AND a.id < b.id "
        "JOIN feature AS l ON l.id = a.id JOIN feature AS r ON r.id = b.id "
        f"WHERE coalesce({held.apart.sql(*ALIASED)}, false)"
    )
    return Contradictions.of(connection.execute(query).fetchall())


def beside_by(connection: duckdb.DuckDBPyConnection, lines: Collection[str]) -> Beside:
    """Who else uses a telephone or mailbox of records, by table `feature`, which has these columns."""
    others = " UNION ALL ".join(
        f"SELECT asked.id, other.id AS beside FROM asked JOIN feature AS one ON one.id = asked.id"
        f" JOIN feature AS other ON other.{line} = one.{line} AND other.id <> one.id"
        # more others than one group may have: one of them is in no group of theirs
        f" QUALIFY row_number() OVER (PARTITION BY asked.id ORDER BY other.id) <= {LARGEST_GROUP + 1}"
        for line in sorted(lines)
    )

    def beside(records: Collection[int]) -> Mapping[int, Collection[int]]:
        found: dict[int, list[int]] = {}
        if lines:
            connection.register("asked", pa.table({"id": pa.array(sorted(records), pa.int32())}))
            for record, other in connection.execute(others).fetchall():
                found.setdefault(record, []).append(other)
            connection.unregister("asked")
        return found

    return beside


def weigh_by(connection: duckdb.DuckDBPyConnection, model: Model, held: Guards) -> Weigh:
    """Compares groups whose records are all in table `weighable`."""
    query = pooled_sql(model, held)

    def weigh(groups: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[Together]:
        rows = [(number, *pair) for number, of in enumerate(groups) for pair in itertools.product(*of)]
        columns = zip(*rows, strict=True)
        names = ("number", "l", "r")
        pairs = pa.table({name: pa.array(of, pa.int32()) for name, of in zip(names, columns, strict=True)})
        connection.register("pooled", pairs)
        found = {
            number: Together(weight, dict(zip(held.pooled, counts, strict=True)))
            for number, weight, *counts in connection.execute(query).fetchall()
        }
        connection.unregister("pooled")
        return [found[number] for number in range(len(groups))]

    return weigh


def learn(
    features: Features, kind: Kind, weights: Mapping[str, Any] | None, *, everybody: bool
) -> tuple[Model, Mapping[str, Any] | None]:
    """The model to weigh these records by, and what they teach, without weighing them: for what is weighed elsewhere."""
    run = _Run(features, kind, lambda _step, _share: None, weights, everybody=everybody)
    with connect("2GB") as connection:
        connection.register("incoming", features.table)
        connection.execute("CREATE TABLE feature AS FROM incoming ORDER BY id")
        block(connection, features, kind)
        run.model = run._taught(connection)
    return run.model, run.learned
