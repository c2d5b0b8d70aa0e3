"""Django application: cleaning, identity resolution and the review queue."""

from django.apps import AppConfig


class RefineConfig(AppConfig):
    """Cleaning, identity resolution and the review queue."""

    name = "kehu.refine"
    label = "refine"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the holder that an export asks and an erasure reaches."""
        from kehu.govern.holders import register

        register("kehu.refine.holders.ProposalHolder")
