"""Linkage of a table of records: what merges by itself, and what a reviewer should look at.

A pure function from an Arrow table to groups and proposals: it reads and writes no file, keeps nothing, and its errors
carry no value of any record.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
from splink import DuckDBAPI, Linker
from splink.internals.exceptions import SplinkException

from kehu.refine.resolve.blocking import block, propose
from kehu.refine.resolve.cluster import Edge, communities, group_names, merge, outside_households, questions
from kehu.refine.resolve.conditions import ALIASED
from kehu.refine.resolve.features import Features, Kind, prepare
from kehu.refine.resolve.guards import Guards, guards
from kehu.refine.resolve.model import Model, shipped
from kehu.refine.resolve.train import expected_share, settings, train

# Bits. Below the first a pair is no proposal; from the second it merges, where the evidence is of the right kind.
PROPOSE_FROM: Final = -4.0
MERGE_FROM: Final = 6.0
HOUSEHOLD_CAP: Final = 0.0
_PAIRS_PER_PART: Final = 4_000_000

Progress = Callable[[str, float], None]
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
    """

    merges: list[list[str]]
    proposals: list[tuple[str, str, float]]
    seconds: float
    model: Model
    pairs: int


def link(
    table: pa.Table,
    *,
    kind: Kind = "person",
    memory_limit: str = "2GB",
    temp_directory: Path | None = None,
    weights: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> LinkResult:
    """Find the records that are one customer.

    Args:
        table: column `record` (unique id, text) and dictionary fields, normalised where a normal form exists, else as
            given, null where absent.
        memory_limit: for DuckDB, as DuckDB writes it.
        temp_directory: where DuckDB may spill, encrypted with a key that lives in memory only. Without one it spills
            nowhere and fails when the limit is met.
        weights: of an earlier run (:meth:`Model.weights`): these records are a few of those, so they teach nothing.
        progress: called with the name of a step and the share done so far (0 to 1).
    Raises:
        LinkageFailed: out of memory, or a step went wrong.
        ValueError: column `record` is missing or not unique.
    """
    started = time.perf_counter()
    report = progress or (lambda _step, _share: None)
    report("features", 0.0)
    features = prepare(table, kind)
    if "name" not in features.columns and not features.columns & {
        "email",
        "phone",
        "national_id",
        "registration_number",
    }:
        return LinkResult([], [], time.perf_counter() - started, shipped(features, kind, prior=0.0), 0)
    run = _Run(features, kind, report, weights)
    try:
        with connect(memory_limit, temp_directory) as connection:
            merges, proposals = run(connection)
    except (duckdb.Error, SplinkException) as error:
        # Both quote the value they stumble on.
        raise LinkageFailed(f"{run.step}: {type(error).__name__}") from None
    report("done", 1.0)
    return LinkResult(merges, proposals, time.perf_counter() - started, run.model, run.pairs)


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
        self, features: Features, kind: Kind, report: Progress, weights: Mapping[str, Any] | None = None
    ) -> None:
        self._features = features
        self._kind = kind
        self._report = report
        self._weights = weights
        self._guards: Guards = guards(features, kind)
        self.model: Model = shipped(features, kind, prior=1 / max(len(features.records), 2))
        self.pairs = 0
        self.step = "load"

    def __call__(self, connection: duckdb.DuckDBPyConnection) -> Found:
        connection.register("incoming", self._features.table)
        connection.execute("CREATE TABLE feature AS FROM incoming ORDER BY id")
        connection.unregister("incoming")
        self._begin("train", 0.1)
        self.model = self._taught(connection)
        self._begin("block", 0.3)
        parts = 1 + block(connection, self._features, self._kind) // _PAIRS_PER_PART
        self._score(connection, parts)
        self._begin("cluster", 0.85)
        return self._groups(connection)

    def _taught(self, connection: duckdb.DuckDBPyConnection) -> Model:
        if self._weights:
            # Among the few that may match something new, every value looks frequent.
            return self.model.without_frequencies().taught(self._weights)
        prior = expected_share(connection, self._features, self._kind)
        return train(connection, self._features, shipped(self._features, self._kind, prior=prior))

    def _begin(self, step: str, share: float) -> None:
        self.step = step
        self._report(step, share)

    def _score(self, connection: duckdb.DuckDBPyConnection, parts: int) -> None:
        """Make table `edge` (l, r, weight, certain, household, shown, never) of pairs heavy enough to propose."""
        api = DuckDBAPI(connection)
        linker = Linker(api.register("feature"), settings(self.model), validate_settings=False, log_level=None)
        connection.execute(
            "CREATE TABLE edge (l INT, r INT, weight DOUBLE, certain BOOL, household BOOL, shown BOOL, never BOOL)"
        )
        conditions = (self._guards.certain, self._guards.household, self._guards.shown, self._guards.never)
        facts = ", ".join(f"coalesce({condition.sql(*ALIASED)}, false)" for condition in conditions)
        for part in range(parts):
            self._begin("score", 0.35 + 0.5 * part / parts)
            propose(connection, part, parts)
            self.pairs += connection.table("pair").shape[0]
            linker.table_management.register_blocked_pairs_for_predict(api.register("pair"))
            # Pushed down through Splink's projections, the threshold would compute each comparison several times over.
            connection.execute("SET disabled_optimizers = 'filter_pushdown'")
            scored = linker.inference.predict(threshold_match_weight=PROPOSE_FROM, warning_mode="never")
            connection.execute("SET disabled_optimizers = ''")
            connection.execute(
                f"INSERT INTO edge SELECT id_l, id_r, match_weight, match_weight >= {MERGE_FROM} AND {facts} "
                f"FROM {scored.physical_name} JOIN feature AS l ON l.id = id_l JOIN feature AS r ON r.id = id_r"
            )
            scored.drop_table_from_database_and_remove_from_cache()
            connection.execute("DROP TABLE pair")

    def _groups(self, connection: duckdb.DuckDBPyConnection) -> Found:
        rows = connection.execute("SELECT * FROM edge ORDER BY l, r").fetchall()
        sure: list[Edge] = [row[:3] for row in rows if row[3]]
        apart = self._kept_apart(connection, sure)
        group_of = group_names(merge(sure, apart))
        possible = [row for row in rows if not row[6]]
        sharing = [(row[0], row[1], row[5]) for row in rows if row[4]]
        kin = outside_households([row[:3] for row in possible if row[4]], sharing, group_of)
        edges: list[Edge] = [row[:3] for row in possible if not row[4]]
        edges += [(left, right, min(weight, HOUSEHOLD_CAP)) for left, right, weight in kin]
        likely = communities(edges, threshold=PROPOSE_FROM)
        groups = merge((edge for edge in sure if likely[edge[0]] == likely[edge[1]]), apart)
        group_of = group_names(groups)
        within = [edge for edge in edges if likely[edge[0]] == likely[edge[1]]]
        ids = self._features.records
        merges = [[ids[member] for member in group] for group in groups]
        return merges, [(ids[left], ids[right], weight) for left, right, weight in questions(within, group_of)]

    def _kept_apart(self, connection: duckdb.DuckDBPyConnection, sure: list[Edge]) -> dict[int, frozenset[int]]:
        """For the records that chains of sure edges bring together: which of them contradict each other."""
        chained = communities(sure, threshold=0.0)
        members: dict[int, list[int]] = {}
        for record, community in chained.items():
            members.setdefault(community, []).append(record)
        rows = [(community, record) for community, group in members.items() if len(group) > 2 for record in group]
        chain = pa.table(
            {"chain": pa.array([r[0] for r in rows], pa.int32()), "id": pa.array([r[1] for r in rows], pa.int32())}
        )
        connection.register("chained", chain)
        apart: dict[int, set[int]] = {}
        query = (
            "SELECT l.id, r.id FROM chained AS a JOIN chained AS b ON a.chain = b.chain AND a.id < b.id "
            "JOIN feature AS l ON l.id = a.id JOIN feature AS r ON r.id = b.id "
            f"WHERE coalesce({self._guards.apart.sql(*ALIASED)}, false)"
        )
        for left, right in connection.execute(query).fetchall():
            apart.setdefault(left, set()).add(right)
            apart.setdefault(right, set()).add(left)
        return {record: frozenset(others) for record, others in apart.items()}
