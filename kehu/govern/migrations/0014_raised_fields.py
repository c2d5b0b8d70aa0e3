import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("govern", "0013_channel_trust"),
    ]

    operations = [
        migrations.CreateModel(
            name="RaisedField",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("field", models.CharField(max_length=60)),
                ("level", models.PositiveSmallIntegerField()),
                ("sensitive", models.CharField(blank=True, help_text="what makes level 4", max_length=12)),
                ("finding", models.UUIDField(help_text="what was found in it (classify)")),
                ("by", models.UUIDField()),
                ("since", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_by", models.UUIDField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("ended_at", None)), fields=("field",), name="a_field_is_raised_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("level__in", (3, 4))), name="a_field_is_raised_to_personal_or_sensitive"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("level", 4), ("sensitive__gt", "")),
                            models.Q(("level", 3), ("sensitive", "")),
                            _connector="OR",
                        ),
                        name="level_four_says_what_makes_it",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ended_at", None), ("ended_by", None)),
                            models.Q(("ended_at__isnull", False), ("ended_by__isnull", False)),
                            _connector="OR",
                        ),
                        name="a_raise_ends_by_somebody",
                    ),
                ],
            },
        ),
    ]
