"""Django application: the counter, its links, and the hand that records what customers said there."""

from django.apps import AppConfig


class CounterConfig(AppConfig):
    """The counter."""

    name = "kehu.serve.counter"
    label = "counter"

    def ready(self) -> None:
        """Register the hand that the drain calls, and the holder that an erasure reaches."""
        from kehu.collect.inbox import hands
        from kehu.govern.holders import register

        hands.register("counter-consent", "kehu.serve.counter.consents.take_consent")
        register("kehu.serve.counter.holders.AskedHolder")
