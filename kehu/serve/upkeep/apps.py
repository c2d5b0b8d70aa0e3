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
        from kehu.serve.upkeep.bounces import take_errand
        from kehu.serve.upkeep.holders import UpkeepHolder

        register(UpkeepHolder())
        hands.register("bounce", take_errand)
