"""A search by blind index costs as much as it finds, not as much as there is."""

from __future__ import annotations

from kehu.guard.gate.read import raw_connection
from kehu.guard.setup import open_owner
from kehu.serve.desk.queries import BY_TOKENS
from kehu.vault.settling import settle_index
from tests.cast import admit


def plan_of(owner, statement: str) -> str:
    """The plan that serves any tokens: the one that prepared statements end with."""
    return "\n".join(row[0] for row in owner.execute("explain (generic_plan) " + statement.replace("%s", "$1")))


def test_states_are_read_by_their_keys(database):
    admit(*({"email": f"c{n}@mail.example"} for n in range(6_000)))
    settle_index(raw_connection())  # as the application: the owner's function lends it the right
    with open_owner(database) as owner:
        owner.execute("analyze record, subject_state")
        plan = plan_of(owner, BY_TOKENS)
    assert "Seq Scan on subject_state" not in plan and "subject_state_pkey" in plan
