"""The builder of forms as a Django app: templates, static files and words."""

from __future__ import annotations

from django.apps import AppConfig


class FormPagesConfig(AppConfig):
    """Registers the room of the builder's pages."""

    name = "kehu.doors.web.forms"
    label = "form_pages"
