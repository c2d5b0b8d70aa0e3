"""The offices' pages as a Django app: templates, static files and words."""

from __future__ import annotations

from django.apps import AppConfig


class OfficePagesConfig(AppConfig):
    """Registers the room of the offices' pages."""

    name = "kehu.doors.web.office"
    label = "office_pages"
