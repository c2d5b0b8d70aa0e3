"""Django application: definitions of forms, and what waits to be confirmed."""

from django.apps import AppConfig


class FormsConfig(AppConfig):
    """Definitions of forms, and what waits to be confirmed."""

    name = "kehu.collect.forms"
    label = "forms"
    default_auto_field = "django.db.models.BigAutoField"
