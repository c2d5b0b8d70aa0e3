"""When to look for cycles of garbage: after every third batch, not every few hundred of its objects.

Rows are many small objects without cycles, and looking all the time would cost as much as the work. Not looking at all
would keep whole batches: `phonenumbers` leaves a cycle behind each number it cannot read, whose frames hold the batch.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_EVERY: Final = 3  # batches; to look takes a twentieth of a batch's time, and what it holds is some 20 MB


@contextmanager
def collected_by_batch() -> Iterator[Callable[[], object]]:
    """Give the call that collects, to be made after each batch; what is there already is not looked at again."""
    was_on, calls = gc.isenabled(), 0

    def collect() -> None:
        nonlocal calls
        calls += 1
        if calls % _EVERY == 0:
            gc.collect()

    gc.disable()
    gc.freeze()
    try:
        yield collect
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()
