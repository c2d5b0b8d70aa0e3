"""The customers' door as a Django app: its templates, static files and words."""

from __future__ import annotations

from django.apps import AppConfig


class PortalConfig(AppConfig):
    """Registers the room of the customers' pages."""

    name = "kehu.doors.web.portal"
    label = "portal"
