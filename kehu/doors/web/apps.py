"""The web as a Django app: its templates, static files and words."""

from __future__ import annotations

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Registers the room of the pages."""

    name = "kehu.doors.web"
    label = "web"
