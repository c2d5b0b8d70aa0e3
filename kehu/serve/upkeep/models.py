"""Policies of verification, tasks, who confirmed what, and messages that did not arrive: ids and words, no value."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.db.models import Q

WAYS: Final = ("task", "portal", "mail")
"""How a policy has something verified: by staff, by a question in the portal, or by a letter that leads to it."""
WHOM: Final = ("all", "persons", "organisations", "customers")
"""Of whom: ``customers``: those who ordered something."""
WHY: Final = ("age", "bounces", "quality", "hand")
TASK_STATES: Final = ("open", "taken", "done", "void")
OUTCOMES: Final = ("confirmed", "corrected", "removal", "unreachable")
WITHOUT_VALUE: Final = ("removal", "unreachable")
"""The value is as old as it was; yet who was asked was asked."""
EVENTS: Final = ("hard-bounce", "soft-bounce", "returned-post", "failed-delivery", "failed-call", "delivered")
HOW: Final = ("phone", "in-person", "mail", "document", "portal")


class Policy(models.Model):
    """How often something is confirmed, of whom, and by whom; what it says never changes, another one takes its place."""

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    slug = models.SlugField(max_length=60)
    field = models.CharField(max_length=40)
    months = models.PositiveSmallIntegerField(null=True, help_text="nobody confirmed it for so long")
    bounces = models.PositiveSmallIntegerField(null=True, help_text="so many messages did not arrive")
    whom = models.CharField(max_length=13, default="all")
    way = models.CharField(max_length=6, default="task")
    role = models.CharField(max_length=20, default="service", help_text="whose tasks they are")
    due_days = models.PositiveSmallIntegerField(default=30)
    made_by = models.UUIDField()
    made_at = models.DateTimeField(auto_now_add=True)
    retired_at = models.DateTimeField(null=True)
    retired_by = models.UUIDField(null=True)
    ran_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["slug"], condition=Q(retired_at=None), name="one_verification_of_a_name"),
            models.CheckConstraint(condition=Q(way__in=WAYS), name="verification_way_known"),
            models.CheckConstraint(condition=Q(whom__in=WHOM), name="verification_whom_known"),
            models.CheckConstraint(
                condition=Q(months__range=(1, 120), bounces=None) | Q(months=None, bounces__range=(1, 20)),
                name="verification_has_one_cause",
            ),
            models.CheckConstraint(condition=Q(due_days__range=(1, 365)), name="verification_due_days"),
        ]


class Task(models.Model):
    """One value of one customer that somebody should verify. ``subject`` is the origin that the question is about."""

    personal_data: ClassVar[str] = "upkeep"

    id = models.UUIDField(primary_key=True)
    subject = models.UUIDField(db_index=True)
    field = models.CharField(max_length=40)
    why = models.CharField(max_length=7)
    policy = models.ForeignKey(Policy, null=True, on_delete=models.PROTECT)
    way = models.CharField(max_length=6, default="task")
    role = models.CharField(max_length=20, default="service")
    state = models.CharField(max_length=5, default="open")
    due = models.DateField()
    made_at = models.DateTimeField(auto_now_add=True)
    made_by = models.UUIDField()
    taken_by = models.UUIDField(null=True)
    asked_at = models.DateTimeField(null=True, help_text="a letter went out")
    tried_at = models.DateTimeField(null=True, help_text="there was none to be sent")
    done_at = models.DateTimeField(null=True)
    done_by = models.UUIDField(null=True, help_text="null: the customer")
    outcome = models.CharField(max_length=11, blank=True)
    record = models.UUIDField(null=True, help_text="the edit that it ended in")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "field"], condition=Q(state__in=["open", "taken"]), name="one_open_task_of_a_value"
            ),
            models.CheckConstraint(condition=Q(state__in=TASK_STATES), name="upkeep_task_state_known"),
            models.CheckConstraint(condition=Q(why__in=WHY), name="upkeep_task_why_known"),
            models.CheckConstraint(
                condition=Q(state="taken", taken_by__isnull=False) | ~Q(state="taken"), name="a_taken_task_names_whose"
            ),
            models.CheckConstraint(
                condition=Q(state="done", done_at__isnull=False, outcome__in=OUTCOMES) | ~Q(state="done"),
                name="a_done_task_says_how",
            ),
        ]
        indexes = [models.Index(fields=["due", "id"], condition=Q(state__in=["open", "taken"]), name="open_tasks")]


class Confirmation(models.Model):
    """Who said that a value is right, and how. Its id is that of the edit, in which the value stands sealed."""

    personal_data: ClassVar[str] = "upkeep"

    id = models.UUIDField(primary_key=True)
    subject = models.UUIDField(db_index=True)
    field = models.CharField(max_length=40)
    at = models.DateTimeField(auto_now_add=True)
    staff = models.UUIDField(null=True, help_text="null: the customer")
    how = models.CharField(max_length=9)
    changed = models.BooleanField(help_text="another value took its place")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(how__in=HOW), name="confirmation_how_known")]


class ContactEvent(models.Model):
    """Something sent to a contact point did not arrive, or did. ``token``: keyed digest of the value it went to."""

    personal_data: ClassVar[str] = "upkeep"

    id = models.UUIDField(primary_key=True)
    subject = models.UUIDField(db_index=True)
    field = models.CharField(max_length=40)
    token = models.BigIntegerField(null=True, help_text="null: whichever counts then")
    kind = models.CharField(max_length=15)
    at = models.DateTimeField()
    key = models.BinaryField(max_length=16, unique=True, help_text="the same report twice is one")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(kind__in=EVENTS), name="contact_event_kind_known")]
