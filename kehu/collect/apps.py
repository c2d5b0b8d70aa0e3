"""Django application: channels, imports and quarantine."""

from django.apps import AppConfig


class CollectConfig(AppConfig):
    """Channels, imports and quarantine."""

    name = "kehu.collect"
    label = "collect"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the holder that an export asks and an erasure reaches."""
        from kehu.govern.holders import register

        register("kehu.collect.holders.QuarantineHolder")
