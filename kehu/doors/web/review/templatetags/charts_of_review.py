"""A share as a bar, of two counts."""

from __future__ import annotations

from django import template
from django.utils.safestring import SafeString

from kehu.doors.web import charts

register = template.Library()


@register.simple_tag
def share_of(done: int, whole: int) -> SafeString:
    """How much of the whole is done."""
    return charts.meter(done / whole if whole else 1.0)
