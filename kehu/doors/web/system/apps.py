"""The page of operation, as a Django app: templates and words."""

from __future__ import annotations

from django.apps import AppConfig


class SystemPagesConfig(AppConfig):
    """Registers the room of this page."""

    name = "kehu.doors.web.system"
    label = "system_pages"
