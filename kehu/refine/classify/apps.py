"""Django application: classification."""

from django.apps import AppConfig


class ClassifyConfig(AppConfig):
    """Scans of free text, and what was decided on what they found."""

    name = "kehu.refine.classify"
    label = "classify"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the holder that an export asks and an erasure reaches."""
        from kehu.govern.holders import register

        register("kehu.refine.classify.holders.SightingHolder")
