"""The pages of traits as a Django app: templates, static files and words."""

from __future__ import annotations

from django.apps import AppConfig


class TraitPagesConfig(AppConfig):
    """Registers the room of these pages."""

    name = "kehu.doors.web.traits"
    label = "trait_pages"
