"""Runs of linkage and the review queue."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="LinkageRun",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("everything", models.BooleanField()),
                ("state", models.CharField(default="running", max_length=10)),
                ("started_at", models.DateTimeField(auto_now_add=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("staff", models.UUIDField(help_text="who started it")),
                (
                    "newest",
                    models.UUIDField(help_text="whatever it did not see has a younger id", null=True),
                ),
                ("before", models.PositiveBigIntegerField(help_text="customers", null=True)),
                ("after", models.PositiveBigIntegerField(null=True)),
                (
                    "merged",
                    models.PositiveBigIntegerField(default=0, help_text="customers that were joined to another"),
                ),
                ("review", models.PositiveBigIntegerField(default=0, help_text="proposals open when it ended")),
                (
                    "weights",
                    models.JSONField(
                        default=dict, help_text="controller and kind -> weights learned; no value of any record"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ("running", "done", "failed"))), name="linkage_run_state_known"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Proposal",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("older", models.UUIDField()),
                ("younger", models.UUIDField(db_index=True)),
                (
                    "weight",
                    models.FloatField(help_text="match weight in bits; null where a person undid a merge", null=True),
                ),
                ("state", models.CharField(default="open", max_length=10)),
                ("run", models.UUIDField(null=True)),
                ("found_at", models.DateTimeField(auto_now_add=True)),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by", models.UUIDField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(("state", "open")), fields=["-weight", "id"], name="open_proposals")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("older", "younger"), name="one_proposal_a_pair"),
                    models.CheckConstraint(
                        condition=models.Q(("older__lt", models.F("younger"))), name="proposal_names_the_older_first"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["open", "accepted", "rejected"])), name="proposal_state_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state", "open"),
                            models.Q(("decided_at__isnull", False), ("decided_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="a_decision_names_who_and_when",
                    ),
                ],
            },
        ),
    ]
