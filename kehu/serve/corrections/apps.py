"""Django application: corrections and who is told of them."""

from django.apps import AppConfig


class CorrectionsConfig(AppConfig):
    """Corrections."""

    name = "kehu.serve.corrections"
    label = "corrections"

    def ready(self) -> None:
        """Register the holder that an export asks and an erasure reaches."""
        from kehu.govern.holders import register

        register("kehu.serve.corrections.holders.CorrectionHolder")
