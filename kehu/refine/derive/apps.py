"""Django application: traits."""

from django.apps import AppConfig


class DeriveConfig(AppConfig):
    """Traits, declared as data and kept beside the vault."""

    name = "kehu.refine.derive"
    label = "derive"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the holder that an export asks and an erasure reaches."""
        from kehu.govern.holders import register

        register("kehu.refine.derive.holders.TraitHolder")
