"""One thing after the other, of many: what is wrong with one keeps no other from its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def tried(
    work: Callable[[T], R], of: Iterable[T], *, but: tuple[type[Exception], ...] = ()
) -> Iterator[tuple[T, R | Exception]]:
    """Do it to each; yields each with what came of it, or what it failed on.

    Raises:
        Exception: one of ``but``, which is wrong with all of them, at once.
    """
    for one in of:
        try:
            came: R | Exception = work(one)
        except but:
            raise
        except Exception as wrong:  # noqa: BLE001  (whatever it is, it is one of many: others wait behind it)
            came = wrong
        yield one, came


def each(work: Callable[[T], object], of: Iterable[T]) -> int:
    """Do it to each; returns to how many.

    Raises:
        Exception: the first that failed, once all others have had their turn.
    """
    done, failed = 0, list[Exception]()
    for _, came in tried(work, of):
        if isinstance(came, Exception):
            failed.append(came)
        else:
            done += 1
    if failed:
        raise failed[0]
    return done
