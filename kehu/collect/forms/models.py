"""Forms and their versions. What a version says is never changed: it is the wording behind every consent that came by it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

KINDS = ("form", "list", "survey")


class Form(models.Model):
    """A form as it is being written. ``published`` is the version that visitors see; none: it is closed."""

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=40, unique=True)
    kind = models.CharField(max_length=10)
    draft = models.JSONField()
    drafted_by = models.UUIDField()
    drafted_at = models.DateTimeField(auto_now=True)
    published = models.PositiveSmallIntegerField(null=True)
    channel = models.PositiveSmallIntegerField(null=True, help_text="made with the first version")

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(kind__in=KINDS), name="form_kind_known")]

    def __str__(self) -> str:
        return self.name


class FormVersion(models.Model):
    """What visitors were asked, word for word; written once, by somebody else than who drafted it."""

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    form = models.ForeignKey(Form, models.PROTECT, related_name="versions")
    number = models.PositiveSmallIntegerField()
    content = models.JSONField()
    notice = models.PositiveSmallIntegerField()
    controller = models.PositiveSmallIntegerField()
    basis = models.CharField(max_length=24)
    covers = models.JSONField(help_text="version of each purpose, as the wording was written for it")
    drafted_by = models.UUIDField()
    published_by = models.UUIDField()
    published_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["form", "number"], name="one_row_per_form_version"),
            models.CheckConstraint(
                condition=~Q(drafted_by=F("published_by")), name="a_form_is_published_by_another_person"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.form_id}@{self.number}"
