"""When to look for cycles of garbage: after each batch, not every few hundred of its objects.

Rows are many small objects without cycles, and looking all the time would cost as much as the work. Not looking at all
would keep whole batches: `phonenumbers` leaves a cycle behind each number it cannot read, whose frames hold the batch.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def collected_by_batch() -> Iterator[Callable[[], object]]:
    """Give the call that collects, to be made after each batch; what is there already is not looked at again."""
    was_on = gc.isenabled()
    gc.disable()
    gc.freeze()
    try:
        yield gc.collect
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()
