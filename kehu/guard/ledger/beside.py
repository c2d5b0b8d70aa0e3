"""What stands beside the rows and is trusted with them: tiles and decisions; recomputed, too.

Each fault is a row's ``seq`` (None where it concerns no single row) and why, in words.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator
from typing import Any, Final

from psycopg import Connection

from kehu.guard.gate.decisions import canonical, decision_id
from kehu.guard.ledger.mac import decision_mac
from kehu.guard.ledger.tiles import TILE, split_hashes
from kehu.guard.ledger.tree import root_of
from kehu.guard.ledger.uses import SHOWN, Fault

_LEAF_TILES: Final = f"""
select coalesce(l.tile, t.index), l.hashes, t.hashes, l.seqs from (
    select index / {TILE} as tile, string_agg(hash, ''::bytea order by index) as hashes,
        array_agg(seq order by index) as seqs
    from ledger_leaf group by 1 having count(*) = {TILE}
) l full join (select index, hashes from ledger_tile where level = 0) t on t.index = l.tile
where t.hashes is distinct from l.hashes order by 1 limit {SHOWN}
"""


def tile_faults(connection: Connection[Any]) -> Iterator[Fault]:
    """Tiles that are not the hashes of the leaves, or of the tiles, below them: proofs are made from tiles."""
    for index, leaves, tile, seqs in connection.execute(_LEAF_TILES).fetchall():
        if leaves is None or tile is None:
            yield None, f"tile {index} of level 0 " + ("has no leaves" if leaves is None else "is gone")
            continue
        pairs = zip(split_hashes(bytes(leaves)), split_hashes(bytes(tile)), seqs, strict=True)
        for place, (leaf, stored, seq) in enumerate(pairs):
            if leaf != stored:
                yield seq, f"leaf {index * TILE + place} and its tile say different things"
    rows = connection.execute("select level, index, hashes, root from ledger_tile order by level, index").fetchall()
    tiles = {(level, index): bytes(hashes) for level, index, hashes, _ in rows}
    roots = {place: root_of(split_hashes(hashes)) for place, hashes in tiles.items()}
    for level, index, _, root in rows:
        if root is not None and bytes(root) != roots[level, index]:
            yield None, f"tile {index} of level {level} says another root than its own"
    for level, index in sorted({(level + 1, index // TILE) for level, index in tiles} | set(tiles)):
        if level == 0:
            continue
        below = [roots.get((level - 1, index * TILE + n)) for n in range(TILE)]
        held = tiles.get((level, index))
        if None in below:
            if held is not None:
                yield None, f"tile {index} of level {level} has nothing below it"
        elif held != b"".join(root for root in below if root):
            yield (
                None,
                f"tile {index} of level {level} " + ("is gone" if held is None else "is not that of those below"),
            )


def decision_faults(connection: Connection[Any], key: bytes) -> Iterator[Fault]:
    """Decisions whose content or answer is not the one that was made; named by the first row that rests on each."""
    with connection.transaction(), connection.cursor("decisions", binary=True) as cursor:
        cursor.execute("select id, ask, actor, state, answer::text, categories, finds, mac from gate_decision")
        broken = [bytes(row[0]) for row in cursor if not _decided(key, *row)]
    for id in broken[:SHOWN]:
        row = connection.execute("select min(seq) from ledger_entry where decision = %s", (id,)).fetchone()
        if row is not None and row[0] is not None:
            yield row[0], "its decision was changed after it was made"
        else:
            yield None, "a decision that no row rests on is not ours"


def _decided(
    key: bytes, id: bytes, ask: str, actor: str, state: str, answer: str, categories: list[int], finds: bool, mac: bytes
) -> bool:
    made = decision_mac(key, decision=bytes(id), answer=canonical(json.loads(answer), categories, finds))
    return decision_id(ask, actor, state) == bytes(id) and hmac.compare_digest(bytes(mac), made)
