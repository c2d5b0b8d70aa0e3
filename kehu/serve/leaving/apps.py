"""Django application: what leaves the house; it has tables in the guard's migrations, and a holder."""

from django.apps import AppConfig


class LeavingConfig(AppConfig):
    """What leaves the house: lists, tokens for a recipient, and what authorities demand."""

    name = "kehu.serve.leaving"
    label = "leaving"

    def ready(self) -> None:
        """Register the holder that an export asks and an erasure reaches."""
        from kehu.govern.holders import register

        register("kehu.serve.leaving.holders.DemandHolder")
