"""What was corrected, and whom the wrong value had reached. No value stands here: both lie sealed in their records."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.db.models import Q

OPEN, TOLD, CANNOT = "open", "told", "cannot"
WAYS: Final = ("letter", "email", "api", "in-person")


class Correction(models.Model):
    """One value corrected: the record that stood before and the one that stands now, who did it, and why.

    ``subject`` is the origin subject of the value that was corrected: an un-merge leaves each correction with its own.
    """

    personal_data: ClassVar[str] = "corrections"

    id = models.UUIDField(primary_key=True)
    subject = models.UUIDField(db_index=True)
    field = models.CharField(max_length=40)
    record = models.UUIDField(help_text="the edit, which holds the value after")
    before = models.UUIDField(null=True, help_text="the record that held the value before; null: there was none")
    reason = models.BinaryField(help_text="why, sealed under the subject's key")
    request = models.UUIDField(null=True, help_text="the request of the customer that it answers")
    by = models.UUIDField()
    at = models.DateTimeField(auto_now_add=True)


class Telling(models.Model):
    """A recipient of the wrong value, who is to be told of the correction (GDPR 19, PIPL 46).

    ``due`` is the end of the clock of the request, or of one received on that day. ``proof``: how it is known that they
    were told, or why it cannot be done.
    """

    personal_data: ClassVar[str] = "corrections"

    id = models.UUIDField(primary_key=True)
    correction = models.ForeignKey(Correction, models.CASCADE, related_name="tellings")
    recipient = models.CharField(max_length=120)
    country = models.CharField(max_length=2)
    purpose = models.PositiveSmallIntegerField()
    first_at = models.DateTimeField(help_text="when the wrong value first went to them")
    last_at = models.DateTimeField()
    uses = models.PositiveIntegerField()
    due = models.DateTimeField(null=True)
    state = models.CharField(max_length=8, default=OPEN)
    way = models.CharField(max_length=10, default="")
    proof = models.BinaryField(null=True, help_text="sealed under the subject's key")
    done_at = models.DateTimeField(null=True)
    done_by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["correction", "recipient", "country"], name="a_recipient_is_told_of_a_correction_once"
            ),
            models.CheckConstraint(condition=Q(state__in=(OPEN, TOLD, CANNOT)), name="telling_state_known"),
            models.CheckConstraint(
                condition=Q(state=OPEN, done_at=None)
                | (~Q(state=OPEN) & Q(done_at__isnull=False, done_by__isnull=False, proof__isnull=False)),
                name="who_was_told_has_its_proof",
            ),
            models.CheckConstraint(condition=~Q(state=TOLD) | Q(way__in=WAYS), name="told_by_a_known_way"),
        ]
        indexes = [models.Index(fields=["due"], condition=Q(state=OPEN), name="tellings_open")]
