"""Traits that nobody may compute now: for the doctor; names no customer."""

from __future__ import annotations

from collections.abc import Iterator

from kehu.host.checks import Finding
from kehu.refine.derive import runs


def check_traits() -> Iterator[Finding]:
    """A purpose whose traits stand still while what is known of customers changes."""
    for purpose, policy in runs.stopped().items():
        remedy = "Look at the role, training, hours and place of both: kehu traits list; or name others for it: kehu traits declare"
        why = f"neither owner nor deputy may ask for it now ({policy})"
        if not policy:
            why = "when they were last tried, the gate refused whoever asked, or computing failed; it is tried again each hour"
            remedy = f"See the failed jobs of traits in log/jobs.log. {remedy}"
        text = f"The traits of {purpose} are not computed: {why}. Those there are stand as they were."
        yield Finding("traits.stopped", "warning", text, remedy)
