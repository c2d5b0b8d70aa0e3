"""A question that was handed to a customer's phone: of whom it is by id, until when it may be answered, never its secret."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Asked(models.Model):
    """A link of one use. ``subject``: somebody who is here; ``name``: somebody just taken down, as the channel names them."""

    personal_data: ClassVar[str] = "counter-asked"

    id = models.UUIDField(primary_key=True)
    digest = models.BinaryField(unique=True, help_text="SHA-256 of the link's secret")
    channel = models.PositiveSmallIntegerField()
    subject = models.UUIDField(null=True)
    name = models.CharField(max_length=60, blank=True)
    by = models.UUIDField()
    at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(subject__isnull=False) ^ Q(name__gt=""), name="a_question_is_somebodys"),
        ]
