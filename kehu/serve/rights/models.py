"""The registers of the privacy office: requests, erasures and incidents. Free text is sealed; a subject is a bare id."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.db.models import Q

RIGHTS: Final = (
    "access", "copy", "move", "correct", "erase", "restrict", "object", "withdraw", "explain", "human-review", "other",
)  # fmt: skip
OUTCOMES: Final = ("done", "partly", "refused")


class Request(models.Model):
    """A customer exercising a right. Its texts lie under a key of its own (the row of ``subject_key`` under its id).

    ``due`` is the clock's end, set by a law pack's clock; null until one is there.
    """

    personal_data: ClassVar[str] = "requests"

    id = models.UUIDField(primary_key=True)
    subject = models.UUIDField(null=True, db_index=True)
    right = models.CharField(max_length=16)
    received_at = models.DateTimeField()
    due = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, default="open")
    identity = models.BinaryField(null=True, help_text="who asks, where no customer matched, sealed")
    text = models.BinaryField(null=True, help_text="what they wrote, sealed")
    answer = models.BinaryField(null=True, help_text="what they were told, sealed")
    opened_by = models.UUIDField()
    opened_at = models.DateTimeField(auto_now_add=True)
    answered_by = models.UUIDField(null=True)
    answered_at = models.DateTimeField(null=True)
    certificate = models.UUIDField(null=True, help_text="the erasure after which only this line of it is left")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(right__in=RIGHTS), name="request_right_known"),
            models.CheckConstraint(condition=Q(state__in=("open", *OUTCOMES)), name="request_state_known"),
            models.CheckConstraint(
                condition=Q(state="open", answered_at=None) | (~Q(state="open") & Q(answered_at__isnull=False)),
                name="an_answered_request_has_its_time",
            ),
        ]


class Erasure(models.Model):
    """One erasure: waiting on a hold, begun, or done. Its id is the certificate's, and the residue's.

    ``subjects`` names whom it is about only until it is done.
    """

    personal_data: ClassVar[str] = "erasures"

    id = models.UUIDField(primary_key=True)
    state = models.CharField(max_length=10)
    subjects = models.JSONField(default=list)
    unconfirmed = models.JSONField(default=list)
    reason = models.BinaryField(null=True, help_text="sealed under the key of the first subject, until done")
    by = models.UUIDField()
    asked_at = models.DateTimeField(auto_now_add=True)
    done_at = models.DateTimeField(null=True)
    certificate = models.JSONField(null=True, help_text="what is left, by article and end; names nobody")
    residue = models.BinaryField(null=True, help_text="the sealed paper of what is left")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=("waiting", "begun", "done")), name="erasure_state_known"),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(subjects=[], unconfirmed=[], reason=None, done_at__isnull=False),
                name="a_done_erasure_names_nobody",
            ),
        ]


class Incident(models.Model):
    """Something that happened to personal data, or may have. Its text lies under a key of its own."""

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    aware_at = models.DateTimeField(help_text="when the company learned of it: clocks of most laws run from here")
    opened_by = models.UUIDField()
    opened_at = models.DateTimeField(auto_now_add=True)
    account = models.UUIDField(null=True, help_text="the member of staff whose account it is about")
    since = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    text = models.BinaryField(null=True, help_text="sealed")
    due = models.DateTimeField(null=True)
