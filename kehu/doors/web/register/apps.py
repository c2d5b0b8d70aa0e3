"""The register's pages as a Django app: templates, static files and words."""

from __future__ import annotations

from django.apps import AppConfig


class RegisterConfig(AppConfig):
    """Registers the room of the register's pages."""

    name = "kehu.doors.web.register"
    label = "register"
