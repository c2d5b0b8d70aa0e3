"""What stands in a file that nobody has said the meaning of: its columns without a field, or its text. Nothing is kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from kehu.collect.mapping import suggest
from kehu.collect.readers import UnreadableSource
from kehu.collect.readers.encoding import detect
from kehu.collect.readers.opening import open_source
from kehu.govern.dictionary import Dictionary
from kehu.guard.gate.actor import Actor
from kehu.guard.gate.acts import require_act
from kehu.guard.installation import installation
from kehu.refine.classify.kinds import Kind, worst
from kehu.refine.classify.scan import Scanner, seen

_SAMPLE: Final = 2_000
_TABLES: Final = frozenset({".csv", ".tsv", ".xlsx", ".jsonl", ".ndjson", ".parquet", ".vcf"})
_PICTURES: Final = frozenset({".jpg", ".jpeg", ".png", ".gif", ".tif", ".tiff", ".webp", ".heic", ".bmp"})
_LARGEST: Final = 20 << 20  # bytes of a text or PDF
_SECONDS: Final = 60
_SHOWN: Final = 3
_SHARE: Final = 0.02  # of a column's values, below which a find is a stray


class UnreadableFile(Exception):
    """No table and no text: a picture, a damaged or locked PDF, or another kind of file."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """A column without a field, and the most sensitive kind found in it; ``samples`` masked."""

    column: str
    kind: Kind
    values: int
    found: int
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Looked:
    """Columns of a table, or how often each kind stands in a text."""

    columns: list[Unknown] = field(default_factory=list)
    kinds: Mapping[str, int] = field(default_factory=dict)


def look(file: Path, *, actor: Actor) -> Looked:
    """Look into a file.

    Raises:
        ActRefused: the actor may not import.
        UnreadableFile: there is no text in it.
    """
    require_act("collect", actor)
    suffix = file.suffix.lower()
    if suffix in _PICTURES:
        raise UnreadableFile
    if suffix in _TABLES:
        try:
            source = open_source(str(file))
            first = next(source.batches(_SAMPLE), None)
        except UnreadableSource:
            raise UnreadableFile from None
        return Looked(unknown(first.frame, "customers", installation().rules.dictionary) if first else [])
    return Looked(kinds=Scanner().kinds(text_of(file)))


def unknown(sample: pl.DataFrame, kind: str, dictionary: Dictionary) -> list[Unknown]:
    """The columns of an import that no field is known for and in whose values something is found."""
    columns = [name for name in sample.columns if name != "line"]
    scanner, found = Scanner(), list[Unknown]()
    for column in suggest(columns, sample, kind, dictionary).unmapped:
        values = [str(value) for value in sample[column].drop_nulls().to_list()] if column in sample.columns else []
        counted: dict[str, int] = {}
        shown: dict[str, list[str]] = {}
        for value in values:
            text = seen(value)
            for hit in scanner.find(value):
                counted[hit.kind] = counted.get(hit.kind, 0) + 1
                if len(shown.setdefault(hit.kind, [])) < _SHOWN:
                    shown[hit.kind].append(_masked(hit.of, text[hit.start : hit.end], dictionary))
        counted = {name: number for name, number in counted.items() if number >= max(1, _SHARE * len(values))}
        if counted:
            top = worst(counted)
            found.append(Unknown(column, top, len(values), counted[top.name], tuple(shown[top.name])))
    return found


def _masked(kind: Kind, value: str, dictionary: Dictionary) -> str:
    return dictionary.mask(kind.field, value) if kind.field else "•••"


def text_of(file: Path) -> str:
    """The text of a PDF or of a text file.

    A PDF is read by a process of its own, which holds no key and no connection, has little memory and time, and writes no file.

    Raises:
        UnreadableFile: too large, damaged, locked, or no text.
    """
    if file.stat().st_size > _LARGEST:
        raise UnreadableFile
    if file.suffix.lower() == ".pdf":
        text = _from_pdf(file.read_bytes())
    else:
        with file.open("rb") as stream:
            codec = detect(stream).codec
        text = file.read_bytes().decode(codec, "replace")
    if "\0" in text or not text.strip():
        raise UnreadableFile
    return text


def _from_pdf(content: bytes) -> str:
    try:
        done = subprocess.run(
            [sys.executable, "-m", "kehu.collect.pdf_text"],
            input=content,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnreadableFile from None
    if done.returncode:
        raise UnreadableFile
    return done.stdout.decode("utf-8", "replace")
