"""Django application: channels, imports and quarantine."""

from django.apps import AppConfig


class CollectConfig(AppConfig):
    """Channels, imports and quarantine."""

    name = "kehu.collect"
    label = "collect"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the holders that an export asks and an erasure reaches."""
        from kehu.collect.holders import QuarantineHolder
        from kehu.govern.holders import register

        register(QuarantineHolder())
