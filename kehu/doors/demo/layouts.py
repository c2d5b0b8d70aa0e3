"""What a file of the demonstration is: how it is written, its provenance, and what its columns mean."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any


def load_table(name: str) -> dict[str, Any]:
    """Parse one of the TOML files beside this module.

    Raises:
        FileNotFoundError: no such file.
    """
    return tomllib.loads(load_text(name))


def load_text(name: str) -> str:
    """One of the text files beside this module, as it stands.

    Raises:
        FileNotFoundError: no such file.
    """
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class BookFile:
    """A file to import, with everything ``kehu import`` asks about it.

    ``fields`` is the intended mapping (dictionary field to column), whole; ``rows`` counts the file's data rows,
    of which ``broken`` cannot be read or hold no usable value, and ``repeated`` are an earlier row once more.
    """

    path: Path
    kind: str
    channel: str
    basis: str
    channel_kind: str
    controller: str = "main"
    residence: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    consents: Mapping[str, str] = field(default_factory=dict)
    consent_time: str | None = None
    source_proof: Path | None = None
    rows: int = 0
    broken: int = 0
    repeated: int = 0

    def arguments(self) -> list[str]:
        """The command line after ``kehu import``."""
        given = [str(self.path), "--kind", self.kind, "--channel", self.channel, "--basis", self.basis]
        given += ["--controller", self.controller]
        if self.residence:
            given += ["--residence", self.residence]
        for purpose, column in self.consents.items():
            given += ["--consent", f"{purpose}={column}"]
        if self.consent_time:
            given += ["--consent-time", self.consent_time]
        if self.source_proof:
            given += ["--source-proof", str(self.source_proof)]
        for name, column in self.fields.items():
            given += ["--map", f"{name}={column}"]
        return given


@dataclass(frozen=True, slots=True)
class Layout:
    """One entry of ``layouts.toml``."""

    path: str
    channel: str
    channel_kind: str
    kind: str
    basis: str
    columns: tuple[tuple[str, str], ...]
    date: str
    format: str = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    language: str = ""
    residence: str | None = None
    source_proof: str | None = None

    def at(self, folder: Path, *, rows: int, broken: int = 0, repeated: int = 0) -> BookFile:
        """The file as written into ``folder``."""
        meanings = {meaning: header for header, meaning in self.columns if meaning}
        consents = {m.removeprefix("consent:"): h for m, h in meanings.items() if m.startswith("consent:")}
        special = {"residence", "consent-time", *(f"consent:{purpose}" for purpose in consents)}
        return BookFile(
            path=folder / self.path,
            kind=self.kind,
            channel=self.channel,
            basis=self.basis,
            channel_kind=self.channel_kind,
            residence=meanings.get("residence", self.residence),
            fields={meaning: header for meaning, header in meanings.items() if meaning not in special},
            consents=consents,
            consent_time=meanings.get("consent-time"),
            source_proof=folder / self.source_proof if self.source_proof else None,
            rows=rows,
            broken=broken,
            repeated=repeated,
        )


@cache
def layouts() -> tuple[Layout, ...]:
    """All files of the book, customers before what attaches to them."""
    return tuple(
        Layout(
            **{"channel_kind": entry["channel"], **entry, "columns": tuple((h, m) for h, m in entry["columns"])},
        )
        for entry in load_table("layouts.toml")["file"]
    )
