"""The visitors' pages as a Django app: templates, static files and words."""

from __future__ import annotations

from django.apps import AppConfig


class VisitConfig(AppConfig):
    """Registers the room of the visitors' pages."""

    name = "kehu.doors.web.visit"
    label = "visit"
