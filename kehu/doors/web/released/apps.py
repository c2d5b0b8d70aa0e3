"""The pages of released profiles as a Django app: templates and words."""

from __future__ import annotations

from django.apps import AppConfig


class ReleasedConfig(AppConfig):
    """Registers the pages."""

    name = "kehu.doors.web.released"
    label = "released"
