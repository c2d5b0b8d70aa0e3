"""How one version of a purpose differs from another, part by part, and which of its parts reach further than before.

One pure function. The database holds the same rule (``purpose_widens`` of migration 0007), so that not even the
application can put a wider use in force as if it were none; a test compares the two on generated versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kehu.govern.purposes import Content

_LISTS: Final = ("least", "recipients", "countries", "roles", "departments")
PARTS: Final = ("least", "recipients", "countries", "grounds", "kind", "roles", "departments", "retention_days",
                "fresh", "automated", "label", "description")  # fmt: skip
"""Every part of a purpose, the weightiest first."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One part that differs. Lists say what came and what went; everything else what it was and is.

    ``wider``: under the new version more is used, by more people, for longer, or on another ground.
    """

    part: str
    wider: bool
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    before: str = ""
    after: str = ""


def differences(old: Content, new: Content) -> tuple[Difference, ...]:
    """What differs, in the order of :data:`PARTS`; a table (grounds, words) has a row for each entry that differs."""
    found: list[Difference] = []
    for part in PARTS:
        if part in _LISTS:
            found += _listed(part, old, new)
        elif part == "fresh":
            found += _limits(old.get("fresh", {}), new.get("fresh", {}))
        elif part in ("grounds", "label", "description"):
            found += _table(part, old, new)
        else:
            found += _single(part, old, new)
    return tuple(found)


def widened(old: Content, new: Content) -> tuple[str, ...]:
    """The parts under which the new version reaches further, in the order of :data:`PARTS`; empty: it does not.

    Words alone never widen by themselves: only a person can say whether other words mean another use.
    """
    return tuple(dict.fromkeys(one.part.partition(".")[0] for one in differences(old, new) if one.wider))


def _listed(part: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    before, after = set(old[part]), set(new[part])
    if before == after:
        return []
    added, removed = tuple(sorted(after - before)), tuple(sorted(before - after))
    # no department named means every department
    wider = bool(before) and (not after or bool(added)) if part == "departments" else bool(added)
    return [Difference(part, wider, added=added, removed=removed)]


def _table(part: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    before, after = old[part], new[part]
    return [
        Difference(f"{part}.{key}", part == "grounds", before=before.get(key, ""), after=after.get(key, ""))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    ]


def _limits(before: Mapping[str, int], after: Mapping[str, int]) -> list[Difference]:
    """Within how many days something must have been said or confirmed: more days, or none named, let older values serve."""
    return [
        Difference(
            f"fresh.{key}", key in before and (key not in after or after[key] > before[key]),
            before=str(before.get(key, "")), after=str(after.get(key, "")),
        )
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    ]  # fmt: skip


def _single(part: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    before, after = old[part], new[part]
    if before == after:
        return []
    # another kind or ground is another use, whatever it was before; fewer days and a human's decision are none
    wider = True if part == "kind" else after > before
    return [Difference(part, wider, before=_word(before), after=_word(after))]


def _word(value: object) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)
