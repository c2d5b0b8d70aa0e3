"""One thing after the other, of many: what is wrong with one keeps no other from its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def each(work: Callable[[T], object], of: Iterable[T]) -> int:
    """Do it to each; returns to how many.

    Raises:
        Exception: the first that failed, once all others have had their turn.
    """
    done, failed = 0, list[Exception]()
    for one in of:
        try:
            work(one)
            done += 1
        except Exception as wrong:  # noqa: BLE001  (whatever it is, it is one of many: others wait behind it)
            failed.append(wrong)
    if failed:
        raise failed[0]
    return done
