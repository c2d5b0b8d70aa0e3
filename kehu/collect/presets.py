"""Exports of other systems, known by their headers: which column is which field without a guess (``presets.toml``)."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

_FILE: Final = Path(__file__).with_name("presets.toml")
_REFUSES: Final = re.compile(
    r"opt(?:ed)? ?out|\bdo ?n[o']?t|unsubscri|\bdnc\b|\bno (?:e ?)?(?:mails?|calls?|sms|marketing)\b"
    r"|退[订訂]|拒[收绝絕]|不接[收受]|不同意|勿[扰擾]|免打[扰擾]|取消[订訂][阅閱]|黑名[单單]"
)


@dataclass(frozen=True, slots=True)
class Preset:
    """One system's export.

    Attributes:
        name: its table in the file.
        label: what people call the system.
        kind: what a row of it is.
        has: headers that all stand in such a file.
        fields: header to our field.
        leave: headers that are nothing of the customer's.
        consents: headers that say yes or no to something, to the header with the time it was said, if there is such a one.
        codes: headers of national phone numbers to those of their calling codes.
    """

    name: str
    label: str
    kind: str
    has: frozenset[str]
    fields: Mapping[str, str]
    leave: frozenset[str]
    consents: Mapping[str, str | None]
    codes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Recognised:
    """A preset as a file follows it.

    Attributes:
        preset: the system's.
        fields: our fields to the file's own columns.
        known: the file's columns that the preset speaks of.
        consents: those that say something of consent, to the one with the time it was said, where that is there.
        codes: those of national phone numbers to those of their calling codes.
        spares: a field's column to the others that the system has for it: a person has one or the other.
    """

    preset: Preset
    fields: dict[str, str]
    known: frozenset[str]
    consents: dict[str, str | None]
    codes: dict[str, str]
    spares: dict[str, list[str]]

    def as_mapped(self, fields: Mapping[str, str]) -> Recognised:
        """The same once columns were chosen by hand: what is read together is what is still mapped so."""
        taken = set(fields.values())
        kept = {column for name, column in self.fields.items() if fields.get(name) == column}
        free = {column: [one for one in others if one not in taken] for column, others in self.spares.items()}
        return replace(
            self,
            codes={number: code for number, code in self.codes.items() if number in taken},
            spares={column: others for column, others in free.items() if others and column in kept},
        )

    def told(self, language: str) -> list[str]:
        """What whoever imports should know of it, a sentence each."""
        words = _written()["words"]
        said = [words["recognised"][language].format(system=self.preset.label)]
        for column, time in self.consents.items():
            told = "refuses" if refuses(column) else "with_time" if time else "without"
            said.append(words[told][language].format(column=column, time=time))
        for column, others in self.spares.items():
            said.append(words["spares"][language].format(column=column, others=", ".join(f'"{one}"' for one in others)))
        return said


def headless(language: str) -> str:
    """What whoever imports should know of a file without a header."""
    return str(_written()["words"]["headless"][language])


def left_aside(code: str, about: str, language: str) -> str:
    """What a reader left aside, in words."""
    return str(_written()["words"][code][language].format(about=about))


def refuses(header: str) -> bool:
    """Whether a column names who does not want something, as `HasOptedOutOfEmail`: who says yes there has said no."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header)
    return _REFUSES.search(_plain(re.sub(r"[^\w']|_", " ", parted))) is not None


def recognise(columns: Sequence[str], kind: str) -> Recognised | None:
    """The system whose export has these columns and rows of that kind; where several fit, the one that asks for most."""
    places = {_plain(column): column for column in reversed(columns)}  # of two alike the first counts
    fitting = [one for one in presets().values() if one.kind == kind and one.has <= places.keys()]
    if not fitting:
        return None
    preset = max(fitting, key=lambda one: (len(one.has), one.name))
    fields: dict[str, str] = {}
    spares: dict[str, list[str]] = {}
    for header, field in preset.fields.items():
        if header in places and fields.setdefault(field, places[header]) != places[header]:
            spares.setdefault(fields[field], []).append(places[header])
    told = [*preset.fields, *preset.leave, *preset.consents, *filter(None, preset.consents.values())]
    known = frozenset(column for header in told for column in _meant(header, places))
    consents = {
        places[header]: places.get(evidence) if evidence else None
        for header, evidence in preset.consents.items()
        if header in places
    }
    codes = {places[number]: places[code] for number, code in preset.codes.items() if {number, code} <= places.keys()}
    return Recognised(preset, fields, known, consents, codes, spares)


def _meant(header: str, places: Mapping[str, str]) -> list[str]:
    """The file's columns that a header is, `#` standing for any number."""
    if "#" not in header:
        return [places[header]] if header in places else []
    form = re.compile(re.escape(header).replace(r"\#", r"\d+"))
    return [column for plain, column in places.items() if form.fullmatch(plain)]


@functools.cache
def presets() -> Mapping[str, Preset]:
    """Every system that is known, by name."""
    return {
        name: Preset(
            name, held["label"], held["kind"], frozenset(map(_plain, held["has"])),
            {_plain(header): field for header, field in held["fields"].items()}, frozenset(map(_plain, held["leave"])),
            {_plain(one["column"]): _plain(one["evidence"]) if "evidence" in one else None for one in held.get("consents", ())},
            {_plain(number): _plain(code) for number, code in held.get("codes", {}).items()},
        )
        for name, held in _written()["systems"].items()
    }  # fmt: skip


@functools.cache
def _written() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))


def _plain(header: str) -> str:
    return " ".join(header.split()).casefold()
