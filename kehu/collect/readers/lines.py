"""Physical lines out of a byte stream: counted pieces, bounded in bytes, the same for the same file."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO, Final

BLOCK: Final = 1 << 20
MAX_LINE: Final = 1 << 20
PIECE_BYTES: Final = 32 << 20
"""A batch ends early here, so that long rows cannot fill the memory."""


def read_blocks(stream: BinaryIO, *, utf16: str | None = None, carriage_return: bool = False) -> Iterator[bytes]:
    """The stream in blocks; UTF-16 as UTF-8 (broken units as bytes that are none); old Mac line ends as newlines."""
    decoder = codecs.getincrementaldecoder(utf16)("surrogatepass") if utf16 else None
    while block := stream.read(BLOCK):
        if decoder is not None:
            block = decoder.decode(block).encode("utf-8", "surrogatepass")
        yield block.replace(b"\r", b"\n") if carriage_return else block
    if decoder is not None:
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            yield b"\xff"


def _capped(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Cut what stands between two newlines to MAX_LINE + 1 bytes; a block itself is at most 3 * BLOCK long."""
    run = 0
    for block in blocks:
        first = block.find(b"\n")
        lead = len(block) if first < 0 else first
        if run + lead > MAX_LINE:
            keep = max(0, MAX_LINE + 1 - run)
            run = run + lead
            block = block[:keep] + block[lead:]
        elif first < 0:
            run += lead
        if first >= 0:
            run = len(block) - 1 - block.rfind(b"\n")
        yield block


class LineStream:
    """Takes whole lines off a stream; a line longer than MAX_LINE arrives cut to MAX_LINE + 1 bytes."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = _capped(blocks)
        self._buffer = b""
        self._newlines = 0

    def _fill(self, count: int) -> None:
        while self._newlines < count and len(self._buffer) < PIECE_BYTES + MAX_LINE:
            block = next(self._blocks, None)
            if block is None:
                return
            self._newlines += block.count(b"\n")
            self._buffer += block

    def take(self, count: int) -> bytes:
        """Up to `count` lines with their newlines, at most about PIECE_BYTES; empty at the end."""
        self._fill(count)
        if not self._buffer:
            return b""
        tail = len(self._buffer.split(b"\n", count)[-1]) if self._newlines >= count else 0
        end = len(self._buffer) - tail
        if end > PIECE_BYTES:
            end = self._buffer.find(b"\n", PIECE_BYTES) + 1 or end
        piece, self._buffer = self._buffer[:end], self._buffer[end:]
        self._newlines -= piece.count(b"\n")
        return piece

    def give_back(self, piece: bytes) -> None:
        """Put lines back in front."""
        self._buffer = piece + self._buffer
        self._newlines += piece.count(b"\n")
