"""The pages of the counter as a Django app: templates, static files and words."""

from __future__ import annotations

from django.apps import AppConfig


class CounterPagesConfig(AppConfig):
    """Registers the room of these pages."""

    name = "kehu.doors.web.counter"
    label = "counter_pages"
