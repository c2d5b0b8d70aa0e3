"""A proposed set of policies, as somebody hands it in: checked, completed by what is in force, and never put in force."""

from __future__ import annotations

import io
import shutil
import tempfile
import tomllib
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kehu.guard.gate.policies import PolicySet
from kehu.guard.gate.rulebook import Rulebook
from kehu.host.paths import policies_dir

LARGEST: Final = 1_000_000
"""Bytes of one file of a set, and of all of them together."""
_MOST: Final = 40


def proposed_files(files: Mapping[str, bytes]) -> dict[str, str]:
    """Of what somebody hands in the files of a set; a ZIP counts as its files.

    Only ``*.cedar``, ``schema.cedarschema`` and ``order.toml`` are taken, by their last name; nothing else is looked at.

    Raises:
        ValueError: no such file is among them, one is no text, or they are too large.
    """
    given = dict(_unpacked(files))
    taken = {name: text for name, text in given.items() if _of_a_set(name)}
    if not taken:
        raise ValueError("no policy among the files: *.cedar, schema.cedarschema or order.toml")
    if sum(map(len, taken.values())) > LARGEST:
        raise ValueError(f"more than {LARGEST} bytes")
    try:
        return {name: text.decode("utf-8-sig").replace("\r\n", "\n") for name, text in taken.items()}
    except UnicodeDecodeError:
        raise ValueError("a file of the set cannot be read") from None


def policies_of(taken: Mapping[str, str]) -> PolicySet:
    """The policies in force, with these files in the place of those of the same name.

    Raises:
        ValueError: a policy does not fit; the message names it.
    """
    with tempfile.TemporaryDirectory(prefix="kehu-policies-") as made:  # policies name no person
        folder = Path(made)
        for path in [*policies_dir().glob("*.cedar"), *(policies_dir() / name for name in _BESIDE)]:
            shutil.copy(path, folder / path.name)
        for name, text in taken.items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
        try:
            return PolicySet(Rulebook.load(folder))
        except (KeyError, tomllib.TOMLDecodeError):
            raise ValueError("a file of the set cannot be read") from None


_BESIDE: Final = ("schema.cedarschema", "order.toml")


def _of_a_set(name: str) -> bool:
    """Whether a file is one by its last name; what a Mac lays beside each, as ``._house.cedar``, is none."""
    return (name.endswith(".cedar") and not name.startswith(".")) or name in _BESIDE


def _unpacked(files: Mapping[str, bytes]) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for name, content in files.items():
        if not name.endswith(".zip"):
            found.append((Path(name).name, content))
            continue
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as packed:
                held = [one for one in packed.infolist() if not one.is_dir() and _of_a_set(Path(one.filename).name)][
                    :_MOST
                ]
                if sum(one.file_size for one in held) > LARGEST:
                    raise ValueError(f"more than {LARGEST} bytes")
                found += [(Path(one.filename).name, packed.read(one)) for one in held]
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
            raise ValueError("the ZIP cannot be read") from None
    return found


def tested() -> Counter[str]:
    """How many rows of the policy tables expect each policy; empty where the tables were not installed."""
    rows: Counter[str] = Counter()
    for path in sorted((policies_dir() / "tests").glob("*.toml")):
        held = tomllib.loads(path.read_text(encoding="utf-8"))
        rows.update(row["policy"] for key in ("rows", "collect") for row in held.get(key, []) if row.get("policy"))
    return rows
