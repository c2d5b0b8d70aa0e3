"""Django application: channels, imports and quarantine."""

from django.apps import AppConfig


class CollectConfig(AppConfig):
    """Channels, imports and quarantine."""

    name = "kehu.collect"
    label = "collect"
    default_auto_field = "django.db.models.BigAutoField"
