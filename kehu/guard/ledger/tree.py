"""Merkle trees of RFC 6962 (section 2.1): leaf prefix 0x00, node prefix 0x01, left-heavy splits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

_sha256 = hashlib.sha256
EMPTY_ROOT: Final = _sha256(b"").digest()
_BLOCK: Final = 256  # leaves, a power of two


def leaf_hash(body: bytes) -> bytes:
    """Hash of a leaf's body."""
    return _sha256(b"\0" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node."""
    return _sha256(b"\1" + left + right).digest()


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Root over leaf hashes; SHA-256 of nothing for none (RFC 6962 2.1)."""
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        above = [_sha256(b"\1" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        if len(level) & 1:
            above.append(level[-1])
        level = above
    return level[0]


def path_in(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Inclusion path of one leaf (RFC 6962 2.1.1), nearest sibling first.

    Raises:
        IndexError: no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(index)
    path: list[bytes] = []
    level = list(leaves)
    while len(level) > 1:
        sibling = index ^ 1
        if sibling < len(level):
            path.append(level[sibling])
        above = [_sha256(b"\1" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        if len(level) & 1:
            above.append(level[-1])
        level, index = above, index >> 1
    return path


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes:
    """Root that a leaf hash and its inclusion path lead to (RFC 9162 2.1.3.2).

    Raises:
        ValueError: the path does not fit index and size.
    """
    if not 0 <= index < size:
        raise ValueError("index outside the tree")
    node, last, at = leaf, size - 1, index
    for sibling in path:
        if last == 0:
            raise ValueError("path too long")
        if at & 1 or at == last:
            node = node_hash(sibling, node)
            while not at & 1 and at:
                at >>= 1
                last >>= 1
        else:
            node = node_hash(node, sibling)
        at >>= 1
        last >>= 1
    if last:
        raise ValueError("path too short")
    return node


class Frontier:
    """The right edge of a growing tree: enough to append and to tell the root, nothing more."""

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        """``peaks`` are the roots of the perfect subtrees of ``size``, largest first."""
        if bin(size).count("1") != len(peaks):
            raise ValueError("peaks do not fit the size")
        self.size = size
        self._peaks = list(peaks)

    def append(self, leaf: bytes) -> None:
        """Add one leaf hash."""
        node, size = leaf, self.size
        while size & 1:
            node = node_hash(self._peaks.pop(), node)
            size >>= 1
        self._peaks.append(node)
        self.size += 1

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Add leaf hashes: whole blocks at once where they fall on a block's place, which spares most of the steps."""
        at = 0
        while at < len(leaves):
            if self.size % _BLOCK or len(leaves) - at < _BLOCK:
                self.append(leaves[at])
                at += 1
                continue
            node, above = root_of(leaves[at : at + _BLOCK]), self.size // _BLOCK
            while above & 1:
                node = node_hash(self._peaks.pop(), node)
                above >>= 1
            self._peaks.append(node)
            self.size += _BLOCK
            at += _BLOCK

    def root(self) -> bytes:
        """Root over all leaves so far."""
        if not self._peaks:
            return EMPTY_ROOT
        node = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            node = node_hash(peak, node)
        return node


def subtree_path(index: int, size: int, subtree: Callable[[int, int], bytes]) -> list[bytes]:
    """Inclusion path of a leaf by asking for the roots of subtrees ``[start, end)``, nearest sibling first."""
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            path.append(subtree(split, end))
            end = split
        else:
            path.append(subtree(start, split))
            start = split
    path.reverse()
    return path


def consistency_path(old: int, size: int, subtree: Callable[[int, int], bytes]) -> list[bytes]:
    """Consistency proof between two sizes (RFC 6962 2.1.2): every old leaf is still where it was."""
    if not 0 < old <= size:
        raise ValueError("old size outside the tree")

    def walk(old_end: int, start: int, end: int, whole: bool) -> list[bytes]:
        if old_end == end:
            return [] if whole else [subtree(start, end)]
        split = start + _split(end - start)
        if old_end <= split:
            return [*walk(old_end, start, split, whole), subtree(split, end)]
        return [*walk(old_end, split, end, False), subtree(start, split)]

    return walk(old, 0, size, True)


def _split(count: int) -> int:
    """Largest power of two below ``count``."""
    return 1 << (count - 1).bit_length() - 1
