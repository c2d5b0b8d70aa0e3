"""Runs of linkage, its weights, and the review queue: pairs that people decide, and their answers. Ids only, no values."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

RUN_STATES = ("running", "done", "failed")
OPEN, ACCEPTED, REJECTED = "open", "accepted", "rejected"
SECOND, THIRD, PRIVACY = "second", "third", "privacy"
WAITING = (OPEN, SECOND, THIRD, PRIVACY)
"""A first, a second or a third person is asked, or the privacy office."""
YES, NO, UNSURE = "yes", "no", "unsure"
CANDIDATE, IN_FORCE, RETIRED = "candidate", "in-force", "retired"
SHIPPED, LEARNED, TAUGHT = "shipped", "learned", "taught"
"""Where weights come from: with the program, from a run, or from a run and what people answered."""


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
    undone_at = models.DateTimeField(null=True, help_text="when it was first taken back")

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
    value = models.FloatField(default=0.0, db_default=0.0, help_text="of an answer (kehu.refine.resolve.review.worth)")
    run = models.UUIDField(null=True)
    found_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.UUIDField(null=True)
    follows = models.UUIDField(
        null=True, help_text="the question it was answered by (kehu.refine.resolve.review.handing_on)"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["older", "younger"], name="one_proposal_a_pair"),
            models.CheckConstraint(condition=Q(older__lt=F("younger")), name="proposal_names_the_older_first"),
            models.CheckConstraint(condition=Q(state__in=[*WAITING, ACCEPTED, REJECTED]), name="proposal_state_known"),
            models.CheckConstraint(
                condition=Q(state__in=WAITING) | Q(decided_at__isnull=False, decided_by__isnull=False),
                name="a_decision_names_who_and_when",
            ),
        ]
        indexes = [
            models.Index(fields=["-value", "id"], condition=Q(state__in=WAITING), name="waiting_proposals"),
            models.Index(fields=["decided_at"], condition=Q(decided_at__isnull=False), name="decided_proposals"),
            models.Index(fields=["follows"], condition=Q(follows__isnull=False), name="proposals_that_follow"),
        ]


class Answer(models.Model):
    """What somebody said to a question, with what the model said then: a label, once the question is decided.

    It keeps degrees of agreement, never a value. ``weights`` names the version that gave ``weight``, which another may have
    followed since. ``round``: the how manyeth live answer to its question it is; one person answers a question once.
    ``sure``: they said they were, and the model did not strongly say the opposite. An answer taken back counts for nothing
    and stays to be seen.
    """

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    proposal = models.UUIDField(null=True, help_text="null once the question left with somebody erased")
    round = models.PositiveSmallIntegerField()
    verdict = models.CharField(max_length=6)
    sure = models.BooleanField()
    by = models.UUIDField()
    at = models.DateTimeField(db_default=Now())
    controller = models.PositiveSmallIntegerField()
    kind = models.PositiveSmallIntegerField()
    weight = models.FloatField(null=True, help_text="bits; null where a person undid a merge")
    evidence = models.JSONField(
        default=dict, help_text="comparison -> [number of its degree, bits, bits of its frequency]"
    )
    weights = models.UUIDField(null=True, help_text="the version in force then")
    decided = models.BooleanField(default=False, help_text="the question was decided by it")
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["proposal", "by"], condition=Q(withdrawn_at=None), name="nobody_answers_a_question_twice"
            ),
            models.UniqueConstraint(
                fields=["proposal", "round"], condition=Q(withdrawn_at=None), name="one_answer_a_round"
            ),
            models.CheckConstraint(condition=Q(verdict__in=[YES, NO, UNSURE]), name="answer_verdict_known"),
            models.CheckConstraint(condition=Q(round__range=(1, 4)), name="four_answers_at_most"),
            models.CheckConstraint(condition=~Q(verdict=UNSURE, sure=True), name="who_is_unsure_is_not_sure"),
            models.CheckConstraint(condition=~Q(verdict=UNSURE, decided=True), name="unsure_decides_nothing"),
        ]
        indexes = [models.Index(fields=["by", "-at"], name="answers_of_one")]


class Weights(models.Model):
    """A version of the weights of one group: one controller's persons, or its organisations. No value of any record."""

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    controller = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=12)
    number = models.PositiveIntegerField()
    origin = models.CharField(max_length=8)
    state = models.CharField(max_length=10, default=CANDIDATE)
    content = models.JSONField(help_text="as kehu.refine.resolve.compare.model.Model.weights gives it")
    run = models.UUIDField(null=True)
    base = models.UUIDField(null=True, help_text="the version that labels were added to")
    labels = models.PositiveIntegerField(default=0)
    made_at = models.DateTimeField(db_default=Now())
    made_by = models.UUIDField(null=True, help_text="null: by a run")
    compared = models.JSONField(null=True, help_text="how it differs from the version in force then; ids, no values")
    in_force_at = models.DateTimeField(null=True)
    in_force_by = models.UUIDField(null=True, help_text="null: the first, or nothing to speak of changed")
    retired_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["controller", "kind", "number"], name="weights_are_numbered"),
            models.UniqueConstraint(
                fields=["controller", "kind"], condition=Q(state=IN_FORCE), name="one_version_of_weights_in_force"
            ),
            models.CheckConstraint(condition=Q(state__in=[CANDIDATE, IN_FORCE, RETIRED]), name="weights_state_known"),
            models.CheckConstraint(condition=Q(origin__in=[SHIPPED, LEARNED, TAUGHT]), name="weights_origin_known"),
            models.CheckConstraint(condition=Q(kind__in=["person", "organisation"]), name="weights_kind_known"),
            models.CheckConstraint(
                condition=~Q(state=IN_FORCE) | Q(in_force_at__isnull=False), name="weights_in_force_since"
            ),
        ]
