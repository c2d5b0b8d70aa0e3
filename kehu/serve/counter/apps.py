"""Django application: the counter, its links, and the hand that records what customers said there."""

from django.apps import AppConfig


class CounterConfig(AppConfig):
    """The counter."""

    name = "kehu.serve.counter"
    label = "counter"

    def ready(self) -> None:
        """Register the hand that the drain calls, and the holder that an erasure reaches."""
        from kehu.govern.holders import register
        from kehu.serve.counter.consents import register_hand
        from kehu.serve.counter.holders import AskedHolder

        register_hand()
        register(AskedHolder())
