"""Charts of the review as SVG made on the server: a waterfall, row by row, and a curve of predictions against answers.

x stands in percent; text stands outside the SVG, so that it is read and scaled like any. No inline style.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from kehu.doors.web.review import words
from kehu.refine.resolve.compare.odds import Bin

_ROW: Final = 22
_HEIGHT: Final = 260
_TOP: Final = 10
_TICKS: Final = (0, 25, 50, 75, 100)
Step = tuple[str, str, float]
"""What it is, what that means, and its bits."""


def waterfall(steps: Sequence[Step], *, total: str) -> list[dict[str, Any]]:
    """Rows of a waterfall: each bar begins where the one before ended; the last is the sum, from even odds."""
    ends = [0.0]
    for _words, _note, bits in steps:
        ends.append(ends[-1] + bits)
    low, high = min(ends), max(ends)
    span = (high - low) or 1.0

    def place(bits: float) -> float:
        return 2 + 96 * (bits - low) / span

    rows = [
        {
            "words": said, "note": note, "bits": words.bits(bits), "for": bits > 0,
            "bar": _bar(place(begin), place(end), place(0.0), "ok" if bits > 0 else "bad"),
        }
        for (said, note, bits), begin, end in zip(steps, ends, ends[1:], strict=False)
    ]  # fmt: skip
    whole = _bar(place(0.0), place(ends[-1]), place(0.0), "accent")
    return [
        *rows,
        {"words": total, "note": "", "bits": words.bits(ends[-1]), "for": ends[-1] > 0, "bar": whole, "sum": True},
    ]


def _bar(begin: float, end: float, zero: float, tone: str) -> SafeString:
    left, width = min(begin, end), max(abs(end - begin), 0.6)
    # up and down differ by their end, too, not by colour alone: a line stands where the bar arrives
    return mark_safe(  # noqa: S308  (numbers and our own class names)
        f'<svg class="r-bar" width="100%" height="{_ROW}" aria-hidden="true">'
        f'<line class="r-zero" x1="{zero:.2f}%" x2="{zero:.2f}%" y1="0" y2="{_ROW}"/>'
        f'<rect class="c-fill tone-{tone}" x="{left:.2f}%" width="{width:.2f}%" y="6" height="{_ROW - 12}" rx="2"/>'
        f'<line class="r-end" x1="{end:.2f}%" x2="{end:.2f}%" y1="2" y2="{_ROW - 2}"/></svg>'
    )


def curve(bins: Sequence[Bin]) -> SafeString:
    """Predicted probability to the right, the share of yes upwards, with Wilson's intervals; the line is foresight."""
    plot = _HEIGHT - 2 * _TOP

    def up(share: float) -> float:
        return _TOP + plot * (1 - share)

    body = "".join(
        f'<line class="c-grid" x1="0" x2="100%" y1="{up(tick / 100):.1f}" y2="{up(tick / 100):.1f}"/>'
        for tick in _TICKS
    )
    body += (
        f'<svg x="0" y="{_TOP}" width="100%" height="{plot}" viewBox="0 0 100 100" preserveAspectRatio="none">'
        '<path class="r-ideal" d="M0,100 L100,0" vector-effect="non-scaling-stroke"/></svg>'
    )
    for one in bins:
        x = f"{100 * one.predicted:.2f}%"
        body += (
            f'<line class="r-whisker" x1="{x}" x2="{x}" y1="{up(one.high):.1f}" y2="{up(one.low):.1f}"/>'
            f'<circle class="c-dot tone-accent" cx="{x}" cy="{up(one.share):.1f}" r="5"/>'
        )
    axis = "".join(
        f'<text class="c-tick" text-anchor="end" x="38" y="{up(tick / 100) + 4:.1f}">{tick}%</text>' for tick in _TICKS
    )
    below = "".join(f"<span>{tick}%</span>" for tick in _TICKS)
    title = escape(
        _("Predicted probability against the share that people called one customer; the figures stand in the table")
    )
    return mark_safe(  # noqa: S308  (every text is escaped where it enters)
        f'<figure class="r-curve"><svg width="42" height="{_HEIGHT}" aria-hidden="true">{axis}</svg>'
        f'<div role="img" aria-label="{title}"><svg width="100%" height="{_HEIGHT}" aria-hidden="true">{body}</svg>'
        f'<div class="r-below" aria-hidden="true">{below}</div></div></figure>'
    )
