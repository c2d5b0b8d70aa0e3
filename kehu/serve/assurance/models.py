"""A trial of a change of policies: who asked, how far it is, and what came out; nothing of a customer."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.db.models import Q

WORKING: Final = ("waiting", "running")
STATES: Final = (*WORKING, "done", "failed", "cancelled")


class PolicyTrial(models.Model):
    """What was decided in the last ``days``, decided again under other policies. ``files`` hold these until it has ended."""

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    asked_by = models.UUIDField()
    asked_at = models.DateTimeField(auto_now_add=True, db_index=True)
    days = models.PositiveSmallIntegerField()
    files = models.JSONField(null=True)
    state = models.CharField(max_length=10, default="waiting")
    decided = models.PositiveIntegerField(default=0, help_text="decisions made again so far")
    decisions = models.PositiveIntegerField(null=True, help_text="of how many; null: not counted yet")
    result = models.JSONField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=STATES), name="trial_state"),
            models.CheckConstraint(
                condition=Q(state__in=WORKING, files__isnull=False, ended_at__isnull=True)
                | (~Q(state__in=WORKING) & Q(files__isnull=True, ended_at__isnull=False)),
                name="trial_files_until_it_ends",
            ),
            models.CheckConstraint(
                condition=Q(state="done", result__isnull=False) | (~Q(state="done") & Q(result__isnull=True)),
                name="trial_result_when_done",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def working(self) -> bool:
        """Whether there is something to wait for."""
        return self.state in WORKING

    @property
    def share(self) -> float:
        """How much of it is done, 0 to 1."""
        return self.decided / self.decisions if self.decisions else 0.0
