"""The checked read without the ledger's insert: what the benches compare with. It exists here and nowhere else."""

from __future__ import annotations

from kehu.guard.gate.statement import CHECKED_READ, PARAMETERS


def statement() -> str:
    """The same locks, look-ups and joins, with a made-up row number in place of the inserts."""
    head, rest = CHECKED_READ.split(", e as (", 1)
    # the server wants to know the type of every parameter, of those that only the insert used, too
    unused = " and ".join(
        f"(${PARAMETERS['customer'].index(name) + 1}::{kind} is null or true)"
        for name, kind in (("detail", "uuid"), ("macs", "bytea[]"), ("action", "smallint"))
    )
    made_up = f", e as (select 1::bigint as seq, m.id as decision from m where {unused} group by m.id)"
    made = head + made_up + rest[rest.index(", o as (") :]
    if "insert" in made.lower():
        raise RuntimeError("an insert is left in the statement")
    return made
