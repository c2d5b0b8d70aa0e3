"""Progress on a terminal's standard error; elsewhere none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Counted(Protocol):
    """Told how many are done, and of how many where that is known."""

    def __call__(self, done: int, of: int | None = None, /) -> None: ...


@contextmanager
def counted(title: str) -> Iterator[Counted]:
    """A bar of things done, gone when they are."""
    console = Console(stderr=True)
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task(title, total=None)

        def told(done: int, of: int | None = None, /) -> None:
            bar.update(task, completed=done, total=of or None)

        yield told
