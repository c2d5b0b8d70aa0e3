"""Separate consents name their event, recipient, fields and country; channels have statements of their own."""

from django.db import migrations, models

# What policies read of both; null where nobody said anything, so that the row does not grow.
SQL = """
alter table subject_state add column separate jsonb, add column subscriptions jsonb;
comment on column subject_state.separate is
    'separate consents in force: purpose id -> [{id, event, recipient, country, fields, until, version, anchor, guardian}]';
comment on column subject_state.subscriptions is
    'medium:topic -> [status, ground], with the anchor where projected, and what it covers where it stands for another';
create function govern_only_followed() returns trigger language plpgsql as
    $$begin raise exception 'a statement is followed by another, never changed' using errcode = '23514'; end$$;
create trigger subscription_only_followed before update on govern_subscription
    for each row execute function govern_only_followed();
create trigger consent_only_followed before update of subject, purpose, purpose_version, status, kind, at, until, notice, way,
    language, recorded_by, evidence, recorded_at, event, recipient, country, fields, guardian, proof, follows
    on govern_consent for each row execute function govern_only_followed();
"""
UNDO = """
drop trigger consent_only_followed on govern_consent;
drop trigger subscription_only_followed on govern_subscription;
drop function govern_only_followed();
alter table subject_state drop column separate, drop column subscriptions;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("govern", "0005_statements_of_an_import"),
    ]

    operations = [
        migrations.CreateModel(
            name="Subscription",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("subject", models.UUIDField(db_index=True)),
                ("medium", models.CharField(max_length=12)),
                ("topic", models.CharField(max_length=40)),
                ("status", models.CharField(max_length=12)),
                ("ground", models.CharField(blank=True, max_length=12)),
                ("at", models.DateTimeField()),
                ("way", models.CharField(max_length=40)),
                ("language", models.CharField(blank=True, max_length=8)),
                ("notice", models.PositiveSmallIntegerField(null=True)),
                ("evidence", models.BinaryField(help_text="sealed under the subject's key", null=True)),
                ("proof", models.CharField(blank=True, max_length=20)),
                ("recorded_by", models.UUIDField()),
                ("recorded_at", models.DateTimeField()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="consent",
            name="consent_status_known",
        ),
        migrations.AddField(
            model_name="consent",
            name="country",
            field=models.CharField(blank=True, db_default="", max_length=2),
        ),
        migrations.AddField(
            model_name="consent",
            name="event",
            field=models.CharField(blank=True, db_default="", help_text="what a separate consent is to", max_length=12),
        ),
        migrations.AddField(
            model_name="consent",
            name="fields",
            field=models.JSONField(help_text="the fields it covers; null: those its purpose needs", null=True),
        ),
        migrations.AddField(
            model_name="consent",
            name="follows",
            field=models.UUIDField(
                help_text="the statement that this one answers, withdraws or invalidates", null=True
            ),
        ),
        migrations.AddField(
            model_name="consent",
            name="guardian",
            field=models.CharField(
                blank=True, db_default="", help_text="what a guardian is to the child", max_length=20
            ),
        ),
        migrations.AddField(
            model_name="consent",
            name="proof",
            field=models.CharField(blank=True, db_default="", help_text="kind of the evidence kept", max_length=20),
        ),
        migrations.AddField(
            model_name="consent",
            name="recipient",
            field=models.CharField(
                blank=True, db_default="", help_text="named: a company, never a person", max_length=120
            ),
        ),
        migrations.AddConstraint(
            model_name="consent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status__in", ["given", "refused", "withdrawn", "unknown", "invalid", "requested"])
                ),
                name="consent_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="consent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("country", ""), ("event", ""), ("fields__isnull", True), ("recipient", "")),
                    models.Q(
                        ("event__in", ["sensitive", "provide", "publish", "abroad", "public-space"]),
                        ("kind", "specific"),
                    ),
                    _connector="OR",
                ),
                name="consent_event_known_and_asked_alone",
            ),
        ),
        migrations.AddConstraint(
            model_name="consent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("event__in", ["provide", "abroad"]), _negated=True),
                    models.Q(("recipient", ""), _negated=True),
                    _connector="OR",
                ),
                name="consent_names_its_recipient",
            ),
        ),
        migrations.AddConstraint(
            model_name="consent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("event", "abroad"), _negated=True),
                    models.Q(("country", ""), _negated=True),
                    _connector="OR",
                ),
                name="consent_abroad_names_country",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["subscribed", "unsubscribed", "suppressed"])),
                name="subscription_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ground__in", ["consent", "existing", "none"]), ("status", "subscribed")),
                    models.Q(models.Q(("status", "subscribed"), _negated=True), ("ground", "")),
                    _connector="OR",
                ),
                name="subscription_has_a_ground",
            ),
        ),
        migrations.AddConstraint(
            model_name="subscription",
            constraint=models.CheckConstraint(
                condition=models.Q(("way", ""), _negated=True), name="subscription_has_a_way"
            ),
        ),
        migrations.RunSQL(SQL, UNDO),
    ]
