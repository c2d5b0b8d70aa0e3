"""The review of linkage as a Django app: templates, static files and words."""

from __future__ import annotations

from django.apps import AppConfig


class ReviewPagesConfig(AppConfig):
    """Registers the room of the review's pages."""

    name = "kehu.doors.web.review"
    label = "review_pages"
