"""The language in which the wording of a consent was shown: part of its proof."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("govern", "0003_residue")]
    operations = [
        migrations.AddField(
            "consent",
            "language",
            models.CharField(blank=True, db_default="", help_text="in which the wording was shown", max_length=8),
        ),
    ]
