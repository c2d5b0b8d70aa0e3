"""JSON lines: one object per line, UTF-8."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final

import orjson

from kehu.collect.readers.lines import MAX_LINE, LineStream, read_blocks
from kehu.collect.readers.rows import (
    BadRow,
    Batch,
    Note,
    Opener,
    Source,
    UnreadableSource,
    bad_row,
    from_rows,
    require_few,
    unique_columns,
    whole_number,
)

_LONG_NUMBER: Final = re.compile(rb"[:\[,\s]-?\d{18}")
_SURVEY_LINES: Final = 100_000
"""Columns are gathered from this many lines; a key first seen later is named in `notes`, its values are not read."""
_MOST_LATE: Final = 20
"""Such keys that are named: a file whose keys are ids has one a line."""


class JsonLinesSource(Source):
    """JSON lines. `line` is the physical line; nested objects become `outer.inner`, lists `a; b`."""

    format = "jsonl"
    encoding = "utf-8"

    def __init__(self, opener: Opener) -> None:
        self._open = opener
        self.notes = []
        self._keys: dict[str, int] = {}
        with opener() as stream:
            lines = LineStream(read_blocks(stream))
            seen = 0
            while seen < _SURVEY_LINES and (piece := lines.take(10_000)):
                rows = piece.split(b"\n")
                seen += len(rows)
                for raw in rows:
                    for key in _flat(_object(raw) or {}):
                        self._keys.setdefault(key, len(self._keys))
                    require_few(len(self._keys))
        if not self._keys:
            raise UnreadableSource("empty", "no line holds a JSON object", "Write one JSON object per line.")
        self.columns = unique_columns(list(self._keys))

    def batches(self, size: int = 10_000, skip: int = 0) -> Iterator[Batch]:
        """Batches of the objects on each next `size` lines; blank lines are no rows."""
        with self._open() as stream:
            lines = LineStream(read_blocks(stream))
            line = 1
            while piece := lines.take(size):
                rows = piece.split(b"\n")
                if rows[-1] == b"":
                    rows.pop()
                if skip > 0:
                    skip -= 1
                else:
                    yield self._parse(rows, line)
                line += len(rows)

    def _parse(self, rows: list[bytes], line: int) -> Batch:
        cells: list[list[str | None]] = []
        at: list[int] = []
        bad: list[BadRow] = []
        width = len(self.columns)
        for number, raw in enumerate(rows, start=line):
            if not raw.strip(b"\r \t\xef\xbb\xbf"):
                continue
            record = _object(raw)
            if record is None:
                bad.append(bad_row(number, "too_long" if len(raw) > MAX_LINE else "bad_json", raw))
                continue
            row: list[str | None] = [None] * width
            for key, value in _flat(record).items():
                place = self._keys.get(key)
                if place is not None:
                    row[place] = value
                elif value and len(self.notes) <= _MOST_LATE:
                    self._note(key)
            cells.append(row)
            at.append(number)
        return Batch(from_rows(self.columns, cells, at), bad)

    def _note(self, key: str) -> None:
        """Name a key that came late, once; of many the first."""
        note = Note("late_column", key) if len(self.notes) < _MOST_LATE else Note("late_columns")
        if note not in self.notes and Note("late_column", key) not in self.notes:
            self.notes.append(note)


def _object(raw: bytes) -> dict[str, object] | None:
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if not raw.strip() or len(raw) > MAX_LINE:
        return None
    try:
        # orjson makes a float of an integer beyond 64 bits.
        found: object = json.loads(raw) if _LONG_NUMBER.search(raw) else orjson.loads(raw)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _flat(record: dict[str, object], prefix: str = "") -> dict[str, str | None]:
    result: dict[str, str | None] = {}
    for key, value in record.items():
        key = key if key.isascii() else key.encode("utf-8", "replace").decode()
        if isinstance(value, dict) and value and prefix.count(".") < 8:
            result.update(_flat(value, f"{prefix}{key}."))
        else:
            result[prefix + key] = _text(value)
    return result


def _text(value: object) -> str | None:
    if value is None or value == {}:
        return None
    if isinstance(value, str):
        # A lone surrogate (only json.loads lets one through) is no text.
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and not any(isinstance(item, (list, dict)) for item in value):
        return "; ".join(text for item in value if (text := _text(item)))
    if isinstance(value, float) and (whole := whole_number(value)) is not None:
        return whole
    return str(value) if isinstance(value, (int, float)) else json.dumps(value, ensure_ascii=False)
