"""Django application: data quality."""

from django.apps import AppConfig


class QualityConfig(AppConfig):
    """Rules of data quality, what they find, and scores over time."""

    name = "kehu.refine.quality"
    label = "quality"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the holder that an export asks and an erasure reaches."""
        from kehu.govern.holders import register

        register("kehu.refine.quality.holders.FindingHolder")
