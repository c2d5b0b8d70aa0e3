"""The pages on corrections as a Django app: templates and words."""

from __future__ import annotations

from django.apps import AppConfig


class CorrectionPagesConfig(AppConfig):
    """Registers the pages."""

    name = "kehu.doors.web.corrections"
    label = "correction_pages"
