"""Control-plane rows of the rules: who answers, through which channel, under which notice, and what a subject said.

Subjects are bare UUIDs here: the vault stands above this room. The hot projection of all that
policies read, ``subject_state``, is plain SQL (see migration 0002) and is written by
:mod:`kehu.govern.consent` and :mod:`kehu.govern.states` only.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Controller(models.Model):
    """A legal entity that answers for a channel and a purpose (GDPR 4(7), PIPL 73(1))."""

    personal_data: ClassVar[str] = "none"

    id = models.SmallAutoField(primary_key=True)
    name = models.CharField(max_length=120, unique=True)
    country = models.CharField(max_length=2)
    platform = models.BooleanField(default=False, help_text="runs a platform for other sellers (CN E-commerce Law 9)")
    owner = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Channel(models.Model):
    """A way records come in. Its key, where the kind has one, is kept as a digest only."""

    personal_data: ClassVar[str] = "none"

    id = models.SmallAutoField(primary_key=True)
    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=20)
    country = models.CharField(
        max_length=2, default="", db_default="", help_text="where it collects, if it is one place"
    )
    trust = models.SmallIntegerField(default=0, db_default=0, help_text="beside other channels, where values differ")
    key_digest = models.BinaryField(null=True)
    owner = models.UUIDField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(trust__range=(-9, 9)), name="channel_trust_in_range")]

    def __str__(self) -> str:
        return self.name


class Notice(models.Model):
    """A version of the privacy policy in three languages, and what it covers (PIPL 17, GDPR 13); never changed.

    ``covers``: by the purpose's number as text, which version of it and which fields it tells of. The database lets in
    nothing but what ships and what an approved change says (migration 0007).
    """

    personal_data: ClassVar[str] = "none"

    id = models.SmallAutoField(primary_key=True)
    name = models.CharField(max_length=60)
    version = models.PositiveSmallIntegerField(default=1)
    purposes = models.JSONField(default=list)
    covers = models.JSONField(default=dict, db_default={})
    texts = models.JSONField(default=dict)
    in_force_from = models.DateTimeField()
    owner = models.UUIDField(null=True)
    shipped = models.BooleanField(default=False, db_default=False)
    change = models.OneToOneField("govern.Change", models.PROTECT, null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["name", "version"], name="one_row_per_notice_version")]

    def __str__(self) -> str:
        return f"{self.name}@{self.version}"


class NoticeSeen(models.Model):
    """That a customer said, behind their own door, that they have seen a version of a notice."""

    personal_data: ClassVar[str] = "notices-seen"

    id = models.UUIDField(primary_key=True)
    subject = models.UUIDField()
    notice = models.ForeignKey(Notice, models.PROTECT)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subject", "notice"], name="a_notice_is_seen_once")]


class Change(models.Model):
    """A version of a purpose, notice or source, proposed or as shipped; never changed, only followed by steps and by another.

    ``base`` is the version in force that it was written against. ``meaning``: whoever proposed it says that the use
    itself becomes another, which no comparison of fields can see. It is in force where it shipped or its approval
    stands; the database checks each step (migration 0007).
    """

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    register = models.CharField(max_length=10)
    name = models.CharField(max_length=60)
    version = models.PositiveSmallIntegerField()
    revision = models.PositiveSmallIntegerField(default=0)
    base = models.ForeignKey("self", models.PROTECT, null=True)
    content = models.JSONField()
    meaning = models.BooleanField(default=False)
    reason = models.TextField(blank=True)
    proposed_by = models.UUIDField(null=True)
    proposed_at = models.DateTimeField(db_default=Now())
    shipped = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["register", "name", "version", "revision"], name="one_change_per_version"),
            models.CheckConstraint(
                condition=Q(register__in=["purpose", "notice", "source"]), name="change_register_known"
            ),
            models.CheckConstraint(
                condition=Q(shipped=True) | Q(proposed_by__isnull=False), name="a_change_has_somebody_behind_it"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}@{self.version}.{self.revision}"


class Step(models.Model):
    """What became of a change: its impact assessed, approved, refused with a reason, or withdrawn; never changed."""

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    change = models.ForeignKey(Change, models.PROTECT, related_name="steps")
    kind = models.CharField(max_length=10)
    by = models.UUIDField()
    role = models.CharField(max_length=20)
    content = models.JSONField(default=dict)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["assessed", "approved", "refused", "withdrawn"]), name="step_kind_known"
            ),
            models.UniqueConstraint(fields=["change"], condition=~Q(kind="assessed"), name="a_change_ends_once"),
        ]


class Rules(models.Model):
    """One set of rules in force: policies, purposes and dictionary, by content.

    The newest row is in force. The checked read compares its digest with the one the process
    decided under, so another process's change is a miss here, never a stale answer.
    """

    personal_data: ClassVar[str] = "none"

    version = models.AutoField(primary_key=True)
    digest = models.BinaryField(help_text="rules that come back come back under the digest they had")
    content = models.JSONField()
    since = models.DateTimeField(auto_now_add=True)


class RaisedField(models.Model):
    """A field that is treated at a higher level than the dictionary ships, whatever source its value comes from."""

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    field = models.CharField(max_length=60)
    level = models.PositiveSmallIntegerField()
    sensitive = models.CharField(max_length=12, blank=True, help_text="what makes level 4")
    finding = models.UUIDField(help_text="what was found in it (classify)")
    by = models.UUIDField()
    since = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    ended_by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["field"], condition=Q(ended_at=None), name="a_field_is_raised_once"),
            models.CheckConstraint(condition=Q(level__in=(3, 4)), name="a_field_is_raised_to_personal_or_sensitive"),
            models.CheckConstraint(
                condition=Q(level=4, sensitive__gt="") | Q(level=3, sensitive=""), name="level_four_says_what_makes_it"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by=None) | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="a_raise_ends_by_somebody",
            ),
        ]


class _Standing(models.Manager["Consent"]):
    """Statements but those whose import was taken back: these are none any more."""

    def get_queryset(self) -> models.QuerySet[Consent]:
        """What stands."""
        return super().get_queryset().filter(taken_back_at=None)


class Consent(models.Model):
    """One thing a subject (or guardian) said about one purpose; never changed, only followed by another.

    ``wording`` is the notice shown, ``way`` how it was given: without time, wording and way it is
    ``unknown`` and permits nothing (PIPL 14, GDPR 7(1)). With an ``event`` it is a separate consent: to that event,
    that recipient, those fields and that country alone (PIPL 23, 25, 26, 29, 39).
    """

    personal_data: ClassVar[str] = "consents"

    id = models.UUIDField(primary_key=True)
    subject = models.UUIDField(db_index=True)
    purpose = models.PositiveSmallIntegerField()
    purpose_version = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=12)
    kind = models.CharField(max_length=12)
    at = models.DateTimeField(null=True)
    until = models.DateTimeField(null=True)
    notice = models.PositiveSmallIntegerField(null=True)
    way = models.CharField(max_length=40, blank=True)
    language = models.CharField(max_length=8, blank=True, db_default="", help_text="in which the wording was shown")
    recorded_by = models.UUIDField()
    by_subject = models.UUIDField(null=True)
    evidence = models.BinaryField(null=True)
    recorded_at = models.DateTimeField()
    batch = models.UUIDField(null=True, help_text="the import that brought it")
    narrowed = models.BooleanField(
        default=False, db_default=False, help_text="a yes that did not count beside a stricter statement"
    )
    taken_back_at = models.DateTimeField(null=True, help_text="its import was undone: it is no statement any more")
    event = models.CharField(max_length=12, blank=True, db_default="", help_text="what a separate consent is to")
    recipient = models.CharField(
        max_length=120, blank=True, db_default="", help_text="named: a company, never a person"
    )
    country = models.CharField(max_length=2, blank=True, db_default="")
    fields = models.JSONField(null=True, help_text="the fields it covers; null: those its purpose needs")
    guardian = models.CharField(max_length=20, blank=True, db_default="", help_text="what a guardian is to the child")
    proof = models.CharField(max_length=20, blank=True, db_default="", help_text="kind of the evidence kept")
    follows = models.UUIDField(null=True, help_text="the statement that this one answers, withdraws or invalidates")

    objects = _Standing()
    every: ClassVar[models.Manager[Consent]] = models.Manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["given", "refused", "withdrawn", "unknown", "invalid", "requested"]),
                name="consent_status_known",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["general", "specific", "temporary"]), name="consent_kind_known"
            ),
            models.CheckConstraint(
                condition=~Q(status="given") | (Q(at__isnull=False) & Q(notice__isnull=False) & ~Q(way="")),
                name="consent_given_has_time_wording_and_way",
            ),
            models.CheckConstraint(
                condition=~Q(kind="temporary") | ~Q(status="given") | Q(until__isnull=False),
                name="temporary_consent_ends",
            ),
            models.CheckConstraint(
                condition=Q(event="", recipient="", country="", fields__isnull=True)
                | Q(event__in=["sensitive", "provide", "publish", "abroad", "public-space"], kind="specific"),
                name="consent_event_known_and_asked_alone",
            ),
            models.CheckConstraint(
                condition=~Q(event__in=["provide", "abroad"]) | ~Q(recipient=""), name="consent_names_its_recipient"
            ),
            models.CheckConstraint(condition=~Q(event="abroad") | ~Q(country=""), name="consent_abroad_names_country"),
        ]


class Subscription(models.Model):
    """One thing a subject said about being written to by one medium on one topic; only followed by another.

    Apart from consents to use data: a message needs both. ``ground`` of a ``subscribed``: ``consent``, ``existing`` (a
    customer, similar goods) or ``none``.
    """

    personal_data: ClassVar[str] = "subscriptions"

    id = models.UUIDField(primary_key=True)
    subject = models.UUIDField(db_index=True)
    medium = models.CharField(max_length=12)
    topic = models.CharField(max_length=40)
    status = models.CharField(max_length=12)
    ground = models.CharField(max_length=12, blank=True)
    at = models.DateTimeField()
    way = models.CharField(max_length=40)
    language = models.CharField(max_length=8, blank=True)
    notice = models.PositiveSmallIntegerField(null=True)
    evidence = models.BinaryField(null=True, help_text="sealed under the subject's key")
    proof = models.CharField(max_length=20, blank=True)
    recorded_by = models.UUIDField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["subscribed", "unsubscribed", "suppressed"]), name="subscription_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status="subscribed", ground__in=["consent", "existing", "none"])
                | (~Q(status="subscribed") & Q(ground="")),
                name="subscription_has_a_ground",
            ),
            models.CheckConstraint(condition=~Q(way=""), name="subscription_has_a_way"),
        ]


class StateEntry(models.Model):
    """A restriction, objection, hold, opt-out, death or waiting erasure, and its end (RULES: one row each)."""

    personal_data: ClassVar[str] = "states"

    id = models.UUIDField(primary_key=True)
    subject = models.UUIDField(db_index=True)
    kind = models.CharField(max_length=12)
    purpose = models.PositiveSmallIntegerField(null=True)
    categories = models.PositiveSmallIntegerField(default=0, help_text="bits of categories held; 0 = the whole subject")
    since = models.DateTimeField()
    until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    reason = models.BinaryField(null=True, help_text="sealed under the subject's key")
    tellable = models.BooleanField(
        default=False, db_default=False, help_text="of a hold: whether the person may read its reason"
    )
    by = models.UUIDField()
    entered_at = models.DateTimeField(
        db_default=models.Func(function="clock_timestamp", output_field=models.DateTimeField()),
        help_text="when it was put down here; it may have begun before",
    )
    lifted_under = models.UUIDField(
        null=True, help_text="the origin subject under which it was ended, where somebody did"
    )
    lifted_because = models.BinaryField(null=True, help_text="why somebody lifted it, sealed under the subject's key")
    told = models.CharField(max_length=5, default="", db_default="", help_text="how the person was told before that")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["restriction", "objection", "hold", "optout", "gpc", "deceased", "erasure"]),
                name="state_kind_known",
            ),
            models.CheckConstraint(
                condition=~Q(kind="objection") | Q(purpose__isnull=False), name="objection_names_a_purpose"
            ),
            models.CheckConstraint(condition=Q(told__in=["", "email", "post", "other"]), name="state_told_known"),
        ]


class Source(models.Model):
    """What is in force of a source: a third party, or a public place, that data comes from and not the customer.

    ``purposes`` by number, ``fields`` by name (empty: any). ``country`` is where the source is at home. ``proved``: a proof
    that it is legal is registered; ``obtained``: how it came by the data is. All else stands in its ``change``. The
    database lets in nothing but what an approved change says (migration 0011).
    """

    personal_data: ClassVar[str] = "none"

    id = models.SmallAutoField(primary_key=True)
    name = models.CharField(max_length=60, unique=True)
    kind = models.CharField(max_length=12)
    country = models.CharField(max_length=2)
    purposes = models.JSONField()
    fields = models.JSONField()
    until = models.DateField(null=True)
    proved = models.BooleanField()
    obtained = models.BooleanField()
    stopped_at = models.DateTimeField(null=True)
    stopped_by = models.UUIDField(null=True)
    change = models.OneToOneField(Change, models.PROTECT)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["third-party", "public"]), name="source_kind_known"),
        ]

    def __str__(self) -> str:
        return self.name


class SourceAudit(models.Model):
    """That somebody looked at a source, and what they found; the latest counts. Never changed."""

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    source = models.ForeignKey(Source, models.PROTECT, related_name="audits")
    on = models.DateField()
    outcome = models.CharField(max_length=14)
    note = models.CharField(max_length=500, blank=True)
    by = models.UUIDField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome__in=["passed", "with-measures", "failed"]), name="source_audit_outcome_known"
            ),
        ]


class Informed(models.Model):
    """That a customer was told that something of them came from a source: when, and by which way (GDPR 14, PIPL 17).

    Or that they need not be (``excused``): on which excuse of the law, and the office's reason (GDPR 14(5), PIPL 18). What
    was noted by hand may be taken back as a mistake; that it was noted stays.
    """

    personal_data: ClassVar[str] = "informed"

    id = models.UUIDField(primary_key=True)
    subject = models.UUIDField(db_index=True)
    source = models.SmallIntegerField()
    way = models.CharField(max_length=8)
    language = models.CharField(max_length=8, blank=True)
    excuse = models.CharField(max_length=8, db_default="")
    reason = models.CharField(max_length=200, db_default="")
    by = models.UUIDField()
    at = models.DateTimeField(db_default=Now())
    taken_back_at = models.DateTimeField(null=True)
    taken_back_by = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(way__in=["email", "post", "other"], excuse="", reason="")
                | Q(way="excused", excuse__in=["knows", "effort", "law", "secret"], reason__gt=""),
                name="informed_way_known",
            ),
            models.CheckConstraint(
                condition=Q(taken_back_at=None, taken_back_by=None)
                | Q(taken_back_at__isnull=False, taken_back_by__isnull=False) & ~Q(way="email"),
                name="informed_by_hand_taken_back",
            ),
        ]
        indexes = [models.Index(fields=["at"], condition=~Q(way="email"), name="informed_by_hand")]
