import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Scan",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("state", models.CharField(default="running", max_length=8)),
                ("staff", models.UUIDField(help_text="who started it")),
                ("models_used", models.BooleanField(help_text="names were looked for by models, too")),
                ("started_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("ended_at", models.DateTimeField(null=True)),
                ("total", models.PositiveBigIntegerField(default=0, help_text="customers to be looked at")),
                ("done", models.PositiveBigIntegerField(default=0)),
                ("texts", models.PositiveBigIntegerField(default=0)),
                (
                    "left_out",
                    models.PositiveBigIntegerField(
                        default=0, help_text="customers of whom the gate let no text be read"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["-started_at"], name="classify_scan_newest")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "running")), fields=("state",), name="one_scan_at_a_time"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ("running", "done", "failed"))), name="scan_state_known"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Finding",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("channel", models.PositiveSmallIntegerField()),
                ("field", models.CharField(max_length=60)),
                ("kind", models.CharField(max_length=20)),
                ("level", models.PositiveSmallIntegerField(help_text="proposed")),
                ("texts", models.PositiveBigIntegerField(help_text="looked at in the last scan")),
                ("found", models.PositiveBigIntegerField(help_text="of these, with this kind in them")),
                ("state", models.CharField(default="open", max_length=9)),
                ("reason", models.CharField(blank=True, max_length=9)),
                ("decided_at", models.DateTimeField(null=True)),
                ("decided_by", models.UUIDField(null=True)),
                (
                    "scan",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="findings", to="classify.scan"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Sighting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subject", models.UUIDField(db_index=True)),
                (
                    "finding",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="sightings", to="classify.finding"
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.UniqueConstraint(fields=("channel", "field", "kind"), name="one_finding_of_a_kind"),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.CheckConstraint(
                condition=models.Q(("found__lte", models.F("texts"))), name="no_more_found_than_looked_at"
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("open", "within", "accepted", "dismissed"))),
                name="finding_state_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.CheckConstraint(condition=models.Q(("level__range", (1, 4))), name="finding_level_known"),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ("accepted", "dismissed")), _negated=True),
                    models.Q(("decided_at__isnull", False), ("decided_by__isnull", False)),
                    _connector="OR",
                ),
                name="a_decided_finding_names_who_and_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="finding",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("reason__in", ("expected", "mistaken", "harmless")), ("state", "dismissed")),
                    models.Q(models.Q(("state", "dismissed"), _negated=True), ("reason", "")),
                    _connector="OR",
                ),
                name="a_dismissal_has_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="sighting",
            constraint=models.UniqueConstraint(fields=("finding", "subject"), name="one_sighting_of_a_customer"),
        ),
    ]
