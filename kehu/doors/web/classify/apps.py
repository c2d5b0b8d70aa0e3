"""The page of classification, as a Django app: templates and words."""

from __future__ import annotations

from django.apps import AppConfig


class ClassifyPagesConfig(AppConfig):
    """Registers the room of this page."""

    name = "kehu.doors.web.classify"
    label = "classify_pages"
