"""The access pages as a Django app: templates, static files and words."""

from __future__ import annotations

from django.apps import AppConfig


class AccessConfig(AppConfig):
    """Registers the room of the access pages."""

    name = "kehu.doors.web.access"
    label = "access"
