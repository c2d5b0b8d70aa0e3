"""The registers of the privacy office: requests, erasures and incidents. Free text is sealed; a subject is a bare id."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.db.models import Q

RIGHTS: Final = (
    "access", "copy", "move", "correct", "erase", "restrict", "object", "withdraw", "explain", "human-review", "other",
)  # fmt: skip
OUTCOMES: Final = ("done", "partly", "refused")
PARTS: Final = ("open", "confirmed", "declined", "left-out")
STEPS: Final = ("confirm", "extend", "suspend", "resume")


class Request(models.Model):
    """A customer exercising a right. Its texts lie under a key of its own (the row of ``subject_key`` under its id).

    ``packs``: the laws that applied when it came, as bits. ``due`` is the end of the clock that counts as last written;
    the register computes every clock anew when it is read.
    """

    personal_data: ClassVar[str] = "requests"

    id = models.UUIDField(primary_key=True)
    subject = models.UUIDField(null=True, db_index=True)
    right = models.CharField(max_length=16)
    received_at = models.DateTimeField()
    due = models.DateTimeField(null=True)
    packs = models.SmallIntegerField(default=31, db_default=31)
    state = models.CharField(max_length=10, default="open")
    identity = models.BinaryField(null=True, help_text="who asks, where no customer matched, sealed")
    text = models.BinaryField(null=True, help_text="what they wrote, sealed")
    answer = models.BinaryField(null=True, help_text="what they were told, sealed")
    opened_by = models.UUIDField()
    opened_at = models.DateTimeField(auto_now_add=True)
    assigned_to = models.UUIDField(null=True)
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


class RequestStep(models.Model):
    """What was done about a request's clock: its receipt confirmed, its end extended, an identity check begun and ended.

    ``reason`` lies under the request's key.
    """

    personal_data: ClassVar[str] = "requests"

    id = models.UUIDField(primary_key=True)
    request = models.ForeignKey(Request, models.CASCADE, related_name="steps")
    kind = models.CharField(max_length=8)
    at = models.DateTimeField()
    by = models.UUIDField()
    reason = models.BinaryField(null=True, help_text="what the person is told of it, sealed")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=STEPS), name="request_step_known"),
            models.UniqueConstraint(
                fields=["request", "kind"],
                condition=Q(kind__in=("confirm", "extend")),
                name="confirmed_and_extended_once",
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
    report = models.BinaryField(null=True, help_text="of a wrong merge: what was shown to whom, sealed")
    due = models.DateTimeField(null=True, help_text="the earliest end of a clock that runs, as last written")
    packs = models.SmallIntegerField(default=31, db_default=31, help_text="the laws whose clocks run, as bits")
    persons = models.BigIntegerField(null=True, help_text="how many people it reached, once known")
    facts = models.JSONField(default=dict, db_default={}, help_text="yes or no to what a clock asks; the rest is open")
    handled_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True, help_text="when the persons were told")
    done = models.JSONField(default=dict, db_default={}, help_text="when each clock's report was made")
    taken_back = models.JSONField(
        default=list,
        db_default=[],
        help_text="reports noted by mistake: clock, noted, by (staff) and at, the oldest first",
    )


class ProbablePart(models.Model):
    """A part of a customer that linkage alone joined, as one request met it: theirs, not theirs, or left out of the answer.

    Named by an origin subject; nothing of it is shown to anybody before it is confirmed. ``tries``: facts that were
    named for it and did not match.
    """

    personal_data: ClassVar[str] = "requests"

    id = models.UUIDField(primary_key=True)
    request = models.ForeignKey(Request, models.CASCADE, related_name="parts")
    part = models.UUIDField(db_index=True)
    state = models.CharField(max_length=9, default="open")
    tries = models.PositiveSmallIntegerField(default=0)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["request", "part"], name="a_request_asks_of_a_part_once"),
            models.CheckConstraint(condition=Q(state__in=PARTS), name="probable_part_state_known"),
            models.CheckConstraint(
                condition=Q(state="open", decided_at=None) | (~Q(state="open") & Q(decided_at__isnull=False)),
                name="a_part_decided_has_its_time",
            ),
        ]
