"""Django application: consents, states, requests, erasures and incidents."""

from django.apps import AppConfig


class RightsConfig(AppConfig):
    """Consents, states, requests, erasures and incidents."""

    name = "kehu.serve.rights"
    label = "rights"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the holders that an erasure reaches, and the hands for what channels ask of these registers."""
        from kehu.serve.rights import by_form
        from kehu.serve.rights.asked import register_hands
        from kehu.serve.rights.holders import register_all

        register_all()
        register_hands()
        by_form.register_hands()
