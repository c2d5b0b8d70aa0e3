"""Declarations of traits and their versions. What is derived of customers stands in tables of the data plane (migration 0001)."""

from __future__ import annotations

from typing import ClassVar, Final

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from kehu.refine.derive.inputs import UNITS, fields_allowed

WAITING, IN_FORCE, RETIRED = "waiting", "in-force", "retired"
LONGEST_RETENTION: Final = 36_500
_FIELDS: Final = sorted(fields_allowed())


class Trait(models.Model):
    """A trait and its people. Nothing unowned is in force: the database asks for an owner and another person as deputy."""

    personal_data: ClassVar[str] = "none"

    slug = models.CharField(max_length=40, primary_key=True)
    state = models.CharField(max_length=10, default=WAITING)
    version = models.PositiveSmallIntegerField(default=1, help_text="the one in force")
    purpose = models.PositiveSmallIntegerField()
    sensitive = models.BooleanField(default=False, help_text="reveals something of level 4")
    owner = models.UUIDField(null=True)
    deputy = models.UUIDField(null=True)
    cuts = models.JSONField(default=dict, help_text="key -> the values that part customers into fifths")
    covered = models.PositiveBigIntegerField(
        default=0, help_text="customers that had a value when it was last computed"
    )
    computed_at = models.DateTimeField(null=True, help_text="when everybody's was last computed")
    since = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=[WAITING, IN_FORCE, RETIRED]), name="trait_state_known"),
            models.CheckConstraint(
                condition=~Q(state=IN_FORCE) | Q(owner__isnull=False, deputy__isnull=False) & ~Q(owner=F("deputy")),
                name="trait_in_force_is_owned",
            ),
            models.CheckConstraint(condition=Q(purpose__gt=0), name="trait_has_a_purpose"),
        ]


class TraitVersion(models.Model):
    """One version of a trait, as it was declared; never changed."""

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    trait = models.ForeignKey(Trait, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveSmallIntegerField()
    labels = models.JSONField()
    descriptions = models.JSONField()
    level = models.PositiveSmallIntegerField()
    language = models.CharField(max_length=6)
    source = models.CharField(max_length=12, blank=True)
    expression = models.TextField()
    inputs = ArrayField(models.CharField(max_length=40), help_text="fields of the dictionary it is read from")
    needs = ArrayField(models.CharField(max_length=40), default=list, help_text="other traits it is made of")
    bands = ArrayField(models.FloatField(), default=list)
    unit = models.CharField(max_length=8)
    retention_days = models.PositiveIntegerField()
    at = models.DateTimeField(auto_now_add=True)
    by = models.UUIDField()
    reason = models.CharField(max_length=400, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["trait", "version"], name="one_trait_a_version"),
            models.CheckConstraint(condition=Q(level__gte=2, level__lte=4), name="trait_level_known"),
            models.CheckConstraint(condition=Q(language__in=["sql", "python"]), name="trait_language_known"),
            models.CheckConstraint(condition=Q(unit__in=list(UNITS)), name="trait_unit_known"),
            models.CheckConstraint(
                condition=Q(retention_days__gte=1, retention_days__lte=LONGEST_RETENTION), name="trait_retention_known"
            ),
            # the type check says so first; whoever writes past it meets this
            models.CheckConstraint(condition=Q(inputs__contained_by=_FIELDS), name="trait_inputs_name_nobody"),
            models.CheckConstraint(
                condition=Q(inputs__len__gt=0) | Q(needs__len__gt=0), name="trait_is_made_of_something"
            ),
        ]
