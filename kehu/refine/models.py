"""Runs of linkage, and the review queue: pairs of origin subjects that a person should decide. Ids only, no values."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

RUN_STATES = ("running", "done", "failed")
OPEN, ACCEPTED, REJECTED = "open", "accepted", "rejected"


class LinkageRun(models.Model):
    """One run: of everything or of what was new. Its id is the run of its links and the detail of its ledger rows."""

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    everything = models.BooleanField()
    state = models.CharField(max_length=10, default="running")
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    staff = models.UUIDField(help_text="who started it")
    newest = models.UUIDField(null=True, help_text="whatever it did not see has a younger id")
    before = models.PositiveBigIntegerField(null=True, help_text="customers")
    after = models.PositiveBigIntegerField(null=True)
    merged = models.PositiveBigIntegerField(default=0, help_text="customers that were joined to another")
    review = models.PositiveBigIntegerField(default=0, help_text="proposals open when it ended")
    weights = models.JSONField(default=dict, help_text="controller and kind -> weights learned; no value of any record")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(state__in=RUN_STATES), name="linkage_run_state_known")]


class Proposal(models.Model):
    """Two origin subjects that may be one customer, and what was decided. A rejected pair is never proposed again,
    nor joined by linkage."""

    personal_data: ClassVar[str] = "proposals"

    id = models.UUIDField(primary_key=True)
    older = models.UUIDField()
    younger = models.UUIDField(db_index=True)
    weight = models.FloatField(null=True, help_text="match weight in bits; null where a person undid a merge")
    state = models.CharField(max_length=10, default=OPEN)
    run = models.UUIDField(null=True)
    found_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["older", "younger"], name="one_proposal_a_pair"),
            models.CheckConstraint(condition=Q(older__lt=F("younger")), name="proposal_names_the_older_first"),
            models.CheckConstraint(condition=Q(state__in=[OPEN, ACCEPTED, REJECTED]), name="proposal_state_known"),
            models.CheckConstraint(
                condition=Q(state=OPEN) | Q(decided_at__isnull=False, decided_by__isnull=False),
                name="a_decision_names_who_and_when",
            ),
        ]
        indexes = [models.Index(fields=["-weight", "id"], condition=Q(state=OPEN), name="open_proposals")]
