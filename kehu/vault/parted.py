"""Who is told that a customer was parted: rooms above keep what was begun while two were one.

An erasure that waits may name somebody who is another customer by now, and only while both are here can anybody tell. The log
of links cannot know those registers, so whoever keeps one registers the name of a function when the program starts, and each
parting calls it in its own transaction, whoever parts: a reviewer, the office, linkage, an import taken back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from django.utils.module_loading import import_string

Told = Callable[[Sequence[UUID]], None]
"""Is given everybody of the customers that were parted, in the transaction that parts them, with the log of links locked."""
_TOLD: list[str] = []


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
