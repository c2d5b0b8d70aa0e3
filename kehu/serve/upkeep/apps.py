"""Django application: periodic verification and contact points that fail."""

from django.apps import AppConfig


class UpkeepConfig(AppConfig):
    """Verification policies, their tasks, confirmations, bounces."""

    name = "kehu.serve.upkeep"
    label = "upkeep"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the holder, and the hand that notes a bounce which a mailbox brought."""
        from kehu.collect.inbox import hands
        from kehu.govern.holders import register

        register("kehu.serve.upkeep.holders.UpkeepHolder")
        hands.register("bounce", "kehu.serve.upkeep.bounces.take_errand")
