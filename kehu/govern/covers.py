"""Words of one origin subject that stand on another, and how they are taken off again.

What policies read of a statement is a list of ``base`` entries (a consent 4, a subscription 2). Where it stands for another
origin subject's it is ``[…, anchor, what it covers]``, and what it covers may be such a list itself: every other anchor once.
A stricter word that was projected onto another part is ``[…, anchor]``; an import's stricter one over a cover is ``[…, cover]``.
What a part of a customer let act again for the whole (a consent anew after its withdrawal) is set aside in
``subject_state.lifted``, so that it stands again on those that an un-merge takes out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

Packed = list[Any]
CONSENT: Final = 4
SUBSCRIPTION: Final = 2


def cover(held: Packed | None, over: Packed, anchor: str, base: int) -> Packed:
    """``over``, said under ``anchor``, standing on what is held; an earlier word of the same anchor goes."""
    return [*over[:base], anchor, uncover(held, base, lambda other: other != anchor)]


def uncover(held: Packed | None, base: int, stays: Callable[[str], bool]) -> Packed | None:
    """What is left where only covers of those anchors stay."""
    if held is None:
        return None
    if is_cover(held, base):
        below = uncover(held[base + 1], base, stays)
        return [*held[: base + 1], below] if stays(str(held[base])) else below
    if len(held) == base + 1 and isinstance(held[base], list):
        below = uncover(held[base], base, stays)
        return [*held[:base], below] if is_cover(below, base) else held[:base]
    return held


def is_cover(held: Packed | None, base: int) -> bool:
    """Whether a word stands here for another origin subject's."""
    return held is not None and len(held) == base + 2


def anchor_of(held: Packed, base: int) -> str | None:
    """Whose word it is, where it is not the row's own."""
    return str(held[base]) if len(held) > base and not isinstance(held[base], list) else None


def own_word(held: Packed | None, base: int) -> Packed | None:
    """What lies below every cover."""
    return uncover(held, base, lambda _: False)


def with_own(held: Packed, word: Packed | None, base: int) -> Packed:
    """The same covers over another word of the row's own."""
    below = held[base + 1]
    return [*held[: base + 1], with_own(below, word, base) if is_cover(below, base) else word]


def reworded(held: Packed, word: Packed, anchor: str, base: int) -> Packed:
    """The same covers, where one of that anchor stands with another word in it."""
    if not is_cover(held, base):
        return held
    over = word if str(held[base]) == anchor else held
    below = held[base + 1]
    return [*over[:base], held[base], reworded(below, word, anchor, base) if below is not None else None]
