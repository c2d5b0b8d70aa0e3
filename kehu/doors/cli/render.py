"""Answers for people at a terminal: pairs and tables; colour only where a terminal shows it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDE: Final = 10_000  # a pipe has no width: nothing is folded or cut there
_FEW: Final = 4
_FRACTION: Final = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+(?=[+Z])")  # of a second: nobody reads it
_STYLES: Final = {
    "clear": "green",
    "given": "green",
    "masked": "yellow",
    "match-only": "yellow",
    "denied": "red",
    "withdrawn": "red",
}


def print_answer(answer: Mapping[str, Any]) -> None:
    """Print an answer's parts: plain values as pairs, lists and nested objects as tables under their names."""
    only = next(iter(answer.values())) if len(answer) == 1 else None
    if isinstance(only, str):  # a checkpoint, an address: as it is, to be kept in a file
        sys.stdout.write(only if only.endswith("\n") else only + "\n")
        return
    console = _console(sys.stdout)
    with console.capture() as captured:
        for number, (name, block) in enumerate(_blocks(answer)):
            if number:
                console.print()
            if name:
                console.print(Text(name, style="bold"))
            console.print(block)
    lines = captured.get().splitlines()
    sys.stdout.write("\n".join(line.rstrip() for line in lines) + "\n")


def _blocks(answer: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Table | Text]]:
    """Plain values first, together; then each list and each object, an object's own lists apart from it."""
    plain = {name: value for name, value in answer.items() if not _nested(value)}
    if plain:
        yield before, _pairs(plain)
    for name, value in answer.items():
        if not _nested(value):
            continue
        path = f"{before} · {name}" if before else name
        if isinstance(value, Mapping) and not all(isinstance(inner, Mapping) for inner in value.values()):
            yield from _blocks(value, path)
        else:
            yield path, _block(value)


def _nested(value: Any) -> bool:
    return bool(value) and (isinstance(value, Mapping) or (isinstance(value, list) and isinstance(value[0], Mapping)))


def print_error(error: Mapping[str, str | None]) -> None:
    """Print what went wrong, why, and what to do, on standard error."""
    console = _console(sys.stderr)
    console.print(Text(error["message"] or "", style="red"))
    if error.get("policy"):
        console.print(Text(f"  {error['reason']} ({error['article']}, {error['policy']})"))
    if error.get("remedy"):
        console.print(Text(f"  {error['remedy']}", style="dim"))


def _console(stream: Any) -> Console:
    return Console(
        file=stream, width=None if stream.isatty() else _WIDE, highlight=False, markup=False, emoji=False,
        soft_wrap=not stream.isatty(),
    )  # fmt: skip


def _block(value: Any) -> Table:
    if isinstance(value, Mapping):
        return _table([{"": name} | dict(inner) for name, inner in value.items()])
    return _table(value)


def _pairs(value: Mapping[str, Any]) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, held in value.items():
        grid.add_row(str(name), _sentences(held) or _cell(held))
    return grid


def _sentences(value: Any) -> Text | None:
    """A list of sentences, one a line; None for anything else."""
    if isinstance(value, list) and value and all(isinstance(one, str) and one.count(" ") > 2 for one in value):
        return Text("\n".join(value))
    return None


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    shown = [name for name in names if any(row.get(name) not in (None, [], "") for row in rows)]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
    for name in shown:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(_few(row.get(name))) for name in shown))
    return table


def _few(value: Any) -> Any:
    """A long list as a table's cell: its beginning and how many there are; ``--json`` has all."""
    if isinstance(value, list) and len(value) > _FEW and not _is_clock(value[0]):
        return [*value[:_FEW], f"… {len(value)}"]
    return value


def _clock(value: Mapping[str, Any]) -> Text:
    """A clock on one line: which, how it stands, until when, by which article, and whether anybody has read that."""
    until = value["due"] if value["term"]["unit"] == "hour" else value["due_on"]
    ends = [*([until] if until else []), *(["if it applies"] if value["applies"] == "perhaps" else [])]
    known = value["article"] + ("" if value["read"] else ", unverified")
    line = " ".join([value["clock"], value["state"], *ends, f"({known})"])
    return Text(line, style="red" if value["state"] in ("overdue", "now") else "")


def _is_clock(value: Any) -> bool:
    return isinstance(value, Mapping) and {"clock", "step", "state", "due_on"} <= set(value)


def _cell(value: Any) -> Text:
    if _is_clock(value):
        return _clock(value)
    if isinstance(value, list) and value and all(map(_is_clock, value)):
        return Text("\n").join(_clock(one) for one in value)
    return Text(_short(value), style=_STYLES.get(value, "") if isinstance(value, str) else "")


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{name}={_short(inner)}" for name, inner in value.items() if inner is not None)
    if isinstance(value, (list, tuple)):
        return ", ".join(_short(inner) for inner in value) or "—"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "—" if value is None or value == "" else _FRACTION.sub(r"\1", str(value))
