"""The pages of data quality, as a Django app: templates, static files and words."""

from __future__ import annotations

from django.apps import AppConfig


class QualityPagesConfig(AppConfig):
    """Registers the room of these pages."""

    name = "kehu.doors.web.quality"
    label = "quality_pages"
