"""A file found elsewhere: whose list, or whose token's answers, it was copied from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.serve.leaving.asking import Leaving, UnknownLeaving, leaving_of
from kehu.serve.leaving.canary import Tracer
from kehu.serve.leaving.tokens import OutsideToken, token_of


@dataclass(frozen=True, slots=True)
class Traced:
    """A copy by the canary in it: of a list, or of a token's answers; ``count``: how often its marks stand in the file."""

    list: Leaving | None
    token: OutsideToken | None
    count: int


def trace(blocks: Iterable[bytes], *, actor: Actor) -> list[Traced]:
    """Whose copies a file is made of, the most often met first; the file may be cut into blocks wherever.

    Raises:
        ActRefused: the role may not read the ledger.
    """
    require_act("read-ledger", actor)
    tracer = Tracer()
    for block in blocks:
        tracer.feed(block)
    return named(tracer)


def named(tracer: Tracer) -> list[Traced]:
    """What a tracer that was fed to the end found."""
    found = []
    for id, count in tracer.copies():
        try:
            found.append(Traced(leaving_of(id), None, count))
        except UnknownLeaving:
            found.append(Traced(None, token_of(id), count))
    return found
