"""Notices that nobody proposed and that tell of what the office put in force: for the doctor."""

from __future__ import annotations

from collections.abc import Iterator

from kehu.govern.notices import unproposed
from kehu.host.checks import Finding, Said


def check_notices() -> Iterator[Finding]:
    """An earlier program told by itself of a purpose that the office had made wider, and so opened its new fields."""
    for notice, slugs in unproposed().items():
        yield Finding(
            "notices.unproposed", "warning",
            Said(
                "The notice {notice} is in force and tells of {purposes} as the office put it in force, though nobody"
                " proposed the notice: a start of an earlier version did. Its words do not tell of the new fields, which are"
                " open.", notice=notice, purposes=", ".join(slugs),
            ),
            Said(
                "Read it: kehu notices show {notice}; then propose one that tells of them, or does not cover them",
                notice=notice,
            ),
        )  # fmt: skip
