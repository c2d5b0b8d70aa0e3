"""Django application: letters and lists of whom none goes to."""

from django.apps import AppConfig


class MailingConfig(AppConfig):
    """Letters."""

    name = "kehu.serve.mailing"
    label = "mailing"
