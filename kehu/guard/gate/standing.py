"""Whether somebody may act at all: account, credential, agreement and training, as of now (DESIGN G6)."""

from __future__ import annotations

from typing import Final

from django.db import connection

from kehu.guard.gate.actor import ACTOR_FACTS_SQL, Actor, ActorFacts
from kehu.guard.gate.acts import Refused

_ORDER: Final = (
    ("active", "house.active"), ("credential_ok", "house.credential"), ("agreement", "house.agreement"),
    ("training", "house.training"), ("watching", "house.watching"), ("reviewed", "house.access-review"),
)  # fmt: skip


def require_standing(actor: Actor) -> None:
    """Let on whoever's account and credential hold, with agreement and training in date; for acts that are no read.

    Raises:
        Refused: in the words of the policy that a read would meet.
    """
    connection.ensure_connection()
    row = connection.connection.execute(
        f"select {ACTOR_FACTS_SQL} from actor_state s where s.actor = %(actor)s",
        {"actor": actor.credential, "purpose": None},
    ).fetchone()
    if row is None:
        raise Refused("house.credential")
    facts = ActorFacts.parse(str(row[0]))
    for fact, policy in _ORDER:
        if not getattr(facts, fact):
            raise Refused(policy)
