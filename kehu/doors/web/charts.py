"""Charts as SVG made on the server: they scale without script, take their colours from CSS and carry their own table.

x stands in percent, y in pixels; lines lie in a nested ``<svg preserveAspectRatio="none">`` with strokes that do not
scale, so text never does. No inline style: the Content-Security-Policy forbids it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

_TOP: Final = 18
_BOTTOM: Final = 26
_TICKS: Final = 4
# Around (0, 0): who sees no colours tells series apart by these.
_SHAPES: Final = (
    "M-3.2,0a3.2,3.2 0 1,0 6.4,0a3.2,3.2 0 1,0 -6.4,0", "M-3,-3h6v6h-6z", "M0,-4.4 4.4,0 0,4.4 -4.4,0z", "M0,-4 4.2,3.2h-8.4z",
    "M0,4 4.2,-3.2h-8.4z", "M-1.3,-4h2.6v2.7h2.7v2.6h-2.7v2.7h-2.6v-2.7h-2.7v-2.6h2.7z",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers with a name and a tone; ``texts`` are the numbers in the reader's format."""

    name: str
    tone: str
    values: Sequence[float]
    texts: Sequence[str]


@dataclass(frozen=True, slots=True)
class Gaps:
    """A series of which some values are not known (None)."""

    name: str
    tone: str
    values: Sequence[float | None]
    texts: Sequence[str]


def nice_ceiling(value: float, ticks: int = _TICKS) -> float:
    """The smallest round number at or above a value that divides into ticks well."""
    if value <= 0:
        return float(ticks)
    raw = value / ticks
    magnitude = 10.0 ** math.floor(math.log10(raw))
    for step in (1, 2, 2.5, 3, 4, 5, 7.5, 10):
        if raw <= step * magnitude:
            return step * magnitude * ticks
    return 10 * magnitude * ticks


def bars_and_line(
    title: str, labels: Sequence[str], bars: Series, line: Series | None = None, *, unit: str = ""
) -> SafeString:
    """Bars of one series, over them a line of another on a scale of its own."""
    height = 232
    plot, count = height - _TOP - _BOTTOM, len(labels)
    ceiling = nice_ceiling(max(bars.values, default=0))
    width = 100 / count
    body = _grid(plot)
    for i, value in enumerate(bars.values):
        tall = plot * value / ceiling
        body += (
            f'<rect class="c-fill tone-{bars.tone}" x="{(i + 0.27) * width:.3f}%" width="{width * 0.46:.3f}%"'
            f' y="{_TOP + plot - tall:.1f}" height="{tall:.1f}" rx="3" data-i="{i}"/>'
        )
        odd = " data-odd" if i % 2 else ""
        body += (
            f'<text class="c-label" text-anchor="middle" x="{(i + 0.5) * width:.3f}%" y="{height - 7}"{odd}>'
            f"{escape(labels[i])}</text>"
        )
    if line is not None:
        body += _line(line, plot)
    series = (bars,) if line is None else (bars, line)
    return _figure(title, body, labels, series, height, _axis(height, plot, ceiling, unit))


def lines(title: str, labels: Sequence[str], series: Sequence[Gaps]) -> SafeString:
    """Several lines of shares of a hundred over time; the axis begins at the tenth below the smallest.

    A mark at each value, of a shape that each series has for itself, up to six; they are named below.
    """
    height = 232
    plot, count = height - _TOP - _BOTTOM, max(len(labels), 1)
    known = [value for one in series for value in one.values if value is not None]
    floor = min(90.0, max(0.0, math.floor((min(known, default=90.0) - 1e-9) / 10) * 10))
    body, step = _grid(plot), max(1, math.ceil(count / 8))
    for i in range(0, count if labels else 0, step):
        body += (
            f'<text class="c-label" text-anchor="middle" x="{(i + 0.5) * 100 / count:.3f}%" y="{height - 7}">'
            f"{escape(labels[i])}</text>"
        )
    shapes = [_SHAPES[place % len(_SHAPES)] for place in range(len(series))]
    for one, shape in zip(series, shapes, strict=True):
        body += _gaps(one, shape, plot, floor, count)
    told = [Series(one.name, one.tone, [value or 0 for value in one.values], one.texts) for one in series]
    named = "".join(
        f'<li class="tone-{one.tone}"><svg width="22" height="10" viewBox="-11 -5 22 10" aria-hidden="true">'
        f'<path class="c-line" d="M-11,0H11"/><path class="c-dot" d="{shape}"/></svg>{escape(one.name)}</li>'
        for one, shape in zip(series, shapes, strict=True)
    )
    legend = f'<ul class="legend wrap">{named}</ul>'
    return _figure(title, body, labels, told, height, _share_axis(height, plot, floor), legend)


def _gaps(line: Gaps, shape: str, plot: int, floor: float, count: int) -> str:
    """The runs of known values as lines, with a mark at each."""
    drawn, run = "", list[tuple[float, float]]()
    for i, value in enumerate([*line.values, None]):
        if value is None:
            if len(run) > 1:
                drawn += (
                    f'<svg x="0" y="{_TOP}" width="100%" height="{plot}" viewBox="0 0 1000 {plot}"'
                    f' preserveAspectRatio="none"><path class="c-line tone-{line.tone}" d="{_smooth(run)}"'
                    ' vector-effect="non-scaling-stroke"/></svg>'
                )
            run = []
            continue
        x, y = (i + 0.5) * 1000 / count, plot * (1 - (value - floor) / (100 - floor))
        run.append((x, y))
        drawn += (
            f'<svg x="{x / 10:.3f}%" y="{_TOP + y:.1f}" overflow="visible">'
            f'<path class="c-dot tone-{line.tone}" d="{shape}" data-i="{i}"/></svg>'
        )
    return drawn


def _line(line: Series, plot: int) -> str:
    """A line that fills about half of the plot, with a dot at each value."""
    ceiling, count = max([*line.values, 1]) * 1.9, len(line.values)
    points = [((i + 0.5) * 1000 / count, plot * (1 - v / ceiling)) for i, v in enumerate(line.values)]
    drawn = (
        f'<svg x="0" y="{_TOP}" width="100%" height="{plot}" viewBox="0 0 1000 {plot}" preserveAspectRatio="none">'
        f'<path class="c-line tone-{line.tone}" d="{_smooth(points)}" vector-effect="non-scaling-stroke"/></svg>'
    )
    for i, (x, y) in enumerate(points):
        drawn += f'<circle class="c-dot tone-{line.tone}" cx="{x / 10:.3f}%" cy="{_TOP + y:.1f}" r="2.5" data-i="{i}"/>'
    return drawn


def sparkline(values: Sequence[float], *, tone: str = "accent", width: int = 72, height: int = 22) -> SafeString:
    """A line of a few numbers, without axis; the numbers stand beside it in the row."""
    low, high = min(values), max(values)
    span, count = (high - low) or 1, max(len(values), 2)
    points = [
        (i * (width - 4) / (count - 1) + 2, (height - 4) * (1 - (v - low) / span) + 2) for i, v in enumerate(values)
    ]
    return mark_safe(  # noqa: S308  (numbers and our own class names)
        f'<svg class="spark" width="{width}" height="{height}" viewBox="0 0 {width} {height}" aria-hidden="true">'
        f'<path class="c-line tone-{tone}" d="{_smooth(points)}"/>'
        f'<circle class="c-dot tone-{tone}" cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="2"/></svg>'
    )


def meter(share: float, *, tone: str = "accent") -> SafeString:
    """A bar filled to a share between 0 and 1."""
    filled = 100 * min(max(share, 0.0), 1.0)
    return mark_safe(  # noqa: S308  (a number)
        '<svg class="meter" width="100%" height="8" aria-hidden="true">'
        '<rect class="c-track" width="100%" height="8" rx="4"/>'
        f'<rect class="c-fill tone-{tone}" width="{filled:.2f}%" height="8" rx="4"/></svg>'
    )


def _smooth(points: Sequence[tuple[float, float]]) -> str:
    """A monotone cubic path through points: no overshoot, so no value is drawn that is not there."""
    count = len(points)
    if count < 3:
        return "M" + " L".join(f"{x:.1f},{y:.1f}" for x, y in points)
    steps = [points[i + 1][0] - points[i][0] for i in range(count - 1)]
    slopes = [(points[i + 1][1] - points[i][1]) / steps[i] for i in range(count - 1)]
    tangents = [slopes[0]]
    for i in range(1, count - 1):
        before, after = slopes[i - 1], slopes[i]
        if before * after <= 0:
            tangents.append(0.0)
            continue
        one, two = 2 * steps[i] + steps[i - 1], steps[i] + 2 * steps[i - 1]
        tangents.append((one + two) / (one / before + two / after))
    tangents.append(slopes[-1])
    path = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
    for i in range(count - 1):
        (x0, y0), (x1, y1), third = points[i], points[i + 1], steps[i] / 3
        path += f"C{x0 + third:.1f},{y0 + tangents[i] * third:.1f} "
        path += f"{x1 - third:.1f},{y1 - tangents[i + 1] * third:.1f} {x1:.1f},{y1:.1f}"
    return path


def _grid(plot: int) -> str:
    lines = ""
    for tick in range(_TICKS + 1):
        y = _TOP + plot * (1 - tick / _TICKS)
        lines += f'<line class="{"c-grid" if tick else "c-base"}" x1="0" x2="100%" y1="{y:.1f}" y2="{y:.1f}"/>'
    return lines


def _axis(height: int, plot: int, ceiling: float, unit: str) -> str:
    texts = [unit + _short(ceiling * tick / _TICKS) for tick in range(_TICKS + 1)]
    width = max(sum(7 if c.isascii() else 11 for c in text) for text in texts) + 6
    marks = "".join(
        f'<text class="c-tick" text-anchor="end" x="{width}" y="{_TOP + plot * (1 - i / _TICKS) + 4:.1f}">'
        f"{escape(text)}</text>"
        for i, text in enumerate(texts)
    )
    return f'<svg class="chart-axis" width="{width}" height="{height}" aria-hidden="true">{marks}</svg>'


def _share_axis(height: int, plot: int, floor: float) -> str:
    texts = [f"{floor + (100 - floor) * tick / _TICKS:.4g}%" for tick in range(_TICKS + 1)]
    marks = "".join(
        f'<text class="c-tick" text-anchor="end" x="50" y="{_TOP + plot * (1 - i / _TICKS) + 4:.1f}">{text}</text>'
        for i, text in enumerate(texts)
    )
    return f'<svg class="chart-axis" width="50" height="{height}" aria-hidden="true">{marks}</svg>'


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def _figure(
    title: str, body: str, labels: Sequence[str], series: Sequence[Series], height: int, axis: str, legend: str = ""
) -> SafeString:
    points = {
        "labels": list(labels),
        "series": [{"name": one.name, "tone": one.tone, "texts": list(one.texts)} for one in series],
    }
    data = escape(json.dumps(points, ensure_ascii=False))
    return mark_safe(  # noqa: S308  (every text is escaped where it enters)
        f'<figure class="chart" data-chart="bar" data-points="{data}"><div class="chart-row">{axis}'
        f'<div class="chart-box" tabindex="0" role="img" aria-label="{escape(title)}">'
        f'<svg class="chart-svg" width="100%" height="{height}" aria-hidden="true">{body}</svg></div></div>'
        f"{legend}{_table(title, labels, series)}</figure>"
    )


def _table(title: str, labels: Sequence[str], series: Sequence[Series]) -> str:
    heads = "".join(f'<th scope="col">{escape(one.name)}</th>' for one in series)
    rows = "".join(
        f'<tr><th scope="row">{escape(label)}</th>'
        + "".join(f'<td class="num">{escape(one.texts[i])}</td>' for one in series)
        + "</tr>"
        for i, label in enumerate(labels)
    )
    return (
        f'<details class="chart-data"><summary>{escape(_("Show as a table"))}</summary>'
        f'<table class="tbl tbl-mini"><caption class="vh">{escape(title)}</caption><thead><tr>'
        f'<th scope="col">{escape(_("Period"))}</th>{heads}</tr></thead><tbody>{rows}</tbody></table></details>'
    )
