"""Rules in their versions, runs of measuring, scores as counts, and which customers a check found: ids only, no value."""

from __future__ import annotations

from typing import ClassVar, Final

from django.db import models
from django.db.models import F, Q

DIMENSIONS: Final = ("completeness", "validity", "uniqueness", "consistency", "timeliness")
SEVERITIES: Final = ("low", "medium", "high")
SEGMENT: Final = r"^(kind:[12]|controller:[0-9]{1,4}|law:[A-Z]{2})?$"
"""Whom a rule asks something of: everybody, or a kind of customer, those of a controller, those whom a law counts for."""
SCOPES: Final = ("all", "field", "source", "segment", "rule")
DRAFT, IN_FORCE, RETIRED = "draft", "in-force", "retired"
RULE_STATES: Final = (DRAFT, IN_FORCE, RETIRED)
RUN_STATES: Final = ("running", "done", "failed")


class Rule(models.Model):
    """One version of a rule: a condition that every customer should meet, as :mod:`kehu.refine.quality.language` reads it.

    What it says never changes; its state does. It comes in force once it was tried and its name is owned (the database
    sees to it). The examples are made up by whoever wrote it.
    """

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    slug = models.SlugField(max_length=60)
    version = models.PositiveIntegerField()
    labels = models.JSONField(help_text="its name by language")
    condition = models.TextField(max_length=1_000)
    fields = models.JSONField(help_text="the fields it looks at, in order")
    dimension = models.CharField(max_length=12)
    severity = models.CharField(max_length=6)
    segment = models.CharField(
        max_length=20, blank=True, default="", db_default="", help_text="whom it asks something of; empty: everybody"
    )
    passes = models.JSONField(help_text="examples that meet it, each a table of fields")
    fails = models.JSONField(help_text="examples that do not")
    state = models.CharField(max_length=8, default=DRAFT)
    made_by = models.UUIDField()
    made_at = models.DateTimeField(auto_now_add=True)
    tried_at = models.DateTimeField(null=True)
    tried_of = models.PositiveIntegerField(null=True, help_text="customers of the sample to whom it applied")
    tried_bad = models.PositiveIntegerField(null=True, help_text="of these, how many did not meet it")
    in_force_at = models.DateTimeField(null=True)
    in_force_by = models.UUIDField(null=True)
    retired_at = models.DateTimeField(null=True)
    retired_by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["slug", "version"], name="one_version_of_a_rule"),
            models.UniqueConstraint(fields=["slug"], condition=Q(state=IN_FORCE), name="one_version_in_force"),
            models.CheckConstraint(condition=Q(state__in=RULE_STATES), name="quality_rule_state_known"),
            models.CheckConstraint(condition=Q(dimension__in=DIMENSIONS), name="quality_rule_dimension_known"),
            models.CheckConstraint(condition=Q(severity__in=SEVERITIES), name="quality_rule_severity_known"),
            models.CheckConstraint(condition=Q(segment__regex=SEGMENT), name="quality_rule_segment_known"),
            models.CheckConstraint(
                condition=~Q(state=IN_FORCE)
                | Q(tried_at__isnull=False, in_force_at__isnull=False, in_force_by__isnull=False),
                name="a_rule_in_force_was_tried",
            ),
            models.CheckConstraint(
                condition=~Q(state=RETIRED) | Q(retired_at__isnull=False, retired_by__isnull=False),
                name="a_retired_rule_names_who_and_when",
            ),
        ]


class Run(models.Model):
    """One measuring of everybody. Its id is the detail of its ledger rows."""

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    day = models.DateField()
    state = models.CharField(max_length=8, default="running")
    staff = models.UUIDField(help_text="who started it")
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    total = models.PositiveBigIntegerField(default=0, help_text="customers to be measured")
    done = models.PositiveBigIntegerField(default=0)
    left_out = models.PositiveBigIntegerField(default=0, help_text="customers of whom the gate let nothing be measured")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["state"], condition=Q(state="running"), name="one_measuring_at_a_time"),
            models.CheckConstraint(condition=Q(state__in=RUN_STATES), name="quality_run_state_known"),
        ]
        indexes = [models.Index(fields=["-started_at"], name="quality_run_newest")]


class Score(models.Model):
    """How many were looked at and how many fell short: of one dimension, in one scope (a field, source, segment, rule).

    Most count values, of which a customer has several; so it is kept beside them of how many people they are.
    """

    personal_data: ClassVar[str] = "none"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="scores")
    dimension = models.CharField(max_length=12)
    scope = models.CharField(max_length=7)
    key = models.CharField(max_length=80, blank=True)
    of = models.PositiveBigIntegerField()
    bad = models.PositiveBigIntegerField()
    people = models.PositiveBigIntegerField(
        default=0, db_default=0, help_text="customers of whom something was looked at"
    )
    people_bad = models.PositiveBigIntegerField(default=0, db_default=0, help_text="of whom something fell short")
    people_good = models.PositiveBigIntegerField(default=0, db_default=0, help_text="of whom something did not")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "dimension", "scope", "key"], name="one_score_of_a_kind"),
            models.CheckConstraint(condition=Q(bad__lte=F("of")), name="no_more_bad_than_all"),
            models.CheckConstraint(condition=Q(dimension__in=DIMENSIONS), name="quality_score_dimension_known"),
            models.CheckConstraint(condition=Q(scope__in=SCOPES), name="quality_score_scope_known"),
        ]


class Finding(models.Model):
    """A customer whom the latest run found by one check; of a check the first thousand are kept. No value."""

    personal_data: ClassVar[str] = "quality-findings"

    check_name = models.CharField(max_length=80)
    subject = models.UUIDField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["check_name", "subject"], name="one_finding_of_a_check")]
