"""Which version of a notice a customer said they have seen."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Now


class Migration(migrations.Migration):
    dependencies = [("govern", "0007_register")]
    operations = [
        migrations.CreateModel(
            name="NoticeSeen",
            fields=[
                ("id", models.UUIDField(primary_key=True, serialize=False)),
                ("subject", models.UUIDField()),
                ("notice", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="govern.notice")),
                ("at", models.DateTimeField(db_default=Now())),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("subject", "notice"), name="a_notice_is_seen_once")],
            },
        ),
    ]
