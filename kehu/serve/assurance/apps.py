"""Django application: trials of policies."""

from django.apps import AppConfig


class AssuranceConfig(AppConfig):
    """What those ask of the ledger and the rules who answer for them."""

    name = "kehu.serve.assurance"
    label = "assurance"
    default_auto_field = "django.db.models.BigAutoField"
