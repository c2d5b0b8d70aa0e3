"""WeChat's XML as a table of names and texts: no document type, no entity of its own, nothing deep, nothing long.

By expat itself rather than a tree: a declaration is refused where it begins, before anything of it is expanded.
"""

from __future__ import annotations

from typing import Final
from xml.parsers import expat

LARGEST: Final = 64 << 10
"""Bytes of a message; WeChat's own are some 4 KB."""
_DEEPEST, _MOST = 4, 100


class NotRead(ValueError):
    """No XML such as WeChat sends."""


def read_xml(body: bytes) -> dict[str, str]:
    """The texts of a message by the names of their elements, those within others as ``Outer.Inner``.

    Raises:
        NotRead: no XML, a document type in it, too deep, or too much.
    """
    if len(body) > LARGEST:
        raise NotRead
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ProcessingInstructionHandler = _refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, UnicodeError, LookupError, ValueError):  # LookupError: an encoding that nobody knows
        raise NotRead from None
    return reading.found


class _Reading:
    """What was found so far."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._path: list[str] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        del attributes
        self._path.append(name)
        self._count += 1
        if len(self._path) > _DEEPEST or self._count > _MOST:
            raise NotRead

    def end(self, name: str) -> None:
        del name
        self._path.pop()

    def text(self, data: str) -> None:
        name = ".".join(self._path[1:])
        if name and (name in self.found or data.strip()):
            self.found[name] = self.found.get(name, "") + data


def _refuse(*told: object) -> None:
    del told
    raise NotRead
