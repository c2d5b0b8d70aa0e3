"""Django application: sealed records, subject keys and blind index."""

from django.apps import AppConfig


class VaultConfig(AppConfig):
    """Sealed records, subject keys and blind index."""

    name = "kehu.vault"
    label = "vault"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the holder that an export asks and an erasure reaches."""
        from kehu.govern.holders import register

        register("kehu.vault.holder.VaultHolder")
