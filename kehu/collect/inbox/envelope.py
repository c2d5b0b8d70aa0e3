"""What was sent, as it is sealed and waits: JSON, and packed where that is worth what it takes."""

from __future__ import annotations

import zlib
from typing import Any, Final

import orjson

_SMALL: Final = 1_000  # bytes: to begin packing takes as long as sealing, whatever comes of it
_PACKED: Final = 0x78  # how zlib begins (RFC 1950), and no JSON does


def packed(envelope: object) -> bytes:
    """As bytes to seal."""
    content = orjson.dumps(envelope)
    return content if len(content) < _SMALL else zlib.compress(content, 1)


def unpacked(content: bytes) -> Any:
    """What :func:`packed` was given."""
    return orjson.loads(zlib.decompress(content) if content[0] == _PACKED else content)
