"""Django application: definitions of forms, and what waits to be confirmed."""

from django.apps import AppConfig


class FormsConfig(AppConfig):
    """Definitions of forms, and what waits to be confirmed."""

    name = "kehu.collect.forms"
    label = "forms"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the hand that keeps answers, and the holder that an erasure reaches."""
        from kehu.collect.inbox import hands
        from kehu.govern.holders import register

        hands.register("survey", "kehu.collect.forms.surveys.keep_answers")
        register("kehu.collect.forms.surveys.SurveyHolder")
