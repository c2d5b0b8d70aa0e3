"""Django application: staff, gate and ledger: the only way in and out of the vault."""

from django.apps import AppConfig


class GuardConfig(AppConfig):
    """Staff, gate and ledger: the only way in and out of the vault."""

    name = "kehu.guard"
    label = "guard"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the holders that an export asks and an erasure reaches."""
        from kehu.govern.holders import register

        register(
            "kehu.guard.holders.LedgerHolder", "kehu.guard.holders.GuestHolder", "kehu.guard.holders.ComparisonHolder",
            "kehu.guard.watch.holder.WatchHolder",
        )  # fmt: skip
