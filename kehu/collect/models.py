"""Imports, what each chunk of them became, what was refused, and files that wait to be imported. No value in clear."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

STATES = ("waiting", "running", "failed", "open", "done", "undone", "erased")


class Import(models.Model):
    """One import of one or several files, or what a channel sent on one day (``open`` while that lasts).

    ``sealed`` holds its settings (paths, columns) under its own key.
    """

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    fingerprint = models.BinaryField(help_text="keyed digest of contents and options")
    state = models.CharField(max_length=10, default="waiting")
    kind = models.CharField(max_length=20)
    channel = models.PositiveSmallIntegerField()
    controller = models.PositiveSmallIntegerField()
    basis = models.CharField(max_length=24)
    notice = models.PositiveSmallIntegerField()
    proof = models.BinaryField(null=True, help_text="what shows that the source is legal, sealed")
    source = models.SmallIntegerField(null=True, help_text="whom it came from, if not from the customers (govern)")
    staff = models.UUIDField()
    expected = models.PositiveBigIntegerField(default=0, help_text="rows its files hold")
    staged = models.JSONField(default=list, help_text="ids of the uploads it reads")
    replays = models.UUIDField(null=True, help_text="the import whose quarantined rows it brings again")
    sealed = models.BinaryField()
    started_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    taken_back = models.PositiveBigIntegerField(
        default=0, db_default=0, help_text="rows that are hidden, or handed to another import, while it is taken back"
    )
    fault = models.CharField(
        max_length=80,
        blank=True,
        db_default="",
        help_text="why it broke off: the policy that refused it, else in a word",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(state__in=STATES), name="import_state_known"),
            models.UniqueConstraint(
                fields=["fingerprint"],
                condition=Q(state__in=("waiting", "running", "failed", "open")),
                name="one_unfinished_import_of_the_same",
            ),
        ]


class ImportChunk(models.Model):
    """What became of one chunk: written in the transaction that admitted it, so it is done exactly when this is here."""

    personal_data: ClassVar[str] = "none"

    batch = models.UUIDField()
    file = models.PositiveSmallIntegerField()
    number = models.PositiveIntegerField()
    part = models.PositiveSmallIntegerField(default=0, help_text="a slow machine writes a batch in several")
    rows = models.PositiveIntegerField()
    created = models.PositiveIntegerField()
    updated = models.PositiveIntegerField()
    merged = models.PositiveIntegerField()
    duplicates = models.PositiveIntegerField()
    quarantined = models.PositiveIntegerField()
    seconds = models.FloatField(default=0)
    at = models.DateTimeField(null=True, db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["batch", "file", "number", "part"], name="a_chunk_is_done_once"),
            models.CheckConstraint(
                condition=Q(
                    rows=models.F("created")
                    + models.F("updated")
                    + models.F("merged")
                    + models.F("duplicates")
                    + models.F("quarantined")
                ),
                name="every_row_is_accounted_for",
            ),
        ]


class Quarantined(models.Model):
    """A row that was refused, sealed under a key of its own; or (``accepted``) a value kept as given but invalid."""

    personal_data: ClassVar[str] = "quarantine"

    id = models.UUIDField(primary_key=True)
    batch = models.UUIDField()
    file = models.PositiveSmallIntegerField()
    line = models.PositiveBigIntegerField()
    field = models.CharField(max_length=60, blank=True)
    reason = models.CharField(max_length=60)
    accepted = models.BooleanField()
    token = models.BinaryField(null=True, help_text="the row's own key, where it has one")
    sealed = models.BinaryField(null=True)
    settled = models.UUIDField(null=True, help_text="the replay that brought it in, or took it off the list")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(accepted=True, sealed=None) | Q(accepted=False), name="only_what_was_refused_is_kept_here"
            ),
        ]
        indexes = [
            models.Index(fields=["batch", "file", "line"], name="quarantined_by_import"),
            models.Index(
                fields=["token"], condition=Q(token__isnull=False, settled=None), name="quarantined_by_own_key"
            ),
        ]


class Staged(models.Model):
    """An uploaded file that waits, to be imported or as a suppression list.

    Its bytes lie in the home's spool under its own key, its name is sealed here.
    """

    personal_data: ClassVar[str] = "quarantine"

    id = models.UUIDField(primary_key=True)
    staff = models.UUIDField()
    name = models.BinaryField()
    size = models.PositiveBigIntegerField(default=0)
    at = models.DateTimeField(auto_now_add=True)
    draft = models.BinaryField(null=True, help_text="how far whoever uploaded it has come with its import, sealed")
    use = models.CharField(max_length=8, db_default="import", help_text="what it was uploaded for")


class ReadUpTo(models.Model):
    """How far another database was read: the last value of the cursor, sealed under a key of its own."""

    personal_data: ClassVar[str] = "none"

    id = models.UUIDField(primary_key=True)
    mark = models.BinaryField(unique=True, help_text="keyed digest of the place, what is read there, and the channel")
    sealed = models.BinaryField()
    staff = models.UUIDField()
    at = models.DateTimeField(auto_now_add=True)


class SignedChannel(models.Model):
    """A channel whose sender signs: the secret that both hold, sealed under a key of the keyring, and how the sender writes."""

    personal_data: ClassVar[str] = "none"

    channel = models.PositiveSmallIntegerField(primary_key=True)
    sealed = models.BinaryField(null=True)
    settings = models.JSONField(
        default=dict, help_text="of a generic webhook: its signature, and its mapping to our fields"
    )
    at = models.DateTimeField(auto_now=True)


class ChannelTerms(models.Model):
    """What holds for everything that a channel sends by itself: its provenance, and how its words become ours."""

    personal_data: ClassVar[str] = "none"

    channel = models.PositiveSmallIntegerField(primary_key=True)
    controller = models.PositiveSmallIntegerField()
    basis = models.CharField(max_length=24)
    notice = models.PositiveSmallIntegerField()
    source = models.SmallIntegerField(null=True, help_text="whom it comes from, if not from the customers")
    residence = models.CharField(max_length=6, default="")
    consents = models.JSONField(default=dict, help_text="a sender's name of a consent to our purpose")
    fields = models.JSONField(default=dict, help_text="a sender's name of a property to our field")
    by = models.UUIDField()
    at = models.DateTimeField(auto_now=True)


class Mailbox(models.Model):
    """Where a channel's mail is fetched from, how far, and what went wrong last; its password sealed as a channel's secret."""

    personal_data: ClassVar[str] = "none"

    channel = models.PositiveSmallIntegerField(primary_key=True)
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField()
    account = models.CharField(max_length=254, help_text="the house's own name at the server")
    folder = models.CharField(max_length=200, default="INBOX")
    sealed = models.BinaryField()
    since = models.DateField(null=True, help_text="mail of before is left alone; none: everything comes")
    marks_seen = models.BooleanField(default=False)
    validity = models.PositiveBigIntegerField(default=0, help_text="UIDVALIDITY of the folder, as last seen")
    last = models.PositiveBigIntegerField(default=0, help_text="the highest UID that was taken")
    pulled_at = models.DateTimeField(null=True)
    failure = models.CharField(max_length=20, blank=True)
