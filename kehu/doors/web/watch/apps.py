"""The pages of the watch as a Django app: templates, static files and words."""

from __future__ import annotations

from django.apps import AppConfig


class WatchConfig(AppConfig):
    """Registers the room of these pages."""

    name = "kehu.doors.web.watch"
    label = "watch_pages"
