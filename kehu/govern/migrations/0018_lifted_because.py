"""Why somebody lifted a restriction or an objection, and how the person was told before (GDPR 18(3)); whether a hold's reason may be told."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("govern", "0017_young_by_word"),
    ]

    operations = [
        migrations.AddField(
            model_name="stateentry",
            name="lifted_because",
            field=models.BinaryField(help_text="why somebody lifted it, sealed under the subject's key", null=True),
        ),
        migrations.AddField(
            model_name="stateentry",
            name="told",
            field=models.CharField(
                db_default="", default="", help_text="how the person was told before that", max_length=5
            ),
        ),
        migrations.AddField(
            model_name="stateentry",
            name="tellable",
            field=models.BooleanField(
                db_default=False, default=False, help_text="of a hold: whether the person may read its reason"
            ),
        ),
        migrations.AddConstraint(
            model_name="stateentry",
            constraint=models.CheckConstraint(
                condition=models.Q(("told__in", ["", "email", "post", "other"])), name="state_told_known"
            ),
        ),
    ]
