"""Traits that nobody may compute now: for the doctor; names no customer."""

from __future__ import annotations

from collections.abc import Iterator

from kehu.host.checks import Finding, Said
from kehu.refine.derive import runs


def check_traits() -> Iterator[Finding]:
    """A purpose whose traits stand still while what is known of customers changes."""
    for purpose, policy in runs.stopped().items():
        remedy = Said(
            "Look at the role, training, hours and place of both: kehu traits list; or name others for it: kehu traits declare"
        )
        text = Said(
            "The traits of {purpose} are not computed: neither owner nor deputy may ask for it now ({policy})."
            " Those there are stand as they were.", purpose=purpose, policy=policy,
        )  # fmt: skip
        if not policy:
            remedy = Said(
                "See the failed jobs of traits in log/jobs.log. Look at the role, training, hours and place of both:"
                " kehu traits list; or name others for it: kehu traits declare"
            )
            text = Said(
                "The traits of {purpose} are not computed: when they were last tried, the gate refused whoever asked, or computing"
                " failed; it is tried again each hour. Those there are stand as they were.", purpose=purpose,
            )  # fmt: skip
        yield Finding("traits.stopped", "warning", text, remedy)
