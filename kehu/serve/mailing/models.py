"""A suppression list on its way in: what it says, and how far it has come. Its addresses lie sealed in the upload alone."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

LOOKING, LOOKED, STOPPING, DONE, FAILED = "looking", "looked", "stopping", "done", "failed"
STATES: Final = (LOOKING, LOOKED, STOPPING, DONE, FAILED)


class Bringing(models.Model):
    """One file: looked at first, and in force once whoever sent it has said so.

    ``batches``: of the file, that are in force; ``tenths``: of all customers, that stand on it, rounded down to whole
    smallest groups: the exact number before anything is done would tell of one address whether it is a customer's.
    """

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    staged = models.UUIDField(help_text="the sealed upload")
    staff = models.UUIDField(help_text="who sent it")
    state = models.CharField(max_length=8, default=LOOKING)
    fault = models.CharField(max_length=24, blank=True, help_text="why it failed")
    list = models.CharField(max_length=40)
    medium = models.CharField(max_length=8, blank=True)
    topic = models.CharField(max_length=40, blank=True)
    country = models.CharField(max_length=2, blank=True)
    expected = models.PositiveBigIntegerField(default=0, help_text="rows of the file, once it was looked at")
    tenths = models.PositiveSmallIntegerField(default=0)
    batches = models.PositiveIntegerField(default=0)
    rows = models.PositiveBigIntegerField(default=0)
    addresses = models.PositiveBigIntegerField(default=0)
    new = models.PositiveBigIntegerField(default=0)
    unread = models.PositiveBigIntegerField(default=0)
    customers = models.PositiveBigIntegerField(default=0)
    at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=STATES), name="bringing_state_known"),
            models.CheckConstraint(condition=Q(tenths__lte=10), name="bringing_in_tenths"),
            models.CheckConstraint(condition=Q(state=FAILED) ^ Q(fault=""), name="bringing_says_why_it_failed"),
        ]
