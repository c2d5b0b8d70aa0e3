"""A large thing set aside as a file: sealed frame by frame, so that neither sealing nor reading holds it whole.

A frame is nonce (12) ‖ ciphertext of at most 1 MiB ‖ tag (16), bound to the thing, its place and whether it is the
last: frames neither move, nor vanish, nor does the end go missing unseen.
"""

from __future__ import annotations

import io
import os
from typing import BinaryIO, Final
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from kehu.guard.aside import AsideDoesNotOpen

FRAME: Final = 1 << 20
_EXTRA: Final = 28


def _bound(id: UUID, place: int, last: bool) -> bytes:
    return b"frame" + id.bytes + place.to_bytes(8, "big") + bytes((last,))


class SealingWriter:
    """Seals what is written; nothing of it stands in clear on the disk. Close it to seal the last frame."""

    def __init__(self, stream: BinaryIO, key: bytes, id: UUID) -> None:
        self._stream = stream
        self._cipher = AESGCM(key)
        self._id = id
        self._place = 0
        self._pending = bytearray()
        self.size = 0

    def write(self, content: bytes) -> None:
        """Add bytes."""
        self._pending += content
        self.size += len(content)
        while len(self._pending) > FRAME:
            self._seal(bytes(self._pending[:FRAME]), last=False)
            del self._pending[:FRAME]

    def close(self) -> None:
        """Seal what is left as the last frame and have it on disk."""
        self._seal(bytes(self._pending), last=True)
        self._pending.clear()
        self._stream.flush()
        os.fsync(self._stream.fileno())

    def _seal(self, content: bytes, *, last: bool) -> None:
        nonce = os.urandom(12)
        self._stream.write(nonce + self._cipher.encrypt(nonce, content, _bound(self._id, self._place, last)))
        self._place += 1


class OpeningReader(io.RawIOBase):
    """Reads what :class:`SealingWriter` wrote, from any place, one frame in memory at a time."""

    def __init__(self, stream: BinaryIO, key: bytes, id: UUID) -> None:
        self._stream = stream
        self._cipher = AESGCM(key)
        self._id = id
        self._frame = -1
        self._content = b""
        self._at = 0
        whole = stream.seek(0, io.SEEK_END)
        self._frames = max(1, -(-whole // (FRAME + _EXTRA)))
        self._size = max(0, whole - self._frames * _EXTRA)
        # a last frame holds something, or is the only one: what is left of one cut off would never be asked for
        self._cut = whole - (self._frames - 1) * (FRAME + _EXTRA) < _EXTRA + (self._frames > 1)

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move to a place of the plaintext."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        """The place in the plaintext."""
        return self._at

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # typeshed wants any buffer
        """Fill a buffer.

        Raises:
            AsideDoesNotOpen: a frame was changed, moved or cut off.
        """
        if self._cut:
            raise AsideDoesNotOpen(str(self._id))
        if self._at >= self._size:
            if self._at == self._size == 0:
                self._open(0)
            return 0
        frame, start = divmod(self._at, FRAME)
        self._open(frame)
        part = self._content[start : start + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        """Close the file and forget the frame."""
        self._content = b""
        self._stream.close()
        super().close()

    def _open(self, frame: int) -> None:
        if frame == self._frame:
            return
        self._stream.seek(frame * (FRAME + _EXTRA))
        sealed = self._stream.read(FRAME + _EXTRA)
        bound = _bound(self._id, frame, frame == self._frames - 1)
        try:
            self._content = self._cipher.decrypt(sealed[:12], sealed[12:], bound)
        except InvalidTag:
            raise AsideDoesNotOpen(str(self._id)) from None
        self._frame = frame
