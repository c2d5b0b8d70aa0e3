"""The pages of what comes in, as a Django app: templates, static files and words."""

from __future__ import annotations

from django.apps import AppConfig


class IntakeConfig(AppConfig):
    """Registers the room of these pages."""

    name = "kehu.doors.web.intake"
    label = "intake_pages"
