"""The account pages as a Django app: templates, static files and words."""

from __future__ import annotations

from django.apps import AppConfig


class AccountConfig(AppConfig):
    """Registers the room of the account pages."""

    name = "kehu.doors.web.account"
    label = "account"
