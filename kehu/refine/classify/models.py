"""Scans, what they found as counts and kinds, and a few customers to look at: never a value."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

RUNNING, DONE, FAILED = "running", "done", "failed"
OPEN, WITHIN, ACCEPTED, DISMISSED = "open", "within", "accepted", "dismissed"
STATES: Final = (OPEN, WITHIN, ACCEPTED, DISMISSED)
"""``within``: the field is of that level as it is, so nobody is asked."""
REASONS: Final = ("expected", "mistaken", "harmless")


class Scan(models.Model):
    """One look at all free text. Its id is the detail of its ledger rows."""

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    state = models.CharField(max_length=8, default=RUNNING)
    staff = models.UUIDField(help_text="who started it")
    models_used = models.BooleanField(help_text="names were looked for by models, too")
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    total = models.PositiveBigIntegerField(default=0, help_text="customers to be looked at")
    done = models.PositiveBigIntegerField(default=0)
    texts = models.PositiveBigIntegerField(default=0)
    left_out = models.PositiveBigIntegerField(default=0, help_text="customers of whom the gate let no text be read")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="running"), name="one_scan_at_a_time"),
            models.CheckConstraint(condition=Q(state__in=(RUNNING, DONE, FAILED)), name="scan_state_known"),
        ]
        indexes = [models.Index(fields=["-started_at"], name="classify_scan_newest")]


class Finding(models.Model):
    """A kind of data found in one field of one source: how many of how many texts, and what was decided on it."""

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    channel = models.PositiveSmallIntegerField()
    field = models.CharField(max_length=60)
    kind = models.CharField(max_length=20)
    level = models.PositiveSmallIntegerField(help_text="proposed")
    texts = models.PositiveBigIntegerField(help_text="looked at in the last scan")
    found = models.PositiveBigIntegerField(help_text="of these, with this kind in them")
    scan = models.ForeignKey(Scan, on_delete=models.PROTECT, related_name="findings")
    state = models.CharField(max_length=9, default=OPEN)
    reason = models.CharField(max_length=9, blank=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["channel", "field", "kind"], name="one_finding_of_a_kind"),
            models.CheckConstraint(condition=Q(found__lte=F("texts")), name="no_more_found_than_looked_at"),
            models.CheckConstraint(condition=Q(state__in=STATES), name="finding_state_known"),
            models.CheckConstraint(condition=Q(level__range=(1, 4)), name="finding_level_known"),
            models.CheckConstraint(
                condition=~Q(state__in=(ACCEPTED, DISMISSED)) | Q(decided_at__isnull=False, decided_by__isnull=False),
                name="a_decided_finding_names_who_and_when",
            ),
            models.CheckConstraint(
                condition=Q(state=DISMISSED, reason__in=REASONS) | (~Q(state=DISMISSED) & Q(reason="")),
                name="a_dismissal_has_a_reason",
            ),
        ]


class Sighting(models.Model):
    """A customer in whose texts the last scan found it, so that somebody can look before deciding; a few of each finding."""

    personal_data: ClassVar[str] = "classify-sightings"

    finding = models.ForeignKey(Finding, on_delete=models.CASCADE, related_name="sightings")
    subject = models.UUIDField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["finding", "subject"], name="one_sighting_of_a_customer")]
