"""Who is told that a customer was parted: rooms above keep what was begun while two were one, and who saw it.

An erasure that waits may name somebody who is another customer by now, and only while both are here can anybody tell. The log
of links cannot know those registers, so whoever keeps one registers the name of a function when the program starts, and each
parting calls it in its own transaction, whoever parts: a reviewer, the office, linkage, an import taken back.

That two were one by mistake may have shown each to who asked for the other. A person who says so looks at that themselves
(:mod:`kehu.serve.rights.incidents.wrong_merge`); what parts by itself, below those rooms, tells it here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.module_loading import import_string

Told = Callable[[Sequence[UUID]], None]
"""Is given everybody of the customers that were parted, in the transaction that parts them, with the log of links locked."""
_TOLD: list[str] = []


@dataclass(slots=True)
class Together:
    """Origin subjects that are or were one customer, and since when what is taken back held them together."""

    subjects: list[UUID]
    since: datetime


ToldMistake = Callable[[Sequence[Together], Any], None]
"""Is given who was one customer, and the actor (of the guard) who parted them, in the transaction that parts them."""
_TOLD_MISTAKE: list[str] = []


def register(name: str) -> None:
    """Have the function of that dotted name told of each parting."""
    if name not in _TOLD:
        _TOLD.append(name)


def tell_parted(subjects: Sequence[UUID]) -> None:
    """Tell whoever asked to be told that these are not one customer any more.

    Raises:
        ImportError: there is no such function.
    """
    if not subjects:
        return
    for name in _TOLD:
        told: Told = import_string(name)
        told(subjects)


def register_mistake(name: str) -> None:
    """Have the function of that dotted name told of each merge that is taken back by itself."""
    if name not in _TOLD_MISTAKE:
        _TOLD_MISTAKE.append(name)


def tell_mistake(were: Sequence[Together], *, actor: Any) -> None:
    """Tell whoever asked to be told that these had been one customer by mistake; they are parted as far as they came apart.

    Raises:
        ImportError: there is no such function.
    """
    if not were:
        return
    for name in _TOLD_MISTAKE:
        told: ToldMistake = import_string(name)
        told(were, actor)
