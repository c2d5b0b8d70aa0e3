"""Consents that came with imported records: by the chunk, never wider than what already stands.

A statement is what one column of one row says about one purpose. Without time, wording and way it is ``unknown`` and
permits nothing (GDPR 7(1), PIPL 14). Where the subject said something before, the stricter counts: a newer yes needs
the same verified contact behind both, which an import cannot show (RULES, "merge"); it is kept as ``unknown`` then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from psycopg import Connection

Packed = list[Any]
RANK: Final = {"withdrawn": 1, "refused": 2, "expired": 3, "invalid": 4, "unknown": 5, "given": 7}  # strictest first
_COLUMNS: Final = (
    "id, subject, purpose, purpose_version, status, kind, at, notice, way, recorded_by, recorded_at, batch, narrowed"
)
_COVERS: Final = 6  # entries of a consent that stands for another origin subject's (kehu.govern.merging)
_OVER_A_COVER: Final = 5  # entries of a stricter statement that came over one


@dataclass(frozen=True, slots=True)
class Said:
    """What a row says of a purpose: ``given``, ``refused`` or ``unknown``, and when it was said.

    ``narrowed``: a yes beside a stricter statement, so ``unknown``.
    """

    purpose: int
    version: int
    status: str
    at: datetime | None
    narrowed: bool = False

    def packed(self) -> Packed:
        """As it stands in ``subject_state``."""
        return [self.status, "general", None, self.version]


def add_statements(held: Mapping[str, Packed], said: Sequence[Said]) -> tuple[dict[str, Packed], list[Said], bool]:
    """What counts after a row's statements: packed consents, the statements as recorded, whether a yes was not counted.

    Where nothing was said of a purpose yet the statement stands; else only a stricter one does.
    """
    packed, recorded, narrowed = dict(held), [], False
    for one in said:
        key = str(one.purpose)
        before = packed.get(key)
        if before is None or RANK[one.status] < RANK.get(str(before[0]), RANK["unknown"]):
            cover = covered(before)
            packed[key] = [*one.packed(), cover] if cover else one.packed()
        elif one.status == "given" and before[0] != "given":
            one, narrowed = Said(one.purpose, one.version, "unknown", one.at, narrowed=True), True
        recorded.append(one)
    return packed, recorded, narrowed


def covered(packed: Packed | None) -> Packed | None:
    """The consent of another origin subject that a stricter statement came over: should that be taken back, it counts."""
    if packed is not None and len(packed) == _COVERS:
        return packed
    if packed is not None and len(packed) == _OVER_A_COVER and isinstance(packed[-1], list):
        return packed[-1]
    return None


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of one origin subject, ready to be recorded."""

    id: UUID
    subject: UUID
    said: Said


def record_statements(
    connection: Connection[Any], statements: Sequence[Statement], *, notice: int, way: str, by: UUID, batch: UUID
) -> None:
    """Write the rows of :class:`~kehu.govern.models.Consent`, in the caller's transaction."""
    if not statements:
        return
    now = datetime.now(UTC)
    with connection.cursor() as cursor, cursor.copy(f"copy govern_consent ({_COLUMNS}) from stdin") as copy:
        for one in statements:
            said = one.said
            copy.write_row(
                (
                    one.id, one.subject, said.purpose, said.version, said.status, "general", said.at, notice, way, by, now,
                    batch, said.narrowed,
                )
            )  # fmt: skip
