"""Django application of the rules as data."""

from django.apps import AppConfig


class GovernConfig(AppConfig):
    """Controllers, channels, notices, consents and the state of each subject in law."""

    name = "kehu.govern"
    label = "govern"
    default_auto_field = "django.db.models.BigAutoField"
