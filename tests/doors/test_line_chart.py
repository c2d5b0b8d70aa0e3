"""A chart of several lines can be read without its colours, and draws nothing between days of which nothing is known."""

from __future__ import annotations

import re

from kehu.doors.web.charts import Gaps, lines

SHAPE = re.compile(r'<path class="c-dot[^"]*" d="([^"]+)"')


def drawn(*series: Gaps) -> str:
    return str(lines("Scores", ["1", "2", "3", "4"], series))


def of(name: str, *values: float | None) -> Gaps:
    return Gaps(name, "ok", list(values), ["" if one is None else f"{one:g} %" for one in values])


def test_each_series_has_a_shape_of_its_own_that_its_name_shows_too():
    chart = drawn(*(of(f"S{n}", 90, 91, 92, 93) for n in range(6)))
    plot, legend = chart.split('<ul class="legend')
    assert len(set(SHAPE.findall(plot))) == 6 and len(SHAPE.findall(plot)) == 24
    named = legend.split("</ul>")[0]
    assert re.findall(r">(S\d)</li>", named) == [f"S{n}" for n in range(6)]
    assert SHAPE.findall(named) == list(dict.fromkeys(SHAPE.findall(plot)))


def test_a_day_without_a_value_has_no_mark_and_parts_the_line():
    chart = drawn(of("Overall", 90, 91, None, 93)).split('<ul class="legend')[0]
    assert len(SHAPE.findall(chart)) == 3
    assert len(re.findall(r'class="c-line', chart)) == 1


def test_a_name_is_text_and_no_markup():
    assert "<b>" not in drawn(of("<b>", 90, None, None, None)).replace("&lt;b&gt;", "")
