"""Django application: consents, states, requests, erasures and incidents."""

from django.apps import AppConfig


class RightsConfig(AppConfig):
    """Consents, states, requests, erasures and incidents."""

    name = "kehu.serve.rights"
    label = "rights"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the holders that an erasure reaches, the hands for what channels ask, and who is told of a parting."""
        from kehu.collect.inbox import hands
        from kehu.govern.holders import register
        from kehu.guard import tombstones
        from kehu.vault import parted

        kept = ("Consent", "Subscription", "NoticeSeen", "Informed", "State", "Request", "Erasure")
        register(*(f"kehu.serve.rights.holders.{name}Holder" for name in kept))
        hands.register("access", "kehu.serve.rights.asked.take_access")
        hands.register("erase", "kehu.serve.rights.asked.take_erasure")
        hands.register("subscription", "kehu.serve.rights.asked.take_subscription")
        hands.register("form", "kehu.serve.rights.consents.by_form.take_said")
        tombstones.register("kehu.serve.rights.erasing.again.ErasureRegister")
        parted.register("kehu.serve.rights.erasing.erasure.leave_out_parted")
        parted.register_mistake("kehu.serve.rights.incidents.wrong_merge.open_incidents")
